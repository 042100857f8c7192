"""What a student's code may use, in one place."""

from dataclasses import dataclass

MB = 2**20

# From the strongest wall to the weakest; docs/isolation.md says what each holds back.
LEVELS = ("namespaces", "bwrap", "landlock", "rlimits")
AUTO = "auto"
# What an instructor must know before grading strangers behind the last of them.
WEAK = {
    "rlimits": "students' code is held back by resource limits only. It can read what you can read, and reach the network. "
    "Grade on a machine that holds nothing else, or see what 'autograder doctor' advises.",
}


@dataclass(frozen=True)
class Policy:
    """The limits one submission runs under.

    Times are wall time, less what was spent waiting for a processor; see `autograder.sandbox.clock`.

    Parameters
    ----------
    cell_seconds : float
        Time of one notebook cell.
    question_seconds : float
        Time of one observation of one question.
    notebook_seconds : float
        Time of the whole submission, fresh starts included.
    fresh_starts : int
        How often a kernel that had to be stopped is replaced by a new one, so that the other
        questions are still graded.
    cpu_seconds : int
        Processor time of one process of the student's.
    memory_mb : int
        Memory of one process beyond what Python, NumPy and the kernel themselves map.
    processes : int
        Processes and threads together, the kernel's own (about ten) included.
    open_files : int
        Files one process may have open.
    file_mb : int
        Size of one file.
    disk_mb : int
        Size of the working directory, files handed in included.
    output_mb : float
        Text and pictures of one cell. More is left out; sixteen times as much stops the cell.
    isolation : str
        One of `LEVELS`, or ``"auto"`` for the strongest this machine can have.
    """

    cell_seconds: float = 30.0
    question_seconds: float = 10.0
    notebook_seconds: float = 300.0
    fresh_starts: int = 8
    cpu_seconds: int = 600
    memory_mb: int = 3072
    processes: int = 64
    open_files: int = 256
    file_mb: int = 256
    disk_mb: int = 512
    output_mb: float = 4.0
    isolation: str = AUTO
