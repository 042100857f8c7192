"""A student reads the same cause in the notebook, while working, and in the report, when it counts."""

import re

import numpy as np
import pytest

from autograder.judge import judge
from autograder.notebook import source_of
from autograder.reference import Namespaces
from autograder.session import Beside

BEFORE = ("setup", "worked-example", "random-example", "network-by-hand")


def answer(name, change):
    """Make a wrong answer: the function of this name, with its results changed."""

    def wrong(names):
        right = names[name]
        return {name: lambda *args: change(*args, *right(*args))}

    return wrong


def affine(change):
    return answer("affine_backward", lambda dout, cache, dx, dw, db: change(dx, dw, db, dout))


def softmax(change):
    return answer("softmax_loss", lambda x, y, loss, dx: change(loss, dx, len(y)))


def network(change):
    def wrong(names):
        class Changed(names["TwoLayerNet"]):
            def loss(self, X, y=None):
                if y is None:
                    return super().loss(X)
                loss, grads = super().loss(X, y)
                return loss, change(self, dict(grads), len(y))

        return {"TwoLayerNet": Changed}

    return wrong


def in_place(names):
    def relu_forward(x):
        x[x < 0] = 0
        return x, x

    return {"relu_forward": relu_forward}


def scores_in_place(names):
    def softmax_loss(x, y):
        x -= x.max(axis=1, keepdims=True)
        return names["softmax_loss"](x, y)

    return {"softmax_loss": softmax_loss}


def exp_of_large_scores(names):
    def softmax_loss(x, y):
        with np.errstate(all="ignore"):
            p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
            one_hot = np.arange(x.shape[1]) == y[:, None]
            return -np.log(p[one_hot]).mean(), (p - one_hot) / len(y)

    return {"softmax_loss": softmax_loss}


# The question, a wrong answer to it, and part of what must be read in both places.
WRONG = {
    "db not summed": ("affine_backward", affine(lambda dx, dw, db, dout: (dx, dw, dout)), "the sum is missing"),
    "db averaged": ("affine_backward", affine(lambda dx, dw, db, dout: (dx, dw, dout.mean(0))), "1/N for this batch"),
    "dw averaged": ("affine_backward", affine(lambda dx, dw, db, dout: (dx, dw / len(dx), db)), "1/N for this batch"),
    "dw transposed": ("affine_backward", affine(lambda dx, dw, db, dout: (dx, dw.T, db)), "transpose it"),
    "dx flat": ("affine_backward", affine(lambda dx, dw, db, dout: (dx.reshape(len(dx), -1), dw, db)), "reshape it to"),
    "dx of opposite sign": ("affine_backward", affine(lambda dx, dw, db, dout: (-dx, dw, db)), "opposite sign"),
    "dw doubled": ("affine_backward", affine(lambda dx, dw, db, dout: (dx, 2 * dw, db)), "a 2 too many"),
    "dx left at zero": (
        "affine_backward",
        affine(lambda dx, dw, db, dout: (np.zeros_like(dx), dw, db)),
        "the initial zeros",
    ),
    "relu changes x": ("relu_forward", in_place, "Work on a copy"),
    "loss summed": ("softmax_loss", softmax(lambda loss, dx, n: (n * loss, n * dx)), "where the mean is asked"),
    "dx not averaged": ("softmax_loss", softmax(lambda loss, dx, n: (loss, n * dx)), "where the mean is asked"),
    "dx averaged twice": (
        "softmax_loss",
        softmax(lambda loss, dx, n: (loss, dx / n)),
        "averaged over the batch once too often",
    ),
    "dx of the wrong sign": ("softmax_loss", softmax(lambda loss, dx, n: (loss, -dx)), "opposite sign"),
    "softmax changes x": ("softmax_loss", scores_in_place, "Work on a copy"),
    "exp overflows": ("softmax_loss", exp_of_large_scores, "subtract the maximum first"),
    "dW2 averaged again": ("TwoLayerNet", network(lambda net, g, n: g | {"W2": g["W2"] / n}), "1/N for this batch"),
    "db1 summed": ("TwoLayerNet", network(lambda net, g, n: g | {"b1": g["b1"] * n}), "where the mean is asked"),
    "no penalty in dW1": (
        "TwoLayerNet",
        network(lambda net, g, n: g | {"W1": g["W1"] - net.reg * net.params["W1"]}),
        "is missing",
    ),
}


@pytest.fixture(scope="module")
def namespaces(assignment):
    return Namespaces(assignment)


def read_in_the_notebook(assignment, question, names):
    """Run the visible check of a question as a student would; give what it says."""
    cells = {cell["id"]: source_of(cell) for cell in assignment.frame["cells"]}
    names = {"__name__": "student", **names}
    check = f"check-{question.replace('_', '-')}"
    try:
        for cell in (*BEFORE, check):
            visible = cells[cell].partition("### BEGIN HIDDEN TESTS")[0].replace("%matplotlib inline", "")
            exec(visible, names)
    except AssertionError as message:
        return str(message)
    return ""


def read_in_the_report(assignment, question, names, expected):
    """Judge the question; give what the report says of each output, without the question's own headline."""
    asked = next(q for q in assignment.questions if q.name == question)
    outcome = judge(asked, Beside(lambda variant: names), expected, 2026)
    return " ".join(output.reason for output in outcome.outputs if output.reason)


def plain(text):
    """Take out what belongs to the batch at hand: numbers, shapes, the strength of a penalty, and any hedge."""
    text = text.replace("`reg * ", "`0.3 * ").replace("perhaps ", "").replace("It is", "Every entry is")
    return re.sub(r"\([\d, ]+\)|\d+(\.\d+)?", "#", text)


@pytest.mark.parametrize("mistake", WRONG)
def test_notebook_and_report_name_the_same_cause(assignment, expected, namespaces, mistake):
    question, wrong, words = WRONG[mistake]
    right = dict(namespaces(""))
    names = right | wrong(right)
    notebook = plain(read_in_the_notebook(assignment, question, names))
    report = plain(read_in_the_report(assignment, question, names, expected))
    causes = [said for said in re.split(r"(?<=[.?:]) (?=[A-Z])", notebook) if plain(words) in said]
    assert causes, notebook
    assert causes[-1] in report, f"{causes[-1]!r} is not in {report!r}"


def test_a_right_answer_reads_nothing_in_either(assignment, expected, namespaces):
    for question in ("affine_backward", "relu_forward", "softmax_loss", "TwoLayerNet"):
        assert read_in_the_notebook(assignment, question, namespaces("")) == ""
        assert read_in_the_report(assignment, question, namespaces(""), expected) == ""
