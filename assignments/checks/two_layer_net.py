"""The questions of `two_layer_net`: how each is observed, what it is worth, how it goes wrong."""

import numpy as np

from autograder.model import Case
from autograder.questions import handed_in, question

# Sizes are drawn too: what one draw has in common by chance, the next has not.


def unlike(rng, count, least, most):
    """Draw sizes that differ from each other, so that a wrong factor can be told by what it equals."""
    return (int(size) for size in rng.permutation(np.arange(least, most + 1))[:count])


# ------------------------------------------------------------------------------ affine_forward


def affine_inputs(rng):
    """Images and plain rows; more rows than outputs; a batch of one; nothing square."""
    p, q, r = unlike(rng, 3, 3, 7)
    for label, n, shape, m in [
        ("a batch of small images", p, (3, 2, r), q),
        ("a batch of one", 1, (3, r), q),
        ("plain rows, fewer outputs than inputs", r, (q + r,), 2),
        ("a single input number", p, (1,), q),
    ]:
        d = int(np.prod(shape))
        inputs = {"x": rng.normal(size=(n, *shape)), "w": rng.normal(size=(d, m)), "b": rng.normal(1.0, 1.0, m)}
        yield Case(label, inputs, {"N": n, "D": d, "M": m})


@question(points={"out": 7, "inputs": 1}, draw=affine_inputs)
def affine_forward(student, x, w, b):
    out, cache = student.affine_forward(x, w, b)
    return {"out": out}


@affine_forward.correct_variant
def loops(reference):
    def affine_forward(x, w, b):
        out = np.zeros((x.shape[0], w.shape[1]))
        for i in range(x.shape[0]):
            for j in range(w.shape[1]):
                out[i, j] = sum(x[i].ravel() * w[:, j]) + b[j]
        return out, (x, w, b)

    return {"affine_forward": affine_forward}


@affine_forward.correct_variant
def einsum(reference):
    def affine_forward(x, w, b):
        rows = x.reshape(len(x), -1)
        return np.einsum("nd,dm->nm", rows, w) + b[None, :], {"rows": rows, "x": x, "w": w, "b": b}

    return {"affine_forward": affine_forward}


@affine_forward.correct_variant
def single_precision(reference):
    def affine_forward(x, w, b):
        rows = x.reshape(len(x), -1).astype(np.float32)
        return rows @ w.astype(np.float32) + b.astype(np.float32), (x, w, b)

    return {"affine_forward": affine_forward}


@affine_forward.correct_variant
def fortran_order(reference):
    def affine_forward(x, w, b):
        rows = np.asfortranarray(x.reshape(len(x), -1))
        return np.asfortranarray(np.dot(rows, w) + b), (x, w, b)

    return {"affine_forward": affine_forward}


@affine_forward.correct_variant
def non_contiguous(reference):
    def affine_forward(x, w, b):
        out = np.zeros((len(x), 2 * w.shape[1]))[:, ::2]
        np.matmul(x.reshape(len(x), -1), w, out=out)
        out += b.reshape(1, -1)
        return out, (x, w, b.reshape(1, -1))

    return {"affine_forward": affine_forward}


@affine_forward.correct_variant
def with_helpers(reference):
    def rows(x):
        return np.array([example.ravel() for example in x])

    def with_ones(a):
        return np.hstack([a, np.ones((len(a), 1))])

    def affine_forward(x, w, b):
        return with_ones(rows(x)) @ np.vstack([w, b]), {"rows": rows(x), "shape": x.shape, "w": w}

    return {"affine_forward": affine_forward}


@affine_forward.misconception
def bias_left_out(reference):
    """The bias `b` is missing: `out` is `x @ w + b`, and `b` is added to every row."""

    def affine_forward(x, w, b):
        return x.reshape(len(x), -1) @ w, (x, w, b)

    return {"affine_forward": affine_forward}


@affine_forward.misconception
def images_not_flattened(reference):
    """Each image must become one row before the product: `x.reshape(x.shape[0], -1)`."""

    def affine_forward(x, w, b):
        return x @ w + b, (x, w, b)

    return {"affine_forward": affine_forward}


@affine_forward.misconception
def flattened_across_images(reference):
    """The reshape mixes pixels of different images: keep the batch axis first, `x.reshape(x.shape[0], -1)`."""

    def affine_forward(x, w, b):
        return x.reshape(-1, len(x)).T @ w + b, (x, w, b)

    return {"affine_forward": affine_forward}


@affine_forward.misconception
def bias_subtracted(reference):
    """The bias is subtracted; it is added: `x @ w + b`."""

    def affine_forward(x, w, b):
        return x.reshape(len(x), -1) @ w - b, (x, w, b)

    return {"affine_forward": affine_forward}


@affine_forward.misconception
def bias_inside_the_sum(reference):
    """The bias is added before the sum over the inputs, so it counts once for each input; add it once, after the product."""

    def affine_forward(x, w, b):
        rows = x.reshape(len(x), -1)
        return rows @ w + rows.shape[1] * b, (x, w, b)

    return {"affine_forward": affine_forward}


@affine_forward.misconception
def averaged_over_inputs(reference):
    """The product is divided by the number of inputs: a neuron sums its weighted inputs, it does not average them."""

    def affine_forward(x, w, b):
        rows = x.reshape(len(x), -1)
        return rows @ w / rows.shape[1] + b, (x, w, b)

    return {"affine_forward": affine_forward}


# ----------------------------------------------------------------------------- affine_backward


def affine_backward_inputs(rng):
    for case in affine_inputs(rng):
        n, m = case.sizes["N"], case.sizes["M"]
        yield Case(case.label, {**case.inputs, "dout": rng.normal(size=(n, m))}, case.sizes)


@question(points={"dx": 5, "dw": 4, "db": 4, "inputs": 1}, draw=affine_backward_inputs)
def affine_backward(student, x, w, b, dout):
    out, cache = student.affine_forward(x, w, b)
    dx, dw, db = student.affine_backward(dout, cache)
    return {"dx": dx, "dw": dw, "db": db}


def _backward(change):
    """Make a variant that changes what the reference's backward gives."""

    def variant(reference):
        def affine_backward(dout, cache):
            x, w, _ = cache
            dx, dw, db = reference.affine_backward(dout, cache)
            return change(x, w, dout, dx, dw, db)

        return {"affine_backward": affine_backward}

    return variant


@affine_backward.correct_variant
def loops_over_entries(reference):
    def affine_backward(dout, cache):
        x, w, b = cache
        rows = x.reshape(len(x), -1)
        dx, dw, db = np.zeros_like(rows), np.zeros_like(w), np.zeros_like(b)
        for n in range(dout.shape[0]):
            for m in range(dout.shape[1]):
                dx[n] += dout[n, m] * w[:, m]
                dw[:, m] += dout[n, m] * rows[n]
                db[m] += dout[n, m]
        return dx.reshape(x.shape), dw, db

    return {"affine_backward": affine_backward}


@affine_backward.correct_variant
def einsum_backward(reference):
    def affine_backward(dout, cache):
        x, w, _ = cache
        dw = np.einsum("nd,nm->dm", x.reshape(len(x), -1), dout)
        return np.einsum("nm,dm->nd", dout, w).reshape(x.shape), dw, np.einsum("nm->m", dout)

    return {"affine_backward": affine_backward}


@affine_backward.correct_variant
def bias_gradient_kept_as_a_row(reference):
    return _backward(lambda x, w, dout, dx, dw, db: (dx, dw, db[None, :]))(reference)


@affine_backward.correct_variant
def own_cache(reference):
    def affine_forward(x, w, b):
        rows = x.reshape(len(x), -1)
        return rows @ w + b, {"rows": rows, "w": w, "shape": x.shape}

    def affine_backward(dout, cache):
        dx = dout.dot(cache["w"].T).reshape(cache["shape"])
        return dx, cache["rows"].T.dot(dout), np.ones(len(dout)).dot(dout)

    return {"affine_forward": affine_forward, "affine_backward": affine_backward}


@affine_backward.correct_variant
def single_precision_backward(reference):
    def affine_backward(dout, cache):
        x, w, b = (a.astype(np.float32) for a in cache)
        return reference.affine_backward(dout.astype(np.float32), (x, w, b))

    return {"affine_backward": affine_backward}


@affine_backward.correct_variant
def other_memory_layouts(reference):
    def affine_backward(dout, cache):
        x, w, _ = cache
        dx = np.zeros((*x.shape, 2))[..., 0]
        dx[...] = (dout @ w.T).reshape(x.shape)
        return dx, (dout.T @ x.reshape(len(x), -1)).T, np.asfortranarray(dout).sum(axis=0, keepdims=True)

    return {"affine_backward": affine_backward}


@affine_backward.correct_variant
def one_function_for_each_gradient(reference):
    def flat(x):
        return x.reshape(x.shape[0], -1)

    def for_x(dout, cache):
        return np.tensordot(dout, cache["w"], axes=(1, 1)).reshape(cache["x"].shape)

    def affine_forward(x, w, b):
        return flat(x) @ w + b, {"x": x, "w": w, "b": b}

    def affine_backward(dout, cache):
        return for_x(dout, cache), np.tensordot(flat(cache["x"]), dout, axes=(0, 0)), sum(dout)

    return {"affine_forward": affine_forward, "affine_backward": affine_backward}


@affine_backward.misconception
def bias_not_summed(reference):
    """Every row of the batch used the same `b`, so `db` is the sum of `dout` over the batch: `dout.sum(axis=0)`."""
    return _backward(lambda x, w, dout, dx, dw, db: (dx, dw, dout))(reference)


@affine_backward.misconception
def bias_averaged(reference):
    """`db` is the sum of `dout` over the batch, not its mean: the mean over the batch is taken once, in the loss."""
    return _backward(lambda x, w, dout, dx, dw, db: (dx, dw, dout.mean(axis=0)))(reference)


@affine_backward.misconception
def bias_summed_over_the_wrong_axis(reference):
    """`db` must have the shape of `b`, one entry for each output: sum `dout` over axis 0, the batch."""
    return _backward(lambda x, w, dout, dx, dw, db: (dx, dw, dout.sum(axis=1)))(reference)


@affine_backward.misconception
def dx_not_reshaped(reference):
    """A gradient has the shape of its array: reshape `dx` back to `x.shape`, images included."""
    return _backward(lambda x, w, dout, dx, dw, db: (dx.reshape(len(x), -1), dw, db))(reference)


@affine_backward.misconception
def dw_transposed(reference):
    """`dw` comes out transposed: it must have the shape of `w`, which is `x.T @ dout`."""
    return _backward(lambda x, w, dout, dx, dw, db: (dx, dw.T, db))(reference)


@affine_backward.misconception
def dw_averaged(reference):
    """`dw` is divided by the batch size; the mean over the batch is taken once, in the loss."""
    return _backward(lambda x, w, dout, dx, dw, db: (dx, dw / len(x), db))(reference)


@affine_backward.misconception
def upstream_forgotten(reference):
    """`dx` leaves `dout` out: the chain rule is upstream times local, `dout @ w.T`."""
    return _backward(
        lambda x, w, dout, dx, dw, db: ((np.ones_like(dout) @ w.T).reshape(x.shape), dw, db),
    )(reference)


@affine_backward.misconception
def gradients_exchanged(reference):
    """`dx` and `dw` are returned in each other's place: return gradients in the order of the arguments, `dx, dw, db`."""
    return _backward(lambda x, w, dout, dx, dw, db: (dw, dx, db))(reference)


# -------------------------------------------------------------------------------- relu_forward


def relu_inputs(rng):
    """Numbers of both signs, none at the kink; images, a batch of one, one sign only."""

    def away_from_zero(shape):
        return rng.uniform(0.1, 3.0, shape) * rng.choice([-1.0, 1.0], shape)

    yield Case("a batch of rows", {"x": away_from_zero((5, 7))}, {"N": 5})
    yield Case("a batch of one", {"x": away_from_zero((1, 9))}, {"N": 1})
    yield Case("images", {"x": away_from_zero((2, 3, 4, 5))}, {"N": 2})
    yield Case("negative numbers only", {"x": -np.abs(away_from_zero((3, 4)))}, {"N": 3})
    yield Case("large numbers", {"x": 1e4 * away_from_zero((4, 3))}, {"N": 4})


@question(points={"out": 5, "inputs": 1}, draw=relu_inputs)
def relu_forward(student, x):
    out, cache = student.relu_forward(x)
    return {"out": out}


def _gate(function):
    """Make a variant of relu_forward that lets `function(x)` through."""
    return {"relu_forward": lambda x: (function(x), x)}


@relu_forward.correct_variant
def times_mask(reference):
    return _gate(lambda x: x * (x > 0))


@relu_forward.correct_variant
def where(reference):
    return _gate(lambda x: np.where(x >= 0, x, 0))


@relu_forward.correct_variant
def on_a_copy(reference):
    def gate(x):
        out = x.copy()
        out[out < 0] = 0
        return out

    return _gate(gate)


@relu_forward.correct_variant
def half_the_sum(reference):
    return _gate(lambda x: (x + np.abs(x)) / 2)


@relu_forward.correct_variant
def one_number_at_a_time(reference):
    return _gate(lambda x: np.array([max(value, 0.0) for value in x.ravel()]).reshape(x.shape))


@relu_forward.correct_variant
def clipped_in_single_precision(reference):
    return _gate(lambda x: np.clip(x.astype(np.float32), 0, None))


@relu_forward.correct_variant
def with_a_gate_of_its_own(reference):
    def gate(x):
        return np.heaviside(x, 1.0)  # open at 0

    return {"relu_forward": lambda x: (np.einsum("...,...->...", gate(x), x), (gate(x), x.shape))}


@relu_forward.correct_variant
def gate_in_fortran_order(reference):
    return {"relu_forward": lambda x: (np.asfortranarray(np.maximum(x, 0)), {"open": x > 0})}


@relu_forward.correct_variant
def gate_non_contiguous(reference):
    def gate(x):
        out = np.zeros((*x.shape, 3))[..., 1]
        np.copyto(out, x, where=x > 0)
        return out

    return _gate(gate)


@relu_forward.misconception
def changed_in_place(reference):
    """The values are right, but `x` itself was changed: work on a copy, or use `np.maximum(0, x)`, which makes a new array."""

    def relu_forward(x):
        x[x < 0] = 0
        return x, x

    return {"relu_forward": relu_forward}


@relu_forward.misconception
def absolute_value(reference):
    """This is the absolute value; ReLU turns negative numbers into 0 and does not flip them."""
    return _gate(np.abs)


@relu_forward.misconception
def leaky(reference):
    """Negative inputs leak through with a small slope, as in leaky ReLU; plain ReLU gives exactly 0 for them."""
    return _gate(lambda x: np.where(x > 0, x, 0.01 * x))


@relu_forward.misconception
def only_the_mask(reference):
    """This returns the gate (1 where it is open), not what passes through it: `x` where `x > 0`, else 0."""
    return _gate(lambda x: (x > 0).astype(float))


@relu_forward.misconception
def minimum(reference):
    """This keeps the negative numbers: ReLU is the maximum of 0 and `x`, not the minimum."""
    return _gate(lambda x: np.minimum(0, x))


@relu_forward.misconception
def identity(reference):
    """Negative inputs pass unchanged: ReLU gives 0 for them."""
    return _gate(lambda x: x + 0.0)


# ------------------------------------------------------------------------------- relu_backward


def relu_backward_inputs(rng):
    for case in relu_inputs(rng):
        shape = case.inputs["x"].shape
        upstream = {"dout": rng.normal(size=shape), "dout_again": rng.normal(size=shape)}
        yield Case(case.label, case.inputs | upstream, case.sizes)


@question(points={"dx": 6, "second_dx": 1, "inputs": 1}, draw=relu_backward_inputs)
def relu_backward(student, x, dout, dout_again):
    out, cache = student.relu_forward(x)
    dx = np.array(student.relu_backward(dout, cache))
    second_dx = student.relu_backward(dout_again, cache)
    return {"dx": dx, "second_dx": second_dx}


def _back(function):
    """Make a variant of relu_backward from a function of `dout` and `x`."""
    return {"relu_forward": lambda x: (np.maximum(0, x), x), "relu_backward": lambda dout, x: function(dout, x)}


@relu_backward.correct_variant
def times_open_gate(reference):
    return _back(lambda dout, x: dout * (x > 0))


@relu_backward.correct_variant
def open_at_zero(reference):
    return _back(lambda dout, x: np.where(x >= 0, dout, 0))


@relu_backward.correct_variant
def copy_and_clear(reference):
    def back(dout, x):
        dx = dout.copy()
        dx[x <= 0] = 0
        return dx

    return _back(back)


@relu_backward.correct_variant
def cache_of_the_mask(reference):
    return {"relu_forward": lambda x: (x * (x > 0), x > 0), "relu_backward": lambda dout, mask: dout * mask}


@relu_backward.correct_variant
def single_precision_gate(reference):
    return _back(lambda dout, x: (dout * (x > 0)).astype(np.float32))


@relu_backward.correct_variant
def gate_by_loops(reference):
    def back(dout, x):
        dx = np.zeros_like(dout)
        for place in np.ndindex(x.shape):
            if x[place] > 0:
                dx[place] = dout[place]
        return dx

    return _back(back)


@relu_backward.correct_variant
def gate_by_einsum(reference):
    return _back(lambda dout, x: np.einsum("...,...->...", dout, (x > 0).astype(float)))


@relu_backward.correct_variant
def gate_by_signs_in_fortran_order(reference):
    def slope(x):
        return (np.sign(x) + 1) / 2

    return {
        "relu_forward": lambda x: (x * slope(x), {"slope": slope(x)}),
        "relu_backward": lambda dout, cache: np.asfortranarray(cache["slope"] * dout),
    }


@relu_backward.correct_variant
def gate_on_the_output_non_contiguous(reference):
    def back(dout, out):
        wide = np.repeat(np.where(out > 0, dout, 0.0)[..., None], 2, axis=-1)
        return wide[..., 1]

    return {"relu_forward": lambda x: (np.maximum(x, 0),) * 2, "relu_backward": back}


@relu_backward.misconception
def relu_in_place(reference):
    """`dx` is right the first time, but the mask is written into the cached `x`, so a second backward through the same
    cache is wrong: compute `dout * (x > 0)`, which makes a new array."""

    def back(dout, x):
        x[x > 0] = 1
        x[x <= 0] = 0
        x *= dout
        return x

    return _back(back)


@relu_backward.misconception
def mask_written_into_the_cache(reference):
    """`dx` is right, but the mask is written into the cached `x`: whoever uses `x` next finds ones and zeros there.
    Compute `dout * (x > 0)`, which makes a new array."""

    def back(dout, x):
        x[x > 0] = 1
        x[x <= 0] = 0
        return dout * x

    return _back(back)


@relu_backward.misconception
def upstream_changed_in_place(reference):
    """The values are right, but `dout` itself was changed, and the layer above may still need it: make a new array."""

    def back(dout, x):
        dout[x <= 0] = 0
        return dout

    return _back(back)


@relu_backward.misconception
def gate_on_the_gradient(reference):
    """The gate was set by the forward input: zero the gradient where `x` is not positive, not where `dout` is not."""
    return _back(lambda dout, x: np.maximum(0, dout))


@relu_backward.misconception
def upstream_left_out(reference):
    """This is the local gradient alone, 1 or 0; multiply it by `dout`, the gradient that comes from above."""
    return _back(lambda dout, x: (x > 0).astype(float))


@relu_backward.misconception
def forward_again(reference):
    """The upstream gradient is multiplied by ReLU's output; its local gradient is 1 where `x > 0` and 0 elsewhere."""
    return _back(lambda dout, x: dout * np.maximum(0, x))


@relu_backward.misconception
def gate_inverted(reference):
    """The gate is the wrong way round: the gradient passes where `x > 0` and stops elsewhere."""
    return _back(lambda dout, x: dout * (x <= 0))


@relu_backward.misconception
def passes_everything(reference):
    """The gradient passes everywhere: where `x` was not positive, the output did not depend on it and `dx` is 0."""
    return _back(lambda dout, x: dout * 1.0)


# -------------------------------------------------------------------------------- softmax_loss


def labels(rng, n, classes):
    """Draw the right classes; of a single image it is not 0, which is the number of its row too."""
    return rng.integers(0 if n > 1 else 1, classes, n)


def softmax_inputs(rng):
    """Ordinary scores, a batch of one, two classes, scores near plus and minus 1,000, and scores far apart.

    Scores are eighths, which float32 holds exactly even near 1,000. Where they are far apart, the right class is one of
    the likely ones, for the logarithm of a probability of 0 is no number for honest code either.
    """
    p, q, r = unlike(rng, 3, 3, 8)
    for label, n, c, shift in [
        ("ordinary scores", p, q, 0.0),
        ("a batch of one", 1, r, 0.0),
        ("two classes, more images", p + q, 2, 0.5),
        ("scores near 1,000", q, p, 1000.0),
        ("scores near -1,000", p, r, -1000.0),
    ]:
        scores = shift + rng.integers(-24, 25, (n, c)) / 8
        yield Case(label, {"x": scores, "y": labels(rng, n, c)}, {"N": n, "C": c})
    far = np.repeat([[1000.0, 1000.0, -500.0, -500.0, -500.0]], 6, axis=0) + rng.integers(-24, 25, (6, 5)) / 8
    yield Case("scores far apart", {"x": far, "y": rng.integers(0, 2, 6)}, {"N": 6, "C": 5})


@question(points={"loss": 7, "dx": 8, "inputs": 1}, draw=softmax_inputs)
def softmax_loss(student, x, y):
    loss, dx = student.softmax_loss(x, y)
    return {"loss": loss, "dx": dx}


def _probabilities(x, axis=1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _one_hot(x, y):
    return (np.arange(x.shape[1]) == y[:, None]).astype(float)


def _softmax(loss_of, dx_of):
    """Make a variant from the loss and the gradient, each of probabilities p, one-hot t and N."""

    def variant(reference):
        def softmax_loss(x, y):
            p, t = _probabilities(x), _one_hot(x, y)
            return loss_of(p, t, len(x)), dx_of(p, t, len(x))

        return {"softmax_loss": softmax_loss}

    return variant


def _mean_loss(p, t, n):
    return -np.log((p * t).sum(axis=1)).mean()


def _mean_dx(p, t, n):
    return (p - t) / n


@softmax_loss.correct_variant
def log_sum_exp(reference):
    def softmax_loss(x, y):
        top = x.max(axis=1, keepdims=True)
        log_p = x - top - np.log(np.exp(x - top).sum(axis=1, keepdims=True))
        dx = np.exp(log_p)
        dx[np.arange(len(y)), y] -= 1
        return -log_p[np.arange(len(y)), y].sum() / len(y), dx / len(y)

    return {"softmax_loss": softmax_loss}


@softmax_loss.correct_variant
def loops_over_images(reference):
    def softmax_loss(x, y):
        loss, dx = 0.0, np.zeros_like(x)
        for i in range(len(x)):
            e = np.exp(x[i] - max(x[i]))
            p = e / sum(e)
            loss -= np.log(p[y[i]]) / len(x)
            dx[i] = p / len(x)
            dx[i, y[i]] -= 1 / len(x)
        return loss, dx

    return {"softmax_loss": softmax_loss}


@softmax_loss.correct_variant
def loss_as_an_array_of_one(reference):
    return _softmax(lambda p, t, n: np.array([_mean_loss(p, t, n)]), _mean_dx)(reference)


@softmax_loss.correct_variant
def single_precision_softmax(reference):
    def softmax_loss(x, y):
        p = _probabilities(x.astype(np.float32))
        t = _one_hot(x, y).astype(np.float32)
        return _mean_loss(p, t, len(x)), ((p - t) / np.float32(len(x)))

    return {"softmax_loss": softmax_loss}


@softmax_loss.correct_variant
def one_maximum_for_all(reference):
    def softmax_loss(x, y):
        e = np.exp(x - x.max())
        p = e / e.sum(axis=1)[:, None]
        return _mean_loss(p, _one_hot(x, y), len(x)), _mean_dx(p, _one_hot(x, y), len(x))

    return {"softmax_loss": softmax_loss}


@softmax_loss.correct_variant
def einsum_in_fortran_order(reference):
    def softmax_loss(x, y):
        p, t = _probabilities(np.asfortranarray(x)), _one_hot(x, y)
        return -np.einsum("nc,nc->", t, np.log(np.where(t > 0, p, 1.0))) / len(x), np.asfortranarray((p - t) / len(x))

    return {"softmax_loss": softmax_loss}


@softmax_loss.correct_variant
def non_contiguous_gradient(reference):
    def softmax_loss(x, y):
        both = np.zeros((*x.shape, 2))
        both[..., 1] = (_probabilities(x) - _one_hot(x, y)) / len(x)
        return reference.softmax_loss(x, y)[0], both[..., 1]

    return {"softmax_loss": softmax_loss}


@softmax_loss.correct_variant
def pairs_of_classes(reference):
    def softmax_loss(x, y):
        p = 1 / np.exp(np.minimum(x[:, None, :] - x[:, :, None], 700)).sum(axis=2)  # 1 / sum of exp(x_j - x_i)
        right = np.take_along_axis(p, y[:, None], axis=1)[:, 0]
        return np.log(1 / right).sum() / len(y), (p - np.eye(x.shape[1])[y]) / len(y)

    return {"softmax_loss": softmax_loss}


@softmax_loss.correct_variant
def guarded_logarithm(reference):
    return _softmax(lambda p, t, n: -np.sum(np.log((p * t).sum(axis=1) + 1e-13)) / n, _mean_dx)(reference)


@softmax_loss.correct_variant
def logarithm_added_up(reference):
    def log_sum_exp(row):
        total = row[0]
        for score in row[1:]:
            total = np.logaddexp(total, score)
        return total

    def softmax_loss(x, y):
        log_p = x - np.array([log_sum_exp(row) for row in x])[:, None]
        dx = (np.exp(log_p) - _one_hot(x, y)) / len(x)
        return np.mean([-log_p[i, label] for i, label in enumerate(y)]), dx

    return {"softmax_loss": softmax_loss}


@softmax_loss.misconception
def maximum_not_subtracted(reference):
    """Right on small scores, but `np.exp` overflows on scores near 1,000: subtract each row's maximum first, which changes no
    probability."""

    def softmax_loss(x, y):
        with np.errstate(all="ignore"):
            p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
            return _mean_loss(p, _one_hot(x, y), len(x)), _mean_dx(p, _one_hot(x, y), len(x))

    return {"softmax_loss": softmax_loss}


@softmax_loss.misconception
def loss_summed(reference):
    """Loss and gradient are summed over the batch; the contract is the mean: divide both by N."""
    return _softmax(lambda p, t, n: n * _mean_loss(p, t, n), lambda p, t, n: p - t)(reference)


@softmax_loss.misconception
def loss_averaged_twice(reference):
    """Loss and gradient are divided by N twice: the mean over the batch is taken once."""
    return _softmax(lambda p, t, n: _mean_loss(p, t, n) / n, lambda p, t, n: _mean_dx(p, t, n) / n)(reference)


@softmax_loss.misconception
def gradient_not_averaged(reference):
    """The loss is a mean over the batch, so its gradient is too: divide `dx` by N."""
    return _softmax(_mean_loss, lambda p, t, n: p - t)(reference)


@softmax_loss.misconception
def gradient_averaged_twice(reference):
    """The loss is right, but `dx` is divided by N twice: the mean over the batch is taken once."""
    return _softmax(_mean_loss, lambda p, t, n: (p - t) / n**2)(reference)


@softmax_loss.misconception
def only_the_loss_summed(reference):
    """`dx` is the gradient of the mean loss, but the loss itself is summed: divide it by N."""
    return _softmax(lambda p, t, n: n * _mean_loss(p, t, n), _mean_dx)(reference)


@softmax_loss.misconception
def one_hot_not_subtracted(reference):
    """`dx` is `p / N`; the right class is missing: subtract 1 from its probability before dividing, `(p - onehot) / N`."""
    return _softmax(_mean_loss, lambda p, t, n: p / n)(reference)


@softmax_loss.misconception
def gradient_sign_flipped(reference):
    """`dx` has the wrong sign: it is `(p - onehot) / N`; raising the right score must lower the loss."""
    return _softmax(_mean_loss, lambda p, t, n: (t - p) / n)(reference)


@softmax_loss.misconception
def softmax_over_the_batch(reference):
    """The probabilities are normalised over the batch instead of over the classes: each row must sum to 1, so sum over axis 1."""

    def softmax_loss(x, y):
        p, t = _probabilities(x, axis=0), _one_hot(x, y)
        return _mean_loss(p, t, len(x)), _mean_dx(p, t, len(x))

    return {"softmax_loss": softmax_loss}


@softmax_loss.misconception
def normalised_over_everything(reference):
    """The probabilities sum to 1 over the whole batch; each row must sum to 1 by itself: sum over axis 1 with keepdims=True."""

    def softmax_loss(x, y):
        e = np.exp(x - x.max())
        p, t = e / e.sum(), _one_hot(x, y)
        return _mean_loss(p, t, len(x)), _mean_dx(p, t, len(x))

    return {"softmax_loss": softmax_loss}


@softmax_loss.misconception
def scores_changed_in_place(reference):
    """The values are right, but the maximum was subtracted from `x` itself: write `x = x - ...`, which makes a new array,
    not `x -= ...`."""

    def softmax_loss(x, y):
        x -= x.max(axis=1, keepdims=True)
        return reference.softmax_loss(x, y)

    return {"softmax_loss": softmax_loss}


@softmax_loss.misconception
def logarithm_missing(reference):
    """The loss is minus the mean probability of the right class; take the logarithm of that probability first."""
    return _softmax(lambda p, t, n: -(p * t).sum(axis=1).mean(), _mean_dx)(reference)


# --------------------------------------------------------------------------------- TwoLayerNet


def _clear_of_the_kink(rng, shape, W1, b1):
    """Draw images whose hidden sums are far enough from 0 for every precision to agree on which units are on."""
    while True:
        X = rng.normal(size=shape)
        if np.abs(X.reshape(len(X), -1) @ W1 + b1).min() > 1e-4:
            return X


def network_inputs(rng):
    """Small networks with trained-looking weights: images and rows, with and without regularisation.

    No two of what is special - no regularisation, a batch of one, large scores, D = H - hold in just the same cases.
    Near 1,000 float32 holds no more than four places after the point. There all numbers are eighths (with the hidden
    biases shifted off them, so that no sum is 0), whose sums it holds exactly.
    """
    (p, q), (hidden, same) = unlike(rng, 2, 4, 9), unlike(rng, 2, 30, 47)
    for label, n, shape, h, c, reg in [
        ("images, with regularisation", p, (3, 4, 4), hidden, q, float(rng.uniform(0.2, 0.4))),
        ("plain rows, without regularisation", q, (same,), same, p, 0.0),
        ("a batch of one", 1, (2, 5, 5), hidden, q, float(rng.uniform(0.2, 0.4))),
    ]:
        d = int(np.prod(shape))
        W1, b1 = rng.normal(0, d**-0.5, (d, h)), rng.normal(0.3, 0.5, h)
        W2, b2 = rng.normal(0, h**-0.5, (h, c)), rng.normal(-0.4, 0.5, c)
        yield network_case(rng, label, _clear_of_the_kink(rng, (n, *shape), W1, b1), W1, b1, W2, b2, reg)

    def eighths(largest, shape):
        return rng.integers(-largest, largest + 1, shape) / 8

    X, W1, b1 = eighths(16, (p, same)), eighths(2, (same, same)), 0.25 + eighths(4, same) + 1 / 128
    yield network_case(rng, "scores near 1,000", X, W1, b1, eighths(3, (same, q)), 1000 + eighths(4, q), 0.1)


def network_case(rng, label, X, W1, b1, W2, b2, reg):
    inputs = {"X": X, "y": labels(rng, len(X), len(b2)), "W1": W1, "b1": b1, "W2": W2, "b2": b2}
    inputs |= {"weight_scale": float(rng.uniform(0.02, 0.2)), "reg": reg}
    return Case(label, inputs, {"N": len(X), "D": len(W1), "H": len(W2), "C": len(b2)})


@question(
    points={
        "W_shapes": 1,
        "W_scale": 2,
        "b1": 0.5,
        "b2": 0.5,
        "scores": 6,
        "loss": 5,
        "dW1": 2,
        "db1": 2,
        "dW2": 2,
        "db2": 2,
        "inputs": 1,
    },
    draw=network_inputs,
    rtol={"W_scale": 0.05},
)
def TwoLayerNet(student, X, y, W1, b1, W2, b2, weight_scale, reg):
    net = student.TwoLayerNet(
        input_dim=len(W1), hidden_dim=len(W2), num_classes=len(b2), weight_scale=weight_scale, reg=reg
    )
    start = {name: np.array(net.params[name]) for name in ("W1", "b1", "W2", "b2")}
    large = student.TwoLayerNet(input_dim=100, hidden_dim=90, num_classes=80, weight_scale=weight_scale, reg=reg)
    net.params["W1"], net.params["W2"] = W1, W2
    net.params["b1"] = b1.reshape(np.shape(net.params["b1"]))
    net.params["b2"] = b2.reshape(np.shape(net.params["b2"]))
    scores = net.loss(X)
    loss, grads = net.loss(X, y)
    return {
        "W_shapes": np.array([*start["W1"].shape, *start["W2"].shape]),
        "W_scale": np.array([np.std(large.params["W1"]), np.std(large.params["W2"])]) / weight_scale,
        "b1": start["b1"],
        "b2": start["b2"],
        "scores": scores,
        "loss": loss,
        "dW1": grads["W1"],
        "db1": grads["b1"],
        "dW2": grads["W2"],
        "db2": grads["b2"],
    }


def _network(change):
    """Make a variant whose loss and gradients are changed by `change(net, X, y, loss, grads)`."""

    def variant(reference):
        class Changed(reference.TwoLayerNet):
            def loss(self, X, y=None):
                if y is None:
                    return super().loss(X)
                loss, grads = super().loss(X, y)
                return change(self, X, y, loss, dict(grads))

        return {"TwoLayerNet": Changed}

    return variant


def _built(build):
    """Make a variant whose parameters are changed by `build(params, weight_scale)` when it is made."""

    def variant(reference):
        class Changed(reference.TwoLayerNet):
            def __init__(self, input_dim=3072, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
                super().__init__(input_dim, hidden_dim, num_classes, weight_scale, reg)
                build(self.params, weight_scale)

        return {"TwoLayerNet": Changed}

    return variant


def _weights(net):
    return net.params["W1"], net.params["W2"]


@TwoLayerNet.correct_variant
def written_in_one_piece(reference):
    class TwoLayerNet:
        def __init__(self, input_dim=3072, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
            self.reg = reg
            rng = np.random.default_rng()
            self.params = {
                "W1": weight_scale * rng.standard_normal((input_dim, hidden_dim)),
                "b1": np.zeros(hidden_dim),
                "W2": weight_scale * rng.standard_normal((hidden_dim, num_classes)),
                "b2": np.zeros(num_classes),
            }

        def loss(self, X, y=None):
            p, rows = self.params, X.reshape(X.shape[0], -1)
            hidden = np.maximum(0, rows @ p["W1"] + p["b1"])
            scores = hidden @ p["W2"] + p["b2"]
            if y is None:
                return scores
            prob, t = _probabilities(scores), _one_hot(scores, y)
            penalty = sum(np.vdot(p[k], p[k]) for k in ("W1", "W2"))
            ds = (prob - t) / len(y)
            dh = ds @ p["W2"].T * (hidden > 0)
            grads = {"W2": hidden.T @ ds, "b2": ds.sum(0), "W1": rows.T @ dh, "b1": dh.sum(0)}
            grads["W1"] = grads["W1"] + self.reg * p["W1"]
            grads["W2"] = grads["W2"] + self.reg * p["W2"]
            return _mean_loss(prob, t, len(y)) + self.reg / 2 * penalty, grads

    return {"TwoLayerNet": TwoLayerNet}


@TwoLayerNet.correct_variant
def biases_as_rows(reference):
    def build(params, weight_scale):
        params["b1"], params["b2"] = params["b1"].reshape(1, -1), params["b2"].reshape(1, -1)

    return _built(build)(reference)


@TwoLayerNet.correct_variant
def single_precision_network(reference):
    class Single(reference.TwoLayerNet):
        def loss(self, X, y=None):
            kept = self.params
            self.params = {name: value.astype(np.float32) for name, value in kept.items()}
            try:
                return super().loss(X.astype(np.float32), y)
            finally:
                self.params = kept

    return {"TwoLayerNet": Single}


@TwoLayerNet.correct_variant
def other_memory_layouts_in_the_network(reference):
    def change(net, X, y, loss, grads):
        apart = {name: np.repeat(value, 2, axis=-1)[..., ::2] for name, value in grads.items()}
        return loss, apart | {"W1": np.asfortranarray(grads["W1"])}

    return _network(change)(reference)


@TwoLayerNet.correct_variant
def layers_of_its_own(reference):
    def layer(x, w, b, gate):
        a = np.einsum("nd,dm->nm", x, w) + b.reshape(1, -1)
        return np.where(a >= 0, a, 0) if gate else a

    class TwoLayerNet(reference.TwoLayerNet):
        def forward(self, X):
            p = self.params
            inputs = [X.reshape(len(X), -1)]
            inputs.append(layer(inputs[-1], p["W1"], p["b1"], True))
            return inputs, layer(inputs[-1], p["W2"], p["b2"], False)

        def backward(self, inputs, upstream):
            for number in (2, 1):
                w, x = self.params[f"W{number}"], inputs[number - 1]
                yield f"W{number}", np.einsum("nd,nm->dm", x, upstream) + self.reg * w
                yield f"b{number}", np.einsum("nm->m", upstream)[None, :]
                upstream = np.einsum("nm,dm->nd", upstream, w) * np.sign(x)

        def loss(self, X, y=None):
            inputs, scores = self.forward(X)
            if y is None:
                return scores
            p, t = _probabilities(scores), _one_hot(scores, y)
            penalty = self.reg * sum(np.linalg.norm(self.params[name]) ** 2 for name in ("W1", "W2")) / 2
            return np.array(_mean_loss(p, t, len(y)) + penalty), dict(self.backward(inputs, _mean_dx(p, t, len(y))))

    return {"TwoLayerNet": TwoLayerNet}


@TwoLayerNet.correct_variant
def one_example_at_a_time(reference):
    class TwoLayerNet(reference.TwoLayerNet):
        def loss(self, X, y=None):
            if y is None:
                return np.vstack([super(TwoLayerNet, self).loss(X[i : i + 1]) for i in range(len(X))])
            each = [super(TwoLayerNet, self).loss(X[i : i + 1], y[i : i + 1]) for i in range(len(X))]
            grads = {name: sum(g[name] for _, g in each) / len(X) for name in self.params}
            return sum(loss for loss, _ in each) / len(X), grads

    return {"TwoLayerNet": TwoLayerNet}


@TwoLayerNet.correct_variant
def extra_entries(reference):
    def change(net, X, y, loss, grads):
        return loss, grads | {"scores": np.zeros(3)}

    return _network(change)(reference)


@TwoLayerNet.misconception
def regularisation_left_out_of_the_loss(reference):
    """The loss lacks its regularisation, `0.5 * reg * (sum(W1**2) + sum(W2**2))`."""
    return _network(
        lambda net, X, y, loss, grads: (loss - 0.5 * net.reg * sum((W**2).sum() for W in _weights(net)), grads),
    )(reference)


@TwoLayerNet.misconception
def half_missing_in_the_loss(reference):
    """The regularisation in the loss is twice what is asked: it is `0.5 * reg * sum(W**2)`, with the 0.5."""
    return _network(
        lambda net, X, y, loss, grads: (loss + 0.5 * net.reg * sum((W**2).sum() for W in _weights(net)), grads),
    )(reference)


@TwoLayerNet.misconception
def regularisation_left_out_of_the_gradients(reference):
    """The weight gradients lack `reg * W`, the derivative of the regularisation."""

    def change(net, X, y, loss, grads):
        return loss, grads | {k: grads[k] - net.reg * net.params[k] for k in ("W1", "W2")}

    return _network(change)(reference)


@TwoLayerNet.misconception
def gradient_of_a_loss_without_the_half(reference):
    """The weight gradients have `2 * reg * W`; with 0.5 in the loss the derivative is `reg * W`."""

    def change(net, X, y, loss, grads):
        return loss, grads | {k: grads[k] + net.reg * net.params[k] for k in ("W1", "W2")}

    return _network(change)(reference)


@TwoLayerNet.misconception
def biases_regularised(reference):
    """The biases are regularised too; only the weights are, in the loss and in the gradients."""

    def change(net, X, y, loss, grads):
        biases = {k: net.params[k] for k in ("b1", "b2")}
        extra = 0.5 * net.reg * sum((b**2).sum() for b in biases.values())
        return loss + extra, grads | {k: grads[k] + net.reg * b for k, b in biases.items()}

    return _network(change)(reference)


@TwoLayerNet.misconception
def only_the_first_layer_regularised(reference):
    """Only `W1` is regularised; `W2` belongs in the loss and in its gradient too."""

    def change(net, X, y, loss, grads):
        W2 = net.params["W2"]
        return loss - 0.5 * net.reg * (W2**2).sum(), grads | {"W2": grads["W2"] - net.reg * W2}

    return _network(change)(reference)


@TwoLayerNet.misconception
def relu_left_out(reference):
    """The ReLU between the two layers is missing: two affine layers in a row are just one affine layer."""
    return {"relu_forward": lambda x: (x, x), "relu_backward": lambda dout, cache: dout}


@TwoLayerNet.misconception
def relu_on_the_scores(reference):
    """There is a ReLU after the last layer: scores may be negative, so it must not be there."""

    class Changed(reference.TwoLayerNet):
        def loss(self, X, y=None):
            scores = super().loss(X)
            if y is None:
                return np.maximum(0, scores)
            loss, grads = super().loss(X, y)
            return loss, grads

    return {"TwoLayerNet": Changed}


@TwoLayerNet.misconception
def weight_scale_ignored(reference):
    """The weights are standard normal: multiply them by `weight_scale`."""

    def build(params, weight_scale):
        params["W1"] /= weight_scale
        params["W2"] /= weight_scale

    return _built(build)(reference)


@TwoLayerNet.misconception
def biases_drawn_at_random(reference):
    """The biases start at random values; they start at zero."""

    def build(params, weight_scale):
        params["b1"] = weight_scale * np.random.randn(*params["b1"].shape)
        params["b2"] = weight_scale * np.random.randn(*params["b2"].shape)

    return _built(build)(reference)


@TwoLayerNet.misconception
def weights_start_at_zero(reference):
    """The weights start at zero, so every hidden unit computes the same and none ever learns: draw them at random."""

    def build(params, weight_scale):
        params["W1"][:], params["W2"][:] = 0, 0

    return _built(build)(reference)


# ------------------------------------------------------------------------- best_two_layer_net


@handed_in(
    "best_two_layer_net.npz",
    points={"at_least_40_percent": 4, "at_least_45_percent": 3, "at_least_48_percent": 3},
    bars={"at_least_40_percent": 0.40, "at_least_45_percent": 0.45, "at_least_48_percent": 0.48},
)
def best_two_layer_net(reference, X, params):
    W1, b1, W2, b2 = (params[name] for name in ("W1", "b1", "W2", "b2"))
    net = reference.TwoLayerNet(input_dim=W1.shape[0], hidden_dim=W1.shape[1], num_classes=W2.shape[1])
    net.params = {"W1": W1, "b1": b1.reshape(-1), "W2": W2, "b2": b2.reshape(-1)}
    return {"scores": net.loss(X)}


# ------------------------------------------------------------------------------------- equivalent mutants

affine_forward.equivalent(
    "affine_forward:1 x.reshape(len(x), -1) -> x.reshape(len(x), -2)",
    "NumPy takes any negative length in reshape for 'whatever is left', not only -1.",
)
affine_backward.equivalent(
    "affine_backward:2 x.reshape(len(x), -1) -> x.reshape(len(x), -2)",
    "NumPy takes any negative length in reshape for 'whatever is left', not only -1.",
)
relu_backward.equivalent(
    "relu_backward:1 dout * (x > 0) -> dout * (x >= 0)",
    "At 0 ReLU has no derivative, and 0 and 1 are both taken for it; either choice is accepted, so no input is 0.",
)
softmax_loss.equivalent(
    "softmax_loss:1 x.max(axis=1, keepdims=True) -> x.max(keepdims=True)",
    "One maximum for all rows changes no probability either. It is as safe as long as no whole row lies 700 below another, and "
    "it is accepted (the correct variant one_maximum_for_all), so no batch is drawn like that.",
)
softmax_loss.equivalent(
    "softmax_loss:6 return (-log_p[rows, y].mean(), dx / len(x)) -> "
    "return (np.asarray(-log_p[rows, y].mean())[..., None], dx / len(x))",
    "A loss handed back as an array of one number is accepted and noted (the correct variant loss_as_an_array_of_one).",
)
TwoLayerNet.equivalent(
    "TwoLayerNet:18 return (loss, {'W1': dW1 + self.reg * W1, 'b1': db1, 'W2': dW2 + self.reg * W2, 'b2': db2}) -> "
    "return (np.asarray(loss)[..., None], {'W1': dW1 + self.reg * W1, 'b1': db1, 'W2': dW2 + self.reg * W2, 'b2': db2})",
    "A loss handed back as an array of one number is accepted and noted.",
)
