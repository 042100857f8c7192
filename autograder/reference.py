"""The reference: the solution regions of a source notebook, in a process of their own.

The process holds the instructor's answers and the variants written beside the questions - the
other correct ones and the known wrong ones - and observes whichever is asked for.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from autograder import probe
from autograder.assignment import Assignment
from autograder.faults import GraderFault
from autograder.mutants import VARIANT, Mutant, mutants
from autograder.session import Lost, Session

SECONDS = 60.0
_QUIET = {"MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


class BrokenVariant(Exception):
    """A variant of a checks file cannot be made."""


class Namespaces:
    """The reference's names, and those of each variant, made when first asked for.

    A variant's name is ``"<question>/<variant>"``; ``""`` is the reference itself, and ``"mutant/<name>"``
    the reference with one small mistake (see `autograder.mutants`). Every variant has a namespace of its
    own, so that what it replaces is replaced for all who use it.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._code = {name: compile(source, f"<{name}>", "exec") for name, source in assignment.reference_code()}
        self._variants = {
            f"{q.name}/{name}": v for q in assignment.questions for name, v in (q.correct | q.misconceptions).items()
        }
        self._made: dict[str, Mapping[str, Any]] = {}

    @cached_property
    def _mutants(self) -> dict[str, Mutant]:
        return {VARIANT + m.name: m for m in mutants(self._assignment)}

    def __call__(self, variant: str) -> Mapping[str, Any]:
        """Give the names of one variant."""
        if variant not in self._made:
            if variant.startswith(VARIANT):
                self._made = {name: made for name, made in self._made.items() if not name.startswith(VARIANT)}
            self._made[variant] = self._make(variant)
        return self._made[variant]

    def _make(self, variant: str) -> dict[str, Any]:
        code = self._code
        if variant.startswith(VARIANT):
            mutant = self._mutants[variant]
            code = code | {mutant.cell: compile(mutant.source, f"<{mutant.cell}>", "exec")}
        namespace: dict[str, Any] = {"__name__": "reference"}
        for path in self._assignment.beside:
            sys.modules[path.stem] = _module(path)
        for cell in code.values():
            exec(cell, namespace)  # the instructor's own notebook
        if variant in self._variants:
            # What a variant defines looks names up where it was written; what it replaces, here.
            try:
                namespace.update(self._variants[variant](SimpleNamespace(**namespace)))
            except Exception as error:
                asked = f"The variant {variant} must give a dict of names and what they stand for."
                raise BrokenVariant(f"{asked} It raised {type(error).__name__}: {error}. Mend it.") from error
        return namespace


def _module(path: Path) -> ModuleType:
    """Run a file of ours as a module that nothing has imported before."""
    module = ModuleType(path.stem)
    exec(compile(path.read_text(encoding="utf-8"), path.name, "exec"), vars(module))
    return module


@contextlib.contextmanager
def session(assignment: Assignment, seconds: float = SECONDS, memory: int = 0) -> Iterator[Session]:
    """Run the reference beside us and give our end of the wall.

    Parameters
    ----------
    seconds : float
        How long one observation may take.
    memory : int
        Bytes of address space it may have; 0 for no limit.

    Raises
    ------
    GraderFault
        If the reference does not start.
    """
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "autograder.reference", str(assignment.course), assignment.name]
    with ours, theirs, tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*command, str(theirs.fileno()), str(memory)],
            pass_fds=[theirs.fileno()],
            env=os.environ | _QUIET,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        theirs.close()
        try:
            yield Session(ours, seconds)
        except Lost as error:
            said.seek(0)
            last = said.read().strip().rpartition("\n")[2]
            raise GraderFault(f"The reference of {assignment.name} broke down: {error} {last}".strip()) from error
        finally:
            process.kill()
            process.wait()


def main(course: str, name: str, descriptor: str, memory: str) -> None:
    """Serve the reference of one assignment on an inherited socket."""
    if int(memory):
        with contextlib.suppress(ImportError):  # Windows has no such limits
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    with socket.socket(fileno=int(descriptor)) as sock:
        probe.serve(sock, Namespaces(Assignment(Path(course), name)))


if __name__ == "__main__":
    main(*sys.argv[1:])
