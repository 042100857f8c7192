"""How strong the checks of an assignment are, measured: every small mistake tried, every right solution drawn for."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from typing import Any

from autograder import trials
from autograder.assignment import Assignment
from autograder.mutants import mutants
from autograder.trials import Drawn, Trial
from autograder.verify import Finding

BATCH = 25  # draws a worker judges in one piece
KILLED = 0.99  # of the mutants that are not equivalent, at least
RIGHT = 0.90  # of the causes named by general rules, at least
WRONG = 0.02  # of the mutants without a name may be told a wrong cause, at most
SLACK = 0.10  # of its tolerance a right answer may use, at most


@dataclass(frozen=True)
class Strength:
    """What was measured.

    Attributes
    ----------
    trials : tuple of Trial
        One for each mutant, in the order of the notebook.
    correct, misconceptions : tuple of Drawn
        The verdicts on right solutions and on known wrong ones.
    equivalents : mapping of str to str
        Why a mutant is right too, by its name, as the questions say.
    seconds : float
        How long it took.
    """

    trials: tuple[Trial, ...]
    correct: tuple[Drawn, ...]
    misconceptions: tuple[Drawn, ...]
    equivalents: Mapping[str, str]
    seconds: float

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
        """The mutants said to be equivalent that are killed, or are no mutants."""
        standing = {t.mutant.name for t in self.equivalent}
        return [name for name in self.equivalents if name not in standing]

    @property
    def unnamed(self) -> list[Trial]:
        """The mutants that their own question killed without recognising a misconception."""
        return [t for t in self.killed if not t.named and not t.lost and t.killed_by == t.mutant.cell]

    @property
    def spoken(self) -> list[Trial]:
        """Those of them that general rules named a cause for."""
        return [t for t in self.unnamed if t.said]

    @property
    def misled(self) -> list[Trial]:
        """Those of them that were told a cause that is not theirs."""
        return [t for t in self.spoken if not_true(t)]


def findings(strength: Strength) -> list[Finding]:
    """Hold what was measured against what is asked, one claim after the other."""
    s = strength
    caught = len(s.killed) / max(len(s.killed) + len(s.survived), 1)
    right, wrong = 1 - len(s.misled) / max(len(s.spoken), 1), len(s.misled) / max(len(s.unnamed), 1)
    refused, unknown = ([_told(d, w) for d in drawn for w in d.wrong] for drawn in (s.correct, s.misconceptions))
    tight = [f"{name} uses {share:.0%}" for name, share in shares(s.correct).items() if share > SLACK]
    return [
        Finding(f"at least {KILLED:.0%} of the mutants are killed", caught >= KILLED, _names(s.survived)),
        Finding("every mutant said to be equivalent is one", not s.mistaken, "; ".join(s.mistaken)),
        Finding("no right solution is refused", not refused, "; ".join(refused[:3])),
        Finding("every misconception is called by its name", not unknown, "; ".join(unknown[:3])),
        Finding(
            f"at least {RIGHT:.0%} of the causes named by general rules are true", right >= RIGHT, _names(s.misled)
        ),
        Finding(f"at most {WRONG:.0%} of the mutants are told a wrong cause", wrong <= WRONG, _names(s.misled)),
        Finding(f"right solutions use at most {SLACK:.0%} of the tolerance", not tight, "; ".join(tight)),
    ]


def _told(drawn: Drawn, wrong: tuple[str, int, str]) -> str:
    variant, seed, why = wrong
    return f"{drawn.question}, {variant}, seed {seed}: {why}"


def _names(trials: Iterable[Trial]) -> str:
    return "; ".join(trial.mutant.name for trial in trials)


def shares(correct: Iterable[Drawn]) -> dict[str, float]:
    """Give the largest share of its tolerance that a right solution used: {"question, output (dtype)": share}."""
    found: dict[str, float] = {}
    for drawn in correct:
        for (output, dtype), share in drawn.shares.items():
            name = f"{drawn.question}, {output} ({dtype})"
            found[name] = max(share, found.get(name, 0.0))
    return found


def not_true(trial: Trial) -> list[str]:
    """Give the causes that were named for a mutant and are not true of it, by their tags."""
    return [tag for tag in trial.said if not _agrees(tag, trial.mutant.causes, trial.inputs)]


def _agrees(tag: str, causes: Iterable[str], inputs: frozenset[str]) -> bool:
    """Whether a tag is among those that are true; of a term, only the arrays that were put in count."""
    kind, _, rest = tag.partition(" ")
    for true in causes:
        same_kind, _, other = true.partition(" ")
        if tag == true or (tag == "state" and true == "in place"):
            return True
        if kind != same_kind:
            continue
        if kind == "factor" and other in rest.split(" or "):
            return True
        if kind == "entries" and rest in other.split(","):
            return True
        if kind == "term" and _term(rest, inputs) == _term(other, inputs):
            return True
    return False


def _term(told: str, inputs: frozenset[str]) -> tuple[frozenset[str], str]:
    names, _, times = told.partition(" times ")
    return frozenset(names.split(",")) & inputs, times


def measure(assignment: Assignment, draws: int, jobs: int, progress: Callable[[int, int], None]) -> Strength:
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
    questions = [q for q in assignment.questions if not q.file]
    equivalents = {name: why for q in questions for name, why in q.equivalents.items()}
    with trials.pool(assignment, jobs) as pool:
        tried = [pool.submit(trials.try_mutant, mutant) for mutant in mutants(assignment)]
        correct, known = (
            [pool.submit(judge, q.name, seeds) for q in questions for seeds in _batches(number)]
            for judge, number in ((trials.judge_correct, draws), (trials.judge_misconceptions, -(-draws // 10)))
        )
        waiting: list[Future[Any]] = [*tried, *correct, *known]
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                future.result()
                progress(done, len(waiting))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    right, wrong = ([future.result() for future in futures] for futures in (correct, known))
    found = tuple(future.result() for future in tried)
    return Strength(found, tuple(right), tuple(wrong), equivalents, time.perf_counter() - start)


def _batches(draws: int) -> list[range]:
    return [range(first, min(first + BATCH, draws)) for first in range(0, draws, BATCH)]
