"""Notebooks as plain data, in and out: read what a stranger sent, and put it on the instructor's frame.

A submitted file is parsed as JSON and nothing more. What the student may write - the solution
cells and cells of their own - is taken from it; everything else is the instructor's. So a deleted,
doubled, edited or re-ordered check cell cannot change a mark, and nothing the file says is trusted.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from autograder.faults import SubmissionFault

MAX_BYTES = 50 * 2**20
MAX_CELLS = 5_000
EXPLORE = "explore"

Notebook = dict[str, Any]
Cell = dict[str, Any]


# ------------------------------------------------------------------------------ looking at cells


def grade_id(cell: Mapping[str, Any]) -> str:
    """Give nbgrader's name of a cell, ``""`` where it has none."""
    found = _nbgrader(cell).get("grade_id")
    return found if isinstance(found, str) else ""


def is_solution(cell: Mapping[str, Any]) -> bool:
    """Whether a student writes in this cell."""
    return bool(grade_id(cell)) and _nbgrader(cell).get("solution") is True


def is_check(cell: Mapping[str, Any]) -> bool:
    """Whether this cell carries the points of an autograded question."""
    return bool(grade_id(cell)) and _nbgrader(cell).get("grade") is True and not is_solution(cell)


def is_written(cell: Mapping[str, Any]) -> bool:
    """Whether this cell is an answer that a person marks."""
    return is_solution(cell) and _nbgrader(cell).get("grade") is True


def points(cell: Mapping[str, Any]) -> float:
    """Give the points of a check cell or a written answer."""
    return float(_nbgrader(cell).get("points", 0))


def explores(cell: Mapping[str, Any]) -> bool:
    """Whether no mark depends on this cell, so that grading may skip it."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, Mapping) else None
    return isinstance(tags, list) and EXPLORE in tags


def _nbgrader(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = cell.get("metadata")
    found = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    return found if isinstance(found, Mapping) else {}


# -------------------------------------------------------------------- reading what a stranger sent


def read(data: bytes) -> Notebook:
    """Parse the bytes of a notebook file, whatever they are.

    Returns
    -------
    notebook : dict
        ``{"cells": [{"id", "cell_type", "source", "metadata"}, ...]}``, each source one string,
        without outputs.

    Raises
    ------
    SubmissionFault
        If they are not a notebook of format 4: says what they are and what to do.

    Examples
    --------
    >>> read(b"")
    Traceback (most recent call last):
    autograder.faults.SubmissionFault: The notebook file is empty (0 bytes). Save the notebook and hand it in again.
    """
    again = "Open it in JupyterLab, save it and hand it in again."
    if not data.strip():
        raise SubmissionFault(
            f"The notebook file is empty ({len(data)} bytes). Save the notebook and hand it in again."
        )
    if len(data) > MAX_BYTES:
        raise SubmissionFault(
            f"A notebook may have {MAX_BYTES >> 20} MB; this one has {len(data) >> 20} MB. "
            "Clear its outputs (Edit, Clear Outputs of All Cells), save it and hand it in again."
        )
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except RecursionError as error:
        raise SubmissionFault(f"The notebook file is nested too deeply to be a notebook. {again}") from error
    except ValueError as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise SubmissionFault(
            f"The notebook file is not valid JSON: it breaks off or is damaged{where}. "
            "Open it in JupyterLab; if it does not open, go back to an earlier copy. Then save it and hand it in again."
        ) from error
    if not isinstance(content, dict):
        raise SubmissionFault(f"The file holds JSON, but not a notebook. {again}")
    if content.get("nbformat") != 4 or not isinstance(content.get("cells"), list):
        version = content.get("nbformat")
        raise SubmissionFault(f"The notebook must be in format 4; this one says {version!r:.20}. {again}")
    if len(content["cells"]) > MAX_CELLS:
        raise SubmissionFault(f"A notebook may have {MAX_CELLS} cells; this one has {len(content['cells'])}. {again}")
    return {"cells": [_clean(cell, number) for number, cell in enumerate(content["cells"], 1)]}


def _clean(cell: Any, number: int) -> Cell:
    source = cell.get("source") if isinstance(cell, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        raise SubmissionFault(
            f"Cell {number} of the notebook is damaged: it has no text or no type. "
            "Open the notebook in JupyterLab, save it and hand it in again."
        )
    # Lone surrogates are legal JSON but no text: they could not be written to a file again.
    source = source.encode("utf-8", "replace").decode("utf-8")
    identity = cell.get("id")
    metadata = cell.get("metadata")
    return {
        "id": identity if isinstance(identity, str) else "",
        "cell_type": cell["cell_type"],
        "source": source,
        "metadata": metadata if isinstance(metadata, dict) else {},
    }


# ----------------------------------------------------------- onto the instructor's frame


def restore(frame: Notebook, submitted: Notebook, stubs: Mapping[str, str]) -> tuple[Notebook, tuple[str, ...]]:
    """Put a student's answers into the instructor's notebook.

    Parameters
    ----------
    frame : dict
        The instructor's notebook (nbformat 4), solutions and hidden tests included.
    submitted : dict
        What `read` gave.
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
    cells: list[Cell] = [_extra(cell, f"extra-0-{n}") for n, cell in enumerate(extras.get(-1, ()))]
    for index, own in enumerate(frame["cells"]):
        cell = {k: v for k, v in own.items() if k not in ("outputs", "execution_count")} | {"source": source_of(own)}
        if is_solution(own):
            theirs = slots.get(index)
            cell["source"] = theirs["source"] if theirs else stubs[grade_id(own)]
            if theirs is None:
                notes.append(f"The cell '{grade_id(own)}' was missing; it was put back as it was handed out.")
        elif not grade_id(own) and index in slots:
            cell["source"] = slots[index]["source"]
        cells.append(_with_outputs(cell))
        cells += [_extra(c, f"extra-{index + 1}-{n}") for n, c in enumerate(extras.get(index, ()))]
    metadata = {k: v for k, v in frame["metadata"].items() if k in ("kernelspec", "language_info")}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, tuple(notes)


def _sort_into_slots(
    frame: Notebook, submitted: Notebook, stubs: Mapping[str, str]
) -> tuple[dict[int, Cell], dict[int, list[Cell]], list[str]]:
    """Match submitted cells with the frame's; the rest follow the frame cell they came after."""
    by_grade_id = {grade_id(c): i for i, c in enumerate(frame["cells"]) if grade_id(c)}
    by_id = {c["id"]: i for i, c in enumerate(frame["cells"]) if not grade_id(c) and c.get("id")}
    by_text = {_released(c): i for i, c in enumerate(frame["cells"]) if not is_solution(c)}

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
            found, how = _recognise(frame, cell, last)
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


def _recognise(frame: Notebook, cell: Cell, last: int) -> tuple[str, str]:
    """Name the answer that a cell without metadata is, if it is one, and what tells."""
    answers = {grade_id(c): c["cell_type"] for c in frame["cells"] if is_solution(c)}
    if cell["cell_type"] == "markdown":
        following = frame["cells"][last + 1] if last + 1 < len(frame["cells"]) else {}
        return (grade_id(following), "its place") if is_written(following) else ("", "")
    # By pattern, not by parser: the text may hold magics, mistakes or megabytes.
    defined = (
        re.findall(r"^(?:def|class)[ \t]+(\w+)", cell["source"], re.MULTILINE) if cell["cell_type"] == "code" else []
    )
    return next((name for name in defined if answers.get(name) == "code"), ""), "the function it defines"


def _released(cell: Cell) -> str:
    """Give a cell's text as students get it."""
    hidden = r"^[^\n]*BEGIN (HIDDEN TESTS|MARK SCHEME).*?END \1[^\n]*(\n|\Z)"
    return re.sub(hidden, "", source_of(cell), flags=re.MULTILINE | re.DOTALL).strip()


def _extra(cell: Cell, identity: str) -> Cell:
    return _with_outputs({"id": identity, "cell_type": cell["cell_type"], "source": cell["source"], "metadata": {}})


def _with_outputs(cell: Cell) -> Cell:
    return cell | {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell


def source_of(cell: Mapping[str, Any]) -> str:
    """Give a cell's text, which a file may hold as one string or as lines."""
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
