"""Is an assignment fit to be released? Every claim here is tried, none taken on trust."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import explore, given, nbgrader_bridge, notebook, reference, samples
from autograder.assignment import GIVEN_FILE, Assignment
from autograder.faults import GraderFault
from autograder.grade import Graded, grade
from autograder.judge import judge
from autograder.model import Observation, Outcome, Verdict
from autograder.questions import Question
from autograder.sandbox import kernel
from autograder.sandbox.base import Sandbox
from autograder.sandbox.policy import Policy
from autograder.session import Session

MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
ALLOWED = {".ipynb", ".py", ".md", ".txt", ".png", ".svg", ".csv"}
SEEDS = (1, 2, 3)
_APART = "no other cell uses what explore cells bind"


@dataclass(frozen=True)
class Finding:
    """One claim about an assignment, and whether it holds."""

    claim: str
    holds: bool
    detail: str = ""


def verify(assignment: Assignment) -> Iterator[Finding]:
    """Try every claim about an assignment, one after the other.

    Raises
    ------
    GraderFault
        If source, checks or release cannot be read at all, or disagree on questions and points.
    """
    questions = assignment.questions
    yield from _well_formed(assignment)
    yield from release_findings(assignment)
    with reference.session(assignment) as expected:
        yield from _end_to_end(assignment, expected)
        for question in questions:
            if not question.file:
                yield from _variants(question, expected)


def _well_formed(assignment: Assignment) -> Iterator[Finding]:
    yield _apart(assignment.frame)
    for question in assignment.questions:
        foreign = sorted(question.free_names())
        yield Finding(
            f"{question.name}: the probe stands alone",
            not foreign,
            f"it uses {', '.join(foreign)}, which the student's process does not have" if foreign else "",
        )


def _apart(frame: notebook.Notebook) -> Finding:
    """Try that ``explore`` cells can be skipped; else a wrong answer is observed twice, the second time with all of them run."""
    try:
        names = sorted(explore.shared(notebook.code_of(frame)))
    except (SyntaxError, ValueError) as error:
        return Finding(_APART, False, f"a cell cannot be looked through: {error}")
    return Finding(_APART, not names, f"{', '.join(names)}: write another name in one of them" if names else "")


# -------------------------------------------------------------------------------- the release


def release_findings(assignment: Assignment) -> Iterator[Finding]:
    """Check that the release is what its source gives, and gives nothing away."""
    folder = assignment.release_path.parent
    found = leaks(assignment.frame, folder)
    yield Finding("the release gives nothing away", not found, "; ".join(found))
    here = assignment.source_path.with_name(GIVEN_FILE)
    current = given.text_of(assignment) == (here.read_text(encoding="utf-8") if here.is_file() else "")
    yield Finding(
        f"{GIVEN_FILE} is what the earlier references give",
        current,
        "" if current else f"it differs; run 'autograder release {assignment.name}'",
    )
    with tempfile.TemporaryDirectory() as name:
        nbgrader_bridge.release(assignment.course, assignment.name, Path(name))
        fresh = Path(name) / assignment.name
        differ = sorted(
            path.name for path in {*_relative(fresh), *_relative(folder)} if not _same_file(fresh / path, folder / path)
        )
    detail = f"{', '.join(differ)} differ; run 'autograder release {assignment.name}'" if differ else ""
    yield Finding("the release is what its source gives", not differ, detail)


def leaks(frame: notebook.Notebook, release: Path) -> list[str]:
    """Say what a released folder gives away: solutions, hidden checks, rubrics, outputs, compiled files."""
    found = [f"{path.name} is no file for students" for path in _relative(release) if path.suffix not in ALLOWED]
    secrets = _secret_lines(frame)
    for path in sorted(release.rglob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            name = notebook.grade_id(cell) or cell.get("id", "?")
            text = notebook.source_of(cell)
            found += [f"cell {name} holds '{m}'" for m in MARKERS if m in text]
            found += [f"cell {name} holds the secret line '{line.strip()}'" for line in _lines(text) if line in secrets]
            if cell.get("outputs") or cell.get("execution_count"):
                found.append(f"cell {name} holds an output")
    return found


def _secret_lines(frame: notebook.Notebook) -> set[str]:
    """Collect the lines inside marked regions that stand nowhere outside them."""
    secret: set[str] = set()
    shown: set[str] = set()
    for cell in frame["cells"]:
        inside = False
        for line in notebook.source_of(cell).split("\n"):
            if any(
                f"{word} {what}" in line for word in ("BEGIN", "END") for what in ("SOLUTION", "HIDDEN", "MARK SCHEME")
            ):
                inside = "BEGIN" in line
            else:
                (secret if inside else shown).update(_lines(line))
    return secret - shown


def _lines(text: str) -> list[str]:
    # A line shorter than this (`return out`, `else:`) says nothing.
    return [stripped for line in text.split("\n") if len(stripped := line.strip()) >= 12]


def _relative(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _same_file(a: Path, b: Path) -> bool:
    return a.is_file() and b.is_file() and a.read_bytes() == b.read_bytes()


# ------------------------------------------------------------------------------- end to end


def _end_to_end(assignment: Assignment, expected: Session) -> Iterator[Finding]:
    with (
        tempfile.TemporaryDirectory() as name,
        kernel.opened(Policy(), [assignment.course], assignment.beside) as sandbox,
    ):
        complete = samples.write(assignment, samples.COMPLETE, Path(name) / "complete")
        graded = _graded(complete, assignment, expected, sandbox)
        lost = [
            f"{o.question}: {' '.join(o.reasons)}" for o in graded.report.outcomes if o.verdict is not Verdict.PASSED
        ]
        yield Finding("the reference gets full marks", not lost, "; ".join(lost))
        untouched = samples.write(assignment, samples.UNTOUCHED, Path(name) / "untouched")
        outcomes = _graded(untouched, assignment, expected, sandbox).report.outcomes
        gained = [o.question for o in outcomes if o.points or o.verdict is not Verdict.FAILED]
        yield Finding("the untouched release gets no marks", not gained, ", ".join(gained))
        silent = [o.question for o in outcomes if not any(o.question in reason for reason in o.reasons)]
        yield Finding("the untouched release is told so for each question", not silent, ", ".join(silent))


def _graded(folder: Path, assignment: Assignment, expected: Session, sandbox: Sandbox) -> Graded:
    return grade(folder, "verify", assignment, expected, sandbox, SEEDS[0])


# ---------------------------------------------------------------------------------- variants


class AsStudent(Session):
    """A variant in the reference's process, in the place of a student's code: fast, and in no need of a wall."""

    def __init__(self, expected: Session, variant: str) -> None:
        self._expected = expected
        self._variant = variant

    def observe(
        self, source: str, probe: str, inputs: Mapping[str, Any], *, seed: int = 0, variant: str = ""
    ) -> Observation:
        """Observe the variant, whichever is asked for."""
        seen = self._expected.observe(source, probe, inputs, seed=seed, variant=self._variant)
        if seen.raised and seen.raised.type_name == reference.BrokenVariant.__name__:
            raise GraderFault(seen.raised.message)
        return seen


def judge_variant(question: Question, variant: str, expected: Session, seed: int) -> Outcome:
    """Judge one of a question's own variants as if a student had written it."""
    return judge(question, AsStudent(expected, f"{question.name}/{variant}"), expected, seed)


def _variants(question: Question, expected: Session) -> Iterator[Finding]:
    for variant in question.correct:
        outcomes = [judge_variant(question, variant, expected, seed) for seed in SEEDS]
        reasons = [reason for o in outcomes for reason in o.reasons]
        passed = all(o.verdict is Verdict.PASSED for o in outcomes)
        yield Finding(f"{question.name}: the correct variant '{variant}' passes", passed, "; ".join(reasons[:1]))
    for variant in question.misconceptions:
        outcomes = [judge_variant(question, variant, expected, seed) for seed in SEEDS]
        failed = all(o.verdict is Verdict.FAILED for o in outcomes)
        yield Finding(f"{question.name}: the misconception '{variant}' fails", failed, "it passes")
        headlines = {o.headline for o in outcomes}
        named = headlines == {question.sentence(variant)}
        yield Finding(f"{question.name}: the misconception '{variant}' is named", named, "; ".join(sorted(headlines)))
