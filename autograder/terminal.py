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
        progress.update(task, description="Graded")
        task = progress.add_task("Recording marks", total=None)
        left_out = nbgrader_bridge.record(assignment.course, submitted, assignment.name, graded)
        progress.update(task, total=1, completed=1)
    reports = [g.report for g in graded.values()]
    _write_reports(assignment, reports)
    console.print(table.ClassTable(reports))
    for student in left_out:
        console.print(Text(f"{student!r} is in the report but nbgrader refused to record it.", style="red"))
    return reports


def _write_reports(assignment: Assignment, reports: Sequence[Report]) -> None:
    folder = assignment.course / "results" / assignment.name
    folder.mkdir(parents=True, exist_ok=True)
    everything = {"assignment": assignment.name, "reports": [r.to_json() for r in reports]}
    (folder / "class.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")
    title = f"{assignment.name}: class report"
    (folder / "class.html").write_text(page.class_page(reports, title), encoding="utf-8")


def progress_bar() -> Progress:
    """Give a bar for long work, which goes when the work is done."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True)
