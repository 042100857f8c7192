"""How far along a long computation is, said where the reader is looking.

A notebook gets lines of text and, while the work runs, one output that is rewritten in place and empty at the end:
what is stored holds no times and no rates, so that running the notebook again stores the same. A terminal gets a
bar. Anything else (a log file, a pipe) gets the lines alone. Nothing is written to stderr.
"""

import sys
import time
from types import TracebackType
from typing import Any, Self

_SECONDS_BETWEEN_UPDATES = 0.2


class Progress:
    """Lines that stay, and one that moves while the ``with`` block runs.

    Parameters
    ----------
    total : int
        Number of steps that make up the whole.
    verbose : bool
        False says nothing at all.

    Examples
    --------
    >>> with Progress(total=2, verbose=True) as progress:
    ...     progress.advance("step 1")
    ...     progress.advance("step 2")
    ...     progress.say("done")
    done
    """

    def __init__(self, total: int, verbose: bool) -> None:
        from tqdm import tqdm

        self.verbose = verbose
        # disable=None: no bar unless stdout is a terminal.
        self.bar = tqdm(total=total, file=sys.stdout, leave=False, disable=None if verbose else True)
        self.live_output = _empty_output() if verbose and _in_notebook() else None
        self.next_update = 0.0

    def advance(self, text: str, steps: int = 1) -> None:
        """Move on; `text` says where we are, and is seen only while the work runs."""
        self.bar.update(steps)
        now = time.monotonic()
        if now >= self.next_update:
            self.next_update = now + _SECONDS_BETWEEN_UPDATES
            self.bar.set_postfix_str(text)
            if self.live_output is not None:
                self.live_output.update({"text/plain": text}, raw=True)

    def say(self, line: str) -> None:
        """Print a line that stays."""
        if self.verbose:
            self.bar.write(line, file=sys.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()
        if self.live_output is not None:
            self.live_output.update({"text/plain": ""}, raw=True)


def _in_notebook() -> bool:
    """Whether we run inside a Jupyter kernel; IPython is not imported to find out."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return getattr(get_ipython(), "kernel", None) is not None


def _empty_output() -> Any:
    """Return a handle of a notebook output that can be rewritten."""
    from IPython.display import display

    return display({"text/plain": ""}, raw=True, display_id=True)
