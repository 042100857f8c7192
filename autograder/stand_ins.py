"""Sessions that stand in for a plain one where an assignment itself is tried.

The reference and its variants are trusted and run beside us. A mutant may loop for ever, crash or eat memory: it has a
process of its own, started anew when it is lost.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from autograder import reference
from autograder.assignment import Assignment
from autograder.model import Observation
from autograder.session import Lost, Session

SECONDS = 5.0  # of one observation of a mutant
MEMORY = 4 * 2**30  # of address space for the mutants' process


class MutantSession(Session):
    """The process of the mutants, started anew whenever one of them has brought it down."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._stack = contextlib.ExitStack()
        self._session: Session | None = None

    def observe(
        self, source: str, probe: str, inputs: Mapping[str, Any], *, seed: int = 0, variant: str = ""
    ) -> Observation:
        """Observe, in a process that is alive."""
        if self._session is None:
            self._session = self._stack.enter_context(reference.session(self._assignment, memory=MEMORY))
            self._session.observe("def ready(student): return {}", "ready", {}, variant=variant)
            self._session.seconds = SECONDS  # starting takes longer
        try:
            return self._session.observe(source, probe, inputs, seed=seed, variant=variant)
        except Lost:
            self.end()
            raise

    def end(self) -> None:
        """End the process."""
        self._stack.close()
        self._session = None


class Remembered(Session):
    """The reference: asked the same again, it answers what it answered before."""

    def __init__(self, expected: Session) -> None:
        self._expected = expected
        self._seen: dict[tuple[str, int, str], Observation] = {}

    def observe(
        self, source: str, probe: str, inputs: Mapping[str, Any], *, seed: int = 0, variant: str = ""
    ) -> Observation:
        """Observe, once."""
        key = (probe, seed, variant)
        if key not in self._seen:
            self._seen[key] = self._expected.observe(source, probe, inputs, seed=seed, variant=variant)
        return self._seen[key]
