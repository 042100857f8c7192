"""What was measured is held against what is asked, and printed: every way to fall short, by name."""

import re

import pytest
import tiny_course
from rich.console import Console
from typer.testing import CliRunner

from autograder import cli, strength
from autograder.assignment import names_of_assignments
from autograder.faults import GraderFault
from autograder.mutants import mutants
from autograder.report.strength import WIDTH, details, strength_table
from autograder.strength import Strength, findings, measure, shares
from autograder.trials import Drawn, Told, Trial


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_course.write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def perfect(tiny):
    """Give what would be measured if nothing were missed; tests put one thing out of order."""
    standing = {name for q in tiny.questions for name in q.equivalents}
    tried = tuple(
        Trial(m) if m.name in standing else Trial(m, m.cell, Told.RIGHT if i % 2 else Told.FACTS)
        for i, m in enumerate(mutants(tiny))
    )
    correct = (Drawn("total", shares={("out", "float64"): 1e-6, ("out", "float32"): 0.1}),)
    return Strength(tiny.questions, tried, correct, (Drawn("total"),), 1000)


def changed(perfect, **parts):
    return Strength(**{name: getattr(perfect, name) for name in perfect.__dataclass_fields__} | parts)


def broken(measured):
    return {f.claim: f.detail for f in findings(measured) if not f.holds}


def with_trials(perfect, number, **parts):
    """Change what became of the first mutants that were killed."""
    tried = list(perfect.trials)
    for i in [i for i, t in enumerate(tried) if t.killed_by][:number]:
        tried[i] = Trial(tried[i].mutant, **parts)
    return changed(perfect, trials=tuple(tried))


# --------------------------------------------------------------------------------------------------- findings


def test_nothing_is_broken_where_nothing_was_missed(perfect):
    assert broken(perfect) == {}
    assert len(findings(perfect)) == 7
    assert len(perfect.killed) + len(perfect.equivalent) == len(perfect.trials)


def test_one_survivor_in_forty_is_too_many(perfect):
    measured = with_trials(perfect, 1)
    assert broken(measured) == {
        "at least 99% of the mutants are killed": f"1 of {len(perfect.killed)} fall short",
    }


def test_a_mutant_said_to_be_equivalent_counts_neither_as_killed_nor_as_survived(perfect, tiny):
    (trial,) = perfect.equivalent
    assert trial.mutant.name == "halve:1 abs(x) / 2 -> x / 2"
    assert (trial in perfect.killed, trial in perfect.survived) == (False, False)


@pytest.mark.parametrize(
    ("name", "why"),
    [("total:2 return out * 3 -> return out * 6", "is killed"), ("total:9 out -> nothing at all", "is no mutant")],
)
def test_a_declaration_of_equivalence_that_is_not_so_is_refused(tmp_path, name, why):
    course = tiny_course.write(tmp_path, f'\ntotal.equivalent("{name}", "No input tells them apart.")\n')
    tried = tuple(Trial(m, "" if m.name == "halve:1 abs(x) / 2 -> x / 2" else m.cell) for m in mutants(course))
    assert broken(Strength(course.questions, tried, (), (), 1)) == {
        "every mutant said to be equivalent is one": f"{name} {why}"
    }


@pytest.mark.parametrize(("name", "why"), [("total:1 a -> b", "  "), ("halve:1 a -> b", "a reason")])
def test_a_declaration_without_a_reason_or_of_another_question_is_refused(tiny, name, why):
    total = next(q for q in tiny.questions if q.name == "total")
    with pytest.raises(GraderFault, match=r"An equivalent mutant of total needs a name that begins with 'total:' and"):
        total.equivalent(name, why)


def test_wrong_causes_are_held_against_all_causes_and_against_all_mutants(perfect):
    right, wrong = (_says(words)(perfect) for words in ("of what general rules say", "told a wrong cause"))
    one = with_trials(perfect, 1, killed_by="halve", told=Told.WRONG, said=("zeros",), untrue=("zeros",))
    assert broken(one) == {wrong: f"1 of {len(perfect.killed)} fall short"}  # above 2 %, and below 10 % of the spoken
    assert broken(with_trials(perfect, 4, killed_by="halve", told=Told.WRONG)).keys() == {right, wrong}
    silent = tuple(t for t in perfect.trials if t.told is not Told.RIGHT)
    assert broken(changed(perfect, trials=silent)) == {}  # rules that say nothing say nothing wrong


def test_a_name_is_no_cause_that_could_be_wrong(perfect):
    """Mutants that bear a misconception's name do not dilute the share of wrong causes."""
    named = changed(perfect, trials=tuple(Trial(t.mutant, t.killed_by, Told.NAME) for t in perfect.trials))
    assert broken(with_trials(named, 1, killed_by="halve", told=Told.WRONG)).keys() == {
        _says("of what general rules say")(perfect),
        _says("told a wrong cause")(perfect),
        *broken(named),
    }


def _says(words):
    return lambda measured: next(f.claim for f in findings(measured) if words in f.claim)


def test_one_refusal_among_all_verdicts_is_told_with_its_draw(perfect):
    refused = (*perfect.correct, Drawn("total", (("single", 733, "total, out: differs."),)))
    assert broken(changed(perfect, correct=refused)) == {"no right solution is refused": "verdicts against it: 1"}
    said = printed(*details(changed(perfect, correct=refused))).split("\n")
    assert "refused  total, single, seed 733: total, out: differs." in said


def test_a_misconception_that_is_not_called_by_its_name_is_told(perfect):
    missed = (Drawn("total", (("averaged", 7, "it passes"),), frozenset({"averaged"})),)
    assert broken(changed(perfect, misconceptions=missed)) == {
        "every misconception is called by its name": "verdicts against it: 1"
    }


def test_a_right_solution_near_the_edge_of_the_tolerance_is_told(perfect):
    near = (*perfect.correct, Drawn("total", shares={("out", "float32"): 0.11}))
    assert shares(near)["total, out (float32)"] == 0.11
    assert broken(changed(perfect, correct=near)) == {
        "right solutions use at most 10% of the tolerance": "total, out (float32) uses 11%"
    }


# ----------------------------------------------------------------------------------------------------- printed


def printed(*what):
    console = Console(width=WIDTH, force_terminal=False)
    with console.capture() as captured:
        console.print(*what, sep="\n", soft_wrap=True)
    return captured.get()


def test_the_table_counts_each_question_and_all_of_them(perfect):
    lines = printed(strength_table(perfect)).split("\n")
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.split()}
    right, facts = (
        sum(t.told is kind and bool(t.killed_by) for t in perfect.trials) for kind in (Told.RIGHT, Told.FACTS)
    )
    killed = [sum(t.mutant.cell == name for t in perfect.killed) for name in ("halve", "total")]
    assert rows["halve"][:9] == ["3", "0", "0", "0", "0", "0", "0", "0", str(killed[0])]
    assert rows["total"][:11] == ["3", "2", "0", "1e-06", "0.1", "1", "1", "1", str(killed[1]), "0", "0"]
    assert rows["all"][:9] == ["6", "2", "0", "1e-06", "0.1", "1", "1", "1", str(sum(killed))]
    assert rows["all"][9:] == ["0", "1", "0", str(right), "0", "0", str(facts)]
    assert "each on 1,000 draws" in " ".join(lines)
    assert max(map(len, lines)) <= WIDTH


def test_whatever_was_missed_is_named_below_the_table(perfect):
    tried = with_trials(perfect, 1)
    wrong = with_trials(tried, 1, killed_by="halve", told=Told.WRONG, said=("zeros", "edge"), untrue=("edge",))
    refusals = tuple(("single", seed, "total, out: differs.") for seed in (3, 4))
    measured = changed(
        wrong,
        correct=(Drawn("total", refusals),),
        misconceptions=(Drawn("total", (("averaged", 5, "it passes"),), frozenset({"averaged"})),),
    )
    said = printed(*details(measured)).split("\n")
    assert f"survived  {measured.survived[0].mutant.name}" in said
    assert f"misled  {measured.told(Told.WRONG)[0].mutant.name}: told edge" in said
    assert "refused  total, single, seed 3: total, out: differs." in said
    assert "unnamed  total, averaged, seed 5: it passes" in said
    assert sum(line.startswith("refused") for line in said) == 1  # once a variant
    assert sum(line.startswith("broken") for line in said) == len(broken(measured)) == 4
    row = next(line for line in printed(strength_table(measured)).split("\n") if line.startswith("total"))
    assert row.split()[1:9] == ["3", "2", "2", "0", "0", "1", "0", "0"]


def test_names_of_mutants_are_no_markup(perfect):
    named = with_trials(perfect, 1)
    odd = named.survived[0].mutant.__class__("halve", 1, "[red]x[/red]", "[/]", "", frozenset(), "")
    assert "survived  halve:1 [red]x[/red] -> [/]" in printed(*details(changed(named, trials=(Trial(odd),))))


# ------------------------------------------------------------------------------------------------------ measured


@pytest.fixture(scope="module")
def measured(tiny):
    seen = []
    result = measure(tiny, 30, 1, lambda done, of: seen.append((done, of)))
    assert seen[-1][0] == seen[-1][1] == len(result.trials) + 2 * 2 + 2  # 30 draws are two pieces, 3 one
    return result


def test_a_tiny_course_is_measured_in_workers(tiny, measured):
    assert [t.mutant for t in measured.trials] == mutants(tiny)
    assert {t.mutant.name for t in measured.equivalent} == {"halve:1 abs(x) / 2 -> x / 2"}
    assert all(t.killed_by == "total" for t in measured.trials if t.mutant.cell == "total")
    assert {t.mutant.name for t in measured.survived} == {"halve:1 abs(x) / 2 -> np.abs(x, out=x) / 2"}
    assert [d.wrong for d in (*measured.correct, *measured.misconceptions)] == [()] * 6
    misled = {t.mutant.name: t.untrue for t in measured.told(Told.WRONG)}
    assert misled == {
        "halve:1 abs(x) / 2 -> abs(x) % 2": ("factor 2",)
    }  # true of numbers from 1 to 2, all that is drawn
    assert broken(measured).keys() == {_says("are killed")(measured), _says("told a wrong cause")(measured)}


@pytest.mark.parametrize("option", [["tiny"], ["--all"]])
def test_the_command_prints_the_table_and_exits_1_where_a_target_is_missed(tiny, measured, monkeypatch, option):
    asked = []
    monkeypatch.setattr(cli, "_verify", lambda assignment: 0)  # has tests of its own
    monkeypatch.setattr(
        strength, "measure", lambda assignment, *rest: asked.append((assignment.name, *rest[:2])) or measured
    )
    arguments = ["verify", *option, "--course", str(tiny.course), "--strength", "--draws", "30", "--jobs", "1"]
    done = CliRunner().invoke(cli.app, arguments, env={"COLUMNS": "80", "TERM": "dumb"})
    assert (done.exit_code, asked) == (1, [("tiny", 30, 1)]), done.output
    assert re.search(r"^total +3 +2 +0 ", done.output, re.MULTILINE)
    assert "survived  halve:1 abs(x) / 2 -> np.abs(x, out=x) / 2" in done.output
    assert "broken  at least 99% of the mutants are killed" in done.output
    assert "tiny: strength measured in" in done.output


def test_the_command_exits_0_where_every_target_is_met(tiny, perfect, monkeypatch):
    monkeypatch.setattr(cli, "_verify", lambda assignment: 0)
    monkeypatch.setattr(strength, "measure", lambda *_: perfect)
    done = CliRunner().invoke(cli.app, ["verify", "tiny", "--course", str(tiny.course), "--strength"])
    assert done.exit_code == 0, done.output


def test_a_course_without_questions_is_not_called_sound(tmp_path):
    with pytest.raises(GraderFault, match=r"Looked for assignments in course/checks; there are none\. Write"):
        names_of_assignments(tmp_path / "course")


@pytest.mark.parametrize("arguments", [["verify"], ["verify", "tiny", "--all"]])
def test_a_name_or_all_of_them_must_be_asked_for(tiny, arguments):
    done = CliRunner().invoke(
        cli.app, [*arguments, "--course", str(tiny.course)], env={"COLUMNS": "200", "TERM": "dumb"}
    )
    assert done.exit_code == 2
    assert "Give the name of an assignment, or --all for every one" in " ".join(done.output.split())
