"""One epoch of training, step by step: batches in shuffled order, each moving every parameter once."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cs231n_lite import optim
from cs231n_lite.divergence import stop_if_diverged
from cs231n_lite.protocol import UpdateRule, loss_and_gradients, updated

_WORK_IN_PLACE = (optim.sgd, optim.sgd_momentum)


def batches(X: np.ndarray, y: np.ndarray, order: np.ndarray, num_steps: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Copy the images of each step into memory that is used again for the next one.

    Parameters
    ----------
    X, y : ndarray, shape (N, ...), and ndarray of int, shape (N,)
        Images and labels; only one batch of them is ever copied.
    order : ndarray of int, shape (N,)
        Which image comes when.
    num_steps : int
        Number of batches, of nearly equal size.

    Yields
    ------
    X_batch, y_batch : ndarray
        Good until the next batch is asked for.

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([5, 6, 7])
    >>> [(X_batch.tolist(), y_batch.tolist()) for X_batch, y_batch in batches(X, y, np.array([2, 0, 1]), 2)]
    [([[2.0], [0.0]], [7, 5]), ([[1.0]], [6])]
    """
    parts = np.array_split(order, num_steps)
    memory = np.empty((len(parts[0]), *X.shape[1:]), X.dtype)  # the first part is the longest
    for chosen in parts:
        # mode="clip": with the default, NumPy makes a copy first, to be able to leave `out` alone if an index is wrong.
        yield np.take(X, chosen, axis=0, out=memory[: len(chosen)], mode="clip"), y[chosen]


def take_step(
    model: Any, rule: UpdateRule, configs: dict[str, dict[str, Any]], X: np.ndarray, y: np.ndarray, history: list[float]
) -> float:
    """Move every parameter one step down its gradient on one batch.

    Parameters
    ----------
    model : object
        As `Solver` needs it; ``model.params`` is changed, by the package's own rules in place.
    rule : callable
        The update rule.
    configs : dict of name -> dict
        The rule's config for each parameter; replaced by what the rule returns.
    X, y : ndarray, shape (N, ...), and ndarray of int, shape (N,)
        The batch.
    history : list of float
        The loss is added to it, even if it is not finite.

    Returns
    -------
    loss : float
        Before the step.

    Raises
    ------
    DivergenceError
        If the loss or a gradient is not finite; no parameter is changed then.
    """
    loss, grads = loss_and_gradients(model, X, y)
    history.append(loss)
    stop_if_diverged(loss, grads, len(history), configs)
    settings = {"in_place": True} if rule in _WORK_IN_PLACE else {}
    for name, dw in grads.items():
        model.params[name], configs[name] = updated(rule, name, model.params[name], dw, configs[name], **settings)
    return loss
