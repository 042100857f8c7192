"""Observe there, judge here: our end of the wall, which asks `autograder.probe` and believes nothing."""

import contextlib
import secrets
import socket
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from autograder import wire
from autograder.model import NotAnArray, Observation, Raised
from autograder.probe import MAX_ENTRIES, MAX_TEXT, copied, observe

MAX_REPLY = 32 * 2**20
MAX_HELD = 64 * 2**20  # what all observations of one session that somebody still looks at may take together


class Lost(Exception):
    """The observed process can no longer be talked to; the text says why."""


class Session:
    """Our end of the wall: asks for observations, one at a time.

    Each request bears a number that cannot be guessed, and its answer must bear the same: one made up
    beforehand, or sent again, is no answer. What the other side can make us hold is bounded, whoever
    keeps the observations: one answer to `MAX_REPLY`, all that are kept to `MAX_HELD`.

    Parameters
    ----------
    sock : socket
        Connected to a process that runs `probe.serve`.
    seconds : float
        How long one observation may take.
    clock : callable
        Gives the time it is measured by.
    """

    def __init__(self, sock: socket.socket, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._sock = sock
        self.seconds = seconds
        self._clock = clock
        self._lost = ""
        self._given: list[weakref.ref[np.ndarray]] = []

    def observe(
        self, source: str, probe: str, inputs: Mapping[str, Any], *, seed: int = 0, variant: str = ""
    ) -> Observation:
        """Have the probe called over there and give back what it saw.

        Raises
        ------
        Lost
            If no well-formed answer came in time. The session is of no use afterwards.
        """
        number, room = secrets.token_hex(16), self._room()
        request = {"do": "observe", "number": number, "room": room, "source": source, "probe": probe}
        request |= {"inputs": dict(inputs), "seed": seed, "variant": variant}
        with self._talking():
            wire.send(self._sock, request, self.seconds)
            seen = _observation(wire.receive(self._sock, self.seconds, room, self._clock), number)
        values = (*seen.values.values(), *seen.changed.values())
        self._given += [weakref.ref(value) for value in values if isinstance(value, np.ndarray)]
        return seen

    def done(self) -> None:
        """Let the other side go on with its own work.

        Raises
        ------
        Lost
            If it is not there any more, or has said more than it was asked.
        """
        with self._talking():
            wire.send(self._sock, {"do": "done"}, self.seconds)

    def _room(self) -> int:
        """Work out how large the next answer may be; what was raised always finds room."""
        kept = [array for ref in self._given if (array := ref()) is not None]
        self._given = [weakref.ref(array) for array in kept]
        return max(min(MAX_REPLY, MAX_HELD - sum(array.nbytes for array in kept)), wire.MAX_HEADER)

    @contextlib.contextmanager
    def _talking(self) -> Iterator[None]:
        """Turn whatever goes wrong into `Lost`, for good: there is no telling where the next answer would begin."""
        if self._lost:
            raise Lost(self._lost)
        try:
            if wire.waiting(self._sock):
                raise wire.WireError("It came before it was asked for.")
            yield
        except wire.WireError as error:
            self._lost = self._why(error)
            raise Lost(self._lost) from error

    def _why(self, error: wire.WireError) -> str:
        match error:
            case wire.OutOfTime():
                return f"stopped after {self.seconds:g} s: does a loop never end?"
            case wire.Disconnected():
                return "the Python process ended: does the code call exit(), or need too much memory?"
        return f"what came back could not be read. {error}"


class Beside(Session):
    """A session without a wall: the observed code is trusted and runs in this very process."""

    def __init__(self, namespace_of: Callable[[str], Mapping[str, Any]]) -> None:
        self._namespace_of = namespace_of

    def observe(
        self, source: str, probe: str, inputs: Mapping[str, Any], *, seed: int = 0, variant: str = ""
    ) -> Observation:
        """Call the probe here, on a copy of its inputs."""
        request = {"source": source, "probe": probe, "inputs": copied(dict(inputs)), "seed": seed, "variant": variant}
        return _observation(observe(request, self._namespace_of) | {"number": ""}, "")


def _observation(reply: Any, number: str) -> Observation:
    """Rebuild an observation from the reply to request `number`, refusing anything that is not one."""
    match reply:
        case {"number": str(echo)} if echo == number:
            pass
        case _:
            raise wire.WireError("It does not answer what was asked.")
    match reply:
        case {"raised": {"type_name": str(kind), "message": str(message), "where": str(where)}}:
            return Observation({}, {}, Raised(kind[:MAX_TEXT], message[:MAX_TEXT], where[:MAX_TEXT]))
        case {"values": dict(values), "changed": dict(changed)} if all(
            isinstance(v, np.ndarray) for v in changed.values()
        ):
            return Observation({str(k): _value(v) for k, v in values.items()}, changed)
    raise wire.WireError("An observation holds values and changed inputs, or what was raised.")


def _value(value: Any) -> np.ndarray | NotAnArray:
    if isinstance(value, np.ndarray) and value.size <= MAX_ENTRIES:
        return value
    match value:
        case {"type": str(name)}:
            return NotAnArray(name[:100])
    raise wire.WireError(f"An observed value is an array of at most {MAX_ENTRIES:,} entries or the name of a type.")
