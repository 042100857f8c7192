"""How near is right: what two dtypes allow, which entries are beyond it, and how much of it an error takes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cs231n_lite.evidence import Pair

# Sums that cancel to nothing leave rounding noise, and noise has no relative error: differences up to this are none.
_NOISE = 1e-12


def tolerance(got_dtype: Any, expected_dtype: Any) -> float:
    """Give the relative tolerance that two dtypes allow: that of the coarser one.

    Two right ways to the same float64 (machine epsilon 2e-16) rarely part by more than 1e-10, wrong ones rarely by less
    than 1e-6: 1e-7 lies between. float32 (epsilon 1e-7) gets a thousand times its epsilon, 1e-4, and so does float16,
    which no assignment asks for. Integers and booleans are exact unless a float meets them. What rounding does on each
    question, and what its smallest known mistake does, is measured: docs/strength.md.

    Examples
    --------
    >>> tolerance(np.float32, np.float64), tolerance(np.int64, np.float64), tolerance(np.int64, bool)
    (0.0001, 1e-07, 0.0)
    """
    floats = [dtype for dtype in map(np.dtype, (got_dtype, expected_dtype)) if dtype.kind == "f"]
    if not floats:
        return 0.0
    return 1e-7 if min(dtype.itemsize for dtype in floats) >= 8 else 1e-4


def pair_of(
    got: np.ndarray,
    expected: np.ndarray,
    rtol: float | None = None,
    sizes: Mapping[str, int] | None = None,
    inputs: Mapping[str, Any] | None = None,
    others: Mapping[str, np.ndarray] | None = None,
) -> Pair:
    """Lay an answer beside what was expected of it, for the rules that look for a cause; see `Pair` and `compare`."""
    if has_leading_ones(got.shape, expected.shape):
        got = got.reshape(expected.shape)
    rtol = tolerance(got.dtype, expected.dtype) if rtol is None else rtol
    same = got.shape == expected.shape
    with np.errstate(all="ignore"):
        wrong = wrong_entries(got, expected, rtol) if same else np.ones(expected.shape, bool)
    return Pair(
        got, expected, wrong, min(max(rtol, 1e-7), 1e-4) if same else 1e-4, sizes or {}, inputs or {}, others or {}
    )


def wrong_entries(got: np.ndarray, expected: np.ndarray, rtol: float) -> np.ndarray:
    """Say which entries are wrong, by the rule of `compare`; the shapes are the same."""
    if exactly(got, expected, rtol):
        return np.asarray(got != expected)
    allowed = _allowed(expected.astype(np.float64, copy=False), rtol)
    return np.asarray(
        ~(np.abs(got.astype(np.float64, copy=False) - expected.astype(np.float64, copy=False)) <= allowed)
    )


def share_of_tolerance(got: np.ndarray, expected: np.ndarray, rtol: float | None = None) -> float:
    """Give the largest error as a share of what is allowed: 1 is just right still; the shapes are the same.

    Examples
    --------
    >>> round(share_of_tolerance(np.array([1.0 + 1e-9, 2.0]), np.array([1.0, 2.0])), 5)
    0.00333
    """
    rtol = tolerance(got.dtype, expected.dtype) if rtol is None else rtol
    mine, want = got.astype(np.float64, copy=False), expected.astype(np.float64, copy=False)
    if exactly(got, expected, rtol):
        return 0.0 if np.array_equal(got, expected) else float("inf")
    return float((np.abs(mine - want) / _allowed(want, rtol)).max(initial=0))


def _allowed(want: np.ndarray, rtol: float) -> np.ndarray:
    size = np.abs(want)
    return np.asarray(rtol * size + (rtol * size.max(initial=0) + _NOISE))


def exactly(got: np.ndarray, expected: np.ndarray, rtol: float) -> bool:
    """Whether two arrays are compared without any tolerance: no float among them, and none given."""
    return rtol == 0 and "f" not in got.dtype.kind + expected.dtype.kind


def has_leading_ones(got: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Whether `got` is `expected`, a number or a vector, behind leading axes of one."""
    extra = len(got) - len(expected)
    return extra > 0 and len(expected) <= 1 and 0 not in got and got == (1,) * extra + expected
