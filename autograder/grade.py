"""One submission, end to end: read it, run it, judge it. No database in here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat.v4 import new_output

from autograder import execute, explore, follow, handin, markdown, notebook, outputs
from autograder.assignment import Assignment, check_id
from autograder.faults import GraderFault, SubmissionFault
from autograder.judge import judge
from autograder.model import Outcome, Report, Verdict, all_failed, all_ungraded, summary
from autograder.questions import Question
from autograder.restore import restore
from autograder.sandbox.base import Sandbox
from autograder.session import Session
from autograder.text import plain

# Outputs of a check cell that we could not judge carry this key, for the gradebook.
UNGRADED_KEY = "ungraded"


@dataclass(frozen=True)
class Graded:
    """What came of a submission: its report, and its notebook with our outputs in the check cells."""

    report: Report
    notebook: notebook.Notebook


def grade(
    submission: Path, student: str, assignment: Assignment, reference: Session, sandbox: Sandbox, seed: int
) -> Graded:
    """Grade the notebook a student handed in, whatever it holds.

    Parameters
    ----------
    submission : Path
        The folder with ``<assignment>.ipynb`` and the files handed in beside it.
    reference : Session
        See `autograder.reference.session`.
    sandbox : Sandbox
        See `autograder.sandbox.kernel.opened`.
    """
    book, notes, fault = read(submission / f"{assignment.name}.ipynb", assignment)
    if fault:
        outcomes = {q.name: all_failed(q.name, q.points, fault) for q in assignment.questions}
    else:
        book, outcomes = mark(book, assignment, reference, sandbox, submission, seed)
    write_outputs(book, outcomes)
    ordered = tuple(outcomes[q.name] for q in assignment.questions)
    return Graded(Report(student, assignment.name, ordered, assignment.by_hand, fault, notes, seed), book)


def read(path: Path, assignment: Assignment) -> tuple[notebook.Notebook, tuple[str, ...], str]:
    """Put a submitted file on the instructor's frame; an unusable one gives the frame with its stubs and the fault."""
    fault = ""
    submitted: notebook.Notebook = {"cells": []}
    try:
        submitted = notebook.read(_bytes(path))
    except SubmissionFault as found:
        fault = str(found)
    book, notes = restore(assignment.frame, submitted, assignment.stubs)
    return markdown.harmless(book, assignment.frame), () if fault else notes, fault


def _bytes(path: Path) -> bytes:
    # Neither a student's folder nor the assignment's in it: a link could lead to somebody else's answers.
    if any(folder.is_symlink() for folder in (path.parent, path.parent.parent)):
        raise SubmissionFault(
            f"The folder of {path.name} must be a folder. Got a link instead. Hand in the notebook itself, not a link to it."
        )
    if path.is_symlink() or not path.is_file():
        raise SubmissionFault(
            f"The notebook {path.name} was not handed in{_instead(path)}. Hand it in under exactly this name."
        )
    with path.open("rb") as file:
        return file.read(notebook.MAX_BYTES + 1)


def _instead(path: Path) -> str:
    """Name what may be meant by a missing notebook: another name, a folder too many, an archive."""
    inside = [p for pattern in ("*", "*/*") for p in path.parent.glob(pattern)] if path.parent.is_dir() else []
    inside = [p for p in inside if not p.parent.is_symlink()]  # it could lead to folders of ours
    found = sorted(str(p.relative_to(path.parent)) for p in inside if p.suffix in (".ipynb", ".zip", ".py"))
    return f"; there is {plain(found[0])[:100]!r} instead" if found else ""


def mark(
    book: notebook.Notebook, assignment: Assignment, reference: Session, sandbox: Sandbox, folder: Path, seed: int
) -> tuple[notebook.Notebook, dict[str, Outcome]]:
    """Run a restored notebook and judge its questions.

    Cells tagged ``explore`` are skipped at first. Where an answer then fails and could depend on one of
    them, it is observed again with them before the verdict counts, so skipping can never cost a mark. An
    answer that is wrong only through an earlier one keeps its marks; see `follow`.
    """
    probed = {check_id(q.name): q for q in assignment.questions if not q.file}

    def observe(question: Question, student: Session) -> Outcome:
        try:
            return judge(question, student, reference, seed)
        except GraderFault as fault:
            return all_ungraded(question.name, question.points, str(fault))

    deadline = sandbox.clock() + sandbox.policy.notebook_seconds
    done, outcomes = execute.run(book, probed, observe, sandbox, folder, deadline=deadline, explore=False)
    judged = Verdict.PASSED, Verdict.UNGRADED
    failed = {cell: q for cell, q in probed.items() if q.name not in outcomes or outcomes[q.name].verdict not in judged}
    needed = bool(failed) and explore.may_matter(assignment.frame, book)
    if needed:
        done, again = execute.run(book, failed, observe, sandbox, folder, deadline=deadline, explore=True)
        outcomes |= again
    for question in probed.values():
        outcomes.setdefault(question.name, execute.not_reached(question, sandbox.policy))

    later = sandbox.clock() + sandbox.policy.notebook_seconds

    def observe_again(changed: notebook.Notebook, question: Question) -> Outcome | None:
        asked = {check_id(question.name): question}
        _, seen = execute.run(changed, asked, observe, sandbox, folder, deadline=later, explore=needed)
        return seen.get(question.name)

    outcomes = follow.through(book, assignment.frame, tuple(probed.values()), outcomes, observe_again)
    for question in assignment.questions:
        if question.file:
            try:
                outcomes[question.name] = handin.judge_model(question, folder, reference, seed)
            except GraderFault as fault:
                outcomes[question.name] = all_ungraded(question.name, question.points, str(fault))
    return json.loads(json.dumps(outputs.harmless(done))), outcomes


def write_outputs(book: notebook.Notebook, outcomes: Mapping[str, Outcome]) -> None:
    """Write each verdict into its check cell, in the form nbgrader's gradebook reads.

    An error scores zero, a number that many points. Only we write here: nothing of the student's
    process reaches these outputs.
    """
    by_cell = {check_id(name): outcome for name, outcome in outcomes.items()}
    for cell in book["cells"]:
        outcome = by_cell.get(notebook.grade_id(cell))
        if outcome and notebook.is_check(cell):
            cell["execution_count"] = 1
            cell["outputs"] = _outputs(outcome)


def _outputs(outcome: Outcome) -> list[dict[str, object]]:
    lines = [summary(outcome), *(f"- {reason}" for reason in outcome.reasons), *(f"Note: {n}" for n in outcome.notes)]
    text = "\n".join(lines)
    if outcome.verdict is Verdict.UNGRADED:
        return [new_output("display_data", {"text/plain": text}, metadata={UNGRADED_KEY: True})]
    if outcome.points == 0:
        return [new_output("error", ename="Failed", evalue=outcome.reasons[0], traceback=lines)]
    points = repr(float(outcome.points))
    return [
        new_output("stream", name="stdout", text=text + "\n"),
        new_output("execute_result", {"text/plain": points}, execution_count=1),
    ]
