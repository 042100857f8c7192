"""Colour-blind readers tell our colours apart, and what is brighter is more: by computation.

Dichromats are simulated by the matrices (severity 1.0, for linear RGB) of G. M. Machado, M. M. Oliveira and L. A. F.
Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE Transactions on Visualization
and Computer Graphics 15(6), 2009. Distances are Euclidean in CIELAB (CIE 1976, white D65), where 2.3 is just noticeable
(M. Mahy, L. Van Eycken and A. Oosterlinck, Color Research & Application 19(2), 1994).
"""

from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from cs231n_lite import vis_confusion, vis_search
from cs231n_lite.plot_data import fitting_size, ink_on, luminance
from cs231n_lite.vis import COLOURS
from cs231n_lite.vis_graph import GRADIENT_COLOUR, VALUE_COLOUR

SIGHT = {
    "trichromat": np.eye(3),
    "protanope": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranope": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanope": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
BOUND = 15.0  # more than six just noticeable differences
DEFAULTS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b")  # matplotlib's own first six


def seen(colours, sight):
    """Give colours as someone sees them: linear RGB, shape (N, 3)."""
    rgb = np.array([to_rgb(colour) for colour in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.clip(linear @ SIGHT[sight].T, 0, 1)


def lab(linear):
    """Give linear sRGB colours, shape (N, 3), in CIELAB."""
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    x, y, z = (linear @ to_xyz.T / to_xyz.sum(axis=1)).T
    x, y, z = (np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29) for t in (x, y, z))
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def nearest(colours, sight):
    """Give the smallest distance between two of the colours."""
    return min(np.linalg.norm(a - b) for a, b in combinations(lab(seen(colours, sight)), 2))


@pytest.mark.parametrize("sight", SIGHT)
def test_curves_differ_for_every_kind_of_sight(sight):
    assert nearest(COLOURS, sight) > BOUND
    assert nearest((VALUE_COLOUR, GRADIENT_COLOUR), sight) > 2 * BOUND


def test_the_bound_would_notice_colours_that_do_not():
    assert nearest(DEFAULTS, "trichromat") > BOUND
    assert nearest(DEFAULTS, "protanope") < BOUND / 2
    assert nearest(DEFAULTS, "deuteranope") < BOUND / 2


def test_distances_are_those_of_cielab():
    np.testing.assert_allclose(lab(np.eye(3))[0], [53.24, 80.09, 67.20], atol=0.01)  # pure red
    np.testing.assert_allclose(lab(np.ones((1, 3))), [[100, 0, 0]], atol=0.01)
    for matrix in SIGHT.values():  # nobody sees a colour in grey
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=2e-6)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize(("name", "direction"), [(vis_search._MAP, 1), (vis_confusion._MAP, -1), ("gray", 1)])
def test_maps_run_from_dark_to_light_or_back(name, direction, sight):
    lightness = lab(seen(matplotlib.colormaps[name](np.linspace(0, 1, 33))[:, :3], sight))[:, 0]
    assert (direction * np.diff(lightness) > 0).all()
    assert np.ptp(lightness) > 60
    assert not (
        direction * np.diff(lab(seen(matplotlib.colormaps["jet"](np.linspace(0, 1, 33)), sight))[:, 0]) > 0
    ).all()


@pytest.mark.parametrize("name", [vis_search._MAP, vis_confusion._MAP])
def test_numbers_can_be_read_in_every_cell(name):
    """WCAG 2.1 asks for a contrast of 4.5 between text and what is behind it."""
    cells = matplotlib.colormaps[name](np.linspace(0, 1, 256))
    behind = luminance(cells[:, :3])
    ink = np.array([1.0 if ink_on(cell) == "white" else 0.0 for cell in cells])
    contrast = (np.maximum(behind, ink) + 0.05) / (np.minimum(behind, ink) + 0.05)
    assert contrast.min() > 4.5
    assert 0 < ink.sum() < 256


def test_numbers_shrink_to_fit_until_they_could_not_be_read():
    sizes = [fitting_size(["3", "1234"], side, side) for side in (0.5, 0.3, 0.25, 0.15)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 9
    assert sizes[-1] == 0
    assert fitting_size(["12\n3%"], 1.0, 0.12) == pytest.approx(72 * 0.6 * 0.12)  # low cells
    assert fitting_size([], 1.0, 1.0) == 9
