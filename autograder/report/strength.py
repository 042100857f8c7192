"""The strength of an assignment's checks in a terminal: one row a question, and by name whatever was missed."""

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from autograder.strength import Strength, findings, shares
from autograder.trials import Drawn, Told, Trial

WIDTH = 145  # columns of the table
_HEADS = (
    "\ncases",
    *("right\nvariants", "\nrefused", "tolerance\nfloat64", "used\nfloat32"),
    *("known\nwrong", "\nfailed", "\nnamed"),
    *("mutants\nkilled", "\nsurvived", "\nequal"),
    *("told\nname", "\nright", "\nwrong", "\nerror", "\nfacts"),
)
_CAPTION = (
    "right variants: each on {draws:,} draws; refused: verdicts; the most they used of the tolerance, by dtype. "
    "known wrong: each on {few:,} draws.\n"
    "equal: equivalent mutants. told, of the killed ones - name: a misconception that gives the same; right, wrong: "
    "causes named by\ngeneral rules, all true of the mutation or not; error: what was raised, and where; facts: where "
    "and by how much, no cause."
)


def strength_table(strength: Strength) -> Table:
    """Lay out what was measured, a row a question and one for all of them; it takes `WIDTH` columns."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), caption_justify="left")
    table.add_column("\nquestion")
    for head in _HEADS:
        table.add_column(head, justify="right")
    names = [q.name for q in strength.questions]
    for name in names:
        table.add_row(name, *_row(strength, {name}))
    table.add_section()
    table.add_row("all", *_row(strength, set(names)))
    table.caption = Text(_CAPTION.format(draws=strength.draws, few=-(-strength.draws // 10)))
    return table


def details(strength: Strength) -> list[Text]:
    """Tell what the table only counts: survivors, wrong causes, verdicts on variants, claims that do not hold."""
    said = [_line("survived", "bold red", t.mutant.name) for t in strength.survived]
    said += [
        _line("misled", "yellow", f"{t.mutant.name}: told {'; '.join(t.untrue)}") for t in strength.told(Told.WRONG)
    ]
    for word, drawn in (("refused", strength.correct), ("unnamed", strength.misconceptions)):
        said += [
            _line(word, "bold red", f"{name}, seed {seed}: {why}")
            for name, (seed, why) in _first_of_each(drawn).items()
        ]
    said += [
        _line("broken", "bold red", f"{f.claim}{f': {f.detail}' if f.detail else ''}")
        for f in findings(strength)
        if not f.holds
    ]
    return said


def _line(word: str, style: str, text: str) -> Text:
    return Text.assemble((f"{word}  ", style), text)


def _first_of_each(drawn: Iterable[Drawn]) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for d in drawn:
        for variant, seed, why in d.wrong:
            found.setdefault(f"{d.question}, {variant}", (seed, why))
    return found


def _row(strength: Strength, names: set[str]) -> list[str]:
    def count(trials: Iterable[Trial]) -> int:
        return sum(t.mutant.cell in names for t in trials)

    asked = [q for q in strength.questions if q.name in names]
    correct, known = (
        [d for d in drawn if d.question in names] for drawn in (strength.correct, strength.misconceptions)
    )
    mistakes = sum(len(q.misconceptions) for q in asked)
    numbers = [sum(len(q.cases(0)) for q in asked), sum(len(q.correct) for q in asked)]
    numbers += [sum(len(d.wrong) for d in correct)]
    missed = [{(d.question, name) for d in known for name in d.passed}]
    missed += [{(d.question, name) for d in known for name, *_ in d.wrong}]
    after = [mistakes, *(mistakes - len(them) for them in missed)]
    after += map(count, (strength.killed, strength.survived, strength.equivalent))
    after += [count(strength.told(kind)) for kind in Told]
    return [*map(str, numbers), _most(correct, "float64"), _most(correct, "float32"), *map(str, after)]


def _most(correct: Iterable[Drawn], dtype: str) -> str:
    return f"{max((share for name, share in shares(correct).items() if dtype in name), default=0.0):.2g}"
