"""The notebooks, replies and models that make us hold most, as far as we know."""

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from autograder import handin, probe, wire

MB = 2**20
EMOJI = "\N{GRINNING FACE}"

# ---------------------------------------------------------------------------------- notebooks


def book(cells: str = "", other: str = "0") -> bytes:
    """Write a notebook's file around the JSON of its cells, or of something we do not read."""
    return f'{{"nbformat": 4, "other": {other}, "cells": [{cells}]}}'.encode()


def filled(unit: str, size: int) -> bytes:
    """Write a notebook with a list of so many bytes of one item."""
    return book(other=f"[{unit * (size // len(unit.encode()))}0]")


def text_cell(source: str) -> str:
    """Write a cell."""
    return f'{{"cell_type": "markdown", "source": "{source}"}}'


def picture_cell(size: int) -> str:
    """Write a cell with a picture pasted into it."""
    return text_cell("x")[:-1] + ', "attachments": {"a": {"image/png": "' + "A" * size + '"}}}'


# Sizes are such that the text is just read where possible; more of the same is refused before it is parsed.
NOTEBOOKS: dict[str, Callable[[], bytes]] = {
    "empty lists": lambda: filled("[],", 1_700_000),
    "lists of one": lambda: filled("[0],", 2_300_000),
    "dictionaries": lambda: filled('{"":0},', 1_500_000),
    "numbers": lambda: filled("1e1,", 6_000_000),
    "names": lambda: book(other="{" + ",".join(f'"{n:x}":0' for n in range(390_000)) + "}"),
    "a wide text": lambda: book(other='"' + "a" * 13_000_000 + EMOJI + '"'),
    "a wide name": lambda: book(other='{"' + "a" * 13_000_000 + EMOJI + '": 0}'),
    "wide texts": lambda: filled('"' + "a" * 65_536 + EMOJI + '",', 12_800_000),
    "a wide source": lambda: book(text_cell("a" * 13_000_000 + EMOJI)),
    "wide sources": lambda: book(",".join([text_cell("a" * 4_000 + EMOJI)] * 3_000)),
    "plain text": lambda: book(other='"' + "a" * (20 * MB - 100) + '"'),
    "escapes": lambda: book(other='"' + "\\n" * (10 * MB - 100) + '"'),
    "half a text": lambda: b'{"x": "' + b'\\"' * (10 * MB - 100),
    "long numbers": lambda: filled("9" * 4300 + ",", 20 * MB - 5_000),
    "a large picture": lambda: book(picture_cell(20 * MB - 200)),
    "too many lists": lambda: filled("[],", 20 * MB - 100),
    "too many bytes": lambda: b"[" * (30 * MB),
}


# ------------------------------------------------------------------------------------- replies


def message(header: object, *arrays: np.ndarray) -> list[bytes | memoryview]:
    """Write a message by hand, as a stranger would."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    bodies = [array.reshape(-1).view(np.uint8).data for array in arrays]
    length = 4 + len(raw) + sum(map(len, bodies))
    return [struct.pack(">QI", length, len(raw)) + raw, *bodies]


def answer(request: dict, values: dict, *arrays: np.ndarray) -> list[bytes | memoryview]:
    """Answer a request with values, each array written as its dtype and shape."""
    return message({"number": request["number"], "values": values, "changed": {}}, *arrays)


def _full(dtype: str, kind: str) -> Callable[[dict], list[bytes | memoryview]]:
    """Fill all the room there is with arrays of one dtype, as large as one may be."""

    def reply(request: dict) -> list[bytes | memoryview]:
        entries = (request["room"] - 20_000) // np.dtype(dtype).itemsize
        sizes = [min(probe.MAX_ENTRIES, entries - start) for start in range(0, entries, probe.MAX_ENTRIES)]
        values = {f"out{n}": {"$array": [kind, [size]]} for n, size in enumerate(sizes)}
        return answer(request, values, *[np.ones(size, dtype) for size in sizes])

    return reply


def _many(request: dict) -> list[bytes | memoryview]:
    size = request["room"] // 256 - 100
    values = {f"{n:x}": {"$array": ["int8", [size]]} for n in range(256)}
    return answer(request, values, *[np.ones(size, np.int8)] * 256)


def _with_header(unit: bytes) -> Callable[[dict], list[bytes | memoryview]]:
    def reply(request: dict) -> list[bytes | memoryview]:
        start = b'{"number": "' + request["number"].encode() + b'", "values": {}, "changed": {}, "more": ['
        rest = (wire.MAX_HEADER - len(start) - 3) // len(unit) * unit
        size = min(request["room"] - wire.MAX_HEADER - 100, probe.MAX_ENTRIES)
        array = b'{"$array": ["int8", [%d]]}' % size
        return message(
            start + rest[: -len(array) * 2].rpartition(b",")[0] + b"," + array + b"]}", np.ones(size, np.int8)
        )

    return reply


REPLIES: dict[str, Callable[[dict], list[bytes | memoryview]]] = {
    "float64": _full("f8", "float64"),
    "float16": _full("f2", "float16"),
    "int8": _full("i1", "int8"),
    "bool": _full("?", "bool"),
    "256 arrays": _many,
    "a header of lists": _with_header(b"[[[]]],"),
    "a header of dictionaries": _with_header(b'{"":0},'),
    "a longer one than it may be": lambda request: [struct.pack(">Q", request["room"] + 1), bytes(64 * MB)],
}


# -------------------------------------------------------------------------------------- models


def npy(dtype: str, count: int, extra: int = 0) -> bytes:
    """Write the file of an array of ones, or one that is longer than it says."""
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({count},), }}\n".encode()
    body = np.ones(count, dtype).tobytes() if count else b""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + body + bytes(extra)


def archive(path: Path, members: dict[str, bytes]) -> None:
    """Write a compressed archive that says which data its model was trained on."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        named = b"\x93NUMPY\x01\x00" + struct.pack("<H", 68)
        named += b"{'descr': '<U16', 'fortran_order': False, 'shape': (), }".ljust(67) + b"\n"
        file.writestr("dataset.npy", named + "cifar10-embedded".encode("utf-32-le"))
        for name, raw in members.items():
            file.writestr(f"{name}.npy", raw)


MODELS: dict[str, Callable[[], dict[str, bytes]]] = {
    "an honest one": lambda: {"W": npy("<f8", 900_000), "b": npy("<f8", 300)},
    "half precision": lambda: {"W": npy("<f2", handin.MAX_NUMBERS - 1)},
    "single precision": lambda: {"W": npy("<f4", handin.MAX_NUMBERS - 1)},
    "double precision": lambda: {"W": npy("<f8", handin.MAX_NUMBERS - 1)},
    "longer than it says": lambda: {"W": npy("<f8", 10, extra=handin.MAX_BYTES - 1000)},
    "a bomb": lambda: {"W": npy("<i1", 100 * MB)},
    "long texts": lambda: {f"t{n}": npy("<U1000", 1) for n in range(60)},
}
