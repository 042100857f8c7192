"""Time an epoch of training, in NumPy and in PyTorch; then train the reference network and print what it reaches.

Run ``CS231N_LITE_DATA=<folder of the official files> OPENBLAS_NUM_THREADS=1 python -m benchmarks.training``, with the
argument ``speed`` for the times alone. Everything runs on one thread. The times are of networks of CIFAR-10's size on
noise, whose values do not matter to them, in processor time: all ways to train take a part of an epoch in turn, round
after round; what is printed is the best of the rounds, and of ratios the median too. The floor is the time of the
matrix products alone. The aims: two-layer net through Solver in at most 1.3 times the floor, Solver at most 3 % over a
bare loop, and 55 % validation accuracy on the official files in less than 60 s. Without these the embedded images are
used.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from benchmarks.networks import ThreeLayerConvNet, TwoLayerNet, reference_answers
from cs231n_lite.data import load_cifar10
from cs231n_lite.solver import Solver
from cs231n_lite.steps import batches

EPOCH, BATCH, RATE, MOMENTUM = 49_000, 250, 0.01, 0.9
HIDDEN, EPOCHS = 300, 8
PIXEL_SCALE = 64  # brings the pixels, 0 to 255 less the mean image, to a standard deviation near one


def products(rng: np.random.Generator, *shapes: tuple[int, int, int]) -> Iterator[Callable[[], object]]:
    """Give, for each (m, k, n), the product of an m x k and a k x n matrix of float32."""
    for m, k, n in shapes:
        a, b, out = (rng.standard_normal(shape, dtype=np.float32) for shape in ((m, k), (k, n), (m, n)))
        yield lambda a=a, b=b, out=out: np.matmul(a, b, out=out)


def two_layer_floor(num_images: int) -> Callable[[], None]:
    """Give the five products of each step: two forward, three back, since nobody asks for the images' gradient."""
    there = (BATCH, 3072, HIDDEN), (BATCH, HIDDEN, 10)
    back = (BATCH, 10, HIDDEN), (HIDDEN, BATCH, 10), (3072, BATCH, HIDDEN)
    step = list(products(np.random.default_rng(0), *there, *back))
    return lambda: [product() for _ in range(num_images // BATCH) for product in step] and None


def bare_loop(model: Any, X: np.ndarray, y: np.ndarray) -> Callable[[], None]:
    """Give an epoch as one would write it without Solver: Solver's batches, momentum in place, nothing else."""
    velocities = {name: np.zeros_like(w) for name, w in model.params.items()}

    def epoch() -> None:
        order = np.random.default_rng(0).permutation(len(y))
        for X_batch, y_batch in batches(X, y, order, len(y) // BATCH):
            _, grads = model.loss(X_batch, y_batch)
            for name, velocity in velocities.items():
                velocity *= MOMENTUM
                velocity -= RATE * grads[name]
                model.params[name] += velocity

    return epoch


def through_solver(model: Any, X: np.ndarray, y: np.ndarray) -> Callable[[], None]:
    """Give an epoch of Solver; accuracy, which a bare loop does not measure, is measured on one image."""
    data = {"X_train": X, "y_train": y, "X_val": X[:1], "y_val": y[:1]}
    settings = {"update_rule": "sgd_momentum", "optim_config": {"learning_rate": RATE, "momentum": MOMENTUM}}
    solver = Solver(model, data, batch_size=BATCH, num_epochs=1, num_train_samples=1, verbose=False, **settings)

    def epoch() -> None:
        solver.train()
        solver.num_epochs += 1

    return epoch


def in_torch(torch: Any, model: Any, X: np.ndarray, y: np.ndarray) -> Callable[[], None]:
    """Give an epoch of the same network in PyTorch, from the same parameters."""
    params = {name: torch.from_numpy(w.copy()).requires_grad_() for name, w in model.params.items()}
    optimizer = torch.optim.SGD(params.values(), lr=RATE, momentum=MOMENTUM)
    X, y = torch.from_numpy(X), torch.from_numpy(y)

    def epoch() -> None:
        for chosen in torch.randperm(len(y)).split(BATCH):
            optimizer.zero_grad()
            model.torch_loss(torch, X[chosen], y[chosen], params).backward()
            optimizer.step()

    return epoch


def agree(torch: Any, model: Any, X: np.ndarray, y: np.ndarray) -> None:
    """Raise AssertionError unless both libraries find the same loss: else the times mean nothing."""
    params = {name: torch.from_numpy(w) for name, w in model.params.items()}
    theirs = model.torch_loss(torch, torch.from_numpy(X), torch.from_numpy(y), params)
    np.testing.assert_allclose(model.loss(X, y)[0], float(theirs), rtol=1e-4)


def compare(title: str, make: Callable[[], Any], num_images: int, rounds: int, floor: Callable | None) -> None:
    """Time a part of an epoch in every way, in turn; print a table scaled to a whole epoch."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((num_images, 3, 32, 32), dtype=np.float32), rng.integers(0, 10, num_images)
    ways: dict[str, Callable[[], None]] = {"matrix products": floor(num_images)} if floor else {}
    ways |= {"bare loop": bare_loop(make(), X, y), "Solver": through_solver(make(), X, y)}
    with suppress(ImportError):
        import torch

        torch.set_num_threads(1)
        agree(torch, make(), X[:BATCH], y[:BATCH])
        ways["PyTorch"] = in_torch(torch, make(), X, y)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, epoch in ways.items():
            start = time.process_time()
            epoch()
            times[name].append(time.process_time() - start)
    print(f"\n{title}: an epoch of {EPOCH} images, batches of {BATCH}")
    for name, seconds in times.items():
        ratios = (
            f"{min(seconds) / min(times[other]):.3f} (median {np.median(np.divide(seconds, times[other])):.3f}) x {other}"
            for other in ("matrix products", "bare loop", "PyTorch")
            if other in times and name == "Solver"
        )
        print(f"  {name:<16} {min(seconds) * EPOCH / num_images:6.2f} s  {'; '.join(ratios)}")


def train_reference() -> None:
    """Train the network of the notebook `two_layer_net` through Solver; print what it reaches and how long it takes."""
    data = load_cifar10()
    for key in ("X_train", "X_val", "X_test"):
        data[key] /= PIXEL_SCALE  # in place: 600 MB are not copied
    np.random.seed(0)
    model = reference_answers("two_layer_net")["TwoLayerNet"](
        3072, HIDDEN, len(data["class_names"]), weight_scale=1e-2, reg=3e-3
    )
    model.params = {name: array.astype(np.float32) for name, array in model.params.items()}
    optim_config = {"learning_rate": 0.05, "momentum": MOMENTUM}
    settings = {"update_rule": "sgd_momentum", "optim_config": optim_config, "lr_decay": 0.65}
    solver = Solver(model, data, batch_size=BATCH, num_epochs=EPOCHS, **settings)
    start, cpu_start = time.perf_counter(), time.process_time()
    solver.train()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    print(f"data: {data['source']}")
    print(f"validation accuracy {solver.best_val_acc:.3f}")
    print(f"test accuracy {solver.check_accuracy(data['X_test'], data['y_test']):.3f}")
    print(f"wall time {seconds:.1f} s, processor time {cpu_seconds:.1f} s for {len(solver.loss_history)} steps")


def main() -> None:
    """Time both networks; then train."""
    print(f"BLAS threads: {os.environ.get('OPENBLAS_NUM_THREADS', 'not set')}; processor time")
    compare(f"two-layer net, {HIDDEN} hidden units", lambda: TwoLayerNet(HIDDEN), EPOCH // 4, 9, two_layer_floor)
    small, large = (16, 3, 100), (32, 7, 100)
    for filters, size, hidden in (small, large):
        title = f"three-layer convnet, {filters} filters of {size}x{size}, {hidden} hidden units"
        compare(title, lambda a=(filters, size, hidden): ThreeLayerConvNet(*a), 2 * BATCH, 7, None)
    if sys.argv[1:] != ["speed"]:
        print("\nreference network")
        train_reference()


if __name__ == "__main__":
    main()
