"""Our end of the zygote: start one, ask it for kernels, and say why where it cannot give any."""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autograder.faults import GraderFault
from autograder.sandbox import room
from autograder.sandbox.policy import MB, Policy

READY, ENDED = b"ready", b"ended"
START_SECONDS = 60.0
_HIGHEST_USER = 2**31 - 2
WIRE = 3  # where a kernel finds its end of the wire
MAX_MESSAGE = 2 * MB  # from a kernel, as bytes; of what is larger only the beginning is sent
MAX_FILES = 200  # handed in beside a notebook; Linux passes at most 253 descriptors at once
# What a kernel needs of our environment; everything else, secrets included, stays here.
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE", "HOME")
_SET = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "CS231N_LITE_DATA": "embedded",
}


class Zygote:
    """A zygote at one level of the wall, starting.

    Parameters
    ----------
    level : str
        One of `policy.LEVELS`.
    hidden : sequence of Path
        Directories no kernel may see.
    warm : bool
        Whether kernels will be asked of it, or only whether they could be.
    """

    def __init__(self, level: str, policy: Policy, hidden: Sequence[Path], warm: bool = True) -> None:
        wall = bubblewrap(policy, hidden) if level == "bwrap" else []
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            given = {
                "level": level,
                "policy": asdict(policy),
                "hidden": [str(path.resolve()) for path in hidden],
                "control": theirs.fileno(),
                "user": _user(level),
                "warm": warm,
            }
            self._process = subprocess.Popen(
                [*wall, sys.executable, "-m", "autograder.sandbox.zygote", json.dumps(given)],
                cwd="/",
                env=environment() | ({"TMPDIR": f"{room.WORK}/.tmp"} if wall else {}),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
            )

        self.pid = self._process.pid
        self._warm = False

    def close(self) -> None:
        """End it. Kernels it has forked do not depend on it."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def wait(self) -> None:
        """Wait until it is warm.

        Raises
        ------
        GraderFault
            With what it says it lacks.
        """
        if not self._warm:
            said = _heard(self._control)
            if said != READY:
                raise GraderFault(said.decode() or "the process that forks kernels ended at once")
            self._warm = True

    def fork(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> socket.socket:
        """Have a kernel forked; give the socket its keeper tells of it on. Closing that ends the kernel.

        Raises
        ------
        GraderFault
            If it does not get behind the wall.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], [theirs.fileno(), *descriptors])
            except OSError as error:
                ours.close()
                raise GraderFault("the process that forks kernels has ended") from error
        said = _heard(ours)
        if said != READY:
            ours.close()
            raise GraderFault(said.decode() or "the forked process ended at once")
        return ours


def environment() -> dict[str, str]:
    """Give the environment students' code sees: nothing of ours that is not needed, above all no secret."""
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))  # the embedded data, made once a machine
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | _SET | {"XDG_CACHE_HOME": cache}


def _user(level: str) -> int:
    """Choose who students' code runs as: root gives way to somebody nobody is, others can only be themselves.

    So does root itself at the last level, where Python is for its eyes only, and where there is nobody else.
    """
    first, _, count = map(int, Path("/proc/self/uid_map").read_text().splitlines()[-1].split())
    highest = min(first + count - 1, _HIGHEST_USER)
    others = highest - max(first, 2**16)
    if os.geteuid() != 0 or others <= 0 or (level == "rlimits" and not _for_everybody(os.__file__, sys.executable)):
        return os.geteuid()
    return highest - os.getpid() % min(others, 2**22)


def _for_everybody(*paths: str) -> bool:
    """Say whether any user may come to these files and read them."""
    for path in map(Path, map(os.path.realpath, paths)):
        if not path.stat().st_mode & 0o4 or not all(above.stat().st_mode & 0o1 for above in path.parents):
            return False
    return True


def _heard(status: socket.socket) -> bytes:
    """Give the next message of a zygote or keeper; empty if it has ended."""
    if not select.select([status], [], [], START_SECONDS)[0]:
        return f"no answer within {START_SECONDS:g} s".encode()
    try:
        return status.recv(2**14)
    except OSError:
        return b""


def said_anything(status: socket.socket) -> bool:
    """Say whether a keeper has told, or shown by ending, that its kernel is no more."""
    return bool(select.select([status], [], [], 0)[0])


def hang_up(status: socket.socket) -> None:
    """Have a keeper end its kernel, and wait until it has cleared up."""
    with contextlib.suppress(OSError), status:
        status.shutdown(socket.SHUT_WR)
        while _heard(status) == ENDED:
            pass


def bubblewrap(policy: Policy, hidden: Sequence[Path]) -> list[str]:
    """Give the command that runs another in a room like that of `room.furnish`.

    Raises
    ------
    GraderFault
        If the program is not there.
    """
    program = shutil.which("bwrap")
    if not program:
        raise GraderFault(
            "the program bwrap is not there. Install it: apt install bubblewrap, or dnf install bubblewrap"
        )
    command = [program, "--die-with-parent", "--new-session"]
    command += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    command += ["--cap-add", "CAP_SYS_ADMIN"]  # the zygote's, for `room.limit_files`; kernels have none
    if os.geteuid() == 0:  # to become nobody in particular, once inside
        command += [part for name in ("SETUID", "SETGID", "CHOWN") for part in ("--cap-add", f"CAP_{name}")]
    else:
        command += ["--unshare-user"]
    places = [Path(place) for _, place in room.view()]
    above = {parent for place in (*places, Path("/dev/null")) for parent in place.parents}
    for parent in sorted(above - {Path("/")}):
        command += ["--perms", "0755", "--dir", str(parent)]  # or only root could pass through them
    for path, place in room.view():
        command += ["--ro-bind", path, place]
    for folder in hidden:
        if any(folder.resolve().is_relative_to(place) for place in places):
            command += ["--tmpfs", str(folder.resolve())]
    for name in room.DEVICES:
        command += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    command += ["--perms", "0700", "--size", str(policy.disk_mb * MB), "--tmpfs", room.WORK]
    command += ["--dir", f"{room.WORK}/.tmp"]
    for place in room.TEMPORARY:
        if not any(seen.is_relative_to(place) for seen in places):
            command += ["--symlink", f"{room.WORK}/.tmp", place]
    return [*command, "--remount-ro", "/", "--chdir", "/", "--"]
