"""The form of an answer to a closed question: a word, several words, a number, or a word for each of several items.

The visible check of a closed question looks at this form and at nothing else; whether the answer is right is for the
grader to say, who reads answers by the same rules. Upper case, spaces, hyphens and the kind of brackets do not matter.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

MAX_ITEMS, MAX_TEXT, MAX_DIGITS = 50, 200, 300
_NUMBER = re.compile(r"[+-]?(?=\.?\d)(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?(e[+-]?\d{1,4})?", re.ASCII)


class FormError(AssertionError):
    """An answer has not the form asked for: says what is asked, what came and what to write."""


def told(answer: Any) -> str:
    """Write an answer down as plain JSON: texts, numbers, lists and pairs; of anything else only its type is told.

    Exact types only, so that nothing of the answer's own making decides how it is read.

    Examples
    --------
    >>> told({"b", "a"}), told({"1957": "perceptron"}), told(np.float64(0.5)), told(None)
    ('["a", "b"]', '{"pairs": [["1957", "perceptron"]]}', '0.5', '{"type": "NoneType"}')
    """
    return json.dumps(_tree(answer, 0))


def _tree(answer: Any, depth: int) -> Any:
    if isinstance(answer, np.generic) or (type(answer) is np.ndarray and answer.size == 1):
        answer = answer.item()
    elif type(answer) is np.ndarray and answer.size <= MAX_ITEMS:
        answer = answer.tolist()
    kind = type(answer)
    if kind is str:
        return answer[:MAX_TEXT]
    if kind is int and abs(answer) < 10**MAX_DIGITS:
        return str(answer)
    if kind is float:
        return answer if math.isfinite(answer) else {"type": str(answer)}
    if depth < 2 and kind in (list, tuple, set, frozenset) and len(answer) <= MAX_ITEMS:
        items = [_tree(item, depth + 1) for item in answer]
        return items if kind in (list, tuple) else sorted(items, key=str)
    if depth == 0 and kind is dict and len(answer) <= MAX_ITEMS:
        return {"pairs": [[_tree(key, 2), _tree(value, 2)] for key, value in answer.items()]}
    return {"type": kind.__name__[:MAX_TEXT]}


def word(text: str) -> str:
    """Keep of a text what tells options apart: letters and digits, all small.

    Examples
    --------
    >>> word("  Leaky ReLU "), word("leaky_relu"), word("256 x 10")
    ('leakyrelu', 'leakyrelu', '256x10')
    """
    return re.sub(r"[\W_]+", "", text.lower())


def _found(tree: Any, options: Sequence[str]) -> str | None:
    """Give the option a text means, if it is one."""
    known = {word(option): option for option in options}
    return known.get(word(tree)) if isinstance(tree, str) else None


def read_choice(name: str, tree: Any, options: Sequence[str]) -> str:
    """Read one of the options from what `told` wrote.

    Examples
    --------
    >>> read_choice("gate", "ReLU ", ["relu", "tanh"])
    'relu'
    >>> read_choice("gate", "swish", ["relu", "tanh"])
    Traceback (most recent call last):
    cs231n_lite.answers.FormError: gate asks for one of relu, tanh. Got 'swish'. Write one of these words in quotes.
    """
    asked = f"one of {', '.join(options)}"
    if isinstance(tree, list) and len(tree) == 1:
        tree = tree[0]
    option = _found(tree, options)
    if option is None:
        _refuse(name, asked, tree, "Write one of these words in quotes.")
    return option


def read_choices(name: str, tree: Any, options: Sequence[str]) -> frozenset[str]:
    """Read at least one of the options from what `told` wrote.

    Examples
    --------
    >>> sorted(read_choices("gates", ["Tanh", "relu", "relu"], ["elu", "relu", "tanh"]))
    ['relu', 'tanh']
    """
    asked = f"one or several of {', '.join(options)}"
    advice = 'Write a set of these words, such as {"...", "..."}.'
    if isinstance(tree, str):
        tree = tree.split(",")
    if not isinstance(tree, list) or not tree:
        _refuse(name, asked, tree, advice)
    found = set()
    for item in tree:
        option = _found(item, options)
        if option is None:
            _refuse(name, asked, item, advice)
        found.add(option)
    return frozenset(found)


def read_number(name: str, tree: Any) -> float:
    """Read a finite number from what `told` wrote; commas between thousands are read as such.

    Examples
    --------
    >>> read_number("parameters", "7,850"), read_number("slope", -0.25)
    (7850.0, -0.25)
    >>> read_number("slope", "0,25")
    Traceback (most recent call last):
    cs231n_lite.answers.FormError: slope asks for a number. Got '0,25'. Write a whole number or one with a decimal
    point; Python may do the sum.
    """
    if isinstance(tree, list) and len(tree) == 1:
        tree = tree[0]
    text = re.sub(r"[\s_]", "", tree).lower() if isinstance(tree, str) else ""
    if _NUMBER.fullmatch(text):
        tree = float(text.replace(",", ""))
    if not isinstance(tree, float) or not math.isfinite(tree):
        advice = "Write a whole number or one with a decimal point; Python may do the sum."
        _refuse(name, "a number", tree, advice)
    return tree


def read_match(name: str, tree: Any, items: Sequence[str], options: Sequence[str]) -> dict[str, str]:
    """Read an option for each of some items from what `told` wrote; items may be left out, but not all.

    Examples
    --------
    >>> read_match("gates", {"pairs": [["A", "ReLU"]]}, ["A", "B"], ["relu", "tanh"])
    {'A': 'relu'}
    """
    asked = f"a dictionary that gives each of {', '.join(items)} one of {', '.join(options)}"
    advice = f'Write {{"{items[0]}": "...", ...}} with these words.'
    pairs = tree["pairs"] if isinstance(tree, dict) and "pairs" in tree else tree
    if not isinstance(pairs, list) or not pairs:
        _refuse(name, asked, tree, advice)
    found: dict[str, str] = {}
    for pair in pairs:
        item, option = (
            map(_found, pair, (items, options)) if isinstance(pair, list) and len(pair) == 2 else (None, None)
        )
        if item is None or option is None:
            _refuse(name, asked, {"pair": pair}, advice)
        found[item] = option
    return found


def expect_choice(name: str, answer: Any, options: Sequence[str]) -> None:
    """Raise FormError unless `answer` is one of the options, right or wrong; see `read_choice`."""
    read_choice(name, json.loads(told(answer)), options)


def expect_choices(name: str, answer: Any, options: Sequence[str]) -> None:
    """Raise FormError unless `answer` is some of the options, right or wrong; see `read_choices`."""
    read_choices(name, json.loads(told(answer)), options)


def expect_number(name: str, answer: Any) -> None:
    """Raise FormError unless `answer` is a finite number, right or wrong; see `read_number`."""
    read_number(name, json.loads(told(answer)))


def expect_match(name: str, answer: Any, items: Sequence[str], options: Sequence[str]) -> None:
    """Raise FormError unless `answer` gives items options, right or wrong; see `read_match`."""
    missing = set(items) - set(read_match(name, json.loads(told(answer)), items, options))
    if missing:
        raise FormError(
            f"{name} asks for an option for each of {', '.join(items)}. "
            f"There is none for {', '.join(sorted(missing))}. Add it; a guess costs nothing."
        )


def _refuse(name: str, asked: str, tree: Any, advice: str) -> NoReturn:
    raise FormError(f"{name} asks for {asked}. Got {_shown(tree)}. {advice}")


def _shown(tree: Any) -> str:
    match tree:
        case str(text):
            return repr(text[:40])
        case [] | {"pairs": []}:
            return "nothing at all"
        case {"pair": [str(item), str(option)]}:
            return f"{item[:40]!r} with {option[:40]!r}"
        case {"pair": _}:
            return "an entry that is no pair of words"
        case [*items]:
            return f"a collection of {len(items)}"
        case {"pairs": _}:
            return "a dictionary"
        case {"type": str(kind)}:
            return "None" if kind == "NoneType" else kind if kind in ("nan", "inf", "-inf") else f"a {kind[:40]}"
    return f"the number {tree}" if isinstance(tree, float) else "something else"
