"""What the layers of a network put out, drawn layer by layer.

The look is that of `cs231n_lite.vis`, and nothing here calls ``plt.show()`` either.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cs231n_lite.plot_data import refuse
from cs231n_lite.vis import COLOURS, WIDTH, _look

if TYPE_CHECKING:  # importing this module must not load matplotlib
    from matplotlib.axes import Axes

_ROW = 1.05  # height of a row of histograms, in inches
_WORTH_SEEING = 0.01  # share of the tallest bar between the two ends, for the ends to make room for it
_MOST_NUMBERS = 100_000  # of a layer, in a histogram: enough to show its shape


def activation_histograms(
    networks: Mapping[str, Sequence[Any]], limits: tuple[float, float] = (-1.0, 1.0), bins: int = 30
) -> "np.ndarray[Any, np.dtype[np.object_]]":
    """Draw a histogram of each layer's outputs, a row for each network, with the standard deviation above it.

    Outputs beyond the limits are counted in the outermost bars, so nothing is lost from sight. Where these bars tower
    above all others, as the zeros of a ReLU do, they are cut off at the top.

    Parameters
    ----------
    networks : dict of label -> sequence of ndarray
        The outputs of the layers of each network, first layer first; every network has as many.
    limits : tuple of float
        The left and the right end of every histogram.
    bins : int
        Bars in a histogram.

    Returns
    -------
    axes : ndarray of Axes, shape (number of networks, number of layers)
        What was drawn on.

    Raises
    ------
    ValueError
        If there is no network or no layer, the networks differ in length, a layer holds nan or infinite numbers, or
        the limits are in the wrong order.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> axes = activation_histograms({"small": [rng.normal(size=(9, 5)) * s for s in (1.0, 0.1, 0.01)]})
    >>> axes.shape, axes[0, 1].get_title()[:4]
    ((1, 3), 'std ')
    """
    layers = _layers(networks)
    if not limits[0] < limits[1]:
        refuse("limits", "activation_histograms", "a smaller and a larger number", repr(limits))
    edges = np.linspace(*limits, bins + 1)
    with _look() as plt:
        shape = (len(layers), len(layers[0]))
        _, axes = plt.subplots(*shape, figsize=(WIDTH, _ROW * shape[0] + 0.35), squeeze=False, layout="constrained")
        for row, (label, outs) in enumerate(zip(networks, layers, strict=True)):
            for column, out in enumerate(outs):
                _histogram(axes[row, column], out, edges, COLOURS[row % len(COLOURS)])
            axes[row, 0].set_ylabel(label)
        for column in range(shape[1]):
            axes[-1, column].set_xlabel(f"layer {column + 1}", fontsize=8)
    return np.asarray(axes)


def _histogram(ax: "Axes", out: np.ndarray, edges: np.ndarray, colour: str) -> None:
    """Draw one layer; outputs beyond the edges go into the outermost bars."""
    step = -(-out.size // _MOST_NUMBERS)
    counts, _ = np.histogram(np.clip(out.ravel()[::step], edges[0], edges[-1]), bins=edges)
    ax.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=colour)
    inner = counts[1:-1].max(initial=0)
    if inner > _WORTH_SEEING * counts.sum():  # then the ends, where saturated and silent units sit, may be cut off
        ax.set_ylim(0, min(counts.max(), 1.5 * inner) * 1.05)
    ax.set_title(f"std {out.std():.2g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e"), fontsize=7)
    air = 0.03 * (edges[-1] - edges[0])  # keeps the outermost bars clear of the axis
    ax.set(xlim=(edges[0] - air, edges[-1] + air), xticks=[edges[0], edges[-1]], yticks=[])
    ax.set_xticklabels([f"{edges[0]:g}", f"{edges[-1]:g}"], fontsize=7)
    ax.grid(visible=False)


def _layers(networks: Mapping[str, Sequence[Any]]) -> list[list[np.ndarray]]:
    """Give the outputs as arrays of floats; refuse what cannot be drawn."""
    layers = [[np.asarray(out, dtype=float) for out in outs] for outs in networks.values()]
    lengths = sorted({len(outs) for outs in layers})
    if len(lengths) != 1 or lengths[0] == 0:
        needed = "at least one network, with equally many layers, at least one, in each"
        refuse("networks", "activation_histograms", needed, f"{len(layers)} networks with {lengths} layers")
    for label, outs in zip(networks, layers, strict=True):
        for number, out in enumerate(outs, start=1):
            if out.size == 0 or not np.isfinite(out).all():
                what = "none" if out.size == 0 else "nan or infinite ones"
                refuse("networks", "activation_histograms", f"finite numbers in layer {number} of {label}", what)
    return layers
