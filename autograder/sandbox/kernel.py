"""Start a kernel for a stranger's notebook, with a wire to it, and leave nothing behind."""

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from autograder.faults import GraderFault
from autograder.sandbox.policy import MB, Policy

START_SECONDS = 60
# What a kernel needs of our environment; everything else, secrets included, stays here.
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")


@dataclass
class Kernel:
    """A running kernel: its manager and client for cells, and both ends of the wire for probes."""

    manager: AsyncKernelManager
    client: AsyncKernelClient
    wire: socket.socket
    wire_there: int


class _OneKernel(KernelSpecManager):
    """Knows one kernel, ours, whatever the notebook or the machine says."""

    def __init__(self, argv: list[str]) -> None:
        super().__init__()
        self._argv = argv

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(argv=self._argv, display_name=kernel_name, language="python")


@contextlib.asynccontextmanager
async def running(policy: Policy, workdir: Path) -> AsyncIterator[Kernel]:
    """Run a kernel in `workdir` under `policy`; it is gone, with its children, on leaving.

    Raises
    ------
    GraderFault
        If it does not start.
    """
    if sys.platform == "win32":
        raise GraderFault("Grading needs Linux or macOS, for the limits and sockets a kernel is started with. Use WSL.")
    launch = [sys.executable, "-m", "autograder.sandbox.launch", str(policy.memory_mb), str(policy.file_mb)]
    argv = [*launch, sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    argv += ["--HistoryManager.hist_file=:memory:", "--HistoryManager.enabled=False"]
    ours, theirs = socket.socketpair()
    # Unix sockets under a short private path: no port, and no other user, can come between.
    private = tempfile.mkdtemp(prefix="ag-")
    manager = AsyncKernelManager(
        kernel_spec_manager=_OneKernel(argv),
        transport="ipc",
        ip=os.path.join(private, "k"),
        connection_file=os.path.join(private, "k.json"),
    )
    client: AsyncKernelClient | None = None
    try:
        with ours, theirs:
            there = theirs.fileno()
            await manager.start_kernel(
                cwd=str(workdir),
                env=_environment(workdir),
                pass_fds=[there],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            theirs.close()
            client = manager.client()
            client.start_channels()
            try:
                await client.wait_for_ready(timeout=START_SECONDS)
            except RuntimeError as error:
                raise GraderFault(f"The kernel did not start within {START_SECONDS} s: {error}") from error
            yield Kernel(manager, client, ours, there)
    finally:
        if client:
            client.stop_channels()
        if manager.has_kernel:
            await manager.shutdown_kernel(now=True)
        manager.context.destroy(linger=0)
        shutil.rmtree(private, ignore_errors=True)


def _environment(workdir: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {
        "HOME": str(workdir),
        "TMPDIR": str(workdir),
        "IPYTHONDIR": str(workdir / ".ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "CS231N_LITE_DATA": "embedded",
        # The embedded data and matplotlib's list of fonts, made once a machine.
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
    }


@contextlib.contextmanager
def workdir(submission: Path, policy: Policy) -> Iterator[Path]:
    """Give a private directory with copies of what was handed in beside the notebook.

    Links, special files and files over the policy's size stay out, and so does the notebook.
    """
    with tempfile.TemporaryDirectory(prefix="ag-work-", ignore_cleanup_errors=True) as name:
        for path in sorted(submission.iterdir()) if submission.is_dir() else ():
            info = path.lstat()
            if stat.S_ISREG(info.st_mode) and path.suffix != ".ipynb" and info.st_size <= policy.file_mb * MB:
                shutil.copyfile(path, Path(name) / path.name, follow_symlinks=False)
        yield Path(name)
