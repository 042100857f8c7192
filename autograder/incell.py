"""``check("<question>")``: what a hidden test calls when a notebook is run by stock nbgrader, nbval or by hand.

The judge runs in a process of its own, which asks this kernel for observations; no expected value
enters the kernel. In such a run the verdict itself is written by the student's process, though: where
marks count, grade with ``autograder grade`` or with our ``nbgrader_config.py``, which never run this cell.
"""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

from autograder import handin, probe, reference
from autograder.assignment import Assignment, find_course
from autograder.closed_question import Closed
from autograder.faults import GraderFault
from autograder.judge import judge
from autograder.model import Verdict, summary
from autograder.questions import Question
from autograder.session import Beside, Session

SECONDS = 30.0


def check(question: str) -> float:
    """Judge one question of the notebook this is called in, say why, and give its points.

    Parameters
    ----------
    question : str
        The question's name. The assignment is the one whose folder the notebook runs in.

    Returns
    -------
    points : float
        More than zero; nbgrader reads it as the score of the cell.

    Raises
    ------
    AssertionError
        If no points were earned; its text says why.
    GraderFault
        If the question could not be judged.
    """
    from IPython import get_ipython

    here = Path.cwd()
    names = get_ipython().user_ns
    ours, theirs = socket.socketpair()
    with ours:
        command = [sys.executable, "-m", "autograder.incell", str(find_course(here)), str(here), question]
        with theirs:
            process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
                text=True,
            )
        probe.serve(ours, lambda variant: names)
    said, errors = process.communicate(timeout=SECONDS)
    if process.returncode:
        raise GraderFault(f"{question} could not be judged. {errors.strip().rpartition(chr(10))[2]}")
    verdict = json.loads(said)
    text = "\n".join(verdict["lines"])
    if not verdict["points"]:
        raise AssertionError(text)
    print(text)
    return float(verdict["points"])


def main(course: str, folder: str, name: str, descriptor: str) -> None:
    """Judge one question of the kernel at the other end of an inherited socket."""
    assignment = Assignment(Path(course), Path(folder).name)
    found = [q for q in assignment.questions if q.name == name]
    if not found:
        known = ", ".join(q.name for q in assignment.questions)
        raise GraderFault(f"{assignment.name} has no question {name!r}. It has: {known}.")
    seed = secrets.randbits(32)
    with (
        socket.socket(fileno=int(descriptor)) as sock,
        _expected(assignment, found[0]) as expected,
        contextlib.redirect_stdout(None),  # what the reference prints is no verdict
    ):
        student = Session(sock, SECONDS)
        if found[0].file:
            outcome = handin.judge_model(found[0], Path(folder), expected, seed)
        else:
            outcome = judge(found[0], student, expected, seed)
        if outcome.verdict is Verdict.UNGRADED:
            raise GraderFault(outcome.reasons[0])
    lines = [summary(outcome), *(f"- {reason}" for reason in outcome.reasons)]
    sys.stdout.write(json.dumps({"points": outcome.points, "lines": lines}))


def _expected(assignment: Assignment, question: Question) -> contextlib.AbstractContextManager[Session]:
    """Give the reference: beside us for a closed question, of which there are many and each is quick."""
    if isinstance(question, Closed):
        return contextlib.nullcontext(Beside(reference.Namespaces(assignment)))
    return reference.session(assignment)


if __name__ == "__main__":
    main(*sys.argv[1:])
