import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cs231n_lite.vis_confusion import confusion_counts, confusion_matrix


def numbers(ax):
    """Give what is written in the cells, {(row, column): words}."""
    return {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in ax.texts}


def test_importing_it_does_not_import_matplotlib():
    code = "import sys, cs231n_lite.vis_confusion; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_drawing_leaves_the_global_look_alone():
    before = dict(plt.rcParams)
    confusion_matrix([0, 1], [0, 1])
    assert dict(plt.rcParams) == before


def test_rows_are_true_classes():
    np.testing.assert_array_equal(confusion_counts([0, 0, 1, 2], [0, 2, 1, 2]), [[1, 0, 1], [0, 1, 0], [0, 0, 1]])
    ax = confusion_matrix([0, 0, 1], [0, 1, 1], title="T")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("predicted class", "true class", "T")
    assert numbers(ax) == {(0, 0): "1\n50%", (0, 1): "1\n50%", (1, 1): "1\n100%"}


def test_colours_are_shares_of_the_row_whatever_its_size():
    counts = np.array([[900, 100], [1, 9]])
    image = confusion_matrix(counts).images[0]
    np.testing.assert_allclose(image.get_array(), [[0.9, 0.1], [0.1, 0.9]])
    assert image.norm(0.25) == 0.5  # by square root: a quarter is half as dark as all


def test_labels_and_their_table_make_the_same_figure():
    y, predicted = np.array([0, 1, 1, 2, 2, 2]), np.array([0, 1, 0, 2, 2, 1])
    from_labels, from_table = confusion_matrix(y, predicted), confusion_matrix(confusion_counts(y, predicted))
    assert numbers(from_labels) == numbers(from_table)


def test_up_to_five_classes_have_count_and_share_and_more_have_one_of_them():
    counts = np.full((6, 6), 1) + 199 * np.eye(6, dtype=int)
    assert numbers(confusion_matrix(counts[:5, :5]))[0, 1] == "1\n<1%"
    assert numbers(confusion_matrix(counts))[0, 0] == "200"
    assert numbers(confusion_matrix(counts, shares=True))[0, 0] == "98%"
    assert numbers(confusion_matrix(counts, shares=True))[0, 1] == "<1%"


def test_the_diagonal_is_framed_and_an_absent_class_is_an_empty_row():
    ax = confusion_matrix([0, 2], [0, 0], class_names=["a", "b", "c"])
    assert [frame.get_xy() for frame in ax.patches] == [(-0.5, -0.5), (0.5, 0.5), (1.5, 1.5)]
    np.testing.assert_array_equal(ax.images[0].get_array(), [[1, 0, 0], [0, 0, 0], [1, 0, 0]])
    assert set(numbers(ax)) == {(0, 0), (2, 0)}


def test_numbers_that_would_not_fit_are_left_out_and_names_thinned():
    many = confusion_matrix(np.full((100, 100), 12345))
    assert not many.texts
    assert 25 <= len(many.get_yticklabels()) <= 34
    assert [name.get_text() for name in many.get_yticklabels()][:2] == ["0", "3"]


@pytest.mark.parametrize("classes", [2, 10, 20, 60])
def test_long_names_do_not_overlap_and_stay_on_the_page(classes):
    names = [f"a really quite long name of class {i}" for i in range(classes)]
    ax = confusion_matrix(np.eye(classes, dtype=int), class_names=names)
    assert ax.get_xticklabels()[-1].get_text().endswith(str(range(0, classes, -(-classes // 34))[-1]))
    ax.figure.canvas.draw()
    page = ax.figure.bbox.padded(1)
    boxes = [name.get_window_extent() for name in (*ax.get_yticklabels(), *ax.get_xticklabels(), ax.xaxis.label)]
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
    rows = sorted(name.get_window_extent().y0 for name in ax.get_yticklabels())
    assert np.diff(rows).min() > 0.7 * ax.get_yticklabels()[0].get_window_extent().height


def test_it_draws_on_given_axes():
    _, own = plt.subplots()
    assert confusion_matrix([0, 1], [1, 1], ax=own) is own


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"y": [0, 1]}, "y must be a square table of counts, or labels together with predicted. Got shape (2,)"),
        (
            {"y": np.zeros((2, 3))},
            "y must be a square table of counts, or labels together with predicted. Got shape (2, 3)",
        ),
        ({"y": [[1, -1], [0, 1]]}, "y must be a table of counts, none below 0. Got negative, NaN or infinite"),
        ({"y": [[np.nan]]}, "y must be a table of counts, none below 0. Got negative, NaN or infinite"),
        (
            {"y": np.eye(3), "class_names": ["a"]},
            "class_names must be one name for each of the 3 classes. Got 1 instead.",
        ),
        (
            {"y": [0, 1], "predicted": np.zeros((2, 3))},
            "predicted must be whole-number labels of shape (N,); of scores, take scores.argmax(axis=1). "
            "Got float64 of shape (2, 3) instead.",
        ),
        (
            {"y": [0.5], "predicted": [1]},
            "y must be whole-number labels of shape (N,). Got float64 of shape (1,)",
        ),
        ({"y": [0, 1], "predicted": [1]}, "predicted must be as long as y, shape (2,). Got shape (1,) instead."),
        ({"y": [0, -1], "predicted": [0, 0]}, "y must be labels from 0 to 0. Got -1 instead."),
        ({"y": [0], "predicted": [0], "class_names": []}, "class_names must be at least one name. Got none instead."),
        (
            {"y": [0, 1], "predicted": [2, 0], "class_names": "ab"},
            "predicted must be labels from 0 to 1. Got 2 instead.",
        ),
    ],
)
def test_what_cannot_be_counted_is_refused(parameters, message):
    name, _, rest = message.partition(" ")
    with pytest.raises(ValueError, match=re.escape(f"The {name} parameter of confusion_matrix {rest}")):
        confusion_matrix(**parameters)
