"""What a worker does for `autograder.strength`: judge one mutant, or the right and the known wrong solutions on many draws."""

import atexit
import multiprocessing
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from autograder import reference
from autograder.assignment import Assignment
from autograder.course import end_with_parent
from autograder.diagnose import Seen, causes_of
from autograder.judge import look, passes, verdict_on
from autograder.model import Outcome, Verdict
from autograder.mutants import VARIANT, Mutant
from autograder.questions import INPUTS, Question
from autograder.session import Beside, Lost
from autograder.stand_ins import MutantSession, Remembered
from autograder.truth import agrees, describes
from autograder.verify import SEEDS, AsStudent
from cs231n_lite.compare import pattern_over_cases
from cs231n_lite.tolerances import share_of_tolerance

MORE = range(101, 108)  # draws on which it is tried whether what was said of one holds of many


class Told(StrEnum):
    """What a student who hands in a mutant is told beyond the facts: where it fails, and by how much."""

    NAME = "name"  # the sentence of a misconception that gives the same, on every draw
    RIGHT = "right"  # causes, each of them true of the mutation
    WRONG = "wrong"  # causes, one of them at least not true
    ERROR = "error"  # the error that was raised, and the line
    FACTS = "facts"  # nothing


@dataclass(frozen=True)
class Trial:
    """What became of one mutant.

    Attributes
    ----------
    killed_by : str
        The question that failed it whatever was drawn; empty if none did.
    told : Told
        What its own question said of it, on all draws together.
    said, untrue : tuple of str
        The causes general rules named, by their tags, and those of them that are not true of it.
    """

    mutant: Mutant
    killed_by: str = ""
    told: Told = Told.FACTS
    said: tuple[str, ...] = ()
    untrue: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """What came of judging variants of one question on some draws.

    Attributes
    ----------
    wrong : tuple of (variant, seed, reason)
        Right solutions that failed; known wrong ones that were not called by their name.
    passed : frozenset of str
        Known wrong solutions that passed, on some draw.
    shares : mapping of (output, dtype) to float
        The largest share of its tolerance that a right solution used.
    """

    question: str
    wrong: tuple[tuple[str, int, str], ...] = ()
    passed: frozenset[str] = frozenset()
    shares: Mapping[tuple[str, str], float] = field(default_factory=dict)


class Bench:
    """Where the mutants and variants of one assignment are judged.

    Parameters
    ----------
    assignment : Assignment
    """

    def __init__(self, assignment: Assignment) -> None:
        self.questions = {q.name: q for q in assignment.questions if not q.file}
        self._expected = Beside(reference.Namespaces(assignment))
        self._remembered = Remembered(self._expected)  # of the draws that every mutant is judged on
        self._mutants = MutantSession(assignment)

    def end(self) -> None:
        """End the process of the mutants."""
        self._mutants.end()

    def try_mutant(self, mutant: Mutant) -> Trial:
        """Judge one mutant: by its own question, and if that lets it pass, by the others."""
        own = self.questions[mutant.cell]
        trial = self._tried(own, mutant)
        if trial.killed_by:
            return trial
        others = (self._tried(q, mutant) for q in self.questions.values() if q is not own)
        return next((Trial(mutant, t.killed_by) for t in others if t.killed_by), trial)

    def _tried(self, question: Question, mutant: Mutant) -> Trial:
        """Judge a mutant by one question, which kills it only if it fails it on every draw."""
        named, tags, patterns, raised = True, dict[str, None](), dict[str, None](), False
        for seed in SEEDS:
            try:
                seen = self._look(question, mutant, seed)
            except Lost:
                return Trial(mutant, question.name, Told.ERROR)
            outcome = verdict_on(question, seen, self._remembered)
            if outcome.verdict is not Verdict.FAILED:
                return Trial(mutant)
            raised = raised or any(s.got.raised for s in seen)
            own_rules = question.mark(seen[0].expected, seen[0].got)
            if any(question.sentence(name) == outcome.headline for name in question.misconceptions):
                continue
            named = False
            tags |= dict.fromkeys(_tags(question, outcome, seen))
            patterns |= {outcome.headline: None} if outcome.headline and not own_rules else {}
        inputs = [n for n, value in seen[0].case.inputs.items() if isinstance(value, np.ndarray)]
        untrue = [tag for tag in tags if not agrees(tag, mutant.causes, inputs)]
        if patterns or any(map(describes, untrue)):
            holds = self._holding(question, mutant)
            untrue = [tag for tag in untrue if not (describes(tag) and tag in holds)]
            untrue += [pattern for pattern in patterns if pattern not in holds]
        said = (*tags, *patterns)
        told = Told.NAME if named else Told.WRONG if untrue else Told.RIGHT if said else Told.FACTS
        told = Told.ERROR if told is Told.FACTS and raised else told
        return Trial(mutant, question.name, told, said, tuple(untrue))

    def _holding(self, question: Question, mutant: Mutant) -> set[str]:
        """Give what is said of the cases of many draws taken together: tags, and the pattern."""
        try:
            seen = [s for seed in (*SEEDS, *MORE) for s in self._look(question, mutant, seed)]
        except Lost:
            return set()
        tags = {cause.tag for name in question.points if name != INPUTS for cause in causes_of(question, name, seen)}
        return tags | {f"{question.name} is {pattern_over_cases(passes(question, seen))}."}

    def _look(self, question: Question, mutant: Mutant, seed: int) -> list[Seen]:
        return look(question, AsStudent(self._mutants, VARIANT + mutant.name), self._remembered, seed)

    def judge_correct(self, name: str, seeds: Sequence[int]) -> Drawn:
        """Judge every right solution of a question on some draws."""
        wrong: list[tuple[str, int, str]] = []
        shares: dict[tuple[str, str], float] = {}
        for variant, seed, seen, outcome in self._judged(name, self.questions[name].correct, seeds):
            if outcome.verdict is not Verdict.PASSED:
                wrong.append((variant, seed, " ".join(outcome.reasons)))
                continue
            for key, share in _shares(self.questions[name], seen).items():
                shares[key] = max(share, shares.get(key, 0.0))
        return Drawn(name, tuple(wrong), shares=shares)

    def judge_misconceptions(self, name: str, seeds: Sequence[int]) -> Drawn:
        """Judge every known wrong solution of a question on some draws."""
        wrong: list[tuple[str, int, str]] = []
        passed: set[str] = set()
        for variant, seed, _, outcome in self._judged(name, self.questions[name].misconceptions, seeds):
            if outcome.headline != self.questions[name].sentence(variant):
                wrong.append((variant, seed, " ".join(outcome.reasons) or "it passes"))
            if outcome.verdict is not Verdict.FAILED:
                passed.add(variant)
        return Drawn(name, tuple(wrong), frozenset(passed))

    def _judged(
        self, name: str, variants: Iterable[str], seeds: Sequence[int]
    ) -> Iterator[tuple[str, int, list[Seen], Outcome]]:
        question = self.questions[name]
        for seed in seeds:
            expected = Remembered(self._expected)
            for variant in variants:
                seen = look(question, AsStudent(expected, f"{name}/{variant}"), expected, seed)
                yield variant, seed, seen, verdict_on(question, seen, expected)


def _tags(question: Question, outcome: Outcome, seen: Sequence[Seen]) -> list[str]:
    failed = [o for o in outcome.outputs if o.verdict is Verdict.FAILED and o.reason]
    tags = [cause.tag for o in failed if o.name != INPUTS for cause in causes_of(question, o.name, seen)]
    return tags + ["in place" for o in failed if o.name == INPUTS]


def _shares(question: Question, seen: Sequence[Seen]) -> dict[tuple[str, str], float]:
    """Give the share of its tolerance that each output used; not where the question sets one, as for what is random."""
    if question.mark(seen[0].expected, seen[0].got):
        return {}  # judged by rules of its own, not by a tolerance
    found: dict[tuple[str, str], float] = {}
    for s in seen:
        for name in question.points.keys() - question.rtol.keys() - {INPUTS}:
            got, expected = s.got.values[name], s.expected.values[name]
            assert isinstance(got, np.ndarray)
            assert isinstance(expected, np.ndarray)
            key = (name, "float32" if got.dtype.kind == "f" and got.dtype.itemsize < 8 else "float64")
            found[key] = max(share_of_tolerance(got.reshape(expected.shape), expected), found.get(key, 0.0))
    return found


# ------------------------------------------------------------------------------------------------- many at once

_bench: Bench | None = None  # of this worker


def pool(assignment: Assignment, jobs: int) -> ProcessPoolExecutor:
    """Start workers that have a bench each; see `on_bench`."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, spawn, initializer=_start, initargs=(assignment.course, assignment.name))


def _start(course: Path, name: str) -> None:
    global _bench
    os.environ["MPLBACKEND"] = "Agg"
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    warnings.simplefilter("ignore")
    end_with_parent()
    _bench = Bench(Assignment(course, name))
    atexit.register(_bench.end)


def on_bench(method: str, *arguments: object) -> Any:
    """Call a method of this worker's bench."""
    return getattr(_bench, method)(*arguments)
