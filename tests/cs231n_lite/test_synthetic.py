import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cs231n_lite import places, synthetic

DRAWERS = [synthetic.cifar10, synthetic.mnist]


def least_squares_accuracy(images, labels, test_images, test_labels):
    """The share a linear classifier gets right: labels as one-hot rows, ridge regression."""

    def rows(pictures):
        flat = pictures.reshape(len(pictures), -1).astype(np.float32) / 255
        return np.hstack([flat, np.ones((len(flat), 1), dtype=np.float32)])

    X = rows(images)
    weights = X.T @ np.linalg.solve(X @ X.T + 30 * np.eye(len(X), dtype=np.float32), np.eye(10)[labels])
    return ((rows(test_images) @ weights).argmax(axis=1) == test_labels).mean()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder that does not exist yet, and full sets of 1,500."""
    monkeypatch.setattr(places, "cache_folder", lambda: tmp_path / "not" / "yet")
    monkeypatch.setattr(synthetic, "SIZES", dict.fromkeys(synthetic.SIZES, 1_500))
    return tmp_path / "not" / "yet"


@pytest.fixture
def undrawable(monkeypatch):
    """Switch drawing off, to show that pictures came from somewhere else."""

    def off():
        monkeypatch.setattr(synthetic, "_draw", None)

    return off


@pytest.mark.parametrize(("draw", "shape"), [(synthetic.cifar10, (3, 32, 32)), (synthetic.mnist, (28, 28))])
def test_shapes_types_and_balance(draw, shape):
    images, labels = draw("train", 1_000)
    assert (images.shape, images.dtype) == ((1_000, *shape), np.uint8)
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [100] * 10
    assert images.min() == 0
    assert images.max() == 255
    assert (labels[:-1] != labels[1:]).mean() > 0.8  # mixed, not class after class


@pytest.mark.parametrize("draw", DRAWERS)
def test_the_first_pictures_do_not_depend_on_how_many_are_asked_for(draw):
    images, labels = draw("test", 1_007, seed=3)
    for count in (0, 1, 7, 1_000):
        fewer, fewer_labels = draw("test", count, seed=3)
        np.testing.assert_array_equal(fewer, images[:count], strict=True)
        np.testing.assert_array_equal(fewer_labels, labels[:count], strict=True)
    assert (
        not (images[1_000:] == images[:7]).reshape(7, -1).all(axis=1).any()
    )  # the second block is not the first again


@pytest.mark.parametrize("draw", DRAWERS)
def test_every_split_and_seed_has_pictures_of_its_own(draw):
    wanted = [
        ("train", 0),
        ("train", 2**32),
        ("test", 0),
        ("hidden", 0),
        ("hidden", 1),
        ("hidden", 2**32),
        ("hidden", 2**64 + 5),
    ]
    # 2**32 is two words of entropy: in the wrong order its second would read as another split.
    assert len({draw(split, 10, seed)[0].tobytes() for split, seed in wanted}) == len(wanted)


@pytest.mark.parametrize(
    ("draw", "sha256"),
    [
        (synthetic.cifar10, "d4097f27ab70dd178be0b25e73f6ab48a9fad92e4ab15228c3bc6e5ed0961c6a"),
        (synthetic.mnist, "2e9d60094ffb613f415091a26eb1274d1d841f4c8fb691a5fbee006f19356186"),
    ],
)
def test_every_machine_draws_the_same_bytes(draw, sha256):
    images, _ = draw("train", 1_000)
    drawn = hashlib.sha256(images.tobytes()).hexdigest()
    assert drawn == sha256, "If the drawing was changed on purpose, raise synthetic.VERSION and put the new sum here."
    assert synthetic.VERSION == 2


def test_drawing_leaves_numpys_own_random_numbers_alone():
    before = np.random.get_state()[1].tolist()
    synthetic.mnist("train", 1)
    assert np.random.get_state()[1].tolist() == before


def test_digits_are_nearly_linear_and_pictures_are_not():
    digits = least_squares_accuracy(*synthetic.mnist("train", 2_000), *synthetic.mnist("test", 1_000))
    pictures = least_squares_accuracy(*synthetic.cifar10("train", 2_000), *synthetic.cifar10("test", 1_000))
    assert 0.7 < digits < 0.9
    assert 0.2 < pictures < 0.4


def test_colours_hint_at_the_class():
    images, labels = synthetic.cifar10("train", 2_000)
    red, green, blue = (images[:, c].mean(axis=(1, 2)) for c in range(3))
    name = synthetic.PICTURE_NAMES.index
    assert (blue - red)[labels == name("boat")].mean() > (blue - red)[labels == name("flower")].mean() + 10
    assert (green - blue)[labels == name("flower")].mean() > (green - blue)[labels == name("star")].mean() + 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("val", 5), r"The split parameter of cifar10 must be one of train, test, hidden\. Got 'val' instead\."),
        (("train", -1), r"The count parameter of cifar10 must be an integer, 0 or more\. Got -1 instead\."),
        (("train", 2.0), r"The count parameter of cifar10 must be an integer, 0 or more\. Got 2\.0 instead\."),
        (("train", 5, -3), r"The seed parameter of cifar10 must be an integer, 0 or more\. Got -3 instead\."),
    ],
)
def test_bad_parameters_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        synthetic.cifar10(*arguments)


@pytest.mark.parametrize("name", ["cifar10", "mnist"])
def test_the_full_set_is_drawn_once_and_then_read(name, cache, undrawable):
    images, labels = synthetic.cached(name, "train", 1_234)
    drawn, drawn_labels = getattr(synthetic, name)("train", 1_234)
    np.testing.assert_array_equal(images, drawn, strict=True)
    np.testing.assert_array_equal(labels, drawn_labels, strict=True)
    assert [path.name for path in cache.iterdir()] == [f"embedded-{name}-train-v{synthetic.VERSION}.npy"]

    undrawable()
    for count in (1_500, 3, 0):
        images, labels = synthetic.cached(name, "train", count)
        assert (len(images), labels.dtype, len(labels)) == (count, np.int64, count)
    np.testing.assert_array_equal(synthetic.cached(name, "train", 1_234)[0], drawn, strict=True)


def test_a_few_pictures_are_drawn_without_filling_the_cache(cache):
    images, _ = synthetic.cached("mnist", "test", 1_000)
    assert len(images) == 1_000
    assert not cache.exists()


def test_an_unusable_cache_file_is_replaced(cache, undrawable):
    synthetic.cached("mnist", "train", 1_001)
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    other_type = np.zeros(1_500, dtype=np.uint8)
    for spoil in (
        lambda: path.write_bytes(whole[:-1]),
        lambda: path.write_bytes(b""),
        lambda: path.write_bytes(b"not an array"),
        lambda: np.save(path, other_type),
        lambda: np.save(path, np.array([{"pickled": 1}], dtype=object)),
    ):
        spoil()
        synthetic.cached("mnist", "train", 1_001)
        assert path.read_bytes() == whole


def test_where_nothing_can_be_written_pictures_come_all_the_same(tmp_path, cache, monkeypatch):
    (tmp_path / "file").write_text("a file is no folder")
    monkeypatch.setattr(places, "cache_folder", lambda: tmp_path / "file" / "cache")
    images, _ = synthetic.cached("mnist", "train", 1_001)
    np.testing.assert_array_equal(images, synthetic.mnist("train", 1_001)[0], strict=True)


def test_a_failed_write_leaves_nothing_behind(cache, monkeypatch):
    def full(path, rows):
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    images, _ = synthetic.cached("mnist", "train", 1_001)
    assert len(images) == 1_001
    assert list(cache.iterdir()) == []


def test_two_at_once_do_no_harm(cache):
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: synthetic.cached("mnist", "test", 1_100)[0], range(2))
    np.testing.assert_array_equal(one, other, strict=True)
    assert len(list(cache.iterdir())) == 1


def test_the_cache_is_the_users_own():
    assert "cs231n-lite" in places.cache_folder().parts
