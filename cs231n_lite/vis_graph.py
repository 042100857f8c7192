"""A computation drawn as a graph: values above the wires, gradients below."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cs231n_lite.plot_data import refuse
from cs231n_lite.vis import COLOURS, WIDTH, _look

if TYPE_CHECKING:  # importing this module must not load matplotlib
    from matplotlib.axes import Axes

VALUE_COLOUR, GRADIENT_COLOUR = COLOURS[0], COLOURS[1]
_INK, _FACE = "#444444", "#EEF3F7"
_RADIUS = 13.0  # of a circle, in points
_MARGINS = (0.4, 0.3)  # beside and above the nodes, in columns
_COLUMN = 1.4  # of the widest column, in inches


def plot_graph(
    nodes: Mapping[str, Sequence[float]],
    edges: Sequence[Sequence[Any]],
    *,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a computation: operations in circles, values above the wires and gradients below.

    Parameters
    ----------
    nodes : dict of name -> (column, row)
        Where each node stands: columns from left to right, rows from the bottom up; fractions are welcome. A node with
        wires on both sides is an operation and gets a circle; the others are where the computation begins and ends.
    edges : sequence of (start, end), (start, end, value) or (start, end, value, gradient)
        The wires. A number is written with three digits, an array as its shape, a string as it is, None not at all.
    labels : dict of name -> str, optional
        What to write instead of a node's name, where several nodes do the same: ``{"times 1": "×", "times 2": "×"}``.
    title : str
        What the figure shows.
    ax : Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    ax : Axes
        What was drawn on. ``ax.texts`` holds the names of the nodes, then for each wire its value and its gradient.

    Raises
    ------
    ValueError
        If there is no node, a place is not two finite numbers, or a wire does not join two nodes that are given.

    Examples
    --------
    >>> nodes = {"x": (0, 1), "y": (0, 0), "+": (1, 0.5), "f": (2, 0.5)}
    >>> ax = plot_graph(nodes, [("x", "+", 2.0, 1.0), ("y", "+", -3.0, 1.0), ("+", "f", -1.0, 1.0)])
    >>> [text.get_text() for text in ax.texts]
    ['x', 'y', '+', 'f', '2', '1', '−3', '1', '−1', '1']
    """
    places, wires, names = _places(nodes), _wires(edges, nodes), dict(labels or {})
    operations = {start for start, *_ in wires} & {end for _, end, *_ in wires}
    reach = {n: _RADIUS + 1 if n in operations else 5 + 3.5 * _width(names.get(n, n)) for n in places}
    with _look() as plt:
        if ax is None:
            width, height = _extent(places)
            scale = min(WIDTH / width, _COLUMN)
            _, ax = plt.subplots(figsize=(WIDTH, scale * height + 0.3), layout="constrained")
        for name, (x, y) in places.items():
            if name in operations:
                circle: dict[str, Any] = {"markersize": 2 * _RADIUS, "markerfacecolor": _FACE, "markeredgecolor": _INK}
                ax.plot(x, y, "o", zorder=2, **circle)
            label = names.get(name, name)
            size = 11 if name not in operations else max(8, 13 - 2 * max(1, _width(label) - 1))  # to fit the circle
            ax.text(x, y, label, ha="center", va="center_baseline", fontsize=size, zorder=3)
        for start, end, value, gradient in wires:
            _wire(ax, places[start], places[end], (reach[start], reach[end]))
            _beside(ax, places[start], places[end], value, 7, VALUE_COLOUR)
            _beside(ax, places[start], places[end], gradient, -8, GRADIENT_COLOUR)
        _frame(ax, places, title, any(gradient for *_, gradient in wires))
    return ax


def number_text(value: Any) -> str:
    """Write what stands on a wire: a number with three digits, an array as its shape, None as nothing.

    Examples
    --------
    >>> number_text(-0.12345), number_text(50.0), number_text(np.zeros((2, 3))), number_text("?"), number_text(None)
    ('−0.123', '50', '(2, 3)', '?', '')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if np.ndim(value):
        return str(np.shape(value))
    return f"{float(value):.3g}".replace("-", "−")


def _places(nodes: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, float]]:
    if not nodes:
        refuse("nodes", "plot_graph", "at least one node", "none")
    for name, place in nodes.items():
        if np.shape(place) != (2,) or not np.isfinite(np.asarray(place, dtype=float)).all():
            refuse("nodes", "plot_graph", "names with a (column, row) each", f"{name!r}: {place!r}")
    return {name: (float(x), float(y)) for name, (x, y) in nodes.items()}


def _wires(edges: Sequence[Sequence[Any]], nodes: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Give each wire as (start, end, value, gradient), the last two in words."""
    wires = []
    for edge in edges:
        if not 2 <= len(edge) <= 4 or any(end not in nodes for end in edge[:2]) or edge[0] == edge[1]:
            known = ", ".join(nodes)
            refuse("edges", "plot_graph", f"(start, end, value, gradient) with two of the nodes {known}", f"{edge!r}")
        value, gradient = (*map(number_text, edge[2:]), "", "")[:2]
        wires.append((edge[0], edge[1], value, gradient))
    return wires


def _extent(places: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    """Give width and height of the drawing, margins included, in columns."""
    columns, rows = zip(*places.values(), strict=True)
    return max(columns) - min(columns) + 2 * _MARGINS[0], max(rows) - min(rows) + 2 * _MARGINS[1]


def _width(label: str) -> int:
    """Count the letters a label shows, more or less: mathematics is written with signs that are not shown."""
    return len(label) if "$" not in label else max(1, sum(letter.isalnum() for letter in label))


def _wire(ax: Any, start: tuple[float, float], end: tuple[float, float], gaps: tuple[float, float]) -> None:
    from matplotlib.patches import FancyArrowPatch

    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 10, "color": _INK, "linewidth": 1.1, "zorder": 1}
    ax.add_patch(FancyArrowPatch(start, end, shrinkA=gaps[0], shrinkB=gaps[1], **style))


def _beside(ax: Any, start: tuple[float, float], end: tuple[float, float], text: str, off: float, colour: str) -> None:
    """Write along the wire, `off` points above it (below where negative)."""
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    if not -math.pi / 2 < angle <= math.pi / 2:  # a wire to the left: keep the text upright
        angle -= math.copysign(math.pi, angle)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    shift = (-off * math.sin(angle), off * math.cos(angle))
    settings = {"textcoords": "offset points", "ha": "center", "va": "center", "color": colour, "fontsize": 9}
    ax.annotate(text, middle, shift, rotation=math.degrees(angle), rotation_mode="anchor", **settings)


def _frame(ax: Any, places: Mapping[str, tuple[float, float]], title: str, gradients: bool) -> None:
    from matplotlib.lines import Line2D

    columns, rows = zip(*places.values(), strict=True)
    beside, above = _MARGINS
    ax.set(xlim=(min(columns) - beside, max(columns) + beside), ylim=(min(rows) - above, max(rows) + above))
    ax.set(aspect="equal", title=title)
    ax.set_axis_off()
    if gradients:
        said = {"value above the wire": VALUE_COLOUR, "gradient below": GRADIENT_COLOUR}
        handles = [Line2D([], [], linestyle="", label=label) for label in said]
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.02), "ncols": 2, "handlelength": 0, "fontsize": 8}
        ax.legend(handles=handles, labelcolor=list(said.values()), **place)
