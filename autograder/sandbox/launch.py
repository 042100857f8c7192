"""``python -m autograder.sandbox.launch MEMORY_MB FILE_MB COMMAND...``: set limits, then become the command.

This is the seam for the stronger walls: whatever confines the kernel is put on here, before a
byte of a student's code is read.
"""

import os
import resource
import sys

from autograder.sandbox.policy import MB

# What Python, NumPy, OpenBLAS and ipykernel map before any student's code runs.
BASE_MB = 850


def main(memory_mb: str, file_mb: str, *command: str) -> None:
    """Limit this process for good and replace it by the command."""
    limits = {
        resource.RLIMIT_AS: (BASE_MB + int(memory_mb)) * MB,
        resource.RLIMIT_FSIZE: int(file_mb) * MB,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
