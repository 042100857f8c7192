"""The room a kernel sees: a read-only copy of the view of system and Python, and one writable directory.

Built in namespaces of its own, it is gone with the last process in it: nothing has to be cleaned up.
"""

import os
import site
import sys
from collections.abc import Iterable
from pathlib import Path

from autograder.sandbox import linux
from autograder.sandbox.policy import Policy

WORK = "/student"  # the working directory, and the only place that can be written to
_NAMESPACES = (
    linux.CLONE_NEWNS
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWCGROUP
)
TEMPORARY = ("/tmp", "/dev/shm")
_BARE = "size=1m,nr_inodes=2000,mode=755"  # directories to mount on, and nothing else
_FILES = 10_000  # files and directories in the working directory
# Programs and libraries of the system. There is no /proc, no /sys, no /home and no /var.
_SYSTEM = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/bin", "/sbin", "/lib", "/lib64", "/nix/store")
_SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
DEVICES = ("null", "zero", "full", "random", "urandom")


def view() -> list[tuple[str, str]]:
    """List what may be seen: the system's programs, this Python, our two packages and the embedded data.

    Nothing else of a checkout is in it: the packages are shown one by one, without the directory they lie in.

    Returns
    -------
    shown : list of (str, str)
        Where each file or directory really is, and where it is seen.
    """
    from cs231n_lite import places

    ours = Path(__file__).parents[1]
    paths = [Path(path) for path in (*_SYSTEM, *_SETTINGS)]
    paths += [Path(prefix, part) for prefix in (sys.prefix, sys.base_prefix) for part in ("bin", "lib", "lib64")]
    paths += [Path(folder) for folder in (site.getusersitepackages(),) if folder in sys.path]
    paths += [Path(sys.prefix, "pyvenv.cfg"), ours, ours.with_name("cs231n_lite"), places.cache_folder()]
    return [(os.path.realpath(path), str(path)) for path in dict.fromkeys(paths) if path.exists()]


def leave() -> None:
    """Leave the host's namespaces; the next child is the first process of new ones.

    An ordinary user gets a user namespace at once, which gives the right to make the others.
    """
    if os.geteuid() == 0:
        linux.unshare(_NAMESPACES)
    else:
        own_users(linux.CLONE_NEWUSER | _NAMESPACES)


def own_users(flags: int = linux.CLONE_NEWUSER, proc: int | None = None) -> None:
    """Enter a user namespace in which only the present user exists.

    Parameters
    ----------
    proc : int or None
        An open ``/proc/self``, for a room that has none.
    """
    user, group = os.geteuid(), os.getegid()
    linux.unshare(flags)
    held = os.open("/proc/self", os.O_RDONLY) if proc is None else proc
    try:
        for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(os.open(name, os.O_WRONLY, dir_fd=held), "w") as file:
                file.write(line)
    finally:
        os.close(held)


def furnish(shown: Iterable[tuple[str, str]], hidden: Iterable[str], policy: Policy, owner: int) -> None:
    """Replace the root directory by a room with a `view`, all of it read-only, and an empty `WORK`.

    Parameters
    ----------
    shown : iterable of (str, str)
        What `view` gave.
    hidden : iterable of str
        Directories that stay empty even if something shown contains them.
    owner : int
        The user and group that `WORK` belongs to.
    """
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("tmpfs", "/tmp", "tmpfs", options=_BARE)
    os.mkdir("/tmp/host")
    linux.pivot_root("/tmp", "/tmp/host")
    os.mkdir("/room")
    linux.mount("tmpfs", "/room", "tmpfs", options=_BARE)
    for path, place in shown:
        _show(path, place)
    for place in hidden:
        if os.path.isdir(f"/room{place}"):
            linux.mount("tmpfs", f"/room{place}", "tmpfs", options="size=4k,nr_inodes=2,mode=000")
    for place in ("/dev", WORK):
        os.mkdir(f"/room{place}")
    for name in DEVICES:
        Path("/room/dev", name).touch()
    for place in TEMPORARY:
        if not os.path.exists(f"/room{place}"):  # it does where Python itself is in one
            os.symlink(f"{WORK}/.tmp", f"/room{place}")
    linux.make_read_only("/room")
    for name in DEVICES:
        linux.mount(f"/host/dev/{name}", f"/room/dev/{name}", flags=linux.MS_BIND)
    owned = f"{_size(policy)},mode=700,uid={owner},gid={owner}"
    linux.mount("tmpfs", f"/room{WORK}", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, owned)
    os.chdir("/room")
    linux.pivot_root(".", ".")  # the host's root now lies on top of the room's, and is taken off
    linux.unmount(".")
    os.chdir("/")


def limit_files(policy: Policy) -> None:
    """Limit the files in the `WORK` of a room that bubblewrap built; it can itself limit only their bytes."""
    linux.mount("none", WORK, flags=linux.MS_REMOUNT | linux.MS_NOSUID | linux.MS_NODEV, options=_size(policy))


def _size(policy: Policy) -> str:
    return f"size={policy.disk_mb}m,nr_inodes={_FILES}"


def _show(path: str, place: str) -> None:
    inside = f"/room{place}"
    if os.path.exists(inside):
        return  # shown already, as part of a directory above it
    os.makedirs(os.path.dirname(inside), exist_ok=True)
    if os.path.isdir(f"/host{path}"):
        os.mkdir(inside)
    else:
        Path(inside).touch()
    linux.mount(f"/host{path}", inside, flags=linux.MS_BIND | linux.MS_REC)
