"""What nbgrader shows of a hostile submission: nothing of the student's acts in the page of whoever opens it.

Two students hand in the same assignment, one honestly and one with every trick we know. Their pages are
compared: whatever acts in the second must be nbgrader's own, and so be in the first.
"""

import html
import json
import warnings
from collections import Counter
from pathlib import Path

import pytest
from nbconvert.exporters import HTMLExporter
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.server_extensions.formgrader.handlers import template_path
from test_markdown import HONEST, HOSTILE, INERT, PICTURES
from traitlets.config import Config

from autograder import course as grading
from autograder import grade, nbgrader_bridge, reference
from autograder.assignment import CONFIG, Assignment
from autograder.sandbox import kernel
from autograder.sandbox.policy import Policy
from benchmarks.fuzz import acts

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
def halve(student, x):
    return {"out": student.halve(x)}
"""
SOLVED = {"double": "def double(x):\n    return 2 * x", "halve": "def halve(x):\n    return x / 2", "why": "Because."}
SHOWS = """
import base64
from IPython.display import Image, display

display(Image(base64.b64decode("iVBORw0KGgoAAAANSUhEUg==")))
print("loss", 2.3)
"""
WRONG = "def halve(x):\n    raise ValueError('halves of ' + repr(x.shape) + ' <b>are</b> not whole')"

# As the kernel's own messages are: whatever the student's process sends.
SENDS = """
from IPython import get_ipython
from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display

shell = get_ipython()
for shown in (HTML, Javascript, Latex, Markdown):
    display(shown("<script>alert(1)</script><img src=x onerror=alert(1)>"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"))
attack = '"><script>alert(1)</script><img src=x onerror="alert(1)'
kinds = ["text/html", "text/plain", "image/png", "image/jpeg", "image/svg+xml", "application/pdf", "text/vnd.mermaid"]
kinds += ["application/javascript", "application/vnd.jupyter.widget-view+json", "text/markdown", attack]
for kind in kinds:
    metadata = {kind: {"width": attack, "isolated": True}, "filenames": {kind: attack}}
    display({kind: attack}, raw=True, metadata=metadata)
print("\\x1b[31m" + attack + "\\x1b]0;" + attack + "\\x07")
import sys
print(attack, file=sys.stderr)
pub = shell.display_pub
for content in (
    {"name": attack, "text": attack},
    {"name": "stdout", "text": attack},
):
    pub.session.send(pub.pub_socket, "stream", content, parent=shell.parent_header)
for kind in ("execute_result", "execute_input", "display_data"):
    content = {"execution_count": attack, "code": "x", "data": {"text/plain": attack}, "metadata": {"alt": attack}}
    pub.session.send(pub.pub_socket, kind, content, parent=shell.parent_header)
shell.execution_count = 5
"""
RAISES = """
def halve(x):
    raise type("<script>alert(1)</script>", (Exception,), {})('"><img src=x onerror=alert(1)>')
"""


def cell(kind, name, source, **marks):
    metadata = {"nbgrader": {"schema_version": 3, "grade_id": name, **marks}} if marks else {}
    code = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "id": name, "metadata": metadata, "source": source, **code}


def notebook_of(*, double, halve, why):
    parts = {"grade": False, "locked": False, "solution": True}
    checks = {"grade": True, "locked": True, "solution": False}
    cells = [
        cell("markdown", "intro", "# Intro\n\n<div align=center onclick=ours>the instructor's own</div>\n\n$E=mc^2$"),
        cell("code", "double", double, **parts),
        cell("code", "check_double", "", **checks, points=4),
        cell("code", "halve", halve, **parts),
        cell("code", "check_halve", "", **checks, points=2),
        cell("markdown", "why", why, **parts | {"grade": True}, points=3),
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def honest():
    book = notebook_of(**SOLVED | {"halve": WRONG, "why": HONEST["pictures"]})
    book["cells"][5]["attachments"] = PICTURES
    book["cells"][1:1] = [cell("code", "shows", SHOWS)]
    book["cells"] += [
        cell("markdown", f"m{n}", text) for n, text in enumerate(HONEST.values()) if "attachment:" not in text
    ]
    return book


def hostile():
    book = notebook_of(double=SOLVED["double"], halve=RAISES, why=HOSTILE["handler"])
    book["cells"][1:1] = [cell("code", "sends", SENDS), cell("code", "fails", "1 / 0  # <script>alert(1)</script>")]
    texts = [text for text in (*HOSTILE.values(), *INERT) if len(text) < 1_000]
    book["cells"] += [
        cell(kind, f"{kind}{n}", text) for n, text in enumerate(texts) for kind in ("markdown", "raw", "code")
    ]
    attack = '"><script>alert(1)</script>'
    for c in book["cells"]:
        c["metadata"] |= {"tags": [attack], "alt": attack, "raw_mimetype": "text/html", "magics_language": attack}
        if c["cell_type"] == "markdown":
            c["attachments"] = {attack: {"image/png": "iVBORw0KGgo=", "image/svg+xml": attack, attack: attack}}
        if not c["metadata"].get("nbgrader"):
            c["id"] = attack + c["id"]
    book["metadata"] = {
        "title": attack,
        "language_info": {"name": attack, "pygments_lexer": attack},
        "kernelspec": {"name": attack, "display_name": attack, "language": attack},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": attack}},
    }
    return book


class Pages:
    """A course with two submissions graded and recorded, and the pages nbgrader makes of them."""

    def __init__(self, root):
        self.made = Assignment(root / "course", "small")
        for path in (self.made.source_path, self.made.checks_path):
            path.parent.mkdir(parents=True)
        self.made.source_path.write_text(json.dumps(notebook_of(**SOLVED)))
        self.made.checks_path.write_text(CHECKS)
        (self.made.course / CONFIG).write_text("")
        nbgrader_bridge.release(self.made.course, self.made.name)
        self.graded = {}
        with reference.session(self.made) as expected, kernel.opened(Policy(), [self.made.course]) as sandbox:
            for student, book in (("honest", honest()), ("hostile", hostile())):
                folder = self.made.course / "submitted" / student / self.made.name
                folder.mkdir(parents=True)
                (folder / f"{self.made.name}.ipynb").write_text(json.dumps(book))
                self.graded[student] = grade.grade(folder, student, self.made, expected, sandbox, 7)

    def record(self):
        left_out = nbgrader_bridge.record(self.made.course, self.made.course / "submitted", "small", self.graded)
        assert left_out == []
        return self

    def feedback(self, student):
        config = Config()
        nbgrader_bridge.configure(config)
        directory = CourseDirectory(
            config=config, root=str(self.made.course), assignment_id="small", student_id=student
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbgrader's and nbconvert's own
            feedback = GenerateFeedback(coursedir=directory, config=config)
            feedback.force = True
            feedback.start()
        (page,) = Path(self.made.course).glob(f"feedback/{student}/*/*.html")
        return page.read_text()

    def formgrader(self, student, *, configured=True):
        """Render as formgrader's `SubmissionHandler` does, with our configuration or with none."""
        config = Config()
        if configured:
            nbgrader_bridge.configure(config)
        config.HTMLExporter.template_name = "formgrade"
        config.HTMLExporter.extra_template_basedirs = [template_path]
        resources = dict.fromkeys(("assignment_id", "notebook_id", "submission_id", "base_url", "notebook_path"), "x")
        resources |= {"index": 0, "total": 2, "student": student, "last_name": None, "first_name": None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = self.made.course / "autograded" / student / "small" / "small.ipynb"
            return HTMLExporter(config=config).from_filename(str(path), resources=resources)[0]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return Pages(tmp_path_factory.mktemp("feedback")).record()


KINDS = ("feedback", "formgrader", "formgrader without our configuration")


@pytest.fixture(scope="module", params=KINDS)
def both(request, pages):
    """Give the honest and the hostile student's page, of each kind."""
    if request.param == "feedback":
        return pages.feedback("honest"), pages.feedback("hostile")
    configured = request.param == "formgrader"
    return tuple(pages.formgrader(student, configured=configured) for student in ("honest", "hostile"))


def not_the_instructors(page):
    """List what acts in a page, beside the one line of the instructor's that does."""
    return Counter(map(repr, acts(page))) - Counter(["('div', 'onclick', 'ours')"])


def test_nothing_of_a_hostile_students_acts_in_a_page(both):
    fair, hostile = map(not_the_instructors, both)
    assert fair  # nbgrader's own scripts are seen
    assert hostile == fair


def test_hostile_texts_outputs_and_errors_are_there_to_be_read(both):
    _, page = both
    for name in ("script", "handler", "svg in mathematics", "address", "mermaid", "closing tags"):
        assert html.escape(HOSTILE[name], quote=False) in page
    assert "raised &lt;script&gt;alert(1)&lt;/script&gt;: " in page
    assert "&lt;IPython.core.display.HTML object&gt;" in page
    assert "ZeroDivisionError" in page


def test_an_honest_page_shows_texts_pictures_tables_mathematics_and_reasons(both):
    page, _ = both
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in page  # pasted into the answer
    assert 'src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==' in page  # shown by the code
    assert "<table>" in page
    assert '<td style="text-align:right"><strong>55</strong> %</td>' in page
    assert "For $i&lt;j$ and 0 &lt; x, <code>a&lt;b</code> holds" in page
    assert "\\begin{align} a &amp;&lt; b" in page
    assert '<span class="k">return</span>' in page
    assert "loss 2.3" in page
    assert "halve: 0 of 2 points, failed" in page
    assert "ValueError: halves of (3,) &lt;b&gt;are&lt;/b&gt; not whole" in page
    assert "the instructor's own" in page


def test_scores_and_the_boxes_for_them_are_there(pages):
    for student in ("honest", "hostile"):
        assert "small (Score: 4.0 / 9.0)" in pages.feedback(student)
        assert "Score: 4.0 / 4.0" in pages.feedback(student)
        assert 'class="score tabbable" id="check_halve"' in pages.formgrader(student)


def test_a_name_that_a_page_would_take_for_markup_or_a_pattern_is_left_out(pages):
    names = ['<img src=x onerror="alert(1)">', '";alert(1)', "*", "[eh]*", "?", "a\nb", "\u202egnp.exe", "\udcff"]
    done = {name: grading.ungraded(pages.made, grading.Submission(name, Path("x")), "Never mind.", 1) for name in names}
    assert nbgrader_bridge.record(pages.made.course, pages.made.course / "submitted", "small", done) == names
    assert sorted(path.name for path in (pages.made.course / "autograded").iterdir()) == ["honest", "hostile"]


def test_without_what_we_do_the_same_submission_would_act(pages, monkeypatch):
    monkeypatch.setattr(grade.markdown, "harmless", lambda book, frame: book)
    book, _, _ = grade.read(pages.made.course / "submitted" / "hostile" / "small" / "small.ipynb", pages.made)
    path = pages.made.course / "autograded" / "stock" / "small" / "small.ipynb"
    path.parent.mkdir(parents=True)
    book["cells"] = [c for c in book["cells"] if "attachment:" not in c["source"]]
    path.write_text(json.dumps(book))
    assert acts(pages.formgrader("stock", configured=False)) > acts(pages.formgrader("hostile"))
    assert "alert(1)" in str(acts(pages.formgrader("stock")))
