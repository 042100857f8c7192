"""CIFAR-10 and MNIST: the official files where they are at hand, otherwise the embedded stand-ins.

Looked for in this order: the folder that the environment variable ``CS231N_LITE_DATA`` names, the checkout's
``datasets/``, the user's cache. ``CS231N_LITE_DATA=embedded`` asks for the stand-ins. Nothing is downloaded here.
"""

import gzip
import hashlib
import io
import os
import pickle
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

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
CIFAR10_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TRAINING = 49_000  # training pictures that `load_cifar10` gives by default
BATCH = 10_000  # pictures in a CIFAR-10 batch
SHOWN = 1_000  # pictures of CIFAR-10's test batch that students may see; models are marked on the others

_verified: set[tuple[Path, int, int]] = set()  # files found to be official: path, size, time of change


# ---- What students call


def load_cifar10(
    num_training: int = 49_000,
    num_validation: int = 1_000,
    num_test: int = 1_000,
    *,
    subtract_mean: bool = True,
    dtype: DTypeLike = np.float32,
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
    data = _load("cifar10", "load_cifar10", (num_training, num_validation, num_test), SHOWN, dtype)
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
    dtype : numpy.float32 or numpy.float64
        Type of the digits.

    Returns
    -------
    data : dict
        ``X_train``, ``X_val``, ``X_test`` of shape (N, 1, 28, 28), or (N, 784) if `flatten`, from 0 (paper) to 1
        (ink); ``y_train``, ``y_val``, ``y_test``, int64 of shape (N,); ``class_names``, "0" to "9"; ``source``,
        "mnist" or "mnist-embedded".

    Raises
    ------
    ValueError, FileNotFoundError
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
    data = _load("mnist", "load_mnist", (num_training, num_validation, num_test), 10_000, dtype)
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
    _check_count("hidden_split", "count", count, 1, BATCH - SHOWN)
    _check_count("hidden_split", "seed", seed, 0, 2**64 - 1)
    _check_source("hidden_split", source)
    if source == "cifar10-embedded":
        images, labels = synthetic.cifar10("hidden", count, seed)
    else:
        images, labels = _read_cifar10(_official_cifar10("hidden_split"), "test", BATCH)
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
        The ``source`` that `load_cifar10` gave.

    Returns
    -------
    mean : ndarray of float64, shape (3, 32, 32)
        Read-only: it is worked out once a process.

    Raises
    ------
    ValueError
        If `source` is another.
    FileNotFoundError
        If `source` is "cifar10" and the official files are not here.
    """
    _check_source("mean_image", source)
    if source == "cifar10-embedded":
        images, _ = synthetic.cached("cifar10", "train", TRAINING)
    else:
        images, _ = _read_cifar10(_official_cifar10("mean_image"), "train", TRAINING)
    mean = images.mean(axis=0, dtype=np.float64)
    mean.setflags(write=False)
    return mean


# ---- Which files


def _load(name: str, caller: str, counts: tuple[int, int, int], most_test: int, dtype: DTypeLike) -> dict[str, Any]:
    """Check what was asked, read the three parts as numbers from 0 to 255, and say where they came from."""
    train, val, test = counts
    size = synthetic.SIZES[name, "train"]
    _check_count(caller, "num_training", train, 1, size)
    _check_count(caller, "num_validation", val, 0, size - train)
    _check_count(caller, "num_test", test, 0, most_test)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"The dtype parameter of {caller} must be np.float32 or np.float64. Got {dtype!r} instead.")
    folder = _official_folder(name)
    if folder is None:
        images, labels = synthetic.cached(name, "train", train + val)
        test_images, test_labels = synthetic.cached(name, "test", test)
    else:
        read = {"cifar10": _read_cifar10, "mnist": _read_mnist}[name]
        images, labels = read(folder, "train", train + val)
        test_images, test_labels = read(folder, "test", test)
    used = "the official files" if folder else "the embedded stand-in drawn by code (no official files in use)"
    title = {"cifar10": "CIFAR-10", "mnist": "MNIST"}[name]
    print(f"{title}: {used}, {train:,} training, {val:,} validation and {test:,} test images.")
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
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise ValueError(
            f"The {name} parameter of {caller} must be an integer from {low} to {high}. Got {value!r} instead."
        )


def _check_source(caller: str, source: str) -> None:
    if source not in ("cifar10", "cifar10-embedded"):
        raise ValueError(
            f"The source parameter of {caller} must be 'cifar10' or 'cifar10-embedded'. Got {source!r} instead."
        )


def _official_folder(name: str) -> Path | None:
    """Find the folder with a data set's official files; None stands for the embedded one."""
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


def _official_cifar10(caller: str) -> Path:
    folder = _official_folder("cifar10")
    if folder is None:
        raise FileNotFoundError(
            f"{caller} was asked for pictures of the official CIFAR-10, but found none on this machine "
            f"(CS231N_LITE_DATA is {os.environ.get('CS231N_LITE_DATA', '')!r}). "
            f"Set it to the folder that holds {FOLDERS['cifar10']}."
        )
    return folder


def _official_bytes(path: Path) -> bytes:
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


# ---- What is in them


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


def _read_cifar10(folder: Path, split: str, count: int) -> tuple[Bytes, Labels]:
    """Read the first `count` pictures (count, 3, 32, 32) and labels, from no more batches than that takes."""
    names = ["test_batch"] if split == "test" else [f"data_batch_{i}" for i in range(1, 6)]
    images, labels = np.empty((count, 3, 32, 32), dtype=np.uint8), np.empty(count, dtype=np.int64)
    for start, name in zip(range(0, count, BATCH), names, strict=False):
        path = folder / name
        content = _official_bytes(path)
        try:
            batch = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
            pictures, classes = batch[b"data"].array.reshape(BATCH, 3, 32, 32), np.array(batch[b"labels"])
            labels[start : start + BATCH] = classes[: count - start]
            images[start : start + BATCH] = pictures[: count - start]
        except Exception as problem:  # bytes that are no batch can fail in any way
            raise _not_readable(path, f"{BATCH:,} pictures with their labels", problem) from problem
    return images, labels


def _read_mnist(folder: Path, split: str, count: int) -> tuple[Bytes, Labels]:
    """Read the first `count` digits (count, 28, 28) and labels."""
    prefix = {"train": "train", "test": "t10k"}[split]
    images = _read_idx(folder / f"{prefix}-images-idx3-ubyte.gz", 3)[:count]
    labels = _read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", 1)[:count]
    return images, labels.astype(np.int64)


def _read_idx(path: Path, ndim: int) -> Bytes:
    """Read bytes in IDX form: 0, 0, 8 (for bytes), ndim, then each size in four bytes, then the numbers."""
    content = _official_bytes(path)
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
