"""The plain facts that pass between the rooms: cases, observations, outcomes and reports."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np


class Verdict(StrEnum):
    """What we can say of an answer; `UNGRADED` is our fault and never a zero."""

    PASSED = "passed"
    FAILED = "failed"
    UNGRADED = "ungraded"


@dataclass(frozen=True)
class Case:
    """One set of inputs a question is observed on.

    Parameters
    ----------
    label : str
        What is special about it, as a reader would say it: ``"a batch of one"``.
    inputs : mapping of str to array, number, string or mapping of those
        The arguments of the probe.
    sizes : mapping of str to int
        Named quantities of the case (``N``, ``D``, ...) a wrong factor may equal.
    """

    label: str
    inputs: Mapping[str, Any]
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class NotAnArray:
    """Something a probe returned that is neither an array nor a number."""

    type_name: str


@dataclass(frozen=True)
class Raised:
    """An exception in observed code: its type, its message and the line it came from."""

    type_name: str
    message: str
    where: str = ""

    def __str__(self) -> str:
        said = f"{self.type_name}: {self.message}" if self.message else self.type_name
        return f"{said} (at {self.where})" if self.where else said


@dataclass(frozen=True)
class Observation:
    """What one call of a probe gave: named values, or what it raised, and inputs it changed."""

    values: Mapping[str, np.ndarray | NotAnArray]
    changed: Mapping[str, np.ndarray]
    raised: Raised | None = None


@dataclass(frozen=True)
class OutputOutcome:
    """The verdict on one named output of a question."""

    name: str
    verdict: Verdict
    points: float
    max_points: float
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """The verdict on one question.

    `headline` is the sentence to read first where one sentence explains the whole; `notes` say
    what cost nothing but is worth knowing.
    """

    question: str
    outputs: tuple[OutputOutcome, ...]
    headline: str = ""
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of its outputs' verdicts, ungraded before failed."""
        verdicts = {output.verdict for output in self.outputs}
        for verdict in (Verdict.UNGRADED, Verdict.FAILED):
            if verdict in verdicts:
                return verdict
        return Verdict.PASSED

    @property
    def points(self) -> float:
        """The points earned; meaningless where the verdict is `UNGRADED`."""
        return sum(output.points for output in self.outputs)

    @property
    def max_points(self) -> float:
        """What the question is worth."""
        return sum(output.max_points for output in self.outputs)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every sentence behind a lost mark, the headline first, none twice."""
        said = [self.headline, *(output.reason for output in self.outputs)]
        return tuple(dict.fromkeys(sentence for sentence in said if sentence))


@dataclass(frozen=True)
class Report:
    """Everything said about one submission.

    Parameters
    ----------
    by_hand : float
        Points of the written questions, which wait for a person.
    fault : str
        Why the whole submission could not be used, or why we could not grade it; empty when neither.
    seed : int
        What the inputs were drawn from; the same seed draws the same inputs again.
    """

    student: str
    assignment: str
    outcomes: tuple[Outcome, ...]
    by_hand: float = 0.0
    fault: str = ""
    notes: tuple[str, ...] = ()
    seed: int = 0

    @property
    def points(self) -> float:
        """The points earned on all questions judged."""
        return sum(outcome.points for outcome in self.outcomes)

    @property
    def max_points(self) -> float:
        """What the autograded questions are worth."""
        return sum(outcome.max_points for outcome in self.outcomes)

    @property
    def ungraded(self) -> tuple[Outcome, ...]:
        """The questions we could not judge."""
        return tuple(o for o in self.outcomes if o.verdict is Verdict.UNGRADED)

    def to_json(self) -> dict[str, Any]:
        """Give the report as plain data, with the totals a reader wants spelled out."""
        data = asdict(self)
        data |= {"points": None if self.ungraded else self.points, "max_points": self.max_points}
        for row, outcome in zip(data["outcomes"], self.outcomes, strict=True):
            ungraded = outcome.verdict is Verdict.UNGRADED
            row |= {
                "verdict": outcome.verdict.value,
                "points": None if ungraded else outcome.points,
                "max_points": outcome.max_points,
                "reasons": list(outcome.reasons),
            }
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Report":
        """Read back what `to_json` gave."""
        outcomes = []
        for row in data["outcomes"]:
            outputs = (OutputOutcome(**{**o, "verdict": Verdict(o["verdict"])}) for o in row["outputs"])
            outcomes.append(Outcome(row["question"], tuple(outputs), row["headline"], tuple(row["notes"])))
        named = {key: data[key] for key in ("student", "assignment", "by_hand", "fault", "seed")}
        return cls(outcomes=tuple(outcomes), notes=tuple(data["notes"]), **named)


def all_failed(question: str, points: Mapping[str, float], headline: str) -> Outcome:
    """Fail every output of a question for one reason."""
    return Outcome(question, tuple(OutputOutcome(n, Verdict.FAILED, 0.0, p) for n, p in points.items()), headline)


def all_ungraded(question: str, points: Mapping[str, float], headline: str) -> Outcome:
    """Leave every output of a question ungraded, with our fault named."""
    return Outcome(question, tuple(OutputOutcome(n, Verdict.UNGRADED, 0.0, p) for n, p in points.items()), headline)


def summary(outcome: Outcome) -> str:
    """Give one line: the question, its points and its verdict."""
    if outcome.verdict is Verdict.UNGRADED:
        return f"{outcome.question}: ungraded (of {outcome.max_points:g}); this is our fault, not yours"
    return f"{outcome.question}: {outcome.points:g} of {outcome.max_points:g} points, {outcome.verdict}"
