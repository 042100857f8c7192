"""Small colour pictures of ten things, in the form of CIFAR-10's.

A shape is a *signed distance*: how far each pixel is from the shape's edge, negative inside. The larger of two
distances is the shapes' intersection, the smaller their union; ``clip(0.5 - distance, 0, 1)`` is ink with soft edges.
A shape's own coordinates x and y go from about -1 to 1, y up.
"""

import math

import numpy as np
from numpy.random import Generator

from cs231n_lite.drawing import Array, Bytes, noise, pixel_grid, rotation, to_bytes, uniform

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


def draw_pictures(rng: Generator, kind: int, n: int) -> Bytes:
    """Draw n pictures of one kind: background, clutter, another thing, the thing itself, light, noise.

    Parameters
    ----------
    rng : Generator
        Decides everything but the kind.
    kind : int
        0 to 9, an index into `PICTURE_NAMES`.
    n : int

    Returns
    -------
    images : ndarray of uint8, shape (n, 3072)
        All red, then all green, then all blue.

    Examples
    --------
    >>> images = draw_pictures(np.random.default_rng(0), PICTURE_NAMES.index("boat"), 3)
    >>> images.shape, images.dtype
    ((3, 3072), dtype('uint8'))
    """
    name = PICTURE_NAMES[kind]
    usual = uniform(rng, 0, 0.85, n, 1, 1)
    ground = usual * _colours(name)[1:] + (1 - usual) * uniform(rng, 0, 1, n, 2, 3)
    canvas = np.repeat(ground[:, 0, :, None], 1024, axis=2)
    right, down = pixel_grid(32)
    height, tilt = uniform(rng, -0.4, 0.4, 2, n, 1)
    _paint(canvas, (16 * height + tilt * right - down) * uniform(rng, 0.01, 0.12, n, 1), ground[:, 1])

    for shape in (_ellipse, _box, _ellipse):
        x, y, unit = _pose(rng, n, (3, 12), 16, 0.4)
        _paint(canvas, shape(x, y, 0, 0, 0.7, 0.5) * unit, 0.5 * (uniform(rng, 0, 1, n, 3) + ground[:, 0]))

    # Behind the thing stands another one, nearly as large: what is seen is not all that counts, as in photographs.
    other = PICTURE_NAMES[(kind + 1 + int(9 * rng.random())) % 10]
    for thing, size, away in ((other, (7.5, 13.5), 12), (name, (7.5, 14), 6)):
        x, y, unit = _pose(rng, n, size, away, 0.2)
        usual = uniform(rng, 0, 0.85, n, 1)
        for i, distance in enumerate(_parts(thing, x, y)):
            colour = uniform(rng, 0, 1, n, 3)
            _paint(canvas, distance * unit, usual * _colours(thing)[0] + (1 - usual) * colour if i == 1 else colour)

    canvas *= uniform(rng, 0.5, 1.2, n, 1, 1)
    canvas += noise(rng, 0.05, canvas.shape)
    return to_bytes(canvas).reshape(n, -1)


def _colours(name: str) -> Array:
    """Give the usual colours of a thing and its two grounds, (3, 3), from 0 to 1."""
    return np.array([list(bytes.fromhex(colour)) for colour in KINDS[name]], dtype=np.float32) / 255


def _pose(rng: Generator, n: int, size: tuple[float, float], away: float, turn: float) -> tuple[Array, Array, Array]:
    """Place n shapes: each pixel in the shape's own x and y (n, 1024), and how many pixels its unit is (n, 1)."""
    right, down = pixel_grid(32)
    cosine, sine = rotation(rng, n, turn)
    unit = uniform(rng, *size, n, 1)
    width = unit * uniform(rng, 0.8, 1.25, n, 1) * np.where(rng.random((n, 1)) < 0.5, np.float32(-1), np.float32(1))
    cx, cy = uniform(rng, -away, away, 2, n, 1)
    x = cosine / width * right + sine / width * down - (cosine * cx + sine * cy) / width
    y = sine / unit * right - cosine / unit * down - (sine * cx - cosine * cy) / unit
    return x, y, unit


def _paint(canvas: Array, distance: Array, colour: Array) -> None:
    """Lay a shape over each picture; `distance` (n, 1024) in pixels, `colour` (n, 3)."""
    ink = np.clip(0.5 - distance, 0, 1)
    for channel in range(3):
        plane = canvas[:, channel]
        plane += ink * (colour[:, channel, None] - plane)


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
