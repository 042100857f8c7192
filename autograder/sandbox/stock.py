"""The stock kernel, with limits only, for machines that are not Linux. Slower, and hardly a wall."""

import contextlib
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from autograder.faults import GraderFault
from autograder.sandbox.base import Kernel, Sandbox
from autograder.sandbox.policy import MB, Policy
from autograder.sandbox.zygotes import START_SECONDS, environment


class StockSandbox(Sandbox):
    """Starts stock kernels in processes of their own, with resource limits."""

    def close(self) -> None:
        """Do nothing: nothing is kept running."""

    @contextlib.asynccontextmanager
    async def kernel(self, folder: Path) -> AsyncIterator[Kernel]:
        """Run a kernel; see `Sandbox.kernel`."""
        if sys.platform == "win32":
            raise GraderFault(
                "Grading needs Linux or macOS, for the limits and sockets a kernel is started with. Use WSL."
            )
        limits = json.dumps(asdict(self.policy))
        argv = [sys.executable, "-m", "autograder.sandbox.launch", limits]
        argv += [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
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
        client = None
        try:
            with ours, theirs, _workdir(folder, self.policy, self.beside) as workdir:
                there = theirs.fileno()
                await manager.start_kernel(
                    cwd=str(workdir),
                    env=environment() | {"HOME": str(workdir), "TMPDIR": str(workdir), "IPYTHONDIR": str(workdir)},
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
                yield Kernel(client, ours, there)
        finally:
            if client:
                client.stop_channels()
            if manager.has_kernel:
                await manager.shutdown_kernel(now=True)
            manager.context.destroy(linger=0)
            shutil.rmtree(private, ignore_errors=True)


class _OneKernel(KernelSpecManager):
    """Knows one kernel, ours, whatever the notebook or the machine says."""

    def __init__(self, argv: list[str]) -> None:
        super().__init__()
        self._argv = argv

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(argv=self._argv, display_name=kernel_name, language="python")


@contextlib.contextmanager
def _workdir(submission: Path, policy: Policy, beside: Sequence[Path]) -> Iterator[Path]:
    """Give a private directory with copies of what was handed in beside the notebook.

    Links, special files and files over the policy's size stay out, and so does the notebook.
    """
    with tempfile.TemporaryDirectory(prefix="ag-work-", ignore_cleanup_errors=True) as name:
        for path in (*(sorted(submission.iterdir()) if submission.is_dir() else ()), *beside):  # ours last: they count
            info = path.lstat()
            if stat.S_ISREG(info.st_mode) and path.suffix != ".ipynb" and info.st_size <= policy.file_mb * MB:
                shutil.copyfile(path, Path(name) / path.name, follow_symlinks=False)
        yield Path(name)
