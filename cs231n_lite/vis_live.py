"""Training curves that grow while a network is trained."""

import sys
from typing import Any

from cs231n_lite.vis import plot_history


class LivePlot:
    """Draw loss and accuracies anew after each epoch, in the same place, as a callback of `Solver`.

    It draws in a notebook only. In a terminal it does nothing: there `Solver` prints its line an epoch.

    Examples
    --------
    >>> from cs231n_lite.solver import Solver
    >>> callbacks = [LivePlot()]  # Solver(model, data, callbacks=callbacks)
    """

    def __init__(self) -> None:
        self._shown: Any = None

    def __call__(self, solver: Any) -> None:
        """Draw what `solver` has reached.

        Parameters
        ----------
        solver : Solver
            Or any object that `plot_history` takes.
        """
        if not in_notebook():
            return
        import matplotlib.pyplot as plt
        from IPython.display import display

        plot_history(solver)
        figure = plt.gcf()
        if self._shown is None:
            self._shown = display(figure, display_id=True)
        else:
            self._shown.update(figure)
        plt.close(figure)  # or the notebook shows it once more at the end of the cell


def in_notebook() -> bool:
    """Say whether this runs in a kernel, where a display can be updated; a terminal's IPython is none."""
    ipython = sys.modules.get("IPython")  # asked of what is loaded: a plain program need not have it
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")
