"""Which walls this machine can have. Each is tried, not guessed: a process is put behind it."""

import contextlib
import sys

from autograder.faults import GraderFault
from autograder.sandbox import zygotes
from autograder.sandbox.policy import AUTO, LEVELS, Policy


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
            return str(fault)
    return ""


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
    raise GraderFault(f"This machine cannot isolate at level {wanted!r}. {reasons}. Run 'autograder doctor'.")
