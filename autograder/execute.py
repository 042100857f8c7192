"""Run a student's notebook and observe each question where its check cell stands.

Check cells are not run: they are where we look. A cell or a question that has to be stopped
takes its kernel with it; the notebook is then run again in a fresh kernel without it, so the other
questions are still graded.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder import notebook
from autograder.model import Outcome, Verdict, all_failed
from autograder.questions import Question
from autograder.sandbox.base import Kernel, Sandbox
from autograder.sandbox.policy import MB, Policy
from autograder.session import Lost, Session

OUTPUTS_TOGETHER = 8  # times what is kept of one cell's output may be kept of a notebook's
OUTPUT_LIMIT = 16  # times what is kept of a cell's output, and the cell is stopped
OUTPUTS = ("stream", "display_data", "execute_result", "error", "update_display_data")
IOPUB = 10  # seconds for outputs still on their way when a cell is done
SERVE = "__import__('autograder.probe', fromlist=['']).serve_kernel({})"

Observe = Callable[[Question, Session], Outcome]


class _Stopped(Exception):
    """A cell took its kernel with it; the text says how."""


class _OutOfTime(Exception):
    """Something was not done in the time it has."""


@dataclass
class _Run:
    """What is known so far of one notebook, over all its kernels."""

    book: NotebookNode
    skip: frozenset[str]
    questions: Mapping[str, Question]  # by the grade id of their check cell
    observe: Observe
    sandbox: Sandbox
    folder: Path
    deadline: float
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)  # cell id -> why it is left out from now on

    @property
    def policy(self) -> Policy:
        return self.sandbox.policy

    @property
    def left(self) -> float:
        return self.deadline - self.sandbox.clock()


def run(
    book: notebook.Notebook,
    questions: Mapping[str, Question],
    observe: Observe,
    sandbox: Sandbox,
    folder: Path,
    *,
    deadline: float,
    explore: bool,
) -> tuple[notebook.Notebook, dict[str, Outcome]]:
    """Execute a restored notebook in a kernel of its own, as far as the last of the questions.

    Parameters
    ----------
    book : dict
        What `restore.restore` gave.
    questions : mapping of str to Question
        By the grade id of the check cell where each is observed.
    observe : callable
        ``observe(question, session) -> Outcome``.
    sandbox : Sandbox
        Where its kernels run, and the policy they run under.
    folder : Path
        The submission, for the files beside the notebook.
    deadline : float
        When to stop, by the sandbox's clock.
    explore : bool
        Whether cells that no mark depends on are run too.

    Returns
    -------
    book : dict
        The notebook with the outputs of the cells that ran.
    outcomes : dict of str to Outcome
        By question name. A question that was not reached, because all the time or all the fresh starts were
        used up, has none; see `not_reached`.
    """
    node = nbformat.from_dict(book)
    skip = frozenset() if explore else frozenset(c["id"] for c in book["cells"] if notebook.explores(c))
    state = _Run(node, skip, questions, observe, sandbox, folder, deadline)
    for _ in range(1 + sandbox.policy.fresh_starts):
        try:
            asyncio.run(_one_kernel(state))
            break
        except _Stopped:
            if state.left <= 0:
                break
    _say_what_was_stopped(state)
    return state.book, state.outcomes


def not_reached(question: Question, policy: Policy) -> Outcome:
    """Give the outcome of a question that a run did not come to."""
    why = f"the notebook as a whole was stopped after {policy.notebook_seconds:g} s or too many fresh starts"
    return all_failed(question.name, question.points, f"{question.name}: not reached: {why}.")


def _say_what_was_stopped(state: _Run) -> None:
    """Tell whoever failed a question of the cells above it that were not run to their end."""
    said: list[str] = []
    for number, cell in enumerate(state.book.cells, 1):
        question = state.questions.get(notebook.grade_id(cell))
        outcome = state.outcomes.get(question.name) if question else None
        if question and outcome and said and outcome.verdict is Verdict.FAILED:
            state.outcomes[question.name] = replace(outcome, notes=(*outcome.notes, *said))
        if cell.get("id") in state.stopped:
            name = notebook.grade_id(cell) or f"number {number} of the notebook"
            said.append(f"Cell {name} was {state.stopped[cell.id]}")


async def _one_kernel(state: _Run) -> None:
    """Run the notebook from the top in one kernel, leaving out what is known to stop it."""
    async with state.sandbox.kernel(state.folder) as running:
        client = _Client(state.book, policy=state.policy)
        client.kc = running.client
        session = Session(running.wire, state.policy.question_seconds, state.sandbox.clock)
        for index, cell in enumerate(state.book.cells):
            if len(state.outcomes) == len(state.questions):
                return
            if cell.cell_type != "code" or cell.id in state.skip or cell.id in state.stopped:
                continue
            if state.left <= 0:
                raise _Stopped("there was no time left")
            question = state.questions.get(notebook.grade_id(cell))
            if question and question.name not in state.outcomes:
                _observe(state, running, question, session)
            elif not notebook.is_check(cell):  # hidden tests never reach the student's process
                await _run_cell(state, client, cell, index)


async def _within(seconds: float, clock: Callable[[], float], work: Coroutine[Any, Any, Any]) -> None:
    """Do some work, for at most so many seconds of a clock that may be slower than the wall's."""
    task = asyncio.ensure_future(work)
    deadline = clock() + seconds
    while not task.done():
        left = deadline - clock()
        if left <= 0:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise _OutOfTime
        await asyncio.wait([task], timeout=left)
    await task


async def _run_cell(state: _Run, client: "_Client", cell: NotebookNode, index: int) -> None:
    seconds = min(state.policy.cell_seconds, state.left)
    try:
        await _within(seconds, state.sandbox.clock, client.async_execute_cell(cell, index, store_history=True))
    except _OutOfTime:
        why = f"stopped after {seconds:.0f} s: does a loop never end?"
    except CellTimeoutError:
        why = f"stopped, for its outputs did not arrive within {IOPUB} s"
    except DeadKernelError:
        why = client.why_dead(index)
    except Exception as error:  # what the process sends is the student's; nbclient trusts it to be well formed
        why = f"stopped, for what the Python process sent was no message of a kernel ({type(error).__name__})"
    else:
        return
    cell.outputs = [*cell.outputs, new_output("error", ename="Stopped", evalue=why, traceback=[f"Stopped: {why}"])]
    state.stopped[cell.id] = why
    raise _Stopped(why)


def _observe(state: _Run, running: Kernel, question: Question, session: Session) -> None:
    running.client.execute(SERVE.format(running.wire_there), silent=True, store_history=False)
    try:
        state.outcomes[question.name] = state.observe(question, session)
        session.done()
    except Lost as lost:
        headline = f"{question.name} was {lost}" if str(lost).startswith("stopped") else f"{question.name}: {lost}"
        state.outcomes.setdefault(question.name, all_failed(question.name, question.points, headline))
        raise _Stopped(str(lost)) from lost


class _Client(NotebookClient):
    """nbclient, counting what a cell puts out as it arrives."""

    def __init__(self, nb: NotebookNode, *, policy: Policy, **kwargs: Any) -> None:
        super().__init__(
            nb, allow_errors=True, raise_on_iopub_timeout=True, store_widget_state=False, iopub_timeout=IOPUB, **kwargs
        )
        self._budget = policy.output_mb * MB
        self._limit = OUTPUT_LIMIT * policy.output_mb
        self._seen: dict[int, int] = {}  # by cell, what it has put out
        self._told: dict[int, bool] = {}

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        if msg["msg_type"] not in (*OUTPUTS, "status", "execute_input", "clear_output"):
            return None  # widgets, above all: nobody will look at them, and their state is kept in our memory
        if msg["msg_type"] in OUTPUTS:
            before = self._seen.get(cell_index, 0)
            self._seen[cell_index] = before + len(str(msg["content"]))
            if self._seen[cell_index] > self._limit * MB:
                if self.task_poll_for_reply:
                    self.task_poll_for_reply.cancel()  # as nbclient itself does where a kernel dies
                return None
            of_all = OUTPUTS_TOGETHER * self._budget - sum(min(n, self._budget) for n in self._seen.values())
            if self._seen[cell_index] > self._budget or of_all < 0:
                if not self._told.get(cell_index):
                    most = (
                        f"one cell may put out {self._budget / MB:g} MB, all together {OUTPUTS_TOGETHER} times as much"
                    )
                    cell.outputs.append(new_output("stream", name="stdout", text=f"\n... stopped here: {most}.\n"))
                self._told[cell_index] = True
                return None
        return super().process_message(msg, cell, cell_index)

    def why_dead(self, cell_index: int) -> str:
        """Say why a cell had to be stopped that did not run out of time."""
        if self._seen.get(cell_index, 0) > self._limit * MB:
            return f"stopped after putting out {self._limit:g} MB: does a loop print without end?"
        return (
            "stopped by the end of the Python process: does it call exit(), or need too much memory or processor time?"
        )
