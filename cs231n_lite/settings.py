"""The settings of a `Solver`: checked when it is made, and the learning rates that change as it goes."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

from cs231n_lite import optim
from cs231n_lite.protocol import UpdateRule

_RULES: dict[str, UpdateRule] = {"sgd": optim.sgd, "sgd_momentum": optim.sgd_momentum}


def refuse_unknown(unknown: Collection[str], known: Iterable[str]) -> None:
    """Raise TypeError if there is any parameter that Solver does not know.

    Examples
    --------
    >>> refuse_unknown(["epochs"], ["num_epochs", "seed"])
    Traceback (most recent call last):
    TypeError: Solver has no parameter 'epochs'. It has: num_epochs, seed. Settings of the update rule go into
    optim_config.
    """
    if unknown:
        raise TypeError(
            f"Solver has no parameter {', '.join(map(repr, unknown))}. It has: {', '.join(known)}. "
            "Settings of the update rule go into optim_config."
        )


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise ValueError unless all of Solver's settings that are numbers are fit.

    Examples
    --------
    >>> counts = {"batch_size": 100, "num_epochs": 0, "print_every": None, "num_train_samples": 1000}
    >>> check_settings(counts | {"num_val_samples": None, "patience": None, "seed": 0, "lr_decay": 0.95})
    Traceback (most recent call last):
    ValueError: The num_epochs parameter of Solver must be a whole number above 0. Got 0 instead.
    """
    for name in ("batch_size", "num_epochs"):
        _require(_is_whole(settings[name], 1), name, "a whole number above 0", settings[name])
    _require(_is_whole(settings["seed"], 0), "seed", "a whole number, 0 or above", settings["seed"])
    _require(0 < settings["lr_decay"] < math.inf, "lr_decay", "a number above 0", settings["lr_decay"])
    for name in ("print_every", "patience", "num_train_samples", "num_val_samples"):
        count = settings[name]
        _require(count is None or _is_whole(count, 1), name, "a whole number above 0, or None", count)


def find_rule(update_rule: str | UpdateRule) -> UpdateRule:
    """Give the update rule of this name, or the callable itself; raise ValueError where it is neither.

    Examples
    --------
    >>> find_rule("sgd").__name__
    'sgd'
    """
    rule: Any = _RULES.get(update_rule) if isinstance(update_rule, str) else update_rule
    _require(callable(rule), "update_rule", f"one of {', '.join(_RULES)}, or a callable", update_rule)
    return rule


def plain_numbers(config: Mapping[str, Any]) -> dict[str, Any]:
    """Copy an update rule's config with Python's own numbers: NumPy's would turn float32 parameters into float64.

    Examples
    --------
    >>> plain_numbers({"learning_rate": np.float64(0.5)})
    {'learning_rate': 0.5}
    """
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in config.items()}


def set_learning_rates(configs: Iterable[dict[str, Any]], rate: Callable[[float], float]) -> None:
    """Replace the learning rate in each config, in place, by what `rate` makes of it; ValueError where there is none.

    Examples
    --------
    >>> configs = [{"learning_rate": 0.5}, {"learning_rate": 0.25}]
    >>> set_learning_rates(configs, lambda rate: rate / 2)
    >>> configs
    [{'learning_rate': 0.25}, {'learning_rate': 0.125}]
    """
    for config in configs:
        if "learning_rate" not in config:
            raise ValueError(
                "The optim_config parameter of Solver must have a learning_rate for lr_decay or lr_schedule to change. "
                "Got none instead; put learning_rate into optim_config."
            )
        config["learning_rate"] = float(rate(config["learning_rate"]))


def _require(fits: bool, name: str, needed: str, value: Any) -> None:
    if not fits:
        raise ValueError(f"The {name} parameter of Solver must be {needed}. Got {value!r} instead.")


def _is_whole(value: Any, smallest: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= smallest)
