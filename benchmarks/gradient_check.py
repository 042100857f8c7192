"""The gradient of a 784-256-10 network, checked along random directions and entry by entry: cost, finds, false alarms.

``python -m benchmarks.gradient_check [ERRORS]`` puts that many errors into right gradients (200 by default), one at a time,
at random places and of random sizes, and counts how many `check_gradients` finds and how many it places rightly: all
parameters named that are wrong by more than the length it states, no other, and in each an entry that is wrong indeed.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from statistics import median

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cs231n_lite.gradient_check import check_gradient
from cs231n_lite.model_gradient import GradientReport, inspect_gradients

D, H, C, REG = 784, 256, 10, 0.1
SIZES = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
RIGHT = 300
Arrays = dict[str, np.ndarray]
Rng = np.random.Generator


class Network:
    """Affine, ReLU, affine, softmax, with random weights and a random batch."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.n = int(rng.integers(5, 30))
        self.X, self.y = rng.normal(size=(self.n, D)), rng.integers(0, C, self.n)
        scale = {"W1": (2 / D) ** 0.5, "b1": 0.1, "W2": (2 / H) ** 0.5, "b2": 0.1}
        self.params = {name: rng.normal(0, scale[name], shape) for name, shape in SIZES.items()}
        self.calls = 0

    def forward(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the hidden values and the logarithms of the probabilities."""
        h = np.maximum(self.X @ self.params["W1"] + self.params["b1"], 0)
        scores = h @ self.params["W2"] + self.params["b2"]
        scores -= scores.max(axis=1, keepdims=True)
        return h, scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))

    def loss(self, _: object = None) -> float:
        """Give the loss, and count."""
        self.calls += 1
        penalty = sum((self.params[name] ** 2).sum() for name in ("W1", "W2"))
        return float(-self.forward()[1][np.arange(self.n), self.y].mean() + 0.5 * REG * penalty)

    def grads(self, *, ungated: int = 0, unmarked: int = 0, left_out: int = 0) -> Arrays:
        """Give the gradients, with so many examples without the gate of ReLU, without the one-hot, or not at all."""
        h, log_p = self.forward()
        ds = np.exp(log_p)
        ds[np.arange(unmarked, self.n), self.y[unmarked:]] -= 1
        ds[:left_out] = 0
        ds /= self.n
        gate = h > 0
        gate[:ungated] = True
        da, W = ds @ self.params["W2"].T * gate, self.params
        return {"W1": self.X.T @ da + REG * W["W1"], "b1": da.sum(0), "W2": h.T @ ds + REG * W["W2"], "b2": ds.sum(0)}


def strength(rng: Rng) -> float:
    """Draw the size of an error, as a share: 0.001 to 1, small ones as often as large ones, of either sign."""
    return float(10 ** rng.uniform(-3, 0) * rng.choice([-1, 1]))


def _changed(change: Callable[[Rng, np.ndarray, Network, str], np.ndarray], *names: str) -> Callable[..., Arrays]:
    """Make an error out of a change to one parameter's gradient, any one of these."""

    def error(rng: Rng, net: Network) -> Arrays:
        grads, name = net.grads(), str(rng.choice(names or list(SIZES)))
        return grads | {name: change(rng, grads[name].copy(), net, name)}

    return error


def _constant(rng: Rng, g: np.ndarray, net: Network, name: str) -> np.ndarray:
    return g * rng.choice([1 / net.n, net.n, 2, 0.5, 1 + strength(rng)])


def _line(axis: int) -> Callable[..., np.ndarray]:
    def change(rng: Rng, g: np.ndarray, net: Network, name: str) -> np.ndarray:
        line = g.swapaxes(0, axis)
        line[rng.integers(len(line))] *= 1 + strength(rng)
        return g

    return change


def _entry(rng: Rng, g: np.ndarray, net: Network, name: str) -> np.ndarray:
    g.flat[rng.integers(g.size)] += strength(rng) * np.sqrt((g**2).mean())
    return g


def _block(rng: Rng, g: np.ndarray, net: Network, name: str) -> np.ndarray:
    side = int(rng.integers(2, min(g.shape) + 1))
    i, j = (int(rng.integers(n - side + 1)) for n in g.shape)
    g[i : i + side, j : j + side] = g[i : i + side, j : j + side].T.copy()
    return g


def _clipped(rng: Rng, g: np.ndarray, net: Network, name: str) -> np.ndarray:
    bound = np.quantile(np.abs(g), rng.uniform(0.5, 0.999))
    return np.clip(g, -bound, bound)


ERRORS: dict[str, Callable[[Rng, Network], Arrays]] = {
    "a constant factor": _changed(_constant),
    "the opposite sign": _changed(lambda rng, g, net, name: -g),
    "still zeros": _changed(lambda rng, g, net, name: 0 * g),
    "no regularisation": _changed(lambda rng, g, net, name: g - REG * net.params[name], "W1", "W2"),
    "regularisation twice": _changed(lambda rng, g, net, name: g + REG * net.params[name], "W1", "W2"),
    "a bias regularised": _changed(lambda rng, g, net, name: g + REG * net.params[name], "b1", "b2"),
    "a bias averaged": _changed(lambda rng, g, net, name: g / net.n, "b1", "b2"),
    "one row": _changed(_line(0), "W1", "W2"),
    "one column": _changed(_line(1), "W1", "W2"),
    "one entry": _changed(_entry),
    "a block transposed": _changed(_block, "W1", "W2"),
    "moved by one place": _changed(lambda rng, g, net, name: np.roll(g, 1, axis=int(rng.integers(g.ndim)))),
    "clipped": _changed(_clipped),
    "half precision": _changed(lambda rng, g, net, name: g.astype(np.float16).astype(np.float64)),
    "the gate of ReLU missing": lambda rng, net: net.grads(ungated=int(rng.integers(1, net.n + 1))),
    "the one-hot missing": lambda rng, net: net.grads(unmarked=int(rng.integers(1, net.n + 1))),
    "examples left out": lambda rng, net: net.grads(left_out=int(rng.integers(1, net.n))),
}


def placed_rightly(report: GradientReport, right: Arrays, wrong: Arrays) -> bool:
    """Whether the report names what is wrong, nothing else, and a wrong entry in each."""
    error = {name: np.abs(wrong[name] - right[name]) for name in right}
    named = {fault.parameter: fault.entry for fault in report.faults}
    must = {name for name in right if np.linalg.norm(error[name]) > report.shortest[name]}
    return must <= named.keys() and all(
        name in error and entry is not None and error[name][entry] > 1e-9 * np.abs(right[name]).max()
        for name, entry in named.items()
    )


def main(count: int = 200) -> int:
    """Print the table and the figures; give 1 if an error above the stated length is missed, or a right gradient blamed."""
    tried, found, placed, stated, missed = Counter[str](), Counter[str](), Counter[str](), 0, 0
    for number in track(range(count), "Errors", transient=True):
        rng, net, kind = np.random.default_rng(number), Network(number), list(ERRORS)[number % len(ERRORS)]
        right, wrong = net.grads(), ERRORS[kind](rng, net)
        report = inspect_gradients(net.loss, net.params, wrong, seed=number)
        large = any(np.linalg.norm(wrong[name] - right[name]) > report.shortest[name] for name in right)
        tried[kind] += 1
        found[kind] += bool(report.faults)
        placed[kind] += bool(report.faults) and placed_rightly(report, right, wrong)
        stated += large
        missed += large and not report.faults
    alarms, seconds, shares = 0, [], []
    for number in track(range(RIGHT), "Right gradients", transient=True):
        net = Network(1000 + number)
        grads, net.calls, start = net.grads(), 0, time.process_time()
        report = inspect_gradients(net.loss, net.params, grads, seed=number)
        seconds.append(time.process_time() - start)
        alarms += bool(report.faults)
        shares.append(report.share)
        fast = net.calls
    net.calls, start = 0, time.process_time()
    check_gradient(net.loss, net.params["b1"], grads["b1"])
    slow_seconds, slow = time.process_time() - start, net.calls
    a_slope, slopes = 2, sum(array.size for array in grads.values())
    assert slow == a_slope * grads["b1"].size + 1, "The entry-by-entry check no longer takes two evaluations a slope."
    slow, slow_seconds = a_slope * slopes + len(grads), slow_seconds / grads["b1"].size * slopes

    table = Table("error", "tried", "found", "rightly placed")
    for kind in ERRORS:
        table.add_row(kind, *(str(counter[kind]) for counter in (tried, found, placed)))
    table.add_section()
    table.add_row("all", *(str(counter.total()) for counter in (tried, found, placed)))
    Console().print(table)
    print(
        f"{slopes:,} slopes: {fast} evaluations of the loss, entry by entry {slow:,}: {slow / fast:,.0f} times as many."
    )
    print(
        f"Processor time: entry by entry {slow_seconds / median(seconds):,.0f} times as much (from the slopes of b1)."
    )
    print(
        f"Of {stated} errors above the stated length (about {median(shares):.1g} of the gradient's), {missed} were missed."
    )
    print(f"False alarms: {alarms} of {RIGHT} right gradients.")
    return int(missed > 0 or alarms > 0 or slow < 1000 * fast)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
