"""Why is it wrong: the question's own misconceptions, matched against what the student's code gave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.faults import GraderFault
from autograder.model import Case, NotAnArray, Observation, Raised
from autograder.origins import RULES, arrays
from autograder.questions import Question
from autograder.session import Lost, Session
from cs231n_lite import evidence
from cs231n_lite.causes import OVERFLOW
from cs231n_lite.compare import tolerance
from cs231n_lite.evidence import Cause, Pair
from cs231n_lite.tolerances import pair_of

_AGAIN = "second_"  # an output of this name is what another was, asked for a second time
_CODES = "bu"  # dtypes of what is no quantity: a yes or no, or an unsigned number that stands for a word
_EXP_FAILS = 700.0  # exp of more overflows


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
            alike(
                observe_reference(reference, question, s.case, s.seed, f"{question.name}/{name}"), s.got, question.rtol
            )
            for s in seen
        ):
            return name
    return None


def causes_of(question: Question, name: str, seen: Sequence[Seen]) -> tuple[Cause, ...]:
    """Say why one output is wrong, where one explanation accounts for all cases; several causes may hold at once.

    Returns
    -------
    causes : tuple of Cause
        Empty where the numbers support none, or where the code raised or gave no array on some case.
    """
    if name.startswith(_AGAIN):
        first = name.removeprefix(_AGAIN)
        pairs = _pairs(question, first, seen) if first in question.points else None
        if pairs and not any(pair.fails for pair in pairs):
            words = f"`{first}` is right the first time, so something was changed by then: the cache or an argument."
            return (Cause("state", words),)
    pairs = _pairs(question, name, seen)
    if not pairs:
        handed_back = {_handed_back(s, name) for s in seen}
        return tuple(cause for cause in handed_back if cause) if len(handed_back) == 1 else ()
    if pairs[0].expected.dtype.kind in _CODES:
        return ()  # no arithmetic accounts for it
    finite = [pair for pair in pairs if np.isfinite(pair.mine).all()]
    overflow = _overflow(pairs)
    if len(finite) < len(pairs) and not overflow:
        return ()  # whatever accounts for the others does not account for these
    found = evidence.explain(finite, RULES) if finite else None
    explained = found or not any(pair.fails for pair in finite)
    return tuple(cause for cause in (overflow if explained else None, found) if cause)


def _handed_back(s: Seen, name: str) -> Cause | None:
    """Tell a missing return, or one of another number of values, by the error it leads to in our own probe."""
    nothing = Cause("no return", "None came where a value is asked: is there a return statement?")
    if not s.got.raised:
        value = s.got.values.get(name)
        return nothing if isinstance(value, NotAnArray) and value.type_name == "NoneType" else None
    if s.got.raised.where or s.got.raised.type_name not in ("TypeError", "ValueError"):
        return None  # raised by the student's code, not by ours that uses what it gives
    if "NoneType" in s.got.raised.message:
        return nothing
    if "values to unpack" in s.got.raised.message:
        return Cause("number of values", "Another number of values came than is asked: look at what is returned.")
    return None


def _pairs(question: Question, name: str, seen: Sequence[Seen]) -> list[Pair] | None:
    """Lay the answers beside what was expected; None where there is no answer to be laid."""
    pairs = []
    for s in seen:
        got, expected = s.got.values.get(name), s.expected.values.get(name)
        if not isinstance(got, np.ndarray) or not isinstance(expected, np.ndarray) or got.dtype.kind not in "biuf":
            return None
        rest = {o: v for o, v in s.expected.values.items() if o != name and isinstance(v, np.ndarray)}
        others = {o: v for o, v in rest.items() if v.dtype.kind not in _CODES}
        pairs.append(pair_of(got, expected, question.rtol.get(name), s.case.sizes, s.case.inputs, others))
    return pairs


def _overflow(pairs: Sequence[Pair]) -> Cause | None:
    """Tell numbers that overflow: nan or infinite where an input is large, and nowhere else."""
    broken = [not np.isfinite(pair.mine).all() for pair in pairs]
    large = [any(np.abs(a).max(initial=0) > _EXP_FAILS for a in arrays(pair).values()) for pair in pairs]
    if not any(broken) or all(large) or any(b and not far for b, far in zip(broken, large, strict=True)):
        return None
    return OVERFLOW


def alike(a: Observation, b: Observation, rtol: Mapping[str, float] | None = None) -> bool:
    """Whether two observations show the same behaviour: same values, same changed inputs, or same error.

    An output with a tolerance of its own in `rtol`, such as one drawn at random, is the same within that.
    """
    if a.raised or b.raised:
        return _told(a.raised) == _told(b.raised)  # a type alone is no evidence: many mistakes end in a ValueError
    if a.changed.keys() != b.changed.keys() or a.values.keys() != b.values.keys():
        return False
    own = rtol or {}
    return all(_same_value(a.values[name], b.values[name], own.get(name)) for name in a.values)


def _told(raised: Raised | None) -> tuple[str, str] | None:
    return (raised.type_name, raised.message) if raised else None


def _same_value(a: object, b: object, rtol: float | None) -> bool:
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return type(a) is type(b) and a == b  # an array equals anything else entry by entry
    if a.shape != b.shape:
        return False
    rtol = tolerance(a.dtype, b.dtype) if rtol is None else rtol
    finite = a[np.isfinite(a)]
    scale = float(np.abs(finite).max()) if finite.size else 0.0
    return bool(np.allclose(a, b, rtol=rtol, atol=rtol * scale, equal_nan=True))
