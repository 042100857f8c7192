"""Our verdicts inside nbgrader: configure it, release with it, record in its gradebook.

`configure` puts four steps of ours, `autograder.nbgrader_steps`, into nbgrader's own pipeline. Its release,
gradebook, formgrader, feedback and export stay as they are.
"""

import contextlib
import glob
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

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
    SaveCells,
)
from sqlalchemy.exc import OperationalError
from traitlets.config import Config

from autograder import grade
from autograder.faults import GraderFault
from autograder.nbgrader_steps import JudgeOutside, NamedStubs, SaveVerdicts, SubmissionExporter

# nbgrader takes a student's name for a pattern of file names, and puts it into pages and their scripts as it is.
PATTERN = frozenset("*?[")
NOT_IN_NAMES = PATTERN | frozenset('<>"')
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
                except NbGraderException as error:
                    _raise_if_locked(error)
                    left_out.append(student)
            return left_out
        finally:
            JudgeOutside.graded = {}


def _not_to_copy(folder: Path) -> list[str]:
    """Give patterns of the names of pipes, sockets and broken links, which nbgrader cannot copy and would refuse all for."""
    return [glob.escape(path.name) for path in folder.rglob("*") if not path.is_file() and not path.is_dir()]


class _Directory(CourseDirectory):
    """nbgrader's course directory, also where the folder of submissions has a name like ``course (1)``."""

    def format_path(self, nbgrader_step: str, student_id: str, assignment_id: str, escape: bool = False) -> str:
        """Give a folder's path; with `escape`, as a regular expression."""
        step = re.escape(nbgrader_step) if escape else nbgrader_step
        return super().format_path(step, student_id, assignment_id, escape=escape)


@contextlib.contextmanager
def _nbgrader(course: Path, name: str, **directories: Path | None) -> Iterator[tuple[CourseDirectory, Config]]:
    """Give nbgrader's course directory and configuration, with `alembic` findable as nbgrader expects it."""
    config = Config()
    configure(config)
    if PATTERN & set(str(course)):
        raise GraderFault(
            f"nbgrader takes * ? [ in the name of a folder for a pattern and would find nothing. Got {str(course)!r}. "
            "Rename the folder."
        )
    directory = _Directory(config=config, root=str(course), assignment_id=name)
    for trait, path in directories.items():
        if path:
            setattr(directory, trait, str(path))
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what nbgrader's own code is warned of must not stop a recording
            yield directory, config
    except OperationalError as error:
        raise GraderFault(
            f"The gradebook of {course.name} could not be used: {error.orig}. Close what else uses it (nbgrader, "
            "a database browser, another 'autograder grade'), see that you may write to gradebook.db, and try again. "
            "Marks recorded before stay."
        ) from error
    finally:
        os.environ["PATH"] = before


@contextlib.contextmanager
def _refusal(what: str) -> Iterator[None]:
    try:
        yield
    except (NbGraderException, RuntimeError, ValueError) as error:
        _raise_if_locked(error)
        raise GraderFault(f"{what}: {error} Mend the source notebook and try again.") from error


def _raise_if_locked(error: Exception) -> None:
    """Raise the database's own error where that is behind nbgrader's, which blames an old version."""
    if isinstance(error.__context__, OperationalError):
        raise error.__context__
