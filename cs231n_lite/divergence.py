"""A loss or a gradient that is no finite number: said at which step, and what to try."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


class DivergenceError(FloatingPointError):
    """The loss or a gradient is NaN or infinite, so training cannot go on."""


def stop_if_diverged(loss: float, grads: Mapping[str, np.ndarray], step: int, configs: Mapping[str, Any]) -> None:
    """Raise DivergenceError, with advice, unless the loss and every gradient are finite.

    Parameters
    ----------
    loss : float
    grads : dict of name -> ndarray
        The gradient of each parameter.
    step : int
        Which step of the training this is; the first is 1.
    configs : dict of name -> dict
        The update rule's config for each parameter, with or without a ``learning_rate``.

    Raises
    ------
    DivergenceError
        If the loss or an entry of a gradient is NaN or infinite.

    Examples
    --------
    >>> stop_if_diverged(2.3, {"W": np.ones((3, 2))}, step=1, configs={"W": {}})
    >>> stop_if_diverged(np.nan, {"W": np.ones((3, 2))}, step=8, configs={"W": {"learning_rate": 10.0}})
    Traceback (most recent call last):
    cs231n_lite.divergence.DivergenceError: Training needs finite numbers, and at step 8 the loss is nan.
    The learning rate is 10; try one 10 times smaller, 1.
    """
    if not math.isfinite(loss):
        what = f"the loss is {loss}"
    else:
        # Where the sum of squares or the sum is finite, so is every entry; the first is quicker, the second rarely overflows.
        bad = [n for n, dw in grads.items() if not (np.isfinite(np.vdot(dw, dw)) or np.isfinite(dw.sum()))]
        if not bad:
            return
        what = f"the gradient of {bad[0]!r} has NaN or infinite entries though the loss is {loss:.3g}"
    learning_rate = next(iter(configs.values())).get("learning_rate")
    if step == 1:
        advice = (
            "No step has been taken yet, so the learning rate is not the cause: look for a logarithm of zero, an "
            "overflowing exponential, a division by zero, very large initial weights, or NaN in the data."
        )
    elif learning_rate is None:
        advice = "Try a learning rate 10 times smaller in optim_config."
    else:
        advice = f"The learning rate is {learning_rate:.3g}; try one 10 times smaller, {learning_rate / 10:.3g}."
    raise DivergenceError(f"Training needs finite numbers, and at step {step} {what}. {advice}")
