import subprocess
import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cs231n_lite import vis


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(7, 3, 4, 6))


def test_importing_vis_does_not_import_matplotlib():
    code = "import sys, cs231n_lite.vis; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_drawing_leaves_the_global_look_alone(images):
    before = dict(plt.rcParams)
    vis.plot_curves([1.0, 2.0])
    vis.image_grid(images)
    assert dict(plt.rcParams) == before


def test_curves_carry_their_values_labels_and_axis_names():
    ax = vis.plot_curves(
        {"slow": [3.0, 2.0, 1.5], "fast": [3.0, 1.0, np.nan]}, xlabel="epoch", ylabel="cost", title="T"
    )
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("epoch", "cost", "T")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["slow", "fast"]
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), [3.0, 1.0, np.nan])
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), [0, 1, 2])


def test_curves_share_given_positions_and_axes():
    _, own = plt.subplots()
    ax = vis.plot_curves([1.0, 10.0], np.array([2, 20]), x=[5, 7], log=True, ax=own)
    assert ax is own
    assert ax.get_legend() is None
    assert ax.get_yscale() == "log"
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), [5, 7])


def test_many_curves_stay_apart():
    ax = vis.plot_curves({str(k): [k, k + 1] for k in range(13)})
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 13


@pytest.mark.parametrize(
    ("curves", "x", "message"),
    [
        ([], None, r"must be at least one curve\. Got none instead"),
        ([np.zeros((2, 3))], None, r"must be one-dimensional\. Got an array of shape \(2, 3\) instead"),
        ([np.zeros(2)], [1, 2, 3], r"must be as long as x, shape \(3,\)\. Got an array of shape \(2,\) instead"),
    ],
)
def test_bad_curves_are_refused(curves, x, message):
    with pytest.raises(ValueError, match=r"The curves parameter of plot_curves " + message):
        vis.plot_curves(*curves, x=x)


def history(steps):
    loss = np.linspace(3, 1, steps)
    return SimpleNamespace(loss_history=list(loss), train_acc_history=[0.1, 0.5], val_acc_history=[0.1, 0.4])


@pytest.mark.parametrize(("steps", "lines"), [(1, 1), (99, 1), (100, 2), (150, 2)])  # a mean of one is no second line
def test_history_shows_loss_raw_and_smoothed_and_both_accuracies(steps, lines):
    left, right = vis.plot_history(history(steps))
    assert len(left.lines) == lines
    raw, smoothed = left.lines[0], left.lines[-1]
    assert len(raw.get_ydata()) == steps
    # The mean over a window of a straight line lies on the line.
    expected = np.interp(smoothed.get_xdata(), raw.get_xdata(), raw.get_ydata())
    np.testing.assert_allclose(smoothed.get_ydata(), expected, rtol=1e-12)
    np.testing.assert_array_equal(right.lines[1].get_ydata(), [0.1, 0.4])
    assert [ax.get_xlabel() for ax in (left, right)] == ["step", "epoch"]
    assert [ax.get_ylabel() for ax in (left, right)] == ["loss", "accuracy"]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["training", "validation"]
    assert tuple(left.figure.get_size_inches()) == (vis.WIDTH, vis.HEIGHT)


def test_an_untrained_solver_has_no_history():
    with pytest.raises(
        ValueError, match=r"must be a solver that has trained\. Got an empty .*; call solver\.train\(\)"
    ):
        vis.plot_history(history(0))


@pytest.mark.parametrize("shape", [(7, 3, 4, 6), (7, 1, 4, 6), (7, 4, 6)])
def test_grid_has_a_tile_an_image_in_rows(shape):
    ax = vis.image_grid(np.random.default_rng(0).normal(size=shape), labels=range(7), columns=3, title="T")
    assert [text.get_text() for text in ax.texts] == list("0123456")
    tops = [tile.get_extent()[3] for tile in ax.images]
    lefts = [tile.get_extent()[0] for tile in ax.images]
    assert len(set(tops)) == 3
    assert tops == sorted(tops)
    np.testing.assert_allclose(lefts[:4], [0.03, 1.03, 2.03, 0.03])
    assert ax.figure.get_size_inches()[0] == vis.WIDTH


def test_tiles_show_the_pixels_the_right_way_round(images):
    tile = vis.image_grid(images).images[2].get_array()
    assert tile.shape == (4, 6, 3)
    low, high = images[2].min(), images[2].max()
    np.testing.assert_allclose(tile[1, 5], (images[2, :, 1, 5] - low) / (high - low), rtol=1e-12)


def test_rescaling_jointly_keeps_images_comparable():
    images = np.stack([np.full((2, 2), 10.0), np.full((2, 2), 30.0), [[20.0, 20.0], [20.0, 50.0]]])
    tiles = [tile.get_array() for tile in vis.image_grid(images, rescale="jointly").images]
    np.testing.assert_allclose(tiles, (images - 10) / 40)
    assert vis.image_grid(images).images[1].get_array().max() == 0  # each: a flat image is black


def test_bytes_do_not_overflow():
    tile = vis.image_grid(np.array([[[0, 255], [128, 1]]], np.uint8)).images[0].get_array()
    np.testing.assert_allclose(tile, np.array([[0, 255], [128, 1]]) / 255)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"images": np.zeros((2, 5, 4, 4))}, r"The images .* must be of shape .* Got shape \(2, 5, 4, 4\) instead"),
        ({"images": np.zeros((4, 4))}, r"The images .* must be of shape .* Got shape \(4, 4\) instead"),
        ({"images": np.zeros((0, 4, 4))}, r"at least one image of finite numbers\. Got shape \(0, 4, 4\) instead"),
        ({"images": np.full((1, 2, 2), np.nan)}, r"finite numbers\. Got NaN or infinite values instead"),
        ({"labels": ["a"]}, r"The labels .* must be one label for each of the 2 images\. Got 1 instead"),
        ({"columns": 0}, r"The columns .* must be a whole number above 0\. Got 0 instead"),
        ({"rescale": "all"}, r"The rescale .* must be 'each' or 'jointly'\. Got 'all' instead"),
    ],
)
def test_bad_grids_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        vis.image_grid(**({"images": np.zeros((2, 4, 4))} | parameters))


def test_templates_are_the_columns_of_the_weights():
    W1 = np.random.default_rng(0).normal(size=(24, 5))
    tiles = vis.weight_templates(W1, shape=(3, 2, 4)).images
    assert len(tiles) == 5
    template = W1[:, 3].reshape(3, 2, 4)
    expected = (template - template.min()) / np.ptp(template)
    np.testing.assert_allclose(tiles[3].get_array(), expected.transpose(1, 2, 0), rtol=1e-12)


@pytest.mark.parametrize("shape", [(5, 24), (24,)])
def test_weights_of_another_layer_are_refused(shape):
    message = r"The W1 parameter of weight_templates must be an array of shape \(24, number of hidden units\)"
    with pytest.raises(ValueError, match=message):
        vis.weight_templates(np.zeros(shape), shape=(3, 2, 4))
