"""`autograder verify`: a sound assignment passes, and each claim, when broken, is found to be."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from autograder import cli, nbgrader_bridge, notebook, reference, samples, verify
from autograder.assignment import Assignment
from autograder.faults import GraderFault
from autograder.model import Verdict


@pytest.fixture(scope="module")
def sound(assignment, tmp_path_factory):
    """Give a copy of the course, released from its source; read only."""
    copy = assignment.copy_to(tmp_path_factory.mktemp("sound") / "course")
    nbgrader_bridge.release(copy.course, copy.name, copy.course / "release")
    return copy


@pytest.fixture
def copy(sound, tmp_path):
    """Give a copy of the sound course to break things in."""
    shutil.copytree(sound.course, tmp_path / "course")
    return Assignment(tmp_path / "course", sound.name)


def edited(path, change):
    """Change the cells of a notebook file, given by grade id."""
    book = json.loads(path.read_text())
    cells = {notebook.grade_id(c): c for c in book["cells"]}
    for cell in cells.values():
        cell["source"] = notebook.source_of(cell)
    change(cells)
    path.write_text(json.dumps(book))


def replaced(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1, f"{old} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new))


def asked(assignment, name):
    (question,) = [q for q in assignment.questions if q.name == name]
    return question


def broken(findings):
    return {f.claim: f.detail for f in findings if not f.holds}


# ---------------------------------------------------------------------------------- all of it


@pytest.mark.slow
def test_a_sound_assignment_is_found_to_be_so(sound):
    done = CliRunner().invoke(cli.app, ["verify", sound.name, "--course", str(sound.course)])
    assert done.exit_code == 0, done.output
    variants = sum(len(q.correct) + 2 * len(q.misconceptions) for q in sound.questions)
    claims = len(sound.questions) + 1 + 3 + 3 + variants  # of questions, explore cells, release, end to end, variants
    assert f"{sound.name}: {claims} claims hold, 0 are broken." in " ".join(done.output.split())


@pytest.mark.slow
def test_each_claim_that_does_not_hold_is_named_and_the_exit_code_is_1(copy, sound, monkeypatch):
    trained = samples.trained
    monkeypatch.setattr(samples, "trained", lambda assignment, file: trained(sound, file))  # once is enough

    def release_an_answer(cells):
        cells["relu_forward"]["source"] = "def relu_forward(x):\n    return (x + abs(x)) / 2, x\n"

    edited(copy.release_path, release_an_answer)
    replaced(copy.checks_path, '"at_least_48_percent": 0.48}', '"at_least_48_percent": 0.999}')
    with copy.checks_path.open("a") as checks:  # the variants have tests of their own, below
        checks.write(
            "\nfor q in (affine_forward, affine_backward, relu_forward, relu_backward, softmax_loss, TwoLayerNet):\n"
        )
        checks.write("    q.correct.clear()\n    q.misconceptions.clear()\ndel q\n")
    done = CliRunner().invoke(cli.app, ["verify", copy.name, "--course", str(copy.course)])
    assert done.exit_code == 1, done.output
    said = " ".join(done.output.split())
    assert "broken the release is what its source gives: two_layer_net.ipynb differ; run 'autograder release" in said
    assert "broken the reference gets full marks: best_two_layer_net: best_two_layer_net reached" in said
    assert "broken the untouched release gets no marks: relu_forward" in said
    assert "broken the untouched release is told so for each question: relu_forward" in said
    assert f"{len(copy.questions) + 3} claims hold, 4 are broken." in said


# --------------------------------------------------------------------------------- the questions


def test_a_reference_that_is_wrong_contradicts_the_correct_variants(copy):
    def drop_the_bias(cells):
        own = "\n\n_right = affine_forward\n\n\ndef affine_forward(x, w, b):\n    return _right(x, w, 0 * b)\n"
        cells["affine_forward"]["source"] += own

    edited(copy.source_path, drop_the_bias)
    with reference.session(copy) as expected:
        found = broken(verify._variants(asked(copy, "affine_forward"), expected))
    assert "affine_forward: the correct variant 'loops' passes" in found
    assert found["affine_forward: the misconception 'bias_left_out' fails"] == "it passes"


VARIANTS = """
@relu_forward.correct_variant
def not_correct(reference):
    return _gate(lambda x: np.maximum(x, 0.5))


@relu_forward.misconception
def no_mistake(reference):
    \"\"\"This changes nothing.\"\"\"
    return {}


@relu_forward.misconception
def absolute_again(reference):
    \"\"\"The same mistake as absolute_value, which is named first.\"\"\"
    return _gate(lambda x: np.sqrt(x * x))


def relu_backward_inputs(rng):
"""


def test_variants_that_are_not_what_they_are_said_to_be_are_found(copy):
    replaced(copy.checks_path, "\ndef relu_backward_inputs(rng):\n", VARIANTS)
    question = asked(copy, "relu_forward")
    with reference.session(copy) as expected:
        assert verify.judge_variant(question, "no_mistake", expected, 1).verdict is Verdict.PASSED
        found = broken(verify._variants(question, expected))
    assert found.keys() == {
        "relu_forward: the correct variant 'not_correct' passes",
        "relu_forward: the misconception 'no_mistake' fails",
        "relu_forward: the misconception 'no_mistake' is named",
        "relu_forward: the misconception 'absolute_again' is named",
    }
    assert "relu_forward, out" in found["relu_forward: the correct variant 'not_correct' passes"]
    assert found["relu_forward: the misconception 'absolute_again' is named"] == question.sentence("absolute_value")


def test_a_variant_that_cannot_be_made_is_our_fault_and_no_wrong_answer(copy):
    replaced(copy.checks_path, "    return _gate(np.abs)\n", "    return np.abs\n")
    said = r"The variant relu_forward/absolute_value must give a dict of names .* It raised TypeError: .* Mend it\."
    with reference.session(copy) as expected, pytest.raises(GraderFault, match=said):
        list(verify._variants(asked(copy, "relu_forward"), expected))


def test_a_probe_that_uses_what_the_students_process_lacks_is_found(copy):
    probe = "def relu_forward(student, x):\n"
    replaced(copy.checks_path, probe, probe + "    assert relu_inputs and Case\n")
    assert broken(verify._well_formed(copy)) == {
        "relu_forward: the probe stands alone": "it uses Case, relu_inputs, which the student's process does not have"
    }


@pytest.mark.parametrize(
    ("line", "detail"),
    [("explored = 1", "explored: write another name in one of them"), ("from math import *", "a star import binds")],
)
def test_a_name_that_explore_cells_bind_for_others_is_found(copy, line, detail):
    book = json.loads(copy.source_path.read_text())
    for cell in book["cells"]:
        cell["source"] = notebook.source_of(cell)
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    next(cell for cell in code if notebook.explores(cell))["source"] += f"\n{line}\n"
    next(cell for cell in code if notebook.is_solution(cell))["source"] += "\n\ndef later():\n    return explored\n"
    copy.source_path.write_text(json.dumps(book))
    found = broken(verify._well_formed(Assignment(copy.course, copy.name)))
    assert list(found) == ["no other cell uses what explore cells bind"]
    assert detail in found["no other cell uses what explore cells bind"]


def test_points_that_differ_between_notebook_and_checks_are_refused(copy):
    replaced(copy.checks_path, 'points={"out": 7, "inputs": 1}', 'points={"out": 8, "inputs": 1}')
    asked = r"They differ on: check_affine_forward: 8\.0 in the notebook, 9 in the checks\. Correct one of them"
    with pytest.raises(GraderFault, match=asked):
        next(verify.verify(copy))


def test_a_check_cell_without_a_question_is_refused(copy):
    edited(
        copy.source_path, lambda cells: cells["network_by_hand"]["metadata"]["nbgrader"].update(grade=True, points=3)
    )
    with pytest.raises(GraderFault, match=r"network_by_hand: 3\.0 in the notebook, None in the checks"):
        next(verify.verify(copy))


# ---------------------------------------------------------------------------------- the release


def leaks(copy):
    return verify.leaks(copy.frame, copy.release_path.parent)


def test_a_sound_release_gives_nothing_away(copy):
    assert broken(verify.release_findings(copy)) == {}


def appended(grade_id, text):
    def change(cells):
        cells[grade_id]["source"] += text

    return change


@pytest.mark.parametrize(
    ("change", "leak"),
    [
        (
            appended("relu_backward", "\n    return dout * (x > 0)"),
            "relu_backward holds the secret line 'return dout *",
        ),
        (appended("relu_forward", "\n# ### BEGIN SOLUTION"), "relu_forward holds 'BEGIN SOLUTION'"),
        (appended("check_relu_forward", '\ncheck("relu_forward")'), "check_relu_forward holds the secret line 'check("),
        (appended("check_relu_forward", "\n### BEGIN HIDDEN TESTS"), "check_relu_forward holds 'HIDDEN TESTS'"),
        (appended("zero_gradients_question", "\n=== BEGIN MARK SCHEME ==="), "holds 'MARK SCHEME'"),
        (lambda cells: cells["relu_forward"].update(execution_count=3), "cell relu_forward holds an output"),
        (
            lambda cells: cells["relu_forward"].update(
                outputs=[{"output_type": "stream", "name": "stdout", "text": "the answer"}]
            ),
            "cell relu_forward holds an output",
        ),
    ],
)
def test_what_a_release_gives_away_is_found(copy, change, leak):
    edited(copy.release_path, change)
    (found,) = leaks(copy)
    assert leak in found
    assert "the release gives nothing away" in broken(verify.release_findings(copy))


def test_a_rubric_in_the_release_is_found(copy):
    cells = {notebook.grade_id(c): notebook.source_of(c) for c in copy.frame["cells"]}
    rubric = cells["zero_gradients_question"].partition("BEGIN MARK SCHEME")[2].partition("END MARK SCHEME")[0]
    line = max(rubric.split("\n"), key=len)
    edited(copy.release_path, appended("zero_gradients_question", f"\n\n{line}"))
    assert any("zero_gradients_question holds the secret line" in found for found in leaks(copy)), leaks(copy)


@pytest.mark.parametrize(
    "name", ["best_two_layer_net.npz", "__pycache__/given.cpython-311.pyc", "weights.pkl", "solution", "gradebook.db"]
)
def test_a_file_that_is_not_for_students_is_found(copy, name):
    path = copy.release_path.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x00")
    assert leaks(copy) == [f"{path.name} is no file for students"]


def test_a_release_older_than_its_source_is_found(copy):
    edited(
        copy.source_path,
        lambda cells: cells["relu_forward"].update(source="# newer\n" + cells["relu_forward"]["source"]),
    )
    (found,) = broken(verify.release_findings(copy)).items()
    assert found == (
        "the release is what its source gives",
        "two_layer_net.ipynb differ; run 'autograder release two_layer_net'",
    )


def test_a_file_that_was_added_to_the_release_is_found(copy):
    (copy.release_path.parent / "hints.md").write_text("nobody generated this")
    assert broken(verify.release_findings(copy)) == {
        "the release is what its source gives": "hints.md differ; run 'autograder release two_layer_net'"
    }
