"""The training loop: `Solver` trains any model that answers ``model.loss``."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from cs231n_lite import checkpoint
from cs231n_lite.divergence import DivergenceError
from cs231n_lite.params import load_params, save_params
from cs231n_lite.progress import Progress
from cs231n_lite.protocol import UpdateRule, accuracy, check_model, images_and_labels, name_of
from cs231n_lite.settings import check_settings, find_rule, plain_numbers, refuse_unknown, set_learning_rates
from cs231n_lite.steps import batches, take_step

__all__ = ["DivergenceError", "Solver", "load_params", "save_params"]


class Solver:
    """Train a classifier on minibatches and remember the parameters that did best on validation data.

    Each epoch shuffles the training set and cuts it into batches of nearly equal size, so every image is used once an
    epoch. Accuracy is measured before the first step and after each epoch. When `train` ends, for whatever reason,
    ``model.params`` holds the parameters with the highest validation accuracy so far.

    Parameters
    ----------
    model : object
        What is trained. It must have

        - ``model.params``: dict of name -> float array. Solver puts each new array back under its name;
        - ``model.loss(X)``: scores, shape (N, number of classes);
        - ``model.loss(X, y)``: ``(loss, grads)``, where loss is one number and ``grads[name]`` is its gradient with
          respect to ``params[name]``, of the same shape up to leading axes of one. `X` is a part of memory that
          is used again for the next step; keep a copy if you keep any.
    data : dict of arrays
        ``X_train`` (N, ...), ``y_train`` (N,), ``X_val`` (M, ...), ``y_val`` (M,), integer labels. Never changed.
    update_rule : str or callable
        Name of a function in `cs231n_lite.optim`, or a callable ``(w, dw, config) -> (next_w, config)``.
    optim_config : dict, optional
        What the update rule starts from, such as ``{"learning_rate": 1e-3}``; each parameter gets its own copy.
    lr_decay, lr_schedule : float, callable
        What the learning rate is multiplied by after each epoch; or a function that gives, from the number of epochs
        done, a factor of the first learning rate, such as ``cosine_decay(10)`` of `cs231n_lite.schedules`.
    patience, callbacks : int, sequence of callables
        Two ways to stop early: when the best validation accuracy is so many epochs old; and when one of the functions,
        which are called with the solver after each epoch, returns True.
    batch_size, num_epochs : int
        Largest number of images in a step; epochs to train in all, those before a resume included.
    verbose, print_every : bool, int
        A line an epoch, and one each time so many steps are done; never anything on stderr.
    checkpoint_name : str or path, optional
        ``"run"`` writes ``run.npz`` after each epoch, for `resume`.
    num_train_samples, num_val_samples : int or None
        Images drawn at random to measure accuracy after an epoch; None takes all of them.
    seed : int
        Decides the order of the images. NumPy's global random state is neither used nor changed.

    Attributes
    ----------
    loss_history, train_acc_history, val_acc_history : list of float
        The loss of each step; the accuracies, from 0 to 1, after 0, 1, 2, ... epochs.
    epoch, best_val_acc, best_params : int, float, dict of ndarray
        Epochs done; the highest validation accuracy so far, and copies of the parameters that reached it.

    Raises
    ------
    TypeError, ValueError
        If a parameter is unknown or unfit, or the model breaks the protocol above.
    DivergenceError
        From `train`, if the loss or a gradient becomes NaN or infinite. The histories stay readable.

    Notes
    -----
    The interface follows the ``Solver`` of CS231n. State outside ``model.params``, such as running averages, is not saved.

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
    """

    def __init__(
        self,
        model: Any,
        data: Mapping[str, Any],
        *,
        update_rule: str | UpdateRule = "sgd",
        optim_config: dict[str, Any] | None = None,
        lr_decay: float = 1.0,
        lr_schedule: Callable[[int], float] | None = None,
        patience: int | None = None,
        callbacks: Sequence[Callable[["Solver"], Any]] = (),
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
        refuse_unknown(unknown, Solver.__init__.__kwdefaults__ or {})
        settings: dict[str, Any] = {"lr_decay": lr_decay, "batch_size": batch_size}
        settings |= {"num_train_samples": num_train_samples, "num_val_samples": num_val_samples, "seed": seed}
        check_settings(settings | {"num_epochs": num_epochs, "print_every": print_every, "patience": patience})
        self.update_rule = find_rule(update_rule)
        check_model(model)
        self.model = model
        self.X_train, self.y_train = images_and_labels(data, "train")
        self.X_val, self.y_val = images_and_labels(data, "val")
        self.lr_decay, self.batch_size, self.num_epochs, self.seed = float(lr_decay), batch_size, num_epochs, seed
        self.num_train_samples, self.num_val_samples = num_train_samples, num_val_samples
        self.print_every, self.verbose, self.checkpoint_name = print_every, verbose, checkpoint_name
        self.lr_schedule, self.patience, self.callbacks = lr_schedule, patience, callbacks
        config = self._config = plain_numbers(optim_config or {})
        self.optim_configs = {name: dict(config) for name in model.params}
        # What fixes the course of a run: resumed with other settings, it would be another run.
        names = {"update_rule": name_of(self.update_rule), "lr_schedule": name_of(lr_schedule)}
        self._course = settings | names | {"optim_config": repr(config), "lr_decay": self.lr_decay}
        self.loss_history: list[float] = []
        self.train_acc_history, self.val_acc_history = list[float](), list[float]()
        self.best_params: dict[str, np.ndarray] = {}
        self.epoch, self.best_val_acc = 0, 0.0

    def train(self) -> None:
        """Train until `num_epochs` epochs are done, then put the best parameters into the model.

        Raise ``solver.num_epochs`` and call again to go on from there. The errors are those of `Solver`.
        """
        num_steps = math.ceil(len(self.y_train) / self.batch_size)
        # Overflow on the way to divergence is reported by DivergenceError, in words and with advice.
        with np.errstate(all="ignore"), Progress(num_steps * (self.num_epochs - self.epoch), self.verbose) as progress:
            if self.epoch >= self.num_epochs:
                progress.say(f"{self.epoch} epochs are done; raise solver.num_epochs to train on.")
            # Copies: the update rules may write into them, and the model's own arrays may be someone else's too.
            self.model.params.update(_copies(self.model.params))
            try:
                if not self.val_acc_history:
                    self._measure_accuracy()
                stop = False
                while self.epoch < self.num_epochs and not stop:
                    self._run_epoch(num_steps, progress)
                    if self.checkpoint_name is not None:
                        checkpoint.save(f"{os.fspath(self.checkpoint_name)}.npz", self, self._course)
                    stop = any([callback(self) is True for callback in self.callbacks])  # a list: all are called
                    if self.patience and self.epoch - int(np.argmax(self.val_acc_history)) >= self.patience:
                        progress.say(f"stopped early: validation accuracy was best {self.patience} epochs ago.")
                        stop = True
            finally:
                self.model.params.update(_copies(self.best_params))

    def check_accuracy(self, X: Any, y: Any, num_samples: int | None = None, batch_size: int = 100) -> float:
        """Measure how often the class with the highest score is the right one. The errors are those of `Solver`.

        Parameters
        ----------
        X, y : ndarray, shape (N, ...), and ndarray of int, shape (N,)
            Images and their labels.
        num_samples : int, optional
            Measure on so many images drawn at random, instead of all. The draw depends on the seed and on the epoch
            alone, so that measuring more often does not change the training.
        batch_size : int
            Images given to the model at once.

        Returns
        -------
        accuracy : float
            From 0 to 1.
        """
        X, y = np.asarray(X), np.asarray(y)
        chosen = None
        if num_samples is not None and num_samples < len(y):
            chosen = np.random.default_rng([self.seed, self.epoch, 1]).choice(len(y), num_samples, replace=False)
        return accuracy(self.model, X, y, chosen, batch_size)

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
        checkpoint.restore(path, solver, solver._course)
        return solver

    def _measure_accuracy(self) -> None:
        """Add to the accuracy histories; keep a copy of the parameters if they are the best so far."""
        self.train_acc_history.append(self.check_accuracy(self.X_train, self.y_train, self.num_train_samples))
        self.val_acc_history.append(self.check_accuracy(self.X_val, self.y_val, self.num_val_samples))
        if not self.best_params or self.val_acc_history[-1] > self.best_val_acc:
            self.best_val_acc = self.val_acc_history[-1]
            self.best_params = _copies(self.model.params)

    def _run_epoch(self, num_steps: int, progress: Progress) -> None:
        """Use every training image once, in an order that depends on the seed and the epoch alone; then measure."""
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.y_train))
        configs = self.optim_configs
        if (schedule := self.lr_schedule) is not None:
            set_learning_rates(configs.values(), lambda _: self._config["learning_rate"] * schedule(self.epoch))
        for step, (X, y) in enumerate(batches(self.X_train, self.y_train, order, num_steps), start=1):
            loss = take_step(self.model, self.update_rule, configs, X, y, self.loss_history)
            progress.advance(f"epoch {self.epoch + 1} / {self.num_epochs}, step {step} / {num_steps}, loss {loss:.2f}")
            if self.print_every and len(self.loss_history) % self.print_every == 0:
                progress.say(f"step {len(self.loss_history)}: loss {loss:.2f}")
        self.epoch += 1
        if self.lr_decay != 1.0:
            set_learning_rates(configs.values(), lambda rate: rate * self.lr_decay)
        self._measure_accuracy()
        progress.say(
            f"epoch {self.epoch} / {self.num_epochs}: loss {np.mean(self.loss_history[-num_steps:]):.2f}, "
            f"training accuracy {self.train_acc_history[-1]:.2f}, validation accuracy {self.val_acc_history[-1]:.2f}"
        )


def _copies(params: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in params.items()}
