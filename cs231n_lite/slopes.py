"""How steep a function is at one entry of its input: a nudge up, a nudge down, and whether the two sides agree."""

from collections.abc import Callable
from typing import Any

import numpy as np


def require_point(x: Any, h: float, caller: str = "numerical_gradient") -> None:
    """Refuse a point that cannot be nudged by `h`."""
    if not isinstance(x, np.ndarray):
        raise TypeError(f"{caller} needs a float64 array, got {type(x).__name__}. Pass np.array(x, dtype=np.float64).")
    if x.dtype != np.float64:
        raise TypeError(
            f"{caller} needs float64, got {x.dtype} of shape {x.shape}. "
            f"A nudge of {h} is too small for {x.dtype}; pass x.astype(np.float64)."
        )
    if not 0 < h < np.inf:
        raise ValueError(f"The h parameter of {caller} must be a positive number. Got {h} instead.")
    if not x.flags.writeable:
        raise ValueError(
            f"{caller} needs an array it may nudge, got a read-only one of shape {x.shape}. Pass x.copy()."
        )
    if (x + h == x - h).any():
        raise ValueError(
            f"{caller} needs entries that a nudge of {h} moves, got one of size {np.abs(x).max():.3g}. "
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


def slope(
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


def has_kink(
    f: Callable[[np.ndarray], Any], x: np.ndarray, upstream: Any, index: tuple[int, ...], h: float, error: float
) -> bool:
    """Whether the slopes to the left and right disagree by `error` or more, and not as those of a smooth curve do.

    The two slopes of a smooth curve draw ten times closer together when the nudge is ten times smaller.
    """

    def apart(step: float) -> float:
        return abs(slope(f, x, upstream, index, 0.0, step) - slope(f, x, upstream, index, -step, 0.0))

    wide = apart(h)
    return error <= wide and not 0.05 * wide < apart(h / 10) < 0.2 * wide
