"""The official files of CIFAR-10 and MNIST: which they are, and whether a file is one of them.

A file of MNIST that was compressed anew is as good as the official one: what counts is the sha256 of its content.
"""

import gzip
import hashlib
import io
import zlib
from pathlib import Path

from cs231n_lite.places import FOLDERS

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
# What is in those that are compressed.
CONTENT = {
    "mnist/train-images-idx3-ubyte.gz": ("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47040016),
    "mnist/train-labels-idx1-ubyte.gz": ("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60008),
    "mnist/t10k-images-idx3-ubyte.gz": ("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7840016),
    "mnist/t10k-labels-idx1-ubyte.gz": ("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10008),
}
# What CIFAR-10's six batches come in.
ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_FACTS = ("6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce", 170498071)

MOST = 64_000_000  # bytes; no official file, packed or not, has as many, so no more are read

_verified: set[tuple[Path, int, int]] = set()  # files found to be official: path, size, time of change


def keys(name: str) -> list[str]:
    """Give a data set's files, each as folder/file.

    Examples
    --------
    >>> keys("mnist")[3]
    'mnist/t10k-labels-idx1-ubyte.gz'
    """
    return [key for key in OFFICIAL if key.startswith(f"{FOLDERS[name]}/")]


def verified_bytes(path: Path, key: str) -> bytes:
    """Read a file once, and let its bytes through only if they are the official ones.

    Parameters
    ----------
    path : Path
        The file.
    key : str
        Which of the official files it must be.

    Returns
    -------
    content : bytes
        Of MNIST, still compressed.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    OSError
        If there is something that is no file, or may not be read.
    ValueError
        If it is not the official file: cut short, changed, or another one.
    """
    sha256, size = OFFICIAL[key]
    name = {folder: name for name, folder in FOLDERS.items()}[key.partition("/")[0]]
    mend = f"with: cs231n-lite data fetch {name}; or remove the folder to use the embedded pictures."
    try:
        with path.open("rb") as file:
            content = file.read(MOST)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{key}, {size:,} bytes, is needed, but {path.parent} has no {path.name}. Put it there {mend}"
        ) from None
    except OSError as problem:  # on Windows a folder is a file one may not open
        what = "a folder" if path.is_dir() else f"{problem.strerror or problem}"
        raise OSError(
            f"{key} must be a file, {size:,} bytes. Got {what} at {path}. Move it away and replace it {mend}"
        ) from None
    stamp = (path, len(content), path.stat().st_mtime_ns)
    if stamp not in _verified:
        came = _what_else(key, content)
        if came:
            raise ValueError(
                f"{key} must be the official file, {size:,} bytes with sha256 {sha256}. Got {came}. "
                f"Replace {path} {mend}"
            )
        _verified.add(stamp)
    return content


def fault(path: Path, key: str) -> str:
    """Give what is wrong with a file, in the words of `verified_bytes`; nothing if it is the official one."""
    try:
        verified_bytes(path, key)
    except (OSError, ValueError) as problem:
        return str(problem)
    return ""


def _what_else(key: str, content: bytes) -> str:
    """Say what this content is, if not that of the official file `key`."""
    sha256, size = OFFICIAL[key]
    found = hashlib.sha256(content).hexdigest()
    if found == sha256:
        return ""
    same_as = {digest: name for table in (OFFICIAL, CONTENT) for name, (digest, _) in table.items()}
    other = same_as.get(found, "")
    came = f"{len(content):,} bytes with sha256 {found}"
    if len(content) == MOST:
        return f"{MOST:,} bytes or more"
    if content[:1] == b"<":
        came = f"{len(content):,} bytes that look like a web page"
    elif len(content) < size:
        came = f"{len(content):,}: the file is cut short"
    if other == key:
        return f"the content of {key} without its compression"
    if key in CONTENT and not other:
        try:
            other = same_as.get(hashlib.sha256(_unzipped(content)).hexdigest(), "")
        except EOFError:
            came = f"{len(content):,}: the file is cut short"
        except (OSError, zlib.error, ValueError) as problem:
            came = f"{came} ({problem})"
        if other == key:
            return ""
    return f"the content of {other}" if other else came


def _unzipped(content: bytes) -> bytes:
    """Unpack no more than an official file could hold: a small file can claim to be endless."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        raw = file.read(MOST)
    if len(raw) == MOST:
        raise ValueError(f"it unpacks to {MOST:,} bytes or more")
    return raw
