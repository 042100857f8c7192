"""The commands: what they print, what they write, and how they exit."""

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import tiny_course
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderApp
from typer.testing import CliRunner

from autograder import cli, nbgrader_bridge, samples
from autograder.assignment import Assignment
from autograder.faults import AutograderError, GraderFault, SubmissionFault
from autograder.model import Report
from tests.conftest import ROOT

COMMANDS = {
    "release": ["--course"],
    "grade": ["--course", "--submitted", "--student", "--jobs", "--question-seconds", "--seed"],
    "verify": ["--course", "--all", "--strength", "--draws", "--jobs"],
    "demo": ["--jobs", "--course", "--name", "--folder", "--open"],
    "doctor": ["--course"],
}


def run(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)), env={"COLUMNS": "200", "TERM": "dumb"})


def typed(*arguments, cwd, **env):
    """Run the command as a person does, in a process of its own."""
    code = "import sys; from autograder.cli import main; sys.argv[0] = 'autograder'; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"} | env,
        capture_output=True,
        text=True,
        timeout=120,
    )


def words(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def course(assignment, tmp_path_factory):
    """Give a course with three submissions that need no kernel."""
    copy = assignment.copy_to(tmp_path_factory.mktemp("cli") / "course")
    nbgrader_bridge.release(copy.course, copy.name, copy.course / "release")
    for student in ("broken_json", "empty_file", "old_format"):
        samples.write(copy, student, copy.course / "submitted" / student / copy.name)
    return copy


# -------------------------------------------------------------------------------------- help, faults


def test_without_a_command_the_commands_are_shown():
    done = run()
    assert done.exit_code in (0, 2)  # by the version of click
    assert all(name in done.output for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option(command):
    done = run(command, "--help")
    assert done.exit_code == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.output)
    for option in COMMANDS[command]:
        assert option in plain


@pytest.mark.parametrize("command", ["release", "grade", "verify"])
def test_a_wrong_name_is_a_fault_of_ours_or_of_the_submissions_in_words(course, command):
    done = run(command, "two_layer", "--course", course.course)
    assert isinstance(done.exception, AutograderError)  # which `main` turns into one sentence, as below
    assert re.search(r"two_layer\b.*(there are none|not there)|could not release two_layer\b", str(done.exception))


def test_a_wrong_name_is_one_clear_sentence_and_exit_code_2(course):
    done = typed("grade", "two_layer", cwd=course.course)
    assert done.returncode == 2
    assert done.stderr == ""
    assert done.stdout.startswith(
        "Looked for the assignment 'two_layer' in course/; it is not there. Correct the name;"
    )
    assert "there are: two_layer_net." in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1, done.stdout


def test_outside_a_course_the_command_says_where_it_looked(tmp_path):
    done = run("grade", "two_layer_net", "--course", tmp_path)
    assert isinstance(done.exception, GraderFault)
    assert str(done.exception) == (
        "Looked for a course (a folder with nbgrader_config.py) here and above; there is none. "
        "Run this inside the checkout, or name the folder with --course."
    )


def test_no_submission_at_all_is_told_with_the_layout(course, tmp_path):
    done = run("grade", course.name, "--course", course.course, "--submitted", tmp_path)
    assert isinstance(done.exception, SubmissionFault)
    assert "Looked for submissions as <student>/two_layer_net/two_layer_net.ipynb under" in str(done.exception)


@pytest.mark.parametrize("arguments", [("--jobs", 0), ("--question-seconds", 0.1), ("--seed", "x"), ("--nonsense",)])
def test_misuse_is_exit_code_2(course, arguments):
    done = run("grade", course.name, "--course", course.course, *arguments)
    assert done.exit_code == 2
    assert arguments[0] in done.output


# --------------------------------------------------------------------------------------------- grade


class Wellformed(HTMLParser):
    """Notes the elements that are open; all must be closed in order."""

    void = {"meta", "link", "br", "hr", "img", "input", "col", "wbr"}

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_grade_prints_a_table_and_writes_json_page_gradebook_and_notebooks(course):
    done = typed("grade", course.name, "--student", "broken_json", "--student", "old_format", "--jobs", 1, "--seed", 9,
                 cwd=course.course)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "broken_json" in done.stdout
    assert "old_format" in done.stdout
    assert "empty_file" not in done.stdout

    results = course.course / "results" / course.name
    everything = json.loads((results / "class.json").read_text())
    assert everything["assignment"] == course.name
    assert [(r["student"], r["points"], r["max_points"], r["seed"]) for r in everything["reports"]] == [
        ("broken_json", 0, 86, 9),
        ("old_format", 0, 86, 9),
    ]
    assert "not valid JSON" in everything["reports"][0]["fault"]
    page = Wellformed()
    page.feed((results / "class.html").read_text())
    assert page.open == []
    assert "must be in format 4" in words("".join(page.text))

    with Gradebook(f"sqlite:///{course.course}/gradebook.db", "cs231n-lite") as gradebook:
        recorded = {s.student.id: s.score for s in gradebook.assignment_submissions(course.name)}
    assert recorded == {"broken_json": 0, "old_format": 0}
    for student in recorded:
        assert (course.course / "autograded" / student / course.name / f"{course.name}.ipynb").is_file()


def test_grading_one_student_again_keeps_the_others_in_the_class_report(tmp_path):
    """Found as a loss: after a late submission the report of the class held one student."""
    made = tiny_course.write(tmp_path)
    nbgrader_bridge.release(made.course, made.name)
    for student in ("ada", "bob", "eve"):
        (made.course / "submitted" / student / "tiny").mkdir(parents=True)
        (made.course / "submitted" / student / "tiny" / "tiny.ipynb").write_text("")
    (made.course / "submitted" / "kim" / "tiny").mkdir(parents=True)
    (made.course / "submitted" / "zoe").mkdir()
    everybody = run("grade", "tiny", "--course", made.course, "--seed", 1, "--jobs", 1)
    assert "No folder tiny/, so not graded and not in the report: 'zoe'" in words(everybody.output)
    assert "No marks recorded for 'kim', earlier ones stay: The notebook tiny.ipynb was not" in words(everybody.output)
    shutil.rmtree(made.course / "submitted" / "eve")
    done = run("grade", "tiny", "--course", made.course, "--seed", 2, "--jobs", 1, "--student", "bob")
    assert "1 submission: " in done.output
    assert "zoe" not in done.output
    rows = json.loads((made.course / "results" / "tiny" / "class.json").read_text())["reports"]
    assert [(row["student"], row["seed"]) for row in rows] == [("ada", 1), ("bob", 2), ("kim", 1)]
    assert [json.loads(json.dumps(Report.from_json(row).to_json())) for row in rows] == rows

    (made.course / "results" / "tiny" / "class.json").write_text('{"reports": [{"student": "of another version"}]}')
    run("grade", "tiny", "--course", made.course, "--jobs", 1, "--student", "bob")
    rows = json.loads((made.course / "results" / "tiny" / "class.json").read_text())["reports"]
    assert [row["student"] for row in rows] == ["bob"]


def test_reports_are_written_before_marks_are_recorded(tmp_path, monkeypatch):
    made = tiny_course.write(tmp_path)
    nbgrader_bridge.release(made.course, made.name)
    (made.course / "submitted" / "ada" / "tiny").mkdir(parents=True)
    (made.course / "submitted" / "ada" / "tiny" / "tiny.ipynb").write_text("")

    def locked(*arguments):
        raise GraderFault("The gradebook is locked.")

    monkeypatch.setattr(nbgrader_bridge, "record", locked)
    done = run("grade", "tiny", "--course", made.course, "--jobs", 1)
    assert str(done.exception) == "The gradebook is locked."
    assert (made.course / "results" / "tiny" / "class.json").is_file()


def test_a_student_who_handed_nothing_in_is_said_to_be_missing(course):
    done = run("grade", course.name, "--course", course.course, "--student", "nobody", "--student", "broken_json")
    assert isinstance(done.exception, SubmissionFault)
    assert "Looked for submissions of 'nobody' under submitted/; there are none." in str(done.exception)


# ------------------------------------------------------------------------------------------- the docs


@pytest.mark.parametrize("page", ["README.md", "docs/instructors.md"])
def test_every_command_an_instructor_is_told_to_type_is_there(page):
    """Found as a lie: there is no `nbgrader formgrader`."""
    blocks = "".join(re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL))
    typed = re.findall(r"^(nbgrader|autograder) (\w+)", blocks, re.MULTILINE)
    there = {"nbgrader": NbGraderApp().subcommands, "autograder": COMMANDS}
    assert len(typed) > 3
    assert [(tool, command) for tool, command in typed if command not in there[tool]] == []


# ---------------------------------------------------------------------------------- release, doctor


def test_release_writes_the_release_and_says_so(course, tmp_path):
    shutil.copytree(course.course, tmp_path / "course", ignore=shutil.ignore_patterns("release", "gradebook.db"))
    copy = Assignment(tmp_path / "course", course.name)
    done = run("release", course.name, "--course", copy.course)
    assert done.exit_code == 0, done.output
    assert "Released two_layer_net: 7 questions, nothing given away." in words(done.output)
    assert copy.release_path.read_bytes() == course.release_path.read_bytes()

    (copy.source_path.parent / "weights.bin").write_bytes(b"\x00")
    done = run("release", course.name, "--course", copy.course)
    assert done.exit_code == 1
    assert "Leak: weights.bin is no file for students" in done.output


def test_doctor_finds_this_machine_fit_for_grading(course):
    done = run("doctor", "--course", course.course)
    assert done.exit_code == 0, done.output
    assert "course/ with two_layer_net" in words(done.output)
    assert "isolation" in done.output


def test_doctor_exits_1_where_grading_cannot_work(tmp_path):
    done = run("doctor", "--course", tmp_path)
    assert done.exit_code == 1
    assert "Looked for a course" in words(done.output)


def test_the_command_is_installed_under_its_name():
    assert Path(sys.executable).with_name("autograder").is_file()
