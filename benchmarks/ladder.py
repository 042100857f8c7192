"""Put the embedded data sets beside the real ones: the same networks, code and settings, rung by rung.

Run ``CS231N_LITE_DATA=<folder of the official files> OPENBLAS_NUM_THREADS=1 python -m benchmarks.ladder``; without the
official files there is nothing to compare and it says so. A figure is the accuracy, in per cent, on 10,000 training
pictures that were held back (5,000 in the short ladders), of the parameters that did best on 1,000 of them. The aims,
for each ladder: no rung more than 6 points from the real one, and the same order - two rungs that are at least 2 points
apart on the real data never change places. Words after the command choose among the ladders:
``... benchmarks.ladder MNIST models``.
"""

import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from io import StringIO
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from benchmarks.networks import ThreeLayerConvNet, reference_answers
from cs231n_lite.data import load_cifar10, load_mnist
from cs231n_lite.divergence import DivergenceError
from cs231n_lite.solver import Solver

LONG, SHORT = (40_000, 10_000), (10_000, 5_000)  # training and held-back pictures
FAR, SAME = 6, 2  # points: farther apart than FAR is a miss; real rungs closer than SAME may change places
DEEP = [100] * 5


class Rung(NamedTuple):
    """One network, and how it is trained."""

    make: Callable[[], Any]
    rate: float
    epochs: int


class Perceptron:
    """Affine layers with an activation between them, normalised or not, made of the course's own reference answers."""

    def __init__(self, dims: list[int], activation: str = "relu", init: Any = "he", batchnorm: bool = False) -> None:
        self.answers = reference_answers("batchnorm", "activations")
        self.activation, self.layers = activation, len(dims) - 1
        self.params: dict[str, np.ndarray] = {}
        rng = np.random.default_rng(0)
        for i, (fan_in, fan_out) in enumerate(pairwise(dims), start=1):
            scale = {"xavier": fan_in**-0.5, "he": (2 / fan_in) ** 0.5}.get(init, init)
            self.params[f"W{i}"] = scale * rng.standard_normal((fan_in, fan_out), dtype=np.float32)
            self.params[f"b{i}"] = np.zeros(fan_out, np.float32)
            if batchnorm and i < self.layers:
                self.params[f"gamma{i}"] = np.ones(fan_out, np.float32)
                self.params[f"beta{i}"] = np.zeros(fan_out, np.float32)
        self.bn_params: list[dict[str, Any]] = [{} for _ in dims]

    def loss(self, X: np.ndarray, y: np.ndarray | None = None) -> Any:
        """Follow the protocol of `Solver`."""
        answers, p, caches = self.answers, self.params, []
        h = X.reshape(len(X), -1)
        for i in range(1, self.layers + 1):
            h, cache = answers["affine_forward"](h, p[f"W{i}"], p[f"b{i}"])
            bent = normed = None
            if i < self.layers:
                if f"gamma{i}" in p:
                    self.bn_params[i]["mode"] = "test" if y is None else "train"
                    h, normed = answers["batchnorm_forward"](h, p[f"gamma{i}"], p[f"beta{i}"], self.bn_params[i])
                h, bent = answers[self.activation + "_forward"](h)
            caches.append((cache, normed, bent))
        if y is None:
            return h
        loss, dh = answers["softmax_loss"](h, y)
        grads = {}
        for i in range(self.layers, 0, -1):
            cache, normed, bent = caches[i - 1]
            if bent is not None:
                dh = answers[self.activation + "_backward"](dh, bent)
            if normed is not None:
                dh, grads[f"gamma{i}"], grads[f"beta{i}"] = answers["batchnorm_backward_alt"](dh, normed)
            dh, grads[f"W{i}"], grads[f"b{i}"] = answers["affine_backward"](dh, cache)
        return loss, grads


def ladders(shape: tuple[int, int, int]) -> Iterator[tuple[str, tuple[int, int], dict[str, Rung]]]:
    """Give each ladder: its title, how many pictures, and its rungs by name."""

    def rung(hidden: list[int], rate: float = 0.01, epochs: int = 6, **options: Any) -> Rung:
        return Rung(lambda: Perceptron([math.prod(shape), *hidden, 10], **options), rate, epochs)

    # Each tuned for its data: CIFAR-10's pixels come with a spread of one, MNIST's from 0 to 1.
    linear, hidden, convolution = (0.002, 0.02, 0.02) if shape[0] == 3 else (0.1, 0.1, 0.05)
    models = {
        "linear": rung([], linear, 8),
        "two layers, 300 hidden units": rung([300], hidden, 8),
        "three-layer convnet, 16 of 5x5": Rung(lambda: ThreeLayerConvNet(16, 5, 100, shape), convolution, 6),
    }
    yield "models", LONG, models
    bends = {"sigmoid": "xavier", "tanh": "xavier", "relu": "he", "leaky_relu": "he", "elu": "he"}
    yield (
        "activations, five hidden layers",
        SHORT,
        {b: rung(DEEP, activation=b, init=i) for b, i in bends.items()},
    )
    scales = {"small, 0.01": 0.01, "large, 1": 1.0, "Xavier": "xavier", "He": "he"}
    yield (
        "initialisations, five hidden layers",
        SHORT,
        {name: rung(DEEP, init=scale) for name, scale in scales.items()},
    )
    yield (
        "batch normalisation, five hidden layers",
        SHORT,
        {
            f"weights of {scale}, {'with' if norm else 'without'}": rung(DEEP, init=scale, batchnorm=norm)
            for scale in (0.01, 0.1, 0.5)
            for norm in (False, True)
        },
    )
    rates = (0.0001, 0.001, 0.01, 0.1, 10.0)  # at 1 chance decides, from seed to seed, who gets away
    yield "learning rates, 100 hidden units", SHORT, {f"{r:g}": rung([100], r) for r in rates}


@contextmanager
def data_from(place: str) -> Iterator[None]:
    """Let the data come from a folder, or be the embedded ones, and keep its report to ourselves."""
    before = os.environ["CS231N_LITE_DATA"]
    os.environ["CS231N_LITE_DATA"] = place
    try:
        with redirect_stdout(StringIO()):
            yield
    finally:
        os.environ["CS231N_LITE_DATA"] = before


def load(name: str, place: str, counts: tuple[int, int]) -> dict[str, Any]:
    """Load training pictures and held-back ones, with values of about one."""
    with data_from(place):
        data = (load_cifar10 if name == "CIFAR-10" else load_mnist)(*counts, 0)
    for part in ("X_train", "X_val"):
        data[part] /= 64 if name == "CIFAR-10" else 1
    return data


def accuracy(rung: Rung, data: Mapping[str, Any]) -> float:
    """Train a network and give its accuracy, in per cent, on the pictures held back."""
    settings: Any = {"update_rule": "sgd_momentum", "optim_config": {"learning_rate": rung.rate, "momentum": 0.9}}
    settings |= {"lr_decay": 0.75, "num_epochs": rung.epochs, "num_val_samples": 1_000, "verbose": False}
    solver = Solver(rung.make(), data, **settings)
    with suppress(DivergenceError):  # what was best before the loss was lost is measured
        solver.train()
    return 100 * solver.check_accuracy(data["X_val"], data["y_val"])


def swapped(real: np.ndarray, embedded: np.ndarray) -> list[tuple[int, int]]:
    """Give the pairs of rungs that stand the other way round on the embedded data."""
    pairs = combinations(range(len(real)), 2)
    return [
        (i, j)
        for i, j in pairs
        if abs(real[i] - real[j]) >= SAME and (real[i] > real[j]) != (embedded[i] > embedded[j])
    ]


def compare(name: str, title: str, counts: tuple[int, int], rungs: Mapping[str, Rung]) -> bool:
    """Climb one ladder on both kinds of data; print it; say whether it keeps what is promised."""
    figures = []
    with tqdm(total=2 * len(rungs), desc=f"{name}, {title}", leave=False) as bar:
        for place in (os.environ["CS231N_LITE_DATA"], "embedded"):
            data = load(name, place, counts)
            for rung in rungs.values():
                figures.append(accuracy(rung, data))
                bar.update()
    real, embedded = np.reshape(figures, (2, -1))
    print(f"\n{name}: {title}, {counts[0]:,} pictures\n{'':<40} {'real':>6} {'embedded':>9} {'apart':>7}")
    for rung_name, r, e in zip(rungs, real, embedded, strict=True):
        print(f"{rung_name:<40} {r:6.1f} {e:9.1f} {e - r:+7.1f}{'  too far' if abs(e - r) > FAR else ''}")
    names = list(rungs)
    for i, j in (wrong := swapped(real, embedded)):
        print(f"  other order: {names[i]} and {names[j]}")
    return not wrong and bool((abs(embedded - real) <= FAR).all())


def main() -> int:
    """Climb every ladder on both data sets; 1 if one of them breaks its promise."""
    if os.environ.get("CS231N_LITE_DATA", "embedded") == "embedded":
        print("CS231N_LITE_DATA must name the folder of the official files; only the embedded data are here.")
        return 2
    chosen = [
        (name, *ladder)
        for name, shape in {"CIFAR-10": (3, 32, 32), "MNIST": (1, 28, 28)}.items()
        for ladder in ladders(shape)
        if all(word in f"{name}: {ladder[0]}" for word in sys.argv[1:])
    ]
    kept = [compare(*ladder) for ladder in chosen]
    print(f"\n{sum(kept)} of {len(kept)} ladders keep the order and stay within {FAR} points")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
