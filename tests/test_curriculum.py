"""docs/curriculum.md: each topic leads to a notebook and a question that are there, and no question is left out."""

import re

from autograder import notebook
from autograder.assignment import Assignment, names_of_assignments
from tests.conftest import COURSE, ROOT

TEXT = (ROOT / "docs" / "curriculum.md").read_text(encoding="utf-8")
ROWS = [
    (topic, name, set(re.findall(r"`(\w+)`", questions)))
    for topic, name, questions in re.findall(r"^\| (.+?) \| \[(\w+)\]\(.+?\) \| (.+?) \|$", TEXT, re.MULTILINE)
]


def questions_of(name):
    found = Assignment(COURSE, name)
    written = {notebook.grade_id(c) for c in found.frame["cells"] if notebook.is_written(c)}
    return {q.name for q in found.questions} | written


def test_every_row_leads_to_questions_that_are_there():
    assert len(ROWS) >= 8
    for topic, name, asked in ROWS:
        assert asked, topic
        assert asked <= questions_of(name), f"{topic}: {name} has no {asked - questions_of(name)}"


def test_every_question_of_every_assignment_is_in_the_table():
    for assignment in names_of_assignments(COURSE):
        listed = set().union(*(asked for _, name, asked in ROWS if name == assignment))
        assert questions_of(assignment) <= listed, f"{assignment}: {questions_of(assignment) - listed} are in no row"


def test_links_lead_to_notebooks():
    for link in re.findall(r"\]\((\.\./.+?)\)", TEXT):
        assert (ROOT / "docs" / link).is_file(), link
