"""One mistake costs once: an answer that fails only through an earlier one keeps its marks.

Where an answer fails and uses a function that is wrong, it is observed again with the reference's version in
that function's place, in a kernel of its own. From that kernel only points come back: it holds part of the
reference, so nothing it says may reach the student.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from autograder import notebook
from autograder.model import Outcome, OutputOutcome, Verdict
from autograder.questions import Question

# Observes one question of a notebook in a fresh kernel; None if it was not reached.
Again = Callable[[notebook.Notebook, Question], Outcome | None]

_MAX_CELL = 100_000  # characters looked at; an answer has a few thousand


def through(
    book: notebook.Notebook,
    frame: notebook.Notebook,
    questions: Sequence[Question],
    outcomes: dict[str, Outcome],
    again: Again,
) -> dict[str, Outcome]:
    """Give the marks that were lost to an earlier mistake only.

    Parameters
    ----------
    book : dict
        The student's answers on the instructor's frame.
    frame : dict
        The instructor's notebook, solutions included.
    questions : sequence of Question
        In the order of the notebook, so that what is used comes before what uses it.
    outcomes : dict of str to Outcome
        What each was found to be, by name.
    again : callable
        ``again(book, question)`` observes one question once more.

    Returns
    -------
    outcomes : dict of str to Outcome
        The same, with marks given back where they were due, and a note that says through what they were lost.
    """
    found = dict(outcomes)
    roots: list[str] = []  # wrong in their own right
    for question in questions:
        outcome = found[question.name]
        if outcome.verdict is not Verdict.FAILED:
            continue
        used = sorted(set(roots) & _mentioned(book, question), key=roots.index)
        if used:
            seen = again(put_right(book, frame, used), question)
            outcome = found[question.name] = _merged(outcome, seen, used) if seen else outcome
        if outcome.verdict is Verdict.FAILED:
            roots.append(question.name)
    return found


def put_right(book: notebook.Notebook, frame: notebook.Notebook, names: Collection[str]) -> notebook.Notebook:
    """Give a notebook with the reference's text in the solution cells of the questions named."""
    right = {notebook.grade_id(c): notebook.source_of(c) for c in frame["cells"] if notebook.is_solution(c)}
    cells = [
        {**cell, "source": right[notebook.grade_id(cell)]}
        if notebook.is_solution(cell) and notebook.grade_id(cell) in names
        else cell
        for cell in book["cells"]
    ]
    return {**book, "cells": cells}


def _mentioned(book: notebook.Notebook, question: Question) -> set[str]:
    """Give every name an answer mentions, and those that what it mentions mentions, by pattern: it is a stranger's text."""
    code = [cell["source"][:_MAX_CELL] for cell in notebook.code_of(book)]
    words = [set(re.findall(r"\w+", text)) for text in code]
    defined = [set(notebook.defined_in(text)) for text in code]
    known = set(re.findall(r"\w+", question.source))
    waiting = set(known)
    while waiting:
        mentioned = set().union(*(w for w, names in zip(words, defined, strict=True) if names & waiting))
        waiting = mentioned - known
        known |= waiting
    return known - {question.name}


def _merged(before: Outcome, seen: Outcome, used: Sequence[str]) -> Outcome:
    """Take from the second observation that an output passed, and nothing else."""
    passed = {output.name for output in seen.outputs if output.verdict is Verdict.PASSED}
    given = [o.name for o in before.outputs if o.verdict is Verdict.FAILED and o.name in passed]
    if not given:
        return before
    outputs = tuple(
        OutputOutcome(o.name, Verdict.PASSED, o.max_points, o.max_points) if o.name in given else o
        for o in before.outputs
    )
    wrong = " and ".join(used)
    whole = all(o.verdict is Verdict.PASSED for o in outputs)
    what = before.question if whole else f"{before.question}, {' and '.join(given)},"
    verb = "is" if len(used) == 1 else "are"
    note = (
        f"{what} failed only because {wrong} {verb} wrong. With a right {wrong} it passes, so it keeps its marks. "
        f"Mend {wrong} first."
    )
    return replace(before, outputs=outputs, headline="" if whole else before.headline, notes=(note,))
