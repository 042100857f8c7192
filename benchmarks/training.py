"""Train the reference network of `two_layer_net` through `Solver`; print what it reaches and what the loop costs.

Run ``CS231N_LITE_DATA=<folder of the official files> OPENBLAS_NUM_THREADS=1 python -m benchmarks.training``. Without
the official files the embedded images are used. The aim on the official files is 55 % validation
accuracy in less than 60 s on one thread.
"""

import os
import time
from pathlib import Path

import numpy as np

from autograder.assignment import Assignment, find_course
from autograder.reference import Namespaces
from cs231n_lite.data import load_cifar10
from cs231n_lite.solver import Solver

HIDDEN, BATCH, EPOCHS = 300, 250, 8
PIXEL_SCALE = 64  # brings the pixels, 0 to 255 less the mean image, to a standard deviation near one


def bare_products_seconds(dim: int, hidden: int, classes: int, batch: int, repeats: int = 50) -> float:
    """Time the five matrix products of one training step alone, in processor time: no loop can be faster."""
    rng = np.random.default_rng(0)
    X, W1, W2, dscores = (
        rng.standard_normal(shape, dtype=np.float32)
        for shape in ((batch, dim), (dim, hidden), (hidden, classes), (batch, classes))
    )
    start = time.process_time()
    for _ in range(repeats):
        h = X @ W1
        h @ W2
        dh = dscores @ W2.T
        h.T @ dscores
        X.T @ dh
    return (time.process_time() - start) / repeats


def main() -> None:
    """Train, measure, print."""
    data = load_cifar10()
    for key in ("X_train", "X_val", "X_test"):
        data[key] /= PIXEL_SCALE  # in place: 600 MB are not copied
    dim, classes = data["X_train"][0].size, len(data["class_names"])
    np.random.seed(0)
    reference = Namespaces(Assignment(find_course(Path(__file__).parent.parent), "two_layer_net"))("")
    model = reference["TwoLayerNet"](dim, HIDDEN, classes, weight_scale=1e-2, reg=3e-3)
    model.params = {name: array.astype(np.float32) for name, array in model.params.items()}
    solver = Solver(
        model,
        data,
        update_rule="sgd_momentum",
        optim_config={"learning_rate": 0.05, "momentum": 0.9},
        lr_decay=0.65,
        batch_size=BATCH,
        num_epochs=EPOCHS,
    )
    start, cpu_start = time.perf_counter(), time.process_time()
    solver.train()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    steps = len(solver.loss_history)
    floor = steps * bare_products_seconds(dim, HIDDEN, classes, BATCH)
    print(f"data: {data['source']}; BLAS threads: {os.environ.get('OPENBLAS_NUM_THREADS', 'not set')}")
    print(f"validation accuracy {solver.best_val_acc:.3f}")
    print(f"test accuracy {solver.check_accuracy(data['X_test'], data['y_test']):.3f}")
    print(f"wall time {seconds:.1f} s for {steps} steps")
    print(f"processor time {cpu_seconds:.1f} s, {cpu_seconds / floor:.2f} times the bare matrix products")


if __name__ == "__main__":
    main()
