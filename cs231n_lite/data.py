"""CIFAR-10 and MNIST: the official files where they are at hand, otherwise the embedded stand-ins.

Looked for in this order: the folder that the environment variable ``CS231N_LITE_DATA`` names, the checkout's
``datasets/``, the user's cache. ``CS231N_LITE_DATA=embedded`` asks for the stand-ins. Nothing is downloaded unless asked.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cs231n_lite import formats, places, synthetic
from cs231n_lite.formats import Bytes, Labels

CIFAR10_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TRAINING = 49_000  # training pictures that `load_cifar10` gives by default
SOURCES = ("cifar10", "cifar10-embedded")
SHOWN = 1_000  # pictures of CIFAR-10's test batch that students may see; models are marked on the others


def load_cifar10(
    num_training: int = 49_000,
    num_validation: int = 1_000,
    num_test: int = 1_000,
    *,
    subtract_mean: bool = True,
    dtype: DTypeLike = np.float32,
    download: bool = False,
) -> dict[str, Any]:
    """Load CIFAR-10, or the embedded pictures of the same shape, and say in one line which.

    The split is CS231n's: the first training pictures, the validation pictures right after them, and the first of the
    test batch.

    Parameters
    ----------
    num_training, num_validation : int
        How many of the 50,000 training pictures go to each part; at least one to training.
    num_test : int
        At most 1,000. The other 9,000 test pictures are for marking; see `hidden_split`.
    subtract_mean : bool
        Subtract the mean training picture from every part.
    dtype : numpy.float32 or numpy.float64
        Type of the pictures. All 50,000 take 0.6 GB in float32, twice that in float64.
    download : bool
        Fetch the official files (170 MB) if they are not here, unless ``CS231N_LITE_DATA`` is "embedded".

    Returns
    -------
    data : dict
        ``X_train``, ``X_val``, ``X_test`` of shape (N, 3, 32, 32), 0 to 255 less the mean picture; ``y_train``,
        ``y_val``, ``y_test``, int64 of shape (N,); ``mean_image`` (3, 32, 32), the mean training picture whether
        subtracted or not; ``class_names``, ten; ``source``, "cifar10" or "cifar10-embedded".

    Raises
    ------
    ValueError
        If a number is out of range, `dtype` is another, or a file is not the official one.
    FileNotFoundError
        If ``CS231N_LITE_DATA`` names a folder without the files, or some of the files are missing.
    ConnectionError
        If they are to be downloaded and no mirror gives them.

    References
    ----------
    A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.

    Examples
    --------
    >>> data = load_cifar10(500, 100, 100)
    CIFAR-10: ..., 500 training, 100 validation and 100 test images.
    >>> data["X_train"].shape, data["y_val"].shape, data["X_test"].dtype
    ((500, 3, 32, 32), (100,), dtype('float32'))
    """
    data = _load("cifar10", (num_training, num_validation, num_test), dtype, download)
    # Sums of bytes are exact in float64, so every machine finds the same mean; no float64 copy is made.
    data["mean_image"] = data["X_train"].mean(axis=0, dtype=np.float64).astype(dtype)
    if subtract_mean:
        for part in ("X_train", "X_val", "X_test"):
            data[part] -= data["mean_image"]
    data["class_names"] = list(CIFAR10_NAMES if data["source"] == "cifar10" else synthetic.PICTURE_NAMES)
    return data


def load_mnist(
    num_training: int = 59_000,
    num_validation: int = 1_000,
    num_test: int = 10_000,
    *,
    flatten: bool = False,
    dtype: DTypeLike = np.float32,
    download: bool = False,
) -> dict[str, Any]:
    """Load MNIST, or the embedded digits of the same shape, and say in one line which.

    Parameters
    ----------
    num_training, num_validation : int
        How many of the 60,000 training digits go to each part; at least one to training.
    num_test : int
        At most 10,000.
    flatten : bool
        Give each digit as 784 numbers in a row.
    dtype, download
        As for `load_cifar10`; 12 MB are fetched.

    Returns
    -------
    data : dict
        ``X_train``, ``X_val``, ``X_test`` of shape (N, 1, 28, 28), or (N, 784) if `flatten`, from 0 (paper) to 1
        (ink); ``y_train``, ``y_val``, ``y_test``, int64 of shape (N,); ``class_names``, "0" to "9"; ``source``,
        "mnist" or "mnist-embedded".

    Raises
    ------
    ValueError, FileNotFoundError, ConnectionError
        As `load_cifar10`.

    References
    ----------
    Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998.

    Examples
    --------
    >>> data = load_mnist(500, 100, 100, flatten=True)
    MNIST: ..., 500 training, 100 validation and 100 test images.
    >>> data["X_train"].shape, float(data["X_train"].max())
    ((500, 784), 1.0)
    """
    data = _load("mnist", (num_training, num_validation, num_test), dtype, download)
    for part in ("X_train", "X_val", "X_test"):
        data[part] /= 255
        data[part] = data[part].reshape((-1, 784) if flatten else (-1, 1, 28, 28))
    data["class_names"] = [str(digit) for digit in range(10)]
    return data


def hidden_split(source: str, count: int = 1_000, seed: int = 0) -> tuple[NDArray[np.float32], Labels]:
    """Give pictures that `load_cifar10` never hands out, to mark a model on.

    Parameters
    ----------
    source : {"cifar10", "cifar10-embedded"}
        What the model was trained on: the ``source`` that `load_cifar10` gave.
    count : int
        How many, 1 to 9,000.
    seed : int
        Which: of CIFAR-10, a choice among the 9,000 other test pictures; of the embedded set, freshly drawn ones.

    Returns
    -------
    images : ndarray of float32, shape (count, 3, 32, 32)
        0 to 255; no mean is subtracted.
    labels : ndarray of int64, shape (count,)

    Raises
    ------
    ValueError
        If `source` is another, or `count` or `seed` out of range.
    FileNotFoundError
        If `source` is "cifar10" and the official files are not here.

    Examples
    --------
    >>> images, labels = hidden_split("cifar10-embedded", 3, seed=7)
    >>> images.shape, labels.shape
    ((3, 3, 32, 32), (3,))
    """
    _check_count("hidden_split", "count", count, 1, formats.BATCH - SHOWN)
    _check_count("hidden_split", "seed", seed, 0, 2**64 - 1)
    _require(source in SOURCES, "hidden_split", "source", "'cifar10' or 'cifar10-embedded'", source)
    if source == "cifar10-embedded":
        images, labels = synthetic.cifar10("hidden", count, seed)
    else:
        images, labels = formats.read_cifar10(places.cifar10_folder("hidden_split"), "test", formats.BATCH)
        order = np.random.Generator(np.random.PCG64(seed)).random(len(images) - SHOWN).argsort(kind="stable")
        chosen = SHOWN + order[:count]
        images, labels = images[chosen], labels[chosen]
    return images.astype(np.float32), labels


@lru_cache(maxsize=2)
def mean_image(source: str) -> NDArray[np.float64]:
    """Give the mean picture of the 49,000 training ones, which `load_cifar10` subtracts by default.

    Parameters
    ----------
    source : {"cifar10", "cifar10-embedded"}

    Returns
    -------
    mean : ndarray of float64, shape (3, 32, 32)
        Read-only: it is worked out once a process.

    Raises
    ------
    ValueError, FileNotFoundError
        As `hidden_split`.
    """
    _require(source in SOURCES, "mean_image", "source", "'cifar10' or 'cifar10-embedded'", source)
    folder = None if source == "cifar10-embedded" else places.cifar10_folder("mean_image")
    images, _ = _read("cifar10", folder, "train", TRAINING)
    mean = images.mean(axis=0, dtype=np.float64)
    mean.setflags(write=False)
    return mean


def _read(name: str, folder: Path | None, split: str, count: int) -> tuple[Bytes, Labels]:
    if folder is None:
        return synthetic.cached(name, split, count)
    return {"cifar10": formats.read_cifar10, "mnist": formats.read_mnist}[name](folder, split, count)


def _load(name: str, counts: tuple[int, int, int], dtype: DTypeLike, download: bool) -> dict[str, Any]:
    """Check what was asked, read the three parts as numbers from 0 to 255, and say where they came from."""
    caller, (train, val, test) = f"load_{name}", counts
    size = synthetic.SIZES[name, "train"]
    _check_count(caller, "num_training", train, 1, size)
    _check_count(caller, "num_validation", val, 0, size - train)
    _check_count(caller, "num_test", test, 0, SHOWN if name == "cifar10" else 10_000)
    _require(dtype in (np.float32, np.float64), caller, "dtype", "np.float32 or np.float64", dtype)
    if download and places.asked_for() != "embedded":
        from cs231n_lite import fetch  # brings half the standard library's network code

        fetch.fetch(name)
    folder = places.find_folder(name)
    images, labels = _read(name, folder, "train", train + val)
    test_images, test_labels = _read(name, folder, "test", test)
    used = "the official files" if folder else "the embedded stand-in drawn by code (no official files in use)"
    print(f"{places.TITLES[name]}: {used}, {train:,} training, {val:,} validation and {test:,} test images.")
    return {
        "X_train": images[:train].astype(dtype),
        "y_train": labels[:train],
        "X_val": images[train:].astype(dtype),
        "y_val": labels[train:],
        "X_test": test_images.astype(dtype),
        "y_test": test_labels,
        "source": name if folder else f"{name}-embedded",
    }


def _check_count(caller: str, name: str, value: int, low: int, high: int) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    _require(whole and low <= value <= high, caller, name, f"an integer from {low} to {high}", value)


def _require(fits: bool, caller: str, name: str, needed: str, value: object) -> None:
    if not fits:
        raise ValueError(f"The {name} parameter of {caller} must be {needed}. Got {value!r} instead.")
