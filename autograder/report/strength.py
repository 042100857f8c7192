"""The strength of an assignment's checks in a terminal: one row a question, and what was missed."""

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from autograder.strength import Strength, findings, not_true, shares
from autograder.trials import Drawn, Trial


def strength_table(strength: Strength) -> Table:
    """Lay out what was measured, a row a question and one for all of them.

    Parameters
    ----------
    strength : Strength

    Returns
    -------
    table : rich.table.Table
        Of the mutants: how many there are, were killed, survived, are equivalent; of the killed ones: how many were
        called by the name of a misconception, told the error they raised, told a true cause or a wrong one by general
        rules, or told the facts only. Of right and of known wrong solutions: verdicts given, and wrong ones among them.
    """
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), caption_justify="left")
    table.add_column("question")
    heads = "mutants", "killed", "survived", "equal", "by name", "error", "true", "wrong", "facts", "right", "refused"
    for head in (*heads, "known", "unnamed", "tolerance"):
        table.add_column(head, justify="right")
    questions = list(dict.fromkeys(d.question for d in strength.correct))
    for name in questions:
        table.add_row(name, *_row(strength, {name}))
    table.add_section()
    table.add_row("all", *_row(strength, set(questions)))
    table.caption = (
        "equal: equivalent mutants. by name, error, true, wrong, facts: what the killed ones were told. "
        "right, known: verdicts on right and on known wrong solutions. tolerance: the most a right one used, float64/float32."
    )
    return table


def details(strength: Strength) -> list[Text]:
    """Tell what the table only counts: survivors, wrong causes, claims that do not hold."""
    said = [Text.assemble(("survived  ", "bold red"), t.mutant.name) for t in strength.survived]
    said += [
        Text.assemble(("misled  ", "yellow"), f"{t.mutant.name}: told {', '.join(not_true(t))}")
        for t in strength.misled
    ]
    said += [
        Text.assemble(("broken  ", "bold red"), f.claim, f": {f.detail}" if f.detail else "")
        for f in findings(strength)
        if not f.holds
    ]
    return said


def _row(strength: Strength, names: set[str]) -> list[str]:
    def count(trials: Iterable[Trial]) -> int:
        return sum(t.mutant.cell in names for t in trials)

    killed, spoken, misled = strength.killed, strength.spoken, strength.misled
    named = count(t for t in killed if t.named)
    errors = count(t for t in strength.unnamed if t.raised and not t.said) + count(t for t in killed if t.lost)
    true = count(spoken) - count(misled)
    facts = count(killed) - named - errors - count(spoken)
    numbers = [count(strength.trials), count(killed), count(strength.survived), count(strength.equivalent)]
    numbers += [named, errors, true, count(misled), facts]
    for drawn in (strength.correct, strength.misconceptions):
        mine = [d for d in drawn if d.question in names]
        numbers += [sum(d.judged for d in mine), sum(len(d.wrong) for d in mine)]
    return [*map(str, numbers), _tolerance([d for d in strength.correct if d.question in names])]


def _tolerance(correct: Iterable[Drawn]) -> str:
    most = {
        dtype: max((share for name, share in shares(correct).items() if dtype in name), default=0.0)
        for dtype in ("float64", "float32")
    }
    return " / ".join(f"{share:.1g}" for share in most.values())
