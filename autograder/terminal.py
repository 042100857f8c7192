"""What a grading run shows on the terminal: a bar while it goes on, then reports and a table."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from autograder import course as grading
from autograder.assignment import Assignment
from autograder.grade import Graded
from autograder.model import Report
from autograder.report import page, table
from autograder.sandbox import levels
from autograder.sandbox.policy import WEAK, Policy

console = Console()


def grade(
    assignment: Assignment,
    submitted: Path,
    submissions: Sequence[grading.Submission],
    jobs: int,
    policy: Policy,
    seed: int | None,
) -> list[Report]:
    """Grade submissions, record their marks, write the reports and print the table.

    Parameters
    ----------
    submitted : Path
        The folder of all submissions, where nbgrader looks for them too.
    submissions : sequence of Submission
        Those to grade.
    seed : int or None
        Of an earlier run, to draw its inputs again; None for a new one.
    """
    from autograder import nbgrader_bridge  # a second of imports that other commands need not wait for

    level = levels.choose(policy.isolation)
    if level in WEAK:
        console.print(Text(f"WARNING: {WEAK[level]}", style="bold red"))
    policy = replace(policy, isolation=level)
    with progress_bar() as progress:
        task = progress.add_task("Grading", total=len(submissions))

        def advance(submission: grading.Submission, graded: Graded) -> None:
            progress.update(task, advance=1, description=f"Graded {submission.student[:30]!r}")

        graded = grading.grade_all(
            assignment,
            submissions,
            jobs=jobs,
            policy=policy,
            seed=secrets.randbits(32) if seed is None else seed,
            progress=advance,
        )
    reports = [g.report for g in graded.values()]
    _write_reports(assignment, [*reports, *_others(assignment, submitted, reports)])
    console.print(table.ClassTable(reports))
    with console.status("Recording marks ..."):
        left_out = nbgrader_bridge.record(assignment.course, submitted, assignment.name, graded)
    for student in left_out:
        console.print(Text(_not_recorded(graded[student].report), style="red"))
    return reports


def warn_of_missing(students: Sequence[str], name: str) -> None:
    """Name those who have no folder to grade, so that nobody is overlooked."""
    if students:
        console.print(
            Text(f"No folder {name}/, so not graded and not in the report: {'; '.join(students)}", style="yellow")
        )


def _not_recorded(report: Report) -> str:
    """Say that nbgrader has no marks of a student, why, and what to do."""
    why = (
        report.fault
        or 'nbgrader refused them. Its names are on one line and without < > " * ? [, and begin with no dot.'
    )
    return f"No marks recorded for {report.student!r}, earlier ones stay: {why}"


def _others(assignment: Assignment, submitted: Path, reports: Sequence[Report]) -> list[Report]:
    """Give the reports of an earlier run on students who were not graded now and are still there."""
    try:
        text = (_results(assignment) / "class.json").read_text(encoding="utf-8")
        earlier = [Report.from_json(row) for row in json.loads(text)["reports"]]
    except (OSError, ValueError, KeyError, TypeError):  # there was none, or another version wrote it
        return []
    now = {report.student for report in reports}
    return [r for r in earlier if r.student not in now and (submitted / r.student / assignment.name).is_dir()]


def _results(assignment: Assignment) -> Path:
    return assignment.course / "results" / assignment.name


def _write_reports(assignment: Assignment, reports: Sequence[Report]) -> None:
    folder = _results(assignment)
    folder.mkdir(parents=True, exist_ok=True)
    reports = sorted(reports, key=lambda report: report.student)
    everything = {"assignment": assignment.name, "reports": [r.to_json() for r in reports]}
    (folder / "class.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")
    title = f"{assignment.name}: class report"
    (folder / "class.html").write_text(page.class_page(reports, title), encoding="utf-8")


def progress_bar() -> Progress:
    """Give a bar for long work, which goes when the work is done."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True)
