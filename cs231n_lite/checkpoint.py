"""Checkpoints of a `Solver`: everything that a training run needs to go on, in one npz file.

Arrays stand under ``params/<name>``, ``best_params/<name>`` and ``config/<setting>/<name>``; everything else is JSON
under ``state``. Reading one runs nothing (see `params`).
"""

import json
import os
from collections.abc import Mapping
from typing import Any

from cs231n_lite.params import load_params, save_params

_STATE = ("epoch", "loss_history", "train_acc_history", "val_acc_history", "best_val_acc")


def save(path: str | os.PathLike[str], solver: Any, course: Mapping[str, Any]) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    path : str or path
        Where to, ``.npz`` included.
    solver : Solver
        Whose model, histories, best parameters and update rule's configs are saved.
    course : dict of name -> plain value
        The settings that fix the course of the run; `restore` asks for the same.
    """
    arrays = {f"params/{name}": array for name, array in solver.model.params.items()}
    arrays |= {f"best_params/{name}": array for name, array in solver.best_params.items()}
    for name, config in solver.optim_configs.items():
        arrays |= {f"config/{setting}/{name}": value for setting, value in config.items()}
    state = {name: getattr(solver, name) for name in _STATE}
    save_params(path, arrays, state=json.dumps(state | {"course": course}, default=float))


def restore(path: str | os.PathLike[str], solver: Any, course: Mapping[str, Any]) -> None:
    """Put what `save` wrote into a new solver of the same settings, and into its model.

    Parameters
    ----------
    path : str or path
    solver : Solver
        Changed in place, as is ``solver.model.params``.
    course : dict of name -> plain value
        The settings of `solver`, under the names that `save` was given.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no checkpoint, or comes from another model or other settings.
    """
    saved = load_params(path)
    if "state" not in saved:
        raise ValueError(
            f"Solver.resume needs a checkpoint, and {os.fspath(path)!r} holds parameters alone. "
            f"Write one with Solver(..., checkpoint_name='run')."
        )
    state = json.loads(str(saved.pop("state")))
    for name, value in state.pop("course").items():
        if course[name] != value:
            raise ValueError(
                f"The {name} parameter of Solver must be {value!r} as in the checkpoint. Got {course[name]!r} instead."
            )
    params = solver.model.params
    shapes = {key[len("params/") :]: array.shape for key, array in saved.items() if key.startswith("params/")}
    own_shapes = {name: array.shape for name, array in params.items()}
    if own_shapes != shapes:
        raise ValueError(
            f"The model parameter of Solver.resume must have the checkpoint's parameters, {shapes}. "
            f"Got {own_shapes} instead."
        )
    vars(solver).update(state)
    for key, array in saved.items():
        kind, _, name = key.partition("/")
        if kind == "params":
            params[name] = array
        elif kind == "best_params":
            solver.best_params[name] = array
        else:
            setting, _, name = name.partition("/")
            solver.optim_configs[name][setting] = array if array.ndim else array.item()
