"""One question is judged fairly: on every case, shapes before values, and nothing lost to a fault of ours."""

import re
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from autograder.diagnose import Seen, alike, causes_of
from autograder.faults import GraderFault
from autograder.judge import judge, verdict_on
from autograder.model import Case, NotAnArray, Observation, Raised, Verdict
from autograder.probe import serve
from autograder.questions import load_questions, question
from autograder.session import Beside, Lost, Session
from autograder.verify import judge_variant

CHECKS = Path(__file__).parents[2] / "assignments" / "checks"
QUESTIONS = {q.name: q for q in load_questions(CHECKS / "two_layer_net.py")}


# ------------------------------------------------------------------------------ the real questions


def test_biases_kept_as_rows_are_noted_and_cost_nothing(expected):
    network = judge_variant(QUESTIONS["TwoLayerNet"], "biases_as_rows", expected, 5)
    row = judge_variant(QUESTIONS["affine_backward"], "bias_gradient_kept_as_a_row", expected, 5)
    assert (network.verdict, row.verdict) == (Verdict.PASSED, Verdict.PASSED)
    said = r"affine_backward, db: has shape \(1, (\d)\) where \(\1,\) is asked"
    assert any(re.match(said, note) for note in row.notes), row.notes


@pytest.mark.parametrize(
    ("name", "variant", "lost"),
    [
        ("affine_backward", "bias_averaged", {"db"}),
        ("affine_backward", "gradients_exchanged", {"dx", "dw"}),
        ("relu_backward", "relu_in_place", {"second_dx", "inputs"}),
        ("relu_backward", "mask_written_into_the_cache", {"inputs"}),
        ("relu_backward", "upstream_changed_in_place", {"inputs"}),
        ("softmax_loss", "gradient_not_averaged", {"dx"}),
        ("softmax_loss", "only_the_loss_summed", {"loss"}),
        ("softmax_loss", "scores_changed_in_place", {"inputs"}),
        ("TwoLayerNet", "regularisation_left_out_of_the_loss", {"loss"}),
        ("TwoLayerNet", "biases_regularised", {"loss", "db1", "db2"}),
        ("TwoLayerNet", "weight_scale_ignored", {"W_scale"}),
        ("TwoLayerNet", "biases_drawn_at_random", {"b1", "b2"}),
    ],
)
def test_a_mistake_costs_the_outputs_it_spoils_and_no_others(expected, name, variant, lost):
    outcome = judge_variant(QUESTIONS[name], variant, expected, 7)
    assert {o.name for o in outcome.outputs if o.verdict is Verdict.FAILED} == lost
    assert outcome.points == sum(p for output, p in QUESTIONS[name].points.items() if output not in lost)


# ------------------------------------------------------------------- a small question, in one process


def draw(rng):
    for label, n, d in (("a batch", 3, 5), ("a batch of one", 1, 4), ("a tall batch", 7, 2)):
        yield Case(label, {"x": rng.normal(1.0, 1.0, (n, d))}, {"N": n, "D": d})


@question(points={"total": 4, "mean": 2, "inputs": 1}, draw=draw)
def summary(student, x):
    total, mean = student.summary(x)
    return {"total": total, "mean": mean}


@summary.misconception
def flipped(reference):
    """The sign is wrong."""
    return {}


RIGHT = {"summary": lambda x: (x.sum(axis=0), x.mean(axis=1))}
VARIANTS = {"": RIGHT, "summary/flipped": {"summary": lambda x: (-x.sum(axis=0), -x.mean(axis=1))}}


@contextmanager
def session(namespace_of):
    """Give a session whose other end serves a namespace in a thread."""
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(theirs, namespace_of))
    with ours, theirs:
        thread.start()
        try:
            yield Session(ours, 5.0)
        finally:
            ours.close()
            thread.join(10)
            assert not thread.is_alive()


def judged(answer, variants=VARIANTS, asked=summary):
    names = {} if answer is None else {"summary": answer}
    with session(lambda variant: names) as student, session(variants.__getitem__) as reference:
        return judge(asked, student, reference, 2**32 - 2)  # so that the seeds of the probes wrap around


def verdicts(outcome):
    return {o.name: str(o.verdict) for o in outcome.outputs}


def test_a_right_answer_passes():
    outcome = judged(lambda x: (np.ones(len(x)) @ x, x @ np.ones(x.shape[1]) / x.shape[1]))
    assert (outcome.verdict, outcome.points, outcome.headline, outcome.notes) == (Verdict.PASSED, 7, "", ())


def test_each_output_is_worth_its_own_points():
    outcome = judged(lambda x: (x.sum(axis=0), x.mean(axis=1) + 1))
    assert verdicts(outcome) == {"total": "passed", "mean": "failed", "inputs": "passed"}
    assert outcome.points == 5
    assert "summary, mean" in outcome.reasons[0]
    assert "Seen in 3 of 3 cases, first on a batch" in outcome.reasons[0]


def test_leaving_the_inputs_alone_earns_nothing_where_nothing_else_is_right():
    outcome = judged(lambda x: (np.zeros(x.shape[1]), 0.0))
    assert verdicts(outcome) == {"total": "failed", "mean": "failed", "inputs": "failed"}
    assert outcome.points == 0
    assert not any("in place" in reason for reason in outcome.reasons)  # for they were left alone


def test_right_values_by_way_of_changed_inputs_lose_only_that():
    def answer(x):
        results = x.sum(axis=0), x.mean(axis=1)
        x[0, 0] = 99
        return results

    outcome = judged(answer)
    assert verdicts(outcome) == {"total": "passed", "mean": "passed", "inputs": "failed"}
    assert "summary: changes its argument x in place" in outcome.reasons[0]


def test_a_misconception_becomes_the_headline():
    outcome = judged(lambda x: (-x.sum(axis=0), -x.mean(axis=1)))
    assert outcome.headline == "The sign is wrong."


def test_half_a_misconception_is_not_called_one():
    outcome = judged(lambda x: (-x.sum(axis=0), x.mean(axis=1)))
    assert outcome.headline == ""
    assert verdicts(outcome)["mean"] == "passed"


def test_what_the_right_cases_have_in_common_is_said():
    outcome = judged(lambda x: (x[:1].sum(axis=0), x[:1].mean(axis=1)))
    assert outcome.headline == "summary is right only for a batch of one."
    assert "Seen in 2 of 3 cases" in outcome.reasons[1]


def test_a_cause_that_two_outputs_share_is_said_once():
    outcome = judged(lambda x: (2 * x.sum(axis=0), 2 * x.mean(axis=1)))
    assert sum(reason.count("a 2 too many") for reason in outcome.reasons) == 1, outcome.reasons


def empty_too(rng):
    """Draw a batch of nothing among the others, first or in between."""
    for n in (0, 3, 0, 2):
        yield Case(f"{n} rows", {"x": rng.normal(1.0, 1.0, (n, 4))}, {"N": n, "D": 4})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda x: 2 * x, "a 2 too many"),
        (lambda x: x + 1, "Every entry is 1 more"),
        (lambda x: np.zeros_like(x), "Every entry is 0"),
        (lambda x: x.cumsum(axis=1), "differ from"),
        (lambda x: x.T, "has shape"),
    ],
)
def test_an_empty_array_may_be_asked(wrong, told):
    """Found as a bug: the largest of no differences raised, and so did a division by the size of the batch."""
    same = question(points={"same": 1}, draw=empty_too)(_same)
    outcome = judged(lambda x: 1 * x, {"": {"summary": lambda x: x}}, same)
    assert outcome.verdict is Verdict.PASSED
    assert told in " ".join(judged(wrong, {"": {"summary": lambda x: x}}, same).reasons)


def _same(student, x):
    return {"same": student.summary(x)}


@pytest.mark.parametrize(("spoils_the_first", "said"), [(False, "right the first time"), (True, "a 2 too many")])
def test_a_second_look_blames_what_was_kept_only_where_the_first_was_right(spoils_the_first, said):
    twice = question(points={"dx": 1, "second_dx": 1}, draw=draw)(_twice)
    calls = []

    def answer(x):
        calls.append(x)
        return x * (2 if spoils_the_first or len(calls) % 2 == 0 else 1)

    outcome = judged(answer, {"": {"summary": lambda x: x}}, twice)
    assert said in " ".join(outcome.reasons)
    assert ("right the first time" in " ".join(outcome.reasons)) is not spoils_the_first


def _twice(student, x):
    return {"dx": student.summary(x), "second_dx": student.summary(x)}


def test_no_value_of_a_secret_input_is_told():
    outcome = judged(lambda x: (x.sum(axis=0) + 0.123456, x.mean(axis=1)))
    assert outcome.reasons
    assert not {"yours", "worst", "0.123"} & set(" ".join(outcome.reasons).split())


def test_an_output_left_out_beside_right_ones_does_not_stop_the_search_for_a_misconception():
    """Found as a bug: a None compared with an array of several entries raised in `recognise`."""
    outcome = judged(lambda x: (None, -x.mean(axis=1)))
    assert (outcome.points, outcome.headline) == (0, "")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda x: (None, x.mean(axis=1)), "summary, total: is None"),
        (lambda x: ("text", x.mean(axis=1)), "an array of shape (5,) is asked for; a str came"),
        (lambda x: (x.sum(axis=0)[:-1], x.mean(axis=1)), "has shape (4,)"),
        (lambda x: (np.zeros((0,)), x.mean(axis=1)), "has shape (0,)"),
        (lambda x: (x.sum(axis=0) * np.nan, x.mean(axis=1)), "nan"),
    ],
)
def test_what_is_no_answer_at_all_is_said_in_words(answer, said):
    outcome = judged(answer)
    assert verdicts(outcome) == {"total": "failed", "mean": "passed", "inputs": "passed"}
    assert said in outcome.reasons[0]


def test_a_stub_is_called_not_written_yet():
    def stub(x):
        raise NotImplementedError("summary is not written yet: replace this line with your own code.")

    for outcome in (judged(stub), judged(lambda x: (_ for _ in ()).throw(NotImplementedError))):
        assert outcome.points == 0
        assert outcome.reasons == (
            "summary is not written yet. Its section of the notebook leads you to it; "
            "replace the line that raises NotImplementedError with your own code.",
        )


def test_a_stub_it_depends_on_is_named():
    def answer(x):
        raise NotImplementedError("affine is not written yet: replace this line with your own code.")

    (reason,) = judged(answer).reasons
    assert reason.startswith("summary could not be tried, for it uses something that is not written yet: affine")


def test_a_name_that_is_missing_is_said_to_be():
    assert "summary is not defined: is its cell there" in " ".join(judged(None).reasons)


def test_raising_on_some_cases_only_fails_and_says_on_which():
    def answer(x):
        if len(x) == 1:
            raise ValueError("a batch of one is beyond me")
        return x.sum(axis=0), x.mean(axis=1)

    outcome = judged(answer)
    assert outcome.points == 0
    assert "wrong only for a batch of one" in outcome.reasons[0]
    assert "ValueError: a batch of one is beyond me" in outcome.reasons[1]
    assert "Seen in 1 of 3 cases, first on a batch of one." in outcome.reasons[1]


# --------------------------------------------------------------------------------- whose fault it is


def test_a_reference_that_raises_is_our_fault():
    def broken(x):
        raise ZeroDivisionError("in the reference")

    with pytest.raises(GraderFault, match=r"The reference of summary raised ZeroDivisionError.* on a batch. Mend it"):
        judged(RIGHT["summary"], {"": {"summary": broken}})


def test_a_probe_that_forgets_an_output_is_our_fault():
    @question(points={"total": 4, "mean": 2, "spread": 1}, draw=draw)
    def summary(student, x):
        total, mean = student.summary(x)
        return {"total": total, "mean": mean}

    with pytest.raises(
        GraderFault, match=r"The probe of summary must give an array called spread\. Got None\. Mend it"
    ):
        judged(RIGHT["summary"], asked=summary)


def test_a_reference_that_goes_away_is_our_fault_and_a_student_that_does_is_not():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, session(VARIANTS.__getitem__) as well:
        with pytest.raises(GraderFault, match="The reference of summary could not be observed on a batch: the Python"):
            judge(summary, well, Session(ours, 5.0), 3)
        with pytest.raises(Lost, match="the Python process ended"):
            judge(summary, Session(ours, 5.0), well, 3)


# ------------------------------------------------------------------------------ when two are alike


def observation(raised=None, changed=None, **values):
    return Observation(values, changed or {}, raised)


V = np.array([1.5, np.nan, -2e5])


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (observation(out=V), observation(out=V * (1 + 1e-9)), True),
        (observation(out=V), observation(out=V.astype(np.float32)), True),
        (observation(out=V), observation(out=V * (1 + 1e-5)), False),
        (observation(out=V), observation(out=V[:, None]), False),
        (observation(out=np.full(3, np.nan)), observation(out=np.full(3, np.nan)), True),
        (observation(out=V), observation(dx=V), False),
        (observation(out=V), observation(out=V, changed={"x": V}), False),
        (observation(out=V), observation(out=NotAnArray("NoneType")), False),
        (observation(out=NotAnArray("NoneType")), observation(out=NotAnArray("NoneType")), True),
        (observation(Raised("ValueError", "one", "here")), observation(Raised("ValueError", "one", "there")), True),
        (observation(Raised("ValueError", "one")), observation(Raised("ValueError", "another")), False),
        (observation(Raised("ValueError", "one")), observation(Raised("TypeError", "one")), False),
        (observation(Raised("ValueError", "one")), observation(out=V), False),
        (observation(out=V), observation(Raised("ValueError", "one")), False),
    ],
)
def test_two_observations_are_alike_when_they_show_the_same_behaviour(a, b, same):
    assert alike(a, b) is same


def test_what_is_random_is_alike_within_a_tolerance_of_its_own():
    """Found as a gap: a misconception was not recognised where fresh weights came from another generator."""
    one, other = (observation(spread=np.array([spread]), out=np.ones(2)) for spread in (1.0, 1.02))
    assert alike(one, other, {"spread": 0.05})
    assert not alike(one, other)
    assert not alike(one, other, {"spread": 0.001})
    assert not alike(one, observation(spread=np.array([1.0]), out=np.full(2, 1.02)), {"spread": 0.05})


# --------------------------------------------------------------------------- what all cases together say


def draw_penalised(rng):
    for label, n, reg in (("one", 3, 0.5), ("another", 2, 0.25), ("none", 4, 0.0)):
        yield Case(label, {"x": rng.normal(size=(n, 4)), "reg": reg}, {"N": n, "D": n if reg == 0 else 9})


@question(points={"loss": 1}, draw=draw_penalised)
def penalised(student, x, reg):
    return {"loss": student.penalised(x, reg)}


def seen_by(answer):
    """Look at an answer beside the reference, a mean with a penalty; the seed is 1."""

    def right(x, reg):
        return np.mean(x) + 0.5 * reg * (x * x).sum()

    sides = [Beside(lambda _, function=f: {"penalised": function}) for f in (right, answer)]
    cases = penalised.cases(1)
    return [
        Seen(c, 1, *(side.observe(penalised.source, "penalised", c.inputs) for side in sides)) for c in cases
    ], sides[0]


def test_a_setting_counts_among_what_cases_have_in_common():
    """Found as a bug: without `reg` among them, the size that happened to go with it was named."""
    seen, reference = seen_by(lambda x, reg: np.mean(x) + reg)
    assert verdict_on(penalised, seen, reference).headline == "penalised is right only when reg = 0."


def test_a_term_is_named_missing_only_if_every_case_is_a_number():
    """Found as a wrong cause: of `loss % penalty`, which is nan without a penalty, the penalty was said to be missing."""
    (missing, _), (partly, _) = (
        seen_by(answer)
        for answer in (lambda x, reg: np.mean(x), lambda x, reg: np.mean(x) if reg else np.float64(np.nan))
    )
    (cause,) = causes_of(penalised, "loss", missing)
    assert cause == "The term `0.5 * reg * sum(x**2)` is missing."
    assert causes_of(penalised, "loss", partly) == ()


@pytest.mark.parametrize(("widths", "told"), [((5, 4, 5), True), ((5, 5, 5), False)])
def test_the_last_place_is_an_edge_only_where_lengths_differ(widths, told):
    """Found as a wrong cause: the last of six measured numbers is a thing of its own, and no loop stops one short of it."""

    def same_or_not(rng):
        for number, width in enumerate(widths):
            yield Case(f"case {number}", {"x": rng.normal(1.0, 1.0, (2, width))}, {"N": 2, "D": width})

    def last_left_out(x):
        return np.hstack([x[:, :-1], np.zeros((len(x), 1))])

    same = question(points={"same": 1}, draw=same_or_not)(_same)
    reasons = " ".join(judged(last_left_out, {"": {"summary": lambda x: x}}, same).reasons)
    assert ("Wrong only at the last place of axis 1" in reasons) is told


@question(points={"fits": 1, "word": 1, "steps": 1}, draw=draw_penalised)
def penalised_words(student, x, reg):
    size = student.penalised(x, reg)
    return {"fits": bool(size > 0), "word": np.array([size > 0, 2], np.uint8), "steps": 1 if size > 0 else 2}


def test_no_sum_accounts_for_a_no_or_a_word():
    """Found as wrong causes: of a plain no the student read that it is 1 less than the expected one; of a word that stands
    for 2, or a number of steps, that it is another output.
    """
    right, wrong = (Beside(lambda _, size=size: {"penalised": lambda x, reg: size}) for size in (1.0, -1.0))
    seen = [
        Seen(c, 1, *(side.observe(penalised_words.source, "penalised_words", c.inputs) for side in (right, wrong)))
        for c in penalised_words.cases(1)
    ]
    assert [causes_of(penalised_words, name, seen) for name in ("fits", "word")] == [(), ()]
    assert [cause.tag for cause in causes_of(penalised_words, "steps", seen)] == ["added 1"]
    for reason in (output.reason for output in verdict_on(penalised_words, seen, right).outputs[:2]):
        assert "1 less" not in reason
        assert "should be" not in reason


def draw_broken_scores(rng):
    for label in ("a run that broke", "another"):
        yield Case(label, {"scores": np.array([np.nan, *rng.normal(size=3), np.nan])})


@question(points={"results": 1}, draw=draw_broken_scores)
def counted_scores(student, scores):
    return {"results": student.summary(scores)}


def test_a_term_that_is_nan_accounts_for_nothing():
    """Found as a wrong cause: whoever dropped the runs that broke read that the term `scores` counts nan times."""
    variants = {"": {"summary": lambda scores: np.ones(5)}}
    reasons = " ".join(judged(lambda scores: 1.0 * np.isfinite(scores), variants, counted_scores).reasons)
    assert "2 of 5 entries differ" in reasons
    assert "nan times" not in reasons
