"""The questions of `mlp`: how each is observed, what it is worth, how it goes wrong."""

import numpy as np

from autograder.model import Case
from autograder.questions import question


def _single(*arrays):
    """Round what a function gives to float32."""
    return tuple(np.asarray(a, dtype=np.float32) for a in arrays)


# ------------------------------------------------------------------------------------ mse_loss


def mse_inputs(rng):
    """One number an example and several; a batch of one; more examples than outputs and fewer."""
    for label, shape in [
        ("several outputs for each example", (5, 3)),
        ("one number for each example", (7,)),
        ("a batch of one", (1, 4)),
        ("more outputs than examples", (3, 11)),
    ]:
        sizes = {"N": shape[0]} | ({"K": shape[1]} if len(shape) > 1 else {})
        yield Case(label, {"pred": rng.normal(1.0, 2.0, shape), "y": rng.normal(-0.5, 1.0, shape)}, sizes)


@question(points={"loss": 2.5, "dpred": 3, "inputs": 0.5}, draw=mse_inputs)
def mse_loss(student, pred, y):
    loss, dpred = student.mse_loss(pred, y)
    return {"loss": loss, "dpred": dpred}


def _mse(loss_of, gradient_of):
    """Make a variant from the loss and the gradient, each of the errors e and N."""
    return lambda reference: {
        "mse_loss": lambda pred, y: (loss_of(pred - y, len(pred)), gradient_of(pred - y, len(pred)))
    }


def _half_mean(e, n):
    return 0.5 * (e**2).sum() / n


@mse_loss.correct_variant
def one_number_at_a_time(reference):
    def mse_loss(pred, y):
        loss, dpred = 0.0, np.zeros_like(pred)
        for i in np.ndindex(pred.shape):
            loss += (pred[i] - y[i]) ** 2 / (2 * len(pred))
            dpred[i] = (pred[i] - y[i]) / len(pred)
        return loss, dpred

    return {"mse_loss": mse_loss}


@mse_loss.correct_variant
def mean_of_rows(reference):
    def mse_loss(pred, y):
        e = (pred - y).reshape(len(pred), -1)
        return np.mean(np.sum(e * e, axis=1) / 2), (e / len(e)).reshape(pred.shape)

    return {"mse_loss": mse_loss}


@mse_loss.correct_variant
def loss_in_an_array(reference):
    return _mse(lambda e, n: np.array([_half_mean(e, n)]), lambda e, n: e / n)(reference)


@mse_loss.correct_variant
def mse_in_single_precision(reference):
    return {"mse_loss": lambda pred, y: _single(*reference.mse_loss(pred, y))}


@mse_loss.misconception
def half_missing(reference):
    """Loss and gradient are twice what is asked. Some books define the squared error without the 0.5; this course keeps it:
    `0.5 * sum((pred - y)**2) / N`, gradient `(pred - y) / N`."""
    return _mse(lambda e, n: 2 * _half_mean(e, n), lambda e, n: 2 * e / n)(reference)


@mse_loss.misconception
def half_missing_in_the_loss(reference):
    """The gradient is right, but the loss lacks its 0.5: it is `0.5 * sum((pred - y)**2) / N`."""
    return _mse(lambda e, n: 2 * _half_mean(e, n), lambda e, n: e / n)(reference)


@mse_loss.misconception
def two_kept_in_the_gradient(reference):
    """The loss is right, but the gradient is twice too large: the 2 that comes down from the square cancels the 0.5."""
    return _mse(_half_mean, lambda e, n: 2 * e / n)(reference)


@mse_loss.misconception
def mse_summed(reference):
    """Loss and gradient are summed over the batch; the contract is the mean over the N examples: divide both by N."""
    return _mse(lambda e, n: n * _half_mean(e, n), lambda e, n: e)(reference)


@mse_loss.misconception
def mse_gradient_not_averaged(reference):
    """The loss is a mean over the batch, so its gradient is one too: divide `dpred` by N."""
    return _mse(_half_mean, lambda e, n: e)(reference)


@mse_loss.misconception
def mean_over_all_entries(reference):
    """The sum is divided by the number of all entries, N times K, as some libraries do. Here the squares of one example are
    added and the mean is over the N examples only: divide by `len(pred)`."""
    return _mse(lambda e, n: 0.5 * (e**2).mean(), lambda e, n: e / e.size)(reference)


@mse_loss.misconception
def mean_of_the_squares(reference):
    """This is the plain mean of all squared errors, as many libraries define it. Here there is a 0.5, and the mean is over the
    N examples only: `0.5 * sum((pred - y)**2) / N`."""
    return _mse(lambda e, n: (e**2).mean(), lambda e, n: 2 * e / e.size)(reference)


@mse_loss.misconception
def error_the_wrong_way_round(reference):
    """The gradient has the wrong sign: it is `pred - y`, not `y - pred`; raising a prediction that is too high raises the
    loss."""
    return _mse(_half_mean, lambda e, n: -e / n)(reference)


@mse_loss.misconception
def absolute_error(reference):
    """This is the absolute error. The errors must be squared before they are added, or those of opposite sign weigh as in
    another loss."""
    return _mse(lambda e, n: np.abs(e).sum() / n, lambda e, n: np.sign(e) / n)(reference)


@mse_loss.misconception
def prediction_changed_in_place(reference):
    """The values are right, but `pred` itself was changed: write `error = pred - y`, which makes a new array, not
    `pred -= y`."""

    def mse_loss(pred, y):
        pred -= y
        return _half_mean(pred, len(pred)), pred / len(pred)

    return {"mse_loss": mse_loss}


# ------------------------------------------------------------------------ linear_regression_1d


def line_inputs(rng):
    """Lines with slope and intercept, noisy; a single point; a single step."""
    for label, n, steps, rate in [
        ("thirty points, several steps", 30, 9, 0.15),
        ("a single step", 7, 1, 0.3),
        ("a single point", 1, 5, 0.1),
        ("points far from zero", 11, 6, 0.02),
    ]:
        x = rng.normal(3.0 if "far" in label else 0.7, 1.0, n)
        y = rng.uniform(1, 3) * x + rng.uniform(1.5, 3) + 0.3 * rng.normal(size=n)
        yield Case(label, {"x": x, "y": y, "learning_rate": rate, "num_steps": steps}, {"N": n})


@question(points={"w": 2, "b": 2, "losses": 1.5, "inputs": 0.5}, draw=line_inputs)
def linear_regression_1d(student, x, y, learning_rate, num_steps):
    w, b, losses = student.linear_regression_1d(x, y, learning_rate, num_steps)
    return {"w": w, "b": b, "losses": np.ravel(np.array(losses))}


def _descent(slopes, name="linear_regression_1d", loss_of=_half_mean, step=None, steps=lambda n: n):
    """Make a variant of either regression: `slopes(x, e, w, b)` gives dw and db from the errors e = pred - y."""

    def fit(x, y, learning_rate, num_steps):
        flat = x.ndim == 1
        X, Y = (x[:, None], y[:, None]) if flat else (x, y)
        w, b, losses = np.zeros((X.shape[1], Y.shape[1])), np.zeros(Y.shape[1]), []
        for _ in range(steps(num_steps)):
            e = X @ w + b - Y
            losses.append(loss_of(e, len(X)))
            dw, db = slopes(X, e, w, b)
            w, b = step(X, Y, w, b, dw, db, learning_rate) if step else (w - learning_rate * dw, b - learning_rate * db)
        return (w.item(), b.item(), losses) if flat else (w, b, losses)

    return lambda reference: {name: fit}


def _right_slopes(X, e, w, b):
    return X.T @ e / len(X), e.mean(axis=0)


def _b_after_w(X, Y, w, b, dw, db, rate):
    w = w - rate * dw
    return w, b - rate * (X @ w + b - Y).mean(axis=0)


@linear_regression_1d.correct_variant
def matrix_form(reference):
    return _descent(_right_slopes)(reference)


@linear_regression_1d.correct_variant
def sums_in_a_loop(reference):
    def linear_regression_1d(x, y, learning_rate, num_steps):
        w, b, losses = 0.0, 0.0, np.zeros(num_steps)
        for step in range(num_steps):
            loss = dw = db = 0.0
            for u, v in zip(x, y, strict=True):
                error = w * u + b - v
                loss, dw, db = loss + error**2 / 2, dw + error * u, db + error
            losses[step] = loss / len(x)
            w -= learning_rate * dw / len(x)
            b -= learning_rate * db / len(x)
        return w, b, losses

    return {"linear_regression_1d": linear_regression_1d}


@linear_regression_1d.correct_variant
def parameters_in_one_vector(reference):
    def linear_regression_1d(x, y, learning_rate, num_steps):
        A, theta, losses = np.stack([x, np.ones_like(x)], axis=1), np.zeros(2), []
        for _ in range(num_steps):
            e = A @ theta - y
            losses += [e @ e / (2 * len(e))]
            theta = theta - learning_rate * (A.T @ e) / len(e)
        return theta[0], theta[1], losses

    return {"linear_regression_1d": linear_regression_1d}


@linear_regression_1d.correct_variant
def numbers_in_arrays(reference):
    def linear_regression_1d(*args):
        w, b, losses = reference.linear_regression_1d(*args)
        return np.array([w]), np.array([b]), [np.array([loss]) for loss in losses]

    return {"linear_regression_1d": linear_regression_1d}


@linear_regression_1d.misconception
def climbs(reference):
    """The steps go uphill: the gradient points to where the loss grows, so subtract `learning_rate` times it."""
    return _descent(lambda *a: tuple(-g for g in _right_slopes(*a)))(reference)


@linear_regression_1d.misconception
def slopes_summed(reference):
    """The slopes are summed over the points; the loss is a mean, so its slopes are too: divide by N."""
    return _descent(lambda X, e, w, b: (X.T @ e, e.sum(axis=0)))(reference)


@linear_regression_1d.misconception
def slopes_doubled(reference):
    """Every step is twice too long: with 0.5 in the loss, the slope is `mean((w * x + b - y) * x)`, without a 2."""
    return _descent(lambda *a: tuple(2 * g for g in _right_slopes(*a)))(reference)


@linear_regression_1d.misconception
def intercept_not_learned(reference):
    """`b` never moves: it has a slope of its own, the mean error, and takes a step like `w`."""
    return _descent(lambda X, e, w, b: (X.T @ e / len(X), 0 * b))(reference)


@linear_regression_1d.misconception
def x_left_out_of_the_slope(reference):
    """The slope for `w` lacks the factor `x`: by the chain rule each error is multiplied by the `x` that `w` met."""
    return _descent(lambda X, e, w, b: (np.full(w.shape, e.mean()), e.mean(axis=0)))(reference)


@linear_regression_1d.misconception
def one_parameter_after_the_other(reference):
    """`b` was moved with errors worked out from the new `w`: compute both slopes first, then take both steps."""
    return _descent(_right_slopes, step=_b_after_w)(reference)


@linear_regression_1d.misconception
def one_step_short(reference):
    """There is one step too few: take exactly `num_steps` of them, and note the loss before each."""
    return _descent(_right_slopes, steps=lambda n: n - 1)(reference)


@linear_regression_1d.misconception
def loss_noted_after_the_step(reference):
    """`w` and `b` are right, but each loss was noted after its step: note it before, so that the first one is the loss at
    w = b = 0."""

    def linear_regression_1d(x, y, learning_rate, num_steps):
        w, b, losses = reference.linear_regression_1d(x, y, learning_rate, num_steps)
        after = reference.linear_regression_1d(x, y, learning_rate, num_steps + 1)[2]
        return w, b, after[1:]

    return {"linear_regression_1d": linear_regression_1d}


@linear_regression_1d.misconception
def losses_without_the_half(reference):
    """`w` and `b` are right, but the losses noted are twice too large: the loss has a 0.5, as in `mse_loss`."""
    return _descent(_right_slopes, loss_of=lambda e, n: (e**2).sum() / n)(reference)


# --------------------------------------------------------------------------- linear_regression


def affine_inputs(rng):
    """Several inputs and outputs, never as many of one as of the other; one output; one example."""
    for label, n, d, m, steps, rate in [
        ("more outputs than inputs", 12, 3, 5, 6, 0.1),
        ("one output", 9, 4, 1, 8, 0.15),
        ("more inputs than examples", 4, 7, 3, 5, 0.05),
        ("a batch of one", 1, 5, 3, 4, 0.05),
        ("a single step", 6, 5, 4, 1, 0.3),
    ]:
        X = rng.normal(0.3, 1.0, (n, d))
        Y = X @ rng.normal(size=(d, m)) + rng.uniform(1, 2, m) + 0.1 * rng.normal(size=(n, m))
        sizes = {"N": n, "D": d, "M": m}
        yield Case(label, {"X": X, "Y": Y, "learning_rate": rate, "num_steps": steps}, sizes)


@question(points={"W": 3, "b": 2.5, "losses": 2, "inputs": 0.5}, draw=affine_inputs)
def linear_regression(student, X, Y, learning_rate, num_steps):
    W, b, losses = student.linear_regression(X, Y, learning_rate, num_steps)
    return {"W": W, "b": b, "losses": np.ravel(np.array(losses))}


def _affine(slopes=_right_slopes, **changes):
    return _descent(slopes, name="linear_regression", **changes)


@linear_regression.correct_variant
def written_out(reference):
    return _affine()(reference)


@linear_regression.correct_variant
def column_of_ones(reference):
    def linear_regression(X, Y, learning_rate, num_steps):
        A = np.hstack([X, np.ones((len(X), 1))])
        theta, losses = np.zeros((A.shape[1], Y.shape[1])), []
        for _ in range(num_steps):
            e = A @ theta - Y
            losses.append(np.mean((e**2).sum(axis=1)) / 2)
            theta -= learning_rate / len(X) * A.T @ e
        return theta[:-1], theta[-1], losses

    return {"linear_regression": linear_regression}


@linear_regression.correct_variant
def bias_kept_as_a_row(reference):
    def linear_regression(*args):
        W, b, losses = reference.linear_regression(*args)
        return W, b[None, :], np.array(losses)

    return {"linear_regression": linear_regression}


@linear_regression.correct_variant
def one_output_after_the_other(reference):
    def linear_regression(X, Y, learning_rate, num_steps):
        D, M = X.shape[1], Y.shape[1]
        W, b, losses = np.zeros((D, M)), np.zeros(M), np.zeros(num_steps)
        for m in range(M):
            for step in range(num_steps):
                e = X.dot(W[:, m]) + b[m] - Y[:, m]
                losses[step] += 0.5 * np.mean(e**2)
                W[:, m] -= learning_rate * np.array([np.mean(e * X[:, d]) for d in range(D)])
                b[m] -= learning_rate * np.mean(e)
        return W, b, losses

    return {"linear_regression": linear_regression}


@linear_regression.correct_variant
def regression_in_single_precision(reference):
    return {"linear_regression": lambda *args: _single(*reference.linear_regression(*args))}


@linear_regression.misconception
def goes_uphill(reference):
    """The loss grows from step to step: subtract the gradient times the learning rate, do not add it."""
    return _affine(lambda *a: tuple(-g for g in _right_slopes(*a)))(reference)


@linear_regression.misconception
def gradients_summed(reference):
    """The gradients are summed over the examples; the loss is their mean: divide `X.T @ error` and the sum of the errors by
    N."""
    return _affine(lambda X, e, w, b: (X.T @ e, e.sum(axis=0)))(reference)


@linear_regression.misconception
def averaged_over_outputs_too(reference):
    """The loss and its gradients are divided by the number of outputs as well; the mean is over the N examples only."""
    return _affine(
        lambda X, e, w, b: tuple(g / e.shape[1] for g in _right_slopes(X, e, w, b)),
        loss_of=lambda e, n: (e**2).mean() / 2,
    )(reference)


@linear_regression.misconception
def twice_the_gradient(reference):
    """Every step is twice too long: the 2 of the square cancels the 0.5 of the loss, so the gradient is
    `X.T @ (pred - Y) / N`."""
    return _affine(lambda *a: tuple(2 * g for g in _right_slopes(*a)))(reference)


@linear_regression.misconception
def one_bias_for_all_outputs(reference):
    """All outputs share one bias: `b` has an entry for each output, so average the errors over the examples, axis 0, only."""
    return _affine(lambda X, e, w, b: (X.T @ e / len(X), np.full(b.shape, e.mean())))(reference)


@linear_regression.misconception
def biases_not_learned(reference):
    """The biases never move: `db` is the mean error of each output, and `b` takes a step like `W`."""
    return _affine(lambda X, e, w, b: (X.T @ e / len(X), 0 * b))(reference)


@linear_regression.misconception
def bias_moved_after_the_weights(reference):
    """`b` was moved with predictions that already use the new `W`: compute both gradients first, then take both steps."""
    return _affine(step=_b_after_w)(reference)


@linear_regression.misconception
def solved_exactly(reference):
    """This is the least-squares solution itself. It is a fine answer to another question: here the result after exactly
    `num_steps` steps of gradient descent from zero is asked, for deeper networks have no formula."""

    def linear_regression(X, Y, learning_rate, num_steps):
        A = np.hstack([X, np.ones((len(X), 1))])
        theta = np.linalg.lstsq(A, Y, rcond=None)[0]
        return theta[:-1], theta[-1], [_half_mean(A @ theta - Y, len(X))] * num_steps

    return {"linear_regression": linear_regression}


# --------------------------------------------------------------------------- gaussian_nll_loss


def gaussian_inputs(rng):
    """Errors and variances of all sizes; one output and several; a batch of one; very sure and very unsure."""
    for label, shape, low, high in [
        ("several outputs for each example", (5, 3), -2.0, 2.0),
        ("one number for each example", (7,), -1.5, 1.5),
        ("a batch of one", (1, 4), -1.0, 2.0),
        ("predictions that are very sure", (4, 3), -6.0, -4.0),
        ("predictions that are very unsure", (3, 5), 4.0, 6.0),
    ]:
        inputs = {"mu": rng.normal(1.0, 1.0, shape), "log_var": rng.uniform(low, high, shape)}
        sizes = {"N": shape[0]} | ({"K": shape[1]} if len(shape) > 1 else {})
        yield Case(label, inputs | {"y": rng.normal(-0.5, 1.0, shape)}, sizes)


@question(points={"loss": 3.5, "dmu": 3, "dlog_var": 3, "inputs": 0.5}, draw=gaussian_inputs)
def gaussian_nll_loss(student, mu, log_var, y):
    loss, dmu, dlog_var = student.gaussian_nll_loss(mu, log_var, y)
    return {"loss": loss, "dmu": dmu, "dlog_var": dlog_var}


def _nll(change):
    """Make a variant from `change(e, s, n)`: the errors mu - y, the log-variances and N give loss, dmu, dlog_var."""
    return lambda reference: {"gaussian_nll_loss": lambda mu, log_var, y: change(mu - y, log_var, len(mu))}


def _nll_loss(e, s, n):
    return 0.5 * (s + e**2 / np.exp(s)).sum() / n


def _nll_ds(e, s, n):
    return 0.5 * (1 - e**2 * np.exp(-s)) / n


@gaussian_nll_loss.correct_variant
def by_standard_deviation(reference):
    def change(e, s, n):
        sigma = np.exp(s / 2)
        z = e / sigma
        return (np.log(sigma) + z**2 / 2).sum() / n, z / sigma / n, (0.5 - 0.5 * z**2) / n

    return _nll(change)(reference)


@gaussian_nll_loss.correct_variant
def nll_in_loops(reference):
    def gaussian_nll_loss(mu, log_var, y):
        loss, dmu, ds, n = 0.0, np.zeros_like(mu), np.zeros_like(mu), mu.shape[0]
        for i in np.ndindex(mu.shape):
            variance, error = np.exp(log_var[i]), y[i] - mu[i]
            loss += (np.log(variance) + error**2 / variance) / (2 * n)
            dmu[i], ds[i] = -error / variance / n, (1 - error**2 / variance) / (2 * n)
        return loss, dmu, ds

    return {"gaussian_nll_loss": gaussian_nll_loss}


@gaussian_nll_loss.correct_variant
def nll_in_single_precision(reference):
    return {"gaussian_nll_loss": lambda *args: _single(*reference.gaussian_nll_loss(*args))}


@gaussian_nll_loss.correct_variant
def nll_as_an_array_of_one(reference):
    return _nll(lambda e, s, n: (np.array([_nll_loss(e, s, n)]), e * np.exp(-s) / n, _nll_ds(e, s, n)))(reference)


@gaussian_nll_loss.misconception
def log_variance_taken_for_log_sigma(reference):
    """`log_var` is treated as the logarithm of the standard deviation; it is that of the variance, so the variance is
    `np.exp(log_var)`, not its square."""
    return _nll(lambda e, s, n: (_nll_loss(e, 2 * s, n), e * np.exp(-2 * s) / n, 2 * _nll_ds(e, 2 * s, n)))(reference)


@gaussian_nll_loss.misconception
def divided_by_sigma(reference):
    """The squared error is divided by the standard deviation; divide it by the variance, `np.exp(log_var)`."""

    def change(e, s, n):
        r = np.exp(-s / 2)
        return 0.5 * (s + e**2 * r).sum() / n, e * r / n, 0.5 * (1 - 0.5 * e**2 * r) / n

    return _nll(change)(reference)


@gaussian_nll_loss.misconception
def constant_kept(reference):
    """The gradients are right and this is the complete negative log-likelihood; the contract leaves its constant,
    `0.5 * log(2 * pi)` for each number, out of the loss."""
    return _nll(
        lambda e, s, n: (
            _nll_loss(e, s, n) + 0.5 * np.log(2 * np.pi) * e.size / n,
            e * np.exp(-s) / n,
            _nll_ds(e, s, n),
        )
    )(reference)


@gaussian_nll_loss.misconception
def nll_without_the_half(reference):
    """Loss and gradients are twice what is asked: both terms, the log-variance and the squared error over the variance, are
    multiplied by 0.5."""
    return _nll(lambda e, s, n: (2 * _nll_loss(e, s, n), 2 * e * np.exp(-s) / n, 2 * _nll_ds(e, s, n)))(reference)


@gaussian_nll_loss.misconception
def half_on_the_error_only(reference):
    """The 0.5 belongs to both terms: `0.5 * (log_var + error**2 / variance)`; here the log-variance goes without."""
    return _nll(
        lambda e, s, n: (_nll_loss(e, s, n) + 0.5 * s.sum() / n, e * np.exp(-s) / n, _nll_ds(e, s, n) + 0.5 / n)
    )(reference)


@gaussian_nll_loss.misconception
def nll_summed(reference):
    """Loss and gradients are summed over the batch; the contract is the mean over the N examples: divide them by N."""
    return _nll(lambda e, s, n: (n * _nll_loss(e, s, n), e * np.exp(-s), n * _nll_ds(e, s, n)))(reference)


@gaussian_nll_loss.misconception
def price_of_doubt_left_out(reference):
    """The term `0.5 * log_var` is missing, in the loss and in its gradient: without it, claiming an endless variance would
    cost nothing."""
    return _nll(
        lambda e, s, n: (_nll_loss(e, s, n) - 0.5 * s.sum() / n, e * np.exp(-s) / n, _nll_ds(e, s, n) - 0.5 / n)
    )(reference)


@gaussian_nll_loss.misconception
def derivative_for_the_variance(reference):
    """`dlog_var` is the derivative with respect to the variance; with respect to its logarithm, multiply that by the variance,
    as the chain rule says."""
    return _nll(lambda e, s, n: (_nll_loss(e, s, n), e * np.exp(-s) / n, _nll_ds(e, s, n) * np.exp(-s)))(reference)


@gaussian_nll_loss.misconception
def dmu_not_divided_by_the_variance(reference):
    """`dmu` is the gradient of the plain squared error; here each error is divided by its variance as well."""
    return _nll(lambda e, s, n: (_nll_loss(e, s, n), e / n, _nll_ds(e, s, n)))(reference)


@gaussian_nll_loss.misconception
def dmu_the_wrong_way_round(reference):
    """`dmu` has the wrong sign: it is `(mu - y) / variance / N`."""
    return _nll(lambda e, s, n: (_nll_loss(e, s, n), -e * np.exp(-s) / n, _nll_ds(e, s, n)))(reference)


# -------------------------------------------------------------------------- cross_entropy_loss


def score_inputs(rng):
    """Ordinary scores, a batch of one, two classes, and scores near plus and minus 1,000.

    Scores are eighths, which float32 holds exactly even near 1,000, and close enough for a small number inside the
    logarithm to be lost in the tolerance.
    """
    for label, n, c, shift in [
        ("ordinary scores", 7, 4, 0.0),
        ("a batch of one", 1, 5, 0.0),
        ("more examples than classes", 13, 2, 0.5),
        ("scores near 1,000", 3, 6, 1000.0),
        ("scores near -1,000", 4, 3, -1000.0),
    ]:
        scores = shift + rng.integers(-12, 13, (n, c)) / 8
        yield Case(label, {"scores": scores, "y": rng.integers(0, c, n)}, {"N": n, "C": c})


@question(points={"loss": 5, "dscores": 6, "inputs": 1}, draw=score_inputs, rtol={"loss": 3e-5})
def cross_entropy_loss(student, scores, y):
    loss, dscores = student.cross_entropy_loss(scores, y)
    return {"loss": loss, "dscores": dscores}


def _softmax(x, axis=1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _one_hot(x, y):
    return (np.arange(x.shape[1]) == y[:, None]).astype(float)


def _mean_surprise(p, t, n):
    return -np.log((p * t).sum(axis=1)).mean()


def _said_minus_should(p, t, n):
    return (p - t) / n


def _entropy(loss_of=_mean_surprise, gradient_of=_said_minus_should, probabilities=_softmax):
    """Make a variant from the loss and the gradient, each of probabilities p, one-hot t and N."""

    def cross_entropy_loss(scores, y):
        with np.errstate(all="ignore"):
            p, t, n = probabilities(scores), _one_hot(scores, y), len(scores)
            return loss_of(p, t, n), gradient_of(p, t, n)

    return lambda reference: {"cross_entropy_loss": cross_entropy_loss}


@cross_entropy_loss.correct_variant
def by_logarithms(reference):
    def cross_entropy_loss(scores, y):
        rows, top = np.arange(len(y)), scores.max(axis=1)
        total = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
        p = np.exp(scores - total[:, None])
        p[rows, y] -= 1
        return np.mean(total - scores[rows, y]), p / len(y)

    return {"cross_entropy_loss": cross_entropy_loss}


@cross_entropy_loss.correct_variant
def example_by_example(reference):
    def cross_entropy_loss(scores, y):
        loss, dscores = 0.0, np.zeros_like(scores)
        for i, (row, right) in enumerate(zip(scores, y, strict=True)):
            e = np.exp(row - max(row))
            p = e / sum(e)
            loss -= np.log(p[right]) / len(y)
            p[right] -= 1
            dscores[i] = p / len(y)
        return loss, dscores

    return {"cross_entropy_loss": cross_entropy_loss}


@cross_entropy_loss.correct_variant
def small_number_inside_the_logarithm(reference):
    return _entropy(lambda p, t, n: -np.log((p * t).sum(axis=1) + 1e-7).mean())(reference)


@cross_entropy_loss.correct_variant
def one_maximum_for_the_batch(reference):
    return _entropy(probabilities=lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(axis=1)[:, None])(reference)


@cross_entropy_loss.correct_variant
def entropy_in_single_precision(reference):
    return _entropy(
        lambda p, t, n: np.array([_mean_surprise(p, t, n)], np.float32),
        lambda p, t, n: _said_minus_should(p, t.astype(np.float32), n),
        probabilities=lambda x: _softmax(x.astype(np.float32)),
    )(reference)


@cross_entropy_loss.misconception
def overflow(reference):
    """Right on small scores, but `np.exp` overflows on scores near 1,000: subtract each row's maximum first, which changes no
    probability."""
    return _entropy(probabilities=lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))(reference)


@cross_entropy_loss.misconception
def scores_clipped(reference):
    """The scores are clipped before the exponential, so all scores near 1,000 look alike: subtract each row's maximum, which
    keeps their differences."""
    return _entropy(probabilities=lambda x: _softmax(np.clip(x, -500, 500)))(reference)


@cross_entropy_loss.misconception
def log_of_zero(reference):
    """The logarithm is taken of zeros: `onehot * p` is 0 at every wrong class and `log(0)` is minus infinity. Pick the
    probability of the right class first, then take its logarithm."""
    return _entropy(lambda p, t, n: -np.log(t * p).sum(axis=1).mean())(reference)


@cross_entropy_loss.misconception
def entropy_summed(reference):
    """Loss and gradient are summed over the batch; the contract is the mean: divide both by N."""
    return _entropy(lambda p, t, n: n * _mean_surprise(p, t, n), lambda p, t, n: p - t)(reference)


@cross_entropy_loss.misconception
def only_the_loss_summed(reference):
    """`dscores` is the gradient of the mean loss, but the loss itself is summed: divide it by N."""
    return _entropy(lambda p, t, n: n * _mean_surprise(p, t, n))(reference)


@cross_entropy_loss.misconception
def entropy_averaged_twice(reference):
    """Loss and gradient are divided by N twice: the mean over the batch is taken once."""
    return _entropy(lambda p, t, n: _mean_surprise(p, t, n) / n, lambda p, t, n: (p - t) / n**2)(reference)


@cross_entropy_loss.misconception
def averaged_over_classes_too(reference):
    """Loss and gradient are divided by the number of classes as well, as the mean over a one-hot table does; divide by the
    number of examples only."""

    def loss_of(p, t, n):
        return _mean_surprise(p, t, n) / p.shape[1]

    return _entropy(loss_of, lambda p, t, n: (p - t) / p.size)(reference)


@cross_entropy_loss.misconception
def gradient_not_averaged(reference):
    """The loss is a mean over the batch, so its gradient is too: divide `dscores` by N."""
    return _entropy(gradient_of=lambda p, t, n: p - t)(reference)


@cross_entropy_loss.misconception
def right_class_not_subtracted(reference):
    """`dscores` is `p / N`: subtract 1 from the probability of the right class before dividing, `(p - onehot) / N`."""
    return _entropy(gradient_of=lambda p, t, n: p / n)(reference)


@cross_entropy_loss.misconception
def sign_of_the_gradient(reference):
    """`dscores` has the wrong sign: it is `(p - onehot) / N`; raising the right score must lower the loss."""
    return _entropy(gradient_of=lambda p, t, n: (t - p) / n)(reference)


@cross_entropy_loss.misconception
def softmax_over_the_batch(reference):
    """The probabilities are normalised over the batch instead of over the classes: each row must sum to 1, so sum over
    axis 1."""
    return _entropy(probabilities=lambda x: _softmax(x, axis=0))(reference)


@cross_entropy_loss.misconception
def logarithm_left_out(reference):
    """The loss is minus the mean probability of the right class; take the logarithm of that probability first."""
    return _entropy(lambda p, t, n: -(p * t).sum(axis=1).mean())(reference)


@cross_entropy_loss.misconception
def scores_changed_in_place(reference):
    """The values are right, but the maximum was subtracted from `scores` itself: write `shifted = scores - ...`, which makes
    a new array, not `scores -= ...`."""

    def cross_entropy_loss(scores, y):
        scores -= scores.max(axis=1, keepdims=True)
        return reference.cross_entropy_loss(scores, y)

    return {"cross_entropy_loss": cross_entropy_loss}


# -------------------------------------------------------------------------------- update rules


def _steps(rng, settings):
    """Parameters of several shapes, and gradients near one for a few steps.

    Near one, an epsilon inside the root and one beside it agree within the tolerance.
    """
    for label, shape, steps in [
        ("a matrix with an entry that never has a gradient", (3, 4), 5),
        ("a vector of biases", (6,), 4),
        ("a single number", (1,), 3),
        ("a block of numbers, eight steps", (2, 3, 2), 8),
    ]:
        gradients = rng.uniform(0.6, 1.4, (steps, *shape)) * rng.choice([-1.0, 1.0], (steps, *shape))
        if "never" in label:
            gradients[:, 1, 2] = 0.0
        inputs = {"w": rng.normal(size=shape), "gradients": gradients}
        yield Case(label, inputs | {"config": settings(rng)}, {"T": steps})


def _rule(step_of):
    """Make an update rule from `step_of(state, dw, t, **settings) -> (step to add, new state)`."""

    def rule(w, dw, config=None):
        config = dict(config or {})
        config["t"] = config.get("t", 0) + 1
        state = config.get("state", (np.zeros_like(w), np.zeros_like(w)))
        step, config["state"] = step_of(state, dw, config["t"], config)
        return w + step, config

    return rule


def _kept_outside(name, *keys):
    """Make a variant of a rule that keeps what it remembers on itself, for all parameters, and not in `config`."""

    def variant(reference):
        kept = {}

        def rule(w, dw, config=None):
            if np.shape(kept.get(keys[0], w)) != np.shape(w):
                kept.clear()
            next_w, after = getattr(reference, name)(w, dw, {**(config or {}), **kept})
            kept.update({key: after[key] for key in keys})
            return next_w, config

        return {name: rule}

    return variant


def sgd_inputs(rng):
    yield from _steps(rng, lambda rng: {"learning_rate": float(rng.uniform(0.1, 0.4))})


@question(
    points={"first_step": 1.5, "later_steps": 1, "inputs": 0.5},
    draw=sgd_inputs,
    rtol=dict.fromkeys(("first_step", "later_steps"), 1e-5),
)
def sgd(student, w, gradients, config):
    w, config, path = w.copy(), dict(config), []
    for dw in gradients:
        w, config = student.sgd(w, dw, config)
        path.append(np.array(w))
    return {"first_step": path[0], "later_steps": np.array(path[1:])}


def _plain(step):
    return lambda reference: {"sgd": _rule(lambda s, dw, t, c: (step(dw, c["learning_rate"]), s))}


@sgd.correct_variant
def w_changed_in_place(reference):
    def sgd(w, dw, config=None):
        w -= config["learning_rate"] * dw
        return w, config

    return {"sgd": sgd}


@sgd.correct_variant
def entry_by_entry(reference):
    def sgd(w, dw, config=None):
        out = np.empty_like(w)
        for i in np.ndindex(w.shape):
            out[i] = w[i] - config["learning_rate"] * dw[i]
        return out, config

    return {"sgd": sgd}


@sgd.correct_variant
def steps_counted(reference):
    return _plain(lambda dw, rate: -rate * dw)(reference)


@sgd.correct_variant
def sgd_in_single_precision(reference):
    return {"sgd": lambda w, dw, config=None: ((w - config["learning_rate"] * dw).astype(np.float32), dict(config))}


@sgd.misconception
def sgd_climbs(reference):
    """The step goes uphill: the gradient points to where the loss grows, so `next_w = w - learning_rate * dw`."""
    return _plain(lambda dw, rate: rate * dw)(reference)


@sgd.misconception
def sgd_without_rate(reference):
    """The learning rate is not used: multiply the gradient by `config["learning_rate"]`."""
    return _plain(lambda dw, rate: -dw)(reference)


@sgd.misconception
def sgd_with_the_default_rate(reference):
    """The step uses the default learning rate 0.01 whatever `config` says: read `config["learning_rate"]`."""
    return _plain(lambda dw, rate: -0.01 * dw)(reference)


@sgd.misconception
def step_alone_returned(reference):
    """What is returned is the step, not the parameter after it: `next_w = w - learning_rate * dw`."""
    return {"sgd": lambda w, dw, config=None: (-config["learning_rate"] * dw, config)}


@sgd.misconception
def only_the_sign(reference):
    """Only the sign of the gradient is used; plain gradient descent steps further where the slope is steeper."""
    return _plain(lambda dw, rate: -rate * np.sign(dw))(reference)


@sgd.misconception
def divided_by_the_length(reference):
    """The gradient is divided by its length; plain gradient descent takes it as it is."""
    return _plain(lambda dw, rate: -rate * dw / np.linalg.norm(dw))(reference)


@sgd.misconception
def gradient_changed_in_place(reference):
    """The step is right, but `dw` itself was multiplied by the learning rate: whoever looks at the gradient afterwards finds
    another one."""

    def sgd(w, dw, config=None):
        dw *= config["learning_rate"]
        return w - dw, config

    return {"sgd": sgd}


def momentum_inputs(rng):
    yield from _steps(
        rng, lambda rng: {"learning_rate": float(rng.uniform(0.1, 0.4)), "momentum": float(rng.uniform(0.6, 0.8))}
    )


@question(
    points={"first_step": 1.5, "later_steps": 3, "inputs": 0.5},
    draw=momentum_inputs,
    rtol=dict.fromkeys(("first_step", "later_steps"), 1e-5),
)
def sgd_momentum(student, w, gradients, config):
    w, other, path = w.copy(), np.ones_like(w), []
    config, other_config = dict(config), dict(config)
    for dw in gradients:
        w, config = student.sgd_momentum(w, dw, config)
        path.append(np.array(w))
        other, other_config = student.sgd_momentum(
            other, -0.5 * dw, other_config
        )  # as a network has several parameters
    return {"first_step": path[0], "later_steps": np.array(path[1:])}


def _rolling(step):
    """Make a variant from `step(v, dw, rate, momentum) -> (step, new v)`."""

    def step_of(state, dw, t, config):
        moved, v = step(state[0], dw, config["learning_rate"], config["momentum"])
        return moved, (v, v)

    return lambda reference: {"sgd_momentum": _rule(step_of)}


def _velocity(step_of_velocity):
    """Make a variant whose step is its new velocity."""
    return _rolling(lambda *args: (step_of_velocity(*args),) * 2)


@sgd_momentum.correct_variant
def rate_applied_last(reference):
    return _rolling(lambda v, dw, rate, mu: (-rate * (mu * v + dw), mu * v + dw))(reference)


@sgd_momentum.correct_variant
def velocity_under_another_name(reference):
    return _velocity(lambda v, dw, rate, mu: mu * v - rate * dw)(reference)


@sgd_momentum.correct_variant
def everything_in_place(reference):
    def sgd_momentum(w, dw, config=None):
        v = config.setdefault("velocity", np.zeros_like(w))
        v *= config["momentum"]
        v -= config["learning_rate"] * dw
        w += v
        return w, config

    return {"sgd_momentum": sgd_momentum}


@sgd_momentum.correct_variant
def velocity_points_uphill(reference):
    return _rolling(lambda v, dw, rate, mu: (-(mu * v + rate * dw), mu * v + rate * dw))(reference)


@sgd_momentum.misconception
def momentum_sign_reversed(reference):
    """The momentum has the wrong sign: part of the last velocity is kept, `momentum * velocity`, not taken back."""
    return _velocity(lambda v, dw, rate, mu: -mu * v - rate * dw)(reference)


@sgd_momentum.misconception
def momentum_climbs(reference):
    """The ball rolls uphill: the gradient enters the velocity with a minus, `momentum * velocity - learning_rate * dw`."""
    return _velocity(lambda v, dw, rate, mu: mu * v + rate * dw)(reference)


@sgd_momentum.misconception
def velocity_forgotten(reference):
    """Every step is a plain gradient step: the new velocity must be put into `config` for the next call to find."""
    return _rolling(lambda v, dw, rate, mu: (-rate * dw, v))(reference)


@sgd_momentum.misconception
def velocity_shared_by_all_parameters(reference):
    """Right for one parameter alone, but two of them overwrite each other's velocity: it must travel in `config`, of which each
    parameter has its own, and not in a global name."""
    return _kept_outside("sgd_momentum", "velocity")(reference)


@sgd_momentum.misconception
def running_mean_of_gradients(reference):
    """The gradient is multiplied by `1 - momentum`, as in a running mean. Here the velocity is a fading *sum*:
    `momentum * velocity - learning_rate * dw`."""
    return _velocity(lambda v, dw, rate, mu: mu * v - (1 - mu) * rate * dw)(reference)


@sgd_momentum.misconception
def rate_applied_twice(reference):
    """The learning rate is applied twice, to the gradient and to the velocity: the step is the velocity itself."""

    def step(v, dw, rate, mu):
        v = mu * v - rate * dw
        return rate * v, v

    return _rolling(step)(reference)


@sgd_momentum.misconception
def old_velocity_used(reference):
    """The step is taken with the old velocity: compute the new one first, then add the new one to `w`."""
    return _rolling(lambda v, dw, rate, mu: (v, mu * v - rate * dw))(reference)


@sgd_momentum.misconception
def nesterov(reference):
    """This is Nesterov's momentum, which looks one step ahead; plain momentum is asked: `next_w = w + velocity`."""

    def step(v, dw, rate, mu):
        v = mu * v - rate * dw
        return mu * v - rate * dw, v

    return _rolling(step)(reference)


@sgd_momentum.misconception
def momentum_of_the_default(reference):
    """The momentum is 0.9 whatever `config` says: read `config["momentum"]`."""
    return _velocity(lambda v, dw, rate, mu: 0.9 * v - rate * dw)(reference)


def rmsprop_inputs(rng):
    yield from _steps(
        rng, lambda rng: {"learning_rate": float(rng.uniform(0.1, 0.4)), "decay_rate": float(rng.uniform(0.3, 0.45))}
    )


@question(
    points={"first_step": 2, "later_steps": 2.5, "inputs": 0.5},
    draw=rmsprop_inputs,
    rtol=dict.fromkeys(("first_step", "later_steps"), 1e-5),
)
def rmsprop(student, w, gradients, config):
    w, other, path = w.copy(), np.ones_like(w), []
    config, other_config = dict(config), dict(config)
    for dw in gradients:
        w, config = student.rmsprop(w, dw, config)
        path.append(np.array(w))
        other, other_config = student.rmsprop(other, -0.5 * dw, other_config)  # as a network has several parameters
    return {"first_step": path[0], "later_steps": np.array(path[1:])}


def _scaled(cache_of, step=lambda dw, rate, cache: -rate * dw / (np.sqrt(cache) + 1e-8), keep=True):
    """Make a variant from `cache_of(cache, dw, decay)` and `step(dw, rate, new cache)`."""

    def step_of(state, dw, t, config):
        cache = cache_of(state[0], dw, config["decay_rate"])
        with np.errstate(all="ignore"):
            return step(dw, config["learning_rate"], cache), (cache if keep else state[0],) * 2

    return lambda reference: {"rmsprop": _rule(step_of)}


def _mean_square(cache, dw, decay):
    return decay * cache + (1 - decay) * dw**2


@rmsprop.correct_variant
def eps_inside_the_root(reference):
    return _scaled(_mean_square, lambda dw, rate, cache: -rate * dw / np.sqrt(cache + 1e-8))(reference)


@rmsprop.correct_variant
def eps_beside_the_root(reference):
    return _scaled(_mean_square)(reference)


@rmsprop.correct_variant
def cache_changed_in_place(reference):
    def rmsprop(w, dw, config=None):
        cache = config.setdefault("cache", np.zeros_like(w))
        cache *= config["decay_rate"]
        cache += (1 - config["decay_rate"]) * dw * dw
        w -= config["learning_rate"] * dw / (cache**0.5 + config.get("epsilon", 1e-8))
        return w, config

    return {"rmsprop": rmsprop}


@rmsprop.correct_variant
def rmsprop_in_single_precision(reference):
    def rmsprop(w, dw, config=None):
        next_w, config = reference.rmsprop(w.astype(np.float32), dw.astype(np.float32), config)
        return next_w.astype(np.float32), config

    return {"rmsprop": rmsprop}


@rmsprop.misconception
def square_missing(reference):
    """The gradients are averaged without being squared, so they cancel and the root of a negative number is nan: average
    `dw**2`."""
    return _scaled(lambda cache, dw, decay: decay * cache + (1 - decay) * dw)(reference)


@rmsprop.misconception
def epsilon_left_out(reference):
    """An entry that has had no gradient yet divides zero by zero and becomes nan: add `epsilon` to the root."""
    return _scaled(_mean_square, lambda dw, rate, cache: -rate * dw / np.sqrt(cache))(reference)


@rmsprop.misconception
def root_missing(reference):
    """The step is divided by the mean square itself; divide by its root, or the units do not cancel."""
    return _scaled(_mean_square, lambda dw, rate, cache: -rate * dw / (cache + 1e-8))(reference)


@rmsprop.misconception
def decay_reversed(reference):
    """`decay_rate` and `1 - decay_rate` are exchanged: the old average is multiplied by `decay_rate`."""
    return _scaled(lambda cache, dw, decay: (1 - decay) * cache + decay * dw**2)(reference)


@rmsprop.misconception
def adagrad(reference):
    """The squares are added up for ever, as in AdaGrad, so the steps die out; RMSprop lets old squares fade:
    `decay_rate * cache + (1 - decay_rate) * dw**2`."""
    return _scaled(lambda cache, dw, decay: cache + dw**2)(reference)


@rmsprop.misconception
def share_of_the_new_square_missing(reference):
    """The new square must be multiplied by `1 - decay_rate`; without it the cache is a sum, not a mean."""
    return _scaled(lambda cache, dw, decay: decay * cache + dw**2)(reference)


@rmsprop.misconception
def cache_forgotten(reference):
    """Every call starts again from an empty cache: put the new one into `config` for the next call to find."""
    return _scaled(_mean_square, keep=False)(reference)


@rmsprop.misconception
def cache_shared_by_all_parameters(reference):
    """Right for one parameter alone, but two of them overwrite each other's mean square: it must travel in `config`, of which
    each parameter has its own, and not in a global name."""
    return _kept_outside("rmsprop", "cache")(reference)


@rmsprop.misconception
def gradient_left_out(reference):
    """The step lacks the gradient: it is `learning_rate * dw` divided by the root, so that it knows its direction."""
    return _scaled(_mean_square, lambda dw, rate, cache: -rate / (np.sqrt(cache) + 1e-8))(reference)


@rmsprop.misconception
def multiplied_by_the_root(reference):
    """The step is multiplied by the root; divide by it, so that steep directions get shorter steps."""
    return _scaled(_mean_square, lambda dw, rate, cache: -rate * dw * np.sqrt(cache))(reference)


def adam_inputs(rng):
    yield from _steps(
        rng,
        lambda rng: {
            "learning_rate": float(rng.uniform(0.1, 0.4)),
            "beta1": float(rng.uniform(0.3, 0.36)),
            "beta2": float(rng.uniform(0.42, 0.48)),
        },
    )


@question(
    points={"first_step": 3, "later_steps": 4.5, "inputs": 0.5},
    draw=adam_inputs,
    rtol=dict.fromkeys(("first_step", "later_steps"), 1e-5),
)
def adam(student, w, gradients, config):
    w, other, path = w.copy(), np.ones_like(w), []
    config, other_config = dict(config), dict(config)
    for dw in gradients:
        w, config = student.adam(w, dw, config)
        path.append(np.array(w))
        other, other_config = student.adam(other, -0.5 * dw, other_config)  # as a network has several parameters
    return {"first_step": path[0], "later_steps": np.array(path[1:])}


def _adam(
    m_of=lambda m, dw, b1: b1 * m + (1 - b1) * dw,
    v_of=lambda v, dw, b2: b2 * v + (1 - b2) * dw**2,
    m_hat=lambda m, b1, t: m / (1 - b1**t),
    v_hat=lambda v, b2, t: v / (1 - b2**t),
    step=lambda m, v, dw: m / (np.sqrt(v) + 1e-8),
    t_of=lambda t: t,
    keep=lambda m, v, mh, vh: (m, v),
    exchanged=False,
):
    """Make a variant of Adam in which one piece is replaced."""

    def step_of(state, dw, t, config):
        b1, b2, t = config["beta1"], config["beta2"], t_of(t)
        b1, b2 = (b2, b1) if exchanged else (b1, b2)
        with np.errstate(all="ignore"):
            m, v = m_of(state[0], dw, b1), v_of(state[1], dw, b2)
            mh, vh = (
                (np.divide(m, 1 - b1**t), np.divide(v, 1 - b2**t)) if t == 0 else (m_hat(m, b1, t), v_hat(v, b2, t))
            )
            return -config["learning_rate"] * step(mh, vh, dw), keep(m, v, mh, vh)

    return lambda reference: {"adam": _rule(step_of)}


@adam.correct_variant
def adam_with_eps_inside_the_root(reference):
    return _adam(step=lambda m, v, dw: m / np.sqrt(v + 1e-8))(reference)


@adam.correct_variant
def counted_from_one(reference):
    def adam(w, dw, config=None):
        c = {"t": 1, "m": 0.0, "v": 0.0, **config}
        c["m"] = c["beta1"] * c["m"] + (1 - c["beta1"]) * dw
        c["v"] = c["beta2"] * c["v"] + (1 - c["beta2"]) * dw**2
        step = c["m"] / (1 - c["beta1"] ** c["t"]) / (np.sqrt(c["v"] / (1 - c["beta2"] ** c["t"])) + 1e-8)
        c["t"] += 1
        return w - c["learning_rate"] * step, c

    return {"adam": adam}


@adam.correct_variant
def correction_in_the_rate(reference):
    def adam(w, dw, config=None):
        c = {"t": 0, "m": np.zeros_like(w), "v": np.zeros_like(w), **config}
        c["t"] += 1
        c["m"] += (1 - c["beta1"]) * (dw - c["m"])
        c["v"] += (1 - c["beta2"]) * (dw**2 - c["v"])
        rate = c["learning_rate"] * np.sqrt(1 - c["beta2"] ** c["t"]) / (1 - c["beta1"] ** c["t"])
        return w - rate * c["m"] / (np.sqrt(c["v"]) + 1e-8), c

    return {"adam": adam}


@adam.correct_variant
def adam_in_place(reference):
    def adam(w, dw, config=None):
        t = config["t"] = config.get("t", 0) + 1
        m, v = config.setdefault("first", np.zeros_like(w)), config.setdefault("second", np.zeros_like(w))
        m *= config["beta1"]
        m += (1 - config["beta1"]) * dw
        v *= config["beta2"]
        v += (1 - config["beta2"]) * np.square(dw)
        w -= (
            config["learning_rate"]
            * (m / (1 - config["beta1"] ** t))
            / (np.sqrt(v / (1 - config["beta2"] ** t)) + 1e-8)
        )
        return w, config

    return {"adam": adam}


@adam.correct_variant
def adam_in_single_precision(reference):
    def adam(w, dw, config=None):
        next_w, config = reference.adam(w.astype(np.float32), dw.astype(np.float32), config)
        return next_w.astype(np.float32), config

    return {"adam": adam}


@adam.misconception
def no_bias_correction(reference):
    """The bias correction is missing: both averages start at zero and are too small at first, so divide them by
    `1 - beta1**t` and `1 - beta2**t`."""
    return _adam(m_hat=lambda m, b1, t: m, v_hat=lambda v, b2, t: v)(reference)


@adam.misconception
def second_moment_not_corrected(reference):
    """Only the first average is corrected: divide the mean square by `1 - beta2**t` as well."""
    return _adam(v_hat=lambda v, b2, t: v)(reference)


@adam.misconception
def first_moment_not_corrected(reference):
    """Only the mean square is corrected: divide the mean gradient by `1 - beta1**t` as well."""
    return _adam(m_hat=lambda m, b1, t: m)(reference)


@adam.misconception
def t_starts_at_zero(reference):
    """The first step is corrected with t = 0, and `1 - beta**0` is 0: count the step before the correction, so that the first
    one has t = 1."""
    return _adam(t_of=lambda t: t - 1)(reference)


@adam.misconception
def t_starts_at_two(reference):
    """The first step is corrected with t = 2: if the count starts at 1, raise it after the correction, not before."""
    return _adam(t_of=lambda t: t + 1)(reference)


@adam.misconception
def t_never_raised(reference):
    """The first step is right and the later ones are corrected with t = 1 too: raise `config["t"]` by one in each call."""
    return _adam(t_of=lambda t: 1)(reference)


@adam.misconception
def corrected_averages_stored(reference):
    """The corrected averages are put into `config`, so the next call corrects them again: store `m` and `v` as they were
    before the correction."""
    return _adam(keep=lambda m, v, mh, vh: (mh, vh))(reference)


@adam.misconception
def averages_shared_by_all_parameters(reference):
    """Right for one parameter alone, but two of them overwrite each other's averages: `m`, `v` and `t` must travel in `config`,
    of which each parameter has its own, and not in global names."""
    return _kept_outside("adam", "m", "v", "t")(reference)


@adam.misconception
def betas_exchanged(reference):
    """`beta1` and `beta2` are exchanged: `beta1` belongs to the mean gradient, `beta2` to the mean square."""
    return _adam(exchanged=True)(reference)


@adam.misconception
def adam_without_the_square(reference):
    """The second average is one of gradients, not of their squares, and the root of a negative number is nan: average
    `dw**2`."""
    return _adam(v_of=lambda v, dw, b2: b2 * v + (1 - b2) * dw)(reference)


@adam.misconception
def adam_without_epsilon(reference):
    """An entry that has had no gradient yet divides zero by zero and becomes nan: add `epsilon` to the root of the corrected
    mean square."""
    return _adam(step=lambda m, v, dw: m / np.sqrt(v))(reference)


@adam.misconception
def adam_without_the_root(reference):
    """The step is divided by the corrected mean square itself; divide by its root."""
    return _adam(step=lambda m, v, dw: m / (v + 1e-8))(reference)


@adam.misconception
def mean_gradient_not_used(reference):
    """The step is made of the latest gradient; put the corrected mean gradient in its place, or there is no momentum."""
    return _adam(step=lambda m, v, dw: dw / (np.sqrt(v) + 1e-8))(reference)


@adam.misconception
def averages_forgotten(reference):
    """The first step is right, but every call starts from empty averages: put `m` and `v` into `config` for the next call."""
    return _adam(keep=lambda m, v, mh, vh: (0 * m, 0 * v))(reference)


# ------------------------------------------------------------------------------------- he_init


def he_inputs(rng):
    """Wide to narrow, narrow to wide, square: large enough for the spread to be measured."""
    for label, fan_in, fan_out in [
        ("more inputs than outputs", 784, 256),
        ("more outputs than inputs", 120, 700),
        ("three times as many inputs", 600, 200),
        ("as many of both", 400, 400),
    ]:
        yield Case(label, {"fan_in": fan_in, "fan_out": fan_out})


@question(
    points={"shape": 1, "spread": 2, "centre": 0.5, "fresh": 0.5},
    draw=he_inputs,
    rtol={"spread": 0.02},
)
def he_init(student, fan_in, fan_out):
    W, again = student.he_init(fan_in, fan_out), student.he_init(fan_in, fan_out)
    spread = np.std(W) * np.sqrt(fan_in / 2)
    return {
        "shape": np.array(np.shape(W)),
        "spread": np.round(spread, 2),
        "centre": np.array(np.abs(np.mean(W)) * np.sqrt(fan_in / 2) < 0.03),
        "fresh": np.array([np.array_equal(W, again), np.array_equal(W[0], W[1]), np.array_equal(W[:, 0], W[:, 1])]),
    }


def _drawn(draw):
    return lambda reference: {"he_init": draw}


@he_init.correct_variant
def standard_normal_scaled(reference):
    return _drawn(lambda fan_in, fan_out: np.random.randn(fan_in, fan_out) * np.sqrt(2 / fan_in))(reference)


@he_init.correct_variant
def uniform_of_the_same_spread(reference):
    return _drawn(lambda i, o: np.random.uniform(-np.sqrt(6 / i), np.sqrt(6 / i), (i, o)))(reference)


@he_init.correct_variant
def its_own_generator(reference):
    return _drawn(lambda i, o: np.random.default_rng().normal(0, (2 / i) ** 0.5, (i, o)))(reference)


@he_init.correct_variant
def he_in_single_precision(reference):
    return _drawn(lambda i, o: (np.random.standard_normal((i, o)) / np.sqrt(i / 2)).astype(np.float32))(reference)


@he_init.misconception
def xavier(reference):
    """This is Xavier's initialisation, variance `2 / (fan_in + fan_out)`; He's is `2 / fan_in`, made for ReLU."""
    return _drawn(lambda i, o: np.random.randn(i, o) * np.sqrt(2 / (i + o)))(reference)


@he_init.misconception
def two_left_out(reference):
    """The variance is `1 / fan_in`: the 2 is missing that makes up for the half of the inputs that ReLU sets to zero."""
    return _drawn(lambda i, o: np.random.randn(i, o) / np.sqrt(i))(reference)


@he_init.misconception
def fan_out_taken(reference):
    """The spread depends on `fan_out`; what counts is how many numbers each unit adds up, `fan_in`."""
    return _drawn(lambda i, o: np.random.randn(i, o) * np.sqrt(2 / o))(reference)


@he_init.misconception
def variance_taken_for_deviation(reference):
    """The standard deviation is `2 / fan_in`; that is the variance He asks for: take its root."""
    return _drawn(lambda i, o: np.random.randn(i, o) * 2 / i)(reference)


@he_init.misconception
def axes_exchanged(reference):
    """The axes are exchanged: a row for each input and a column for each output, `(fan_in, fan_out)`."""
    return _drawn(lambda i, o: np.random.randn(o, i) * np.sqrt(2 / i))(reference)


@he_init.misconception
def positive_only(reference):
    """All weights are positive: `np.random.rand` draws from 0 to 1; draw from a normal distribution around 0."""
    return _drawn(lambda i, o: np.random.rand(i, o) * np.sqrt(2 / i))(reference)


@he_init.misconception
def not_scaled(reference):
    """The weights are not scaled: multiply standard normal numbers by `np.sqrt(2 / fan_in)`."""
    return _drawn(lambda i, o: np.random.randn(i, o))(reference)


@he_init.misconception
def same_row_repeated(reference):
    """All hidden units start with the same weights and would stay the same for ever: draw every entry by itself."""
    return _drawn(lambda i, o: np.repeat(np.random.randn(i, 1) * np.sqrt(2 / i), o, axis=1))(reference)


@he_init.misconception
def seeded_inside(reference):
    """The same numbers come out of every call, so two layers of one shape start as copies: leave the seed to whoever runs the
    notebook."""
    return _drawn(lambda i, o: np.random.default_rng(0).normal(0, np.sqrt(2 / i), (i, o)))(reference)


# ----------------------------------------------------------------------------------------- MLP


def mlp_inputs(rng):
    """Small networks with trained-looking weights and biases; one example; large scores."""
    for label, n, d, h, c, shift in [
        ("a small network", 6, 5, 40, 7, 0.0),
        ("more inputs than hidden units", 5, 50, 30, 8, 0.0),
        ("a batch of one", 1, 20, 60, 6, 0.0),
        ("scores near 1,000", 4, 12, 30, 9, 1000.0),
    ]:
        inputs = {
            "X": rng.normal(0.2, 1.0, (n, d)),
            "y": rng.integers(0, c, n),
            "W1": rng.normal(0, d**-0.5, (d, h)),
            "b1": rng.normal(0.3, 0.5, h),
            "W2": rng.normal(0, h**-0.5, (h, c)),
            "b2": shift + rng.normal(-0.4, 0.5, c),
        }
        yield Case(label, inputs, {"N": n, "D": d, "H": h, "C": c})


@question(
    points={
        "shapes": 0.5,
        "spread": 1,
        "biases": 0.5,
        "scores": 2,
        "scores_of_loss": 1,
        "loss": 2,
        "dW1": 2,
        "db1": 1.5,
        "dW2": 2,
        "db2": 1.5,
        "inputs": 1,
    },
    draw=mlp_inputs,
    rtol={"spread": 0.05, "loss": 3e-5},
)
def MLP(student, X, y, W1, b1, W2, b2):
    net, large = student.MLP(len(W1), len(W2), len(b2)), student.MLP(400, 120, 90)
    start = {name: np.array(net.params[name]) for name in ("W1", "b1", "W2", "b2")}
    net.params["W1"], net.params["W2"] = W1, W2
    net.params["b1"] = b1.reshape(np.shape(net.params["b1"]))
    net.params["b2"] = b2.reshape(np.shape(net.params["b2"]))
    out = net.forward(X)
    loss, grads = net.loss(X, y)
    return {
        "shapes": np.array([*start["W1"].shape, *start["W2"].shape, start["b1"].size, start["b2"].size]),
        "spread": np.round([np.std(large.params["W1"]) * np.sqrt(200), np.std(large.params["W2"]) * np.sqrt(60)], 2),
        "biases": np.concatenate([np.ravel(start["b1"]), np.ravel(start["b2"])]),
        "scores": out[0] if isinstance(out, tuple) else out,
        "scores_of_loss": net.loss(X),
        "loss": loss,
        "dW1": grads["W1"],
        "db1": grads["b1"],
        "dW2": grads["W2"],
        "db2": grads["b2"],
    }


def _net(**pieces):
    """Make a variant whose network is written out, with some pieces replaced."""
    p = {
        "spread1": lambda d, h: np.sqrt(2 / d),
        "spread2": lambda h, c: np.sqrt(2 / h),
        "bias": np.zeros,
        "gate": lambda a: np.maximum(0, a),
        "open": lambda a, dh: a > 0,
        "last": lambda scores: scores,
        "loss": lambda loss, n: loss,
        "dscores": lambda ds, n: ds,
        "dW2": lambda h, a, ds: h.T @ ds,
        "db": lambda d: d.sum(axis=0),
    } | pieces

    class MLP:
        def __init__(self, input_dim=784, hidden_dim=256, num_classes=10):
            d, h, c = input_dim, hidden_dim, num_classes
            self.params = {
                "W1": np.random.randn(d, h) * p["spread1"](d, h),
                "b1": p["bias"](h),
                "W2": np.random.randn(h, c) * p["spread2"](h, c),
                "b2": p["bias"](c),
            }

        def forward(self, X):
            w = self.params
            a = X @ w["W1"] + w["b1"]
            h = p["gate"](a)
            return p["last"](h @ w["W2"] + w["b2"]), {"X": X, "a": a, "h": h}

        def backward(self, ds, cache):
            X, a, h = cache["X"], cache["a"], cache["h"]
            dh = ds @ self.params["W2"].T
            da = dh * p["open"](a, dh)
            return {"W1": X.T @ da, "b1": p["db"](da), "W2": p["dW2"](h, a, ds), "b2": p["db"](ds)}

        def loss(self, X, y=None):
            scores, cache = self.forward(X)
            if y is None:
                return scores
            q, t, n = _softmax(scores), _one_hot(scores, y), len(y)
            return p["loss"](_mean_surprise(q, t, n), n), self.backward(p["dscores"]((q - t) / n, n), cache)

    return lambda reference: {"MLP": MLP}


def _trained(change):
    """Make a variant of the reference whose loss and gradients are changed by `change(loss, grads)`."""

    def variant(reference):
        class Changed(reference.MLP):
            def loss(self, X, y=None):
                return super().loss(X) if y is None else change(*super().loss(X, y))

        return {"MLP": Changed}

    return variant


@MLP.correct_variant
def with_another_cache(reference):
    return _net()(reference)


@MLP.correct_variant
def biases_as_rows(reference):
    return _net(bias=lambda n: np.zeros((1, n)), db=lambda d: d.sum(axis=0, keepdims=True))(reference)


@MLP.correct_variant
def gate_open_at_zero(reference):
    return _net(open=lambda a, dh: a >= 0)(reference)


@MLP.correct_variant
def network_in_single_precision(reference):
    return _trained(lambda loss, grads: (np.float32(loss), {k: v.astype(np.float32) for k, v in grads.items()}))(
        reference
    )


@MLP.correct_variant
def more_than_asked(reference):
    return _trained(lambda loss, grads: (np.array([loss]), grads | {"X": np.zeros(3)}))(reference)


@MLP.correct_variant
def forward_without_a_cache(reference):
    def MLP(*sizes):
        net = reference.MLP(*sizes)
        both = net.forward
        net.forward = lambda X: both(X)[0]
        net.loss = lambda X, y=None: net.forward(X) if y is None else _loss(net, both, X, y)
        return net

    def _loss(net, both, X, y):
        scores, cache = both(X)
        q, t = _softmax(scores), _one_hot(scores, y)
        return _mean_surprise(q, t, len(y)), net.backward((q - t) / len(y), cache)

    return {"MLP": MLP}


@MLP.misconception
def kink_left_out(reference):
    """The ReLU between the two layers is missing: two affine layers in a row are just one affine layer."""
    return _net(gate=lambda a: a, open=lambda a, dh: np.ones_like(a))(reference)


@MLP.misconception
def kink_after_the_last_layer(reference):
    """There is a ReLU after the last layer: scores may be negative, so it must not be there."""
    return _net(last=lambda scores: np.maximum(0, scores))(reference)


@MLP.misconception
def softmax_in_the_network(reference):
    """The network returns probabilities, and the loss then takes the softmax of a softmax: `forward` gives raw scores."""
    return _net(last=_softmax)(reference)


@MLP.misconception
def gate_left_out_of_backward(reference):
    """The gradient passes the ReLU everywhere: multiply it by `a > 0`, for where the unit was shut nothing depended on it."""
    return _net(open=lambda a, dh: np.ones_like(a))(reference)


@MLP.misconception
def gate_set_by_the_gradient(reference):
    """The gate is set by the sign of the gradient; it was set on the way forward: multiply by `a > 0`."""
    return _net(open=lambda a, dh: dh > 0)(reference)


@MLP.misconception
def weights_of_the_wrong_layer_input(reference):
    """`dW2` uses what came before the ReLU; the second layer's input is what came out of it, `h`."""
    return _net(dW2=lambda h, a, ds: a.T @ ds)(reference)


@MLP.misconception
def bias_gradients_averaged(reference):
    """The gradients of the biases are averaged over the batch; sum them, for the mean was already taken in the loss."""
    return _net(db=lambda d: d.mean(axis=0))(reference)


@MLP.misconception
def bias_gradients_not_summed(reference):
    """Every example used the same biases, so their gradients are sums over the batch: `sum(axis=0)`."""
    return _net(db=lambda d: d)(reference)


@MLP.misconception
def network_averaged_twice(reference):
    """The loss is right, but all gradients are divided by N once more: `cross_entropy_loss` has taken the mean already."""
    return _net(dscores=lambda ds, n: ds / n)(reference)


@MLP.misconception
def network_gradients_summed(reference):
    """The loss is a mean over the batch, but all gradients are sums: use `dscores` as `cross_entropy_loss` gives it."""
    return _net(dscores=lambda ds, n: ds * n)(reference)


@MLP.misconception
def tiny_weights(reference):
    """The weights start with standard deviation 0.01 whatever the layer's size: use `he_init` for both layers."""
    return _net(spread1=lambda d, h: 0.01, spread2=lambda h, c: 0.01)(reference)


@MLP.misconception
def first_layer_for_both(reference):
    """Both layers are scaled for `input_dim` inputs; the second one has `hidden_dim` inputs: `he_init(hidden_dim,
    num_classes)`."""

    class MLP(_net()(reference)["MLP"]):
        def __init__(self, input_dim=784, hidden_dim=256, num_classes=10):
            super().__init__(input_dim, hidden_dim, num_classes)
            self.params["W2"] = np.random.randn(hidden_dim, num_classes) * np.sqrt(2 / input_dim)

    return {"MLP": MLP}


@MLP.misconception
def biases_start_at_one(reference):
    """The biases start at one; start them at zero."""
    return _net(bias=np.ones)(reference)


# ------------------------------------------------------------------------------------ evaluate


def evaluate_inputs(rng):
    """Last batches of every size, and unlike the others; a batch of all, of more than all, of one."""
    for label, n, batch_size, c in [
        ("a last batch of one", 13, 4, 5),
        ("a last batch of half the size", 21, 6, 3),
        ("batches that divide evenly", 20, 5, 4),
        ("a batch size larger than the set", 9, 50, 4),
        ("batches of one", 7, 1, 3),
    ]:
        X, W = rng.normal(size=(n, 6)), rng.normal(size=(6, c))
        last = n % batch_size if batch_size < n and n % batch_size else 0
        # Three in four are right, but all of a last batch that is smaller: so that it shows how it is counted.
        right = np.arange(n) % 4 != 1
        right[n - last :] = True
        y = np.where(right, (X @ W).argmax(axis=1), ((X @ W).argmax(axis=1) + 1) % c)
        yield Case(label, {"X": X, "y": y, "W": W, "batch_size": batch_size}, {"N": n, "C": c})


@question(points={"accuracy": 3.5, "largest_batch": 1, "inputs": 0.5}, draw=evaluate_inputs)
def evaluate(student, X, y, W, batch_size):
    sizes = []

    class Model:
        params = {"W": W}

        def forward(self, X):
            sizes.append(len(X))
            return X @ W, None

        def loss(self, X, y=None):
            scores = self.forward(X)[0]
            return scores if y is None else (0.0, {"W": np.zeros_like(W)})

    accuracy = student.evaluate(Model(), X, y, batch_size)
    return {"accuracy": accuracy, "largest_batch": np.array(max(sizes, default=0) <= batch_size)}


def _counted(result):
    """Make a variant from `result(hits of each batch, y, batch_size)`, each batch's hits an array of bool."""

    def evaluate(model, X, y, batch_size):
        starts = range(0, len(y), batch_size)
        hits = [model.loss(X[s : s + batch_size]).argmax(axis=1) == y[s : s + batch_size] for s in starts]
        return result(hits, y, batch_size)

    return lambda reference: {"evaluate": evaluate}


@evaluate.correct_variant
def one_list_of_hits(reference):
    return _counted(lambda hits, y, size: np.concatenate(hits).mean())(reference)


@evaluate.correct_variant
def weighted_mean_of_batches(reference):
    return _counted(lambda hits, y, size: sum(h.mean() * len(h) for h in hits) / len(y))(reference)


@evaluate.correct_variant
def nearly_equal_batches(reference):
    def evaluate(model, X, y, batch_size):
        parts = np.array_split(np.arange(len(y)), -(-len(y) // batch_size))
        return np.array([sum((model.forward(X[p])[0].argmax(axis=-1) == y[p]).sum() for p in parts) / len(y)])

    return {"evaluate": evaluate}


@evaluate.correct_variant
def example_after_example(reference):
    def evaluate(model, X, y, batch_size):
        return float(np.mean([int(model.loss(X[i : i + 1])[0].argmax()) == y[i] for i in range(len(y))]))

    return {"evaluate": evaluate}


@evaluate.misconception
def last_batch_dropped(reference):
    """The last, smaller batch is never looked at: let the batches run to the end of the set, whatever its length."""
    return _counted(
        lambda hits, y, size: np.mean(np.concatenate([h for h in hits if len(h) == size] or [np.zeros(1)]))
    )(reference)


@evaluate.misconception
def last_batch_counted_as_wrong(reference):
    """The examples of the last, smaller batch count in the total, but their right answers do not: count the hits of every
    batch."""
    return _counted(lambda hits, y, size: sum(h.sum() for h in hits if len(h) == size) / len(y))(reference)


@evaluate.misconception
def mean_of_batch_accuracies(reference):
    """The accuracies of the batches are averaged as if all were of one size, so the last, smaller batch weighs too much: add
    up the hits and divide by the number of examples."""
    return _counted(lambda hits, y, size: np.mean([h.mean() for h in hits]))(reference)


@evaluate.misconception
def divided_by_full_batches(reference):
    """The hits are divided by the number of batches times `batch_size`, though the last batch may be smaller: divide by
    `len(y)`."""
    return _counted(lambda hits, y, size: sum(h.sum() for h in hits) / (len(hits) * size))(reference)


@evaluate.misconception
def everything_at_once(reference):
    """The accuracy is right, but the model got more than `batch_size` examples at once; a large set would not fit into
    memory: cut it into batches."""
    return {"evaluate": lambda model, X, y, batch_size: (model.loss(X).argmax(axis=1) == y).mean()}


@evaluate.misconception
def last_batch_only(reference):
    """Only the last batch is counted: add the hits of each batch to those before."""
    return _counted(lambda hits, y, size: hits[-1].mean())(reference)


@evaluate.misconception
def first_batch_only(reference):
    """Only the first batch is counted: is there a `return` inside the loop?"""
    return _counted(lambda hits, y, size: hits[0].mean())(reference)


@evaluate.misconception
def in_percent(reference):
    """This is the accuracy in percent; give a share from 0 to 1."""
    return _counted(lambda hits, y, size: 100 * np.concatenate(hits).mean())(reference)


@evaluate.misconception
def hits_not_divided(reference):
    """This is the number of right answers; divide it by the number of examples."""
    return _counted(lambda hits, y, size: float(np.concatenate(hits).sum()))(reference)


@evaluate.misconception
def error_rate(reference):
    """This is the share of wrong answers; the accuracy is the share of right ones."""
    return _counted(lambda hits, y, size: 1 - np.concatenate(hits).mean())(reference)


# --------------------------------------------------------------------------------------- train


def train_inputs(rng):
    """Small sets; batches that divide evenly, that do not, and a last one of one example."""
    for label, n, d, c, epochs, batch_size in [
        ("a last batch of one", 25, 4, 3, 3, 6),
        ("a last batch of half the size", 28, 3, 5, 2, 8),
        ("two epochs of large batches", 21, 5, 4, 2, 15),
        ("four epochs", 33, 6, 3, 4, 10),
    ]:
        inputs = {
            "X": rng.normal(size=(n, d)),
            "y": rng.integers(0, c, n),
            "X_test": rng.normal(size=(17, d)),
            "y_test": rng.integers(0, c, 17),
            "W": rng.normal(size=(d, c)),
            "learning_rate": float(rng.uniform(0.3, 0.6)),
            "num_epochs": epochs,
            "batch_size": batch_size,
        }
        yield Case(label, inputs, {"N": n, "D": d, "C": c})


@question(
    points={
        "loss": 1,
        "train_acc": 0.5,
        "test_acc": 0.5,
        "weights": 1.5,
        "mean_loss": 0.5,
        "every_example": 1,
        "largest_batch": 0.5,
        "labels": 0.5,
        "shuffled": 0.5,
        "inputs": 0.5,
    },
    draw=train_inputs,
)
def train(student, X, y, X_test, y_test, W, learning_rate, num_epochs, batch_size):
    class Model:
        def __init__(self):
            self.params, self.latest, self.batches = {"W": W.copy(), "b": np.zeros(W.shape[1])}, None, []

        def forward(self, X):
            return X @ self.params["W"] + self.params["b"], X

        def loss(self, X, y=None):
            scores = X @ self.params["W"] + self.params["b"]
            if y is None:
                return scores
            self.latest = (np.array(X), np.array(y))
            error = scores - (np.arange(scores.shape[1]) == y[:, None])
            loss = 0.5 * (error**2).sum() / len(y)
            return loss, {"W": X.T @ error / len(y), "b": error.sum(axis=0) / len(y)}

    def run(rate, size, data):
        model = Model()

        def rule(w, dw, config=None):
            if np.ndim(w) == 1:
                model.batches.append(model.latest)
            n = config.get("n", 0) + 1
            return w - config["learning_rate"] / n * dw, {**config, "n": n}

        return model, student.train(model, data, rule, {"learning_rate": rate}, num_epochs, size)

    data = {"X_train": X, "y_train": y, "X_test": X_test, "y_test": y_test}
    whole, history = run(learning_rate, len(X), data)
    still, standing = run(0.0, batch_size, data)
    if not still.batches:
        raise ValueError(
            "update_rule was not called for every parameter: after each batch it moves all of model.params"
        )
    even = batch_size * (len(X) // batch_size)
    _, flat = run(0.0, batch_size, data | {"X_train": X[:even], "y_train": y[:even]})

    def noted(name):  # what stands still on both sides, or one epoch that differs would be the first or the last place
        values = [*standing[name][:1], *history[name], *standing[name][1:]]
        return np.array([float(np.squeeze(v)) for v in values])

    rows = np.concatenate([batch[0] for batch in still.batches])
    labels = np.concatenate([batch[1] for batch in still.batches])
    which = np.abs(rows[:, None, 0] - X[None, :, 0]).argmin(axis=1)
    first, second = which[: len(X)], which[len(X) : 2 * len(X)]
    return {
        "loss": np.array([float(np.squeeze(v)) for v in history["loss"]]),
        "train_acc": noted("train_acc"),
        "test_acc": noted("test_acc"),
        "weights": np.vstack([whole.params["W"], np.reshape(whole.params["b"], (1, -1))]),
        "mean_loss": np.array([float(np.squeeze(v)) for v in flat["loss"]]),
        "every_example": np.array(
            [np.bincount(first, minlength=len(X)) == 1, np.bincount(which, minlength=len(X)) == num_epochs]
        ),
        "largest_batch": np.array(max(len(batch[1]) for batch in still.batches) <= batch_size),
        "labels": labels == y[which],
        "shuffled": np.array([np.array_equal(first, second), np.array_equal(first, np.arange(len(X)))]),
    }


def _loop(
    batches=lambda n, size: np.split(np.random.permutation(n), range(size, n, size)),
    labels=lambda y, chosen, place: y[chosen],
    key_of=lambda name: name,
    keep=True,
    losses=np.mean,
    before=False,
    tested=("X_test", "y_test"),
    trained=lambda X, y, last: (X, y),
    prepare=lambda data: data,
    rate=1.0,
):
    """Make a variant of the epoch loop in which one piece is replaced."""

    def train(model, data, update_rule, config, num_epochs, batch_size):
        data = prepare(data)
        X, y = data["X_train"], data["y_train"]
        configs = {key_of(name): dict(config) for name in model.params}
        history = {"loss": [], "train_acc": [], "test_acc": []}

        def accuracy(X, y):
            return (model.loss(X).argmax(axis=1) == y).mean()

        for _ in range(num_epochs):
            seen = []
            accuracies = accuracy(X, y), accuracy(*(data[k] for k in tested))
            start = 0
            for chosen in batches(len(X), batch_size):
                loss, grads = model.loss(X[chosen], labels(y, chosen, slice(start, start + len(chosen))))
                start += len(chosen)
                seen.append(loss)
                for name, dw in grads.items():
                    key = key_of(name)
                    model.params[name], new = update_rule(model.params[name], rate * dw, configs[key])
                    if keep:
                        configs[key] = new
            if not before:
                accuracies = accuracy(*trained(X, y, chosen)), accuracy(*(data[k] for k in tested))
            for key, value in zip(history, (losses(seen), *accuracies), strict=True):
                history[key].append(value)
        return history

    return lambda reference: {"train": train}


@train.correct_variant
def written_in_one_piece(reference):
    return _loop()(reference)


@train.correct_variant
def batches_of_nearly_one_size(reference):
    return _loop(lambda n, size: np.array_split(np.random.permutation(n), -(-n // size)))(reference)


@train.correct_variant
def generator_of_its_own(reference):
    def batches(n, size):
        order = list(range(n))
        np.random.default_rng().shuffle(order)
        return [np.array(order[s : s + size]) for s in range(0, n, size)]

    return _loop(batches)(reference)


@train.correct_variant
def losses_weighted_by_batch(reference):
    def train(model, data, update_rule, config, num_epochs, batch_size):
        X, y, N = data["X_train"], data["y_train"], len(data["X_train"])
        configs, history = {k: {**config} for k in model.params}, {"loss": [], "train_acc": [], "test_acc": []}
        for _ in range(num_epochs):
            order, total = np.random.permutation(N), 0.0
            X_mixed, y_mixed = X[order], y[order]
            for s in range(0, N, batch_size):
                Xb, yb = X_mixed[s : s + batch_size], y_mixed[s : s + batch_size]
                loss, grads = model.loss(Xb, yb)
                total += loss * len(yb)
                for k in list(model.params):
                    model.params[k], configs[k] = update_rule(model.params[k], grads[k], configs[k])
            history["loss"].append(np.array([total / N]))
            history["train_acc"].append(reference.evaluate(model, X, y, 100))
            history["test_acc"].append(reference.evaluate(model, data["X_test"], data["y_test"], 100))
        return {k: np.array(v) for k, v in history.items()} | {"epochs": num_epochs}

    return {"train": train}


@train.misconception
def small_batch_dropped(reference):
    """The last, smaller batch is left out, so some examples are not used in each epoch: let the batches run to the end."""
    return _loop(
        lambda n, size: [c for c in np.split(np.random.permutation(n), range(size, n, size)) if len(c) == size]
    )(reference)


@train.misconception
def batches_drawn_with_replacement(reference):
    """Batches are drawn at random each time, so within an epoch some examples come twice and others never: cut one
    permutation of all examples into batches."""
    return _loop(lambda n, size: [np.random.choice(n, min(size, n - s)) for s in range(0, n, size)])(reference)


@train.misconception
def order_never_changed(reference):
    """The examples come in the same order in every epoch: draw a new `np.random.permutation` for each."""
    return _loop(lambda n, size: np.split(np.arange(n), range(size, n, size)))(reference)


@train.misconception
def labels_left_behind(reference):
    """The examples are shuffled and their labels are not, so the network is taught nonsense: index both with the same
    numbers."""
    return _loop(labels=lambda y, chosen, place: y[place])(reference)


@train.misconception
def one_config_for_all(reference):
    """All parameters share one `config`, so their averages and counts get mixed up: give each parameter a copy of its own."""
    return _loop(key_of=lambda name: "shared")(reference)


@train.misconception
def returned_config_lost(reference):
    """The `config` that the rule returns is thrown away, so momentum and averages are forgotten at every step: keep it for
    the next call."""
    return _loop(keep=False)(reference)


@train.misconception
def losses_summed(reference):
    """The loss of an epoch is the sum over its batches; note their mean."""
    return _loop(losses=np.sum)(reference)


@train.misconception
def last_loss_noted(reference):
    """The loss of an epoch is that of its last batch alone; note the mean over all its batches."""
    return _loop(losses=lambda seen: seen[-1])(reference)


@train.misconception
def measured_before_the_epoch(reference):
    """The accuracies were measured before the epoch's steps: measure after them."""
    return _loop(before=True)(reference)


@train.misconception
def tested_on_the_training_set(reference):
    """`test_acc` was measured on the training pictures; use `X_test` and `y_test`, which the network never learns from."""
    return _loop(tested=("X_train", "y_train"))(reference)


@train.misconception
def accuracy_of_the_last_batch(reference):
    """`train_acc` is the accuracy on the last batch alone; measure it on the whole training set."""
    return _loop(trained=lambda X, y, last: (X[last], y[last]))(reference)


@train.misconception
def one_step_an_epoch(reference):
    """There is one step an epoch, with all examples at once: take one step for each batch of `batch_size`."""
    return _loop(lambda n, size: [np.random.permutation(n)])(reference)


@train.misconception
def data_shuffled_in_place(reference):
    """The training set itself was shuffled: index it with a permutation, which makes a new array, and leave `data` as it
    was."""

    def prepare(data):
        order = np.random.permutation(len(data["X_train"]))
        for key in ("X_train", "y_train"):
            data[key][...] = data[key][order]
        return data

    return _loop(prepare=prepare)(reference)


# ------------------------------------------------------------------------------------- equivalent mutants

_LOSS_IN_AN_ARRAY = "A loss handed back as an array of one number is accepted and noted."
_ANY_SHIFT = (
    "Any one number taken from a whole row changes no probability. Scores are large as a whole, not far from each "
    "other: no gap is drawn that a float could not hold."
)
_IN_PLACE_ALLOWED = "An update rule may change w in place: copies are handed in."
_EPSILON_UNSEEN = (
    "How epsilon is written (inside or beside the root) is left open, so gradients are near 1, where it is too small "
    "to be seen."
)

mse_loss.equivalent(
    "mse_loss:2 return (0.5 * (error ** 2).sum() / len(pred), error / len(pred)) -> return (np.asarray(0.5 * (error "
    "** 2).sum() / len(pred))[..., None], error / len(pred))",
    _LOSS_IN_AN_ARRAY,
)
linear_regression_1d.equivalent(
    "linear_regression_1d:4 dpred * x -> dpred @ x",
    "The product of two vectors is the sum that is asked, and the sum of one number is that number.",
)
gaussian_nll_loss.equivalent(
    "gaussian_nll_loss:5 return (loss, error * precision / N, 0.5 * (1 - surprise) / N) -> return "
    "(np.asarray(loss)[..., None], error * precision / N, 0.5 * (1 - surprise) / N)",
    _LOSS_IN_AN_ARRAY,
)
cross_entropy_loss.equivalent(
    "cross_entropy_loss:1 scores.max(axis=1, keepdims=True) -> scores.max(keepdims=True)",
    "One maximum for all rows changes no probability either; it is as safe as long as no whole row lies 700 below "
    "another, and none does.",
)
cross_entropy_loss.equivalent(
    "cross_entropy_loss:1 scores.max(axis=1, keepdims=True) -> scores.min(axis=1, keepdims=True)",
    _ANY_SHIFT,
)
cross_entropy_loss.equivalent(
    "cross_entropy_loss:1 scores.max(axis=1, keepdims=True) -> scores.mean(axis=1, keepdims=True)",
    _ANY_SHIFT,
)
cross_entropy_loss.equivalent(
    "cross_entropy_loss:6 return (-log_p[rows, y].mean(), dscores / len(scores)) -> return (np.asarray(-log_p[rows, "
    "y].mean())[..., None], dscores / len(scores))",
    _LOSS_IN_AN_ARRAY,
)
sgd.equivalent(
    "sgd:1 w - config['learning_rate'] * dw -> np.subtract(w, config['learning_rate'] * dw, out=w)",
    _IN_PLACE_ALLOWED,
)
sgd_momentum.equivalent(
    "sgd_momentum:2 w + config['velocity'] -> np.add(w, config['velocity'], out=w)",
    _IN_PLACE_ALLOWED,
)
rmsprop.equivalent(
    "rmsprop:2 w - config['learning_rate'] * dw / (np.sqrt(config['cache']) + config['epsilon']) -> np.subtract(w, "
    "config['learning_rate'] * dw / (np.sqrt(config['cache']) + config['epsilon']), out=w)",
    _IN_PLACE_ALLOWED,
)
rmsprop.equivalent(
    "rmsprop:2 np.sqrt(config['cache']) + config['epsilon'] -> np.sqrt(config['cache']) - config['epsilon']",
    _EPSILON_UNSEEN,
)
rmsprop.equivalent(
    "rmsprop:2 np.sqrt(config['cache']) + config['epsilon'] -> np.sqrt(config['cache']) + config['epsilon'] + "
    "config['epsilon']",
    _EPSILON_UNSEEN,
)
adam.equivalent(
    "adam:6 w - config['learning_rate'] * m_hat / (np.sqrt(v_hat) + config['epsilon']) -> np.subtract(w, "
    "config['learning_rate'] * m_hat / (np.sqrt(v_hat) + config['epsilon']), out=w)",
    _IN_PLACE_ALLOWED,
)
adam.equivalent(
    "adam:6 np.sqrt(v_hat) + config['epsilon'] -> np.sqrt(v_hat) - config['epsilon']",
    _EPSILON_UNSEEN,
)
adam.equivalent(
    "adam:6 np.sqrt(v_hat) + config['epsilon'] -> np.sqrt(v_hat) + config['epsilon'] + config['epsilon']",
    _EPSILON_UNSEEN,
)
he_init.equivalent(
    "he_init:1 return np.random.normal(0, np.sqrt(2 / fan_in), (fan_in, fan_out)) -> return -np.random.normal(0, "
    "np.sqrt(2 / fan_in), (fan_in, fan_out))",
    "A normal number with mean 0 has the same chances with the other sign.",
)
MLP.equivalent(
    "MLP:11 dscores @ self.params['W2'].T * (a > 0) -> dscores @ self.params['W2'].T * (a >= 0)",
    "At 0 there is no derivative, and both one-sided ones are taken for it; either choice is accepted, so no input is "
    "0.",
)
MLP.equivalent(
    "MLP:11 dscores @ self.params['W2'].T * (a > 0) -> dscores @ self.params['W2'].T * np.greater(a, 0, out=a)",
    "The cache is the model's own; a is used only for its sign, and ones and zeros are positive in the same places.",
)
evaluate.equivalent(
    "evaluate:2 range(0, len(X), batch_size) -> range(0, len(X) + 1, batch_size)",
    "A last batch of no examples adds no hit.",
)
evaluate.equivalent(
    "evaluate:5 return hits / len(X) -> return np.asarray(hits / len(X))[..., None]",
    "A number handed back as an array of one number is accepted and noted.",
)
