"""What several tests share: the course, a copy of it to write into, and the sample submissions graded both ways."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from autograder import course as grading
from autograder import nbgrader_bridge, reference, samples
from autograder.assignment import Assignment
from autograder.model import Report
from autograder.sandbox.policy import Policy

ROOT = Path(__file__).parent.parent
COURSE = ROOT / "assignments"
QUICK = replace(Policy(), question_seconds=3.0)


@pytest.fixture(scope="session", autouse=True)
def embedded_data():
    """Make every test use the embedded data; a test of the official files asks for them itself."""
    before = os.environ.get("CS231N_LITE_DATA")
    os.environ["CS231N_LITE_DATA"] = "embedded"
    yield
    os.environ.pop("CS231N_LITE_DATA")
    if before is not None:
        os.environ["CS231N_LITE_DATA"] = before


@pytest.fixture(scope="session")
def assignment():
    """Give the real assignment, to read from."""
    return Assignment(COURSE, "two_layer_net")


@pytest.fixture(scope="session")
def expected(assignment):
    """Give a session with the running reference."""
    with reference.session(assignment) as session:
        yield session


@pytest.fixture
def a_course(assignment, tmp_path):
    """Give a copy of the assignment in a course of its own, released, to break things in."""
    copy = assignment.copy_to(tmp_path / "course")
    shutil.copytree(COURSE / "release", tmp_path / "course" / "release")
    return copy


@dataclass(frozen=True)
class Both:
    """The sample submissions graded by our command and by nbgrader's, each in a course of its own."""

    ours: Assignment
    reports: dict[str, Report]
    theirs: Assignment
    log: str


@pytest.fixture(scope="session")
def both(assignment, tmp_path_factory):
    """Grade every sample both ways, side by side."""
    courses = []
    for name in ("ours", "theirs"):
        copy = assignment.copy_to(tmp_path_factory.mktemp(name) / "course")
        nbgrader_bridge.release(copy.course, copy.name)
        for sample in samples.names(copy):
            samples.write(copy, sample, copy.course / "submitted" / sample / copy.name)
        courses.append(copy)
    ours, theirs = courses
    env = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONWARNINGS": "ignore",
    }
    command = ["nbgrader", "autograde", theirs.name, f"--JudgeOutside.question_seconds={QUICK.question_seconds}"]
    log = theirs.course / "nbgrader.log"
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=theirs.course, env=env, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        graded = grading.grade_all(
            ours,
            grading.find_submissions(ours.course / "submitted", ours.name),
            jobs=1,
            policy=QUICK,
            seed=7,
            progress=lambda submission, done: None,
        )
        left_out = nbgrader_bridge.record(ours.course, ours.course / "submitted", ours.name, graded)
        assert not left_out
        process.wait(timeout=900)
    return Both(ours, {name: g.report for name, g in graded.items()}, theirs, log.read_text())
