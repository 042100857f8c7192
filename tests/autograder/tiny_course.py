"""A course of two small questions, in files of its own: `halve` is checked weakly, `total` well."""

import json

from autograder.assignment import Assignment

HALVE = """def halve(x):
    ### BEGIN SOLUTION
    return abs(x) / 2
    ### END SOLUTION
"""
TOTAL = """def total(x):
    ### BEGIN SOLUTION
    out = x.sum(axis=0)
    return out * 3
    ### END SOLUTION
"""
CHECKS = '''
import numpy as np

from autograder.model import Case
from autograder.questions import question


def positive(rng):
    for n, m in ((2, 3), (3, 4), (1, 5)):
        yield Case(f"{n} rows", {"x": rng.uniform(1.0, 2.0, (n, m))}, {"N": n, "M": m})


def any_sign(rng):
    for n, m in ((2, 3), (4, int(rng.integers(5, 9))), (1, 5)):
        yield Case(f"{n} rows", {"x": rng.normal(size=(n, m))}, {"N": n, "M": m})


@question(points={"out": 1}, draw=positive)
def halve(student, x):
    return {"out": student.halve(x)}


@question(points={"out": 1, "inputs": 1}, draw=any_sign)
def total(student, x):
    return {"out": student.total(x)}


@total.correct_variant
def vectorised(reference):
    return {"total": lambda x: 3 * x.sum(axis=0)}


@total.correct_variant
def single(reference):
    return {"total": lambda x: 3 * x.astype(np.float32).sum(axis=0)}


@total.misconception
def averaged(reference):
    """This is the mean."""
    return {"total": lambda x: 3 * x.mean(axis=0)}


halve.equivalent("halve:1 abs(x) / 2 -> x / 2", "Only positive numbers are drawn, which is the point of this question.")
'''


def write(folder, checks="", halve=HALVE, total=TOTAL):
    """Write the course and give its assignment; `checks` is added to the checks file."""
    cells = [
        {"id": "setup", "cell_type": "code", "metadata": {}, "source": "import numpy as np"},
        *(_solution(*named) for named in (("halve", halve), ("total", total))),
        *(_check(*named) for named in (("halve", 1), ("total", 2))),
    ]
    for cell in cells:
        cell |= {"outputs": [], "execution_count": None}
    course = Assignment(folder / "course", "tiny")
    course.source_path.parent.mkdir(parents=True)
    course.checks_path.parent.mkdir()
    (course.course / "nbgrader_config.py").write_text("")
    course.source_path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    course.checks_path.write_text(CHECKS + checks)
    return course


def _solution(name, source):
    return _cell(name, source, solution=True, grade=False, locked=False)


def _check(name, points):
    return _cell(f"check_{name}", f'check("{name}")', solution=False, grade=True, locked=True, points=points)


def _cell(name, source, **nbgrader):
    nbgrader = {"schema_version": 3, "grade_id": name} | nbgrader
    return {"id": name, "cell_type": "code", "metadata": {"nbgrader": nbgrader}, "source": source}
