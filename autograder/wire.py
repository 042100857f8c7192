"""Plain data to bytes and back, without pickle. Every received byte is treated as hostile.

A message is a JSON header followed by the raw bytes of its arrays, in the order the header
names them::

    8 bytes: length of all that follows | 4 bytes: length of the header | header | array bytes

The header is the data itself with each array written as ``{"$array": [dtype, shape]}``.
"""

import json
import math
import socket
import struct
import time
from typing import Any

import numpy as np

from autograder.faults import AutograderError

DTYPES = frozenset(
    ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"],
)
MAX_MESSAGE = 256 * 2**20
MAX_HEADER = 2**20
MAX_ARRAYS = 256
MAX_NDIM = 8


class WireError(AutograderError):
    """The bytes are not a message of ours."""


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
    arrays: list[np.ndarray] = []
    try:
        header = json.dumps(_to_json(value, arrays)).encode()
    except (ValueError, RecursionError) as error:
        raise WireError(f"The data cannot be written as JSON: {type(error).__name__}.") from error
    size = 4 + len(header) + sum(a.nbytes for a in arrays)
    if size > MAX_MESSAGE or len(header) > MAX_HEADER or len(arrays) > MAX_ARRAYS:
        raise WireError(
            f"A message has at most {MAX_MESSAGE >> 20} MB, {MAX_ARRAYS} arrays and {MAX_HEADER >> 20} MB of other data. "
            f"Got {size / 2**20:.1f} MB, {len(arrays)} arrays and {len(header) / 2**20:.1f} MB."
        )
    return struct.pack(">I", len(header)) + header + b"".join(a.tobytes() for a in arrays)


def _to_json(value: Any, arrays: list[np.ndarray]) -> Any:
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
        return {key: _to_json(item, arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item, arrays) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise WireError(f"Only plain data crosses the wall. Got {type(value).__name__}; send arrays, numbers or text.")


def decode(data: bytes) -> Any:
    """Turn bytes from `encode` back into data, believing nothing they say.

    Raises
    ------
    WireError
        If they are not exactly one well-formed message. Nothing larger than `data` is allocated.
    """
    if len(data) < 4:
        raise WireError(f"A message has at least 4 bytes. Got {len(data)}.")
    (length,) = struct.unpack_from(">I", data)
    if length > min(MAX_HEADER, len(data) - 4):
        raise WireError(f"A header of {length} bytes does not fit in a message of {len(data)}.")
    try:
        header = json.loads(data[4 : 4 + length].decode("utf-8"))
        reader = _Reader(memoryview(data)[4 + length :])
        value = reader.build(header)
    except (ValueError, RecursionError) as error:
        raise WireError(f"The header is not plain data: {type(error).__name__}.") from error
    if reader.left:
        raise WireError(f"{len(reader.left)} bytes are left over after the last array.")
    return value


def _text(string: str) -> str:
    # Lone surrogates are legal JSON but no text: no report could be written with them.
    return string.encode("utf-8", "replace").decode("utf-8")


class _Reader:
    """Builds a header's value, taking each array's bytes from what is `left`."""

    def __init__(self, left: memoryview) -> None:
        self.left = left
        self.arrays = 0

    def build(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.build(item) for item in node]
        if isinstance(node, str):
            return _text(node)
        if not isinstance(node, dict):
            return node
        if "$array" in node:
            return self._array(node)
        if any(key.startswith("$") for key in node):
            raise WireError("A key must not start with '$'.")
        return {_text(key): self.build(item) for key, item in node.items()}

    def _array(self, node: dict[str, Any]) -> np.ndarray:
        self.arrays += 1
        if self.arrays > MAX_ARRAYS:
            raise WireError(f"A message holds at most {MAX_ARRAYS} arrays.")
        match node:
            case {"$array": [str(dtype), list(shape)]} if len(node) == 1 and dtype in DTYPES:
                pass
            case _:
                raise WireError("An array is written as {'$array': [dtype, shape]} with an allowed dtype.")
        if len(shape) > MAX_NDIM or any(type(n) is not int or not 0 <= n <= MAX_MESSAGE for n in shape):
            raise WireError(f"A shape has at most {MAX_NDIM} sizes, none negative.")
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > len(self.left):
            raise WireError(f"An array of {size} bytes does not fit in the {len(self.left)} that are left.")
        raw, self.left = self.left[:size], self.left[size:]
        if dtype == "bool" and not np.isin(np.frombuffer(raw, np.uint8), (0, 1)).all():
            raise WireError("A bool array holds only 0 and 1.")
        return np.frombuffer(raw, np.dtype(dtype).newbyteorder("<")).reshape(shape).astype(dtype)


def send(sock: socket.socket, value: Any, seconds: float) -> None:
    """Send one message; raises `Disconnected` or `OutOfTime`."""
    data = encode(value)
    try:
        sock.settimeout(seconds)
        sock.sendall(struct.pack(">Q", len(data)) + data)
    except TimeoutError as error:
        raise OutOfTime(f"No room for a message of {len(data)} bytes within {seconds:g} s.") from error
    except OSError as error:
        raise Disconnected("The other side closed the connection.") from error


def receive(sock: socket.socket, seconds: float, max_bytes: int = MAX_MESSAGE) -> Any:
    """Receive one message within `seconds` in all, however slowly its bytes drip in."""
    deadline = time.monotonic() + seconds
    (length,) = struct.unpack(">Q", _exactly(sock, 8, deadline))
    if length > max_bytes:
        raise WireError(f"A message may have {max_bytes} bytes. Got one of {length}.")
    return decode(_exactly(sock, length, deadline))


def _exactly(sock: socket.socket, count: int, deadline: float) -> bytes:
    data = bytearray()
    while len(data) < count:
        left = deadline - time.monotonic()
        if left <= 0:
            raise OutOfTime("No answer before the deadline.")
        try:
            sock.settimeout(left)
            chunk = sock.recv(min(count - len(data), 2**20))
        except TimeoutError:
            continue
        except OSError as error:
            raise Disconnected("The other side closed the connection.") from error
        if not chunk:
            raise Disconnected("The other side closed the connection.")
        data += chunk
    return bytes(data)
