"""What a sandbox is to the rest: something that runs a kernel beside a submission, and a policy."""

import abc
import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.asynchronous.client import AsyncKernelClient

from autograder.sandbox.policy import Policy


@dataclass(frozen=True)
class Kernel:
    """A running kernel: its client for cells, and both ends of the wire for probes."""

    client: AsyncKernelClient
    wire: socket.socket
    wire_there: int


class Sandbox(abc.ABC):
    """Starts kernels behind one level of the wall, one at a time.

    Parameters
    ----------
    level : str
        One of `policy.LEVELS`, which this machine can have.
    beside : sequence of Path
        Files of ours that every notebook finds beside it, in the place of a student's of that name.
    """

    def __init__(self, level: str, policy: Policy, beside: Sequence[Path] = ()) -> None:
        self.level = level
        self.policy = policy
        self.beside = tuple(beside)
        self.clock: Callable[[], float] = time.monotonic  # what the policy's limits are measured by

    @abc.abstractmethod
    def kernel(self, folder: Path) -> contextlib.AbstractAsyncContextManager[Kernel]:
        """Run a kernel with copies of what was handed in; it is gone, with all it started, on leaving.

        Parameters
        ----------
        folder : Path
            The submission. Links, special files, notebooks and what is too large stay out.

        Raises
        ------
        GraderFault
            If it does not start.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """End what is kept running between kernels."""
