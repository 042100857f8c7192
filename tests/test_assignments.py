"""Every assignment of the course: each sentence is said for its own mistake and no other, and the release is current.

What `autograder verify` claims is tried here on other draws, for whatever lies in ``assignments/``.
"""

import contextlib

import pytest

from autograder import reference
from autograder.assignment import Assignment, names_of_assignments
from autograder.diagnose import Seen, observe_reference, recognise
from autograder.model import Verdict
from autograder.verify import judge_variant, release_findings
from tests.conftest import COURSE

SEEDS = range(101, 104)  # not those `autograder verify` uses
ASSIGNMENTS = {name: Assignment(COURSE, name) for name in names_of_assignments(COURSE)}
QUESTIONS = {f"{name}/{q.name}": q for name, a in ASSIGNMENTS.items() for q in a.questions}
MISCONCEPTIONS = [(key, v) for key, q in QUESTIONS.items() for v in q.misconceptions]
CORRECT = [(key, v) for key, q in QUESTIONS.items() for v in q.correct]


@pytest.fixture(scope="module")
def references():
    """Give the session with the reference of an assignment, each started once."""
    with contextlib.ExitStack() as stack:
        started = {}

        def session_of(key):
            name = key.partition("/")[0]
            if name not in started:
                started[name] = stack.enter_context(reference.session(ASSIGNMENTS[name]))
            return started[name]

        yield session_of


@pytest.mark.parametrize(("key", "variant"), MISCONCEPTIONS)
def test_a_misconception_fails_and_is_told_its_own_sentence(references, key, variant):
    asked, expected = QUESTIONS[key], references(key)
    outcomes = [judge_variant(asked, variant, expected, seed) for seed in SEEDS]
    assert {o.verdict for o in outcomes} == {Verdict.FAILED}
    assert {o.reasons[0] for o in outcomes} == {asked.sentence(variant)}
    assert all(o.points < o.max_points for o in outcomes)


@pytest.mark.parametrize(("key", "variant"), CORRECT)
def test_a_correct_variant_gets_full_marks_and_no_misconception_is_seen_in_it(references, key, variant):
    asked, expected = QUESTIONS[key], references(key)
    for seed in SEEDS:
        outcome = judge_variant(asked, variant, expected, seed)
        assert (outcome.points, outcome.reasons) == (asked.max_points, ())
        assert recognise(asked, seen_of(asked, variant, expected, seed), expected) is None


def seen_of(asked, variant, expected, seed):
    seen = []
    for number, case in enumerate(asked.cases(seed)):
        both = [observe_reference(expected, asked, case, seed + number, v) for v in ("", f"{asked.name}/{variant}")]
        seen.append(Seen(case, seed + number, *both))
    return seen


@pytest.mark.parametrize("key", [key for key, q in QUESTIONS.items() if not q.file])
def test_a_question_has_both_kinds_of_variant_and_no_two_say_the_same_sentence(key):
    asked = QUESTIONS[key]
    sentences = {asked.sentence(name) for name in asked.misconceptions}
    assert len(sentences) == len(asked.misconceptions) > 0
    assert asked.correct


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_the_release_is_current_and_gives_nothing_away(name):
    assert [f"{f.claim}: {f.detail}" for f in release_findings(ASSIGNMENTS[name]) if not f.holds] == []


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_notebook_is_worth_100_points(name):
    assert sum(q.max_points for q in ASSIGNMENTS[name].questions) + ASSIGNMENTS[name].by_hand == 100
