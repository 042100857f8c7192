"""What `Solver` asks of a model, a data set and an update rule, checked where it is used and refused in words."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

UpdateRule = Callable[..., tuple[np.ndarray, dict[str, Any]]]  # (w, dw, config) -> (next_w, config)


def check_model(model: Any) -> None:
    """Raise TypeError unless `model` has ``params``, a dict of float arrays, and a method ``loss``."""
    params = getattr(model, "params", None)
    if not isinstance(params, dict) or not params:
        raise TypeError(
            f"Solver needs model.params, a dict of name -> float array. Got {params!r} instead; "
            f'set self.params = {{"W1": ..., "b1": ...}} in the model\'s __init__.'
        )
    for name, array in params.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            what = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(
                f"Solver needs float arrays in model.params. Got {what} for {name!r} instead; "
                f"make it with dtype=np.float32 or np.float64."
            )
    if not callable(getattr(model, "loss", None)):
        raise TypeError(
            f"Solver needs a method loss(X, y=None) of the model. Got a {type(model).__name__} without one; define it."
        )


def images_and_labels(data: Mapping[str, Any], part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return ``data["X_<part>"]`` and ``data["y_<part>"]``, not copied, once they fit each other."""
    for key in (f"X_{part}", f"y_{part}"):
        if key not in data:
            raise ValueError(
                f"Solver needs data with X_train, y_train, X_val and y_val. Got {', '.join(map(str, data))} instead; "
                f"add {key}."
            )
    X, y = np.asarray(data[f"X_{part}"]), np.asarray(data[f"y_{part}"])
    if y.ndim != 1 or y.dtype.kind not in "iu" or len(y) == 0 or X.shape[:1] != y.shape:
        raise ValueError(
            f"Solver needs one integer label in y_{part} for each image in X_{part}. "
            f"Got X_{part} of shape {X.shape} and y_{part} of shape {y.shape}, dtype {y.dtype}; "
            f"give labels 0, 1, ... of shape (N,)."
        )
    return X, y


def accuracy(model: Any, X: np.ndarray, y: np.ndarray, chosen: np.ndarray | None, batch_size: int) -> float:
    """Give the share of images whose highest score is that of the right class; of all, or of those at `chosen`."""
    if chosen is not None:
        y = y[chosen]
    correct = 0
    for start in range(0, len(y), batch_size):
        part = slice(start, start + batch_size)
        scores = np.asarray(model.loss(X[part] if chosen is None else X[chosen[part]]))
        if scores.ndim != 2 or len(scores) != len(y[part]):
            raise ValueError(
                f"model.loss(X) must return scores of shape (N, number of classes), here "
                f"({len(y[part])}, number of classes). Got {scores.shape} instead; without y, return the scores."
            )
        correct += int((scores.argmax(axis=1) == y[part]).sum())
    return correct / len(y)


def loss_and_gradients(model: Any, X: np.ndarray, y: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
    """Ask the model for its loss, as a float, and for a gradient shaped like each of its parameters.

    Leading axes of one are added to a gradient or taken from it: biases of shape (1, H) train as well as (H,).
    """
    answer = model.loss(X, y)
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], Mapping):
        raise TypeError(
            f"model.loss(X, y) must return (loss, grads), grads being a dict. Got {_in_words(answer)} instead; "
            f"end it with `return loss, grads`."
        )
    loss, grads = np.asarray(answer[0]), {}
    if loss.size != 1:
        raise ValueError(
            f"The loss of model.loss(X, y) must be one number. "
            f"Got shape {loss.shape} instead; take the mean over the batch."
        )
    for name, w in model.params.items():
        if name not in answer[1]:
            raise ValueError(
                f"model.loss(X, y) must return a gradient for each parameter. Got {', '.join(map(str, answer[1]))} and "
                f"none for {name!r}; store it as grads[{name!r}]."
            )
        dw = np.asarray(answer[1][name])
        if _without_leading_ones(dw.shape) != _without_leading_ones(w.shape):
            raise ValueError(
                f"The gradient of {name!r} must have the shape of the parameter, {w.shape}. Got {dw.shape} instead; "
                f"look for a missing sum over the batch or a missing transpose."
            )
        grads[name] = dw.reshape(w.shape)
    return loss.item(), grads


def updated(
    rule: UpdateRule, name: str, w: np.ndarray, dw: np.ndarray, config: dict[str, Any], **settings: Any
) -> tuple[np.ndarray, dict[str, Any]]:
    """Apply an update rule to the parameter `name`; the result keeps the shape and dtype of `w`."""
    answer = rule(w, dw, config, **settings)
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], dict):
        raise TypeError(
            f"The update rule must return (next_w, config), config being a dict. Got {_in_words(answer)} for {name!r} "
            f"instead; end it with `return next_w, config`."
        )
    next_w = np.asarray(answer[0])
    if next_w.shape != w.shape:
        raise ValueError(
            f"The update rule must return next_w of the shape of w, {w.shape} for {name!r}. "
            f"Got {next_w.shape} instead; compare the shapes of w, dw and what config keeps."
        )
    return next_w.astype(w.dtype, copy=False), answer[1]


def name_of(function: Any) -> str | None:
    """Give a name by which a checkpoint knows a function or a callable object; None for None.

    Examples
    --------
    >>> name_of(check_model), name_of(None)
    ('check_model', None)
    """
    return None if function is None else getattr(function, "__qualname__", type(function).__qualname__)


def _without_leading_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape


def _in_words(answer: Any) -> str:
    if isinstance(answer, tuple):
        return f"({', '.join(type(part).__name__ for part in answer)})"
    return type(answer).__name__
