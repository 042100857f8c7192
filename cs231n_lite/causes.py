"""Why an answer is likely wrong: general rules over the numbers, for any assignment.

A cause is named only where the numbers support it; elsewhere it is None.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np


def cause_of_shape(got: np.ndarray, expected: np.ndarray) -> str | None:
    """Say how the right values came into the wrong shape: not reshaped, transposed, or not summed.

    Parameters
    ----------
    got, expected : ndarray, of different shapes

    Returns
    -------
    cause : str or None

    Examples
    --------
    >>> cause_of_shape(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([9.0, 12.0]))
    'Its sum over the batch (axis 0) has the right values: the sum is missing.'
    """
    mine, want = _float64(got), _float64(expected)
    if not mine.size:
        return None
    if mine.size == want.size and _same(mine.reshape(want.shape), want):
        return f"The values are right: reshape it to {want.shape}."
    if mine.ndim > 1 and mine.shape == want.shape[::-1]:
        values = "Its transpose has the right values" if _same(mine.T, want) else "That is the shape of the transpose"
        return f"{values}: transpose it, or swap the operands."
    if want.ndim < mine.ndim <= 6:  # more axes than any layer has would be many sums
        for axes in combinations(range(mine.ndim), mine.ndim - want.ndim):
            where = "the batch (axis 0)" if axes == (0,) else f"axis {', '.join(map(str, axes))}"
            if _same(mine.sum(axis=axes), want):
                return f"Its sum over {where} has the right values: the sum is missing."
            if _same(mine.mean(axis=axes), want):
                return f"Its mean over {where} has the right values: the mean is missing."
    return None


def cause_of_not_finite(got: np.ndarray) -> str | None:
    """Tell an exp that overflowed by what it leaves behind.

    A softmax whose exp overflows has inf / inf = nan and, beside it in the row, x / inf = 0 - and nothing else.

    Parameters
    ----------
    got : ndarray with nan or infinite entries, any shape

    Returns
    -------
    cause : str or None

    Examples
    --------
    >>> cause_of_not_finite(np.array([[np.nan, 0.0], [0.25, 0.75]]))
    'If exp is used here, it likely overflows (exp of 1000 is infinite): subtract the maximum first.'
    """
    bad = ~np.isfinite(got)
    rows = np.atleast_1d(bad).any(axis=-1)
    if not np.isneginf(got).any() and np.atleast_1d(bad | (got == 0))[rows].all():
        return "If exp is used here, it likely overflows (exp of 1000 is infinite): subtract the maximum first."
    return None


def cause_of_values(
    got: np.ndarray, expected: np.ndarray, bad: np.ndarray, close: float, sizes: Mapping[str, int]
) -> str | None:
    """Try each explanation; the first that accounts for every entry wins.

    Parameters
    ----------
    got, expected : ndarray, of the same shape
    bad : ndarray of bool, of that shape
        Which entries are wrong.
    close : float
        How near an explanation must come, as a share of the largest expected value.
    sizes : mapping from str to int
        Sizes a constant factor may equal; see `cs231n_lite.compare.compare`.

    Returns
    -------
    cause : str or None

    Examples
    --------
    >>> want = np.array([1.0, -2.0, 4.0])
    >>> cause_of_values(want[::-1], want, want[::-1] != want, 1e-7, {})
    'The right values run backwards along axis 0.'
    """
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


def _same(a: np.ndarray, b: np.ndarray, rtol: float = 1e-4) -> bool:
    """Whether `a` is a `b` that is not all zero, which would prove nothing."""
    scale = np.abs(b).max(initial=0)
    return a.shape == b.shape and scale > 0 and bool(np.abs(a - b).max() <= rtol * scale)


def _float64(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64, copy=False)
