"""Many submissions: graded in worker processes, one bad apple costing no other."""

import atexit
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

from autograder import reference
from autograder.assignment import Assignment
from autograder.faults import GraderFault, SubmissionFault
from autograder.grade import Graded, grade, write_outputs
from autograder.model import Report, all_ungraded
from autograder.restore import restore
from autograder.sandbox import kernel, levels
from autograder.sandbox.base import Sandbox
from autograder.sandbox.policy import Policy
from autograder.session import Session


@dataclass(frozen=True)
class Submission:
    """One student's folder."""

    student: str
    folder: Path


def find_submissions(submitted: Path, assignment: str) -> list[Submission]:
    """List ``submitted/<student>/<assignment>/``, in the order of the students' names.

    Raises
    ------
    SubmissionFault
        If there is none.
    """
    folders = sorted(submitted.glob(f"*/{assignment}")) if submitted.is_dir() else []
    found = [Submission(folder.parent.name, folder) for folder in folders if folder.is_dir()]
    if not found:
        raise SubmissionFault(
            f"Looked for submissions as <student>/{assignment}/{assignment}.ipynb under {submitted.name}/; there are none. "
            "Put them there, or name their folder with --submitted."
        )
    return found


def missing(submitted: Path, assignment: str) -> list[str]:
    """Name the students without ``<student>/<assignment>/``, each with what may be it, in another place or packed."""
    said = []
    for path in sorted(submitted.iterdir()) if submitted.is_dir() else []:
        if path.name.startswith(".") or (path / assignment).is_dir() or not (path.is_dir() or path.suffix == ".zip"):
            continue
        inside = (p for pattern in ("*", "*/*", "*/*/*") for p in sorted(path.glob(pattern)))
        there = next((p for p in inside if assignment in p.name and p.suffix in (".ipynb", ".zip")), None)
        packed = path if path.suffix == ".zip" else there
        said.append(repr(path.name) + (f" (there is {str(packed.relative_to(submitted))!r})" if packed else ""))
    return said


def grade_all(
    assignment: Assignment,
    submissions: Sequence[Submission],
    *,
    jobs: int,
    policy: Policy,
    seed: int,
    progress: Callable[[Submission, Graded], None],
) -> dict[str, Graded]:
    """Grade submissions several at once; whatever happens, each gets a report.

    Parameters
    ----------
    jobs : int
        Worker processes; each keeps one reference process and one student's kernel at a time.
    seed : int
        Inputs are drawn from it; a fresh one each run keeps them from being foreseen.
    progress : callable
        Called as each submission is done.
    """
    # Everything a worker needs is checked here once, so that what is missing is said once.
    _ = assignment.questions, assignment.stubs
    policy = replace(policy, isolation=levels.choose(policy.isolation))
    done: dict[str, Graded] = {}
    waiting = list(submissions)
    while waiting:
        with _pool(assignment, jobs, policy, seed) as pool:
            futures = {pool.submit(_grade_one, s): s for s in waiting}
            lost = _collect(futures, done, progress)
        if lost and len(lost) == len(waiting):
            # Workers die and none gets through: find out who it is, one at a time.
            if jobs == 1 or len(waiting) == 1:
                first = lost.pop(0)
                done[first.student] = ungraded(assignment, first, "A worker process died while grading it.", seed)
                progress(first, done[first.student])
            jobs = 1
        waiting = lost
    return {s.student: done[s.student] for s in submissions}


def _collect(
    futures: dict[Future[Graded], Submission],
    done: dict[str, Graded],
    progress: Callable[[Submission, Graded], None],
) -> list[Submission]:
    """Take results as they come; give back those that a dying worker took with it."""
    lost = []
    for future in as_completed(futures):
        submission = futures[future]
        try:
            done[submission.student] = future.result()
        except BrokenProcessPool:
            lost.append(submission)
            continue
        progress(submission, done[submission.student])
    return [s for s in futures.values() if s in lost]


def ungraded(assignment: Assignment, submission: Submission, why: str, seed: int) -> Graded:
    """Report a submission that we failed to grade; nobody gains or loses by it."""
    fault = f"We could not grade this submission: {why} Nothing is lost; grade it again."
    outcomes = {q.name: all_ungraded(q.name, q.points, fault) for q in assignment.questions}
    book, _ = restore(assignment.frame, {"cells": []}, assignment.stubs)
    write_outputs(book, outcomes)
    report = Report(submission.student, assignment.name, tuple(outcomes.values()), assignment.by_hand, fault, (), seed)
    return Graded(report, book)


# ------------------------------------------------------------------------------ in a worker


@dataclass
class _Worker:
    assignment: Assignment
    seed: int
    reference: Session
    sandbox: Sandbox


_worker: _Worker | None = None


def _pool(assignment: Assignment, jobs: int, policy: Policy, seed: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(assignment.course, assignment.name, policy, seed),
    )


def _start_worker(course: Path, name: str, policy: Policy, seed: int) -> None:
    global _worker
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    end_with_parent()
    assignment = Assignment(course, name)
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    sandbox = stack.enter_context(kernel.opened(policy, [course], assignment.beside))
    _worker = _Worker(assignment, seed, stack.enter_context(reference.session(assignment)), sandbox)


def end_with_parent() -> None:
    """End this worker when the process that started it is gone, however it went."""
    parent = multiprocessing.parent_process()
    assert parent
    ended = parent.sentinel
    watch = threading.Thread(target=lambda: (multiprocessing.connection.wait([ended]), os._exit(1)), daemon=True)
    watch.start()


def _grade_one(submission: Submission) -> Graded:
    assert _worker is not None
    w = _worker
    try:
        return grade(submission.folder, submission.student, w.assignment, w.reference, w.sandbox, w.seed)
    except Exception as error:  # whatever else goes wrong on our side is ours, and is told as such
        detail = str(error) if isinstance(error, GraderFault) else f"{type(error).__name__}: {error}"
        return ungraded(w.assignment, submission, detail, w.seed)
