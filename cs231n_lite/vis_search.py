"""The trials of a hyperparameter search, drawn: scatter, marginals, heat map and parallel coordinates.

What is drawn is always the list that a search gives, ``[(params, score), ...]``. Trials whose score is NaN or
infinite are drawn as crosses, or left empty in the heat map: where runs break is worth seeing too.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cs231n_lite.plot_data import fitting_size, ink_on, refuse
from cs231n_lite.vis import COLOURS, HEIGHT, WIDTH, _look

if TYPE_CHECKING:  # importing this module must not load matplotlib
    from matplotlib.axes import Axes

Results = Sequence[tuple[Mapping[str, float], float]]
_MAP = "cividis"  # looks the same to colour-blind readers; brighter is better


def search_scatter(
    results: Results, x: str, y: str, *, log: bool = True, title: str = "", ax: "Axes | None" = None
) -> "Axes":
    """Draw each trial as a dot whose colour is its score.

    Parameters
    ----------
    results : list of (dict of str -> float, float)
        Parameters and score of each trial.
    x, y : str
        Names of the parameters along the axes.
    log : bool
        Draw both axes in powers of ten.
    title : str
        What the figure shows.
    ax : Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    ax : Axes
        ``ax.collections[0]`` are the trials with a score.

    Raises
    ------
    ValueError
        If there is no trial, or a trial has no parameter of that name.

    Examples
    --------
    >>> ax = search_scatter([({"rate": 1e-3, "reg": 0.1}, 0.4), ({"rate": 1e-2, "reg": 1.0}, 0.3)], "rate", "reg")
    >>> ax.get_xlabel(), len(ax.collections[0].get_offsets())
    ('rate', 2)
    """
    values, scores = _table(results, (x, y), "search_scatter")
    scored = np.isfinite(scores)
    with _look() as plt:
        if ax is None:
            _, ax = plt.subplots(figsize=(WIDTH, HEIGHT), layout="constrained")
        across, up = values[scored].T
        dots = ax.scatter(across, up, c=scores[scored], cmap=_MAP, s=45, edgecolors="black", linewidths=0.4)
        ax.plot(*values[~scored].T, "x", color="black")
        _scales(ax, log)
        ax.set(xlabel=x, ylabel=y, title=title)
        ax.figure.colorbar(dots, ax=ax, label="score")
    return ax


def search_marginals(
    results: Results, x: str, y: str, *, log: bool = True, title: str = "", axes: Any = None
) -> tuple["Axes", "Axes"]:
    """Draw where the trials lie and, above, the score that each reached against `x` alone.

    Ticks along the lower edge of the upper panel mark the different values of `x`: a grid of nine trials has three.

    Parameters
    ----------
    results : list of (dict of str -> float, float)
        Parameters and score of each trial.
    x, y : str
        The parameter of the upper panel and the other one.
    log : bool
        Draw the parameters in powers of ten.
    title : str
        What the figure shows.
    axes : pair of Axes, optional
        Draw here, upper and lower, instead of on a new figure.

    Returns
    -------
    upper, lower : Axes
        Score against `x`; `y` against `x`.

    Raises
    ------
    ValueError
        If there is no trial, or a trial has no parameter of that name.

    Examples
    --------
    >>> trials = [({"rate": a, "reg": b}, a) for a in (0.1, 1.0) for b in (0.1, 1.0)]
    >>> upper, lower = search_marginals(trials, "rate", "reg")
    >>> upper.get_ylabel(), lower.get_ylabel()
    ('score', 'reg')
    """
    values, scores = _table(results, (x, y), "search_marginals")
    with _look() as plt:
        if axes is None:
            _, axes = plt.subplots(2, 1, figsize=(WIDTH / 2, WIDTH / 2), sharex=True, layout="constrained")
        upper, lower = axes
        upper.plot(values[:, 0], scores, "o", color=COLOURS[0])
        for position in np.unique(values[:, 0]):
            upper.axvline(position, ymax=0.07, color=COLOURS[1], linewidth=2)
        upper.set(ylabel="score", title=title)
        lower.plot(*values.T, "o", color=COLOURS[0])
        _scales(lower, log)
        if log:
            upper.set_xscale("log")
        lower.set(xlabel=x, ylabel=y)
    return upper, lower


def search_heatmap(results: Results, x: str, y: str, *, title: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw the trials of a grid as a table of colours, with the scores written in where they fit.

    Where several trials share a cell (a third parameter), the best of them is shown.

    Parameters
    ----------
    results : list of (dict of str -> float, float)
        Parameters and score of each trial.
    x, y : str
        Names of the parameters of columns and rows.
    title : str
        What the figure shows.
    ax : Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    ax : Axes
        ``ax.images[0]`` holds the scores, a row for each value of `y`, the smallest at the bottom.

    Raises
    ------
    ValueError
        If there is no trial, or a trial has no parameter of that name.

    Examples
    --------
    >>> trials = [({"rate": a, "reg": b}, a + b) for a in (0.1, 0.2, 0.3) for b in (0.1, 0.2)]
    >>> search_heatmap(trials, "rate", "reg").images[0].get_array().shape
    (2, 3)
    """
    values, scores = _table(results, (x, y), "search_heatmap")
    (xs, column), (ys, row) = (np.unique(v, return_inverse=True) for v in values.T)
    table = np.full((len(ys), len(xs)), np.nan)
    for i, j, score in zip(row, column, scores, strict=True):
        table[i, j] = np.fmax(table[i, j], score)
    with _look() as plt:
        if ax is None:
            _, ax = plt.subplots(figsize=(WIDTH, HEIGHT), layout="constrained")
        image = ax.imshow(table, cmap=_MAP, aspect="auto", origin="lower")
        width, height = (side / ax.figure.dpi for side in (ax.bbox.width, ax.bbox.height))  # before the layout is made
        size = fitting_size((f"{score:.2f}" for score in table.flat), width / len(xs), height / len(ys))
        for (i, j), score in np.ndenumerate(table) if size else ():
            colour = ink_on(image.cmap(image.norm(score))) if np.isfinite(score) else "black"
            ax.text(j, i, f"{score:.2f}", ha="center", va="center", color=colour, fontsize=size)
        for values, ticks, most in ((xs, ax.set_xticks, 10), (ys, ax.set_yticks, 14)):
            step = -(-len(values) // most)
            ticks(range(0, len(values), step), [f"{v:.2g}" for v in values[::step]])
        ax.grid(visible=False)
        ax.set(xlabel=x, ylabel=y, title=title)
        ax.figure.colorbar(image, ax=ax, label="score")
    return ax


def parallel_coordinates(results: Results, names: Sequence[str] | None = None, *, title: str = "") -> "Axes":
    """Draw each trial as a line across one vertical axis for each parameter, and one for the score.

    Parameters run in powers of ten from their smallest value (below) to their largest; lines with a high score are
    drawn last and brightest.

    Parameters
    ----------
    results : list of (dict of str -> float, float)
        Parameters, all above 0, and score of each trial. Trials without a finite score are left out.
    names : sequence of str, optional
        Parameters to show, from left to right; all of the first trial by default.
    title : str
        What the figure shows.

    Returns
    -------
    ax : Axes
        ``ax.lines`` are the trials, the worst first.

    Raises
    ------
    ValueError
        If there is no trial with a score, or a trial has no parameter of that name.

    Examples
    --------
    >>> ax = parallel_coordinates([({"rate": 1e-3, "reg": 0.1}, 0.4), ({"rate": 1e-2, "reg": 1.0}, 0.3)])
    >>> len(ax.lines), [label.get_text() for label in ax.get_xticklabels()]
    (2, ['rate', 'reg', 'score'])
    """
    results = [r for r in results if np.isfinite(r[1])]
    names = list(names if names is not None else results[0][0] if results else [])
    values, scores = _table(results, names, "parallel_coordinates")
    columns = np.column_stack([np.log10(values), scores])
    low, high = columns.min(axis=0), columns.max(axis=0)
    heights = (columns - low) / np.where(high > low, high - low, 1.0)
    with _look() as plt:
        _, ax = plt.subplots(figsize=(WIDTH, HEIGHT), layout="constrained")
        for i in np.argsort(scores):
            ax.plot(heights[i], color=plt.get_cmap(_MAP)(heights[i, -1]), alpha=0.9)
        for j, (a, b) in enumerate(zip(low, high, strict=True)):
            ends = (f"{a:.2f}", f"{b:.2f}") if j == len(names) else (f"{10**a:.1e}", f"{10**b:.1e}")
            ax.text(j, -0.04, ends[0], ha="center", va="top", fontsize=8)
            ax.text(j, 1.04, ends[1], ha="center", va="bottom", fontsize=8)
        ax.set_xticks(range(len(names) + 1), [*names, "score"])
        ax.tick_params(axis="x", length=0)
        ax.set(ylim=(-0.15, 1.15), yticks=[], title=title)
        ax.grid(visible=False)
        ax.vlines(range(len(names) + 1), 0, 1, color="black", linewidth=1.0, zorder=1)
        ax.spines[["left", "bottom"]].set_visible(False)
    return ax


def _table(results: Results, names: Sequence[str], caller: str) -> tuple[np.ndarray, np.ndarray]:
    """Give the named parameters of all trials, shape (trials, names), and their scores; refuse what has none."""
    if not len(results):
        refuse("results", caller, "at least one pair (params, score)", "none")
    for name in names:
        missing = [params for params, _ in results if name not in params]
        if missing:
            refuse(
                "results", caller, f"trials with a parameter {name!r}", f"one with {', '.join(missing[0]) or 'none'}"
            )
    values = np.array([[float(params[name]) for name in names] for params, _ in results])
    return values, np.array([float(score) for _, score in results])


def _scales(ax: "Axes", log: bool) -> None:
    if log:
        ax.set(xscale="log", yscale="log")
