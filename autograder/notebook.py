"""Notebooks as plain data: look at cells, and read what a stranger sent.

A submitted file is parsed as JSON and nothing more; nothing it says is trusted.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from autograder.faults import SubmissionFault
from autograder.parse import TooMuch, parse

MAX_BYTES = 20 * 2**20
MAX_OBJECTS = 64 * 2**20  # bytes that parsing may take beside the text
MAX_CELLS = 5_000
MAX_TEXT = 2_000_000
MAX_NAME = 200
EXPLORE = "explore"
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+", re.ASCII).fullmatch

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


def code_of(book: Mapping[str, Any]) -> list[Cell]:
    """Give the code cells that grading may run: all but the check cells."""
    return [cell for cell in book["cells"] if cell["cell_type"] == "code" and not is_check(cell)]


def defined_in(text: str) -> list[str]:
    """Name the functions and classes of a cell, by pattern, not by parser: it may hold magics, mistakes or megabytes."""
    return re.findall(r"^(?:def|class)[ \t]+(\w+)", text, re.MULTILINE)


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


def source_of(cell: Mapping[str, Any]) -> str:
    """Give a cell's text, which a file may hold as one string or as lines."""
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


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
        ``{"cells": [{"id", "cell_type", "source", "metadata"}, ...]}``, each source one string, without
        outputs; a text with pictures pasted into it has ``"attachments"`` too.

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
    clear = "Clear its outputs (Edit, Clear Outputs of All Cells), save it and hand it in again."
    if not data or data.isspace():
        raise SubmissionFault(
            f"The notebook file is empty ({len(data)} bytes). Save the notebook and hand it in again."
        )
    if len(data) > MAX_BYTES:
        raise SubmissionFault(f"A notebook may have {MAX_BYTES >> 20} MB; this one has more. {clear}")
    try:
        content = parse(data, MAX_BYTES, MAX_OBJECTS)
    except TooMuch as error:
        raise SubmissionFault(
            f"Reading a notebook may take {(MAX_BYTES + MAX_OBJECTS) >> 20} MB of memory; this one, of "
            f"{len(data) / 2**20:.1f} MB, takes more: it holds millions of small items, or very long texts. {clear}"
        ) from error
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
        if isinstance(version, list | dict):
            version = "something else"
        elif isinstance(version, str):
            version = version[:20]
        raise SubmissionFault(f"The notebook must be in format 4; this one says {version!r:.20}. {again}")
    if len(content["cells"]) > MAX_CELLS:
        raise SubmissionFault(f"A notebook may have {MAX_CELLS} cells; this one has {len(content['cells'])}. {again}")
    cells: list[Cell] = []
    left = MAX_TEXT
    for number, cell in enumerate(content["cells"], 1):
        cells.append(_clean(cell, number, left))
        left -= len(cells[-1]["source"])
    return {"cells": cells}


def _clean(cell: Any, number: int, room: int) -> Cell:
    source = cell.get("source") if isinstance(cell, dict) else None
    lines: list[Any] = source if isinstance(source, list) else [source]
    source = None
    if all(isinstance(line, str) for line in lines):
        if sum(map(len, lines)) > room:
            raise SubmissionFault(
                f"The cells of a notebook may hold {MAX_TEXT:,} characters of code and text in all; those up to cell "
                f"{number} hold more. Keep data in a file beside the notebook, and hand it in again."
            )
        source = "".join(lines)
    if source is None or cell.get("cell_type") not in ("code", "markdown", "raw"):
        raise SubmissionFault(
            f"Cell {number} of the notebook is damaged: it has no text or no type. "
            "Open the notebook in JupyterLab, save it and hand it in again."
        )
    identity = cell.get("id")
    metadata = cell.get("metadata")
    pictures = _pictures(cell.get("attachments")) if cell["cell_type"] == "markdown" else {}
    return ({"attachments": pictures} if pictures else {}) | {
        "id": identity if isinstance(identity, str) else "",
        "cell_type": cell["cell_type"],
        "source": _writable(source),
        "metadata": metadata if isinstance(metadata, dict) else {},
    }


def _pictures(attachments: Any) -> dict[str, dict[str, str]]:
    """Keep the pictures pasted into a text; whatever else is attached is dropped."""
    found = {}
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        pictures = bundle.items() if isinstance(bundle, dict) else ()
        kept = {kind: data for kind, data in pictures if kind in PICTURES and isinstance(data, str) and BASE64(data)}
        if kept and len(name) <= MAX_NAME:
            found[_writable(name)] = kept
    return found


def _writable(text: str) -> str:
    """Replace lone surrogates, which are legal JSON but no text: they could not be written to a file again."""
    return text.encode("utf-8", "replace").decode("utf-8")
