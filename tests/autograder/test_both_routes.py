"""The sample submissions, graded by `autograder grade` and by `nbgrader autograde`: the same marks, and the right ones."""

import json
import re

import numpy as np
import pytest
from nbgrader.api import Gradebook

from autograder import samples
from autograder.handin import CHANCE, HIDDEN_IMAGES, judge_model
from autograder.model import Verdict

FULL = {
    "affine_forward": 8,
    "affine_backward": 14,
    "relu_forward": 6,
    "relu_backward": 8,
    "softmax_loss": 16,
    "TwoLayerNet": 24,
    "best_two_layer_net": 10,
}

# What each sample loses, by question, and why (part of the sentence a student reads).
LOST = {
    "complete": {},
    "untouched": {name: (points, "") for name, points in FULL.items()},
    "relu_in_place": {"relu_backward": (2, "a second backward through the same cache is wrong")},
    "bias_rows": {},
    "softmax_unshifted": {
        "softmax_loss": (16, "`np.exp` overflows on scores near 1,000: subtract each row's maximum first"),
    },
    "dx_not_reshaped": {"affine_backward": (5, "reshape `dx` back to `x.shape`")},
    "bias_not_summed": {"affine_backward": (4, "`db` is the sum of `dout` over the batch")},
    "loss_averaged_twice": {"softmax_loss": (16, "divided by N twice")},
    "never_ends": {"relu_forward": (6, "stopped after 3 s: does a loop never end?")},
    "exits": {"softmax_loss": (16, "the Python process ended")},
    "noisy": {},
    "cells_mislaid": {},
    "names_lost": {},
    "solution_deleted": {
        "relu_forward": (6, "relu_forward is not written yet"),
        "best_two_layer_net": (10, "was not handed in"),
    },
    "broken_json": {
        name: (points, "not valid JSON: it breaks off or is damaged at line 2") for name, points in FULL.items()
    },
    "empty_file": {name: (points, "The notebook file is empty (0 bytes)") for name, points in FULL.items()},
    "old_format": {name: (points, "must be in format 4; this one says 3") for name, points in FULL.items()},
}

# Whose marks were lost to an earlier mistake only, and to which.
GIVEN_BACK = {
    "softmax_unshifted": {"TwoLayerNet": "softmax_loss"},
    "bias_not_summed": {"TwoLayerNet": "affine_backward"},
    "loss_averaged_twice": {"TwoLayerNet": "softmax_loss"},
    "never_ends": {"relu_backward": "relu_forward", "TwoLayerNet": "relu_forward"},
    "exits": {"TwoLayerNet": "softmax_loss"},
    "solution_deleted": {"relu_backward": "relu_forward", "TwoLayerNet": "relu_forward"},
}


def test_every_sample_is_pinned(assignment):
    assert set(samples.names(assignment)) == set(LOST)


@pytest.mark.parametrize("sample", LOST)
def test_a_sample_gets_the_marks_it_deserves_and_is_told_why(both, sample):
    outcomes = {o.question: o for o in both.reports[sample].outcomes}
    lost = {name: FULL[name] - outcome.points for name, outcome in outcomes.items() if outcome.points < FULL[name]}
    assert lost == {name: points for name, (points, _) in LOST[sample].items()}
    for name, (_, reason) in LOST[sample].items():
        assert reason in " ".join(outcomes[name].reasons), outcomes[name].reasons
        assert outcomes[name].verdict is Verdict.FAILED


@pytest.mark.parametrize("sample", GIVEN_BACK)
def test_one_mistake_costs_once_and_the_report_names_it(both, sample):
    outcomes = {o.question: o for o in both.reports[sample].outcomes}
    for name, root in GIVEN_BACK[sample].items():
        assert outcomes[name].verdict is Verdict.PASSED
        assert outcomes[name].reasons == ()
        assert f"failed only because {root} is wrong. With a right {root} it passes" in outcomes[name].notes[0]


def marks(assignment):
    with Gradebook(f"sqlite:///{assignment.course}/gradebook.db", "cs231n-lite") as gradebook:
        return {
            submission.student.id: {
                grade.name: (grade.auto_score, grade.needs_manual_grade)
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            for submission in gradebook.assignment_submissions(assignment.name)
        }


def test_both_routes_give_identical_marks(both):
    ours, theirs = marks(both.ours), marks(both.theirs)
    assert set(ours) == set(LOST), both.log[-2000:]
    assert ours == theirs


def test_no_mark_of_a_sample_hangs_on_which_hidden_images_are_drawn(assignment, expected, tmp_path):
    # The two routes draw different ones. Over these draws no accuracy may come near the limit of a bar.
    question = {q.name: q for q in assignment.questions}["best_two_layer_net"]
    samples.write(assignment, samples.COMPLETE, tmp_path)
    told = [judge_model(question, tmp_path, expected, seed).notes[0] for seed in range(20)]
    reached = np.array([float(re.search(r"reached ([\d.]+)%", sentence)[1]) / 100 for sentence in told])
    bar = max(question.bars.values())
    error = np.sqrt(bar * (1 - bar) / HIDDEN_IMAGES)
    assert reached.mean() > bar - CHANCE * error + 3 * error
    assert reached.std() < 1.5 * error


def test_the_gradebook_has_the_marks_of_the_report(both):
    recorded = marks(both.ours)
    for sample, report in both.reports.items():
        for outcome in report.outcomes:
            assert recorded[sample][f"check_{outcome.question}"] == (outcome.points, False)


def test_written_answers_wait_for_a_person_and_untouched_ones_score_zero(both):
    recorded = marks(both.ours)
    assert recorded["complete"]["zero_gradients"] == (None, True)
    assert recorded["untouched"]["zero_gradients"] == (0, False)


def test_biases_kept_as_rows_are_noted_and_cost_nothing(both):
    (network,) = [o for o in both.reports["bias_rows"].outcomes if o.question == "TwoLayerNet"]
    assert any("TwoLayerNet, db1: has shape (1, " in note for note in network.notes), network.notes


def test_a_second_backward_through_the_same_cache_is_seen_to_fail(both):
    (relu,) = [o for o in both.reports["relu_in_place"].outcomes if o.question == "relu_backward"]
    verdicts = {output.name: output.verdict for output in relu.outputs}
    assert verdicts == {"dx": Verdict.PASSED, "second_dx": Verdict.FAILED, "inputs": Verdict.FAILED}


def test_what_had_to_be_mended_is_said(both):
    assert "The cell 'relu_forward' was missing" in " ".join(both.reports["solution_deleted"].notes)
    assert "'affine_backward' was there more than once" in " ".join(both.reports["cells_mislaid"].notes)
    assert "'softmax_loss' had lost its name" in " ".join(both.reports["names_lost"].notes)


@pytest.mark.parametrize("route", ["ours", "theirs"])
def test_the_graded_notebook_shows_reasons_in_the_check_cells(both, route):
    course = getattr(both, route).course
    graded = json.loads(
        (course / "autograded" / "dx_not_reshaped" / "two_layer_net" / "two_layer_net.ipynb").read_text()
    )
    (cell,) = [
        c for c in graded["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "check_affine_backward"
    ]
    assert "reshape `dx` back to `x.shape`" in "".join(cell["outputs"][0]["text"])
    assert "".join(cell["outputs"][1]["data"]["text/plain"]) == "9.0"
    assert 'check("affine_backward")' in "".join(cell["source"])


def test_one_damaged_notebook_does_not_stop_the_others_on_nbgraders_route(both):
    assert "broken_json: The notebook file is not valid JSON" in both.log
    assert not re.search(r"Traceback|There was an error processing", both.log), both.log[-3000:]
