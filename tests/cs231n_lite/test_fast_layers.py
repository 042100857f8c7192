import numpy as np
import pytest

from cs231n_lite import im2col, winograd
from cs231n_lite.fast_layers import (
    conv_backward_fast,
    conv_forward_fast,
    max_pool_backward_fast,
    max_pool_forward_fast,
)
from cs231n_lite.gradient_check import numerical_gradient


def padded(x, pad):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))


def conv_by_loops(x, w, b, dout, stride, pad):
    """The definition, one output number at a time: out, dx, dw and db."""
    x = padded(x, pad)
    out, dx, dw, db = np.zeros_like(dout), np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
    for n, f, i, j in np.ndindex(dout.shape):
        window = n, slice(None), slice(i * stride, i * stride + w.shape[2]), slice(j * stride, j * stride + w.shape[3])
        out[n, f, i, j] = (x[window] * w[f]).sum() + b[f]
        dx[window] += w[f] * dout[n, f, i, j]
        dw[f] += x[window] * dout[n, f, i, j]
        db[f] += dout[n, f, i, j]
    return out, dx[:, :, pad : x.shape[2] - pad, pad : x.shape[3] - pad], dw, db


def pool_by_loops(x, dout, height, width, stride):
    """The definition, one window at a time: out and dx; argmax takes the first of equals."""
    out, dx = np.zeros_like(dout), np.zeros_like(x)
    for n, c, i, j in np.ndindex(dout.shape):
        window = x[n, c, i * stride : i * stride + height, j * stride : j * stride + width]
        row, column = np.unravel_index(window.argmax(), window.shape)
        out[n, c, i, j] = window[row, column]
        dx[n, c, i * stride + row, j * stride + column] += dout[n, c, i, j]
    return out, dx


CONVOLUTIONS = {
    "a single number": ((1, 1, 1, 1), (1, 1, 1, 1), 1, 0),
    "nothing square": ((2, 3, 5, 7), (4, 3, 3, 2), 1, 0),
    "the last step does not fit": ((3, 2, 8, 5), (5, 2, 3, 3), 2, 1),
    "one row high": ((1, 4, 6, 9), (2, 4, 1, 4), 3, 2),
    "as large as the image": ((5, 1, 7, 7), (3, 1, 7, 7), 1, 0),
    "windows with gaps": ((2, 2, 4, 9), (3, 2, 2, 2), 4, 0),
    "windows of padding alone": ((2, 1, 3, 4), (2, 1, 2, 2), 1, 3),
    "whole tiles": ((3, 2, 8, 4), (4, 2, 3, 3), 1, 1),
    "tiles that are not full": ((2, 3, 7, 9), (2, 3, 3, 3), 1, 1),
    "one image, one channel, one filter": ((1, 1, 6, 5), (1, 1, 3, 3), 1, 0),
    "one output": ((3, 2, 3, 3), (2, 2, 3, 3), 1, 0),
    "tiles of padding alone": ((2, 2, 1, 2), (3, 2, 3, 3), 1, 5),
}


@pytest.fixture(params=["as chosen", "minimal filtering"])
def way(request, monkeypatch):
    """Convolve as `conv_forward_fast` chooses, and by minimal filtering wherever that can be done."""
    if request.param == "minimal filtering":
        monkeypatch.setattr(winograd, "pays", lambda w, stride, *_: w.shape[2:] == (3, 3) and stride == 1)


@pytest.fixture(params=CONVOLUTIONS.values(), ids=CONVOLUTIONS.keys())
def convolution(request):
    """Give x, w, b, conv_param and a gradient of the right shape."""
    x_shape, w_shape, stride, pad = request.param
    rng = np.random.default_rng(3)
    sizes = [(x_shape[k] + 2 * pad - w_shape[k]) // stride + 1 for k in (2, 3)]
    x, w, b = rng.normal(size=x_shape), rng.normal(size=w_shape), rng.normal(size=w_shape[0])
    return x, w, b, {"stride": stride, "pad": pad}, rng.normal(size=(x_shape[0], w_shape[0], *sizes))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("part_bytes", [1, 2000, 10**9])  # one image at a time, some, all
def test_convolution_equals_the_loops(convolution, part_bytes, monkeypatch):
    monkeypatch.setattr(im2col, "_PART_BYTES", part_bytes)
    x, w, b, conv_param, dout = convolution
    out, cache = conv_forward_fast(x, w, b, conv_param)
    found = out, *conv_backward_fast(dout, cache)
    for fast, slow in zip(found, conv_by_loops(x, w, b, dout, **conv_param), strict=True):
        assert fast.shape == slow.shape
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-10)


@pytest.mark.usefixtures("way")
def test_the_gradient_of_the_images_can_be_left_out(convolution):
    x, w, b, conv_param, dout = convolution
    _, cache = conv_forward_fast(x, w, b, conv_param)
    _, *expected = conv_backward_fast(dout, cache)
    dx, *found = conv_backward_fast(dout, cache, need_dx=False)
    assert dx is None
    for array, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(array, other)


def test_a_batch_is_cut_into_parts_of_which_the_last_is_shorter(monkeypatch):
    monkeypatch.setattr(im2col, "_PART_BYTES", 300)
    assert list(im2col.parts(7, 100)) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert list(im2col.parts(0, 100)) == []


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("w_shape", "stride"), [((2, 3, 3, 2), 2), ((2, 3, 3, 3), 1)])
def test_the_gradients_of_a_convolution_are_those_that_differences_show(w_shape, stride):
    rng = np.random.default_rng(8)
    x, w, b = rng.normal(size=(2, 3, 5, 4)), rng.normal(size=w_shape), rng.normal(size=2)
    conv_param = {"stride": stride, "pad": 1}
    out, cache = conv_forward_fast(x, w, b, conv_param)
    dout = rng.normal(size=out.shape)
    dx, dw, db = conv_backward_fast(dout, cache)
    for point, gradient, function in (
        (x, dx, lambda x: conv_forward_fast(x, w, b, conv_param)[0]),
        (w, dw, lambda w: conv_forward_fast(x, w, b, conv_param)[0]),
        (b, db, lambda b: conv_forward_fast(x, w, b, conv_param)[0]),
    ):
        np.testing.assert_allclose(gradient, numerical_gradient(function, point, dout), atol=1e-8)


# --- which way is taken, and what minimal filtering costs in digits


def draw(x_shape, w_shape, dtype=np.float64):
    """Draw x, w, b and a gradient, for a stride of one and a frame of one."""
    rng = np.random.default_rng(7)
    shapes = x_shape, w_shape, w_shape[:1], (x_shape[0], w_shape[0], *x_shape[2:])
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def there_and_back(x, w, b, dout):
    """Give out, dx, dw and db, for a stride of one and a frame of one."""
    out, cache = conv_forward_fast(x, w, b, {"stride": 1, "pad": 1})
    return out, *conv_backward_fast(dout, cache)


TAKEN = ((1, 32, 7, 8), (16, 32, 3, 3), 1, np.float32)


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "stride", "dtype", "taken"),
    [
        (*TAKEN, True),
        (*TAKEN[:3], np.float64, True),
        ((64, 32, 16, 16), (64, 32, 3, 3), 1, np.float32, True),
        ((1, 32, 3, 4), *TAKEN[1:], True),  # three quarters of a tile
        ((1, 32, 3, 3), *TAKEN[1:], False),
        ((9, 32, 5, 5), *TAKEN[1:], False),
        ((9, 31, 8, 8), (16, 31, 3, 3), 1, np.float32, False),
        (TAKEN[0], (15, 32, 3, 3), 1, np.float32, False),
        (TAKEN[0], (16, 32, 3, 1), 1, np.float32, False),
        (TAKEN[0], (16, 32, 5, 5), 1, np.float32, False),
        (TAKEN[0], TAKEN[1], 2, np.float32, False),
        (*TAKEN[:3], np.float16, False),
        (*TAKEN[:3], np.int64, False),
    ],
)
def test_minimal_filtering_is_taken_where_it_pays(x_shape, w_shape, stride, dtype, taken, monkeypatch):
    calls = []

    def spy(name):
        real = getattr(winograd, name)
        monkeypatch.setattr(winograd, name, lambda *arguments: calls.append(name) or real(*arguments))

    spy("forward")
    spy("backward")
    x, w, b = (np.ones(shape, dtype) for shape in (x_shape, w_shape, w_shape[:1]))
    out, cache = conv_forward_fast(x, w, b, {"stride": stride, "pad": 1})
    conv_backward_fast(out, cache)
    assert calls == (["forward", "backward"] if taken else [])


@pytest.mark.parametrize("num_images", [0, 1, 3])
def test_where_it_is_taken_it_equals_the_loops(num_images):
    given = draw((num_images, 40, 15, 11), (20, 40, 3, 3))
    assert winograd.pays(given[1], 1, 15, 11, given[1].dtype)
    for fast, slow in zip(there_and_back(*given), conv_by_loops(*given, stride=1, pad=1), strict=True):
        assert fast.shape == slow.shape
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("channels", "size"), [(32, 16), (256, 8)])
def test_in_float32_it_keeps_five_digits_of_the_largest_number(channels, size):
    given = draw((8, channels, size, size), (64, channels, 3, 3), np.float32)
    exact = there_and_back(*(array.astype(np.float64) for array in given))
    for array, expected in zip(there_and_back(*given), exact, strict=True):
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("points", [(0, 1, -1), (0, 1, -1, 0.5, -2), (3, -2)])
def test_the_sums_of_any_points_filter_and_spread(points):
    A, G, B = winograd.transforms(points)
    rng = np.random.default_rng(4)
    d, g, dy = rng.normal(size=len(points) + 1), rng.normal(size=3), rng.normal(size=len(points) - 1)
    np.testing.assert_allclose(A.T @ ((G @ g) * (B.T @ d)), np.correlate(d, g), atol=1e-12)
    np.testing.assert_allclose(B @ ((G @ g) * (A @ dy)), np.convolve(dy, g), atol=1e-12)


POOLS = {
    "tiles": ((3, 2, 6, 8), 2, 2, 2),
    "tiles that are not square": ((2, 3, 6, 6), 3, 2, 3),
    "overlapping": ((2, 3, 7, 9), 3, 3, 2),
    "overlapping, not square": ((1, 2, 6, 5), 4, 2, 1),
    "the last step does not fit": ((2, 1, 7, 5), 2, 2, 2),
    "gaps": ((2, 2, 9, 8), 2, 1, 3),
    "the whole image": ((4, 1, 3, 5), 3, 5, 1),
    "single numbers": ((1, 1, 2, 3), 1, 1, 1),
}


@pytest.fixture(params=POOLS.values(), ids=POOLS.keys())
def pool(request):
    """Give the shape of x, pool_param and a gradient of the right shape."""
    shape, height, width, stride = request.param
    sizes = (shape[2] - height) // stride + 1, (shape[3] - width) // stride + 1
    dout = np.random.default_rng(4).normal(size=(*shape[:2], *sizes))
    return shape, {"pool_height": height, "pool_width": width, "stride": stride}, dout


@pytest.mark.parametrize("part_bytes", [1, 700, 10**9])
@pytest.mark.parametrize("ties", [False, True])
def test_pooling_equals_the_loops_and_gives_the_first_of_equals_the_gradient(pool, ties, part_bytes, monkeypatch):
    monkeypatch.setattr(im2col, "_PART_BYTES", part_bytes)
    shape, pool_param, dout = pool
    rng = np.random.default_rng(6)
    x = rng.integers(-2, 1, shape).astype(float) if ties else rng.normal(size=shape) - 3.0
    out, cache = max_pool_forward_fast(x, pool_param)
    dx = max_pool_backward_fast(dout, cache)
    slow_out, slow_dx = pool_by_loops(x, dout, *(pool_param[k] for k in ("pool_height", "pool_width", "stride")))
    np.testing.assert_array_equal(out, slow_out)
    np.testing.assert_allclose(dx, slow_dx, rtol=0, atol=1e-12)
    assert dx.shape == shape
    np.testing.assert_allclose(dx.sum(), dout.sum(), atol=1e-10)


def test_the_gradient_of_pooling_is_what_differences_show():
    rng = np.random.default_rng(9)
    x = rng.permutation(2 * 2 * 5 * 7).reshape(2, 2, 5, 7).astype(float)  # no ties, and no two within a nudge
    pool_param = {"pool_height": 3, "pool_width": 2, "stride": 2}
    out, cache = max_pool_forward_fast(x, pool_param)
    dout = rng.normal(size=out.shape)
    expected = numerical_gradient(lambda x: max_pool_forward_fast(x, pool_param)[0], x, dout)
    np.testing.assert_allclose(max_pool_backward_fast(dout, cache), expected, atol=1e-8)


def test_a_maximum_that_is_not_a_number_is_seen():
    x = np.ones((1, 1, 2, 4))
    x[0, 0, 1, 2] = np.nan
    out, _ = max_pool_forward_fast(x, {"pool_height": 2, "pool_width": 2, "stride": 2})
    np.testing.assert_array_equal(out, [[[[1.0, np.nan]]]])


# --- what a layer must leave alone


def layers(x, w, b):
    """Run both layers there and back; give all that comes out."""
    out, cache = conv_forward_fast(x, w, b, {"stride": 1, "pad": 1})
    pooled, pool_cache = max_pool_forward_fast(out, {"pool_height": 2, "pool_width": 2, "stride": 2})
    dout = max_pool_backward_fast(pooled, pool_cache)
    return out, pooled, dout, *conv_backward_fast(dout, cache)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_images", [0, 1, 3])
def test_dtypes_and_shapes_are_kept_and_arguments_left_alone(dtype, num_images):
    rng = np.random.default_rng(2)
    given = [rng.normal(size=shape).astype(dtype) for shape in ((num_images, 3, 5, 6), (4, 3, 3, 3), (4,))]
    copies = [array.copy() for array in given]
    found = layers(*given)
    assert {array.dtype for array in found} == {np.dtype(dtype)}
    assert [array.shape for array in found[3:]] == [array.shape for array in given]
    assert found[1].shape == (num_images, 4, 2, 3)
    for array, copy in zip(given, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    for array, again in zip(found, layers(*given), strict=True):
        np.testing.assert_array_equal(array, again)
    for array, exact in zip(found, layers(*(array.astype(float) for array in given)), strict=True):
        np.testing.assert_allclose(array, exact, rtol=2e-4, atol=2e-4)


def test_whole_numbers_are_not_what_the_result_is_rounded_to():
    out, cache = conv_forward_fast(
        np.ones((1, 1, 1, 1)), np.array([[[[2]]]]), np.array([0.25]), {"stride": 1, "pad": 0}
    )
    np.testing.assert_array_equal(out, [[[[2.25]]]])
    dx, _, _ = conv_backward_fast(np.array([[[[0.5]]]]), cache)
    np.testing.assert_array_equal(dx, [[[[1.0]]]])


@pytest.mark.usefixtures("way")
def test_an_array_in_another_order_in_memory_gives_the_same():
    rng = np.random.default_rng(5)
    x, w, b = rng.normal(size=(3, 6, 5, 2)).transpose(0, 3, 2, 1), rng.normal(size=(3, 3, 2, 4)).T, rng.normal(size=4)
    for array, plain in zip(layers(x, w, b), layers(x.copy(), w.copy(), b), strict=True):
        np.testing.assert_allclose(array, plain, atol=1e-12)


# --- misuse, in words

X, W, B = np.zeros((2, 3, 5, 6)), np.zeros((4, 3, 3, 2)), np.zeros(4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": X[0]}, r"The x .* must be of shape \(N, C, H, W\)\. Got \(3, 5, 6\) instead; .* with x\[None\]"),
        ({"w": W[:, :2]}, r"The w .* as many channels C as x, 3\. Got \(4, 2, 3, 2\) instead; the filters come first"),
        ({"w": W[0]}, r"The w .* of shape \(F, C, HH, WW\).* Got \(3, 3, 2\) instead"),
        ({"w": W[:0]}, r"The w .* with at least one filter .* Got \(0, 3, 3, 2\) instead"),
        ({"b": B[:3]}, r"The b .* must be of shape \(4,\), one bias a filter\. Got \(3,\) instead; use np\.zeros"),
        (
            {"conv_param": {"stride": 0, "pad": 1}},
            r"'stride' is a whole number, 1 or above\. Got 0 instead; set conv_p",
        ),
        ({"conv_param": {"stride": 1, "pad": -1}}, r"'pad' is a whole number, 0 or above\. Got -1 instead; set conv_p"),
        (
            {"conv_param": {"pad": 1}},
            r"'stride' is a whole number, 1 or above\. Got None instead; set conv_param\['str",
        ),
        ({"conv_param": {"stride": 1, "pad": 0.5}}, r"'pad' is a whole number, 0 or above\. Got 0\.5 instead"),
        ({"conv_param": {"stride": True, "pad": 0}}, r"'stride' is a whole number, 1 or above\. Got True instead"),
        ({"w": np.zeros((4, 3, 6, 2))}, r"fit into the padded images, 5 x 6\. Got 6 x 2 instead; use smaller filters"),
    ],
)
def test_a_convolution_that_does_not_fit_is_refused(changed, message):
    arguments = {"x": X, "w": W, "b": B, "conv_param": {"stride": 1, "pad": 0}} | changed
    with pytest.raises(ValueError, match=message) as caught:
        conv_forward_fast(**arguments)
    assert "parameter of conv_forward_fast must be" in str(caught.value)


@pytest.mark.parametrize(
    ("x", "pool_param", "message"),
    [
        (
            X[0],
            {"pool_height": 2, "pool_width": 2, "stride": 2},
            r"The x parameter of max_pool_forward_fast .* \(3, 5, 6\)",
        ),
        (
            X,
            {"pool_height": 2, "stride": 2},
            r"The pool_param .* 'pool_width' is a whole number, 1 or above\. Got None",
        ),
        (
            X,
            {"pool_height": 2, "pool_width": 7, "stride": 2},
            r"fits into the images, 5 x 6\. Got 2 x 7 instead; use a",
        ),
        (
            X,
            {"pool_height": 2, "pool_width": 2, "stride": 0},
            r"'stride' is a whole number, 1 or above\. Got 0 instead",
        ),
    ],
)
def test_a_window_that_does_not_fit_is_refused(x, pool_param, message):
    with pytest.raises(ValueError, match=message):
        max_pool_forward_fast(x, pool_param)


def test_a_gradient_of_another_shape_is_refused():
    out, cache = conv_forward_fast(X, W, B, {"stride": 1, "pad": 0})
    message = r"The dout parameter of conv_backward_fast must be .* \(2, 4, 3, 5\)\. Got \(2, 60\) instead; reshape it"
    with pytest.raises(ValueError, match=message):
        conv_backward_fast(out.reshape(2, -1), cache)
    out, cache = max_pool_forward_fast(X, {"pool_height": 2, "pool_width": 2, "stride": 2})
    message = r"The dout parameter of max_pool_backward_fast must be .* \(2, 3, 2, 3\)\. Got \(2, 18\) instead; reshape"
    with pytest.raises(ValueError, match=message):
        max_pool_backward_fast(out.reshape(2, -1), cache)
