"""The gradient checker against closed forms, and against the faults of the widely copied one."""

import numpy as np
import pytest

from cs231n_lite.gradient_check import check_gradient, numerical_gradient, relative_error


def square(x):
    return (x**2).sum()


def relu(x):
    return np.maximum(x, 0)


class TestNumericalGradient:
    @pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (1, 2, 3), (0, 3)])
    def test_any_shape(self, shape):
        x = np.asarray(np.random.default_rng(0).normal(size=shape))
        grad = numerical_gradient(lambda x: (np.sin(x) * x).sum(), x)
        assert grad.shape == shape
        assert grad.dtype == np.float64
        np.testing.assert_allclose(grad, np.cos(x) * x + np.sin(x), rtol=1e-8)

    def test_upstream_weighs_an_array_output(self):
        rng = np.random.default_rng(1)
        x, w, dout = rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
        np.testing.assert_allclose(numerical_gradient(lambda x: x @ w, x, dout), dout @ w.T, rtol=1e-8)
        np.testing.assert_allclose(numerical_gradient(lambda w: x @ w, w, dout), x.T @ dout, rtol=1e-8)
        np.testing.assert_allclose(numerical_gradient(lambda w: x @ w, w, -2.0), -2 * x.T @ np.ones((5, 3)), rtol=1e-8)

    @pytest.mark.parametrize("upstream", [np.ones(3), np.ones((1, 3)), np.ones((5, 1)), np.ones((5, 3, 1))])
    def test_upstream_is_never_broadcast(self, upstream):
        with pytest.raises(ValueError, match=r"shaped like f\(x\), \(5, 3\), got shape .* gradient of the loss"):
            numerical_gradient(lambda x: x, np.ones((5, 3)), upstream)

    @pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float32, np.float16, np.complex128, bool])
    def test_only_float64_is_taken(self, dtype):
        words = (
            rf"^numerical_gradient needs float64, got {np.dtype(dtype)} of shape \(3,\)\. A nudge of 1e-05 is too "
            rf"small for {np.dtype(dtype)}; pass x\.astype\(np\.float64\)\.$"
        )
        with pytest.raises(TypeError, match=words):
            numerical_gradient(square, np.array([1, 2, 3], dtype))

    @pytest.mark.parametrize("x", [[1.0, 2.0], 1.5, None])
    def test_what_is_no_array_is_refused(self, x):
        with pytest.raises(TypeError, match=f"needs a float64 array, got {type(x).__name__}. Pass np.array"):
            numerical_gradient(square, x)

    @pytest.mark.parametrize("h", [0, -1e-5, np.nan, np.inf])
    def test_h_must_be_positive(self, h):
        with pytest.raises(ValueError, match=f"h parameter of numerical_gradient must be a positive number. Got {h} "):
            numerical_gradient(square, np.ones(2), h=h)

    def test_the_widely_copied_checker_fails_here(self):
        """It answers [49999 150000 249999] for a true [2 4 6] on integers; ours refuses, and is right on floats."""
        x = np.array([1, 2, 3])
        with pytest.raises(TypeError, match=r"got int64 of shape \(3,\)"):
            numerical_gradient(square, x.astype(np.int64))
        np.testing.assert_allclose(numerical_gradient(square, x.astype(np.float64)), [2, 4, 6], rtol=1e-9)

    @pytest.mark.parametrize("calls", [1, 2, 3, 7])
    def test_x_is_put_back_when_f_raises(self, calls):
        x = np.array([0.1, 1 / 3, -7.7, 1e9])
        before, count = x.copy(), 0

        def fails(x):
            nonlocal count
            count += 1
            if count == calls:
                raise RuntimeError("enough")
            return x.sum()

        with pytest.raises(RuntimeError, match="enough"):
            numerical_gradient(fails, x)
        assert x.tobytes() == before.tobytes()

    def test_x_is_bitwise_untouched(self):
        x = np.random.default_rng(2).normal(size=(3, 5)) * 10.0 ** np.arange(-2, 3)
        before = x.tobytes()
        numerical_gradient(square, x)
        assert x.tobytes() == before

    @pytest.mark.parametrize(
        "view", [lambda a: a.T, lambda a: a[::2, ::-1], lambda a: a[:, 1:3], lambda a: a[0, ..., None]]
    )
    def test_views_that_are_not_contiguous(self, view):
        whole = np.random.default_rng(3).normal(size=(5, 4))
        before, x = whole.copy(), view(whole)
        np.testing.assert_allclose(numerical_gradient(lambda x: (x**3).sum(), x), 3 * x**2, rtol=1e-8, atol=1e-9)
        assert whole.tobytes() == before.tobytes()

    def test_f_may_reach_x_by_another_road(self):
        params = {"W": np.array([[1.0, -2.0, 0.5]])}
        np.testing.assert_allclose(
            numerical_gradient(lambda _: square(params["W"]), params["W"]), 2 * params["W"], rtol=1e-8
        )

    def test_f_may_give_x_itself_or_a_view_of_it(self):
        x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        np.testing.assert_allclose(numerical_gradient(lambda x: x, x), np.ones((2, 3)), rtol=1e-9)
        np.testing.assert_allclose(numerical_gradient(lambda x: x.T, x, upstream=x.T.copy()), x, rtol=1e-9)

    def test_f_that_writes_to_x_neither_ruins_x_nor_the_estimate(self):
        def careless(x):
            x[x < 0] = 0
            return x

        x = np.array([-1.0, 2.0, -3.0])
        np.testing.assert_allclose(numerical_gradient(careless, x), [0, 1, 0], atol=1e-9)
        assert x.tolist() == [-1, 2, -3]

    def test_large_entries_are_divided_by_the_step_really_made(self):
        np.testing.assert_allclose(numerical_gradient(lambda x: x, np.array([1e6, 3e8])), [1, 1], rtol=1e-12)

    @pytest.mark.parametrize("entry", [1e15, np.inf])
    def test_entries_too_large_for_the_nudge_are_refused(self, entry):
        with pytest.raises(ValueError, match=r"entries that a nudge of 1e-05 moves, got one of size .* larger h"):
            numerical_gradient(square, np.array([1.0, -entry]))

    def test_a_read_only_point_is_refused(self):
        x = np.ones(3)
        x.flags.writeable = False
        with pytest.raises(ValueError, match=r"may nudge, got a read-only one of shape \(3,\). Pass x.copy"):
            numerical_gradient(square, x)

    def test_an_f_without_return_is_refused(self):
        with pytest.raises(TypeError, match=r"an f that gives a number or an array, got None. Is there a return"):
            numerical_gradient(lambda x: None, np.ones(3))


class TestRelativeError:
    def test_known_values(self):
        assert relative_error(1.0, 3.0) == 0.5
        assert relative_error([1.0, -2.0], [1.0, 2.0]) == 1
        assert relative_error([5, 0], [5, 0]) == 0
        assert relative_error(np.zeros((0, 3)), np.zeros((0, 3))) == 0

    def test_both_zero_is_equal_where_the_widely_copied_one_gives_nan(self):
        assert relative_error(np.zeros(3), np.zeros(3)) == 0
        assert relative_error([0.0, 1.0], [0.0, 1.5]) == 0.2
        assert relative_error([0.0], [1e-300]) == 1

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_what_is_not_finite_never_passes_for_equal(self, bad):
        for a, b in [(bad, 1.0), (1.0, bad), (bad, bad), (bad, 0.0)]:
            assert np.isnan(relative_error([0.5, a], [0.5, b]))

    def test_unsigned_integers_do_not_wrap_and_large_floats_do_not_overflow(self):
        assert relative_error(np.array([1], np.uint8), np.array([3], np.uint8)) == 0.5
        assert relative_error(1.5e308, 0.5e308) == pytest.approx(0.5)

    @pytest.mark.parametrize("shape", [(1, 3), (3, 1), (), (1,), (0,)])
    def test_shapes_are_never_broadcast(self, shape):
        with pytest.raises(ValueError, match=r"two arrays of one shape, got \(3,\) and .* Reshape one of them"):
            relative_error(np.ones(3), np.ones(shape))


class TestCheckGradient:
    def softmax_loss(self, scores, y):
        shifted = scores - scores.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        dx = np.exp(log_p)
        dx[np.arange(len(y)), y] -= 1
        return -log_p[np.arange(len(y)), y].mean(), dx / len(y)

    def test_right_gradients_pass_and_give_nothing(self):
        x, y = np.random.default_rng(0).normal(size=(5, 3)), np.array([0, 2, 1, 1, 2])
        loss, dx = self.softmax_loss(x, y)
        assert loss > 0
        assert check_gradient(lambda x: self.softmax_loss(x, y)[0], x, dx) is None
        assert (
            check_gradient(lambda x: self.softmax_loss(x[None], y[:1])[0], x[0], self.softmax_loss(x[:1], y[:1])[1])
            is None
        )

    def test_the_cause_is_named(self):
        x, y = np.random.default_rng(0).normal(size=(5, 3)), np.array([0, 2, 1, 1, 2])
        dx = self.softmax_loss(x, y)[1]
        words = (
            r"^softmax_loss, dx: 15 of 15 entries differ from the numerical gradient \(rtol 1e-06\); worst at .* "
            r"and 0\.2 = 1/N for this batch of 5: averaged over the batch once too often\.$"
        )
        with pytest.raises(AssertionError, match=words):
            check_gradient(lambda x: self.softmax_loss(x, y)[0], x, dx / 5, name="softmax_loss, dx", sizes={"N": 5})

    def test_upstream_is_used(self):
        rng = np.random.default_rng(1)
        x, w, dout = rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
        check_gradient(lambda b: x @ w + b, rng.normal(size=3), dout.sum(axis=0), upstream=dout)
        with pytest.raises(AssertionError, match=r"has shape \(5, 3\) where .* \(3,\) .* the sum is missing"):
            check_gradient(lambda b: x @ w + b, rng.normal(size=3), dout, upstream=dout)

    def test_one_wrong_entry_is_found(self):
        x = np.random.default_rng(2).normal(size=(4, 5))
        grad = 2 * x
        grad[3, 1] *= 1.0001
        with pytest.raises(AssertionError, match=r"1 of 20 entries differ from the numerical gradient .* at \[3, 1\]"):
            check_gradient(square, x, grad)

    @pytest.mark.parametrize(
        ("grad", "words"),
        [
            (None, "is None where an array of shape .* return statement"),
            ([2.0, 4.0, 6.5], "is a list"),
            (np.array([2.0, 4.0]), r"has shape \(2,\)"),
            (np.array([2.0, np.nan, 6.0]), "1 of 3 entries are nan"),
            (np.array([2, 4, 6]), "cut to integers"),
            (np.zeros(3), "still the initial zeros"),
        ],
    )
    def test_what_is_no_gradient_is_told(self, grad, words):
        with pytest.raises(AssertionError, match=f"^gradient: .*{words}"):
            check_gradient(square, np.array([1.2, 2.3, 3.4]), grad)

    def test_a_leading_axis_of_one_is_forgiven(self):
        assert check_gradient(square, np.array([1.2, 2.3]), np.array([[2.4, 4.6]])) is None
        with pytest.raises(AssertionError, match=r"1 of 2 entries differ .* at \[1\]: yours 4\.5, expected 4\.6"):
            check_gradient(square, np.array([1.2, 2.3]), np.array([[2.4, 4.5]]))

    def test_a_function_that_is_not_finite_is_told_apart_from_a_wrong_gradient(self):
        with (
            np.errstate(invalid="ignore"),
            pytest.raises(
                AssertionError, match=r"finite function is asked, got .* 2 of 2 entries .* forward pass first"
            ),
        ):
            check_gradient(np.sqrt, np.array([-1.0, 4.0]), np.array([0.0, 0.25]))

    def test_f_changing_its_argument_is_told_and_undone(self):
        def relu_in_place(x):
            x[x < 0] = 0
            return x

        x = np.array([-1.0, 2.0, -3.0])
        with pytest.raises(AssertionError, match=r"^relu: changes its argument x in place \(2 of 3 .* Work on a copy"):
            check_gradient(relu_in_place, x, np.array([0.0, 1.0, 0.0]), name="relu")
        assert x.tolist() == [-1, 2, -3]

    def test_x_is_put_back_when_f_raises_at_x_itself(self):
        x = np.array([1.5, -2.0])

        def fails_at_x(x):
            if x.tolist() == [1.5, -2.0]:
                x[0] = 9
                raise RuntimeError("here")
            return x

        with pytest.raises(RuntimeError, match="here"):
            check_gradient(fails_at_x, x, np.ones(2))
        assert x.tolist() == [1.5, -2]

    @pytest.mark.parametrize("at_zero", [0.0, 1.0, 0.5])
    def test_any_choice_at_the_kink_of_relu_passes(self, at_zero):
        check_gradient(relu, np.array([-1.5, 0.0, 2.0]), np.array([0.0, at_zero, 1.0]))
        check_gradient(relu, np.array(0.0), np.array(at_zero))

    @pytest.mark.parametrize("offset", [3e-6, -3e-6, 9e-6, -2e-7])
    def test_a_kink_within_reach_of_the_nudge_passes(self, offset):
        x = np.array([-1.5, offset, 2.0])
        check_gradient(relu, x, (x > 0).astype(float))

    def test_a_kink_excuses_no_more_than_it_explains(self):
        with pytest.raises(AssertionError, match=r"1 of 3 entries differ from the numerical gradient .* at \[1\]"):
            check_gradient(relu, np.array([-1.5, 0.0, 2.0]), np.array([0.0, 5.0, 1.0]))

    def test_kinks_are_named_beside_what_is_wrong(self):
        words = (
            r"1 of 4 entries differ .* at \[3\]: yours 2, expected 1\. Not counted: 2 of 4 entries at a likely kink, "
            r"where the slopes to the left and right differ\.$"
        )
        with pytest.raises(AssertionError, match=words):
            check_gradient(relu, np.array([-1.5, 0.0, 0.0, 2.0]), np.array([0.0, 1.0, 0.0, 2.0]))

    def test_a_cause_is_named_beside_kinks(self):
        x = np.array([-1.5, 0.0, 2.0, 0.7, 1.1])
        words = r"differ .* Every entry is 3 times the expected one\. Not counted: 1 of 5 entries at a likely kink"
        with pytest.raises(AssertionError, match=words):
            check_gradient(lambda x: relu(x) ** 2 / 2 + relu(x), x, 3 * (x + 1) * (x > 0) + 1.0 * (x == 0))

    def test_ties_in_a_maximum_are_kinks_too(self):
        x, scale = np.array([[1.0, 1.0, 0.5], [2.0, -1.0, 0.0]]), np.array([2.0, 3.0])

        def pooled(x):
            return (x.max(axis=1) * scale).sum()

        check_gradient(pooled, x, np.array([[0.0, 2.0, 0.0], [3.0, 0.0, 0.0]]))
        with pytest.raises(AssertionError, match=r"worst at \[1, 0\]: .* Not counted: 2 of 6 entries at a likely kink"):
            check_gradient(pooled, x, np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]]))

    @pytest.mark.parametrize("curvature", [1.0, 1e3, 1e5])
    def test_a_smooth_bend_is_no_kink(self, curvature):
        def bowl(x):
            return (curvature * x**2).sum()

        x = np.array([0.0, 1e-6, 1e-3])
        check_gradient(bowl, x, 2 * curvature * x)
        with pytest.raises(AssertionError, match=r"1 of 3 entries differ"):
            check_gradient(bowl, x, 2 * curvature * x + curvature * np.array([5e-6, 0, 0]))

    def test_rounding_noise_of_the_estimate_is_no_fault(self):
        x = np.array([1e-7, 3e-7])

        def offset(x):
            return 1e4 + (np.array([2e-4, -1e-5]) * x).sum()

        check_gradient(offset, x, np.array([2e-4, -1e-5]))
        with pytest.raises(AssertionError, match=r"2 of 2 entries differ from the numerical gradient"):
            check_gradient(offset, x, np.array([2e-4, -1e-5]) + 1e-3)

    def test_a_dead_gradient_of_zero_passes(self):
        check_gradient(lambda x: relu(x - 10), np.array([[1.0, 2.0, 3.0]]), np.zeros((1, 3)))

    def test_a_two_layer_net_at_zero_biases_and_every_parameter(self):
        rng = np.random.default_rng(5)
        x, y, n = rng.normal(size=(5, 4)), np.array([0, 2, 1, 1, 2]), 5
        x[2] = 0  # with zero biases, this example sits on every kink
        params = {
            "w1": rng.normal(size=(4, 6)),
            "b1": np.zeros(6),
            "w2": rng.normal(size=(6, 3)),
            "b2": rng.normal(size=3),
        }

        def loss(_):
            hidden = relu(x @ params["w1"] + params["b1"])
            return self.softmax_loss(hidden @ params["w2"] + params["b2"], y)[0]

        pre = x @ params["w1"] + params["b1"]
        dscores = self.softmax_loss(relu(pre) @ params["w2"] + params["b2"], y)[1]
        dpre = (dscores @ params["w2"].T) * (pre > 0)
        grads = {"w2": relu(pre).T @ dscores, "b2": dscores.sum(0), "w1": x.T @ dpre, "b1": dpre.sum(0)}
        for key, grad in grads.items():
            check_gradient(loss, params[key], grad, name=key)
        with pytest.raises(AssertionError, match=r"^w1: .* and 5 = N for this batch of 5: a sum over the batch"):
            check_gradient(loss, params["w1"], grads["w1"] * n, name="w1", sizes={"N": n})
