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

import math
import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograder.closed_question import AGAIN, ANSWER, PROBE, Closed, Spelling
from autograder.faults import GraderFault
from autograder.model import Case
from cs231n_lite import answers

_MISSING = "{}: what you chose is right, but not every right option is among it."


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
        lacks=lambda answer, right: not right <= answer,
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
    made.explain("another_number", lambda answer: 1.37 * answer + 1.73, AGAIN.format(name))
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
        lacks=lambda answer, right: len(answer) < len(items),
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
    exec(PROBE.format(name=name, answer=ANSWER), namespace)
    said = {key: f"{name}, {key}: {sentence}" for key, sentence in why.items()}
    return Closed(
        namespace[name], {ANSWER: points}, lambda rng: iter([Case("the answer", {})]), why=said.__getitem__, **rules
    )
