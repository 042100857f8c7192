"""Convolution with 3 x 3 filters in a quarter of the multiplications: Winograd's minimal filtering.

A filter g that slides over four numbers d makes two outputs, with six multiplications:

    y0 = d0 g0 + d1 g1 + d2 g2
    y1 = d1 g0 + d2 g1 + d3 g2

Four are enough, for these sums give the same:

    m0 = (d0 - d2) g0                         y0 = m0 + m1 + m2
    m1 = (d1 + d2) / 2 (g0 + g1 + g2)         y1 = m1 - m2 + m3
    m2 = (d2 - d1) / 2 (g0 - g1 + g2)
    m3 = (d3 - d1) g2

The sums of d are made once for all filters, the sums of g once for all images. An image is cut into tiles and the sums
are made along its columns and then along its rows: a tile of 6 x 6 numbers gives 4 x 4 outputs with 36 multiplications
for each channel and filter, where the definition has 144. `transforms` says where such sums come from.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cs231n_lite.im2col import Scratch, parts

# A tile has _OUT x _OUT outputs and overlaps its neighbours by two rows and columns. In float32 these points keep one
# digit more than 0, 1, -1, 2, -2 do, and larger tiles lose more than they save.
_POINTS = (0, 1, -1, 0.5, -2)
_SIZE = len(_POINTS) + 1
_OUT = _SIZE - 2
# At the point 1 a polynomial's value is the sum of its coefficients; this is the place of (1, 1) among the products.
_SUM = _POINTS.index(1) * (_SIZE + 1)


def transforms(points: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the sums of minimal filtering along one axis, as the matrices A, G and B of Lavin and Gray.

    The way back explains them. Output i hands its gradient y_i on to the inputs i, i + 1 and i + 2, times g0, g1 and
    g2; so the gradients of the inputs are the coefficients of a product of polynomials in z,
    ``(y0 + y1 z) * (g0 + g1 z + g2 z^2)``. A polynomial is known from its values at as many points as it has
    coefficients, and a value of the product takes one multiplication. G and A take these values, B goes from values
    back to coefficients: ``dd = B @ ((G @ g) * (A @ dy))``. The way forward is the transpose of that,
    ``y = A.T @ ((G @ g) * (B.T @ d))``.

    Parameters
    ----------
    points : sequence of float
        All different. Infinity is added as the last point; the value there is the last coefficient.

    Returns
    -------
    A, G, B : ndarray, shapes (T, T - 2), (T, 3) and (T, T), where T is the number of points with infinity
        For T inputs, T multiplications and T - 2 outputs.

    References
    ----------
    A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2016.

    Examples
    --------
    >>> A, G, B = transforms((0, 1, -1))
    >>> d, g = np.array([1.0, 2.0, 3.0, 5.0]), np.array([10.0, 1.0, 4.0])
    >>> G @ g
    array([10., 15., 13.,  4.])
    >>> B.T @ d
    array([-2. ,  2.5,  0.5,  3. ])
    >>> A.T @ ((G @ g) * (B.T @ d))
    array([24., 43.])
    >>> np.correlate(d, g)
    array([24., 43.])
    """

    def values(length: int) -> np.ndarray:
        return np.vstack([np.vander(points, length, increasing=True), np.eye(length)[-1]])

    size = len(points) + 1
    return values(size - 2), values(3), np.linalg.inv(values(size))


def pays(w: np.ndarray, stride: int, height: int, width: int, dtype: np.dtype) -> bool:
    """Say whether minimal filtering is quicker than `im2col` for these filters and outputs of this size.

    Examples
    --------
    >>> pays(np.ones((64, 32, 3, 3)), 1, 16, 16, np.dtype("float32"))
    True
    >>> pays(np.ones((64, 3, 3, 3)), 1, 16, 16, np.dtype("float32"))
    False
    """
    return dtype in (np.float32, np.float64) and w.shape[2:] == (3, 3) and stride == 1


def forward(x: np.ndarray, w: np.ndarray, b: np.ndarray, pad: int, dtype: np.dtype) -> tuple[np.ndarray, list[Any]]:
    """Convolve images (N, C, H, W) with filters (F, C, 3, 3), in steps of one.

    The second result is for `backward`: the sums of the inputs, part by part, in 36 / 16 of the memory of `x`.
    """
    A, GG, B = _matrices_of(dtype)
    filters, scratch = _filters(w, GG), Scratch(dtype)
    height, width = x.shape[2] + 2 * pad - 2, x.shape[3] + 2 * pad - 2
    rows, columns = -(-height // _OUT), -(-width // _OUT)
    out, kept = np.empty((len(x), len(w), height, width), dtype), []
    memory = np.empty((len(x), _SIZE * _SIZE * rows * columns * w.shape[1]), dtype)
    for part in parts(len(x), memory[:1].nbytes + rows * columns * filters[:, 0].nbytes):
        frame = _frame(scratch, x[part], rows * _OUT + 2, columns * _OUT + 2)
        frame.fill(0)
        _copy(x[part], frame[pad : pad + x.shape[2], pad : pad + x.shape[3]])
        inputs = memory[part].reshape(_SIZE, _SIZE, rows, columns, frame.shape[2])
        _take(B.T, frame, inputs, scratch)
        kept.append((part, inputs))
        products = scratch.empty("products", *inputs.shape[:4], out[part, :, 0, 0].size)
        np.matmul(_matrices(inputs, w.shape[1]), filters, out=_matrices(products, len(w)))
        _matrices(products, len(w))[_SUM] += b
        frame = _frame(scratch, out[part], rows * _OUT, columns * _OUT)
        _give(A.T, products, frame, scratch)
        out[part] = _images(frame[:height, :width], len(w))
    return out, (filters, kept)


def backward(
    dout: np.ndarray, w: np.ndarray, kept: list[Any], shape: tuple[int, ...], pad: int, dtype: np.dtype, need_dx: bool
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Give the gradients of the images, which are of this shape, of the filters and of the biases."""
    A, GG, B = _matrices_of(dtype)
    filters, kept = kept
    scratch = Scratch(dtype)
    dx, dfilters, db = np.empty(shape, dtype), np.zeros(filters.shape, dtype), np.zeros(len(w), dtype)
    for part, inputs in kept:
        rows, columns = inputs.shape[2:4]
        frame = _frame(scratch, dout[part], rows * _OUT, columns * _OUT)
        frame.fill(0)
        _copy(dout[part], frame[: dout.shape[2], : dout.shape[3]])
        dproducts = scratch.empty("products", *inputs.shape[:4], frame.shape[2])
        _take(A, frame, dproducts, scratch)
        dproducts = _matrices(dproducts, len(w))
        db += dproducts[_SUM].sum(axis=0)
        dfilters += _matrices(inputs, w.shape[1]).transpose(0, 2, 1) @ dproducts
        if need_dx:
            dinputs = scratch.empty("inputs", *inputs.shape)
            np.matmul(dproducts, filters.transpose(0, 2, 1), out=_matrices(dinputs, w.shape[1]))
            frame = _frame(scratch, dx[part], rows * _OUT + 2, columns * _OUT + 2)
            _give(B, dinputs, frame, scratch)
            dx[part] = _images(frame[pad : pad + shape[2], pad : pad + shape[3]], shape[1])
    dw = (GG.T @ dfilters.reshape(len(dfilters), -1)).reshape(3, 3, w.shape[1], len(w)).transpose(3, 2, 0, 1)
    return dx if need_dx else None, np.ascontiguousarray(dw), db

@cache
def _matrices_of(dtype):
    A, G, B = transforms(_POINTS)
    return A.astype(dtype), np.kron(G, G).astype(dtype), B.astype(dtype)

def _filters(w: np.ndarray, GG: np.ndarray) -> np.ndarray:
    """Make the sums of all filters (F, C, 3, 3): a matrix (C, F) for each of the 36 products."""
    return (GG @ w.transpose(2, 3, 1, 0).reshape(9, -1)).reshape(-1, w.shape[1], len(w))


def _matrices(sums: np.ndarray, channels: int) -> np.ndarray:
    return sums.reshape(_SIZE * _SIZE, -1, channels)


def _frame(scratch: Scratch, images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Make room for images (N, C, ...) of this size, pixel by pixel: (height, width, N * C)."""
    inner = images.shape[0] * images.shape[1]
    return scratch.empty("frame", height, width, inner + 16)[..., :inner]


def _copy(images, frame):
    frame = frame.reshape(*frame.shape[:2], *images.shape[:2])
    for k, image in enumerate(images):
        frame[:, :, k] = image.transpose(1, 2, 0)


def _images(frame, channels):
    return frame.reshape(*frame.shape[:2], -1, channels).transpose(2, 3, 0, 1)


def _cut(whole: np.ndarray, size: int) -> np.ndarray:
    """See what lies along the last axis but one as tiles, each `_OUT` from the one before: (..., tiles, size, last)."""
    *outer, length, inner = whole.shape
    *strides, step, one = whole.strides
    return as_strided(whole, (*outer, (length - size) // _OUT + 1, size, inner), (*strides, _OUT * step, step, one))


def _take(matrix: np.ndarray, frame: np.ndarray, sums: np.ndarray, scratch: Scratch) -> None:
    """Make the sums of all tiles of a frame, along their columns and then along their rows."""
    size, rows, inner = len(matrix), sums.shape[2], sums.shape[4]
    strips = scratch.empty("strips", size, rows, frame.shape[1], inner)
    np.matmul(matrix, _cut(frame.swapaxes(0, 1), matrix.shape[1]), out=strips.transpose(2, 1, 0, 3))
    np.matmul(matrix, _cut(strips, matrix.shape[1]), out=sums.transpose(0, 2, 3, 1, 4))


def _give(matrix: np.ndarray, sums: np.ndarray, frame: np.ndarray, scratch: Scratch) -> None:
    """Go the way back of `_take`."""
    size, rows, inner = len(sums), sums.shape[2], sums.shape[4]
    strips = scratch.empty("strips", size, rows, frame.shape[1], inner)
    _join(matrix, sums.transpose(0, 2, 3, 1, 4), strips)
    _join(matrix, strips.transpose(2, 1, 0, 3), frame.swapaxes(0, 1))


def _join(matrix: np.ndarray, sums: np.ndarray, whole: np.ndarray) -> None:
    """Add tiles up, where they overlap."""
    tiles = _cut(whole, len(matrix))
    np.matmul(matrix[:_OUT], sums, out=tiles[..., :_OUT, :])
    if len(matrix) > _OUT:
        whole[..., _OUT - len(matrix) :, :] = 0
        tiles[..., _OUT:, :] += matrix[_OUT:] @ sums
