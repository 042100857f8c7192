import contextlib
import gzip
import hashlib
import inspect
import os
import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from cs231n_lite import data, fetch, formats, places, synthetic
from cs231n_lite import official as official_files

REAL = os.environ.get("CS231N_LITE_DATA") or "embedded"  # as it is outside the tests, which may set another
BATCH = 30  # pictures in each of the small batches these tests write
real_data = pytest.mark.real_data


def batch_pickle(pictures, labels):
    """A CIFAR-10 batch as Python 2 pickled it in 2009, opcode by opcode."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def integer(value):
        return b"J" + struct.pack("<i", value)

    label_list = b"](" + b"".join(integer(int(label)) for label in labels) + b"e"
    shape = integer(len(pictures)) + integer(3072) + b"\x86"
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + integer(0) + integer(1) + b"\x87R"
    dtype += b"(" + integer(3) + text(b"|") + b"NNN" + integer(-1) + integer(-1) + integer(0) + b"tb"
    content = b"T" + struct.pack("<i", pictures.nbytes) + pictures.tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + integer(0) + b"\x85" + text(b"b") + b"\x87R"
    array += b"(" + integer(1) + shape + dtype + b"\x89" + content + b"tb"
    return b"\x80\x02}(" + text(b"labels") + label_list + text(b"data") + array + b"u."


def idx(array):
    """An array of bytes as MNIST's files hold it."""
    return gzip.compress(struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


class Official:
    """A folder of small files that take the place of the official ones."""

    def __init__(self, root, monkeypatch):
        rng = np.random.default_rng(0)
        self.root, self.monkeypatch, self.files, self.content = root, monkeypatch, {}, {}
        self.X, self.y = rng.integers(0, 256, (180, 3, 32, 32), dtype=np.uint8), rng.integers(0, 10, 180)
        self.digits = rng.integers(0, 256, (70, 28, 28), dtype=np.uint8)
        self.digit_labels = rng.integers(0, 10, 70, dtype=np.uint8)
        for i, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
            part = slice(i * BATCH, (i + 1) * BATCH)
            self.write(f"cifar-10-batches-py/{name}", batch_pickle(self.X[part].reshape(-1, 3072), self.y[part]))
        for prefix, part in (("train", slice(0, 50)), ("t10k", slice(50, 70))):
            self.write(f"mnist/{prefix}-images-idx3-ubyte.gz", idx(self.digits[part]))
            self.write(f"mnist/{prefix}-labels-idx1-ubyte.gz", idx(self.digit_labels[part]))

    def path(self, key):
        return self.root / key

    def write(self, key, content):
        """Put a file there and have it count as the official one."""
        self.path(key).parent.mkdir(parents=True, exist_ok=True)
        self.path(key).write_bytes(content)
        self.files[key] = (hashlib.sha256(content).hexdigest(), len(content))
        self.monkeypatch.setattr(official_files, "OFFICIAL", dict(self.files))
        if content[:2] == b"\x1f\x8b":
            with contextlib.suppress(EOFError):
                raw = gzip.decompress(content)
                self.content[key] = (hashlib.sha256(raw).hexdigest(), len(raw))
        self.monkeypatch.setattr(official_files, "CONTENT", dict(self.content))


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No official files anywhere: no environment variable, no checkout, an empty cache."""
    monkeypatch.delenv("CS231N_LITE_DATA", raising=False)
    monkeypatch.setattr(places, "__file__", str(tmp_path / "place" / "cs231n_lite" / "places.py"))
    monkeypatch.setattr(places, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(official_files, "_verified", set())
    return tmp_path


@pytest.fixture
def official(nowhere, monkeypatch):
    monkeypatch.setattr(formats, "BATCH", BATCH)
    monkeypatch.setattr(data, "SHOWN", 4)
    monkeypatch.setenv("CS231N_LITE_DATA", str(nowhere / "usb"))
    return Official(nowhere / "usb", monkeypatch)


# ---- What comes back


def test_cifar10_is_split_as_cs231n_splits_it(official, capsys):
    loaded = data.load_cifar10(41, 7, 3, subtract_mean=False)
    np.testing.assert_array_equal(loaded["X_train"], official.X[:41].astype(np.float32), strict=True)
    np.testing.assert_array_equal(loaded["X_val"], official.X[41:48].astype(np.float32), strict=True)
    np.testing.assert_array_equal(loaded["X_test"], official.X[150:153].astype(np.float32), strict=True)
    for part, labels in (("y_train", official.y[:41]), ("y_val", official.y[41:48]), ("y_test", official.y[150:153])):
        np.testing.assert_array_equal(loaded[part], labels, strict=True)
    assert loaded["source"] == "cifar10"
    assert loaded["class_names"][3] == "cat"
    expected = "CIFAR-10: the official files, 41 training, 7 validation and 3 test images.\n"
    assert capsys.readouterr() == (expected, "")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_mean_of_the_training_part_is_subtracted_from_all(official, dtype):
    loaded = data.load_cifar10(41, 7, 3, dtype=dtype)
    mean = official.X[:41].astype(np.float64).mean(axis=0).astype(dtype)
    np.testing.assert_array_equal(loaded["mean_image"], mean, strict=True)
    np.testing.assert_array_equal(loaded["X_train"], official.X[:41].astype(dtype) - mean, strict=True)
    np.testing.assert_array_equal(loaded["X_val"], official.X[41:48].astype(dtype) - mean, strict=True)
    np.testing.assert_array_equal(loaded["X_test"], official.X[150:153].astype(dtype) - mean, strict=True)


def test_the_mean_image_comes_even_where_it_is_not_subtracted(official):
    raw, centred = (data.load_cifar10(1, 0, 0, subtract_mean=yes) for yes in (False, True))
    np.testing.assert_array_equal(raw["mean_image"], official.X[0].astype(np.float32), strict=True)
    assert not centred["X_train"].any()
    assert centred["X_val"].shape == centred["X_test"].shape == (0, 3, 32, 32)


@pytest.mark.parametrize(("flatten", "shape"), [(False, (1, 28, 28)), (True, (784,))])
def test_mnist_comes_as_ink_from_0_to_1(official, capsys, flatten, shape):
    loaded = data.load_mnist(31, 19, 20, flatten=flatten, dtype=np.float64)
    for part, start, stop in (("train", 0, 31), ("val", 31, 50), ("test", 50, 70)):
        ink = official.digits[start:stop].reshape(-1, *shape) / 255
        np.testing.assert_array_equal(loaded[f"X_{part}"], ink, strict=True)
        np.testing.assert_array_equal(
            loaded[f"y_{part}"], official.digit_labels[start:stop].astype(np.int64), strict=True
        )
    assert loaded["source"] == "mnist"
    assert loaded["class_names"][7] == "7"
    assert capsys.readouterr().out == "MNIST: the official files, 31 training, 19 validation and 20 test images.\n"


def test_without_official_files_the_embedded_ones_come(nowhere, capsys):
    loaded = data.load_cifar10(50, 20, 10, subtract_mean=False)
    images, labels = synthetic.cifar10("train", 70)
    np.testing.assert_array_equal(loaded["X_train"], images[:50].astype(np.float32), strict=True)
    np.testing.assert_array_equal(loaded["y_val"], labels[50:], strict=True)
    assert loaded["source"] == "cifar10-embedded"
    assert loaded["class_names"] == synthetic.PICTURE_NAMES
    line = "the embedded stand-in drawn by code (no official files in use), 50 training, 20 validation and 10 test images.\n"
    assert capsys.readouterr().out == f"CIFAR-10: {line}"
    assert data.load_mnist(50, 20, 10)["source"] == "mnist-embedded"
    assert capsys.readouterr().out == f"MNIST: {line}"


def test_real_and_embedded_data_have_the_same_keys_shapes_and_types(official, monkeypatch):
    def kinds():
        for load in (data.load_cifar10, data.load_mnist):
            yield {
                key: (np.shape(value), getattr(value, "dtype", type(value))) for key, value in load(20, 9, 4).items()
            }

    real = list(kinds())
    monkeypatch.setenv("CS231N_LITE_DATA", "embedded")
    assert list(kinds()) == real


# ---- Where files are looked for


def test_the_environment_comes_first_then_the_checkout_then_the_cache(nowhere, official, monkeypatch):
    def source():
        return places.find_folder("mnist")

    (nowhere / "place" / "datasets" / "mnist").mkdir(parents=True)
    (nowhere / "place" / "pyproject.toml").touch()
    (nowhere / "cache" / "mnist").mkdir(parents=True)
    assert source() == nowhere / "usb" / "mnist"
    monkeypatch.setenv("CS231N_LITE_DATA", "")  # empty is unset
    assert source() == nowhere / "place" / "datasets" / "mnist"
    (nowhere / "place" / "pyproject.toml").unlink()  # installed: "datasets" beside us is somebody else's package
    assert source() == nowhere / "cache" / "mnist"
    (nowhere / "cache" / "mnist").rmdir()
    assert source() is None


def test_the_embedded_set_can_be_asked_for(official, monkeypatch):
    monkeypatch.setenv("CS231N_LITE_DATA", "embedded")
    assert data.load_mnist(5, 1, 1)["source"] == "mnist-embedded"


def test_only_the_batches_that_are_needed_are_read(official):
    for unneeded in (3, 4, 5):
        official.path(f"cifar-10-batches-py/data_batch_{unneeded}").unlink()
    assert len(data.load_cifar10(50, 10, 1)["X_train"]) == 50
    with pytest.raises(
        FileNotFoundError,
        match=r"data_batch_3, [\d,]+ bytes, is needed, but .* has no data_batch_3\. Put it there with: cs231n-lite data fetch",
    ):
        data.load_cifar10(50, 11, 1)


def test_a_file_is_verified_once_and_again_when_it_changes(official, monkeypatch):
    hashed = []
    sha256 = hashlib.sha256
    monkeypatch.setattr(
        official_files.hashlib, "sha256", lambda content: hashed.append(len(content)) or sha256(content)
    )
    data.load_mnist(5, 1, 1)
    assert len(hashed) == 4
    data.load_mnist(5, 1, 1)
    assert len(hashed) == 4
    path = official.path("mnist/t10k-labels-idx1-ubyte.gz")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte\.gz must be the official file"):
        data.load_mnist(5, 1, 1)


# ---- Files that are not what they should be


def test_a_folder_that_is_not_there_is_no_silent_fallback(nowhere, monkeypatch):
    monkeypatch.setenv("CS231N_LITE_DATA", str(nowhere / "stick"))
    for load, folder in ((data.load_cifar10, "cifar-10-batches-py"), (data.load_mnist, "mnist")):
        asked = re.escape(str(nowhere / "stick"))
        message = rf"CS231N_LITE_DATA asks for .* in {asked}, but that has no folder {folder}\. Put it there with: cs231n-lite"
        with pytest.raises(FileNotFoundError, match=message):
            load(5, 1, 1)


def test_a_folder_in_the_place_of_a_file(official):
    path = official.path("mnist/train-labels-idx1-ubyte.gz")
    path.unlink()
    path.mkdir()
    message = (
        r"train-labels-idx1-ubyte\.gz must be a file, [\d,]+ bytes\. Got a folder at .*\. Move it away and replace"
    )
    with pytest.raises(OSError, match=message):
        data.load_mnist(5, 1, 1)


def test_a_file_cut_short_is_said_to_be(official):
    path = official.path("cifar-10-batches-py/data_batch_1")
    path.write_bytes(path.read_bytes()[:1_500])
    message = r"data_batch_1 must be the official file, [\d,]+ bytes .*\. Got 1,500: the file is cut short\. Replace .*"
    with pytest.raises(ValueError, match=message):
        data.load_cifar10(5, 1, 1)


def test_two_files_in_each_others_place_are_recognised(official):
    one, other = (official.path(f"cifar-10-batches-py/data_batch_{k}") for k in (1, 2))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    message = r"data_batch_1 must be .*\. Got the content of cifar-10-batches-py/data_batch_2\. Replace"
    with pytest.raises(ValueError, match=message):
        data.load_cifar10(5, 1, 1)


def test_a_changed_byte_is_noticed(official):
    path = official.path("mnist/train-images-idx3-ubyte.gz")
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    with pytest.raises(ValueError, match=rf"with sha256 \w+\. Got [\d,]+ bytes with sha256 {found} .*\. Replace"):
        data.load_mnist(5, 1, 1)


def test_mnist_compressed_anew_is_as_good(official):
    for prefix in ("train-images-idx3", "train-labels-idx1"):
        path = official.path(f"mnist/{prefix}-ubyte.gz")
        raw = gzip.decompress(path.read_bytes())
        path.write_bytes(gzip.compress(raw, compresslevel=1, mtime=5))
    loaded = data.load_mnist(50, 0, 1)
    assert loaded["y_train"].tolist() == official.digit_labels[:50].tolist()


@pytest.mark.parametrize(
    ("here", "there"), [("train-images-idx3", "train-labels-idx1"), ("t10k-labels-idx1", "train-labels-idx1")]
)
def test_labels_for_images_and_test_for_train_are_recognised_even_when_compressed_anew(official, here, there):
    raw = gzip.decompress(official.path(f"mnist/{there}-ubyte.gz").read_bytes())
    official.path(f"mnist/{here}-ubyte.gz").write_bytes(gzip.compress(raw, mtime=5))
    message = (
        rf"{here}-ubyte\.gz must be .*\. Got the content of mnist/{there}-ubyte\.gz\. Replace .* with: cs231n-lite"
    )
    with pytest.raises(ValueError, match=message):
        data.load_mnist(5, 1, 1)


@pytest.mark.parametrize(
    ("change", "came"),
    [
        (lambda content: gzip.compress(gzip.decompress(content), mtime=5)[:-20], r"[\d,]+: the file is cut short"),
        (gzip.decompress, r"the content of mnist/train-images-idx3-ubyte\.gz without its compression"),
        (lambda content: b"<html>Log in to the campus network</html>", "41 bytes that look like a web page"),
        (
            lambda content: gzip.compress(bytes(200_000)).ljust(90_000, b"."),
            r".* \(it unpacks to 100,000 bytes or more\)",
        ),
        (lambda content: b"x" * 90_000, r"90,000 bytes with sha256 \w+ \(Not a gzipped file \(b'xx'\)\)"),
        (lambda content: bytes(300_000), "100,000 bytes or more"),
    ],
    ids=["cut", "unpacked", "web page", "bomb", "text", "huge"],
)
def test_what_came_in_the_place_of_a_compressed_file_is_said(official, change, came):
    official.monkeypatch.setattr(official_files, "MOST", 100_000)
    path = official.path("mnist/train-images-idx3-ubyte.gz")
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"train-images-idx3-ubyte\.gz must be .*\. Got {came}.*\. Replace"):
        data.load_mnist(5, 1, 1)


class Hostile:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_a_hostile_pickle_does_nothing(official, tmp_path):
    marker = tmp_path / "made by a pickle"
    official.write("cifar-10-batches-py/data_batch_1", pickle.dumps(Hostile(marker), protocol=2))
    message = (
        r"data_batch_1 must hold 30 pictures with their labels\. "
        r"Got a pickle that wants to use (posix|nt)\.mkdir\. Do not use .*; replace it by a fresh copy"
    )
    with pytest.raises(ValueError, match=message):
        data.load_cifar10(5, 1, 1)
    assert not marker.exists()


@pytest.mark.parametrize(
    "name", ["numpy.core.multiarray\nscalar", "numpy\nload", "builtins\neval", "_codecs\nencode", "numpy\nndarray.dump"]
)
def test_no_other_name_is_admitted(official, name):
    official.write("cifar-10-batches-py/test_batch", b"\x80\x02c" + name.encode() + b"\n.")
    with pytest.raises(ValueError, match=rf"Got a pickle that wants to use {re.escape(name.replace(chr(10), '.'))}\."):
        data.load_cifar10(5, 1, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"no pickle at all",
        b"",
        pickle.dumps([1, 2, 3], protocol=2),
        pickle.dumps({"data": 1}, protocol=2),
        batch_pickle(np.zeros((BATCH - 1, 3072), dtype=np.uint8), [0] * BATCH),
        batch_pickle(np.zeros((BATCH, 3072), dtype=np.uint8), [0] * (BATCH - 1)),
        batch_pickle(np.zeros((BATCH, 3072), dtype=np.uint8), [0] * BATCH)[:-40],
    ],
    ids=["text", "empty", "list", "keys", "pictures", "labels", "cut"],
)
def test_what_is_no_batch_is_refused(official, content):
    official.write("cifar-10-batches-py/data_batch_2", content)
    with pytest.raises(ValueError, match=r"data_batch_2 must hold 30 pictures with their labels\. Got .*\. Do not use"):
        data.load_cifar10(60, 0, 1)


@pytest.mark.parametrize(
    ("content", "came"),
    [
        (b"no gzip", "Not a gzipped file"),
        (idx(np.zeros((50, 28, 28), dtype=np.uint8))[:-9], "Compressed file ended"),
        (idx(np.zeros(50, dtype=np.uint8)), "a file that begins with 00 00 08 01"),
        (gzip.compress(b"\0\0\x08\x03" + struct.pack(">III", 50, 28, 28) + b"\0" * 99), "cannot reshape"),
    ],
    ids=["text", "cut", "labels", "short"],
)
def test_what_is_no_idx_file_is_refused(official, content, came):
    official.write("mnist/train-images-idx3-ubyte.gz", content)
    message = (
        rf"train-images-idx3-ubyte\.gz must hold gzipped bytes in IDX form with 3 axes\. Got {came}.*\. Do not use"
    )
    with pytest.raises(ValueError, match=message):
        data.load_mnist(5, 1, 1)


# ---- Parameters


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: data.load_cifar10(0),
            "num_training parameter of load_cifar10 must be an integer from 1 to 50000. Got 0",
        ),
        (
            lambda: data.load_cifar10(1e3),
            "num_training parameter of load_cifar10 must be an integer from 1 to 50000. Got 1000.0",
        ),
        (
            lambda: data.load_cifar10(True),
            "num_training parameter of load_cifar10 must be an integer from 1 to 50000. Got True",
        ),
        (
            lambda: data.load_cifar10(49_500),
            "num_validation parameter of load_cifar10 must be an integer from 0 to 500. Got 1000",
        ),
        (
            lambda: data.load_cifar10(9, 9, 1_001),
            "num_test parameter of load_cifar10 must be an integer from 0 to 1000. Got 1001",
        ),
        (
            lambda: data.load_cifar10(dtype=int),
            "dtype parameter of load_cifar10 must be np.float32 or np.float64. Got <class 'int'>",
        ),
        (
            lambda: data.load_mnist(60_001),
            "num_training parameter of load_mnist must be an integer from 1 to 60000. Got 60001",
        ),
        (
            lambda: data.load_mnist(9, 9, -1),
            "num_test parameter of load_mnist must be an integer from 0 to 10000. Got -1",
        ),
        (
            lambda: data.load_mnist(dtype="f2"),
            "dtype parameter of load_mnist must be np.float32 or np.float64. Got 'f2'",
        ),
        (
            lambda: data.hidden_split("mnist"),
            "source parameter of hidden_split must be 'cifar10' or 'cifar10-embedded'. Got 'mnist'",
        ),
        (
            lambda: data.mean_image("mnist"),
            "source parameter of mean_image must be 'cifar10' or 'cifar10-embedded'. Got 'mnist'",
        ),
        (
            lambda: data.hidden_split("cifar10", 0),
            "count parameter of hidden_split must be an integer from 1 to 9000. Got 0",
        ),
        (
            lambda: data.hidden_split("cifar10", 5, -1),
            f"seed parameter of hidden_split must be an integer from 0 to {2**64 - 1}. Got -1",
        ),
    ],
)
def test_bad_parameters_are_named(nowhere, capsys, call, message):
    with pytest.raises(ValueError, match=re.escape(f"The {message} instead.")):
        call()
    assert capsys.readouterr().out == ""


# ---- The hidden split


def test_hidden_pictures_are_test_pictures_nobody_was_shown(official):
    images, labels = data.hidden_split("cifar10", 26, seed=5)
    assert (images.shape, images.dtype, labels.dtype) == ((26, 3, 32, 32), np.float32, np.int64)
    hidden = [picture.tobytes() for picture in official.X[154:].astype(np.float32)]
    order = [hidden.index(picture.tobytes()) for picture in images]
    assert sorted(order) == list(range(26))
    np.testing.assert_array_equal(labels, official.y[154:][order], strict=True)

    few, _ = data.hidden_split("cifar10", 7, seed=5)
    np.testing.assert_array_equal(few, images[:7], strict=True)
    assert not np.array_equal(data.hidden_split("cifar10", 7, seed=6)[0], few)


def test_hidden_pictures_of_the_embedded_set_are_drawn_from_the_seed(nowhere):
    images, labels = data.hidden_split("cifar10-embedded", 40, seed=5)
    assert (images.shape, images.dtype, labels.dtype) == ((40, 3, 32, 32), np.float32, np.int64)
    np.testing.assert_array_equal(images, data.hidden_split("cifar10-embedded", 40, seed=5)[0], strict=True)
    assert not np.array_equal(images, data.hidden_split("cifar10-embedded", 40, seed=6)[0])
    shown = {picture.tobytes() for split in ("train", "test") for picture in synthetic.cifar10(split, 1_000)[0]}
    assert not shown & {picture.tobytes() for picture in images.astype(np.uint8)}


def test_hidden_official_pictures_need_the_official_files(nowhere, monkeypatch):
    message = r"asked for pictures of the official .* found none .*\(CS231N_LITE_DATA is '{}'\)\. Run: cs231n-lite"
    with pytest.raises(FileNotFoundError, match=message.format("")):
        data.hidden_split("cifar10", 5)
    monkeypatch.setenv("CS231N_LITE_DATA", "embedded")
    with pytest.raises(FileNotFoundError, match=message.format("embedded")):
        data.hidden_split("cifar10", 5)


@pytest.mark.parametrize("source", ["cifar10", "cifar10-embedded"])
def test_the_mean_image_for_marking_is_the_one_students_subtract(official, monkeypatch, source):
    data.mean_image.cache_clear()
    monkeypatch.setattr(data, "TRAINING", 41)
    mean = data.mean_image(source)
    data.mean_image.cache_clear()  # other tests have other files
    if source == "cifar10-embedded":
        monkeypatch.setenv("CS231N_LITE_DATA", "embedded")
    np.testing.assert_array_equal(mean, data.load_cifar10(41, 0, 0, dtype=np.float64)["mean_image"], strict=True)
    with pytest.raises(ValueError, match="read-only"):
        mean += 1


def test_the_mean_image_is_of_the_default_training_part():
    assert inspect.signature(data.load_cifar10).parameters["num_training"].default == data.TRAINING


# ---- The official files themselves


@pytest.fixture
def real(monkeypatch):
    """The folder with the official files."""
    if REAL == "embedded":
        pytest.skip("CS231N_LITE_DATA does not name a folder with the official files")
    monkeypatch.setenv("CS231N_LITE_DATA", REAL)
    return Path(REAL)


@real_data
def test_official_mnist_has_the_published_mean_and_deviation(real):
    loaded = data.load_mnist(60_000, 0, 10_000)
    assert loaded["X_train"].mean(dtype=np.float64) == pytest.approx(0.13066, abs=5e-6)
    assert loaded["X_train"].std(dtype=np.float64) == pytest.approx(0.30811, abs=5e-6)
    assert loaded["y_train"][:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]


@real_data
def test_official_digits_compressed_anew_are_accepted(real, tmp_path):
    for key in official_files.CONTENT:
        raw = gzip.decompress((real / key).read_bytes())
        (tmp_path / Path(key).name).write_bytes(gzip.compress(raw, compresslevel=1, mtime=5))
        assert official_files.fault(tmp_path / Path(key).name, key) == ""


@real_data
def test_official_cifar10_has_the_published_channels_and_class_counts(real):
    images, labels = formats.read_cifar10(real / "cifar-10-batches-py", "train", 50_000)
    assert np.bincount(labels[:10_000]).tolist() == [1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981]
    for channel, (mean, deviation) in enumerate([(0.49140, 0.24703), (0.48216, 0.24349), (0.44653, 0.26159)]):
        counts = np.bincount(images[:, channel].ravel(), minlength=256) / (50_000 * 1024)
        levels = np.arange(256) / 255
        assert counts @ levels == pytest.approx(mean, abs=6e-6)
        assert np.sqrt(counts @ levels**2 - (counts @ levels) ** 2) == pytest.approx(deviation, abs=6e-6)


@real_data
def test_official_cifar10_loads_as_students_get_it(real):
    loaded = data.load_cifar10(11_000, 1_000, 1_000)
    assert loaded["X_train"].dtype == np.float32
    assert abs(loaded["X_train"].mean(axis=0, dtype=np.float64)).max() < 1e-3
    assert loaded["class_names"][loaded["y_train"][0]] == "frog"
    shown = {picture.tobytes() for picture in data.load_cifar10(1, 0, 1_000, subtract_mean=False)["X_test"]}
    rest = {picture.tobytes() for picture in data.hidden_split("cifar10", 9_000, seed=1)[0]}
    assert (len(shown), len(rest), len(shown & rest)) == (1_000, 9_000, 0)


def test_no_official_file_is_too_large_to_be_read():
    tables = (official_files.OFFICIAL, official_files.CONTENT)
    assert max(size for table in tables for _, size in table.values()) < official_files.MOST


def test_the_readme_lists_the_same_checksums_and_mirrors():
    readme = (Path(__file__).parents[2] / "datasets" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| `?(\S+?)`? \| ([\d,]+) \| `(\w{64})` \|", readme)
    listed = {name: (sha256, int(size.replace(",", ""))) for name, size, sha256 in rows}
    contents = {key[len("mnist/") : -len(".gz")]: facts for key, facts in official_files.CONTENT.items()}
    assert listed == official_files.OFFICIAL | contents | {official_files.ARCHIVE: official_files.ARCHIVE_FACTS}
    assert all(f"<{mirror}>" in readme for mirrors in fetch.MIRRORS.values() for mirror in mirrors)
