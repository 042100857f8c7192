"""The official files of CIFAR-10 and MNIST: where they are, whether they are intact, and what is in them."""

import gzip
import hashlib
import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cs231n_lite import synthetic

Bytes = NDArray[np.uint8]
Labels = NDArray[np.int64]

# The official files: sha256 and size in bytes.
OFFICIAL = {
    "cifar-10-batches-py/data_batch_1": ("54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd", 31035704),
    "cifar-10-batches-py/data_batch_2": ("766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8", 31035320),
    "cifar-10-batches-py/data_batch_3": ("0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9", 31035999),
    "cifar-10-batches-py/data_batch_4": ("3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b", 31035696),
    "cifar-10-batches-py/data_batch_5": ("d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154", 31035623),
    "cifar-10-batches-py/test_batch": ("f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831", 31035526),
    "mnist/train-images-idx3-ubyte.gz": ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422),
    "mnist/train-labels-idx1-ubyte.gz": ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881),
    "mnist/t10k-images-idx3-ubyte.gz": ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877),
    "mnist/t10k-labels-idx1-ubyte.gz": ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542),
}
FOLDERS = {"cifar10": "cifar-10-batches-py", "mnist": "mnist"}
BATCH = 10_000  # pictures in a CIFAR-10 batch

_verified: set[tuple[Path, int, int]] = set()  # files found to be official: path, size, time of change


def find_folder(name: str) -> Path | None:
    """Find the folder with a data set's official files.

    Looks where the environment variable ``CS231N_LITE_DATA`` says; without it, in the checkout's ``datasets/`` and then
    in the user's cache.

    Parameters
    ----------
    name : {"cifar10", "mnist"}

    Returns
    -------
    folder : Path or None
        None stands for the embedded stand-ins.

    Raises
    ------
    FileNotFoundError
        If ``CS231N_LITE_DATA`` names a place without the folder.
    """
    asked = os.environ.get("CS231N_LITE_DATA", "")
    if asked == "embedded":
        return None
    if asked:
        folder = Path(asked).expanduser() / FOLDERS[name]
        if not folder.is_dir():
            raise FileNotFoundError(
                f"CS231N_LITE_DATA asks for the official files in {asked}, but that has no folder {FOLDERS[name]}. "
                "Put it there, or set CS231N_LITE_DATA to 'embedded' for the pictures drawn by code."
            )
        return folder
    checkout = Path(__file__).resolve().parents[1]
    # Installed, the package's neighbours are other people's packages, one of which may be called datasets.
    places = [checkout / "datasets"] if (checkout / "pyproject.toml").is_file() else []
    for place in (*places, synthetic.cache_folder()):
        if (place / FOLDERS[name]).is_dir():
            return place / FOLDERS[name]
    return None


def cifar10_folder(caller: str) -> Path:
    """Find the folder with the official CIFAR-10 for `caller`, which cannot do without.

    Raises
    ------
    FileNotFoundError
        If there is none, or the environment asks for the embedded pictures.
    """
    folder = find_folder("cifar10")
    if folder is None:
        raise FileNotFoundError(
            f"{caller} was asked for pictures of the official CIFAR-10, but found none on this machine "
            f"(CS231N_LITE_DATA is {os.environ.get('CS231N_LITE_DATA', '')!r}). "
            f"Set it to the folder that holds {FOLDERS['cifar10']}."
        )
    return folder


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
        content = _verified_bytes(path)
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


def _verified_bytes(path: Path) -> bytes:
    """Read a file once, and let its bytes through only if they are the official ones."""
    key = f"{path.parent.name}/{path.name}"
    sha256, size = OFFICIAL[key]
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{key}, {size:,} bytes, is needed, but {path.parent} has no {path.name}. "
            "Copy the missing file there, or remove the folder to use the embedded pictures."
        ) from None
    stamp = (path, len(content), path.stat().st_mtime_ns)
    if stamp in _verified:
        return content
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        if len(content) < size:
            came = f"{len(content):,}: the file is cut short"
        else:
            other = [known for known, (known_sha256, _) in OFFICIAL.items() if known_sha256 == found]
            came = f"the content of {other[0]}" if other else f"{len(content):,} bytes with sha256 {found}"
        raise ValueError(
            f"{key} must be the official file, {size:,} bytes with sha256 {sha256}. Got {came}. "
            f"Replace {path} by a fresh copy, or remove its folder to use the embedded pictures."
        )
    _verified.add(stamp)
    return content


def _read_idx(path: Path, ndim: int) -> Bytes:
    """Read bytes in IDX form: 0, 0, 8 (for bytes), ndim, then each size in four bytes, then the numbers."""
    content = _verified_bytes(path)
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
