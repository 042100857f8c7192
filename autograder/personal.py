"""The options of closed questions in an order of each student's own.

Options have words for keys, so nothing has to be mapped back: whoever wrote ``"relu"`` chose ReLU, wherever it stood.
"""

import copy
import hashlib
import json
import re
import shutil
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np

from autograder import notebook
from autograder.assignment import Assignment
from autograder.closed_question import Closed
from autograder.faults import GraderFault
from autograder.questions import Question
from cs231n_lite.answers import word


def personal(book: notebook.Notebook, questions: Iterable[Question], student: str, seed: int) -> notebook.Notebook:
    """Give a notebook with each question's options in this student's own order.

    The options are the lines that start with ``- `option` `` in the text above the answer. The same seed and student
    give the same order.

    Raises
    ------
    GraderFault
        If a text does not list each option of its question once.
    """
    book = copy.deepcopy(book)
    closed = {q.name: q for q in questions if isinstance(q, Closed) and q.options}
    for above, cell in pairwise(book["cells"]):
        if question := closed.get(notebook.grade_id(cell)):
            above["source"] = _shuffled(notebook.source_of(above), question, f"{seed}/{student}/{question.name}")
    return book


def _shuffled(text: str, question: Closed, key: str) -> str:
    lines = text.split("\n")
    places = [i for i, line in enumerate(lines) if re.match(r"- `[^`]+`", line)]
    listed = [lines[i].split("`")[1] for i in places]
    if sorted(map(word, listed)) != sorted(map(word, question.options)):
        asked = ", ".join(question.options)
        raise GraderFault(
            f"The text above {question.name} must list {asked}. It lists {', '.join(listed)}. Correct it."
        )
    digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest()
    order = np.random.default_rng(int.from_bytes(digest)).permutation(len(places))
    moved = [lines[places[i]] for i in order]
    for place, line in zip(places, moved, strict=True):
        lines[place] = line
    return "\n".join(lines)


def write(assignment: Assignment, student: str, seed: int) -> Path:
    """Copy what was released into ``personal/<student>/`` of the course, options in this student's order."""
    if student in ("", ".", "..") or not student.isprintable() or {"/", "\\"} & set(student):
        raise GraderFault(f"A student's name becomes a folder's. {student!r} cannot. Give the name of one folder.")
    release = assignment.release_path
    folder = assignment.course / "personal" / student / assignment.name
    shutil.copytree(release.parent, folder, dirs_exist_ok=True)
    book = personal(json.loads(release.read_text(encoding="utf-8")), assignment.questions, student, seed)
    text = json.dumps(book, indent=1, ensure_ascii=False) + "\n"
    (folder / release.name).write_text(text, encoding="utf-8")
    return folder
