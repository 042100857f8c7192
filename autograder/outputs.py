"""What a student's process put out, reduced to what can only be looked at: text and pictures.

A kernel sends what it likes under any name, and its outputs end in pages that an instructor's browser
opens. So a list says what is kept, and everything else - HTML, JavaScript, SVG, Markdown, widgets,
metadata, unknown fields - is left out. Python gives everything it displays as text too.
"""

from typing import Any

from autograder.notebook import BASE64, Cell, Notebook
from autograder.text import plain

PICTURES = ("image/png", "image/jpeg")


def harmless(book: Notebook) -> Notebook:
    """Give a notebook that was run with the outputs of its code cells reduced.

    Parameters
    ----------
    book : dict
        Its cells' outputs and execution counts are a stranger's; all else is left as it is.
    """
    return book | {"cells": [_cell(cell) if cell["cell_type"] == "code" else cell for cell in book["cells"]]}


def _cell(cell: Cell) -> Cell:
    outputs = [kept for output in cell.get("outputs", ()) if (kept := _output(output))]
    return {**cell, "outputs": outputs, "execution_count": _count(cell.get("execution_count"))}


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 10**6 else None


def _output(output: Any) -> dict[str, Any] | None:
    match output:
        case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str(text)}:
            return {"output_type": "stream", "name": name, "text": _last_written(text)}
        case {"output_type": "error", "ename": str(name), "evalue": str(value), "traceback": list(lines)}:
            trace = [plain(line) for line in lines if isinstance(line, str)]
            return {"output_type": "error", "ename": plain(name), "evalue": plain(value), "traceback": trace}
        case {"output_type": "display_data", "data": dict(data)}:
            shown = _shown(data)
            return {"output_type": "display_data", "data": shown, "metadata": {}} if shown else None
        case {"output_type": "execute_result", "data": dict(data)}:
            count = _count(output.get("execution_count"))
            kept: dict[str, Any] = {"output_type": "execute_result", "data": _shown(data), "metadata": {}}
            return kept | {"execution_count": count} if kept["data"] else None
    return None


def _shown(data: dict[str, Any]) -> dict[str, str]:
    text = data.get("text/plain")
    pictures = {kind: data[kind] for kind in PICTURES if isinstance(data.get(kind), str) and BASE64(data[kind])}
    return pictures | ({"text/plain": plain(text)} if isinstance(text, str) else {})


def _last_written(text: str) -> str:
    """Keep of each line what a terminal would show after the last return to its beginning, as of a progress bar."""
    return plain("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")))
