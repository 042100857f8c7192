"""Every plot looks as it did when it was last looked at: each is compared with a picture in `baseline/`.

After a change that is meant to be seen, draw the pictures anew, look at what changed, and commit it:

    CS231N_LITE_RENEW_BASELINES=1 python -m pytest tests/cs231n_lite/test_vis_images.py

The pictures hold for the matplotlib that `constraints.txt` pins, which brings its own FreeType and fonts; under another
one the comparison is skipped.
"""

import os
import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

import cs231n_lite
from cs231n_lite import (
    activation_histograms,
    confusion_matrix,
    feature_maps,
    filters,
    gradient_flow,
    image_grid,
    parallel_coordinates,
    plot_curves,
    plot_graph,
    plot_history,
    search_heatmap,
    search_marginals,
    search_scatter,
    weight_templates,
)

BASELINE = Path(__file__).parent / "baseline"
PINNED = re.search(r"^matplotlib==(\S+)", (Path(__file__).parents[2] / "constraints.txt").read_text(), re.MULTILINE)[1]
RENEW = "CS231N_LITE_RENEW_BASELINES"
DPI = 60
# Of 255, see `difference`. Measured: the same figure drawn twice differs by 0; storing it in 256 colours costs up to 1.5.
# The least of all mistakes tried, one digit missing, makes 11; another colour or a turned axis, 18 and more. Another
# matplotlib (3.10.9, with another FreeType) makes up to 76 without any mistake, so there we do not compare.
TOLERANCE = 6.0

same_matplotlib = pytest.mark.skipif(
    matplotlib.__version__ != PINNED,
    reason=f"the pictures are drawn by matplotlib {PINNED}, pinned in constraints.txt; this is {matplotlib.__version__}",
)


def waves(*shape):
    """Give numbers between -1 and 1 that are the same everywhere, large patterns rather than noise."""
    return np.sin(np.arange(np.prod(shape)) * 0.37 + 0.5).reshape(shape)


def trials():
    """Give the results of a grid; the run with the largest rate and penalty broke."""
    rates, regs = np.logspace(-4, -2, 3), np.logspace(-3, 0, 3)
    results = [({"rate": a, "reg": b}, 0.5 - 0.1 * np.log10(a / 1e-3) ** 2 - 0.1 * b) for a in rates for b in regs]
    return [*results[:-1], (results[-1][0], np.nan)]


def history():
    steps = np.arange(200)
    loss = 2.3 * np.exp(-steps / 80) + 0.3 + 0.2 * np.sin(steps)
    return SimpleNamespace(
        loss_history=list(loss), train_acc_history=[0.1, 0.5, 0.7, 0.8], val_acc_history=[0.1, 0.4, 0.55, 0.6]
    )


def graph():
    nodes = {"x": (0, 2), "y": (0, 1), "z": (0, 0), "+": (1, 1.5), "×": (2, 0.75), "f": (3, 0.75)}
    wires = [("x", "+", -2.0, -4.0), ("y", "+", 5.0, -4.0), ("z", "×", -4.0, 3.0), ("+", "×", 3.0, -4.0)]
    return plot_graph(nodes, [*wires, ("×", "f", -12.0, 1.0)], title="f = (x + y) z")


def flow():
    layers = {f"{kind}{i}": waves(*shape) for i in (2, 1) for kind, shape in {"W": (5, 4), "b": (4,)}.items()}
    small = {name: grad * (0.001 if "1" in name else 1.0) for name, grad in layers.items()}
    broken = {**layers, "W1": 0 * layers["W1"], "b2": layers["b2"] * np.nan}
    return gradient_flow({"good": layers, "vanishing": small, "broken": broken}, title="three networks")


def confused():
    counts = np.full((10, 10), 3) + 997 * np.eye(10, dtype=int)
    counts[3, 5], counts[4] = 250, 0
    counts[6:, 6:] *= np.eye(4, dtype=int)
    names = ["plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    return confusion_matrix(counts, class_names=names, title="ten classes")


# One entry or more for every plotting function, under its name.
FIGURES = {
    "plot_curves": lambda: plot_curves(
        {"slow": waves(9) + 3, "fast": waves(40)[31:] + 1.5}, xlabel="epoch", title="two curves"
    ),
    "plot_curves many": lambda: plot_curves({f"run {i}": np.logspace(0, -i, 50) for i in range(7)}, log=True),
    "plot_history": lambda: plot_history(history()),
    "image_grid": lambda: image_grid(waves(10, 3, 4, 4), labels=list("abcdefghij"), columns=5, title="ten"),
    "weight_templates": lambda: weight_templates(waves(48, 12), shape=(3, 4, 4)),
    "plot_graph": graph,
    "activation_histograms": lambda: activation_histograms(
        {"small": [waves(500) * 0.5**i for i in range(5)], "large": [waves(500) * 1.5**i for i in range(5)]}
    ),
    "gradient_flow": flow,
    "gradient_flow layers": lambda: gradient_flow([waves(4, 4) * 0.5**i for i in range(9)]),
    "confusion_matrix": confused,
    "confusion_matrix two": lambda: confusion_matrix([0, 0, 0, 1], [0, 0, 1, 1], class_names=["cat", "dog"]),
    "filters": lambda: filters(waves(12, 3, 5, 5)),
    "filters channels": lambda: filters(waves(3, 6, 3, 3), title="second layer"),
    "feature_maps": lambda: feature_maps(waves(11, 4, 4), picture=waves(3, 8, 8), title="maps"),
    "search_scatter": lambda: search_scatter(trials(), "rate", "reg", title="nine trials"),
    "search_marginals": lambda: search_marginals(trials(), "rate", "reg"),
    "search_heatmap": lambda: search_heatmap(trials(), "rate", "reg"),
    "parallel_coordinates": lambda: parallel_coordinates(trials()),
}


def pixels(name, change=lambda figure: None):
    """Draw a figure, change it, and give its pixels, shape (rows, columns, 3), from 0 to 255."""
    with plt.style.context("default"):  # whatever the reader's own settings are
        FIGURES[name]()
        figure = plt.gcf()
        figure.set_dpi(DPI)
        change(figure)
        figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def baseline(name):
    return BASELINE / f"{name.replace(' ', '_')}.png"


def stored(name):
    return np.asarray(Image.open(baseline(name)).convert("RGB"))


def difference(one, other):
    """Say how much two pictures differ where they differ most.

    A pixel differs by what it is out of the range of the other picture's 3 x 3 pixels around the place: rounding that
    moves a letter or a line by a pixel costs nothing. The mean over 8 x 8 pixels, the size of a letter, is taken, and
    the largest of these counts: one wrong letter is not lost in a large picture.
    """
    if one.shape != other.shape:
        return np.inf
    return max(_largest(_beyond(one, other)), _largest(_beyond(other, one)))


def _beyond(one, other):
    around = np.pad(other.astype(int), ((1, 1), (1, 1), (0, 0)), mode="edge")
    around = [around[i : i + len(one), j : j + one.shape[1]] for i in range(3) for j in range(3)]
    return np.maximum(one - np.max(around, axis=0), np.min(around, axis=0) - one).clip(0).max(axis=2)


def _largest(distance, size=8):
    padded = np.pad(distance, [(0, -n % size) for n in distance.shape])
    rows, columns = (n // size for n in padded.shape)
    return padded.reshape(rows, size, columns, size).mean(axis=(1, 3)).max()


def test_every_plotting_function_has_a_picture():
    drawing = {name for name, room in cs231n_lite._ROOM_OF.items() if room.startswith("vis")} - {"LivePlot"}
    assert {name.split()[0] for name in FIGURES} == drawing  # LivePlot draws by plot_history
    assert {baseline(name).name for name in FIGURES} == {path.name for path in BASELINE.iterdir()}
    assert max(path.stat().st_size for path in BASELINE.iterdir()) < 15_000


@same_matplotlib
@pytest.mark.parametrize("name", FIGURES)
def test_it_looks_as_it_did(name, tmp_path):
    seen = pixels(name)
    if os.environ.get(RENEW):
        Image.fromarray(seen).quantize(256, kmeans=3, dither=Image.Dither.NONE).save(baseline(name), optimize=True)
    found = difference(seen, stored(name))
    if found >= TOLERANCE:
        Image.fromarray(seen).save(tmp_path / "seen.png")
    advice = f"look at {tmp_path / 'seen.png'} and, if it is right, draw {baseline(name)} anew with {RENEW}=1"
    assert found < TOLERANCE, f"{name} differs by {found:.1f}; {advice}."


def test_drawing_twice_gives_the_same_picture():
    np.testing.assert_array_equal(pixels("gradient_flow"), pixels("gradient_flow"))


def another_colour(figure):
    figure.axes[0].lines[0].set_color("#CC79A7")


def no_name_below_the_axis(figure):
    figure.axes[0].set_xlabel("")


def one_digit_missing(figure):
    figure.axes[0].texts[7].set_text("")


def red_and_blue_exchanged(figure):
    tile = figure.axes[0].images[3]
    tile.set_data(tile.get_array()[..., ::-1])


def upside_down(figure):
    tile = figure.axes[0].images[1]
    tile.set_data(tile.get_array()[::-1])


def rows_and_columns_exchanged(figure):
    table = figure.axes[0].images[0]
    table.set_data(table.get_array().T)


def another_map(figure):
    figure.axes[0].images[0].set_cmap("viridis")


def right_to_left(figure):
    figure.axes[0].invert_xaxis()


def plain_numbers(figure):
    figure.axes[0].set_yscale("linear")


def value_and_gradient_exchanged(figure):
    value, gradient = figure.axes[0].texts[-2:]
    value.xyann, gradient.xyann = gradient.xyann, value.xyann


MISTAKES = [
    ("plot_curves", another_colour),
    ("plot_curves", no_name_below_the_axis),
    ("plot_graph", value_and_gradient_exchanged),
    ("image_grid", red_and_blue_exchanged),
    ("filters", one_digit_missing),
    ("feature_maps", upside_down),
    ("confusion_matrix", rows_and_columns_exchanged),
    ("confusion_matrix", one_digit_missing),
    ("gradient_flow", plain_numbers),
    ("gradient_flow", another_colour),
    ("search_scatter", right_to_left),
    ("search_heatmap", another_map),
]


@same_matplotlib
@pytest.mark.parametrize(("name", "mistake"), MISTAKES, ids=lambda value: getattr(value, "__name__", value))
def test_a_mistake_is_seen(name, mistake):
    assert difference(pixels(name, mistake), stored(name)) > 1.5 * TOLERANCE


@same_matplotlib
def test_rounding_by_a_pixel_is_no_mistake_but_moving_by_three_is():
    seen = stored("plot_curves")
    assert difference(np.roll(seen, 1, axis=(0, 1)), seen) == 0
    assert difference(np.roll(seen, 3, axis=0), seen) > 1.5 * TOLERANCE
    assert difference(seen, seen[:-1]) == np.inf
