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
_SLIPS = {
    "1/{number}": "lacks its factor `{number}`",
    "1/size": "is a mean where a sum is asked",
    "no power": "lacks its square",
    "a root": "is a norm that is not squared",
}
_PENALTIES: tuple[Callable[[np.ndarray], float], ...] = (
    lambda a: float((a * a).sum()),
    lambda a: float((a * a).mean()),
    lambda a: float(a.sum()),
    lambda a: float(np.sqrt((a * a).sum())),
)


def term(pairs: Sequence[Pair]) -> Cause | None:
    """Tell a term made of the inputs that is missing, doubled, of the wrong sign or of the wrong size."""
    first = first_failing(pairs)
    if not all(pair.same_shape for pair in pairs):
        return None
    extra, terms = first.mine - first.want, [_terms(pair) for pair in pairs]
    for name, (words, value, slips) in _terms(first).items():
        if not np.any(value) or not np.isfinite(value).all() or not all(name in found for found in terms):
            continue
        times = round(1 + float((extra * value).sum() / (value * value).sum()), 6) + 0.0
        if times != 1 and _fits(pairs, [(times - 1) * found[name][1] for found in terms]):
            told = _TOLD.get(times, f"counts {times:.6g} times")
            return Cause(f"term {name} times {times:.6g}", f"The term {words} {told}.")
        for slip in slips:
            if _fits(pairs, [found[name][2][slip] - found[name][1] for found in terms]):
                number = name.rpartition(",")[2]
                told = _SLIPS[slip].format(number=number)
                return Cause(f"term {name} times {slip.format(number=number)}", f"The term {words} {told}.")
    return None


def _fits(pairs: Sequence[Pair], extra: Sequence[np.ndarray]) -> bool:
    """Whether the answer is the expected one and these extras, in every pair, with more than one number to show for it."""
    numbers = 0
    for pair, more in zip(pairs, extra, strict=True):
        error, size = np.abs(pair.mine - (pair.want + more)).max(initial=0), np.abs(more).max(initial=0)
        if error > pair.close * max(pair.scale, size) or (size and error > 1e-4 * size):
            return False
        numbers += more.size if pair.fails else 0
    return numbers > 1


def _terms(pair: Pair) -> dict[str, tuple[str, np.ndarray, dict[str, np.ndarray]]]:
    """Give what may be a term of the answer: {what it is made of: (how it reads, its value, its value after a slip)}."""
    plain, shape = arrays(pair), pair.want.shape
    numbers = {name: value for name, value in pair.inputs.items() if isinstance(value, float)}
    parts: dict[str, tuple[str, np.ndarray, dict[str, np.ndarray]]]
    parts = {name: (name, a, {}) for name, a in plain.items() if _trails(a.shape, shape)}
    for several in [] if shape else _penalised(plain):
        read = " + ".join(f"sum({name}**2)" for name in several)
        value, *slips = (np.array(sum(how(plain[name]) for name in several)) for how in _PENALTIES)
        slipped = dict(zip(("1/size", "no power", "a root"), slips, strict=True))
        parts[",".join(several)] = (f"({read})" if len(several) > 1 else read, value, slipped)
    found: dict[str, tuple[str, np.ndarray, dict[str, np.ndarray]]] = {}
    for name, (read, value, slipped) in parts.items():
        found[name] = (f"`{read}`", np.broadcast_to(value, shape), {})
        for number, q in numbers.items():
            half, before = (1.0, "") if shape else (0.5, "0.5 * ")
            bare = np.broadcast_to(half * value, shape)
            after = {slip: half * q * other for slip, other in slipped.items()}
            found[f"{name},{number}"] = (f"`{before}{number} * {read}`", q * bare, {"1/{number}": bare} | after)
    return found


def _penalised(arrays: dict[str, np.ndarray]) -> list[tuple[str, ...]]:
    """Give the sets of arrays whose squares may be summed into one penalty."""
    return [*((name,) for name in arrays), *combinations((n for n, a in arrays.items() if a.ndim == 2), 2)]


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
    failing = [pair for pair in pairs if pair.fails]
    if not _some_right(pairs):
        return None
    for axis in range(min(pair.want.ndim for pair in failing)):
        if len({pair.want.shape[axis] for pair in failing}) < 2:
            continue  # always the fourth of four may be no edge, but a thing of its own
        for edge, index in (("first", 0), ("last", -1)):
            if all(_only_at(pair, axis, index) for pair in failing):
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
    causes.integers,
    causes.zeros,
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
