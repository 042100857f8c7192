"""Grade many submissions in a row through one zygote, and see whether starts slow down, memory grows or marks differ.

``python -m benchmarks.drift [SUBMISSIONS]`` grades that many twice, with the same seed, and compares the
last tenth with the second: in the first, what is needed once is loaded. Of the times in a tenth the lower quartile
counts, for a busy machine makes single ones longer and none shorter.
"""

import contextlib
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from autograder import reference, samples
from autograder.assignment import Assignment, find_course
from autograder.grade import grade
from autograder.sandbox import kernel
from autograder.sandbox.base import Kernel, Sandbox
from autograder.sandbox.policy import Policy

SUBMISSIONS = 200
SEED = 2026
# Samples that differ in what they do to a kernel; among them one that ends its process again and again.
KINDS = ("bias_rows", "relu_in_place", "softmax_unshifted", "solution_deleted", "untouched", "exits", "noisy")
MOST_DRIFT = 1.10


class Timed(Sandbox):
    """A sandbox that notes how long each of its kernels took to start, and how large its zygote is by then."""

    def __init__(self, inner: kernel.WalledSandbox) -> None:
        super().__init__(inner.level, inner.policy)
        self._inner = inner
        self.starts: list[float] = []
        self.megabytes: list[tuple[float, float]] = []

    @contextlib.asynccontextmanager
    async def kernel(self, folder: Path) -> AsyncIterator[Kernel]:
        """Run a kernel of the sandbox within."""
        started = time.perf_counter()
        async with self._inner.kernel(folder) as running:
            self.starts.append(time.perf_counter() - started)
            self.megabytes.append((resident("self"), resident(str(self._inner.zygote_pid))))
            yield running

    def close(self) -> None:
        """Leave the sandbox within to whoever opened it."""


def resident(process: str) -> float:
    """Give the memory a process holds, in MB."""
    pages = int(Path("/proc", process, "statm").read_text().split()[1])
    return pages * 4096 / 2**20


def run(assignment: Assignment, folders: list[Path]) -> tuple[Timed, list[str]]:
    """Grade the folders one after the other; give the times and every report in full."""
    reports = []
    with reference.session(assignment) as expected, kernel.opened(Policy(), [assignment.course]) as inner:
        assert isinstance(inner, kernel.WalledSandbox), "There is a zygote on Linux only."
        sandbox = Timed(inner)
        for number, folder in enumerate(track(folders, "Grading", transient=True)):
            report = grade(folder, f"student {number}", assignment, expected, sandbox, SEED).report
            reports.append(json.dumps(report.to_json(), sort_keys=True))
    return sandbox, reports


def main(count: int = SUBMISSIONS) -> int:
    """Print the table; give 1 if there is a drift or two runs differ."""
    assignment = Assignment(find_course(Path(__file__).parent.parent), "two_layer_net")
    with tempfile.TemporaryDirectory() as name:
        written = [samples.write(assignment, kind, Path(name, kind)) for kind in KINDS]
        folders = list(itertools.islice(itertools.cycle(written), count))
        runs = [run(assignment, folders) for _ in range(2)]
    tenth = max(count // 10, 2)
    table = Table("run", "", "second tenth", "last tenth", "ratio")
    drifts = []
    for number, (timed, _) in enumerate(runs, 1):
        ours, zygotes = zip(*timed.megabytes, strict=True)
        rows = {"kernel start, ms": [s * 1000 for s in timed.starts], "grader, MB": ours, "zygote, MB": zygotes}
        for what, values in rows.items():
            second, last = (statistics.quantiles(part, n=4)[0] for part in (values[tenth : 2 * tenth], values[-tenth:]))
            drifts.append(last / second)
            table.add_row(str(number), what, f"{second:.1f}", f"{last:.1f}", f"{last / second:.3f}")
    Console().print(table)
    alike = runs[0][1] == runs[1][1]
    kernels, verdict = len(runs[0][0].starts), "are alike" if alike else "DIFFER"
    print(f"{count} submissions, {kernels} kernels a run; the reports of the two runs {verdict}.")
    return int(not alike or max(drifts) > MOST_DRIFT)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
