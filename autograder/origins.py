"""What a wrong answer is made of: rules that know the inputs it was computed from and what else was asked.

Like those of `cs231n_lite.causes` they speak only where one explanation accounts for every case.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations

import numpy as np

from cs231n_lite import causes
from cs231n_lite.evidence import Cause, Pair, Rule, everywhere, first_failing
from cs231n_lite.factors import factor

_REDUCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "sum": np.sum,
    "mean": np.mean,
    "maximum": np.max,
    "minimum": np.min,
    "product": np.prod,
}


def arrays(pair: Pair) -> dict[str, np.ndarray]:
    """Give the arrays of numbers among the inputs of a pair, in double precision."""
    found = {name: value for name, value in pair.inputs.items() if isinstance(value, np.ndarray)}
    return {name: value.astype(np.float64) for name, value in found.items() if value.dtype.kind == "f"}


def another_output(pairs: Sequence[Pair]) -> Cause | None:
    """Tell an output handed back in the place of another."""
    for name in first_failing(pairs).others:
        if everywhere(pairs, partial(_other, name)):
            words = f"This is what `{name}` should be: hand the outputs back in the order that is asked."
            return Cause("another output", words)
    return None


def an_input(pairs: Sequence[Pair]) -> Cause | None:
    """Tell an input handed back as it came."""
    for name in arrays(first_failing(pairs)):
        if everywhere(pairs, partial(_input, name)):
            return Cause(f"input {name}", f"This is `{name}`, unchanged.")
    return None


def _other(name: str, pair: Pair) -> np.ndarray | None:
    return pair.others.get(name)


def _input(name: str, pair: Pair) -> np.ndarray | None:
    return arrays(pair).get(name)


def wrong_axis(pairs: Sequence[Pair]) -> Cause | None:
    """Tell a sum (or mean, maximum, ...) over another axis than the one asked, or another of these over the right one."""
    first = first_failing(pairs)
    for name, array in arrays(first).items():
        for asked in _ways(array, first.want):
            for way in _ways(array, first.mine):
                if way != asked and all(
                    _reduces(p, name, asked, p.want) and _reduces(p, name, way, p.mine) for p in pairs
                ):
                    return _axis_cause(name, way, asked)
    return None


def _ways(array: np.ndarray, result: np.ndarray) -> Iterator[tuple[str, int | None]]:
    """Find how `result` comes from `array`: which reduction, over which axis (None: over all)."""
    for word, reduce in _REDUCTIONS.items():
        for axis in (*range(array.ndim), None):
            if array.ndim > 1 and array.size and _near(reduce(array, axis=axis), result):
                yield word, axis


def _reduces(pair: Pair, name: str, way: tuple[str, int | None], result: np.ndarray) -> bool:
    array = arrays(pair).get(name)
    return array is not None and array.ndim > (way[1] or 0) and _near(_REDUCTIONS[way[0]](array, axis=way[1]), result)


def _axis_cause(name: str, way: tuple[str, int | None], asked: tuple[str, int | None]) -> Cause:
    def told(way: tuple[str, int | None]) -> str:
        return f"{way[0]} of `{name}` over {'everything' if way[1] is None else f'axis {way[1]}'}"

    return Cause("axis" if way[1] != asked[1] else "reduction", f"This is the {told(way)}; the {told(asked)} is asked.")


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=1e-6, atol=1e-6 * np.abs(b).max(initial=0)))


# ------------------------------------------------------------------------------------------------------- terms

_TOLD = {0.0: "is missing", 2.0: "is there twice", -1.0: "has the opposite sign"}


def term(pairs: Sequence[Pair]) -> Cause | None:
    """Tell a term made of the inputs that is missing, doubled, of the wrong sign or of the wrong size."""
    first = first_failing(pairs)
    if not first.same_shape:
        return None
    for name, (words, value) in _terms(first).items():
        extra, size = first.mine - first.want, np.abs(value).max(initial=0)
        if not size:
            continue
        times = 1 + float((extra * value).sum() / (value * value).sum())
        if abs(times - 1) > 1e-6 and _fits(pairs, name, times):
            told = _TOLD.get(round(times, 6), f"counts {times:.6g} times")
            return Cause(f"term {name} times {times:.6g}", f"The term {words} {told}.")
    return None


def _fits(pairs: Sequence[Pair], name: str, times: float) -> bool:
    """Whether `times` the term instead of once is the answer in every pair, with more than one number to show for it."""
    numbers = 0
    for pair in pairs:
        _, value = _terms(pair).get(name, ("", None))
        if value is None or not pair.same_shape:
            return False
        error = np.abs(pair.mine - (pair.want + (times - 1) * value)).max(initial=0)
        size = np.abs(value).max(initial=0)
        if error > pair.close * max(pair.scale, size) or (size and error > 1e-4 * size):
            return False
        numbers += value.size if pair.fails else 0
    return numbers > 1


def _terms(pair: Pair) -> dict[str, tuple[str, np.ndarray]]:
    """Give what may be a term of the answer: {names of what it is made of: (how it reads, its value)}."""
    found: dict[str, tuple[str, np.ndarray]] = {}
    plain = arrays(pair)
    numbers = {name: value for name, value in pair.inputs.items() if isinstance(value, float)}
    shape = pair.want.shape
    parts = {name: (f"`{name}`", a) for name, a in plain.items() if _trails(a.shape, shape)}
    if not shape:
        squares = {name: float((a * a).sum()) for name, a in plain.items()}
        weights = [name for name, a in plain.items() if a.ndim == 2]
        for several in (*((name,) for name in squares), *combinations(weights, 2)):
            read = " + ".join(f"sum({name}**2)" for name in several)
            parts[",".join(several)] = (read, np.array(sum(squares[name] for name in several)))
    for name, (words, value) in parts.items():
        found[name] = (words.strip() if "(" not in words else f"`{words}`", np.broadcast_to(value, shape))
        for number, q in numbers.items():
            half, read = (0.5, "0.5 * ") if not shape else (1.0, "")
            inside = words.strip("`")
            read += f"{number} * ({inside})" if "+" in inside else f"{number} * {inside}"
            found[f"{name},{number}"] = (f"`{read}`", np.broadcast_to(half * q * value, shape))
    return found


def _trails(part: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    return 0 < len(part) <= len(whole) and whole[len(whole) - len(part) :] == part


# ------------------------------------------------------------------------------------------- which entries are wrong


def wrong_where(pairs: Sequence[Pair]) -> Cause | None:
    """Say that the wrong entries are just those of one sign of an input, of the right class, or of one edge."""
    first = first_failing(pairs)
    if not all(pair.same_shape for pair in pairs):
        return None
    for name, value in first.inputs.items():
        if not isinstance(value, np.ndarray):
            continue
        for where, mask in (("positive", np.greater), ("negative", np.less)):
            if value.shape == first.want.shape and _wrong_are(pairs, partial(_signed, name, mask)):
                return Cause(f"entries {name}", f"Wrong just where `{name}` is {where}, and right everywhere else.")
        if value.dtype.kind == "i" and _wrong_are(pairs, partial(_labelled, name)):
            return Cause(
                f"entries {name}", f"Wrong just in the entries of the right class, `{name}`; the others are right."
            )
    return _wrong_edge(pairs)


def _wrong_are(pairs: Sequence[Pair], mask: Callable[[Pair], np.ndarray | None]) -> bool:
    masks = [(pair, mask(pair)) for pair in pairs]
    return _some_right(pairs) and all(m is not None and np.array_equal(m, pair.wrong) for pair, m in masks)


def _some_right(pairs: Sequence[Pair]) -> bool:
    return any(pair.fails and not np.all(pair.wrong) for pair in pairs)


def _signed(name: str, mask: Callable[..., np.ndarray], pair: Pair) -> np.ndarray | None:
    value = pair.inputs.get(name)
    return mask(value, 0) if isinstance(value, np.ndarray) and value.shape == pair.want.shape else None


def _labelled(name: str, pair: Pair) -> np.ndarray | None:
    labels, shape = pair.inputs.get(name), pair.want.shape
    if not isinstance(labels, np.ndarray) or len(shape) != 2 or labels.shape != shape[:1]:
        return None
    return labels[:, None] == np.arange(shape[1])


def _wrong_edge(pairs: Sequence[Pair]) -> Cause | None:
    for axis in range(first_failing(pairs).want.ndim):
        for edge, index in (("first", 0), ("last", -1)):
            if _some_right(pairs) and all(_only_at(pair, axis, index) for pair in pairs if pair.fails):
                return Cause(
                    "edge", f"Wrong only at the {edge} place of axis {axis}: count from the first to the last."
                )
    return None


def _only_at(pair: Pair, axis: int, index: int) -> bool:
    if axis >= pair.want.ndim or pair.want.shape[axis] < 3:
        return False
    by_place = np.moveaxis(pair.wrong, axis, 0).reshape(pair.want.shape[axis], -1)
    return bool(by_place[index].all() and by_place.any(axis=1).sum() == 1)


RULES: tuple[Rule, ...] = (
    causes.zeros,
    causes.integers,
    factor,
    another_output,
    wrong_axis,
    causes.cause_of_shape,
    an_input,
    causes.transposed,
    causes.backwards,
    causes.shifted,
    term,
    wrong_where,
    causes.special_entries,
)
