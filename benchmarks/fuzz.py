"""Try, for as long as wanted, to get anything but a documented error out of what reads strangers' bytes.

Run ``python -m benchmarks.fuzz --seconds 60``; `strangers` says what is tried. The tests try the same for a
moment. It ends with 1 at the first other error, or where an input took more than `TIMES` its size of memory.
"""

import argparse
import html.parser
import json
import re
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from autograder import markdown, notebook, outputs, probe, session, wire
from autograder.faults import SubmissionFault
from autograder.model import NotAnArray
from autograder.restore import restore
from benchmarks.strangers import FRAME, MARKDOWN, MESSAGES, NOTEBOOKS, NUMBER, REPLIES, STUBS, with_swapped_nodes

TIMES = 100

# ------------------------------------------------------------------------------ what must hold


def of_message(data: bytes) -> str:
    """Decode a message; give what came of it."""
    try:
        value = wire.decode(data)
    except wire.WireError as error:
        return str(error)
    again = wire.decode(wire.encode(value))  # whatever is accepted could have been sent
    assert repr(again) == repr(value)
    return "decoded"


def of_reply(reply: Any) -> str:
    """Read an observation; give what came of it."""
    try:
        seen = session._observation(reply, NUMBER)
    except wire.WireError as error:
        return str(error)
    assert all(isinstance(value, np.ndarray | NotAnArray) for value in seen.values.values())
    assert all(isinstance(value, np.ndarray) for value in seen.changed.values())
    if seen.raised:
        assert max(len(seen.raised.type_name), len(seen.raised.message), len(seen.raised.where)) <= probe.MAX_TEXT
        return "raised"
    return "seen"


def of_notebook(data: bytes) -> str:
    """Read a notebook, restore it and write it again; give what came of it."""
    try:
        read = notebook.read(data)
    except SubmissionFault as fault:
        return str(fault)
    restored, notes = restore(FRAME, read, STUBS)
    assert [c["metadata"] for c in restored["cells"] if not c["id"].startswith("extra-")] == [
        c["metadata"] for c in FRAME["cells"]
    ]
    shown = outputs.harmless(markdown.harmless(restored, FRAME))
    assert all(c["cell_type"] in ("code", "markdown") for c in shown["cells"])
    json.dumps(shown, ensure_ascii=False).encode("utf-8")  # as nbformat writes it
    return " ".join(["read", *notes])


class _Acts(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list = []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        if tag in ("script", "iframe", "object", "embed", "svg", "math", "style", "link", "meta", "base", "form"):
            self.found.append((tag, attributes))
        for name, value in attributes:
            address = re.sub(r"[\x00-\x20]", "", value or "").lower()
            calls = address.startswith(("javascript:", "vbscript:", "data:text")) and name not in (
                "id",
                "alt",
                "title",
                "class",
            )
            if name.startswith("on") or name == "srcdoc" or calls:
                self.found.append((tag, name, value))


def acts(page: str) -> list:
    """List what acts in a page, by another parser and another list than our own."""
    parser = _Acts()
    parser.feed(page)
    parser.close()
    return parser.found


def of_text(source: str) -> str:
    """Judge a text; give what came of it."""
    if markdown.is_harmless(source):
        assert acts(markdown._rendered(source, {})) == []
        return "shown"
    assert markdown.is_harmless(markdown.as_source({"source": source})["source"])
    return "as source"


@dataclass(frozen=True)
class Target:
    """What is tried, on what, and what must hold; `slack` is for what is imported and made once, in bytes."""

    inputs: st.SearchStrategy
    outcome: Callable[[Any], str]
    slack: int = 2**20


TARGETS = {
    "wire": Target(MESSAGES, of_message),
    "observation": Target(with_swapped_nodes(REPLIES), of_reply),
    "notebook": Target(NOTEBOOKS, of_notebook, slack=16 * 2**20),
    "markdown": Target(MARKDOWN, of_text, slack=16 * 2**20),
}


def tried(target: Target, example: Any) -> str:
    """Try one example, and check that it took no more memory than it may; give what came of it."""
    size = len(example) if isinstance(example, bytes | str) else 0
    tracemalloc.start()
    try:
        outcome = target.outcome(example)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= target.slack + TIMES * size, f"{peak} bytes of memory for {size} of input"
    return re.sub(r"\d+", "#", outcome)[:80]


# ----------------------------------------------------------------------------------- for long


def run(name: str, seconds: float) -> None:
    """Try one target for so long and print what was seen."""
    target, outcomes = TARGETS[name], Counter[str]()
    start = time.monotonic()

    @settings(
        max_examples=1_000,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def some(example: Any) -> None:
        if time.monotonic() - start < seconds:
            outcomes[tried(target, example)] += 1

    while time.monotonic() - start < seconds:
        some()
    total = outcomes.total()
    print(f"{name}: {total:,} examples, {total / seconds:.0f} a second, {len(outcomes)} distinct outcomes, {_peak()}")
    for outcome, count in outcomes.most_common():
        print(f"  {count:8,}  {outcome}")
    sys.stdout.flush()


def _peak() -> str:
    status = Path("/proc/self/status")
    if not status.exists():
        return "peak memory not known here"
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return f"peak memory {int(line.split()[1]) / 1024:.0f} MB, hypothesis included"


def main() -> None:
    """Share the time among the targets."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    seconds = parser.parse_args().seconds
    markdown.is_harmless("```python\n<\n```")  # what is imported once is imported now
    for name in TARGETS:
        run(name, seconds / len(TARGETS))


if __name__ == "__main__":
    main()
