"""Every small mistake in the reference: the solution regions of an assignment, mutated one place at a time."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from autograder import array_mutations, mutations
from autograder.assignment import Assignment
from autograder.mutations import Change, Place
from autograder.syntax import function_of, names_in

OPERATORS = (*mutations.OPERATORS, *array_mutations.OPERATORS)
VARIANT = "mutant/"


@dataclass(frozen=True)
class Mutant:
    """One cell of the reference with one mistake in it.

    Attributes
    ----------
    cell : str
        The solution cell it stands in, which bears the name of its question.
    line : int
        Which line of the cell's solution it is in, the first being 1; docstrings and stubs do not count.
    was, now : str
        What stood there and what stands there instead.
    kind : str
        The kind of mistake, such as ``"missing term"``.
    causes : frozenset of str
        Tags that are true of it; see `autograder.mutations.Change`.
    source : str
        The whole cell.
    number : int
        Tells mutants of one line that read alike apart; 1 for the first.
    """

    cell: str
    line: int
    was: str
    now: str
    kind: str
    causes: frozenset[str]
    source: str
    number: int = 1

    @property
    def name(self) -> str:
        """A readable name that outlives changes elsewhere in the notebook.

        Examples
        --------
        >>> Mutant("affine_forward", 1, "x @ w + b", "x @ w - b", "operator", frozenset(), "").name
        'affine_forward:1 x @ w + b -> x @ w - b'
        """
        again = f" #{self.number}" if self.number > 1 else ""
        return f"{self.cell}:{self.line} {self.was} -> {self.now}{again}"


def mutants(assignment: Assignment) -> list[Mutant]:
    """Mutate the solutions of every question of an assignment; no two mutants are the same program."""
    asked = {q.name for q in assignment.questions}
    return [m for name, source in assignment.reference_code() if name in asked for m in mutants_of(name, source)]


def mutants_of(cell: str, source: str) -> list[Mutant]:
    r"""Mutate the solution regions of one cell.

    Examples
    --------
    >>> source = "def double(x):\n    ### BEGIN SOLUTION\n    return x + x\n    ### END SOLUTION"
    >>> [m.name for m in mutants_of("double", source) if m.kind == "operator"][:2]
    ['double:1 return x + x -> return x - x', 'double:1 return x + x -> return x * x']
    """
    tree = ast.parse(source)
    lines = solution_lines(source)
    found = {ast.unparse(tree): Mutant(cell, 0, "", "", "", frozenset(), source)}
    names: dict[str, int] = {}
    for path in _paths(tree):
        line = lines.get(getattr(path[0], "lineno", 0) or _line(path))
        if not line:
            continue
        place = Place(path[1:], _passed_in(path))
        for change in (change for operator in OPERATORS for change in operator(path[0], place)):
            change = replace(change, causes=change.causes | _also_true(path, change))
            mutated, was, now = _applied(tree, path, change)
            if mutated is None:
                continue
            if same := found.get(mutated):
                found[mutated] = replace(same, causes=same.causes | change.causes)
                continue
            mutant = Mutant(cell, line, was, now, change.kind, change.causes, mutated)
            names[mutant.name] = number = names.get(mutant.name, 0) + 1
            found[mutated] = replace(mutant, number=number)
    return list(found.values())[1:]


def solution_lines(source: str) -> dict[int, int]:
    """Give each line between solution markers its number there, from 1: {line of the source: line of the solution}."""
    found: dict[int, int] = {}
    inside = False
    for number, line in enumerate(source.split("\n"), 1):
        if "BEGIN SOLUTION" in line or "END SOLUTION" in line:
            inside = "BEGIN" in line
        elif inside:
            found[number] = len(found) + 1
    return found


def _paths(node: ast.AST, above: tuple[ast.AST, ...] = ()) -> Iterator[tuple[ast.AST, ...]]:
    """Walk a tree in the order of its text; each node comes with its ancestors, nearest first."""
    yield (node, *above)
    for child in ast.iter_child_nodes(node):
        yield from _paths(child, (node, *above))


def _line(path: tuple[ast.AST, ...]) -> int:
    return next((node.lineno for node in path if hasattr(node, "lineno")), 0)


def _passed_in(path: tuple[ast.AST, ...]) -> frozenset[str]:
    """Name the parameters of the function a node stands in, and what is unpacked from them or from ``self``."""
    function = next((node for node in path if isinstance(node, ast.FunctionDef)), None)
    if function is None:
        return frozenset()
    names = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
    for node in function.body:
        if isinstance(node, ast.Assign):
            given = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            if given & names and not any(isinstance(n, ast.BinOp | ast.Call) for n in ast.walk(node.value)):
                names |= {n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return frozenset(names)


def _also_true(path: tuple[ast.AST, ...], change: Change) -> set[str]:
    """Say what is true of a change wherever it is made: a bare name handed on, a maximum not subtracted rightly."""
    found = {f"input {change.new.id}"} if isinstance(change.new, ast.Name) else set()
    for child, node in pairwise((path[0], *path)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and function_of(node.right) == "max":
            found.add("overflow")
        if isinstance(node, ast.Call) and function_of(node) == "where" and child in node.args[1:]:
            found.add(f"entries {names_in(node.args[0])}")  # the other branch stays as it was
    return found


def _applied(tree: ast.Module, path: tuple[ast.AST, ...], change: Change) -> tuple[str | None, str, str]:
    """Put a change in its place; give the new source (None if it is no Python) and how the place read before and after."""
    shown = next(i for i, node in enumerate(path) if i == len(path) - 1 or _tells(node))
    new = change.new
    for depth, (child, parent) in enumerate(pairwise(path)):
        if depth == shown:
            told = new
        new = _replaced(parent, child, new)
    try:
        assert new is not None
        source = ast.unparse(ast.fix_missing_locations(copy.deepcopy(new)))
        compile(source, "<mutant>", "exec")
    except (SyntaxError, ValueError):
        return None, "", ""
    return source, _text(path[shown]), _text(told)


def _tells(node: ast.AST) -> bool:
    """Whether a node, shown alone, tells a reader what it is."""
    if isinstance(node, ast.Name | ast.Constant | ast.Attribute):
        return False
    return isinstance(node, ast.stmt) or (isinstance(node, ast.expr) and len(ast.unparse(node)) >= 8)


def _text(node: ast.AST | None) -> str:
    return " ".join(ast.unparse(node).split()) if node is not None else "nothing"


def _replaced(parent: ast.AST, child: ast.AST, new: ast.AST | None) -> ast.AST:
    """Copy `parent` with `new` in the place of `child`."""
    whole = copy.copy(parent)
    for name, value in ast.iter_fields(parent):
        if value is child:
            setattr(whole, name, new)
        elif isinstance(value, list) and any(item is child for item in value):
            setattr(whole, name, [new if item is child else item for item in value])
    return whole
