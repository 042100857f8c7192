"""How large the gradient is in each layer of a network, and so whether it vanishes or explodes on its way down.

The look is that of `cs231n_lite.vis`, and nothing here calls ``plt.show()`` either.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cs231n_lite.plot_data import refuse
from cs231n_lite.vis import COLOURS, HEIGHT, WIDTH, _look

if TYPE_CHECKING:  # importing this module must not load matplotlib
    from matplotlib.axes import Axes

_APART = 0.1  # between two networks at the same layer, in layers
_SLANTED = 80  # letters of all names together from which on they are written slanted
_MOST_NAMES = 30  # names below the axis; with more layers only some are written


def gradient_flow(grads: Any, *, title: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw the size of the gradient in each layer, in powers of ten: root mean square (dot) up to the largest (dash).

    A line joins the dots of weights; the dots of biases and other vectors are hollow and stand alone. A gradient that
    is zero everywhere is a triangle on the lower edge, one that holds NaN or infinite numbers a cross on the upper.

    Parameters
    ----------
    grads : dict of name -> ndarray, sequence of ndarray, or dict of label -> one of these
        The gradients of a network, as ``model.loss(X, y)`` gives them, or of several networks to be compared. Names that
        all have a number stand in its order (W1, b1, W2, ...), others as they come; without names, layers are counted.
    title : str
        What the figure shows.
    ax : Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    ax : Axes
        ``ax.get_xticklabels()`` are the names, the first layer leftmost.

    Raises
    ------
    ValueError
        If there is no network or no gradient, a gradient is empty, or the networks differ in their names.

    Examples
    --------
    >>> ax = gradient_flow({"W2": np.array([[3.0, 4.0]]), "W1": np.array([[0.3], [0.4]])})
    >>> [name.get_text() for name in ax.get_xticklabels()], ax.lines[0].get_ydata().round(2)
    (['W1', 'W2'], array([0.35, 3.54]))
    """
    networks = _networks(grads)
    names = list(networks[0][1])
    step = -(-len(names) // _MOST_NAMES)
    longest = max(map(len, names)) if sum(map(len, names[::step])) > _SLANTED else 0  # of slanted names
    with _look() as plt:
        if ax is None:
            _, ax = plt.subplots(figsize=(WIDTH, HEIGHT + 0.06 * longest), layout="constrained")
        sizes = [np.array([gradient_size(array) for array in arrays.values()]) for _, arrays in networks]
        weights = np.array([array.ndim > 1 for array in networks[0][1].values()])
        for i, ((label, _), size) in enumerate(zip(networks, sizes, strict=True)):
            places = np.arange(len(names)) + (i - (len(networks) - 1) / 2) * min(_APART, 0.4 / len(networks))
            _network(ax, places, size, weights, COLOURS[i % len(COLOURS)], label)
        ax.set(yscale="log", title=title, ylabel="size of the gradient", xlim=(-0.6, len(names) - 0.4))
        if not any(_drawn(size).any() for size in sizes):  # then any powers of ten will do
            ax.set_ylim(1e-8, 1)
        ax.set_xlabel(_key(names, np.concatenate(sizes)), fontsize=9)
        ax.set_xticks(range(0, len(names), step), names[::step])
        ax.grid(visible=False, axis="x")
        for name in ax.get_xticklabels() if longest else ():
            name.set(rotation=50, ha="right", rotation_mode="anchor", fontsize=8)
        if networks[0][0] is not None:
            ax.legend(**({"loc": "center left", "bbox_to_anchor": (1, 0.5)} if len(networks) > 4 else {}))
    return ax


def gradient_size(grad: Any) -> tuple[float, float]:
    """Give the root mean square and the largest magnitude of an array; both are infinite or NaN if an entry is.

    Examples
    --------
    >>> gradient_size(np.array([[3e200, -4e200]]))
    (3.53...e+200, 4e+200)
    """
    sizes = np.abs(np.asarray(grad, dtype=float))
    largest = float(sizes.max())
    if largest == 0 or not np.isfinite(largest):
        return largest, largest
    return largest * float(np.sqrt(np.mean((sizes / largest) ** 2))), largest  # no square can overflow or vanish


def _drawn(sizes: np.ndarray) -> np.ndarray:
    """Say which of the sizes, shape (layers, 2), have a place on a logarithmic axis."""
    return (sizes[:, 0] > 0) & np.isfinite(sizes[:, 0])


def _network(
    ax: "Axes", places: np.ndarray, sizes: np.ndarray, weights: np.ndarray, colour: str, label: str | None
) -> None:
    """Draw one network: a line through its weights, and for each gradient a dot, a dash, and what joins them."""
    seen = _drawn(sizes)
    ax.plot(places[weights], np.where(seen, sizes[:, 0], np.nan)[weights], color=colour, linewidth=1.0)
    for which, face in ((seen & weights, colour), (seen & ~weights, "white")):
        ax.plot(places[which], sizes[which, 0], "o", markersize=5, color=colour, markerfacecolor=face)
    if seen.any():
        ax.vlines(places[seen], *sizes[seen].T, color=colour, linewidth=0.8)
        ax.plot(places[seen], sizes[seen, 1], "_", color=colour, markersize=7)
    edge: dict[str, Any] = {"color": colour, "transform": ax.get_xaxis_transform(), "clip_on": False, "zorder": 3}
    for height, which, marker in ((0, sizes[:, 0] == 0, "v"), (1, ~np.isfinite(sizes[:, 0]), "x")):
        if which.any():  # an empty line outside the axes would confuse the layout
            ax.plot(places[which], np.full(which.sum(), height), marker, markersize=7, markeredgewidth=2, **edge)
    ax.plot([], [], "o-", color=colour, markersize=5, linewidth=1.0, label=label)  # for the legend


def _key(names: list[str], sizes: np.ndarray) -> str:
    """Say below the axis what the marks mean; those that do not occur are not mentioned."""
    what = "layer" if names == _counted(len(names)) else "parameter"
    zero = ", triangle: zero" if (sizes[:, 0] == 0).any() else ""
    broken = ", cross: NaN or infinite" if not np.isfinite(sizes).all() else ""
    return f"{what} (dot: root mean square, dash: largest{zero}{broken})"


def _counted(layers: int) -> list[str]:
    return [str(i) for i in range(1, layers + 1)]


def _networks(grads: Any) -> list[tuple[str | None, dict[str, np.ndarray]]]:
    """Give each network as (label or None, {name: gradient}), the first layer first; refuse what cannot be drawn."""
    several = isinstance(grads, Mapping) and all(isinstance(g, Mapping | list | tuple) for g in grads.values())
    networks = [(label, _named(one)) for label, one in (grads.items() if several else [(None, grads)])]
    if not networks or not networks[0][1]:
        refuse("grads", "gradient_flow", "the gradients of at least one layer", "none")
    first, names = networks[0][0], list(networks[0][1])
    for label, arrays in networks:
        where = "" if label is None else f" of {label}"
        if list(arrays) != names:
            needed = f"networks with the same layers: {', '.join(names)}, as in {first}"
            refuse("grads", "gradient_flow", needed, f"{', '.join(arrays) or 'none'} in {label}")
        for name, array in arrays.items():
            if array.size == 0:
                refuse("grads", "gradient_flow", f"an array with numbers in it for {name}{where}", "an empty one")
    return networks


def _named(grads: Any) -> dict[str, np.ndarray]:
    """Give the gradients of one network under their names, in the order of the numbers in them."""
    pairs = grads.items() if isinstance(grads, Mapping) else zip(_counted(len(grads)), grads, strict=True)
    arrays = {str(name): np.asarray(grad, dtype=float) for name, grad in pairs}
    numbers = {name: re.search(r"\d+", name) for name in arrays}
    if all(numbers.values()):
        return {name: arrays[name] for name in sorted(arrays, key=lambda name: int(numbers[name].group()))}  # type: ignore[union-attr]
    return arrays
