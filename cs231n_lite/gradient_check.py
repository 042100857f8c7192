"""Is a gradient right? Ask the function itself, by nudging its input.

`numerical_gradient` estimates, `check_gradient` compares an answer with the estimate and says what is wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from cs231n_lite.compare import changed, compare
from cs231n_lite.slopes import has_kink, require_point, slope
from cs231n_lite.tolerances import wrong_entries


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
    require_point(x, h)
    grad = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        grad[index] = slope(f, x, upstream, index, -h, h)
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
    if finding := examine(f, x, grad, name=name, upstream=upstream, h=h, rtol=rtol, sizes=sizes):
        raise AssertionError(finding.text)


@dataclass(frozen=True, eq=False)
class Finding:
    """What is wrong with a gradient.

    Attributes
    ----------
    text : str
        All of it, for people to read.
    cause : str or None
        The likely cause alone.
    wrong : ndarray of bool, shaped like the point, or None
        Which entries are wrong; None where the answer is no gradient at all, such as one of the wrong shape.
    estimate : ndarray or None
        The numerical gradient; None where the function has none.
    kinks : str
        How many entries were not counted because they are at a kink, in words.
    """

    text: str
    cause: str | None = None
    wrong: np.ndarray | None = None
    estimate: np.ndarray | None = None
    kinks: str = ""


def examine(
    f: Callable[[np.ndarray], Any],
    x: np.ndarray,
    grad: Any,
    *,
    name: str = "gradient",
    upstream: Any = 1.0,
    h: float = 1e-5,
    rtol: float = 1e-6,
    sizes: Mapping[str, int] | None = None,
) -> Finding | None:
    """Do what `check_gradient` does, and give what it would raise; None where all is right.

    Examples
    --------
    >>> x = np.array([1.2, -3.0])
    >>> examine(lambda x: (x ** 2).sum(), x, np.array([2.4, 6.0])).wrong
    array([False,  True])
    """
    estimate = numerical_gradient(f, x, upstream, h)
    if not np.isfinite(estimate).all():
        return Finding(
            f"{name}: a finite function is asked, got a numerical gradient with {(~np.isfinite(estimate)).sum()} of "
            f"{x.size} entries nan or infinite. Check the forward pass first."
        )
    before = x.copy()
    try:
        out = np.array(f(x), dtype=np.float64)
        if mismatch := changed(name, {"x": before}, {"x": x}):
            return Finding(str(mismatch))
    finally:
        x[...] = before
    told = partial(compare, name, rtol=rtol, sizes=sizes, against="the numerical gradient")
    mismatch = told(grad, estimate)
    if mismatch is None:
        return None
    if mismatch.kind != "values" or np.shape(grad) != x.shape:
        return Finding(str(mismatch), mismatch.cause, estimate=estimate)

    error = np.abs(grad - estimate)
    noise = 8 * np.finfo(np.float64).eps * np.abs(upstream * out).sum() / h
    wrong = np.asarray(error > noise + rtol * np.abs(estimate))
    kinks = np.zeros(x.shape, dtype=bool)
    for index in np.ndindex(x.shape):
        kinks[index] = wrong[index] and has_kink(f, x, upstream, index, h, error[index])
    again = told(np.where(wrong & ~kinks, grad, estimate), estimate)
    if again is None:
        return None
    wrong = wrong & ~kinks & wrong_entries(np.asarray(grad), estimate, rtol)
    if not kinks.any():
        return Finding(str(mismatch), mismatch.cause, wrong, estimate)
    if again.cause is None and wrong.sum() > 2 and (others := told(grad[~kinks], estimate[~kinks])):
        again = replace(again, cause=others.cause)  # a factor, say, holds where there is a gradient
    left_out = f"{kinks.sum()} of {x.size} entries at a likely kink, where the slopes to the left and right differ"
    note = f"Not counted: {left_out}."
    return Finding(f"{again} {note}", again.cause, wrong, estimate, note)
