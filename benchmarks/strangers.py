"""What strangers might send, for hypothesis to draw: the real thing, changed.

Every node of its JSON is swapped, dropped, doubled or renamed; bits are flipped, and pieces cut, moved and mixed.
"""

import copy
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from autograder import wire

# ------------------------------------------------------------------------- changing what is sound

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 4, 5, 2**31, 2**63, 2**64, 10**30, -(10**400), 1.5, float("nan"), float("inf")]),
    st.sampled_from(
        ["", "$array", "$", "float64", "object", "code", "markdown", "\ud800", "\x1b]0;x\x07", "\u202e", "é中🙂"]
    ),
    st.text(max_size=5),
    st.sampled_from([[], {}, [[]], [{}], {"": []}, {"$array": []}, {"$array": ["int8", [0]]}, ["x", 1], [None] * 300]),
    st.integers(1, 40).map(lambda depth: json.loads("[" * depth + "]" * depth)),
)


def places(node: Any, path: tuple = ()) -> list[tuple]:
    """List where every node of some JSON is."""
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, item in inside for place in places(item, (*path, key)))]


@st.composite
def with_swapped_nodes(draw: Callable, sound: st.SearchStrategy, most: int = 3) -> Any:
    """Give JSON with up to so many nodes replaced, renamed, doubled or left out."""
    tree = {"": copy.deepcopy(draw(sound))}
    for _ in range(draw(st.integers(0, most))):
        path = draw(st.sampled_from(places(tree)[1:] or [("",)]))
        parent = tree
        for key in path[:-1]:
            parent = parent[key]
        how = draw(st.sampled_from(["swap", "swap", "swap", "drop", "double", "rename"]))
        if how == "swap" or path == ("",):
            parent[path[-1]] = copy.deepcopy(draw(JUNK))
        elif how == "double" and isinstance(parent, list):
            parent.insert(path[-1], copy.deepcopy(parent[path[-1]]))
        elif how == "rename" and isinstance(parent, dict):
            parent[draw(st.sampled_from(["", "$array", "id", "\ud800"]) | st.text(max_size=3))] = parent.pop(path[-1])
        else:
            del parent[path[-1]]
    return tree[""]


@st.composite
def with_changed_bytes(draw: Callable, sound: st.SearchStrategy[bytes]) -> bytes:
    """Give bytes with bits flipped, and pieces cut out, doubled, moved, added or taken from another example."""
    data = bytearray(draw(sound))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(start + draw(st.sampled_from([1, 1, 2, 4, 8, 50])), len(data))
        how = draw(st.sampled_from(["flip", "cut", "end", "double", "add", "mix", "move"]))
        if how == "flip" and start < len(data):
            data[start] ^= 1 << draw(st.integers(0, 7))
        elif how == "cut":
            del data[start:end]
        elif how == "end":
            del data[start:]
        elif how == "double":
            data[start:start] = data[start:end]
        elif how == "add":
            data[start:start] = draw(st.binary(max_size=8))
        elif how == "mix":
            data[start:] = draw(sound)[start:]
        elif how == "move":
            data[:] = data[end:] + data[:end]
    return bytes(data)


# -------------------------------------------------------------------------------- what is tried

DTYPES = st.sampled_from(sorted(wire.DTYPES)).map(np.dtype)
ARRAYS = DTYPES.flatmap(
    lambda t: arrays_of.arrays(t, arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
# The wire takes control characters and bidirectional overrides out, so a sound name has none.
OVERRIDES = "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
LETTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=OVERRIDES)
NAMES = st.text(LETTERS, max_size=8).filter(lambda name: not name.startswith("$"))
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | NAMES | ARRAYS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)

NUMBER = "0" * 32
RAISED = st.fixed_dictionaries({name: st.text(max_size=30) for name in ("type_name", "message", "where")})
OBSERVED = st.dictionaries(NAMES, ARRAYS | st.fixed_dictionaries({"type": NAMES}), max_size=3)
REPLIES = st.one_of(
    st.fixed_dictionaries(
        {"number": st.just(NUMBER), "values": OBSERVED, "changed": st.dictionaries(NAMES, ARRAYS, max_size=2)}
    ),
    st.fixed_dictionaries({"number": st.just(NUMBER), "raised": RAISED}),
)


@st.composite
def _with_changed_header(draw: Callable, values: st.SearchStrategy) -> bytes:
    data = wire.encode(draw(values))
    (length,) = struct.unpack_from(">I", data)
    header = json.dumps(draw(with_swapped_nodes(st.just(json.loads(data[4 : 4 + length]))))).encode("utf-8")
    return struct.pack(">I", len(header)) + header + data[4 + length :]


SOUND_MESSAGES = (VALUES | REPLIES).map(wire.encode)
MESSAGES = st.one_of(
    with_changed_bytes(SOUND_MESSAGES),
    _with_changed_header(VALUES | REPLIES),
    st.binary(max_size=200),
    st.binary(max_size=100).map(lambda raw: struct.pack(">I", len(raw)) + raw),
)


def _cell(kind: str, name: str, source: Any, **nbgrader: Any) -> dict:
    metadata = {"nbgrader": {"grade_id": name, "schema_version": 3, **nbgrader}, "tags": ["x"]} if name else {}
    return {"cell_type": kind, "id": name or "own", "metadata": metadata, "source": source}


FRAME = {
    "cells": [
        _cell("markdown", "", "# Title"),
        _cell("code", "f", "def f():\n    return 1", solution=True, grade=False, locked=False),
        _cell("code", "check_f", "check('f')", solution=False, grade=True, locked=True, points=3),
        _cell("markdown", "why", "Because.", solution=True, grade=True, locked=False, points=2),
    ],
    "metadata": {"kernelspec": {"name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
STUBS = {"f": "def f():\n    raise NotImplementedError", "why": "Your answer."}
SOUND_BOOK = copy.deepcopy(FRAME)
SOUND_BOOK["cells"][1] |= {
    "source": ["def f():\n", "    return 2"],
    "execution_count": 3,
    "outputs": [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]},
        {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "x"}, "metadata": {}},
    ],
}
SOUND_BOOK["cells"][3] |= {
    "source": "It *saturates*. ![](attachment:a.png)",
    "attachments": {"a.png": {"image/png": "AAAA"}},
}
SOUND_BOOK["cells"] += [_cell("code", "", "x = 1"), _cell("raw", "", "raw"), _cell("markdown", "", "<b>mine</b>")]
BOOKS = with_swapped_nodes(st.just(SOUND_BOOK), most=6)
NOTEBOOKS = st.one_of(
    BOOKS.map(lambda book: json.dumps(book).encode()),
    BOOKS.map(lambda book: json.dumps(book, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    with_changed_bytes(st.just(json.dumps(SOUND_BOOK, indent=1).encode())),
    st.binary(max_size=200),
)

PIECES = """
< > <b> </b> <script> </script> <img onerror=alert(1) src= href= = " ' javascript: &#106; &lt; &amp; / \\ [x]( ) ]( ![ attachment:
` ``` $ $$ <!-- --> - # | --- data:text/html, /files/ <a <svg <p </p> style= mermaid https://x.org \\begin{a} \\end{a} x 1.
"""
MARKDOWN = st.lists(st.sampled_from([*PIECES.split(), " ", "\n", "\n\n", "\t"]) | st.text(max_size=3), max_size=20).map(
    "".join
)
