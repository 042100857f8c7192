import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cs231n_lite.vis import WIDTH
from cs231n_lite.vis_activations import activation_histograms


def heights(ax):
    return np.array([bar.get_height() for bar in ax.patches])


def test_importing_it_does_not_import_matplotlib():
    code = "import sys, cs231n_lite.vis_activations; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_row_for_each_network_and_a_column_for_each_layer():
    before = dict(plt.rcParams)
    layers = [np.full((4, 3), 0.5), np.zeros((4, 3))]
    axes = activation_histograms({"small": layers, "large": [10 * out for out in layers]})
    assert axes.shape == (2, 2)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["small", "large"]
    assert [ax.get_xlabel() for ax in axes[1]] == ["layer 1", "layer 2"]
    assert axes[0, 0].figure.get_figwidth() == WIDTH
    assert dict(plt.rcParams) == before


def test_every_number_is_in_a_bar_and_those_beyond_the_limits_in_the_outermost():
    (ax,) = activation_histograms({"one": [np.array([-9.0, -0.9, 0.1, 0.95, 2.0, 3.0])]}, limits=(-1, 1), bins=4)[0]
    np.testing.assert_array_equal(heights(ax), [2, 0, 1, 3])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["-1", "1"]


def test_a_towering_bar_at_an_end_is_cut_off_unless_there_is_nothing_else_to_see():
    relu = np.repeat([0.0, 1.0, 2.0], [1000, 60, 40])
    (mixed,) = activation_histograms({"one": [relu]}, limits=(0, 3), bins=6)[0]
    assert 60 < mixed.get_ylim()[1] < 100
    (silent,) = activation_histograms({"one": [0 * relu]}, limits=(0, 3), bins=6)[0]
    assert silent.get_ylim()[1] >= 1100


@pytest.mark.parametrize(("scale", "title"), [(1.0, "std 1"), (2.5e12, "std 2.5e12"), (3e-7, "std 3e-7")])
def test_the_standard_deviation_stands_above_each_layer(scale, title):
    (ax,) = activation_histograms({"one": [scale * np.array([-1.0, 1.0])]})[0]
    assert ax.get_title() == title


def test_large_layers_are_thinned_out():
    (ax,) = activation_histograms({"one": [np.zeros((1000, 250))]}, bins=5)[0]
    assert 50_000 < heights(ax).sum() <= 100_000


@pytest.mark.parametrize(
    ("networks", "limits", "message"),
    [
        ({}, (0, 1), "must be at least one network"),
        ({"a": []}, (0, 1), "Got 1 networks with [0] layers instead."),
        ({"a": [[1.0]], "b": [[1.0], [2.0]]}, (0, 1), "Got 2 networks with [1, 2] layers instead."),
        ({"a": [[1.0], [np.nan]]}, (0, 1), "must be finite numbers in layer 2 of a. Got nan or infinite ones instead."),
        ({"a": [[]]}, (0, 1), "must be finite numbers in layer 1 of a. Got none instead."),
        ({"a": [[1.0]]}, (1, 1), "must be a smaller and a larger number. Got (1, 1) instead."),
    ],
)
def test_what_cannot_be_drawn_is_refused(networks, limits, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        activation_histograms(networks, limits)
