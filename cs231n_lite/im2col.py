"""Windows of images as columns of a matrix (``im2col``), so that a convolution becomes one matrix product.

Copying windows costs as much as multiplying them unless long runs of memory are copied at a time. So the images of a
batch stand *innermost* here, (C, H, W, N): whatever the kernel, the stride and the number of channels, neighbours in a
row of the matrix are neighbours in memory. And only so many images are taken at once that their columns, HH * WW times
as large as the images, stay in the processor's cache, where the product finds them.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

# So much is worked on at a time; half of it and twice as much were slower.
_PART_BYTES = 2_500_000


def parts(num_images: int, bytes_each: int) -> Iterator[slice]:
    """Cut a batch into slices of nearly equal length, each of so few images that their bytes stay in the cache."""
    rounds = max(1, math.ceil(num_images * bytes_each / _PART_BYTES))
    step = max(1, math.ceil(num_images / rounds))
    for start in range(0, num_images, step):
        yield slice(start, min(start + step, num_images))


def filter_rows(w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Lay each filter out as a row, in the order of a column, its bias at the end: (F, HH * WW * C + 1)."""
    return np.column_stack([w.transpose(0, 2, 3, 1).reshape(len(w), -1), b])


class Scratch:
    """Memory used again for each part of a batch: what was just read and written is still in the cache."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.memory: dict[str, np.ndarray] = {}

    def empty(self, name: str, *shape: int) -> np.ndarray:
        """Give an array of this shape, with whatever was in the memory of this name."""
        size = math.prod(shape)
        if name not in self.memory or self.memory[name].size < size:
            self.memory[name] = np.empty(size, self.dtype)
        return self.memory[name][:size].reshape(shape)


def framed(images: np.ndarray, pad: int, scratch: Scratch) -> np.ndarray:
    """Copy images into a frame of zeros, the batch innermost: (N, C, H, W) becomes (C, H + 2 pad, W + 2 pad, N)."""
    num_images, channels, height, width = images.shape
    frame = scratch.empty("frame", channels, height + 2 * pad, width + 2 * pad, num_images)
    frame.fill(0)
    frame[:, pad : pad + height, pad : pad + width] = images.transpose(1, 2, 3, 0)
    return frame


def columns_of(windows: np.ndarray, scratch: Scratch) -> tuple[np.ndarray, np.ndarray]:
    """Copy each window into a column, with a one at its end for the bias: (HH * WW * C + 1, rows * columns * N).

    The second array is the first without the ones, in the shape of `windows`: (HH, WW, C, rows, columns, N).
    """
    length = math.prod(windows.shape[:3])
    columns = scratch.empty("columns", length + 1, windows.size // length)
    copied = columns[:-1].reshape(windows.shape)
    copied[...] = windows
    columns[-1] = 1
    return columns, copied


def windows_of(frame: np.ndarray, size: tuple[int, ...], stride: int) -> np.ndarray:
    """See all windows of framed images (C, H, W, N) at once, as a view: (HH, WW, C, rows, columns, N)."""
    channels, height, width, num_images = frame.shape
    rows, columns = (height - size[0]) // stride + 1, (width - size[1]) // stride + 1
    channel, down, right, image = frame.strides
    shape = (*size, channels, rows, columns, num_images)
    # sliding_window_view says the same more safely, and takes six times as long to say it.
    return as_strided(frame, shape, (down, right, channel, stride * down, stride * right, image))
