"""Our four steps of nbgrader's pipeline: stubs that name their question, reading, judging and saving verdicts."""

import atexit
import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    ClearSolutions,
    NbGraderPreprocessor,
    SaveAutoGrades,
)
from traitlets import Float, Unicode

from autograder import grade, notebook, reference
from autograder.assignment import Assignment, find_course
from autograder.model import all_failed
from autograder.restore import EXTRA
from autograder.sandbox import kernel, levels
from autograder.sandbox.base import Sandbox
from autograder.sandbox.policy import AUTO, Policy
from autograder.session import Session

STUB = 'raise NotImplementedError("{name} is not written yet: replace this line with your own code.")'
FAULT_KEY = "autograder_fault"


class NamedStubs(ClearSolutions):
    """Clears solutions as nbgrader does, with a stub that names its question."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Clear one cell."""
        self.code_stub = {"python": STUB.format(name=notebook.grade_id(cell))}
        return super().preprocess_cell(cell, resources, cell_index)


class SubmissionExporter(NotebookExporter):
    """Reads a submitted file as plain JSON and puts it on the instructor's frame, whatever it holds.

    nbgrader reads each notebook twice: as handed in, then as it sanitised it. Only the first is a stranger's.
    """

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Read one notebook file."""
        resources = resources or {}
        names = resources["nbgrader"]
        if Path(filename).resolve().parent != _submitted(self, names):
            return super().from_filename(filename, resources=resources, **kwargs)
        book, notes, fault = grade.read(Path(filename), _assignment(names["assignment"]))
        node = nbformat.from_dict(book)
        node.metadata[FAULT_KEY] = fault
        for note in (*notes, *([fault] if fault else [])):
            self.log.warning("%s: %s", names["student"], note)
        path = Path(filename)
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        return self.from_notebook_node(node, resources=resources, **kwargs)


class JudgeOutside(NbGraderPreprocessor):
    """Takes the place of nbgrader's Execute: runs the notebook in our kernel and decides its check cells outside."""

    question_seconds = Float(Policy.question_seconds, help="Seconds one observation of one question may take.").tag(
        config=True
    )

    isolation = Unicode(AUTO, help="The wall students' code runs behind; 'autograder doctor' lists them.").tag(
        config=True
    )

    # Filled by `record`, which has graded in parallel beforehand; empty under plain `nbgrader autograde`.
    graded: Mapping[str, grade.Graded] = {}

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Run and judge one sanitised notebook."""
        names = resources["nbgrader"]
        done = self.graded.get(names["student"])
        if done is not None:
            return _with_outputs(nb, done.notebook), resources
        assignment = _assignment(names["assignment"])
        book = json.loads(json.dumps(nb))
        fault = book["metadata"].pop(FAULT_KEY, "")
        if fault:
            outcomes = {q.name: all_failed(q.name, q.points, fault) for q in assignment.questions}
        else:
            folder = _submitted(self, names)
            policy = replace(Policy(), question_seconds=self.question_seconds, isolation=self.isolation)
            expected, sandbox, seed = _processes(assignment, policy)
            book, outcomes = grade.mark(book, assignment, expected, sandbox, folder, seed)
        grade.write_outputs(book, outcomes)
        return nbformat.from_dict(book), resources


def _with_outputs(nb: NotebookNode, done: notebook.Notebook) -> NotebookNode:
    """Give nbgrader's sanitised notebook, checksums and all, the outputs of the graded one."""
    graded = {cell["id"]: cell for cell in done["cells"]}
    for cell in nb.cells:
        if cell.cell_type == "code" and cell.id in graded:
            cell.update({key: nbformat.from_dict(graded[cell.id][key]) for key in ("outputs", "execution_count")})
    return nb


class SaveVerdicts(SaveAutoGrades):
    """Saves marks as nbgrader does; what we could not grade waits for a person instead of scoring zero.

    So does a written answer that was left as it was handed out where the student wrote a cell beside it.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Save the marks of one notebook."""
        self.beside = answered_beside(nb)
        return super().preprocess(nb, resources)

    def _add_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._add_score(cell, resources)
        name = notebook.grade_id(cell)
        ungraded = any(output.get("metadata", {}).get(grade.UNGRADED_KEY) for output in cell.get("outputs", []))
        if ungraded or name in self.beside:
            row = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
            row.auto_score = None
            row.needs_manual_grade = True
            self.gradebook.db.commit()

    def _add_comment(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._add_comment(cell, resources)
        name = notebook.grade_id(cell)
        if name in self.beside:  # nbgrader says "No response."
            self.gradebook.find_comment(name, self.notebook_id, self.assignment_id, self.student_id).auto_comment = None
            self.gradebook.db.commit()


def answered_beside(book: Mapping[str, Any]) -> set[str]:
    """Name the answers next to which a restored notebook has a cell of the student's own."""
    cells = book["cells"]
    return {
        notebook.grade_id(cell)
        for at, cell in enumerate(cells)
        if notebook.is_solution(cell) and any(map(_own_words, cells[max(at - 1, 0) : at + 2]))
    }


def _own_words(cell: Mapping[str, Any]) -> bool:
    return cell.get("id", "").startswith(EXTRA) and bool(notebook.source_of(cell).strip())


# ------------------------------------------------------------------------ used by our own commands


def _assignment(name: str) -> Assignment:
    return Assignment(find_course(Path.cwd()), name)


def _submitted(part: Any, names: Mapping[str, str]) -> Path:
    """Find the folder a submission was handed in as, for any part of nbgrader's pipeline."""
    directory = CourseDirectory(config=part.config, root=os.getcwd())
    parent = part.parent
    while parent is not None:
        if hasattr(parent, "coursedir"):
            directory = parent.coursedir
            break
        parent = parent.parent
    path = directory.format_path(directory.submitted_directory, names["student"], names["assignment"])
    return Path(path).resolve()


@lru_cache(maxsize=1)
def _processes(assignment: Assignment, policy: Policy) -> tuple[Session, Sandbox, int]:
    """Start the reference and the sandbox, and choose the seed, once for all submissions nbgrader goes through."""
    policy = replace(policy, isolation=levels.choose(policy.isolation))
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    sandbox = stack.enter_context(kernel.opened(policy, [assignment.course], assignment.beside))
    return stack.enter_context(reference.session(assignment)), sandbox, secrets.randbits(32)
