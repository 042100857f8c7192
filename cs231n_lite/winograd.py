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

from cs231n_lite.im2col import Scratch, add_windows, framed, parts, windows_of

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
    A, G, B = _matrices(dtype)
    filters = _filters(w, G)
    height, width = x.shape[2] + 2 * pad - 2, x.shape[3] + 2 * pad - 2
    num_tiles = -(-height // _OUT) * -(-width // _OUT)
    out, kept, scratch = np.empty((len(x), len(w), height, width), dtype), [], Scratch(dtype)
    for part in parts(len(x), num_tiles * filters[:, 0].nbytes):
        inputs = (B.T @ _tiled(x[part], pad, _SIZE, scratch)).reshape(len(B), -1, w.shape[1])
        products = np.matmul(inputs, filters, out=scratch.empty("products", *inputs.shape[:2], len(w)))
        products[_SUM] += b
        tiles = A.T @ products.reshape(len(A), -1)
        out[part] = _untiled(tiles, out[part].shape, 0, _OUT, scratch)
        kept.append((part, inputs))
    return out, kept


def backward(
    dout: np.ndarray, w: np.ndarray, kept: list[Any], shape: tuple[int, ...], pad: int, dtype: np.dtype, need_dx: bool
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Give the gradients of the images, which are of this shape, of the filters and of the biases."""
    A, G, B = _matrices(dtype)
    filters = _filters(w, G)
    dx, dfilters, db, scratch = np.empty(shape, dtype), np.zeros_like(filters), np.zeros(len(w), dtype), Scratch(dtype)
    for part, inputs in kept:
        tiles = _tiled(dout[part], 0, _OUT, scratch)
        dproducts = np.matmul(A, tiles, out=scratch.empty("products", len(A), tiles.shape[1]))
        dproducts = dproducts.reshape(len(A), -1, len(w))
        db += dproducts[_SUM].sum(axis=0)
        dfilters += inputs.transpose(0, 2, 1) @ dproducts
        if need_dx:
            dinputs = np.matmul(dproducts, filters.transpose(0, 2, 1), out=scratch.empty("inputs", *inputs.shape))
            dtiles = np.matmul(B, dinputs.reshape(len(B), -1), out=scratch.empty("tiles", len(B), dinputs[0].size))
            dx[part] = _untiled(dtiles, dx[part].shape, pad, _SIZE, scratch)
    dw = (G.T @ dfilters.reshape(len(G), -1)).reshape(3, 3, w.shape[1], len(w)).transpose(3, 2, 0, 1)
    return dx if need_dx else None, np.ascontiguousarray(dw), db


@cache
def _matrices(dtype: np.dtype) -> tuple[np.ndarray, ...]:
    """Give A, G and B for both axes at once: the sums along the columns of a tile and then along its rows."""
    return tuple(np.kron(matrix, matrix).astype(dtype) for matrix in transforms(_POINTS))


def _filters(w: np.ndarray, G: np.ndarray) -> np.ndarray:
    """Make the sums of all filters (F, C, 3, 3): a matrix (C, F) for each of the 36 products."""
    return (G @ w.transpose(2, 3, 1, 0).reshape(9, -1)).reshape(len(G), w.shape[1], len(w))


def _frame_size(images: tuple[int, ...], pad: int, size: int) -> tuple[int, ...]:
    """Give the height and the width that whole tiles of this size take up over padded images (N, C, H, W)."""
    return tuple(-(-(side + 2 * pad - size) // _OUT) * _OUT + size for side in images[2:])


def _tiled(images: np.ndarray, pad: int, size: int, scratch: Scratch) -> np.ndarray:
    """Lay out each tile of each channel of images (N, C, H, W) as a column: (size * size, N * tiles * C)."""
    frame = framed(images.transpose(0, 2, 3, 1), pad, _frame_size(images.shape, pad, size), scratch)
    windows = windows_of(frame, (size, size), _OUT)
    tiles = scratch.empty("tiles", *windows.shape)
    tiles[...] = windows
    return tiles.reshape(size * size, -1)


def _untiled(tiles: np.ndarray, shape: tuple[int, ...], pad: int, size: int, scratch: Scratch) -> np.ndarray:
    """Add tiles up to images of this shape: the way back of `_tiled`."""
    frame = scratch.empty("frame", shape[0], *_frame_size(shape, pad, size), shape[1])
    frame.fill(0)
    windows = windows_of(frame, (size, size), _OUT)
    add_windows(windows, tiles.reshape(windows.shape), _OUT)
    return frame[:, pad : pad + shape[2], pad : pad + shape[3]].transpose(0, 3, 1, 2)
