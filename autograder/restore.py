"""Put a stranger's answers on the instructor's frame.

What the student may write - the solution cells and cells of their own - is taken from the submitted
notebook; everything else is the instructor's. So a deleted, doubled, edited or re-ordered check cell
cannot change a mark.
"""

import re
from collections import Counter
from collections.abc import Mapping

from autograder.notebook import Cell, Notebook, defined_in, grade_id, is_solution, is_written, source_of

EXTRA = "extra-"  # how the ids of a student's own cells begin


def restore(frame: Notebook, submitted: Notebook, stubs: Mapping[str, str]) -> tuple[Notebook, tuple[str, ...]]:
    """Put a student's answers into the instructor's notebook.

    Parameters
    ----------
    frame : dict
        The instructor's notebook (nbformat 4), solutions and hidden tests included.
    submitted : dict
        What `notebook.read` gave.
    stubs : mapping of str to str
        The released text of each solution cell, by grade id.

    Returns
    -------
    notebook : dict
        The frame's cells in its order, without outputs: solution cells with the student's text (or the stub),
        plain cells with the student's changes, locked cells as they were; after each, what the student added.
    notes : tuple of str
        What had to be mended, in words for the student.
    """
    slots, extras, notes = _sort_into_slots(frame, submitted, stubs)
    cells: list[Cell] = [_extra(cell, f"{EXTRA}0-{n}") for n, cell in enumerate(extras.get(-1, ()))]
    for index, own in enumerate(frame["cells"]):
        cell = {k: v for k, v in own.items() if k not in ("outputs", "execution_count")} | {"source": source_of(own)}
        if is_solution(own):
            theirs = slots.get(index)
            cell |= _text(theirs) if theirs else {"source": stubs[grade_id(own)]}
            if theirs is None:
                notes.append(f"The cell '{grade_id(own)}' was missing; it was put back as it was handed out.")
        elif not grade_id(own) and index in slots:
            cell |= _text(slots[index])
        cells.append(_with_outputs(cell))
        cells += [_extra(c, f"{EXTRA}{index + 1}-{n}") for n, c in enumerate(extras.get(index, ()))]
    metadata = {k: v for k, v in frame["metadata"].items() if k in ("kernelspec", "language_info")}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, tuple(notes)


def _sort_into_slots(
    frame: Notebook, submitted: Notebook, stubs: Mapping[str, str]
) -> tuple[dict[int, Cell], dict[int, list[Cell]], list[str]]:
    """Match submitted cells with the frame's; the rest follow the frame cell they came after."""
    by_grade_id = {grade_id(c): i for i, c in enumerate(frame["cells"]) if grade_id(c)}
    by_id = {c["id"]: i for i, c in enumerate(frame["cells"]) if not grade_id(c) and c.get("id")}
    by_text = {_released(c): i for i, c in enumerate(frame["cells"]) if not is_solution(c)}
    owners = _owners(frame, stubs)

    def place(cell: Cell) -> int | None:
        name = grade_id(cell)
        index = by_grade_id.get(name) if name else by_id.get(cell["id"], by_text.get(cell["source"].strip()))
        return index if index is not None and frame["cells"][index]["cell_type"] == cell["cell_type"] else None

    places = [place(cell) for cell in submitted["cells"]]
    named = set(places)
    slots: dict[int, Cell] = {}
    extras: dict[int, list[Cell]] = {}
    notes: list[str] = []
    last = -1
    for cell, index in zip(submitted["cells"], places, strict=True):
        if index is None:
            found, how = _recognise(frame, owners, cell, last)
            index = by_grade_id.get(found)
            if index is None or index in named or found not in stubs:
                extras.setdefault(last, []).append(cell)
                continue
            notes.append(f"The cell '{found}' had lost its name; it was recognised by {how}.")
        last = index
        own = frame["cells"][index]
        if index not in slots:
            slots[index] = cell
        elif is_solution(own):
            name = grade_id(own)
            notes.append(f"The cell '{name}' was there more than once; all copies were run, in your order.")
            untouched = stubs[name].strip()
            if cell["source"].strip() == untouched:
                continue
            if slots[index]["source"].strip() == untouched:
                slots[index] = cell
            else:
                extras.setdefault(index, []).append(cell)
        elif not grade_id(own):
            extras.setdefault(index, []).append(cell)
    return slots, extras, list(dict.fromkeys(notes))


def _owners(frame: Notebook, stubs: Mapping[str, str]) -> dict[str, str]:
    """Give the answer that each function is part of, by the function's name: `hidden_block` may ask for two others."""
    answers = [grade_id(c) for c in frame["cells"] if is_solution(c) and c["cell_type"] == "code"]
    asked = [(defined, name) for name in answers for defined in defined_in(stubs.get(name, ""))]
    counts = Counter(defined for defined, _ in asked)
    return {defined: name for defined, name in asked if counts[defined] == 1} | {name: name for name in answers}


def _recognise(frame: Notebook, owners: Mapping[str, str], cell: Cell, last: int) -> tuple[str, str]:
    """Name the answer that a cell without metadata is, if it is one, and what tells."""
    if cell["cell_type"] == "markdown":
        following = frame["cells"][last + 1] if last + 1 < len(frame["cells"]) else {}
        return (grade_id(following), "its place") if is_written(following) else ("", "")
    defined = defined_in(cell["source"]) if cell["cell_type"] == "code" else []
    return next((owners[name] for name in defined if name in owners), ""), "the function it defines"


def _released(cell: Cell) -> str:
    """Give a cell's text as students get it."""
    hidden = r"^[^\n]*BEGIN (HIDDEN TESTS|MARK SCHEME).*?END \1[^\n]*(\n|\Z)"
    return re.sub(hidden, "", source_of(cell), flags=re.MULTILINE | re.DOTALL).strip()


def _extra(cell: Cell, identity: str) -> Cell:
    return _with_outputs({"id": identity, "cell_type": cell["cell_type"], "metadata": {}} | _text(cell))


def _text(cell: Cell) -> Cell:
    """Give what a student wrote in a cell: its text and the pictures pasted into it."""
    return {key: cell[key] for key in ("source", "attachments") if key in cell}


def _with_outputs(cell: Cell) -> Cell:
    return cell | {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell
