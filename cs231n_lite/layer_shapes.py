"""Whether the arrays that a convolution or a pooling layer is given fit each other; refused in words where not."""

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np


def check_conv(
    caller: str, x: np.ndarray, w: np.ndarray, b: np.ndarray, conv_param: Mapping[str, Any]
) -> tuple[int, int, int, int]:
    """Check what a convolution is given.

    Parameters
    ----------
    caller : str
        Name of the function whose parameters these are, for the message.
    x, w, b : ndarray
        Should be of shape (N, C, H, W), (F, C, HH, WW) and (F,).
    conv_param : dict
        Should have ``stride`` and ``pad``.

    Returns
    -------
    stride, pad, height, width : int
        From `conv_param`, and the size of an output image.

    Raises
    ------
    ValueError
        If something does not fit.

    Examples
    --------
    >>> x, w, b = np.zeros((5, 3, 7, 8)), np.zeros((2, 3, 3, 3)), np.zeros(2)
    >>> check_conv("conv_forward_fast", x, w, b, {"stride": 2, "pad": 1})
    (2, 1, 4, 4)
    >>> check_conv("conv_forward_fast", x, w.transpose(1, 0, 2, 3), b, {"stride": 2, "pad": 1})
    Traceback (most recent call last):
    ValueError: The w parameter of conv_forward_fast must be of shape (F, C, HH, WW) with at least one filter and as many
    channels C as x, 3. Got (3, 2, 3, 3) instead; the filters come first, then the channels.
    """
    _require_images(caller, x)
    if w.ndim != 4 or w.shape[1] != x.shape[1] or 0 in w.shape[:2]:
        _refuse(
            caller,
            "w",
            f"of shape (F, C, HH, WW) with at least one filter and as many channels C as x, {x.shape[1]}",
            w.shape,
            "the filters come first, then the channels",
        )
    if b.shape != w.shape[:1]:
        _refuse(caller, "b", f"of shape {w.shape[:1]}, one bias a filter", b.shape, "use np.zeros(len(w)) for none")
    stride, pad = (_whole(caller, "conv_param", conv_param, name, least) for name, least in (("stride", 1), ("pad", 0)))
    sizes = x.shape[2] + 2 * pad, x.shape[3] + 2 * pad
    if not (1 <= w.shape[2] <= sizes[0] and 1 <= w.shape[3] <= sizes[1]):
        _refuse(
            caller,
            "w",
            f"of filters that fit into the padded images, {sizes[0]} x {sizes[1]}",
            f"{w.shape[2]} x {w.shape[3]}",
            "use smaller filters or more padding",
        )
    return stride, pad, (sizes[0] - w.shape[2]) // stride + 1, (sizes[1] - w.shape[3]) // stride + 1


def check_pool(caller: str, x: np.ndarray, pool_param: Mapping[str, Any]) -> tuple[int, int, int]:
    """Check what a pooling layer is given; return the height and the width of the window, and the stride.

    Examples
    --------
    >>> check_pool("max_pool_forward_fast", np.zeros((5, 3, 7, 8)), {"pool_height": 2, "pool_width": 3, "stride": 2})
    (2, 3, 2)
    >>> check_pool("max_pool_forward_fast", np.zeros((5, 3, 7, 8)), {"pool_height": 9, "pool_width": 3, "stride": 2})
    Traceback (most recent call last):
    ValueError: The pool_param parameter of max_pool_forward_fast must be of a window that fits into the images, 7 x 8.
    Got 9 x 3 instead; use a smaller window.
    """
    _require_images(caller, x)
    height, width, stride = (
        _whole(caller, "pool_param", pool_param, name, 1) for name in ("pool_height", "pool_width", "stride")
    )
    if height > x.shape[2] or width > x.shape[3]:
        _refuse(
            caller,
            "pool_param",
            f"of a window that fits into the images, {x.shape[2]} x {x.shape[3]}",
            f"{height} x {width}",
            "use a smaller window",
        )
    return height, width, stride


def check_dout(caller: str, dout: np.ndarray, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless a gradient has the shape of the layer's output.

    Examples
    --------
    >>> check_dout("conv_backward_fast", np.zeros((5, 2)), (5, 2, 1, 1))
    Traceback (most recent call last):
    ValueError: The dout parameter of conv_backward_fast must be of the output's shape, (5, 2, 1, 1). Got (5, 2)
    instead; reshape it to the output's shape.
    """
    if dout.shape != shape:
        _refuse(caller, "dout", f"of the output's shape, {shape}", dout.shape, "reshape it to the output's shape")


def _require_images(caller: str, x: np.ndarray) -> None:
    if x.ndim != 4:
        _refuse(
            caller,
            "x",
            "of shape (N, C, H, W)",
            x.shape,
            "a single image (C, H, W) becomes a batch of one with x[None]",
        )


def _whole(caller: str, param: str, settings: Mapping[str, Any], name: str, least: int) -> int:
    value = settings.get(name)
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        kind = f"a whole number, {least} or above"
        _refuse(caller, param, f"a dict in which {name!r} is {kind}", repr(value), f"set {param}[{name!r}]")
    return int(value)


def _refuse(caller: str, name: str, needed: str, got: Any, advice: str) -> NoReturn:
    raise ValueError(f"The {name} parameter of {caller} must be {needed}. Got {got} instead; {advice}.")
