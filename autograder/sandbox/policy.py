"""What a student's code may use, in one place."""

from dataclasses import dataclass

MB = 2**20


@dataclass(frozen=True)
class Policy:
    """The limits one submission runs under.

    Parameters
    ----------
    cell_seconds : float
        Wall time of one notebook cell.
    question_seconds : float
        Wall time of one observation of one question.
    notebook_seconds : float
        Wall time of the whole submission, fresh starts included.
    fresh_starts : int
        How often a kernel that had to be stopped is replaced by a new one, so that the other
        questions are still graded.
    memory_mb : int
        Memory beyond what Python, NumPy and the kernel themselves map.
    file_mb : int
        Size of one file.
    output_mb : float
        Text and pictures of one cell.
    """

    cell_seconds: float = 30.0
    question_seconds: float = 10.0
    notebook_seconds: float = 300.0
    fresh_starts: int = 8
    memory_mb: int = 3072
    file_mb: int = 256
    output_mb: float = 4.0
