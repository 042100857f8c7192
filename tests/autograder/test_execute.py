"""A notebook in real kernels: whatever a cell does, the other questions are observed and nothing is left behind."""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder import execute, grade, notebook
from autograder.model import Case, Outcome, OutputOutcome, Verdict
from autograder.questions import Question
from autograder.sandbox import kernel
from autograder.sandbox.policy import MB, Policy

NAP = "1000.4711"  # seconds; long, and like nobody else's
LIMITS = Policy(
    cell_seconds=20, question_seconds=5, notebook_seconds=60, memory_mb=400, file_mb=1, output_mb=0.05, fresh_starts=2
)


# --------------------------------------------------------------- notebooks small enough to read


def cell(name, source, **metadata):
    return {"id": name, "cell_type": "code", "source": source, "metadata": metadata, "outputs": []} | {
        "execution_count": None
    }


def check(question):
    return cell(f"check-{question}", "", nbgrader={"grade": True, "solution": False, "grade_id": f"check_{question}"})


def book(*cells):
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def asking(name):
    """Make the question whether the kernel's `name` is what is expected; its probe tells what `name` is."""
    source = f"def {name}(student):\n    return {{'text': np.array(list(str(student.{name}).encode()))}}"
    question = Question(lambda: {}, {"text": 2}, draw=lambda rng: iter([Case("the only case", {})]))
    question.probe.__name__ = name
    question.__dict__["source"] = source
    return question


def run(folder, *cells, policy=LIMITS, explore=False):
    """Run cells; give what each name asked for by a check cell was, or why it could not be observed."""
    seen = {}

    def observe(question, session):
        got = session.observe(question.source, question.name, {})
        seen[question.name] = str(got.raised) if got.raised else bytes(got.values["text"].astype("u1")).decode()
        return Outcome(question.name, (OutputOutcome("text", Verdict.PASSED, 2, 2),))

    asked = {notebook.grade_id(c): asking(notebook.grade_id(c)[6:]) for c in cells if notebook.is_check(c)}
    with kernel.opened(policy, []) as sandbox:
        deadline = sandbox.clock() + policy.notebook_seconds
        done, outcomes = execute.run(book(*cells), asked, observe, sandbox, folder, deadline=deadline, explore=explore)
    for question in asked.values():
        outcomes.setdefault(question.name, execute.not_reached(question, policy))
    for name, outcome in outcomes.items():
        seen.setdefault(name, outcome.headline)
    return done, seen


def outputs(done, name):
    (found,) = [c["outputs"] for c in done["cells"] if c["id"] == name]
    return found


def text(done, name):
    return "".join(output.get("text", "") + output.get("evalue", "") for output in outputs(done, name))


def processes(*words):
    """Give the processes of the machine in whose command line any of these words stands."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        found += [path.parent.name] if any(word in line for word in words) else []
    return found


def none_within(seconds, *words):
    deadline = time.monotonic() + seconds
    while processes(*words) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not processes(*words)


@pytest.fixture(scope="module")
def our_own_tmp(tmp_path_factory):
    """Let kernels make their directories where nobody else does, so that what is left can be seen."""
    tmp_path_factory.getbasetemp()  # pytest's own directories stay where they are
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="ex") as name:
        tempfile.tempdir = name
        yield Path(name)
        tempfile.tempdir = before


# -------------------------------------------------------------------- one kernel, many abuses


@pytest.fixture(scope="module")
def one_run(our_own_tmp, tmp_path_factory):
    """Run one notebook that tries everything a kernel survives."""
    folder = tmp_path_factory.mktemp("submission")
    (folder / "notes.txt").write_text("handed in")
    (folder / "two_layer_net.ipynb").write_text("{}")
    (folder / "link.txt").symlink_to("/etc/hostname")
    (folder / "huge.bin").write_bytes(b"0" * (MB + 1))
    os.environ["GRADER_TOKEN"] = "of no concern to students"
    try:
        return run(
            folder,
            cell("imports", "import os, subprocess, sys, tempfile\nimport numpy as np"),
            cell("memory", "try:\n    np.ones(2 * 10**8)\nexcept MemoryError:\n    memory = 'MemoryError'"),
            check("memory"),
            cell("flood", "for _ in range(300):\n    print('x' * 10_000)"),
            cell("flood-shown", "for _ in range(100):\n    display('y' * 10_000)"),
            cell("file", "try:\n    open('f', 'wb').write(bytes(2**21))\nexcept OSError as e:\n    file = e.errno"),
            check("file"),
            cell("secrets", "secrets = sorted(os.environ)\nhome = os.environ['HOME'] == os.getcwd()"),
            check("secrets"),
            check("home"),
            cell("beside", "beside = sorted(n for n in os.listdir() if n[0] != '.' and n != 'f')"),
            check("beside"),
            cell("child", f"child = subprocess.Popen(['sleep', '{NAP}'], start_new_session=True).pid"),
            check("child"),
            cell("where", "where = os.getcwd()"),
            check("where"),
            cell("wrong", "1 / 0"),
            check("never_defined"),
            cell("unused", "print('after the last question')"),
        )
    finally:
        del os.environ["GRADER_TOKEN"]


def test_too_much_memory_is_a_memory_error_and_not_the_end_of_the_kernel(one_run):
    assert one_run[1]["memory"] == "MemoryError"


@pytest.mark.parametrize(("name", "at_least"), [("flood", 0), ("flood-shown", 0.5)])
def test_a_flood_of_output_is_capped(one_run, name, at_least):
    budget = LIMITS.output_mb * MB
    assert at_least * budget < len(str(outputs(one_run[0], name))) < 1.1 * budget
    assert (
        text(one_run[0], name).count("stopped here: one cell may put out 0.05 MB, all together 8 times as much.") == 1
    )


def test_no_file_may_be_larger_than_the_limit(one_run):
    assert one_run[1]["file"] == "27"  # EFBIG


def test_the_kernel_sees_none_of_our_environment(one_run):
    names = one_run[1]["secrets"]
    assert "OPENBLAS_NUM_THREADS" in names
    assert "GRADER_TOKEN" not in names
    assert one_run[1]["home"] == "True"


def test_files_beside_the_notebook_are_there_and_links_large_files_and_notebooks_are_not(one_run):
    assert one_run[1]["beside"] == "['notes.txt']"


def test_a_cell_that_raises_keeps_its_error_and_the_run_goes_on(one_run):
    assert "division by zero" in text(one_run[0], "wrong")
    assert one_run[1]["never_defined"].startswith("NameError: never_defined is not defined")


def test_nothing_after_the_last_question_is_run(one_run):
    assert outputs(one_run[0], "unused") == []


def test_nothing_is_left_of_a_run(one_run, our_own_tmp):
    assert int(one_run[1]["child"]) > 1
    assert none_within(5, NAP)
    assert not Path(one_run[1]["where"]).exists()
    assert list(our_own_tmp.iterdir()) == []


# ----------------------------------------------------------------- cells that take the kernel with them


def test_an_endless_cell_costs_what_needs_it_and_no_more(our_own_tmp, tmp_path):
    endless = "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt:\n        pass"
    done, seen = run(
        tmp_path,
        cell("first", "first = 'before'"),
        check("first"),
        cell("endless", f"{endless}\nsecond = 1"),
        check("second"),
        cell("third", "third = first + ' and after'"),
        check("third"),
        policy=replace(LIMITS, cell_seconds=2),
    )
    assert seen["first"] == "before"
    assert seen["second"].startswith("NameError: second is not defined")
    assert seen["third"] == "before and after"
    assert "stopped after 2 s: does a loop never end?" in text(done, "endless")
    assert list(our_own_tmp.iterdir()) == []


def test_a_cell_that_ends_the_process_costs_what_needs_it_and_no_more(our_own_tmp, tmp_path):
    done, seen = run(
        tmp_path,
        cell("exits", "import os\nos._exit(0)"),
        cell("after", "after = 'still graded'"),
        check("after"),
    )
    assert seen == {"after": "still graded"}
    assert "stopped by the end of the Python process: does it call exit(), or need too much memory" in text(
        done, "exits"
    )
    assert list(our_own_tmp.iterdir()) == []


def test_a_question_that_ends_the_process_is_failed_and_the_next_one_observed(tmp_path):
    _, seen = run(
        tmp_path,
        cell("class", "import os\nclass Trap:\n    def __str__(self): os._exit(0)\ntrap, after = Trap(), 'well'"),
        check("trap"),
        check("after"),
    )
    assert seen["trap"] == "trap: the Python process ended: does the code call exit(), or need too much memory?"
    assert seen["after"] == "well"


def test_fresh_starts_are_counted(tmp_path):
    policy = replace(LIMITS, cell_seconds=1, fresh_starts=0)
    _, seen = run(tmp_path, cell("endless", "while True: pass"), check("first"), policy=policy)
    assert seen["first"] == (
        "first: not reached: the notebook as a whole was stopped after 60 s or too many fresh starts."
    )


def test_the_notebook_as_a_whole_has_a_limit(tmp_path):
    started = time.monotonic()
    policy = replace(LIMITS, cell_seconds=30, notebook_seconds=3)
    _, seen = run(tmp_path, cell("endless", "while True: pass"), check("first"), policy=policy)
    assert "not reached: the notebook as a whole was stopped after 3 s" in seen["first"]
    assert time.monotonic() - started < 15


def test_many_short_cells_are_stopped_too(tmp_path):
    cells = [cell(f"c{i}", "import time; time.sleep(0.2)") for i in range(60)]
    started = time.monotonic()
    _, seen = run(tmp_path, *cells, check("first"), policy=replace(LIMITS, notebook_seconds=2))
    assert "not reached: the notebook as a whole was stopped after 2 s" in seen["first"]
    assert time.monotonic() - started < 8


def test_all_cells_together_may_keep_so_much_output_and_no_more(tmp_path):
    cells = [cell(f"c{i}", "print('x' * 40_000)") for i in range(20)]
    done, seen = run(tmp_path, *cells, cell("a", "a = 'a'"), check("a"))
    kept = [len(text(done, f"c{i}")) for i in range(20)]
    assert kept[0] == 40_001
    assert 7 * 0.05 * MB < sum(kept) < 9 * 0.05 * MB
    assert "all together 8 times as much" in text(done, "c19")
    assert seen == {"a": "a"}


def test_plots_are_pictures(tmp_path):
    plot = cell("plot", "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    done, _ = run(tmp_path, plot, check("plt"))
    assert [sorted(o["data"]) for o in outputs(done, "plot")] == [["image/png", "text/plain"]]


def test_a_cell_that_prints_without_end_is_stopped_and_the_student_told_which(tmp_path):
    cells = (cell("loud", "while True:\n    print('x' * 100_000)"), check("first"), cell("b", "b = 'b'"), check("b"))
    _, seen = run(tmp_path, *cells, policy=replace(LIMITS, output_mb=0.5))
    assert seen["b"] == "b"


FORGED = """
import json, hashlib, hmac, os, time
from ipykernel.kernelapp import IPKernelApp
app = IPKernelApp.instance()
app.iopub_thread.socket.send_multipart({frames})
time.sleep(0.3)
"""


@pytest.mark.parametrize(
    "frames",
    ["[b'stream', b'garbage']", "[b'x', b'<IDS|MSG>', b'wrong', b'{{}}', b'{{}}', b'{{}}', b'{{}}']", "[b''] * 1000"],
    ids=["garbage", "wrong signature", "many frames"],
)
def test_what_is_no_message_costs_the_cell_and_not_the_grading(tmp_path, frames):
    _, seen = run(
        tmp_path,
        cell("a", "a = 'a'"),
        check("a"),
        cell("forged", FORGED.format(frames=frames)),
        cell("b", "b = 'b'"),
        check("b"),
    )
    assert seen == {"a": "a", "b": "b"}


# -------------------------------------------------------------------------------------- exploring


def test_a_solution_that_needs_an_explore_cell_keeps_its_marks(tmp_path, assignment, expected):
    (relu,) = [q for q in assignment.questions if q.name == "relu_forward"]
    cells = book(
        cell("imports", "import numpy as np"),
        cell("plot", "print('explored')\nzero = 0.0", tags=[notebook.EXPLORE]),
        cell("relu", "def relu_forward(x):\n    return np.maximum(x, zero), x"),
        check("relu_forward"),
    )
    only_this = SimpleNamespace(questions=(relu,), frame=cells)
    with kernel.opened(LIMITS, []) as sandbox:
        done, outcomes = grade.mark(cells, only_this, expected, sandbox, tmp_path, seed=3)
    assert outcomes["relu_forward"].verdict is Verdict.PASSED, outcomes["relu_forward"].reasons
    assert text(done, "plot") == "explored\n"


def test_an_explore_cell_no_mark_depends_on_is_not_run(tmp_path):
    done, seen = run(
        tmp_path,
        cell("plot", "print('explored')\nplotted = 1", tags=[notebook.EXPLORE]),
        cell("right", "right = 'right'"),
        check("right"),
    )
    assert seen == {"right": "right"}
    assert outputs(done, "plot") == []


def test_no_check_cell_reaches_the_students_process_even_of_a_question_already_judged(tmp_path):
    asked = check("heard")
    judged = check("judged") | {"source": "overheard = 'the hidden test'"}
    peek = cell("peek", "heard = 'overheard' in globals() or any('hidden' in line for line in In[:-1])")

    def observe(question, session):
        got = session.observe(question.source, question.name, {})
        assert bytes(got.values["text"].astype("u1")) == b"False"
        return Outcome(question.name, (OutputOutcome("text", Verdict.PASSED, 2, 2),))

    cells = book(judged, peek, asked)
    with kernel.opened(LIMITS, []) as sandbox:
        asked_for, deadline = {"check_heard": asking("heard")}, time.monotonic() + 60
        _, outcomes = execute.run(cells, asked_for, observe, sandbox, tmp_path, deadline=deadline, explore=True)
    assert set(outcomes) == {"heard"}
