"""Which classes a classifier takes for which others.

The look is that of `cs231n_lite.vis`, and nothing here calls ``plt.show()`` either.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cs231n_lite.plot_data import fitting_size, ink_on, refuse
from cs231n_lite.vis import WIDTH, _look

if TYPE_CHECKING:  # importing this module must not load matplotlib
    from matplotlib.axes import Axes

_MAP = "Blues"  # white where there is nothing
_INK = "#444444"
_CELL = 0.36  # of a class on the page, in inches
_SIDES = (2.4, 5.5)  # of the table, at least and at most, in inches
_WITH_BOTH = 5  # classes; with more, there is no room for count and share in a cell
_MOST_NAMES = 34  # names along a side; with more classes only some are written
_LONGEST = 24  # letters of a name; what is over is left out


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
    not outshine small ones. The number in it is the count; up to five classes, count and share. Cells of zero are left
    empty, as are all where the numbers would not fit.

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
    names = [_short(str(name)) for name in (range(len(counts)) if class_names is None else class_names)]
    with _look() as plt:
        type_size = 9 if len(names) <= 20 else 7
        beside = 0.009 * type_size * max(map(len, names))  # width of the names, in inches
        side = min(max(_CELL * len(counts), _SIDES[0]), _SIDES[1], WIDTH - beside - 1.7)
        if ax is not None:
            side = min(ax.bbox.width, ax.bbox.height) / ax.figure.dpi
        slanted = beside > side / min(len(names), _MOST_NAMES)
        if ax is None:
            below = 0.6 + (0.7 * beside if slanted else 0) + (0.25 if title else 0)
            _, ax = plt.subplots(figsize=(WIDTH, side + below), layout="compressed")
        image = ax.imshow(share, cmap=_MAP, norm=PowerNorm(0.5, 0, 1))
        words = _words(counts, share, shares)
        size = fitting_size(words.values(), side / len(counts), side / len(counts))
        for (i, j), word in words.items() if size else ():
            colour = ink_on(image.cmap(image.norm(share[i, j])))
            ax.text(j, i, word, ha="center", va="center", color=colour, fontsize=size)
        for i in range(len(counts)):
            frame: dict[str, Any] = {"fill": False, "edgecolor": _INK, "linewidth": 1.0 if len(counts) <= 20 else 0.4}
            ax.add_patch(plt.Rectangle((i - 0.5, i - 0.5), 1, 1, **frame))
        _sides(ax, names, type_size, slanted)
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
    if classes == 0:
        refuse("class_names", caller, "at least one name", "none")
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
    if classes is None:
        classes = 1 + max(int(array.max()) for array in labels.values())
    for name, array in labels.items():
        if array.min() < 0 or array.max() >= classes:
            wrong = array[(array < 0) | (array >= classes)][0]
            refuse(name, caller, f"labels from 0 to {classes - 1}", str(wrong))
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels["y"], labels["predicted"]), 1)
    return counts


def _words(counts: np.ndarray, share: np.ndarray, shares: bool) -> dict[tuple[int, ...], str]:
    """Give what stands in each cell that is not zero."""
    words = {}
    for cell, count in np.ndenumerate(counts):
        percent = f"{100 * share[cell]:.0f}%" if share[cell] >= 0.01 else "<1%"
        if count and len(counts) <= _WITH_BOTH:
            words[cell] = f"{count:,}\n{percent}"
        elif count:
            words[cell] = percent if shares else str(count)
    return words


def _short(name: str) -> str:
    """Leave out the middle of a long name: names that begin alike often end differently."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST // 2]}…{name[-(_LONGEST // 2 - 1) :]}"


def _sides(ax: "Axes", names: list[str], size: int, slanted: bool) -> None:
    """Write the names of the classes at rows and columns, as many as fit."""
    step = -(-len(names) // _MOST_NAMES)
    ax.set_xticks(range(0, len(names), step), names[::step], fontsize=size)
    ax.set_yticks(range(0, len(names), step), names[::step], fontsize=size)
    for name in ax.get_xticklabels() if slanted else ():
        name.set(rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set(visible=True, color="#DDDDDD")
