"""What a cause rests on: every pair of an answer and what was expected, and an explanation that fits them all.

A rule takes pairs, the failing ones among them, and gives a cause or None. It may speak only where its explanation
accounts for every entry of every pair - also of those that are right, where it must predict just that.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np


class Cause(str):
    """A likely cause in words, with a tag that tells one kind of cause from another.

    Examples
    --------
    >>> Cause("transpose", "It is the transpose of the expected one.").tag
    'transpose'
    """

    tag: str

    def __new__(cls, tag: str, words: str) -> "Cause":  # noqa: D102
        cause = super().__new__(cls, words)
        cause.tag = tag
        return cause

    def __reduce__(self) -> tuple[type["Cause"], tuple[str, str]]:
        return Cause, (self.tag, str(self))


@dataclass(frozen=True, eq=False)
class Pair:
    """One answer beside what was expected of it.

    Parameters
    ----------
    got, expected : ndarray
        They may differ in shape.
    wrong : ndarray of bool, shaped like `expected`, or bool
        Which entries are wrong; all of them, where the shapes differ.
    close : float
        How near an explanation must come, as a share of the largest expected value.
    sizes : mapping from str to int
        Named sizes; ``"N"`` is the batch.
    inputs : mapping
        What the answer was computed from, by name, where that is known.
    others : mapping from str to ndarray
        What was expected of the other outputs.
    """

    got: np.ndarray
    expected: np.ndarray
    wrong: np.ndarray
    close: float
    sizes: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, np.ndarray] = field(default_factory=dict)

    @cached_property
    def mine(self) -> np.ndarray:
        """The answer in double precision."""
        return self.got.astype(np.float64, copy=False)

    @cached_property
    def want(self) -> np.ndarray:
        """What was expected, in double precision."""
        return self.expected.astype(np.float64, copy=False)

    @cached_property
    def scale(self) -> float:
        """The largest expected size."""
        return float(np.abs(self.want).max(initial=0))

    @property
    def fails(self) -> bool:
        """Whether anything is wrong."""
        return bool(np.any(self.wrong))

    @property
    def same_shape(self) -> bool:
        """Whether the answer has the shape that was asked."""
        return self.got.shape == self.expected.shape

    def is_(self, prediction: np.ndarray) -> bool:
        """Whether the answer is this prediction, to `close` of the largest entry."""
        if prediction.shape != self.mine.shape:
            return False
        scale = max(np.abs(prediction).max(initial=0), 1e-12)
        return bool(np.abs(self.mine - prediction).max(initial=0) <= self.close * scale)


Rule = Callable[[Sequence[Pair]], Cause | None]


def explain(pairs: Sequence[Pair], rules: Iterable[Rule]) -> Cause | None:
    """Ask one rule after the other for what accounts for all pairs.

    Returns
    -------
    cause : Cause or None
        None where no rule speaks, or where nothing fails.
    """
    failing = [pair for pair in pairs if pair.fails]
    if not failing or not all(np.isfinite(pair.mine).all() for pair in pairs):
        return None
    if any(pair.same_shape and pair.is_(pair.want) for pair in failing):
        return None  # wrong only by a stricter rule: nothing coarse to explain
    with np.errstate(all="ignore"):
        for rule in rules:
            if cause := rule(pairs):
                return cause
    return None


def first_failing(pairs: Sequence[Pair]) -> Pair:
    """Give the pair whose numbers are told."""
    return next(pair for pair in pairs if pair.fails)


def everywhere(pairs: Sequence[Pair], predict: Callable[[Pair], np.ndarray | None]) -> bool:
    """Whether a prediction is the answer in every pair."""
    predictions = ((pair, predict(pair)) for pair in pairs)
    return all(prediction is not None and pair.is_(prediction) for pair, prediction in predictions)


def telling(pairs: Sequence[Pair]) -> bool:
    """Whether the failing pairs hold more than one number to be explained, unequal ones in an array."""
    failing = [pair for pair in pairs if pair.fails]
    if len(failing) > 1:
        return True
    values = failing[0].want[failing[0].want != 0]
    return bool(values.size and np.ptp(values) > 1e-3 * failing[0].scale)
