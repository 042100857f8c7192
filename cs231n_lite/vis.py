"""Arrays in, Axes out: training curves, grids of images, weights as templates.

Every figure has the same width and look, in colours that colour-blind readers tell apart. The look is applied while
a figure is drawn and never set globally. Nothing here calls ``plt.show()``: a notebook shows the figure by itself.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from cs231n_lite.plot_data import channels_last, named_curves, refuse, templates, unit_range

if TYPE_CHECKING:  # importing this module must not load matplotlib
    from matplotlib.axes import Axes

WIDTH = 8.0  # of every figure, in inches
HEIGHT = 3.2  # of a figure of curves
# M. Okabe and K. Ito, "Color Universal Design", 2008; yellow and black left out, being hard to see or used for text.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_LOOK: Any = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}


def plot_curves(
    *curves: Any,
    x: Any = None,
    xlabel: str = "step",
    ylabel: str = "loss",
    title: str = "",
    log: bool = False,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw curves over a common axis.

    Parameters
    ----------
    *curves : sequence of float, or dict of label -> sequence of float
        What to draw. A dict names its curves in a legend. NaN leaves a gap.
    x : sequence of float, optional
        Positions of the points, as many as each curve has; 0, 1, 2, ... by default.
    xlabel, ylabel, title : str
        What the axes and the figure show.
    log : bool
        Draw the vertical axis in powers of ten.
    ax : Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    ax : Axes
        What was drawn on.

    Raises
    ------
    ValueError
        If there is no curve, or a curve is not one-dimensional or not as long as `x`.

    Examples
    --------
    >>> ax = plot_curves({"too small": [2.3, 2.2, 2.1], "right": [2.3, 1.6, 1.2]}, xlabel="epoch")
    >>> ax.get_xlabel(), len(ax.lines)
    ('epoch', 2)
    """
    named = named_curves(curves, x)
    with _look() as plt:
        if ax is None:
            _, ax = plt.subplots(figsize=(WIDTH, HEIGHT), layout="constrained")
        for i, (label, values) in enumerate(named):
            # After six curves the colours come round again, dashed.
            style = ("-", "--", ":")[i // len(COLOURS) % 3]
            positions = np.arange(len(values)) if x is None else np.asarray(x)
            marker = "o" if len(values) <= 30 else None
            ax.plot(positions, values, style, color=COLOURS[i % len(COLOURS)], label=label, marker=marker, markersize=4)
        ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
        if log:
            ax.set_yscale("log")
        if any(label is not None for label, _ in named):
            crowded = len(named) > 4
            ax.legend(**({"loc": "center left", "bbox_to_anchor": (1, 0.5)} if crowded else {}))
    return ax


def plot_history(solver: Any) -> tuple["Axes", "Axes"]:
    """Draw the loss of each step, and the accuracy after each epoch, side by side.

    The loss is drawn twice if there are many steps: pale as it was, and dark as the running mean over a fiftieth of them.

    Parameters
    ----------
    solver : Solver
        Or any object with ``loss_history``, ``train_acc_history`` and ``val_acc_history``.

    Returns
    -------
    loss_axes, accuracy_axes : Axes
        The left and the right panel.

    Raises
    ------
    ValueError
        If nothing has been trained yet.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> run = SimpleNamespace(loss_history=[2.3, 1.9], train_acc_history=[0.1, 0.4], val_acc_history=[0.1, 0.3])
    >>> loss_axes, accuracy_axes = plot_history(run)
    >>> accuracy_axes.get_ylabel()
    'accuracy'
    """
    loss = np.asarray(solver.loss_history, dtype=float)
    if len(loss) == 0:
        raise ValueError(
            "The solver parameter of plot_history must be a solver that has trained. "
            "Got an empty loss_history instead; call solver.train() first."
        )
    window = max(1, len(loss) // 50)
    smoothed = np.convolve(loss, np.full(window, 1 / window), mode="valid")
    with _look() as plt:
        _, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, HEIGHT), layout="constrained")
        if window > 1:
            left.plot(np.arange(1, len(loss) + 1), loss, color=COLOURS[0], alpha=0.3, linewidth=0.8, label="each step")
        label = f"mean of {window}" if window > 1 else "each step"
        left.plot(np.arange(len(smoothed)) + (window + 1) / 2, smoothed, color=COLOURS[0], label=label)
        left.set(xlabel="step", ylabel="loss", title="Loss")
        left.legend()
        accuracies = {"training": solver.train_acc_history, "validation": solver.val_acc_history}
        plot_curves(accuracies, xlabel="epoch", ylabel="accuracy", title="Accuracy", ax=right)
        right.xaxis.get_major_locator().set_params(integer=True)
    return left, right


def image_grid(
    images: Any,
    labels: Sequence[Any] | None = None,
    columns: int = 10,
    *,
    rescale: str = "each",
    title: str = "",
    ax: "Axes | None" = None,
) -> "Axes":
    """Show images in rows.

    Parameters
    ----------
    images : ndarray, shape (N, 3, H, W), (N, 1, H, W) or (N, H, W)
        Colour or grey images with values in any range.
    labels : sequence of N, optional
        A word or number to write above each image.
    columns : int
        Images in a row.
    rescale : {"each", "jointly"}
        Stretch the values of each image to the range from black to white, or all by the same amount, which keeps
        images comparable with each other.
    title : str
        What the figure shows.
    ax : Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    ax : Axes
        One Axes; ``ax.images`` are the N images.

    Raises
    ------
    ValueError
        If `images` has another shape or holds NaN, or another parameter is unfit.

    Examples
    --------
    >>> ax = image_grid(np.arange(2 * 3 * 4 * 4).reshape(2, 3, 4, 4), labels=["cat", "dog"], columns=2)
    >>> len(ax.images), [text.get_text() for text in ax.texts]
    (2, ['cat', 'dog'])
    """
    images = unit_range(channels_last(images), rescale)
    if labels is not None and len(labels) != len(images):
        refuse("labels", "image_grid", f"one label for each of the {len(images)} images", f"{len(labels)}")
    if columns < 1:
        refuse("columns", "image_grid", "a whole number above 0", repr(columns))
    rows = -(-len(images) // columns)
    # A tile is one unit wide; the gap above it leaves room for a line of text, 0.2 inch, if there are labels.
    height = images.shape[1] / images.shape[2]
    gap = 0.0 if labels is None else 0.2 * columns / WIDTH
    with _look() as plt:
        if ax is None:
            figure_height = rows * (height + gap) * WIDTH / columns + (0.3 if title else 0)
            _, ax = plt.subplots(figsize=(WIDTH, figure_height), layout="constrained")
        for i, image in enumerate(images):
            left, top = i % columns, i // columns * (height + gap)
            # (left, right, bottom, top), downwards
            extent = (left + 0.03, left + 0.97, top + height - 0.03, top + 0.03)
            ax.imshow(image, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="nearest")
            if labels is not None:
                ax.text(left + 0.5, top, str(labels[i]), ha="center", va="bottom", fontsize=8)
        ax.set(xlim=(0, columns), ylim=(rows * (height + gap) - gap, -gap), title=title)
        ax.set_axis_off()
    return ax


def weight_templates(W1: Any, shape: tuple[int, ...] = (3, 32, 32), columns: int = 10) -> "Axes":
    """Show the weights of each hidden unit of a first layer as the image it answers to most.

    Parameters
    ----------
    W1 : ndarray, shape (D, H)
        Weights of the first layer; each of the H columns becomes an image.
    shape : tuple of int
        Shape of an input image, (C, H, W) or (H, W), with product D.
    columns : int
        Images in a row.

    Returns
    -------
    ax : Axes
        One Axes with H images, each stretched from black to white.

    Raises
    ------
    ValueError
        If `W1` is not of shape (D, H).

    Examples
    --------
    >>> ax = weight_templates(np.random.default_rng(0).normal(size=(12, 5)), shape=(3, 2, 2))
    >>> len(ax.images)
    5
    """
    return image_grid(templates(W1, shape), columns=columns)


@contextmanager
def _look() -> Iterator[Any]:
    """Lend out pyplot; what is drawn meanwhile has our look."""
    import matplotlib.pyplot as plt

    with plt.rc_context(_LOOK):
        yield plt
