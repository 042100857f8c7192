"""The class in a browser: one HTML page that needs nothing else, not even a network."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import mean, median

import jinja2

from autograder.model import Outcome, Report, Verdict
from autograder.report import Status, number, points, questions, shown, status, status_words, total

BINS = 10
_MOST_FREQUENT = 5
_NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?")


@dataclass(frozen=True)
class Figures:
    """How the class did on one question, unusable submissions left out.

    Parameters
    ----------
    mean : float or None
        Mean share of the points, 0 to 1; None where no answer was graded.
    full, part, none, ungraded : int
        Answers with all, some and none of the points, and those we could not grade.
    reasons : tuple of (str, int)
        The most frequent reasons for a lost mark, and how many students got each.
    further : int
        How many other reasons there were.
    """

    name: str
    max_points: float
    mean: float | None
    full: int
    part: int
    none: int
    ungraded: int
    reasons: tuple[tuple[str, int], ...]
    further: int


def class_page(reports: Sequence[Report], title: str) -> str:
    """Render the reports of a class as one self-contained HTML page.

    Parameters
    ----------
    reports : sequence of Report
        One a student; the page keeps their order.
    title : str
        The heading, such as ``"two_layer_net, autumn"``.

    Returns
    -------
    page : str
        HTML without scripts or outside resources; everything from the reports is escaped.

    Examples
    --------
    >>> "<h1>Week 3</h1>" in class_page([Report("ada", "mlp", ())], "Week 3")
    True
    """
    totals = [share(points(r), r.max_points) for r in reports if status(r) in (Status.COMPLETE, Status.LOST)]
    kinds = Counter(map(status, reports))
    return (
        _environment()
        .get_template("class_report.html.j2")
        .render(
            title=title,
            reports=reports,
            counts={kind: kinds[kind] for kind in Status},
            totals=totals,
            bars=bins(totals),
            mean=mean(totals) if totals else None,
            median=median(totals) if totals else None,
            asked=questions(reports),
            figures=[figures(name, reports) for name in questions(reports)],
        )
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("autograder.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "percent": lambda part: "–" if part is None else f"{100 * part:.0f} %",
        "shown": shown,
        "status": status,
        "status_words": status_words,
        "total": total,
        "level": level,
    }
    return environment


def share(earned: float, maximum: float) -> float:
    """Give the share of the points earned, 0 to 1; all of nothing is all."""
    return earned / maximum if maximum else 1.0


def level(outcome: Outcome) -> str:
    """Give the colour step of an answer: 0 (no points) to 4 (all), or ``"ungraded"``.

    Steps 1 to 3 are thirds, so only no points look like none and only full points look like all.
    """
    if outcome.verdict is Verdict.UNGRADED:
        return "ungraded"
    part = share(outcome.points, outcome.max_points)
    if part in (0, 1):
        return "4" if part else "0"
    return str(1 + int(3 * part))


def bins(shares: Iterable[float]) -> list[int]:
    """Count shares of 0 to 1 in ten bins; full marks fall in the last.

    Examples
    --------
    >>> bins([0.0, 0.09, 0.3, 1.0])
    [2, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    """
    # 0.29 + 0.01 is a hair below 0.3 in floats: without the nudge it would fall one bin short.
    counts = Counter(min(BINS - 1, int(BINS * share + 1e-9)) for share in shares)
    return [counts[place] for place in range(BINS)]


def figures(question: str, reports: Sequence[Report]) -> Figures:
    """Work out how the class did on one question.

    An unusable submission says nothing of what its author understood and is left out. So are
    ungraded answers, except from their own count.
    """
    outcomes = [o for r in reports if status(r) is not Status.UNUSABLE for o in r.outcomes if o.question == question]
    graded = [o for o in outcomes if o.verdict is not Verdict.UNGRADED]
    levels = Counter(map(level, graded))
    counted = frequent_reasons(graded)
    return Figures(
        name=question,
        max_points=questions(reports)[question],
        mean=mean(share(o.points, o.max_points) for o in graded) if graded else None,
        full=levels["4"],
        part=len(graded) - levels["4"] - levels["0"],
        none=levels["0"],
        ungraded=len(outcomes) - len(graded),
        reasons=tuple(counted[:_MOST_FREQUENT]),
        further=len(counted[_MOST_FREQUENT:]),
    )


def frequent_reasons(outcomes: Iterable[Outcome]) -> list[tuple[str, int]]:
    """Count the reasons for lost marks, the most frequent first, each once a student.

    The headline stands for the whole answer where there is one. Reasons that differ only in their
    numbers are counted together under the first of them.
    """
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for outcome in outcomes:
        said = outcome.reasons[:1] if outcome.headline else outcome.reasons
        alike = {_NUMBER.sub("#", sentence): sentence for sentence in (shown(s, limit=300) for s in said)}
        counts.update(alike.keys())
        first = alike | first
    return [(first[kind], count) for kind, count in counts.most_common()]
