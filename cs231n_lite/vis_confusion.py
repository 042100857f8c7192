"""Which classes a classifier takes for which others.

The look is that of `cs231n_lite.vis`, and nothing here calls ``plt.show()`` either.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cs231n_lite.plot_data import ink_on, refuse
from cs231n_lite.vis import WIDTH, _look

if TYPE_CHECKING:  # importing this module must not load matplotlib
    from matplotlib.axes import Axes

_MAP = "Blues"  # white where there is nothing
_INK = "#444444"
_CELL = 0.36  # of a class on the page, in inches
_SIDES = (2.4, 5.5)  # of the table, at least and at most, in inches
_WITH_NUMBERS = 20  # classes; with more, numbers could not be read
_WITH_BOTH = 5  # classes; with more, there is no room for count and share in a cell
_MOST_NAMES = 34  # names along a side; with more classes only some are written


def confusion_matrix(
    y: Any,
    predicted: Any = None,
    class_names: Sequence[Any] | None = None,
    *,
    shares: bool = False,
    title: str = "",
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw how often each class (rows) was predicted as each other (columns); right answers lie in the framed cells.

    The colour of a cell is its share of the row, by square root, so that rare mistakes are seen too and large classes do
    not outshine small ones. The number in it is the count; up to five classes, both. Cells of zero are left empty.

    Parameters
    ----------
    y : ndarray of int, shape (N,), or of counts, shape (C, C)
        True labels; or without `predicted` the finished table, rows = true classes.
    predicted : ndarray of int, shape (N,), optional
        Predicted labels.
    class_names : sequence of C, optional
        What to write at rows and columns; 0, 1, 2, ... by default.
    shares : bool
        Write percentages of the row instead of counts.
    title : str
        What the figure shows.
    ax : Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    ax : Axes
        ``ax.images[0]`` holds the shares, shape (C, C).

    Raises
    ------
    ValueError
        If the labels are not whole numbers of equal length from 0 to C - 1, the table is not square or has a negative
        entry, or there is nothing to count.

    Examples
    --------
    >>> ax = confusion_matrix([0, 0, 0, 1], [0, 0, 1, 1], class_names=["cat", "dog"])
    >>> [text.get_text().split() for text in ax.texts], ax.images[0].get_array()[0].round(2).tolist()
    ([['2', '67%'], ['1', '33%'], ['1', '100%']], [0.67, 0.33])
    """
    from matplotlib.colors import PowerNorm

    counts = confusion_counts(y, predicted, None if class_names is None else len(class_names))
    total = counts.sum(axis=1, keepdims=True)
    share = counts / np.where(total > 0, total, 1)
    names = [str(name) for name in (range(len(counts)) if class_names is None else class_names)]
    with _look() as plt:
        if ax is None:
            side = min(max(_CELL * len(counts), _SIDES[0]), _SIDES[1])
            _, ax = plt.subplots(figsize=(WIDTH, side + 0.6 + (0.25 if title else 0)), layout="constrained")
        image = ax.imshow(share, cmap=_MAP, norm=PowerNorm(0.5, 0, 1))
        if len(counts) <= _WITH_NUMBERS:
            for (i, j), count in np.ndenumerate(counts):
                if count:
                    colour = ink_on(image.cmap(image.norm(share[i, j])))
                    words = _words(count, float(share[i, j]), shares, both=len(counts) <= _WITH_BOTH)
                    ax.text(j, i, words, ha="center", va="center", color=colour, fontsize=9 if len(counts) <= 10 else 7)
        for i in range(len(counts)):
            frame = {"fill": False, "edgecolor": _INK, "linewidth": 1.0 if len(counts) <= _WITH_NUMBERS else 0.4}
            ax.add_patch(plt.Rectangle((i - 0.5, i - 0.5), 1, 1, **frame))
        _sides(ax, names)
        ax.set(xlabel="predicted class", ylabel="true class", title=title)
        bar = ax.figure.colorbar(image, ax=ax, label="share of the row", ticks=[0, 0.01, 0.05, 0.2, 0.5, 1])
        bar.ax.set_yticklabels(["0", "1%", "5%", "20%", "50%", "100%"])
    return ax


def confusion_counts(y: Any, predicted: Any = None, classes: int | None = None) -> np.ndarray:
    """Count how often each class was predicted as each other.

    Parameters
    ----------
    y, predicted : as in `confusion_matrix`
    classes : int, optional
        C; by default one more than the largest label.

    Returns
    -------
    counts : ndarray, shape (C, C)
        Rows are true classes, columns predicted ones.

    Raises
    ------
    ValueError
        As in `confusion_matrix`.

    Examples
    --------
    >>> confusion_counts([0, 0, 2], [0, 1, 2])
    array([[1, 1, 0],
           [0, 0, 0],
           [0, 0, 1]])
    """
    caller = "confusion_matrix"
    if predicted is None:
        counts = np.asarray(y)
        if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
            refuse("y", caller, "a square table of counts, or labels together with predicted", f"shape {counts.shape}")
        if not np.isfinite(counts).all() or (counts < 0).any():
            refuse("y", caller, "a table of counts, none below 0", "negative, NaN or infinite ones")
        if classes not in (None, len(counts)):
            refuse("class_names", caller, f"one name for each of the {len(counts)} classes", str(classes))
        return counts
    labels = {"y": np.asarray(y), "predicted": np.asarray(predicted)}
    for name, array in labels.items():
        if array.ndim != 1 or len(array) == 0 or not np.issubdtype(array.dtype, np.integer):
            scores = "; of scores, take scores.argmax(axis=1)" if array.ndim == 2 else ""
            refuse(name, caller, f"whole-number labels of shape (N,){scores}", f"{array.dtype} of shape {array.shape}")
    if len(labels["y"]) != len(labels["predicted"]):
        refuse("predicted", caller, f"as long as y, shape {labels['y'].shape}", f"shape {labels['predicted'].shape}")
    classes = classes or 1 + max(int(array.max()) for array in labels.values())
    for name, array in labels.items():
        if array.min() < 0 or array.max() >= classes:
            wrong = array[(array < 0) | (array >= classes)][0]
            refuse(name, caller, f"labels from 0 to {classes - 1}", str(wrong))
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels["y"], labels["predicted"]), 1)
    return counts


def _words(count: Any, share: float, shares: bool, both: bool) -> str:
    percent = f"{100 * share:.0f}%" if share >= 0.01 else "<1%"
    if both:
        return f"{count:,}\n{percent}"
    return percent if shares else f"{count:,}"


def _sides(ax: "Axes", names: list[str]) -> None:
    """Write the names of the classes at rows and columns, as many as fit."""
    step = -(-len(names) // _MOST_NAMES)
    shown, size = range(0, len(names), step), 9 if len(names) <= 20 else 7
    ax.set_xticks(shown, names[::step], fontsize=size)
    ax.set_yticks(shown, names[::step], fontsize=size)
    if max(map(len, names)) > 3:
        for label in ax.get_xticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    ax.grid(visible=False)
