"""``autograder``: the commands an instructor types. The only room that exits, and with `terminal` the only ones that print."""

import logging
import os
import shutil
import sys
import warnings
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from autograder import course as grading
from autograder import doctor as health
from autograder import terminal
from autograder.assignment import Assignment, find_course, names_of_assignments
from autograder.faults import AutograderError, GraderFault, SubmissionFault
from autograder.report import table
from autograder.sandbox.policy import AUTO, LEVELS, Policy
from autograder.terminal import console, progress_bar
from cs231n_lite.cli import health_table

HELP = "Release, grade and verify course assignments whose answers are NumPy code."
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)

Name = Annotated[str, typer.Argument(help="The assignment, such as two_layer_net.")]
CourseOption = Annotated[Path | None, typer.Option("--course", help="The course directory; found by itself.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="How many worker processes.")]
Isolation = Annotated[
    str, typer.Option("--isolation", help=f"The wall: {AUTO} for the strongest, or one of {', '.join(LEVELS)}.")
]
Seconds = Annotated[float, typer.Option(min=0.5, help="How long one observation of one question may take.")]
DEFAULT_JOBS = max(1, os.cpu_count() or 1)


def _assignment(course: Path | None, name: str) -> Assignment:
    return Assignment(find_course(course or Path.cwd()), name)


def _existing(course: Path | None, name: str) -> Assignment:
    """Give an assignment that is there, or say which are."""
    assignment = _assignment(course, name)
    known = names_of_assignments(assignment.course)
    if name not in known and not assignment.source_path.is_file():
        raise GraderFault(
            f"Looked for the assignment {name!r} in {assignment.course.name}/; it is not there. Correct the name; "
            f"there are: {', '.join(known)}."
        )
    return assignment


@app.command()
def new(name: Name, course: CourseOption = None) -> None:
    """Begin an assignment: a notebook and checks with one complete question, to replace with your own."""
    from autograder import nbgrader_bridge, scaffold

    assignment = _assignment(course, name)
    scaffold.create(assignment)
    nbgrader_bridge.release(assignment.course, name)
    for path in (assignment.source_path, assignment.checks_path):
        console.print(Text(f"Wrote {os.path.relpath(path)}"))
    console.print(Text(f"Released. Next: autograder verify {name}, and docs/authors.md."))


@app.command()
def release(
    name: Name,
    course: CourseOption = None,
    shuffle: Annotated[
        list[str] | None, typer.Option("--shuffle", help="Write this student's own order of options too; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The course's seed, for --shuffle.")] = 0,
) -> None:
    """Generate what students get from the source notebook, with nbgrader, and check that it gives nothing away."""
    from autograder import given, nbgrader_bridge, personal, verify

    assignment = _existing(course, name)
    given.write(assignment)
    nbgrader_bridge.release(assignment.course, name)
    _ = assignment.questions
    found = verify.leaks(assignment.frame, assignment.release_path.parent)
    for leak in found:
        console.print(Text(f"Leak: {leak}", style="red"))
    if found:
        raise typer.Exit(1)
    console.print(f"Released {name}: {len(assignment.questions)} questions, nothing given away.")
    for student in shuffle or ():
        folder = personal.write(assignment, student, seed)
        console.print(Text(f"Options in the order of {student!r}: {folder.relative_to(assignment.course)}"))


@app.command()
def grade(
    name: Name,
    course: CourseOption = None,
    submitted: Annotated[
        Path | None, typer.Option("--submitted", help="Where <student>/<assignment>/ lie; submitted/ of the course.")
    ] = None,
    student: Annotated[list[str] | None, typer.Option("--student", help="Grade only this student; repeatable.")] = None,
    jobs: Jobs = DEFAULT_JOBS,
    question_seconds: Seconds = Policy.question_seconds,
    isolation: Isolation = AUTO,
    seed: Annotated[int | None, typer.Option(help="Draw the inputs of an earlier run again.")] = None,
) -> None:
    """Grade submissions: run each in a process of its own, judge outside it, record marks in nbgrader's gradebook."""
    assignment = _existing(course, name)
    where = (submitted or assignment.course / "submitted").resolve()
    submissions = grading.find_submissions(where, name)
    if student:
        missing = sorted(set(student) - {s.student for s in submissions})
        if missing:
            raise SubmissionFault(
                f"Looked for submissions of {', '.join(map(repr, missing))} under {where.name}/; there are none. "
                "Correct the name: it is that of the student's folder."
            )
        submissions = [s for s in submissions if s.student in student]
    policy = replace(Policy(), question_seconds=question_seconds, isolation=isolation)
    reports = terminal.grade(assignment, where, submissions, jobs, policy, seed)
    if not student:
        terminal.warn_of_missing(grading.missing(where, name), name)
    console.print(table.summary(reports))


@app.command()
def verify(
    name: Annotated[str, typer.Argument(help="The assignment, such as two_layer_net; none with --all.")] = "",
    course: CourseOption = None,
    every: Annotated[bool, typer.Option("--all", help="Verify every assignment of the course.")] = False,
    strength: Annotated[
        bool, typer.Option("--strength", help="Also try every small mistake, and right solutions on many draws.")
    ] = False,
    draws: Annotated[int, typer.Option(min=1, help="With --strength: draws for each right solution.")] = 1000,
    jobs: Jobs = DEFAULT_JOBS,
) -> None:
    """Try every claim about an assignment: reference, stubs, variants, release. Exits 1 if one does not hold."""
    if bool(name) == every:
        raise typer.BadParameter("Give the name of an assignment, or --all for every one; not both and not neither.")
    where = find_course(course or Path.cwd())
    broken = 0
    for each in names_of_assignments(where) if every else [name]:
        assignment = _existing(where, each)
        broken += _verify(assignment)
        if strength:
            broken += _measure(assignment, draws, jobs)
    if broken:
        raise typer.Exit(1)


def _verify(assignment: Assignment) -> int:
    """Try the claims about one assignment, print those that do not hold, and give how many they are."""
    from autograder import verify as verifying

    broken = held = 0
    with console.status(f"Verifying {assignment.name} ...") as status:
        for finding in verifying.verify(assignment):
            status.update(Text(f"Verified: {finding.claim}"))
            if finding.holds:
                held += 1
            else:
                broken += 1
                console.print(Text.assemble(("broken  ", "bold red"), finding.claim, f": {finding.detail}"))
    console.print(f"{assignment.name}: {held} claims hold, {broken} are broken.")
    return broken


def _measure(assignment: Assignment, draws: int, jobs: int) -> int:
    """Measure the strength of the checks, print it, and give how many claims about it are broken."""
    from autograder import strength as measuring
    from autograder.report import strength as report

    with progress_bar() as progress:
        task = progress.add_task("Trying mistakes and right solutions", total=None)
        measured = measuring.measure(
            assignment, draws, jobs, lambda done, of: progress.update(task, completed=done, total=of)
        )
    wide = Console(width=max(console.width, report.WIDTH))  # a table cut off says nothing
    wide.print(report.strength_table(measured), *report.details(measured), sep="\n", soft_wrap=True)
    console.print(f"{assignment.name}: strength measured in {measured.seconds:.0f} s by {jobs} workers.")
    return sum(not finding.holds for finding in measuring.findings(measured))


@app.command()
def demo(
    jobs: Jobs = DEFAULT_JOBS,
    course: CourseOption = None,
    isolation: Isolation = AUTO,
    name: Annotated[str, typer.Option(help="The assignment to show.")] = "two_layer_net",
    folder: Annotated[Path, typer.Option(help="Where the demonstration is written.")] = Path("build/demo"),
    show: Annotated[bool, typer.Option("--open/--no-open", help="Open the report in a browser.")] = True,
) -> None:
    """Release an assignment, grade the sample submissions and open the report, in a folder of its own."""
    from autograder import nbgrader_bridge, samples

    original = _assignment(course, name)
    shutil.rmtree(folder, ignore_errors=True)
    assignment = original.copy_to(folder.resolve())
    console.print(f"Releasing {name} ...")
    nbgrader_bridge.release(assignment.course, name)
    students = samples.names(assignment)
    with progress_bar() as progress:
        task = progress.add_task("Writing sample submissions", total=len(students))
        for student in students:
            samples.write(assignment, student, assignment.course / "submitted" / student / name)
            progress.advance(task)
    submissions = grading.find_submissions(assignment.course / "submitted", name)
    policy = replace(Policy(), question_seconds=3.0, isolation=isolation)
    reports = terminal.grade(assignment, assignment.course / "submitted", submissions, jobs, policy, None)
    console.print(table.reasons(reports))
    console.print(table.summary(reports))
    report = assignment.course / "results" / name / "class.html"
    console.print(Text(f"Report: {os.path.relpath(report)}"))
    if show and sys.stdout.isatty() and (os.environ.get("DISPLAY") or sys.platform in ("darwin", "win32")):
        webbrowser.open(report.as_uri())


@app.command()
def doctor(course: CourseOption = None) -> None:
    """Say what this machine has for grading, what it lacks and how to mend it. Exits 1 if grading cannot work."""
    findings = health.examine(course or Path.cwd())
    console.print(health_table(findings))
    if any(not f.fine and not f.optional for f in findings):
        raise typer.Exit(1)


def main() -> None:
    """Run a command; a fault of ours or of a submission is one clear sentence and exit code 2."""
    warnings.filterwarnings("ignore", module="nbgrader|nbconvert|traitlets|zmq|nbformat")
    logging.disable(logging.WARNING)
    try:
        app(prog_name="autograder")
    except AutograderError as error:
        console.print(Text(str(error), style="red"), soft_wrap=True)
        sys.exit(2)
