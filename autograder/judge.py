"""One question: draw its inputs, observe both sides, compare and say why.

Everything here happens on our side of the wall.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from autograder.diagnose import Seen, causes_of, observe_reference, recognise
from autograder.faults import GraderFault
from autograder.model import NotAnArray, Outcome, OutputOutcome, Verdict, all_failed
from autograder.probe import arrays_in
from autograder.questions import INPUTS, Question
from autograder.session import Session
from cs231n_lite.compare import Mismatch, changed, compare, notes, pattern_over_cases

NOT_WRITTEN = "NotImplementedError"


def judge(question: Question, student: Session, reference: Session, seed: int) -> Outcome:
    """Judge one question by observing the student's code beside the reference.

    Parameters
    ----------
    question : Question
    student, reference : Session
        The two observed processes.
    seed : int
        What the inputs are drawn from.

    Raises
    ------
    Lost
        If the student's process stopped answering.
    GraderFault
        If the reference did, or raised.
    """
    return verdict_on(question, look(question, student, reference, seed), reference)


def look(question: Question, student: Session, reference: Session, seed: int) -> list[Seen]:
    """Observe both sides on every case, up to the first that runs into what is not written yet; see `judge`."""
    seen = []
    for number, case in enumerate(question.cases(seed)):
        probe_seed = _seed(seed, question.name, number)
        expected = observe_reference(reference, question, case, probe_seed)
        if expected.raised:
            raise GraderFault(f"The reference of {question.name} raised {expected.raised} on {case.label}. Mend it.")
        got = student.observe(question.source, question.name, case.inputs, seed=probe_seed)
        seen.append(Seen(case, probe_seed, expected, got))
        if _unwritten(seen[-1]):
            break
    return seen


def _unwritten(s: Seen) -> bool:
    return s.got.raised is not None and s.got.raised.type_name == NOT_WRITTEN


def _seed(seed: int, question: str, number: int) -> int:
    """Seed what the observed code itself draws. It is told this number, and must not learn the run's seed from it."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{question}/{number}".encode(), digest_size=4).digest())


def _not_written(question: Question, message: str) -> str:
    if message and question.name not in message:
        return f"{question.name} could not be tried, for it uses something that is not written yet: {message}"
    return (
        f"{question.name} is not written yet. Its section of the notebook leads you to it; "
        "replace the line that raises NotImplementedError with your own code."
    )


def verdict_on(question: Question, seen: Sequence[Seen], reference: Session) -> Outcome:
    """Judge what was seen on both sides; the reference is asked for what its misconceptions give."""
    if _unwritten(seen[-1]) and seen[-1].got.raised:
        return all_failed(question.name, question.points, _not_written(question, seen[-1].got.raised.message))
    if outcome := question.mark(seen[0].expected, seen[0].got):
        return outcome
    causes: set[str] = set()
    outputs = [_output(question, name, seen, causes) for name in question.points if name != INPUTS]
    if INPUTS in question.points:
        outputs.append(_inputs(question, seen, any(o.verdict is Verdict.PASSED for o in outputs)))
    headline = ""
    if any(o.verdict is Verdict.FAILED for o in outputs):
        found = recognise(question, seen, reference)
        headline = question.sentence(found) if found else _pattern(question, seen)
    return Outcome(question.name, tuple(outputs), headline, _notes(question, seen))


def _output(question: Question, name: str, seen: Sequence[Seen], causes: set[str]) -> OutputOutcome:
    """Judge one output; a cause already among `causes`, named for another output, is not named again."""
    points = question.points[name]
    failing = [(s, found) for s in seen if (found := _what_is_wrong(question, name, s))]
    if not failing:
        return OutputOutcome(name, Verdict.PASSED, points, points)
    s, found = failing[0]
    if found.kind != "type":
        new = [cause for cause in causes_of(question, name, seen) if cause not in causes]
        causes.update(new)
        found = replace(found, cause=" ".join(new) or None)
    where = f"Seen in {len(failing)} of {len(seen)} cases, first on {s.case.label}."
    return OutputOutcome(name, Verdict.FAILED, 0.0, points, f"{found.text(secret=True)} ({where})")


def _what_is_wrong(question: Question, name: str, s: Seen) -> Mismatch | None:
    """Compare one output on one case."""
    if s.got.raised:
        return Mismatch(question.name, "raised", str(s.got.raised), f"raised {s.got.raised}", None)
    expected, got = s.expected.values.get(name), s.got.values.get(name)
    if not isinstance(expected, np.ndarray):
        raise GraderFault(f"The probe of {question.name} must give an array called {name}. Got {expected}. Mend it.")
    label = f"{question.name}, {name}"
    if isinstance(got, NotAnArray) and got.type_name != "NoneType":
        article = "" if got.type_name.startswith("an ") else "an " if got.type_name[:1] in "AEIOUaeiou" else "a "
        fact = f"an array of shape {expected.shape} is asked for; {article}{got.type_name} came"
        return Mismatch(label, "type", fact, fact, None)
    answer = got if isinstance(got, np.ndarray) else None
    return compare(label, answer, expected, rtol=question.rtol.get(name), sizes=s.case.sizes)


def _inputs(question: Question, seen: Sequence[Seen], something_passed: bool) -> OutputOutcome:
    """Judge "leaves its inputs alone": worth nothing where nothing else is right."""
    points = question.points[INPUTS]
    for s in seen:
        before = arrays_in(s.case.inputs)
        mismatch = changed(question.name, {k: before[k] for k in s.got.changed if k in before}, s.got.changed)
        if mismatch:
            return OutputOutcome(INPUTS, Verdict.FAILED, 0.0, points, mismatch.text(secret=True))
    if not something_passed:
        return OutputOutcome(INPUTS, Verdict.FAILED, 0.0, points)
    return OutputOutcome(INPUTS, Verdict.PASSED, points, points)


def _pattern(question: Question, seen: Sequence[Seen]) -> str:
    """Say what the failing cases have in common, where they have something."""
    pattern = pattern_over_cases(passes(question, seen))
    return f"{question.name} is {pattern}." if pattern else ""


def passes(question: Question, seen: Sequence[Seen]) -> list[tuple[dict[str, float], bool]]:
    """Say of each case whether everything was right on it, beside its sizes and the numbers put in."""
    found = []
    for s in seen:
        numbers = {name: value for name, value in s.case.inputs.items() if isinstance(value, float)}
        right = not any(_what_is_wrong(question, name, s) for name in question.points if name != INPUTS)
        found.append(({**s.case.sizes, **numbers}, right))
    return found


def _notes(question: Question, seen: Sequence[Seen]) -> tuple[str, ...]:
    said: dict[str, None] = {}
    for s in seen:
        for name in question.points:
            got, expected = s.got.values.get(name), s.expected.values.get(name)
            if isinstance(got, np.ndarray) and isinstance(expected, np.ndarray):
                said |= dict.fromkeys(notes(f"{question.name}, {name}", got, expected))
    return tuple(said)
