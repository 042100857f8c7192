"""All slopes of a model at once: along random directions the loss must move as its gradient says.

Let ``e`` be the error of a gradient, an array as large as the parameters, and ``v`` a direction whose entries are drawn
from a normal distribution. Then ``e . v``, by which the loss moves otherwise than the gradient says, is normal too, with
the length of ``e`` as its standard deviation, wherever the error sits: in one entry or in all of them. One direction
therefore tests a million slopes, and a few leave next to no chance that an error well above the noise stays unseen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from cs231n_lite.tolerances import tolerance

DIRECTIONS = 4  # with the point itself and four nudges along each: 17 evaluations of the loss
CHANCE = 1e-6  # of missing an error as long as `Sight.shortest` says
NUDGE = 1e-8  # how far the loss moves, as a share of itself: rarely over a kink, yet far above rounding
MOST = 1e-5  # how far an entry moves at most, where the gradient is flat

Loss = Callable[[Mapping[str, np.ndarray]], Any]


class Point:
    """Where the parameters stand: the loss around this place, and how often it was asked for.

    Parameters
    ----------
    loss : callable
        Takes the parameters; gives one number. It may also reach them by another road, such as ``model.params``.
    params : mapping from str to ndarray of float64
        Nudged in place, and put back after every call, even if `loss` raises or writes to them.
    """

    def __init__(self, loss: Loss, params: Mapping[str, np.ndarray]) -> None:
        self.ask, self.params, self.calls = loss, params, 0
        self.start = {name: array.copy() for name, array in params.items()}
        self.left = self.start  # what the loss made of the parameters, when first asked
        self.height = self.loss({})

    def loss(self, moved: Mapping[str, np.ndarray]) -> float:
        """Evaluate the loss with some parameters replaced."""
        self.calls += 1
        try:
            for name, array in moved.items():
                self.params[name][...] = array
            out = np.asarray(self.ask(self.params))
            if out.size != 1 or out.dtype.kind not in "biuf":
                raise TypeError(
                    f"check_gradients needs a loss that is one number, got {out.dtype} of shape {out.shape}. "
                    "Pass a function such as lambda _: net.loss(X, y)[0]."
                )
            return float(out.reshape(()))
        finally:
            if self.calls == 1:
                self.left = {name: array.copy() for name, array in self.params.items()}
            for name, array in self.start.items():
                self.params[name][...] = array

    def step(self, name: str, slopes: np.ndarray) -> float:
        """Say how far to nudge the entries of a parameter whose gradient (or the part that is nudged) this is."""
        rounding = 16 * np.finfo(np.float64).eps * np.abs(self.start[name]).max(initial=0)
        length = float(np.linalg.norm(slopes))
        return max(min(NUDGE * max(abs(self.height), 1.0) / length if length else MOST, MOST), rounding)

    def surprise(self, nudges: Mapping[str, np.ndarray], grads: Mapping[str, np.ndarray], times: float = 1.0) -> Any:
        """Nudge up and down; give by how much the loss moves otherwise than the gradient says, and how much it bends."""
        up, down = ({k: self.start[k] + side * nudges[k] for k in nudges} for side in (times, -times))
        high, low = self.loss(up), self.loss(down)
        said = sum(float((grads[k] * (up[k] - down[k])).sum()) for k in nudges)  # the distance there is, after rounding
        return np.array([high - low - said, high + low - 2 * self.height]) / (2 * times)


@dataclass(frozen=True)
class Sight:
    """What was seen along the directions, in units of the loss.

    Attributes
    ----------
    surprises : ndarray
        By how much the loss moved otherwise than the gradient says, along each direction.
    blur : float
        How much of that rounding, bends and kinks may account for.
    nudges : tuple of dict
        The directions.
    shortest : dict from str to float
        The Euclidean length of an error in each parameter that is missed with a chance of `CHANCE`; a longer one with
        less.
    """

    surprises: np.ndarray
    blur: float
    nudges: tuple[dict[str, np.ndarray], ...]
    shortest: dict[str, float]

    @property
    def wrong(self) -> bool:
        """Whether the gradient is wrong."""
        return bool((np.abs(self.surprises) > self.blur).any())

    @property
    def worst(self) -> dict[str, np.ndarray]:
        """The direction of the largest surprise."""
        return self.nudges[int(np.abs(self.surprises).argmax())]


def look_along(point: Point, grads: Mapping[str, np.ndarray], seed: int, directions: int = DIRECTIONS) -> Sight:
    """See whether the loss moves as the gradient says along random directions in the parameters that `grads` names.

    Along each direction the loss is taken at one and at two steps up and down. What the two lengths disagree on is
    rounding or a bend. A kink within reach shows in it too, or in a bend that does not shrink with the step: for a single
    kink the two together are no less than the error it makes, wherever it lies. Ten times the largest of these, over all
    directions, is the blur below which nothing is called an error.

    An error of length L in one parameter, nudged by ``t`` times normal numbers, moves each surprise by a normal number of
    standard deviation ``t * L``. It is missed only if all of these are below twice the blur (once for what is asked, once
    for noise that hides it), so with k directions the chance is ``P(|z| < 2 * blur / (t * L)) ** k``; errors in several
    parameters are seen better still. This takes for granted that the error has nothing to do with the directions, which
    are drawn from `seed`, and that the noise is as the evaluations show it.
    """
    rng = np.random.default_rng(seed)
    steps = {name: point.step(name, grad) for name, grad in grads.items()}
    draws = tuple(
        {k: steps[k] * rng.standard_normal(grad.shape) for k, grad in grads.items()} for _ in range(directions)
    )
    near, far = (np.array([point.surprise(nudges, grads, times) for nudges in draws]) for times in (1, 2))
    with np.errstate(invalid="ignore"):  # a loss that is infinite nearby blurs everything
        unsure = np.abs(far[:, 0] - near[:, 0]) + np.abs(2 * near[:, 1] - far[:, 1])
    allowed = [steps[k] * tolerance(grad.dtype, np.float64) * float(np.linalg.norm(grad)) for k, grad in grads.items()]
    rounding = 16 * np.finfo(np.float64).eps * abs(point.height)
    blur = float(10 * unsure.max() + rounding + np.linalg.norm(allowed))
    share = NormalDist().inv_cdf((1 + CHANCE ** (1 / directions)) / 2)  # |z| is below it that seldom
    return Sight(near[:, 0], blur, draws, {k: 2 * blur / (share * steps[k]) for k in grads})


def descend(point: Point, name: str, grad: np.ndarray, nudge: np.ndarray) -> tuple[int, ...]:
    """Find a wrong entry: halve a direction along which the loss moves otherwise than said, again and again.

    The surprises of the two halves add up to that of the whole, so the larger one is at least half of it; an error in one
    single entry is never lost from sight. About four evaluations of the loss for each doubling of the size.
    """
    first, last = 0, grad.size
    normal = nudge.ravel() / np.abs(nudge).max()
    while last - first > 1:
        middle = (first + last) // 2
        step = point.step(name, grad.ravel()[first:last])
        surprises = []
        for part in (slice(first, middle), slice(middle, last)):
            half = np.zeros(grad.size)
            half[part] = step * normal[part]
            surprises.append(abs(point.surprise({name: half.reshape(grad.shape)}, {name: grad})[0]))
        first, last = (first, middle) if surprises[0] >= surprises[1] else (middle, last)
    return tuple(int(i) for i in np.unravel_index(first, grad.shape))
