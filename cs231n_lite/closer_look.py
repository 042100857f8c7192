"""Which entries of a gradient are wrong, and why: some of them, nudged one by one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cs231n_lite.directions import Point, descend
from cs231n_lite.gradient_check import examine
from cs231n_lite.mismatch import Mismatch, told_apart
from cs231n_lite.tolerances import tolerance

SMALL = 512  # so many entries are all nudged one by one where a parameter needs a closer look ...
ENTRIES = 144  # ... and about so many of a larger one


@dataclass(frozen=True)
class Fault:
    """One parameter whose gradient is wrong: its name, a wrong entry where one was found, and all of it in words."""

    parameter: str
    entry: tuple[int, ...] | None
    text: str


def no_gradient(
    point: Point, name: str, grads: Mapping[str, Any], mismatch: Mismatch, sizes: Mapping[str, int] | None = None
) -> Fault:
    """Tell what is no gradient at all: missing, no array, of the wrong shape, not finite."""
    if name not in grads:
        there = ", ".join(map(str, grads)) or "nothing"
        return Fault(
            name, None, f"{mismatch.name}: is missing; the gradients hold {there}. Give one for each parameter."
        )
    here = point.start[name].copy()
    if mismatch.kind == "shape" and here.size <= SMALL:
        finding = examine(_entries(point, name), here, grads[name], name=mismatch.name, sizes=sizes)
        return Fault(name, None, finding.text if finding else str(mismatch))
    return Fault(name, None, str(mismatch))


def closer_look(
    point: Point,
    name: str,
    grad: np.ndarray,
    label: str,
    sizes: Mapping[str, int] | None = None,
    worst: np.ndarray | None = None,
) -> Fault | None:
    """Nudge one by one the entries of a small parameter, or those in some rows and columns of a large one.

    Parameters
    ----------
    point : Point
    name : str
        The parameter.
    grad : ndarray, shaped like it
        Its gradient, as claimed.
    label : str
        What the message calls it.
    sizes : mapping from str to int, optional
        Sizes a constant factor may equal.
    worst : ndarray, shaped like `grad`, optional
        A direction along which the loss moves otherwise than the gradient says: one of the rows and columns is then
        that of an entry found by following it.

    Returns
    -------
    fault : Fault or None
        None where all entries tried are right.
    """
    entry = descend(point, name, grad, worst) if worst is not None and grad.size > SMALL else ()
    picks = _picks(grad.shape, entry)
    grid = np.ix_(*picks) if picks else ...
    here, mine = point.start[name][grid].copy(), grad[grid]
    rtol = max(1e-6, tolerance(grad.dtype, np.float64))
    finding = examine(_entries(point, name, grid), here, mine, name=label, rtol=rtol, sizes=sizes)
    if finding is None:
        return None
    if finding.wrong is None or finding.estimate is None:
        return Fault(name, None, finding.text)
    at = np.unravel_index(int(np.where(finding.wrong, np.abs(mine - finding.estimate), -1).argmax()), mine.shape)
    place = tuple(int(pick[i]) for pick, i in zip(picks, at, strict=True))
    term = None if finding.cause else _own_term(name, mine - finding.estimate, here)
    if mine.size == grad.size:
        return Fault(name, place, f"{finding.text} {term or ''}".strip())
    yours, theirs = told_apart(mine[at], finding.estimate[at])
    fact = f"{finding.wrong.sum()} of {mine.size} entries tried, of {grad.size:,}, differ from the numerical gradient"
    cause = " ".join(said for said in (_only_at(finding.wrong, picks), finding.cause, term, finding.kinks) if said)
    return Fault(
        name, place, f"{label}: {fact}; worst at {list(place)}: yours {yours}, expected {theirs}. {cause}".strip()
    )


def _picks(shape: tuple[int, ...], entry: tuple[int, ...]) -> list[np.ndarray]:
    """Choose which places of each axis to try, those of `entry` among them; alike for axes of one length."""
    if np.prod(shape) <= SMALL:
        return [np.arange(n) for n in shape]
    rng, several = np.random.default_rng(0), int(ENTRIES ** (1 / len(shape)))
    picks = {n: rng.permutation(n)[:several] for n in shape}
    for n, i in zip(shape, entry, strict=False):
        picks[n] = np.union1d(picks[n], i)
    return [np.sort(picks[n]) for n in shape]


def _only_at(wrong: np.ndarray, picks: list[np.ndarray]) -> str:
    """Say that the wrong entries are just those at one place of an axis."""
    for axis, pick in enumerate(picks):
        by_place = np.moveaxis(wrong, axis, 0).reshape(len(pick), -1)
        if len(pick) > 1 and by_place.shape[1] > 1 and by_place.any(axis=1).sum() == 1 and by_place.all(axis=1).any():
            return (
                f"Wrong at index {pick[by_place.all(axis=1).argmax()]} of axis {axis}, all along, and right elsewhere."
            )
    return ""


def _entries(point: Point, name: str, grid: Any = ...) -> Callable[[np.ndarray], float]:
    """Make the loss a function of some entries of one parameter."""

    def loss(entries: np.ndarray) -> float:
        moved = point.start[name].copy()
        moved[grid] = entries
        return point.loss({name: moved})

    return loss


def _own_term(name: str, error: np.ndarray, here: np.ndarray) -> str | None:
    """Tell an error that is a multiple of the parameter itself: the slope of a penalty on its squares."""
    square, size = float((here * here).sum()), np.abs(error).max(initial=0)
    times = float((error * here).sum()) / square if square else 0.0
    if error.size < 2 or np.abs(error - times * here).max() > 1e-4 * size:
        return None
    return f"The term `{abs(times):.4g} * {name}` is {'missing' if times < 0 else 'one too many'}."
