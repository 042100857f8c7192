"""docs/authors.md, followed word by word: what it says must make a released assignment that verifies."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import scaffold
from autograder.assignment import CONFIG, Assignment
from autograder.faults import GraderFault
from autograder.verify import verify
from tests.conftest import COURSE, ROOT

TEXT = (ROOT / "docs" / "authors.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(.*?)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def checkout(tmp_path):
    """Give a checkout whose course has no assignment yet."""
    (tmp_path / "assignments").mkdir()
    (tmp_path / "assignments" / CONFIG).write_bytes((COURSE / CONFIG).read_bytes())
    return tmp_path


def follow(kind, options, text, made):
    """Do what one block of the page says."""
    options = dict(re.findall(r"(\w+)=(\w+)", options))
    if kind == "sh":
        for line in text.splitlines():
            run(made.course.parent, line)
    elif "cell" in options:
        book = json.loads(made.source_path.read_text(encoding="utf-8"))
        (cell,) = (c for c in book["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == options["cell"])
        cell["source"] = text.rstrip("\n")
        cell["metadata"]["nbgrader"]["grade_id"] = options["grade_id"]
        made.source_path.write_text(json.dumps(book), encoding="utf-8")
    else:
        assert options == {"file": "checks"}
        made.checks_path.write_text(text, encoding="utf-8")


def run(folder, line):
    command = [
        str(Path(sys.executable).with_name(word)) if n == 0 else word for n, word in enumerate(shlex.split(line))
    ]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=os.environ | {"PYTHONWARNINGS": "ignore"}
    )
    assert done.returncode == 0, f"{line}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_the_page_makes_a_released_and_verified_assignment(checkout):
    made = Assignment(checkout / "assignments", "unit_vectors")
    for kind, options, text in BLOCKS:
        follow(kind, options, text, made)
    made = Assignment(checkout / "assignments", "unit_vectors")
    assert [q.name for q in made.questions] == ["unit_rows"]
    released = made.release_path.read_text(encoding="utf-8")
    assert "unit_rows is not written yet" in released
    assert "keepdims" not in released


def test_a_new_assignment_verifies_at_once(checkout):
    made = Assignment(checkout / "assignments", "fresh")
    run(checkout, "autograder new fresh")
    assert [f"{f.claim}: {f.detail}" for f in verify(made) if not f.holds] == []


@pytest.mark.parametrize("name", ["Big", "two words", "../up", ""])
def test_a_name_that_cannot_be_one(checkout, name):
    with pytest.raises(GraderFault, match="The name of an assignment has small letters"):
        scaffold.create(Assignment(checkout / "assignments", name))


def test_an_assignment_that_is_there_is_left_alone(checkout):
    made = Assignment(checkout / "assignments", "mine")
    scaffold.create(made)
    before = made.source_path.read_bytes()
    with pytest.raises(GraderFault, match=r"mine\.ipynb is there already; choose another name"):
        scaffold.create(made)
    assert made.source_path.read_bytes() == before
