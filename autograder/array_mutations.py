"""Mistakes with arrays, functions and statements: axes, calls, what is exchanged, written over or handed back."""

import ast
import copy
from collections.abc import Iterator

from autograder.mutations import Change, Operator, Place, scaled
from autograder.syntax import function_of, is_name, names_in, replaced


def without_keyword(node: ast.AST, place: Place) -> Iterator[Change]:
    """Leave out a keyword argument, or say the contrary: ``keepdims=False``, no ``axis``."""
    if not isinstance(node, ast.Call):
        return
    for i, keyword in enumerate(node.keywords):
        causes = frozenset({"axis"} if keyword.arg == "axis" else set())
        yield Change(replaced(node, keywords=node.keywords[:i] + node.keywords[i + 1 :]), f"no {keyword.arg}", causes)
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, bool):
            other = ast.keyword(keyword.arg, ast.Constant(not keyword.value.value))
            yield Change(replaced(node, keywords=[*node.keywords[:i], other, *node.keywords[i + 1 :]]), "boolean")


_FUNCTIONS = {
    "sum": ("mean", "max", "prod", "cumsum"),
    "mean": ("sum", "max", "median"),
    "max": ("min", "mean", "sum"),
    "min": ("max",),
    "maximum": ("minimum", "add"),
    "minimum": ("maximum",),
    "exp": ("exp2", "expm1", "abs"),
    "log": ("log2", "log10", "log1p", "sqrt"),
    "zeros": ("ones",),
    "ones": ("zeros",),
    "normal": ("laplace",),
    "argmax": ("argmin",),
    "std": ("var",),
    "var": ("std",),
    "sqrt": ("square",),
}
_METHODS = ("sum", "mean", "max", "min", "prod", "cumsum", "argmax", "argmin", "std", "var")


def other_function(node: ast.AST, place: Place) -> Iterator[Change]:
    """Call a relative of the function: ``mean`` for ``sum``."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    name, on_numpy = node.func.attr, "np" in ast.unparse(node.func.value)
    axis = {k.arg: ast.unparse(k.value) for k in node.keywords}.get("axis", "")
    for other in _FUNCTIONS.get(name, ()):
        if not on_numpy and other not in _METHODS:
            continue
        known = {("sum", "mean", "0"): "1/N", ("sum", "mean", ""): "1/size"}
        known |= {("mean", "sum", "0"): "N", ("mean", "sum", ""): "N"}
        known |= {("sum", "mean", last): "1/C" for last in ("1", "-1")}
        factor = known.get((name, other, axis))
        causes = scaled(node, place, factor) | (frozenset({"reduction"}) if name in _METHODS else frozenset())
        if name == "zeros":
            causes = frozenset({"added 1"})
        yield Change(replaced(node, func=replaced(node.func, attr=other)), "function", causes)


def _missing(call: str) -> frozenset[str]:
    tags = _MOVED | {"sum": "sum missing", "mean": "mean missing"}
    return frozenset({tags[call]} if call in tags else set())


def without_call(node: ast.AST, place: Place) -> Iterator[Change]:
    """Leave out a call, a transpose or a minus: ``x`` for ``x.reshape(len(x), -1)``, ``w`` for ``w.T``."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name, value=value)) if not is_name(value, "np"):
            yield Change(value, "missing call", _missing(name))
        case ast.Call(args=[argument], keywords=[]):
            yield Change(argument, "missing call", _missing(function_of(node)))
        case ast.Attribute(attr="T", value=value):
            yield Change(value, "missing transpose", frozenset({"transpose"}))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield Change(operand, "missing minus", scaled(node, place, -1))


_MOVED = {"reshape": "reshape", "transpose": "transpose"}  # the numbers are the same, at other places
_EITHER_WAY = ("maximum", "minimum", "add", "multiply")


def exchanged(node: ast.AST, place: Place) -> Iterator[Change]:
    """Exchange neighbours: arguments of a call, parts of what is returned or unpacked, values of a dictionary."""
    match node:
        case ast.Call(args=args) if len(args) > 1 and function_of(node) not in _EITHER_WAY:
            for i in range(len(args) - 1):
                moved = frozenset({_MOVED[function_of(node)]} if function_of(node) in _MOVED else set())
                yield Change(replaced(node, args=_swapped(args, i)), "swapped arguments", moved)
        case ast.Tuple(elts=parts):
            outputs = isinstance(place.above[0], ast.Return | ast.Assign)
            for i in range(len(parts) - 1):
                causes = frozenset({"another output"} if outputs else set())
                yield Change(replaced(node, elts=_swapped(parts, i)), "swapped parts", causes)
        case ast.Dict(values=values):
            for i in range(len(values) - 1):
                yield Change(
                    replaced(node, values=_swapped(values, i)), "swapped values", frozenset({"another output"})
                )


def _swapped(items: list[ast.expr], i: int) -> list[ast.expr]:
    return [*items[:i], items[i + 1], items[i], *items[i + 2 :]]


def another_name(node: ast.AST, place: Place) -> Iterator[Change]:
    """Write 2 for 1 in a name or a key: ``W2`` for ``W1``."""
    other = str.maketrans("12", "21")
    match node:
        case ast.Name(id=name) if name.translate(other) != name:
            yield Change(replaced(node, id=name.translate(other)), "another name", frozenset({"another output"}))
        case ast.Constant(value=str(text)) if text.translate(other) != text and len(text) < 10:
            yield Change(ast.Constant(text.translate(other)), "another name", frozenset({"another output"}))


def without_statement(node: ast.AST, place: Place) -> Iterator[Change]:
    """Leave out a statement that changes what is there already, or change it otherwise."""
    if not isinstance(node, ast.AugAssign):
        return
    entries = frozenset({f"entries {names_in(node.target)}", f"term {names_in(node.value)} times 0"})
    adds = isinstance(node.op, ast.Add)  # to what begins at 0
    yield Change(ast.Pass(), "missing statement", entries | ({"zeros"} if adds else set()))
    yield Change(ast.Assign([node.target], node.value, lineno=node.lineno), "operator", entries)
    for op in (ast.Add, ast.Sub, ast.Mult, ast.Div):
        if not isinstance(node.op, op):
            then = {"factor -1" if op is ast.Sub else "zeros"} if adds else set()
            yield Change(replaced(node, op=op()), "operator", entries | then)


_UFUNCS = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power"}
_IN_PLACE = ("maximum", "minimum", "exp", "log", "sqrt", "abs", "where")


def in_place(node: ast.AST, place: Place) -> Iterator[Change]:
    """Write a result over an argument that was passed in: ``np.multiply(dout, mask, out=dout)``."""
    operands: list[ast.expr] = []
    if isinstance(node, ast.BinOp) and type(node.op) in _UFUNCS:
        operands, function = [node.left, node.right], _UFUNCS[type(node.op)]
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Gt | ast.GtE):
        operands = [node.left, *node.comparators]
        function = "greater" if isinstance(node.ops[0], ast.Gt) else "greater_equal"
    elif function_of(node) in _IN_PLACE and isinstance(node, ast.Call):
        operands, function = node.args, function_of(node)
    for operand in operands:
        if isinstance(operand, ast.Name) and operand.id in place.passed_in:
            call = ast.parse(f"np.{function}(out={operand.id})", mode="eval").body
            assert isinstance(call, ast.Call)
            call.args = copy.deepcopy(operands)
            yield Change(call, "in place", frozenset({"in place"}))


def spoilt_result(node: ast.AST, place: Place) -> Iterator[Change]:
    """Spoil one part of what is returned: its sign, its fractions, or the return itself."""
    if not isinstance(node, ast.Return) or node.value is None:
        return
    yield Change(replaced(node, value=None), "no return", frozenset({"no return"}))
    value = node.value
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    for i, part in enumerate(parts):
        if isinstance(part, ast.Tuple | ast.Dict) or (i and ast.unparse(part) in place.passed_in):
            continue  # a cache, or gradients by name
        text = ast.unparse(part)
        for spoilt, kind, cause in (
            (f"-({text})", "minus", "factor -1"),
            (f"np.asarray({text}).astype(int)", "integers", "integers"),
            (f"np.asarray({text})[..., None]", "shape", "reshape"),
        ):
            new = ast.parse(spoilt, mode="eval").body
            whole = replaced(value, elts=[*parts[:i], new, *parts[i + 1 :]]) if isinstance(value, ast.Tuple) else new
            yield Change(replaced(node, value=whole), kind, frozenset({cause}))


OPERATORS: tuple[Operator, ...] = (
    without_keyword,
    other_function,
    without_call,
    exchanged,
    another_name,
    without_statement,
    in_place,
    spoilt_result,
)
