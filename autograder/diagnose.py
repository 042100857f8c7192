"""Why is it wrong: the question's own misconceptions, matched against what the student's code gave."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autograder.faults import GraderFault
from autograder.model import Case, Observation
from autograder.probe import Lost, Session
from autograder.questions import Question
from cs231n_lite.compare import tolerance


@dataclass(frozen=True)
class Seen:
    """One case, what was expected of it and what came."""

    case: Case
    seed: int
    expected: Observation
    got: Observation


def observe_reference(reference: Session, question: Question, case: Case, seed: int, variant: str = "") -> Observation:
    """Observe the reference, or one of its variants; its breaking down is our fault."""
    try:
        return reference.observe(question.source, question.name, case.inputs, seed=seed, variant=variant)
    except Lost as error:
        raise GraderFault(f"The reference of {question.name} could not be observed on {case.label}: {error}") from error


def recognise(question: Question, seen: Sequence[Seen], reference: Session) -> str | None:
    """Name the misconception that gives what the student's code gave, on every case.

    Returns
    -------
    name : str or None
        None where no misconception explains all that was seen.
    """
    for name in question.misconceptions:
        if all(
            alike(observe_reference(reference, question, s.case, s.seed, f"{question.name}/{name}"), s.got)
            for s in seen
        ):
            return name
    return None


def alike(a: Observation, b: Observation) -> bool:
    """Whether two observations show the same behaviour: same values, same changed inputs, or same error."""
    if a.raised or b.raised:
        return a.raised is not None and b.raised is not None and a.raised.type_name == b.raised.type_name
    if a.changed.keys() != b.changed.keys() or a.values.keys() != b.values.keys():
        return False
    return all(_same_value(a.values[name], b.values[name]) for name in a.values)


def _same_value(a: object, b: object) -> bool:
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return type(a) is type(b) and a == b  # an array equals anything else entry by entry
    if a.shape != b.shape:
        return False
    rtol = tolerance(a.dtype, b.dtype)
    finite = a[np.isfinite(a)]
    scale = float(np.abs(finite).max()) if finite.size else 0.0
    return bool(np.allclose(a, b, rtol=rtol, atol=rtol * scale, equal_nan=True))
