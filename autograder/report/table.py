"""The class in a terminal: a table of marks, and the reason behind each lost one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autograder.model import Outcome, Report, Verdict
from autograder.report import Status, number, questions, shown, status, status_words, total

_NAMED = 4  # questions that lost marks, in a narrow table
_ANY_WIDTH = 10_000
_STYLES = {Verdict.PASSED: "green", Verdict.FAILED: "bold red", Verdict.UNGRADED: "yellow"}
_STATUS_STYLES = {Status.COMPLETE: "green", Status.LOST: "", Status.UNUSABLE: "bold red", Status.UNGRADED: "yellow"}


def summary(reports: Sequence[Report]) -> str:
    """Count the submissions by what became of them.

    Examples
    --------
    >>> from autograder.model import all_failed
    >>> lost = Report("ada", "mlp", (all_failed("sgd", {"next_w": 4}, "sgd is not written yet."),))
    >>> summary([lost, Report("bob", "mlp", ())])
    '2 submissions: 1 complete, 1 with lost marks, 0 unusable, 0 ungraded'
    """
    counts = Counter(map(status, reports))
    parts = ", ".join(f"{counts[kind]} {kind}" for kind in Status)
    return f"{len(reports)} submission{'' if len(reports) == 1 else 's'}: {parts}"


@dataclass(frozen=True)
class ClassTable:
    """The marks of a class, one row a student, as a rich renderable. Nothing in it is read as rich markup.

    Each question has a narrow, numbered column, and a caption names them; seven questions fit in 80 columns, 32 need
    140. Where they do not fit, one column names the questions that lost marks.

    Parameters
    ----------
    reports : sequence of Report
        One a student; rows keep their order.

    Examples
    --------
    >>> from autograder.model import all_failed
    >>> lost = Report("ada", "mlp", (all_failed("sgd", {"next_w": 4}, "sgd is not written yet."),), by_hand=6)
    >>> from rich.console import Console
    >>> Console(width=72).print(ClassTable([lost]))
                  1
    student      /4  total by hand  status
    ───────────────────────────────────────────────
    ada           0  0 / 4      +6  with lost marks
    1=sgd
    """

    reports: Sequence[Report]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Give the table that fits."""
        wide = self._wide()
        needed = Measurement.get(console, options.update(max_width=_ANY_WIDTH), wide).maximum
        yield wide if needed <= options.max_width else self._narrow()

    def _wide(self) -> Table:
        asked = questions(self.reports)
        table = _table("\n")
        for place, maximum in enumerate(asked.values(), start=1):
            table.add_column(Text(f"{place}\n/{number(maximum)}"), justify="right", no_wrap=True)
        _add_last_columns(table, "\n")
        for report in self.reports:
            outcomes = {outcome.question: outcome for outcome in report.outcomes}
            table.add_row(_name(report), *(_mark(outcomes.get(question)) for question in asked), *_last_cells(report))
        legend = "  ".join(f"{place}={question}" for place, question in enumerate(asked, start=1))
        if any(report.ungraded for report in self.reports):
            legend += "\n– ungraded: our fault, and no mark is lost by it"
        table.caption = Text(legend, style="dim")
        return table

    def _narrow(self) -> Table:
        table = _table()
        _add_last_columns(table)
        table.add_column(Text(" lost in"), overflow="fold")
        for report in self.reports:
            lost = [outcome.question for outcome in report.outcomes if outcome.verdict is Verdict.FAILED]
            more = [f"and {len(lost) - _NAMED} more"] if len(lost) > _NAMED else []
            named = Text(", ".join(lost[:_NAMED] + more))
            table.add_row(_name(report), *_last_cells(report), Padding(named, (0, 0, 0, 1)))
        return table


def _table(above: str = "") -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0, caption_justify="left")
    table.add_column(Text(f"{above}student"), min_width=12, max_width=24, overflow="fold")
    return table


def _add_last_columns(table: Table, above: str = "") -> None:
    for heading in (" total", "by hand"):
        table.add_column(Text(above + heading), justify="right", no_wrap=True)
    table.add_column(Text(f"{above} status"), no_wrap=True)


def _name(report: Report) -> Text:
    return Text(shown(report.student, limit=60))


def _last_cells(report: Report) -> tuple[Text, Text, Text]:
    return (
        Text(f" {total(report)}", style="bold"),
        Text(f"+{number(report.by_hand)}" if report.by_hand else ""),
        Text(f" {status(report)}", style=_STATUS_STYLES[status(report)]),
    )


def _mark(outcome: Outcome | None) -> Text:
    if outcome is None:
        return Text("")
    mark = "–" if outcome.verdict is Verdict.UNGRADED else number(outcome.points)
    return Text(mark, style=_STYLES[outcome.verdict])


def reasons(reports: Sequence[Report]) -> RenderableType:
    """List, for each student who has any, what was lost and why, and the notes.

    Parameters
    ----------
    reports : sequence of Report

    Returns
    -------
    listing : a rich renderable
        Wraps to the console's width. Nothing in it is read as rich markup.

    Examples
    --------
    >>> from autograder.model import all_failed
    >>> from rich.console import Console
    >>> lost = Report("ada", "mlp", (all_failed("sgd", {"next_w": 4}, "sgd is not written yet."),))
    >>> Console(width=72).print(reasons([lost]))
    ada  0 / 4  lost marks in 1 question
      sgd 0 / 4
        - sgd is not written yet.
    """
    return Group(*(part for report in reports for part in _about(report)))


def _about(report: Report) -> Iterator[RenderableType]:
    said = [_line(f"Note: {note}", "cyan", indent=2) for note in report.notes]
    if report.fault:
        said.append(_line(report.fault, "", indent=2))
    else:
        said += [part for outcome in report.outcomes for part in _about_outcome(outcome)]
    if said:
        heading = Text(shown(report.student, limit=60), style="bold")
        yield heading.append(f"  {total(report)}  {status_words(report)}", style="not bold")
        yield from said


def _about_outcome(outcome: Outcome) -> Iterator[RenderableType]:
    if outcome.verdict is Verdict.UNGRADED:
        yield _line(f"{outcome.question} ungraded, our fault", _STYLES[outcome.verdict], indent=2)
    elif outcome.verdict is Verdict.FAILED:
        lost = [output.name for output in outcome.outputs if output.verdict is Verdict.FAILED]
        where = f", lost in {', '.join(lost)}" if len(lost) < len(outcome.outputs) else ""
        marks = f"{number(outcome.points)} / {number(outcome.max_points)}"
        yield _line(f"{outcome.question} {marks}{where}", "red", indent=2)
    elif outcome.notes:
        yield _line(outcome.question, "green", indent=2)
    for sentence in outcome.reasons:
        yield _line(sentence, "", indent=4, bullet="- ")
    for note in outcome.notes:
        yield _line(f"Note: {note}", "cyan", indent=4, bullet="- ")


def _line(text: str, style: str, indent: int, bullet: str = "") -> RenderableType:
    row = Table.grid()
    row.add_row(*([Text(bullet)] if bullet else []), Text(shown(text), style=style, overflow="fold"))
    return Padding(row, (0, 0, 0, indent))
