"""The few Linux system calls that confinement needs and Python 3.11 does not have.

Every function raises OSError with the name of the call if the kernel refuses. Numbers and flags
are those of the kernel's own headers and the same on x86-64 and ARM64.
"""

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` for new ones."""
    _done("unshare", _libc.unshare(flags))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount `source` on `target`; an empty `kind` is for bind mounts and changes of flags."""
    arguments = (source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), options.encode())
    _done(f"mount of {target}", _libc.mount(*arguments))


def make_read_only(target: str) -> None:
    """Make `target` and everything mounted below it read-only, without devices or set-user-id programs (Linux 5.12)."""
    # struct mount_attr: attr_set, attr_clr, propagation, userns_fd
    change = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV, 0, 0, 0)
    arguments = (_AT_FDCWD, target.encode(), _AT_RECURSIVE, ctypes.byref(change), ctypes.c_size_t(32))
    _done("mount_setattr", _libc.syscall(ctypes.c_long(_SYS_MOUNT_SETATTR), *arguments))


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root directory and put the former one at `old`, which lies below it."""
    _done("pivot_root", _libc.syscall(ctypes.c_long(_SYS_PIVOT_ROOT[os.uname().machine]), new.encode(), old.encode()))


def unmount(target: str) -> None:
    """Take `target` out of sight now; it goes when nothing uses it any more."""
    _done("umount", _libc.umount2(target.encode(), MNT_DETACH))


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that forked it ends. Undone by a change of user."""
    _done("prctl(PR_SET_PDEATHSIG)", _prctl(_PR_SET_PDEATHSIG, 9))


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _done("prctl(PR_SET_CHILD_SUBREAPER)", _prctl(_PR_SET_CHILD_SUBREAPER, 1))


def open_to_peers(allowed: bool) -> None:
    """Allow or refuse to be traced, and read through /proc, by other processes of this user."""
    _done("prctl(PR_SET_DUMPABLE)", _prctl(_PR_SET_DUMPABLE, int(allowed)))


def gain_nothing_more() -> None:
    """Give up every capability, and the gaining of any through a program, for this process and all it starts."""
    for capability in range(64):
        if _prctl(_PR_CAPBSET_DROP, capability):
            break  # beyond the last one this kernel knows, or without the right to drop: the next lines are what counts
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _done("prctl(PR_SET_NO_NEW_PRIVS)", _prctl(_PR_SET_NO_NEW_PRIVS, 1))
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _done("capset", _libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))


def _prctl(option: int, argument: int) -> int:
    zero = ctypes.c_ulong(0)
    return int(_libc.prctl(option, ctypes.c_ulong(argument), zero, zero, zero))


def _done(call: str, result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
