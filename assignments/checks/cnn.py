"""The questions of `cnn`: how each is observed, what it is worth, how it goes wrong."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from autograder.model import Case
from autograder.questions import question

GIVEN = {"two_layer_net": ("affine_forward", "affine_backward", "relu_forward", "relu_backward", "softmax_loss")}

# ---------------------------------------------------------------------------- conv_output_size


def output_size_inputs(rng):
    """Padding that keeps the size, steps that fit and steps that do not; sizes that differ from draw to draw."""
    keep = int(rng.integers(1, 4))
    for label, size, field, stride, pad in [
        ("padding that keeps the size", int(rng.integers(20, 40)), 2 * keep + 1, 1, keep),
        ("no padding", int(rng.integers(20, 40)), int(rng.integers(2, 7)), 1, 0),
        ("steps of two that fit", 2 * int(rng.integers(10, 20)) + 1, 5, 2, 3),
        ("a last step that nearly fits", 4 * int(rng.integers(8, 12)) + 4, 5, 4, 2),  # so `round` rounds up
        ("a last step that hardly begins", 4 * int(rng.integers(8, 12)) + 2, 5, 4, 2),  # and down
        ("a field as large as the picture", 11, 11, 3, 0),
    ]:
        yield Case(label, {"size": size, "field": field, "stride": stride, "pad": pad})


@question(points={"size": 6}, draw=output_size_inputs)
def conv_output_size(student, size, field, stride, pad):
    return {"size": np.array(student.conv_output_size(size, field, stride, pad), dtype=float)}


def _size(function):
    """Make a variant of conv_output_size from a function of size, field, stride, pad."""
    return {"conv_output_size": lambda size, field, stride=1, pad=0: function(size, field, stride, pad)}


@conv_output_size.correct_variant
def one_added_last(reference):
    return _size(lambda n, k, s, p: (n - k + 2 * p) // s + 1)


@conv_output_size.correct_variant
def counted(reference):
    return _size(lambda n, k, s, p: len([i for i in range(0, n + 2 * p, s) if i + k <= n + 2 * p]))


@conv_output_size.correct_variant
def rounded_down_by_numpy(reference):
    return _size(lambda n, k, s, p: np.floor((n + 2 * p - k) / s) + 1)


@conv_output_size.correct_variant
def one_inside_the_division(reference):
    return _size(lambda n, k, s, p: int((n + 2 * p - k + s) / s))


@conv_output_size.misconception
def one_forgotten(reference):
    """One is missing: the window has a first place before it takes any step, so the number of places is steps + 1."""
    return _size(lambda n, k, s, p: (n + 2 * p - k) // s)


@conv_output_size.misconception
def one_too_many(reference):
    """There is one place too many: the number of places is the number of steps and one, for the place before the first step."""
    return _size(lambda n, k, s, p: 2 + (n + 2 * p - k) // s)


@conv_output_size.misconception
def padding_counted_once(reference):
    """The padding is counted once; it is added on both sides, `size + 2 * pad`."""
    return _size(lambda n, k, s, p: 1 + (n + p - k) // s)


@conv_output_size.misconception
def padding_not_counted(reference):
    """The padding is not counted: the window moves over `size + 2 * pad` places."""
    return _size(lambda n, k, s, p: 1 + (n - k) // s)


@conv_output_size.misconception
def stride_not_used(reference):
    """The stride is not used: divide the room the window has, `size + 2 * pad - field`, by the stride."""
    return _size(lambda n, k, s, p: 1 + n + 2 * p - k)


@conv_output_size.misconception
def rounded_up(reference):
    """Where the last step does not fit, the window stops before it: round down, not up."""
    return _size(lambda n, k, s, p: 1 - (-(n + 2 * p - k) // s))


@conv_output_size.correct_variant
def places_tried_one_by_one(reference):
    def places(n, k, s, p):
        count = 0
        while count * s + k <= n + 2 * p:
            count += 1
        return count

    return _size(places)


@conv_output_size.misconception
def rounded_to_the_nearest(reference):
    """The number of steps is rounded to the nearest: a step that fits only in part is no step, so round down with `//`."""
    return _size(lambda n, k, s, p: round((n + 2 * p - k) / s) + 1)


@conv_output_size.misconception
def not_rounded(reference):
    """Half a place is no place: where the last step does not fit, round down with `//`."""
    return _size(lambda n, k, s, p: 1 + (n + 2 * p - k) / s)


@conv_output_size.misconception
def field_not_subtracted(reference):
    """The size of the field is not subtracted: the window must lie inside, so it has `size + 2 * pad - field` to move."""
    return _size(lambda n, k, s, p: 1 + (n + 2 * p - 1) // s)


# -------------------------------------------------------------------------- conv_forward_naive


def conv_inputs(rng):
    """Nothing square; steps, padding, even fields; one pixel a field; one image, one channel, each with others and alone."""
    for label, n, c, h, width, f, hh, ww, stride, pad in [
        ("not square, padding 1", 3, 2, 6, 9, 4, 3, 2, 1, 1),
        ("steps of two, no padding", 2, 3, 9, 6, 5, 3, 4, 2, 0),
        ("one image, steps of two, padding 2", 1, 2, 5, 8, 3, 3, 2, 2, 2),
        ("one image, fields of one pixel, steps of three", 1, 4, 7, 4, 3, 1, 1, 3, 0),
        ("more pictures than rows, one channel", 6, 1, 4, 5, 3, 3, 2, 1, 0),
    ]:
        inputs = {
            "x": rng.normal(size=(n, c, h, width)),
            "w": rng.normal(size=(f, c, hh, ww)),
            "b": rng.normal(1.0, 1.0, f),
            "stride": stride,
            "pad": pad,
        }
        yield Case(label, inputs, {"N": n, "C": c, "F": f})


def _padded(x, pad):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))


def _fields(x, size, stride):
    """All windows of images, (N, C, H', W', HH, WW)."""
    return sliding_window_view(x, size, axis=(2, 3))[:, :, ::stride, ::stride]


def _conv(x, w, b, stride, pad):
    scores = np.einsum("nchvij,fcij->nfhv", _fields(_padded(x, pad), w.shape[2:], stride), w)
    return scores + b[:, None, None]


def _naive(function, name="conv_forward_naive"):
    """Make a variant of a forward convolution from a function of x, w, b, stride, pad."""

    def forward(x, w, b, conv_param):
        return function(x, w, b, conv_param["stride"], conv_param["pad"]), (x, w, b, conv_param)

    return {name: forward}


def _loops(x, w, b, stride, pad):
    xp = _padded(x, pad)
    rows, columns = (1 + (xp.shape[a] - w.shape[a]) // stride for a in (2, 3))
    out = np.zeros((len(x), len(w), rows, columns))
    for n, f, i, j in np.ndindex(out.shape):
        top, left = i * stride, j * stride
        out[n, f, i, j] = (xp[n, :, top : top + w.shape[2], left : left + w.shape[3]] * w[f]).sum() + b[f]
    return out


def _offsets(x, w, b, stride, pad):
    """One step for each entry of the field."""
    xp = _padded(x, pad)
    rows, columns = (1 + (xp.shape[a] - w.shape[a]) // stride for a in (2, 3))
    out = np.zeros((len(x), len(w), rows, columns)) + b.reshape(1, -1, 1, 1)
    for i, j in np.ndindex(w.shape[2:]):
        seen = xp[:, :, i : i + stride * (rows - 1) + 1 : stride, j : j + stride * (columns - 1) + 1 : stride]
        out += np.tensordot(seen, w[:, :, i, j], axes=(1, 1)).transpose(0, 3, 1, 2)
    return out


def _single(x, w, b, stride, pad):
    return _conv(x.astype(np.float32), w.astype(np.float32), b.astype(np.float32), stride, pad)


def _columns(x, w, b, stride, pad):
    """Windows as rows of one matrix."""
    fields = _fields(_padded(x, pad), w.shape[2:], stride)
    n, _, rows, columns = fields.shape[:4]
    matrix = fields.transpose(0, 2, 3, 1, 4, 5).reshape(n * rows * columns, -1)
    return (matrix @ w.reshape(len(w), -1).T + b).reshape(n, rows, columns, -1).transpose(0, 3, 1, 2)


@question(points={"out": 15, "inputs": 1}, draw=conv_inputs)
def conv_forward_naive(student, x, w, b, stride, pad):
    out, cache = student.conv_forward_naive(x, w, b, {"stride": stride, "pad": pad})
    return {"out": out}


@conv_forward_naive.correct_variant
def four_loops(reference):
    return _naive(_loops)


@conv_forward_naive.correct_variant
def loops_over_the_field(reference):
    return _naive(_offsets)


@conv_forward_naive.correct_variant
def one_product(reference):
    return _naive(_columns)


@conv_forward_naive.correct_variant
def single_precision(reference):
    return _naive(_single)


@conv_forward_naive.correct_variant
def own_cache(reference):
    def forward(x, w, b, conv_param):
        return _conv(x, w, b, **conv_param), {"padded": _padded(x, conv_param["pad"]), "w": w}

    return {"conv_forward_naive": forward}


@conv_forward_naive.misconception
def flipped(reference):
    """The filter is turned by 180 degrees first. That is what mathematics calls convolution; networks lay the filter on the
    picture as it stands, so multiply `window * w[f]` without turning it."""
    return _naive(lambda x, w, b, stride, pad: _conv(x, w[:, :, ::-1, ::-1], b, stride, pad))


@conv_forward_naive.misconception
def pad_ignored(reference):
    """The padding is ignored: put `pad` rows and columns of zeros on all four sides of each picture before the windows are
    cut out."""
    return _naive(lambda x, w, b, stride, pad: _conv(x, w, b, stride, 0))


@conv_forward_naive.misconception
def stride_ignored(reference):
    """The stride is ignored: every place is visited, but the window moves by `stride` pixels each time, and the output is
    smaller for it."""
    return _naive(lambda x, w, b, stride, pad: _conv(x, w, b, 1, pad))


@conv_forward_naive.misconception
def stride_only_in_the_size(reference):
    """The output has the right size, but the window moves one pixel at a time: output `[i, j]` looks at the window that
    starts at `i * stride, j * stride`."""

    def forward(x, w, b, stride, pad):
        full = _conv(x, w, b, 1, pad)
        rows, columns = _conv(x, w, b, stride, pad).shape[2:]
        return full[:, :, :rows, :columns]

    return _naive(forward)


@conv_forward_naive.misconception
def rows_and_columns_exchanged(reference):
    """Rows and columns are exchanged in the output, which a square picture would hide: axis 2 belongs to the height, axis 3
    to the width."""
    return _naive(lambda x, w, b, stride, pad: _conv(x, w, b, stride, pad).transpose(0, 1, 3, 2))


@conv_forward_naive.misconception
def taken_for_square(reference):
    """Height and width are taken for equal: the output is as wide as it is high. Compute its width from the width of picture
    and filter."""

    def forward(x, w, b, stride, pad):
        xp, side = _padded(x, pad), 1 + (x.shape[2] + 2 * pad - w.shape[2]) // stride
        out = np.zeros((len(x), len(w), side, side))
        for n, f, i, j in np.ndindex(out.shape):
            top, left = i * stride, j * stride
            out[n, f, i, j] = (xp[n, :, top : top + w.shape[2], left : left + w.shape[3]] * w[f]).sum() + b[f]
        return out

    return _naive(forward)


@conv_forward_naive.misconception
def bias_left_out(reference):
    """The bias is missing: each filter adds its own `b[f]` at every place."""
    return _naive(lambda x, w, b, stride, pad: _conv(x, w, 0 * b, stride, pad))


@conv_forward_naive.misconception
def bias_inside_the_sum(reference):
    """The bias is added once for each channel; add `b[f]` once, after the sum over all channels."""
    return _naive(lambda x, w, b, stride, pad: _conv(x, w, x.shape[1] * b, stride, pad))


@conv_forward_naive.misconception
def channels_averaged(reference):
    """The channels are averaged; a filter adds up its products over all channels, rows and columns."""
    return _naive(lambda x, w, b, stride, pad: _conv(x, w / x.shape[1], b, stride, pad))


@conv_forward_naive.misconception
def first_channel_only(reference):
    """Only the first channel is used: a filter has a layer of weights for each channel and sums over all of them."""
    return _naive(lambda x, w, b, stride, pad: _conv(x[:, :1], w[:, :1], b, stride, pad))


@conv_forward_naive.misconception
def window_averaged(reference):
    """The window is averaged: the output is the sum of all products, not their mean."""
    return _naive(lambda x, w, b, stride, pad: _conv(x, w / w[0].size, b, stride, pad))


@conv_forward_naive.misconception
def padded_with_the_edge(reference):
    """The frame repeats the edge of the picture; here the padding is zeros."""

    def forward(x, w, b, stride, pad):
        framed = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="edge")
        return _conv(framed, w, b, stride, 0)

    return _naive(forward)


@conv_forward_naive.misconception
def padded_on_one_side(reference):
    """All of the padding is on the right and at the bottom: put `pad` zeros before the first and `pad` after the last row and
    column."""

    def forward(x, w, b, stride, pad):
        return _conv(np.pad(x, ((0, 0), (0, 0), (0, 2 * pad), (0, 2 * pad))), w, b, stride, 0)

    return _naive(forward)


# ------------------------------------------------------------------------- conv_backward_naive


def conv_backward_inputs(rng):
    for case in conv_inputs(rng):
        out = _conv(**case.inputs)
        yield Case(case.label, case.inputs | {"dout": rng.normal(size=out.shape)}, case.sizes)


@question(points={"dx": 7, "dw": 6, "db": 4, "inputs": 1}, draw=conv_backward_inputs)
def conv_backward_naive(student, x, w, b, stride, pad, dout):
    out, cache = student.conv_forward_naive(x, w, b, {"stride": stride, "pad": pad})
    dx, dw, db = student.conv_backward_naive(dout, cache)
    return {"dx": dx, "dw": dw, "db": db}


def _framed_gradients(x, w, dout, stride, pad, step=None, overwrite=False):
    """The gradient of the padded images, and that of the filters."""
    xp = _padded(x, pad)
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i, j in np.ndindex(dout.shape[2:]):
        top, left = i * (step or stride), j * (step or stride)
        window = (slice(None), slice(None), slice(top, top + w.shape[2]), slice(left, left + w.shape[3]))
        part = np.einsum("nf,fcij->ncij", dout[:, :, i, j], w)
        dxp[window] = part if overwrite else dxp[window] + part
        dw += np.einsum("nf,ncij->fcij", dout[:, :, i, j], xp[window])
    return dxp, dw


def _inside(x, dxp, pad):
    return dxp[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]]


def _back(change):
    """Make a variant: `change(x, w, dout, stride, pad, dx, dw, db)` gives the three gradients."""

    def variant(reference):
        def conv_backward_naive(dout, cache):
            x, w, _, param = cache
            stride, pad = param["stride"], param["pad"]
            dxp, dw = _framed_gradients(x, w, dout, stride, pad)
            return change(x, w, dout, stride, pad, _inside(x, dxp, pad), dw, dout.sum(axis=(0, 2, 3)))

        return {"conv_backward_naive": conv_backward_naive}

    return variant


@conv_backward_naive.correct_variant
def loops_over_everything(reference):
    def change(x, w, dout, stride, pad, dx, dw, db):
        xp = _padded(x, pad)
        dxp, dw, db = np.zeros_like(xp), np.zeros_like(w), np.zeros(len(w))
        for n, f, i, j in np.ndindex(dout.shape):
            rows = slice(i * stride, i * stride + w.shape[2])
            columns = slice(j * stride, j * stride + w.shape[3])
            dxp[n, :, rows, columns] += dout[n, f, i, j] * w[f]
            dw[f] += dout[n, f, i, j] * xp[n, :, rows, columns]
            db[f] += dout[n, f, i, j]
        return _inside(x, dxp, pad), dw, db

    return _back(change)(reference)


@conv_backward_naive.correct_variant
def loops_over_the_field_backward(reference):
    def change(x, w, dout, stride, pad, dx, dw, db):
        xp, (rows, columns) = _padded(x, pad), dout.shape[2:]
        dxp, dw = np.zeros_like(xp), np.zeros_like(w)
        for i, j in np.ndindex(w.shape[2:]):
            places = (
                slice(None),
                slice(None),
                slice(i, i + stride * (rows - 1) + 1, stride),
                slice(j, j + stride * (columns - 1) + 1, stride),
            )
            dxp[places] += np.einsum("nfhv,fc->nchv", dout, w[:, :, i, j])
            dw[:, :, i, j] = np.einsum("nfhv,nchv->fc", dout, xp[places])
        return _inside(x, dxp, pad), dw, db

    return _back(change)(reference)


@conv_backward_naive.correct_variant
def bias_gradient_kept_as_a_row(reference):
    return _back(lambda x, w, dout, stride, pad, dx, dw, db: (dx, dw, db[None, :]))(reference)


@conv_backward_naive.correct_variant
def single_precision_backward(reference):
    return _back(lambda x, w, dout, stride, pad, *grads: tuple(g.astype(np.float32) for g in grads))(reference)


@conv_backward_naive.correct_variant
def cache_of_the_frame(reference):
    def forward(x, w, b, conv_param):
        stride, pad = conv_param["stride"], conv_param["pad"]
        return _conv(x, w, b, stride, pad), {"xp": _padded(x, pad), "w": w, "stride": stride, "pad": pad}

    def backward(dout, cache):
        xp, pad = cache["xp"], cache["pad"]
        dxp, dw = _framed_gradients(xp, cache["w"], dout, cache["stride"], 0)
        dx = dxp[:, :, pad:-pad, pad:-pad] if pad else dxp
        return dx, dw, np.einsum("nfhv->f", dout)

    return {"conv_forward_naive": forward, "conv_backward_naive": backward}


@conv_backward_naive.misconception
def bias_not_summed_over_positions(reference):
    """`db` is summed over the pictures only. The same `b[f]` was added at every place of every picture, so sum `dout` over
    the axes 0, 2 and 3."""
    return _back(lambda x, w, dout, stride, pad, dx, dw, db: (dx, dw, dout.sum(axis=0)))(reference)


@conv_backward_naive.misconception
def bias_averaged_over_positions(reference):
    """`db` is averaged over the places; it is the sum of `dout` over pictures, rows and columns."""
    return _back(lambda x, w, dout, stride, pad, dx, dw, db: (dx, dw, dout.mean(axis=(2, 3)).sum(axis=0)))(reference)


@conv_backward_naive.misconception
def bias_averaged_over_the_batch(reference):
    """`db` is divided by the number of pictures; the mean over the batch is taken once, in the loss."""
    return _back(lambda x, w, dout, stride, pad, dx, dw, db: (dx, dw, db / len(x)))(reference)


@conv_backward_naive.misconception
def padding_left_in_dx(reference):
    """`dx` still has the frame of padding: cut it off, so that `dx` has the shape of `x`."""
    return _back(
        lambda x, w, dout, stride, pad, dx, dw, db: (_framed_gradients(x, w, dout, stride, pad)[0], dw, db),
    )(reference)


@conv_backward_naive.misconception
def everything_cut_off_where_pad_is_0(reference):
    """Where `pad` is 0, `dx_padded[:, :, pad:-pad, pad:-pad]` is empty, for `-0` is 0 and the slice ends where it begins: take
    `dx_padded[:, :, pad : pad + H, pad : pad + W]`."""

    def change(x, w, dout, stride, pad, dx, dw, db):
        return _framed_gradients(x, w, dout, stride, pad)[0][:, :, pad:-pad, pad:-pad], dw, db

    return _back(change)(reference)


@conv_backward_naive.misconception
def padding_cut_off_at_the_wrong_end(reference):
    """`dx` has the right shape but is shifted: the frame was cut off on the right and at the bottom only. Take
    `dx_padded[:, :, pad : pad + H, pad : pad + W]`."""

    def change(x, w, dout, stride, pad, dx, dw, db):
        return _framed_gradients(x, w, dout, stride, pad)[0][:, :, : x.shape[2], : x.shape[3]], dw, db

    return _back(change)(reference)


@conv_backward_naive.misconception
def overlap_overwritten(reference):
    """Where windows overlap, the last one overwrites what the others left in `dx`: a pixel was used by several windows, so
    add with `+=`."""

    def change(x, w, dout, stride, pad, dx, dw, db):
        return _inside(x, _framed_gradients(x, w, dout, stride, pad, overwrite=True)[0], pad), dw, db

    return _back(change)(reference)


@conv_backward_naive.misconception
def dw_from_the_unpadded_picture(reference):
    """`dw` is made from windows of `x` without its padding, which are shifted: use the same padded picture as on the way
    forward."""

    def change(x, w, dout, stride, pad, dx, dw, db):
        shifted = np.pad(x, ((0, 0), (0, 0), (0, 2 * pad), (0, 2 * pad)))
        return dx, _framed_gradients(shifted, w, dout, stride, 0)[1], db

    return _back(change)(reference)


@conv_backward_naive.misconception
def filter_turned_on_the_way_back(reference):
    """`dx` uses the filters turned by 180 degrees. If you add `dout[n, f, i, j] * w[f]` to the window, place by place, nothing
    has to be turned."""

    def change(x, w, dout, stride, pad, dx, dw, db):
        return _inside(x, _framed_gradients(x, w[:, :, ::-1, ::-1], dout, stride, pad)[0], pad), dw, db

    return _back(change)(reference)


@conv_backward_naive.misconception
def stride_ignored_on_the_way_back(reference):
    """The stride is ignored on the way back: `dout[n, f, i, j]` belongs to the window that starts at
    `i * stride, j * stride`."""

    def change(x, w, dout, stride, pad, dx, dw, db):
        dxp, dw = _framed_gradients(x, w, dout, stride, pad, step=1)
        return _inside(x, dxp, pad), dw, db

    return _back(change)(reference)


@conv_backward_naive.misconception
def dw_of_the_last_picture(reference):
    """`dw` holds the last picture only: the same filter met every picture, so add up over the batch with `+=`."""

    def change(x, w, dout, stride, pad, dx, dw, db):
        return dx, _framed_gradients(x[-1:], w, dout[-1:], stride, pad)[1], db

    return _back(change)(reference)


@conv_backward_naive.misconception
def dw_averaged(reference):
    """`dw` is divided by the number of pictures; the mean over the batch is taken once, in the loss."""
    return _back(lambda x, w, dout, stride, pad, dx, dw, db: (dx, dw / len(x), db))(reference)


@conv_backward_naive.misconception
def gradients_exchanged(reference):
    """`dx` and `dw` are returned in each other's place: return gradients in the order of the arguments, `dx, dw, db`."""
    return _back(lambda x, w, dout, stride, pad, dx, dw, db: (dw, dx, db))(reference)


@conv_backward_naive.misconception
def upstream_changed_in_place(reference):
    """The values are right, but `dout` itself was changed, and whoever gave it may still need it: work on a copy."""

    def change(x, w, dout, stride, pad, dx, dw, db):
        dout[...] = 0
        return dx, dw, db

    return _back(change)(reference)


# ------------------------------------------------------------------------- conv_forward_im2col


@question(points={"out": 7, "inputs": 1}, draw=conv_inputs)
def conv_forward_im2col(student, x, w, b, stride, pad):
    out, cache = student.conv_forward_im2col(x, w, b, {"stride": stride, "pad": pad})
    return {"out": out}


def _im2col(function):
    return _naive(function, "conv_forward_im2col")


@conv_forward_im2col.correct_variant
def windows_as_rows(reference):
    return _im2col(_columns)


@conv_forward_im2col.correct_variant
def columns_filled_by_loops(reference):
    def forward(x, w, b, stride, pad):
        fields = _fields(_padded(x, pad), w.shape[2:], stride)
        n, _, rows, columns = fields.shape[:4]
        matrix = np.empty((w[0].size, n * rows * columns))
        for place, (i, j, m) in enumerate(np.ndindex(rows, columns, n)):
            matrix[:, place] = fields[m, :, i, j].ravel()
        out = w.reshape(len(w), -1) @ matrix + b[:, None]
        return out.reshape(-1, rows, columns, n).transpose(3, 0, 1, 2)

    return _im2col(forward)


@conv_forward_im2col.correct_variant
def single_precision_columns(reference):
    return _im2col(_single)


@conv_forward_im2col.correct_variant
def sum_over_indices(reference):
    return _im2col(_conv)


@conv_forward_im2col.correct_variant
def one_picture_at_a_time(reference):
    return _im2col(lambda x, *others: np.concatenate([_columns(x[i : i + 1], *others) for i in range(len(x))]))


@conv_forward_im2col.misconception
def channels_last_in_the_columns(reference):
    """Columns and filters are flattened in different orders: both must run over channel, row, column, as `w[f].ravel()`
    does."""
    return _im2col(
        lambda x, w, b, *others: _conv(x, w.transpose(0, 2, 3, 1).reshape(w.shape), b, *others),
    )


@conv_forward_im2col.misconception
def output_not_transposed(reference):
    """The product is right, but it was given its shape without moving the axes: a reshape never moves numbers, so reshape
    first to the order they stand in, then transpose to `(N, F, H', W')`."""

    def forward(x, w, b, stride, pad):
        out = _conv(x, w, b, stride, pad)
        return out.transpose(0, 2, 3, 1).reshape(out.shape)

    return _im2col(forward)


@conv_forward_im2col.misconception
def batch_innermost_not_transposed(reference):
    """The product has the filters first, but it was reshaped to `(N, F, H', W')` at once: reshape to `(F, N, H', W')`, then
    transpose."""

    def forward(x, w, b, stride, pad):
        out = _conv(x, w, b, stride, pad)
        return out.transpose(1, 0, 2, 3).reshape(out.shape)

    return _im2col(forward)


@conv_forward_im2col.misconception
def padding_left_out_of_the_columns(reference):
    """The windows are cut from the picture without its padding: pad first, as in the slow version."""
    return _im2col(lambda x, w, b, stride, pad: _conv(x, w, b, stride, 0))


@conv_forward_im2col.misconception
def every_window_a_column(reference):
    """There is a column for every place: keep those whose window starts at a multiple of the stride."""
    return _im2col(lambda x, w, b, stride, pad: _conv(x, w, b, 1, pad))


@conv_forward_im2col.misconception
def bias_left_out_of_the_product(reference):
    """The product is right, but the bias is missing: add `b` once for each filter."""
    return _im2col(lambda x, w, b, stride, pad: _conv(x, w, 0 * b, stride, pad))


@conv_forward_im2col.misconception
def window_transposed(reference):
    """Rows and columns inside the window are exchanged: a window is flattened row by row, as the filter is."""
    return _im2col(
        lambda x, w, b, *others: _conv(x, w.transpose(0, 1, 3, 2).reshape(w.shape), b, *others),
    )


@conv_forward_im2col.misconception
def rows_and_columns_of_the_output_exchanged(reference):
    """Height and width of the output are exchanged: `(N, F, H', W')` is asked."""
    return _im2col(lambda *arguments: _conv(*arguments).transpose(0, 1, 3, 2))


@conv_forward_im2col.misconception
def filters_turned_in_the_product(reference):
    """The filters stand backwards in the product: lay each one out with `w[f].ravel()`, first entry first."""
    return _im2col(lambda x, w, b, *others: _conv(x, w[:, :, ::-1, ::-1], b, *others))


# ---------------------------------------------------------------------- max_pool_forward_naive


def pool_inputs(rng):
    """All entries differ; windows that tile, overlap and leave gaps, not square; one image, one channel, no positive number."""
    for label, n, c, h, width, ph, pw, stride, shift in [
        ("windows that tile the picture", 2, 3, 6, 4, 2, 2, 2, 0.0),
        ("overlapping windows, not square", 3, 2, 7, 8, 3, 2, 2, 0.0),
        ("one picture with one channel", 1, 1, 6, 9, 2, 3, 2, 0.0),
        ("steps of one", 2, 3, 5, 6, 2, 3, 1, 0.0),
        ("gaps between windows", 2, 2, 8, 5, 2, 2, 3, 0.0),
        ("negative numbers only", 2, 4, 4, 6, 2, 2, 2, -1.0),
    ]:
        ranks = rng.permutation(n * c * h * width) + rng.uniform(0.2, 0.8, n * c * h * width)
        x = (ranks / len(ranks) - 0.5).reshape(n, c, h, width) * 4 + 3 * shift
        inputs = {"x": x, "pool_height": ph, "pool_width": pw, "stride": stride}
        yield Case(label, inputs, {"N": n, "C": c})


def _pooled(x, height, width, stride, function=np.max):
    return function(_fields(x, (height, width), stride), axis=(4, 5))


@question(points={"out": 7, "inputs": 1}, draw=pool_inputs)
def max_pool_forward_naive(student, x, pool_height, pool_width, stride):
    out, cache = student.max_pool_forward_naive(
        x, {"pool_height": pool_height, "pool_width": pool_width, "stride": stride}
    )
    return {"out": out}


def _pool(function):
    """Make a variant of max_pool_forward_naive from a function of x, height, width, stride."""

    def forward(x, pool_param):
        sizes = (pool_param[name] for name in ("pool_height", "pool_width", "stride"))
        return function(x, *sizes), (x, pool_param)

    return {"max_pool_forward_naive": forward}


@max_pool_forward_naive.correct_variant
def windows_at_once(reference):
    return _pool(_pooled)


@max_pool_forward_naive.correct_variant
def loops_over_every_place(reference):
    def forward(x, height, width, stride):
        out = np.full(_pooled(x, height, width, stride).shape, -np.inf)
        for n, c, i, j in np.ndindex(out.shape):
            for u, v in np.ndindex(height, width):
                out[n, c, i, j] = max(out[n, c, i, j], x[n, c, i * stride + u, j * stride + v])
        return out

    return _pool(forward)


@max_pool_forward_naive.correct_variant
def rows_first(reference):
    def two_rounds(x, height, width, stride):
        rows = sliding_window_view(x, height, axis=2)[:, :, ::stride].max(axis=-1)
        return sliding_window_view(rows, width, axis=3)[..., ::stride, :].max(axis=-1)

    return _pool(two_rounds)


@max_pool_forward_naive.correct_variant
def single_precision_pool(reference):
    return _pool(lambda x, *sizes: _pooled(x.astype(np.float32), *sizes))


@max_pool_forward_naive.correct_variant
def largest_of_the_sorted(reference):
    def forward(x, height, width, stride):
        fields = _fields(x, (height, width), stride)
        return np.sort(fields.reshape(*fields.shape[:4], -1), axis=-1)[..., -1]

    return _pool(forward)


@max_pool_forward_naive.misconception
def averaged(reference):
    """This is average pooling; max pooling keeps the largest number of each window."""
    return _pool(lambda x, *sizes: _pooled(x, *sizes, np.mean))


@max_pool_forward_naive.misconception
def smallest(reference):
    """This keeps the smallest number of each window; keep the largest."""
    return _pool(lambda x, *sizes: _pooled(x, *sizes, np.min))


@max_pool_forward_naive.misconception
def never_below_zero(reference):
    """Where all numbers of a window are negative, this gives 0: compare the numbers of the window with each other only, and do
    not start from 0."""
    return _pool(lambda x, *sizes: np.maximum(0, _pooled(x, *sizes)))


@max_pool_forward_naive.misconception
def largest_in_size(reference):
    """This keeps the largest absolute value: the sign counts, so -5 is less than 1."""
    return _pool(lambda x, *sizes: _pooled(np.abs(x), *sizes))


@max_pool_forward_naive.misconception
def over_all_channels(reference):
    """The maximum is taken over all channels together: pool each channel by itself."""

    def forward(x, *sizes):
        return np.broadcast_to(_pooled(x, *sizes).max(axis=1, keepdims=True), _pooled(x, *sizes).shape).copy()

    return _pool(forward)


@max_pool_forward_naive.misconception
def window_exchanged(reference):
    """Height and width of the window are exchanged, which a square window would hide."""
    return _pool(lambda x, height, width, stride: _pooled(x, width, height, stride))


@max_pool_forward_naive.misconception
def pool_stride_ignored(reference):
    """The stride is ignored: the window moves by `stride` pixels, not by one."""
    return _pool(lambda x, height, width, stride: _pooled(x, height, width, 1))


@max_pool_forward_naive.misconception
def stride_only_in_the_output_size(reference):
    """The output has the right size, but the window moves one pixel at a time: output `[i, j]` looks at the window that
    starts at `i * stride, j * stride`."""

    def forward(x, height, width, stride):
        rows, columns = _pooled(x, height, width, stride).shape[2:]
        return _pooled(x, height, width, 1)[:, :, :rows, :columns]

    return _pool(forward)


@max_pool_forward_naive.misconception
def windows_always_tile(reference):
    """The windows are laid side by side, as if the stride were the size of the window; windows may overlap or leave gaps, as
    `stride` says."""

    def forward(x, height, width, stride):
        return _fields(x, (height, width), 1)[:, :, ::height, ::width].max(axis=(4, 5))

    return _pool(forward)


# --------------------------------------------------------------------- max_pool_backward_naive


def pool_backward_inputs(rng):
    """The same pictures; and one full of ties, which only windows that tile it look at."""
    for case in pool_inputs(rng):
        out = _pooled(case.inputs["x"], *(case.inputs[name] for name in ("pool_height", "pool_width", "stride")))
        tied = rng.integers(0, 2, (2, 3, 4, 6)).astype(float)
        tied[0, 0, :2, :2], tied[1, 2, 2:, :2], tied[1, 1] = 0.0, 1.0, 1.0
        tied[0, 1, :2, :2] = np.eye(2)[::-1]
        inputs = case.inputs | {
            "dout": rng.uniform(0.5, 2.0, out.shape) * rng.choice([-1.0, 1.0], out.shape),
            "tied": tied,
            "dtied": rng.uniform(0.5, 2.0, (2, 3, 2, 3)),
        }
        yield Case(case.label, inputs, case.sizes)


@question(points={"dx": 7, "ties": 2, "inputs": 1}, draw=pool_backward_inputs)
def max_pool_backward_naive(student, x, pool_height, pool_width, stride, dout, tied, dtied):
    out, cache = student.max_pool_forward_naive(
        x, {"pool_height": pool_height, "pool_width": pool_width, "stride": stride}
    )
    dx = student.max_pool_backward_naive(dout, cache)
    windows = np.array(tied).reshape(2, 3, 2, 2, 3, 2)
    less = windows < windows.max(axis=(3, 5), keepdims=True)
    out, cache = student.max_pool_forward_naive(tied, {"pool_height": 2, "pool_width": 2, "stride": 2})
    blocks = np.asarray(student.max_pool_backward_naive(dtied, cache)).reshape(2, 3, 2, 2, 3, 2)
    # How much each window got, and in how many places: one, whichever of the tied it is, but none that is not the largest.
    places = [(which & (blocks != 0)).sum(axis=(3, 5), dtype=blocks.dtype) for which in (True, less)]
    ties = np.stack([blocks.sum(axis=(3, 5)), *places])
    return {"dx": dx, "ties": ties}


def _pool_back(share, overwrite=False, step=None):
    """Make a variant: `share(window)` says how much of the gradient each entry of a window (N, C, PH, PW) gets."""

    def max_pool_backward_naive(dout, cache):
        x, param = cache
        height, width, stride = (param[name] for name in ("pool_height", "pool_width", "stride"))
        dx = np.zeros_like(x)
        for i, j in np.ndindex(dout.shape[2:]):
            top, left = i * (step or stride), j * (step or stride)
            window = (slice(None), slice(None), slice(top, top + height), slice(left, left + width))
            part = share(x[window]) * dout[:, :, i, j, None, None]
            dx[window] = part if overwrite else dx[window] + part
        return dx

    return {"max_pool_backward_naive": max_pool_backward_naive}


def _pick(window, function=np.argmax):
    """One at one of the largest entries of each window."""
    flat = window.reshape(*window.shape[:2], -1)
    return (np.arange(flat.shape[-1]) == function(flat, axis=-1)[..., None]).reshape(window.shape).astype(float)


def _all_largest(window):
    return (window == window.max(axis=(2, 3), keepdims=True)).astype(float)


@max_pool_backward_naive.correct_variant
def first_of_the_tied(reference):
    return _pool_back(_pick)


@max_pool_backward_naive.correct_variant
def last_of_the_tied(reference):
    def last(flat, axis):
        return flat.shape[-1] - 1 - np.argmax(flat[..., ::-1], axis=-1)

    return _pool_back(lambda window: _pick(window, last))


@max_pool_backward_naive.correct_variant
def loops_with_unravel_index(reference):
    def max_pool_backward_naive(dout, cache):
        x, param = cache
        height, width, stride = (param[name] for name in ("pool_height", "pool_width", "stride"))
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(dout.shape):
            window = x[n, c, i * stride : i * stride + height, j * stride : j * stride + width]
            u, v = np.unravel_index(window.argmax(), window.shape)
            dx[n, c, i * stride + u, j * stride + v] += dout[n, c, i, j]
        return dx

    return {"max_pool_backward_naive": max_pool_backward_naive}


@max_pool_backward_naive.correct_variant
def places_in_the_cache(reference):
    def forward(x, pool_param):
        height, width, stride = (pool_param[name] for name in ("pool_height", "pool_width", "stride"))
        fields = _fields(x, (height, width), stride)
        places = fields.reshape(*fields.shape[:4], -1).argmax(axis=-1)
        return fields.max(axis=(4, 5)), {"places": places, "shape": x.shape, "width": width, "stride": stride}

    def backward(dout, cache):
        n, c, i, j = np.indices(dout.shape)
        u, v = np.divmod(cache["places"], cache["width"])
        dx = np.zeros(cache["shape"])
        np.add.at(dx, (n, c, i * cache["stride"] + u, j * cache["stride"] + v), dout)
        return dx

    return {"max_pool_forward_naive": forward, "max_pool_backward_naive": backward}


@max_pool_backward_naive.correct_variant
def single_precision_pool_backward(reference):
    back = _pool_back(_pick)["max_pool_backward_naive"]
    return {"max_pool_backward_naive": lambda dout, cache: back(dout, cache).astype(np.float32)}


@max_pool_backward_naive.misconception
def ties_split(reference):
    """Where several entries of a window are equally large, the gradient is split among them. Here exactly one of them gets
    all of it; take the place that `argmax` gives."""
    return _pool_back(lambda window: _all_largest(window) / _all_largest(window).sum(axis=(2, 3), keepdims=True))


@max_pool_backward_naive.misconception
def ties_doubled(reference):
    """Where several entries of a window are equally large, each gets the whole gradient, so it is counted twice or more:
    a mask `window == window.max()` is true at all of them. Give it to one, the place that `argmax` gives."""
    return _pool_back(_all_largest)


@max_pool_backward_naive.misconception
def row_and_column_sought_apart(reference):
    """Where several entries of a window are equally large, the gradient may go to one that is not: the row comes from one of
    them and the column from another. Take both from one place, that of `argmax` over the whole window."""

    def share(window):
        rows, columns = (window.max(axis=axis).argmax(axis=-1) for axis in (3, 2))
        u, v = np.indices(window.shape[2:])
        return ((u == rows[..., None, None]) & (v == columns[..., None, None])).astype(float)

    return _pool_back(share)


@max_pool_backward_naive.misconception
def stride_ignored_backward(reference):
    """The stride is ignored on the way back: `dout[n, c, i, j]` belongs to the window that starts at
    `i * stride, j * stride`."""
    return _pool_back(_pick, step=1)


@max_pool_backward_naive.misconception
def overlaps_overwritten(reference):
    """Where windows overlap, the last one overwrites what the others left: an entry can be the largest of several windows, so
    add with `+=`."""
    return _pool_back(_pick, overwrite=True)


@max_pool_backward_naive.misconception
def shared_equally(reference):
    """The gradient is shared equally by all entries of the window, as in average pooling; only the largest one gets any."""
    return _pool_back(lambda window: np.ones_like(window) / window[0, 0].size)


@max_pool_backward_naive.misconception
def to_every_entry(reference):
    """Every entry of the window gets the whole gradient; nudging an entry that is not the largest changes nothing, so its
    slope is 0."""
    return _pool_back(np.ones_like)


@max_pool_backward_naive.misconception
def upstream_left_out(reference):
    """This is the local slope alone, 1 at the largest entries; multiply it by `dout`, the gradient that comes from above."""
    back = _pool_back(_pick)["max_pool_backward_naive"]
    return {"max_pool_backward_naive": lambda dout, cache: back(np.ones_like(dout), cache)}


@max_pool_backward_naive.misconception
def times_the_maximum(reference):
    """The gradient is multiplied by the largest entry itself; its slope is 1, so it gets `dout` as it is."""
    return _pool_back(lambda window: _pick(window) * window)


@max_pool_backward_naive.misconception
def to_the_smallest(reference):
    """The gradient goes to the smallest entry of each window; the largest one made the output."""
    return _pool_back(lambda window: _pick(-window))


@max_pool_backward_naive.misconception
def one_place_for_all_channels(reference):
    """The gradient of every channel goes to the place of the first channel's maximum: each channel has its own."""
    return _pool_back(lambda window: np.broadcast_to(_pick(window)[:, :1], window.shape))


# -------------------------------------------------------------------- spatial_batchnorm_forward


def batchnorm_inputs(rng):
    """Channels with means and spreads of their own; not square; one image; running statistics that began somewhere, or not."""
    for label, n, c, h, width, begun, momentum, eps in [
        ("not square", 4, 3, 5, 2, True, 0.9, 1e-5),
        ("one picture", 1, 4, 3, 6, True, 0.4, 1e-3),
        ("one channel far from zero", 3, 1, 2, 5, True, 0.8, 1e-5),
        ("the first batch", 5, 2, 3, 4, False, 0.9, 0.1),
    ]:
        scale = rng.uniform(0.5, 4.0, (1, c, 1, 1))
        far = label == "one channel far from zero"
        shift, mean = (rng.uniform(12, 18, c), rng.uniform(3, 6, c)) if far else rng.normal(0, [[10.0], [3.0]], (2, c))
        inputs = {
            "x": scale * rng.normal(size=(n, c, h, width)) + shift.reshape(1, c, 1, 1),
            "gamma": rng.uniform(0.5, 2.0, c),
            "beta": rng.normal(1.0, 1.0, c),
            "mean": mean,
            "var": rng.uniform(0.5, 3.0, c),
            "begun": begun,
            "momentum": momentum,
            "eps": eps,
        }
        yield Case(label, inputs, {"N": n, "C": c})


@question(
    points={"out": 3, "running_mean": 1, "running_var": 1, "test_out": 1.5, "after_test": 0.5, "inputs": 1},
    draw=batchnorm_inputs,
)
def spatial_batchnorm_forward(student, x, gamma, beta, mean, var, begun, momentum, eps):
    bn_param = {"mode": "train", "momentum": momentum, "eps": eps}
    if begun:
        bn_param |= {"running_mean": np.array(mean), "running_var": np.array(var)}
    out, cache = student.spatial_batchnorm_forward(x, gamma, beta, bn_param)
    running = [np.array(bn_param.get("running_mean", 0.0)), np.array(bn_param.get("running_var", 0.0))]
    test = {"mode": "test", "momentum": momentum, "eps": eps}
    test |= {"running_mean": np.array(mean), "running_var": np.array(var)}
    test_out, cache = student.spatial_batchnorm_forward(x, gamma, beta, test)
    left_alone = [np.allclose(np.ravel(test["running_mean"]), mean), np.allclose(np.ravel(test["running_var"]), var)]
    return {
        "out": out,
        "running_mean": running[0],
        "running_var": running[1],
        "test_out": test_out,
        "after_test": np.array(left_alone),
    }


_ALL = (0, 2, 3)


def _norm(statistics=None, scale=None, running=None, at_test=None):
    """Make a variant of spatial_batchnorm_forward by changing one of its steps."""
    statistics = statistics or (lambda x: (x.mean(axis=_ALL, keepdims=True), x.var(axis=_ALL, keepdims=True)))
    scale = scale or (lambda centred, var, gamma, beta, eps: gamma * centred / np.sqrt(var + eps) + beta)
    running = running or (lambda old, new, m: m * old + (1 - m) * new)

    def forward(x, gamma, beta, bn_param):
        c, eps, m = x.shape[1], bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
        g, b = gamma.reshape(1, -1, 1, 1), beta.reshape(1, -1, 1, 1)
        old = {key: np.array(bn_param.get(key, np.zeros(c))) for key in ("running_mean", "running_var")}
        training = bn_param["mode"] == "train"
        mean, var = statistics(x)
        if training:
            for key, new in (("running_mean", mean), ("running_var", var)):
                bn_param[key] = running(old[key], new.mean(axis=_ALL), m)
        elif at_test is None:
            mean, var = (old[key].reshape(1, -1, 1, 1) for key in ("running_mean", "running_var"))
        out = scale(x - mean, var, g, b, eps)
        return out, (x, gamma, beta, eps)

    return {"spatial_batchnorm_forward": forward}


@spatial_batchnorm_forward.correct_variant
def means_over_three_axes(reference):
    return _norm()


@spatial_batchnorm_forward.correct_variant
def channels_one_by_one(reference):
    def forward(x, gamma, beta, bn_param):
        eps, m = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
        out = np.empty_like(x)
        bn_param.setdefault("running_mean", np.zeros(x.shape[1]))
        bn_param.setdefault("running_var", np.zeros(x.shape[1]))
        for c in range(x.shape[1]):
            mean, var = bn_param["running_mean"][c], bn_param["running_var"][c]
            if bn_param["mode"] == "train":
                mean, var = x[:, c].mean(), ((x[:, c] - x[:, c].mean()) ** 2).mean()
                bn_param["running_mean"][c] = m * bn_param["running_mean"][c] + (1 - m) * mean
                bn_param["running_var"][c] = m * bn_param["running_var"][c] + (1 - m) * var
            out[:, c] = gamma[c] * (x[:, c] - mean) / (var + eps) ** 0.5 + beta[c]
        return out, None

    return {"spatial_batchnorm_forward": forward}


@spatial_batchnorm_forward.correct_variant
def statistics_kept_as_rows(reference):
    forward = _norm()["spatial_batchnorm_forward"]

    def with_rows(x, gamma, beta, bn_param):
        out, cache = forward(x, gamma, beta, bn_param)
        for key in ("running_mean", "running_var"):
            bn_param[key] = np.reshape(bn_param[key], (1, -1))
        return out, cache

    return {"spatial_batchnorm_forward": with_rows}


@spatial_batchnorm_forward.correct_variant
def extra_keys(reference):
    forward = _norm()["spatial_batchnorm_forward"]

    def with_more(x, gamma, beta, bn_param):
        bn_param["steps"] = bn_param.get("steps", 0) + 1
        return forward(x, gamma, beta, bn_param)

    return {"spatial_batchnorm_forward": with_more}


@spatial_batchnorm_forward.correct_variant
def single_precision_out(reference):
    forward = _norm()["spatial_batchnorm_forward"]

    def with_less(x, gamma, beta, bn_param):
        out, cache = forward(x, gamma, beta, bn_param)
        return out.astype(np.float32), cache

    return {"spatial_batchnorm_forward": with_less}


@spatial_batchnorm_forward.misconception
def per_pixel(reference):
    """Each pixel has statistics of its own, taken over the pictures only; a channel is one feature wherever it is, so take mean
    and variance over pictures, rows and columns."""
    return _norm(lambda x: (x.mean(axis=0, keepdims=True), x.var(axis=0, keepdims=True)))


@spatial_batchnorm_forward.misconception
def per_picture(reference):
    """Each picture has statistics of its own, taken over rows and columns only (instance normalisation); take them over the
    pictures too."""
    return _norm(lambda x: (x.mean(axis=(2, 3), keepdims=True), x.var(axis=(2, 3), keepdims=True)))


@spatial_batchnorm_forward.misconception
def over_everything(reference):
    """One mean and one variance for all channels together; each channel has its own, over pictures, rows and columns."""
    return _norm(
        lambda x: (
            np.broadcast_to(x.mean(), (1, x.shape[1], 1, 1)),
            np.broadcast_to(x.var(), (1, x.shape[1], 1, 1)),
        ),
    )


@spatial_batchnorm_forward.misconception
def reshaped_without_moving_the_channels(reference):
    """`x.reshape(-1, C)` does not put a channel in a column: move the channels last first, `x.transpose(0, 2, 3, 1)`, and back
    at the end."""
    forward = _norm()["spatial_batchnorm_forward"]

    def mixed(x, gamma, beta, bn_param):
        rows = x.reshape(-1, x.shape[1])
        out, cache = forward(rows[:, :, None, None], gamma, beta, bn_param)
        return out.reshape(x.shape), cache

    return {"spatial_batchnorm_forward": mixed}


@spatial_batchnorm_forward.misconception
def momentum_reversed(reference):
    """The momentum is reversed: the old running value keeps the share `momentum`, the new batch gets `1 - momentum`."""
    return _norm(running=lambda old, new, m: (1 - m) * old + m * new)


@spatial_batchnorm_forward.misconception
def running_statistics_replaced(reference):
    """The running statistics are replaced by those of the batch: mix them, `momentum * running + (1 - momentum) * batch`."""
    return _norm(running=lambda old, new, m: new)


@spatial_batchnorm_forward.misconception
def running_statistics_begin_with_the_first_batch(reference):
    """The running statistics begin as those of the first batch; where `bn_param` does not hold them yet they are zeros, and the
    first batch counts `1 - momentum` like any other."""
    forward = _norm()["spatial_batchnorm_forward"]

    def begun(x, gamma, beta, bn_param):
        if bn_param["mode"] == "train":
            bn_param.setdefault("running_mean", x.mean(axis=_ALL))
            bn_param.setdefault("running_var", x.var(axis=_ALL))
        return forward(x, gamma, beta, bn_param)

    return {"spatial_batchnorm_forward": begun}


@spatial_batchnorm_forward.misconception
def running_statistics_with_all_axes(reference):
    """The running statistics are stored in shape (1, C, 1, 1), as `keepdims=True` leaves them: `(C,)` is asked, so store
    `mean.reshape(-1)`, or leave `keepdims` out and reshape where you normalise."""
    forward = _norm()["spatial_batchnorm_forward"]

    def with_axes(x, gamma, beta, bn_param):
        answer = forward(x, gamma, beta, bn_param)
        if bn_param["mode"] == "train":
            for key in ("running_mean", "running_var"):
                bn_param[key] = bn_param[key].reshape(1, -1, 1, 1)
        return answer

    return {"spatial_batchnorm_forward": with_axes}


@spatial_batchnorm_forward.misconception
def running_statistics_not_stored(reference):
    """The running statistics are not updated: store the new ones in `bn_param`, in train mode."""
    return _norm(running=lambda old, new, m: old)


@spatial_batchnorm_forward.misconception
def updated_at_test_time(reference):
    """The running statistics change in test mode too; testing must leave no trace, so update them in train mode only."""
    forward = _norm()["spatial_batchnorm_forward"]

    def always(x, gamma, beta, bn_param):
        answer = forward(x, gamma, beta, bn_param)
        if bn_param["mode"] == "test":
            forward(x, gamma, beta, trained := {**bn_param, "mode": "train"})
            bn_param |= {key: trained[key] for key in ("running_mean", "running_var")}
        return answer

    return {"spatial_batchnorm_forward": always}


@spatial_batchnorm_forward.misconception
def running_variance_unbiased(reference):
    """The running variance is kept with the number of entries less one; keep the same variance that normalises the batch."""
    forward = _norm()["spatial_batchnorm_forward"]

    def unbiased(x, gamma, beta, bn_param):
        before = np.array(bn_param.get("running_var", np.zeros(x.shape[1])))
        answer, count = forward(x, gamma, beta, bn_param), x.size / x.shape[1]
        if bn_param["mode"] == "train":
            kept = bn_param.get("momentum", 0.9) * before
            bn_param["running_var"] = kept + (bn_param["running_var"] - kept) * count / (count - 1)
        return answer

    return {"spatial_batchnorm_forward": unbiased}


def _in_mode(reference, modes):
    """Answer in another mode than the one asked for."""

    def forward(x, gamma, beta, bn_param):
        asked = bn_param["mode"]
        bn_param["mode"] = modes[asked]
        answer = reference.spatial_batchnorm_forward(x, gamma, beta, bn_param)
        bn_param["mode"] = asked
        return answer

    return {"spatial_batchnorm_forward": forward}


@spatial_batchnorm_forward.misconception
def modes_exchanged(reference):
    """The modes are exchanged: the batch's own statistics, and the update of the running ones, belong to train mode."""
    return _in_mode(reference, {"train": "test", "test": "train"})


@spatial_batchnorm_forward.misconception
def always_in_train_mode(reference):
    """Test mode does what train mode does: ask `bn_param["mode"]`. In test mode normalise by the running statistics, and leave
    them as they are."""
    return _in_mode(reference, {"train": "train", "test": "train"})


@spatial_batchnorm_forward.misconception
def batch_statistics_at_test_time(reference):
    """In test mode the batch's own statistics are used: take `running_mean` and `running_var` from `bn_param`."""
    return _norm(at_test="batch")


@spatial_batchnorm_forward.misconception
def eps_outside_the_root(reference):
    """`eps` is added after the root; it belongs under it: `sqrt(var + eps)`."""
    return _norm(scale=lambda centred, var, gamma, beta, eps: gamma * centred / (np.sqrt(var) + eps) + beta)


@spatial_batchnorm_forward.misconception
def divided_by_the_variance(reference):
    """The numbers are divided by their variance; divide by its root, the standard deviation."""
    return _norm(scale=lambda centred, var, gamma, beta, eps: gamma * centred / (var + eps) + beta)


@spatial_batchnorm_forward.misconception
def unbiased_variance(reference):
    """The variance is divided by the number of entries less one; here it is the plain mean of the squares."""
    return _norm(lambda x: (x.mean(axis=_ALL, keepdims=True), x.var(axis=_ALL, keepdims=True, ddof=1)))


@spatial_batchnorm_forward.misconception
def gamma_and_beta_left_out(reference):
    """The numbers are normalised, but `gamma` and `beta` are missing: `out = gamma * x_hat + beta`, channel by channel."""
    return _norm(scale=lambda centred, var, gamma, beta, eps: centred / np.sqrt(var + eps))


# ------------------------------------------------------------------- spatial_batchnorm_backward


def batchnorm_backward_inputs(rng):
    for case in batchnorm_inputs(rng):
        inputs = {name: case.inputs[name] for name in ("x", "gamma", "beta", "eps")}
        yield Case(case.label, inputs | {"dout": rng.normal(0.5, 1.0, inputs["x"].shape)}, case.sizes)


@question(points={"dx": 2.5, "dgamma": 1, "dbeta": 1, "second_dx": 0.5, "inputs": 1}, draw=batchnorm_backward_inputs)
def spatial_batchnorm_backward(student, x, gamma, beta, eps, dout):
    out, cache = student.spatial_batchnorm_forward(x, gamma, beta, {"mode": "train", "eps": eps})
    dout_again = dout.copy()
    dx, dgamma, dbeta = student.spatial_batchnorm_backward(dout, cache)
    second_dx = student.spatial_batchnorm_backward(dout_again, cache)[0]
    return {"dx": dx, "dgamma": dgamma, "dbeta": dbeta, "second_dx": second_dx}


def _norm_back(change):
    """Make a variant: `change(x_hat, g, std, dout, dx, dgamma, dbeta)` gives the three gradients."""

    def variant(reference):
        def backward(dout, cache):
            x, gamma, beta, eps = cache
            std = np.sqrt(x.var(axis=_ALL, keepdims=True) + eps)
            x_hat, g = (x - x.mean(axis=_ALL, keepdims=True)) / std, gamma.reshape(1, -1, 1, 1)
            m1 = dout.mean(axis=_ALL, keepdims=True)
            m2 = (dout * x_hat).mean(axis=_ALL, keepdims=True)
            dx = g / std * (dout - m1 - x_hat * m2)
            return change(x_hat, g, std, dout, dx, (dout * x_hat).sum(axis=_ALL), dout.sum(axis=_ALL))

        return _norm() | {"spatial_batchnorm_backward": backward}

    return variant


@spatial_batchnorm_backward.correct_variant
def three_sums(reference):
    return _norm_back(lambda x_hat, g, std, dout, *grads: grads)(reference)


@spatial_batchnorm_backward.correct_variant
def step_by_step(reference):
    def change(x_hat, g, std, dout, dx, dgamma, dbeta):
        count = dout.size // dout.shape[1]
        dx_hat = g * dout
        dstd = (dx_hat * x_hat).sum(axis=_ALL, keepdims=True) * -1 / std
        dvar = dstd / (2 * std)
        dcentred = dx_hat / std + dvar * 2 * (x_hat * std) / count
        return dcentred - dcentred.mean(axis=_ALL, keepdims=True), dgamma, dbeta

    return _norm_back(change)(reference)


@spatial_batchnorm_backward.correct_variant
def gradients_kept_as_rows(reference):
    return _norm_back(
        lambda x_hat, g, std, dout, dx, dgamma, dbeta: (dx, dgamma[None, :], dbeta[None, :]),
    )(reference)


@spatial_batchnorm_backward.correct_variant
def single_precision_gradients(reference):
    return _norm_back(lambda x_hat, g, std, dout, *grads: tuple(a.astype(np.float32) for a in grads))(reference)


@spatial_batchnorm_backward.misconception
def mean_taken_as_fixed(reference):
    """`dx` treats mean and variance as fixed numbers; every pixel moves both of them, which gives the two further terms of the
    formula."""
    return _norm_back(lambda x_hat, g, std, dout, dx, dgamma, dbeta: (g / std * dout, dgamma, dbeta))(reference)


@spatial_batchnorm_backward.misconception
def variance_taken_as_fixed(reference):
    """`dx` lacks the way through the variance: subtract `x_hat` times the mean of `dout * x_hat` as well."""
    return _norm_back(
        lambda x_hat, g, std, dout, dx, dgamma, dbeta: (
            g / std * (dout - dout.mean(axis=_ALL, keepdims=True)),
            dgamma,
            dbeta,
        ),
    )(reference)


@spatial_batchnorm_backward.misconception
def way_through_the_mean_left_out(reference):
    """`dx` lacks the way through the mean: subtract the channel's mean of `dout` as well."""
    return _norm_back(
        lambda x_hat, g, std, dout, dx, dgamma, dbeta: (
            dx + g / std * dout.mean(axis=_ALL, keepdims=True),
            dgamma,
            dbeta,
        ),
    )(reference)


@spatial_batchnorm_backward.misconception
def gamma_left_out(reference):
    """`dx` lacks the factor `gamma` of its channel."""
    return _norm_back(lambda x_hat, g, std, dout, dx, dgamma, dbeta: (dx / g, dgamma, dbeta))(reference)


@spatial_batchnorm_backward.misconception
def not_divided_by_the_deviation(reference):
    """`dx` is not divided by the standard deviation of its channel, `sqrt(var + eps)`."""
    return _norm_back(lambda x_hat, g, std, dout, dx, dgamma, dbeta: (dx * std, dgamma, dbeta))(reference)


@spatial_batchnorm_backward.misconception
def summed_over_the_pictures_only(reference):
    """`dgamma` and `dbeta` still have a number for each pixel; a channel has one `gamma` and one `beta`, so sum over pictures,
    rows and columns."""
    return _norm_back(
        lambda x_hat, g, std, dout, dx, dgamma, dbeta: (dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)),
    )(reference)


@spatial_batchnorm_backward.misconception
def sums_with_all_axes(reference):
    """`dgamma` and `dbeta` have shape (1, C, 1, 1), as `keepdims=True` leaves them: `(C,)` is asked, so sum without it."""
    return _norm_back(
        lambda x_hat, g, std, dout, dx, dgamma, dbeta: (dx, dgamma.reshape(1, -1, 1, 1), dbeta.reshape(1, -1, 1, 1)),
    )(reference)


@spatial_batchnorm_backward.misconception
def means_instead_of_sums(reference):
    """`dgamma` and `dbeta` are means; they are sums over pictures, rows and columns."""

    def change(x_hat, g, std, dout, dx, dgamma, dbeta):
        count = dout.size // dout.shape[1]
        return dx, dgamma / count, dbeta / count

    return _norm_back(change)(reference)


@spatial_batchnorm_backward.misconception
def dgamma_without_x_hat(reference):
    """`dgamma` is the sum of `dout`; gamma was multiplied by the normalised numbers, so sum `dout * x_hat`."""
    return _norm_back(lambda x_hat, g, std, dout, dx, dgamma, dbeta: (dx, dbeta.copy(), dbeta))(reference)


@spatial_batchnorm_backward.misconception
def dbeta_from_the_overwritten_dout(reference):
    """`dbeta` is the sum of what `dout` had become: `dout *= x_hat` changes `dout` itself, for `dbeta` and for whoever gave it.
    Write `dout * x_hat`, which makes a new array."""

    def change(x_hat, g, std, dout, dx, dgamma, dbeta):
        dout *= x_hat
        return dx, dgamma, dgamma.copy()

    return _norm_back(change)(reference)


@spatial_batchnorm_backward.misconception
def divided_by_the_number_of_pictures(reference):
    """The means in `dx` are divided by the number of pictures; a channel has `N * H * W` numbers."""

    def change(x_hat, g, std, dout, dx, dgamma, dbeta):
        n = len(dout)
        m1, m2 = (a.reshape(1, -1, 1, 1) / n for a in (dbeta, dgamma))
        return g / std * (dout - m1 - x_hat * m2), dgamma, dbeta

    return _norm_back(change)(reference)


# --------------------------------------------------------------------------- ThreeLayerConvNet


def network_inputs(rng):
    """Small networks with trained-looking weights; pictures that are not square, one channel, one picture, one-pixel fields."""
    for label, n, shape, f, size, hidden, classes, reg in [
        ("with regularisation, not square", 4, (3, 6, 8), 5, 3, 9, 7, 0.35),
        ("without regularisation, fields of five", 3, (2, 8, 4), 4, 5, 8, 6, 0.0),
        ("one picture with one channel", 1, (1, 6, 4), 6, 3, 7, 5, 0.2),
        ("very wide pictures, fields of one pixel", 5, (2, 2, 10), 3, 1, 6, 4, 0.5),
        ("fewer filters than channels", 2, (4, 4, 6), 3, 3, 5, 8, 0.1),
    ]:
        flat = f * (shape[1] // 2) * (shape[2] // 2)
        field = shape[0] * size * size
        inputs = {
            "X": rng.normal(size=(n, *shape)),
            "y": rng.integers(0, classes, n),
            "W1": rng.normal(0, field**-0.5, (f, shape[0], size, size)),
            "b1": rng.normal(-0.3, 0.5, f),
            "W2": rng.normal(0, flat**-0.5, (flat, hidden)),
            "b2": rng.normal(0.1, 0.5, hidden),
            "W3": rng.normal(0, hidden**-0.5, (hidden, classes)),
            "b3": rng.normal(-0.4, 0.5, classes),
            "weight_scale": float(rng.uniform(0.02, 0.2)),
            "reg": reg,
        }
        yield Case(label, inputs, {"N": n, "F": f, "C": classes})


@question(
    points={
        "W_shapes": 0.5,
        "W_scale": 0.5,
        "dtype": 0.5,
        "biases": 0.5,
        "scores": 3,
        "loss": 2,
        "dW1": 1,
        "db1": 0.5,
        "dW2": 1,
        "db2": 0.5,
        "dW3": 0.5,
        "db3": 0.5,
        "inputs": 1,
    },
    draw=network_inputs,
)
def ThreeLayerConvNet(student, X, y, W1, b1, W2, b2, W3, b3, weight_scale, reg):
    sizes = {"num_filters": len(b1), "filter_size": W1.shape[2], "hidden_dim": len(b2), "num_classes": len(b3)}
    net = student.ThreeLayerConvNet(
        input_dim=X.shape[1:], weight_scale=weight_scale, reg=reg, dtype=np.float64, **sizes
    )
    large = student.ThreeLayerConvNet((3, 8, 8), 64, 7, 100, 60, weight_scale=weight_scale, dtype=np.float64)
    single = student.ThreeLayerConvNet((1, 2, 2), 2, 1, 3, 4, dtype=np.float32)
    weights, biases = {"W1": W1, "W2": W2, "W3": W3}, {"b1": b1, "b2": b2, "b3": b3}
    shapes = [np.shape(net.params[name]) for name in weights]
    seen = {
        "W_shapes": np.array([size for shape in shapes for size in shape]),
        # To one digit, so that it does not matter in which order the weights were drawn.
        "W_scale": np.round([np.std(large.params[name]) / weight_scale for name in weights], 1),
        "dtype": np.array([single.params[name].dtype == np.float32 for name in (*weights, *biases)]),
        "biases": np.concatenate([np.ravel(net.params[name]) for name in biases]),
    }
    if shapes != [w.shape for w in weights.values()]:  # then nothing can be computed with the weights we bring
        others = ("scores", "loss", "dW1", "db1", "dW2", "db2", "dW3", "db3")
        return seen | {name: np.zeros(0) for name in others}
    for name, bias in biases.items():
        net.params[name] = bias.reshape(np.shape(net.params[name]))
    for name, weight in weights.items():
        net.params[name] = weight
    scores = net.loss(X)
    loss, grads = net.loss(X, y)
    return seen | {"scores": scores, "loss": loss} | {"d" + name: grads[name] for name in (*weights, *biases)}


def _softmax(scores, y):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    p[np.arange(len(y)), y] -= 1
    return loss, p / len(y)


def _own(
    activate=lambda a: (np.maximum(0, a), a > 0),
    hidden=lambda a: (np.maximum(0, a), a > 0),
    pool=None,
    flatten=lambda h: h.reshape(len(h), -1),
    unflatten=lambda d, shape: d.reshape(shape),
    last=lambda scores: scores,
):
    """Make a network from loops and products, one of whose parts is another."""

    def share(blocks):
        """Which entry of each block (N, F, H', W', 4) gets how much."""
        return (np.arange(4) == blocks.argmax(axis=-1)[..., None]).astype(float)

    share = pool or share

    def variant(reference):
        class Own(reference.ThreeLayerConvNet):
            def loss(self, X, y=None):
                p = self.params
                W1, W2, W3 = p["W1"], p["W2"], p["W3"]
                pad = (W1.shape[2] - 1) // 2
                a, gate1 = activate(_conv(X, W1, p["b1"].ravel(), 1, pad))
                n, f, h, w = a.shape
                blocks = (
                    a.reshape(n, f, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, f, h // 2, w // 2, 4)
                )
                shares = share(blocks)
                pooled = (blocks * shares).sum(axis=-1)
                flat = flatten(pooled)
                hid, gate2 = hidden(flat @ W2 + p["b2"])
                scores = last(hid @ W3 + p["b3"])
                if y is None:
                    return scores
                loss, ds = _softmax(scores, y)
                loss += 0.5 * self.reg * sum((W**2).sum() for W in (W1, W2, W3))
                dh = ds @ W3.T * gate2
                dpooled = unflatten(dh @ W2.T, pooled.shape)
                dblocks = (shares * dpooled[..., None]).reshape(n, f, h // 2, w // 2, 2, 2)
                da = dblocks.transpose(0, 1, 2, 4, 3, 5).reshape(a.shape) * gate1
                dW1 = _framed_gradients(X, W1, da, 1, pad)[1]
                return loss, {
                    "W1": dW1 + self.reg * W1,
                    "b1": da.sum(axis=_ALL),
                    "W2": flat.T @ dh + self.reg * W2,
                    "b2": dh.sum(axis=0),
                    "W3": hid.T @ ds + self.reg * W3,
                    "b3": ds.sum(axis=0),
                }

        return {"ThreeLayerConvNet": Own}

    return variant


def _network(change):
    """Make a variant whose loss and gradients are changed by `change(net, loss, grads)`."""

    def variant(reference):
        class Changed(reference.ThreeLayerConvNet):
            def loss(self, X, y=None):
                if y is None:
                    return super().loss(X)
                loss, grads = super().loss(X, y)
                return change(self, loss, dict(grads))

        return {"ThreeLayerConvNet": Changed}

    return variant


def _built(build):
    """Make a variant whose parameters are changed by `build(params, weight_scale)` when it is made."""

    def variant(reference):
        class Changed(reference.ThreeLayerConvNet):
            def __init__(self, *args, weight_scale=1e-3, **others):
                super().__init__(*args, weight_scale=weight_scale, **others)
                build(self.params, weight_scale)

        return {"ThreeLayerConvNet": Changed}

    return variant


def _squares(net, names=("W1", "W2", "W3")):
    return sum((net.params[name] ** 2).sum() for name in names)


@ThreeLayerConvNet.correct_variant
def written_in_one_piece(reference):
    return _own()(reference)


@ThreeLayerConvNet.correct_variant
def from_the_slow_layers(reference):
    def conv_backward_fast(dout, cache, need_dx=True):
        return reference.conv_backward_naive(dout, cache)

    slow = {f"{name}_fast": getattr(reference, f"{name}_naive") for name in ("conv_forward", "max_pool_forward")}
    return slow | {
        "conv_backward_fast": conv_backward_fast,
        "max_pool_backward_fast": reference.max_pool_backward_naive,
    }


@ThreeLayerConvNet.correct_variant
def biases_as_rows(reference):
    class Rows(_own()(reference)["ThreeLayerConvNet"]):
        def __init__(self, *args, **others):
            super().__init__(*args, **others)
            for name in ("b1", "b2", "b3"):
                self.params[name] = self.params[name].reshape(1, -1)

    return {"ThreeLayerConvNet": Rows}


@ThreeLayerConvNet.correct_variant
def single_precision_network(reference):
    return _network(lambda net, loss, grads: (np.float32(loss), {k: v.astype(np.float32) for k, v in grads.items()}))(
        reference
    )


@ThreeLayerConvNet.correct_variant
def extra_entries(reference):
    return _network(lambda net, loss, grads: (np.array([loss]), grads | {"scores": np.zeros(3)}))(reference)


@ThreeLayerConvNet.misconception
def relu_after_the_convolution_left_out(reference):
    """The ReLU after the convolution is missing: conv, ReLU, pool, affine, ReLU, affine."""
    return _own(activate=lambda a: (a, np.ones_like(a)))(reference)


@ThreeLayerConvNet.misconception
def relu_between_the_affine_layers_left_out(reference):
    """The ReLU between the two affine layers is missing: without it they are just one affine layer."""
    return _own(hidden=lambda a: (a, np.ones_like(a)))(reference)


@ThreeLayerConvNet.misconception
def relu_on_the_scores(reference):
    """There is a ReLU after the last layer: scores may be negative, so it must not be there."""
    return _own(last=lambda scores: np.maximum(0, scores))(reference)


@ThreeLayerConvNet.misconception
def pooling_left_out(reference):
    """The pooling is left out, so `W2` has four times as many rows as it should: the 2 x 2 pooling halves height and width, and
    the flat size is `F * (H // 2) * (W // 2)`."""

    class Large(reference.ThreeLayerConvNet):
        def __init__(self, *args, weight_scale=1e-3, **others):
            super().__init__(*args, weight_scale=weight_scale, **others)
            self.params["W2"] = np.concatenate([self.params["W2"]] * 4)

    return {"ThreeLayerConvNet": Large}


@ThreeLayerConvNet.misconception
def average_pooling(reference):
    """The pooling takes the mean of each 2 x 2 window; max pooling is asked."""
    return _own(pool=lambda blocks: np.full(blocks.shape, 0.25))(reference)


@ThreeLayerConvNet.misconception
def every_second_pixel(reference):
    """Every second pixel is kept, as by a convolution with stride 2 and no pooling; convolve with stride 1 and keep the largest
    of each 2 x 2 window."""
    return _own(pool=lambda blocks: np.broadcast_to(np.arange(4) == 0, blocks.shape).astype(float))(reference)


@ThreeLayerConvNet.misconception
def flattened_with_the_filters_last(reference):
    """The pooled maps are flattened with the filters last; keep the order of the axes, `pooled.reshape(N, -1)`, filter by
    filter."""
    return _own(
        flatten=lambda h: h.transpose(0, 2, 3, 1).reshape(len(h), -1),
        unflatten=lambda d, s: d.reshape(s[0], s[2], s[3], s[1]).transpose(0, 3, 1, 2),
    )(reference)


@ThreeLayerConvNet.misconception
def regularisation_left_out(reference):
    """There is no regularisation, neither in the loss nor in the gradients: add `0.5 * reg * sum(W**2)` for `W1`, `W2` and
    `W3`, and `reg * W` to their gradients."""

    def change(net, loss, grads):
        changed = {k: grads[k] - net.reg * net.params[k] for k in ("W1", "W2", "W3")}
        return loss - 0.5 * net.reg * _squares(net), grads | changed

    return _network(change)(reference)


@ThreeLayerConvNet.misconception
def regularisation_left_out_of_the_gradients(reference):
    """The weight gradients lack `reg * W`, the derivative of the regularisation."""
    return _network(
        lambda net, loss, grads: (loss, grads | {k: grads[k] - net.reg * net.params[k] for k in ("W1", "W2", "W3")}),
    )(reference)


@ThreeLayerConvNet.misconception
def filters_not_regularised(reference):
    """The filters `W1` are not regularised; they are weights like the others and belong in the loss and in the gradient."""

    def change(net, loss, grads):
        W1 = net.params["W1"]
        return loss - 0.5 * net.reg * (W1**2).sum(), grads | {"W1": grads["W1"] - net.reg * W1}

    return _network(change)(reference)


@ThreeLayerConvNet.misconception
def half_missing(reference):
    """The regularisation in the loss is twice what is asked: it is `0.5 * reg * sum(W**2)`, with the 0.5."""
    return _network(lambda net, loss, grads: (loss + 0.5 * net.reg * _squares(net), grads))(reference)


@ThreeLayerConvNet.misconception
def biases_regularised(reference):
    """The biases are regularised too; only the weights are, in the loss and in the gradients."""

    def change(net, loss, grads):
        names = ("b1", "b2", "b3")
        changed = {k: grads[k] + net.reg * net.params[k] for k in names}
        return loss + 0.5 * net.reg * _squares(net, names), grads | changed

    return _network(change)(reference)


@ThreeLayerConvNet.misconception
def weight_scale_ignored(reference):
    """The weights are standard normal: multiply them by `weight_scale`."""

    def build(params, weight_scale):
        for name in ("W1", "W2", "W3"):
            params[name] = params[name] / weight_scale

    return _built(build)(reference)


@ThreeLayerConvNet.misconception
def biases_start_at_one(reference):
    """The biases do not start at zero."""

    def build(params, weight_scale):
        for name in ("b1", "b2", "b3"):
            params[name] = np.ones_like(params[name])

    return _built(build)(reference)


@ThreeLayerConvNet.misconception
def dtype_ignored(reference):
    """The parameters are float64 whatever `dtype` says: convert them with `.astype(dtype)`, or training takes twice the time."""

    def build(params, weight_scale):
        params.update({name: value.astype(np.float64) for name, value in params.items()})

    return _built(build)(reference)


# ------------------------------------------------------------------------------------- equivalent mutants

_ORDER = "A sum or mean over several axes does not depend on their order."
_ANY_NEGATIVE = "NumPy takes any negative length in reshape for 'whatever is left', not only -1."
_FILLED = "Every entry of `out` is set afterwards, so it does not matter what it began with."

conv_output_size.equivalent(
    "conv_output_size:1 return 1 + (size + 2 * pad - field) // stride -> "
    "return np.asarray(1 + (size + 2 * pad - field) // stride).astype(int)",
    "The answer is a whole number anyway.",
)
conv_forward_naive.equivalent(
    "conv_forward_naive:1 ((0, 0), (0, 0), (pad, pad), (pad, pad)) -> ((0, 1), (0, 0), (pad, pad), (pad, pad))",
    "A black picture after the last one is never looked at.",
)
conv_forward_naive.equivalent(
    "conv_forward_naive:2 np.zeros((N, F, conv_output_size(H, HH, stride, pad), conv_output_size(W, WW, stride, pad))) -> "
    "np.ones((N, F, conv_output_size(H, HH, stride, pad), conv_output_size(W, WW, stride, pad)))",
    _FILLED,
)
conv_forward_im2col.equivalent("conv_forward_im2col:5 w.reshape(F, -1) -> w.reshape(F, -2)", _ANY_NEGATIVE)
conv_forward_im2col.equivalent("conv_forward_im2col:5 b.reshape(-1, 1) -> b.reshape(-2, 1)", _ANY_NEGATIVE)
for cache in ("(w, x, b, conv_param)", "(x, b, w, conv_param)", "(x, w, conv_param, b)"):
    conv_forward_im2col.equivalent(
        f"conv_forward_im2col:7 (x, w, b, conv_param) -> {cache}",
        "No backward pass is asked here, so what the cache holds is the student's own affair.",
    )
max_pool_forward_naive.equivalent(
    "max_pool_forward_naive:2 np.zeros((*x.shape[:2], rows, columns)) -> np.ones((*x.shape[:2], rows, columns))",
    _FILLED,
)
max_pool_forward_naive.equivalent(
    "max_pool_forward_naive:5 window.max(axis=(2, 3)) -> window.max(axis=(3, 2))",
    "A maximum over several axes does not depend on their order.",
)
for axes in ("(2, 0, 3)", "(0, 3, 2)"):
    conv_backward_naive.equivalent(f"conv_backward_naive:3 (0, 2, 3) -> {axes}", _ORDER)
    spatial_batchnorm_backward.equivalent(f"spatial_batchnorm_backward:2 (0, 2, 3) -> {axes}", _ORDER)
    for number in ("", " #2"):
        spatial_batchnorm_forward.equivalent(f"spatial_batchnorm_forward:2 (0, 2, 3) -> {axes}{number}", _ORDER)
spatial_batchnorm_forward.equivalent(
    "spatial_batchnorm_forward:1 bn_param['mode'] == 'train' -> bn_param['mode'] >= 'train'",
    "There are two modes, and 'test' stands before 'train' in the alphabet.",
)
spatial_batchnorm_forward.equivalent(
    "spatial_batchnorm_forward:7 a.reshape(1, -1, 1, 1) -> a.reshape(1, -2, 1, 1)", _ANY_NEGATIVE
)
for ending in ("", ", strict=False"):
    ThreeLayerConvNet.equivalent(
        "ThreeLayerConvNet:4 zip(shapes, (num_filters, hidden_dim, num_classes), strict=True) -> "
        f"zip(shapes, (num_filters, hidden_dim, num_classes){ending})",
        "The two are equally long, whatever is put in.",
    )
for other in ("(W2, W1, W3)", "(W1, W3, W2)"):
    ThreeLayerConvNet.equivalent(
        f"ThreeLayerConvNet:13 (W1, W2, W3) -> {other}",
        "The penalty is a sum, which does not depend on the order of its terms.",
    )
ThreeLayerConvNet.equivalent(
    "ThreeLayerConvNet:18 return (loss, grads | {'b1': db1, 'b2': db2, 'b3': db3}) -> "
    "return (np.asarray(loss)[..., None], grads | {'b1': db1, 'b2': db2, 'b3': db3})",
    "A loss handed back as an array of one number is accepted and noted.",
)
