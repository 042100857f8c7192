"""The embedded data sets: small colour pictures and handwritten-looking digits, drawn by code.

They stand in for CIFAR-10 and MNIST where the official files are not at hand: same shapes, same types, same lessons.
A block of 1,000 is drawn at a time, from a generator of its own seeded by (split, block, seed); so the first pictures
do not depend on how many are asked for.

Only ``+ - * /``, square roots, comparisons and uniform random numbers are used, no sine and no matrix product: these
round the same way everywhere, so every machine draws the same bytes.

A shape is a *signed distance*: how far each pixel is from the shape's edge, negative inside. The larger of two
distances is the shapes' intersection, the smaller their union; ``clip(0.5 - distance, 0, 1)`` is ink with soft edges.
"""

import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.floating]  # float32 in fact: half the time, and more than enough for a byte
Bytes = NDArray[np.uint8]
Labels = NDArray[np.int64]

VERSION = 1  # part of the cache's file name: raise it when a drawn byte changes
BLOCK = 1_000
SPLITS = ("train", "test", "hidden")
SIZES = {
    ("cifar10", "train"): 50_000,
    ("cifar10", "test"): 10_000,
    ("mnist", "train"): 60_000,
    ("mnist", "test"): 10_000,
}
SHAPES = {"cifar10": (3, 32, 32), "mnist": (28, 28)}

# What is drawn, and its usual colours: of the main part, and of the background above and below the horizon.
KINDS = {
    "balloon": ("d93340", "73b3f2", "73b3f2"),
    "boat": ("995933", "99ccf2", "265999"),
    "car": ("4073cc", "a6bfcc", "66666b"),
    "fish": ("f29933", "3380a6", "1a4d73"),
    "flower": ("d966b3", "99bf8c", "407333"),
    "house": ("bfb3a6", "8cbff2", "668c4d"),
    "kite": ("8c59bf", "99ccff", "bfbf8c"),
    "moon": ("e6e6bf", "1a1a40", "33334d"),
    "star": ("f2d94d", "261a4d", "593366"),
    "tree": ("409940", "a6cce6", "597333"),
}
PICTURE_NAMES = list(KINDS)

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


# ---- What others call


def cifar10(split: str, count: int, seed: int = 0) -> tuple[Bytes, Labels]:
    """Draw colour pictures of ten things, `PICTURE_NAMES`, shaped like those of CIFAR-10.

    Each has a pose, colours, a background, clutter, light and noise of its own. Colours hint at the class but do not
    tell it.

    Parameters
    ----------
    split : {"train", "test", "hidden"}
        Different pictures of the same kinds; "hidden" is for marking.
    count : int
        How many. The first ones are the same however many are asked for.
    seed : int
        Another seed gives other pictures. The data sets that students load have seed 0.

    Returns
    -------
    images : ndarray of uint8, shape (count, 3, 32, 32)
        Red, green and blue, 0 to 255.
    labels : ndarray of int64, shape (count,)
        0 to 9, an index into `PICTURE_NAMES`; each comes 100 times in every 1,000.

    Raises
    ------
    ValueError
        If `split` is not one of the three, or `count` or `seed` is not an integer, 0 or more.

    Examples
    --------
    >>> images, labels = cifar10("train", 5)
    >>> images.shape
    (5, 3, 32, 32)
    >>> [PICTURE_NAMES[label] for label in labels]
    ['house', 'boat', 'tree', 'boat', 'balloon']
    """
    return _draw("cifar10", _draw_pictures, split, count, seed)


def mnist(split: str, count: int, seed: int = 0) -> tuple[Bytes, Labels]:
    """Draw handwritten-looking digits, shaped like those of MNIST.

    The parameters and the errors are those of `cifar10`.

    Returns
    -------
    images : ndarray of uint8, shape (count, 28, 28)
        Ink: 0 is paper, 255 is black.
    labels : ndarray of int64, shape (count,)
        The digit, 0 to 9.

    Examples
    --------
    >>> images, labels = mnist("test", 4)
    >>> images.shape, labels
    ((4, 28, 28), array([8, 3, 2, 8]))
    """
    return _draw("mnist", _draw_digits, split, count, seed)


def cached(name: str, split: str, count: int) -> tuple[Bytes, Labels]:
    """Give the first `count` of a data set students load, drawing the full set only once a machine.

    The full set is kept in the user's cache folder. Up to `BLOCK` pictures are drawn without keeping them, and so is
    any number where the folder cannot be written.

    Parameters
    ----------
    name : {"cifar10", "mnist"}
    split : {"train", "test"}
    count : int
        At most the full set: 50,000 or 10,000 pictures, 60,000 or 10,000 digits.

    Returns
    -------
    images : ndarray of uint8, shape (count, 3, 32, 32) or (count, 28, 28)
        Read-only where it comes from the cache.
    labels : ndarray of int64, shape (count,)

    Examples
    --------
    >>> images, labels = cached("mnist", "train", 100)
    >>> bool((images == mnist("train", 100)[0]).all())
    True
    """
    row = np.dtype([("label", "u1"), ("image", "u1", SHAPES[name])])
    path = cache_folder() / f"embedded-{name}-{split}-v{VERSION}.npy"
    draw, size = {"cifar10": cifar10, "mnist": mnist}[name], SIZES[name, split]
    try:
        rows = np.load(path, mmap_mode="r")
        if (rows.shape, rows.dtype) != ((size,), row):
            raise ValueError("cut short, or not ours")
    except (OSError, ValueError, EOFError):
        if count <= BLOCK:
            return draw(split, count)
        rows = np.empty(size, dtype=row)
        rows["image"], rows["label"] = draw(split, size)
        _keep(path, rows)
    return rows["image"][:count], rows["label"][:count].astype(np.int64)


def cache_folder() -> Path:
    """Where this user's downloaded and drawn data sets are kept; it need not exist."""
    import pooch

    return Path(pooch.os_cache("cs231n-lite"))


def _keep(path: Path, rows: np.ndarray) -> None:
    """Write under another name, then rename: no reader sees half a file, and two writers do no harm."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            np.save(Path(folder, path.name), rows)
            os.replace(Path(folder, path.name), path)
    except OSError:
        pass  # a read-only or full disk costs only the drawing next time


def _draw(
    name: str, drawing: Callable[[Generator, int, int], Bytes], split: str, count: int, seed: int
) -> tuple[Bytes, Labels]:
    """Draw whole blocks and keep the first `count`."""
    if split not in SPLITS:
        raise ValueError(f"The split parameter of {name} must be one of {', '.join(SPLITS)}. Got {split!r} instead.")
    for parameter, value in (("count", count), ("seed", seed)):
        if not isinstance(value, int | np.integer) or value < 0:
            raise ValueError(
                f"The {parameter} parameter of {name} must be an integer, 0 or more. Got {value!r} instead."
            )
    images, labels = np.empty((count, *SHAPES[name]), dtype=np.uint8), np.empty(count, dtype=np.int64)
    for start in range(0, count, BLOCK):
        rng = np.random.Generator(np.random.PCG64([SPLITS.index(split), start // BLOCK, seed]))
        kinds = rng.random(BLOCK).argsort(kind="stable") % 10
        block = np.empty((BLOCK, images[0].size), dtype=np.uint8)
        for kind in range(10):
            for members in np.split(np.flatnonzero(kinds == kind), 2):  # 50 at a time fit the processor's cache
                block[members] = drawing(rng, kind, len(members))
        images[start : start + BLOCK] = block[: count - start].reshape(-1, *SHAPES[name])
        labels[start : start + BLOCK] = kinds[: count - start]
    return images, labels


# ---- Tools for both


def _uniform(rng: Generator, low: float, high: float, *shape: int) -> Array:
    return np.float32(low) + np.float32(high - low) * rng.random(shape, dtype=np.float32)


def _noise(rng: Generator, size: float, shape: tuple[int, ...]) -> Array:
    """Draw from -size to size in 256 steps: quicker than floats, and one for every pixel adds up."""
    return rng.integers(-128, 128, shape, dtype=np.int8).astype(np.float32) * (size / 128)


def _rotation(rng: Generator, n: int, turn: float) -> tuple[Array, Array]:
    """Cosine and sine (n, 1) of random angles, without either: `turn` is the tangent of half the largest."""
    t = _uniform(rng, -turn, turn, n, 1)
    return (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)


def _grid(side: int) -> tuple[Array, Array]:
    """Give x (right) and y (down) of each pixel, shape (side * side,), in pixels from the middle."""
    middle = np.arange(side, dtype=np.float32) - (side - 1) / 2
    return np.tile(middle, side), np.repeat(middle, side)


def _bytes(brightness: Array) -> Bytes:
    return np.clip(np.rint(255 * brightness), 0, 255).astype(np.uint8)


# ---- Digits


def _rounded(line: Array) -> Array:
    """Cut the corners of lines (n, points, 2) at a quarter of each side (Chaikin 1974) until they look round."""
    while 2 < line.shape[1] < 10:
        a, b = line[:, :-1], line[:, 1:]
        cut = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=2).reshape(len(line), -1, 2)
        line = np.concatenate([line[:, :1], cut[:, 1:-1], line[:, -1:]], axis=1)
    return line


def _draw_digits(rng: Generator, digit: int, n: int) -> Bytes:
    """Draw a digit n times, (n, 784): strokes bent, slanted, turned and moved; a pen of some width; uneven ink."""
    grid_x, grid_y = _grid(28)
    way = WAYS[digit][int(rng.random() * len(WAYS[digit]))]
    cosine, sine = _rotation(rng, n, 0.15)
    width, height, slant = (_uniform(rng, *ends, n, 1) for ends in ((4.8, 8.5), (7.2, 10), (-0.15, 0.45)))
    bend = _uniform(rng, -0.3, 0.3, 2, 5, n, 1)
    move_x, move_y = _uniform(rng, -1.2, 1.2, 2, n, 1)
    nearest = np.full((n, 784), np.inf, dtype=np.float32)  # squared distance to the nearest stroke, in pixels
    for stroke in way.split("|"):
        points = np.array([point.split(",") for point in stroke.split()], dtype=np.float32) / 20
        line = _rounded(points + _uniform(rng, -0.18, 0.18, n, *points.shape))
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
    ink = np.clip(0.5 + (_uniform(rng, 0.5, 1.6, n, 1) - np.sqrt(nearest)) * _uniform(rng, 0.6, 1.2, n, 1), 0, 1)
    return _bytes(ink * (_uniform(rng, 0.75, 1.15, n, 1) + _noise(rng, 0.125, ink.shape)))


# ---- Colour pictures: x and y are a shape's own coordinates, about -1 to 1, y up


def _ellipse(x: Array, y: Array, cx: float, cy: float, rx: float, ry: float) -> Array:
    return (np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2) - 1) * min(rx, ry)


def _box(x: Array, y: Array, cx: float, cy: float, rx: float, ry: float) -> Array:
    return np.maximum(abs(x - cx) - rx, abs(y - cy) - ry)


def _polygon(x: Array, y: Array, *corners: tuple[float, float]) -> Array:
    """Give the distance to a convex polygon, corners clockwise: the largest of the distances to its sides."""
    distance = np.full_like(x, -np.inf)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        length = math.sqrt((bx - ax) ** 2 + (by - ay) ** 2)
        np.maximum(distance, (x - ax) * ((ay - by) / length) + (y - ay) * ((bx - ax) / length), out=distance)
    return distance


def _star(x: Array, y: Array) -> Array:
    """Five points: mirror the plane until a tenth of the star is left; there its edge is one straight line."""
    x = abs(x)
    for kx, ky in ((0.809017, -0.587785), (-0.809017, -0.587785)):
        beyond = 2 * np.maximum(x * kx + y * ky, 0)
        x, y = x - beyond * kx, y - beyond * ky
    return abs(x) * 0.850651 + (y - 0.9) * 0.525731


def _petals(x: Array, y: Array) -> Array:
    """Five petals: the radius grows and shrinks with the cosine of five times the angle."""
    x2, y2 = x * x, y * y
    r = np.sqrt(x2 + y2 + 1e-6)
    return r - 0.5 - 0.16 * y * (y2 * y2 - 10 * y2 * x2 + 5 * x2 * x2) / (r * r * r * r * r)


def _parts(name: str, x: Array, y: Array) -> list[Array]:
    """List the parts of a thing, back to front. The second is the main one."""
    match name:
        case "balloon":
            return [_box(x, y, 0, -0.7, 0.04, 0.3), _ellipse(x, y, 0, 0.3, 0.55, 0.68)]
        case "boat":
            hull = _polygon(x, y, (-0.95, -0.25), (0.95, -0.25), (0.6, -0.8), (-0.6, -0.8))
            return [_polygon(x, y, (-0.05, -0.2), (-0.05, 0.95), (0.75, -0.2)), hull]
        case "car":
            cabin = _polygon(x, y, (-0.6, 0.1), (-0.35, 0.55), (0.35, 0.55), (0.65, 0.1))
            return [cabin, _box(x, y, 0, -0.15, 0.95, 0.27), _ellipse(abs(x), y, 0.52, -0.45, 0.24, 0.24)]
        case "fish":
            tail = _polygon(x, y, (-0.3, 0), (-0.95, -0.5), (-0.95, 0.5))
            return [tail, _ellipse(x, y, 0.2, 0, 0.72, 0.42), _ellipse(x, y, 0.6, 0.1, 0.09, 0.09)]
        case "flower":
            return [_box(x, y, 0, -0.55, 0.06, 0.45), _petals(x, y - 0.3), _ellipse(x, y, 0, 0.3, 0.2, 0.2)]
        case "house":
            roof = _polygon(x, y, (-0.95, 0.15), (0, 0.85), (0.95, 0.15))
            return [roof, _box(x, y, 0, -0.3, 0.7, 0.45), _box(x, y, 0.1, -0.45, 0.17, 0.3)]
        case "kite":
            left = _polygon(x, y, (0, -0.4), (-0.6, 0.35), (0, 0.95))
            right = _polygon(x, y, (0, 0.95), (0.6, 0.35), (0, -0.4))
            return [left, right, _box(x, y, 0, -0.7, 0.05, 0.3)]
        case "moon":
            disc = _ellipse(x, y, 0, 0, 0.8, 0.8)
            return [disc, np.maximum(disc, -_ellipse(x, y, 0.4, 0.1, 0.7, 0.7))]
        case "star":
            shape = _star(x, y)
            return [shape - 0.08, shape]
        case _:
            low, high = (_polygon(x, y, (-w, b), (0, b + 0.8), (w, b)) for w, b in ((0.7, -0.55), (0.5, 0.1)))
            return [_box(x, y, 0, -0.75, 0.12, 0.25), np.minimum(low, high)]


def _pose(rng: Generator, n: int, size: tuple[float, float], away: float, turn: float) -> tuple[Array, Array, Array]:
    """Place n shapes: each pixel in the shape's own x and y (n, 1024), and how many pixels its unit is (n, 1)."""
    right, down = _grid(32)
    cosine, sine = _rotation(rng, n, turn)
    unit = _uniform(rng, *size, n, 1)
    width = unit * _uniform(rng, 0.8, 1.25, n, 1) * np.where(rng.random((n, 1)) < 0.5, np.float32(-1), np.float32(1))
    cx, cy = _uniform(rng, -away, away, 2, n, 1)
    x = cosine / width * right + sine / width * down - (cosine * cx + sine * cy) / width
    y = sine / unit * right - cosine / unit * down - (sine * cx - cosine * cy) / unit
    return x, y, unit


def _paint(canvas: Array, distance: Array, colour: Array) -> None:
    """Lay a shape over each picture; `distance` (n, 1024) in pixels, `colour` (n, 3)."""
    ink = np.clip(0.5 - distance, 0, 1)
    for channel in range(3):
        plane = canvas[:, channel]
        plane += ink * (colour[:, channel, None] - plane)


def _draw_pictures(rng: Generator, kind: int, n: int) -> Bytes:
    """Draw n pictures of one kind, (n, 3072): background, clutter, the thing itself, light, noise."""
    name = PICTURE_NAMES[kind]
    colours = np.array([list(bytes.fromhex(c)) for c in KINDS[name]], dtype=np.float32) / 255
    usual = _uniform(rng, 0, 0.75, n, 1, 1)
    ground = usual * colours[1:] + (1 - usual) * _uniform(rng, 0, 1, n, 2, 3)
    canvas = np.repeat(ground[:, 0, :, None], 1024, axis=2)
    right, down = _grid(32)
    height, tilt = _uniform(rng, -0.4, 0.4, 2, n, 1)
    _paint(canvas, (16 * height + tilt * right - down) * _uniform(rng, 0.01, 0.12, n, 1), ground[:, 1])

    for shape in (_ellipse, _box, _ellipse):
        x, y, unit = _pose(rng, n, (3, 12), 16, 0.4)
        _paint(canvas, shape(x, y, 0, 0, 0.7, 0.5) * unit, 0.5 * (_uniform(rng, 0, 1, n, 3) + ground[:, 0]))

    x, y, unit = _pose(rng, n, (7.5, 14), 6, 0.2)
    usual = _uniform(rng, 0, 0.8, n, 1)
    for i, distance in enumerate(_parts(name, x, y)):
        colour = _uniform(rng, 0, 1, n, 3)
        _paint(canvas, distance * unit, usual * colours[0] + (1 - usual) * colour if i == 1 else colour)

    canvas *= _uniform(rng, 0.5, 1.2, n, 1, 1)
    canvas += _noise(rng, 0.05, canvas.shape)
    return _bytes(canvas).reshape(n, -1)
