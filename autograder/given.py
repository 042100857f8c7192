"""What a later assignment needs of earlier ones: ``given.py``, generated from their reference solutions.

A checks file says what its notebook takes up, by the name of the earlier assignment::

    GIVEN = {"two_layer_net": ("affine_forward", "affine_backward")}

The notebook then says ``from given import affine_forward``. Nothing is written twice: students get the solution
they were marked against, and the grader puts the same file beside their notebook, whatever they made of it.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from autograder import notebook
from autograder.assignment import GIVEN_FILE, Assignment
from autograder.faults import GraderFault
from autograder.questions import undefined

_HEADER = '''"""Answers to earlier assignments, for this one to build on: from {origins}.

Generated from their reference solutions by `autograder release`; do not edit.
"""

import numpy as np
'''
_MARKERS = ("### BEGIN SOLUTION", "### END SOLUTION")


def text_of(assignment: Assignment) -> str:
    """Give the text of an assignment's ``given.py``; empty where it takes up nothing.

    Raises
    ------
    GraderFault
        If what it names is in no earlier solution, or uses something that is not given with it.
    """
    wanted = assignment.given
    if not wanted:
        return ""
    parts = [part for name, functions in wanted.items() for part in _cells(assignment, name, functions)]
    origins = ", ".join(f"`{name}`" for name in wanted)
    text = "\n\n".join([_HEADER.format(origins=origins), *parts]).rstrip() + "\n"
    missing = sorted(undefined(text))
    if missing:
        raise GraderFault(
            f"What is given to {assignment.name} must stand alone. It uses {', '.join(missing)}, which is not given "
            f"with it. Add that to GIVEN in {assignment.checks_path.name}."
        )
    return text


def write(assignment: Assignment) -> Path | None:
    """Write ``given.py`` beside the source notebook, or remove one that is no longer asked for."""
    path = assignment.source_path.with_name(GIVEN_FILE)
    text = text_of(assignment)
    if not text:
        path.unlink(missing_ok=True)
        return None
    path.write_text(text, encoding="utf-8")
    return path


def _cells(assignment: Assignment, name: str, functions: Iterable[str]) -> Iterator[str]:
    """Give the solution cells of an earlier assignment that define these functions, each once, without markers."""
    earlier = Assignment(assignment.course, name)
    cells = [
        notebook.source_of(c) for c in earlier.frame["cells"] if notebook.is_solution(c) and c["cell_type"] == "code"
    ]
    left = list(functions)
    for source in cells:
        here = _defined(source) & set(left)
        if here:
            left = [function for function in left if function not in here]
            yield "\n".join(line for line in source.split("\n") if line.strip() not in _MARKERS)
    if left:
        raise GraderFault(
            f"{assignment.checks_path.name} asks for {', '.join(left)} of {name}, whose solutions define no such thing. "
            "Correct GIVEN there."
        )


def _defined(source: str) -> set[str]:
    return {n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
