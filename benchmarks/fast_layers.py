"""Time convolution and pooling against the loops that define them and, where it is installed, against PyTorch.

Run ``OPENBLAS_NUM_THREADS=1 python -m benchmarks.fast_layers``. Everything runs on one thread, in turn, round after
round, so that a busy moment slows all alike. Times are processor time, the best of the rounds; the ratio to PyTorch is
also given as the median of the rounds' ratios. The loops run in float64 on a few images, scaled up to the batch. The
aims: 300 times as fast as the loops, forward plus backward in float32 in at most 1.2 times PyTorch's time on every
row, and less than it on at least one.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np

from cs231n_lite.fast_layers import (
    conv_backward_fast,
    conv_forward_fast,
    max_pool_backward_fast,
    max_pool_forward_fast,
)

ROUNDS = 25
NAIVE_IMAGES = 1
# Images, filters, stride, pad.
CONVOLUTIONS = (
    ((100, 3, 31, 31), (25, 3, 3, 3), 2, 1),
    ((50, 3, 32, 32), (32, 3, 7, 7), 1, 3),
    ((64, 32, 16, 16), (64, 32, 3, 3), 1, 1),
)
POOLED = ((100, 3, 32, 32), (100, 32, 32, 32))
POOL = {"pool_height": 2, "pool_width": 2, "stride": 2}


def conv_by_loops(x: np.ndarray, w: np.ndarray, b: np.ndarray, dout: np.ndarray, stride: int, pad: int) -> None:
    """Compute out, dx, dw and db as the definition says: a loop for each index of the output."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out, dx, dw, db = np.zeros(dout.shape), np.zeros(x.shape), np.zeros(w.shape), np.zeros(b.shape)
    for n, f, i, j in np.ndindex(dout.shape):
        rows, columns = slice(i * stride, i * stride + w.shape[2]), slice(j * stride, j * stride + w.shape[3])
        out[n, f, i, j] = np.sum(x[n, :, rows, columns] * w[f]) + b[f]
    for n, f, i, j in np.ndindex(dout.shape):
        rows, columns = slice(i * stride, i * stride + w.shape[2]), slice(j * stride, j * stride + w.shape[3])
        dx[n, :, rows, columns] += w[f] * dout[n, f, i, j]
        dw[f] += x[n, :, rows, columns] * dout[n, f, i, j]
        db[f] += dout[n, f, i, j]


def pool_by_loops(x: np.ndarray, dout: np.ndarray) -> None:
    """Compute out and dx of 2 x 2 pooling as the definition says."""
    out, dx = np.zeros(dout.shape), np.zeros(x.shape)
    for n, c, i, j in np.ndindex(dout.shape):
        out[n, c, i, j] = x[n, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max()
    for n, c, i, j in np.ndindex(dout.shape):
        window = x[n, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        row, column = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, 2 * i + row, 2 * j + column] += dout[n, c, i, j]


def seconds(function: Callable[[], object], kept: list[object]) -> float:
    """Give the processor time of one call; keep its results until the next call's, as a network does."""
    start = time.process_time()
    results = function()
    elapsed = time.process_time() - start
    kept[:] = [results]
    return elapsed


def convolutions() -> Iterator[tuple[str, int, Callable, Callable, Callable]]:
    """Give each convolution as a name, the images in a batch, and itself in three ways: ours, by loops, PyTorch's."""
    for x_shape, w_shape, stride, pad in CONVOLUTIONS:
        rng = np.random.default_rng(0)
        x, w, b = (rng.standard_normal(shape, dtype=np.float32) for shape in (x_shape, w_shape, w_shape[0]))
        conv_param = {"stride": stride, "pad": pad}
        dout = rng.standard_normal(conv_forward_fast(x, w, b, conv_param)[0].shape, dtype=np.float32)

        def ours(x=x, w=w, b=b, conv_param=conv_param, dout=dout):
            _out, cache = conv_forward_fast(x, w, b, conv_param)  # the output is kept meanwhile, as PyTorch's is
            return conv_backward_fast(dout, cache)

        def naive(x=x, w=w, b=b, dout=dout, stride=stride, pad=pad):
            x, w, b, dout = (array.astype(np.float64) for array in (x[:NAIVE_IMAGES], w, b, dout[:NAIVE_IMAGES]))
            conv_by_loops(x, w, b, dout, stride, pad)

        def theirs(torch, x=x, w=w, b=b, dout=dout, stride=stride, pad=pad):
            x, w, b = (torch.from_numpy(array).requires_grad_() for array in (x, w, b))
            out = torch.nn.functional.conv2d(x, w, b, stride=stride, padding=pad)
            return torch.autograd.grad(out, (x, w, b), torch.from_numpy(dout))

        size = "x".join(map(str, x_shape))
        kernel = f"{w_shape[0]} of {w_shape[2]}x{w_shape[3]}, stride {stride}, pad {pad}"
        yield f"conv {size}, {kernel}", len(x), ours, naive, theirs


def pools() -> Iterator[tuple[str, int, Callable, Callable, Callable]]:
    """Give each pooling layer in the same form as `convolutions`."""
    for shape in POOLED:
        rng = np.random.default_rng(0)
        x = rng.standard_normal(shape, dtype=np.float32)
        dout = rng.standard_normal((*shape[:2], shape[2] // 2, shape[3] // 2), dtype=np.float32)

        def ours(x=x, dout=dout):
            return (max_pool_backward_fast(dout, max_pool_forward_fast(x, POOL)[1]),)

        def naive(x=x, dout=dout):
            pool_by_loops(x[:NAIVE_IMAGES].astype(np.float64), dout[:NAIVE_IMAGES].astype(np.float64))

        def theirs(torch, x=x, dout=dout):
            x = torch.from_numpy(x).requires_grad_()
            return torch.autograd.grad(torch.nn.functional.max_pool2d(x, 2), x, torch.from_numpy(dout))

        yield f"pool {'x'.join(map(str, shape))}, 2x2", len(x), ours, naive, theirs


def main() -> None:
    """Time every layer in every way, in turn; print one table."""
    torch = None
    with suppress(ImportError):
        import torch

        torch.set_num_threads(1)
    print(f"BLAS threads: {os.environ.get('OPENBLAS_NUM_THREADS', 'not set')}; forward plus backward, processor time")
    print(f"{'layer':<55} {'ours':>9} {'loops':>9} {'PyTorch':>9} {'ours / PyTorch':>22}")
    for name, batch, ours, naive, theirs in (*convolutions(), *pools()):
        times: dict[str, list[float]] = {"ours": [], "torch": []}
        if torch is not None:  # the same results, or the times mean nothing
            for array, tensor in zip(ours(), theirs(torch), strict=True):
                np.testing.assert_allclose(array, tensor.numpy(), rtol=1e-3, atol=1e-4 * np.abs(array).max())
        our_results: list[object] = []
        their_results: list[object] = []
        for _ in range(ROUNDS):
            times["ours"].append(seconds(ours, our_results))
            if torch is not None:
                times["torch"].append(seconds(lambda theirs=theirs: theirs(torch), their_results))
        best = min(times["ours"])
        slow = min(seconds(naive, []) for _ in range(2)) * batch / NAIVE_IMAGES
        line = f"{name:<55} {1000 * best:6.1f} ms {slow / best:7.0f} x"
        if torch is None:
            print(f"{line} {'not installed':>9}")
            continue
        ratio = np.median(np.divide(times["ours"], times["torch"]))
        their_best = min(times["torch"])
        print(f"{line} {1000 * their_best:6.1f} ms {best / their_best:8.2f} (median {ratio:.2f})")


if __name__ == "__main__":
    main()
