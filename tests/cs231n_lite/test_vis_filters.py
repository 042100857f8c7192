import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cs231n_lite.vis_filters import feature_maps, filters


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def words(ax):
    return [text.get_text() for text in ax.texts]


def stretched(image):
    return (image - image.min()) / np.ptp(image)


def columns(ax):
    return len({tile.get_extent()[0] for tile in ax.images})


def test_importing_it_does_not_import_matplotlib():
    code = "import sys, cs231n_lite.vis_filters; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_drawing_leaves_the_global_look_alone(rng):
    before = dict(plt.rcParams)
    filters(rng.normal(size=(2, 5, 3, 3)))
    feature_maps(rng.normal(size=(2, 3, 3)))
    assert dict(plt.rcParams) == before


@pytest.mark.parametrize("channels", [1, 3])
def test_filters_over_one_or_three_channels_are_images(rng, channels):
    w = rng.normal(size=(5, channels, 4, 6))
    ax = filters(w, title="T")
    assert words(ax) == list("01234")
    assert ax.get_title() == "T"
    expected = stretched(w[3]).transpose(1, 2, 0)
    np.testing.assert_allclose(ax.images[3].get_array(), expected if channels == 3 else expected[..., 0])


def test_filters_over_other_channels_are_rows_of_images_and_stretched_as_a_whole(rng):
    w = rng.normal(size=(2, 4, 3, 3))
    w[1] *= 100
    ax = filters(w, title="T")
    assert words(ax) == ["filter 0", "filter 1", "channel", "0", "1", "2", "3"]
    tiles = np.array([tile.get_array() for tile in ax.images]).reshape(w.shape)
    np.testing.assert_allclose(tiles[0], stretched(w[0]))
    np.testing.assert_allclose(tiles[1], stretched(w[1]))
    assert columns(ax) == 4


@pytest.mark.parametrize(("count", "across"), [(1, 1), (8, 8), (13, 13), (16, 16), (17, 9), (64, 16)])
def test_rows_are_even(count, across):
    assert columns(filters(np.zeros((count, 3, 2, 2)))) == across


def test_the_reader_may_choose_the_columns(rng):
    assert columns(filters(rng.normal(size=(12, 3, 2, 2)), columns=4)) == 4
    assert columns(feature_maps(rng.normal(size=(12, 2, 2)), columns=5)) == 5


@pytest.mark.parametrize("shape", [(1, 3, 7, 7), (64, 3, 7, 7), (8, 2, 5, 5), (4, 32, 3, 3), (1, 2, 3, 3)])
def test_everything_stays_on_the_page(rng, shape):
    ax = filters(rng.normal(size=shape), title="all of them")
    ax.figure.canvas.draw()
    page = ax.figure.bbox.padded(1)
    boxes = [artist.get_window_extent() for artist in (*ax.texts, *ax.images, ax.title)]
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
    assert max(box.height for box in boxes) <= 1.05 * ax.figure.dpi  # no image is larger than an inch


def test_the_picture_comes_first_and_maps_are_as_large(rng):
    maps, picture = rng.normal(size=(2, 2, 3)), rng.normal(size=(3, 4, 6))
    ax = feature_maps(maps, picture, title="T")
    assert words(ax) == ["picture", "0", "1"]
    assert ax.get_title() == "T"
    np.testing.assert_allclose(ax.images[0].get_array(), stretched(picture).transpose(1, 2, 0))
    grey = ax.images[1].get_array()
    expected = (maps[0] - maps.min()) / np.ptp(maps)
    for channel in range(3):
        np.testing.assert_allclose(grey[..., channel], expected.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize("shape", [(5, 5), (1, 5, 5)])
def test_a_grey_picture_is_grey(rng, shape):
    picture = rng.normal(size=shape)
    shown = feature_maps(rng.normal(size=(1, 3, 3)), picture).images[0].get_array()
    np.testing.assert_allclose(shown, np.repeat(stretched(picture.reshape(5, 5))[..., None], 3, axis=2))


def test_maps_are_comparable_unless_each_is_stretched():
    maps = np.array([[[0.0, 1.0]], [[0.0, 4.0]], [[0.0, 0.0]]])
    tops = {how: [t.get_array().max() for t in feature_maps(maps, rescale=how).images] for how in ("jointly", "each")}
    assert tops == {"jointly": [0.25, 1.0, 0.0], "each": [1.0, 1.0, 0.0]}


def test_dead_maps_are_black():
    assert feature_maps(np.zeros((2, 3, 3)), np.eye(3)).images[1].get_array().max() == 0


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (
            lambda: filters(np.zeros((3, 4, 4))),
            "w parameter of filters must be weights of shape (F, C, HH, WW). Got shape",
        ),
        (lambda: filters(np.zeros((0, 3, 4, 4))), "weights of shape (F, C, HH, WW). Got shape (0, 3, 4, 4) instead."),
        (
            lambda: filters(np.full((1, 3, 2, 2), np.inf)),
            "w parameter of filters must be finite numbers. Got NaN or infinite ones, such as training leaves when it",
        ),
        (
            lambda: filters(np.zeros((64, 64, 3, 3))),
            "w parameter of filters must be at most 1024 images; show a part of it, such as w[:8, :32]. Got 4096 instead.",
        ),
        (
            lambda: feature_maps(np.zeros((1, 2, 3, 3))),
            "maps of one picture, shape (C, H, W); of a batch take one picture, such as maps[0]. Got shape (1, 2, 3, 3)",
        ),
        (lambda: feature_maps(np.zeros((3, 3))), "maps of one picture, shape (C, H, W). Got shape (3, 3) instead."),
        (lambda: feature_maps(np.full((1, 2, 2), np.nan)), "maps parameter of feature_maps must be finite numbers."),
        (
            lambda: feature_maps(np.zeros((1025, 1, 1))),
            "must be at most 1024 maps; show a part, such as maps[:64]. Got 1025",
        ),
        (
            lambda: feature_maps(np.zeros((1, 2, 2)), np.zeros((2, 4, 4))),
            "picture parameter of feature_maps must be of shape (3, H, W), (1, H, W) or (H, W). Got shape (2, 4, 4) instead.",
        ),
        (
            lambda: feature_maps(np.zeros((1, 2, 2)), np.full((4, 4), np.nan)),
            "picture parameter of feature_maps must be finite numbers.",
        ),
        (
            lambda: feature_maps(np.zeros((1, 2, 2)), rescale="all"),
            "rescale parameter of feature_maps must be 'jointly' or 'each'. Got 'all' instead.",
        ),
        (
            lambda: filters(np.zeros((1, 3, 2, 2)), columns=0),
            "columns parameter of image_grid must be a whole number above",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(draw, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        draw()
