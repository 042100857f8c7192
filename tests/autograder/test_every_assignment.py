"""Every assignment from hand-in to mark, in real kernels: right answers earn everything, stubs nothing, slips what they cost.

`two_layer_net` is graded both ways, with all its samples, in `test_both_routes.py`.
"""

import pytest

from autograder import course as grading
from autograder import samples
from autograder.assignment import Assignment, names_of_assignments
from autograder.model import Verdict
from autograder.sandbox.policy import Policy
from tests.conftest import COURSE

SLIPS = "slips"
# What the sample with slips loses, and part of what its student reads first.
LOST = {
    "computational_graph": {
        "Multiply": (5.5, "`dx` is `dout * y` and `dy` is `dout * x`"),
        "Repeat": (4, "each copy adds its own influence, so it is their sum"),
        "softmax": (2, "`np.exp` overflows near 1,000"),
    },
    "mlp": {
        "mse_loss": (6, "Loss and gradient are twice what is asked"),
        "cross_entropy_loss": (6, "divide `dscores` by N"),
        "adam": (8, "The bias correction is missing"),
    },
    "activations": {
        "leaky_relu_forward": (3, "The slope 0.01 is on the wrong side"),
        "prelu_backward": (4, "`dalpha` is not summed"),
        "init_weights": (4, "He and Xavier are exchanged"),
    },
    "batchnorm": {
        "batchnorm_forward": (7, "The momentum is reversed"),
        "dropout_forward": (1, "once is enough: testing returns `x`"),
    },
    "cnn": {
        "conv_output_size": (6, "the number of places is steps + 1"),
        "conv_backward_naive": (4, "conv_backward_naive, db: 4 of 4 entries differ"),
        "max_pool_backward_naive": (2, "take the place that `argmax` gives"),
    },
    "hyperparameter_search": {
        "k_fold_indices": (2, "shuffle with `rng.permutation(n)`"),
        "sample_log_uniform": (3, "draw the *logarithm* uniformly"),
        "best_tuned_net": (9, "best_tuned_net.npz was not handed in"),
    },
    "conceptual_questions": {
        "hyperparameters": (1.33, "the very thing that is learnt"),
        "conv_size": (2, "The last + 1 is missing"),
        "read_the_rates": (1.5, "Look for a curve that ends above where it began"),
    },
}
# What fails with the slips and keeps its marks, because of a slip somewhere else.
KEPT = {
    "computational_graph": {"SoftmaxWithLoss", "TwoLayerNodes"},
    "mlp": {"linear_regression_1d", "linear_regression", "MLP"},
    "batchnorm": {"FullyConnectedNet"},
    "cnn": {"conv_forward_naive", "max_pool_forward_naive"},
    "hyperparameter_search": {"random_search"},
}


@pytest.fixture(scope="module", params=LOST)
def graded(request, tmp_path_factory):
    """Grade three submissions of one assignment; give it and their outcomes by question."""
    assignment = Assignment(COURSE, request.param)
    folder = tmp_path_factory.mktemp(assignment.name)
    for sample in samples.names(assignment):
        samples.write(assignment, sample, folder / sample / assignment.name)
    done = grading.grade_all(
        assignment,
        grading.find_submissions(folder, assignment.name),
        jobs=1,
        policy=Policy(),
        seed=7,
        progress=lambda submission, graded: None,
    )
    return assignment, {name: {o.question: o for o in g.report.outcomes} for name, g in done.items()}


def test_no_assignment_is_forgotten():
    assert {*LOST, "two_layer_net"} == set(names_of_assignments(COURSE))


def test_right_answers_earn_everything_and_stubs_nothing(graded):
    assignment, outcomes = graded
    for question in assignment.questions:
        complete, untouched = outcomes[samples.COMPLETE][question.name], outcomes[samples.UNTOUCHED][question.name]
        assert (complete.verdict, complete.points) == (Verdict.PASSED, question.max_points), complete.reasons
        assert (untouched.verdict, untouched.points) == (Verdict.FAILED, 0)
        assert len(untouched.reasons) == 1


def test_a_slip_costs_its_own_marks_and_is_named(graded):
    assignment, outcomes = graded
    slips = outcomes[SLIPS]
    lost = {name: round(o.max_points - o.points, 2) for name, o in slips.items() if o.verdict is not Verdict.PASSED}
    assert lost == {name: points for name, (points, _) in LOST[assignment.name].items()}
    for name, (_, sentence) in LOST[assignment.name].items():
        assert slips[name].verdict is Verdict.FAILED
        assert sentence in slips[name].reasons[0]
    kept = {name for name, o in slips.items() if any("failed only because" in note for note in o.notes)}
    assert kept == KEPT.get(assignment.name, set())
