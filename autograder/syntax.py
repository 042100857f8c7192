"""What an expression of a solution is about: the names, numbers and functions in a piece of its syntax tree."""

import ast
import copy
import re


def names_in(node: ast.AST) -> str:
    """Give the names of quantities an expression uses, sorted and joined by commas.

    ``self.`` is left out, and what is kept under a name goes by that: ``params["b2"]`` is b2.

    Examples
    --------
    >>> names_in(ast.parse("0.5 * self.reg * np.sum(W1**2) + self.params['b2']"))
    'W1,b2,reg'
    """
    return ",".join(sorted(_names(node) - {"np", "self", "len"}))


def _names(node: ast.AST) -> set[str]:
    match node:
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return {key}
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name):
            return {name}
    return {name for child in ast.iter_child_nodes(node) for name in _names(child)}


def is_name(node: ast.AST, name: str) -> bool:
    """Whether a node is just this name."""
    return isinstance(node, ast.Name) and node.id == name


def quantity(node: ast.AST) -> str | float | None:
    """Give the number an expression is known to be: itself, ``"N"`` for the batch, or None."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    if ast.unparse(node) in ("N", "n") or re.fullmatch(r"len\(\w+\)|\w+\.shape\[0\]", ast.unparse(node)):
        return "N"
    return None


def function_of(node: ast.AST) -> str:
    """Name the function or method a node calls; empty if it calls none."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def replaced(node: ast.AST, **parts: object) -> ast.AST:
    """Copy a node with some of its parts replaced."""
    new = copy.deepcopy(node)
    for name, part in parts.items():
        setattr(new, name, part)
    return new
