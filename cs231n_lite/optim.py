"""Update rules: how one parameter takes one step down its gradient.

A rule is a function ``(w, dw, config) -> (next_w, config)``. It keeps what it needs to remember between two
steps in the returned `config`, so that one rule serves every parameter of a model. `Solver` accepts the name of
a rule in this module, or any function of the same form.
"""

from typing import Any

import numpy as np

Config = dict[str, Any]


def sgd(
    w: np.ndarray, dw: np.ndarray, config: Config | None = None, in_place: bool = False
) -> tuple[np.ndarray, Config]:
    """Step against the gradient: ``next_w = w - learning_rate * dw``.

    Parameters
    ----------
    w : ndarray, any shape
        The parameter. Left untouched, unless `in_place`.
    dw : ndarray, shaped like `w`
        Gradient of the loss with respect to `w`. Left untouched.
    config : dict, optional
        ``learning_rate`` (default 1e-2). Left untouched.
    in_place : bool
        True writes the result into `w`: large arrays are faster changed than made anew.

    Returns
    -------
    next_w : ndarray, shaped like `w`
        The parameter after the step.
    config : dict
        Settings for the next step, defaults filled in.

    Raises
    ------
    ValueError
        If `config` has a key that this rule does not know.

    References
    ----------
    H. Robbins and S. Monro, "A Stochastic Approximation Method", 1951.

    Examples
    --------
    >>> next_w, config = sgd(np.array([1.0, -2.0]), np.array([10.0, 0.0]), {"learning_rate": 0.1})
    >>> next_w
    array([ 0., -2.])
    """
    config = _filled_in("sgd", config, learning_rate=1e-2)
    # float(): a NumPy float64 rate would turn a float32 parameter into float64.
    return np.subtract(w, float(config["learning_rate"]) * dw, out=w if in_place else None), config


def sgd_momentum(
    w: np.ndarray, dw: np.ndarray, config: Config | None = None, in_place: bool = False
) -> tuple[np.ndarray, Config]:
    """Let a ball roll down the loss: the step is a fading sum of all gradients so far.

    ``velocity = momentum * velocity - learning_rate * dw``, then ``next_w = w + velocity``.

    Parameters
    ----------
    w : ndarray, any shape
        The parameter. Left untouched, unless `in_place`.
    dw : ndarray, shaped like `w`
        Gradient of the loss with respect to `w`. Left untouched.
    config : dict, optional
        ``learning_rate`` (default 1e-2); ``momentum`` (default 0.9), the part of the velocity kept from one step
        to the next; ``velocity`` (default zeros), shaped like `w`. Left untouched.
    in_place : bool
        True writes the results into `w` and ``velocity``: large arrays are faster changed than made anew.

    Returns
    -------
    next_w : ndarray, shaped like `w`
        The parameter after the step.
    config : dict
        Settings for the next step, with the new ``velocity``.

    Raises
    ------
    ValueError
        If `config` has a key that this rule does not know.

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and momentum in deep
    learning", ICML 2013. The idea is B. T. Polyak's, 1964.

    Examples
    --------
    >>> w, dw = np.array([1.0]), np.array([2.0])
    >>> w, config = sgd_momentum(w, dw, {"learning_rate": 0.1, "momentum": 0.5})
    >>> w, config = sgd_momentum(w, dw, config)
    >>> w, config["velocity"]
    (array([0.5]), array([-0.3]))
    """
    config = _filled_in("sgd_momentum", config, learning_rate=1e-2, momentum=0.9, velocity=None)
    step = float(config["learning_rate"]) * dw
    if config["velocity"] is None:
        velocity = np.asarray(-step)
    else:
        old = config["velocity"]
        velocity = np.multiply(old, float(config["momentum"]), out=old if in_place else None)
        velocity -= step
    config["velocity"] = velocity
    return np.add(w, velocity, out=w if in_place else None), config


def _filled_in(rule: str, config: Config | None, **defaults: Any) -> Config:
    """Return a new config: the caller's settings over the defaults, misspelt ones refused."""
    unknown = sorted(set(config or {}) - set(defaults))
    if unknown:
        raise ValueError(
            f"The config parameter of {rule} must be a dict with keys among {', '.join(defaults)}. "
            f"Got {', '.join(map(repr, unknown))} instead."
        )
    return {**defaults, **(config or {})}
