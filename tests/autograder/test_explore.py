"""When a cell that was skipped may have made a difference to an answer."""

import json

import pytest

from autograder import explore, notebook, samples
from autograder.restore import restore


def cell(identity, source, *, tags=(), solution=False):
    metadata = {"tags": list(tags)}
    if solution:
        metadata["nbgrader"] = {"grade_id": identity, "solution": True, "grade": False, "locked": False}
    return {"id": identity, "cell_type": "code", "source": source, "metadata": metadata}


def frame_and_book(skipped, answer, changed=None):
    frame = {"cells": [cell("look", skipped, tags=["explore"]), cell("answer", "pass", solution=True)]}
    book = {"cells": [cell("look", changed or skipped, tags=["explore"]), cell("answer", answer, solution=True)]}
    return frame, book


@pytest.mark.parametrize(
    ("skipped", "answer"),
    [
        ("rate = 0.1", "def f(x):\n    return rate * x"),
        ("rate = 0.1", "g = lambda x: rate * x"),
        ("import math as m", "def f(x):\n    return m.exp(x)"),
        ("def helper(): pass", "def f(x):\n    return helper()"),
        ("class Helper: pass", "class F(Helper): pass"),
        ("def g():\n    global table\n    table = 3", "def f(x):\n    return table"),
        ("for i in range(3): pass", "print(i)"),
        ("rate = 0.1", "def f(x):\n    return eval('ra' + 'te')"),
        ("rate = 0.1", "def f(x):\n    return globals()['rate']"),
        ("from math import *", "def f(x):\n    return exp(x)"),
        ("rate = 0.1", "def f(x:\n    broken"),
        ("%matplotlib inline\nrate = 0.1", "!ls\ny = rate"),
    ],
)
def test_an_answer_that_may_use_a_skipped_cell_is_tried_with_it(skipped, answer):
    assert explore.may_matter(*frame_and_book(skipped, answer))


@pytest.mark.parametrize(
    ("skipped", "answer"),
    [
        ("rate = 0.1", "def f(rate):\n    return rate"),
        ("rate = 0.1", "def f(x):\n    rate = 3\n    return rate * x"),
        ("x = 1\ndef g():\n    inner = 2\n    return inner", "def f(y):\n    inner = y\n    return inner"),
        ("%matplotlib inline\nplt.show()", "%timeit\ndef f(x):\n    return np.exp(x)"),
        ("", "def f(x):\n    return undefined"),
    ],
)
def test_an_answer_that_cannot_is_not_tried_again(skipped, answer):
    assert not explore.may_matter(*frame_and_book(skipped, answer))


def test_a_cell_the_student_changed_may_do_anything():
    assert explore.may_matter(*frame_and_book("look()", "def f(x): pass", changed="np.exp = np.log"))


def test_what_a_skipped_answer_binds_counts_too():
    frame = {"cells": [cell("train", "pass", tags=["explore"], solution=True), cell("f", "pass", solution=True)]}
    book = {"cells": [cell("train", "rate = 3", tags=["explore"], solution=True), cell("f", "y = rate", solution=True)]}
    assert explore.may_matter(frame, book)


def test_no_answer_of_the_reference_depends_on_a_skipped_cell(assignment):
    submitted = notebook.read(json.dumps(samples.complete(assignment)).encode())
    book, _ = restore(assignment.frame, submitted, assignment.stubs)
    assert any(notebook.explores(c) for c in book["cells"])
    assert not explore.may_matter(assignment.frame, book)
