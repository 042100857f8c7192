"""The gradient of a whole model along random directions: what it costs, what it finds, where, and what it does not blame."""

from statistics import NormalDist

import numpy as np
import pytest

from cs231n_lite.directions import CHANCE, DIRECTIONS, Point, descend, look_along
from cs231n_lite.model_gradient import check_gradients, inspect_gradients

N, D, H, C, REG = 10, 40, 30, 5, 0.3


class Net:
    """Affine, ReLU, affine, softmax with a penalty; its gradients are right."""

    def __init__(self, seed=0, n=N, d=D, h=H, c=C, reg=REG):
        rng = np.random.default_rng(seed)
        self.X, self.y, self.reg = rng.normal(size=(n, d)), rng.integers(0, c, n), reg
        self.params = {
            "W1": rng.normal(0, d**-0.5, (d, h)),
            "b1": rng.normal(0, 0.1, h),
            "W2": rng.normal(0, h**-0.5, (h, c)),
            "b2": rng.normal(0, 0.1, c),
        }
        self.calls = 0

    def forward(self):
        a = self.X @ self.params["W1"] + self.params["b1"]
        scores = np.maximum(a, 0) @ self.params["W2"] + self.params["b2"]
        shifted = scores - scores.max(axis=1, keepdims=True)
        return a, shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def loss(self, _=None):
        self.calls += 1
        data = -self.forward()[1][np.arange(len(self.y)), self.y].mean()
        return data + 0.5 * self.reg * sum((self.params[k] ** 2).sum() for k in ("W1", "W2"))

    def grads(self):
        a, log_p = self.forward()
        ds = np.exp(log_p)
        ds[np.arange(len(self.y)), self.y] -= 1
        ds /= len(self.y)
        da = (ds @ self.params["W2"].T) * (a > 0)
        W1, W2 = self.params["W1"], self.params["W2"]
        return {
            "W1": self.X.T @ da + self.reg * W1,
            "b1": da.sum(0),
            "W2": np.maximum(a, 0).T @ ds + self.reg * W2,
            "b2": ds.sum(0),
        }


class TestCost:
    def test_a_right_gradient_takes_17_evaluations(self):
        net = Net()
        report = check_gradients(net.loss, net.params, net.grads())
        assert (report.evaluations, report.closer, net.calls) == (17, 0, 17)
        assert report.entries == D * H + H + H * C + C
        assert report.faults == report.dim == ()
        assert report.share < 1e-3

    def test_a_million_slopes_take_no_more(self):
        rng, calls = np.random.default_rng(1), []
        params = {"w": rng.normal(size=(1000, 1000))}

        def loss(params):
            calls.append(1)
            return 0.5 * np.vdot(params["w"], params["w"])

        assert check_gradients(loss, params, {"w": params["w"].copy()}).entries == 10**6
        assert len(calls) <= 20
        wrong = params["w"].copy()
        wrong[123, 456] += 1.0  # a thousandth of the gradient's length
        point = Point(loss, params)
        assert look_along(point, {"w": wrong}, seed=0).wrong
        assert point.calls <= 20

    def test_the_report_says_in_words_what_it_cannot_see(self):
        net = Net()
        words = repr(check_gradients(net.loss, net.params, net.grads()))
        assert words.startswith("No error in 1,385 slopes, after 17 evaluations of the loss. An error longer than ")
        assert "missed with a chance below one in 1,000,000, if rounding is what 4 random directions show" in words

    def test_the_same_seed_gives_the_same_report_and_no_other_draws_are_touched(self):
        net, state = Net(), str(np.random.get_state())
        first, again, other = (check_gradients(net.loss, net.params, net.grads(), seed=s).shortest for s in (5, 5, 6))
        assert first == again
        assert first != other
        assert str(np.random.get_state()) == state


class TestTheStatedChance:
    @pytest.mark.parametrize("where", ["everywhere", "one entry"])
    def test_an_error_is_missed_as_seldom_as_said(self, where):
        """One direction, so that missing is common; errors from a third of the blur to ten times as long."""
        net, normal = Net(), NormalDist()
        point, right = Point(net.loss, net.params), net.grads()
        error = np.random.default_rng(3).normal(size=(D, H)) if where == "everywhere" else np.zeros((D, H))
        error[7, 11] += where == "one entry"
        error /= np.linalg.norm(error)
        step, tries = point.step("W1", right["W1"]), 100
        for times in (1.0, 4.0, 10.0):
            missed = at_most = 0.0
            for seed in range(tries):
                clean = look_along(point, right, seed, directions=1)
                length = times * clean.blur / step
                wrong = right | {"W1": right["W1"] + length * error}
                missed += not look_along(point, wrong, seed, directions=1).wrong
                at_most += 2 * normal.cdf(2 / times) - 1
            assert missed <= at_most + 3 * tries**0.5 / 2
            assert missed > 0.2 * at_most - 3  # it is the chance that is stated, not a far larger one

    def test_the_stated_length_belongs_to_the_stated_chance(self):
        net = Net()
        point, right = Point(net.loss, net.params), net.grads()
        sight = look_along(point, right, seed=0)
        for name, length in sight.shortest.items():
            z = 2 * sight.blur / (point.step(name, right[name]) * length)
            assert (2 * NormalDist().cdf(z) - 1) ** DIRECTIONS == pytest.approx(CHANCE)

    @pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
    def test_errors_of_the_stated_length_are_found(self, name):
        for seed in range(10):
            net, rng = Net(seed), np.random.default_rng(seed)
            right = net.grads()
            sight = look_along(Point(net.loss, net.params), right, seed)
            error = rng.normal(size=right[name].shape)
            right[name] += error * (1.01 * sight.shortest[name] / np.linalg.norm(error))
            assert look_along(Point(net.loss, net.params), right, seed).wrong


def wrong(change):
    net = Net()
    grads = net.grads()
    change(net, grads)
    return inspect_gradients(net.loss, net.params, grads, name="net", sizes={"N": N})


class TestWhereAndWhy:
    @pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
    def test_the_wrong_parameter_is_named_and_no_other(self, name):
        report = wrong(lambda net, grads: grads.update({name: grads[name] / N}))
        assert [fault.parameter for fault in report.faults] == [name]
        assert f"net, d{name}: " in report.faults[0].text
        assert "0.1 = 1/N for this batch of 10: averaged over the batch once too often." in report.faults[0].text
        assert report.evaluations == 17 < report.evaluations + report.closer

    def test_one_entry_of_a_large_parameter(self):
        def change(net, grads):
            grads["W1"][17, 23] *= 1.5

        report = wrong(change)
        assert [(fault.parameter, fault.entry) for fault in report.faults] == [("W1", (17, 23))]
        assert "The other entries are right: look for a special case" in str(report)

    @pytest.mark.parametrize(("axis", "index"), [(0, 5), (1, 29)])
    def test_one_row_or_column(self, axis, index):
        def change(net, grads):
            grads["W1"].swapaxes(0, axis)[index] *= 0.9

        report = wrong(change)
        assert report.faults[0].entry[axis] == index
        assert f"Wrong at index {index} of axis {axis}, all along, and right elsewhere." in str(report)

    def test_several_parameters_each_in_a_line_of_its_own(self):
        report = wrong(lambda net, grads: grads.update({k: -grads[k] for k in ("b1", "W2")}))
        assert [fault.parameter for fault in report.faults] == ["b1", "W2"]
        lines = str(report).split("\n")
        assert len(lines) == 2
        assert all("opposite sign: a minus is missing or one too many." in line for line in lines)

    @pytest.mark.parametrize(("times", "told"), [(-1, "is missing"), (1, "is one too many")])
    def test_a_penalty(self, times, told):
        def change(net, grads):
            for name in ("W1", "W2"):
                grads[name] += times * REG * net.params[name]

        lines = str(wrong(change)).split("\n")
        assert len(lines) == 2
        for line, name in zip(lines, ("W1", "W2"), strict=True):
            assert line.endswith(f"The term `0.3 * {name}` {told}.")

    def test_no_penalty_is_seen_where_the_error_is_another(self):
        report = wrong(lambda net, grads: grads.update(W1=np.roll(grads["W1"], 1, axis=0)))
        assert "term" not in str(report)

    def test_a_square_block_that_is_transposed(self):
        def change(net, grads):
            grads["W1"][:20, :20] = grads["W1"][:20, :20].T.copy()

        row, column = wrong(change).faults[0].entry
        assert row < 20
        assert column < 20

    def test_zeros_and_a_parameter_whose_gradient_is_tiny(self):
        assert "still the initial zeros" in str(wrong(lambda net, grads: grads.update(W1=np.zeros((D, H)))))
        small, x = {"u": np.array([1.0, 2.0]), "v": np.array([3.0, -1.0])}, np.array([1e-4, 2e-4])

        def loss(p):
            return float((p["u"] ** 2).sum() + (p["v"] * x).sum())

        check_gradients(loss, small, {"u": 2 * small["u"], "v": x})
        with pytest.raises(AssertionError, match=r"^dv: .* is 2 times the expected one"):
            check_gradients(loss, small, {"u": 2 * small["u"], "v": 2 * x})

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (
                lambda g: g.pop("W2"),
                r"^dW2: is missing; the gradients hold W1, b1, b2\. Give one for each parameter\.$",
            ),
            (lambda g: g.update(b1=None), r"^db1: is None where an array of shape \(30,\) is asked"),
            (lambda g: g.update(W1=g["W1"].T), r"^dW1: has shape \(30, 40\) .* the shape of the transpose"),
            (
                lambda g: g.update(b2=np.ones((N, 1)) * g["b2"] / N),
                r"^db2: has shape \(10, 5\) .*: the sum is missing\.$",
            ),
            (lambda g: g["b1"].fill(np.nan), r"^db1: 30 of 30 entries are nan"),
        ],
    )
    def test_what_is_no_gradient_is_told_and_the_others_are_checked(self, change, words):
        net = Net()
        grads = net.grads()
        change(grads)
        with pytest.raises(AssertionError, match=words):
            check_gradients(net.loss, net.params, grads)

    def test_descend_finds_one_wrong_entry_of_many(self):
        net = Net()
        for place in [(0, 0), (D - 1, H - 1), (13, 7)]:
            grad = net.grads()["W1"]
            grad[place] += 0.01
            nudge = np.random.default_rng(1).standard_normal((D, H))
            assert descend(Point(net.loss, net.params), "W1", grad, nudge) == place


class TestNoFalseAlarm:
    def test_two_hundred_right_gradients_of_networks(self):
        blamed = []
        for seed in range(200):
            net = Net(seed, n=1 + seed % 12, d=3 + seed % 17, h=4 + seed % 20, c=2 + seed % 6, reg=0.2 * (seed % 3))
            report = inspect_gradients(net.loss, net.params, net.grads(), seed=seed)
            blamed += [(seed, str(report))] if report.faults else []
        assert blamed == []

    @pytest.mark.parametrize("seed", range(20))
    def test_a_point_on_many_kinks(self, seed):
        net = Net(seed, reg=0.0, d=8, h=9)
        net.X[:3], net.params["b1"][:] = 0, 0  # these examples sit on the kink of every ReLU
        report = inspect_gradients(net.loss, net.params, net.grads(), seed=seed)
        assert report.faults == ()
        assert "only some entries could be tried, one by one, for here the loss has kinks" in str(report)

    def test_an_error_is_found_even_there(self):
        net = Net(reg=0.0, d=8, h=9)
        net.X[:3], net.params["b1"][:] = 0, 0
        with pytest.raises(AssertionError, match=r"^dW2: .* opposite sign"):
            check_gradients(net.loss, net.params, net.grads() | {"W2": -net.grads()["W2"]})

    def test_ties_in_a_maximum(self):
        x = {"x": np.array([[1.0, 1.0, 0.5], [2.0, -1.0, 0.0]])}
        for choice in ([1.0, 0.0], [0.0, 1.0], [0.5, 0.5]):
            grad = np.array([[*choice, 0.0], [1.0, 0.0, 0.0]])
            assert not inspect_gradients(lambda p: p["x"].max(axis=1).sum(), x, {"x": grad}).faults

    @pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 1e6])
    def test_losses_and_parameters_of_any_size(self, scale):
        for seed in range(10):
            w = {"w": scale * np.random.default_rng(seed).normal(size=50)}
            check_gradients(lambda p: (np.tanh(p["w"] / scale) ** 2).sum() + 1e3, w, {"w": grad_of_tanh(w["w"], scale)})
            check_gradients(lambda p: scale * (p["w"] ** 2).sum(), w, {"w": 2 * scale * w["w"]})

    def test_gradients_in_single_precision_and_biases_as_rows(self):
        net = Net()
        grads = {k: g.astype(np.float32) for k, g in net.grads().items()}
        check_gradients(net.loss, net.params, grads | {"b1": grads["b1"][None]})

    def test_a_gradient_of_zero(self):
        check_gradients(lambda p: 3.0, {"w": np.ones(4)}, {"w": np.zeros(4)})
        check_gradients(lambda p: (p["w"] ** 2).sum(), {"w": np.zeros(4), "none": np.zeros((0, 3))}, {"w": np.zeros(4)})


def grad_of_tanh(w, scale):
    t = np.tanh(w / scale)
    return 2 * t * (1 - t**2) / scale


class TestMisuse:
    def test_parameters_are_put_back_whatever_the_loss_does(self):
        params, calls = {"w": np.array([1.0, 2.0])}, []

        def fails_later(p):
            calls.append(1)
            if len(calls) == 4:
                p["w"][:] = 9
                raise RuntimeError("enough")
            return (p["w"] ** 2).sum()

        with pytest.raises(RuntimeError, match="enough"):
            check_gradients(fails_later, params, {"w": 2 * params["w"]})
        assert params["w"].tolist() == [1, 2]

    def test_parameters_are_bitwise_untouched_by_a_closer_look(self):
        net = Net()
        net.params["scale"] = np.array(1.5)
        before = {k: array.tobytes() for k, array in net.params.items()}
        bad = {k: 1.5 * g for k, g in net.grads().items()} | {"scale": np.array(2.0)}
        for grads in (bad, bad | {"b1": bad["W1"]}):
            report = inspect_gradients(lambda p: net.loss() + p["scale"] ** 2, net.params, grads)
            assert {fault.parameter for fault in report.faults} == set(net.params)
            assert {k: array.tobytes() for k, array in net.params.items()} == before

    def test_a_loss_that_changes_its_parameters(self):
        params = {"w": np.array([1.0, 2.0])}

        def careless(p):
            p["w"] *= 0.5
            return p["w"].sum()

        with pytest.raises(AssertionError, match=r"^net: changes its argument w in place .* Work on a copy"):
            check_gradients(careless, params, {"w": np.full(2, 0.5)}, name="net")
        assert params["w"].tolist() == [1, 2]

    def test_a_loss_that_is_not_finite(self):
        with pytest.raises(
            AssertionError, match=r"^net: a finite loss is asked, got nan\. Check the forward pass first"
        ):
            check_gradients(lambda p: np.nan, {"w": np.ones(2)}, {"w": np.ones(2)}, name="net")

    @pytest.mark.parametrize(
        ("out", "kind"), [(np.ones(3), r"float64 of shape \(3,\)"), (None, r"object of shape \(\)")]
    )
    def test_a_loss_that_is_not_one_number(self, out, kind):
        with pytest.raises(TypeError, match=rf"needs a loss that is one number, got {kind}\. Pass a function such as"):
            check_gradients(lambda p: out, {"w": np.ones(2)}, {"w": np.ones(2)})

    def test_parameters_in_single_precision(self):
        with pytest.raises(TypeError, match=r"^check_gradients needs float64, got float32 .* pass x\.astype"):
            check_gradients(lambda p: 0.0, {"w": np.ones(2, np.float32)}, {"w": np.ones(2)})

    def test_gradients_without_names(self):
        with pytest.raises(
            AssertionError, match=r"^net: gradients by name are asked, got tuple\. Return a dictionary\.$"
        ):
            check_gradients(lambda p: 0.0, {"w": np.ones(2)}, (np.ones(2),), name="net")
