"""Observe there, judge here: the two ends of the wall.

`serve` runs beside the code under observation. It is sent the source of a probe and its inputs,
calls the probe and sends back what it saw: plain arrays, or what was raised. `Session` is our
end. Neither knows what is right.
"""

import contextlib
import functools
import linecache
import os
import secrets
import socket
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import CodeType
from typing import Any

import numpy as np

from autograder import wire
from autograder.model import NotAnArray, Observation, Raised

FOREVER = 3600.0
MAX_TEXT = 500
MAX_REPLY = 32 * 2**20
MAX_ENTRIES = 2**22  # of one array: whatever its dtype, comparing it takes 8 bytes for each
MAX_HELD = 64 * 2**20  # what all observations of one session that somebody still looks at may take together
PROBE_FILE = "<probe>"


class Answers:
    """The names defined by the code under observation, as attributes.

    Examples
    --------
    >>> Answers({"double": lambda x: 2 * x}).double(4)
    8
    """

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        if name not in self._namespace:
            raise NameError(f"{name} is not defined: is its cell there, under that name, and does it run?")
        return self._namespace[name]


# ---------------------------------------------------------------------- the observed side


def serve(sock: socket.socket, namespace_of: Callable[[str], Mapping[str, Any]]) -> None:
    """Answer requests until the other end says it is done or goes away.

    Parameters
    ----------
    sock : socket
        A connected stream socket.
    namespace_of : callable
        Takes the name of a variant, ``""`` for the code itself; gives its namespace.
    """
    while True:
        try:
            request = wire.receive(sock, FOREVER)
            if request["do"] == "done":
                return
            number = {"number": request["number"]}
            reply = _observe(request, namespace_of)
            try:
                wire.send(sock, reply | number, FOREVER, request["room"])
            except wire.Disconnected:
                return
            except wire.WireError as error:
                wire.send(sock, {"raised": _raised(error)} | number, FOREVER)
        except wire.Disconnected:
            return


def serve_kernel(descriptor: int) -> None:
    """Serve the names of the IPython kernel this runs in, on a socket it inherited."""
    from IPython import get_ipython

    with socket.socket(fileno=os.dup(descriptor)) as sock:
        serve(sock, lambda variant: get_ipython().user_ns)


def _observe(request: dict[str, Any], namespace_of: Callable[[str], Mapping[str, Any]]) -> dict[str, Any]:
    inputs = request["inputs"]
    before = _copied(inputs)
    try:
        namespace: dict[str, Any] = {"np": np}
        exec(_compiled(request["source"]), namespace)  # our probe, not the student's text
        answers = Answers(namespace_of(request["variant"]))
        np.random.seed(request["seed"])  # last, for making a namespace may seed too
        values = namespace[request["probe"]](answers, **inputs)
        plain = {str(name): _plain(value) for name, value in values.items()}
        return {"values": plain, "changed": _changed(before, inputs)}
    except BaseException as error:  # a student's code may raise anything, SystemExit and KeyboardInterrupt included
        return {"raised": _raised(error)}


@functools.lru_cache(maxsize=32)
def _compiled(source: str) -> CodeType:
    return compile(source, PROBE_FILE, "exec")


def _plain(value: Any) -> Any:
    """Reduce an observed value to an array of an allowed dtype, or to the name of its type."""
    if isinstance(value, bool | int | float | np.ndarray | np.generic):
        array = np.array(value, subok=False)
        if array.size > MAX_ENTRIES:
            raise wire.TooLarge(f"An array may have {MAX_ENTRIES:,} entries. This one has shape {array.shape}.")
        if array.dtype.name in wire.DTYPES:
            return array
        return {"type": f"an array of dtype {array.dtype}"}
    return {"type": type(value).__name__}


def _raised(error: BaseException) -> dict[str, str]:
    seen = traceback.TracebackException.from_exception(error)  # also where str(error) raises in its turn
    frames = [f for f in seen.stack if f.filename not in (PROBE_FILE, __file__, wire.__file__)]
    where = ""
    if frames:
        # The last line of the student's own notebook tells more than a line deep inside a library.
        own = [f for f in frames if "site-packages" not in f.filename and "cs231n_lite" not in f.filename]
        frame = (own or frames)[-1]
        line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
        where = f"line {frame.lineno} of {frame.name}: {line}"
    said = str(seen)
    if isinstance(error, wire.TooLarge):
        said = f"What is given back is too large to be looked at. {said} Has an array another shape than the one asked for?"
    return {"type_name": type(error).__name__, "message": said[:MAX_TEXT], "where": where[:MAX_TEXT]}


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return value.copy() if isinstance(value, np.ndarray) else value


def _changed(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> dict[str, np.ndarray]:
    """Give the arrays that are no longer as they were, looking only where we put one."""
    found: dict[str, np.ndarray] = {}
    for name, was in before.items():
        value = now.get(name)
        if isinstance(was, dict) and isinstance(value, dict):
            found |= _changed(was, value, f"{prefix}{name}.")
        elif isinstance(was, np.ndarray) and isinstance(value, np.ndarray) and not _same(was, value):
            found[prefix + name] = value
    return found


def arrays_in(inputs: Mapping[str, Any], prefix: str = "") -> dict[str, np.ndarray]:
    """Give every array among a probe's inputs, those inside mappings as ``"bn_param.running_mean"``."""
    found: dict[str, np.ndarray] = {}
    for name, value in inputs.items():
        if isinstance(value, np.ndarray):
            found[prefix + name] = value
        elif isinstance(value, dict):
            found |= arrays_in(value, f"{prefix}{name}.")
    return found


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


# ---------------------------------------------------------------------------------- our side


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
        Connected to a process that runs `serve`.
    seconds : float
        How long one observation may take.
    """

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self.seconds = seconds
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
            seen = _observation(wire.receive(self._sock, self.seconds, room), number)
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
        request = {"source": source, "probe": probe, "inputs": _copied(dict(inputs)), "seed": seed, "variant": variant}
        return _observation(_observe(request, self._namespace_of) | {"number": ""}, "")


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
