"""The embedded data sets: small colour pictures and handwritten-looking digits, drawn by code.

They stand in for CIFAR-10 and MNIST where the official files are not at hand: same shapes, same types, same lessons.
A block of 1,000 is drawn at a time, from a generator of its own seeded by (split, block, seed); so the first pictures
do not depend on how many are asked for.

`pictures` and `digits` draw; here the blocks are put together, and full sets are kept.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cs231n_lite import places
from cs231n_lite.digits import draw_digits
from cs231n_lite.drawing import Bytes
from cs231n_lite.pictures import PICTURE_NAMES, draw_pictures

__all__ = [
    "BLOCK",
    "PICTURE_NAMES",
    "SHAPES",
    "SIZES",
    "SPLITS",
    "VERSION",
    "cached",
    "cifar10",
    "draw_missing",
    "is_complete",
    "mnist",
]

Labels = NDArray[np.int64]

VERSION = 2  # part of the cache's file name: raise it when a drawn byte changes
BLOCK = 1_000
SPLITS = ("train", "test", "hidden")
SIZES = {
    ("cifar10", "train"): 50_000,
    ("cifar10", "test"): 10_000,
    ("mnist", "train"): 60_000,
    ("mnist", "test"): 10_000,
}
SHAPES = {"cifar10": (3, 32, 32), "mnist": (28, 28)}


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
    return _draw("cifar10", draw_pictures, split, count, seed)


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
    return _draw("mnist", draw_digits, split, count, seed)


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
    path = _cache_file(name, split)
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


def is_complete() -> bool:
    """Say whether every training set is in the cache; of the test sets students load too little for that."""
    return all(_cache_file(name, "train").exists() for name in SHAPES)


def draw_missing() -> None:
    """Draw and keep the training sets that are not in the cache, for processes that may read it and not write it."""
    for name in SHAPES:
        if not _cache_file(name, "train").exists():
            cached(name, "train", SIZES[name, "train"])


def _cache_file(name: str, split: str) -> Path:
    return places.cache_folder() / f"embedded-{name}-{split}-v{VERSION}.npy"


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
            for members in np.split(np.flatnonzero(kinds == kind), 5):  # 20 at a time fit the processor's cache
                block[members] = drawing(rng, kind, len(members))
        images[start : start + BLOCK] = block[: count - start].reshape(-1, *SHAPES[name])
        labels[start : start + BLOCK] = kinds[: count - start]
    return images, labels
