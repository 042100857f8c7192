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
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autograder import probe
from autograder.assignment import Assignment
from autograder.faults import GraderFault

SECONDS = 60.0
_QUIET = {"MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


class Namespaces:
    """The reference's names, and those of each variant, made when first asked for.

    A variant's name is ``"<question>/<variant>"``; ``""`` is the reference itself. Every variant has
    a namespace of its own, so that what it replaces is replaced for all who use it.
    """

    def __init__(self, assignment: Assignment) -> None:
        code = assignment.reference_code()
        self._code = [(compile(source, f"<{name}>", "exec")) for name, source in code]
        self._variants = {
            f"{q.name}/{name}": v for q in assignment.questions for name, v in (q.correct | q.misconceptions).items()
        }
        self._made: dict[str, Mapping[str, Any]] = {}

    def __call__(self, variant: str) -> Mapping[str, Any]:
        """Give the names of one variant."""
        if variant not in self._made:
            namespace: dict[str, Any] = {"__name__": "reference"}
            for code in self._code:
                exec(code, namespace)  # the instructor's own notebook
            if variant:
                replaced = self._variants[variant](SimpleNamespace(**namespace))
                # What a variant defines looks names up where it was written; what it replaces, here.
                namespace.update(replaced)
            self._made[variant] = namespace
        return self._made[variant]


@contextlib.contextmanager
def session(assignment: Assignment) -> Iterator[probe.Session]:
    """Run the reference beside us and give our end of the wall.

    Raises
    ------
    GraderFault
        If the reference does not start.
    """
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "autograder.reference", str(assignment.course), assignment.name]
    with ours, theirs, tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*command, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=os.environ | _QUIET,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        theirs.close()
        try:
            yield probe.Session(ours, SECONDS)
        except probe.Lost as error:
            said.seek(0)
            last = said.read().strip().rpartition("\n")[2]
            raise GraderFault(f"The reference of {assignment.name} broke down: {error} {last}".strip()) from error
        finally:
            process.kill()
            process.wait()


def main(course: str, name: str, descriptor: str) -> None:
    """Serve the reference of one assignment on an inherited socket."""
    with socket.socket(fileno=int(descriptor)) as sock:
        probe.serve(sock, Namespaces(Assignment(Path(course), name)))


if __name__ == "__main__":
    main(*sys.argv[1:])
