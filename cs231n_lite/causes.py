"""Why an answer is likely wrong: general rules over the numbers, for any assignment.

A cause is named only where the numbers support it; elsewhere it is None.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from cs231n_lite.evidence import Cause, Pair, Rule, everywhere, first_failing, telling
from cs231n_lite.factors import factor


def cause_of_shape(pairs: Sequence[Pair]) -> Cause | None:
    """Say how the right values came into the wrong shape: not reshaped, transposed, or not summed.

    Examples
    --------
    >>> got, want = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([9.0, 12.0])
    >>> cause_of_shape([Pair(got, want, np.ones(2, bool), 1e-4)])
    'Its sum over the batch (axis 0) has the right values: the sum is missing.'
    """
    first = first_failing(pairs)
    mine, want = first.mine, first.want
    if not mine.size or first.same_shape:
        return None

    def right_after(change: Callable[[np.ndarray], Any]) -> bool:
        return _all_same((change(p.mine), p.want) for p in pairs if p.fails)

    fits = all(p.mine.size == p.want.size for p in pairs if p.fails)
    if fits and _all_same((p.mine.reshape(p.want.shape), p.want) for p in pairs if p.fails):
        return Cause("reshape", f"The values are right: reshape it to {want.shape}.")
    if mine.ndim > 1 and mine.shape == want.shape[::-1]:
        right = right_after(np.transpose)
        values = "Its transpose has the right values" if right else "That is the shape of the transpose"
        return Cause(
            "transpose" if right else "shape of the transpose", f"{values}: transpose it, or swap the operands."
        )
    if want.ndim < mine.ndim <= 6 and all(
        p.mine.ndim == mine.ndim for p in pairs if p.fails
    ):  # more axes than any layer has would be many sums
        for axes in combinations(range(mine.ndim), mine.ndim - want.ndim):
            where = "the batch (axis 0)" if axes == (0,) else f"axis {', '.join(map(str, axes))}"
            if right_after(partial(np.sum, axis=axes)):
                return Cause("sum missing", f"Its sum over {where} has the right values: the sum is missing.")
            if right_after(partial(np.mean, axis=axes)):
                return Cause("mean missing", f"Its mean over {where} has the right values: the mean is missing.")
    return None


OVERFLOW = Cause(
    "overflow",
    "If exp is used here, it likely overflows (exp of 1000 is infinite): subtract the maximum first in a softmax; elsewhere "
    "take exp of negative numbers only.",
)


def cause_of_not_finite(got: np.ndarray) -> Cause | None:
    """Tell an exp that overflowed by what it leaves behind.

    A softmax whose exp overflows has inf / inf = nan and, beside it in the row, x / inf = 0 - and nothing else.

    Parameters
    ----------
    got : ndarray with nan or infinite entries, any shape

    Returns
    -------
    cause : Cause or None

    Examples
    --------
    >>> cause_of_not_finite(np.array([[np.nan, 0.0], [0.25, 0.75]]))
    'If exp is used here, it likely overflows (exp of 1000 is infinite): subtract the maximum first...'
    """
    bad = ~np.isfinite(got)
    rows = np.atleast_1d(bad).any(axis=-1)
    if not np.isneginf(got).any() and np.atleast_1d(bad | (got == 0))[rows].all():
        return OVERFLOW
    return None


# ------------------------------------------------------------------------- the right shape, wrong values


def zeros(pairs: Sequence[Pair]) -> Cause | None:
    """Tell an answer that is 0 everywhere: still what it was initialised to, unless a -0 says that it was computed.

    Examples
    --------
    >>> want = np.array([2.0, -3.0])
    >>> zeros([Pair(np.zeros(2), want, np.ones(2, bool), 1e-7)])
    'Every entry is 0: these are still the initial zeros, or a step of the computation gives 0 every time.'
    >>> zeros([Pair(0 * want, want, np.ones(2, bool), 1e-7)])
    'Every entry is 0: a step of the computation gives 0 every time.'
    """
    several = first_failing(pairs).want.size > 1
    if not several or not everywhere(pairs, lambda pair: np.zeros(pair.want.shape)):
        return None
    computed = any(np.signbit(pair.mine).any() for pair in pairs)
    initial = "" if computed else "these are still the initial zeros, or "
    return Cause("zeros", f"Every entry is 0: {initial}a step of the computation gives 0 every time.")


def integers(pairs: Sequence[Pair]) -> Cause | None:
    """Tell fractions lost to an integer array."""
    first = first_failing(pairs)
    whole = first.got.dtype.kind in "iu" and first.expected.dtype.kind == "f"
    if whole and everywhere(pairs, lambda pair: np.trunc(pair.want)):
        words = "These are the expected values cut to integers: neither an integer array nor // holds fractions."
        return Cause("integers", words)
    return None


def transposed(pairs: Sequence[Pair]) -> Cause | None:
    """Tell exchanged axes of equal length."""
    want = first_failing(pairs).want
    for axes in combinations(range(min(pair.want.ndim for pair in pairs)), 2):
        if np.unique(want).size > 2 and everywhere(pairs, partial(_swapped, axes)):
            words = "It is the transpose of the expected one." if want.ndim == 2 else f"Axes {axes} are swapped."
            return Cause("transpose", words)
    return None


def backwards(pairs: Sequence[Pair]) -> Cause | None:
    """Tell the right values in the opposite order."""
    for axis in range(min(pair.want.ndim for pair in pairs)):
        several = np.unique(first_failing(pairs).want).size > 2
        if several and everywhere(pairs, partial(_flipped, axis)):
            return Cause("backwards", f"The right values run backwards along axis {axis}.")
    return None


def shifted(pairs: Sequence[Pair]) -> Cause | None:
    """Tell a constant added to every entry."""
    first = first_failing(pairs)
    if not first.same_shape:
        return None
    shift = float((first.mine - first.want).mean())
    exactly = min(first.close * first.scale, 1e-3 * abs(shift))
    varied = telling(pairs) if first.want.ndim else sum(pair.fails for pair in pairs) > 1
    if varied and all(
        pair.same_shape and np.abs(pair.mine - pair.want - shift).max(initial=0) <= exactly for pair in pairs
    ):
        more = "more" if shift > 0 else "less"
        what = "Every entry" if first.want.ndim else "It"
        return Cause(f"added {shift:.6g}", f"{what} is {abs(shift):.6g} {more} than the expected one.")
    return None


def special_entries(pairs: Sequence[Pair]) -> Cause | None:
    """Point to a special case where nearly all entries are right, whatever was asked."""
    if all(pair.same_shape and 10 * np.sum(pair.wrong) <= pair.want.size for pair in pairs if pair.fails):
        words = "The other entries are right: look for a special case, such as an edge, a tie or a zero."
        return Cause("special entries", words)
    return None


VALUE_RULES: tuple[Rule, ...] = (integers, zeros, factor, transposed, backwards, shifted, special_entries)


def _swapped(axes: tuple[int, int], pair: Pair) -> np.ndarray:
    return pair.want.swapaxes(*axes)


def _flipped(axis: int, pair: Pair) -> np.ndarray:
    return np.flip(pair.want, axis)


def _all_same(several: Iterable[tuple[np.ndarray, np.ndarray]]) -> bool:
    """Whether each `a` is its `b`, and one of them at least is not all zero, which would prove nothing."""
    proven = False
    for a, b in several:
        scale = np.abs(b).max(initial=0)
        if a.shape != b.shape or np.abs(a - b).max(initial=0) > 1e-4 * scale:
            return False
        proven = proven or scale > 0
    return proven


def pattern_over_cases(cases: Sequence[tuple[Mapping[str, float], bool]]) -> str | None:
    """Say what the cases that passed have in common, and the failed ones have not; or the other way round.

    Parameters
    ----------
    cases : sequence of (mapping from str to number, bool)
        The sizes and settings of each case, and whether it passed.

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
