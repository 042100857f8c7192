"""The questions of `batchnorm`: how each is observed, what it is worth, how it goes wrong."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np

from autograder.model import Case
from autograder.questions import question

GIVEN = {"two_layer_net": ("affine_forward", "affine_backward", "relu_forward", "relu_backward", "softmax_loss")}

# ------------------------------------------------------------- subtract_mean_image, _channel_mean


def picture_inputs(rng):
    """Few test pictures and many; a single one; whole bytes; the test pictures brighter than the others."""
    for label, n, m, shape, whole in [
        ("small pictures", 7, 4, (3, 2, 5), False),
        ("a single test picture", 6, 1, (3, 4, 2), False),
        ("more test than training pictures", 3, 8, (2, 3, 4), False),
        ("pictures of whole bytes", 5, 6, (3, 3, 2), True),
    ]:
        train, test = rng.uniform(20, 120, (n, *shape)), rng.uniform(90, 250, (m, *shape))
        train, test = train + rng.uniform(0, 60, (1, *shape)), test
        if whole:
            train, test = train.astype(np.uint8), test.astype(np.uint8)
        yield Case(label, {"X_train": train, "X_test": test}, {"N": n, "M": m})


@question(points={"train": 1, "test": 1.5, "inputs": 0.5}, draw=picture_inputs)
def subtract_mean_image(student, X_train, X_test):
    train, test = student.subtract_mean_image(X_train, X_test)
    return {"train": train, "test": test}


@question(points={"train": 1, "test": 1.5, "inputs": 0.5}, draw=picture_inputs)
def subtract_channel_mean(student, X_train, X_test):
    train, test = student.subtract_channel_mean(X_train, X_test)
    return {"train": train, "test": test}


def _less(name, mean_of, mean_of_test=None):
    """Make a variant that subtracts `mean_of(X_train, X_test)`, from the test pictures perhaps another."""

    def variant(reference):
        def subtract(X_train, X_test):
            mean = mean_of(X_train, X_test)
            return X_train - mean, X_test - (mean_of_test(X_train, X_test) if mean_of_test else mean)

        return {name: subtract}

    return variant


def _in_place(name, axis):
    def variant(reference):
        def subtract(X_train, X_test):
            mean = X_train.mean(axis=axis, keepdims=True)
            if X_train.dtype.kind != "f":
                return X_train - mean, X_test - mean
            X_train -= mean
            X_test -= mean
            return X_train, X_test

        return {name: subtract}

    return variant


CHANNELS = (0, 2, 3)
_image, _channel = "subtract_mean_image", "subtract_channel_mean"


@subtract_mean_image.correct_variant
def image_by_loops(reference):
    def mean_of(X_train, X_test):
        total = np.zeros(X_train.shape[1:])
        for picture in X_train:
            total += picture
        return total / len(X_train)

    return _less(_image, mean_of)(reference)


@subtract_mean_image.correct_variant
def image_single_precision(reference):
    def subtract(X_train, X_test):
        return tuple((part - X_train.mean(axis=0)).astype(np.float32) for part in (X_train, X_test))

    return {_image: subtract}


@subtract_mean_image.correct_variant
def image_einsum(reference):
    return _less(_image, lambda a, b: np.einsum("nchw->chw", a.astype(float))[None] / len(a))(reference)


@subtract_mean_image.correct_variant
def image_as_a_list(reference):
    return {_image: lambda a, b: [part.astype(float) - np.average(a, axis=0) for part in (a, b)]}


@subtract_mean_image.misconception
def image_test_by_its_own(reference):
    """The test pictures lost their own mean; subtract the mean of the training pictures from both, because at test time there
    may be one picture only."""
    return _less(_image, lambda a, b: a.mean(axis=0), lambda a, b: b.mean(axis=0))(reference)


@subtract_mean_image.misconception
def image_of_both_together(reference):
    """The mean is taken over training and test pictures together; nothing may be learnt from the test pictures."""
    return _less(_image, lambda a, b: np.concatenate([a, b]).mean(axis=0))(reference)


@subtract_mean_image.misconception
def image_one_number(reference):
    """One single number is subtracted everywhere; the mean picture has a value for each channel and pixel: average over axis 0
    alone."""
    return _less(_image, lambda a, b: a.mean())(reference)


@subtract_mean_image.misconception
def image_each_its_own(reference):
    """Every picture lost its own mean; average over the pictures, axis 0, so that all of them lose the same picture."""
    return _less(
        _image, lambda a, b: a.mean(axis=(1, 2, 3), keepdims=True), lambda a, b: b.mean(axis=(1, 2, 3), keepdims=True)
    )(reference)


@subtract_mean_image.misconception
def image_of_channels(reference):
    """This subtracts one number for each channel, which is the next question; here each pixel has a mean of its own."""
    return _less(_image, lambda a, b: a.mean(axis=CHANNELS, keepdims=True))(reference)


@subtract_mean_image.misconception
def image_test_left_alone(reference):
    """The training pictures are right, but the test pictures came back as they were: they must lose the same mean picture."""
    return _less(_image, lambda a, b: a.mean(axis=0), lambda a, b: 0.0)(reference)


@subtract_mean_image.misconception
def image_in_place(reference):
    """The values are right, but the pictures you were given were changed: write `X - mean`, which makes a new array, not
    `X -= mean`."""
    return _in_place(_image, 0)(reference)


@subtract_channel_mean.correct_variant
def channel_by_loops(reference):
    def mean_of(X_train, X_test):
        return np.array([X_train[:, c].mean() for c in range(X_train.shape[1])])[:, None, None]

    return _less(_channel, mean_of)(reference)


@subtract_channel_mean.correct_variant
def channel_in_two_steps(reference):
    return _less(_channel, lambda a, b: a.mean(axis=0).mean(axis=(1, 2)).reshape(1, -1, 1, 1))(reference)


@subtract_channel_mean.correct_variant
def channel_single_precision(reference):
    def subtract(X_train, X_test):
        mean = X_train.astype(np.float32).mean(axis=CHANNELS, keepdims=True)
        return tuple(part.astype(np.float32) - mean for part in (X_train, X_test))

    return {_channel: subtract}


@subtract_channel_mean.correct_variant
def channels_last(reference):
    def subtract(X_train, X_test):
        rows = X_train.transpose(0, 2, 3, 1)
        mean = rows.reshape(-1, rows.shape[-1]).mean(axis=0)
        return tuple((part.transpose(0, 2, 3, 1) - mean).transpose(0, 3, 1, 2) for part in (X_train, X_test))

    return {_channel: subtract}


@subtract_channel_mean.misconception
def channel_test_by_its_own(reference):
    """The test pictures lost the channel means of the test set; subtract those of the training pictures from both."""
    mean = lambda x: x.mean(axis=CHANNELS, keepdims=True)  # noqa: E731
    return _less(_channel, lambda a, b: mean(a), lambda a, b: mean(b))(reference)


@subtract_channel_mean.misconception
def channel_of_both_together(reference):
    """The channel means are taken over training and test pictures together; use the training pictures alone."""
    return _less(_channel, lambda a, b: np.concatenate([a, b]).mean(axis=CHANNELS, keepdims=True))(reference)


@subtract_channel_mean.misconception
def channel_whole_picture(reference):
    """This subtracts the mean picture, one number for each pixel; here a channel has one number for all its pixels: average over
    the axes 0, 2 and 3."""
    return _less(_channel, lambda a, b: a.mean(axis=0))(reference)


@subtract_channel_mean.misconception
def channel_of_each_picture(reference):
    """Every picture lost its own channel means; average over the pictures too, axis 0 as well as the pixels."""
    mean = lambda x: x.mean(axis=(2, 3), keepdims=True)  # noqa: E731
    return _less(_channel, lambda a, b: mean(a), lambda a, b: mean(b))(reference)


@subtract_channel_mean.misconception
def channel_one_number(reference):
    """One number is subtracted from all channels; red, green and blue each have a mean of their own."""
    return _less(_channel, lambda a, b: a.mean())(reference)


@subtract_channel_mean.misconception
def channel_in_place(reference):
    """The values are right, but the pictures you were given were changed: make new arrays with `X - mean`."""
    return _in_place(_channel, CHANNELS)(reference)


# --------------------------------------------------------------------------------- standardize


def table_inputs(rng):
    """Rows with features of very different size, far from zero; the test rows come from elsewhere, on both sides."""
    for label, n, m, d, constant in [
        ("ordinary rows", 9, 5, 4, False),
        ("a single test row", 6, 1, 3, False),
        ("more features than rows", 5, 4, 7, False),
        ("a feature that never changes", 8, 3, 5, True),
    ]:
        size, shift = rng.uniform(2, 30, d), rng.uniform(40, 80, d)
        train = shift + size * rng.normal(size=(n, d))
        test = shift + size * rng.normal(1.5, 2.0, (m, d))
        test[0, :2] = shift[:2] + size[:2] * rng.uniform(2, 3, 2) * [-1, 1]
        if constant:
            train[:, 2], test[:, 2] = 17.0, 17.0
        yield Case(label, {"X_train": train, "X_test": test}, {"N": n, "M": m, "D": d})


@question(
    points={"train": 1.5, "test": 2, "inputs": 0.5}, draw=table_inputs, rtol={"train": 1e-4, "test": 1e-4}
)  # whichever way a division by zero is avoided
def standardize(student, X_train, X_test):
    train, test = student.standardize(X_train, X_test)
    return {"train": train, "test": test}


def _standard(statistics, apply=lambda x, mean, std: (x - mean) / std, statistics_of_test=None):
    """Make a variant from `statistics(train, test) -> mean, std`."""

    def variant(reference):
        def standardize(X_train, X_test):
            mean, std = statistics(X_train, X_test)
            again = statistics_of_test(X_train, X_test) if statistics_of_test else (mean, std)
            return apply(X_train, mean, std), apply(X_test, *again)

        return {"standardize": standardize}

    return variant


def _safe(std):
    return np.where(std > 0, std, 1.0)


@standardize.correct_variant
def small_number_added(reference):
    return _standard(lambda a, b: (a.mean(axis=0), a.std(axis=0) + 1e-8))(reference)


@standardize.correct_variant
def small_number_under_the_root(reference):
    return _standard(lambda a, b: (a.mean(axis=0), np.sqrt(a.var(axis=0) + 1e-5)))(reference)


@standardize.correct_variant
def column_by_column(reference):
    def standardize(X_train, X_test):
        train, test = np.zeros(X_train.shape), np.zeros(X_test.shape)
        for j in range(X_train.shape[1]):
            mean = sum(X_train[:, j]) / len(X_train)
            std = (sum((X_train[:, j] - mean) ** 2) / len(X_train)) ** 0.5 or 1.0
            train[:, j], test[:, j] = (X_train[:, j] - mean) / std, (X_test[:, j] - mean) / std
        return train, test

    return {"standardize": standardize}


@standardize.correct_variant
def standardized_single_precision(reference):
    def standardize(X_train, X_test):
        mean, std = X_train.mean(axis=0, keepdims=True), X_train.std(axis=0, keepdims=True)
        return tuple(((part - mean) / np.maximum(std, 1e-7)).astype(np.float32) for part in (X_train, X_test))

    return {"standardize": standardize}


def _of(x, axis=0, ddof=0):
    return x.mean(axis=axis, keepdims=True), _safe(x.std(axis=axis, keepdims=True, ddof=ddof))


@standardize.misconception
def test_set_by_itself(reference):
    """The test rows are standardized by their own mean and deviation; use those of the training rows for both."""

    def own(a, b):
        return _of(b) if len(b) > 1 else (b, np.ones_like(b))

    return _standard(lambda a, b: _of(a), statistics_of_test=own)(reference)


@standardize.misconception
def both_sets_together(reference):
    """Mean and deviation are taken over training and test rows together; nothing may be learnt from the test rows."""
    return _standard(lambda a, b: _of(np.concatenate([a, b])))(reference)


@standardize.misconception
def divided_by_the_variance(reference):
    """The rows are divided by the variance; divide by its square root, the standard deviation, so that the units cancel."""
    return _standard(lambda a, b: (_of(a)[0], _of(a)[1] ** 2))(reference)


@standardize.misconception
def rows_standardized(reference):
    """Each row is standardized by itself; mean and deviation belong to a feature, so take them over the rows, axis 0."""
    return _standard(lambda a, b: _of(a, 1), statistics_of_test=lambda a, b: _of(b, 1))(reference)


@standardize.misconception
def mean_not_subtracted(reference):
    """The features are scaled but not centred: subtract the mean of the training rows first."""
    return _standard(lambda a, b: _of(a), lambda x, mean, std: x / std)(reference)


@standardize.misconception
def deviation_unbiased(reference):
    """The deviation is taken with N - 1; this course divides by N, as `np.std` does by default."""
    return _standard(lambda a, b: _of(a, ddof=1))(reference)


@standardize.misconception
def zero_divided_by_zero(reference):
    """Right, except where a feature never changes: its deviation is 0, and 0 / 0 is nan. Let such a feature come out as 0, by
    adding a tiny number to the deviation."""

    def divide(x, mean, std):
        with np.errstate(all="ignore"):
            return (x - mean) / std

    return _standard(lambda a, b: (a.mean(axis=0), a.std(axis=0)), divide)(reference)


@standardize.misconception
def one_deviation_for_all(reference):
    """All features are divided by one and the same deviation; each feature has its own: `std(axis=0)`."""
    return _standard(lambda a, b: (a.mean(axis=0), a.std()))(reference)


# ------------------------------------------------------------------------------- pca and whiten


def clouds(rng, sizes):
    """Slanted clouds far from zero, no two axes of nearly the same length; the test points come from elsewhere."""
    for label, n, m, d, rest in sizes:
        turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
        left, _ = np.linalg.qr(rng.normal(size=(n, d) if n > d else (n, n - 1)))
        scale = 3.0 * 0.6 ** np.arange(left.shape[1])
        # Orthogonal columns of mean zero, so that the lengths of the axes are known.
        left = np.linalg.qr(left - left.mean(axis=0))[0] * np.sqrt(n)
        train = left * scale @ turn[: left.shape[1]] + rng.uniform(3, 6, d)
        test = rng.normal(1.0, 2.0, (m, d)) @ turn + rng.uniform(3, 6, d)
        yield Case(label, {"X_train": train, "X_test": test, **rest}, {"N": n, "M": m, "D": d})


def pca_inputs(rng):
    return clouds(
        rng,
        [
            ("more rows than features", 12, 5, 4, {"k": 2}),
            ("a single test row", 9, 1, 5, {"k": 3}),
            ("fewer rows than features", 6, 4, 9, {"k": 2}),
            ("one component", 15, 7, 3, {"k": 1}),
            ("all components", 10, 6, 4, {"k": 4}),
        ],
    )


@question(points={"train": 2.5, "test": 2, "together": 1, "inputs": 0.5}, draw=pca_inputs)
def pca(student, X_train, X_test, k):
    train, test = (np.asarray(part) for part in student.pca(X_train, X_test, k))
    if (train.shape, test.shape) != ((len(X_train), k), (len(X_test), k)):
        return {"train": train, "test": test, "together": np.zeros(0)}  # of no use for products
    order = np.argsort(-train.var(axis=0))  # order and signs of the components are free
    return {"train": np.abs(train[:, order]), "test": np.abs(test[:, order]), "together": test @ train.T}


def _axes(x, mean=None):
    """Give the components of x, the longest first, as columns, and the variances along them."""
    c = x - (x.mean(axis=0) if mean is None else mean)
    values, vectors = np.linalg.eigh(c.T @ c / len(x))
    return vectors[:, ::-1], values[::-1]


def _pca(project):
    """Make a variant from `project(X_train, X_test, k)`."""
    return lambda reference: {"pca": project}


@pca.correct_variant
def by_singular_values(reference):
    def project(a, b, k):
        mean = a.mean(axis=0)
        _, _, vt = np.linalg.svd(a - mean, full_matrices=False)
        return (a - mean) @ vt[:k].T, (b - mean) @ vt[:k].T

    return {"pca": project}


@pca.correct_variant
def signs_turned(reference):
    def project(a, b, k):
        mean, axes = a.mean(axis=0), -_axes(a)[0][:, :k]
        return (a - mean) @ axes, (b - mean) @ axes

    return {"pca": project}


@pca.correct_variant
def shortest_of_the_longest_first(reference):
    def project(a, b, k):
        mean = a.mean(axis=0)
        axes = np.linalg.eigh(np.cov(a.T))[1][:, -k:]
        return (a - mean) @ axes, (b - mean) @ axes

    return {"pca": project}


@pca.correct_variant
def general_eigenvectors(reference):
    def project(a, b, k):
        c = a - a.mean(axis=0)
        values, vectors = np.linalg.eig(c.T @ c)
        axes = vectors.real[:, np.argsort(values.real)[::-1][:k]]
        return c @ axes, (b - a.mean(axis=0)) @ axes

    return {"pca": project}


@pca.correct_variant
def components_single_precision(reference):
    return {"pca": lambda a, b, k: tuple(part.astype(np.float32) for part in reference.pca(a, b, k))}


@pca.misconception
def cloud_not_centred(reference):
    """The mean is not subtracted: without that the first component points from zero to the cloud, not along it."""

    def project(a, b, k):
        axes = _axes(a, 0.0)[0][:, :k]
        return a @ axes, b @ axes

    return _pca(project)(reference)


@pca.misconception
def smallest_components(reference):
    """These are the components with the least variance: `np.linalg.eigh` lists the smallest first, so take the last k columns."""

    def project(a, b, k):
        axes = _axes(a)[0][:, -k:]
        return (a - a.mean(axis=0)) @ axes, (b - a.mean(axis=0)) @ axes

    return _pca(project)(reference)


@pca.misconception
def test_centred_by_itself(reference):
    """The test rows are centred by their own mean; subtract the mean of the training rows."""

    def project(a, b, k):
        axes = _axes(a)[0][:, :k]
        return (a - a.mean(axis=0)) @ axes, (b - b.mean(axis=0)) @ axes

    return _pca(project)(reference)


@pca.misconception
def test_on_its_own_components(reference):
    """The test rows have components of their own; project them on those of the training rows, or the columns of the two tables
    mean different things."""

    def project(a, b, k):
        return (a - a.mean(axis=0)) @ _axes(a)[0][:, :k], (b - a.mean(axis=0)) @ _axes(b)[0][:, :k]

    return _pca(project)(reference)


@pca.misconception
def components_of_both_sets(reference):
    """Mean and components are taken from training and test rows together; the test rows may teach nothing."""

    def project(a, b, k):
        both = np.concatenate([a, b])
        axes = _axes(both)[0][:, :k]
        return (a - both.mean(axis=0)) @ axes, (b - both.mean(axis=0)) @ axes

    return _pca(project)(reference)


@pca.misconception
def rows_of_the_matrix(reference):
    """The eigenvectors are the columns of what `np.linalg.eigh` returns, not its rows: project on `vectors[:, ...]`."""

    def project(a, b, k):
        axes = _axes(a)[0].T[:, :k]
        return (a - a.mean(axis=0)) @ axes, (b - a.mean(axis=0)) @ axes

    return _pca(project)(reference)


@pca.misconception
def projected_back(reference):
    """This is the cloud flattened, still with D numbers a row; give the k coordinates along the components."""

    def project(a, b, k):
        axes = _axes(a)[0][:, :k]
        return tuple((part - a.mean(axis=0)) @ axes @ axes.T for part in (a, b))

    return _pca(project)(reference)


@pca.misconception
def scaled_as_in_whitening(reference):
    """The coordinates are divided by the root of their variance; that is whitening, the next question. PCA only turns."""

    def project(a, b, k):
        axes, values = _axes(a)
        return tuple((part - a.mean(axis=0)) @ axes[:, :k] / np.sqrt(values[:k]) for part in (a, b))

    return _pca(project)(reference)


def whiten_inputs(rng):
    return clouds(
        rng,
        [
            ("more rows than features", 12, 5, 4, {"eps": 0.3}),
            ("a single test row", 9, 1, 5, {"eps": 0.7}),
            ("a tiny eps", 15, 7, 3, {"eps": 1e-5}),
            ("two features", 8, 6, 2, {"eps": 0.1}),
        ],
    )


@question(points={"train": 2.5, "test": 2, "inputs": 0.5}, draw=whiten_inputs)
def whiten(student, X_train, X_test, eps):
    train, test = (np.asarray(part) for part in student.whiten(X_train, X_test, eps))
    # All products of rows: they are the same whichever way the white cloud is turned.
    return {"train": train @ train.T, "test": test @ np.concatenate([train, test]).T}


def _white(scale=lambda values, eps: np.sqrt(values + eps), fit=lambda a, b: a, fit_test=None, centre=True):
    """Make a variant that divides by `scale`, with the statistics of `fit(train, test)`."""

    def variant(reference):
        def whiten(X_train, X_test, eps=1e-5):
            parts = []
            for part, chosen in ((X_train, fit), (X_test, fit_test or fit)):
                known = chosen(X_train, X_test)
                axes, values = _axes(known)
                parts.append((part - known.mean(axis=0) if centre else part) @ axes / scale(np.maximum(values, 0), eps))
            return tuple(parts)

        return {"whiten": whiten}

    return variant


@whiten.correct_variant
def white_by_singular_values(reference):
    def whiten(X_train, X_test, eps=1e-5):
        mean = X_train.mean(axis=0)
        _, s, vt = np.linalg.svd(X_train - mean, full_matrices=False)
        scale = np.sqrt(s**2 / len(X_train) + eps)
        return (X_train - mean) @ vt.T / scale, (X_test - mean) @ vt.T / scale

    return {"whiten": whiten}


@whiten.correct_variant
def turned_back(reference):
    """Whitening by the inverse root of the covariance, also called ZCA."""

    def whiten(X_train, X_test, eps=1e-5):
        mean = X_train.mean(axis=0)
        axes, values = _axes(X_train)
        root = axes / np.sqrt(values + eps) @ axes.T
        return (X_train - mean) @ root, (X_test - mean) @ root

    return {"whiten": whiten}


@whiten.correct_variant
def by_cholesky(reference):
    def whiten(X_train, X_test, eps=1e-5):
        mean = X_train.mean(axis=0)
        covariance = (X_train - mean).T @ (X_train - mean) / len(X_train) + eps * np.eye(X_train.shape[1])
        root = np.linalg.cholesky(np.linalg.inv(covariance))
        return (X_train - mean) @ root, (X_test - mean) @ root

    return {"whiten": whiten}


@whiten.correct_variant
def white_single_precision(reference):
    return {"whiten": lambda a, b, eps=1e-5: tuple(p.astype(np.float32) for p in reference.whiten(a, b, eps))}


@whiten.misconception
def divided_by_the_eigenvalue(reference):
    """The coordinates are divided by the variance along their axis; divide by its square root."""
    return _white(lambda values, eps: values + eps)(reference)


@whiten.misconception
def eps_beside_the_root(reference):
    """`eps` stands outside the root; it is added to the variance: `np.sqrt(values + eps)`."""
    return _white(lambda values, eps: np.sqrt(values) + eps)(reference)


@whiten.misconception
def eps_left_out(reference):
    """`eps` is not used: add it to the variances before the root, or directions with hardly any variance blow up."""
    return _white(lambda values, eps: np.sqrt(values))(reference)


@whiten.misconception
def covariance_unbiased(reference):
    """The covariance is divided by N - 1, as `np.cov` does; this course divides by N."""

    def whiten(X_train, X_test, eps=1e-5):
        n = len(X_train)
        axes, values = _axes(X_train)
        scale = np.sqrt(values * n / (n - 1) + eps)
        return tuple((part - X_train.mean(axis=0)) @ axes / scale for part in (X_train, X_test))

    return {"whiten": whiten}


@whiten.misconception
def only_turned(reference):
    """The cloud is turned onto its axes but not scaled: divide each coordinate by `np.sqrt(value + eps)`."""
    return _white(lambda values, eps: np.ones_like(values))(reference)


@whiten.misconception
def only_scaled(reference):
    """Each feature is scaled by itself, so features that vary together still do: turn the cloud onto its components first."""

    def whiten(X_train, X_test, eps=1e-5):
        scale = np.sqrt(X_train.var(axis=0) + eps)
        return tuple((part - X_train.mean(axis=0)) / scale for part in (X_train, X_test))

    return {"whiten": whiten}


@whiten.misconception
def white_test_by_itself(reference):
    """The test rows are whitened by their own statistics; mean, components and variances all come from the training rows."""
    return _white(fit_test=lambda a, b: b)(reference)


@whiten.misconception
def white_together(reference):
    """Training and test rows are whitened together; the statistics must come from the training rows alone."""
    return _white(fit=lambda a, b: np.concatenate([a, b]))(reference)


@whiten.misconception
def white_not_centred(reference):
    """The mean is not subtracted from the rows: a white cloud sits at zero."""
    return _white(centre=False)(reference)


# --------------------------------------------------------------------------- batchnorm_forward


def batchnorm_inputs(rng):
    """Three batches for training and one row or more for testing; features of different size, far from zero."""
    for label, n, m, d, options, started in [
        ("the default eps and momentum", 7, 4, 5, {}, False),
        ("another eps and momentum", 5, 1, 3, {"eps": 0.4, "momentum": 0.7}, False),
        ("running averages given", 6, 3, 4, {"eps": 0.2, "momentum": 0.8}, True),
        ("batches of one", 1, 1, 6, {"eps": 0.3, "momentum": 0.6}, True),
        ("numbers near 100", 9, 5, 2, {"momentum": 0.3}, False),
    ]:
        size, shift = rng.uniform(1, 4, d), rng.uniform(2, 5, d) + 95 * (label == "numbers near 100")
        inputs = {f"x{i}": shift + i + (1 + i / 2) * size * rng.normal(size=(n, d)) for i in (1, 2, 3)}
        inputs |= {"x_test": shift + 2 * size * rng.normal(size=(m, d))}
        inputs |= {"gamma": rng.uniform(1.5, 3, d), "beta": rng.normal(1, 1, d), "options": options}
        averages = {"running_mean": rng.normal(2, 1, d), "running_var": rng.uniform(1, 3, d)}
        yield Case(label, inputs | {"averages": averages if started else {}}, {"N": n, "M": m, "D": d})


@question(
    points={"out": 5, "running_mean": 2, "running_var": 2, "out_test": 3, "after_test": 1, "inputs": 1},
    draw=batchnorm_inputs,
)
def batchnorm_forward(student, x1, x2, x3, x_test, gamma, beta, options, averages):
    bn_param = {"mode": "train", **options, **{name: np.array(value) for name, value in averages.items()}}
    outs = [np.array(student.batchnorm_forward(x, gamma, beta, bn_param)[0]) for x in (x1, x2, x3)]
    mean, var = np.array(bn_param["running_mean"]), np.array(bn_param["running_var"])
    bn_param["mode"] = "test"
    out_test = np.array(student.batchnorm_forward(x_test, gamma, beta, bn_param)[0])
    after = [np.ravel(bn_param[name]) for name in ("running_mean", "running_var")]
    # A share for each, so that a wrong average is not counted again here.
    kept = np.array([np.allclose(new, np.ravel(old)) for new, old in zip(after, (mean, var), strict=True)])
    return {
        "out": np.concatenate(outs),
        "running_mean": mean,
        "running_var": var,
        "out_test": out_test,
        "after_test": kept,
    }


def _update(m, old, new):
    return m * old + (1 - m) * new


def _batchnorm(
    statistics=lambda x: (x.mean(axis=0), x.var(axis=0)),
    divide=lambda c, var, eps: c / np.sqrt(var + eps),
    update=lambda m, old, new, n: tuple(_update(m, o, s) for o, s in zip(old, new, strict=True)),
    at_test=lambda x, old, bn_param: old,
    finish=lambda xhat, gamma, beta: gamma * xhat + beta,
    var_from=0.0,
):
    """Make a variant of batchnorm_forward with one part of it replaced."""

    def variant(reference):
        def batchnorm_forward(x, gamma, beta, bn_param):
            eps, m, d = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9), x.shape[1]
            old = (bn_param.get("running_mean", np.zeros(d)), bn_param.get("running_var", np.full(d, var_from)))
            if bn_param["mode"] == "train":
                mean, var = statistics(x)
                bn_param["running_mean"], bn_param["running_var"] = update(m, old, (mean, var), len(x))
            else:
                mean, var = at_test(x, old, bn_param)
            with np.errstate(all="ignore"):
                return finish(divide(x - mean, var, eps), gamma, beta), None

        return {"batchnorm_forward": batchnorm_forward}

    return variant


@batchnorm_forward.correct_variant
def written_with_loops(reference):
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, m = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
        n, d = x.shape
        means, variances = bn_param.get("running_mean", np.zeros(d)), bn_param.get("running_var", np.zeros(d))
        out, means, variances = np.zeros(x.shape), means.copy(), variances.copy()
        for j in range(d):
            if bn_param["mode"] == "train":
                mean = sum(x[:, j]) / n
                var = sum((x[:, j] - mean) ** 2) / n
                means[j], variances[j] = m * means[j] + (1 - m) * mean, m * variances[j] + (1 - m) * var
            else:
                mean, var = means[j], variances[j]
            out[:, j] = gamma[j] * (x[:, j] - mean) * (var + eps) ** -0.5 + beta[j]
        bn_param["running_mean"], bn_param["running_var"] = means, variances
        return out, (x, gamma)

    return {"batchnorm_forward": batchnorm_forward}


@batchnorm_forward.correct_variant
def averages_as_rows(reference):
    return _batchnorm(lambda x: (x.mean(axis=0, keepdims=True), x.var(axis=0, keepdims=True)))(reference)


@batchnorm_forward.correct_variant
def averages_updated_in_place(reference):
    def update(m, old, new, n):
        for running, value in zip(old, new, strict=True):
            running *= m
            running += (1 - m) * value
        return old

    return _batchnorm(update=update)(reference)


@batchnorm_forward.correct_variant
def square_of_the_mean(reference):
    return _batchnorm(lambda x: (x.mean(axis=0), (x**2).mean(axis=0) - x.mean(axis=0) ** 2))(reference)


@batchnorm_forward.correct_variant
def test_time_as_one_affine_map(reference):
    def batchnorm_forward(x, gamma, beta, bn_param):
        if bn_param["mode"] == "train":
            bn_param["batches_seen"] = bn_param.get("batches_seen", 0) + 1
            return reference.batchnorm_forward(x, gamma, beta, bn_param)
        scale = gamma / np.sqrt(bn_param["running_var"] + bn_param.get("eps", 1e-5))
        return x * scale + (beta - bn_param["running_mean"] * scale), {"scale": scale}

    return {"batchnorm_forward": batchnorm_forward}


@batchnorm_forward.correct_variant
def normalized_single_precision(reference):
    def batchnorm_forward(x, gamma, beta, bn_param):
        bn_param |= {k: v.astype(np.float32) for k, v in bn_param.items() if k.startswith("running")}
        return reference.batchnorm_forward(*(a.astype(np.float32) for a in (x, gamma, beta)), bn_param)

    return {"batchnorm_forward": batchnorm_forward}


@batchnorm_forward.misconception
def batch_statistics_at_test_time(reference):
    """At test time the batch is normalised by its own mean and variance; use the running averages, so that an example's output
    does not depend on its neighbours and a batch of one works."""
    return _batchnorm(at_test=lambda x, old, bn_param: (x.mean(axis=0), x.var(axis=0)))(reference)


@batchnorm_forward.misconception
def mode_ignored(reference):
    """Testing does what training does: ask `bn_param["mode"]`. At test time normalise by the running averages, and leave them
    as they are."""

    def batchnorm_forward(x, gamma, beta, bn_param):
        mode, bn_param["mode"] = bn_param["mode"], "train"
        answer = reference.batchnorm_forward(x, gamma, beta, bn_param)
        bn_param["mode"] = mode
        return answer

    return {"batchnorm_forward": batchnorm_forward}


@batchnorm_forward.misconception
def momentum_reversed(reference):
    """The momentum is reversed: it is the share of the old average that is kept, `m * running + (1 - m) * batch`."""
    return _batchnorm(update=lambda m, old, new, n: tuple(_update(1 - m, o, s) for o, s in zip(old, new, strict=True)))(
        reference
    )


@batchnorm_forward.misconception
def averages_not_updated(reference):
    """The running averages are never updated: store the new ones in `bn_param["running_mean"]` and `bn_param["running_var"]` in
    each training step."""
    return _batchnorm(update=lambda m, old, new, n: old)(reference)


@batchnorm_forward.misconception
def last_batch_only(reference):
    """The running averages hold the last batch alone; mix it with what was there, `m * running + (1 - m) * batch`."""
    return _batchnorm(update=lambda m, old, new, n: new)(reference)


@batchnorm_forward.misconception
def updated_at_test_time(reference):
    """The running averages are updated at test time too; testing must leave no trace, so update them in training mode only."""

    def at_test(x, old, bn_param):
        m = bn_param.get("momentum", 0.9)
        bn_param["running_mean"] = _update(m, old[0], x.mean(axis=0))
        bn_param["running_var"] = _update(m, old[1], x.var(axis=0))
        return old

    return _batchnorm(at_test=at_test)(reference)


@batchnorm_forward.misconception
def updated_before_use_at_test_time(reference):
    """The test batch goes into the running averages before they are used: at test time they are read, never written."""

    def at_test(x, old, bn_param):
        m = bn_param.get("momentum", 0.9)
        bn_param["running_mean"] = _update(m, old[0], x.mean(axis=0))
        bn_param["running_var"] = _update(m, old[1], x.var(axis=0))
        return bn_param["running_mean"], bn_param["running_var"]

    return _batchnorm(at_test=at_test)(reference)


def _unbiased(var, n):
    return var * n / (n - 1) if n > 1 else np.full_like(var, np.nan)


@batchnorm_forward.misconception
def running_variance_unbiased(reference):
    """The running variance is kept with N - 1; this course keeps the same biased variance, divided by N, that normalises the
    batch."""

    def update(m, old, new, n):
        return _update(m, old[0], new[0]), _update(m, old[1], _unbiased(new[1], n))

    return _batchnorm(update=update)(reference)


@batchnorm_forward.misconception
def batch_variance_unbiased(reference):
    """The variance of the batch is divided by N - 1; divide by N, as `np.var` does by default."""
    return _batchnorm(lambda x: (x.mean(axis=0), _unbiased(x.var(axis=0), len(x))))(reference)


@batchnorm_forward.misconception
def eps_outside_the_root(reference):
    """`eps` stands outside the root; it is added to the variance: `np.sqrt(var + eps)`."""
    return _batchnorm(divide=lambda c, var, eps: c / (np.sqrt(var) + eps))(reference)


@batchnorm_forward.misconception
def eps_forgotten(reference):
    """`eps` is missing: divide by `np.sqrt(var + eps)`, or a feature that does not vary in a batch gives 0 / 0."""
    return _batchnorm(divide=lambda c, var, eps: c / np.sqrt(var))(reference)


@batchnorm_forward.misconception
def root_forgotten(reference):
    """The batch is divided by its variance; divide by the root, `np.sqrt(var + eps)`."""
    return _batchnorm(divide=lambda c, var, eps: c / (var + eps))(reference)


@batchnorm_forward.misconception
def scale_and_shift_left_out(reference):
    """This stops at the normalised batch: the output is `gamma * xhat + beta`."""
    return _batchnorm(finish=lambda xhat, gamma, beta: xhat)(reference)


@batchnorm_forward.misconception
def shift_scaled_too(reference):
    """`beta` is multiplied by `gamma` too: scale first, then shift, `gamma * xhat + beta`."""
    return _batchnorm(finish=lambda xhat, gamma, beta: gamma * (xhat + beta))(reference)


@batchnorm_forward.misconception
def normalised_over_features(reference):
    """Each example is normalised over its features; that is layer normalisation. Take mean and variance over
    the batch, axis 0."""

    def batchnorm_forward(x, gamma, beta, bn_param):
        _, right = reference, reference.batchnorm_forward(x, gamma, beta, bn_param)
        if bn_param["mode"] == "test":
            return right
        c = x - x.mean(axis=1, keepdims=True)
        return gamma * c / np.sqrt((c**2).mean(axis=1, keepdims=True) + bn_param.get("eps", 1e-5)) + beta, None

    return {"batchnorm_forward": batchnorm_forward}


@batchnorm_forward.misconception
def averages_from_the_first_batch(reference):
    """The running averages begin as those of the first batch; where `bn_param` does not hold them yet they are zeros, and the
    first batch counts `1 - momentum` like any other."""

    def batchnorm_forward(x, gamma, beta, bn_param):
        if bn_param["mode"] == "train":
            bn_param.setdefault("running_mean", x.mean(axis=0))
            bn_param.setdefault("running_var", x.var(axis=0))
        return reference.batchnorm_forward(x, gamma, beta, bn_param)

    return {"batchnorm_forward": batchnorm_forward}


@batchnorm_forward.misconception
def running_variance_from_one(reference):
    """The running variance starts at one; here both averages start at zero where `bn_param` does not hold them yet."""
    return _batchnorm(var_from=1.0)(reference)


@batchnorm_forward.misconception
def batch_changed_in_place(reference):
    """The values are right, but `x` itself was changed: write `x - mean`, which makes a new array, not `x -= mean`."""

    def batchnorm_forward(x, gamma, beta, bn_param):
        right = reference.batchnorm_forward(x, gamma, beta, bn_param)
        x -= x.mean(axis=0) + 1.0
        return right

    return {"batchnorm_forward": batchnorm_forward}


# ---------------------------------------------------- batchnorm_backward, batchnorm_backward_alt


def batchnorm_backward_inputs(rng):
    for label, n, d, options in [
        ("an ordinary batch", 7, 4, {}),
        ("more features than examples", 4, 9, {"eps": 0.3}),
        ("a batch of one", 1, 5, {"eps": 0.5}),
        ("numbers near 100", 6, 3, {"eps": 1e-3}),
        ("one feature", 8, 1, {"eps": 0.05}),
    ]:
        shift = 100.0 if label == "numbers near 100" else 2.0
        x = shift + rng.uniform(1, 3, d) * rng.normal(size=(n, d))
        gamma, beta = rng.uniform(1.5, 3, d) * rng.choice([-1, 1], d), rng.normal(1, 1, d)
        inputs = {"x": x, "gamma": gamma, "beta": beta, "dout": rng.normal(0.5, 1, (n, d)), "options": options}
        yield Case(label, inputs, {"N": n, "D": d})


@question(
    points={"dx": 6, "dgamma": 2, "dbeta": 2, "second_dx": 0.5, "second_dgamma": 0.5, "inputs": 1},
    draw=batchnorm_backward_inputs,
)
def batchnorm_backward(student, x, gamma, beta, dout, options):
    _, cache = student.batchnorm_forward(x, gamma, beta, {"mode": "train", **options})
    dout_again = dout.copy()
    dx, dgamma, dbeta = student.batchnorm_backward(dout, cache)
    second_dx, second_dgamma, _ = student.batchnorm_backward(dout_again, cache)
    return {"dx": dx, "dgamma": dgamma, "dbeta": dbeta, "second_dx": second_dx, "second_dgamma": second_dgamma}


@question(
    points={"dx": 2.5, "dgamma": 0.75, "dbeta": 0.75, "second_dx": 0.5, "inputs": 0.5}, draw=batchnorm_backward_inputs
)
def batchnorm_backward_alt(student, x, gamma, beta, dout, options):
    _, cache = student.batchnorm_forward(x, gamma, beta, {"mode": "train", **options})
    dout_again = dout.copy()
    dx, dgamma, dbeta = student.batchnorm_backward_alt(dout, cache)
    second_dx = student.batchnorm_backward_alt(dout_again, cache)[0]
    return {"dx": dx, "dgamma": dgamma, "dbeta": dbeta, "second_dx": second_dx}


def _normalise(x, gamma, beta, eps, axis):
    """Normalise along an axis, and keep all that a backward pass could want."""
    c = x - x.mean(axis=axis, keepdims=True)
    var = (c**2).mean(axis=axis, keepdims=True)
    std = np.sqrt(var + eps)
    cache = SimpleNamespace(x=x, c=c, var=var, std=std, xhat=c / std, gamma=gamma, axis=axis, n=x.shape[axis], eps=eps)
    return gamma * cache.xhat + beta, cache


def _sums(dout, k):
    return (dout * k.xhat).sum(axis=0), dout.sum(axis=0)


def _dx(dout, k, mean=1.0, var=1.0):
    """Give dx, with the share of it that comes through the mean and the variance taken so many times."""
    dxhat = dout * k.gamma
    through_mean = dxhat.mean(axis=k.axis, keepdims=True)
    through_var = k.xhat * (dxhat * k.xhat).mean(axis=k.axis, keepdims=True)
    return (dxhat - mean * through_mean - var * through_var) / k.std


def _backward(question_name, function, axis=0):
    """Make a variant of one backward function, with a forward function that keeps the cache it wants."""
    forward = "layernorm_forward" if axis else "batchnorm_forward"

    def variant(reference):
        def normalise(x, gamma, beta, param):
            return _normalise(x, gamma, beta, param.get("eps", 1e-5), axis)

        return {forward: normalise, question_name: function}

    return variant


def _changed(question_name, axis, **changes):
    """Make a variant of a backward function with some of its results replaced, each by a function of dout and cache."""

    def function(dout, k):
        dgamma, dbeta = _sums(dout, k)
        right = {"dx": _dx(dout, k), "dgamma": dgamma, "dbeta": dbeta}
        return tuple((right | {name: change(dout, k) for name, change in changes.items()}).values())

    return _backward(question_name, function, axis)


def _slow_dx(dout, k):
    """Node by node, as in the graph."""
    dxhat = dout * k.gamma
    dc = dxhat / k.std
    dr = (dxhat * k.c).sum(axis=k.axis, keepdims=True)
    dvar = -dr / k.std**2 / (2 * k.std)
    dc = dc + 2 * k.c * dvar / k.n
    return dc - dc.sum(axis=k.axis, keepdims=True) / k.n


def _jacobian_dx(dout, k):
    """Row by row, with the matrix of all derivatives of one feature."""
    dxhat, xhat, std = dout * k.gamma, k.xhat, np.broadcast_to(k.std, k.x.shape)
    if k.axis:
        dxhat, xhat, std = dxhat.T, xhat.T, std.T
    dx = np.zeros(dxhat.shape)
    for j in range(dx.shape[1]):
        J = np.eye(k.n) - 1 / k.n - np.outer(xhat[:, j], xhat[:, j]) / k.n
        dx[:, j] = J @ dxhat[:, j] / std[0, j]
    return dx.T if k.axis else dx


def _variants(asked, axis):
    """Record the correct variants and the misconceptions that all three backward functions share."""
    name = asked.name
    said = {
        "feature": "feature" if axis == 0 else "example",
        "n": "N" if axis == 0 else "D",
        "axis": axis,
        "whole": "batch" if axis == 0 else "row",
    }

    def right(label, variant):
        variant.__name__ = label
        asked.correct_variant(variant)

    def wrong(label, sentence, variant):
        variant.__name__, variant.__doc__ = label, sentence.format(**said)
        asked.misconception(variant)

    right("node_by_node", _changed(name, axis, dx=_slow_dx))
    right("one_formula", _changed(name, axis, dx=_dx))
    right("matrix_of_derivatives", _changed(name, axis, dx=_jacobian_dx))
    right(
        "sums_kept_as_rows",
        _changed(
            name,
            axis,
            dgamma=lambda dout, k: (dout * k.xhat).sum(axis=0, keepdims=True),
            dbeta=lambda dout, k: np.einsum("nd->d", dout)[None],
        ),
    )
    right(
        "all_in_single_precision",
        _backward(name, lambda dout, k: tuple(a.astype(np.float32) for a in (_dx(dout, k), *_sums(dout, k))), axis),
    )
    wrong(
        "means_share_left_out",
        "`dx` lacks the way through the mean: every entry moves the mean of its {feature}, and the mean moves every entry.",
        _changed(name, axis, dx=lambda dout, k: _dx(dout, k, mean=0)),
    )
    wrong(
        "variances_share_left_out",
        "`dx` lacks the way through the variance: every entry changes the spread by which its whole {feature} is divided.",
        _changed(name, axis, dx=lambda dout, k: _dx(dout, k, var=0)),
    )
    wrong(
        "both_shares_left_out",
        "`dx` treats mean and variance as constants; both depend on `x`, so two more ways lead back through them.",
        _changed(name, axis, dx=lambda dout, k: _dx(dout, k, mean=0, var=0)),
    )
    wrong(
        "gamma_left_out",
        "`gamma` is missing from `dx`: the output is `gamma * xhat + beta`, so the slope at `xhat` is `dout * gamma`.",
        _changed(name, axis, dx=lambda dout, k: _dx(dout / k.gamma, k)),
    )
    wrong(
        "sums_instead_of_means",
        "A 1/{n} is missing inside `dx`: mean and variance are sums divided by {n}, so what comes back through them is too.",
        _changed(name, axis, dx=lambda dout, k: _dx(dout, k, mean=k.n, var=k.n)),
    )
    wrong(
        "not_divided_by_the_deviation",
        "`dx` is not divided by `np.sqrt(var + eps)`, the last step on the way from `xhat` back to `x`.",
        _changed(name, axis, dx=lambda dout, k: _dx(dout, k) * k.std),
    )
    wrong(
        "eps_left_out_of_dx",
        "`eps` is missing from the backward pass: divide by the same `np.sqrt(var + eps)` as in the forward pass.",
        _changed(name, axis, dx=lambda dout, k: _dx(dout, k) * k.std / np.sqrt(k.var + 1e-300)),
    )
    wrong(
        "sums_exchanged",
        "`dgamma` and `dbeta` are in each other's place: return the gradients in the order `dx, dgamma, dbeta`.",
        _backward(name, lambda dout, k: (_dx(dout, k), *_sums(dout, k)[::-1]), axis),
    )
    wrong(
        "dgamma_from_x",
        "`dgamma` uses `x`; what `gamma` multiplied in the forward pass is `xhat`.",
        _changed(name, axis, dgamma=lambda dout, k: (dout * k.x).sum(axis=0)),
    )
    wrong(
        "dgamma_and_dbeta_averaged",
        "`dgamma` and `dbeta` are averaged over the batch; they are sums: each example used the same `gamma` and `beta`.",
        _changed(
            name,
            axis,
            dgamma=lambda dout, k: (dout * k.xhat).mean(axis=0),
            dbeta=lambda dout, k: dout.mean(axis=0),
        ),
    )
    wrong(
        "dgamma_and_dbeta_over_the_wrong_axis",
        "`dgamma` and `dbeta` have one number for each feature: sum over the batch, axis 0, not over the features.",
        _changed(
            name,
            axis,
            dgamma=lambda dout, k: (dout * k.xhat).sum(axis=1),
            dbeta=lambda dout, k: dout.sum(axis=1),
        ),
    )

    wrong(
        "xhat_left_out_of_dgamma",
        "`dgamma` is the sum of `dout`, which is `dbeta`; `gamma` was multiplied by `xhat`, so sum `dout * xhat`.",
        _changed(name, axis, dgamma=lambda dout, k: dout.sum(axis=0)),
    )

    def overwritten(dout, k):
        dx = _dx(dout, k)
        dout *= k.xhat
        return dx, dout.sum(axis=0), dout.sum(axis=0)

    wrong(
        "dbeta_from_the_overwritten_dout",
        "`dbeta` is the sum of what `dout` had become: `dout *= xhat` changes `dout` itself, for `dbeta` and for whoever gave "
        "it. Write `dout * xhat`, which makes a new array.",
        _backward(name, overwritten, axis),
    )

    def in_place(dout, k):
        right = (_dx(dout, k), *_sums(dout, k))
        dout *= k.gamma
        return right

    wrong(
        "dout_changed_in_place",
        "The values are right, but `dout` itself was changed: write `dout * gamma`, which makes a new array.",
        _backward(name, in_place, axis),
    )


_variants(batchnorm_backward, axis=0)
_variants(batchnorm_backward_alt, axis=0)

# --------------------------------------------------------------------------------- layernorm


def layernorm_inputs(rng):
    for label, n, d, options in [
        ("an ordinary batch", 4, 7, {}),
        ("more examples than features", 9, 5, {"eps": 0.3}),
        ("a batch of one", 1, 6, {"eps": 0.5}),
        ("a large eps", 5, 3, {"eps": 0.5}),
        ("a single feature", 6, 1, {"eps": 0.1}),
        ("numbers near 100", 3, 8, {"eps": 1e-3}),
    ]:
        shift = 100.0 if label == "numbers near 100" else 2.0
        x = shift + rng.uniform(1, 3, (n, 1)) * rng.normal(size=(n, d)) + rng.normal(size=d)
        gamma, beta = rng.uniform(1.5, 3, d) * rng.choice([-1, 1], d), rng.normal(1, 1, d)
        inputs = {"x": x, "gamma": gamma, "beta": beta, "options": options}
        yield Case(label, inputs, {"N": n, "D": d})


@question(points={"out": 3, "inputs": 1}, draw=layernorm_inputs)
def layernorm_forward(student, x, gamma, beta, options):
    out, cache = student.layernorm_forward(x, gamma, beta, dict(options))
    return {"out": out}


def _layernorm(
    statistics=lambda x: (x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)),
    divide=lambda c, var, eps: c / np.sqrt(var + eps),
    finish=lambda xhat, gamma, beta: gamma * xhat + beta,
):
    """Make a variant of layernorm_forward with one part of it replaced."""

    def variant(reference):
        def layernorm_forward(x, gamma, beta, ln_param):
            mean, var = statistics(x)
            return finish(divide(x - mean, var, ln_param.get("eps", 1e-5)), gamma, beta), None

        return {"layernorm_forward": layernorm_forward}

    return variant


@layernorm_forward.correct_variant
def row_by_row(reference):
    def layernorm_forward(x, gamma, beta, ln_param):
        out = np.zeros(x.shape)
        for i, row in enumerate(x):
            mean = sum(row) / len(row)
            var = sum((row - mean) ** 2) / len(row)
            out[i] = gamma * (row - mean) / (var + ln_param.get("eps", 1e-5)) ** 0.5 + beta
        return out, {"x": x}

    return {"layernorm_forward": layernorm_forward}


@layernorm_forward.correct_variant
def transposed_and_back(reference):
    def layernorm_forward(x, gamma, beta, ln_param):
        t = x.T
        xhat = (t - t.mean(axis=0)) / np.sqrt(t.var(axis=0) + ln_param.get("eps", 1e-5))
        return (gamma[:, None] * xhat + beta[:, None]).T, (xhat, gamma)

    return {"layernorm_forward": layernorm_forward}


@layernorm_forward.correct_variant
def mean_of_squares(reference):
    return _layernorm(
        lambda x: (x.mean(axis=1)[:, None], ((x**2).mean(axis=1) - x.mean(axis=1) ** 2)[:, None]),
    )(reference)


@layernorm_forward.correct_variant
def layer_single_precision(reference):
    return {
        "layernorm_forward": lambda x, gamma, beta, ln_param: (
            reference.layernorm_forward(x, gamma, beta, ln_param)[0].astype(np.float32),
            None,
        )
    }


@layernorm_forward.misconception
def over_the_batch(reference):
    """This normalises each feature over the batch, which is batch normalisation; here each example is normalised over its own
    features, axis 1."""
    return _layernorm(lambda x: (x.mean(axis=0), x.var(axis=0)))(reference)


@layernorm_forward.misconception
def over_everything(reference):
    """One mean and one variance serve the whole batch; each example has its own: use axis=1 and keepdims=True."""
    return _layernorm(lambda x: (x.mean(), x.var()))(reference)


@layernorm_forward.misconception
def layer_eps_outside(reference):
    """`eps` stands outside the root; it belongs inside: `np.sqrt(var + eps)`."""
    return _layernorm(divide=lambda c, var, eps: c / (np.sqrt(var) + eps))(reference)


@layernorm_forward.misconception
def layer_eps_forgotten(reference):
    """`eps` is missing: divide by `np.sqrt(var + eps)`, with `eps` from `ln_param`, 1e-5 by default."""
    return _layernorm(divide=lambda c, var, eps: c / np.sqrt(var))(reference)


@layernorm_forward.misconception
def layer_variance_unbiased(reference):
    """The variance of a row is divided by D - 1; divide by D, as `np.var` does by default."""
    return _layernorm(lambda x: (x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True, ddof=1)))(reference)


@layernorm_forward.misconception
def layer_root_forgotten(reference):
    """The rows are divided by their variance; divide by the root, `np.sqrt(var + eps)`."""
    return _layernorm(divide=lambda c, var, eps: c / (var + eps))(reference)


@layernorm_forward.misconception
def layer_scale_left_out(reference):
    """This stops at the normalised rows: the output is `gamma * xhat + beta`, one `gamma` and `beta` for each feature."""
    return _layernorm(finish=lambda xhat, gamma, beta: xhat)(reference)


@layernorm_forward.misconception
def row_changed_in_place(reference):
    """The values are right, but `x` itself was changed: write `x - mean`, which makes a new array."""

    def layernorm_forward(x, gamma, beta, ln_param):
        right = reference.layernorm_forward(x, gamma, beta, ln_param)
        x -= x.mean(axis=1, keepdims=True) + 1.0
        return right

    return {"layernorm_forward": layernorm_forward}


def layernorm_backward_inputs(rng):
    for case in layernorm_inputs(rng):
        dout = rng.normal(0.5, 1, case.inputs["x"].shape)
        yield Case(case.label, case.inputs | {"dout": dout}, case.sizes)


@question(
    points={"dx": 2.5, "dgamma": 1, "dbeta": 0.5, "second_dx": 0.5, "inputs": 0.5}, draw=layernorm_backward_inputs
)
def layernorm_backward(student, x, gamma, beta, options, dout):
    _, cache = student.layernorm_forward(x, gamma, beta, dict(options))
    dout_again = dout.copy()
    dx, dgamma, dbeta = student.layernorm_backward(dout, cache)
    second_dx = student.layernorm_backward(dout_again, cache)[0]
    return {"dx": dx, "dgamma": dgamma, "dbeta": dbeta, "second_dx": second_dx}


_variants(layernorm_backward, axis=1)


@layernorm_backward.misconception
def backward_over_the_batch(reference):
    """The means inside `dx` are taken over the batch, as in batch normalisation; take them over the features, axis 1."""

    def dx(dout, k):
        dxhat = dout * k.gamma
        return (dxhat - dxhat.mean(axis=0) - k.xhat * (dxhat * k.xhat).mean(axis=0)) / k.std

    return _changed("layernorm_backward", 1, dx=dx)(reference)


# ------------------------------------------------------------------------------------ dropout


def dropout_inputs(rng):
    """Large arrays without a zero; a batch of one; keep most, keep few, keep nearly all; images."""
    for label, shape, p in [
        ("keeping most", (60, 70), 0.8),
        ("keeping few", (50, 90), 0.3),
        ("a batch of one", (1, 4000), 0.6),
        ("small pictures", (20, 3, 8, 9), 0.7),
        ("keeping nearly all", (45, 50), 0.95),
    ]:
        x = rng.uniform(0.5, 3.0, shape) * rng.choice([-1.0, 1.0], shape)
        seed = 0 if label == "small pictures" else int(rng.integers(1, 10_000))  # 0 is a seed too
        yield Case(label, {"x": x, "p": p, "seed": seed}, {"N": shape[0]})


@question(
    points={"kept_share": 1, "kept_scale": 2, "out_test": 1, "masks": 1, "inputs": 1},
    draw=dropout_inputs,
)
def dropout_forward(student, x, p, seed):
    given = np.array(x)
    out = np.array(student.dropout_forward(x, {"mode": "train", "p": p})[0])
    again = np.array(student.dropout_forward(given.copy(), {"mode": "train", "p": p})[0])
    param = {"mode": "train", "p": p, "seed": seed}
    seeded = [np.array(student.dropout_forward(given.copy(), dict(param))[0]) for _ in range(2)]
    out_test = student.dropout_forward(given.copy(), {"mode": "test", "p": p})[0]
    kept = out != 0
    six = 6 * np.sqrt(p * (1 - p) / given.size)  # six standard deviations of the share that is kept
    # 2 says that all is kept; 1 would read as if a division by `p` were the mistake
    near = [told for share, told in ((p, p), (1 - p, 1 - p), (1.0, 2.0)) if abs(kept.mean() - share) <= six]
    factors = (out / given)[kept].astype(np.result_type(out, np.float32))
    alone = bool((kept != kept[:1]).any() or len(given) == 1) and bool((kept != kept[..., :1]).any())
    other = bool((kept != (again != 0)).any())
    return {
        "kept_share": [*near, -1.0][0],  # -1 for any other share
        "kept_scale": np.array([factors.min(initial=1e9), factors.max(initial=-1e9)]),
        "out_test": out_test,
        # each entry by itself; a new mask each time; the same mask for the same seed
        "masks": np.array([alone, other, bool(np.array_equal(*seeded))]),
    }


def dropout_backward_inputs(rng):
    for case in dropout_inputs(rng):
        dout = rng.uniform(0.5, 3.0, case.inputs["x"].shape) * rng.choice([-1.0, 1.0], case.inputs["x"].shape)
        inputs = {"x": case.inputs["x"], "p": case.inputs["p"], "dout": dout}
        yield Case(case.label, inputs, case.sizes)


@question(
    points={"dx": 1.5, "second_dx": 0.5, "dropped": 0.5, "dx_test": 1, "inputs": 0.5}, draw=dropout_backward_inputs
)
def dropout_backward(student, x, p, dout):
    given = np.array(dout)
    out, cache = student.dropout_forward(x.copy(), {"mode": "train", "p": p})
    mask = np.array(out) / x  # whatever was drawn, out is x times this
    kept = mask != 0

    def through(dx):
        """Between what factors the gradients of the kept entries lie, beside those that the forward pass used."""
        if not isinstance(dx, np.ndarray):
            return dx
        if dx.shape != given.shape:
            return np.array([1e9, -1e9])  # `dx_test` tells what is wrong with the shape
        factors = (dx[kept] / (given * mask)[kept]).astype(np.result_type(dx, np.float32))
        return np.array([factors.min(initial=1e9), factors.max(initial=-1e9)])

    dx = student.dropout_backward(dout, cache)
    dx = dx.copy() if isinstance(dx, np.ndarray) else dx
    second_dx = student.dropout_backward(given.copy(), cache)
    _, test_cache = student.dropout_forward(x.copy(), {"mode": "test", "p": p})
    dx_test = student.dropout_backward(given, test_cache)
    return {
        "dx": through(dx),
        "second_dx": through(second_dx),
        "dropped": bool(isinstance(dx, np.ndarray) and dx.shape == given.shape and (dx[~kept] == 0).all()),
        "dx_test": dx_test,
    }


def _draw(x, p):
    return (np.random.rand(*x.shape) < p).astype(float)


def _dropout(train, test=lambda x, p: x, draw=_draw, back=None, back_test=None):
    """Make a variant of dropout from `train(x, mask, p)`, and of its backward pass from `back(dout, mask, p)`."""

    def variant(reference):
        def dropout_forward(x, dropout_param):
            p, mode = dropout_param["p"], dropout_param["mode"]
            if "seed" in dropout_param:
                np.random.seed(dropout_param["seed"])
            if mode == "test":
                return test(x, p), (mode, p, None)
            mask = draw(x, p)
            return train(x, mask, p), (mode, p, mask)

        def dropout_backward(dout, cache):
            mode, p, mask = cache
            if mode == "test":
                return (back_test or (lambda dout, p: dout))(dout, p)
            return (back or (lambda dout, mask, p: dout * mask / p))(dout, mask, p)

        return {"dropout_forward": dropout_forward, "dropout_backward": dropout_backward}

    return variant


def _inverted(x, mask, p):
    return x * mask / p


@dropout_forward.correct_variant
def own_generator(reference):
    def dropout_forward(x, dropout_param):
        p = dropout_param["p"]
        if dropout_param["mode"] == "test":
            return x.copy(), None
        mask = np.random.default_rng(dropout_param.get("seed")).random(x.shape) < p
        return np.where(mask, x / p, 0.0), mask

    return {"dropout_forward": dropout_forward}


@dropout_forward.correct_variant
def binomial_mask(reference):
    return _dropout(_inverted, draw=lambda x, p: np.random.binomial(1, p, x.shape))(reference)


@dropout_forward.correct_variant
def dropped_by_index(reference):
    def train(x, mask, p):
        out = x / p
        out[mask == 0] = 0
        return out

    return _dropout(train, draw=lambda x, p: np.random.uniform(size=x.shape) >= 1 - p)(reference)


@dropout_forward.correct_variant
def dropped_single_precision(reference):
    return _dropout(lambda x, mask, p: (x * mask / p).astype(np.float32))(reference)


@dropout_forward.correct_variant
def numbers_one_by_one(reference):
    def draw(x, p):
        return np.array([np.random.random() < p for _ in range(x.size)]).reshape(x.shape)

    return _dropout(_inverted, draw=draw)(reference)


@dropout_forward.misconception
def scaled_at_test_time(reference):
    """The scaling happens at test time, by p; with inverted dropout it happens in training, where what is kept is divided
    by p, and testing changes nothing."""
    return _dropout(lambda x, mask, p: x * mask, lambda x, p: x * p)(reference)


@dropout_forward.misconception
def not_scaled(reference):
    """What is kept is not scaled: divide it by p, or the next layer gets less in training than at test time."""
    return _dropout(lambda x, mask, p: x * mask)(reference)


@dropout_forward.misconception
def keep_and_drop_exchanged(reference):
    """Keep and drop are exchanged: here p is the probability to keep an entry, so keep where a random number is below p, and
    divide by p."""
    return _dropout(lambda x, mask, p: x * (1 - mask) / (1 - p))(reference)


@dropout_forward.misconception
def mask_inverted(reference):
    """The mask is the wrong way round: it keeps an entry with probability 1 - p, though it scales by 1 / p."""
    return _dropout(lambda x, mask, p: x * (1 - mask) / p)(reference)


@dropout_forward.misconception
def scaled_by_the_share_dropped(reference):
    """The right share is kept, but scaled by 1 / (1 - p); p is the probability to keep, so divide by p."""
    return _dropout(lambda x, mask, p: x * mask / (1 - p))(reference)


@dropout_forward.misconception
def scaled_twice(reference):
    """What is kept is divided by p in training and multiplied by p at test time as well; once is enough: testing returns `x`."""
    return _dropout(_inverted, lambda x, p: x * p)(reference)


@dropout_forward.misconception
def multiplied_by_p(reference):
    """What is kept is multiplied by p; divide by p, so that the mean stays what it was."""
    return _dropout(lambda x, mask, p: x * mask * p)(reference)


@dropout_forward.misconception
def dropped_at_test_time(reference):
    """Entries are dropped at test time too; in test mode return `x` as it is."""

    def dropout_forward(x, dropout_param):
        if "seed" in dropout_param:
            np.random.seed(dropout_param["seed"])
        p = dropout_param["p"]
        return x * _draw(x, p) / p, None

    return {"dropout_forward": dropout_forward}


@dropout_forward.misconception
def nothing_dropped(reference):
    """Nothing is dropped in training: draw a random number for each entry, keep the entries whose number is below p, and divide
    them by p."""
    return {"dropout_forward": lambda x, dropout_param: (x, None)}


@dropout_forward.misconception
def modes_exchanged(reference):
    """The modes are exchanged: it is in training that entries must be dropped, and in test mode that `x` comes back as it is."""

    def dropout_forward(x, dropout_param):
        other = "test" if dropout_param["mode"] == "train" else "train"
        return reference.dropout_forward(x, {**dropout_param, "mode": other})

    return {"dropout_forward": dropout_forward}


@dropout_forward.misconception
def one_mask_for_all_examples(reference):
    """All examples of the batch lose the same entries; draw the mask in the shape of `x`, one number for each entry."""
    return _dropout(_inverted, draw=lambda x, p: _draw(x[:1], p) * np.ones_like(x))(reference)


@dropout_forward.misconception
def same_mask_for_ever(reference):
    """The same mask comes every time, even without a seed: call `np.random.seed` only where `dropout_param` holds a seed."""

    def draw(x, p):
        np.random.seed(0)
        return _draw(x, p)

    return _dropout(_inverted, draw=draw)(reference)


@dropout_forward.misconception
def seed_ignored(reference):
    """The seed is not used: where `dropout_param` holds "seed", two calls must draw the same mask."""

    def dropout_forward(x, dropout_param):
        p = dropout_param["p"]
        return (x, None) if dropout_param["mode"] == "test" else (x * _draw(x, p) / p, None)

    return {"dropout_forward": dropout_forward}


@dropout_forward.misconception
def seed_of_zero_ignored(reference):
    """A seed of 0 is not used, for `if seed:` takes 0 for no seed: ask `if seed is not None`."""

    def dropout_forward(x, dropout_param):
        return reference.dropout_forward(x, dropout_param | {"seed": dropout_param.get("seed") or None})

    return {"dropout_forward": dropout_forward}


@dropout_forward.misconception
def half_kept_whatever_p_is(reference):
    """The mask does not have the right share of ones: it is 1 with probability p, so compare numbers between 0 and 1, as
    `np.random.rand` draws them, with `p`."""
    return _dropout(_inverted, draw=lambda x, p: np.random.randint(0, 2, x.shape).astype(bool))(reference)


@dropout_forward.misconception
def dropped_in_place(reference):
    """The values are right, but `x` itself was changed: write `x * mask`, which makes a new array, not `x *= mask`."""

    def train(x, mask, p):
        x *= mask / p
        return x

    return _dropout(train)(reference)


@dropout_backward.correct_variant
def times_the_mask(reference):
    return _dropout(_inverted)(reference)


@dropout_backward.correct_variant
def scale_inside_the_mask(reference):
    return _dropout(
        lambda x, mask, p: x * mask, draw=lambda x, p: _draw(x, p) / p, back=lambda dout, mask, p: dout * mask
    )(reference)


@dropout_backward.correct_variant
def copied_and_cleared(reference):
    def back(dout, mask, p):
        dx = dout / p
        dx[mask == 0] = 0
        return dx

    return _dropout(_inverted, back=back)(reference)


@dropout_backward.correct_variant
def where_the_mask_is(reference):
    return _dropout(_inverted, back=lambda dout, mask, p: np.where(mask, dout / p, 0.0).astype(np.float32))(reference)


@dropout_backward.misconception
def another_mask(reference):
    """A new mask is drawn on the way back; the gradient must pass exactly where the numbers passed, so keep the mask in
    the cache."""

    def back(dout, mask, p):
        return dout * _draw(dout, p) / p

    return _dropout(_inverted, back=back)(reference)


@dropout_backward.misconception
def back_not_scaled(reference):
    """The gradient is not divided by p: the forward pass multiplied by `mask / p`, so the backward pass does too."""
    return _dropout(_inverted, back=lambda dout, mask, p: dout * mask)(reference)


@dropout_backward.misconception
def everything_passes(reference):
    """The mask is missing: an entry that was dropped did not reach the loss, so its gradient is 0."""
    return _dropout(_inverted, back=lambda dout, mask, p: dout / p)(reference)


@dropout_backward.misconception
def back_unchanged(reference):
    """`dout` comes back as it is; in training mode multiply it by the same mask and scale as in the forward pass."""
    return _dropout(_inverted, back=lambda dout, mask, p: dout)(reference)


@dropout_backward.misconception
def back_scaled_twice(reference):
    """The gradient is divided by p twice: the mask in the cache holds the scale already."""
    return _dropout(_inverted, back=lambda dout, mask, p: dout * mask / p / p)(reference)


@dropout_backward.misconception
def back_through_the_others(reference):
    """The gradient passes where entries were dropped and stops where they were kept: the mask is the wrong way round."""
    return _dropout(_inverted, back=lambda dout, mask, p: dout * (1 - mask) / p)(reference)


@dropout_backward.misconception
def scaled_back_at_test_time(reference):
    """In test mode the gradient is multiplied by p; nothing was dropped or scaled there, so `dx` is `dout`."""
    return _dropout(_inverted, back_test=lambda dout, p: dout * p)(reference)


@dropout_backward.misconception
def zero_gradient_at_test_time(reference):
    """In test mode the gradient is zero; `out` was `x` there, so `dx` is `dout`."""
    return _dropout(_inverted, back_test=lambda dout, p: 0 * dout)(reference)


@dropout_backward.misconception
def upstream_dropped_in_place(reference):
    """The values are right, but `dout` itself was changed: write `dout * mask`, not `dout *= mask`."""

    def back(dout, mask, p):
        right = dout * mask / p
        dout *= 0.5
        return right

    return _dropout(_inverted, back=back)(reference)


# --------------------------------------------------------------------------- FullyConnectedNet


def network_inputs(rng):
    """Every normalisation, with and without dropout and regularisation; images and rows; a batch of one."""
    for label, n, shape, hidden, c, normalization, keep, reg in [
        ("no normalisation", 6, (2, 3, 2), [9, 6], 4, "", 1.0, 0.35),
        ("batch normalisation", 9, (11,), [7, 8, 5], 3, "batchnorm", 1.0, 0.2),
        ("batch normalisation, one hidden layer", 5, (3, 3), [8], 6, "batchnorm", 1.0, 0.0),
        ("layer normalisation, a batch of one", 1, (10,), [6, 7], 5, "layernorm", 1.0, 0.15),
        ("layer normalisation", 4, (2, 4), [5], 3, "layernorm", 1.0, 0.25),
        ("dropout", 7, (13,), [12, 9], 4, "", 0.8, 0.1),
        ("dropout and batch normalisation", 8, (2, 5), [14], 5, "batchnorm", 0.7, 0.3),
    ]:
        dims = [int(np.prod(shape)), *hidden, c]
        params = {}
        for i, (d, h) in enumerate(pairwise(dims), start=1):
            params |= {f"W{i}": rng.normal(0, 1.5 * d**-0.5, (d, h)), f"b{i}": rng.normal(0.3, 0.5, h)}
            if normalization and i <= len(hidden):
                params |= {f"gamma{i}": rng.uniform(0.5, 2, h), f"beta{i}": rng.normal(0.2, 0.5, h)}
        inputs = {
            "X": rng.normal(0.5, 1, (n, *shape)),
            "y": rng.integers(0, c, n),
            "X_test": rng.normal(0.2, 1.5, (3, *shape)),
            "hidden": np.array(hidden),
            "params": params,
            "normalization": normalization,
            "keep": keep,
            "reg": reg,
            "weight_scale": float(rng.uniform(0.02, 0.2)),
            "seed": int(rng.integers(1, 10_000)),
        }
        yield Case(label, inputs, {"N": n, "C": c})


@question(
    points={
        "shapes": 0.5,
        "start": 0.25,
        "dtype": 0.25,
        "W_scale": 1,
        "scores": 4,
        "loss": 3,
        "dW": 3,
        "db": 1,
        "dscale": 1,
        "dropout": 1.5,
        "gradient_fits_loss": 0.5,
        "inputs": 1,
    },
    draw=network_inputs,
)
def FullyConnectedNet(student, X, y, X_test, hidden, params, normalization, keep, reg, weight_scale, seed):
    def build(hidden_dims, d, c, kind=normalization or None, dtype=np.float64):
        np.random.seed(seed)
        return student.FullyConnectedNet(
            [int(h) for h in hidden_dims],
            input_dim=d,
            num_classes=c,
            dropout_keep_ratio=keep if keep < 1 else 1,
            normalization=kind,
            reg=reg,
            weight_scale=weight_scale,
            dtype=dtype,
            seed=seed if keep < 1 else None,
        )

    names = sorted(params)
    vectors = [name for name in names if name[0] != "W"]
    d, c = X[0].size, params[f"b{len(hidden) + 1}"].size

    def filled(shift=0.0, direction=None):
        net = build(hidden, d, c)
        for name in names:
            value = params[name] + (shift * direction[name].reshape(params[name].shape) if direction else 0.0)
            net.params[name] = value.reshape(np.shape(net.params[name]))
        np.random.seed(seed)
        return net

    net, large = build(hidden, d, c), build([90, 80], 100, 70)
    single = build([5], 6, 4, dtype=np.float32).params
    seen = {
        "shapes": np.concatenate(
            [np.shape(net.params[n]) if n[0] == "W" else [np.size(net.params[n])] for n in names]
        ).astype(float),
        "start": np.concatenate([np.ravel(net.params[n]) for n in vectors]).astype(float),
        "dtype": np.array(
            [
                single[n].dtype == np.float32
                for n in ("W1", "b1", "W2", "b2", "gamma1", "beta1")[: 6 if normalization else 4]
            ]
        ),
        "W_scale": np.array([abs(np.std(large.params[n]) / weight_scale - 1) < 0.06 for n in ("W1", "W2", "W3")]),
    }
    net = filled()
    net.loss(2 * X + 1, y)  # a first training step, for the running averages
    loss, grads = net.loss(X, y)
    each = set(net.params) <= set(grads)  # a solver asks for the gradient of every parameter
    grads = {name: np.array(grads[name]) for name in names}
    scores = np.concatenate([net.loss(X_test), net.loss(X_test[:1])])
    flat = {kind: [] for kind in ("W", "b", "scale")}
    if keep == 1:
        masks, slope = np.ones(6), 1.0
        kinds = {"W": "W", "b": "b", "gamma": "scale", "beta": "scale"}
        for name in names:
            flat[kinds[name.rstrip("123456789")]].append(np.ravel(grads[name]))
    else:
        # What was drawn is the student's affair. The loss must still move as its own gradient says ...
        first = filled().loss(X, y)[1]
        length = np.sqrt(sum((np.array(g) ** 2).sum() for g in first.values()))
        direction = {name: np.array(first[name]) / length for name in names}
        ends = [filled(step, direction).loss(X, y)[0] for step in (1e-7, -1e-7)]
        slope = (float(np.ravel(ends[0])[0]) - float(np.ravel(ends[1])[0])) / 2e-7 / length
        # ... and with one example, the gradients of the weights show which units were kept, and how they were scaled.
        wide = build([600, 500], 6, 4, kind=None)
        for i, (fan_in, b) in enumerate([(6, 1.0), (600, 1.0), (500, 0.0)], start=1):  # no dead unit, no sure answer
            wide.params[f"W{i}"] = np.abs(wide.params[f"W{i}"]) / (fan_in * weight_scale)
            wide.params[f"b{i}"] = wide.params[f"b{i}"] + b
        one, p = np.full((1, 6), 0.5), wide.params
        more = wide.loss(one, np.array([1]))[1]
        h, masks = one, []
        for i in (1, 2):
            h = np.maximum(0, h @ p[f"W{i}"] + np.ravel(p[f"b{i}"]))
            db = np.ravel(more[f"b{i + 1}"])
            j = int(np.abs(db).argmax())
            mask = (np.array(more[f"W{i + 1}"])[:, j] - reg * p[f"W{i + 1}"][:, j]) / (h[0] * db[j])
            kept = np.abs(mask) > 1e-6
            six = 6 * np.sqrt(keep * (1 - keep) / mask.size)
            scales = np.round([mask[kept].min(initial=1e9), mask[kept].max(initial=-1e9)], 3)
            masks += [bool(abs(kept.mean() - keep) <= six), *scales]
            h = h * mask
        masks, loss = np.array(masks, dtype=float), 0.0
    return seen | {
        "scores": scores,
        "loss": loss,
        **{f"d{kind}": np.concatenate(parts) if parts else np.zeros(1) for kind, parts in flat.items()},
        "dropout": masks,
        "gradient_fits_loss": bool(abs(slope - 1) < 1e-5) and each,
    }


class _Net:
    """A network written in one piece, every step of which can be replaced."""

    order = "norm relu dropout"

    def __init__(
        self,
        hidden_dims,
        input_dim=3072,
        num_classes=10,
        dropout_keep_ratio=1,
        normalization=None,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        seed=None,
    ):
        self.kind, self.keep, self.reg, self.seed = normalization, dropout_keep_ratio, reg, seed
        self.L = len(hidden_dims) + 1
        self.means, self.variances = {}, {}
        dims, rng = [input_dim, *hidden_dims, num_classes], np.random if seed is None else np.random.RandomState(seed)
        self.params = {}
        for i in range(1, self.L + 1):
            self.params[f"W{i}"] = (weight_scale * rng.randn(dims[i - 1], dims[i])).astype(dtype)
            self.params[f"b{i}"] = np.zeros(dims[i], dtype)
            if normalization and i < self.L:
                self.params[f"gamma{i}"], self.params[f"beta{i}"] = np.ones(dims[i], dtype), np.zeros(dims[i], dtype)
        self.built(weight_scale)

    def built(self, weight_scale):
        pass

    def penalty(self, name):
        """Give the weight of half the squares of a parameter, in the loss and in the gradient."""
        return (self.reg, self.reg) if name[0] == "W" else (0.0, 0.0)

    def norm(self, i, a, train):
        axis = 0 if self.kind == "batchnorm" else 1
        mean, var = a.mean(axis, keepdims=True), a.var(axis, keepdims=True)
        if axis == 0 and train:
            self.means[i] = 0.9 * self.means.get(i, 0.0) + 0.1 * mean
            self.variances[i] = 0.9 * self.variances.get(i, 0.0) + 0.1 * var
        elif axis == 0:
            mean, var = self.means[i], self.variances[i]
        std = np.sqrt(var + 1e-5)
        xhat = (a - mean) / std

        def back(grads, dout):
            grads[f"gamma{i}"], grads[f"beta{i}"] = (dout * xhat).sum(0), dout.sum(0)
            d = dout * np.ravel(self.params[f"gamma{i}"])
            return (d - d.mean(axis, keepdims=True) - xhat * (d * xhat).mean(axis, keepdims=True)) / std

        return np.ravel(self.params[f"gamma{i}"]) * xhat + np.ravel(self.params[f"beta{i}"]), back

    def relu(self, i, a, train):
        return np.maximum(0, a), lambda grads, dout: dout * (a > 0)

    def dropout(self, i, a, train):
        if not train or self.keep == 1:
            return a, lambda grads, dout: dout
        mask = (self.rng.rand(*a.shape) < self.keep) / self.keep
        return a * mask, lambda grads, dout: dout * mask

    def affine(self, i, a, train):
        W, b = self.params[f"W{i}"], self.params[f"b{i}"]

        def back(grads, dout):
            grads[f"W{i}"], grads[f"b{i}"] = a.T @ dout, dout.sum(0)
            return dout @ W.T

        return a @ W + np.ravel(b), back

    def start_masks(self):
        self.rng = np.random if self.seed is None else np.random.RandomState(self.seed)

    def forward(self, X, train):
        self.start_masks()
        h, backs = X.reshape(len(X), -1), []
        for i in range(1, self.L):
            for step in ["affine", *self.order.split()]:
                if step != "norm" or self.kind:
                    h, back = getattr(self, step)(i, h, train)
                    backs.append(back)
        scores, back = self.affine(self.L, h, train)
        return scores, [*backs, back]

    def loss(self, X, y=None):
        scores, backs = self.forward(X, y is not None)
        if y is None:
            return scores
        prob, t = _softmax(scores), np.arange(scores.shape[1]) == y[:, None]
        loss, grads, d = -np.log(prob[t]).mean(), {}, (prob - t) / len(y)
        for back in reversed(backs):
            d = back(grads, d)
        for name, value in self.params.items():
            in_loss, in_gradient = self.penalty(name)
            loss = loss + 0.5 * in_loss * (value**2).sum()
            grads[name] = grads[name].reshape(value.shape) + in_gradient * value
        return loss, grads


def _softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _net(**changes):
    """Make a variant of the network with some of its methods or settings replaced."""
    return lambda reference: {"FullyConnectedNet": type("FullyConnectedNet", (_Net,), changes)}


@FullyConnectedNet.correct_variant
def written_in_one_piece(reference):
    return _net()(reference)


@FullyConnectedNet.correct_variant
def dropout_before_relu(reference):
    return _net(order="norm dropout relu")(reference)


@FullyConnectedNet.correct_variant
def vectors_as_rows(reference):
    def built(self, weight_scale):
        for name, value in self.params.items():
            self.params[name] = value if name[0] == "W" else value[None]

    return _net(built=built)(reference)


@FullyConnectedNet.correct_variant
def gradients_in_single_precision(reference):
    class Changed(reference.FullyConnectedNet):
        def loss(self, X, y=None):
            if y is None:
                return super().loss(X)
            loss, grads = super().loss(X, y)
            return loss, grads if self.single else {k: v.astype(np.float32) for k, v in grads.items()}

        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            self.single = settings.get("dropout_keep_ratio", 1) != 1

    return {"FullyConnectedNet": Changed}


@FullyConnectedNet.correct_variant
def one_generator_for_all_steps(reference):
    def start_masks(self):
        if not hasattr(self, "rng"):
            _Net.start_masks(self)

    return _net(start_masks=start_masks)(reference)


@FullyConnectedNet.misconception
def batch_statistics_when_testing(reference):
    """Without labels the network is being tested, but batch normalisation still runs in training mode: set its mode to "test"
    whenever `y` is None."""
    return {
        "batchnorm_forward": lambda x, gamma, beta, param: reference.batchnorm_forward(
            x, gamma, beta, {**param, "mode": "train"}
        )
    }


@FullyConnectedNet.misconception
def averages_lost_between_calls(reference):
    """The running averages are lost: keep one dictionary for each normalised layer in the network, made in `__init__`, not a new
    one in every call of `loss`."""

    def norm(self, i, a, train):
        if not train:
            self.means[i], self.variances[i] = np.zeros(a.shape[1]), np.zeros(a.shape[1])
        return _Net.norm(self, i, a, train)

    return _net(norm=norm)(reference)


@FullyConnectedNet.misconception
def dropout_when_testing(reference):
    """Without labels the network is being tested, but units are still dropped: set dropout's mode to "test" where `y` is None."""
    return {"dropout_forward": lambda x, param: reference.dropout_forward(x, {**param, "mode": "train"})}


@FullyConnectedNet.misconception
def always_in_training_mode(reference):
    """The network never tests: without labels, batch normalisation and dropout must both run in test mode; here neither does."""
    return {
        "batchnorm_forward": lambda x, gamma, beta, param: reference.batchnorm_forward(
            x, gamma, beta, {**param, "mode": "train"}
        ),
        "dropout_forward": lambda x, param: reference.dropout_forward(x, {**param, "mode": "train"}),
    }


@FullyConnectedNet.misconception
def dropout_not_inverted(reference):
    """What dropout keeps is scaled at test time instead of in training; divide by the keep ratio in training and leave testing
    alone."""

    def dropout(self, i, a, train):
        if not train:
            return self.keep * a, None
        mask = self.rng.rand(*a.shape) < self.keep
        return a * mask, lambda grads, dout: dout * mask

    return _net(dropout=dropout)(reference)


@FullyConnectedNet.misconception
def dropout_keeps_the_share_to_drop(reference):
    """Keep and drop are exchanged: `dropout_keep_ratio` is the probability to keep a unit."""

    def dropout(self, i, a, train):
        if not train or self.keep == 1:
            return a, lambda grads, dout: dout
        mask = (self.rng.rand(*a.shape) >= self.keep) / (1 - self.keep)
        return a * mask, lambda grads, dout: dout * mask

    return _net(dropout=dropout)(reference)


@FullyConnectedNet.misconception
def dropout_left_out(reference):
    """No unit is dropped in training: where `dropout_keep_ratio` is below 1, put dropout after each ReLU."""
    return _net(dropout=lambda self, i, a, train: (a, lambda grads, dout: dout))(reference)


@FullyConnectedNet.misconception
def dropout_left_out_of_the_backward(reference):
    """Units are dropped on the way forward, but the way back does not pass through dropout: call `dropout_backward` before
    `relu_backward`."""

    def dropout(self, i, a, train):
        return _Net.dropout(self, i, a, train)[0], lambda grads, dout: dout

    return _net(dropout=dropout)(reference)


@FullyConnectedNet.misconception
def normalised_after_relu(reference):
    """The normalisation comes after the ReLU; the order asked for is affine, normalisation, ReLU, dropout."""
    return _net(order="relu norm dropout")(reference)


@FullyConnectedNet.misconception
def normalisation_left_out(reference):
    """Nothing is normalised: where `normalization` is given, call its forward function between the affine layer and the ReLU."""

    def norm(self, i, a, train):
        def back(grads, dout):
            grads[f"gamma{i}"], grads[f"beta{i}"] = np.zeros(a.shape[1]), np.zeros(a.shape[1])
            return dout

        return a, back

    return _net(norm=norm)(reference)


@FullyConnectedNet.misconception
def relu_on_the_scores(reference):
    """There is a ReLU after the last layer: scores may be negative, so the last layer is affine and nothing more."""

    def forward(self, X, train):
        scores, backs = _Net.forward(self, X, train)
        return np.maximum(0, scores), [*backs, lambda grads, dout: dout * (scores > 0)]

    return _net(forward=forward)(reference)


@FullyConnectedNet.misconception
def relu_left_out(reference):
    """The ReLU between the layers is missing: affine layers in a row are just one affine layer."""
    return _net(relu=lambda self, i, a, train: (a, lambda grads, dout: dout))(reference)


@FullyConnectedNet.misconception
def scale_and_shift_regularised(reference):
    """`gamma` and `beta` are regularised too; only the weights `W` are, in the loss and in the gradients."""
    return _net(penalty=lambda self, name: (self.reg, self.reg) if name[0] in "Wg" or "beta" in name else (0.0, 0.0))(
        reference
    )


@FullyConnectedNet.misconception
def biases_regularised(reference):
    """The biases are regularised too; only the weights `W` are, in the loss and in the gradients."""
    return _net(
        penalty=lambda self, name: (self.reg, self.reg) if name[:1] == "W" or name[1:].isdigit() else (0.0, 0.0)
    )(reference)


@FullyConnectedNet.misconception
def half_missing_in_the_loss(reference):
    """The regularisation in the loss is twice what is asked: it is `0.5 * reg * sum(W**2)`, with the 0.5."""
    return _net(penalty=lambda self, name: (2 * self.reg, self.reg) if name[0] == "W" else (0.0, 0.0))(reference)


@FullyConnectedNet.misconception
def gradient_without_the_half(reference):
    """The weight gradients have `2 * reg * W`; with 0.5 in the loss the derivative is `reg * W`."""
    return _net(penalty=lambda self, name: (self.reg, 2 * self.reg) if name[0] == "W" else (0.0, 0.0))(reference)


@FullyConnectedNet.misconception
def regularisation_left_out_of_the_gradients(reference):
    """The weight gradients lack `reg * W`, the derivative of the regularisation."""
    return _net(penalty=lambda self, name: (self.reg, 0.0) if name[0] == "W" else (0.0, 0.0))(reference)


@FullyConnectedNet.misconception
def regularisation_left_out_of_the_loss(reference):
    """The loss lacks its regularisation, `0.5 * reg * sum(W**2)` for every weight matrix."""
    return _net(penalty=lambda self, name: (0.0, self.reg) if name[0] == "W" else (0.0, 0.0))(reference)


@FullyConnectedNet.misconception
def only_the_first_weights_regularised(reference):
    """Only `W1` is regularised; every weight matrix belongs in the loss and in its own gradient."""
    return _net(penalty=lambda self, name: (self.reg, self.reg) if name == "W1" else (0.0, 0.0))(reference)


@FullyConnectedNet.misconception
def weight_scale_ignored(reference):
    """The weights are standard normal: multiply them by `weight_scale`."""

    def built(self, weight_scale):
        for name in self.params:
            if name[0] == "W":
                self.params[name] = self.params[name] / self.params[name].dtype.type(weight_scale)

    return _net(built=built)(reference)


@FullyConnectedNet.misconception
def last_layer_has_scale_and_shift(reference):
    """The last layer has `gamma` and `beta` too, which nothing uses and which get no gradient: only hidden layers are
    normalised, 1 to L - 1."""

    def built(self, weight_scale):
        if self.kind:
            for name, value in (("gamma", 1.0), ("beta", 0.0)):
                last = self.params[f"b{self.L}"]
                self.params[f"{name}{self.L}"] = np.full(last.shape, value, last.dtype)

    class Scaled(_Net):
        def loss(self, X, y=None):
            spare = {name: self.params.pop(name) for name in (f"gamma{self.L}", f"beta{self.L}") if name in self.params}
            try:
                return super().loss(X, y)
            finally:
                self.params |= spare

    Scaled.built = built
    return {"FullyConnectedNet": Scaled}


@FullyConnectedNet.misconception
def gamma_starts_at_zero(reference):
    """`gamma` starts at zero, which makes every layer's output the same for all examples; it starts at one."""

    def built(self, weight_scale):
        for name in self.params:
            if name.startswith("gamma"):
                self.params[name] = np.zeros_like(self.params[name])

    return _net(built=built)(reference)


@FullyConnectedNet.misconception
def dtype_ignored(reference):
    """The parameters are float64 whatever `dtype` says: convert them with `.astype(dtype)`, or training takes twice the time."""

    def built(self, weight_scale):
        self.params = {name: value.astype(np.float64) for name, value in self.params.items()}

    return _net(built=built)(reference)


# ------------------------------------------------------------------------------------- equivalent mutants

for axes in ("(2, 0, 3)", "(0, 3, 2)"):
    subtract_channel_mean.equivalent(
        f"subtract_channel_mean:1 (0, 2, 3) -> {axes}", "A mean over several axes does not depend on their order."
    )
for other in (
    "X_train.std(axis=0) - 1e-08",
    "X_train.std(axis=0) + 1e-08 + 1e-08",
    "X_train.std(axis=0) + 2e-08",
    "X_train.std(axis=0) + 5e-09",
):
    standardize.equivalent(
        f"standardize:1 X_train.std(axis=0) + 1e-08 -> {other}",
        "Any tiny number keeps 0 / 0 away; how large it is, and its sign, is left to the student.",
    )
for was, other in (
    ("centred.T @ centred / len(X_train)", "centred.T @ centred * len(X_train)"),
    ("centred.T @ centred / len(X_train)", "centred.T @ centred"),
    ("centred.T @ centred / len(X_train)", "centred.T @ centred / len(X_train) / len(X_train)"),
    ("len(X_train)", "len(X_train) - 1"),
    ("len(X_train)", "len(X_train) + 1"),
    ("len(X_train)", "X_train.shape[-1]"),
):
    pca.equivalent(
        f"pca:3 {was} -> {other}",
        "A positive factor of the covariance changes neither its eigenvectors nor their order.",
    )
pca.equivalent("pca:4 (:, ::-1) -> (:, 0 - 1::-1)", "A walk backwards begins at the last place, -1, anyway.")
batchnorm_forward.equivalent(
    "batchnorm_forward:1 mode == 'train' -> mode >= 'train'",
    "There are two modes, and 'test' stands before 'train' in the alphabet.",
)
dropout_forward.equivalent(
    "dropout_forward:1 mode == 'test' -> mode <= 'test'",
    "There are two modes, and 'train' stands after 'test' in the alphabet.",
)
dropout_forward.equivalent(
    "dropout_forward:5 (np.random.rand(*x.shape) < p).astype(x.dtype) -> np.random.rand(*x.shape) < p",
    "True / p is 1 / p; only the dtype of single-precision input is lost, and a wider dtype is accepted.",
)
dropout_forward.equivalent(
    "dropout_forward:5 np.random.rand(*x.shape) < p -> np.random.rand(*x.shape) <= p",
    "A random number is exactly p less than once in 10**15 times.",
)
FullyConnectedNet.equivalent(
    "FullyConnectedNet:5 self.norm_params[i - 1] -> self.norm_params[i - 2]",
    "Counted from the last one on, each layer still has a dictionary of its own, always the same one.",
)
FullyConnectedNet.equivalent(
    "FullyConnectedNet:17 return (loss, grads | {name: grads[name] + self.reg * p[name] for name in weights}) -> "
    "return (np.asarray(loss)[..., None], grads | {name: grads[name] + self.reg * p[name] for name in weights})",
    "A loss handed back as an array of one number is accepted and noted.",
)
