"""Arrays against arrays: a match, or a mismatch in words with a likely cause.

The same judge serves the visible checks of a notebook (`expect`, which raises) and the grader (`compare`, which
returns). Shapes are compared before values; a cause is named only when the numbers support it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

# Sums that cancel to nothing leave rounding noise, and noise has no relative error: differences up to this are none.
_NOISE = 1e-12


@dataclass(frozen=True)
class Mismatch:
    """One thing that is not as asked.

    Attributes
    ----------
    name : str
        Question and output, such as ``"affine_backward, dx"``.
    kind : str
        One of ``"type"``, ``"shape"``, ``"dtype"``, ``"nan"``, ``"values"``, ``"changed"``.
    fact, secret_fact : str
        What differs, with and without values and places.
    cause : str or None
        The likely cause, in whole sentences; None where the numbers support none.

    Examples
    --------
    >>> print(Mismatch("relu_forward, out", "type", "is None", "is None", "Is there a return statement?"))
    relu_forward, out: is None. Is there a return statement?
    """

    name: str
    kind: str
    fact: str
    secret_fact: str
    cause: str | None

    def text(self, secret: bool = False) -> str:
        """Say it in words: "name: fact. Cause."; with `secret`, without values and places."""
        fact = self.secret_fact if secret else self.fact
        return f"{self.name}: {fact}." + (f" {self.cause}" if self.cause else "")

    __str__ = text


def tolerance(got_dtype: Any, expected_dtype: Any) -> float:
    """Give the relative tolerance that two dtypes allow: that of the coarser one.

    Two right ways to the same float64 (machine epsilon 2e-16) rarely part by more than 1e-10, wrong ones rarely by less
    than 1e-6: 1e-7 lies between. float32 (epsilon 1e-7) gets a thousand times its epsilon, 1e-4, and so does float16,
    which no assignment asks for. Integers and booleans are exact unless a float meets them.

    Examples
    --------
    >>> tolerance(np.float32, np.float64), tolerance(np.int64, np.float64), tolerance(np.int64, bool)
    (0.0001, 1e-07, 0.0)
    """
    floats = [dtype for dtype in map(np.dtype, (got_dtype, expected_dtype)) if dtype.kind == "f"]
    if not floats:
        return 0.0
    return 1e-7 if min(dtype.itemsize for dtype in floats) >= 8 else 1e-4


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
    the batch twice.
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
        if _has_leading_ones(got.shape, expected.shape):
            got = got.reshape(expected.shape)
        if got.shape != expected.shape:
            fact = f"has shape {got.shape} where {asked} is asked"
            return Mismatch(name, "shape", fact, fact, _cause_of_shape(_float64(got), _float64(expected)))
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
    if not _has_leading_ones(np.shape(got), np.shape(expected)):
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
            places = _bytes(new) != _bytes(old)
            first = int(places.any(axis=1).argmax())
            count = f"{int(places.any(axis=1).sum())} of {old.size} entries"
            was, now = _show_apart(old.flat[first], new.flat[first])
            detail = f"{count}; first{_at(first, old.shape)}: {was} became {now}"
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


def pattern_over_cases(cases: Sequence[tuple[Mapping[str, int], bool]]) -> str | None:
    """Say what the cases that passed have in common, and the failed ones have not; or the other way round.

    Parameters
    ----------
    cases : sequence of (mapping from str to int, bool)
        The sizes of each case, and whether it passed.

    Returns
    -------
    pattern : str or None
        None unless it fits every case, with at least one of the named kind and two of the other.

    Examples
    --------
    >>> pattern_over_cases([({"N": 1, "D": 4}, True), ({"N": 3, "D": 5}, False), ({"N": 2, "D": 4}, False)])
    'right only for a batch of one'
    >>> pattern_over_cases([({"H": 4, "W": 4}, True), ({"H": 3, "W": 5}, False), ({"H": 6, "W": 5}, False)])
    'right only when H = W'
    """
    passed = [ok for _, ok in cases]
    for word, named in (("right", passed), ("wrong", [not ok for ok in passed])):
        if sum(named) < 1 or len(named) - sum(named) < 2:
            continue
        keys = [key for key in cases[0][0] if all(key in sizes for sizes, _ in cases)]
        fits = [f"{k} = {v}" for k in keys for v in (0, 1) if [sizes[k] == v for sizes, _ in cases] == named]
        fits = fits or [
            f"{a} = {b}" for a, b in combinations(keys, 2) if [sizes[a] == sizes[b] for sizes, _ in cases] == named
        ]
        if fits:
            return f"{word} only for a batch of one" if fits == ["N = 1"] else f"{word} only when {' and '.join(fits)}"
    return None


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


def _has_leading_ones(got: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Whether `got` is `expected`, a number or a vector, behind leading axes of one."""
    extra = len(got) - len(expected)
    return extra > 0 and len(expected) <= 1 and 0 not in got and got == (1,) * extra + expected


def _float64(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64, copy=False)


def _bytes(array: np.ndarray) -> np.ndarray:
    """One row of bytes an entry."""
    return np.frombuffer(array.tobytes(), np.uint8).reshape(array.size, -1)


def _at(position: int, shape: tuple[int, ...]) -> str:
    return f" at {[int(i) for i in np.unravel_index(position, shape)]}" if shape else ""


def _show_apart(a: Any, b: Any) -> tuple[str, str]:
    """Print two numbers shortly, yet with digits enough to tell them apart."""
    short = tuple(f"{x:.6g}" if x.dtype.kind in "fc" else str(x) for x in (a, b))
    return (short[0], short[1]) if short[0] != short[1] else (str(a), str(b))


def _same(a: np.ndarray, b: np.ndarray, rtol: float = 1e-4) -> bool:
    """Whether `a` is a `b` that is not all zero, which would prove nothing."""
    scale = np.abs(b).max(initial=0)
    return a.shape == b.shape and scale > 0 and bool(np.abs(a - b).max() <= rtol * scale)


def _cause_of_shape(got: np.ndarray, want: np.ndarray) -> str | None:
    if not got.size:
        return None
    if got.size == want.size and _same(got.reshape(want.shape), want):
        return f"The values are right: reshape it to {want.shape}."
    if got.ndim > 1 and got.shape == want.shape[::-1]:
        values = "Its transpose has the right values" if _same(got.T, want) else "That is the shape of the transpose"
        return f"{values}: transpose it, or swap the operands."
    if want.ndim < got.ndim <= 6:  # more axes than any layer has would be many sums
        for axes in combinations(range(got.ndim), got.ndim - want.ndim):
            where = "the batch (axis 0)" if axes == (0,) else f"axis {', '.join(map(str, axes))}"
            if _same(got.sum(axis=axes), want):
                return f"Its sum over {where} has the right values: the sum is missing."
            if _same(got.mean(axis=axes), want):
                return f"Its mean over {where} has the right values: the mean is missing."
    return None


def _not_finite(name: str, got: np.ndarray) -> Mismatch:
    bad = ~np.isfinite(got)
    what = "nan" if np.isnan(got[bad]).all() else "nan or infinite" if np.isnan(got).any() else "infinite"
    count = f"{bad.sum()} of {got.size} entries are" if got.ndim else "is"
    fact = f"{count} {what} where finite numbers are expected"
    # A softmax whose exp overflows leaves inf / inf = nan and, beside it in the row, x / inf = 0 - and nothing else.
    rows = np.atleast_1d(bad).any(axis=-1)
    cause = None
    if not np.isneginf(got).any() and np.atleast_1d(bad | (got == 0))[rows].all():
        cause = "If exp is used here, it likely overflows (exp of 1000 is infinite): subtract the maximum first."
    return Mismatch(name, "nan", fact, fact, cause)


def _values(
    name: str, got: np.ndarray, expected: np.ndarray, rtol: float | None, sizes: Mapping[str, int], against: str
) -> Mismatch | None:
    rtol = tolerance(got.dtype, expected.dtype) if rtol is None else rtol
    mine, want = _float64(got), _float64(expected)
    error, size = np.abs(mine - want), np.abs(want)
    exact = rtol == 0 and "f" not in got.dtype.kind + expected.dtype.kind
    bad = got != expected if exact else error > rtol * size + (rtol * size.max(initial=0) + _NOISE)
    if not bad.any():
        return None
    worst = int(np.where(bad, error, -1).argmax())
    yours, theirs = _show_apart(got.flat[worst], expected.flat[worst])
    how = "compared exactly" if exact else f"rtol {rtol:.3g}"
    count = f"{bad.sum()} of {bad.size} entries differ from {against} ({how})" if bad.ndim else ""
    fact = f"{count}; worst{_at(worst, got.shape)}: yours {yours}, expected {theirs}" if count else ""
    alone = f"differs from {against.removesuffix('s')} ({how})"
    cause = _cause_of_values(got, expected, bad, min(max(rtol, 1e-7), 1e-4), sizes)
    return Mismatch(name, "values", fact or f"{alone}: yours {yours}, expected {theirs}", count or alone, cause)


def _cause_of_values(
    got: np.ndarray, expected: np.ndarray, bad: np.ndarray, close: float, sizes: Mapping[str, int]
) -> str | None:
    """Try each explanation; the first that accounts for every entry, to `close`, wins."""
    mine, want = _float64(got), _float64(expected)
    scale = np.abs(want).max()
    if _same(mine, want, close):
        return None  # wrong only by a stricter rule: nothing coarse to explain
    if want.size > 1 and not mine.any():
        return "Every entry is 0: are these still the initial zeros?"
    if got.dtype.kind in "iu" and expected.dtype.kind == "f" and np.array_equal(mine, np.trunc(want)):
        return "These are the expected values cut to integers: an integer array cannot hold fractions."
    if expected.dtype.kind == "f" and scale > 0 and (cause := _cause_of_factor(mine, want, close, sizes)):
        return cause
    for axes in combinations(range(want.ndim), 2):
        if _same(mine.swapaxes(*axes), want, close) and np.unique(want).size > 2:
            return "It is the transpose of the expected one." if want.ndim == 2 else f"Axes {axes} are swapped."
    for axis in range(want.ndim):
        if _same(np.flip(mine, axis), want, close) and np.unique(want).size > 2:
            return f"The right values run backwards along axis {axis}."
    shift = (mine - want).mean()
    if np.ptp(want) > 1e-3 * scale and np.abs(mine - want - shift).max() <= min(close * scale, 1e-3 * abs(shift)):
        return f"Every entry is {abs(shift):.6g} {'more' if shift > 0 else 'less'} than the expected one."
    if 10 * bad.sum() <= bad.size:
        return "The other entries are right: look for a special case, such as an edge, a tie or a zero."
    return None


def _cause_of_factor(mine: np.ndarray, want: np.ndarray, close: float, sizes: Mapping[str, int]) -> str | None:
    """Name the factor common to all entries; a single number, or equal ones, prove it only if it is a known one."""
    peak, scale = np.abs(want).argmax(), np.abs(want).max()
    factor = mine.flat[peak] / want.flat[peak]
    if np.abs(mine - factor * want).max() > close * abs(factor) * scale or abs(factor - 1) < 100 * close:
        return None
    proven = np.ptp(want[want != 0]) > 1e-3 * scale
    if abs(factor + 1) < close:
        minus = "a minus is missing or one too many"
        return (
            f"Every entry has the opposite sign: {minus}." if proven else f"It has the opposite sign: perhaps {minus}."
        )
    known = [(2.0, "", "a 2 too many or a 0.5 forgotten"), (0.5, "", "a 0.5 too many or a 2 forgotten")]
    for key, n in sizes.items():
        if n > 1 and key == "N":
            known.append((1 / n, f"1/N for this batch of {n}", "averaged over the batch twice"))
            known.append((n, f"N for this batch of {n}", "a sum over the batch where the mean is asked"))
            known.append((n / (n - 1), f"N/(N-1) for this batch of {n}", "divided by N-1 where N is asked"))
        elif n > 1:
            known.append((1 / n, f"1/{key}", f"divided by {key} once too often"))
            known.append((n, f"{key}", f"a division by {key} is missing, or a factor {key} too many"))
    fits = [(quantity, meaning) for value, quantity, meaning in known if abs(factor / value - 1) < close]
    if not (proven or fits):
        return None
    told = f"{'Every entry' if proven else 'It'} is {factor:.6g} times the expected one"
    if len(fits) != 1:  # where several known factors fit, the numbers cannot tell which
        return told + (
            f", which is {' or '.join(quantity or 'a constant' for quantity, _ in fits)} here." if fits else "."
        )
    quantity, meaning = fits[0]
    return (
        told + (f", and {factor:.6g} = {quantity}" if quantity else "") + f": {'' if proven else 'perhaps '}{meaning}."
    )
