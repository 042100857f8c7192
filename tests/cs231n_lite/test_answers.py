"""The form of answers to closed questions: what is read, and what is said of what cannot be."""

import json
import re

import numpy as np
import pytest

from cs231n_lite import expect_choice, expect_choices, expect_match, expect_number
from cs231n_lite.answers import FormError, told


@pytest.mark.parametrize("answer", ["cat", "Cat ", ["dog"], {"DOG"}])
def test_a_word_is_read_whether_right_or_wrong(answer):
    assert expect_choice("pet", answer, ["cat", "dog"]) is None


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (
            lambda: expect_choice("pet", "goldfish", ["cat", "dog"]),
            "pet asks for one of cat, dog. Got 'goldfish'. Write one of these words in quotes.",
        ),
        (
            lambda: expect_choice("pet", None, ["cat", "dog"]),
            "pet asks for one of cat, dog. Got None. Write one of these words in quotes.",
        ),
        (
            lambda: expect_choices("pets", set(), ["cat", "dog"]),
            'pets asks for one or several of cat, dog. Got nothing at all. Write a set of these words, such as {"...", "..."}.',
        ),
        (
            lambda: expect_choices("pets", {"cat", 3}, ["cat", "dog"]),
            "pets asks for one or several of cat, dog. Got '3'. ",
        ),
        (
            lambda: expect_number("legs", float("nan")),
            "legs asks for a number. Got nan. Write a whole number or one with a decimal point; Python may do the sum.",
        ),
        (lambda: expect_number("legs", True), "legs asks for a number. Got a bool. "),
        (lambda: expect_number("legs", np.zeros(3)), "legs asks for a number. Got a collection of 3. "),
        (
            lambda: expect_match("who", {"A": "cat"}, ["A", "B"], ["cat", "dog"]),
            "who asks for an option for each of A, B. There is none for B. Add it; a guess costs nothing.",
        ),
        (
            lambda: expect_match("who", {"A": "cow"}, ["A", "B"], ["cat", "dog"]),
            "who asks for a dictionary that gives each of A, B one of cat, dog. Got 'A' with 'cow'. "
            'Write {"A": "...", ...} with these words.',
        ),
    ],
)
def test_a_message_says_what_is_asked_what_came_and_what_to_write(check, message):
    with pytest.raises(FormError, match="^" + re.escape(message)):
        check()


@pytest.mark.parametrize("answer", [7, 7.5, "7,850", "1e-3", ".5", "-2", np.float32(2), np.array([3])])
def test_a_number_is_read_in_any_spelling(answer):
    assert expect_number("legs", answer) is None


@pytest.mark.parametrize("answer", ["0,25", "1,00", "ten", "1/3", "", "e5", "--1", [1, 2], 1j, 10**400])
def test_what_is_no_number_or_not_surely_one_is_refused(answer):
    with pytest.raises(FormError, match="legs asks for a number"):
        expect_number("legs", answer)


def test_what_is_told_of_an_answer_is_short_and_the_same_for_equal_sets():
    many = {str(n) for n in range(40)}
    assert told(many) == told(set(sorted(many)[::-1]))
    for large in ("x" * 10**6, [["x" * 10**6] * 40] * 40, list(range(10**6)), dict.fromkeys(range(10**6)), 10**9999):
        assert len(told(large)) < 400_000
    assert json.loads(told([[[1]]])) == [[{"type": "list"}]]
