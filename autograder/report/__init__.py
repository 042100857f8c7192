"""Reports for people: a table in the terminal, a page in the browser. Pure: reports in, something to show out.

This front door holds the words both share. Whatever a student can write (names, notes, exception messages inside
reasons) passes through `shown` before anyone sees it.
"""

from collections.abc import Sequence
from enum import StrEnum

from autograder.model import Report, Verdict


class Status(StrEnum):
    """What became of a whole submission. The worst applies, and our own fault comes before the student's."""

    COMPLETE = "complete"
    LOST = "with lost marks"
    UNUSABLE = "unusable"
    UNGRADED = "ungraded"


def status(report: Report) -> Status:
    """Say what became of a submission.

    Examples
    --------
    >>> str(status(Report("ada", "mlp", outcomes=(), fault="The worker was stopped.")))
    'ungraded'
    """
    if report.ungraded or (report.fault and not report.outcomes):  # judged on nothing: no verdict against the student
        return Status.UNGRADED
    if report.fault:
        return Status.UNUSABLE
    if any(outcome.verdict is Verdict.FAILED for outcome in report.outcomes):
        return Status.LOST
    return Status.COMPLETE


def status_words(report: Report) -> str:
    """Say it with the number of questions concerned, such as ``"lost marks in 2 questions"``."""
    found = status(report)
    if found is Status.UNGRADED:
        return f"{_some_questions(len(report.ungraded))} ungraded, our fault"
    if found is Status.LOST:
        return f"lost marks in {_some_questions(sum(o.verdict is Verdict.FAILED for o in report.outcomes))}"
    return found.value


def _some_questions(count: int) -> str:
    return f"{count or 'all'} question{'' if count == 1 else 's'}"


def points(report: Report) -> float:
    """Give the points earned for sure: those of the questions we could grade."""
    return sum(outcome.points for outcome in report.outcomes if outcome.verdict is not Verdict.UNGRADED)


def total(report: Report) -> str:
    """Give points and maximum, such as ``"64 / 86"``; with "≥" where an ungraded question may still add some."""
    bound = "≥ " if status(report) is Status.UNGRADED else ""
    return f"{bound}{number(points(report))} / {number(report.max_points)}"


def questions(reports: Sequence[Report]) -> dict[str, float]:
    """Give the maximum points of every question in the reports, in the order they are first met."""
    return {outcome.question: outcome.max_points for report in reports for outcome in report.outcomes}


def number(value: float) -> str:
    """Write points without needless zeros, to two places.

    Examples
    --------
    >>> number(8.0), number(2 / 3)
    ('8', '0.67')
    """
    return f"{round(value, 2):g}"


def shown(text: str, limit: int = 500) -> str:
    r"""Make a stranger's text safe to look at: one line, nothing invisible, not too long.

    Terminal escapes, bidirectional overrides, lone surrogates and zero-width characters are spelled out; markup is
    the renderer's to escape.

    Parameters
    ----------
    text : str
        Anything at all.
    limit : int
        Characters kept; a cut is marked.

    Examples
    --------
    >>> print(shown("red \x1b[31m alert\n\nsecond line"))
    red \x1b[31m alert second line
    >>> shown("a" * 1003, limit=3)
    'aaa … (cut; 1,003 characters in all)'
    """
    line = " ".join(text.split())[: limit + 1]
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return line if len(line) <= limit else f"{line[:limit]} … (cut; {len(text):,} characters in all)"
