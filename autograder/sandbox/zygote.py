r"""The zygote: a process that has imported everything once and forks a confined kernel when asked.

It runs none of a student's code and holds nothing but this policy. For each kernel it forks a *keeper*, which
puts the kernel behind the wall, ends it when the grader says so or goes away, and clears up::

    grader -- control --> zygote --fork--> keeper --fork--> kernel (confined)
       \----- status -----------------------/                 |
        \---- shell, iopub, wire ------------------------------/

A process forks only while it has one thread: there is none here, nor a ZeroMQ context.
"""

import contextlib
import fcntl
import gc
import importlib
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cs231n_lite
from autograder.sandbox import linux, room
from autograder.sandbox.confine import Confinement
from autograder.sandbox.policy import Policy
from autograder.sandbox.zygotes import ENDED, MAX_FILES, READY, WIRE

MAX_REQUEST = 2**17
# What notebooks and kernels import.
WARM = (
    "ipykernel.debugger",
    "ipykernel.zmqshell",
    "IPython.core.completer",
    "IPython.core.debugger",
    "matplotlib.pyplot",
    "numpy.testing",
    "tqdm.auto",
    "autograder.probe",
    "autograder.sandbox.ipython",
)
WALLED = ("namespaces", "bwrap")  # levels whose working directory is in a room of its own


def main(settings: str) -> None:
    """Serve one grader on the control socket named in `settings`, until it closes it."""
    given = json.loads(settings)
    policy = Policy(**given["policy"])
    with socket.socket(fileno=fcntl.fcntl(given["control"], fcntl.F_DUPFD_CLOEXEC, WIRE + 1)) as control:
        os.dup2(os.open(os.devnull, os.O_RDONLY), WIRE)  # taken, until it is a kernel's wire
        try:
            confinement = Confinement(given["level"], policy, given["hidden"], given["user"])
            if given["level"] not in WALLED:
                linux.open_to_peers(False)
            if given["warm"]:
                _warm_up()
        except Exception as error:
            control.send(f"{type(error).__name__}: {error}".encode())
            return
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are nobody's to wait for
        gc.freeze()  # what is here now is shared with every kernel; collecting would copy it
        control.send(READY)
        while True:
            request, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST, MAX_FILES + 4)
            if not request:
                return
            if os.fork() == 0:
                control.close()
                _end_after(_keep, confinement, json.loads(request), descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def _end_after(work: Any, *arguments: Any) -> None:
    """Do what a forked process is for, and never return to its parent's code."""
    try:
        work(*arguments)
    finally:
        os._exit(0)


def _warm_up() -> None:
    """Import what notebooks and kernels import, so that forked ones need not."""
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # half of a kernel's start, for a debugger nobody uses
    for name in WARM:
        importlib.import_module(name)
    for name in cs231n_lite.__all__:
        getattr(cs231n_lite, name)


def _keep(confinement: Confinement, request: dict[str, Any], descriptors: list[int]) -> None:
    """Start one kernel, tell the grader how it fares, and leave nothing of it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status, *passed = descriptors
    linux.adopt_orphans()
    with socket.socket(fileno=status) as grader, _workdir(confinement.level) as workdir:
        ready, failed = os.pipe()
        try:
            confinement.leave()
            kernel = os.fork()
        except OSError as error:
            grader.send(str(error).encode())
            return
        if kernel == 0:
            os.close(ready)
            grader.close()
            _end_after(_be_kernel, confinement, request, passed, workdir, failed)
        for descriptor in (*passed, failed):
            os.close(descriptor)
        with open(ready, "rb") as pipe:
            grader.send(pipe.read() or READY)
        ended, asked = os.pidfd_open(kernel), grader.fileno()
        if asked not in select.select([ended, asked], [], [])[0]:
            grader.send(ENDED)
        _end(kernel, alone=confinement.level in WALLED)


def _end(kernel: int, alone: bool) -> None:
    """Kill the kernel and all it started, however often they fork meanwhile; orphans become ours, and are killed too.

    A kernel alone in its process namespace takes all with it.
    """
    os.kill(kernel, signal.SIGKILL)
    os.waitpid(kernel, 0)
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while not alone:
        for child in children.read_text().split():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(child), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


@contextlib.contextmanager
def _workdir(level: str) -> Any:
    """Give the kernel's working directory; outside a room it is a temporary one, and goes with the keeper."""
    if level in WALLED:
        yield Path(room.WORK)
        return
    path = tempfile.mkdtemp(prefix="ag-work-")
    try:
        yield Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if os.path.exists(path):  # folders closed to their owner, or nested deeper than a path can say
            for command in (["chmod", "-R", "u+rwx", path], ["rm", "-rf", path]):
                subprocess.run(command, check=False)


def _be_kernel(
    confinement: Confinement, request: dict[str, Any], descriptors: list[int], workdir: Path, failed: int
) -> None:
    """Go behind the wall, unpack what was handed in, and become a kernel."""
    try:
        os.setsid()
        confinement.enter(workdir)
        if "trial" in request:
            for path in (os.__file__, linux.__file__, sys.executable):
                Path(path).open("rb").close()  # is Python still in sight, and may this user read it?
            return
        wire, shell, iopub, *files = descriptors
        _unpack(request["files"], files)
        _settle(workdir)
        os.dup2(wire, WIRE)
        kept = sorted((0, 1, 2, WIRE, shell, iopub, failed))
        for low, high in zip(kept, [*kept[1:], 1024], strict=True):
            os.closerange(low + 1, high)
    except Exception as error:
        os.write(failed, f"{type(error).__name__}: {error}".encode())
        return
    from autograder.sandbox import ipython

    os.close(failed)
    ipython.run(request["key"].encode(), {"shell": shell, "iopub": iopub})


def _unpack(names: list[str], descriptors: list[int]) -> None:
    for name, descriptor in zip(names, descriptors, strict=True):
        with open(descriptor, "rb") as source, open(name, "wb") as copy:
            shutil.copyfileobj(source, copy)


def _settle(workdir: Path) -> None:
    """Make the process one's own: its home, its temporary directory, its random numbers."""
    import numpy as np

    (workdir / ".tmp").mkdir(exist_ok=True)
    os.environ |= {"HOME": str(workdir), "TMPDIR": str(workdir / ".tmp"), "IPYTHONDIR": str(workdir / ".ipython")}
    tempfile.tempdir = None
    random.seed()
    np.random.seed()


if __name__ == "__main__":
    main(sys.argv[1])
