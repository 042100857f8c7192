"""Closed questions: every kind, partial credit, a sentence for each wrong choice, answers that lie, orders of options."""

import ast
import copy
import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from autograder import cli, notebook, reference
from autograder.assignment import Assignment
from autograder.closed import match, multiple, numeric, single
from autograder.closed_question import ANSWER
from autograder.faults import GraderFault
from autograder.judge import judge
from autograder.model import Observation, Raised, Verdict
from autograder.personal import personal
from autograder.questions import load_questions
from autograder.session import Beside
from tests.conftest import COURSE

REFERENCE = {
    "gate": "tanh",
    "gates": {"elu", "tanh"},
    "size": 7850,
    "years": {"1957": "perceptron", "1986": "backprop", "2012": "alexnet"},
}
GATE = single("gate", points=2, right="tanh", why={"relu": "ReLU is not it.", "leaky_relu": "Leaky is not it."})
GATES = multiple(
    "gates", points=3, right={"elu", "tanh"}, why={"relu": "Never below zero.", "sigmoid": "Between 0 and 1."}
)
SIZE = numeric("size", points=2, rtol=1e-3, why={7840: "The biases are missing.", 794: "Units were counted."})
YEARS = match(
    "years",
    points=3,
    items=("1957", "1986", "2012"),
    why={"perceptron": "It came first.", "backprop": "In the middle.", "alexnet": "It came last.", "lstm": "In none."},
)


BESIDES = "{}: besides, something right is missing from what you chose."


def marked(question, answer, right=None):
    """Judge an answer as if a student had written it."""
    expected = Beside(lambda variant: REFERENCE if right is None else {question.name: right})
    return judge(question, Beside(lambda variant: {question.name: answer}), expected, 0)


# ------------------------------------------------------------------------------- right answers


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        *((GATE, a) for a in ("tanh", " TANH ", ["tanh"], {"Tanh"}, np.str_("tanh"), np.array(["tanh"]))),
        *((GATES, a) for a in ({"elu", "tanh"}, ["tanh", "elu", "elu"], ("ELU", "tanh"), frozenset({"elu", "tanh"}))),
        *((GATES, a) for a in ("elu, tanh", np.array(["tanh", "elu"]))),
        *((SIZE, a) for a in (7850, 7850.0, "7,850", " 7850", "7_850", "7.85e3", np.int16(7850), np.array([7850]))),
        *((SIZE, a) for a in (np.float32(7850), np.array(7850), [7850], 7851)),
        *((YEARS, a) for a in (REFERENCE["years"], list(REFERENCE["years"].items()))),
        (YEARS, {2012: "AlexNet", 1986: "backprop", 1957: " Perceptron"}),
    ],
)
def test_a_right_answer_passes_in_any_spelling(question, answer):
    outcome = marked(question, answer)
    assert (outcome.verdict, outcome.points, outcome.reasons) == (Verdict.PASSED, question.max_points, ())


def test_words_of_an_option_may_be_joined_by_anything():
    question = single("gate", points=1, right="leaky_relu", why={"relu": "No."})
    for answer in ("leaky relu", "Leaky-ReLU", "leaky_relu", "leakyrelu"):
        assert marked(question, answer, "leaky_relu").verdict is Verdict.PASSED


# ------------------------------------------------------------- wrong answers and partial credit


@pytest.mark.parametrize(
    ("question", "answer", "points", "reasons"),
    [
        (GATE, "relu", 0, ("gate, relu: ReLU is not it.",)),
        (GATE, "Leaky ReLU", 0, ("gate, leaky_relu: Leaky is not it.",)),
        (GATES, {"elu"}, 1.5, ("gates: what you chose is right, but not every right option is among it.",)),
        (GATES, {"elu", "tanh", "relu"}, 1.5, ("gates, relu: Never below zero.",)),
        (GATES, {"elu", "sigmoid"}, 0, ("gates, sigmoid: Between 0 and 1.", BESIDES.format("gates"))),
        (GATES, {"relu"}, 0, ("gates, relu: Never below zero.", BESIDES.format("gates"))),
        (GATES, set(GATES.options), 0, ("gates, relu: Never below zero.", "gates, sigmoid: Between 0 and 1.")),
        (SIZE, 7840, 0, ("size, 7840: The biases are missing.",)),
        (SIZE, "794", 0, ("size, 794: Units were counted.",)),
        (YEARS, {"1957": "perceptron", "1986": "lstm", "2012": "alexnet"}, 2, ("years, lstm: In none.",)),
        (YEARS, {"1957": "perceptron"}, 1, ("years: the pairs you give are right, but some are missing.",)),
        (YEARS, {"1957": "lstm"}, 0, ("years, lstm: In none.", BESIDES.format("years"))),
        (YEARS, dict.fromkeys(REFERENCE["years"], "alexnet"), 1, ("years, alexnet: It came last.",)),
    ],
)
def test_a_wrong_answer_earns_its_share_and_is_told_about_its_own_choices_only(question, answer, points, reasons):
    outcome = marked(question, answer)
    assert outcome.verdict is Verdict.FAILED
    assert (outcome.points, outcome.reasons) == (points, reasons)


def test_a_number_nobody_foresaw_is_told_to_try_again_and_not_how_far_off_it_is():
    assert {marked(SIZE, n).reasons for n in (3925, 0, -7850, 1e300)} == {marked(SIZE, 15700).reasons}
    assert "7850" not in marked(SIZE, 3925).reasons[0]


def test_each_misconception_gets_its_own_sentence_and_no_other():
    for question in (GATE, GATES, SIZE, YEARS):
        for name, variant in question.misconceptions.items():
            answer = variant(type("Reference", (), REFERENCE))[question.name]
            assert marked(question, answer).reasons == (question.sentence(name),)
        for variant in question.correct.values():
            answer = variant(type("Reference", (), REFERENCE))[question.name]
            assert marked(question, answer).verdict is Verdict.PASSED


# ------------------------------------------------------------------------------ hostile answers


class Liar(str):
    def __eq__(self, other):
        return True

    def __hash__(self):
        return hash("tanh")


class LyingSet(set):
    def __contains__(self, item):
        return True


class Awkward:
    def __getattr__(self, name):
        raise SystemExit

    def __repr__(self):
        raise KeyboardInterrupt


HOSTILE = [
    *(None, True, 1j, b"tanh", Liar("relu"), LyingSet({"elu"}), Awkward(), Awkward, print, object()),
    *("", "all", "tanh elu relu", "x" * 10**6, "\x1b[31m\u202e", "\ud800", [], {}, set(), [[]], {"a": {}}, [None]),
    *(float("nan"), float("inf"), 10**5000, -(10**400), "nan", "1e999", "0x10", "1,2,3", "7,85", "--1", "."),
    *(np.array([]), np.zeros(10**6), np.array(None), np.array(["a", "b"]), np.float64("nan")),
    *({"1957": "nothing"}, {"1800": "perceptron"}, {1957: 3}, {("1957",): "perceptron"}, [("1957",)]),
]


@pytest.mark.parametrize("question", [GATE, GATES, SIZE, YEARS], ids=lambda q: q.name)
@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_an_answer_of_another_form_fails_and_is_told_which_form_is_asked(question, number):
    outcome = marked(question, HOSTILE[number])
    assert (outcome.verdict, outcome.points, len(outcome.reasons)) == (Verdict.FAILED, 0, 1)
    said = outcome.reasons[0]
    assert re.fullmatch(rf"{question.name} asks for .+\. Got .+\. Write .+\.", said), said
    assert said.isprintable()
    assert len(said) < 400


def test_a_name_that_is_nowhere_is_not_answered_yet():
    outcome = judge(GATE, Beside(lambda variant: {}), Beside(lambda variant: REFERENCE), 0)
    assert outcome.points == 0
    assert outcome.reasons[0].startswith(
        "gate is not answered yet: when the notebook runs from top to bottom, nothing has"
    )


def text(value):
    return np.frombuffer(value if isinstance(value, bytes) else json.dumps(value).encode(), np.uint8)


@pytest.mark.parametrize(
    "array",
    [
        *(text(b"\xff\xfe"), text(b"["), text(b"[" * 19_000), text(b"1" * 19_000), text(b"NaN"), text({"pairs": 3})),
        *(text({"type": {"x": 1}}), text(["relu", 3]), text([[[["relu"]]]]), text(True), text(5), text(None)),
        *(np.zeros(10**6, np.uint8), np.zeros(3), np.array(7), np.zeros((2, 3), np.uint8), np.zeros(0, np.uint8)),
    ],
)
@pytest.mark.parametrize("question", [GATE, GATES, SIZE, YEARS], ids=lambda q: q.name)
def test_whatever_bytes_come_over_the_wall_only_a_right_answer_passes(question, array):
    right = Observation({ANSWER: text(json.loads(json.dumps(REFERENCE[question.name], default=sorted)))}, {})
    if question is YEARS:
        right = Observation({ANSWER: text({"pairs": [list(pair) for pair in REFERENCE["years"].items()]})}, {})
    if question is SIZE:
        right = Observation({ANSWER: text("7850")}, {})
    assert question.mark(right, right).verdict is Verdict.PASSED
    outcome = question.mark(right, Observation({ANSWER: array}, {}))
    assert (outcome.verdict, outcome.points) == (Verdict.FAILED, 0)
    for nothing in (Observation({}, {}), Observation({}, {}, Raised("Liar", "tanh is right"))):
        assert question.mark(right, nothing).points == 0


# --------------------------------------------------------------------------- the instructor's side


def test_a_right_option_must_not_be_explained_or_named_in_an_explanation():
    for why in ({}, {"relu": ""}, {"relu": "No.", "elu": "No."}, {"tanh": "No."}, {"relu": "It is TANH."}):
        with pytest.raises(GraderFault, match="gate"):
            single("gate", points=1, right="tanh", why=why)
    with pytest.raises(GraderFault, match="spaces or capitals only"):
        single("gate", points=1, right="tanh", why={"leaky_relu": "No.", "LeakyReLU": "Neither."})
    with pytest.raises(GraderFault, match="gives 'leaky_relu' away"):
        multiple("gates", points=1, right={"leaky_relu"}, why={"elu": "As if it were a leaky ReLU."})


def test_notebook_and_checks_that_disagree_are_our_fault():
    with pytest.raises(GraderFault, match="must agree on gate"):
        marked(GATE, "relu", right="relu")
    with pytest.raises(GraderFault, match="The notebook's answer cannot be read"):
        marked(SIZE, 3, right="many")


def test_questions_are_found_in_lists(tmp_path):
    path = tmp_path / "quiz.py"
    path.write_text(
        "from autograder.closed import numeric\n"
        "FIRST = [numeric('a', points=1, why={1: 'x'}), numeric('b', points=2, why={1: 'y'})]\n"
    )
    assert [q.name for q in load_questions(path)] == ["a", "b"]


def test_the_probe_stands_alone_and_shows_nothing_of_the_answer():
    for question in (GATE, GATES, SIZE, YEARS):
        assert question.free_names() == set()
        assert not [o for o in (*question.options, "7850") if o in question.source]


# ----------------------------------------------------------------------- the order of the options


def cell(kind, source, name=""):
    metadata = {"nbgrader": {"grade_id": name, "solution": True}} if name else {}
    return {"id": name or source[:3], "cell_type": kind, "source": source, "metadata": metadata}


PETS = ["cat", "dog", "hamster", "goldfish", "parrot", "tortoise"]
PET = single("pet", points=1, right="cat", why={pet: f"A {pet} barks." for pet in PETS[1:]})
BOOK = {
    "cells": [
        cell("markdown", "Which?\n\n" + "\n".join(f"- `{pet}`: an animal" for pet in PETS) + "\n\n- no option"),
        cell("code", "raise NotImplementedError", "pet"),
    ]
}


def listed(book):
    return re.findall(r"^- `(\w+)`: an animal$", book["cells"][0]["source"], re.MULTILINE)


def test_a_students_order_is_their_own_keeps_all_options_and_comes_out_the_same_again():
    before = copy.deepcopy(BOOK)
    orders = {student: listed(personal(BOOK, [PET], student, 5)) for student in ("ada", "bob", "cyd", "dan")}
    assert orders == {student: listed(personal(BOOK, [PET], student, 5)) for student in orders}
    assert all(sorted(order) == sorted(PETS) for order in orders.values())
    assert len({tuple(order) for order in orders.values()}) == len(orders)
    assert listed(personal(BOOK, [PET], "ada", 6)) != orders["ada"]
    assert before == BOOK
    assert personal(BOOK, [PET], "ada", 5)["cells"][0]["source"].endswith("\n\n- no option")


def test_every_place_is_as_likely_as_any_other():
    first = [listed(personal(BOOK, [PET], str(n), 0))[0] for n in range(600)]
    assert all(60 < first.count(pet) < 140 for pet in PETS)


def test_a_text_that_lists_other_options_is_our_fault():
    book = copy.deepcopy(BOOK)
    book["cells"][0]["source"] = book["cells"][0]["source"].replace("- `dog`: an animal\n", "")
    with pytest.raises(GraderFault, match=r"text above pet must list .*dog"):
        personal(book, [PET], "ada", 0)


# ------------------------------------------------------------------------------ the real notebook

REAL = Assignment(COURSE, "conceptual_questions")


@pytest.fixture(scope="module")
def answers():
    return reference.Namespaces(REAL)("")


def test_the_notebook_lists_the_options_of_every_question_and_its_checks_know_them():
    personal(REAL.frame, REAL.questions, "ada", 0)  # raises where a text and a question differ
    cells = {notebook.grade_id(c): notebook.source_of(c) for c in REAL.frame["cells"]}
    for question in REAL.questions:
        call = ast.parse(cells[f"check_{question.name}"]).body[0].value
        assert ast.unparse(call.args[0]) == repr(question.name)
        assert ast.unparse(call.args[1]) == question.name
        lists = [ast.literal_eval(argument) for argument in call.args[2:]]
        assert lists[-1:] == ([question.options] if question.options else [])


def test_no_reason_tells_the_right_number_and_no_match_tells_its_item(answers):
    for question in REAL.questions:
        said = " ".join(question.sentence(name).split(": ", 1)[1] for name in question.misconceptions)
        right = answers[question.name]
        if isinstance(right, int | float):
            numbers = [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", said)]
            assert right not in numbers or right == 0, question.name
        if isinstance(right, dict):
            assert not [item for item in right if len(item) > 1 and re.search(rf"\b{item}\b", said)], question.name


def test_every_wrong_option_has_a_sentence_that_is_given_for_no_other():
    sentences = [q.sentence(name).split(": ", 1)[1] for q in REAL.questions for name in q.misconceptions]
    own = [s for s in sentences if "what is asked for. Work" not in s and "not every right option" not in s]
    assert len(set(own)) == len(own) > 150
    for question in REAL.questions:
        wrong = set(question.options) - set(question.right or ())
        if isinstance(question.right, str):
            wrong = set(question.options) - {question.right}
        assert wrong <= question.misconceptions.keys()


def test_the_same_answers_earn_the_same_marks_in_every_order(tmp_path):
    copied = REAL.copy_to(tmp_path / "course")
    runner = CliRunner()
    command = [
        "release",
        REAL.name,
        "--course",
        str(copied.course),
        "--shuffle",
        "ada",
        "--shuffle",
        "bob",
        "--seed",
        "3",
    ]
    ran = runner.invoke(cli.app, command)
    assert ran.exit_code == 0, ran.output
    released = json.loads(copied.release_path.read_text(encoding="utf-8"))["cells"]
    texts = []
    for student in ("ada", "bob"):
        path = copied.course / "personal" / student / REAL.name / f"{REAL.name}.ipynb"
        cells = notebook.read(path.read_bytes())["cells"]
        assert [c["id"] for c in cells] == [c["id"] for c in released]
        assert [c["source"] for c in cells if c["cell_type"] == "code"] == [
            notebook.source_of(c) for c in released if c["cell_type"] == "code"
        ]
        texts.append([sorted(c["source"].split("\n")) for c in cells])
        assert [c["source"] for c in cells] != [notebook.source_of(c) for c in released]
    assert texts[0] == texts[1] == [sorted(notebook.source_of(c).split("\n")) for c in released]
    refused = runner.invoke(cli.app, ["release", REAL.name, "--course", str(copied.course), "--shuffle", "../eve"])
    assert isinstance(refused.exception, GraderFault)
