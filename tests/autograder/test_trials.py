"""One mutant, one variant: what kills it, what it is told, and when that is not true."""

import dataclasses

import pytest
import tiny_course

from autograder import judge, stand_ins, trials
from autograder.mutants import mutants
from autograder.trials import Bench, Told
from cs231n_lite.evidence import Cause


@pytest.fixture
def bench_of():
    """Open benches for assignments and close them after the test."""
    opened = []

    def open_bench(assignment):
        opened.append(Bench(assignment))
        return opened[-1]

    yield open_bench
    for bench in opened:
        bench.end()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_course.write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def bench(tiny):
    bench = Bench(tiny)
    yield bench
    bench.end()


def mutant(assignment, name):
    return next(m for m in mutants(assignment) if m.name == name)


# ------------------------------------------------------------------------------------------------------ killed


def test_a_weak_check_lets_a_mutant_survive_and_a_good_one_kills_its_like(tmp_path, bench_of):
    twins = tiny_course.write(tmp_path, total="def total(x):\n    ### BEGIN SOLUTION\n    return abs(x) / 2\n")
    bench = bench_of(twins)
    assert bench.try_mutant(mutant(twins, "halve:1 abs(x) / 2 -> x / 2")).killed_by == ""
    assert bench.try_mutant(mutant(twins, "total:1 abs(x) / 2 -> x / 2")).killed_by == "total"


def test_what_its_own_question_lets_pass_another_may_kill(tmp_path, bench_of):
    uses = "def total(x):\n    ### BEGIN SOLUTION\n    return sum(halve(row) for row in x)\n"
    assignment = tiny_course.write(tmp_path, total=uses)
    trial = bench_of(assignment).try_mutant(mutant(assignment, "halve:1 abs(x) / 2 -> x / 2"))
    assert (trial.killed_by, trial.told) == ("total", Told.FACTS)


def test_a_mutant_that_fails_on_some_draws_only_survives(tmp_path, bench_of):
    """Whether a mark is lost must not hang on the draw."""
    sometimes = """
import dataclasses
def sometimes(rng):
    sign = [1, -1][int(rng.integers(0, 2))]
    for case in positive(rng):
        yield Case(case.label, {"x": sign * case.inputs["x"]}, case.sizes)

halve = dataclasses.replace(halve, draw=sometimes)
"""
    assignment = tiny_course.write(tmp_path, sometimes)
    signs = {bool((q.cases(seed)[0].inputs["x"] > 0).all()) for q in assignment.questions[:1] for seed in trials.SEEDS}
    assert signs == {True, False}
    assert not bench_of(assignment).try_mutant(mutant(assignment, "halve:1 abs(x) / 2 -> x / 2")).killed_by


def test_a_mutant_without_end_is_killed_and_the_next_one_still_judged(tmp_path, bench_of, monkeypatch):
    monkeypatch.setattr(stand_ins, "SECONDS", 0.5)
    loop = "def total(x):\n    ### BEGIN SOLUTION\n    i = 0\n    while i < 1:\n        i += 1\n    return 3 * x.sum(axis=0)\n"
    assignment = tiny_course.write(tmp_path, total=loop)
    bench = bench_of(assignment)
    endless = bench.try_mutant(mutant(assignment, "total:3 i += 1 -> pass"))
    assert (endless.killed_by, endless.told) == ("total", Told.ERROR)
    assert bench.try_mutant(mutant(assignment, "total:4 3 * x.sum(axis=0) -> 2 * x.sum(axis=0)")).killed_by == "total"


# -------------------------------------------------------------------------------------------------------- told


@pytest.mark.parametrize(
    ("name", "told", "said"),
    [
        ("total:2 return out * 3 -> return -(out * 3)", Told.RIGHT, ("factor -1",)),
        ("total:2 return out * 3 -> return out * 6", Told.RIGHT, ("factor 2",)),
        ("total:2 return out * 3 -> return out ** 3", Told.FACTS, ()),
        ("total:2 return out * 3 -> return out @ 3", Told.ERROR, ()),
    ],
)
def test_what_is_told_is_held_against_what_the_mutation_is(tiny, bench, name, told, said):
    trial = bench.try_mutant(mutant(tiny, name))
    assert (trial.killed_by, trial.told, trial.said, trial.untrue) == ("total", told, said, ())


def test_a_mutant_that_gives_what_a_misconception_gives_bears_its_name(tiny, bench):
    trial = bench.try_mutant(mutant(tiny, "total:1 x.sum(axis=0) -> x.mean(axis=0)"))
    assert (trial.told, trial.said) == (Told.NAME, ())


def test_a_rule_that_says_what_is_not_so_is_counted_wrong(tiny, bench, monkeypatch):
    doubled = mutant(tiny, "total:2 return out * 3 -> return out * 6")
    monkeypatch.setattr(trials, "causes_of", lambda *_: (Cause("factor N", "By N."), Cause("factor 2", "Two.")))
    trial = bench.try_mutant(doubled)
    assert (trial.told, trial.said, trial.untrue) == (Told.WRONG, ("factor N", "factor 2"), ("factor N",))


def test_what_only_describes_the_numbers_is_true_if_many_draws_say_it(tiny, bench, monkeypatch):
    nothing_known = dataclasses.replace(mutant(tiny, "total:2 return out * 3 -> return out * 6"), causes=frozenset())
    few = len(bench.questions["total"].cases(0))
    monkeypatch.setattr(trials, "causes_of", lambda *_: (Cause("added 7", "Seven more."),))
    assert bench.try_mutant(nothing_known).told is Told.RIGHT
    chance = lambda _, name, seen: (Cause("added 7", "Seven more."),) if len(seen) == few else ()  # noqa: E731
    monkeypatch.setattr(trials, "causes_of", chance)
    trial = bench.try_mutant(nothing_known)
    assert (trial.told, trial.untrue) == (Told.WRONG, ("added 7",))


def test_a_rule_that_keeps_quiet_is_not_counted_at_all(tiny, bench, monkeypatch):
    monkeypatch.setattr(trials, "causes_of", lambda *_: ())
    assert bench.try_mutant(mutant(tiny, "total:2 return out * 3 -> return out * 6")).told is Told.FACTS


def test_what_is_said_of_the_cases_of_one_draw_must_hold_on_others(tiny, bench, monkeypatch):
    last = mutant(tiny, "total:1 x.sum(axis=0) -> x.max(axis=0)")
    trial = bench.try_mutant(last)
    assert "total is right only for a batch of one." in trial.said
    assert trial.untrue == ()
    monkeypatch.setattr(judge, "_pattern", lambda *_: "total is right only when M = 5.")
    trial = bench.try_mutant(last)
    assert (trial.told, trial.untrue) == (Told.WRONG, ("total is right only when M = 5.",))


def test_a_changed_input_is_a_cause_that_was_named(tmp_path, bench_of):
    halves = "def total(x):\n    ### BEGIN SOLUTION\n    return (x * 2).sum(axis=0)\n"
    assignment = tiny_course.write(tmp_path, total=halves)
    trial = bench_of(assignment).try_mutant(
        mutant(assignment, "total:1 (x * 2).sum(axis=0) -> np.multiply(x, 2, out=x).sum(axis=0)")
    )
    assert (trial.told, trial.said) == (Told.RIGHT, ("in place",))


CLOSED = 'from autograder.closed import numeric\nhalve = numeric("halve", points=1, why={4: "Squared, not rooted."})\n'
ROOT = "### BEGIN SOLUTION\nhalve = (1 / 4) ** 0.5\n### END SOLUTION"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("halve:1 (1 / 4) ** 0.5 -> 1 / 4 * 0.5", Told.NAME),
        ("halve:1 (1 / 4) ** 0.5 -> (1 - 4) ** 0.5", Told.FACTS),
        ("halve:1 (1 / 4) ** 0.5 -> (1 @ 4) ** 0.5", Told.ERROR),
    ],
)
def test_what_a_closed_question_says_of_any_wrong_answer_is_no_cause(tmp_path, bench_of, name, told):
    assignment = tiny_course.write(tmp_path, CLOSED, halve=ROOT)
    trial = bench_of(assignment).try_mutant(mutant(assignment, name))
    assert (trial.killed_by, trial.told, trial.said) == ("halve", told, ())


# ---------------------------------------------------------------------------------------------------- variants


def test_a_closed_question_has_no_tolerance_to_use(tmp_path, bench_of):
    assignment = tiny_course.write(tmp_path, CLOSED, halve=ROOT)
    drawn = bench_of(assignment).judge_correct("halve", range(1))
    assert (drawn.wrong, drawn.shares) == ((), {})


def test_right_solutions_pass_and_use_little_of_the_tolerance(bench):
    drawn = bench.judge_correct("total", range(5))
    assert drawn.wrong == ()
    assert drawn.shares.keys() == {("out", "float64"), ("out", "float32")}
    assert 0 <= drawn.shares["out", "float64"] < drawn.shares["out", "float32"] < 0.1


def test_a_right_solution_that_is_refused_is_named_with_draw_and_reason(tmp_path, bench_of):
    strict = """
@total.correct_variant
def rounded(reference):
    return {"total": lambda x: 3 * x.sum(axis=0) * (1 + 1e-5)}
"""
    drawn = bench_of(tiny_course.write(tmp_path, strict)).judge_correct("total", range(2))
    assert [(variant, seed) for variant, seed, _ in drawn.wrong] == [("rounded", 0), ("rounded", 1)]
    assert "total, out: " in drawn.wrong[0][2]


def test_a_misconception_that_passes_or_has_another_name_is_told(tmp_path, bench_of):
    more = '''
@total.misconception
def no_mistake(reference):
    """This changes nothing."""
    return {}


@total.misconception
def averaged_again(reference):
    """This is the mean, too."""
    return {"total": lambda x: 3 * x.sum(axis=0) / len(x)}
'''
    drawn = bench_of(tiny_course.write(tmp_path, more)).judge_misconceptions("total", range(2))
    assert drawn.passed == {"no_mistake"}
    assert {(variant, why.partition(".")[0]) for variant, _, why in drawn.wrong} == {
        ("no_mistake", "it passes"),
        ("averaged_again", "This is the mean"),
    }
    assert bench_of(tiny_course.write(tmp_path / "sound")).judge_misconceptions("total", range(3)).wrong == ()
