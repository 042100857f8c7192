"""Is a gradient right? Ask the function itself, by nudging its input.

`numerical_gradient` estimates, `check_gradient` compares an answer with the estimate and says what is wrong.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cs231n_lite.compare import compare, expect_unchanged


def numerical_gradient(
    f: Callable[[np.ndarray], Any], x: np.ndarray, upstream: Any = 1.0, h: float = 1e-5
) -> np.ndarray:
    """Estimate the gradient of a function by centred differences.

    Nudges each entry of `x` by `h` up and down and sees how far ``f`` moves: two calls of ``f`` an entry, so keep `x`
    small. The nudges are made in `x` itself, so ``f`` may also reach it by another road, such as ``model.params``.

    Parameters
    ----------
    f : callable
        Takes an array shaped like `x`; gives a scalar or an array.
    x : ndarray of float64, any shape
        The point. Left untouched, even if ``f`` raises or writes to it.
    upstream : scalar or ndarray shaped like ``f(x)``
        Gradient of the loss with respect to ``f(x)``.
    h : float
        Half the distance between the two points of each difference, in the units of `x`.

    Returns
    -------
    grad : ndarray of float64, shaped like `x`
        Estimate of d(sum(upstream * f(x))) / dx. Its error is about ``h**2`` for the curve and ``1e-16 * |f| / h`` for
        rounding, so the default is good to about ten digits where ``f`` and its gradient are near one.

    Raises
    ------
    TypeError
        If `x` is not float64: integers swallow the nudge, float32 leaves about three digits. If ``f`` returns None.
    ValueError
        If `h` is not positive, if `x` is read-only or so large that `h` does not move it, or if `upstream` is neither a
        scalar nor shaped like ``f(x)``.

    References
    ----------
    W. H. Press et al., *Numerical Recipes*, 3rd ed., 2007, section 5.7.

    Examples
    --------
    >>> numerical_gradient(lambda x: (x ** 2).sum(), np.array([1.0, -3.0])).round(6)
    array([ 2., -6.])
    """
    _require_point(x, h)
    grad = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        grad[index] = _slope(f, x, upstream, index, -h, h)
    return grad


def relative_error(a: Any, b: Any) -> float:
    """Give the largest relative difference of two arrays, ``|a - b| / (|a| + |b|)``.

    Parameters
    ----------
    a, b : array_like of real numbers, of one shape

    Returns
    -------
    error : float
        Between 0 (equal) and 1 (opposite signs, or one of them zero). Entries that are zero in both are equal. Nan if
        any entry is nan or infinite.

    Raises
    ------
    ValueError
        If the shapes differ, even where they would broadcast.

    Examples
    --------
    >>> relative_error([1.0, 0.0], [1.0, 0.0])
    0.0
    >>> relative_error([1.0, 2.0], [1.0, 2.2]).__round__(4)
    0.0476
    """
    first, second = np.asarray(a, dtype=np.float64) / 2, np.asarray(b, dtype=np.float64) / 2  # halves cannot overflow
    if first.shape != second.shape:
        raise ValueError(
            f"relative_error needs two arrays of one shape, got {first.shape} and {second.shape}. "
            "Reshape one of them; nothing is broadcast here."
        )
    with np.errstate(invalid="ignore"):
        size = np.maximum(np.abs(first) + np.abs(second), np.finfo(np.float64).tiny)
        return float((np.abs(first - second) / size).max(initial=0.0))


def check_gradient(
    f: Callable[[np.ndarray], Any],
    x: np.ndarray,
    grad: Any,
    *,
    name: str = "gradient",
    upstream: Any = 1.0,
    h: float = 1e-5,
    rtol: float = 1e-6,
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Raise AssertionError, in words, unless `grad` is the gradient of ``f`` at `x`.

    The judge is `numerical_gradient`. Where ``f`` has a kink within `h`, as ReLU has at 0, it has no one gradient:
    there the slopes to the left and right disagree, and keep disagreeing as the nudge shrinks. An entry whose error is
    no larger than that disagreement is not counted as wrong.

    Parameters
    ----------
    f, x, upstream, h
        As for `numerical_gradient`.
    grad : ndarray, shaped like `x`
        The gradient to check, of ``sum(upstream * f(x))``.
    name : str
        What the message calls it, such as ``"affine_backward, dx"``.
    rtol : float
        Relative tolerance; see `cs231n_lite.compare.compare`. Rounding noise of the estimate is allowed for.
    sizes : mapping from str to int, optional
        Sizes a constant factor may equal, such as ``{"N": 50}``.

    Raises
    ------
    AssertionError
        If `grad` differs from the estimate, or ``f`` changes `x`; the message names the likely cause.
    TypeError, ValueError
        As for `numerical_gradient`.

    Examples
    --------
    >>> x = np.array([1.0, -3.0])
    >>> check_gradient(lambda x: (x ** 2).sum(), x, 2 * x)
    >>> check_gradient(lambda x: (x ** 2).sum(), x, -2 * x, name="square, dx")
    Traceback (most recent call last):
    AssertionError: square, dx: 2 of 2 entries differ from the numerical gradient (rtol 1e-06); worst at [1]: yours 6,
    expected -6. Every entry has the opposite sign: a minus is missing or one too many.
    """
    estimate = numerical_gradient(f, x, upstream, h)
    if not np.isfinite(estimate).all():
        raise AssertionError(
            f"{name}: a finite function is asked, got a numerical gradient with {(~np.isfinite(estimate)).sum()} of "
            f"{x.size} entries nan or infinite. Check the forward pass first."
        )
    before = x.copy()
    try:
        out = np.array(f(x), dtype=np.float64)
        expect_unchanged(name, {"x": before}, {"x": x})
    finally:
        x[...] = before
    mismatch = compare(name, grad, estimate, rtol=rtol, sizes=sizes, against="the numerical gradient")
    if mismatch is None:
        return
    if mismatch.kind != "values" or np.shape(grad) != x.shape:
        raise AssertionError(str(mismatch))

    error = np.abs(grad - estimate)
    noise = 8 * np.finfo(np.float64).eps * np.abs(upstream * out).sum() / h
    wrong = error > noise + rtol * np.abs(estimate)
    kinks = np.zeros(x.shape, dtype=bool)
    for index in np.ndindex(x.shape):
        kinks[index] = wrong[index] and _has_kink(f, x, upstream, index, h, error[index])
    judged = np.where(wrong & ~kinks, grad, estimate)
    again = compare(name, judged, estimate, rtol=rtol, sizes=sizes, against="the numerical gradient")
    if again and kinks.any():
        left_out = f"{kinks.sum()} of {x.size} entries at a likely kink, where the slopes to the left and right differ"
        raise AssertionError(f"{again} Not counted: {left_out}.")
    if again:
        raise AssertionError(str(mismatch))


def _require_point(x: Any, h: float) -> None:
    """Refuse a point that cannot be nudged by `h`."""
    if not isinstance(x, np.ndarray):
        raise TypeError(
            f"numerical_gradient needs a float64 array, got {type(x).__name__}. Pass np.array(x, dtype=np.float64)."
        )
    if x.dtype != np.float64:
        raise TypeError(
            f"numerical_gradient needs float64, got {x.dtype} of shape {x.shape}. "
            f"A nudge of {h} is too small for {x.dtype}; pass x.astype(np.float64)."
        )
    if not 0 < h < np.inf:
        raise ValueError(f"The h parameter of numerical_gradient must be a positive number. Got {h} instead.")
    if not x.flags.writeable:
        raise ValueError(
            f"numerical_gradient needs an array it may nudge, got a read-only one of shape {x.shape}. Pass x.copy()."
        )
    if (x + h == x - h).any():
        raise ValueError(
            f"numerical_gradient needs entries that a nudge of {h} moves, got one of size {np.abs(x).max():.3g}. "
            "Pass a larger h or a smaller x."
        )


def _value(f: Callable[[np.ndarray], Any], x: np.ndarray, index: tuple[int, ...], entry: float) -> np.ndarray:
    """Call ``f`` with one entry of `x` replaced; put `x` back whatever ``f`` does."""
    original = x.copy()
    x[index] = entry
    try:
        out = f(x)
        if out is None:
            raise TypeError(
                "numerical_gradient needs an f that gives a number or an array, got None. Is there a return statement?"
            )
        return np.array(out, dtype=np.float64)  # a copy: f may give x itself
    finally:
        x[...] = original


def _slope(
    f: Callable[[np.ndarray], Any], x: np.ndarray, upstream: Any, index: tuple[int, ...], low: float, high: float
) -> float:
    """Slope of ``sum(upstream * f(x))`` between two nudges of one entry."""
    left, right = x[index] + low, x[index] + high
    rise = _value(f, x, index, right) - _value(f, x, index, left)
    if np.ndim(upstream) and np.shape(upstream) != rise.shape:
        raise ValueError(
            f"numerical_gradient needs an upstream that is a scalar or shaped like f(x), {rise.shape}, "
            f"got shape {np.shape(upstream)}. Pass the gradient of the loss with respect to f(x)."
        )
    return float((upstream * rise).sum() / (right - left))  # the distance there is, after rounding


def _has_kink(
    f: Callable[[np.ndarray], Any], x: np.ndarray, upstream: Any, index: tuple[int, ...], h: float, error: float
) -> bool:
    """Whether the slopes to the left and right disagree by `error` or more, and not as those of a smooth curve do.

    The two slopes of a smooth curve draw ten times closer together when the nudge is ten times smaller.
    """
    wide, narrow = (
        abs(_slope(f, x, upstream, index, 0.0, step) - _slope(f, x, upstream, index, -step, 0.0))
        for step in (h, h / 10)
    )
    return error <= wide and not 0.05 * wide < narrow < 0.2 * wide
