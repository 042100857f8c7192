"""What an instructor writes in ``assignments/checks/<name>.py``.

A question is a *probe*: a function that calls the student's functions on given inputs and returns
named arrays. Decorators say how its inputs are drawn, what its outputs are worth, which other
solutions are right and which are known to be wrong::

    @question(points={"out": 7, "inputs": 1}, draw=affine_inputs)
    def affine_forward(student, x, w, b):
        out, cache = student.affine_forward(x, w, b)
        return {"out": out}

    @affine_forward.misconception
    def bias_left_out(reference):
        \"\"\"The bias `b` is missing: `out = x @ w + b`.\"\"\"
        def affine_forward(x, w, b): ...
        return {"affine_forward": affine_forward}

The output ``inputs`` is observed without the probe's help: it passes if no argument was changed.
"""

import ast
import builtins
import importlib.util
import inspect
import symtable
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from autograder.faults import GraderFault
from autograder.model import Case, Observation, Outcome

INPUTS = "inputs"

Probe = Callable[..., Mapping[str, Any]]
Draw = Callable[[np.random.Generator], Iterator[Case]]
Variant = Callable[[SimpleNamespace], Mapping[str, Any]]


@dataclass(frozen=True)
class Question:
    """A question of a notebook: how it is observed, what it is worth, how it goes wrong.

    Parameters
    ----------
    probe : callable
        ``probe(student, **inputs) -> {output: array}``. Only its source crosses the wall, so it
        may use nothing but its arguments, ``np`` and builtins.
    points : mapping of str to float
        What each named output is worth.
    draw : callable
        ``draw(rng)`` yields the `Case` objects the question is observed on.
    rtol : mapping of str to float
        Relative tolerance of an output, where it is not the dtype's own (see `cs231n_lite.compare.tolerance`).
    correct, misconceptions : dict of str to callable
        Variants by name: ``variant(reference)`` gives the functions that replace the reference's.
        The docstring of a misconception is the sentence its student reads.
    equivalents : dict of str to str
        Mutants of the reference (see `autograder.mutants`) that no input can tell from it, and why.
    bars : mapping of str to float
        For a model handed in (see `handed_in`): the accuracy each output asks for. Empty otherwise.
    file : str
        For a model handed in: the name of its file. Empty otherwise.
    """

    probe: Probe
    points: Mapping[str, float]
    draw: Draw | None = None
    rtol: Mapping[str, float] = field(default_factory=dict)
    correct: dict[str, Variant] = field(default_factory=dict)
    misconceptions: dict[str, Variant] = field(default_factory=dict)
    equivalents: dict[str, str] = field(default_factory=dict)
    bars: Mapping[str, float] = field(default_factory=dict)
    file: str = ""

    @property
    def name(self) -> str:
        """The probe's name, which is the name of cell, stub and report row too."""
        return self.probe.__name__

    @property
    def max_points(self) -> float:
        """What the question is worth."""
        return sum(self.points.values())

    @cached_property
    def source(self) -> str:
        """The probe's own source, without decorators: all of a check that a student's process sees."""
        tree = ast.parse(textwrap.dedent(inspect.getsource(self.probe)))
        function = tree.body[0]
        assert isinstance(function, ast.FunctionDef)
        function.decorator_list = []
        return ast.unparse(function)

    def cases(self, seed: int) -> list[Case]:
        """Draw the inputs anew; the same seed gives the same ones."""
        assert self.draw is not None
        return list(self.draw(np.random.default_rng([seed, *self.name.encode()])))

    def correct_variant(self, variant: Variant) -> Variant:
        """Record another legitimate solution; it must pass."""
        self.correct[variant.__name__] = variant
        return variant

    def misconception(self, variant: Variant) -> Variant:
        """Record a known wrong solution; it must fail, and its docstring says why."""
        if not variant.__doc__:
            raise GraderFault(
                f"The misconception {variant.__name__} of {self.name} has no docstring. Write the sentence a student reads."
            )
        self.misconceptions[variant.__name__] = variant
        return variant

    def equivalent(self, mutant: str, why: str) -> None:
        """Record a mutant of the reference that is right too, as `autograder verify --strength` names it, and why it is."""
        if not why.strip() or not mutant.startswith(f"{self.name}:"):
            raise GraderFault(
                f"An equivalent mutant of {self.name} needs a name that begins with '{self.name}:' and a reason why no "
                f"input can tell it from the reference. Got {mutant!r} and {why!r}; copy the name, write the reason."
            )
        self.equivalents[mutant] = " ".join(why.split())

    def sentence(self, misconception: str) -> str:
        """Give the sentence a student with this misconception reads."""
        return " ".join((self.misconceptions[misconception].__doc__ or "").split())

    def mark(self, expected: Observation, got: Observation) -> Outcome | None:
        """Judge an answer that has rules of its own; None, as here, where outputs are compared one by one."""
        return None

    def free_names(self) -> set[str]:
        """Name what the probe uses beyond its arguments, ``np`` and builtins; should be empty."""
        return undefined(self.source) - {"np"}


def question(
    *, points: Mapping[str, float], draw: Draw, rtol: Mapping[str, float] | None = None
) -> Callable[[Probe], Question]:
    """Make a question of the probe below; see the module's docstring."""

    def decorate(probe: Probe) -> Question:
        return Question(probe, dict(points), draw, rtol or {})

    return decorate


def handed_in(file: str, *, points: Mapping[str, float], bars: Mapping[str, float]) -> Callable[[Probe], Question]:
    """Make a question of a model handed in as a file of arrays.

    The probe below is called with the *reference's* functions, the arrays of the file and hidden
    images ``X``; it returns ``{"scores": (N, C)}``. Each output passes if the accuracy reaches its bar.
    """

    def decorate(probe: Probe) -> Question:
        return Question(probe, dict(points), bars=dict(bars), file=file)

    return decorate


def undefined(source: str) -> set[str]:
    r"""Name what a module uses and neither it nor Python defines.

    Examples
    --------
    >>> sorted(undefined("import numpy as np\ndef f(x): return np.exp(g(x))"))
    ['g']
    """
    module = symtable.symtable(source, "<source>", "exec")
    known = {s.get_name() for s in module.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    tables, used = [module], {s.get_name() for s in module.get_symbols() if s.is_referenced()}
    for table in tables:  # grows as it goes: comprehensions and inner functions have tables of their own
        tables += table.get_children()
        used |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return used - known - set(dir(builtins))


def load_questions(path: Path) -> tuple[Question, ...]:
    """Read the questions of a checks file, those in lists too, in the order they stand in it.

    Raises
    ------
    GraderFault
        If the file is not there, cannot be imported or holds no question.
    """
    values = vars(_checks(path)).values()
    listed = [item for value in values for item in (value if isinstance(value, list) else [value])]
    found = {item.name: item for item in listed if isinstance(item, Question)}
    if not found:
        raise GraderFault(f"{path.name} holds no question. Put @question(...) above a probe.")
    return tuple(found.values())  # each once, by however many names the file knows it


def load_given(path: Path) -> dict[str, tuple[str, ...]]:
    """Read what a checks file takes up from earlier assignments; see `autograder.given`."""
    return {name: tuple(functions) for name, functions in getattr(_checks(path), "GIVEN", {}).items()}


def _checks(path: Path) -> ModuleType:
    if not path.is_file():
        raise GraderFault(
            f"Looked for the questions in {path.name}, which is not there. Write assignments/checks/{path.name}."
        )
    spec = importlib.util.spec_from_file_location(f"checks_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise GraderFault(
            f"{path.name} cannot be imported ({type(error).__name__}: {error}). Mend it first."
        ) from error
    return module
