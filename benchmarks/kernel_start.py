"""How long a kernel behind each wall takes to start and to be gone, as a share of a stock kernel's time.

Every round starts one kernel of each kind, one after the other, so that a busy moment of the machine
falls on all of them; the figure is the median of the rounds' ratios::

    python -m benchmarks.kernel_start [ROUNDS]
"""

import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from autograder.sandbox import kernel, levels
from autograder.sandbox.base import Sandbox
from autograder.sandbox.policy import Policy
from autograder.sandbox.stock import StockSandbox

ROUNDS = 15
STOCK, UNSANDBOXED = "stock kernel", "rlimits"
# What the house asks for: start and stop of a confined kernel against the two.
MOST_OF_STOCK, MOST_OF_UNSANDBOXED = 0.15, 1.10


async def start_and_stop(sandbox: Sandbox, folder: Path) -> float:
    """Time one kernel, from nothing to nothing; the cell shows that it runs."""
    started = time.perf_counter()
    async with sandbox.kernel(folder) as running:
        message = running.client.execute("1 + 1")
        while (await running.client.get_shell_msg(timeout=30))["parent_header"].get("msg_id") != message:
            pass
    return time.perf_counter() - started


def measure(rounds: int, folder: Path) -> dict[str, list[float]]:
    """Give the seconds of every round, by kind."""
    possible = [level for level, obstacle in levels.available().items() if not obstacle]
    with contextlib.ExitStack() as stack:
        kinds: dict[str, Sandbox] = {STOCK: StockSandbox("rlimits", Policy())}
        for level in possible:
            kinds[level] = stack.enter_context(kernel.opened(replace(Policy(), isolation=level), []))
            asyncio.run(start_and_stop(kinds[level], folder))  # its zygote is warm from here on
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in track(range(rounds), "Starting kernels", transient=True):
            for kind, sandbox in kinds.items():
                times[kind].append(asyncio.run(start_and_stop(sandbox, folder)))
    return times


def ratio(times: dict[str, list[float]], kind: str, peer: str) -> float:
    """Give the median over the rounds of one kind's time as a share of another's."""
    return statistics.median(a / b for a, b in zip(times[kind], times[peer], strict=True))


def main(rounds: int = ROUNDS) -> int:
    """Print the table; give 1 if the strongest wall costs more than it may."""
    with tempfile.TemporaryDirectory() as folder:
        times = measure(rounds, Path(folder))
    table = Table("kernel", "start and stop, median", f"of a {STOCK}", f"of {UNSANDBOXED}")
    for kind, seconds in times.items():
        against = f"{ratio(times, kind, UNSANDBOXED):.2f}" if UNSANDBOXED in times else "-"
        table.add_row(kind, f"{statistics.median(seconds) * 1000:.0f} ms", f"{ratio(times, kind, STOCK):.3f}", against)
    Console().print(table)
    strongest = list(times)[1]
    slow = ratio(times, strongest, STOCK) > MOST_OF_STOCK
    if UNSANDBOXED in times:
        slow |= ratio(times, strongest, UNSANDBOXED) > MOST_OF_UNSANDBOXED
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
