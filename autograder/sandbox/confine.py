"""What each level of the wall does to a process before a byte of a student's code is read."""

import os
import resource
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autograder.sandbox import filter as syscalls
from autograder.sandbox import linux, room
from autograder.sandbox.policy import MB, Policy

# What Python, NumPy, OpenBLAS and ipykernel map before any student's code runs.
BASE_MB = 850


class Confinement:
    """One level of the wall, made ready once and put on one forked process after another.

    Parameters
    ----------
    level : str
        One of `policy.LEVELS`.
    hidden : iterable of str
        Directories that must not be seen, such as the course.
    user : int
        Who to become: somebody nobody is, or who we are already.

    Raises
    ------
    filter.Unavailable, OSError
        If this machine cannot have it.
    """

    def __init__(self, level: str, policy: Policy, hidden: Iterable[str], user: int) -> None:
        self.level = level
        self._user = user
        self._policy = policy
        self._hidden = tuple(hidden)
        self._shown = room.view()
        self._filter: Any = None
        try:
            self._filter = syscalls.build(signals=level == "namespaces", processes=user != 0)
        except syscalls.Unavailable:
            if level != "rlimits":
                raise
        if level == "landlock":
            _ = _landlock(self._shown, Path.cwd())  # or say now why not
        if level == "bwrap":
            room.limit_files(policy)

    def leave(self) -> None:
        """Before the fork: let the next child be the first process of namespaces of its own."""
        if self.level == "namespaces":
            room.leave()

    def enter(self, workdir: Path) -> None:
        """In the child: put the wall on. Nothing undoes it.

        Parameters
        ----------
        workdir : Path
            Where the room is without walls of its own; at the levels with one it is `room.WORK`.
        """
        user = self._user
        alone = self.level in ("namespaces", "bwrap")
        proc = os.open("/proc/self", os.O_RDONLY) if self.level == "namespaces" else -1
        if self.level == "namespaces":
            room.furnish(self._shown, self._hidden, self._policy, user)
        elif user != os.geteuid():
            os.chown(workdir, user, user)
        limit(self._policy, beside=0 if alone else _threads_of(user))
        if user != os.geteuid():
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            linux.open_to_peers(True)  # or the maps of a user namespace would be root's to write
            if self.level == "namespaces":
                room.own_users(proc=proc)
        os.chdir(workdir)
        linux.die_with_parent()
        linux.gain_nothing_more()
        if self.level == "landlock":
            _landlock(self._shown, workdir).apply()
        if self._filter:
            self._filter.load()


def limit(policy: Policy, beside: int = 0) -> None:
    """Limit this process and those it starts, for good.

    Parameters
    ----------
    beside : int
        Processes of the same user that are not ours and count too.
    """
    limits = {
        resource.RLIMIT_AS: (BASE_MB + policy.memory_mb) * MB,
        resource.RLIMIT_FSIZE: policy.file_mb * MB,
        resource.RLIMIT_CPU: policy.cpu_seconds,
        resource.RLIMIT_NPROC: policy.processes + beside,
        resource.RLIMIT_NOFILE: policy.open_files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(kind, (value, value))


def _threads_of(user: int) -> int:
    """Count what a limit on processes counts for a user: processes and their threads."""
    found = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue  # it ended while we looked
        if int(fields["Uid"].split()[0]) == user:
            found += int(fields["Threads"])
    return found


def _landlock(shown: Iterable[tuple[str, str]], workdir: Path) -> Any:
    """Make the rules: what is in the view may be read and run, the devices used, `workdir` filled, nothing else touched."""
    from py_landlock import AccessFs, Landlock

    rules = Landlock(strict=False)  # what an older kernel does not know yet, the other measures must hold back
    for path, _ in shown:
        if not os.access(path, os.R_OK):
            continue  # root's own data is not for the user nobody is
        if os.path.isdir(path):
            rules.allow_read(path).allow_execute(path)
        else:
            rules.add_path_rule(path, access=AccessFs.READ_FILE | AccessFs.EXECUTE)
    for name in room.DEVICES:
        rules.add_path_rule(f"/dev/{name}", access=AccessFs.READ_FILE | AccessFs.WRITE_FILE)
    return rules.allow_read_write(workdir)
