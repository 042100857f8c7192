"""The questions of `activations`: how each is observed, what it is worth, how it goes wrong."""

import math

import numpy as np

from autograder.model import Case
from autograder.questions import question

GIVEN = {"two_layer_net": ("affine_forward", "affine_backward", "softmax_loss")}

# --------------------------------------------------------------- what is drawn, and how variants are made


def _away_from_zero(rng, shape):
    """Numbers of both signs, none near the kink and none near 1, where x and its square are alike."""
    return rng.choice([0.3, 0.6, 1.5, 2.5], shape) * rng.uniform(0.9, 1.1, shape) * rng.choice([-1.0, 1.0], shape)


def any_shape(rng):
    """Rows, a batch of one, images, one sign only, and numbers whose exponential no float holds."""
    yield Case("a batch of rows", {"x": _away_from_zero(rng, (5, 7))}, {"N": 5})
    yield Case("a batch of one", {"x": _away_from_zero(rng, (1, 9))}, {"N": 1})
    yield Case("images", {"x": _away_from_zero(rng, (2, 3, 4, 5))}, {"N": 2})
    yield Case("negative numbers only", {"x": -np.abs(_away_from_zero(rng, (3, 4)))}, {"N": 3})
    large = _away_from_zero(rng, (4, 6))
    large[1] = rng.uniform(800, 1200, 6) * np.array([1, -1, -1, 1, -1, 1])
    yield Case("numbers near 1,000 and -1,000", {"x": large}, {"N": 4})


def any_shape_and_large(rng):
    """Ordinary numbers, and beside them, in each case, some whose exponential no float holds."""
    for case in list(any_shape(rng))[:-1]:
        large = rng.uniform(800, 1200, (2, 3)) * np.array([[1, -1, 1], [-1, -1, 1]])
        yield Case(case.label, {**case.inputs, "large": large}, case.sizes)


def any_shape_with_dout(rng):
    """The same, with an upstream gradient of both signs."""
    for case in any_shape(rng):
        yield Case(case.label, {**case.inputs, "dout": _away_from_zero(rng, case.inputs["x"].shape)}, case.sizes)


def any_shape_backward(rng):
    """The same, with another upstream gradient for a second look."""
    for case in any_shape_with_dout(rng):
        again = rng.normal(size=case.inputs["x"].shape)
        yield Case(case.label, {**case.inputs, "dout_again": again}, case.sizes)


def _forward(name, function):
    """Make a variant of a forward function: `function` gives `out` from `x` and what else comes in."""

    def forward(x, *more):
        with np.errstate(all="ignore"):
            return function(x, *more), (x, *more)

    return {f"{name}_forward": forward}


def _pair(name, forward, backward):
    """Make a variant of both functions: `backward` gets `dout`, `out` and what came in."""

    def forward_keeping_out(x, *more):
        with np.errstate(all="ignore"):
            out = forward(x, *more)
        return out, (out, x, *more)

    def backward_of_all(dout, cache):
        with np.errstate(all="ignore"):
            return backward(dout, *cache)

    return {f"{name}_forward": forward_keeping_out, f"{name}_backward": backward_of_all}


def _in_place(function):
    """Write what `function` gives into `x` itself."""

    def change(x, *more):
        x[...] = function(x, *more)
        return x

    return change


def _entry_by_entry(function):
    """Do with a loop what others do with whole arrays; `function` takes one number."""
    return lambda x: np.array([function(float(number)) for number in x.ravel()]).reshape(x.shape)


def _sigma(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


# ----------------------------------------------------------------------------- sigmoid_forward


@question(points={"out": 4, "large_out": 1, "inputs": 1}, draw=any_shape_and_large)
def sigmoid_forward(student, x, large):
    out, cache = student.sigmoid_forward(x)
    large_out, cache = student.sigmoid_forward(np.copy(large))
    return {"out": out, "large_out": large_out}


@sigmoid_forward.correct_variant
def textbook_formula(reference):
    # exp overflows to inf on the way, with a warning, and 1 / inf is the right 0.
    return _forward("sigmoid", lambda x: 1 / (1 + np.exp(-x)))


@sigmoid_forward.correct_variant
def each_sign_by_itself(reference):
    def sigmoid(x):
        out = np.empty_like(x)
        up = x >= 0
        out[up] = 1 / (1 + np.exp(-x[up]))
        out[~up] = np.exp(x[~up]) / (1 + np.exp(x[~up]))
        return out

    return _forward("sigmoid", sigmoid)


@sigmoid_forward.correct_variant
def both_sides_and_where(reference):
    return _forward("sigmoid", lambda x: np.where(x > 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x))))


@sigmoid_forward.correct_variant
def by_way_of_tanh(reference):
    return _forward("sigmoid", lambda x: 0.5 * (1 + np.tanh(x / 2)))


@sigmoid_forward.correct_variant
def one_number_at_a_time(reference):
    def sigmoid(number):
        e = math.exp(-abs(number))
        return 1 / (1 + e) if number > 0 else e / (1 + e)

    return _forward("sigmoid", _entry_by_entry(sigmoid))


@sigmoid_forward.correct_variant
def single_precision(reference):
    return _forward("sigmoid", lambda x: _sigma(x.astype(np.float32)))


@sigmoid_forward.misconception
def exp_overflows(reference):
    """Right for ordinary numbers, but `np.exp` of 1,000 is infinite and inf / inf is nan: use a form in which only the
    exponential of a negative number is needed, such as `np.exp(-np.abs(x))`."""
    return _forward("sigmoid", lambda x: np.exp(x) / (1 + np.exp(x)))


@sigmoid_forward.misconception
def mirrored(reference):
    """The curve falls from 1 to 0 where it should rise from 0 to 1: the minus in front of `x` is missing in the exponent."""
    return _forward("sigmoid", lambda x: 1 / (1 + np.exp(x)))


@sigmoid_forward.misconception
def tanh_instead(reference):
    """This is tanh, which runs from -1 to 1; the sigmoid runs from 0 to 1."""
    return _forward("sigmoid", np.tanh)


@sigmoid_forward.misconception
def stretched_to_minus_one(reference):
    """This sigmoid was stretched to run from -1 to 1; leave it between 0 and 1."""
    return _forward("sigmoid", lambda x: 2 * _sigma(x) - 1)


@sigmoid_forward.misconception
def slope_instead(reference):
    """This is the derivative of the sigmoid, not the sigmoid: the forward function returns the value itself."""
    return _forward("sigmoid", lambda x: _sigma(x) * (1 - _sigma(x)))


@sigmoid_forward.misconception
def softmax_over_the_rows(reference):
    """The entries are divided by the sum over their row, as in softmax; a sigmoid looks at each number by itself."""

    def softmax(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    return _forward("sigmoid", softmax)


@sigmoid_forward.misconception
def all_or_nothing(reference):
    """This is a step from 0 to 1; the sigmoid is the smooth version of it, with 1/2 at zero."""
    return _forward("sigmoid", lambda x: (x > 0).astype(float))


@sigmoid_forward.misconception
def one_left_out(reference):
    """The 1 in the denominator is missing, so only the exponential is left: it is 1 / (1 + e^-x)."""
    return _forward("sigmoid", lambda x: 1 / np.exp(-x))


@sigmoid_forward.misconception
def sigmoid_in_place(reference):
    """The values are right, but they were written into `x` itself, which somebody else may still need: make a new array."""
    return _forward("sigmoid", _in_place(_sigma))


# ---------------------------------------------------------------------------- sigmoid_backward


@question(points={"dx": 3.5, "second_dx": 1, "out_unchanged": 0.5, "inputs": 1}, draw=any_shape_backward)
def sigmoid_backward(student, x, dout, dout_again):
    out, cache = student.sigmoid_forward(x)
    given = np.array(out)
    dx = np.array(student.sigmoid_backward(dout, cache))
    out_unchanged = np.array_equal(out, given)  # the next layer has it; 1 - out in its place has the same slope
    second_dx = student.sigmoid_backward(dout_again, cache)
    return {"dx": dx, "second_dx": second_dx, "out_unchanged": out_unchanged}


def _sigmoid(backward):
    return _pair("sigmoid", _sigma, backward)


@sigmoid_backward.correct_variant
def from_the_output(reference):
    return _sigmoid(lambda dout, out, x: dout * (out - out**2))


@sigmoid_backward.correct_variant
def from_the_input(reference):
    return _sigmoid(lambda dout, out, x: dout * _sigma(x) * _sigma(-x))


@sigmoid_backward.correct_variant
def from_the_exponential(reference):
    return _sigmoid(lambda dout, out, x: dout * np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))) ** 2)


@sigmoid_backward.correct_variant
def cache_of_the_slope(reference):
    def sigmoid_forward(x):
        out = _sigma(x)
        return out, {"slope": out * (1 - out)}

    return {"sigmoid_forward": sigmoid_forward, "sigmoid_backward": lambda dout, cache: cache["slope"] * dout}


@sigmoid_backward.correct_variant
def single_precision_slope(reference):
    return _sigmoid(lambda dout, out, x: (dout * out * (1 - out)).astype(np.float32))


@sigmoid_backward.misconception
def input_for_output(reference):
    """The formula s (1 - s) is fed with `x`: s is the *output* of the sigmoid, so put `out` into the cache."""
    return _sigmoid(lambda dout, out, x: dout * x * (1 - x))


@sigmoid_backward.misconception
def sigmoid_taken_twice(reference):
    """The cache holds the output already, and here the sigmoid is taken of it once more: use `out * (1 - out)` as it is."""
    return _sigmoid(lambda dout, out, x: dout * _sigma(out) * (1 - _sigma(out)))


@sigmoid_backward.misconception
def sigmoid_upstream_left_out(reference):
    """This is the local slope alone; the chain rule is upstream times local, so multiply it by `dout`."""
    return _sigmoid(lambda dout, out, x: out * (1 - out))


@sigmoid_backward.misconception
def one_factor_only(reference):
    """`dout` is multiplied by the output only; the slope has two factors, `out * (1 - out)`."""
    return _sigmoid(lambda dout, out, x: dout * out)


@sigmoid_backward.misconception
def other_factor_only(reference):
    """`dout` is multiplied by `1 - out` only; the slope has two factors, `out * (1 - out)`."""
    return _sigmoid(lambda dout, out, x: dout * (1 - out))


@sigmoid_backward.misconception
def sigmoid_sign_flipped(reference):
    """The sign is wrong: the sigmoid rises everywhere, so its slope is never negative. It is `out * (1 - out)`."""
    return _sigmoid(lambda dout, out, x: dout * out * (out - 1))


@sigmoid_backward.misconception
def slope_of_tanh(reference):
    """`1 - out**2` is the slope of tanh; that of the sigmoid is `out * (1 - out)`."""
    return _sigmoid(lambda dout, out, x: dout * (1 - out**2))


@sigmoid_backward.misconception
def slope_at_the_gradient(reference):
    """The slope is taken at `dout`; it belongs to the number that came in on the way forward."""
    return _sigmoid(lambda dout, out, x: dout * _sigma(dout) * (1 - _sigma(dout)))


@sigmoid_backward.misconception
def slope_written_into_the_cache(reference):
    """`dx` is right the first time, but the slope is written over the output in the cache, so a second backward through the
    same cache is wrong: make a new array."""

    def backward(dout, out, x):
        out *= 1 - out
        return dout * out

    return _sigmoid(backward)


@sigmoid_backward.misconception
def sigmoid_gradient_in_place(reference):
    """The values are right, but `dout` itself was changed, and the layer above may still need it: write
    `dout * ...`, which makes a new array, and not `dout *= ...`."""

    def backward(dout, out, x):
        dout *= out * (1 - out)
        return dout

    return _sigmoid(backward)


# -------------------------------------------------------------------------------- tanh_forward


@question(points={"out": 1.5, "large_out": 0.5, "inputs": 1}, draw=any_shape_and_large)
def tanh_forward(student, x, large):
    out, cache = student.tanh_forward(x)
    large_out, cache = student.tanh_forward(np.copy(large))
    return {"out": out, "large_out": large_out}


@tanh_forward.correct_variant
def stretched_sigmoid(reference):
    return _forward("tanh", lambda x: 2 * reference.sigmoid_forward(2 * x)[0] - 1)


@tanh_forward.correct_variant
def falling_exponential(reference):
    def tanh(x):
        e = np.exp(-2 * np.abs(x))
        return np.sign(x) * (1 - e) / (1 + e)

    return _forward("tanh", tanh)


@tanh_forward.correct_variant
def one_minus_a_fraction(reference):
    return _forward("tanh", lambda x: 1 - 2 / (np.exp(2 * x) + 1))


@tanh_forward.correct_variant
def tanh_one_by_one(reference):
    return _forward("tanh", _entry_by_entry(math.tanh))


@tanh_forward.correct_variant
def tanh_in_single_precision(reference):
    return _forward("tanh", lambda x: np.tanh(x.astype(np.float32)))


@tanh_forward.misconception
def tanh_overflows(reference):
    """Right for ordinary numbers, but the exponentials of 1,000 are infinite and inf / inf is nan: use `np.tanh`, or a form
    in which only the exponential of a negative number is needed."""
    return _forward("tanh", lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)))


@tanh_forward.misconception
def sigmoid_instead(reference):
    """This is the sigmoid, which runs from 0 to 1; tanh runs from -1 to 1."""
    return _forward("tanh", _sigma)


@tanh_forward.misconception
def input_not_doubled(reference):
    """The output is stretched to run from -1 to 1, but the input is not: tanh(x) = 2 sigmoid(2x) - 1, with 2x inside."""
    return _forward("tanh", lambda x: 2 * _sigma(x) - 1)


@tanh_forward.misconception
def tangent(reference):
    """This is the tangent, not the hyperbolic tangent: it is `np.tanh`."""
    return _forward("tanh", np.tan)


@tanh_forward.misconception
def arc_tangent(reference):
    """This is the arc tangent, which also levels off, but at plus and minus 1.57: tanh levels off at plus and minus 1."""
    return _forward("tanh", np.arctan)


@tanh_forward.misconception
def clipped_straight_line(reference):
    """This is a straight line cut off at -1 and 1; tanh bends towards these limits and never quite reaches them."""
    return _forward("tanh", lambda x: np.clip(x, -1, 1))


@tanh_forward.misconception
def tanh_mirrored(reference):
    """The sign is wrong: tanh rises from -1 on the left to 1 on the right."""
    return _forward("tanh", lambda x: -np.tanh(x))


@tanh_forward.misconception
def tanh_in_place(reference):
    """The values are right, but `x` itself was overwritten with them: make a new array."""
    return _forward("tanh", _in_place(np.tanh))


# ------------------------------------------------------------------------------- tanh_backward


@question(points={"dx": 3, "second_dx": 1, "inputs": 1}, draw=any_shape_backward)
def tanh_backward(student, x, dout, dout_again):
    out, cache = student.tanh_forward(x)
    dx = np.array(student.tanh_backward(dout, cache))
    second_dx = student.tanh_backward(dout_again, cache)
    return {"dx": dx, "second_dx": second_dx}


def _tanh(backward):
    return _pair("tanh", np.tanh, backward)


@tanh_backward.correct_variant
def product_of_sum_and_difference(reference):
    return _tanh(lambda dout, out, x: dout * (1 - out) * (1 + out))


@tanh_backward.correct_variant
def tanh_computed_again(reference):
    return _tanh(lambda dout, out, x: (1 - np.tanh(x) ** 2) * dout)


@tanh_backward.correct_variant
def by_way_of_cosh(reference):
    return _tanh(lambda dout, out, x: dout / np.cosh(x) ** 2)


@tanh_backward.correct_variant
def cache_of_out_alone(reference):
    return {
        "tanh_forward": lambda x: (np.tanh(x), np.tanh(x)),
        "tanh_backward": lambda dout, out: dout - dout * np.square(out),
    }


@tanh_backward.correct_variant
def tanh_slope_in_single_precision(reference):
    return _tanh(lambda dout, out, x: (dout * (1 - out**2)).astype(np.float32))


@tanh_backward.misconception
def square_left_out(reference):
    """The slope of tanh is 1 minus the *square* of the output, not 1 minus the output."""
    return _tanh(lambda dout, out, x: dout * (1 - out))


@tanh_backward.misconception
def square_of_the_input(reference):
    """The square is that of `x`: the slope is 1 minus the square of the *output*, so put `out` into the cache."""
    return _tanh(lambda dout, out, x: dout * (1 - x**2))


@tanh_backward.misconception
def tanh_taken_twice(reference):
    """The cache holds the output already, and here tanh is taken of it once more: the slope is `1 - out**2`."""
    return _tanh(lambda dout, out, x: dout * (1 - np.tanh(out) ** 2))


@tanh_backward.misconception
def only_the_square(reference):
    """This is the part that is lost, `out**2`; what passes is `1 - out**2`, which is largest in the middle."""
    return _tanh(lambda dout, out, x: dout * out**2)


@tanh_backward.misconception
def slope_of_the_sigmoid(reference):
    """`out * (1 - out)` is the slope of the sigmoid; that of tanh is `1 - out**2`."""
    return _tanh(lambda dout, out, x: dout * out * (1 - out))


@tanh_backward.misconception
def square_of_the_difference(reference):
    """The square is around the whole difference; it belongs to the output only: `1 - out**2`, not `(1 - out)**2`."""
    return _tanh(lambda dout, out, x: dout * (1 - out) ** 2)


@tanh_backward.misconception
def tanh_sign_flipped(reference):
    """The sign is wrong: tanh rises everywhere, so its slope is never negative. It is `1 - out**2`."""
    return _tanh(lambda dout, out, x: dout * (out**2 - 1))


@tanh_backward.misconception
def tanh_upstream_left_out(reference):
    """This is the slope of tanh alone: multiply it by `dout`, the gradient that comes from above."""
    return _tanh(lambda dout, out, x: 1 - out**2)


@tanh_backward.misconception
def cached_output_squared_in_place(reference):
    """`dx` is right the first time, but the cached output was overwritten, so a second backward through the same cache is
    wrong: write `1 - out**2`, which makes a new array."""

    def backward(dout, out, x):
        out *= out
        return dout * (1 - out)

    return _tanh(backward)


@tanh_backward.misconception
def tanh_gradient_in_place(reference):
    """The values are right, but `dout` was overwritten with them, and the layer above may still need it: make a new array."""

    def backward(dout, out, x):
        dout *= 1 - out**2
        return dout

    return _tanh(backward)


# -------------------------------------------------------------------------------- relu_forward


@question(points={"out": 1, "inputs": 1}, draw=any_shape)
def relu_forward(student, x):
    out, cache = student.relu_forward(x)
    return {"out": out}


@relu_forward.correct_variant
def times_the_gate(reference):
    return _forward("relu", lambda x: x * (x > 0))


@relu_forward.correct_variant
def chosen_with_where(reference):
    return _forward("relu", lambda x: np.where(x >= 0, x, 0))


@relu_forward.correct_variant
def cleared_on_a_copy(reference):
    def relu(x):
        out = x.copy()
        out[out < 0] = 0
        return out

    return _forward("relu", relu)


@relu_forward.correct_variant
def relu_one_by_one(reference):
    return _forward("relu", _entry_by_entry(lambda number: max(number, 0.0)))


@relu_forward.misconception
def negatives_flipped(reference):
    """Negative numbers are flipped to positive ones; ReLU replaces them by 0."""
    return _forward("relu", np.abs)


@relu_forward.misconception
def negatives_kept(reference):
    """This keeps the negative numbers and drops the others: ReLU is the larger of 0 and `x`, not the smaller."""
    return _forward("relu", lambda x: np.minimum(0, x))


@relu_forward.misconception
def gate_instead_of_value(reference):
    """This is the gate, 1 or 0, and not what passes through it: return `x` where it is positive."""
    return _forward("relu", lambda x: (x > 0).astype(float))


@relu_forward.misconception
def leaking(reference):
    """Negative numbers leak through with a small slope; that is leaky ReLU, the next question. ReLU gives exactly 0."""
    return _forward("relu", lambda x: np.where(x > 0, x, 0.01 * x))


@relu_forward.misconception
def cut_off_at_one(reference):
    """Positive numbers are cut off at 1; ReLU lets them pass however large they are."""
    return _forward("relu", lambda x: np.clip(x, 0, 1))


@relu_forward.misconception
def relu_forward_in_place(reference):
    """The values are right, but the zeros were written into `x` itself: use `np.maximum(0, x)`, which makes a new array."""
    return _forward("relu", _in_place(lambda x: np.maximum(0, x)))


# ------------------------------------------------------------------------------- relu_backward


@question(points={"dx": 2, "second_dx": 1, "inputs": 1}, draw=any_shape_backward)
def relu_backward(student, x, dout, dout_again):
    out, cache = student.relu_forward(x)
    dx = np.array(student.relu_backward(dout, cache))
    second_dx = student.relu_backward(dout_again, cache)
    return {"dx": dx, "second_dx": second_dx}


def _relu(backward):
    return _pair("relu", lambda x: np.maximum(0, x), backward)


@relu_backward.correct_variant
def gradient_times_gate(reference):
    return _relu(lambda dout, out, x: dout * (x > 0))


@relu_backward.correct_variant
def gate_open_at_zero(reference):
    return _relu(lambda dout, out, x: np.where(x >= 0, dout, 0))


@relu_backward.correct_variant
def gate_read_from_the_output(reference):
    return _relu(lambda dout, out, x: np.sign(out) * dout)


@relu_backward.correct_variant
def cleared_on_a_copy_of_dout(reference):
    def backward(dout, out, x):
        dx = dout.copy()
        dx[x <= 0] = 0
        return dx

    return _relu(backward)


@relu_backward.correct_variant
def gates_in_the_cache(reference):
    return {"relu_forward": lambda x: (x * (x > 0), x > 0), "relu_backward": lambda dout, gates: dout * gates}


@relu_backward.misconception
def gate_by_the_gradient(reference):
    """The gradient is kept where *it* is positive; the gate was set on the way forward, by the sign of `x`."""
    return _relu(lambda dout, out, x: np.maximum(0, dout))


@relu_backward.misconception
def gate_the_wrong_way_round(reference):
    """The gate is the wrong way round: the gradient passes where `x` is positive and stops where it is negative."""
    return _relu(lambda dout, out, x: dout * (x < 0))


@relu_backward.misconception
def gate_alone(reference):
    """This is the slope of ReLU alone, 1 or 0: multiply it by `dout`."""
    return _relu(lambda dout, out, x: (x > 0).astype(float))


@relu_backward.misconception
def value_for_slope(reference):
    """`dout` is multiplied by the output; where the gate is open the slope is 1, however large the output is."""
    return _relu(lambda dout, out, x: dout * out)


@relu_backward.misconception
def gate_always_open(reference):
    """Everything passes: where `x` is negative the output does not move with it, so `dx` is 0 there."""
    return _relu(lambda dout, out, x: dout * 1.0)


@relu_backward.misconception
def gate_written_into_x(reference):
    """The gate is written into the cached `x`: whoever uses `x` next finds ones and zeros there, and a backward
    that multiplies them up is wrong the second time. Make a new array."""

    def backward(dout, out, x):
        x[x > 0] = 1
        x[x <= 0] = 0
        x *= dout
        return x

    return _relu(backward)


@relu_backward.misconception
def relu_gradient_in_place(reference):
    """The values are right, but the zeros were written into `dout` itself: make a new array, `dout * (x > 0)`."""

    def backward(dout, out, x):
        dout[x <= 0] = 0
        return dout

    return _relu(backward)


# -------------------------------------------------------------------------- leaky_relu_forward


@question(points={"out": 2, "inputs": 1}, draw=any_shape)
def leaky_relu_forward(student, x):
    out, cache = student.leaky_relu_forward(x)
    return {"out": out}


@leaky_relu_forward.correct_variant
def larger_of_two(reference):
    return _forward("leaky_relu", lambda x: np.maximum(0.01 * x, x))


@leaky_relu_forward.correct_variant
def positive_and_negative_part(reference):
    return _forward("leaky_relu", lambda x: np.maximum(0, x) + 0.01 * np.minimum(0, x))


@leaky_relu_forward.correct_variant
def leak_on_a_copy(reference):
    def leaky(x):
        out = x.copy()
        out[x < 0] *= 0.01
        return out

    return _forward("leaky_relu", leaky)


@leaky_relu_forward.correct_variant
def leak_in_single_precision(reference):
    return _forward("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x).astype(np.float32))


@leaky_relu_forward.correct_variant
def leak_one_by_one(reference):
    return _forward("leaky_relu", _entry_by_entry(lambda number: number if number > 0 else number / 100))


@leaky_relu_forward.misconception
def slope_on_the_wrong_side(reference):
    """The slope 0.01 is on the wrong side: positive numbers pass unchanged, and the negative ones are multiplied by 0.01."""
    return _forward("leaky_relu", lambda x: np.where(x > 0, 0.01 * x, x))


@leaky_relu_forward.misconception
def slope_of_a_tenth(reference):
    """The slope on the negative side is 0.1; here it is 0.01."""
    return _forward("leaky_relu", lambda x: np.where(x > 0, x, 0.1 * x))


@leaky_relu_forward.misconception
def nothing_leaks(reference):
    """Negative numbers become 0, as in plain ReLU; here one hundredth of them gets through."""
    return _forward("leaky_relu", lambda x: np.maximum(0, x))


@leaky_relu_forward.misconception
def leak_with_a_flipped_sign(reference):
    """What leaks through has its sign flipped: a negative number stays negative, it only becomes smaller in size."""
    return _forward("leaky_relu", lambda x: np.where(x > 0, x, -0.01 * x))


@leaky_relu_forward.misconception
def constant_floor(reference):
    """Negative numbers become a constant; they are multiplied by the slope, so the output still depends on them."""
    return _forward("leaky_relu", lambda x: np.where(x > 0, x, 0.01))


@leaky_relu_forward.misconception
def leak_added_on_top(reference):
    """`0.01 * x` is added everywhere, so the positive side has slope 1.01: it belongs to the negative side only."""
    return _forward("leaky_relu", lambda x: np.maximum(0, x) + 0.01 * x)


@leaky_relu_forward.misconception
def leaky_forward_in_place(reference):
    """The values are right, but `x` itself was multiplied: work on a copy, or use `np.where`, which makes a new array."""
    return _forward("leaky_relu", _in_place(lambda x: np.where(x > 0, x, 0.01 * x)))


# ------------------------------------------------------------------------- leaky_relu_backward


@question(points={"dx": 2, "second_dx": 1, "inputs": 1}, draw=any_shape_backward)
def leaky_relu_backward(student, x, dout, dout_again):
    out, cache = student.leaky_relu_forward(x)
    dx = np.array(student.leaky_relu_backward(dout, cache))
    return {"dx": dx, "second_dx": student.leaky_relu_backward(dout_again, cache)}


def _leaky(backward):
    return _pair("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x), backward)


@leaky_relu_backward.correct_variant
def slope_times_gradient(reference):
    return _leaky(lambda dout, out, x: np.where(x > 0, 1.0, 0.01) * dout)


@leaky_relu_backward.correct_variant
def full_slope_at_zero(reference):
    return _leaky(lambda dout, out, x: dout * ((x >= 0) + 0.01 * (x < 0)))


@leaky_relu_backward.correct_variant
def side_read_from_the_output(reference):
    return _leaky(lambda dout, out, x: np.where(out > 0, dout, dout / 100))


@leaky_relu_backward.correct_variant
def leaky_gradient_on_a_copy(reference):
    def backward(dout, out, x):
        dx = np.array(dout)
        dx[x < 0] *= 0.01
        return dx

    return _leaky(backward)


@leaky_relu_backward.correct_variant
def leaky_gradient_in_single_precision(reference):
    return _leaky(lambda dout, out, x: np.where(x > 0, dout, 0.01 * dout).astype(np.float32))


@leaky_relu_backward.misconception
def slopes_in_the_cache_multiplied(reference):
    """`dx` is right the first time, but it is written over the slopes in the cache, so a second backward through the same cache
    is wrong: make a new array."""

    def leaky_relu_forward(x):
        slopes = np.where(x > 0, 1.0, 0.01)
        return x * slopes, slopes

    def leaky_relu_backward(dout, cache):
        cache *= dout
        return cache

    return {"leaky_relu_forward": leaky_relu_forward, "leaky_relu_backward": leaky_relu_backward}


@leaky_relu_backward.misconception
def gradient_slope_on_the_wrong_side(reference):
    """The slope 0.01 is on the wrong side: `dout` passes unchanged where `x` is positive, times 0.01 where it is negative."""
    return _leaky(lambda dout, out, x: np.where(x > 0, 0.01 * dout, dout))


@leaky_relu_backward.misconception
def gradient_of_plain_relu(reference):
    """The gradient is 0 where `x` is negative, as in plain ReLU; leaky ReLU has slope 0.01 there, and that is its point."""
    return _leaky(lambda dout, out, x: dout * (x > 0))


@leaky_relu_backward.misconception
def side_chosen_by_the_gradient(reference):
    """The side is chosen by the sign of `dout`; it is the sign of `x` that decides."""
    return _leaky(lambda dout, out, x: np.where(dout > 0, dout, 0.01 * dout))


@leaky_relu_backward.misconception
def gradient_slope_of_a_tenth(reference):
    """The slope on the negative side is 0.1; here it is 0.01."""
    return _leaky(lambda dout, out, x: np.where(x > 0, dout, 0.1 * dout))


@leaky_relu_backward.misconception
def leaky_slope_alone(reference):
    """This is the slope alone, 1 or 0.01: multiply it by `dout`."""
    return _leaky(lambda dout, out, x: np.where(x > 0, 1.0, 0.01))


@leaky_relu_backward.misconception
def leaky_value_for_slope(reference):
    """`dout` is multiplied by the output of the function; multiply it by the slope, which is 1 or 0.01."""
    return _leaky(lambda dout, out, x: dout * out)


@leaky_relu_backward.misconception
def constant_on_the_negative_side(reference):
    """Where `x` is negative this gives 0.01 itself: there `dx` is 0.01 *times* `dout`."""
    return _leaky(lambda dout, out, x: np.where(x > 0, dout, 0.01))


@leaky_relu_backward.misconception
def leaky_slope_negative(reference):
    """The slope on the negative side has the wrong sign: the function rises there too, with slope 0.01."""
    return _leaky(lambda dout, out, x: np.where(x > 0, dout, -0.01 * dout))


@leaky_relu_backward.misconception
def leaky_gradient_in_place(reference):
    """`dout` itself is multiplied by the slope, so the layer above no longer finds what it sent: make a new array."""

    def backward(dout, out, x):
        dout[x <= 0] *= 0.01
        return dout

    return _leaky(backward)


# ------------------------------------------------------------------------------- prelu_forward


def rows_and_slopes(rng):
    """Rows with a slope for each unit: some slopes above 1, some negative; one unit, a batch of one, one sign."""
    for label, n, d in [
        ("more units than rows", 5, 7),
        ("more rows than units", 6, 3),
        ("a batch of one", 1, 4),
        ("a single unit", 4, 1),
    ]:
        alpha = rng.uniform(0.1, 0.8, d) * np.resize([1, -1], d)
        alpha[0] = rng.uniform(1.2, 1.9)
        x = _away_from_zero(rng, (n, d))
        x[:2, 0] = -rng.uniform(0.3, 0.6, min(n, 2))  # in every batch, where the first slope counts; and above -1
        yield Case(label, {"x": x, "alpha": alpha}, {"N": n, "D": d})
    alpha = np.array([rng.uniform(1.2, 1.9), *rng.uniform(0.1, 0.8, 4)])
    yield Case("negative numbers only", {"x": -np.abs(_away_from_zero(rng, (3, 5))), "alpha": alpha}, {"N": 3, "D": 5})


def rows_and_slopes_backward(rng):
    for case in rows_and_slopes(rng):
        dout, again = _away_from_zero(rng, case.inputs["x"].shape), rng.normal(size=case.inputs["x"].shape)
        yield Case(case.label, {**case.inputs, "dout": dout, "dout_again": again}, case.sizes)


@question(points={"out": 2, "inputs": 1}, draw=rows_and_slopes)
def prelu_forward(student, x, alpha):
    out, cache = student.prelu_forward(x, alpha)
    return {"out": out}


@prelu_forward.correct_variant
def positive_part_and_sloped_part(reference):
    return _forward("prelu", lambda x, alpha: np.maximum(0, x) + alpha * np.minimum(0, x))


@prelu_forward.correct_variant
def by_absolute_values(reference):
    return _forward("prelu", lambda x, alpha: (x + abs(x)) / 2 + alpha * (x - abs(x)) / 2)


@prelu_forward.correct_variant
def one_unit_at_a_time(reference):
    def prelu(x, alpha):
        out = np.zeros_like(x)
        for n in range(x.shape[0]):
            for d in range(x.shape[1]):
                out[n, d] = x[n, d] if x[n, d] > 0 else alpha[d] * x[n, d]
        return out

    return _forward("prelu", prelu)


@prelu_forward.correct_variant
def prelu_in_single_precision(reference):
    return _forward("prelu", lambda x, alpha: np.where(x > 0, x, alpha * x).astype(np.float32))


@prelu_forward.correct_variant
def slopes_written_out(reference):
    return _forward("prelu", lambda x, alpha: x * np.where(x >= 0, 1.0, np.tile(alpha, (len(x), 1))))


@prelu_forward.misconception
def alpha_on_the_wrong_side(reference):
    """`alpha` is on the wrong side: positive numbers pass unchanged, and the negative ones are multiplied by `alpha`."""
    return _forward("prelu", lambda x, alpha: np.where(x > 0, alpha * x, x))


@prelu_forward.misconception
def larger_of_x_and_alpha_x(reference):
    """The larger of `x` and `alpha * x` is right only while `alpha` is at most 1, and `alpha` is learned, so it may pass 1:
    choose by the sign of `x`."""
    return _forward("prelu", lambda x, alpha: np.maximum(x, alpha * x))


@prelu_forward.misconception
def alpha_ignored(reference):
    """Negative numbers become 0, as in plain ReLU: they are to be multiplied by `alpha`."""
    return _forward("prelu", lambda x, alpha: np.maximum(0, x))


@prelu_forward.misconception
def alpha_always_a_hundredth(reference):
    """The slope on the negative side is always 0.01, as in leaky ReLU: it is `alpha`, which comes as an argument."""
    return _forward("prelu", lambda x, alpha: np.where(x > 0, x, 0.01 * x))


@prelu_forward.misconception
def alpha_not_multiplied(reference):
    """Negative numbers become `alpha` itself: they become `alpha * x`."""
    return _forward("prelu", lambda x, alpha: np.where(x > 0, x, alpha))


@prelu_forward.misconception
def alpha_averaged(reference):
    """One mean slope is used for all: `alpha` has an entry for each unit, and unit d uses its own, `alpha[d]`."""
    return _forward("prelu", lambda x, alpha: np.where(x > 0, x, alpha.mean() * x))


@prelu_forward.misconception
def alpha_with_a_flipped_sign(reference):
    """The sloped side has the wrong sign: for negative `x` the output is `alpha * x`, not `-alpha * x`."""
    return _forward("prelu", lambda x, alpha: np.where(x > 0, x, -alpha * x))


@prelu_forward.misconception
def prelu_forward_in_place(reference):
    """The values are right, but `x` itself was changed, and the backward pass needs it as it was: make a new array."""
    return _forward("prelu", _in_place(lambda x, alpha: np.where(x > 0, x, alpha * x)))


# ------------------------------------------------------------------------------ prelu_backward


@question(
    points={"dx": 2.5, "dalpha": 3.5, "second_dx": 0.5, "second_dalpha": 0.5, "inputs": 1},
    draw=rows_and_slopes_backward,
)
def prelu_backward(student, x, alpha, dout, dout_again):
    out, cache = student.prelu_forward(x, alpha)
    dx, dalpha = (
        gradient.copy() if isinstance(gradient, np.ndarray) else gradient
        for gradient in student.prelu_backward(dout, cache)
    )
    second_dx, second_dalpha = student.prelu_backward(dout_again, cache)
    return {"dx": dx, "dalpha": dalpha, "second_dx": second_dx, "second_dalpha": second_dalpha}


def _prelu(dx=None, dalpha=None):
    """Make a variant from one or both gradients, each a function of `dout`, `x` and `alpha`; the other one is right."""
    dx = dx or (lambda dout, x, alpha: np.where(x > 0, dout, alpha * dout))
    dalpha = dalpha or (lambda dout, x, alpha: (dout * np.minimum(0, x)).sum(axis=0))
    return _pair(
        "prelu",
        lambda x, alpha: np.where(x > 0, x, alpha * x),
        lambda dout, out, x, alpha: (dx(dout, x, alpha), dalpha(dout, x, alpha)),
    )


@prelu_backward.correct_variant
def masks(reference):
    return _prelu(
        lambda dout, x, alpha: dout * ((x > 0) + alpha * (x <= 0)),
        lambda dout, x, alpha: np.sum(dout * x * (x <= 0), axis=0),
    )


@prelu_backward.correct_variant
def unit_by_unit(reference):
    def dalpha(dout, x, alpha):
        total = np.zeros(len(alpha))
        for n in range(x.shape[0]):
            for d in range(x.shape[1]):
                if x[n, d] < 0:
                    total[d] += dout[n, d] * x[n, d]
        return total

    return _prelu(dalpha=dalpha)


@prelu_backward.correct_variant
def einsum_over_the_batch(reference):
    return _prelu(dalpha=lambda dout, x, alpha: np.einsum("nd,nd->d", dout, np.where(x < 0, x, 0)))


@prelu_backward.correct_variant
def slopes_gradient_kept_as_a_row(reference):
    return _prelu(dalpha=lambda dout, x, alpha: (dout * np.minimum(0, x)).sum(axis=0, keepdims=True))


@prelu_backward.correct_variant
def prelu_gradients_in_single_precision(reference):
    return _prelu(
        lambda dout, x, alpha: np.where(x > 0, dout, alpha * dout).astype(np.float32),
        lambda dout, x, alpha: (dout * np.minimum(0, x)).sum(axis=0).astype(np.float32),
    )


@prelu_backward.correct_variant
def cache_of_masks(reference):
    def prelu_forward(x, alpha):
        below = x < 0
        return np.where(below, alpha * x, x), {"slope": np.where(below, alpha, 1.0), "x_below": x * below}

    def prelu_backward(dout, cache):
        return dout * cache["slope"], (dout * cache["x_below"]).sum(0)

    return {"prelu_forward": prelu_forward, "prelu_backward": prelu_backward}


@prelu_backward.misconception
def kept_input_cleared(reference):
    """Both gradients are right the first time, but on the way the positive numbers in the cached `x` are set to 0, so a second
    backward through the same cache is wrong: use `np.minimum(0, x)`, which makes a new array."""

    def prelu_backward(dout, cache):
        x, alpha = cache
        dx = np.where(x > 0, dout, alpha * dout)
        x[x > 0] = 0
        return dx, (dout * x).sum(axis=0)

    return {
        "prelu_forward": lambda x, alpha: (np.where(x > 0, x, alpha * x), (x.copy(), alpha)),
        "prelu_backward": prelu_backward,
    }


@prelu_backward.misconception
def alpha_gradient_not_summed(reference):
    """`dalpha` is not summed: every row of the batch used the same `alpha`, so its gradient is the sum over the batch and has
    the shape of `alpha`."""
    return _prelu(dalpha=lambda dout, x, alpha: dout * np.minimum(0, x))


@prelu_backward.misconception
def alpha_gradient_averaged(reference):
    """`dalpha` is the sum over the batch, not the mean: the mean is taken once, in the loss."""
    return _prelu(dalpha=lambda dout, x, alpha: (dout * np.minimum(0, x)).mean(axis=0))


@prelu_backward.misconception
def alpha_gradient_summed_over_everything(reference):
    """`dalpha` is one number, summed over the units too: each unit has its own slope, so sum over the batch only, axis 0."""
    return _prelu(dalpha=lambda dout, x, alpha: np.sum(dout * np.minimum(0, x)))


@prelu_backward.misconception
def alpha_gradient_summed_over_the_units(reference):
    """`dalpha` is summed over the units (axis 1), so there is one number for each example: sum over the batch, axis 0."""
    return _prelu(dalpha=lambda dout, x, alpha: (dout * np.minimum(0, x)).sum(axis=1))


@prelu_backward.misconception
def alpha_gradient_from_the_positive_side(reference):
    """`dalpha` is taken where `x` is positive; there the output does not depend on `alpha`. It comes from the negative side."""
    return _prelu(dalpha=lambda dout, x, alpha: (dout * np.maximum(0, x)).sum(axis=0))


@prelu_backward.misconception
def alpha_gradient_from_both_sides(reference):
    """`dalpha` counts the positive numbers too; there the output is `x`, whatever `alpha` is, so they contribute nothing."""
    return _prelu(dalpha=lambda dout, x, alpha: (dout * x).sum(axis=0))


@prelu_backward.misconception
def alpha_gradient_without_x(reference):
    """`dalpha` lacks the factor `x`: on the negative side the output is `alpha * x`, and its slope in `alpha` is `x`."""
    return _prelu(dalpha=lambda dout, x, alpha: (dout * (x < 0)).sum(axis=0))


@prelu_backward.misconception
def alpha_gradient_times_alpha(reference):
    """`dalpha` is multiplied by `alpha`: the derivative of `alpha * x` with respect to `alpha` is `x` alone."""
    return _prelu(dalpha=lambda dout, x, alpha: (dout * alpha * np.minimum(0, x)).sum(axis=0))


@prelu_backward.misconception
def alpha_gradient_without_upstream(reference):
    """`dalpha` leaves `dout` out: multiply by the upstream gradient first, then sum over the batch."""
    return _prelu(dalpha=lambda dout, x, alpha: np.minimum(0, x).sum(axis=0))


@prelu_backward.misconception
def alpha_on_the_wrong_side_of_dx(reference):
    """In `dx` the slope `alpha` is on the wrong side: it belongs where `x` is negative."""
    return _prelu(lambda dout, x, alpha: np.where(x > 0, alpha * dout, dout))


@prelu_backward.misconception
def dx_of_plain_relu(reference):
    """`dx` is 0 where `x` is negative, as in plain ReLU; there it is `alpha * dout`."""
    return _prelu(lambda dout, x, alpha: dout * (x > 0))


@prelu_backward.misconception
def alpha_times_x_in_dx(reference):
    """On the negative side `dx` has a factor `x` too many: the derivative of `alpha * x` with respect to `x` is `alpha`."""
    return _prelu(lambda dout, x, alpha: np.where(x > 0, dout, alpha * x * dout))


@prelu_backward.misconception
def prelu_gradients_exchanged(reference):
    """The two gradients are in each other's place: return them in the order of the arguments, `dx, dalpha`."""

    def backward(dout, out, x, alpha):
        return (dout * np.minimum(0, x)).sum(axis=0), np.where(x > 0, dout, alpha * dout)

    return _pair("prelu", lambda x, alpha: np.where(x > 0, x, alpha * x), backward)


@prelu_backward.misconception
def prelu_gradient_in_place(reference):
    """The gradients are right, but `dout` itself was multiplied by the slope: make a new array for `dx`."""

    def backward(dout, out, x, alpha):
        dalpha = (dout * np.minimum(0, x)).sum(axis=0)
        dout *= np.where(x > 0, 1.0, alpha)
        return dout, dalpha

    return _pair("prelu", lambda x, alpha: np.where(x > 0, x, alpha * x), backward)


# --------------------------------------------------------------------------------- elu_forward


def any_shape_and_alpha(rng):
    """A level above 1 and one below by turns: what is right for one of them only fails whatever is drawn."""
    for number, case in enumerate(any_shape_and_large(rng)):
        alpha = float((1.7, 0.4)[number % 2] * rng.uniform(0.9, 1.1))
        yield Case(case.label, {**case.inputs, "alpha": alpha}, case.sizes)


def any_shape_and_alpha_backward(rng):
    for number, case in enumerate(any_shape_with_dout(rng)):
        alpha = float((1.7, 0.4)[number % 2] * rng.uniform(0.9, 1.1))
        yield Case(case.label, {**case.inputs, "alpha": alpha}, case.sizes)


@question(points={"out": 1.5, "large_out": 0.5, "default_out": 1, "inputs": 1}, draw=any_shape_and_alpha)
def elu_forward(student, x, alpha, large):
    out, cache = student.elu_forward(x, alpha)
    large_out, cache = student.elu_forward(np.copy(large), alpha)
    default_out, cache = student.elu_forward(-x)
    return {"out": out, "large_out": large_out, "default_out": default_out}


def _elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(0, x)) - 1))


def _elu_forward(function):
    """Make a variant of elu_forward from a function of `x` and `alpha`."""

    def elu_forward(x, alpha=1.0):
        with np.errstate(all="ignore"):
            return function(x, alpha), (x, alpha)

    return {"elu_forward": elu_forward}


@elu_forward.correct_variant
def exp_on_both_sides_and_where(reference):
    # exp overflows where its value is not used, with a warning; the answer is right.
    return _elu_forward(lambda x, alpha: np.where(x > 0, x, alpha * (np.exp(x) - 1)))


@elu_forward.correct_variant
def elu_in_two_parts(reference):
    return _elu_forward(lambda x, alpha: np.maximum(0, x) + alpha * np.expm1(np.minimum(0, x)))


@elu_forward.correct_variant
def elu_on_a_copy(reference):
    def elu(x, alpha):
        out = x.copy()
        below = x < 0
        out[below] = alpha * np.exp(x[below]) - alpha
        return out

    return _elu_forward(elu)


@elu_forward.correct_variant
def elu_one_by_one(reference):
    def elu(x, alpha):
        return _entry_by_entry(lambda number: number if number >= 0 else alpha * (math.exp(number) - 1))(x)

    return _elu_forward(elu)


@elu_forward.correct_variant
def elu_in_single_precision(reference):
    return _elu_forward(lambda x, alpha: _elu(x.astype(np.float32), np.float32(alpha)))


@elu_forward.misconception
def minus_one_left_out(reference):
    """The minus 1 is missing, so the curve jumps at zero: the negative side is `alpha * (exp(x) - 1)`."""
    return _elu_forward(lambda x, alpha: np.where(x > 0, x, alpha * np.exp(x)))


@elu_forward.misconception
def alpha_inside_only(reference):
    """`alpha` multiplies the exponential only, so the curve is broken at zero: it belongs in front of the bracket,
    `alpha * (exp(x) - 1)`."""
    return _elu_forward(lambda x, alpha: np.where(x > 0, x, alpha * np.exp(x) - 1))


@elu_forward.misconception
def elu_alpha_ignored(reference):
    """`alpha` is not used: the negative side is `alpha * (exp(x) - 1)`, and it levels off at minus `alpha`."""
    return _elu_forward(lambda x, alpha: _elu(x))


@elu_forward.misconception
def elu_sides_exchanged(reference):
    """The two sides are exchanged: positive numbers pass unchanged, and the exponential is for the negative ones."""
    return _elu_forward(lambda x, alpha: np.where(x > 0, alpha * (np.exp(x) - 1), x))


@elu_forward.misconception
def mask_times_infinity(reference):
    """Right for ordinary numbers, but `exp` of 1,000 is infinite, and infinity times a mask of 0 is nan: choose with `np.where`,
    or take the exponential of `np.minimum(0, x)`."""
    return _elu_forward(lambda x, alpha: x * (x > 0) + alpha * (np.exp(x) - 1) * (x <= 0))


@elu_forward.misconception
def elu_negative_side_flipped(reference):
    """The negative side has the wrong sign: it is `exp(x) - 1`, which is below zero, not `1 - exp(x)`."""
    return _elu_forward(lambda x, alpha: np.where(x > 0, x, alpha * (1 - np.exp(x))))


@elu_forward.misconception
def scaled_as_selu(reference):
    """The result is multiplied by 1.0507, as in SELU; ELU has slope 1 on the positive side."""
    return _elu_forward(lambda x, alpha: 1.0507 * _elu(x, alpha))


@elu_forward.misconception
def larger_of_both_sides(reference):
    """The larger of both sides is right only while `alpha` is at most 1: above that the curve starts below the line `x`. Choose
    by the sign of `x`."""
    return _elu_forward(lambda x, alpha: np.maximum(x, alpha * (np.exp(np.minimum(0, x)) - 1)))


@elu_forward.misconception
def leaky_instead_of_elu(reference):
    """The negative side is the straight line `alpha * x`; in ELU it is a curve that levels off, `alpha * (exp(x) - 1)`."""
    return _elu_forward(lambda x, alpha: np.where(x > 0, x, alpha * x))


@elu_forward.misconception
def elu_forward_in_place(reference):
    """The values are right, but `x` itself was overwritten with them: make a new array."""
    return _elu_forward(_in_place(_elu))


# -------------------------------------------------------------------------------- elu_backward


@question(points={"dx": 3, "second_dx": 1, "default_dx": 1, "inputs": 1}, draw=any_shape_and_alpha_backward)
def elu_backward(student, x, alpha, dout):
    out, cache = student.elu_forward(x, alpha)
    dx = np.array(student.elu_backward(dout, cache))
    second_dx = student.elu_backward(3 * dout, cache)
    out, cache = student.elu_forward(-x)
    default_dx = student.elu_backward(-dout, cache)
    return {"dx": dx, "second_dx": second_dx, "default_dx": default_dx}


def _elu_backward(function):
    """Make a variant from a function of `dout`, `out`, `x` and `alpha`."""

    def elu_forward(x, alpha=1.0):
        out = _elu(x, alpha)
        return out, (out, x, alpha)

    def elu_backward(dout, cache):
        with np.errstate(all="ignore"):
            return function(dout, *cache)

    return {"elu_forward": elu_forward, "elu_backward": elu_backward}


@elu_backward.correct_variant
def slope_from_the_output(reference):
    return _elu_backward(lambda dout, out, x, alpha: dout * np.where(x > 0, 1, out + alpha))


@elu_backward.correct_variant
def slope_from_the_input(reference):
    return _elu_backward(lambda dout, out, x, alpha: np.where(x >= 0, dout, dout * alpha * np.exp(x)))


@elu_backward.correct_variant
def elu_gradient_on_a_copy(reference):
    def backward(dout, out, x, alpha):
        dx = dout.copy()
        dx[x < 0] *= alpha * np.exp(x[x < 0])
        return dx

    return _elu_backward(backward)


@elu_backward.correct_variant
def elu_slope_in_the_cache(reference):
    def elu_forward(x, alpha=1.0):
        return _elu(x, alpha), np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0)))

    return {"elu_forward": elu_forward, "elu_backward": lambda dout, slope: slope * dout}


@elu_backward.correct_variant
def elu_gradient_in_single_precision(reference):
    return _elu_backward(lambda dout, out, x, alpha: (dout * np.where(x > 0, 1, out + alpha)).astype(np.float32))


@elu_backward.misconception
def elu_slopes_on_the_wrong_side(reference):
    """The derivative is taken from the wrong side: the slope is 1 where `x` is positive and `alpha * exp(x)` where it is
    negative."""
    return _elu_backward(lambda dout, out, x, alpha: dout * np.where(x > 0, alpha * np.exp(x), 1))


@elu_backward.misconception
def elu_value_for_slope(reference):
    """On the negative side this multiplies by the output; its slope is the output *plus* `alpha`, which is `alpha * exp(x)`."""
    return _elu_backward(lambda dout, out, x, alpha: dout * np.where(x > 0, 1, out))


@elu_backward.misconception
def elu_exponential_of_the_output(reference):
    """The exponential is taken of the output; the slope is `alpha * exp(x)`, with the input, or `out + alpha` without any."""
    return _elu_backward(lambda dout, out, x, alpha: dout * np.where(x > 0, 1, alpha * np.exp(out)))


@elu_backward.misconception
def elu_alpha_left_out(reference):
    """`alpha` is missing in the slope: on the negative side it is `alpha * exp(x)`."""
    return _elu_backward(lambda dout, out, x, alpha: dout * np.where(x > 0, 1, np.exp(x)))


@elu_backward.misconception
def one_added_for_alpha(reference):
    """The slope on the negative side is the output plus `alpha`; adding 1 is right only while `alpha` is 1."""
    return _elu_backward(lambda dout, out, x, alpha: dout * np.where(x > 0, 1, out + 1))


@elu_backward.misconception
def elu_slope_of_relu(reference):
    """The gradient is 0 where `x` is negative, as in ReLU; ELU still rises there, with slope `alpha * exp(x)`."""
    return _elu_backward(lambda dout, out, x, alpha: dout * (x > 0))


@elu_backward.misconception
def elu_slope_of_leaky_relu(reference):
    """The slope on the negative side is the constant `alpha`; it fades as `x` falls: `alpha * exp(x)`."""
    return _elu_backward(lambda dout, out, x, alpha: dout * np.where(x > 0, 1, alpha))


@elu_backward.misconception
def elu_upstream_left_out(reference):
    """This is the slope of ELU alone: multiply it by `dout`."""
    return _elu_backward(lambda dout, out, x, alpha: np.where(x > 0, 1, out + alpha))


@elu_backward.misconception
def elu_side_chosen_by_the_gradient(reference):
    """The side is chosen by the sign of `dout`; it is the sign of `x` that decides."""
    return _elu_backward(
        lambda dout, out, x, alpha: dout * np.where(dout > 0, 1, alpha * np.exp(np.minimum(0, x))),
    )


@elu_backward.misconception
def slope_mask_times_infinity(reference):
    """Right for ordinary numbers, but `exp` of 1,000 is infinite, and infinity times a mask of 0 is nan: choose with `np.where`,
    or use `out + alpha`."""
    return _elu_backward(lambda dout, out, x, alpha: dout * ((x > 0) + alpha * np.exp(x) * (x <= 0)))


@elu_backward.misconception
def elu_gradient_in_place(reference):
    """The values are right, but `dout` itself was multiplied by the slope: make a new array."""

    def backward(dout, out, x, alpha):
        dout *= np.where(x > 0, 1, out + alpha)
        return dout

    return _elu_backward(backward)


# ------------------------------------------------------------------------------ maxout_forward


def two_pieces(rng):
    """Rows and two affine pieces; more outputs than inputs and fewer; a batch of one; a piece that never wins."""
    for label, n, d, m, shift in [
        ("fewer outputs than inputs", 5, 7, 3, 0.0),
        ("more outputs than inputs", 4, 2, 6, 0.0),
        ("a batch of one", 1, 5, 8, 0.0),
        ("a single output", 6, 3, 1, 0.0),
        ("a second piece that always wins", 3, 4, 2, 40.0),
    ]:
        inputs = {
            "x": rng.normal(size=(n, d)),
            "w1": rng.normal(size=(d, m)),
            "b1": rng.normal(0.5, 1.0, m),
            "w2": rng.normal(size=(d, m)),
            "b2": rng.normal(0.5, 1.0, m) + shift,
        }
        if m == 1:  # each piece wins in half of the rows
            inputs["b2"] = inputs["b1"] + np.median(inputs["x"] @ (inputs["w1"] - inputs["w2"]), axis=0)
        yield Case(label, inputs, {"N": n, "D": d, "M": m})


def two_pieces_backward(rng):
    for case in two_pieces(rng):
        shape = (case.sizes["N"], case.sizes["M"])
        dout, again = _away_from_zero(rng, shape), rng.normal(size=shape)
        yield Case(case.label, {**case.inputs, "dout": dout, "dout_again": again}, case.sizes)


@question(points={"out": 4, "inputs": 1}, draw=two_pieces)
def maxout_forward(student, x, w1, b1, w2, b2):
    out, cache = student.maxout_forward(x, w1, b1, w2, b2)
    return {"out": out}


def _of_pieces(function):
    """Make a variant of maxout_forward from a function of the two affine pieces."""
    return _forward("maxout", lambda x, w1, b1, w2, b2: function(x @ w1 + b1, x @ w2 + b2))


@maxout_forward.correct_variant
def chosen_entry_by_entry(reference):
    return _of_pieces(lambda z1, z2: np.where(z1 > z2, z1, z2))


@maxout_forward.correct_variant
def first_plus_positive_difference(reference):
    return _of_pieces(lambda z1, z2: z1 + np.maximum(0, z2 - z1))


@maxout_forward.correct_variant
def stacked(reference):
    return _of_pieces(lambda z1, z2: np.stack([z1, z2], axis=-1).max(axis=-1))


@maxout_forward.correct_variant
def maxout_with_loops(reference):
    def maxout(x, w1, b1, w2, b2):
        out = np.zeros((len(x), len(b1)))
        for n in range(out.shape[0]):
            for m in range(out.shape[1]):
                out[n, m] = max(x[n] @ w1[:, m] + b1[m], x[n] @ w2[:, m] + b2[m])
        return out

    return _forward("maxout", maxout)


@maxout_forward.correct_variant
def maxout_in_single_precision(reference):
    return _of_pieces(lambda z1, z2: np.maximum(z1, z2).astype(np.float32))


@maxout_forward.misconception
def smaller_piece(reference):
    """This is the smaller of the two pieces; maxout takes the larger one."""
    return _of_pieces(np.minimum)


@maxout_forward.misconception
def pieces_added(reference):
    """The two pieces are added, which is just one more affine layer: take the larger one, entry by entry."""
    return _of_pieces(lambda z1, z2: z1 + z2)


@maxout_forward.misconception
def pieces_without_biases(reference):
    """The biases are missing: each piece is `x @ w + b`, and they decide which one wins."""
    return _forward("maxout", lambda x, w1, b1, w2, b2: np.maximum(x @ w1, x @ w2))


@maxout_forward.misconception
def bias_after_the_maximum(reference):
    """The larger product is taken first and `b1` added afterwards: each piece has its own bias, and the maximum comes last."""
    return _forward("maxout", lambda x, w1, b1, w2, b2: np.maximum(x @ w1, x @ w2) + b1)


@maxout_forward.misconception
def second_piece_ignored(reference):
    """This is the ReLU of the first piece: the other side of the maximum is the second piece, not 0."""
    return _of_pieces(lambda z1, z2: np.maximum(0, z1))


@maxout_forward.misconception
def larger_in_size(reference):
    """The piece of larger *size* is taken, so a large negative number can win: compare the numbers with their signs."""
    return _of_pieces(lambda z1, z2: np.where(np.abs(z1) > np.abs(z2), z1, z2))


@maxout_forward.misconception
def pieces_side_by_side(reference):
    """Both pieces are returned, side by side: `out` has shape (N, M), one winner for each output."""
    return _of_pieces(lambda z1, z2: np.concatenate([z1, z2], axis=1))


@maxout_forward.misconception
def one_winner_for_each_example(reference):
    """One piece wins for a whole example; the choice is made for each entry of the (N, M) outputs separately."""

    def winner(z1, z2):
        return np.where(z1.sum(axis=1, keepdims=True) > z2.sum(axis=1, keepdims=True), z1, z2)

    return _of_pieces(winner)


@maxout_forward.misconception
def relu_of_both(reference):
    """There is a ReLU behind the maximum: maxout may be negative, so nothing is compared with 0."""
    return _of_pieces(lambda z1, z2: np.maximum(0, np.maximum(z1, z2)))


# ----------------------------------------------------------------------------- maxout_backward


@question(
    points={"dx": 1.5, "dw1": 2, "db1": 2, "dw2": 2, "db2": 2, "second_dx": 0.5, "inputs": 1},
    draw=two_pieces_backward,
)
def maxout_backward(student, x, w1, b1, w2, b2, dout, dout_again):
    out, cache = student.maxout_forward(x, w1, b1, w2, b2)
    dx, dw1, db1, dw2, db2 = (
        gradient.copy() if isinstance(gradient, np.ndarray) else gradient
        for gradient in student.maxout_backward(dout, cache)
    )
    second_dx, *rest = student.maxout_backward(dout_again, cache)
    return {"dx": dx, "dw1": dw1, "db1": db1, "dw2": dw2, "db2": db2, "second_dx": second_dx}


def _maxout(share, change=lambda dx, dw1, db1, dw2, db2, *more: (dx, dw1, db1, dw2, db2)):
    """Make a variant from how `dout` is shared out, and from what becomes of the gradients afterwards.

    `share` gives what goes to each piece from `dout` and both pieces; `change` gets the five gradients and then the shares,
    `x` and both weights.
    """

    def maxout_forward(x, w1, b1, w2, b2):
        z1, z2 = x @ w1 + b1, x @ w2 + b2
        return np.maximum(z1, z2), (x, w1, w2, z1, z2)

    def maxout_backward(dout, cache):
        x, w1, w2, z1, z2 = cache
        d1, d2 = share(dout, z1, z2)
        gradients = (d1 @ w1.T + d2 @ w2.T, x.T @ d1, d1.sum(axis=0), x.T @ d2, d2.sum(axis=0))
        return change(*gradients, d1, d2, x, w1, w2)

    return {"maxout_forward": maxout_forward, "maxout_backward": maxout_backward}


def _to_the_winner(dout, z1, z2):
    return dout * (z1 > z2), dout * (z1 <= z2)


@maxout_backward.correct_variant
def a_gate_for_each_piece(reference):
    return _maxout(lambda dout, z1, z2: (np.where(z1 >= z2, dout, 0), np.where(z1 >= z2, 0, dout)))


@maxout_backward.correct_variant
def by_way_of_affine_layers(reference):
    def maxout_forward(x, w1, b1, w2, b2):
        z1, cache1 = reference.affine_forward(x, w1, b1)
        z2, cache2 = reference.affine_forward(x, w2, b2)
        return np.maximum(z1, z2), (z1 > z2, cache1, cache2)

    def maxout_backward(dout, cache):
        first, cache1, cache2 = cache
        dx1, dw1, db1 = reference.affine_backward(dout * first, cache1)
        dx2, dw2, db2 = reference.affine_backward(dout * ~first, cache2)
        return dx1 + dx2, dw1, db1, dw2, db2

    return {"maxout_forward": maxout_forward, "maxout_backward": maxout_backward}


@maxout_backward.correct_variant
def entry_by_entry(reference):
    def maxout_forward(x, w1, b1, w2, b2):
        return reference.maxout_forward(x, w1, b1, w2, b2)[0], (x, (w1, w2), (b1, b2))

    def maxout_backward(dout, cache):
        x, w, b = cache
        dx, dw, db = np.zeros_like(x), [np.zeros_like(w[0]) for _ in w], [np.zeros(len(b[0])) for _ in w]
        for n in range(dout.shape[0]):
            for m in range(dout.shape[1]):
                k = int(np.argmax([x[n] @ w[k][:, m] + b[k][m] for k in range(2)]))
                dx[n] += dout[n, m] * w[k][:, m]
                dw[k][:, m] += dout[n, m] * x[n]
                db[k][m] += dout[n, m]
        return dx, dw[0], db[0], dw[1], db[1]

    return {"maxout_forward": maxout_forward, "maxout_backward": maxout_backward}


@maxout_backward.correct_variant
def bias_gradients_kept_as_rows(reference):
    return _maxout(
        _to_the_winner, lambda dx, dw1, db1, dw2, db2, *more: (dx, dw1, db1.reshape(1, -1), dw2, db2.reshape(1, -1))
    )


@maxout_backward.correct_variant
def maxout_gradients_in_single_precision(reference):
    return _maxout(_to_the_winner, lambda *all_of_it: tuple(g.astype(np.float32) for g in all_of_it[:5]))


@maxout_backward.misconception
def gates_in_the_cache_multiplied(reference):
    """The gradients are right the first time, but the gates in the cache are multiplied by `dout`, so a second backward through
    the same cache is wrong: write `dout * gates`, which makes a new array."""

    def maxout_forward(x, w1, b1, w2, b2):
        z1, z2 = x @ w1 + b1, x @ w2 + b2
        return np.maximum(z1, z2), (x, w1, w2, np.where(z1 > z2, 1.0, 0.0), np.where(z1 > z2, 0.0, 1.0))

    def maxout_backward(dout, cache):
        x, w1, w2, first, second = cache
        first *= dout
        second *= dout
        gradients = (x.T @ first, first.sum(axis=0), x.T @ second, second.sum(axis=0))
        return first @ w1.T + second @ w2.T, *gradients

    return {"maxout_forward": maxout_forward, "maxout_backward": maxout_backward}


@maxout_backward.misconception
def gradient_to_both_pieces(reference):
    """The gradient goes to both pieces; the piece that lost had no influence on the output, so it gets nothing."""
    return _maxout(lambda dout, z1, z2: (dout, dout))


@maxout_backward.misconception
def gradient_split_in_half(reference):
    """Each piece gets half of the gradient; all of it belongs to the piece that won, and nothing to the other."""
    return _maxout(lambda dout, z1, z2: (dout / 2, dout / 2))


@maxout_backward.misconception
def gradient_to_the_loser(reference):
    """The gradient goes to the piece that lost: exchange the two gates."""
    return _maxout(lambda dout, z1, z2: _to_the_winner(dout, z1, z2)[::-1])


@maxout_backward.misconception
def gates_of_relu(reference):
    """Each gate is open where its own piece is positive, as in ReLU; here the piece that is *larger than the other* wins."""
    return _maxout(lambda dout, z1, z2: (dout * (z1 > 0), dout * (z2 > 0)))


@maxout_backward.misconception
def gates_by_the_gradient(reference):
    """The gates are set by the sign of `dout`; the winner was chosen on the way forward, so keep that choice in the cache."""
    return _maxout(lambda dout, z1, z2: (dout * (dout > 0), dout * (dout <= 0)))


@maxout_backward.misconception
def dx_of_the_first_piece_only(reference):
    """`dx` comes from the first piece only; `x` went into both, so add what comes back from each."""
    return _maxout(
        _to_the_winner,
        lambda dx, dw1, db1, dw2, db2, d1, d2, x, w1, w2: (d1 @ w1.T, dw1, db1, dw2, db2),
    )


@maxout_backward.misconception
def dx_of_both_pieces_in_full(reference):
    """The weights' gradients are right, but `dx` takes `dout` through both pieces in full: only the winner's share comes back."""
    return _maxout(
        _to_the_winner,
        lambda dx, dw1, db1, dw2, db2, d1, d2, x, w1, w2: ((d1 + d2) @ (w1 + w2).T, dw1, db1, dw2, db2),
    )


@maxout_backward.misconception
def maxout_biases_not_gated(reference):
    """`db1` and `db2` both sum all of `dout`; each bias gets only what went to its own piece."""
    return _maxout(
        _to_the_winner,
        lambda dx, dw1, db1, dw2, db2, *more: (dx, dw1, db1 + db2, dw2, db1 + db2),
    )


@maxout_backward.misconception
def maxout_biases_not_summed(reference):
    """`db1` and `db2` are not summed: every example used the same biases, so sum over the batch, axis 0."""
    return _maxout(_to_the_winner, lambda dx, dw1, db1, dw2, db2, d1, d2, *more: (dx, dw1, d1, dw2, d2))


@maxout_backward.misconception
def maxout_biases_averaged(reference):
    """`db1` and `db2` are means over the batch; they are sums, because the mean is taken once, in the loss."""
    return _maxout(
        _to_the_winner,
        lambda dx, dw1, db1, dw2, db2, d1, d2, *more: (dx, dw1, d1.mean(axis=0), dw2, d2.mean(axis=0)),
    )


@maxout_backward.misconception
def maxout_gradients_out_of_order(reference):
    """The gradients come in another order: return them in the order of the arguments, `dx, dw1, db1, dw2, db2`."""
    return _maxout(_to_the_winner, lambda dx, dw1, db1, dw2, db2, *more: (dx, dw1, dw2, db1, db2))


@maxout_backward.misconception
def maxout_gradient_in_place(reference):
    """The gradients are right, but `dout` was changed on the way: multiply it by the gate into a new array."""

    def share(dout, z1, z2):
        d2 = dout * (z1 <= z2)
        dout *= z1 > z2
        return dout, d2

    return _maxout(share)


# ------------------------------------------------------------------------- saturation_fraction


def outputs_between_limits(rng):
    """Outputs with more entries at one limit than at the other, none on the border of the margin."""
    for label, shape, low, high, margin in [
        ("outputs of a sigmoid", (8, 5), 0.0, 1.0, 0.05),
        ("a batch of one", (1, 12), -1.0, 1.0, 0.02),
        ("other limits", (6, 7), -2.0, 5.0, 0.3),
        ("images", (2, 3, 4, 2), -1.0, 1.0, 0.1),
        ("a wide margin", (5, 4), 0.0, 4.0, 1.0),
    ]:
        count = int(np.prod(shape))
        at_low, at_high = rng.integers(count // 8 + 1, count // 5 + 1), rng.integers(count // 4 + 1, count // 2)
        at_high -= 2 * (at_low + at_high) == count  # a share of a half could be a median
        near = margin * rng.uniform(0.0, 0.8, at_low + at_high)
        middle = rng.uniform(low + 1.2 * margin, high - 1.2 * margin, count - at_low - at_high)
        entries = np.concatenate([low + near[:at_low], high - near[at_low:], middle])
        entries[0] = low  # one that is exactly there
        entries[-2:] = low + 1.3 * margin, high - 1.3 * margin  # two just outside
        entries[1], entries[at_low] = low + 0.7 * margin, high - 0.7 * margin  # and two just inside
        inputs = {"out": rng.permutation(entries).reshape(shape), "low": low, "high": high, "margin": margin}
        down, up = rng.integers(1, 3), rng.integers(3, 6)
        before = [*rng.uniform(-9, -4, down), *rng.uniform(3.5, 6, up), *rng.uniform(-2, 2, 9 - down - up)]
        before += [-2.8, -2.3, 2.3]  # 0.007 and 0.02 from their limits, on either side of the margin by default
        inputs["tanh_out"] = np.tanh(rng.permutation(before).reshape(4, 3))
        yield Case(label, inputs, {"N": shape[0], "count": count})


@question(points={"fraction": 2, "default_fraction": 1, "inputs": 1}, draw=outputs_between_limits)
def saturation_fraction(student, out, low, high, margin, tanh_out):
    fraction = student.saturation_fraction(out, low, high, margin)
    return {"fraction": fraction, "default_fraction": student.saturation_fraction(tanh_out)}


def _saturation(function):
    """Make a variant from a function of out, low, high and margin, with the default limits of tanh."""
    return {"saturation_fraction": lambda out, low=-1.0, high=1.0, margin=0.01: function(out, low, high, margin)}


def _saturated(out, low, high, margin):
    return (out < low + margin) | (out > high - margin)


@saturation_fraction.correct_variant
def mean_of_a_mask(reference):
    return _saturation(lambda *args: _saturated(*args).mean())


@saturation_fraction.correct_variant
def two_shares_added(reference):
    return _saturation(lambda out, low, high, margin: np.mean(out < low + margin) + np.mean(high - out < margin))


@saturation_fraction.correct_variant
def distance_to_the_nearer_limit(reference):
    return _saturation(lambda out, low, high, margin: np.mean(np.minimum(out - low, high - out) < margin))


@saturation_fraction.correct_variant
def distance_from_the_middle(reference):
    def share(out, low, high, margin):
        return np.mean(np.abs(out - (low + high) / 2) > (high - low) / 2 - margin)

    return _saturation(share)


@saturation_fraction.correct_variant
def counted(reference):
    def share(out, low, high, margin):
        found = sum(1 for number in out.ravel() if number < low + margin or number > high - margin)
        return np.array([found / out.size])

    return _saturation(share)


@saturation_fraction.misconception
def upper_limit_only(reference):
    """Only the upper limit is looked at; outputs close to the lower one are saturated too."""
    return _saturation(lambda out, low, high, margin: np.mean(out > high - margin))


@saturation_fraction.misconception
def lower_limit_only(reference):
    """Only the lower limit is looked at; outputs close to the upper one are saturated too."""
    return _saturation(lambda out, low, high, margin: np.mean(out < low + margin))


@saturation_fraction.misconception
def count_of_saturated(reference):
    """This is how many entries are saturated; divide by how many there are, to get a share between 0 and 1."""
    return _saturation(lambda *args: _saturated(*args).sum())


@saturation_fraction.misconception
def percentage(reference):
    """This is a percentage; asked is the share, a number between 0 and 1."""
    return _saturation(lambda *args: 100 * _saturated(*args).mean())


@saturation_fraction.misconception
def share_not_saturated(reference):
    """This is the share that is *not* saturated: count the entries close to a limit."""
    return _saturation(lambda *args: 1 - _saturated(*args).mean())


@saturation_fraction.misconception
def exactly_at_the_limit(reference):
    """Only entries exactly at a limit are counted; those within the margin of it count too."""
    return _saturation(lambda out, low, high, margin: np.mean((out <= low) | (out >= high)))


@saturation_fraction.misconception
def limits_of_tanh_always(reference):
    """The limits are always those of tanh; use `low` and `high`, which differ for the sigmoid."""
    return _saturation(lambda out, low, high, margin: np.mean(np.abs(out) > 1 - margin))


@saturation_fraction.misconception
def margin_always_a_hundredth(reference):
    """The margin is always 0.01; use the argument `margin`."""
    return _saturation(lambda out, low, high, margin: _saturated(out, low, high, 0.01).mean())


@saturation_fraction.misconception
def share_for_each_unit(reference):
    """This is one share for each unit; asked is one number for all entries together."""
    return _saturation(lambda *args: _saturated(*args).mean(axis=0))


# ------------------------------------------------------------------------------- dead_fraction


def outputs_of_relu(rng):
    """ReLU outputs: units that are silent for all examples, for most, and units that barely speak."""
    for label, n, d, dead in [
        ("more rows than units", 9, 7, 2),
        ("more units than rows", 4, 11, 3),
        ("a batch of one", 1, 10, 4),
        ("no dead unit", 6, 5, 0),
        ("dead units only", 3, 4, 4),
    ]:
        out = np.maximum(0, _away_from_zero(rng, (n, d)))
        out[rng.integers(n), :] = rng.uniform(0.5, 1.5, d)  # now every unit speaks at least once
        out[:, d - 1] = 0
        out[n - 1, d - 1] = 1e-4  # this one barely
        out[:, rng.permutation(d - 1 if dead < d else d)[:dead]] = 0
        yield Case(label, {"out": out}, {"N": n, "D": d})


@question(points={"fraction": 3, "inputs": 1}, draw=outputs_of_relu)
def dead_fraction(student, out):
    return {"fraction": student.dead_fraction(out)}


def _dead(function):
    return {"dead_fraction": function}


@dead_fraction.correct_variant
def never_positive(reference):
    return _dead(lambda out: 1 - (out > 0).any(axis=0).mean())


@dead_fraction.correct_variant
def largest_is_zero(reference):
    return _dead(lambda out: np.mean(out.max(axis=0) <= 0))


@dead_fraction.correct_variant
def sum_is_zero(reference):
    return _dead(lambda out: float((out.sum(axis=0) == 0).sum() / out.shape[1]))


@dead_fraction.correct_variant
def unit_after_unit(reference):
    return _dead(lambda out: sum(not unit.any() for unit in out.T) / len(out.T))


@dead_fraction.misconception
def share_of_zeros(reference):
    """This is the share of zeros among all entries; a unit is dead only if it is zero for *every* example."""
    return _dead(lambda out: np.mean(out == 0))


@dead_fraction.misconception
def silent_once(reference):
    """A unit counts here as soon as it is zero for *some* example; it is dead only if it is zero for *every* example."""
    return _dead(lambda out: np.mean((out == 0).any(axis=0)))


@dead_fraction.misconception
def silent_examples(reference):
    """This is the share of examples (rows) for which all units are silent; units are columns, so look along axis 0."""
    return _dead(lambda out: np.mean((out == 0).all(axis=1)))


@dead_fraction.misconception
def number_of_dead_units(reference):
    """This is how many units are dead; divide by how many there are, to get a share between 0 and 1."""
    return _dead(lambda out: (out == 0).all(axis=0).sum())


@dead_fraction.misconception
def share_of_living_units(reference):
    """This is the share of units that are alive: asked is the share of dead ones."""
    return _dead(lambda out: np.mean((out > 0).any(axis=0)))


@dead_fraction.misconception
def divided_by_the_batch(reference):
    """The number of dead units is divided by the number of examples; divide by the number of units."""
    return _dead(lambda out: (out == 0).all(axis=0).sum() / len(out))


@dead_fraction.misconception
def nearly_silent_units_counted(reference):
    """A unit that speaks only softly is counted as dead; as long as it is above zero for one example, it can still learn."""
    return _dead(lambda out: np.mean(out.mean(axis=0) < 1e-2))


@dead_fraction.misconception
def dead_units_marked(reference):
    """This marks the dead units one by one; asked is one number, the share of them."""
    return _dead(lambda out: (out == 0).all(axis=0))


# -------------------------------------------------------------------------------- init_weights


def layer_sizes(rng):
    """More inputs than outputs and fewer; large enough for a standard deviation to show in one draw."""
    for label, fan_in, fan_out in [
        ("many inputs, few outputs", 900, 100),
        ("few inputs, many outputs", 200, 800),
        ("half as many outputs as inputs", 500, 250),
    ]:
        yield Case(label, {"fan_in": fan_in, "fan_out": fan_out}, {"fan_in": fan_in, "fan_out": fan_out})


@question(
    points={
        "shape": 1,
        "zeros": 1,
        "small": 1,
        "large": 1,
        "xavier": 2,
        "he": 2,
        "centred": 1,
        "independent": 1,
    },
    draw=layer_sizes,
)
def init_weights(student, fan_in, fan_out):
    kinds = ["small", "large", "xavier", "he"]
    drawn = {kind: student.init_weights(fan_in, fan_out, kind) for kind in kinds}
    again = {kind: student.init_weights(fan_in, fan_out, kind) for kind in kinds}

    def scale(W, unit):  # in steps of five percent, much wider than chance: every draw gives the same
        if not isinstance(W, np.ndarray) or not np.std(W):
            return W if np.ndim(W) < 2 else 0.0
        steps = np.round(np.log(max(np.std(W) / unit, 1e-9)) / 0.05)
        return unit * np.exp(0.05 * steps)

    def looks(W):  # the mean, and how far the entries of a column and of a row spread, in units of the whole
        if np.ndim(W) != 2 or np.std(W) == 0:
            return [0.0, 0.0, 0.0]
        spread = [np.std(W, axis=0).mean(), np.std(W, axis=1).mean()]
        return [np.round(5 * np.mean(W) / np.std(W)) / 5, *np.round(np.array(spread) / np.std(W), 1)]

    zeros = student.init_weights(fan_in, fan_out, "zeros")
    mean_and_spread = np.array([looks(drawn[kind]) for kind in kinds])
    fresh = np.array([[float(not np.array_equal(drawn[kind], again[kind]))] for kind in kinds])
    return {
        "shape": np.array([(*np.shape(drawn[kind]), 0, 0)[:2] for kind in kinds]),
        "zeros": np.abs(np.sign(zeros)) if isinstance(zeros, np.ndarray) else zeros,
        "small": scale(drawn["small"], 0.01),
        "large": scale(drawn["large"], 1.0),
        "xavier": scale(drawn["xavier"], fan_in**-0.5),
        "he": scale(drawn["he"], (2 / fan_in) ** 0.5),
        "centred": mean_and_spread[:, 0],
        "independent": np.concatenate([fresh, mean_and_spread[:, 1:]], axis=1),
    }


def _deviations(fan_in):
    return {"zeros": 0.0, "small": 0.01, "large": 1.0, "xavier": fan_in**-0.5, "he": (2 / fan_in) ** 0.5}


def _normal(fan_in, fan_out, deviation):
    return deviation * np.random.randn(fan_in, fan_out)


def _weights(change=lambda fan_in, fan_out: {}, draw=_normal):
    """Make a variant in which some standard deviations are others, or the numbers are drawn otherwise."""

    def init_weights(fan_in, fan_out, kind):
        return draw(fan_in, fan_out, {**_deviations(fan_in), **change(fan_in, fan_out)}[kind])

    return {"init_weights": init_weights}


@init_weights.correct_variant
def one_branch_for_each_kind(reference):
    def init_weights(fan_in, fan_out, kind):
        if kind == "zeros":
            return np.zeros((fan_in, fan_out))
        if kind == "small":
            return np.random.normal(0, 0.01, (fan_in, fan_out))
        if kind == "large":
            return np.random.standard_normal((fan_in, fan_out))
        if kind == "xavier":
            return np.random.randn(fan_in, fan_out) / np.sqrt(fan_in)
        return np.random.randn(fan_in, fan_out) * np.sqrt(2 / fan_in)

    return {"init_weights": init_weights}


@init_weights.correct_variant
def generator_of_its_own(reference):
    generator = np.random.default_rng()
    return _weights(draw=lambda fan_in, fan_out, deviation: generator.normal(0, deviation, (fan_in, fan_out)))


@init_weights.correct_variant
def uniform_of_the_right_width(reference):
    def uniform(fan_in, fan_out, deviation):
        return np.random.uniform(-1, 1, (fan_in, fan_out)) * np.sqrt(3) * deviation

    return _weights(draw=uniform)


@init_weights.correct_variant
def weights_in_single_precision(reference):
    return _weights(draw=lambda *args: _normal(*args).astype(np.float32))


@init_weights.correct_variant
def column_by_column(reference):
    def columns(fan_in, fan_out, deviation):
        return np.stack([np.random.normal(scale=deviation, size=fan_in) for _ in range(fan_out)], axis=1)

    return _weights(draw=columns)


@init_weights.misconception
def he_and_xavier_exchanged(reference):
    """He and Xavier are exchanged: Xavier has variance 1 / fan_in, and He, made for ReLU, has twice that, 2 / fan_in."""
    return _weights(lambda fan_in, fan_out: {"xavier": (2 / fan_in) ** 0.5, "he": fan_in**-0.5})


@init_weights.misconception
def both_fans_in_xavier(reference):
    """For "xavier" the variance is 2 / (fan_in + fan_out), which is Glorot and Bengio's own compromise with the backward pass;
    this course uses 1 / fan_in, as the docstring says."""
    return _weights(lambda fan_in, fan_out: {"xavier": (2 / (fan_in + fan_out)) ** 0.5})


@init_weights.misconception
def fan_out_for_fan_in(reference):
    """Xavier and He use `fan_out`; a unit adds up `fan_in` products, so it is `fan_in` that decides how large the sum gets."""
    return _weights(lambda fan_in, fan_out: {"xavier": fan_out**-0.5, "he": (2 / fan_out) ** 0.5})


@init_weights.misconception
def root_left_out(reference):
    """1 / fan_in and 2 / fan_in are variances; the random numbers are multiplied by the standard deviation, its square root."""
    return _weights(lambda fan_in, fan_out: {"xavier": 1 / fan_in, "he": 2 / fan_in})


@init_weights.misconception
def he_without_the_two(reference):
    """ "he" is the same as "xavier": the 2 is missing, which makes up for the half that ReLU throws away."""
    return _weights(lambda fan_in, fan_out: {"he": fan_in**-0.5})


@init_weights.misconception
def two_outside_the_root(reference):
    """ "he" is 2 / sqrt(fan_in), too large by sqrt(2): the 2 belongs under the root, sqrt(2 / fan_in)."""
    return _weights(lambda fan_in, fan_out: {"he": 2 * fan_in**-0.5})


@init_weights.misconception
def small_as_a_variance(reference):
    """ "small" has variance 0.01; its standard deviation should be 0.01."""
    return _weights(lambda fan_in, fan_out: {"small": 0.1})


@init_weights.misconception
def positive_numbers_only(reference):
    """The weights are all positive: `np.random.rand` draws between 0 and 1. Draw with mean 0, as `np.random.randn` does."""
    return _weights(draw=lambda fan_in, fan_out, deviation: deviation * np.random.rand(fan_in, fan_out))


@init_weights.misconception
def width_for_deviation(reference):
    """The weights are uniform between minus and plus the number asked; that number is the standard deviation, and a uniform
    draw from -a to a has only a / sqrt(3)."""
    return _weights(draw=lambda fan_in, fan_out, deviation: deviation * np.random.uniform(-1, 1, (fan_in, fan_out)))


@init_weights.misconception
def weights_transposed(reference):
    """The weights come out transposed: the shape is (fan_in, fan_out), so that `x @ W` fits."""
    return _weights(draw=lambda fan_in, fan_out, deviation: _normal(fan_out, fan_in, deviation))


@init_weights.misconception
def seed_inside(reference):
    """Every call draws the same numbers, because the seed is set inside the function: all layers would start alike."""

    def draw(fan_in, fan_out, deviation):
        return deviation * np.random.default_rng(0).normal(size=(fan_in, fan_out))

    return _weights(draw=draw)


@init_weights.misconception
def one_column_for_all(reference):
    """Every unit gets the same column of weights, so all units compute the same: draw fan_in times fan_out numbers."""

    def draw(fan_in, fan_out, deviation):
        return deviation * np.random.randn(fan_in, 1) * np.ones((1, fan_out))

    return _weights(draw=draw)


@init_weights.misconception
def zeros_not_zero(reference):
    """ "zeros" gives small random numbers: here it is exactly 0, to show what that does."""

    return _weights(lambda fan_in, fan_out: {"zeros": 0.001})


# ------------------------------------------------------------------------------------- equivalent mutants

_EITHER_SLOPE = (
    "At 0 there is no derivative, and both one-sided ones are taken for it; either choice is accepted, so no input is "
    "0."
)
_ZERO_EITHER_WAY = "At 0 both branches give 0."
_SUM_ALONE = "The backward step uses out and alpha in their sum alone, which is the same in either order."
_NUMBER_IN_AN_ARRAY = "A number handed back as an array of one number is accepted and noted."
_AT_THE_MARGIN = (
    "Whether an entry exactly at the margin counts is left open, and rounding would decide it, so none is drawn there."
)

sigmoid_forward.equivalent(
    "sigmoid_forward:2 np.where(x >= 0, 1.0, e) -> np.where(x > 0, 1.0, e)",
    "At 0, e is exp(0), which is the 1 that stands in the other branch.",
)
tanh_forward.equivalent(
    "tanh_forward:2 return (out, out) -> return (out, -out)",
    "The cache is the student's own business, and the slope 1 - out**2 is the same for -out.",
)
relu_backward.equivalent(
    "relu_backward:2 dout * (x > 0) -> dout * (x >= 0)",
    _EITHER_SLOPE,
)
leaky_relu_forward.equivalent(
    "leaky_relu_forward:1 np.where(x > 0, x, 0.01 * x) -> np.where(x >= 0, x, 0.01 * x)",
    _ZERO_EITHER_WAY,
)
leaky_relu_backward.equivalent(
    "leaky_relu_backward:2 np.where(x > 0, dout, 0.01 * dout) -> np.where(x >= 0, dout, 0.01 * dout)",
    _EITHER_SLOPE,
)
prelu_forward.equivalent(
    "prelu_forward:1 np.where(x > 0, x, alpha * x) -> np.where(x >= 0, x, alpha * x)",
    _ZERO_EITHER_WAY,
)
prelu_backward.equivalent(
    "prelu_backward:2 np.where(x > 0, dout, alpha * dout) -> np.where(x >= 0, dout, alpha * dout)",
    _EITHER_SLOPE,
)
prelu_backward.equivalent(
    "prelu_backward:3 x.ndim - np.ndim(alpha) -> np.ndim(alpha)",
    "x has two axes and alpha one, as the docstring says: 2 - 1 is 1.",
)
elu_forward.equivalent(
    "elu_forward:1 np.where(x > 0, x, alpha * (np.exp(np.minimum(0, x)) - 1)) -> np.where(x >= 0, x, alpha * "
    "(np.exp(np.minimum(0, x)) - 1))",
    _ZERO_EITHER_WAY,
)
elu_forward.equivalent(
    "elu_forward:1 np.minimum(0, x) -> np.minimum(1, x)",
    "The minimum only keeps exp from overflowing; where x is above 0 the other branch is taken.",
)
elu_forward.equivalent(
    "elu_forward:2 (x, out, alpha) -> (x, alpha, out)",
    _SUM_ALONE,
)
elu_backward.equivalent(
    "elu_backward:1 (x, out, alpha) -> (x, alpha, out)",
    _SUM_ALONE,
)
elu_backward.equivalent(
    "elu_backward:2 np.where(x > 0, 1.0, out + alpha) -> np.where(x >= 0, 1.0, out + alpha)",
    _EITHER_SLOPE,
)
elu_backward.equivalent(
    "elu_backward:2 out + alpha -> out % alpha",
    "Where this branch is taken, out lies from -alpha to 0, and the remainder is out + alpha.",
)
maxout_forward.equivalent(
    "maxout_forward:3 (z1 > z2, cache1, cache2) -> (z1 >= z2, cache1, cache2)",
    "Where both pieces are equal, either may have the gradient; no tie is drawn.",
)
saturation_fraction.equivalent(
    "saturation_fraction:1 return np.mean((out < low + margin) | (out > high - margin)) -> return "
    "np.asarray(np.mean((out < low + margin) | (out > high - margin)))[..., None]",
    _NUMBER_IN_AN_ARRAY,
)
saturation_fraction.equivalent(
    "saturation_fraction:1 (out < low + margin) | (out > high - margin) -> (out < low + margin) + (out > high - "
    "margin)",
    "The sum of two truth values is their 'or'.",
)
saturation_fraction.equivalent(
    "saturation_fraction:1 out < low + margin -> out <= low + margin",
    _AT_THE_MARGIN,
)
saturation_fraction.equivalent(
    "saturation_fraction:1 out > high - margin -> out >= high - margin",
    _AT_THE_MARGIN,
)
dead_fraction.equivalent(
    "dead_fraction:1 return np.mean((out == 0).all(axis=0)) -> return np.asarray(np.mean((out == "
    "0).all(axis=0)))[..., None]",
    _NUMBER_IN_AN_ARRAY,
)
dead_fraction.equivalent(
    "dead_fraction:1 out == 0 -> out <= 0",
    "Outputs of ReLU are never below 0.",
)
init_weights.equivalent(
    "init_weights:3 return deviations[kind] * np.random.randn(fan_in, fan_out) -> return -(deviations[kind] * "
    "np.random.randn(fan_in, fan_out))",
    "A normal number with mean 0 has the same chances with the other sign.",
)
