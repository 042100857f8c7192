"""What the notebooks are made of: ``python -m benchmarks.notebooks`` prints one line for each.

Blank lines, comments, docstrings and magics are not counted as code. Prose is every word of the text cells.

The median is that of the teaching cells. The answer to a closed question (a choice, a number, a match) is one line and
its check three, whatever the author does; in `conceptual_questions` they are 88 of 108 cells, and a median over them says
nothing about what a student has to read and write at a time. Every cell counts for the longest and for the words a line.
"""

import ast
import re
import statistics
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder import notebook
from autograder.assignment import Assignment, find_course, names_of_assignments
from autograder.closed_question import Closed

LONGEST, MEDIAN, WORDS = 25, (4, 6), 15  # what a model notebook keeps to


@dataclass(frozen=True)
class Measured:
    """The measures of one notebook."""

    name: str
    cells: int
    median: float
    longest: int
    words_a_line: float
    figures: int
    questions: int
    points: float

    @property
    def faults(self) -> list[str]:
        """Say where it leaves the model."""
        found = []
        if not MEDIAN[0] <= self.median <= MEDIAN[1]:
            found.append(f"median cell of {self.median:g} lines, not {MEDIAN[0]} to {MEDIAN[1]}")
        if self.longest > LONGEST:
            found.append(f"a cell of {self.longest} lines, not at most {LONGEST}")
        if self.words_a_line < WORDS:
            found.append(f"{self.words_a_line:.1f} words a code line, not at least {WORDS}")
        return found


def measure(assignment: Assignment) -> Measured:
    """Measure one source notebook."""
    cells = assignment.frame["cells"]
    closed = {cell for q in assignment.questions if isinstance(q, Closed) for cell in (q.name, f"check_{q.name}")}
    counted = [(c, n) for c in cells if c["cell_type"] == "code" and (n := code_lines(notebook.source_of(c)))]
    lines = [n for _, n in counted]
    taught = [n for c, n in counted if notebook.grade_id(c) not in closed]
    words = sum(len(re.findall(r"[A-Za-z]{2,}", notebook.source_of(c))) for c in cells if c["cell_type"] == "markdown")
    outputs = [output for c in cells for output in c.get("outputs", [])]
    return Measured(
        assignment.name,
        len(lines),
        statistics.median(taught),
        max(lines),
        words / sum(lines),
        sum("image/png" in output.get("data", {}) for output in outputs),
        len(assignment.questions) + sum(map(notebook.is_written, cells)),
        sum(q.max_points for q in assignment.questions) + assignment.by_hand,
    )


def code_lines(source: str) -> int:
    """Count the lines of a cell that hold code: no blanks, comments, docstrings or magics."""
    plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n"))
    said = {
        number
        for node in ast.walk(ast.parse(plain))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#") and number not in said
        for number, line in enumerate(plain.split("\n"), 1)
    )


def main() -> None:
    """Print the table."""
    course = find_course(Path.cwd())
    names = names_of_assignments(course)
    table = Table(box=None, pad_edge=False)
    for title in (
        "notebook",
        "code cells",
        "median lines",
        "longest",
        "words a line",
        "figures",
        "questions",
        "points",
    ):
        table.add_column(title, justify="left" if title == "notebook" else "right", no_wrap=title == "notebook")
    found = [measure(Assignment(course, name)) for name in names]
    for m in found:
        row = (m.cells, f"{m.median:g}", m.longest, f"{m.words_a_line:.1f}", m.figures, m.questions, f"{m.points:g}")
        table.add_row(m.name, *map(str, row))
    console = Console()
    console.print(table)
    for m in found:
        for fault in m.faults:
            console.print(f"{m.name}: {fault}", style="yellow")


if __name__ == "__main__":
    main()
