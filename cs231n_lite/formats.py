"""What is in the official files: CIFAR-10's batches, which are pickles, and MNIST's gzipped IDX files."""

import gzip
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cs231n_lite.official import verified_bytes

Bytes = NDArray[np.uint8]
Labels = NDArray[np.int64]

BATCH = 10_000  # pictures in a CIFAR-10 batch


def read_cifar10(folder: Path, split: str, count: int) -> tuple[Bytes, Labels]:
    """Read the first pictures and labels of CIFAR-10, from no more batches than that takes.

    Parameters
    ----------
    folder : Path
        What `find_folder` gave.
    split : {"train", "test"}
    count : int
        At most 50,000 or 10,000.

    Returns
    -------
    images : ndarray of uint8, shape (count, 3, 32, 32)
    labels : ndarray of int64, shape (count,)

    Raises
    ------
    FileNotFoundError
        If one of the files is missing.
    ValueError
        If one of them is not the official file.
    """
    names = ["test_batch"] if split == "test" else [f"data_batch_{i}" for i in range(1, 6)]
    images, labels = np.empty((count, 3, 32, 32), dtype=np.uint8), np.empty(count, dtype=np.int64)
    for start, name in zip(range(0, count, BATCH), names, strict=False):
        path = folder / name
        content = verified_bytes(path, f"{folder.name}/{name}")
        try:
            batch = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
            pictures, classes = batch[b"data"].array.reshape(BATCH, 3, 32, 32), np.array(batch[b"labels"])
            labels[start : start + BATCH] = classes[: count - start]
            images[start : start + BATCH] = pictures[: count - start]
        except Exception as problem:  # bytes that are no batch can fail in any way
            raise _not_readable(path, f"{BATCH:,} pictures with their labels", problem) from problem
    return images, labels


def read_mnist(folder: Path, split: str, count: int) -> tuple[Bytes, Labels]:
    """Read the first digits and labels of MNIST.

    The parameters and the errors are those of `read_cifar10`; there are 60,000 digits to train on.

    Returns
    -------
    images : ndarray of uint8, shape (count, 28, 28)
    labels : ndarray of int64, shape (count,)
    """
    prefix = {"train": "train", "test": "t10k"}[split]
    images = _read_idx(folder / f"{prefix}-images-idx3-ubyte.gz", 3)[:count]
    labels = _read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", 1)[:count]
    return images, labels.astype(np.int64)


def _read_idx(path: Path, ndim: int) -> Bytes:
    """Read bytes in IDX form: 0, 0, 8 (for bytes), ndim, then each size in four bytes, then the numbers."""
    content = verified_bytes(path, f"{path.parent.name}/{path.name}")
    try:
        raw = gzip.decompress(content)
        if raw[:4] != bytes([0, 0, 8, ndim]):
            raise ValueError(f"a file that begins with {raw[:4].hex(' ')}")
        shape = np.frombuffer(raw, dtype=">u4", count=ndim, offset=4)
        return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * ndim).reshape(shape)
    except (OSError, EOFError, ValueError) as problem:
        raise _not_readable(path, f"gzipped bytes in IDX form with {ndim} axes", problem) from problem


def _not_readable(path: Path, expected: str, problem: Exception) -> ValueError:
    return ValueError(
        f"{path.parent.name}/{path.name} must hold {expected}. Got {problem}. "
        f"Do not use {path}; replace it by a fresh copy of the official file."
    )


class _PickledArray:
    """Stands for a NumPy array while a batch is unpickled: keeps its bytes and nothing else."""

    def __init__(self, *ignored: object) -> None:
        self.array = np.empty(0, dtype=np.uint8)

    def __setstate__(self, state: tuple[int, tuple[int, ...], object, bool, bytes]) -> None:
        _, shape, _, _, content = state
        self.array = np.frombuffer(content, dtype=np.uint8).reshape(shape)


class _PickledDtype:
    """Stands for a NumPy dtype, which in a batch is always uint8."""

    def __init__(self, *ignored: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _BatchUnpickler(pickle.Unpickler):
    """Unpickle a CIFAR-10 batch without trusting it: the three names it contains give inert stand-ins, no other does.

    It also spares us the warnings of new NumPy versions at the names of 2009.
    """

    ADMITTED = {
        ("numpy.core.multiarray", "_reconstruct"): _PickledArray,
        ("numpy", "ndarray"): _PickledArray,
        ("numpy", "dtype"): _PickledDtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ADMITTED:
            raise pickle.UnpicklingError(f"a pickle that wants to use {module}.{name}")
        return self.ADMITTED[module, name]
