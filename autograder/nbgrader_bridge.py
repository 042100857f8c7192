"""Our verdicts inside nbgrader: the only room that knows nbgrader and its configuration.

`configure` puts four pieces into nbgrader's own pipeline. Its release, gradebook, formgrader,
feedback and export stay as they are.
"""

import atexit
import contextlib
import glob
import json
import os
import secrets
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearSolutions,
    IgnorePattern,
    LimitOutput,
    NbGraderPreprocessor,
    SaveAutoGrades,
    SaveCells,
)
from traitlets import Float, Unicode
from traitlets.config import Config

from autograder import grade, notebook, reference
from autograder.assignment import Assignment, find_course
from autograder.faults import GraderFault
from autograder.model import all_failed
from autograder.probe import Session
from autograder.sandbox import kernel, levels
from autograder.sandbox.base import Sandbox
from autograder.sandbox.policy import AUTO, Policy

STUB = 'raise NotImplementedError("{name} is not written yet: replace this line with your own code.")'
FAULT_KEY = "autograder_fault"
# nbgrader takes a student's name for a pattern of file names, and puts it into pages and their scripts as it is.
NOT_IN_NAMES = frozenset('<>"*?[')
# What running a notebook writes beside it, and what no release or grading may carry over.
IGNORED = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".DS_Store", "best_*.npz", "checkpoint*.npz"]


def configure(config: Config) -> None:
    """Set up nbgrader for this course; ``nbgrader_config.py`` calls it.

    Parameters
    ----------
    config : traitlets.config.Config
        What ``get_config()`` gives in a configuration file.
    """
    config.CourseDirectory.ignore = IGNORED
    config.ClearMarkScheme.enforce_metadata = False  # rubrics stand in the locked cell of a written question
    steps = GenerateAssignment.preprocessors.default_args[0]
    config.GenerateAssignment.preprocessors = [NamedStubs if step is ClearSolutions else step for step in steps]
    config.HTMLExporter.sanitize_html = True  # feedback and formgrader; `outputs` and `markdown` have been there before
    config.Autograde.exporter_class = SubmissionExporter
    config.Autograde.autograde_preprocessors = [
        JudgeOutside,
        IgnorePattern,
        LimitOutput,
        SaveVerdicts,
        AssignLatePenalties,
        CheckCellMetadata,
    ]


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

    question_seconds = Float(Policy.question_seconds, help="Wall time of one observation of one question.").tag(
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
            expected, sandbox = _processes(assignment, policy)
            book, outcomes = grade.mark(book, assignment, expected, sandbox, folder, secrets.randbits(32))
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
    """Saves marks as nbgrader does; what we could not grade waits for a person instead of scoring zero."""

    def _add_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._add_score(cell, resources)
        if any(output.get("metadata", {}).get(grade.UNGRADED_KEY) for output in cell.get("outputs", [])):
            row = self.gradebook.find_grade(
                cell.metadata["nbgrader"]["grade_id"], self.notebook_id, self.assignment_id, self.student_id
            )
            row.auto_score = None
            row.needs_manual_grade = True
            self.gradebook.db.commit()


# ------------------------------------------------------------------------ used by our own commands


def release(course: Path, name: str, destination: Path | None = None) -> None:
    """Generate the released version of an assignment with nbgrader and note its cells in the gradebook.

    Parameters
    ----------
    destination : Path or None
        Another course directory to release into, leaving this one's release and gradebook alone.

    Raises
    ------
    GraderFault
        If nbgrader refuses; its log says why.
    """
    with _nbgrader(course, name, release_directory=destination) as (directory, config):
        converter = GenerateAssignment(coursedir=directory, config=config)
        converter.force = True
        converter.no_database = destination is not None
        if destination:
            converter.preprocessors = [step for step in converter.preprocessors if step is not SaveCells]
        with _refusal(f"nbgrader could not release {name}"):
            converter.start()


def record(course: Path, submissions: Path, name: str, graded: Mapping[str, grade.Graded]) -> list[str]:
    """Write marks into the gradebook and graded notebooks into ``autograded/``, by nbgrader's own steps.

    Returns
    -------
    left_out : list of str
        Students whose marks nbgrader refused to record, or whose names its pages could not show safely.
    """
    with _nbgrader(course, name, submitted_directory=submissions) as (directory, config):
        try:
            with Gradebook(directory.db_url, directory.course_id) as gradebook:
                gradebook.find_notebook(name, name)
        except MissingEntry:
            release(course, name)
        JudgeOutside.graded = graded
        try:
            left_out = []
            for student in graded:
                if not student.isprintable() or NOT_IN_NAMES & set(student):
                    left_out.append(student)
                    continue
                directory.student_id = student
                directory.ignore = [*IGNORED, *_not_to_copy(submissions / student / name)]
                converter = Autograde(coursedir=directory, config=config)
                converter.force = True
                try:
                    converter.start()
                except NbGraderException:
                    left_out.append(student)
            return left_out
        finally:
            JudgeOutside.graded = {}


def _not_to_copy(folder: Path) -> list[str]:
    """Give patterns of the names of pipes, sockets and broken links, which nbgrader cannot copy and would refuse all for."""
    return [glob.escape(path.name) for path in folder.rglob("*") if not path.is_file() and not path.is_dir()]


@contextlib.contextmanager
def _nbgrader(course: Path, name: str, **directories: Path | None) -> Iterator[tuple[CourseDirectory, Config]]:
    """Give nbgrader's course directory and configuration, with `alembic` findable as nbgrader expects it."""
    config = Config()
    configure(config)
    directory = CourseDirectory(config=config, root=str(course), assignment_id=name)
    for trait, path in directories.items():
        if path:
            setattr(directory, trait, str(path))
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what nbgrader's own code is warned of must not stop a recording
            yield directory, config
    finally:
        os.environ["PATH"] = before


@contextlib.contextmanager
def _refusal(what: str) -> Iterator[None]:
    try:
        yield
    except (NbGraderException, RuntimeError, ValueError) as error:
        raise GraderFault(f"{what}: {error} Mend the source notebook and try again.") from error


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
def _processes(assignment: Assignment, policy: Policy) -> tuple[Session, Sandbox]:
    """Start the reference and the sandbox, once for all submissions nbgrader goes through."""
    policy = replace(policy, isolation=levels.choose(policy.isolation))
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    sandbox = stack.enter_context(kernel.opened(policy, [assignment.course], assignment.beside))
    return stack.enter_context(reference.session(assignment)), sandbox
