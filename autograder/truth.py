"""Whether a cause that was named for a mutant is its own: what rules say against what the mutation says of itself."""

from collections.abc import Iterable

_DESCRIBE = ("added", "entries", "input", "term", "zeros")
_TOLD_WITH_A_CAUSE = (-1.0, 0.5, 2.0)  # factors of which `cs231n_lite.factors` says what they mean


def agrees(tag: str, causes: Iterable[str], inputs: Iterable[str] = ()) -> bool:
    """Whether a tag is among the true ones; see `cs231n_lite.evidence.Cause` and `autograder.mutations.Change`.

    A term is told by the arrays it is made of, and of those only what was put in is known to a rule.

    Parameters
    ----------
    tag : str
        What a rule said.
    causes : iterable of str
        What is true of the mutation.
    inputs : iterable of str
        The arrays the question puts in.

    Examples
    --------
    >>> agrees("factor N", {"factor N^2", "input dx"})
    False
    >>> agrees("factor N or C", {"factor N"}), agrees("entries x", {"entries b,x"}), agrees("state", {"in place"})
    (True, True, True)
    >>> agrees("term b times 0", {"term b,rows times 0"}, inputs=["x", "b"])
    True
    """
    kind, _, rest = tag.partition(" ")
    known = frozenset(inputs)
    for true in causes:
        same_kind, _, other = true.partition(" ")
        if tag == true or (tag == "state" and true == "in place"):
            return True
        if kind != same_kind:
            continue
        if kind == "factor" and other in rest.split(" or "):
            return True
        if kind == "entries" and rest in other.split(","):
            return True
        if kind == "term" and _term(rest, known) == _term(other, known):
            return True
    return False


def describes(tag: str) -> bool:
    """Whether a tag says only what the numbers are, not where they come from; it is true if it holds on many draws.

    "Every entry is 0.5 more than the expected one" is no guess. "Averaged over the batch once too often" is one.

    Examples
    --------
    >>> [describes(tag) for tag in ("added 0.5", "entries x", "factor 2.5", "factor 1/N", "axis")]
    [True, True, True, False, False]
    """
    kind, _, rest = tag.partition(" ")
    return kind in _DESCRIBE or (kind == "factor" and _is_number(rest))


def _is_number(text: str) -> bool:
    try:
        return float(text) not in _TOLD_WITH_A_CAUSE
    except ValueError:
        return False


def _term(told: str, inputs: frozenset[str]) -> tuple[frozenset[str], str]:
    names, _, times = told.partition(" times ")
    return frozenset(names.split(",")) & inputs, times
