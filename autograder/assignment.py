"""An assignment as the instructor wrote it: source notebook, released stubs and questions."""

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autograder import notebook
from autograder.explore import without_magics
from autograder.faults import GraderFault
from autograder.questions import Question, load_given, load_questions

CONFIG = "nbgrader_config.py"
GIVEN_FILE = "given.py"


def find_course(start: Path) -> Path:
    """Find the course directory at or above `start`, or in its ``assignments`` folder."""
    start = start.resolve()
    for folder in (start / "assignments", start, *start.parents):
        if (folder / CONFIG).is_file():
            return folder
    raise GraderFault(
        f"Looked for a course (a folder with {CONFIG}) here and above; there is none. "
        "Run this inside the checkout, or name the folder with --course."
    )


def names_of_assignments(course: Path) -> list[str]:
    """Name every assignment of a course that has questions."""
    names = sorted(path.stem for path in (course / "checks").glob("*.py") if not path.stem.startswith("_"))
    if not names:
        raise GraderFault(
            f"Looked for assignments in {course.name}/checks; there are none. Write the questions of one there."
        )
    return names


def check_id(question: str) -> str:
    """Give the grade id of the cell that carries a question's points."""
    return f"check_{question}"


@dataclass(frozen=True)
class Assignment:
    """One assignment of a course directory.

    Parameters
    ----------
    course : Path
        The folder that holds ``source/``, ``checks/`` and ``release/``.
    name : str
        The assignment's name, which is also its notebook's.
    """

    course: Path
    name: str

    @property
    def source_path(self) -> Path:
        """Where the instructor's notebook is."""
        return self.course / "source" / self.name / f"{self.name}.ipynb"

    @property
    def release_path(self) -> Path:
        """Where the released notebook is."""
        return self.course / "release" / self.name / f"{self.name}.ipynb"

    @property
    def checks_path(self) -> Path:
        """Where the questions are."""
        return self.course / "checks" / f"{self.name}.py"

    @cached_property
    def frame(self) -> notebook.Notebook:
        """The instructor's notebook, solutions and hidden tests included."""
        return _load(self.source_path, "Write it, or correct the name")

    @cached_property
    def stubs(self) -> dict[str, str]:
        """The released text of each solution cell, by grade id."""
        release = _load(self.release_path, f"Run 'autograder release {self.name}' first")
        stubs = {notebook.grade_id(c): notebook.source_of(c) for c in release["cells"] if notebook.is_solution(c)}
        expected = {notebook.grade_id(c) for c in self.frame["cells"] if notebook.is_solution(c)}
        if set(stubs) != expected:
            raise GraderFault(
                f"The release of {self.name} must have the solution cells of its source. "
                f"These differ: {', '.join(sorted(set(stubs) ^ expected))}. Run 'autograder release {self.name}'."
            )
        return stubs

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """The questions, checked against the notebook's cells and points."""
        questions = load_questions(self.checks_path)
        worth = {notebook.grade_id(c): notebook.points(c) for c in self.frame["cells"] if notebook.is_check(c)}
        asked = {check_id(q.name): q.max_points for q in questions}
        if worth != asked:
            differ = sorted(k for k in worth.keys() | asked.keys() if worth.get(k) != asked.get(k))
            raise GraderFault(
                f"Notebook and checks of {self.name} must agree on questions and points. They differ on: "
                + "; ".join(f"{k}: {worth.get(k)} in the notebook, {asked.get(k)} in the checks" for k in differ)
                + ". Correct one of them."
            )
        return questions

    @cached_property
    def given(self) -> dict[str, tuple[str, ...]]:
        """What it takes up from earlier assignments; see `autograder.given`."""
        return load_given(self.checks_path)

    @property
    def beside(self) -> tuple[Path, ...]:
        """The files that the notebook needs beside it, and that a student's copy must not replace."""
        path = self.source_path.with_name(GIVEN_FILE)
        return (path,) if path.is_file() else ()

    @property
    def by_hand(self) -> float:
        """The points of the written questions."""
        return sum(notebook.points(c) for c in self.frame["cells"] if notebook.is_written(c))

    def copy_to(self, folder: Path) -> "Assignment":
        """Copy what this assignment needs, its samples included, into a course directory of its own."""
        copy = Assignment(folder, self.name)
        for path in (self.source_path, self.checks_path, self.course / CONFIG, *self.beside):
            target = folder / path.relative_to(self.course)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        samples = Path("samples") / self.name
        if (self.course / samples).is_dir():
            shutil.copytree(self.course / samples, folder / samples, ignore=shutil.ignore_patterns("__pycache__"))
        return copy

    def reference_code(self) -> list[tuple[str, str]]:
        """Give the cells that define the reference, as (name, plain Python)."""
        return [
            (notebook.grade_id(cell) or cell["id"], without_magics(notebook.source_of(cell)))
            for cell in self.frame["cells"]
            if cell["cell_type"] == "code" and not notebook.is_check(cell) and not notebook.explores(cell)
        ]


def _load(path: Path, advice: str) -> notebook.Notebook:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise GraderFault(
            f"Looked for the notebook {path.parent.name}/{path.name}; it is not there. {advice}."
        ) from error
    except ValueError as error:
        raise GraderFault(f"The notebook {path.parent.name}/{path.name} is not valid JSON. {advice}.") from error
    return content
