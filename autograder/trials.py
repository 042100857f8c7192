"""What a worker does for `autograder.strength`: judge one mutant, or the right and the known wrong solutions on many draws.

The reference and its variants are trusted and run in the worker itself. A mutant may loop for ever, crash or eat memory: it
has a process of its own, started anew when it is lost.
"""

import atexit
import contextlib
import multiprocessing
import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from autograder import reference
from autograder.assignment import Assignment
from autograder.course import end_with_parent
from autograder.diagnose import Seen, causes_of
from autograder.judge import look, verdict_on
from autograder.model import Observation, Outcome, Verdict
from autograder.mutants import VARIANT, Mutant
from autograder.probe import Beside, Lost, Session
from autograder.questions import INPUTS, Question
from autograder.verify import SEEDS, AsStudent
from cs231n_lite.tolerances import pair_of, share_of_tolerance

SECONDS = 5.0  # of one observation of a mutant
MEMORY = 4 * 2**30  # of address space for the mutants' process


@dataclass(frozen=True)
class Trial:
    """What became of one mutant.

    Attributes
    ----------
    killed_by : str
        The question that failed it whatever was drawn; empty if none did.
    lost : str
        Why its process had to be ended, if it had.
    named : str
        The misconception its own question recognised in it, if any.
    said : tuple of str
        Tags of the causes its own question named by general rules, on any draw.
    raised : str
        The error its code raised, if it did; the student is told it, and the line.
    inputs : frozenset of str
        Names of the arrays its own question puts in.
    """

    mutant: Mutant
    killed_by: str = ""
    lost: str = ""
    named: str = ""
    said: tuple[str, ...] = ()
    raised: str = ""
    inputs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Drawn:
    """What came of judging variants of one question on some draws.

    Attributes
    ----------
    judged : int
        How many verdicts were given.
    wrong : tuple of (variant, seed, reason)
        Right solutions that failed; wrong ones that passed or were not called by their name.
    shares : mapping of (output, dtype) to float
        The largest share of its tolerance that a right solution used.
    """

    question: str
    judged: int
    wrong: tuple[tuple[str, int, str], ...]
    shares: Mapping[tuple[str, str], float]


def pool(assignment: Assignment, jobs: int) -> ProcessPoolExecutor:
    """Start workers for the functions below."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, spawn, initializer=_start, initargs=(assignment.course, assignment.name))


class _Mutants(Session):
    """The process of the mutants, started anew whenever one of them has brought it down."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._stack = contextlib.ExitStack()
        self._session: Session | None = None

    def observe(
        self, source: str, probe: str, inputs: Mapping[str, Any], *, seed: int = 0, variant: str = ""
    ) -> Observation:
        """Observe, in a process that is alive."""
        if self._session is None:
            self._session = self._stack.enter_context(reference.session(self._assignment, memory=MEMORY))
            self._session.observe("def ready(student): return {}", "ready", {}, variant=variant)
            self._session.seconds = SECONDS  # starting takes longer
        try:
            return self._session.observe(source, probe, inputs, seed=seed, variant=variant)
        except Lost:
            self.end()
            raise

    def end(self) -> None:
        """End the process."""
        self._stack.close()
        self._session = None


class _Remembered(Session):
    """The reference: asked the same again, it answers what it answered before."""

    def __init__(self, expected: Session) -> None:
        self._expected = expected
        self._seen: dict[tuple[str, int, str], Observation] = {}

    def observe(
        self, source: str, probe: str, inputs: Mapping[str, Any], *, seed: int = 0, variant: str = ""
    ) -> Observation:
        """Observe, once."""
        key = (probe, seed, variant)
        if key not in self._seen:
            self._seen[key] = self._expected.observe(source, probe, inputs, seed=seed, variant=variant)
        return self._seen[key]


@dataclass
class _Worker:
    questions: dict[str, Question]
    expected: Session
    remembered: Session  # what is expected of the draws that every mutant is judged on
    mutants: Session


_worker: _Worker | None = None


def _start(course: Path, name: str) -> None:
    global _worker
    os.environ["MPLBACKEND"] = "Agg"
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    warnings.simplefilter("ignore")
    end_with_parent()
    assignment = Assignment(course, name)
    questions = {q.name: q for q in assignment.questions if not q.file}
    expected, tried = Beside(reference.Namespaces(assignment)), _Mutants(assignment)
    _worker = _Worker(questions, expected, _Remembered(expected), tried)
    atexit.register(tried.end)


def try_mutant(mutant: Mutant) -> Trial:
    """Judge one mutant: by its own question, and if that lets it pass, by the others."""
    assert _worker
    w = _worker
    own = w.questions[mutant.cell]
    names = frozenset(n for case in own.cases(SEEDS[0]) for n, v in case.inputs.items() if isinstance(v, np.ndarray))
    trial = _tried(own, mutant)
    if not trial.killed_by:
        others = (_tried(q, mutant) for q in w.questions.values() if q is not own)
        trial = next((Trial(mutant, t.killed_by, t.lost) for t in others if t.killed_by), trial)
    return replace(trial, inputs=names)


def _tried(question: Question, mutant: Mutant) -> Trial:
    """Judge a mutant by one question, which kills it only if it fails it on every draw."""
    assert _worker
    w = _worker
    named: set[str] = set()
    said: dict[str, None] = {}
    for seed in SEEDS:
        try:
            seen = look(question, AsStudent(w.mutants, VARIANT + mutant.name), w.remembered, seed)
        except Lost as error:
            return Trial(mutant, question.name, str(error))
        outcome = verdict_on(question, seen, w.remembered)
        if outcome.verdict is not Verdict.FAILED:
            return Trial(mutant)
        name = next((m for m in question.misconceptions if question.sentence(m) == outcome.headline), "")
        named.add(name)
        said |= dict.fromkeys([] if name else _said(question, outcome, seen))
    raised = next((s.got.raised.type_name for s in seen if s.got.raised), "")
    return Trial(mutant, question.name, "", " or ".join(sorted(named - {""})), tuple(said), raised)


def _said(question: Question, outcome: Outcome, seen: Sequence[Seen]) -> list[str]:
    failed = [o for o in outcome.outputs if o.verdict is Verdict.FAILED and o.reason]
    tags = [cause.tag for o in failed if o.name != INPUTS for cause in causes_of(question, o.name, seen)]
    return tags + ["in place" for o in failed if o.name == INPUTS]


def judge_correct(question: str, seeds: Sequence[int]) -> Drawn:
    """Judge every right solution of a question on some draws."""
    return _drawn(question, seeds, correct=True)


def judge_misconceptions(question: str, seeds: Sequence[int]) -> Drawn:
    """Judge every known wrong solution of a question on some draws."""
    return _drawn(question, seeds, correct=False)


def _drawn(name: str, seeds: Sequence[int], correct: bool) -> Drawn:
    assert _worker
    question = _worker.questions[name]
    variants = question.correct if correct else question.misconceptions
    wrong: list[tuple[str, int, str]] = []
    shares: dict[tuple[str, str], float] = {}
    for seed in seeds:
        expected = _Remembered(_worker.expected)
        for variant in variants:
            seen = look(question, AsStudent(expected, f"{name}/{variant}"), expected, seed)
            outcome = verdict_on(question, seen, expected)
            if correct and outcome.verdict is not Verdict.PASSED:
                wrong.append((variant, seed, " ".join(outcome.reasons)))
            elif correct:
                for key, share in _shares(question, seen).items():
                    shares[key] = max(share, shares.get(key, 0.0))
            elif outcome.headline != question.sentence(variant):
                wrong.append((variant, seed, " ".join(outcome.reasons) or "it passes"))
    return Drawn(name, len(seeds) * len(variants), tuple(wrong), shares)


def _shares(question: Question, seen: Sequence[Seen]) -> dict[tuple[str, str], float]:
    """Give the share of its tolerance that each output used; not where the question sets one, as for what is random."""
    found: dict[tuple[str, str], float] = {}
    for s in seen:
        for name in question.points.keys() - question.rtol.keys() - {INPUTS}:
            got, expected = s.got.values[name], s.expected.values[name]
            assert isinstance(got, np.ndarray)
            assert isinstance(expected, np.ndarray)
            pair = pair_of(got, expected)
            key = (name, "float32" if got.dtype.kind == "f" and got.dtype.itemsize < 8 else "float64")
            found[key] = max(share_of_tolerance(pair.got, expected), found.get(key, 0.0))
    return found
