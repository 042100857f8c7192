"""What is told of a wrong answer: `Mismatch`, and numbers and places in words."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Mismatch:
    """One thing that is not as asked.

    Attributes
    ----------
    name : str
        Question and output, such as ``"affine_backward, dx"``.
    kind : str
        One of ``"type"``, ``"shape"``, ``"dtype"``, ``"nan"``, ``"values"``, ``"changed"``; or ``"raised"``, which the
        grader gives to code that ended in an error.
    fact, secret_fact : str
        What differs, with and without values and places.
    cause : str or None
        The likely cause, in whole sentences; None where the numbers support none.

    Examples
    --------
    >>> print(Mismatch("relu_forward, out", "type", "is None", "is None", "Is there a return statement?"))
    relu_forward, out: is None. Is there a return statement?
    """

    name: str
    kind: str
    fact: str
    secret_fact: str
    cause: str | None

    def text(self, secret: bool = False) -> str:
        """Say it in words: "name: fact. Cause."; with `secret`, without values and places."""
        fact = self.secret_fact if secret else self.fact
        return f"{self.name}: {fact}." + (f" {self.cause}" if self.cause else "")

    __str__ = text


def place(position: int, shape: tuple[int, ...]) -> str:
    """Say where an entry stands, counted through an array of this shape in C order; a number has no place.

    Examples
    --------
    >>> place(7, (2, 5)), place(0, ())
    (' at [1, 2]', '')
    """
    return f" at {[int(i) for i in np.unravel_index(position, shape)]}" if shape else ""


def told_apart(a: Any, b: Any) -> tuple[str, str]:
    """Print two NumPy numbers shortly, yet with digits enough to tell them apart.

    Examples
    --------
    >>> told_apart(np.float64(1 / 3), np.float64(2))
    ('0.333333', '2')
    >>> told_apart(np.float64(1.0000001), np.float64(1))
    ('1.0000001', '1.0')
    """
    short = tuple(f"{x:.6g}" if x.dtype.kind in "fc" else str(x) for x in (a, b))
    return (short[0], short[1]) if short[0] != short[1] else (str(a), str(b))
