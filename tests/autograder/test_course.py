"""Many submissions in worker processes: what kills a worker costs one submission its grading, and no other anything."""

import json
import os
import re
import signal
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from autograder import course as grading
from autograder import nbgrader_bridge
from autograder.assignment import CONFIG, Assignment
from autograder.course import Submission, find_submissions, grade_all, missing
from autograder.faults import GraderFault, SubmissionFault
from autograder.model import Verdict
from autograder.nbgrader_steps import SaveVerdicts
from autograder.sandbox.policy import Policy

CHECKS = """
import numpy as np
from autograder.model import Case
from autograder.questions import question


def numbers(rng):
    for n in (3, 5):
        yield Case(f"{n} numbers", {"x": rng.normal(size=n)}, {"N": n})


@question(points={"out": 3, "inputs": 1}, draw=numbers)
def double(student, x):
    return {"out": student.double(x)}


@question(points={"out": 2}, draw=numbers)
def add_up(student, x):
    return {"out": student.add_up(x)}
"""
SOLVED = {"double": "def double(x):\n    return 2 * x", "add_up": "def add_up(x):\n    return x.sum()"}


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly(Submission):
    """Kills the worker it is handed to, as running out of memory would; no student's code can do that any more."""

    def __reduce__(self):
        return die, ()


def cell(name, source, **metadata):
    nbgrader = {"nbgrader": {"schema_version": 3, "grade_id": name, **metadata}} if metadata else {}
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name.replace("_", "-"),
        "metadata": nbgrader,
        "outputs": [],
        "source": source,
    }


def notebook_of(**answers):
    cells = [cell("imports", "import numpy as np")]
    for name, points in (("double", 4), ("add_up", 2)):
        cells.append(cell(name, answers[name], grade=False, locked=False, solution=True))
        cells.append(cell(f"check_{name}", "", grade=True, locked=True, solution=False, points=points))
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def small(tmp_path):
    """Make a course with one small assignment of two questions."""
    made = Assignment(tmp_path / "course", "small")
    for path in (made.source_path, made.release_path, made.checks_path):
        path.parent.mkdir(parents=True, exist_ok=True)
    made.source_path.write_text(notebook_of(**SOLVED))
    made.release_path.write_text(notebook_of(double="raise NotImplementedError", add_up="raise NotImplementedError"))
    made.checks_path.write_text(CHECKS)
    (made.course / CONFIG).write_text(
        "from autograder.nbgrader_bridge import configure\n\nc = get_config()\nconfigure(c)\n"
    )
    return made


def hand_in(small, student, text=None, **answers):
    folder = small.course / "submitted" / student / small.name
    folder.mkdir(parents=True)
    (folder / f"{small.name}.ipynb").write_text(notebook_of(**SOLVED | answers) if text is None else text)


def graded(small, *, jobs=1, seed=11, submissions=None):
    """Grade what was handed in; give the reports by student, having checked that each was announced once."""
    announced = []
    if submissions is None:
        submissions = find_submissions(small.course / "submitted", small.name)
    done = grade_all(
        small,
        submissions,
        jobs=jobs,
        policy=Policy(question_seconds=5, memory_mb=500),
        seed=seed,
        progress=lambda submission, done: announced.append(submission.student),
    )
    assert sorted(announced) == sorted(done)
    assert list(done) == [s.student for s in submissions]
    return done


# -------------------------------------------------------------------------------- finding them


def test_submissions_are_found_in_the_order_of_their_names_and_stray_files_are_not(small):
    for student in ("zoe", "ada"):
        hand_in(small, student)
    (small.course / "submitted" / "notes.txt").write_text("not a student")
    (small.course / "submitted" / "eve").mkdir()
    (small.course / "submitted" / "eve" / "small").write_text("a file, not a folder")
    found = find_submissions(small.course / "submitted", "small")
    assert [s.student for s in found] == ["ada", "zoe"]
    assert found[0].folder == small.course / "submitted" / "ada" / "small"


def test_whoever_has_no_folder_to_grade_is_named_with_what_may_be_it(small):
    """Found as a silence: a zip or a folder too many, and the student was not in the report."""
    hand_in(small, "ada")
    submitted = small.course / "submitted"
    for name in (
        "bob/small.zip",
        "eve/homework/small/small.ipynb",
        "zoe/another/another.ipynb",
        "packed.zip",
        "notes.txt",
    ):
        (submitted / name).parent.mkdir(parents=True, exist_ok=True)
        (submitted / name).write_text("")
    assert missing(submitted, "small") == [
        "'bob' (there is 'bob/small.zip')",
        "'eve' (there is 'eve/homework/small/small.ipynb')",
        "'packed.zip' (there is 'packed.zip')",
        "'zoe'",
    ]
    assert missing(submitted / "nowhere", "small") == []


@pytest.mark.parametrize("there", [True, False])
def test_no_submission_is_told_with_the_layout_that_is_looked_for(tmp_path, there):
    if there:
        (tmp_path / "handed_in" / "ada" / "another").mkdir(parents=True)
    asked = (
        r"Looked for submissions as <student>/small/small\.ipynb under handed_in/; there are none\. "
        r"Put them there, or name their folder with --submitted\."
    )
    with pytest.raises(SubmissionFault, match=asked):
        find_submissions(tmp_path / "handed_in", "small")


def test_what_is_missing_of_the_course_is_said_once_and_before_any_worker_starts(small, monkeypatch):
    monkeypatch.setattr(grading, "_pool", lambda *a: pytest.fail("no worker is needed for this"))
    hand_in(small, "ada")
    small.release_path.unlink()
    with pytest.raises(
        GraderFault, match=r"small/small\.ipynb; it is not there\. Run 'autograder release small' first"
    ):
        graded(small)


# ------------------------------------------------------------------------------------ grading them


def test_odd_names_are_graded_and_recorded_like_any_other(small):
    names = ["Ada Lovelace", "Zoë 北京", "two\nlines", "o'neil & b", '<b>"', "-rf", "%(x)s {y}"]
    for name in names:
        hand_in(small, name, text="")
    done = graded(small, jobs=1)
    assert set(done) == set(names)
    assert all("is empty (0 bytes)" in d.report.fault for d in done.values())
    # nbgrader looks for a name on one line and puts it into its pages as it is; whoever has another is told of.
    left_out = ["two\nlines", '<b>"']
    assert sorted(nbgrader_bridge.record(small.course, small.course / "submitted", "small", done)) == sorted(left_out)
    for name in set(names) - set(left_out):
        assert (small.course / "autograded" / name / "small" / "small.ipynb").is_file()


@pytest.mark.parametrize(
    ("handed_in", "instead"),
    [
        (None, ""),
        ("small_final.ipynb", "small_final.ipynb"),
        ("small/small.ipynb", "small/small.ipynb"),
        ("a.zip", "a.zip"),
    ],
)
def test_a_missing_notebook_is_said_to_be_missing_with_what_is_there_instead(small, handed_in, instead):
    folder = small.course / "submitted" / "ada" / "small"
    folder.mkdir(parents=True)
    if handed_in:
        (folder / handed_in).parent.mkdir(exist_ok=True)
        (folder / handed_in).write_text(notebook_of(**SOLVED))
    done = graded(small)
    found = f"; there is {instead!r} instead" if instead else ""
    asked = f"The notebook small.ipynb was not handed in{found}. Hand it in under exactly this name."
    assert done["ada"].report.fault == asked
    assert nbgrader_bridge.record(small.course, small.course / "submitted", "small", done) == ["ada"]


def test_a_link_shows_no_student_what_lies_behind_it(small, tmp_path):
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "answers.py").write_text("secret")
    folder = small.course / "submitted" / "ada" / "small"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(ours)
    fault = graded(small)["ada"].report.fault
    assert fault == "The notebook small.ipynb was not handed in. Hand it in under exactly this name."


def test_marks_are_recorded_also_in_a_folder_with_a_bracket_in_its_name(small):
    """Found as a bug: nbgrader read "course (1)" as a regular expression and recorded nobody."""
    course = small.course.rename(small.course.with_name("my course (1)"))
    small = Assignment(course, "small")
    hand_in(small, "ada", text="")
    assert nbgrader_bridge.record(course, course / "submitted", "small", graded(small)) == []
    assert (course / "autograded" / "ada" / "small" / "small.ipynb").is_file()

    course = course.rename(course.with_name("course [1]"))
    with pytest.raises(
        GraderFault, match=r"for a pattern and would find nothing\. Got '.*\[1\]'\. Rename the folder\."
    ):
        nbgrader_bridge.release(course, "small")


def test_a_locked_gradebook_is_one_sentence_and_the_marks_are_recorded_later(small, monkeypatch):
    """Found as a bug: eighty lines of a database library, without what to do."""
    hand_in(small, "ada", text="")
    done = graded(small)
    nbgrader_bridge.record(small.course, small.course / "submitted", "small", done)
    other = sqlite3.connect(small.course / "gradebook.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(GraderFault, match=r"gradebook of course could not be used: database is locked\. Close what"):
        nbgrader_bridge.record(small.course, small.course / "submitted", "small", done)

    # As it happens between two students: behind nbgrader's own error, which blames an old version.
    other.execute("ROLLBACK")
    locked = OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))
    with monkeypatch.context() as patch:
        patch.setattr(SaveVerdicts, "preprocess", lambda *a: (_ for _ in ()).throw(locked))
        with pytest.raises(GraderFault, match="database is locked"):
            nbgrader_bridge.record(small.course, small.course / "submitted", "small", done)
    other.close()
    assert nbgrader_bridge.record(small.course, small.course / "submitted", "small", done) == []


def test_the_same_seed_gives_the_same_reports_and_another_seed_other_inputs(small):
    hand_in(small, "ada", double="def double(x):\n    return x + 1")
    hand_in(small, "bob", double="def double(x):\n    return 2 * x if x[0] > 0 else x.clip(0)")
    first, again = ([d.report.to_json() for d in graded(small, jobs=jobs, seed=5).values()] for jobs in (2, 1))
    assert first == again
    assert [(r["points"], r["seed"]) for r in first] == [(2, 5), (2, 5)]
    (double,) = [q for q in small.questions if q.name == "double"]
    drawn = {seed: double.cases(seed)[0].inputs["x"].tolist() for seed in (5, 6)}
    assert drawn[5] != drawn[6]


def test_a_submission_whose_worker_dies_is_ungraded_and_the_others_are_graded(small):
    hand_in(small, "ada")
    hand_in(small, "mallory")
    hand_in(small, "zoe", add_up="def add_up(x):\n    return x.mean()")
    ada, mallory, zoe = find_submissions(small.course / "submitted", small.name)
    done = graded(small, jobs=2, submissions=[ada, Deadly(mallory.student, mallory.folder), zoe])
    mallory = done["mallory"].report
    assert mallory.fault == (
        "We could not grade this submission: A worker process died while grading it. Nothing is lost; grade it again."
    )
    assert {o.verdict for o in mallory.outcomes} == {Verdict.UNGRADED}
    assert mallory.to_json()["points"] is None
    assert (done["ada"].report.points, done["zoe"].report.points) == (6, 4)
    assert not done["ada"].report.fault


def test_a_fault_of_ours_leaves_that_submission_ungraded_and_says_what_it_was(small, monkeypatch):
    def breaks(folder, *rest):
        raise OSError("no space left on device")

    monkeypatch.setattr(grading, "grade", breaks)
    monkeypatch.setattr(grading, "_worker", grading._Worker(small, 4, None, None))
    report = grading._grade_one(Submission("ada", small.course)).report
    assert "We could not grade this submission: OSError: no space left on device" in report.fault
    assert len(report.ungraded) == len(small.questions)


def test_a_reference_that_does_not_start_is_our_fault_and_nobody_is_failed(small):
    hand_in(small, "ada")
    small.source_path.write_text(notebook_of(**SOLVED | {"double": "import a_module_we_lack"}))
    report = graded(small)["ada"].report
    assert {o.verdict for o in report.outcomes} == {Verdict.UNGRADED}
    assert re.search("reference", " ".join(report.outcomes[0].reasons)), report.outcomes[0].reasons
    assert "a_module_we_lack" in " ".join(report.outcomes[0].reasons)
