"""How strong the checks of an assignment are, measured: every small mistake tried, every right solution drawn for."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from typing import Any

from autograder import trials
from autograder.assignment import Assignment
from autograder.mutants import mutants
from autograder.questions import Question
from autograder.trials import Drawn, Told, Trial, on_bench
from autograder.verify import Finding

BATCH = 25  # draws a worker judges in one piece
KILLED = 0.99  # of the mutants that are not equivalent, at least
RIGHT = 0.90  # of the mutants that general rules speak about are told only what is true, at least
WRONG = 0.02  # of the mutants without a name may be told a wrong cause, at most
SLACK = 0.10  # of its tolerance a right answer may use, at most


@dataclass(frozen=True)
class Strength:
    """What was measured.

    Attributes
    ----------
    questions : tuple of Question
    trials : tuple of Trial
        One for each mutant, in the order of the notebook.
    correct, misconceptions : tuple of Drawn
        The verdicts on right solutions and on known wrong ones.
    draws : int
        On how many draws each right solution was judged.
    seconds : float
        How long it took.
    """

    questions: tuple[Question, ...]
    trials: tuple[Trial, ...]
    correct: tuple[Drawn, ...]
    misconceptions: tuple[Drawn, ...]
    draws: int
    seconds: float = 0.0

    @property
    def equivalents(self) -> dict[str, str]:
        """Why a mutant is right too, by its name, as the questions say."""
        return {name: why for q in self.questions for name, why in q.equivalents.items()}

    @property
    def killed(self) -> list[Trial]:
        """The mutants some question failed, whatever was drawn."""
        return [t for t in self.trials if t.killed_by]

    @property
    def equivalent(self) -> list[Trial]:
        """The mutants that pass, as their question says they must."""
        return [t for t in self.trials if not t.killed_by and t.mutant.name in self.equivalents]

    @property
    def survived(self) -> list[Trial]:
        """The mutants that pass though nothing says they may."""
        return [t for t in self.trials if not t.killed_by and t.mutant.name not in self.equivalents]

    @property
    def mistaken(self) -> list[str]:
        """The mutants said to be equivalent that are killed, or are no mutants, and which of the two."""
        names, standing = {t.mutant.name for t in self.trials}, {t.mutant.name for t in self.equivalent}
        return [
            f"{name} {'is killed' if name in names else 'is no mutant'}"
            for name in self.equivalents
            if name not in standing
        ]

    def told(self, *kinds: Told) -> list[Trial]:
        """Give the killed mutants that were told this."""
        return [t for t in self.killed if t.told in kinds]


def findings(strength: Strength) -> list[Finding]:
    """Hold what was measured against what is asked, one claim after the other."""
    s = strength
    standing, spoken = [*s.killed, *s.survived], s.told(Told.RIGHT, Told.WRONG)
    unnamed, misled = [t for t in s.killed if t.told is not Told.NAME], s.told(Told.WRONG)
    refused, unknown = ([w for d in drawn for w in d.wrong] for drawn in (s.correct, s.misconceptions))
    tight = [f"{name} uses {share:.0%}" for name, share in shares(s.correct).items() if share > SLACK]
    return [
        _at_most(1 - KILLED, f"at least {KILLED:.0%} of the mutants are killed", s.survived, standing),
        Finding("every mutant said to be equivalent is one", not s.mistaken, "; ".join(s.mistaken)),
        Finding("no right solution is refused", not refused, f"verdicts against it: {len(refused)}"),
        Finding("every misconception is called by its name", not unknown, f"verdicts against it: {len(unknown)}"),
        _at_most(1 - RIGHT, f"at least {RIGHT:.0%} of what general rules say of mutants is true", misled, spoken),
        _at_most(WRONG, f"at most {WRONG:.0%} of the mutants are told a wrong cause", misled, unnamed),
        Finding(f"right solutions use at most {SLACK:.0%} of the tolerance", not tight, "; ".join(tight)),
    ]


def _at_most(share: float, claim: str, missed: Sequence[Trial], of: Sequence[Trial]) -> Finding:
    return Finding(claim, len(missed) <= share * len(of), f"{len(missed)} of {len(of)} fall short")


def shares(correct: Iterable[Drawn]) -> dict[str, float]:
    """Give the largest share of its tolerance that a right solution used: {"question, output (dtype)": share}."""
    found: dict[str, float] = {}
    for drawn in correct:
        for (output, dtype), share in drawn.shares.items():
            name = f"{drawn.question}, {output} ({dtype})"
            found[name] = max(share, found.get(name, 0.0))
    return found


def measure(
    assignment: Assignment, draws: int, jobs: int, progress: Callable[[int, int], None] = lambda done, of: None
) -> Strength:
    """Try every mutant, and judge every variant of every question on many draws.

    Parameters
    ----------
    draws : int
        On how many draws each right solution is judged; a known wrong one on a tenth of them.
    jobs : int
        Worker processes.
    progress : callable
        Called with how many tasks are done and how many there are.
    """
    start = time.perf_counter()
    questions = tuple(q for q in assignment.questions if not q.file)
    with trials.pool(assignment, jobs) as pool:
        tried = [pool.submit(on_bench, "try_mutant", mutant) for mutant in mutants(assignment)]
        correct, known = (
            [pool.submit(on_bench, judge, q.name, seeds) for q in questions for seeds in _batches(number)]
            for judge, number in (("judge_correct", draws), ("judge_misconceptions", -(-draws // 10)))
        )
        waiting: list[Future[Any]] = [*tried, *correct, *known]
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                future.result()
                progress(done, len(waiting))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    found, right, wrong = (tuple(future.result() for future in futures) for futures in (tried, correct, known))
    return Strength(questions, found, right, wrong, draws, time.perf_counter() - start)


def _batches(draws: int) -> list[range]:
    return [range(first, min(first + BATCH, draws)) for first in range(0, draws, BATCH)]
