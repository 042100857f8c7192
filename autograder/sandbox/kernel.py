"""Kernels for strangers' notebooks: each behind a wall, with a wire to it, and gone without a trace."""

import contextlib
import os
import secrets
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from queue import Empty

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient

from autograder.faults import GraderFault
from autograder.sandbox import levels, zygotes
from autograder.sandbox.base import Kernel, Sandbox
from autograder.sandbox.clock import Clock
from autograder.sandbox.policy import AUTO, MB, Policy
from autograder.sandbox.stock import StockSandbox
from cs231n_lite import synthetic

CHANNELS = ("shell", "iopub")  # in the order the zygote takes them
_DRAW = "from cs231n_lite import synthetic; synthetic.draw_missing()"
MAX_WAITING = 8  # messages that have arrived and are not read yet


class Client(AsyncKernelClient):
    """Speaks to a kernel over sockets that have no name, so that nothing and nobody else can find them."""

    def __init__(self, key: str, addresses: dict[str, int], status: socket.socket) -> None:
        super().__init__(context=zmq.asyncio.Context(), transport="ipc")
        self.session.key = key.encode()
        self.allow_stdin = False
        self._addresses = addresses
        self._status = status
        for option, value in ((zmq.MAXMSGSIZE, zygotes.MAX_MESSAGE + MB), (zmq.RCVHWM, MAX_WAITING), (zmq.LINGER, 0)):
            self.context.setsockopt(option, value)

    def _make_url(self, channel: str) -> str:
        return f"ipc:///proc/self/fd/{self._addresses[channel]}"

    def connect(self) -> None:
        """Connect what notebooks need; there is nobody to type input, and a keeper in place of a heartbeat."""
        self.start_channels(stdin=False, hb=False, control=False)

    def stop_channels(self) -> None:
        """Disconnect."""
        for channel in (self.shell_channel, self.iopub_channel):
            channel.stop()
        self.context.destroy(linger=0)

    async def is_alive(self) -> bool:
        """Say whether the kernel runs; its keeper tells when it has ended."""
        return not zygotes.said_anything(self._status)

    async def wait_until_ready(self, seconds: float) -> None:
        """Wait until cells can be run and what they put out is heard.

        Raises
        ------
        GraderFault
            If that takes too long.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and await self.is_alive():
            self.kernel_info()
            with contextlib.suppress(Empty):
                await self.get_iopub_msg(timeout=0.1)
                await self.get_shell_msg(timeout=1)
                return
        raise GraderFault(f"The kernel did not start within {seconds:g} s.")


class WalledSandbox(Sandbox):
    """Has kernels forked by a zygote, which it keeps from one to the next.

    Parameters
    ----------
    level : str
        One of `policy.LEVELS`, which this machine can have.
    hidden : sequence of Path
        Directories no kernel may see, such as the course.
    beside : sequence of Path
        See `Sandbox`.
    """

    def __init__(self, level: str, policy: Policy, hidden: Sequence[Path], beside: Sequence[Path] = ()) -> None:
        super().__init__(level, policy, beside)
        self._hidden = tuple(hidden)
        self._zygote: zygotes.Zygote | None = None
        self.clock: Clock = Clock()

    def close(self) -> None:
        """End the zygote."""
        if self._zygote:
            self._zygote.close()
            self._zygote = None

    @property
    def zygote_pid(self) -> int:
        """The zygote's process, for whoever measures it."""
        assert self._zygote
        return self._zygote.pid

    def warm_up(self) -> None:
        """Start a zygote if there is none, without waiting for it."""
        if not self._zygote:
            self._zygote = zygotes.Zygote(self.level, self.policy, self._hidden)

    @contextlib.asynccontextmanager
    async def kernel(self, folder: Path) -> AsyncIterator[Kernel]:
        """Run a kernel; see `Sandbox.kernel`."""
        key = secrets.token_hex()
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as stack:
            stack.enter_context(ours)
            passed = [stack.enter_context(theirs).fileno()]
            addresses = {}
            for channel in CHANNELS:
                listening, addresses[channel] = stack.enter_context(_listening())
                passed.append(listening)
            files = stack.enter_context(_handed_in(folder, self.policy, self.beside))
            status = stack.enter_context(self._forked({"key": key, "files": list(files)}, [*passed, *files.values()]))
            theirs.close()
            client = Client(key, addresses, status)
            try:
                client.connect()
                await client.wait_until_ready(zygotes.START_SECONDS)
                yield Kernel(client, ours, zygotes.WIRE)
            finally:
                client.stop_channels()

    @contextlib.contextmanager
    def _forked(self, request: dict[str, object], descriptors: Sequence[int]) -> Iterator[socket.socket]:
        """Have a kernel forked, of a new zygote if the last one is no more; end it on leaving."""
        self.warm_up()
        assert self._zygote
        try:
            self._zygote.wait()
            status = self._zygote.fork(request, descriptors)
        except GraderFault as fault:
            self.close()
            raise GraderFault(f"No kernel could be started at level {self.level!r}: {fault}.") from fault
        used = self._zygote
        if self.level == "bwrap":  # a zygote inside the wall gives one kernel; the next warms up meanwhile
            self._zygote = None
            self.warm_up()
        try:
            with self.clock.watching(used.pid):
                yield status
        finally:
            zygotes.hang_up(status)
            if used is not self._zygote:
                used.close()


@contextlib.contextmanager
def opened(policy: Policy, hidden: Sequence[Path], beside: Sequence[Path] = ()) -> Iterator[Sandbox]:
    """Give a sandbox, and end it afterwards.

    Parameters
    ----------
    policy : Policy
        Its isolation is ``"auto"`` or a level that `levels.choose` has found to be possible.
    hidden : sequence of Path
        Directories no kernel may see, such as the course.
    beside : sequence of Path
        Files of ours that every notebook finds beside it.

    Raises
    ------
    GraderFault
        If this machine can have no level at all.
    """
    if not synthetic.is_complete():  # in a process of its own, whose memory is given back
        subprocess.run([sys.executable, "-c", _DRAW], check=False)
    level = levels.choose(AUTO) if policy.isolation == AUTO else policy.isolation
    if sys.platform != "linux":
        yield StockSandbox(level, policy, beside)
        return
    sandbox = WalledSandbox(level, policy, hidden, beside)
    sandbox.warm_up()
    try:
        yield sandbox
    finally:
        sandbox.close()


@contextlib.contextmanager
def _listening() -> Iterator[tuple[int, int]]:
    """Give a listening socket and an address for it that is good in this process only: its name is gone at once."""
    with socket.socket(socket.AF_UNIX) as listening, tempfile.TemporaryDirectory(prefix="ag-") as folder:
        path = os.path.join(folder, "s")
        listening.bind(path)
        listening.listen(4)
        address = os.open(path, os.O_PATH)
        os.unlink(path)
        os.rmdir(folder)
        try:
            yield listening.fileno(), address
        finally:
            os.close(address)


@contextlib.contextmanager
def _handed_in(folder: Path, policy: Policy, beside: Sequence[Path]) -> Iterator[dict[str, int]]:
    """Open what belongs beside the notebook: our files, and plain ones handed in, few and small enough to leave room."""
    left = policy.disk_mb * MB // 2
    with contextlib.ExitStack() as stack:
        opened: dict[str, int] = {}
        for path in (*beside, *(sorted(folder.iterdir()) if folder.is_dir() else ())):
            if path.suffix == ".ipynb" or path.is_symlink() or not path.is_file() or len(opened) == zygotes.MAX_FILES:
                continue
            if path.name in opened:
                continue  # ours is the one that counts
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            stack.callback(os.close, descriptor)
            info = os.fstat(descriptor)
            if stat.S_ISREG(info.st_mode) and info.st_size <= min(left, policy.file_mb * MB):
                opened[path.name] = descriptor
                left -= info.st_size
        yield opened
