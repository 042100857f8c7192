"""Arrays against arrays: a match, or a mismatch in words with a likely cause.

The same judge serves the visible checks of a notebook (`expect`, which raises) and the grader (`compare`, which
returns). Shapes are compared before values; a cause is named only when the numbers support it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cs231n_lite.causes import VALUE_RULES, cause_of_not_finite, cause_of_shape, pattern_over_cases
from cs231n_lite.evidence import explain
from cs231n_lite.mismatch import Mismatch, place, told_apart
from cs231n_lite.tolerances import exactly, has_leading_ones, pair_of, tolerance, wrong_entries

__all__ = ["Mismatch", "changed", "compare", "expect", "expect_unchanged", "notes", "pattern_over_cases", "tolerance"]


def compare(
    name: str,
    got: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    sizes: Mapping[str, int] | None = None,
    against: str = "the expected values",
) -> Mismatch | None:
    """Compare an answer with the expected one.

    An entry is right when ``|got - expected| <= rtol * (|expected| + max|expected|) + 1e-12``: where large terms
    cancel, the error grows with the terms, not with what is left of them. The last term is for answers that are all
    (nearly) zero; expected arrays wholly below 1e-12 are therefore beyond its reach. Integers are compared exactly.

    Parameters
    ----------
    name : str
        Question and output, for the message.
    got : anything
        The answer. Leading axes of one are forgiven where `expected` has at most one axis; see `notes`.
    expected : array_like of finite numbers, any shape
        What is asked.
    rtol : float, optional
        Relative tolerance; from the dtypes by default (see `tolerance`).
    sizes : mapping from str to int, optional
        Sizes a constant factor may equal, such as ``{"N": 50, "D": 12}``; ``"N"`` is the batch.
    against : str
        What the message calls the expected values.

    Returns
    -------
    mismatch : Mismatch or None
        None where all is right.

    Raises
    ------
    ValueError
        If `expected` holds anything but finite real numbers, or `rtol` is negative.

    Examples
    --------
    >>> print(compare("softmax_loss, dx", [[0.1]], np.array([[5.0]])))
    softmax_loss, dx: is a list of length 1 where an array of shape (1, 1) is asked. Make it an array with np.array.
    >>> dx = np.array([[1.0, -2.0], [3.0, 0.0], [4.0, 0.5]])
    >>> print(compare("softmax_loss, dx", dx / 3, dx, sizes={"N": 3, "C": 2}))
    softmax_loss, dx: 5 of 6 entries differ from the expected values (rtol 1e-07); worst at [2, 0]: yours 1.33333,
    expected 4. Every entry is 0.333333 times the expected one, and 0.333333 = 1/N for this batch of 3: averaged over
    the batch once too often.
    """
    expected = np.asarray(expected)
    if expected.dtype.kind not in "biuf" or not np.isfinite(expected).all():
        raise ValueError("The expected parameter of compare must be finite real numbers. Got others instead.")
    if rtol is not None and not rtol >= 0:
        raise ValueError(f"The rtol parameter of compare must be a number of at least 0. Got {rtol} instead.")
    asked = f"an array of shape {expected.shape}" if expected.ndim else "a number"
    if fault := _not_an_array(got):
        fact = f"is {fault[0]} where {asked} is asked"
        return Mismatch(name, "type", fact, fact, fault[1])
    got = np.asarray(got)
    if got.dtype.kind == "c":
        fact = f"is {got.dtype} where real numbers are asked"
        return Mismatch(name, "dtype", fact, fact, None)
    with np.errstate(all="ignore"):
        if has_leading_ones(got.shape, expected.shape):
            got = got.reshape(expected.shape)
        if got.shape != expected.shape:
            fact = f"has shape {got.shape} where {asked} is asked"
            return Mismatch(name, "shape", fact, fact, explain([pair_of(got, expected)], [cause_of_shape]))
        if not np.isfinite(got).all():
            return _not_finite(name, got)
        return _values(name, got, expected, rtol, sizes or {}, against)


def notes(name: str, got: Any, expected: Any) -> tuple[str, ...]:
    """Tell what is accepted, yet not what the contract says: leading axes of one.

    Examples
    --------
    >>> notes("TwoLayerNet, b1", np.zeros((1, 5)), np.zeros(5))
    ('TwoLayerNet, b1: has shape (1, 5) where (5,) is asked; the values count, the shape is noted.',)
    """
    if not has_leading_ones(np.shape(got), np.shape(expected)):
        return ()
    asked = np.shape(expected) or "a number"
    return (f"{name}: has shape {np.shape(got)} where {asked} is asked; the values count, the shape is noted.",)


def changed(name: str, before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> Mismatch | None:
    """Find arguments that a function changed in place, in shape, dtype or any byte.

    Parameters
    ----------
    name : str
        Question, for the message.
    before, after : mapping from str to ndarray
        Copies of the arguments made before the call, and the arguments after it.

    Returns
    -------
    mismatch : Mismatch or None
        None where every argument is what it was; nan counts as equal to itself.

    Examples
    --------
    >>> x = np.array([-1.0, 2.0])
    >>> print(changed("relu_backward", {"x": x}, {"x": np.array([0.0, 2.0])}))
    relu_backward: changes its argument x in place (1 of 2 entries; first at [0]: -1 became 0). What uses x later, such
    as a second pass through the same cache, then gets wrong numbers. Work on a copy or make a new array, as in
    dx = dout * (x > 0).
    """
    for key, old in before.items():
        new = after.get(key)
        if new is None or new.shape != old.shape or new.dtype != old.dtype:
            count = detail = "replaced by another array" if new is not None else "gone"
        elif new.tobytes() == old.tobytes():
            continue
        else:
            was_bytes, now_bytes = (np.frombuffer(a.tobytes(), np.uint8).reshape(a.size, -1) for a in (old, new))
            places = was_bytes != now_bytes
            first = int(places.any(axis=1).argmax())
            count = f"{int(places.any(axis=1).sum())} of {old.size} entries"
            was, now = told_apart(old.flat[first], new.flat[first])
            detail = f"{count}; first{place(first, old.shape)}: {was} became {now}"
        cause = (
            f"What uses {key} later, such as a second pass through the same cache, then gets wrong numbers. "
            "Work on a copy or make a new array, as in dx = dout * (x > 0)."
        )
        fact = f"changes its argument {key} in place"
        return Mismatch(name, "changed", f"{fact} ({detail})", f"{fact} ({count})", cause)
    return None


def expect(
    name: str, got: Any, expected: Any, *, rtol: float | None = None, sizes: Mapping[str, int] | None = None
) -> None:
    """Raise AssertionError, in words, unless `got` is `expected`; see `compare` for the rules.

    Examples
    --------
    >>> expect("affine_forward, out", np.array([1.0, 2.0]), [1, 2])
    >>> expect("affine_forward, out", None, [1, 2])
    Traceback (most recent call last):
    AssertionError: affine_forward, out: is None where an array of shape (2,) is asked. Is there a return statement?
    """
    if mismatch := compare(name, got, expected, rtol=rtol, sizes=sizes):
        raise AssertionError(str(mismatch))


def expect_unchanged(name: str, before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> None:
    """Raise AssertionError, in words, where a function changed an argument in place; see `changed`.

    Examples
    --------
    >>> x = np.array([-1.0, 2.0])
    >>> before = {"x": x.copy()}
    >>> out = np.maximum(x, 0)
    >>> expect_unchanged("relu_forward", before, {"x": x})
    """
    if mismatch := changed(name, before, after):
        raise AssertionError(str(mismatch))


def _not_an_array(got: Any) -> tuple[str, str | None] | None:
    """Say what `got` is, and why, where it is neither an array of numbers nor a number."""
    if got is None:
        return "None", "Is there a return statement?"
    if isinstance(got, list):
        return f"a list of length {len(got)}", "Make it an array with np.array."
    if isinstance(got, tuple):
        return f"a tuple of length {len(got)}", "Several values came where one is asked."
    if not isinstance(got, np.ndarray | np.generic | float | int | complex):
        return f"of type {type(got).__name__}", None
    dtype = np.asarray(got).dtype
    return None if dtype.kind in "biufc" else (f"of dtype {dtype}", None)


def _not_finite(name: str, got: np.ndarray) -> Mismatch:
    bad = ~np.isfinite(got)
    what = "nan" if np.isnan(got[bad]).all() else "nan or infinite" if np.isnan(got).any() else "infinite"
    count = f"{bad.sum()} of {got.size} entries are" if got.ndim else "is"
    fact = f"{count} {what} where finite numbers are expected"
    return Mismatch(name, "nan", fact, fact, cause_of_not_finite(got))


def _values(
    name: str, got: np.ndarray, expected: np.ndarray, rtol: float | None, sizes: Mapping[str, int], against: str
) -> Mismatch | None:
    rtol = tolerance(got.dtype, expected.dtype) if rtol is None else rtol
    exact = exactly(got, expected, rtol)
    bad = wrong_entries(got, expected, rtol)
    if not bad.any():
        return None
    worst = int(np.where(bad, np.abs(got.astype(np.float64) - expected.astype(np.float64)), -1).argmax())
    yours, theirs = told_apart(got.flat[worst], expected.flat[worst])
    how = "compared exactly" if exact else f"rtol {rtol:.3g}"
    count = f"{bad.sum()} of {bad.size} entries differ from {against} ({how})" if bad.ndim else ""
    fact = f"{count}; worst{place(worst, got.shape)}: yours {yours}, expected {theirs}" if count else ""
    alone = f"differs from {against.removesuffix('s')} ({how})"
    cause = explain([pair_of(got, expected, rtol, sizes)], VALUE_RULES)
    return Mismatch(name, "values", fact or f"{alone}: yours {yours}, expected {theirs}", count or alone, cause)
