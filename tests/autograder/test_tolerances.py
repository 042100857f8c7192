"""Where tolerances come from: above what rounding does to right answers, below what any known mistake does.

What one rounding of the inputs does to the reference's answer is the condition of the question on those inputs. A
tolerance has room for ten times that, and the smallest known mistake is ten tolerances away.
"""

import numpy as np
import pytest

from autograder.probe import arrays_in
from autograder.questions import INPUTS
from autograder.reference import Namespaces
from autograder.session import Beside
from autograder.trials import Bench
from cs231n_lite.tolerances import share_of_tolerance, tolerance

DRAWS = range(10)  # 'autograder verify two_layer_net --strength' takes 1,000
QUESTIONS = ["affine_forward", "affine_backward", "relu_forward", "relu_backward", "softmax_loss", "TwoLayerNet"]
asked = pytest.mark.parametrize("name", QUESTIONS)


@pytest.fixture(scope="module")
def bench(assignment):
    bench = Bench(assignment)
    yield bench
    bench.end()


@pytest.fixture(scope="module")
def beside(assignment):
    """Give the reference and its variants in this process."""
    return Beside(Namespaces(assignment))


def floats(question):
    return question.points.keys() - question.rtol.keys() - {INPUTS}


def test_every_question_is_among_these(bench):
    assert list(bench.questions) == QUESTIONS


# -------------------------------------------------------------------------------------- right answers, and mistakes


@asked
def test_right_solutions_in_both_precisions_use_at_most_a_tenth(bench, name):
    drawn = bench.judge_correct(name, DRAWS)
    assert drawn.wrong == ()
    assert {dtype for _, dtype in drawn.shares} == {"float64", "float32"}
    assert max(drawn.shares.values()) <= 0.1, drawn.shares


@asked
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ten_roundings_of_the_inputs_fit_into_the_tolerance(bench, beside, name, dtype):
    question, rtol = bench.questions[name], tolerance(dtype, dtype)
    worst = 0.0
    for seed in DRAWS:
        rng = np.random.default_rng(seed)
        for case in question.cases(seed):
            rounded = {k: _rounded(value, dtype, rng) for k, value in case.inputs.items()}
            exact, moved = (_values(beside, question, inputs) for inputs in (case.inputs, rounded))
            worst = max(worst, *(share_of_tolerance(moved[o], exact[o], rtol) for o in floats(question)))
    assert worst <= 0.1
    if name in ("affine_forward", "affine_backward", "TwoLayerNet"):
        assert worst > 0  # something was rounded


def _rounded(value, dtype, rng):
    """Round an input to a precision; to that of float64 by half a unit in the last place at random."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return value
    if dtype is np.float32:
        return value.astype(np.float32).astype(np.float64)
    return value * (1 + np.finfo(np.float64).eps / 2 * rng.choice([-1, 1], value.shape))


def _values(beside, question, inputs, variant=""):
    return beside.observe(question.source, question.name, inputs, seed=1, variant=variant).values


@asked
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_smallest_known_mistake_is_ten_tolerances_away(bench, beside, name, dtype):
    question, rtol = bench.questions[name], tolerance(dtype, dtype)
    for mistake in question.misconceptions:
        away = 0.0
        for case in question.cases(3):
            seen = beside.observe(question.source, name, case.inputs, seed=1, variant=f"{name}/{mistake}")
            exact = _values(beside, question, case.inputs)
            away = max(
                away, np.inf if seen.raised or seen.changed else 0, _distance(exact, seen.values, rtol, question)
            )
        assert away >= 10, mistake


def _distance(exact, seen, rtol, question):
    """Give the largest error in tolerances; infinite where there is another shape, or no number."""
    largest = 0.0
    for name, got in seen.items():
        if got.shape != exact[name].shape or not np.isfinite(got).all():
            return np.inf
        if name in question.rtol and share_of_tolerance(got, exact[name], question.rtol[name]) > 1:
            return np.inf  # a tolerance of its own, which has a test of its own below
        if name not in question.rtol:
            largest = max(largest, share_of_tolerance(got, exact[name], rtol))
    return largest


def test_a_tolerance_too_narrow_or_too_wide_would_be_noticed(bench, beside):
    """The two tests above can fail: with a tolerance near either end of the room there is."""
    question = bench.questions["affine_forward"]
    (case, *_) = question.cases(1)
    exact = _values(beside, question, case.inputs)["out"]
    rounded = {k: _rounded(v, np.float32, None) for k, v in case.inputs.items()}
    assert share_of_tolerance(_values(beside, question, rounded)["out"], exact, 1e-8) > 0.1
    leaky = bench.questions["relu_forward"]
    (case, *_) = leaky.cases(1)
    exact, seen = (_values(beside, leaky, case.inputs, v) for v in ("", "relu_forward/leaky"))
    assert _distance(exact, seen, 1e-2, leaky) < 10


def test_the_spread_of_random_weights_has_room_for_chance_but_not_for_a_wrong_scale(bench):
    """The standard deviation of n draws is off by 1 / sqrt(2 n) of itself; two of them are compared."""
    rtol = bench.questions["TwoLayerNet"].rtol["W_scale"]
    off = np.sqrt(2) / np.sqrt(2 * 90 * 80)  # of the smaller of the probe's two matrices
    allowed = 2 * rtol  # once for the entry, once for the largest
    assert 6 * off < allowed  # chance goes beyond 6 of them once in 500 million draws
    assert allowed < (np.sqrt(2) - 1) / 4  # the nearest wrong scale: He in the place of Xavier, or the reverse


# --------------------------------------------------------------------------------- what right solutions look like


@asked
def test_right_solutions_come_in_every_precision_and_layout(bench, beside, assignment, name):
    question, kinds = bench.questions[name], set()
    namespaces = Namespaces(assignment)
    for variant in question.correct:
        for case in question.cases(1):
            student = _Recorder(namespaces(f"{name}/{variant}"))
            scope = {"np": np}
            exec(question.source, scope)
            values = scope[name](
                student, **{k: np.copy(v) if isinstance(v, np.ndarray) else v for k, v in case.inputs.items()}
            )
            kinds |= {kind for value in values.values() for kind in _kinds(np.asarray(value))}
    assert kinds >= {"float64", "float32", "Fortran order", "not contiguous"}


class _Recorder:
    def __init__(self, names):
        self.__dict__.update(names)


def _kinds(value):
    yield value.dtype.name
    if value.ndim > 1 and min(value.shape) > 1 and not value.flags.c_contiguous:
        yield "Fortran order" if value.flags.f_contiguous else "not contiguous"


def test_arrays_that_are_rounded_are_there_at_all(bench):
    for question in bench.questions.values():
        assert any(a.dtype == np.float64 for case in question.cases(1) for a in arrays_in(case.inputs).values())
