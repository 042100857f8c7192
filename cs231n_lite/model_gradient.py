"""Is the gradient of a whole model right? A handful of evaluations of the loss say whether; if not, more say where."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cs231n_lite.closer_look import Fault, closer_look, no_gradient
from cs231n_lite.compare import compare, expect_unchanged
from cs231n_lite.directions import CHANCE, DIRECTIONS, MOST, Loss, Point, look_along
from cs231n_lite.slopes import require_point

DIM = 0.1  # where an error of this share of the gradient might be missed, the directions are no judge


@dataclass(frozen=True, repr=False)
class GradientReport:
    """What `check_gradients` found, in words where it is shown.

    Attributes
    ----------
    faults : tuple of Fault
        What is wrong; empty where nothing is.
    evaluations : int
        Evaluations of the loss for the verdict, at most 20.
    closer : int
        Evaluations besides, to say where.
    entries : int
        How many slopes there are.
    shortest : dict from str to float
        For each parameter, the Euclidean length of an error that would be missed with a chance of one in a million.
    share : float
        The largest of these, as a share of the length of its parameter's gradient.
    dim : tuple of str
        Parameters whose slopes the directions could not show clearly, so that only some entries were tried.
    """

    faults: tuple[Fault, ...]
    evaluations: int
    closer: int
    entries: int
    shortest: Mapping[str, float]
    share: float
    dim: tuple[str, ...]

    def __repr__(self) -> str:
        if self.faults:
            return "\n".join(fault.text for fault in self.faults)
        cost = f"after {self.evaluations} evaluations of the loss"
        if self.dim:
            return (
                f"No error found {cost}; but of {', '.join(self.dim)} only some entries could be tried, one by one, for "
                "here the loss has kinks or is mostly rounding. Check again at another point, such as with random biases."
            )
        rounded_up = 1.05 * self.share
        return (
            f"No error in {self.entries:,} slopes, {cost}. An error longer than {rounded_up:.2g} of its parameter's "
            f"gradient would be missed with a chance below one in {1 / CHANCE:,.0f}, if rounding is what {DIRECTIONS} "
            "random directions show it to be."
        )


def check_gradients(
    loss: Loss,
    params: Mapping[str, np.ndarray],
    grads: Mapping[str, Any],
    *,
    name: str = "",
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> GradientReport:
    """Raise AssertionError, in words, unless `grads` is the gradient of `loss` at `params`.

    Where `check_gradient` nudges one entry after the other, this nudges all of them at once along four random directions:
    17 evaluations of the loss, whatever the size of the model. An error has to be about 5e-5 of the length of its
    parameter's gradient to be found almost surely: 2 % of an ordinary entry, if only one of 200,000 is wrong. The report
    says the exact length, and `cs231n_lite.directions.look_along` where it comes from. If something is wrong, further
    evaluations find the parameter and an entry, and a hundred entries around it show the cause.

    Parameters
    ----------
    loss : callable
        Takes `params`; gives one number. It may also reach them by another road, such as ``model.params``.
    params : mapping from str to ndarray of float64
        The point. Left untouched, even if `loss` raises.
    grads : mapping from str to ndarray
        The gradients to check, by the same names; others are not looked at.
    name : str
        What the message puts before the parameter's name, such as ``"TwoLayerNet"``.
    sizes : mapping from str to int, optional
        Sizes a constant factor may equal, such as ``{"N": 50}``.
    seed : int
        What the directions are drawn from.

    Returns
    -------
    report : GradientReport
        Says in words how many evaluations were made, and which errors might have been missed.

    Raises
    ------
    AssertionError
        If a gradient is missing or wrong, if `loss` changes its parameters or is not finite.
    TypeError, ValueError
        If a parameter is not a float64 array that may be nudged, or `loss` gives anything but one number.

    Examples
    --------
    >>> w, x = {"w": np.array([1.0, -2.0, 3.0])}, np.array([0.5, 1.5, -1.0])
    >>> print(check_gradients(lambda p: (p["w"] * x).sum() ** 2, w, {"w": 2 * (w["w"] * x).sum() * x}))
    No error in 3 slopes, after 17 evaluations of the loss. An error longer than ... of its parameter's gradient would be
    missed with a chance below one in 1,000,000, if rounding is what 4 random directions show it to be.
    >>> check_gradients(lambda p: (p["w"] * x).sum() ** 2, w, {"w": (w["w"] * x).sum() * x})
    Traceback (most recent call last):
    AssertionError: dw: 3 of 3 entries differ from the numerical gradient (rtol 1e-06); worst at [1]: yours -8.25,
    expected -16.5. Every entry is 0.5 times the expected one: a 0.5 too many or a 2 forgotten.
    """
    report = inspect_gradients(loss, params, grads, name=name, sizes=sizes, seed=seed)
    if report.faults:
        raise AssertionError(str(report))
    return report


def inspect_gradients(
    loss: Loss,
    params: Mapping[str, np.ndarray],
    grads: Mapping[str, Any],
    *,
    name: str = "",
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> GradientReport:
    """Do what `check_gradients` does, and give the report in any case."""
    if not isinstance(grads, Mapping):
        kind = type(grads).__name__
        raise AssertionError(f"{name or 'grads'}: gradients by name are asked, got {kind}. Return a dictionary.")
    for array in params.values():
        require_point(array, MOST, "check_gradients")
    label = {k: f"{name}, d{k}" if name else f"d{k}" for k in params}
    point = Point(loss, params)
    if not np.isfinite(point.height):
        asked = f"{name or 'loss'}: a finite loss is asked, got {point.height}."
        raise AssertionError(f"{asked} Check the forward pass first.")
    expect_unchanged(name or "loss", point.start, point.left)

    wanted = {k: array for k, array in point.start.items() if array.size}
    odd = {k: m for k, array in wanted.items() if (m := compare(label[k], grads.get(k), array)) and m.kind != "values"}
    whole = {k: np.asarray(grads[k]).reshape(array.shape) for k, array in wanted.items() if k not in odd}
    sight = look_along(point, whole, seed)
    spent = point.calls

    length = {k: float(np.linalg.norm(grad)) for k, grad in whole.items()}
    share = {k: sight.shortest[k] / (length[k] or max(length.values()) or 1.0) for k in whole}
    dim = tuple(k for k in whole if not share[k] <= DIM)  # not a number is dim, too
    faults = {k: no_gradient(point, k, grads, mismatch, sizes) for k, mismatch in odd.items()}
    for k, grad in whole.items():
        alone = look_along(point, {k: grad}, seed) if sight.wrong else None
        found = bool(alone and alone.wrong)
        if found or k in dim:
            fault = closer_look(point, k, grad, label[k], sizes, alone.worst[k] if alone and found else None)
            if not fault and k not in dim:
                fault = Fault(k, None, _unlocated(label[k]))
            faults |= {k: fault} if fault else {}
    if sight.wrong and not faults and not dim:
        faults[""] = Fault("", None, _unlocated(name or "gradients"))
    told = tuple(faults[k] for k in (*params, "") if k in faults)
    entries = sum(array.size for array in wanted.values())
    worst = max(share.values(), default=0.0)
    return GradientReport(told, spent, point.calls - spent, entries, sight.shortest, worst, dim)


def _unlocated(label: str) -> str:
    return (
        f"{label}: along random directions the loss moves otherwise than this gradient says, yet no entry that was tried "
        "shows it. The error is small, or in few entries: try more of them with check_gradient."
    )
