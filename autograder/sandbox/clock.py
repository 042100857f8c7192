"""Time as a student's process has it: while others hold the processors, its clock all but stands still."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

MOST_WAITED = 0.75  # of a process' life that may pass uncounted


class Clock:
    """Seconds, without those in which the watched process wanted a processor and others had it.

    A limit in wall time would call a right answer too slow because the machine is busy; one in processor time would
    wait for ever for code that sleeps. Between the two lies wall time less what Linux knows a thread to have waited
    for its turn (``run_delay`` in ``/proc/<pid>/schedstat``). Who makes its own process wait, by starting hundreds of
    others, gains `MOST_WAITED` at most. Where Linux does not say, this is the wall clock.

    Examples
    --------
    >>> clock = Clock()
    >>> before = clock()
    >>> before <= clock()
    True
    """

    def __init__(self) -> None:
        self._pid = 0
        self._since = time.monotonic()
        self._at_first = 0.0
        self._uncounted = 0.0  # of the process watched now
        self._before = 0.0  # of those watched before

    def __call__(self) -> float:
        """Give the time, in seconds since nowhere in particular."""
        now = time.monotonic()
        if self._pid:
            delay = _run_delay(self._pid) - self._at_first
            # A process that has ended says nothing, and what it waited remains.
            self._uncounted = max(min(delay, MOST_WAITED * (now - self._since)), self._uncounted)
        return now - self._before - self._uncounted

    @contextlib.contextmanager
    def watching(self, ancestor: int) -> Iterator[None]:
        """Follow the process last forked by `ancestor`, or by the last it forked, and so on."""
        self._pid = _youngest(ancestor)
        self._since, self._at_first = time.monotonic(), _run_delay(self._pid)
        try:
            yield
        finally:
            self()
            self._before += self._uncounted
            self._pid, self._uncounted = 0, 0.0


def _run_delay(pid: int) -> float:
    """Give the seconds the first thread of a process has waited for a processor, which is the one that runs cells."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _youngest(pid: int) -> int:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return pid
    return _youngest(int(children[-1])) if children else pid
