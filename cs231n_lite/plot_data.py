"""What the plots of `vis` check and work out before anything is drawn: curves with names, images from black to white."""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np


def named_curves(curves: Iterable[Any], x: Any) -> list[tuple[str | None, np.ndarray]]:
    """List the curves that `plot_curves` was given, each with its label, or None.

    Parameters
    ----------
    curves : iterable of sequence of float, or of dict of label -> sequence of float
    x : sequence of float or None
        Positions that each curve must fit.

    Returns
    -------
    named : list of (str or None, ndarray of float64, shape (number of points,))

    Raises
    ------
    ValueError
        If there is no curve, or a curve is not one-dimensional or not as long as `x`.

    Examples
    --------
    >>> named_curves([{"slow": [3, 2]}, [1, 0]], x=None)
    [('slow', array([3., 2.])), (None, array([1., 0.]))]
    """
    named: list[tuple[str | None, np.ndarray]] = []
    for item in curves:
        pairs = item.items() if isinstance(item, Mapping) else [(None, item)]
        named += [(label, np.asarray(values, dtype=float)) for label, values in pairs]
    if not named:
        refuse("curves", "plot_curves", "at least one curve", "none")
    for _, values in named:
        if values.ndim != 1 or (x is not None and len(x) != len(values)):
            needed = "one-dimensional" if x is None else f"as long as x, shape ({len(x)},)"
            refuse("curves", "plot_curves", needed, f"an array of shape {values.shape}")
    return named


def channels_last(images: Any) -> np.ndarray:
    """Lay images out as matplotlib wants them.

    Parameters
    ----------
    images : ndarray, shape (N, 3, H, W), (N, 1, H, W) or (N, H, W)

    Returns
    -------
    images : ndarray of float64, shape (N, H, W, 3) or (N, H, W)

    Raises
    ------
    ValueError
        If `images` has another shape, or holds none, NaN or infinite values.

    Examples
    --------
    >>> channels_last(np.zeros((2, 3, 4, 5))).shape, channels_last(np.zeros((2, 1, 4, 5))).shape
    ((2, 4, 5, 3), (2, 4, 5))
    """
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[1] == 3:
        images = images.transpose(0, 2, 3, 1)
    elif images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    elif images.ndim != 3:
        refuse("images", "image_grid", "of shape (N, 3, H, W), (N, 1, H, W) or (N, H, W)", f"shape {images.shape}")
    if images.size == 0 or not np.isfinite(images).all():
        what = f"shape {images.shape}" if images.size == 0 else "NaN or infinite values"
        refuse("images", "image_grid", "at least one image of finite numbers", what)
    return images.astype(float)


def unit_range(images: np.ndarray, rescale: str) -> np.ndarray:
    """Stretch images to the range 0 to 1, each by itself or all alike; an image of one value becomes black.

    Parameters
    ----------
    images : ndarray of float64, the first axis counts them
    rescale : {"each", "jointly"}

    Returns
    -------
    images : ndarray of float64, of the same shape

    Raises
    ------
    ValueError
        If `rescale` is another.

    Examples
    --------
    >>> unit_range(np.array([[[10.0, 30.0]], [[20.0, 50.0]]]), "jointly").tolist()
    [[[0.0, 0.5]], [[0.25, 1.0]]]
    """
    if rescale not in ("each", "jointly"):
        refuse("rescale", "image_grid", "'each' or 'jointly'", repr(rescale))
    axes = tuple(range(1, images.ndim)) if rescale == "each" else None
    low, high = images.min(axis=axes, keepdims=True), images.max(axis=axes, keepdims=True)
    return (images - low) / np.where(high > low, high - low, 1.0)


def templates(W1: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Give the columns of W1, shape (D, H), as H images of this shape; raise ValueError where they are none.

    Examples
    --------
    >>> templates(np.zeros((12, 5)), (3, 2, 2)).shape
    (5, 3, 2, 2)
    """
    W1 = np.asarray(W1)
    if W1.ndim != 2 or len(W1) != np.prod(shape):
        needed = f"an array of shape ({np.prod(shape)}, number of hidden units), for images of shape {tuple(shape)}"
        refuse("W1", "weight_templates", needed, f"shape {W1.shape}")
    return W1.T.reshape(-1, *shape)


def fitting_size(words: Iterable[str], width: float, height: float) -> float:
    """Give the size of type, in points, in which all words fit a cell of so many inches; 0 if none can be read.

    Examples
    --------
    >>> fitting_size(["0.25", "0.50"], 0.7, 0.3), fitting_size(["0.25", "0.50"], 0.1, 0.1)
    (9.0, 0.0)
    """
    letters = max((len(line) for word in words for line in word.split("\n")), default=1)
    size = min(9.0, 72 * 0.9 * width / (0.64 * letters), 72 * 0.6 * height)  # a digit is 0.64 of its size wide
    return size if size >= 5.0 else 0.0


def ink_on(colour: Any) -> str:
    """Say whether black or white is easier to read on a colour (red, green, blue, ... from 0 to 1).

    Their contrast ratios, by W3C's Web Content Accessibility Guidelines, are equal where the luminance is 0.179, and
    the larger of the two is never below 4.58.

    Examples
    --------
    >>> ink_on((1.0, 0.9, 0.2)), ink_on((0.0, 0.3, 0.6))
    ('black', 'white')
    """
    return "black" if luminance(colour[:3]) > 0.179 else "white"


def luminance(rgb: Any) -> Any:
    """Give how bright sRGB colours are, shape (..., 3), from 0 (black) to 1 (white).

    Examples
    --------
    >>> float(luminance((0.5, 0.5, 0.5)).round(3))
    0.214
    """
    rgb = np.asarray(rgb, dtype=float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def refuse(name: str, caller: str, needed: str, came: str) -> NoReturn:
    """Raise ValueError for the parameter `name` of `caller`.

    Examples
    --------
    >>> refuse("columns", "image_grid", "a whole number above 0", "0")
    Traceback (most recent call last):
    ValueError: The columns parameter of image_grid must be a whole number above 0. Got 0 instead.
    """
    raise ValueError(f"The {name} parameter of {caller} must be {needed}. Got {came} instead.")
