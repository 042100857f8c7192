"""Observe there, judge here: the far end of the wall.

`serve` runs beside the code under observation. It is sent the source of a probe and its inputs,
calls the probe and sends back what it saw: plain arrays, or what was raised. It does not know
what is right. Our end is `autograder.session`.
"""

import functools
import linecache
import os
import socket
import traceback
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

import numpy as np

from autograder import wire

FOREVER = 3600.0
MAX_TEXT = 500
MAX_ENTRIES = 2**22  # of one array: whatever its dtype, comparing it takes 8 bytes for each
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
            reply = observe(request, namespace_of)
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


def observe(request: dict[str, Any], namespace_of: Callable[[str], Mapping[str, Any]]) -> dict[str, Any]:
    """Call the probe of a request and say what was seen, in plain data."""
    inputs = request["inputs"]
    before = copied(inputs)
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


def copied(value: Any) -> Any:
    """Copy the arrays in a mapping, and in mappings inside it."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
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
