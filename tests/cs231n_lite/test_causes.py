"""Causes, asked for through `compare`: each rule where it must speak, and where it must keep quiet."""

import numpy as np
import pytest

from cs231n_lite.compare import compare, pattern_over_cases

SIZES = {"N": 5, "D": 7, "C": 3}


@pytest.fixture
def want():
    return np.random.default_rng(0).normal(size=(5, 3))


def cause(got, expected, **keywords):
    mismatch = compare("q, out", got, expected, **keywords)
    assert mismatch is not None
    return mismatch.cause or ""


class TestCauseOfShape:
    def test_a_missing_reshape(self):
        want = np.random.default_rng(1).normal(size=(3, 2, 5))
        assert cause(want.reshape(3, 10), want) == "The values are right: reshape it to (3, 2, 5)."
        assert cause(want.reshape(3, 10) + 1, want) == ""
        assert cause(want.ravel()[:, None], want.ravel()) == "The values are right: reshape it to (30,)."

    def test_a_transpose(self, want):
        assert cause(want.T, want) == "Its transpose has the right values: transpose it, or swap the operands."
        assert cause(want.T + 1, want) == "That is the shape of the transpose: transpose it, or swap the operands."
        assert cause(np.ones((5, 4)), want) == ""

    def test_a_missing_sum(self, want):
        assert cause(want, want.sum(axis=0)) == (
            "Its sum over the batch (axis 0) has the right values: the sum is missing."
        )
        assert cause(want, want.sum(axis=1)) == "Its sum over axis 1 has the right values: the sum is missing."
        assert cause(want, want.sum(axis=0) + 1) == ""
        images = np.random.default_rng(2).normal(size=(2, 3, 4, 5))
        assert "sum over axis 0, 2, 3" in cause(images, images.sum(axis=(0, 2, 3)))

    def test_a_missing_mean(self, want):
        losses = np.abs(want[:, 0])
        assert (
            cause(losses, losses.mean())
            == "Its mean over the batch (axis 0) has the right values: the mean is missing."
        )
        assert cause(losses, losses.mean() + 0.1) == ""

    def test_zeros_prove_no_sum(self):
        assert cause(np.zeros((5, 3)), np.zeros(3)) == ""

    def test_many_axes_stay_fast(self):
        assert cause(np.ones((1,) * 24 + (2,)), np.full((1,) * 12 + (3,), 0.5)) == ""  # 5 million ways to sum


class TestCauseOfNan:
    def test_rows_of_a_softmax_that_overflowed(self):
        scores = np.array([[1000.0, 1.0, -4.0], [0.5, 1.0, 2.0]])
        with np.errstate(all="ignore"):
            got = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        mismatch = compare("softmax", got, np.full((2, 3), 1 / 3))
        assert mismatch.fact == "1 of 6 entries are nan where finite numbers are expected"
        assert "exp of 1000 is infinite): subtract the maximum first" in mismatch.cause

    def test_a_loss_that_overflowed(self):
        assert "subtract the maximum" in cause(np.nan, 2.3)
        assert "subtract the maximum" in cause(np.inf, 2.3)

    def test_other_patterns_are_not_called_overflow(self, want):
        column = want.copy()
        column[:, 1] = np.nan
        assert cause(column, want) == ""
        assert cause(-np.inf, 2.3) == ""

    def test_nan_and_infinity_are_told_apart(self):
        want = np.arange(3.0)
        assert "2 of 3 entries are nan or infinite" in str(compare("q", np.array([np.nan, 1.0, np.inf]), want))
        assert "1 of 3 entries are infinite" in str(compare("q", np.array([np.inf, 1.0, 2.0]), want))
        assert str(compare("q", np.array([[np.nan]]), 2.3)).startswith("q: is nan where finite numbers are expected.")


class TestCauseOfValues:
    @pytest.mark.parametrize(
        ("factor", "words"),
        [
            (-1, "Every entry has the opposite sign: a minus is missing or one too many."),
            (2, "Every entry is 2 times the expected one: a 2 too many or a 0.5 forgotten."),
            (0.5, "Every entry is 0.5 times the expected one: a 0.5 too many or a 2 forgotten."),
            (1 / 5, "and 0.2 = 1/N for this batch of 5: averaged over the batch once too often."),
            (5, "and 5 = N for this batch of 5: a sum over the batch where the mean is asked."),
            (1.25, "and 1.25 = N/(N-1) for this batch of 5: divided by N-1 where N is asked."),
            (1 / 3, "and 0.333333 = 1/C: divided by C once too often."),
            (7, "and 7 = D: a division by D is missing, or a factor D too many."),
            (0.37, "Every entry is 0.37 times the expected one."),
        ],
    )
    def test_a_constant_factor(self, factor, words, want):
        assert cause(want * factor, want, sizes=SIZES).endswith(words)
        broken = want * factor
        broken[4, 2] *= 1.01
        assert "times" not in cause(broken, want, sizes=SIZES)
        assert "sign" not in cause(broken, want, sizes=SIZES)

    def test_a_factor_in_float32(self, want):
        single = want.astype(np.float32)
        assert "averaged over the batch once too often" in cause(single / np.float32(5), single, sizes=SIZES)

    def test_a_factor_near_one_is_no_explanation(self, want):
        assert cause(want * (1 + 5e-7), want) == ""

    def test_a_batch_of_one_is_no_factor(self, want):
        assert cause(want * 3, want, sizes={"N": 1, "C": 3}).endswith(
            "and 3 = C: a division by C is missing, or a factor C too many."
        )

    def test_zeros_stay_zero_under_a_factor(self, want):
        want[want < 0] = 0
        assert "= 1/N" in cause(want / 5, want, sizes=SIZES)

    def test_sizes_that_fit_alike_are_both_named(self, want):
        assert cause(want * 5, want, sizes={"N": 5, "H": 5}).endswith("which is N for this batch of 5 or H here.")
        assert cause(want * 2, want, sizes={"H": 2}).endswith("which is a constant or H here.")

    @pytest.mark.parametrize(
        "make", [np.float64, lambda value: np.full((2, 2), value)], ids=["number", "equal entries"]
    )
    def test_one_number_names_only_a_known_factor_and_with_care(self, make):
        loss = make(2.25)
        assert cause(loss / 5, loss, sizes=SIZES) == (
            "It is 0.2 times the expected one, and 0.2 = 1/N for this batch of 5: "
            "perhaps averaged over the batch once too often."
        )
        assert cause(-loss, loss) == "It has the opposite sign: perhaps a minus is missing or one too many."
        assert cause(loss * 2, loss) == "It is 2 times the expected one: perhaps a 2 too many or a 0.5 forgotten."
        assert cause(loss * 0.37, loss, sizes=SIZES) == ""
        assert cause(loss / 5, loss) == ""
        assert cause(np.array([0, 2.25, 0, 2.25]) * 0.37, np.array([0, 2.25, 0, 2.25]), sizes=SIZES) == ""

    def test_whole_numbers_prove_no_factor(self):
        assert cause(np.int64(2), np.int64(4)) == ""
        assert cause(np.array([2, 4]), np.array([4, 8])) == ""

    def test_a_constant_added(self, want):
        assert cause(want + 3.5, want) == "Every entry is 3.5 more than the expected one."
        assert cause(np.array([2, 0, 4]), np.array([3, 1, 5])) == "Every entry is 1 less than the expected one."
        shifted = want + 3.5
        shifted[0, 0] += 0.01
        assert cause(shifted, want) == ""
        assert cause(np.full(3, 2.75), np.full(3, 1.5)) == ""

    def test_noise_is_no_constant_and_a_large_constant_hides_no_noise(self, want):
        noise = np.random.default_rng(8).uniform(-1, 1, size=want.shape)
        assert cause(want + 3e-7 + 1e-7 * noise, want) == ""
        assert cause(noise + 1e6, want) == ""

    def test_a_transposed_square(self):
        square = np.random.default_rng(3).normal(size=(3, 3))
        assert cause(square.T, square) == "It is the transpose of the expected one."
        assert cause(square.T + 1e-3 * square, square) == ""
        filters = np.random.default_rng(3).normal(size=(2, 5, 3, 3))
        assert cause(filters.swapaxes(2, 3), filters) == "Axes (2, 3) are swapped."
        mask = np.array([[0.0, 1.0], [0.0, 0.0]])
        assert cause(mask.T, mask) == ""

    def test_symmetry_is_no_transpose(self):
        square = np.array([[1.0, 2.0], [2.0, 5.0]])
        assert cause(square + 1e-9, square, rtol=1e-12) == ""

    def test_a_flip(self, want):
        assert cause(want[:, ::-1], want) == "The right values run backwards along axis 1."
        assert cause(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == ""

    def test_initial_zeros(self, want):
        initial = (
            "Every entry is 0: these are still the initial zeros, or a step of the computation gives 0 every time."
        )
        assert cause(np.zeros_like(want), want) == initial
        assert cause(np.zeros((5, 3), int), want) == initial
        assert cause(0.0, 2.3) == ""
        mostly = np.zeros_like(want)
        mostly[0] = 1e-3
        assert cause(mostly, want) == ""

    def test_a_minus_zero_was_computed_and_is_no_initial_zero(self, want):
        assert (want < 0).any()
        assert cause(0 * want, want) == "Every entry is 0: a step of the computation gives 0 every time."

    def test_values_cut_to_integers(self, want):
        cut = (want * 9).astype(int)
        assert "neither an integer array nor // holds fractions" in cause(cut, want * 9)
        assert cause(cut + np.eye(5, 3, dtype=int), want * 9) == ""
        assert cause(np.trunc(want * 9), want * 9) == ""

    def test_a_few_wrong_entries(self):
        want = np.random.default_rng(4).normal(size=(4, 10))
        got = want.copy()
        got[0, :4] += 1.7
        assert cause(got, want).startswith("The other entries are right: look for a special case")
        got[1, 0] += 1.7
        assert cause(got, want) == ""

    def test_unrelated_values_get_no_cause(self, want):
        assert cause(np.random.default_rng(9).normal(size=(5, 3)), want, sizes=SIZES) == ""
        assert cause(np.ones((5, 3)), np.zeros((5, 3)), sizes=SIZES) == ""


class TestPattern:
    def test_a_batch_of_one(self):
        cases = [({"N": 1, "D": 4}, True), ({"N": 3, "D": 4}, False), ({"N": 2, "D": 1}, False)]
        assert pattern_over_cases(cases) == "right only for a batch of one"
        assert pattern_over_cases([(sizes, not passed) for sizes, passed in cases]) == "wrong only for a batch of one"

    def test_squares_strides_and_pads(self):
        square = [({"H": 4, "W": 4}, True), ({"H": 5, "W": 4}, False), ({"H": 3, "W": 7}, False)]
        assert pattern_over_cases(square) == "right only when H = W"
        conv = [({"stride": s, "pad": p}, p == 0) for s, p in [(1, 0), (2, 0), (1, 2), (2, 2)]]
        assert pattern_over_cases(conv) == "right only when pad = 0"

    def test_patterns_that_fit_alike_are_both_named(self):
        cases = [({"N": 1, "C": 1}, True), ({"N": 3, "C": 2}, False), ({"N": 2, "C": 4}, False)]
        assert pattern_over_cases(cases) == "right only when N = 1 and C = 1"

    @pytest.mark.parametrize(
        "verdicts", [(True, True, True), (False, False, False), (True, True, False), (False, True, True), (True, False)]
    )
    def test_no_pattern_without_evidence(self, verdicts):
        sizes = [{"N": 1, "D": 4}, {"N": 3, "D": 5}, {"N": 1, "D": 6}]
        assert pattern_over_cases(list(zip(sizes, verdicts, strict=False))) is None

    def test_no_cases_and_missing_sizes(self):
        assert pattern_over_cases([]) is None
        assert pattern_over_cases([({"N": 1}, True), ({}, False), ({"N": 2}, False)]) is None
