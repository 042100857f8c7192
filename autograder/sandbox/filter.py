"""What the kernel of the operating system refuses to do for a student's process: a seccomp filter, by libseccomp.

A list of what is forbidden, not of what is allowed: NumPy, matplotlib and IPython may need anything
ordinary. What is on it is of no use to a notebook and has been of use to escapes.
"""

import errno
from typing import Any

# From linux/sched.h: every namespace, and from sys/socket.h: the one family left.
_NEW_NAMESPACES = 0x7E020080
_CLONE_THREAD = 0x00010000
_AF_UNIX, _SOCK_DGRAM, _SOCK_TYPES = 1, 2, 0xF

_FORBIDDEN = {
    "other processes": "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_open pidfd_getfd "
    "pidfd_send_signal migrate_pages move_pages",
    "other namespaces and mounts": "unshare setns mount umount umount2 pivot_root chroot mount_setattr move_mount "
    "open_tree open_tree_attr fsopen fsconfig fsmount fspick statmount listmount",
    "files by handle, keys and quotas": "open_by_handle_at name_to_handle_at add_key request_key keyctl quotactl "
    "quotactl_fd acct",
    "large doors into the kernel": "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register "
    "landlock_create_ruleset seccomp personality modify_ldt uselib lookup_dcookie fanotify_init",
    "the machine itself": "reboot kexec_load kexec_file_load init_module finit_module delete_module swapon swapoff "
    "syslog settimeofday clock_settime clock_adjtime adjtimex stime sethostname setdomainname ioperm iopl vhangup",
    "shared memory that outlives us": "shmget msgget semget mq_open",
}
_SIGNALS = "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo"
_F_SETOWN, _F_SETOWN_EX = 8, 15
_TIOCSTI = 0x5412  # types into a terminal


class Unavailable(Exception):
    """There is no libseccomp to make a filter with."""


def build(signals: bool, processes: bool) -> Any:
    """Make the filter; its ``load()`` puts it on the calling process for good.

    Parameters
    ----------
    signals : bool
        Whether signals may be sent. Without a namespace of its own, a process could send them to ours.
    processes : bool
        Whether processes may be started. The limit on their number does not hold for root.

    Raises
    ------
    Unavailable
        If the library is not there.
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError) as error:
        raise Unavailable(
            "seccomp needs the system library libseccomp2. Install it: apt install libseccomp2, or dnf install libseccomp"
        ) from error
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    refuse = seccomp.ERRNO(errno.EPERM)
    for names in _FORBIDDEN.values():
        for name in names.split():
            _refuse(seccomp, rules, refuse, name)
    for flag in (1 << bit for bit in range(32) if _NEW_NAMESPACES >> bit & 1):
        rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    # The flags of clone3 lie in memory, out of a filter's sight; the C library falls back to clone.
    _refuse(seccomp, rules, seccomp.ERRNO(errno.ENOSYS), "clone3")
    for call in ("socket", "socketpair"):
        rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), call, seccomp.Arg(0, seccomp.NE, _AF_UNIX))
    # What is left are streams, and those cannot be connected: nobody outside can be spoken to first.
    rules.add_rule(refuse, "socket", seccomp.Arg(1, seccomp.MASKED_EQ, _SOCK_TYPES, _SOCK_DGRAM))
    rules.add_rule(refuse, "connect")
    rules.add_rule(refuse, "ioctl", seccomp.Arg(1, seccomp.EQ, _TIOCSTI))
    rules.add_rule(refuse, "prlimit64", seccomp.Arg(0, seccomp.NE, 0))  # the limits of another process
    if not processes:
        rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, 0))
        for name in ("fork", "vfork"):
            _refuse(seccomp, rules, refuse, name)
    if not signals:
        for name in _SIGNALS.split():
            _refuse(seccomp, rules, refuse, name)
        for command in (_F_SETOWN, _F_SETOWN_EX):
            rules.add_rule(refuse, "fcntl", seccomp.Arg(1, seccomp.EQ, command))
    return rules


def _refuse(seccomp: Any, rules: Any, action: int, name: str) -> None:
    if seccomp.resolve_syscall(seccomp.system_arch(), name) >= 0:  # below zero: not on this processor
        rules.add_rule(action, name)
