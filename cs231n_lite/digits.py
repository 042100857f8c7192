"""Handwritten-looking digits: strokes of a pen, shaken and bent, in the form of MNIST's."""

import numpy as np
from numpy.random import Generator

from cs231n_lite.drawing import Array, Bytes, noise, pixel_grid, rotation, to_bytes, uniform

# The ways of writing each digit. "x,y x,y | x,y x,y" is two strokes, x right and y down, about -20 to 20. Corners in a
# stroke are rounded off; where a sharp one stays, one stroke ends and the next begins.
WAYS = [
    ["0,-20 -16,-20 -14,20 16,20 14,-20 0,-20"],
    ["0,-20 0,20", "-7,-12 1,-20 | 1,-20 1,20", "-7,-12 1,-20 | 1,-20 1,20 | -8,20 10,20"],
    [
        "-11,-10 -10,-20 14,-23 12,-2 -2,10 -12,20 | -12,20 13,20",
        "-11,-12 -8,-20 14,-23 10,0 -10,22 -18,12 -4,12 14,20",
    ],
    ["-10,-16 -2,-23 15,-18 10,-2 -3,-1 | -3,-1 13,-1 15,20 -4,23 -12,15"],
    ["-8,-20 -11,2 | -11,2 12,2 | 7,-18 5,20", "6,-20 -12,5 | -12,5 13,5 | 6,-20 5,20"],
    ["11,-20 -7,-20 | -7,-20 -9,-2 | -9,-2 2,-8 16,2 10,22 -4,22 -12,16"],
    ["8,-20 -8,-16 -14,8 -10,22 8,23 15,6 2,-4 -11,8"],
    ["-12,-19 12,-19 | 12,-19 3,-2 -2,20", "-12,-19 12,-19 | 12,-19 3,-2 -2,20 | -5,0 10,0"],
    ["6,-18 -10,-23 -16,-8 14,6 12,24 -14,22 -12,4 16,-10 6,-18"],
    ["10,-12 2,-24 -14,-18 -10,-2 4,-2 10,-12 | 10,-14 10,0 4,20"],
]


def draw_digits(rng: Generator, digit: int, n: int) -> Bytes:
    """Draw a digit n times: strokes bent, slanted, turned and moved; a pen of some width; uneven ink.

    Parameters
    ----------
    rng : Generator
        Decides everything but the digit; all n are written in the same way, one of `WAYS`.
    digit : int
        0 to 9.
    n : int

    Returns
    -------
    images : ndarray of uint8, shape (n, 784)
        Ink: 0 is paper, 255 is black.

    Examples
    --------
    >>> images = draw_digits(np.random.default_rng(0), 7, 3)
    >>> images.shape, images.dtype
    ((3, 784), dtype('uint8'))
    """
    grid_x, grid_y = pixel_grid(28)
    way = WAYS[digit][int(rng.random() * len(WAYS[digit]))]
    cosine, sine = rotation(rng, n, 0.15)
    width, height, slant = (uniform(rng, *ends, n, 1) for ends in ((4.8, 8.5), (7.2, 10), (-0.15, 0.45)))
    bend = uniform(rng, -0.26, 0.26, 2, 5, n, 1)
    move_x, move_y = uniform(rng, -1.05, 1.05, 2, n, 1)
    nearest = np.full((n, 784), np.inf, dtype=np.float32)  # squared distance to the nearest stroke, in pixels
    for stroke in way.split("|"):
        points = np.array([point.split(",") for point in stroke.split()], dtype=np.float32) / 20
        line = _rounded(points + uniform(rng, -0.18, 0.18, n, *points.shape))
        u, v = line[:, :, 0], line[:, :, 1]
        bends = (u * v, u * u - 0.3, v * v - 0.5, v * v * v - 0.5 * v, u * v * v)  # smooth, and small in the middle
        y = (v + sum(b * p for b, p in zip(bend[1], bends, strict=True))) * height
        x = (u + sum(b * p for b, p in zip(bend[0], bends, strict=True))) * width - slant * y
        x, y = cosine * x - sine * y + move_x, sine * x + cosine * y + move_y
        for i in range(x.shape[1] - 1):
            from_x, from_y = x[:, i, None], y[:, i, None]
            dx, dy = x[:, i + 1, None] - from_x, y[:, i + 1, None] - from_y
            px, py = grid_x - from_x, grid_y - from_y
            along = np.clip((px * dx + py * dy) / (dx * dx + dy * dy), 0, 1)
            px, py = px - along * dx, py - along * dy
            np.minimum(nearest, px * px + py * py, out=nearest)
    ink = np.clip(0.5 + (uniform(rng, 0.5, 1.6, n, 1) - np.sqrt(nearest)) * uniform(rng, 0.6, 1.2, n, 1), 0, 1)
    return to_bytes(ink * (uniform(rng, 0.75, 1.15, n, 1) + noise(rng, 0.125, ink.shape)))


def _rounded(line: Array) -> Array:
    """Cut the corners of lines (n, points, 2) at a quarter of each side (Chaikin 1974) until they look round."""
    while 2 < line.shape[1] < 10:
        a, b = line[:, :-1], line[:, 1:]
        cut = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=2).reshape(len(line), -1, 2)
        line = np.concatenate([line[:, :1], cut[:, 1:-1], line[:, -1:]], axis=1)
    return line
