"""How strong the checks of an assignment are, measured: every small mistake tried, every right solution drawn for."""

import atexit
import contextlib
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from autograder import reference
from autograder.assignment import Assignment
from autograder.course import end_with_parent
from autograder.judge import look, verdict_on
from autograder.model import Outcome, Verdict
from autograder.mutants import VARIANT, Mutant, mutants
from autograder.probe import Beside, Lost, Session
from autograder.questions import Question
from autograder.verify import SEEDS, AsStudent

SECONDS = 5.0  # of one observation of a mutant
MEMORY = 4 * 2**30  # of address space for the mutants' process
BATCH = 50  # draws a worker judges in one piece


@dataclass(frozen=True)
class Trial:
    """What became of one mutant.

    Attributes
    ----------
    killed_by : str
        The question that failed it whatever was drawn; empty if none did.
    lost : str
        Why its process had to be ended, if it had.
    outcome : Outcome or None
        What its own question said, on the first draw.
    """

    mutant: Mutant
    killed_by: str
    lost: str = ""
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Refusal:
    """A right solution that was marked wrong."""

    question: str
    variant: str
    seed: int
    why: str


# ------------------------------------------------------------------------------ in a worker


class _Mutants(Session):
    """The process of the mutants, started anew whenever one of them has brought it down."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._stack = contextlib.ExitStack()
        self._session: Session | None = None

    def observe(self, *args, **keywords):  # type: ignore[no-untyped-def]
        """Observe, in a process that is alive."""
        if self._session is None:
            self._session = self._stack.enter_context(reference.session(self._assignment, memory=MEMORY))
            self._session.observe("def ready(student): return {}", "ready", {}, variant=keywords["variant"])
            self._session.seconds = SECONDS  # starting takes longer
        try:
            return self._session.observe(*args, **keywords)
        except Lost:
            self.close()
            raise

    def close(self) -> None:
        """End the process."""
        self._stack.close()
        self._session = None


@dataclass
class _Worker:
    questions: dict[str, Question]
    expected: Session
    mutants: _Mutants


_worker: _Worker | None = None


def _start(course: Path, name: str) -> None:
    global _worker
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["MPLBACKEND"] = "Agg"
    warnings.simplefilter("ignore")
    end_with_parent()
    assignment = Assignment(course, name)
    questions = {q.name: q for q in assignment.questions if not q.file}
    _worker = _Worker(questions, Beside(reference.Namespaces(assignment)), _Mutants(assignment))
    atexit.register(_worker.mutants.close)


def _try_mutant(mutant: Mutant) -> Trial:
    assert _worker
    w = _worker
    student = AsStudent(w.mutants, VARIANT + mutant.name)
    own = w.questions[mutant.cell]
    first: Outcome | None = None
    for question in (own, *(q for q in w.questions.values() if q is not own)):
        killed = True
        for seed in SEEDS:
            try:
                outcome = verdict_on(question, look(question, student, w.expected, seed), w.expected)
            except Lost as error:
                return Trial(mutant, question.name, str(error), first)
            first = first or outcome
            killed = outcome.verdict is Verdict.FAILED
            if not killed:
                break
        if killed:
            return Trial(mutant, question.name, "", first)
    return Trial(mutant, "", "", first)


def measure(assignment: Assignment, draws: int, jobs: int, progress: Callable[[int, int], None]) -> Iterator[Trial]:
    """Try everything."""
    found = mutants(assignment)
    with ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=_start, initargs=(assignment.course, assignment.name)
    ) as pool:
        futures = [pool.submit(_try_mutant, m) for m in found]
        for number, future in enumerate(as_completed(futures)):
            progress(number, len(futures))
            yield future.result()
