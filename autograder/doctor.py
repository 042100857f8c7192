"""What this machine has for grading, what it lacks and what to do about it."""

import importlib.metadata
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment import find_course
from autograder.faults import GraderFault

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
    return [_python(), *map(_package, NEEDED), _alembic(), _course(start), _isolation()]


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


def _isolation() -> Health:
    if sys.platform == "win32":
        return Health("isolation", False, "none", "Grade on Linux, macOS or in WSL.")
    found = "separate process with limits on time, memory, file size and output"
    return Health("isolation", True, found, "Grade strangers' code on a machine that holds nothing else.")
