"""Which walls this machine can have. Each is tried, not guessed: a process is put behind it."""

import contextlib
import re
import sys

from autograder.faults import GraderFault
from autograder.sandbox import zygotes
from autograder.sandbox.policy import AUTO, LEVELS, Policy

# What helps where a level is wanting.
ADVICE = {
    "namespaces": "Allow user namespaces: sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container run with --security-opt seccomp=unconfined.",
    "bwrap": "Install bubblewrap and libseccomp2; bwrap --unshare-all --ro-bind / / true says what else it misses.",
    "landlock": "It needs Linux 5.13 or newer, started with Landlock among its security modules, and libseccomp2.",
    "rlimits": "Use Linux or macOS, or WSL on Windows.",
}
_UNREADABLE = "run by root, students' code becomes a user nobody is, who may not read {}"
_READABLE = "Install Python where everybody may read it, or grade as an ordinary user."


def obstacle(level: str) -> str:
    """Say why this machine cannot have a level; empty if it can."""
    if sys.platform != "linux":
        return "" if level == "rlimits" else "it needs Linux"
    policy = Policy()
    try:
        zygote = zygotes.Zygote(level, policy, [], warm=False)
    except GraderFault as fault:
        return str(fault)
    with contextlib.closing(zygote):
        try:
            zygote.wait()
            zygotes.hang_up(zygote.fork({"trial": True}, []))
        except GraderFault as fault:
            unreadable = re.search(r"PermissionError.*: ('.*')$", str(fault))
            return _UNREADABLE.format(unreadable[1]) if unreadable else str(fault)
    return ""


def advice(level: str, obstacle: str) -> str:
    """Say what helps against an obstacle; empty if there is none."""
    if not obstacle:
        return ""
    return _READABLE if obstacle.startswith(_UNREADABLE[:12]) else ADVICE[level]


def available() -> dict[str, str]:
    """Try every level; give each with its obstacle, from the strongest to the weakest."""
    return {level: obstacle(level) for level in LEVELS}


def choose(wanted: str) -> str:
    """Give the level to use: the one that is wanted, or the strongest there is.

    Raises
    ------
    GraderFault
        If there is no such level, or this machine cannot have it.
    """
    if wanted not in (AUTO, *LEVELS):
        raise GraderFault(
            f"The level of isolation must be {AUTO} or one of {', '.join(LEVELS)}. Got {wanted!r} instead."
        )
    why = {}
    for level in LEVELS if wanted == AUTO else (wanted,):
        why[level] = obstacle(level)
        if not why[level]:
            return level
    reasons = "; ".join(f"{level}: {reason}" for level, reason in why.items())
    raise GraderFault(
        f"This machine cannot isolate at level {wanted!r}. {reasons}. 'autograder doctor' says what helps."
    )
