"""A busy machine costs nobody a mark: limits are measured by a clock that a process waiting for its turn does not use up."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from autograder.sandbox import clock as clocks
from autograder.sandbox.clock import Clock
from autograder.sandbox.policy import Policy
from tests.autograder.test_execute import cell, check, run, text

SPIN = [sys.executable, "-c", "while True: pass"]


@pytest.fixture
def told(monkeypatch):
    """Set by hand what the wall clock shows and what Linux says of a process' waiting."""
    now = {"wall": 100.0, "delay": 7.0}
    monkeypatch.setattr(clocks.time, "monotonic", lambda: now["wall"])
    monkeypatch.setattr(clocks, "_run_delay", lambda pid: now["delay"])
    monkeypatch.setattr(clocks, "_youngest", lambda pid: pid)
    return now


def test_with_nobody_to_watch_it_is_the_wall_clock(told):
    clock = Clock()
    assert clock() == 100
    told.update(wall=130, delay=20)
    assert clock() == 130


def test_waiting_for_a_processor_does_not_count_and_what_came_before_neither(told):
    clock = Clock()
    with clock.watching(1):
        told.update(wall=110, delay=13)
        assert clock() == 104
        told.update(wall=111, delay=0)  # it has ended, and nothing is said of it any more
        assert clock() == 105
    told.update(wall=120)
    assert clock() == 114
    with clock.watching(2):
        told.update(wall=121, delay=0.5)
        assert clock() == 114.5


def test_who_makes_its_own_process_wait_gains_three_quarters_at_most(told):
    clock = Clock()
    with clock.watching(1):
        told.update(wall=140, delay=47)
        assert clock() == 110


def test_where_linux_does_not_say_it_is_the_wall_clock():
    clock = Clock()
    with clock.watching(2**30):  # there is no such process
        before = time.monotonic()
        assert before <= clock() <= time.monotonic()


@contextmanager
def crowded(others):
    """Run on one processor, with so many others who want it too."""
    all_of_them = os.sched_getaffinity(0)
    with ExitStack() as stack:
        os.sched_setaffinity(0, {min(all_of_them)})
        stack.callback(os.sched_setaffinity, 0, all_of_them)
        for _ in range(others):
            process = stack.enter_context(subprocess.Popen(SPIN))
            stack.callback(process.kill)
        yield


WORK = """
import time
def work(seconds):
    start = time.thread_time()
    while time.thread_time() < start + seconds:
        pass
    return "done"
"""
QUESTION = "class Slow:\n    def __str__(self):\n        return work(0.7)\nslow = Slow()"


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux says how long a process waited.")
def test_a_right_answer_is_not_too_slow_on_a_machine_that_gives_it_a_quarter_of_a_processor(tmp_path):
    # 0.7 s of work take about 3 s here. Limits in wall time would stop both.
    policy = replace(Policy(), cell_seconds=1.5, question_seconds=1.5)
    with crowded(3):
        started = time.monotonic()
        done, seen = run(
            tmp_path,
            cell("work", WORK),
            cell("cell", "print(work(0.7))"),
            cell("q", QUESTION),
            check("slow"),
            policy=policy,
        )
        took = time.monotonic() - started
    assert text(done, "cell") == "done\n"
    assert seen["slow"] == "done"
    assert took > 2.5  # 1.4 s of work in all


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux says how long a process waited.")
def test_a_loop_that_never_ends_is_stopped_there_too(tmp_path):
    policy = replace(Policy(), cell_seconds=1.0)
    with crowded(3):
        done, seen = run(
            tmp_path, cell("endless", "while True: pass"), cell("x", "x = 'well'"), check("x"), policy=policy
        )
    assert "stopped after 1 s: does a loop never end?" in text(done, "endless")
    assert seen["x"] == "well"
