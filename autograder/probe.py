"""Observe there, judge here: the two ends of the wall.

`serve` runs beside the code under observation. It is sent the source of a probe and its inputs,
calls the probe and sends back what it saw: plain arrays, or what was raised. `Session` is our
end. Neither knows what is right.
"""

import linecache
import os
import socket
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder import wire
from autograder.model import NotAnArray, Observation, Raised

FOREVER = 3600.0
MAX_TEXT = 500
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
            reply = _observe(request, namespace_of)
            try:
                wire.send(sock, reply, FOREVER)
            except wire.Disconnected:
                return
            except wire.WireError as error:
                wire.send(sock, {"raised": {"type_name": "WireError", "message": str(error), "where": ""}}, FOREVER)
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
        exec(compile(request["source"], PROBE_FILE, "exec"), namespace)  # our probe, not the student's text
        answers = Answers(namespace_of(request["variant"]))
        np.random.seed(request["seed"])  # last, for making a namespace may seed too
        values = namespace[request["probe"]](answers, **inputs)
        plain = {str(name): _plain(value) for name, value in values.items()}
        return {"values": plain, "changed": _changed(before, inputs)}
    except BaseException as error:  # a student's code may raise anything, SystemExit and KeyboardInterrupt included
        return {"raised": _raised(error)}


def _plain(value: Any) -> Any:
    """Reduce an observed value to an array of an allowed dtype, or to the name of its type."""
    if isinstance(value, bool | int | float | np.ndarray | np.generic):
        array = np.array(value, subok=False)
        if array.dtype.name in wire.DTYPES:
            return array
        return {"type": f"an array of dtype {array.dtype}"}
    return {"type": type(value).__name__}


def _raised(error: BaseException) -> dict[str, str]:
    seen = traceback.TracebackException.from_exception(error)  # also where str(error) raises in its turn
    frames = [f for f in seen.stack if f.filename not in (PROBE_FILE, __file__)]
    where = ""
    if frames:
        # The last line of the student's own notebook tells more than a line deep inside a library.
        own = [f for f in frames if "site-packages" not in f.filename and "cs231n_lite" not in f.filename]
        frame = (own or frames)[-1]
        line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
        where = f"line {frame.lineno} of {frame.name}: {line}"
    return {"type_name": type(error).__name__, "message": str(seen)[:MAX_TEXT], "where": where[:MAX_TEXT]}


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

    Parameters
    ----------
    sock : socket
        Connected to a process that runs `serve`.
    seconds : float
        How long one observation may take.
    """

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._seconds = seconds
        self._lost = ""

    def observe(
        self, source: str, probe: str, inputs: Mapping[str, Any], *, seed: int = 0, variant: str = ""
    ) -> Observation:
        """Have the probe called over there and give back what it saw.

        Raises
        ------
        Lost
            If no well-formed answer came in time. The session is of no use afterwards.
        """
        request = {
            "do": "observe",
            "source": source,
            "probe": probe,
            "inputs": dict(inputs),
            "seed": seed,
            "variant": variant,
        }
        if self._lost:  # an answer that came too late would be taken for the next one
            raise Lost(self._lost)
        try:
            wire.send(self._sock, request, self._seconds)
            return _observation(wire.receive(self._sock, self._seconds))
        except wire.WireError as error:
            self._lost = self._why(error)
            raise Lost(self._lost) from error

    def _why(self, error: wire.WireError) -> str:
        match error:
            case wire.OutOfTime():
                return f"stopped after {self._seconds:g} s: does a loop never end?"
            case wire.Disconnected():
                return "the Python process ended: does the code call exit(), or need too much memory?"
        return f"what came back could not be read. {error}"

    def done(self) -> None:
        """Let the other side go on with its own work."""
        try:
            wire.send(self._sock, {"do": "done"}, self._seconds)
        except wire.WireError as error:
            raise Lost("the Python process ended.") from error


def _observation(reply: Any) -> Observation:
    """Rebuild an observation from a reply, refusing anything that is not one."""
    match reply:
        case {"raised": {"type_name": str(kind), "message": str(message), "where": str(where)}}:
            return Observation({}, {}, Raised(kind[:MAX_TEXT], message[:MAX_TEXT], where[:MAX_TEXT]))
        case {"values": dict(values), "changed": dict(changed)} if all(
            isinstance(v, np.ndarray) for v in changed.values()
        ):
            return Observation({str(k): _value(v) for k, v in values.items()}, changed)
    raise wire.WireError("An observation holds values and changed inputs, or what was raised.")


def _value(value: Any) -> np.ndarray | NotAnArray:
    if isinstance(value, np.ndarray):
        return value
    match value:
        case {"type": str(name)}:
            return NotAnArray(name[:100])
    raise wire.WireError("An observed value is an array or the name of a type.")
