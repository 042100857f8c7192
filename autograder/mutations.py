"""Small mistakes made in a syntax tree on purpose: what may be written instead of one node of a solution.

An operator gives the nodes that may stand in a node's place, each with the kind of mistake and, where that says so, what is
then true of the answer: the tags of `cs231n_lite.evidence.Cause` that are no lie.
"""

import ast
import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autograder.syntax import function_of, is_name, names_in, quantity, replaced

Operator = Callable[[ast.AST, "Place"], Iterator["Change"]]


@dataclass(frozen=True)
class Change:
    """What stands in a node's place (None: nothing), the kind of mistake, and what is true of it.

    Attributes
    ----------
    causes : frozenset of str
        Tags that are true of what the mutant gives; empty where the mistake alone does not tell.
    """

    new: ast.AST | None
    kind: str
    causes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Place:
    """Where a node stands: its ancestors, nearest first, and the names that hold what was passed in."""

    above: tuple[ast.AST, ...]
    passed_in: frozenset[str] = frozenset()


# --------------------------------------------------------------------------------------- what is true of a scale


_OVER = {"N": "1/N", "1/N": "N", "1/C": "C", "C": "1/C"}
_LINEAR = ("T", "sum", "mean", "reshape", "ravel", "transpose", "copy", "dot", "asarray")


def scaled(node: ast.AST, place: Place, factor: str | float | None) -> frozenset[str]:
    """Say what is true where `node` is multiplied by `factor`: of the term it stands in, else of the whole answer.

    Nothing is known where it is an exponent, an index or an argument, for then what comes out is no multiple.
    """
    if factor is None:
        return frozenset()
    below = node
    for parent in place.above:
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub):
            return frozenset({f"term {names_in(below)} times {_written(factor)}"})
        if isinstance(parent, ast.Assign | ast.Return):
            break
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div) and parent.right is below and factor:
            factor = _inverse(factor)  # half of what is divided by is twice the whole
        elif not _hands_on(parent, below):
            return frozenset()
        below = parent
    return frozenset({f"factor {_written(factor)}" if factor else "zeros"})


def _written(factor: str | float | None) -> str:
    return factor if isinstance(factor, str) else f"{factor:.6g}"


def _hands_on(parent: ast.AST, below: ast.AST) -> bool:
    """Whether twice of what is below gives twice of what is above."""
    match parent:
        case ast.BinOp(op=ast.Div(), left=value) | ast.Subscript(value=value):
            return value is below
        case ast.Attribute(attr=name):
            return name in _LINEAR
        case ast.Call(func=function, args=arguments):
            of_numpy = isinstance(function, ast.Attribute) and is_name(function.value, "np")
            return function is below or (of_numpy and function_of(parent) in _LINEAR and arguments[0] is below)
        case ast.BinOp(op=op):
            return isinstance(op, ast.Mult | ast.MatMult)
    return isinstance(parent, ast.UnaryOp | ast.Tuple | ast.Dict)


# ------------------------------------------------------------------------------------------------ the operators

_BINARY = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult)
_COMPARE = (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq, ast.NotEq)


def other_operator(node: ast.AST, place: Place) -> Iterator[Change]:
    """Calculate with another operator: ``x @ w - b``."""
    if not isinstance(node, ast.BinOp):
        return
    for op in _BINARY:
        if isinstance(node.op, op):
            continue
        causes: frozenset[str] = frozenset()
        was, now, right = type(node.op), op, quantity(node.right)
        if {was, now} == {ast.Add, ast.Sub}:
            causes = frozenset({f"term {names_in(node.right)} times -1"})
        elif right is not None and {was, now} == {ast.Mult, ast.Div}:
            square = "N^2" if right == "N" else float(right) ** 2
            inverse = "1/N^2" if right == "N" else float(right) ** -2
            causes = scaled(node, place, square if was is ast.Div else inverse)
        if (was, now) == (ast.Div, ast.FloorDiv):
            causes = frozenset({"integers"})
        gates = [part for part in (node.left, node.right) if isinstance(part, ast.Compare)]
        causes |= {f"entries {names_in(gate)}" for gate in gates}  # where the gate is open or shut, another result
        yield Change(replaced(node, op=op()), "operator", causes)


def one_operand(node: ast.AST, place: Place) -> Iterator[Change]:
    """Leave out one side of an operation: ``x @ w``."""
    if not isinstance(node, ast.BinOp):
        return
    # What is but a name may be a number: the reg of reg * W.
    left, right = (quantity(side) or (names_in(side) if _named(side) else None) for side in (node.left, node.right))
    match node.op:
        case ast.Add():
            yield Change(node.left, "missing term", frozenset({f"term {names_in(node.right)} times 0"}))
            yield Change(node.right, "missing term", frozenset({f"term {names_in(node.left)} times 0"}))
            doubled = ast.BinOp(copy.deepcopy(node), ast.Add(), copy.deepcopy(node.right))
            yield Change(doubled, "doubled term", frozenset({f"term {names_in(node.right)} times 2"}))
        case ast.Sub():
            yield Change(node.left, "missing term", frozenset({f"term {names_in(node.right)} times 0"}))
            yield Change(node.right, "missing term")
        case ast.Mult():
            yield Change(node.left, "missing factor", scaled(node, place, _inverse(right)))
            yield Change(node.right, "missing factor", scaled(node, place, _inverse(left)))
        case ast.Div():
            yield Change(node.left, "missing factor", scaled(node, place, right))
            if quantity(node.right) is not None:
                again = ast.BinOp(copy.deepcopy(node), ast.Div(), copy.deepcopy(node.right))
                yield Change(again, "doubled factor", scaled(node, place, _inverse(right)))
        case _:
            power = scaled(node, place, "no power" if isinstance(node.op, ast.Pow) else None)
            yield Change(node.left, "missing factor", power)
            yield Change(node.right, "missing factor")


def _named(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and "," not in names_in(node)


def _inverse(quantity: str | float | None) -> str | float | None:
    if isinstance(quantity, str):
        return _OVER.get(quantity, f"1/{quantity}")
    return 1 / quantity if quantity else None


def other_number(node: ast.AST, place: Place) -> Iterator[Change]:
    """Write another number: one more, one less, double, half."""
    if not isinstance(node, ast.Constant) or type(node.value) not in (int, float):
        return
    value: float = node.value  # type: ignore[assignment]
    for other in dict.fromkeys((value + 1, value - 1, value * 2, value / 2 if type(value) is float else value)):
        if other == value:
            continue
        parent = place.above[0]
        causes: frozenset[str] = frozenset()
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult | ast.Div) and value:
            inverted = isinstance(parent.op, ast.Div) and node is parent.right
            times = (value / other if other else None) if inverted else other / value
            causes = scaled(parent, Place(place.above[1:]), times)
        elif isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and other == 1:
            causes = scaled(parent, Place(place.above[1:]), "no power")
        elif isinstance(parent, ast.keyword) and parent.arg == "axis":
            causes = frozenset({"axis"})
        elif isinstance(parent, ast.Compare) or function_of(parent) in ("maximum", "minimum"):
            causes = frozenset({"special entries", f"entries {names_in(parent)}"})
        elif function_of(parent) == "where" and value and other:
            causes = frozenset({f"factor {_written(other / value)}"})  # where nothing of the other branch is seen
        elif isinstance(parent, ast.AugAssign):
            causes = frozenset({f"entries {names_in(parent.target)}"})
        yield Change(ast.Constant(other), "constant", causes)


def other_comparison(node: ast.AST, place: Place) -> Iterator[Change]:
    """Ask another question: ``x < 0``, ``y is not None``; of a chain such as ``0 < x < 1``, one link at a time."""
    if not isinstance(node, ast.Compare):
        return
    for link, op in enumerate(node.ops):
        before, after = node.ops[:link], node.ops[link + 1 :]
        if isinstance(op, ast.Is | ast.IsNot):
            other_branch = frozenset({"number of values"})  # of what the other branch hands back
            new = ast.IsNot() if isinstance(op, ast.Is) else ast.Is()
            yield Change(replaced(node, ops=[*before, new, *after]), "comparison", other_branch)
            continue
        for other in _COMPARE:
            if not isinstance(op, other):
                causes = {"zeros"} if other is ast.Eq else set()
                causes.add(f"entries {names_in(node)}")
                yield Change(replaced(node, ops=[*before, other(), *after]), "comparison", frozenset(causes))


def off_by_one(node: ast.AST, place: Place) -> Iterator[Change]:
    """Count one too few or too many, start late, stop early, or count along the other axis."""
    if quantity(node) == "N" and not isinstance(node, ast.Name):
        parent = place.above[0]
        divides = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div) and parent.right is node
        assert isinstance(node, ast.expr)
        for op, factor in ((ast.Sub(), "N/(N-1)"), (ast.Add(), "N/(N+1)")):
            causes = scaled(parent, Place(place.above[1:]), factor) if divides else frozenset()
            if isinstance(parent, ast.Assign):
                causes = frozenset({f"factor {factor}"})  # of what is divided by the name it is given
            yield Change(ast.BinOp(copy.deepcopy(node), op, ast.Constant(1)), "off by one", causes)
        base = re.findall(r"\w+", ast.unparse(node))[1 if function_of(node) == "len" else 0]
        causes = frozenset({"axis", "factor N/C", "factor N/M"})
        yield Change(ast.parse(f"{base}.shape[-1]", mode="eval").body, "other axis", causes if divides else frozenset())
    if isinstance(node, ast.Slice):
        for part in ("lower", "upper"):
            bound = getattr(node, part) or ast.Constant(0)
            for op in (ast.Add(), ast.Sub()):
                yield Change(replaced(node, **{part: ast.BinOp(bound, op, ast.Constant(1))}), "off by one")
    if function_of(node) in ("arange", "range") and isinstance(node, ast.Call) and len(node.args) == 1:
        yield Change(replaced(node, args=[ast.Constant(1), *node.args]), "off by one")


OPERATORS: tuple[Operator, ...] = (other_operator, one_operand, other_number, other_comparison, off_by_one)
