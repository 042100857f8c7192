"""What this machine has for grading, what it lacks and what to do about it."""

import importlib.metadata
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment import find_course
from autograder.faults import GraderFault
from autograder.sandbox import levels
from autograder.sandbox.policy import WEAK

NEEDED = ("numpy", "nbgrader", "nbclient", "jupyter_client", "ipykernel", "nbformat", "typer", "rich", "jinja2")


@dataclass(frozen=True)
class Health:
    """One thing looked at: what was found and, where it is not fine, what to do."""

    what: str
    fine: bool
    found: str
    advice: str = ""
    optional: bool = False


def examine(start: Path) -> list[Health]:
    """Look at everything grading depends on; `start` is where the course is looked for."""
    return [_python(), *map(_package, NEEDED), _alembic(), _course(start), *_isolation()]


def _python() -> Health:
    fine = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Health("Python", fine, platform.python_version(), "" if fine else "Install Python 3.11, 3.12 or 3.13.")


def _package(name: str) -> Health:
    try:
        return Health(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Health(name, False, "not installed", "Run: make install")


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
