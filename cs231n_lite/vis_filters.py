"""What a convolution layer looks for, and where it finds it: its filters and its feature maps as images.

The look is that of `cs231n_lite.vis`, and nothing here calls ``plt.show()`` either.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from cs231n_lite.plot_data import channels_last, refuse, unit_range
from cs231n_lite.vis import WIDTH, _look, image_grid

if TYPE_CHECKING:  # importing this module must not load matplotlib
    from matplotlib.axes import Axes

_ACROSS = (8, 16)  # images in a row, at least and at most, if nobody says otherwise
_MOST = 1024  # tiles in a figure


def filters(w: Any, columns: int | None = None, *, title: str = "", ax: "Axes | None" = None) -> "Axes":
    """Show each filter of a convolution layer as an image, its number above it.

    Filters over 3 channels are shown in colour and over 1 in grey. Others have no colours: a filter is a row, with an
    image for each channel. Each filter is stretched from black to white by itself.

    Parameters
    ----------
    w : ndarray, shape (F, C, HH, WW)
        Weights of the layer.
    columns : int, optional
        Filters in a row, where C is 1 or 3; 8 to 16 by default.
    title : str
        What the figure shows.
    ax : Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    ax : Axes
        ``ax.images`` are the F filters or, where C is neither 1 nor 3, the F * C channels, filter by filter.

    Raises
    ------
    ValueError
        If `w` has another shape, holds NaN or infinite values, or makes more than 1024 images.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ax = filters(rng.normal(size=(12, 3, 5, 5)))
    >>> len(ax.images), ax.texts[-1].get_text()
    (12, '11')
    >>> len(filters(rng.normal(size=(4, 6, 3, 3))).images)
    24
    """
    w = np.asarray(w, dtype=float)
    if w.ndim != 4 or w.size == 0:
        refuse("w", "filters", "weights of shape (F, C, HH, WW)", f"shape {w.shape}")
    _finite("w", "filters", w)
    count, channels = w.shape[:2]
    tiles = count if channels in (1, 3) else count * channels
    if tiles > _MOST:
        refuse("w", "filters", f"at most {_MOST} images; show a part of it, such as w[:8, :32]", f"{tiles}")
    if channels in (1, 3):
        return image_grid(w, range(count), _across(count) if columns is None else columns, title=title, ax=ax)
    return _by_channel(unit_range(w, "each"), title, ax)


def feature_maps(
    maps: Any,
    picture: Any = None,
    columns: int | None = None,
    *,
    rescale: str = "jointly",
    title: str = "",
    ax: "Axes | None" = None,
) -> "Axes":
    """Show what each filter makes of one picture, the number of the filter above its map.

    Parameters
    ----------
    maps : ndarray, shape (C, H, W)
        What a convolution, ReLU or pooling layer put out for the picture.
    picture : ndarray, shape (3, H', W'), (1, H', W') or (H', W'), optional
        The picture itself, shown first, in the colours it has. The maps are drawn as large as the picture, whatever
        their size.
    columns : int, optional
        Images in a row; 8 to 16 by default.
    rescale : {"jointly", "each"}
        Stretch all maps from black to white by the same amount, so that a brighter spot is a larger number; or each by
        itself, which shows weak maps too.
    title : str
        What the figure shows.
    ax : Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    ax : Axes
        ``ax.images`` are the picture, if there is one, and the C maps.

    Raises
    ------
    ValueError
        If `maps` or `picture` has another shape or holds NaN or infinite values, or another parameter is unfit.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ax = feature_maps(rng.normal(size=(6, 4, 4)), picture=rng.normal(size=(3, 8, 8)))
    >>> len(ax.images), [text.get_text() for text in ax.texts]
    (7, ['picture', '0', '1', '2', '3', '4', '5'])
    """
    maps = np.asarray(maps, dtype=float)
    if maps.ndim != 3 or maps.size == 0:
        one = "; of a batch take one picture, such as maps[0]" if maps.ndim == 4 else ""
        refuse("maps", "feature_maps", f"the maps of one picture, shape (C, H, W){one}", f"shape {maps.shape}")
    _finite("maps", "feature_maps", maps)
    if rescale not in ("jointly", "each"):
        refuse("rescale", "feature_maps", "'jointly' or 'each'", repr(rescale))
    if len(maps) > _MOST:
        refuse("maps", "feature_maps", f"at most {_MOST} maps; show a part, such as maps[:64]", f"{len(maps)}")
    shown = np.repeat(unit_range(maps, rescale)[:, None], 3, axis=1)
    labels = [str(i) for i in range(len(maps))]
    if picture is not None:
        first = _colour(picture)
        shown = np.concatenate([first, _resized(shown, first.shape[2:])])
        labels.insert(0, "picture")
    # All run from 0 to 1 by now, and stretching them jointly leaves them as they are.
    return image_grid(
        shown, labels, _across(len(shown)) if columns is None else columns, rescale="jointly", title=title, ax=ax
    )


def _finite(name: str, caller: str, array: np.ndarray) -> None:
    if not np.isfinite(array).all():
        refuse(name, caller, "finite numbers", "NaN or infinite ones, such as training leaves when it diverges")


def _across(count: int) -> int:
    """Give the images in a row: all, if they are neither too few nor too many; else so many that the rows are even."""
    rows = -(-count // _ACROSS[1])
    return max(-(-count // rows), _ACROSS[0])


def _colour(picture: Any) -> np.ndarray:
    """Give a picture in the range 0 to 1, shape (1, 3, H, W)."""
    picture = np.asarray(picture, dtype=float)
    if not (picture.ndim == 2 or (picture.ndim == 3 and len(picture) in (1, 3))):
        refuse("picture", "feature_maps", "of shape (3, H, W), (1, H, W) or (H, W)", f"shape {picture.shape}")
    _finite("picture", "feature_maps", picture)
    image = unit_range(channels_last(picture[None]), "each")
    return image.transpose(0, 3, 1, 2) if image.ndim == 4 else np.repeat(image[:, None], 3, axis=1)


def _resized(images: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Draw images, shape (N, C, H, W), in another size: each pixel is the nearest one of before."""
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, images.shape[2:], strict=True))
    return images[:, :, rows[:, None], columns]


def _by_channel(w: np.ndarray, title: str, ax: "Axes | None") -> "Axes":
    """Draw a row for each filter, with an image for each channel; `w`, shape (F, C, HH, WW), runs from 0 to 1."""
    count, channels, height, width = w.shape
    across = max(channels, _ACROSS[1]) + 1  # one tile's room for the names of the rows
    with _look() as plt:
        if ax is None:
            inches = (count * height / width + 0.3) * WIDTH / across + (0.3 if title else 0)
            _, ax = plt.subplots(figsize=(WIDTH, inches), layout="constrained")
        image_grid(w.reshape(-1, height, width), columns=channels, rescale="jointly", title=title, ax=ax)
        for i in range(count):
            ax.text(-0.1, (i + 0.5) * height / width, f"filter {i}", ha="right", va="center", fontsize=8)
        ax.text(-0.1, -0.05, "channel", ha="right", va="bottom", fontsize=8)
        for j in range(channels):
            ax.text(j + 0.5, -0.05, str(j), ha="center", va="bottom", fontsize=8)
        ax.set(xlim=(-1, across - 1), ylim=(count * height / width, -0.3))
    return ax
