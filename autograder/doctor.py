"""What this machine has for grading, what it lacks and what to do about it."""

import shutil
from pathlib import Path

from autograder.assignment import find_course
from autograder.faults import GraderFault
from autograder.sandbox import levels
from autograder.sandbox.policy import WEAK
from cs231n_lite.doctor import Health, package, python

NEEDED = ("numpy", "nbgrader", "nbclient", "jupyter_client", "ipykernel", "nbformat", "typer", "rich", "jinja2")


def examine(start: Path) -> list[Health]:
    """Look at everything grading depends on; `start` is where the course is looked for."""
    return [
        python(),
        *(package(name, "Run: make install") for name in NEEDED),
        _alembic(),
        _course(start),
        *_isolation(),
    ]


def _alembic() -> Health:
    # nbgrader calls it by name; our own commands find it beside this interpreter.
    fine = bool(shutil.which("alembic"))
    advice = "" if fine else "Only plain nbgrader commands need it on PATH: activate the virtual environment."
    return Health("alembic on PATH", fine, "yes" if fine else "no", advice, optional=True)


def _course(start: Path) -> Health:
    try:
        course = find_course(start)
    except GraderFault as fault:
        return Health("course directory", False, "none", str(fault))
    names = sorted(path.parent.name for path in course.glob("source/*/*.ipynb"))
    return Health("course directory", True, f"{course.name}/ with {', '.join(names) or 'no assignment'}")


def _isolation() -> list[Health]:
    """Try every level of the wall; grading needs one, and should not have to do with the last."""
    obstacles = levels.available()
    possible = [level for level, obstacle in obstacles.items() if not obstacle]
    rows = [
        Health(f"isolation {level}", not why, why or "yes", levels.advice(level, why), optional=True)
        for level, why in obstacles.items()
    ]
    if not possible:
        advice = "Nothing can be graded here. Mend what one of the rows above names."
        return [*rows, Health("isolation", False, "none", advice)]
    strongest = possible[0]
    advice = WEAK.get(strongest, "")
    return [*rows, Health("isolation", not advice, f"{strongest} is used", advice, optional=True)]
