"""An answer that is a constant times the expected one: which constant, and what it likely means."""

from collections.abc import Callable, Sequence

import numpy as np

from cs231n_lite.evidence import Cause, Pair, everywhere, first_failing, telling


def factor(pairs: Sequence[Pair]) -> Cause | None:
    """Name the factor common to all entries; a single number, or equal ones, prove it only if it is a known one.

    Examples
    --------
    >>> want = np.array([10.0, -5.0, 20.0])
    >>> factor([Pair(want / 5, want, np.ones(3, bool), 1e-7, {"N": 5})])
    'Every entry is 0.2 times the expected one, and 0.2 = 1/N for this batch of 5: averaged over the batch once too often.'
    """
    first = first_failing(pairs)
    if first.expected.dtype.kind != "f" or not first.scale or not first.same_shape:
        return None
    peak = np.abs(first.want).argmax()
    times = float(first.mine.flat[peak] / first.want.flat[peak])
    if not times or not first.is_(times * first.want) or abs(times - 1) < 100 * first.close:
        return None
    proven, constant = telling(pairs), everywhere(pairs, lambda pair: times * pair.want)
    if constant and abs(times + 1) < first.close:
        minus = "a minus is missing or one too many"
        whole = (
            f"Every entry has the opposite sign: {minus}." if first.want.ndim else f"It has the opposite sign: {minus}."
        )
        return Cause("factor -1", whole if proven else f"It has the opposite sign: perhaps {minus}.")

    def by_name(name: str) -> Callable[[Pair], np.ndarray | None]:
        return lambda pair: known[name][0] * pair.want if name in (known := _known_factors(pair)) else None

    known = _known_factors(first)
    names = [
        n for n, (value, *_) in known.items() if abs(times / value - 1) < first.close and everywhere(pairs, by_name(n))
    ]
    if not names and not (proven and constant):
        return None
    told = f"{'Every entry' if proven and first.want.ndim else 'It'} is {times:.6g} times the expected one"
    if not names:
        return Cause(f"factor {times:.6g}", f"{told}.")
    tag = f"factor {' or '.join(names)}"
    if len(names) > 1:  # the numbers cannot tell which
        return Cause(tag, f"{told}, which is {' or '.join(known[n][1] or 'a constant' for n in names)} here.")
    _, quantity, meaning = known[names[0]]
    told += f", and {times:.6g} = {quantity}" if quantity else ""
    return Cause(tag, f"{told}: {'' if proven else 'perhaps '}{meaning}.")


def _known_factors(pair: Pair) -> dict[str, tuple[float, str, str]]:
    """Give the factors a wrong answer may have in this case: their value, what they are called, what they mean."""
    known = {"2": (2.0, "", "a 2 too many or a 0.5 forgotten"), "0.5": (0.5, "", "a 0.5 too many or a 2 forgotten")}
    for key, n in pair.sizes.items():
        if not n:
            continue  # nothing is a multiple of an empty batch
        if key == "N":
            batch = f"for this batch of {n}"
            known["1/N"] = (1 / n, f"1/N {batch}", "averaged over the batch once too often")
            known["N"] = (n, f"N {batch}", "a sum over the batch where the mean is asked")
            known["N^2"] = (n * n, f"N * N {batch}", "multiplied by N where a division by N is asked")
            known["1/N^2"] = (1 / n**2, f"1/(N * N) {batch}", "divided by N where a factor N is asked")
            if n > 1:
                known["N/(N-1)"] = (n / (n - 1), f"N/(N-1) {batch}", "divided by N-1 where N is asked")
            known["N/(N+1)"] = (n / (n + 1), f"N/(N+1) {batch}", "divided by N+1 where N is asked")
        else:
            known[f"1/{key}"] = (1 / n, f"1/{key}", f"divided by {key} once too often")
            known[key] = (n, f"{key}", f"a division by {key} is missing, or a factor {key} too many")
            if "N" in pair.sizes:
                known[f"N/{key}"] = (pair.sizes["N"] / n, f"N/{key}", f"divided by {key} where N is asked")
    for name, p in pair.inputs.items():
        if isinstance(p, float) and p > 0:
            known[f"1/{name}"] = (
                1 / p,
                f"1/{name}",
                f"divided by `{name}` once too often, or a factor `{name}` forgotten",
            )
            known[name] = (p, name, f"a division by `{name}` is missing, or a factor `{name}` too many")
    return known
