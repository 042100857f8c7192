"""Sample submissions: small edits of the complete notebook, written out as a student would hand them in.

A sample is a file in ``assignments/samples/<assignment>/``, named by its verdict. A ``.py`` file
holds cells in the percent format, each with what is done to the notebook::

    # %% replace relu_backward     put this code into the cell
    # %% delete check_relu_forward
    # %% repeat affine_forward     add a second copy after the first
    # %% add affine_forward        add this code as a cell of the student's own, after that one
    # %% forget                    drop all cell metadata, as some editors do
    # %% without best_two_layer_net.npz

and a docstring that says what it shows. A file of any other kind is handed in as the notebook,
byte for byte.
"""

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from autograder import notebook, reference
from autograder.assignment import Assignment
from autograder.faults import GraderFault

COMPLETE = "complete"
UNTOUCHED = "untouched"


def folder(assignment: Assignment) -> Path:
    """Give the folder an assignment's samples are kept in."""
    return assignment.course / "samples" / assignment.name


def names(assignment: Assignment) -> list[str]:
    """List the samples of an assignment, `COMPLETE` and `UNTOUCHED` included."""
    return sorted({COMPLETE, UNTOUCHED, *(path.stem for path in folder(assignment).glob("*.*"))})


def write(assignment: Assignment, name: str, destination: Path) -> Path:
    """Write one sample into a folder, as a student would hand it in, and give that folder."""
    destination.mkdir(parents=True, exist_ok=True)
    path = destination / f"{assignment.name}.ipynb"
    raw = folder(assignment) / f"{name}.ipynb"
    if raw.exists():
        path.write_bytes(raw.read_bytes())
        return destination
    if name == UNTOUCHED:
        path.write_bytes(assignment.release_path.read_bytes())
        return destination
    book = complete(assignment)
    left_out = _edit(book, _edits(assignment, name)) if name != COMPLETE else set()
    path.write_text(json.dumps(book, indent=1), encoding="utf-8")
    for question in assignment.questions:
        if question.file and question.file not in left_out:
            (destination / question.file).write_bytes(trained(assignment, question.file))
    return destination


def complete(assignment: Assignment) -> notebook.Notebook:
    """Give the released notebook with the reference's solutions filled in."""
    book = json.loads(assignment.release_path.read_text(encoding="utf-8"))
    solved = {notebook.grade_id(c): c for c in assignment.frame["cells"] if notebook.is_solution(c)}
    for cell in book["cells"]:
        if notebook.is_solution(cell):
            lines = notebook.source_of(solved[notebook.grade_id(cell)]).split("\n")
            cell["source"] = "\n".join(line for line in lines if not re.search(r"(BEGIN|END) SOLUTION", line))
    return book


def _edits(assignment: Assignment, name: str) -> Iterator[tuple[str, str, str]]:
    """Read a sample's edits: what to do, to which cell, with which code."""
    path = folder(assignment) / f"{name}.py"
    if not path.is_file():
        raise GraderFault(
            f"There is no sample {name!r} of {assignment.name}. There are: {', '.join(names(assignment))}."
        )
    for part in re.split(r"^# %% ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        action, _, target = head.partition(" ")
        yield action, target.strip(), body.strip("\n")


def _edit(book: notebook.Notebook, edits: Iterator[tuple[str, str, str]]) -> set[str]:
    left_out: set[str] = set()
    cells: list[dict[str, Any]] = book["cells"]
    for action, target, body in edits:
        at = next((i for i, c in enumerate(cells) if notebook.grade_id(c) == target), None)
        if action == "without":
            left_out.add(target)
        elif action == "forget":
            for cell in cells:
                cell["metadata"] = {}
                cell.pop("id", None)
            book["nbformat_minor"] = 4
        elif at is None:
            raise GraderFault(f"A sample wants to {action} the cell {target!r}, which is not there.")
        elif action == "replace":
            cells[at]["source"] = body
        elif action == "delete":
            del cells[at]
        elif action == "repeat":
            cells.insert(at + 1, json.loads(json.dumps(cells[at])) | {"id": f"{target}-again".replace("_", "-")})
        elif action == "add":
            extra = {"cell_type": "code", "id": f"own-{len(cells)}", "metadata": {}, "outputs": [], "source": body}
            cells.insert(at + 1, extra | {"execution_count": None})
        else:
            raise GraderFault(
                f"A sample cannot {action!r} a cell: use replace, delete, repeat, add, forget or without."
            )
    return left_out


@lru_cache(maxsize=4)
def trained(assignment: Assignment, file: str) -> bytes:
    """Train the reference network on the embedded data for a few seconds and give the file a student would save."""
    from cs231n_lite import Solver, load_cifar10, save_params

    with contextlib.redirect_stdout(None):
        data = load_cifar10(num_validation=500, num_test=10)
    before = np.random.get_state()
    np.random.seed(0)
    model = reference.Namespaces(assignment)("")["TwoLayerNet"](hidden_dim=60, reg=0.1)
    np.random.set_state(before)
    model.params = {name: array.astype(np.float32) for name, array in model.params.items()}
    settings = {"optim_config": {"learning_rate": 5e-4}, "lr_decay": 0.7, "batch_size": 200, "num_epochs": 4}
    Solver(model, data, update_rule="sgd_momentum", verbose=False, num_val_samples=500, **settings).train()
    with tempfile.TemporaryDirectory() as name:
        save_params(Path(name) / file, model.params, dataset=data["source"])
        return (Path(name) / file).read_bytes()
