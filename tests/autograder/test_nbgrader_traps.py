"""The facts of nbgrader 0.9 that our marks rest on, and that what we write into a notebook gives exactly our points."""

import json
import logging
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import determine_grade
from traitlets.config import Config

from autograder import course as grading
from autograder import grade, nbgrader_bridge, notebook, samples
from autograder.model import Outcome, OutputOutcome, Verdict, all_failed, all_ungraded
from autograder.nbgrader_steps import answered_beside
from autograder.sandbox import kernel
from autograder.sandbox.policy import Policy

WRITTEN = {"grade_id": "why", "grade": True, "solution": True}
SCRIPT = "<script>alert(1)</script>"


def check_cell(*outputs):
    nbgrader = {"grade": True, "solution": False, "locked": True, "grade_id": "check_relu_forward", "points": 6}
    return new_code_cell("", metadata={"nbgrader": nbgrader}, outputs=list(outputs))


def score(*outputs):
    return determine_grade(check_cell(*outputs), logging.getLogger("test"))[0]


def result(text):
    return new_output("execute_result", {"text/plain": text}, execution_count=1)


def printed(text, name="stdout"):
    return new_output("stream", name=name, text=text)


ERROR = new_output("error", ename="AssertionError", evalue="wrong", traceback=[])


# ----------------------------------------------------------------------- how nbgrader reads a cell


@pytest.mark.parametrize(
    ("outputs", "points"),
    [
        ([], 6),
        ([printed("wrong, wrong, wrong")], 6),
        ([printed("loss 2.3"), result("4.5")], 4.5),
        ([result("0.0")], 0),
        ([result("'a text'")], 6),
        ([result("nan")], 6),
        ([result("-1")], 6),
        ([result("2"), result("5")], 2),
        ([ERROR], 0),
        ([printed("a NumPy warning", "stderr")], 0),
        ([printed("100%|####|", "stderr"), result("6.0")], 0),
        ([result("6.0"), ERROR], 6),
    ],
)
def test_what_nbgrader_makes_of_outputs(outputs, points):
    assert score(*outputs) == points


def test_more_than_the_maximum_is_refused_by_nbgrader():
    with pytest.raises(ValueError, match="greater than"):
        score(result("6.5"))


# -------------------------------------------------------------------------------- what we write


def outcome(*points):
    """Make an outcome whose outputs earned `points` of two each."""
    parts = [
        OutputOutcome(f"out{n}", Verdict.PASSED if p else Verdict.FAILED, p, 2.0, "" if p else f"out{n} is wrong.")
        for n, p in enumerate(points)
    ]
    return Outcome("relu_forward", tuple(parts), notes=("a note.",))


def written(verdict):
    book = {"cells": [json.loads(json.dumps(check_cell())), json.loads(json.dumps(new_code_cell("1")))]}
    grade.write_outputs(book, {"relu_forward": verdict, "another": verdict})
    assert book["cells"][1]["outputs"] == []
    return book["cells"][0]["outputs"]


@pytest.mark.parametrize(
    "points", [(2.0, 2.0, 2.0), (2.0, 0.0, 2.0), (0.0, 2.0, 0.0), (0.0, 0.0, 0.0), (0.1, 0.2, 0.0)]
)
def test_what_we_write_scores_exactly_the_points_earned(points):
    outputs = written(outcome(*points))
    assert score(*[new_output(**o) for o in outputs]) == sum(points)
    said = "".join(o.get("text", "") + "\n".join(o.get("traceback", [])) for o in outputs)
    assert [f"out{n} is wrong." in said for n in range(3)] == [not p for p in points]
    assert "Note: a note." in said


def test_all_failed_scores_zero_and_shows_why():
    outputs = written(all_failed("relu_forward", {"out": 6}, "It never ends."))
    assert score(*[new_output(**o) for o in outputs]) == 0
    assert outputs[0]["evalue"] == "It never ends."


def test_an_ungraded_answer_would_score_full_marks_were_it_not_marked_as_such():
    (output,) = written(all_ungraded("relu_forward", {"out": 6}, "Our disk is full."))
    assert score(new_output(**output)) == 6
    assert output["metadata"] == {grade.UNGRADED_KEY: True}
    assert "this is our fault, not yours" in output["data"]["text/plain"]


# ------------------------------------------------------------------------------ through nbgrader


class Course:
    """A course released and graded through nbgrader's own steps."""

    def __init__(self, assignment):
        self.assignment = assignment
        source = assignment.source_path.parent
        (source / "best_two_layer_net.npz").write_bytes(b"the instructor's model")
        (source / "checkpoint_epoch_3.npz").write_bytes(b"a checkpoint")
        (source / "__pycache__").mkdir()
        (source / "__pycache__" / "given.pyc").write_bytes(b"compiled")
        nbgrader_bridge.release(assignment.course, assignment.name)
        self.release = json.loads(assignment.release_path.read_text())

    def hand_in(self, student, **answers):
        folder = self.assignment.course / "submitted" / student / self.assignment.name
        folder.mkdir(parents=True)
        book = samples.complete(self.assignment)
        for cell in book["cells"]:
            cell["source"] = answers.get(notebook.grade_id(cell), cell["source"])
        (folder / f"{self.assignment.name}.ipynb").write_text(json.dumps(book))
        (folder / "best_two_layer_net.npz").write_bytes(b"the student's model")
        return grading.Submission(student, folder)

    def autograded(self, student):
        return self.assignment.course / "autograded" / student / self.assignment.name

    def marks(self, student):
        with Gradebook(f"sqlite:///{self.assignment.course}/gradebook.db", "cs231n-lite") as gradebook:
            submission = gradebook.find_submission(self.assignment.name, student)
            return {g.name: (g.auto_score, g.needs_manual_grade) for book in submission.notebooks for g in book.grades}

    def comments(self, student):
        with Gradebook(f"sqlite:///{self.assignment.course}/gradebook.db", "cs231n-lite") as gradebook:
            submission = gradebook.find_submission(self.assignment.name, student)
            return {c.name: c.auto_comment for book in submission.notebooks for c in book.comments}


@pytest.fixture(scope="module")
def graded(assignment, expected, tmp_path_factory):
    """Grade a student who raises markup, and one whom we could not grade, and record both."""
    course = Course(assignment.copy_to(tmp_path_factory.mktemp("traps") / "course"))
    copy = course.assignment
    hostile = f'def relu_backward(dout, cache):\n    raise ValueError("{SCRIPT}")'
    eve, bob = course.hand_in("eve", relu_backward=hostile), course.hand_in("bob")
    book, _, _ = grade.read(eve.folder / f"{copy.name}.ipynb", copy)
    book["cells"] = [c for c in book["cells"] if not notebook.explores(c)]  # training has nothing to do with it
    few = SimpleNamespace(
        frame=copy.frame, questions=[q for q in copy.questions if q.name in ("relu_forward", "relu_backward")]
    )
    with kernel.opened(Policy(), [copy.course]) as sandbox:
        book, outcomes = grade.mark(book, few, expected, sandbox, eve.folder, seed=3)
    grade.write_outputs(book, outcomes)
    report = grading.ungraded(copy, eve, "Never mind.", 3).report
    done = {"eve": grade.Graded(report, book), "bob": grading.ungraded(copy, bob, "Our disk is full.", 3)}
    done["zoe"] = beside_the_answer(course)
    assert nbgrader_bridge.record(copy.course, copy.course / "submitted", copy.name, done) == []
    return course


def beside_the_answer(course):
    """Grade a student who left both written answers as they were and wrote a cell below the first."""
    copy = course.assignment
    zoe = course.hand_in("zoe", zero_gradients="YOUR ANSWER HERE", train_test_gap="YOUR ANSWER HERE")
    path = zoe.folder / f"{copy.name}.ipynb"
    book = json.loads(path.read_text())
    at = next(i for i, c in enumerate(book["cells"]) if notebook.grade_id(c) == "zero_gradients")
    book["cells"].insert(at + 1, {"cell_type": "markdown", "id": "own", "metadata": {}, "source": "Where it is 0."})
    path.write_text(json.dumps(book))
    report = grading.ungraded(copy, zoe, "Never mind.", 3).report
    return grade.Graded(report, grade.read(path, copy)[0])


def test_the_release_shows_no_secret_and_its_stubs_name_their_question(graded):
    folder = graded.assignment.release_path.parent
    assert [path.name for path in folder.iterdir()] == [graded.assignment.release_path.name]
    text = graded.assignment.release_path.read_text()
    assert "SOLUTION" not in text
    assert "HIDDEN TESTS" not in text
    assert "MARK SCHEME" not in text
    assert "autograder.incell" not in text
    cells = {notebook.grade_id(c): c for c in graded.release["cells"]}
    for name in ("relu_forward", "softmax_loss", "TwoLayerNet"):
        stub = notebook.source_of(cells[name])
        assert f'raise NotImplementedError("{name} is not written yet: replace this line with your own code.")' in stub
        assert "reference" not in stub
    assert all(not c.get("outputs") for c in graded.release["cells"])


def test_the_instructors_model_is_neither_released_nor_put_over_a_students(graded):
    for student in ("eve", "bob"):
        kept = graded.autograded(student) / "best_two_layer_net.npz"
        assert not kept.exists() or kept.read_bytes() == b"the student's model"
        handed_in = graded.assignment.course / "submitted" / student / graded.assignment.name
        assert (handed_in / "best_two_layer_net.npz").read_bytes() == b"the student's model"


def test_what_we_could_not_grade_waits_for_a_person(graded):
    marks = graded.marks("bob")
    for question in graded.assignment.questions:
        assert marks[f"check_{question.name}"] == (None, True)


def test_an_answer_written_in_a_cell_beside_its_own_waits_for_a_person(graded):
    """Found as a wrong mark: nbgrader gives zero for an answer left as it was, and nobody is asked to look."""
    marks = graded.marks("zoe")
    assert marks["zero_gradients"] == (None, True)
    assert marks["train_test_gap"] == (0, False)
    said = graded.comments("zoe")
    assert said["zero_gradients"] is None
    assert said["train_test_gap"] == "No response."
    assert "Where it is 0." in (graded.autograded("zoe") / "two_layer_net.ipynb").read_text()


@pytest.mark.parametrize(("text", "at", "waits"), [("mine", 0, True), ("mine", 1, True), (" \n", 1, False)])
def test_above_or_below_and_not_empty(text, at, waits):
    cells = [{"cell_type": "markdown", "id": "why", "source": "", "metadata": {"nbgrader": WRITTEN}}]
    cells.insert(at, {"cell_type": "code", "id": "extra-1-0", "source": text, "metadata": {}})
    assert answered_beside({"cells": cells}) == ({"why"} if waits else set())


def test_what_we_could_grade_has_its_points(graded):
    marks = graded.marks("eve")
    assert marks["check_relu_forward"] == (6, False)
    assert marks["check_relu_backward"] == (0, False)


def test_the_feedback_page_shows_the_reasons_and_runs_nothing_of_the_students(graded, monkeypatch):
    monkeypatch.chdir(graded.assignment.course)
    config = Config()
    nbgrader_bridge.configure(config)
    directory = CourseDirectory(
        config=config, root=str(graded.assignment.course), assignment_id=graded.assignment.name, student_id="eve"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's and nbconvert's own
        feedback = GenerateFeedback(coursedir=directory, config=config)
        feedback.force = True
        feedback.start()
    (page,) = Path(graded.assignment.course).glob("feedback/eve/*/*.html")
    text = page.read_text()
    assert "relu_backward: 0 of 8 points, failed" in text
    assert "raised ValueError: &lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert SCRIPT not in text
