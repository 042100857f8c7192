"""A new assignment to start from: one small question that is complete, released and verified at once."""

import json
import re

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.assignment import Assignment, check_id
from autograder.faults import GraderFault

QUESTION = "centre_columns"

_PROMISE = """# {title}

Say here in two or three sentences what is built, what a student needs for it, how long it takes and how many points there
are. This notebook holds one small question to start from; replace it with your own.
"""

_SETUP = """# Run this cell first, every time you open the notebook.
import numpy as np

from cs231n_lite import expect
from cs231n_lite.compare import expect_unchanged"""

_IDEA = """## 1. `centre_columns`: take away what all rows share

**Idea.** Each row of $x$ is an example, each column a feature. Subtracting the mean of a column moves its centre to zero:
$\\text{out}_{nd} = x_{nd} - \\frac{1}{N} \\sum_k x_{kd}$.

**By hand.** For the rows $(1, 10)$ and $(3, 30)$ the means are $2$ and $20$, so the answer is $(-1, -10)$ and $(1, 10)$.

**Your turn.** One line."""

_ANSWER = '''def centre_columns(x):
    """Subtract from every column its mean over the rows.

    Parameters
    ----------
    x : ndarray, shape (N, D)
        N examples; left unchanged.

    Returns
    -------
    out : ndarray, shape (N, D)
        `x` with columns of mean zero.
    """
    # TODO centre_columns: 1 line.
    ### BEGIN SOLUTION
    return x - x.mean(axis=0)
    ### END SOLUTION'''

_CHECK = """x = np.array([[1.0, 10.0], [3.0, 30.0]])
before = x.copy()
expect("centre_columns, out", centre_columns(x), np.array([[-1.0, -10.0], [1.0, 10.0]]))
expect_unchanged("centre_columns", {"x": before}, {"x": x})
### BEGIN HIDDEN TESTS
from autograder.incell import check

check("centre_columns")
### END HIDDEN TESTS"""

CHECKS = '''"""The questions of `{name}`: how each is observed, what it is worth, how it goes wrong."""

import numpy as np

from autograder.model import Case
from autograder.questions import question


def rows(rng):
    """Draw tables: an ordinary one, one with more columns than rows, one far from zero, and a single row."""
    for label, n, d, shift in [("7 rows", 7, 3, 0), ("more columns", 4, 6, 0), ("far away", 5, 2, 100), ("one row", 1, 4, 0)]:
        yield Case(label, {{"x": shift + rng.normal(size=(n, d))}}, {{"N": n, "D": d}})


@question(points={{"out": 3, "inputs": 1}}, draw=rows)
def centre_columns(student, x):
    return {{"out": student.centre_columns(x)}}


# Other solutions that are right. Each must pass.


@centre_columns.correct_variant
def by_loops(reference):
    def centre_columns(x):
        out = np.empty_like(x)
        for d in range(x.shape[1]):
            out[:, d] = x[:, d] - sum(x[:, d]) / len(x)
        return out

    return {{"centre_columns": centre_columns}}


@centre_columns.correct_variant
def by_a_matrix_product(reference):
    return {{"centre_columns": lambda x: x - np.ones((1, len(x))) @ x / len(x)}}


# Known mistakes. Each must fail, and its student reads the sentence below it.


@centre_columns.misconception
def mean_over_everything(reference):
    """One mean was subtracted from the whole table; every column has a mean of its own: take it with axis=0."""
    return {{"centre_columns": lambda x: x - x.mean()}}


@centre_columns.misconception
def mean_over_each_row(reference):
    """The mean of each row was subtracted; the examples are the rows, so take the mean over them: axis=0."""
    return {{"centre_columns": lambda x: x - x.mean(axis=1, keepdims=True)}}


@centre_columns.misconception
def table_changed(reference):
    """The values are right, but `x` itself was changed: write `x - mean`, which makes a new array, not `x -= mean`."""

    def centre_columns(x):
        x -= x.mean(axis=0)
        return x

    return {{"centre_columns": centre_columns}}
'''


def create(assignment: Assignment) -> None:
    """Write the source notebook and the checks of a new assignment.

    Raises
    ------
    GraderFault
        If the name cannot be one, or there is such an assignment already.
    """
    name = assignment.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise GraderFault(f"The name of an assignment has small letters, digits and underscores. Got {name!r:.60}.")
    for path in (assignment.source_path, assignment.checks_path):
        if path.exists():
            raise GraderFault(f"A new assignment needs a new name. {path.name} is there already; choose another name.")
    cells = [
        new_markdown_cell(_PROMISE.format(title=name.replace("_", " ").capitalize()), id="promise"),
        _code("setup", _SETUP, locked=True),
        new_markdown_cell(_IDEA, id="idea"),
        _code(QUESTION, _ANSWER, solution=True),
        _code(check_id(QUESTION), _CHECK, grade=True, locked=True, points=4),
    ]
    metadata = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    for path in (assignment.source_path, assignment.checks_path):
        path.parent.mkdir(parents=True, exist_ok=True)
    book = new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(book)
    assignment.source_path.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assignment.checks_path.write_text(CHECKS.format(name=name), encoding="utf-8")


def _code(name: str, source: str, **nbgrader: object) -> nbformat.NotebookNode:
    marks = {"schema_version": 3, "grade_id": name, "grade": False, "locked": False, "solution": False} | nbgrader
    return new_code_cell(source, id=name.replace("_", "-"), metadata={"nbgrader": marks})
