"""Tools for drawing pictures by code: random numbers, angles, the grid of pixels.

Only ``+ - * /``, square roots, comparisons and uniform random numbers are used, here and in what is drawn with it, no
sine and no matrix product: these round the same way everywhere, so every machine draws the same bytes.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.floating]  # float32 in fact: half the time, and more than enough for a byte
Bytes = NDArray[np.uint8]


def uniform(rng: Generator, low: float, high: float, *shape: int) -> Array:
    """Draw float32 numbers from low to high.

    Examples
    --------
    >>> numbers = uniform(np.random.default_rng(0), -0.5, 0.5, 2, 1000)
    >>> numbers.shape, numbers.dtype, bool((abs(numbers) <= 0.5).all())
    ((2, 1000), dtype('float32'), True)
    """
    return np.float32(low) + np.float32(high - low) * rng.random(shape, dtype=np.float32)


def noise(rng: Generator, size: float, shape: tuple[int, ...]) -> Array:
    """Draw from -size to size in 256 steps: quicker than floats, and one for every pixel adds up.

    Examples
    --------
    >>> noise(np.random.default_rng(0), 0.125, (2, 784)).shape
    (2, 784)
    """
    return rng.integers(-128, 128, shape, dtype=np.int8).astype(np.float32) * (size / 128)


def rotation(rng: Generator, n: int, turn: float) -> tuple[Array, Array]:
    """Draw n angles and give their cosines and sines, (n, 1), without calling either function.

    `turn` is the tangent of half the largest angle.

    Examples
    --------
    >>> cosine, sine = rotation(np.random.default_rng(0), 5, 0.2)
    >>> bool(np.allclose(cosine**2 + sine**2, 1))
    True
    """
    t = uniform(rng, -turn, turn, n, 1)
    return (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)


def pixel_grid(side: int) -> tuple[Array, Array]:
    """Give x (right) and y (down) of each pixel, shape (side * side,), in pixels from the middle.

    Examples
    --------
    >>> pixel_grid(2)
    (array([-0.5,  0.5, -0.5,  0.5], dtype=float32), array([-0.5, -0.5,  0.5,  0.5], dtype=float32))
    """
    middle = np.arange(side, dtype=np.float32) - (side - 1) / 2
    return np.tile(middle, side), np.repeat(middle, side)


def to_bytes(brightness: Array) -> Bytes:
    """Turn brightness from 0 to 1 into bytes; what is beyond is cut off.

    Examples
    --------
    >>> to_bytes(np.array([-0.1, 0.5, 2.0]))
    array([  0, 128, 255], dtype=uint8)
    """
    return np.clip(np.rint(255 * brightness), 0, 255).astype(np.uint8)
