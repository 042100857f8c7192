"""One mistake costs once: which questions are asked again, with what put right, and what comes of it."""

from types import SimpleNamespace

import pytest

from autograder import follow
from autograder.model import Outcome, OutputOutcome, Verdict, all_failed, all_ungraded

POINTS = {"out": 3, "inputs": 1}


def cell(name, source, **role):
    metadata = {"nbgrader": {"grade_id": name, "solution": True, "grade": False, **role}}
    return {"id": name, "cell_type": "code", "source": source, "metadata": metadata}


def own(source):
    return {"id": "own", "cell_type": "code", "source": source, "metadata": {}}


STUDENT = {
    "relu": "def relu(x): return x",
    "affine": "def affine(x): return x + 1",
    "layer": "def layer(x): return helper(affine(x))",
    "net": "class net:\n    def loss(self, x): return layer(x)",
}
BOOK = {"cells": [own("def helper(x):\n    return relu(x)"), *(cell(n, s) for n, s in STUDENT.items())]}
FRAME = {"cells": [cell(n, f"def {n}(x): return 'the reference'") for n in STUDENT]}
QUESTIONS = [SimpleNamespace(name=n, points=POINTS, source=f"def {n}(student): return student.{n}(1)") for n in STUDENT]


def outcome(name, *failed, notes=()):
    outputs = tuple(
        OutputOutcome(o, Verdict.FAILED, 0.0, p, f"{o} differs")
        if o in failed
        else OutputOutcome(o, Verdict.PASSED, p, p)
        for o, p in POINTS.items()
    )
    return Outcome(name, outputs, "this is wrong" if failed else "", notes)


def through(wrong, second=None):
    """Run with these outcomes; give the result and, for each question asked again, what had been put right."""
    asked = {}

    def again(book, question):
        right = [c["id"] for c in book["cells"] if "the reference" in c["source"]]
        asked[question.name] = right
        return (second or {}).get(question.name, outcome(question.name))

    outcomes = {name: outcome(name) for name in STUDENT} | {o.question: o for o in wrong}
    return follow.through(BOOK, FRAME, QUESTIONS, outcomes, again), asked


def test_where_all_is_right_nothing_is_asked_again():
    found, asked = through([])
    assert asked == {}
    assert all(o.verdict is Verdict.PASSED for o in found.values())


def test_a_question_that_fails_through_an_earlier_one_keeps_its_marks_and_names_it():
    found, asked = through([outcome("relu", "out"), outcome("layer", "out"), outcome("net", "out", "inputs")])
    assert asked == {"layer": ["relu"], "net": ["relu"]}  # through a helper of the student's own
    assert {name: o.points for name, o in found.items()} == {"relu": 1, "affine": 4, "layer": 4, "net": 4}
    assert found["net"].headline == ""
    assert found["net"].notes == (
        "net failed only because relu is wrong. With a right relu it passes, so it keeps its marks. Mend relu first.",
    )
    assert found["relu"].headline == "this is wrong"


def test_an_answer_that_uses_nothing_wrong_is_not_asked_again():
    found, asked = through([outcome("relu", "out"), outcome("affine", "out")])
    assert asked == {}
    assert found["affine"].points == 1


def test_a_second_mistake_costs_too_and_is_itself_put_right_for_what_follows():
    still = {"layer": outcome("layer", "out", "inputs")}
    found, asked = through([outcome("relu", "out"), outcome("layer", "out"), outcome("net", "out")], still)
    assert asked == {"layer": ["relu"], "net": ["relu", "layer"]}
    assert {name: o.points for name, o in found.items()} == {"relu": 1, "affine": 4, "layer": 1, "net": 4}


def test_each_output_is_given_back_by_itself_and_the_rest_keeps_its_first_reason():
    partly = {"net": outcome("net", "inputs")}
    found, _ = through([outcome("affine", "out"), outcome("net", "out", "inputs")], partly)
    assert found["net"].points == 3
    assert found["net"].reasons == ("this is wrong", "inputs differs")
    assert found["net"].notes[0].startswith("net, out, failed only because affine is wrong.")


def test_an_output_that_passed_at_first_is_never_taken_away():
    worse = {"net": outcome("net", "out", "inputs")}
    found, _ = through([outcome("affine", "out"), outcome("net", "out")], worse)
    assert found["net"].points == 1


@pytest.mark.parametrize(
    "second", [None, all_ungraded("net", POINTS, "our disk is full"), all_failed("net", POINTS, "the reference's text")]
)
def test_nothing_said_in_the_second_kernel_reaches_the_student(second):
    first = outcome("net", "out", notes=("a note",))
    found, _ = through([outcome("affine", "out"), first], {"net": second})
    assert found["net"] == first


def test_even_where_marks_are_given_back_no_text_of_the_second_kernel_is_kept():
    second = {"net": outcome("net", notes=("def affine(x): return 'the reference'",))}
    found, _ = through([outcome("affine", "out"), outcome("net", "out")], second)
    assert "the reference'" not in repr(found)


def test_what_is_ungraded_stays_so_and_is_no_root():
    found, asked = through([all_ungraded("affine", POINTS, "ours"), outcome("net", "out")])
    assert asked == {}
    assert found["affine"].verdict is Verdict.UNGRADED
