"""Convolution with 3 x 3 filters in a quarter of the multiplications: Winograd's minimal filtering.

A filter g that slides over four numbers d makes two outputs, with six multiplications:

    y0 = d0 g0 + d1 g1 + d2 g2
    y1 = d1 g0 + d2 g1 + d3 g2

Four are enough, for these sums give the same:

    m0 = (d0 - d2) g0                         y0 = m0 + m1 + m2
    m1 = (d1 + d2) / 2 (g0 + g1 + g2)         y1 = m1 - m2 + m3
    m2 = (d2 - d1) / 2 (g0 - g1 + g2)
    m3 = (d3 - d1) g2

The sums of d are made once for all filters, those of g once for all images. An image is cut into tiles, and the sums
are made along the columns of a tile and then along its rows. Tiles of 6 x 6 numbers give 4 x 4 outputs with 36
multiplications for each channel and filter, where the definition has 144. `transforms` says where such sums come from.

Each of the 36 products takes part in one matrix product over the channels. For speed, the images and channels of a
pixel stand innermost, (H, W, N * C), so that every step runs along them. In float32 up to a digit of the result is
lost; and a number that is not finite spoils all outputs of its tiles, not only those of the windows it is in.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cs231n_lite.im2col import Scratch, parts

# With infinity, a point for each of the six products along an axis. In float32 these five lose less than half of what
# 0, 1, -1, 2 and -2 do.
_POINTS = (0, 1, -1, 0.5, -2)
_SIZE = len(_POINTS) + 1  # of a tile, which overlaps the next one by two
_OUT = _SIZE - 2  # outputs of a tile, along each axis
# Where a bias is added. At the point 1 a polynomial's value is the sum of its coefficients; so, on the way forward, the
# product of (1, 1) is added to every output of its tile.
_ONE = _POINTS.index(1) * (_SIZE + 1)


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
    """Say whether minimal filtering is the quicker way to outputs of this size.

    It is for filters of 3 x 3 in steps of one, where there are many products to save, at least 32 channels and 16
    filters, and where the outputs fill at least three quarters of their tiles.

    Examples
    --------
    >>> pays(np.ones((64, 32, 3, 3)), 1, 16, 16, np.dtype("float32"))
    True
    >>> pays(np.ones((64, 3, 3, 3)), 1, 16, 16, np.dtype("float32"))
    False
    >>> pays(np.ones((64, 32, 3, 3)), 1, 5, 5, np.dtype("float32"))
    False
    """
    return (
        dtype in (np.float32, np.float64)
        and w.shape[2:] == (3, 3)
        and stride == 1
        and w.shape[0] >= 16
        and w.shape[1] >= 32
        and height * width >= 0.75 * _num_tiles(height) * _num_tiles(width) * _OUT**2
    )


def forward(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, pad: int, dtype: np.dtype
) -> tuple[np.ndarray, tuple[np.ndarray, list[Any]]]:
    """Convolve images (N, C, H, W) with filters (F, C, 3, 3), in steps of one.

    The second result is for `backward`: the sums of the filters and those of the images, part by part. The latter take
    36 / 16 of the memory of `x`, and more where tiles are not full.
    """
    A, GG, B = _matrices(dtype)
    num_filters, channels = w.shape[:2]
    filters = (GG @ w.transpose(2, 3, 1, 0).reshape(9, -1)).reshape(len(GG), channels, num_filters)
    height, width = x.shape[2] + 2 * pad - 2, x.shape[3] + 2 * pad - 2
    tiles = _num_tiles(height), _num_tiles(width)
    out = np.empty((len(x), num_filters, height, width), dtype)
    # One array of all parts: small ones would go back to the system, and come back page by page, at every call.
    memory = np.empty((len(x), len(GG) * tiles[0] * tiles[1] * channels), dtype)
    kept, scratch = [], Scratch(dtype)
    for part in parts(len(x), memory[:1].nbytes // channels * num_filters):
        inputs = memory[part].reshape(_SIZE, _SIZE, *tiles, -1)
        _take(B.T, x[part], pad, inputs, scratch)
        products = scratch.empty("products", _SIZE, _SIZE, *tiles, len(x[part]) * num_filters)
        each = _each_product(products, num_filters)
        np.matmul(_each_product(inputs, channels), filters, out=each)
        each[_ONE] += b
        _give(A.T, products, out[part], 0, scratch)
        kept.append((part, inputs))
    return out, (filters, kept)


def backward(
    dout: np.ndarray, shape: tuple[int, ...], pad: int, cache: tuple[Any, ...], dtype: np.dtype, need_dx: bool
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Give the gradients of the images, which are of this shape, of the filters and of the biases."""
    A, GG, B = _matrices(dtype)
    filters, kept = cache
    _, channels, num_filters = filters.shape
    dfilters, db = np.zeros(filters.shape, dtype), np.zeros(num_filters, dtype)
    dx, scratch = np.empty(shape, dtype), Scratch(dtype)
    for part, inputs in kept:
        products = scratch.empty("products", *inputs.shape[:4], len(dout[part]) * num_filters)
        _take(A, dout[part], 0, products, scratch)
        each = _each_product(products, num_filters)
        db += each[_ONE].sum(axis=0)
        dfilters += _each_product(inputs, channels).transpose(0, 2, 1) @ each
        if need_dx:
            dinputs = scratch.empty("inputs", *inputs.shape)
            np.matmul(each, filters.transpose(0, 2, 1), out=_each_product(dinputs, channels))
            _give(B, dinputs, dx[part], pad, scratch)
    dw = (GG.T @ dfilters.reshape(len(GG), -1)).reshape(3, 3, channels, num_filters).transpose(3, 2, 0, 1)
    return dx if need_dx else None, np.ascontiguousarray(dw), db


@cache
def _matrices(dtype: np.dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give A and B for one axis, and G for both: filters are so small that one product does for them."""
    A, G, B = transforms(_POINTS)
    return A.astype(dtype), np.kron(G, G).astype(dtype), B.astype(dtype)


def _num_tiles(outputs: int) -> int:
    return -(-outputs // _OUT)


def _each_product(sums: np.ndarray, channels: int) -> np.ndarray:
    """See sums (6, 6, tiles down, tiles across, N * channels) as 36 matrices (tiles * N, channels)."""
    return sums.reshape(_SIZE * _SIZE, -1, channels)


def _take(matrix: np.ndarray, images: np.ndarray, pad: int, sums: np.ndarray, scratch: Scratch) -> None:
    """Make the sums of all tiles of images (N, C, H, W), along their columns and then along their rows."""
    frame, inside = _framed(images, pad, matrix.shape[1], sums.shape[2:4], scratch)
    frame.fill(0)
    for place, image in zip(inside, images, strict=True):  # one by one: all at once, they would leave the cache
        place[...] = image
    strips = scratch.empty("strips", len(matrix), sums.shape[2], *frame.shape[1:])
    np.matmul(matrix, _cut(frame.swapaxes(0, 1), matrix.shape[1]), out=strips.transpose(2, 1, 0, 3))
    np.matmul(matrix, _cut(strips, matrix.shape[1]), out=sums.transpose(0, 2, 3, 1, 4))


def _give(matrix: np.ndarray, sums: np.ndarray, images: np.ndarray, pad: int, scratch: Scratch) -> None:
    """Go the way back of `_take`, into the images."""
    frame, inside = _framed(images, pad, len(matrix), sums.shape[2:4], scratch)
    strips = scratch.empty("strips", len(sums), sums.shape[2], *frame.shape[1:])
    _join(matrix, sums.transpose(0, 2, 3, 1, 4), strips)
    _join(matrix, strips.transpose(2, 1, 0, 3), frame.swapaxes(0, 1))
    images[...] = inside


def _framed(
    images: np.ndarray, pad: int, size: int, tiles: tuple[int, ...], scratch: Scratch
) -> tuple[np.ndarray, np.ndarray]:
    """Make a frame (height, width, N * C) for so many tiles of this size, and give the images' place in it, too."""
    num_images, channels, height, width = images.shape
    inner = num_images * channels
    down, across = (count * _OUT + size - _OUT for count in tiles)
    # A little more than is used: pixels that are a power of two apart would drive each other out of the cache.
    frame = scratch.empty("frame", down, across, inner + 16)[..., :inner]
    inside = frame[pad : pad + height, pad : pad + width].reshape(height, width, num_images, channels)
    return frame, inside.transpose(2, 3, 0, 1)


def _cut(whole: np.ndarray, size: int) -> np.ndarray:
    """See the last axis but one as tiles, each `_OUT` from the one before: (..., length, n) as (..., tiles, size, n)."""
    *outer, length, inner = whole.shape
    *strides, step, one = whole.strides
    return as_strided(whole, (*outer, (length - size) // _OUT + 1, size, inner), (*strides, _OUT * step, step, one))


def _join(matrix: np.ndarray, sums: np.ndarray, whole: np.ndarray) -> None:
    """Turn sums into tiles and add them up in place, the way back of `_cut`: the entries from `_OUT` on overlap."""
    tiles = _cut(whole, len(matrix))
    np.matmul(matrix[:_OUT], sums, out=tiles[..., :_OUT, :])
    if len(matrix) > _OUT:
        whole[..., _OUT - len(matrix) :, :] = 0
        tiles[..., _OUT:, :] += matrix[_OUT:] @ sums
