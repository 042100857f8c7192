"""What a later assignment is given of earlier ones: generated, complete, and the same for everyone."""

import json
import re

import numpy as np
import pytest

from autograder import given, reference
from autograder.assignment import Assignment
from autograder.faults import GraderFault
from autograder.grade import grade
from autograder.model import Verdict
from autograder.sandbox import kernel
from autograder.sandbox.policy import Policy
from autograder.verify import release_findings
from tests.autograder.test_course import cell

CHECKS = """
import numpy as np
from autograder.model import Case
from autograder.questions import question

GIVEN = {given}


def numbers(rng):
    yield Case("three rows", dict(x=rng.normal(size=(3, 4)), w=rng.normal(size=(4, 2)), b=rng.normal(size=2)))


@question(points={{"out": 2}}, draw=numbers)
def twice(student, x, w, b):
    return {{"out": student.twice(x, w, b)}}
"""
ANSWER = "def twice(x, w, b):\n    return 2 * affine_forward(x, w, b)[0]"
SETUP = "import numpy as np\nfrom given import affine_forward"


def notebook_of(answer):
    cells = [
        cell("setup", SETUP),
        cell("twice", answer, grade=False, locked=False, solution=True),
        cell("check_twice", "", grade=True, locked=True, solution=False, points=2),
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def later(a_course):
    """Give a second assignment of the course, which takes up `affine_forward` of the first."""
    made = Assignment(a_course.course, "later")
    for path, text in (
        (made.source_path, notebook_of(f"### BEGIN SOLUTION\n{ANSWER}\n### END SOLUTION")),
        (made.release_path, notebook_of("raise NotImplementedError")),
        (made.checks_path, CHECKS.format(given={"two_layer_net": ["affine_forward"]})),
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return made


def asking_for(later, wanted):
    later.checks_path.write_text(CHECKS.format(given=wanted))
    return Assignment(later.course, later.name)


def test_it_is_the_reference_without_markers(later):
    path = given.write(later)
    text = path.read_text()
    assert "SOLUTION" not in text
    namespace = {}
    exec(text, namespace)
    out, _ = namespace["affine_forward"](np.ones((2, 3)), np.full((3, 1), 2.0), np.array([1.0]))
    np.testing.assert_array_equal(out, [[7.0], [7.0]])


def test_it_goes_when_nothing_is_taken_up(later):
    path = given.write(later)
    assert given.write(asking_for(later, {})) is None
    assert not path.exists()


def test_a_name_that_no_solution_defines(later):
    with pytest.raises(GraderFault, match=re.escape("later.py asks for affine_backwards of two_layer_net")):
        given.text_of(asking_for(later, {"two_layer_net": ["affine_backwards"]}))


def test_what_is_given_must_stand_alone(later):
    wanted = {"two_layer_net": ["TwoLayerNet"]}
    with pytest.raises(GraderFault, match=r"It uses affine_backward, affine_forward, relu_backward.*Add that to GIVEN"):
        given.text_of(asking_for(later, wanted))


def test_the_grader_puts_it_beside_whatever_was_handed_in(later, tmp_path):
    given.write(later)
    folder = tmp_path / "submission" / later.name
    folder.mkdir(parents=True)
    (folder / "given.py").write_text("def affine_forward(x, w, b):\n    return x @ w, None\n")
    (folder / f"{later.name}.ipynb").write_text(notebook_of(ANSWER))
    with (
        reference.session(later) as expected,
        kernel.opened(Policy(), [later.course], later.beside) as sandbox,
    ):
        report = grade(folder, "someone", later, expected, sandbox, 3).report
    assert [(o.verdict, o.points) for o in report.outcomes] == [(Verdict.PASSED, 2.0)]


def test_verify_sees_that_it_is_not_current(later):
    path = given.write(later)
    path.write_text(path.read_text().replace("+ b", "- b"))
    findings = {f.claim: f for f in release_findings(later)}
    found = findings["given.py is what the earlier references give"]
    assert not found.holds
    assert "run 'autograder release later'" in found.detail
