"""Learning-rate schedules: by what factor the learning rate of `Solver` is multiplied, epoch by epoch.

A schedule is a function of the number of epochs done, 0 during the first one; ``lr_schedule`` takes any such function.
"""

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def step_decay(factor: float, every: int) -> Schedule:
    """Multiply the learning rate by `factor` after each `every` epochs.

    Examples
    --------
    >>> schedule = step_decay(0.1, every=2)
    >>> [round(schedule(epoch), 3) for epoch in range(5)]
    [1.0, 1.0, 0.1, 0.1, 0.01]
    """
    return lambda epoch: factor ** (epoch // every)


def cosine_decay(num_epochs: int, warmup: int = 0) -> Schedule:
    """Let the learning rate fall along half a wave, slowly, fast and slowly again, to nearly zero.

    Parameters
    ----------
    num_epochs : int
        Epochs until the end of the wave; after it the last factor is kept.
    warmup : int
        Epochs in which the rate first rises to its full height, in equal steps.

    Returns
    -------
    schedule : callable
        From the number of epochs done to a factor from 0 to 1.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.

    Examples
    --------
    >>> schedule = cosine_decay(4)
    >>> [round(schedule(epoch), 2) for epoch in range(5)]
    [1.0, 0.85, 0.5, 0.15, 0.15]
    >>> [round(cosine_decay(4, warmup=2)(epoch), 2) for epoch in range(4)]
    [0.5, 1.0, 1.0, 0.5]
    """

    def schedule(epoch: int) -> float:
        if epoch < warmup:
            return (epoch + 1) / warmup
        progress = (min(epoch, num_epochs - 1) - warmup) / (num_epochs - warmup)
        return 0.5 * (1 + math.cos(math.pi * progress))

    return schedule
