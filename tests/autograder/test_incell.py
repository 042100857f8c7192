"""``check("<question>")`` in a real kernel, as a hidden test of stock nbgrader calls it."""

import ast
import json
import os

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

ANSWERS = """
import numpy as np
from autograder.incell import check

def relu_forward(x):
    return np.where(x > 0, x, 0.0), x

def relu_backward(dout, cache):
    cache[cache > 0] = 1
    cache[cache <= 0] = 0
    cache *= dout
    return cache

def softmax_loss(x, y):
    raise RuntimeError("not today")

def affine_forward(x, w, b):
    print("a student's own line")
    return x.reshape(len(x), -1) @ w + b, None
"""
SPY = """
from autograder import wire
received, receive = [], wire.receive

def spy(*args, **kwargs):
    received.append(receive(*args, **kwargs))
    return received[-1]

wire.receive = spy
check("affine_forward")
wire.receive = receive
"""
SENT = "import json; json.dumps(received, default=lambda array: array.tolist())"
CELLS = {
    "right": 'points = check("relu_forward")\npoints',
    "partly": 'check("relu_backward")',
    "wrong": 'check("softmax_loss")',
    "unknown": 'check("relu")',
    "spied": SPY,
    "sent": SENT,
    "file": 'check("best_two_layer_net")',
}


@pytest.fixture(scope="module")
def outputs(assignment, tmp_path_factory):
    """Run every cell in one kernel started in a copy of the source folder; give each one's outputs."""
    copy = assignment.copy_to(tmp_path_factory.mktemp("incell") / "course")
    folder = copy.source_path.parent
    cells = [new_code_cell(ANSWERS), *(new_code_cell(source) for source in CELLS.values())]
    client = NotebookClient(
        new_notebook(cells=cells),
        kernel_name="python3",
        allow_errors=True,
        timeout=60,
        resources={"metadata": {"path": str(folder)}},
    )
    book = client.execute(env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "default"})
    assert book.cells[0].outputs == []
    return {name: cell.outputs for name, cell in zip(CELLS, book.cells[1:], strict=True)}


def stdout(found):
    return "".join(o.text for o in found if o.output_type == "stream" and o.name == "stdout")


def error(found):
    (only,) = [o for o in found if o.output_type == "error"]
    return only.ename, only.evalue


def test_a_right_answer_gives_its_points(outputs):
    assert stdout(outputs["right"]) == "relu_forward: 6 of 6 points, passed\n"
    assert outputs["right"][-1].data["text/plain"] == "6.0"


def test_a_partly_right_answer_gives_its_points_and_says_what_is_wrong(outputs):
    assert outputs["partly"][-1].data["text/plain"] == "6.0"
    said = stdout(outputs["partly"])
    assert said.startswith("relu_backward: 6 of 8 points, failed\n- `dx` is right the first time")
    assert "second backward" in said


def test_a_wrong_answer_is_an_assertion_in_words(outputs):
    name, text = error(outputs["wrong"])
    assert name == "AssertionError"
    assert text.startswith("softmax_loss: 0 of 16 points, failed\n- softmax_loss: raised RuntimeError: not today")
    assert 'raise RuntimeError("not today")' in text


def test_an_unknown_question_is_our_fault_and_the_known_ones_are_named(outputs, assignment):
    name, text = error(outputs["unknown"])
    assert name == "GraderFault"
    known = ", ".join(q.name for q in assignment.questions)
    assert text.startswith("relu could not be judged.")
    assert f"two_layer_net has no question 'relu'. It has: {known}." in text


def test_a_model_that_was_not_handed_in_is_asked_for(outputs):
    name, text = error(outputs["file"])
    assert name == "AssertionError"
    assert "The file best_two_layer_net.npz was not handed in." in text


def test_no_expected_value_enters_the_kernel(outputs):
    """All that the judge ever sends is a probe and its inputs, so right outputs are not among them."""
    (shown,) = [o.data["text/plain"] for o in outputs["sent"] if o.output_type == "execute_result"]
    requests = json.loads(ast.literal_eval(shown))
    assert len(requests) == 4  # as many as the question has cases
    for request in requests:
        assert request["do"] == "observe"
        assert request["variant"] == ""
        assert sorted(request) == ["do", "inputs", "number", "probe", "room", "seed", "source", "variant"]
        assert sorted(request["inputs"]) == ["b", "w", "x"]
        assert request["source"].startswith("def affine_forward(student, x, w, b):")


def test_nothing_is_written_to_stderr_which_nbgrader_would_score_as_zero(outputs):
    for name in ("right", "partly", "spied"):
        assert [o for o in outputs[name] if o.output_type == "stream" and o.name == "stderr"] == []
