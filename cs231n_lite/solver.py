"""The training loop: `Solver` trains any model that answers ``model.loss``."""

import json
import math
import os
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from cs231n_lite import optim
from cs231n_lite.params import load_params, save_params
from cs231n_lite.progress import Progress
from cs231n_lite.protocol import UpdateRule, check_model, images_and_labels, loss_and_gradients, updated

__all__ = ["DivergenceError", "Solver", "load_params", "save_params"]

_RULES: dict[str, UpdateRule] = {"sgd": optim.sgd, "sgd_momentum": optim.sgd_momentum}


class DivergenceError(FloatingPointError):
    """The loss or a gradient is NaN or infinite, so training cannot go on."""


class Solver:
    """Train a classifier on minibatches and remember the parameters that did best on validation data.

    Each epoch shuffles the training set and cuts it into batches of nearly equal size, so every image is used
    once an epoch. Accuracy is measured before the first step and after each epoch. When `train` ends, for
    whatever reason, ``model.params`` holds the parameters with the highest validation accuracy so far.

    Parameters
    ----------
    model : object
        What is trained. It must have

        - ``model.params``: dict of name -> float array. Solver puts each new array back under its name;
        - ``model.loss(X)``: scores, shape (N, number of classes);
        - ``model.loss(X, y)``: ``(loss, grads)``, where loss is one number and ``grads[name]`` is the gradient
          of the loss with respect to ``params[name]``, of the same shape up to leading axes of one.
    data : dict of arrays
        ``X_train`` (N, ...), ``y_train`` (N,), ``X_val`` (M, ...), ``y_val`` (M,); labels are integers.
        Neither copied nor changed.
    update_rule : str or callable
        Name of a function in `cs231n_lite.optim`, or a callable ``(w, dw, config) -> (next_w, config)``.
    optim_config : dict, optional
        What the update rule starts from, such as ``{"learning_rate": 1e-3}``; each parameter gets its own copy.
    lr_decay : float
        The learning rate is multiplied by this after each epoch.
    batch_size : int
        Largest number of images in a step.
    num_epochs : int
        Epochs to train in all, those before a resume included.
    print_every : int, optional
        Also print the loss each time so many steps are done. By default there is one line an epoch, with the
        mean loss of its steps.
    verbose : bool
        False prints nothing. Nothing is ever written to stderr.
    checkpoint_name : str or path, optional
        ``"run"`` writes ``run.npz`` after each epoch, for `resume`.
    num_train_samples, num_val_samples : int or None
        Images drawn at random to measure accuracy after an epoch; None takes all of them.
    seed : int
        Decides the order of the images. NumPy's global random state is neither used nor changed.

    Attributes
    ----------
    loss_history : list of float
        The loss of each step.
    train_acc_history, val_acc_history : list of float
        Accuracy, from 0 to 1, after 0, 1, 2, ... epochs.
    best_params : dict of ndarray
        Copies of the parameters with the highest validation accuracy.
    best_val_acc : float
        That accuracy.
    epoch : int
        Epochs done.

    Raises
    ------
    TypeError, ValueError
        If a parameter is unknown or unfit, or the model breaks the protocol above.
    DivergenceError
        From `train`, if the loss or a gradient becomes NaN or infinite. The histories stay readable.

    Notes
    -----
    The interface follows the ``Solver`` of Stanford's course CS231n. A model's state outside ``model.params``,
    such as running averages or a random generator, is neither saved nor restored.

    Examples
    --------
    >>> class LeastSquares:
    ...     def __init__(self):
    ...         self.params = {"W": np.zeros((2, 2)), "b": np.zeros(2)}
    ...     def loss(self, X, y=None):
    ...         scores = X @ self.params["W"] + self.params["b"]
    ...         if y is None:
    ...             return scores
    ...         error = scores - np.eye(2)[y]
    ...         return 0.5 * (error**2).sum() / len(y), {"W": X.T @ error / len(y), "b": error.mean(axis=0)}
    >>> X, y = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [2.0, 0.0]]), np.array([0, 1, 0, 1])
    >>> data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
    >>> solver = Solver(LeastSquares(), data, optim_config={"learning_rate": 0.1}, batch_size=2, num_epochs=2)
    >>> solver.train()
    epoch 1 / 2: loss 0.50, training accuracy 1.00, validation accuracy 1.00
    epoch 2 / 2: loss 0.21, training accuracy 1.00, validation accuracy 1.00
    >>> solver.val_acc_history
    [0.5, 1.0, 1.0]
    """

    def __init__(
        self,
        model: Any,
        data: Mapping[str, Any],
        *,
        update_rule: str | UpdateRule = "sgd",
        optim_config: dict[str, Any] | None = None,
        lr_decay: float = 1.0,
        batch_size: int = 100,
        num_epochs: int = 10,
        print_every: int | None = None,
        verbose: bool = True,
        checkpoint_name: str | os.PathLike[str] | None = None,
        num_train_samples: int | None = 1000,
        num_val_samples: int | None = None,
        seed: int = 0,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise TypeError(
                f"Solver has no parameter {', '.join(map(repr, unknown))}. It has: "
                f"{', '.join(Solver.__init__.__kwdefaults__ or ())}. Settings of the update rule go into optim_config."
            )
        for name, value in {"batch_size": batch_size, "num_epochs": num_epochs}.items():
            _require(_is_whole(value, 1), name, "a whole number above 0", value)
        _require(_is_whole(seed, 0), "seed", "a whole number, 0 or above", seed)
        _require(0 < lr_decay < math.inf, "lr_decay", "a number above 0", lr_decay)
        counts = {
            "print_every": print_every,
            "num_train_samples": num_train_samples,
            "num_val_samples": num_val_samples,
        }
        for name, count in counts.items():
            _require(count is None or _is_whole(count, 1), name, "a whole number above 0, or None", count)
        rule: Any = _RULES.get(update_rule) if isinstance(update_rule, str) else update_rule
        _require(callable(rule), "update_rule", f"one of {', '.join(_RULES)}, or a callable", update_rule)
        check_model(model)

        self.model = model
        self.X_train, self.y_train = images_and_labels(data, "train")
        self.X_val, self.y_val = images_and_labels(data, "val")
        self.update_rule = rule
        self.lr_decay, self.batch_size, self.num_epochs, self.seed = float(lr_decay), batch_size, num_epochs, seed
        self.num_train_samples, self.num_val_samples = num_train_samples, num_val_samples
        self.print_every, self.verbose, self.checkpoint_name = print_every, verbose, checkpoint_name

        # Python's own numbers: a NumPy float64 would turn float32 parameters into float64.
        config = {k: v.item() if isinstance(v, np.generic) else v for k, v in (optim_config or {}).items()}
        self.optim_configs = {name: dict(config) for name in model.params}
        # What fixes the course of a run: resumed with other settings, it would be another run.
        self._course = {
            "update_rule": getattr(rule, "__name__", type(rule).__name__),
            "optim_config": repr(config),
            "lr_decay": self.lr_decay,
            "batch_size": batch_size,
            "num_train_samples": num_train_samples,
            "num_val_samples": num_val_samples,
            "seed": seed,
        }
        self.epoch = 0
        self.loss_history: list[float] = []
        self.train_acc_history: list[float] = []
        self.val_acc_history: list[float] = []
        self.best_params: dict[str, np.ndarray] = {}
        self.best_val_acc = 0.0

    def train(self) -> None:
        """Train until `num_epochs` epochs are done, then put the best parameters into the model.

        Raise ``solver.num_epochs`` and call again to go on from there.

        Raises
        ------
        DivergenceError
            If the loss or a gradient becomes NaN or infinite.
        TypeError, ValueError
            If the model or the update rule breaks its protocol.
        """
        steps_per_epoch = math.ceil(len(self.y_train) / self.batch_size)
        remaining = steps_per_epoch * (self.num_epochs - self.epoch)
        # Overflow on the way to divergence is reported by DivergenceError, in words and with advice.
        with np.errstate(all="ignore"), Progress(remaining, self.verbose) as progress:
            if self.epoch >= self.num_epochs:
                progress.say(f"{self.epoch} epochs are done; raise solver.num_epochs to train on.")
            try:
                if not self.val_acc_history:
                    self._measure_accuracy()
                while self.epoch < self.num_epochs:
                    self._run_epoch(steps_per_epoch, progress)
                    self._measure_accuracy()
                    progress.say(
                        f"epoch {self.epoch} / {self.num_epochs}: "
                        f"loss {np.mean(self.loss_history[-steps_per_epoch:]):.2f}, "
                        f"training accuracy {self.train_acc_history[-1]:.2f}, "
                        f"validation accuracy {self.val_acc_history[-1]:.2f}"
                    )
                    if self.checkpoint_name is not None:
                        self._save(f"{os.fspath(self.checkpoint_name)}.npz")
            finally:
                self.model.params.update({name: array.copy() for name, array in self.best_params.items()})

    def check_accuracy(self, X: Any, y: Any, num_samples: int | None = None, batch_size: int = 100) -> float:
        """Measure how often the class with the highest score is the right one.

        Parameters
        ----------
        X : ndarray, shape (N, ...)
            Images.
        y : ndarray of int, shape (N,)
            Their labels.
        num_samples : int, optional
            Measure on so many images drawn at random, instead of all. The draw depends on the seed and on the
            epoch alone, so that measuring more often does not change the training.
        batch_size : int
            Images given to the model at once.

        Returns
        -------
        accuracy : float
            From 0 to 1.

        Raises
        ------
        ValueError
            If ``model.loss(X)`` does not return scores of shape (N, number of classes).
        """
        X, y = np.asarray(X), np.asarray(y)
        chosen = None
        if num_samples is not None and num_samples < len(y):
            chosen = np.random.default_rng([self.seed, self.epoch, 1]).choice(len(y), num_samples, replace=False)
            y = y[chosen]
        correct = 0
        for start in range(0, len(y), batch_size):
            part = slice(start, start + batch_size)
            scores = np.asarray(self.model.loss(X[part] if chosen is None else X[chosen[part]]))
            if scores.ndim != 2 or len(scores) != len(y[part]):
                raise ValueError(
                    f"model.loss(X) must return scores of shape (N, number of classes), here "
                    f"({len(y[part])}, number of classes). Got {scores.shape} instead; without y, return the scores."
                )
            correct += int((scores.argmax(axis=1) == y[part]).sum())
        return correct / len(y)

    @classmethod
    def resume(cls, path: str | os.PathLike[str], model: Any, data: Mapping[str, Any], **settings: Any) -> Self:
        """Make a solver that goes on from a checkpoint; `train` then gives the history of an unbroken run.

        Parameters
        ----------
        path : str or path
            What `checkpoint_name` led to, such as ``"run.npz"``.
        model, data
            As for `Solver`; ``model.params`` is replaced by what was saved.
        **settings
            As for the `Solver` that wrote the checkpoint. Only `num_epochs` and what is printed or saved may differ.

        Returns
        -------
        solver : Solver
            Ready to `train`.

        Raises
        ------
        ValueError
            If the file is no checkpoint, or comes from another model or other settings.
        """
        solver = cls(model, data, **settings)
        saved = load_params(path)
        if "state" not in saved:
            raise ValueError(
                f"Solver.resume needs a checkpoint, and {os.fspath(path)!r} holds parameters alone. "
                f"Write one with Solver(..., checkpoint_name='run')."
            )
        state = json.loads(str(saved.pop("state")))
        for name, value in state.pop("course").items():
            _require(solver._course[name] == value, name, f"{value!r} as in the checkpoint", solver._course[name])
        shapes = {key[len("params/") :]: array.shape for key, array in saved.items() if key.startswith("params/")}
        own_shapes = {name: array.shape for name, array in model.params.items()}
        if own_shapes != shapes:
            raise ValueError(
                f"The model parameter of Solver.resume must have the checkpoint's parameters, {shapes}. "
                f"Got {own_shapes} instead."
            )
        vars(solver).update(state)
        for key, array in saved.items():
            kind, _, name = key.partition("/")
            if kind == "params":
                model.params[name] = array
            elif kind == "best_params":
                solver.best_params[name] = array
            else:
                setting, _, name = name.partition("/")
                solver.optim_configs[name][setting] = array if array.ndim else array.item()
        return solver

    def _save(self, path: str) -> None:
        """Write a checkpoint: arrays under ``kind/name``, and everything else as JSON."""
        arrays = {f"params/{name}": array for name, array in self.model.params.items()}
        arrays |= {f"best_params/{name}": array for name, array in self.best_params.items()}
        for name, config in self.optim_configs.items():
            arrays |= {f"config/{setting}/{name}": value for setting, value in config.items()}
        names = ("epoch", "loss_history", "train_acc_history", "val_acc_history", "best_val_acc")
        state = {name: getattr(self, name) for name in names}
        save_params(path, arrays, state=json.dumps(state | {"course": self._course}, default=float))

    def _measure_accuracy(self) -> None:
        """Add to the accuracy histories; keep a copy of the parameters if they are the best so far."""
        self.train_acc_history.append(self.check_accuracy(self.X_train, self.y_train, self.num_train_samples))
        self.val_acc_history.append(self.check_accuracy(self.X_val, self.y_val, self.num_val_samples))
        if not self.best_params or self.val_acc_history[-1] > self.best_val_acc:
            self.best_val_acc = self.val_acc_history[-1]
            self.best_params = {name: array.copy() for name, array in self.model.params.items()}

    def _run_epoch(self, num_steps: int, progress: Progress) -> None:
        """Use every training image once, in an order that depends on the seed and the epoch alone."""
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.y_train))
        for step, chosen in enumerate(np.array_split(order, num_steps), start=1):
            loss = self._step(self.X_train[chosen], self.y_train[chosen])
            progress.advance(f"epoch {self.epoch + 1} / {self.num_epochs}, step {step} / {num_steps}, loss {loss:.2f}")
            if self.print_every and len(self.loss_history) % self.print_every == 0:
                progress.say(f"step {len(self.loss_history)}: loss {loss:.2f}")
        self.epoch += 1
        if self.lr_decay != 1.0:
            for config in self.optim_configs.values():
                if "learning_rate" not in config:
                    raise ValueError(
                        f"The lr_decay parameter of Solver must be 1.0 where config has no learning_rate to "
                        f"multiply. Got {self.lr_decay} instead; put learning_rate into optim_config."
                    )
                config["learning_rate"] *= self.lr_decay

    def _step(self, X: np.ndarray, y: np.ndarray) -> float:
        """Move every parameter one step down its gradient on one batch; return the loss before the step."""
        loss, grads = loss_and_gradients(self.model, X, y)
        self.loss_history.append(loss)
        if not math.isfinite(loss):
            raise self._divergence(f"the loss is {loss}")
        for name, dw in grads.items():
            if not np.isfinite(dw.sum()):
                raise self._divergence(
                    f"the gradient of {name!r} has NaN or infinite entries though the loss is {loss:.3g}"
                )
        for name, dw in grads.items():
            self.model.params[name], self.optim_configs[name] = updated(
                self.update_rule, name, self.model.params[name], dw, self.optim_configs[name]
            )
        return loss

    def _divergence(self, what: str) -> DivergenceError:
        """Say what happened, at which step and learning rate, and what to try."""
        step = len(self.loss_history)
        rate = next(iter(self.optim_configs.values())).get("learning_rate")
        if step == 1:
            advice = (
                "No step has been taken yet, so the learning rate is not the cause: look for a logarithm of zero, an "
                "overflowing exponential, a division by zero, very large initial weights, or NaN in the data."
            )
        elif rate is None:
            advice = "Try a learning rate 10 times smaller in optim_config."
        else:
            advice = f"The learning rate is {rate:.3g}; try one 10 times smaller, {rate / 10:.3g}."
        return DivergenceError(f"Training needs finite numbers, and at step {step} {what}. {advice}")


def _require(fits: bool, name: str, needed: str, value: Any) -> None:
    if not fits:
        raise ValueError(f"The {name} parameter of Solver must be {needed}. Got {value!r} instead.")


def _is_whole(value: Any, smallest: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= smallest)
