"""Convolution and max pooling in array steps, on NumPy alone: what the four loops of the slow versions compute.

A convolution becomes one matrix product. Every window of the padded images is laid out as a column of a matrix
(``im2col``), so that all filters meet all windows at once; on the way back each column's gradient is added to the
place that its window was cut from. Filters of 3 x 3 over many channels have a way with fewer multiplications, which is
taken where it is quicker: `winograd`.

For speed, the images of a batch stand innermost, a few images are taken at a time, and their memory is used again for
the next few; `im2col` says why.

The larger of two numbers is a quick step on whole arrays, so pooling takes the maximum of each row of a window and then
the maximum of those: two rounds along one axis each, for windows that tile the image and for windows that overlap.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cs231n_lite import winograd
from cs231n_lite.im2col import Scratch, columns_of, filter_rows, framed, parts, windows_of
from cs231n_lite.layer_shapes import check_conv, check_dout, check_pool


def conv_forward_fast(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, conv_param: Mapping[str, int]
) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Slide every filter over every image: the cross-correlation that deep learning calls convolution.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.
    w : ndarray, shape (F, C, HH, WW)
        Filters.
    b : ndarray, shape (F,)
        Biases.
    conv_param : dict
        ``stride``, the step of the window, and ``pad``, the rows and columns of zeros around each image. Where the
        last step does not fit, the window stops before it.

    Returns
    -------
    out : ndarray, shape (N, F, 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride)
        In float32 if `x`, `w` and `b` are.
    cache : tuple
        What `conv_backward_fast` needs. By way of `winograd` it takes about three times the memory of `x`.

    Raises
    ------
    ValueError
        If a shape, the stride or the padding does not fit.

    References
    ----------
    K. Chellapilla, S. Puri and P. Simard, "High Performance Convolutional Neural Networks for Document Processing",
    2006: convolution as a matrix product.

    Examples
    --------
    >>> x = np.arange(12.0).reshape(1, 1, 3, 4)
    >>> step_to_the_right = np.array([[[[-1.0, 1.0]]]])
    >>> out, cache = conv_forward_fast(x, step_to_the_right, np.array([0.5]), {"stride": 1, "pad": 0})
    >>> out
    array([[[[1.5, 1.5, 1.5],
             [1.5, 1.5, 1.5],
             [1.5, 1.5, 1.5]]]])
    """
    x, w, b = np.asarray(x), np.asarray(w), np.asarray(b)
    stride, pad, height, width = check_conv("conv_forward_fast", x, w, b, conv_param)
    dtype = np.result_type(x, w, b)
    if winograd.pays(w, stride, height, width, dtype):
        out, kept = winograd.forward(x, w, b, pad, dtype)
        return out, (x, w, b, conv_param, kept)
    filters = filter_rows(w, b).astype(dtype, copy=False)
    out, scratch = np.empty((len(x), len(w), height, width), dtype), Scratch(dtype)
    for part in parts(len(x), filters[0].nbytes * height * width):
        columns, _ = columns_of(windows_of(framed(x[part], pad, scratch), w.shape[2:], stride), scratch)
        scores = np.matmul(filters, columns, out=scratch.empty("scores", len(w), columns.shape[1]))
        out[part] = scores.reshape(len(w), height, width, -1).transpose(3, 0, 1, 2)
    return out, (x, w, b, conv_param, None)


def conv_backward_fast(
    dout: np.ndarray, cache: tuple[Any, ...], need_dx: bool = True
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Pass the gradient back through a convolution.

    Parameters
    ----------
    dout : ndarray, shaped like the output of `conv_forward_fast`
        Gradient of the loss with respect to that output.
    cache : tuple
        What `conv_forward_fast` returned.
    need_dx : bool
        False saves half of the work and gives None for `dx`: a network's first layer has no use for it.

    Returns
    -------
    dx, dw, db : ndarray
        Gradients with respect to `x`, `w` and `b`, each in the shape of its array.

    Raises
    ------
    ValueError
        If `dout` has another shape than the output had.

    Examples
    --------
    >>> x, w, b = np.array([[[[1.0, 2.0, 3.0]]]]), np.array([[[[5.0, 7.0]]]]), np.zeros(1)
    >>> out, cache = conv_forward_fast(x, w, b, {"stride": 1, "pad": 0})
    >>> conv_backward_fast(np.ones_like(out), cache)
    (array([[[[ 5., 12.,  7.]]]]), array([[[[3., 5.]]]]), array([2.]))
    """
    x, w, b, conv_param, kept = cache
    dout = np.asarray(dout)
    stride, pad, height, width = check_conv("conv_backward_fast", x, w, b, conv_param)
    check_dout("conv_backward_fast", dout, (len(x), len(w), height, width))
    dtype = np.result_type(x, w, b, dout)
    if kept is not None:
        return winograd.backward(dout, x.shape, pad, kept, dtype, need_dx)
    filters = filter_rows(w, b).astype(dtype, copy=False)
    dx, dfilters, scratch = np.empty(x.shape, dtype), np.zeros_like(filters.T), Scratch(dtype)
    for part in parts(len(x), filters[0].nbytes * height * width):
        frame = framed(x[part], pad, scratch)
        windows = windows_of(frame, w.shape[2:], stride)
        columns, copied = columns_of(windows, scratch)
        dscores = scratch.empty("scores", len(w), height, width, windows.shape[-1])
        dscores[...] = dout[part].transpose(1, 2, 3, 0)
        dscores = dscores.reshape(len(w), -1)
        dfilters += columns @ dscores.T
        if not need_dx:
            continue
        # From here on columns and frame hold the gradients of what they held.
        np.matmul(filters[:, :-1].T, dscores, out=columns[:-1])
        frame.fill(0)
        for row, column in np.ndindex(w.shape[2:]):
            windows[row, column] += copied[row, column]
        dx[part] = frame[:, pad : pad + x.shape[2], pad : pad + x.shape[3]].transpose(3, 0, 1, 2)
    dw = dfilters[:-1].reshape(*w.shape[2:], w.shape[1], len(w)).transpose(3, 2, 0, 1)
    return dx if need_dx else None, np.ascontiguousarray(dw), dfilters[-1].copy()


def max_pool_forward_fast(x: np.ndarray, pool_param: Mapping[str, int]) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Keep the largest number of each window.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
        Images.
    pool_param : dict
        ``pool_height`` and ``pool_width``, the size of the window, and ``stride``, its step. Windows may overlap, tile
        the image or leave gaps; where the last step does not fit, the window stops before it.

    Returns
    -------
    out : ndarray, shape (N, C, 1 + (H - pool_height) // stride, 1 + (W - pool_width) // stride)
        Of the dtype of `x`.
    cache : tuple
        What `max_pool_backward_fast` needs.

    Raises
    ------
    ValueError
        If a shape, the window or the stride does not fit.

    Examples
    --------
    >>> x = np.array([[[[1.0, 2.0, 0.0, 1.0], [4.0, 3.0, 0.0, 5.0]]]])
    >>> out, cache = max_pool_forward_fast(x, {"pool_height": 2, "pool_width": 2, "stride": 2})
    >>> out
    array([[[[4., 5.]]]])
    """
    x = np.asarray(x)
    height, width, stride = check_pool("max_pool_forward_fast", x, pool_param)
    rows, columns = (x.shape[2] - height) // stride + 1, (x.shape[3] - width) // stride + 1
    out = np.empty((*x.shape[:2], rows, columns), x.dtype)
    for part in parts(len(x), x[:1].nbytes):
        out[part] = _max_along(2, _max_along(3, x[part], width, stride), height, stride)
    return out, (x, out, pool_param)


def max_pool_backward_fast(dout: np.ndarray, cache: tuple[Any, ...]) -> np.ndarray:
    """Pass the gradient back through max pooling: to the entry of each window that was the largest.

    Where several entries of a window are equally large, the first one, row by row, gets all of the gradient.

    Parameters
    ----------
    dout : ndarray, shaped like the output of `max_pool_forward_fast`
        Gradient of the loss with respect to that output.
    cache : tuple
        What `max_pool_forward_fast` returned.

    Returns
    -------
    dx : ndarray, shape (N, C, H, W)
        Gradient with respect to `x`.

    Raises
    ------
    ValueError
        If `dout` has another shape than the output had.

    Examples
    --------
    >>> x = np.array([[[[1.0, 4.0, 0.0, 1.0], [4.0, 3.0, 0.0, 5.0]]]])
    >>> out, cache = max_pool_forward_fast(x, {"pool_height": 2, "pool_width": 2, "stride": 2})
    >>> max_pool_backward_fast(np.array([[[[10.0, 20.0]]]]), cache)
    array([[[[ 0., 10.,  0.,  0.],
             [ 0.,  0.,  0., 20.]]]])
    """
    x, out, pool_param = cache
    dout = np.asarray(dout)
    height, width, stride = check_pool("max_pool_backward_fast", x, pool_param)
    check_dout("max_pool_backward_fast", dout, out.shape)
    dx = np.empty(x.shape, dout.dtype)
    for part in parts(len(x), x[:1].nbytes):
        row_maxima = _max_along(3, x[part], width, stride)
        drow_maxima = _max_along_backward(2, dout[part], row_maxima, out[part], height, stride)
        dx[part] = _max_along_backward(3, drow_maxima, x[part], row_maxima, width, stride)
    return dx


def _steps(x: np.ndarray, axis: int, size: int, stride: int) -> Iterator[np.ndarray]:
    """Give the first entries of all windows along an axis, then the second ones, and so on, each as a view."""
    last_start = (x.shape[axis] - size) // stride * stride
    for first in range(size):
        yield x[(slice(None),) * axis + (slice(first, first + last_start + 1, stride),)]


def _max_along(axis: int, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Keep the largest entry of each window along one axis."""
    first, *others = _steps(x, axis, size, stride)
    out = first.copy()
    for other in others:
        np.maximum(out, other, out=out)
    return out


def _max_along_backward(
    axis: int, dout: np.ndarray, x: np.ndarray, out: np.ndarray, size: int, stride: int
) -> np.ndarray:
    """Give each window's gradient to the first of its entries that equals the maximum."""
    dx, rest = np.zeros(x.shape, dout.dtype), dout
    *earlier, (_, last_gradient) = zip(_steps(x, axis, size, stride), _steps(dx, axis, size, stride), strict=True)
    for entries, gradient in earlier:
        given = rest * (entries == out)
        gradient += given
        rest = rest - given  # what one entry got, a later equal one does not get again
    last_gradient += rest  # where no earlier entry was the maximum, the last one is
    return dx
