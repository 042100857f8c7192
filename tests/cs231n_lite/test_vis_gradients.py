import re
import subprocess
import sys
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cs231n_lite.vis import COLOURS
from cs231n_lite.vis_gradients import gradient_flow, gradient_size


def names(ax):
    return [name.get_text() for name in ax.get_xticklabels()]


def marks(ax, marker):
    """Give the places of all marks of a kind, shape (number, 2)."""
    lines = [line for line in ax.lines if line.get_marker() == marker]
    return np.concatenate([np.column_stack(line.get_data()) for line in lines]) if lines else np.zeros((0, 2))


def test_importing_it_does_not_import_matplotlib():
    code = "import sys, cs231n_lite.vis_gradients; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_drawing_leaves_the_global_look_alone():
    before = dict(plt.rcParams)
    gradient_flow([np.ones((2, 2))])
    assert dict(plt.rcParams) == before


def test_each_layer_has_its_root_mean_square_and_its_largest():
    ax = gradient_flow([np.array([[3.0, -4.0]]), np.array([[0.6], [0.8]])], title="T")
    np.testing.assert_allclose(marks(ax, "o")[:2], [[0, np.sqrt(12.5)], [1, np.sqrt(0.5)]])
    np.testing.assert_allclose(marks(ax, "_"), [[0, 4], [1, 0.8]])
    assert (names(ax), ax.get_yscale(), ax.get_title()) == (["1", "2"], "log", "T")
    assert ax.get_xlabel() == "layer (dot: root mean square, dash: largest)"
    assert ax.get_legend() is None


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_sizes_neither_overflow_nor_vanish(scale):
    np.testing.assert_allclose(gradient_size(scale * np.array([[3.0], [-4.0]])), [scale * np.sqrt(12.5), scale * 4])


@pytest.mark.parametrize(
    ("given", "order"),
    [
        (["b2", "W10", "W2", "b1", "W1"], ["b1", "W1", "b2", "W2", "W10"]),
        (["out", "W1", "hidden"], ["out", "W1", "hidden"]),
    ],
)
def test_layers_stand_in_the_order_of_their_numbers_if_all_have_one(given, order):
    ax = gradient_flow({name: np.ones((2, 2)) for name in given})
    assert names(ax) == order
    assert ax.get_xlabel().startswith("parameter (")


def test_a_line_joins_the_weights_and_vectors_are_hollow():
    ax = gradient_flow({"W1": np.ones((2, 2)), "b1": 5 * np.ones(2), "W2": 3 * np.ones((2, 2))})
    np.testing.assert_allclose(np.column_stack(ax.lines[0].get_data()), [[0, 1], [2, 3]])
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    np.testing.assert_allclose(np.column_stack(hollow[0].get_data()), [[1, 5]])


@pytest.mark.parametrize("networks", [2, 6])
def test_networks_have_colours_names_and_places_of_their_own(networks):
    ax = gradient_flow({f"net {k}": {"W1": np.full((2, 2), k + 1.0)} for k in range(networks)})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [f"net {k}" for k in range(networks)]
    dashes = [line for line in ax.lines if line.get_marker() == "_"]
    assert [line.get_color() for line in dashes] == list(COLOURS[:networks])
    places = [line.get_xdata()[0] for line in dashes]
    assert places == sorted(set(places))
    assert np.mean(places) == pytest.approx(0)
    assert np.ptp(places) < 0.5


def test_zero_and_broken_gradients_are_seen_at_the_edges():
    ax = gradient_flow({"W1": np.zeros((2, 2)), "W2": np.ones((2, 2)), "W3": np.array([[np.nan, 1.0]])})
    np.testing.assert_array_equal(marks(ax, "v"), [[0, 0]])
    np.testing.assert_array_equal(marks(ax, "x"), [[2, 1]])
    assert ax.get_xlabel().endswith("dash: largest, triangle: zero, cross: NaN or infinite)")
    ax.figure.canvas.draw()  # without a warning
    all_dead = gradient_flow([np.zeros((2, 2))])
    all_dead.figure.canvas.draw()
    assert all_dead.get_ylim() == (1e-8, 1)


@pytest.mark.parametrize(
    "layers",
    [{f"layers.{i}.convolution.weight": np.ones((2, 2)) for i in range(14)}, [np.ones((2, 2))] * 100],
    ids=["long names", "100 layers"],
)
def test_names_do_not_overlap_and_stay_on_the_page(layers):
    ax = gradient_flow(layers)
    ax.figure.canvas.draw()
    page = ax.figure.bbox.padded(1)
    boxes = [name.get_window_extent() for name in ax.get_xticklabels()]
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 for box in boxes)
    if not ax.get_xticklabels()[0].get_rotation():
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_it_draws_on_given_axes_beside_others():
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    assert gradient_flow([np.ones((2, 2))], ax=right) is right
    figure.canvas.draw()  # the layout holds, without a warning
    assert left.get_position().x1 < right.get_position().x0


@pytest.mark.parametrize(
    ("grads", "message"),
    [
        ({}, "must be the gradients of at least one layer. Got none instead."),
        ([], "must be the gradients of at least one layer. Got none instead."),
        ({"a": []}, "must be the gradients of at least one layer. Got none instead."),
        ({"W1": np.zeros((0, 3))}, "must be an array with numbers in it for W1. Got an empty one instead."),
        (
            {"a": [np.ones(2)], "b": [np.ones(0)]},
            "must be an array with numbers in it for 1 of b. Got an empty one instead.",
        ),
        (
            {"a": {"W1": np.ones(2)}, "b": {"W2": np.ones(2)}},
            "must be networks with the same layers: W1, as in a. Got W2 in b instead.",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(grads, message):
    with pytest.raises(ValueError, match=re.escape(f"The grads parameter of gradient_flow {message}")):
        gradient_flow(grads)
