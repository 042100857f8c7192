"""A question whose answer is a small value: a word, several words, a number or a table of words.

`autograder.closed` makes them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from autograder.faults import GraderFault
from autograder.model import Observation, Outcome, OutputOutcome, Verdict, all_failed
from autograder.questions import Question, Variant
from autograder.text import plain
from cs231n_lite import answers

ANSWER = "answer"
MAX_BYTES = 20_000
PROBE = """def {name}(student):
    from cs231n_lite.answers import told
    return {{'{answer}': np.frombuffer(told(student.{name}).encode(), np.uint8)}}
"""
AGAIN = "{}: this is not what is asked for. Work it out on paper again, with the reminder at the head of its section."
_BESIDES = "{}: besides, something right is missing from what you chose."
_WRITE = "Write {} = ... in its cell{}."

Spelling = Callable[[Any], Any]


@dataclass(frozen=True)
class Closed(Question):
    """A question whose answer is a small value.

    Parameters
    ----------
    read : callable
        ``read(name, tree)`` gives the answer in one spelling; raises `answers.FormError`.
    share : callable
        ``share(answer, right)`` gives the share of the points and the wrong choices, which are explained.
    why : callable
        Finds the sentence for a wrong choice.
    lacks : callable
        ``lacks(answer, right)``: whether something right is missing, whatever else is wrong.
    otherwise : str
        What is said where nothing wrong was chosen and yet not all is right.
    options : sequence of str
        The words to choose from, in alphabetical order; none for a number.
    right : str or frozenset of str or None
        What the checks file says is right, which the notebook must say too; None where only the notebook says it.
    """

    read: Callable[[str, Any], Any] = answers.read_number
    share: Callable[[Any, Any], tuple[float, list[Any]]] = lambda answer, right: (0.0, [])
    why: Callable[[Any], str] = str
    lacks: Callable[[Any, Any], bool] = lambda answer, right: False
    otherwise: str = AGAIN
    options: Sequence[str] = ()
    right: Any = None

    @cached_property
    def source(self) -> str:
        """The probe: the answer as plain text, its bytes in an array."""
        return PROBE.format(name=self.name, answer=ANSWER)

    def mark(self, expected: Observation, got: Observation) -> Outcome:
        """Judge the answer by its own rules; no reason says which answer is right."""
        try:
            right = self._answer(expected)
        except answers.FormError as error:
            raise GraderFault(f"The notebook's answer cannot be read. {error}") from error
        if self.right is not None and right != self.right:
            raise GraderFault(f"Notebook and checks must agree on {self.name}. They differ. Mend one of them.")
        try:
            answer = self._answer(got)
            share, wrong = self.share(answer, right)
        except answers.FormError as error:
            return all_failed(self.name, self.points, plain(str(error)))
        if share == 1:
            return Outcome(self.name, (OutputOutcome(ANSWER, Verdict.PASSED, self.max_points, self.max_points),))
        first, *more = map(self.why, wrong) if wrong else [self.otherwise.format(self.name)]
        if wrong and self.lacks(answer, right):
            more.append(_BESIDES.format(self.name))
        earned = round(self.max_points * share, 2)
        output = OutputOutcome(ANSWER, Verdict.FAILED, earned, self.max_points, " ".join(more))
        return Outcome(self.name, (output,), first)

    @property
    def _write(self) -> str:
        return _WRITE.format(self.name, ", with words in quotes" if self.options else "")

    def _answer(self, seen: Observation) -> Any:
        """Read what came over the wall, believing nothing of it."""
        if seen.raised:
            nowhere = "is not answered yet: when the notebook runs from top to bottom, nothing has this name"
            what = nowhere if seen.raised.type_name == "NameError" else f"could not be read: {seen.raised}"
            raise answers.FormError(f"{self.name} {what}. {self._write}")
        array = seen.values.get(ANSWER)
        tree: Any = {"type": "value that is no text"}
        if isinstance(array, np.ndarray) and array.dtype == np.uint8 and array.size <= MAX_BYTES:
            try:
                tree = json.loads(array.tobytes().decode())
            except (ValueError, RecursionError) as error:
                raise answers.FormError(f"{self.name} is no plain value. {self._write}") from error
        return self.read(self.name, tree)

    def vary(self, into: dict[str, Variant], name: str, change: Spelling, sentence: str = "") -> None:
        """Record a variant that changes the reference's answer."""

        def variant(reference: SimpleNamespace) -> Mapping[str, Any]:
            return {self.name: change(getattr(reference, self.name))}

        variant.__name__, variant.__doc__ = name, sentence or None
        into[name] = variant

    def spelt(self, **spellings: Spelling) -> "Closed":
        """Record other spellings of the right answer, by name."""
        for name, spelling in spellings.items():
            self.vary(self.correct, name, spelling)
        return self

    def explain(self, name: str, change: Spelling, sentence: str) -> None:
        """Record a wrong answer and what it is told."""
        self.vary(self.misconceptions, name, change, sentence)
