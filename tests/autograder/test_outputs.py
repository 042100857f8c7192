"""Outputs of a stranger's process: what can be looked at is kept as it is, all else is left out, and nothing breaks."""

import copy
import json

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.outputs import harmless

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\n"
SCRIPT = "<script>alert(1)</script>"


def kept(*outputs, count=3):
    """Give what is kept of a cell's outputs, having checked that the rest of the notebook is left alone."""
    cell = {"cell_type": "code", "id": "a", "source": "x", "metadata": {"tags": ["t"]}}
    text = {"cell_type": "markdown", "id": "b", "source": SCRIPT, "metadata": {}}
    book = {"cells": [cell | {"outputs": list(outputs), "execution_count": count}, text], "metadata": {"a": 1}}
    before = copy.deepcopy(book)
    done = harmless(book)
    assert book == before
    assert done["cells"][1] == text
    assert {key: done["cells"][0][key] for key in cell} == cell
    assert done["metadata"] == {"a": 1}
    written = done | {"metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    nbformat.validate(json.loads(json.dumps(written)))
    return done["cells"][0]["outputs"]


def shown(data, **more):
    return {"output_type": "display_data", "data": data, "metadata": {}, **more}


class TestKept:
    @pytest.mark.parametrize(
        "output",
        [
            {"output_type": "stream", "name": "stdout", "text": "loss 2.3\n\taccuracy\n"},
            {"output_type": "stream", "name": "stderr", "text": "a warning: " + SCRIPT},
            {
                "output_type": "error",
                "ename": "ValueError",
                "evalue": "x < 0",
                "traceback": ["----", "ValueError: x < 0"],
            },
            shown({"image/png": PNG, "text/plain": "<Figure size 640x480 with 1 Axes>"}),
            shown({"image/jpeg": "/9j/4AAQ", "text/plain": "a picture"}),
            shown({"text/plain": SCRIPT}),
            {
                "output_type": "execute_result",
                "data": {"text/plain": "array([1])"},
                "metadata": {},
                "execution_count": 3,
            },
            {"output_type": "execute_result", "data": {"image/png": PNG}, "metadata": {}, "execution_count": None},
        ],
    )
    def test_text_pictures_and_errors_stay_as_they_are(self, output):
        assert kept(output) == [output]

    def test_the_order_is_kept(self):
        outputs = [{"output_type": "stream", "name": "stdout", "text": str(n)} for n in range(5)]
        assert kept(*outputs[:2], {"output_type": "update_display_data"}, *outputs[2:]) == outputs

    def test_of_a_rich_display_its_text_and_pictures_stay(self):
        kinds = (
            "text/html",
            "text/markdown",
            "text/latex",
            "image/svg+xml",
            "application/javascript",
            "application/json",
        )
        widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}
        rich = {"text/plain": "   a\n0  1", "image/png": PNG} | dict.fromkeys(kinds, SCRIPT) | widget
        assert kept(shown(rich)) == [shown({"image/png": PNG, "text/plain": "   a\n0  1"})]

    def test_of_a_progress_bar_its_last_state_stays(self):
        bar = "\r  0%|   | 0/2\r 50%|#  | 1/2\r100%|## | 2/2\ndone\r\nrate\r\r\n\r"
        assert (
            kept({"output_type": "stream", "name": "stderr", "text": bar})[0]["text"] == "100%|## | 2/2\ndone\nrate\n"
        )

    def test_a_cell_that_did_not_run_stays_empty(self):
        cell = {"cell_type": "code", "source": "", "metadata": {}}
        assert harmless({"cells": [cell]}) == {"cells": [cell | {"outputs": [], "execution_count": None}]}


class TestLeftOut:
    @pytest.mark.parametrize(
        "output",
        [
            None,
            5,
            "text",
            [],
            {},
            {"output_type": "stream", "name": "stdin", "text": "x"},
            {"output_type": "stream", "name": SCRIPT, "text": "x"},
            {"output_type": "stream", "name": "stdout", "text": ["x"]},
            {"output_type": "stream", "name": ["stdout"], "text": "x"},
            {"output_type": "error", "ename": "E", "evalue": "e", "traceback": "x"},
            {"output_type": "error", "ename": "E", "evalue": 5, "traceback": []},
            {"output_type": "pyout", "text": "x"},
            {"output_type": ["display_data"], "data": {"text/plain": "x"}},
            shown([]),
            shown({"text/html": SCRIPT}),
            shown({"image/svg+xml": "<svg onload='alert(1)'/>"}),
            shown({"text/plain": ["x"]}),
            shown({"image/png": '"><script>alert(1)</script>'}),
            shown({"image/png": "AAAA\u2028"}),
            shown({"image/png": ["AAAA"]}),
            shown({"IMAGE/PNG": "AAAA"}),
            {"output_type": "execute_result", "data": {"text/html": "x"}, "metadata": {}, "execution_count": 1},
        ],
    )
    def test_whatever_is_not_on_the_list(self, output):
        assert kept(output) == []

    @pytest.mark.parametrize("count", [SCRIPT, "3", -1, 10**6, True, 1.5, [3], {}, None])
    def test_a_count_that_is_none(self, count):
        result = {
            "output_type": "execute_result",
            "data": {"text/plain": "x"},
            "metadata": {},
            "execution_count": count,
        }
        assert kept(result, count=count) == [result | {"execution_count": None}]
        book = {"cells": [{"cell_type": "code", "execution_count": count}]}
        assert harmless(book)["cells"][0]["execution_count"] is None

    def test_metadata_and_unknown_fields(self):
        hostile = {
            "image/png": {"width": "1 onload=alert(1)", "alt": SCRIPT},
            "filenames": {"image/png": "javascript:1"},
        }
        output = shown({"image/png": PNG}, transient={"display_id": "x"}, svg_filename=SCRIPT) | {"metadata": hostile}
        assert kept(output) == [shown({"image/png": PNG})]

    def test_controls_colours_and_overrides_of_text(self):
        text = "\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m\x9b\u202egnp\u2066.exe\x00\ud800"
        clean = "redgnp.exe?"
        error = {"output_type": "error", "ename": text, "evalue": text, "traceback": [text, 5, text]}
        assert kept({"output_type": "stream", "name": "stdout", "text": text}, shown({"text/plain": text}), error) == [
            {"output_type": "stream", "name": "stdout", "text": clean},
            shown({"text/plain": clean}),
            {"output_type": "error", "ename": clean, "evalue": clean, "traceback": [clean, clean]},
        ]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from([PNG, SCRIPT, "stdout", "text/plain"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OUTPUT = st.fixed_dictionaries(
    {"output_type": st.sampled_from(["stream", "error", "display_data", "execute_result", "x"]) | JSON},
    optional={
        "name": st.sampled_from(["stdout", "stderr"]) | JSON,
        "text": JSON,
        "ename": JSON,
        "evalue": JSON,
        "traceback": JSON,
        "data": st.dictionaries(st.sampled_from(["text/plain", "image/png", "text/html"]), JSON) | JSON,
        "metadata": JSON,
        "execution_count": JSON,
    },
)


@given(st.lists(OUTPUT | JSON, max_size=4), JSON)
@settings(deadline=None, max_examples=100)
def test_whatever_comes_what_is_kept_is_a_notebook_of_text_and_pictures(outputs, count):
    for output in kept(*outputs, count=count):
        assert output["output_type"] in ("stream", "error", "display_data", "execute_result")
        assert set(output.get("data", {})) <= {"text/plain", "image/png", "image/jpeg"}
        assert not output.get("metadata")
