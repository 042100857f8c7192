"""Verdicts of `compare` and the words they are told in; the causes it names are tested in test_causes.py."""

import numpy as np
import pytest

from cs231n_lite.compare import (
    Mismatch,
    changed,
    compare,
    expect,
    expect_unchanged,
    notes,
    tolerance,
)

SIZES = {"N": 5, "D": 7, "C": 3}


@pytest.fixture
def want():
    return np.random.default_rng(0).normal(size=(5, 3))


def kind(got, expected, **keywords):
    mismatch = compare("q, out", got, expected, **keywords)
    return mismatch and mismatch.kind


class TestVerdict:
    def test_equal_and_nearly_equal_arrays_match(self, want):
        assert compare("q", want, want) is None
        assert compare("q", want * (1 + 1e-9), want) is None

    def test_a_difference_beyond_the_tolerance_does_not(self, want):
        got = want.copy()
        got[2, 1] += 3e-7 * np.abs(want).max()
        assert kind(got, want) == "values"
        assert kind(got, want, rtol=1e-5) is None

    @pytest.mark.parametrize("empty", [np.zeros(0), np.zeros((0, 3)), np.zeros((1, 0)), np.zeros((5, 0))])
    def test_an_empty_array_equals_only_an_empty_array_of_its_shape(self, empty, want):
        assert kind(empty, want) == "shape"
        assert str(compare("q", empty, 1.5)) == f"q: has shape {empty.shape} where a number is asked."
        assert kind(empty, np.zeros((2, 0))) == "shape"
        assert kind(np.zeros((1, 0)), np.zeros(0)) == "shape"
        assert compare("q", empty, empty) is None

    @pytest.mark.parametrize("shape", [(1,), (3,), (5, 1), (1, 3), (), (3, 5), (15,), (1, 5, 3)])
    def test_nothing_is_broadcast(self, shape, want):
        assert kind(np.full(shape, 0.5), np.full_like(want, 0.5)) == "shape"

    def test_leading_axes_of_one_are_forgiven_before_a_vector_or_a_number_only(self):
        vector = np.array([1.0, -2.0, 4.5])
        assert compare("q", vector[None], vector) is None
        assert compare("q", vector[None, None], vector) is None
        assert compare("q", np.array([[2.3]]), 2.3) is None
        assert kind(vector[None] + 1, vector) == "values"
        assert kind(np.array([2.4]), 2.3) == "values"
        assert kind(vector[:, None], vector) == "shape"
        assert kind(np.float64(2.3), np.array([2.3])) == "shape"
        assert kind(vector[None, None], vector[None]) == "shape"

    def test_an_answer_of_all_zeros_allows_rounding_noise_only(self):
        assert compare("q", np.array([3e-17, -1e-16]), np.zeros(2)) is None
        assert kind(np.array([1e-9, 0.0]), np.zeros(2)) == "values"

    def test_cancellation_is_measured_by_the_largest_term(self):
        assert compare("q", np.array([1e3, 1e-13 + 2e-12]), np.array([1e3, 1e-13])) is None
        assert kind(np.array([1e3, 1e-2]), np.array([1e3, 1e-13])) == "values"

    def test_integers_are_exact_and_unsigned_ones_do_not_wrap(self):
        assert compare("q", np.array([2**60 + 1]), np.array([2**60 + 1])) is None
        assert kind(np.array([2**60 + 1]), np.array([2**60])) == "values"
        mismatch = compare("q", np.array([3, 0], np.uint8), np.array([4, 0], np.uint8))
        assert mismatch.fact == "1 of 2 entries differ from the expected values (compared exactly); worst at [0]: " + (
            "yours 3, expected 4"
        )
        assert kind(np.array([True, False]), np.array([True, True])) == "values"
        assert compare("q", np.array([True, False]), np.array([1.0, 0.0])) is None

    @pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float16, np.float32, np.longdouble, ">f8"])
    def test_any_real_dtype_is_compared_by_value(self, dtype):
        assert compare("q", np.array([1, 0, 5], dtype), np.array([1.0, 0.0, 5.0])) is None
        assert kind(np.array([1, 0, 4], dtype), np.array([1.0, 0.0, 5.0])) == "values"

    def test_float64_from_float32_is_fine(self, want):
        single = want.astype(np.float32)
        assert compare("q", single.astype(np.float64) * (1 + 1e-5), single) is None
        assert kind(single * np.float32(1.001), single) == "values"

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_one_entry_that_is_not_finite_fails(self, value, want):
        got = want.copy()
        got[3, 2] = value
        assert kind(got, want) == "nan"
        assert kind(value, 2.3) == "nan"

    def test_a_difference_that_overflows_fails_without_a_warning(self):
        assert kind(np.array([-1.5e308, 1.0]), np.array([1.5e308, 1.0])) == "values"
        if np.finfo(np.longdouble).max > np.finfo(np.float64).max:
            assert kind(np.array([np.longdouble("1e4000"), 1.0]), np.array([1.0, 1.0])) == "values"

    @pytest.mark.parametrize(
        ("got", "words"),
        [
            (None, "is None where an array of shape (2,) is asked. Is there a return statement?"),
            (
                [1.0, 2.0],
                "is a list of length 2 where an array of shape (2,) is asked. Make it an array with np.array.",
            ),
            ((1.0, 2.0), "is a tuple of length 2 where an array of shape (2,) is asked. Several values came where one"),
            ("12", "is of type str where"),
            ({}, "is of type dict where"),
            (np.array([1, None]), "is of dtype object where"),
            (np.array(["a", "b"]), "is of dtype <U1 where"),
            (np.array(["2020", "2021"], "M8[Y]"), "is of dtype datetime64[Y] where"),
        ],
    )
    def test_what_is_no_array_of_numbers_is_named(self, got, words):
        mismatch = compare("q, out", got, [1.0, 2.0])
        assert mismatch.kind == "type"
        assert str(mismatch).startswith(f"q, out: {words}")
        assert mismatch.text(secret=True) == str(mismatch)

    def test_complex_is_a_wrong_dtype_even_where_the_numbers_are_right(self):
        mismatch = compare("q", np.array([1 + 0j, 2]), np.array([1.0, 2.0]))
        assert str(mismatch) == "q: is complex128 where real numbers are asked."
        assert mismatch.kind == "dtype"

    @pytest.mark.parametrize("bad", [[1.0, np.nan], [np.inf], ["a"], [1j], [None]])
    def test_an_expected_array_that_can_judge_nothing_is_refused(self, bad):
        with pytest.raises(ValueError, match="expected parameter of compare must be finite real numbers"):
            compare("q", np.ones(len(bad)), bad)

    @pytest.mark.parametrize("rtol", [-1e-7, np.nan])
    def test_a_bad_tolerance_is_refused(self, rtol):
        with pytest.raises(ValueError, match=f"rtol parameter of compare must be a number of at least 0. Got {rtol}"):
            compare("q", 1.0, 1.0, rtol=rtol)

    def test_tolerance_is_that_of_the_coarser_float(self):
        assert tolerance("f8", "f8") == tolerance("f8", "i8") == tolerance(bool, "f8") == 1e-7
        assert tolerance("f4", "f8") == tolerance("f8", "f4") == tolerance("u1", "f4") == tolerance("f2", "f8") == 1e-4
        assert tolerance("i8", "u1") == tolerance(bool, bool) == 0


class TestWords:
    def test_the_model_message(self):
        expected = np.array([[1.0, -2.0, 3.0], [0.0, 4.0, 5.0]])
        mismatch = compare("softmax_loss, dx", expected / 50, expected, sizes={"N": 50, "C": 3})
        assert str(mismatch) == (
            "softmax_loss, dx: 5 of 6 entries differ from the expected values (rtol 1e-07); worst at [1, 2]: "
            "yours 0.1, expected 5. Every entry is 0.02 times the expected one, and 0.02 = 1/N for this batch of 50: "
            "averaged over the batch once too often."
        )

    def test_a_secret_message_keeps_the_cause_and_drops_values_and_places(self):
        expected = np.array([[1.25, -2.5, 3.0], [0.0, 4.0, 5.125]])
        mismatch = compare("q", -expected, expected)
        assert mismatch.text(secret=True) == (
            "q: 5 of 6 entries differ from the expected values (rtol 1e-07). "
            "Every entry has the opposite sign: a minus is missing or one too many."
        )
        assert compare("q", 2.0, 7.3).text(secret=True) == "q: differs from the expected value (rtol 1e-07)."

    def test_a_number_is_told_without_a_place(self):
        assert (
            str(compare("loss", 2.0, 7.3))
            == "loss: differs from the expected value (rtol 1e-07): yours 2, expected 7.3."
        )

    def test_numbers_that_differ_late_are_told_with_digits_enough(self):
        assert "yours 1.0000005, expected 1.0" in str(compare("q", 1.0000005, 1.0))

    def test_a_mismatch_cannot_be_changed(self):
        with pytest.raises(AttributeError, match="cannot assign"):
            Mismatch("q", "type", "is None", "is None", None).kind = "values"

    def test_another_judge_is_named(self):
        fact = compare("q", np.ones(2), np.zeros(2), against="the numerical gradient").fact
        assert fact.startswith("2 of 2 entries differ from the numerical gradient (rtol 1e-07)")


def test_notes_tell_of_leading_axes_of_one_only(want):
    assert notes("net, b1", np.zeros((1, 4)), np.zeros(4)) == (
        "net, b1: has shape (1, 4) where (4,) is asked; the values count, the shape is noted.",
    )
    assert "has shape (1, 1) where a number is asked" in notes("loss", np.ones((1, 1)), 1.0)[0]
    for got, expected in [(want, want), (want[None], want), (np.zeros((4, 1)), np.zeros(4)), (1.0, np.ones(1))]:
        assert notes("q", got, expected) == ()


class TestChanged:
    def test_an_untouched_argument_passes_even_with_nan(self):
        x = np.array([[np.nan, 1.0], [-0.0, np.inf]])
        assert changed("q", {"x": x.copy()}, {"x": x}) is None
        assert changed("q", {}, {}) is None

    @pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, bool, np.complex128])
    def test_the_first_changed_argument_is_named(self, dtype):
        w, x = np.ones((2, 3), dtype), np.ones((3, 5), dtype)
        after = x.T.copy().T  # another memory layout is no change
        after[1, 2] = after[2, 4] = 0
        mismatch = changed("relu_backward", {"w": w, "x": x}, {"w": w.copy(), "x": after})
        assert mismatch.kind == "changed"
        assert "changes its argument x in place (2 of 15 entries; first at [1, 2]:" in str(mismatch)
        assert mismatch.secret_fact == "changes its argument x in place (2 of 15 entries)"
        assert "second pass through the same cache" in mismatch.cause
        assert "dout * (x > 0)" in mismatch.cause

    @pytest.mark.parametrize("after", [np.ones((3, 2)), np.ones((2, 3), np.float32), np.ones((1, 2, 3))])
    def test_another_shape_or_dtype_is_a_change(self, after):
        assert "(replaced by another array)" in str(changed("q", {"x": np.ones((2, 3))}, {"x": after}))

    def test_a_lost_argument_is_a_change(self):
        assert "changes its argument x in place (gone)" in str(changed("q", {"x": np.ones(2)}, {}))

    def test_nan_written_over_a_number_is_a_change(self):
        assert "0 became nan" in str(changed("q", {"x": np.array(0.0)}, {"x": np.array(np.nan)}))

    def test_expect_unchanged_raises_the_words(self):
        with pytest.raises(AssertionError, match=r"^q: changes its argument x in place .* Work on a copy"):
            expect_unchanged("q", {"x": np.ones(2)}, {"x": np.array([1.0, 3.0])})
        assert expect_unchanged("q", {"x": np.ones(2)}, {"x": np.ones(2)}) is None


def test_expect_raises_the_words_and_returns_nothing(want):
    with pytest.raises(AssertionError, match=r"^q: 15 of 15 entries .* = 1/N for this batch of 5"):
        expect("q", want / 5, want, sizes=SIZES)
    with pytest.raises(AssertionError, match="differ from the expected values"):
        expect("q", want * 1.001, want)
    assert expect("q", want * 1.001, want, rtol=1e-2) is None
