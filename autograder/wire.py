"""Plain data to bytes and back, without pickle. Every received byte is treated as hostile.

A message is a JSON header followed by the raw bytes of its arrays, in the order the header
names them::

    8 bytes: length of all that follows | 4 bytes: length of the header | header | array bytes

The header is the data itself with each array written as ``{"$array": [dtype, shape]}``. An array's
bytes go from the socket into the array and nowhere else. So a message takes its own length of memory
and, while its header is parsed, up to seventy times the header's: 18 MB for one of `MAX_HEADER`.
"""

import io
import itertools
import json
import math
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.faults import AutograderError
from autograder.text import plain

DTYPES = frozenset(
    ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"],
)
MAX_MESSAGE = 64 * 2**20
MAX_HEADER = 2**18
MAX_DEPTH = 32
MAX_ARRAYS = 256
MAX_NDIM = 8


class WireError(AutograderError):
    """The bytes are not a message of ours."""


class TooLarge(WireError):
    """The message takes more room than it may."""


class Disconnected(WireError):
    """The other side closed the connection, or was ended."""


class OutOfTime(WireError):
    """The other side did not answer before the deadline."""


def encode(value: Any) -> bytes:
    """Turn None, bools, numbers, strings, lists, string-keyed mappings and arrays into bytes.

    Raises
    ------
    WireError
        If the value holds anything else, an array of another dtype, or more than `decode` accepts.

    Examples
    --------
    >>> decode(encode({"x": np.array([1.5, 2.5]), "reg": 0.1}))
    {'x': array([1.5, 2.5]), 'reg': 0.1}
    """
    header, arrays = _parts(value, MAX_MESSAGE)
    return header + b"".join(map(_bytes_of, arrays))


def _parts(value: Any, max_bytes: int) -> tuple[bytes, list[np.ndarray]]:
    """Give a message's beginning and the arrays whose bytes are to follow."""
    arrays: list[np.ndarray] = []
    try:
        header = json.dumps(_to_json(value, arrays)).encode()
    except (ValueError, RecursionError) as error:
        raise WireError(f"The data cannot be written as JSON: {type(error).__name__}.") from error
    size = 4 + len(header) + sum(a.nbytes for a in arrays)
    if size > max_bytes:
        raise TooLarge(f"A message may have {max_bytes / 2**20:.4g} MB. This one has {size / 2**20:.4g} MB.")
    if len(header) > MAX_HEADER or len(arrays) > MAX_ARRAYS:
        raise TooLarge(
            f"A message may have {MAX_ARRAYS} arrays and {MAX_HEADER >> 10} KB of other data. "
            f"This one has {len(arrays)} arrays and {len(header) >> 10} KB."
        )
    return struct.pack(">I", len(header)) + header, arrays


def _to_json(value: Any, arrays: list[np.ndarray], depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise WireError(f"Data may be nested {MAX_DEPTH} deep. This is nested deeper.")
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype.name not in DTYPES:
            raise WireError(f"An array must have one of the dtypes {', '.join(sorted(DTYPES))}. Got {array.dtype}.")
        if array.ndim > MAX_NDIM:
            raise WireError(f"An array must have at most {MAX_NDIM} dimensions. Got {array.ndim}.")
        arrays.append(array)
        return {"$array": [array.dtype.name, list(array.shape)]}
    if isinstance(value, dict):
        if any(not isinstance(key, str) or key.startswith("$") for key in value):
            raise WireError(f"A key must be a string that does not start with '$'. Got {list(value)!r:.200}.")
        return {key: _to_json(item, arrays, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item, arrays, depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise WireError(f"Only plain data crosses the wall. Got {type(value).__name__}; send arrays, numbers or text.")


def _bytes_of(array: np.ndarray) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def decode(data: bytes) -> Any:
    """Turn bytes from `encode` back into data, believing nothing they say.

    Control characters and bidirectional overrides are taken out of every text (see `text.plain`).

    Raises
    ------
    WireError
        If they are not exactly one well-formed message.
    """
    return _decode(io.BytesIO(data).readinto, len(data))


def _decode(fill: Callable[[memoryview], Any], length: int) -> Any:
    """Read a message of `length` bytes; `fill` puts the next ones into a buffer."""
    if length < 4:
        raise WireError(f"A message has at least 4 bytes. Got {length}.")
    size = bytearray(4)
    fill(memoryview(size))
    (header_length,) = struct.unpack(">I", size)
    if header_length > min(MAX_HEADER, length - 4):
        raise WireError(f"A header of {header_length} bytes does not fit in a message of {length}.")
    header = bytearray(header_length)
    fill(memoryview(header))
    reader = _Reader(fill, length - 4 - header_length)
    try:
        # What nests hundreds deep (RecursionError), or writes a whole number with thousands of digits, ends here.
        value = reader.build(json.loads(header.decode("utf-8")))
    except (ValueError, RecursionError) as error:
        raise WireError(f"The header is not plain data: {type(error).__name__}.") from error
    if reader.left:
        raise WireError(f"{reader.left} bytes are left over after the last array.")
    return value


class _Reader:
    """Builds a header's value; `fill` gives each array its bytes, of which `left` are to come."""

    def __init__(self, fill: Callable[[memoryview], Any], left: int) -> None:
        self.fill = fill
        self.left = left
        self.arrays = 0

    def build(self, node: Any, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise WireError(f"Data may be nested {MAX_DEPTH} deep. This is nested deeper.")
        if isinstance(node, list):
            return [self.build(item, depth + 1) for item in node]
        if isinstance(node, str):
            return plain(node)
        if not isinstance(node, dict):
            return node
        if "$array" in node:
            return self._array(node)
        named = {plain(key): item for key, item in node.items()}
        if any(key.startswith("$") for key in named):
            raise WireError("A key must not start with '$'.")
        return {key: self.build(item, depth + 1) for key, item in named.items()}

    def _array(self, node: dict[str, Any]) -> np.ndarray:
        self.arrays += 1
        if self.arrays > MAX_ARRAYS:
            raise WireError(f"A message holds at most {MAX_ARRAYS} arrays.")
        match node:
            case {"$array": [str(dtype), list(shape)]} if len(node) == 1 and dtype in DTYPES:
                pass
            case _:
                raise WireError("An array is written as {'$array': [dtype, shape]} with an allowed dtype.")
        if len(shape) > MAX_NDIM or any(type(n) is not int or n < 0 for n in shape):
            raise WireError(f"A shape has at most {MAX_NDIM} sizes, none negative.")
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > self.left:
            raise WireError(f"An array of {size} bytes does not fit in the {self.left} that are left.")
        if math.prod(n or 1 for n in shape) > MAX_MESSAGE:  # reached by empty arrays only
            raise WireError(f"The sizes of an empty array may multiply to {MAX_MESSAGE} without its zeros.")
        self.left -= size
        array = np.empty(shape, np.dtype(dtype).newbyteorder("<"))
        raw = array.reshape(-1).view(np.uint8)
        self.fill(raw.data)
        if dtype == "bool" and raw.max(initial=0) > 1:
            raise WireError("A bool array holds only 0 and 1.")
        return array.astype(dtype, copy=False)


def send(sock: socket.socket, value: Any, seconds: float, max_bytes: int = MAX_MESSAGE) -> None:
    """Send one message; raises `Disconnected`, `OutOfTime` or, before the first byte, another `WireError`."""
    header, arrays = _parts(value, max_bytes)
    length = len(header) + sum(a.nbytes for a in arrays)
    deadline = time.monotonic() + seconds
    try:
        for part in itertools.chain([memoryview(struct.pack(">Q", length) + header)], map(_bytes_of, arrays)):
            sock.settimeout(max(deadline - time.monotonic(), 1e-3))
            sock.sendall(part)
    except TimeoutError as error:
        raise OutOfTime(f"No room for a message of {length} bytes within {seconds:g} s.") from error
    except OSError as error:
        raise Disconnected("The other side closed the connection.") from error


def receive(
    sock: socket.socket, seconds: float, max_bytes: int = MAX_MESSAGE, clock: Callable[[], float] = time.monotonic
) -> Any:
    """Receive one message within `seconds` of `clock` in all, however slowly its bytes drip in."""
    deadline = clock() + seconds

    def fill(buffer: memoryview) -> None:
        _fill(sock, buffer, lambda: deadline - clock())

    size = bytearray(8)
    fill(memoryview(size))
    (length,) = struct.unpack(">Q", size)
    if length > max_bytes:
        raise TooLarge(f"A message may have {max_bytes} bytes. Got one of {length}.")
    return _decode(fill, length)


def _fill(sock: socket.socket, buffer: memoryview, time_left: Callable[[], float]) -> None:
    while len(buffer):
        left = time_left()
        if left <= 0:
            raise OutOfTime("No answer before the deadline.")
        try:
            sock.settimeout(left)
            count = sock.recv_into(buffer)
        except TimeoutError:
            continue
        except OSError as error:
            raise Disconnected("The other side closed the connection.") from error
        if not count:
            raise Disconnected("The other side closed the connection.")
        buffer = buffer[count:]


def waiting(sock: socket.socket) -> bool:
    """Whether bytes have come that nobody has received."""
    try:
        sock.setblocking(False)
        return bool(sock.recv(1, socket.MSG_PEEK))
    except OSError:  # nothing has come, or nothing ever will
        return False
