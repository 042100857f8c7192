import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cs231n_lite import vis_search


@pytest.fixture
def grid():
    return [({"rate": a, "reg": b}, np.nan if a == b else a / b) for a in (0.1, 1.0, 10.0) for b in (0.1, 1.0)]


def test_importing_does_not_import_matplotlib():
    code = "import sys, cs231n_lite.vis_search; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_drawing_leaves_the_global_look_alone(grid):
    before = dict(plt.rcParams)
    vis_search.search_scatter(grid, "rate", "reg")
    vis_search.parallel_coordinates(grid)
    assert dict(plt.rcParams) == before


def test_scatter_shows_scores_as_colours_and_broken_runs_as_crosses(grid):
    ax = vis_search.search_scatter(grid, "rate", "reg", title="T")
    np.testing.assert_array_equal(ax.collections[0].get_array(), [0.1, 10.0, 100.0, 10.0])
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0.1, 1.0])
    assert (ax.get_xscale(), ax.get_title()) == ("log", "T")


def test_marginals_mark_each_different_value_once(grid):
    upper, lower = vis_search.search_marginals(grid, "rate", "reg")
    assert len(upper.lines) == 1 + 3
    np.testing.assert_array_equal(lower.lines[0].get_xdata(), [0.1, 0.1, 1.0, 1.0, 10.0, 10.0])
    assert upper.get_xscale() == lower.get_yscale() == "log"


def test_marginals_draw_on_given_axes_and_in_plain_numbers(grid):
    _, own = plt.subplots(2, 1)
    upper, lower = vis_search.search_marginals(grid, "rate", "reg", log=False, axes=own)
    assert (upper, lower) == tuple(own)
    assert upper.get_xscale() == "linear"


def test_heatmap_sorts_rows_and_columns_and_keeps_the_best_of_a_cell(grid):
    ax = vis_search.search_heatmap([*grid[::-1], ({"rate": 0.1, "reg": 1.0}, 5.0)], "rate", "reg")
    np.testing.assert_array_equal(ax.images[0].get_array().filled(np.nan), [[np.nan, 10, 100], [5, np.nan, 10]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.1", "1", "10"]
    assert ax.texts[-1].get_text() == "10.00"


def test_parallel_coordinates_draw_the_best_last_and_leave_broken_runs_out(grid):
    ax = vis_search.parallel_coordinates(grid, ["reg", "rate"])
    assert len(ax.lines) == 4
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), [0.0, 1.0, 1.0])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["reg", "rate", "score"]


@pytest.mark.parametrize("draw", [vis_search.search_scatter, vis_search.search_marginals, vis_search.search_heatmap])
def test_unfit_results_are_refused(grid, draw):
    with pytest.raises(
        ValueError, match=rf"results parameter of {draw.__name__} must be at least one pair .* Got none"
    ):
        draw([], "rate", "reg")
    with pytest.raises(ValueError, match=r"trials with a parameter 'size'\. Got one with rate, reg instead"):
        draw(grid, "rate", "size")


def test_parallel_coordinates_need_a_score():
    with pytest.raises(ValueError, match=r"parallel_coordinates must be at least one pair"):
        vis_search.parallel_coordinates([({"rate": 0.1}, np.nan)])
