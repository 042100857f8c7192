"""Closed questions: what an instructor writes for a word, several words, a number or a table of words.

The right answer is the solution region of the notebook, as everywhere. A checks file adds what each wrong choice
is told, a few lines a question, in lists of its own::

    SLOPES = [
        single("steepest", points=2, right="tanh", why={"sigmoid": "Its slope is one quarter at most."}),
        multiple("signed", points=2, right={"tanh", "elu"}, why={"relu": "...", "sigmoid": "..."}),
        numeric("parameters", points=2, why={784: "The biases are missing."}),
        match("who", points=3, items=("1957", "1986"), why={"perceptron": "...", "backpropagation": "..."}),
    ]

Each makes an ordinary `Question`, whose misconceptions and correct variants are made from these lines. Options
have words for keys, so their order on the page means nothing to the grader; see `autograder.personal`.
"""

import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from autograder.faults import GraderFault
from autograder.model import Case, Observation, Outcome, OutputOutcome, Verdict, all_failed
from autograder.questions import Question, Variant
from autograder.text import plain
from cs231n_lite import answers

ANSWER = "answer"
MAX_BYTES = 20_000
_PROBE = """def {name}(student):
    from cs231n_lite.answers import told
    return {{'{answer}': np.frombuffer(told(student.{name}).encode(), np.uint8)}}
"""
_AGAIN = "{}: this is not what is asked for. Work it out on paper again, with the reminder at the head of its section."
_MISSING = "{}: what you chose is right, but not every right option is among it."
_WRITE = "Write {} = ... in its cell, with words in quotes."

Spelling = Callable[[Any], Any]


@dataclass(frozen=True)
class Closed(Question):
    """A question whose answer is a small value; made by `single`, `multiple`, `numeric` and `match`.

    Parameters
    ----------
    read : callable
        ``read(name, tree)`` gives the answer in one spelling; raises `answers.FormError`.
    share : callable
        ``share(answer, right)`` gives the share of the points and the wrong choices, which are explained.
    why : callable
        Finds the sentence for a wrong choice.
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
    otherwise: str = _AGAIN
    options: Sequence[str] = ()
    right: Any = None

    @cached_property
    def source(self) -> str:
        """The probe: the answer as plain text, its bytes in an array."""
        return _PROBE.format(name=self.name, answer=ANSWER)

    def mark(self, expected: Observation, got: Observation) -> Outcome:
        """Judge the answer by its own rules; no reason says which answer is right."""
        try:
            right = self._answer(expected)
        except answers.FormError as error:
            raise GraderFault(f"The notebook's answer cannot be read. {error}") from error
        if self.right is not None and right != self.right:
            raise GraderFault(f"Notebook and checks must agree on {self.name}. They differ. Mend one of them.")
        try:
            share, wrong = self.share(self._answer(got), right)
        except answers.FormError as error:
            return all_failed(self.name, self.points, plain(str(error)))
        if share == 1:
            return Outcome(self.name, (OutputOutcome(ANSWER, Verdict.PASSED, self.max_points, self.max_points),))
        first, *more = map(self.why, wrong) if wrong else [self.otherwise.format(self.name)]
        earned = round(self.max_points * share, 2)
        output = OutputOutcome(ANSWER, Verdict.FAILED, earned, self.max_points, " ".join(more))
        return Outcome(self.name, (output,), first)

    def _answer(self, seen: Observation) -> Any:
        """Read what came over the wall, believing nothing of it."""
        if seen.raised:
            nowhere = "is not answered yet: when the notebook runs from top to bottom, nothing has this name"
            what = nowhere if seen.raised.type_name == "NameError" else f"could not be read: {seen.raised}"
            raise answers.FormError(f"{self.name} {what}. {_WRITE.format(self.name)}")
        array = seen.values.get(ANSWER)
        tree: Any = {"type": "value that is no text"}
        if isinstance(array, np.ndarray) and array.dtype == np.uint8 and array.size <= MAX_BYTES:
            try:
                tree = json.loads(array.tobytes().decode())
            except (ValueError, RecursionError) as error:
                raise answers.FormError(f"{self.name} is no plain value. {_WRITE.format(self.name)}") from error
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


# --------------------------------------------------------------------- what an instructor writes


def single(name: str, *, points: float, right: str, why: Mapping[str, str]) -> Closed:
    """Ask for one of several words; `why` explains each wrong one."""
    options = sorted([right, *why])
    made = _made(
        name,
        points,
        why,
        options=options,
        right=right,
        read=lambda name, tree: answers.read_choice(name, tree, options),
        share=lambda answer, right: (float(answer == right), [answer] if answer in why else []),
    )
    for option in why:
        made.explain(option, _always(option), made.why(option))
    return made.spelt(
        capitals=str.upper,
        spaces=lambda w: f" {w.replace('_', ' ')}\n",
        in_a_list=lambda w: [w],
        in_a_set=lambda w: {w},
    )


def multiple(name: str, *, points: float, right: Collection[str], why: Mapping[str, str]) -> Closed:
    """Ask for every right one of several words; `why` explains each wrong one.

    Each right one earns its share and each wrong one takes its share away, so that choosing all earns nothing.
    """
    options = sorted([*right, *why])

    def share(answer: frozenset[str], right: frozenset[str]) -> tuple[float, list[Any]]:
        earned = len(answer & right) / len(right) - len(answer - right) / len(why)
        return max(0.0, earned), sorted(answer - right)

    made = _made(
        name,
        points,
        why,
        options=options,
        right=frozenset(right),
        read=lambda name, tree: answers.read_choices(name, tree, options),
        share=share,
        otherwise=_MISSING,
    )
    for option in why:
        made.explain(option, {option}.union, made.why(option))
    if len(right) > 1:
        made.explain("one_left_out", lambda answer: set(sorted(answer)[1:]), _MISSING.format(name))
    return made.spelt(a_list=sorted, one_text=", ".join, capitals=lambda a: {w.upper() for w in a}, frozen=frozenset)


def numeric(name: str, *, points: float, why: Mapping[float, str], rtol: float = 1e-6, atol: float = 1e-9) -> Closed:
    """Ask for a number; `why` explains what classic mistakes lead to."""

    def close(a: float, b: float) -> bool:
        return math.isclose(a, b, rel_tol=rtol, abs_tol=atol)

    made = _made(
        name,
        points,
        why,
        read=answers.read_number,
        share=lambda answer, right: (float(close(answer, right)), [w for w in why if close(answer, w)][:1]),
    )
    for wrong in why:
        made.explain(f"{wrong:g}", _always(wrong), made.why(wrong))
    made.explain("another_number", lambda answer: 1.37 * answer + 1.73, _AGAIN.format(name))
    return made.spelt(
        as_float=float, a_text=lambda a: f" {a} ", with_commas=lambda a: f"{a:,}", one_entry=lambda a: np.array([a])
    )


def match(name: str, *, points: float, items: Sequence[str], why: Mapping[str, str]) -> Closed:
    """Ask for an option for each item; `why` explains each option to whoever puts it in a wrong place."""
    options = sorted(why)

    def share(answer: dict[str, str], right: dict[str, str]) -> tuple[float, list[Any]]:
        wrong = [option for item, option in answer.items() if option != right.get(item)]
        return sum(answer.get(item) == right.get(item) for item in items) / len(items), list(dict.fromkeys(wrong))

    def misplaced(option: str, answer: dict[str, str]) -> dict[str, str]:
        return {**answer, next(item for item in items if answer[item] != option): option}

    made = _made(
        name,
        points,
        why,
        options=options,
        read=lambda name, tree: answers.read_match(name, tree, items, options),
        share=share,
        otherwise="{}: the pairs you give are right, but some are missing.",
    )
    for option in options:
        made.explain(option, partial(misplaced, option), made.why(option))
    return made.spelt(
        pairs=lambda a: list(a.items()),
        capitals=lambda a: {key.lower(): value.upper() for key, value in a.items()},
        backwards=lambda a: dict(reversed(a.items())),
        a_table=lambda a: np.array(list(a.items())),
    )


def _always(value: Any) -> Spelling:
    return lambda _: value


def _made(name: str, points: float, why: Mapping[Any, str], **rules: Any) -> Closed:
    right, sentences = rules.get("right") or (), list(why.values())
    words = {right} if isinstance(right, str) else set(right)
    if len(set(map(answers.word, rules.get("options", ())))) < len(rules.get("options", ())):
        raise GraderFault(f"{name} has two options that differ in spaces or capitals only. Use other words.")
    if words & set(why) or not all(sentences) or len(set(sentences)) < len(sentences) or not sentences:
        raise GraderFault(f"{name} must explain each wrong choice, no two alike, and no right one. Correct its 'why'.")
    for key in words:
        if told := [s for s in sentences if re.search(rf"\b{key.replace('_', '[ _-]')}\b", s, re.IGNORECASE)]:
            raise GraderFault(f"{name} gives '{key}' away, which is right: {told[0]!r} Say it in other words.")
    namespace: dict[str, Any] = {"np": np}
    exec(_PROBE.format(name=name, answer=ANSWER), namespace)
    said = {key: f"{name}, {key}: {sentence}" for key, sentence in why.items()}
    return Closed(
        namespace[name], {ANSWER: points}, lambda rng: iter([Case("the answer", {})]), why=said.__getitem__, **rules
    )
