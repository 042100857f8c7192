"""Notebooks from strangers: whatever the file holds, it is read or refused, and put on the instructor's frame."""

import base64
import contextlib
import copy
import json
import random
import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import notebook, samples
from autograder.assignment import Assignment, names_of_assignments
from autograder.faults import SubmissionFault
from autograder.notebook import read
from autograder.restore import restore
from tests.conftest import COURSE


def cell(source, *, kind="code", id="", name="", tags=(), **marks):
    metadata = {"nbgrader": {"grade_id": name, "schema_version": 3, **marks}} if name else {}
    if tags:
        metadata["tags"] = list(tags)
    own = {"id": id or name, "cell_type": kind, "source": source, "metadata": metadata}
    return own | ({"outputs": ["old"], "execution_count": 3} if kind == "code" else {})


def frame_of(affine, relu, why, check="check('affine')\n### hidden tests"):
    """Build a small notebook: two functions, a check, a written answer, and plain cells."""
    return {
        "cells": [
            cell("# Title", kind="markdown", id="title"),
            cell("import numpy as np", name="setup", locked=True, solution=False, grade=False),
            cell(affine, name="affine", solution=True, grade=False, locked=False),
            cell(check, name="check_affine", solution=False, grade=True, locked=True, points=3),
            cell("plot()", id="play", tags=["explore"]),
            cell(relu, name="relu", solution=True, grade=False, locked=False),
            cell(why, kind="markdown", name="why", solution=True, grade=True, locked=False, points=2),
        ],
        "metadata": {"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}, "widgets": {"x": 1}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


FRAME = frame_of(
    "def affine(x):\n    return 2 * x", "def relu(x):\n    return max(x, 0)", "Because of the mark scheme."
)
STUBS = {
    "affine": "def affine(x):\n    raise NotImplementedError",
    "relu": "def relu(x):\n    raise NotImplementedError",
    "why": "Your answer.",
}
AFFINE, RELU, WHY = "def affine(x):\n    return x + x", "def relu(x):\n    return x * (x > 0)", "It saturates."


@pytest.fixture
def released():
    return frame_of(STUBS["affine"], STUBS["relu"], STUBS["why"], "check('affine')")


@pytest.fixture
def done():
    """Give what a student who answered everything hands in."""
    return frame_of(AFFINE, RELU, WHY, "check('affine')")


def handed_in(book):
    return read(json.dumps(book).encode())


def restored(book):
    """Restore a student's notebook and give (sources, notes), having checked what must always hold."""
    before = copy.deepcopy(FRAME)
    result, notes = restore(FRAME, handed_in(book), STUBS)
    assert before == FRAME
    own = [c for c in result["cells"] if not c["id"].startswith("extra-")]
    assert [c["id"] for c in own] == [c["id"] for c in FRAME["cells"]]
    assert [c["metadata"] for c in own] == [c["metadata"] for c in FRAME["cells"]]
    assert len({c["id"] for c in result["cells"]}) == len(result["cells"])
    assert all(c["outputs"] == [] and c["execution_count"] is None for c in result["cells"] if c["cell_type"] == "code")
    assert all("outputs" not in c for c in result["cells"] if c["cell_type"] != "code")
    assert all(c["metadata"] == {} for c in result["cells"] if c["id"].startswith("extra-"))
    by_id = {c["id"]: c["source"] for c in own}
    assert by_id["setup"] == "import numpy as np"
    assert by_id["check_affine"] == "check('affine')\n### hidden tests"
    assert "return 2 * x" not in str(result)
    assert "mark scheme" not in str(result)
    return [c["source"] for c in result["cells"]], notes


def run(sources):
    """Run the code a restored notebook holds, but for the checks and plots, and give its names."""
    names = {}
    for source in sources:
        if not source.startswith(("#", "check(", "plot(", "It ", "Your ")):
            exec(source, names)
    return names


COMPLETE = [
    "# Title",
    "import numpy as np",
    AFFINE,
    "check('affine')\n### hidden tests",
    "plot()",
    RELU,
    WHY,
]


class TestLooking:
    def test_each_kind_of_cell_is_told_by_its_metadata(self):
        told = [
            (notebook.grade_id(c), notebook.is_solution(c), notebook.is_check(c), notebook.is_written(c))
            for c in FRAME["cells"]
        ]
        assert told == [
            ("", False, False, False),
            ("setup", False, False, False),
            ("affine", True, False, False),
            ("check_affine", False, True, False),
            ("", False, False, False),
            ("relu", True, False, False),
            ("why", True, False, True),
        ]
        assert [notebook.explores(c) for c in FRAME["cells"]] == [i == 4 for i in range(7)]
        assert [notebook.points(c) for c in FRAME["cells"]] == [0, 0, 0, 3, 0, 0, 2]

    @pytest.mark.parametrize(
        "metadata",
        [
            None,
            [],
            "nbgrader",
            {"nbgrader": None, "tags": None},
            {"nbgrader": ["grade_id"], "tags": "explore"},
            {"nbgrader": {"grade_id": 5, "solution": True, "grade": True}, "tags": {"explore": 1}},
            {"nbgrader": {"solution": True, "grade": True}},
            {"nbgrader": {"grade_id": "", "solution": True, "grade": True}},
            {"nbgrader": {"grade_id": "x", "solution": "yes", "grade": 1}},
        ],
    )
    def test_metadata_of_any_form_is_survived_and_claims_nothing(self, metadata):
        c = {"cell_type": "code", "source": "", "metadata": metadata}
        assert not any(f(c) for f in (notebook.is_solution, notebook.is_check, notebook.is_written, notebook.explores))
        assert notebook.points(c) == 0

    def test_a_source_may_be_lines(self):
        assert notebook.source_of({"source": ["a = 1\n", "b = 2"]}) == notebook.source_of({"source": "a = 1\nb = 2"})


class TestRead:
    def test_keeps_text_type_id_and_metadata_and_drops_the_rest(self, done):
        assert handed_in(done)["cells"][2] == {
            "id": "affine",
            "cell_type": "code",
            "source": AFFINE,
            "metadata": FRAME["cells"][2]["metadata"],
        }
        assert handed_in(done).keys() == {"cells"}

    def test_sources_as_lines_and_a_byte_order_mark(self, done):
        as_text = handed_in(done)
        for c in done["cells"]:
            c["source"] = c["source"].splitlines(keepends=True)
        assert handed_in(done) == as_text
        assert read(b"\xef\xbb\xbf" + json.dumps(done).encode()) == as_text

    def test_what_a_cell_may_lack(self):
        book = {"nbformat": 4, "cells": [{"cell_type": "raw", "source": []}]}
        assert handed_in(book) == {"cells": [{"id": "", "cell_type": "raw", "source": "", "metadata": {}}]}
        book["cells"][0] |= {"id": 7, "metadata": ["tags"]}
        assert handed_in(book) == {"cells": [{"id": "", "cell_type": "raw", "source": "", "metadata": {}}]}

    def test_lone_surrogates_become_text_that_can_be_written(self):
        data = rb'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "s = \"\ud800 \ud83d\ude00\""}]}'
        source = read(data)["cells"][0]["source"]
        assert source == 's = "? \N{GRINNING FACE}"'
        assert source.encode()

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "The notebook file is empty (0 bytes). Save the notebook and hand it in again."),
            (b" \n", "The notebook file is empty (2 bytes)."),
            (b'{"cells": [', "is not valid JSON: it breaks off or is damaged at line 1. Open it in JupyterLab; if it"),
            (b'{\n"a": 1\n"b"}', "is not valid JSON: it breaks off or is damaged at line 3."),
            (b"PK\x03\x04\xff", "is not valid JSON: it breaks off or is damaged. Open it in JupyterLab"),
            (b"9" * 5000, "is not valid JSON: it breaks off or is damaged. Open it"),
            (b"[" * 200_000, "The notebook file is nested too deeply to be a notebook. Open it in JupyterLab, save it"),
            (b"[]", "The file holds JSON, but not a notebook. Open it in JupyterLab, save it and hand it in again."),
            (b"null", "The file holds JSON, but not a notebook."),
            (b"{}", "The notebook must be in format 4; this one says None. Open it"),
            (b'{"nbformat": 3, "worksheets": []}', "The notebook must be in format 4; this one says 3. Open it"),
            (b'{"nbformat": "4", "cells": []}', "The notebook must be in format 4; this one says '4'."),
            (b'{"nbformat": 4, "cells": {}}', "The notebook must be in format 4; this one says 4."),
            (b'{"nbformat": 4}', "The notebook must be in format 4; this one says 4."),
        ],
    )
    def test_refuses_what_is_no_notebook_and_says_what_to_do(self, data, reason):
        with pytest.raises(SubmissionFault, match=f"{re.escape(reason)}"):
            read(data)

    @pytest.mark.parametrize(
        "damaged",
        [
            None,
            "code",
            [],
            {},
            {"cell_type": "code"},
            {"source": "x"},
            {"cell_type": "heading", "source": "x"},
            {"cell_type": ["code"], "source": "x"},
            {"cell_type": "code", "source": 5},
            {"cell_type": "code", "source": ["x", None]},
            {"cell_type": "code", "source": {"x": 1}},
        ],
    )
    def test_names_the_cell_that_is_damaged(self, damaged, done):
        done["cells"].insert(2, damaged)
        with pytest.raises(SubmissionFault, match="Cell 3 of the notebook is damaged: it has no text or no type"):
            handed_in(done)

    def test_refuses_too_many_bytes_or_cells(self, monkeypatch, done):
        with pytest.raises(SubmissionFault, match=r"A notebook may have 5000 cells; this one has 5001. Open it"):
            handed_in({"nbformat": 4, "cells": [{"cell_type": "raw", "source": ""}] * 5001})
        monkeypatch.setattr(notebook, "MAX_BYTES", 2**20)
        done["cells"][2]["outputs"] = ["x" * 3 * 2**20]
        with pytest.raises(SubmissionFault, match=r"A notebook may have 1 MB; this one has more. Clear its outputs"):
            handed_in(done)

    @pytest.mark.parametrize(
        "source",
        ["x" * 2_000_000, ["x" * 19 + "\n"] * 100_000, "\N{GRINNING FACE}" + "x" * 1_999_999],
        ids=["one", "lines", "wide"],
    )
    def test_refuses_megabytes_of_source(self, source, done):
        done["cells"] = [cell(source, id="x")]
        assert len(handed_in(done)["cells"][0]["source"]) == 2_000_000
        done["cells"].append(cell("y", id="y"))
        with pytest.raises(
            SubmissionFault, match=r"may hold 2,000,000 characters .* those up to cell 2 hold more. Keep"
        ):
            handed_in(done)

    def test_refuses_what_would_take_too_much_memory_before_parsing_it(self):
        said = (
            r"^Reading a notebook may take 84 MB of memory; this one, of 3.0 MB, takes more: it holds millions of small "
            r"items, or very long texts. Clear its outputs \(Edit, Clear Outputs of All Cells\), save it and hand it in again.$"
        )
        with pytest.raises(SubmissionFault, match=said):
            read(b'{"nbformat": 4, "cells": [], "x": [' + b"[]," * (2**20 - 20) + b"0]}")

    def test_an_honest_notebook_of_fifteen_megabytes_is_read(self, done):
        """Plots, training logs as lines, an interactive figure as data and as a page, and the emoji of a happy student."""
        rng = random.Random(0)
        lines = [f"(Iteration {n} / 60000) loss: {rng.random():f}, accuracy: {rng.random():f}\n" for n in range(60_000)]
        figure = {"data": [{"x": [rng.random() for _ in range(50_000)], "type": "scatter"}], "layout": {}}
        page = f"<div>\N{PARTY POPPER}</div><script>{json.dumps(figure)}</script>"
        plots = [base64.b64encode(rng.randbytes(200_000)).decode() for _ in range(30)]
        done["cells"][4]["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": lines},
            {"output_type": "display_data", "data": {"application/vnd.plotly.v1+json": figure, "text/html": page}},
            *(
                {"output_type": "display_data", "data": {"image/png": plot, "text/plain": ["<Figure>"]}}
                for plot in plots
            ),
        ]
        for ascii in (True, False):
            data = json.dumps(done, indent=1, ensure_ascii=ascii).encode()
            assert 14e6 < len(data) < 16e6
            assert read(data) == handed_in(frame_of(AFFINE, RELU, WHY, "check('affine')"))

    def test_scripts_of_all_widths_are_read_as_they_are(self, done):
        text = 'a é ā 中 \N{GRINNING FACE} \\u4e2d \\ " \n \t \x7f \x80 \xff \u2028'
        done["cells"][2]["source"] = text
        for data in (json.dumps(done).encode(), json.dumps(done, ensure_ascii=False).encode()):
            assert read(data)["cells"][2]["source"] == text
        at_every_offset = ("é中\N{GRINNING FACE}" * 30_000)[:-1]  # across the pieces it is decoded in
        for start in range(4):
            done["cells"][2]["source"] = "x" * start + at_every_offset
            assert read(json.dumps(done, ensure_ascii=False).encode())["cells"][2]["source"][start:] == at_every_offset

    def test_many_wide_letters_count_as_what_they_take(self):
        data = ('{"nbformat": 4, "cells": [], "x": "' + "я" * 5_000_000 + '"}').encode()
        with pytest.raises(
            SubmissionFault, match=r"this one, of 9.5 MB, takes more: it holds .* very long texts. Clear its"
        ):
            read(data)

    @pytest.mark.parametrize("damaged", [b"\xff", b"\xe4\xb8", b"\xed\xa0\x80", b'"\\', b'"\\u12', b'{"a": "\\"'])
    def test_broken_encodings_escapes_and_endless_strings(self, damaged):
        with pytest.raises(
            SubmissionFault, match=r"is not valid JSON: it breaks off or is damaged.* Open it in JupyterLab"
        ):
            read(b'{"nbformat": 4, "cells": [' + damaged)

    def test_nesting_just_within_what_json_allows_is_refused_too(self):
        for depth in range(sys.getrecursionlimit() - 120, sys.getrecursionlimit() + 5):
            with pytest.raises(SubmissionFault, match=r"nested too deeply|must be in format 4"):
                read(b'{"cells": [], "nbformat": ' + b"[" * depth + b"]" * depth + b"}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
CELLISH = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | JSON,
        "source": st.text(max_size=20) | st.lists(st.text(max_size=5), max_size=3) | JSON,
        "id": st.sampled_from(["title", "play", "affine", ""]) | JSON,
        "metadata": JSON
        | st.fixed_dictionaries(
            {}, optional={"nbgrader": JSON | st.fixed_dictionaries({"grade_id": st.sampled_from(list(STUBS)) | JSON})}
        ),
    },
)
SOUND = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "markdown", "raw"]),
        "source": st.sampled_from([AFFINE, RELU, WHY, *STUBS.values(), "def affine(", "%magic\n" + RELU])
        | st.text(max_size=20),
        "id": st.sampled_from(["title", "play", "affine", "extra-0-0", ""]),
        "metadata": st.just({})
        | st.fixed_dictionaries(
            {"nbgrader": st.fixed_dictionaries({"grade_id": st.sampled_from([*STUBS, "setup", "check_affine", "?"])})}
        ),
    }
)


class TestHostileFiles:
    @given(st.binary(max_size=200))
    @settings(deadline=None, max_examples=60)
    def test_arbitrary_bytes_are_refused(self, data):
        with pytest.raises(SubmissionFault, match="hand it in again"):
            read(data)

    @given(JSON | st.fixed_dictionaries({"nbformat": st.just(4) | JSON, "cells": st.lists(CELLISH | JSON) | JSON}))
    @settings(deadline=None, max_examples=60)
    def test_arbitrary_json_is_read_or_refused_and_what_is_read_can_be_restored(self, content):
        with contextlib.suppress(SubmissionFault):
            book, _ = restore(FRAME, handed_in(content), STUBS)
            assert json.dumps(book).encode()

    @given(st.lists(SOUND, max_size=12))
    @settings(deadline=None, max_examples=60)
    def test_cells_in_any_order_number_and_state_keep_the_frame_whole(self, cells):
        sources, _ = restored({"nbformat": 4, "cells": cells})
        # Nothing a student wrote is lost but copies of locked cells and of stubs.
        names = [c["metadata"].get("nbgrader", {}).get("grade_id") for c in cells]
        kept = [c["source"] for c, name in zip(cells, names, strict=True) if name not in ("setup", "check_affine")]
        text = "\n".join(sources)
        assert all(s.encode("utf-8", "replace").decode() in text for s in kept if s not in STUBS.values())


class TestRestore:
    def test_an_untouched_notebook_keeps_its_stubs(self, released):
        sources, notes = restored(released)
        assert sources == [STUBS.get(c["id"], c["source"]) for c in FRAME["cells"]]
        assert notes == ()

    def test_a_complete_notebook_keeps_its_answers(self, done):
        assert restored(done) == (COMPLETE, ())

    def test_only_the_kernel_and_language_remain_of_the_frames_metadata(self, done):
        done["metadata"] = {"kernelspec": {"name": "evil"}}
        book, _ = restore(FRAME, handed_in(done), STUBS)
        assert book["metadata"] == {"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}}
        assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)

    def test_edits_of_locked_cells_are_ignored_and_of_plain_cells_kept(self, done):
        done["cells"][1]["source"] = "import evil as np"
        done["cells"][3]["source"] = "pass  # always right"
        done["cells"][4]["source"] = "x = 5\nplot(x)"
        sources, notes = restored(done)
        assert sources == [*COMPLETE[:4], "x = 5\nplot(x)", *COMPLETE[5:]]
        assert notes == ()

    def test_deleted_locked_and_plain_cells_come_back(self, done):
        done["cells"] = [c for c in done["cells"] if c["id"] in STUBS]
        assert restored(done) == (COMPLETE, ())

    def test_a_deleted_answer_comes_back_as_it_was_handed_out_with_a_note(self, done):
        del done["cells"][5]
        sources, notes = restored(done)
        assert sources == [*COMPLETE[:5], STUBS["relu"], WHY]
        assert notes == ("The cell 'relu' was missing; it was put back as it was handed out.",)

    def test_an_empty_notebook_becomes_the_release(self):
        sources, notes = restored({"nbformat": 4, "cells": []})
        assert sources == [STUBS.get(c["id"], c["source"]) for c in FRAME["cells"]]
        assert [note.split("'")[1] for note in notes] == ["affine", "relu", "why"]

    def test_the_frame_may_hold_sources_as_lines(self, done):
        frame = copy.deepcopy(FRAME)
        for c in frame["cells"]:
            c["source"] = c["source"].splitlines(keepends=True)
        assert restore(frame, handed_in(done), STUBS) == restore(FRAME, handed_in(done), STUBS)


class TestDoubledCells:
    def test_all_versions_run_in_order_and_the_last_one_counts(self, done):
        first = "def affine(x):\n    return None\nhelper = 3"
        done["cells"].insert(2, done["cells"][2] | {"source": first})
        sources, notes = restored(done)
        assert sources == [*COMPLETE[:2], first, AFFINE, *COMPLETE[3:]]
        assert notes == ("The cell 'affine' was there more than once; all copies were run, in your order.",)
        assert run(sources)["affine"](4) == 8
        assert run(sources)["helper"] == 3

    @pytest.mark.parametrize("before", [True, False])
    def test_an_untouched_copy_is_dropped_wherever_it_stands(self, before, done, released):
        done["cells"].insert(2 if before else 6, released["cells"][2])
        sources, notes = restored(done)
        assert sources == COMPLETE
        assert len(notes) == 1
        assert run(sources)["affine"](4) == 8

    def test_a_split_cell_keeps_both_halves_in_order(self, done):
        done["cells"][2:3] = [
            done["cells"][2] | {"source": "def half(x):\n    return x"},
            done["cells"][2] | {"source": "def affine(x):\n    return half(x) + half(x)"},
        ]
        sources, notes = restored(done)
        assert run(sources)["affine"](4) == 8
        assert len(notes) == 1

    @pytest.mark.parametrize("named", [0, 1])
    def test_a_split_cell_of_which_one_half_lost_its_name(self, named, done):
        halves = ["def half(x):\n    return x", "def affine(x):\n    return half(x) + half(x)"]
        done["cells"][2:3] = [done["cells"][2] | {"source": s} for s in halves]
        done["cells"][3 - named] |= {"metadata": {}, "id": "other"}
        sources, notes = restored(done)
        assert sources == [*COMPLETE[:2], *halves, *COMPLETE[3:]]
        assert notes == ()

    def test_copies_of_locked_cells_are_dropped(self, done):
        done["cells"] += [done["cells"][1], done["cells"][3] | {"source": "pass"}] * 2
        assert restored(done) == (COMPLETE, ())

    def test_cells_of_the_students_own_that_share_an_id_with_a_plain_cell_are_kept(self, done):
        done["cells"][5:5] = [cell("helper = 1", id="play"), cell("helper += 1", id="play")]
        sources, _ = restored(done)
        assert sources == [*COMPLETE[:5], "helper = 1", "helper += 1", *COMPLETE[5:]]
        assert run(sources)["helper"] == 2

    def test_the_same_id_everywhere(self, done):
        for c in done["cells"]:
            c["id"] = "play"
        sources, notes = restored(done)
        assert notes == ()
        assert [s for s in sources if s != "# Title"] == COMPLETE[1:]


class TestLostNames:
    def test_answers_are_recognised_by_what_they_define(self, done):
        for c in done["cells"]:
            c["metadata"] = {}
        sources, notes = restored(done)
        assert run(sources)["affine"](4) == 8
        assert run(sources)["relu"](-3) == 0
        assert sources.count(AFFINE) == sources.count(RELU) == 1
        assert sources.count(WHY) == 1
        assert notes == (
            "The cell 'affine' had lost its name; it was recognised by the function it defines.",
            "The cell 'relu' had lost its name; it was recognised by the function it defines.",
            "The cell 'why' had lost its name; it was recognised by its place.",
        )

    def test_a_written_answer_is_known_by_its_place_only_where_none_bears_its_name(self, done):
        at = next(i for i, c in enumerate(done["cells"]) if c["source"] == WHY)
        done["cells"].insert(at, {"cell_type": "markdown", "id": "own", "metadata": {}, "source": "A note of mine."})
        sources, notes = restored(done)
        assert notes == ()
        assert sources.index("A note of mine.") < sources.index(WHY)

    def test_an_answer_whose_functions_have_other_names_is_recognised_too(self, done):
        """Found as a wrong mark: the stub was put back behind the answer, which counted as not written."""
        done["cells"][2]["metadata"] = {}
        done["cells"][2]["source"] = "def forward(x):\n    return 2 * x"
        stubs = STUBS | {"affine": "def forward(x):\n    raise NotImplementedError\ndef backward(x):\n    pass"}
        book, notes = restore(FRAME, handed_in(done), stubs)
        assert run([c["source"] for c in book["cells"]])["forward"](4) == 8
        assert notes == ("The cell 'affine' had lost its name; it was recognised by the function it defines.",)

    def test_a_helper_that_two_answers_ask_for_tells_nothing(self, done):
        done["cells"][2] = cell("def helper(x):\n    return x", id="x")
        stubs = {name: f"def helper(x):\n    pass\n{stub}" for name, stub in STUBS.items() if name != "why"}
        _, notes = restore(FRAME, handed_in(done), stubs | {"why": STUBS["why"]})
        assert notes == ("The cell 'affine' was missing; it was put back as it was handed out.",)

    @pytest.mark.parametrize("name", names_of_assignments(COURSE))
    def test_every_answer_of_the_course_that_defines_something(self, name):
        assignment = Assignment(COURSE, name)
        done = samples.complete(assignment)
        for c in done["cells"]:
            c["metadata"] = {}
        _, notes = restore(assignment.frame, handed_in(done), assignment.stubs)
        missing = [note.split("'")[1] for note in notes if "was missing" in note]
        assert [n for n in missing if re.search(r"^(def|class) ", assignment.stubs[n], re.MULTILINE)] == []

    def test_plain_and_locked_cells_are_known_by_their_text(self, done):
        for c in done["cells"]:
            c["metadata"] = {}
            c["id"] = ""
        sources, _ = restored(done)
        assert [sources.count(source) for source in COMPLETE] == [1] * len(COMPLETE)

    @pytest.mark.parametrize(
        "source",
        [
            "%matplotlib inline\n" + AFFINE,
            AFFINE + "\nprint(affine(2)",
            "import re\nDIGIT = '\\d'\nclass Helper:\n    pass\n" + AFFINE,
            AFFINE + "\x00",
            "class affine:\n    def __call__(self, x):\n        return x + x",
        ],
        ids=["magic", "mistake", "escape", "nul", "class"],
    )
    def test_also_beside_magics_mistakes_and_other_definitions(self, source, done):
        done["cells"][2] = cell(source, id="x")
        sources, notes = restored(done)
        assert sources == [*COMPLETE[:2], source, *COMPLETE[3:]]
        assert notes == ("The cell 'affine' had lost its name; it was recognised by the function it defines.",)

    @pytest.mark.parametrize(
        "source", ["    def affine(x): pass", "affine = 3", "# def affine(x):", "undef affine", "def affine2(x): pass"]
    )
    def test_only_by_a_definition_at_the_top_level(self, source, done):
        done["cells"][2] = cell(source, id="x")
        sources, notes = restored(done)
        assert sources[2:4] == [source, STUBS["affine"]]
        assert notes == ("The cell 'affine' was missing; it was put back as it was handed out.",)

    def test_a_named_cell_is_preferred_to_another_that_defines_the_same(self, done):
        mine = "def affine(x):\n    return 'an experiment'"
        done["cells"].insert(2, cell(mine, id="x"))
        sources, notes = restored(done)
        assert sources == [*COMPLETE[:2], mine, *COMPLETE[2:]]
        assert notes == ()
        assert run(sources)["affine"](4) == 8

    def test_two_nameless_versions_run_in_order(self, done):
        done["cells"][2:3] = [cell("def affine(x):\n    return None", id="x"), cell(AFFINE, id="y")]
        sources, _ = restored(done)
        assert run(sources)["affine"](4) == 8

    def test_a_nameless_copy_of_the_stub_does_not_undo_the_answer(self, done):
        done["cells"][2] = cell(AFFINE, id="x")
        done["cells"].append(cell(STUBS["affine"], id="y"))
        sources, notes = restored(done)
        assert sources == COMPLETE
        assert len(notes) == 2

    def test_an_answer_rewritten_after_its_cell_was_made_text(self, done):
        done["cells"][2]["cell_type"] = "markdown"
        done["cells"].insert(3, cell(AFFINE, id="x"))
        sources, notes = restored(done)
        assert sources == [*COMPLETE[:2], AFFINE, *COMPLETE[2:]]  # as text, and as code
        assert notes == ("The cell 'affine' had lost its name; it was recognised by the function it defines.",)

    def test_a_function_named_like_a_written_answer_is_no_answer(self, done):
        done["cells"][6] = cell("def why(): pass", id="x")
        sources, notes = restored(done)
        assert sources[-2:] == ["def why(): pass", STUBS["why"]]
        assert notes == ("The cell 'why' was missing; it was put back as it was handed out.",)

    def test_megabytes_without_a_name_are_quickly_passed_over(self, done):
        done["cells"].insert(2, cell("x = (" * 300_000, id="x"))
        assert len(restored(done)[0]) == 8


class TestOtherCells:
    def test_cells_in_another_order_go_back_to_their_places(self, done):
        done["cells"].reverse()
        assert restored(done) == (COMPLETE, ())

    def test_a_students_own_cells_follow_their_neighbour(self, done):
        done["cells"].insert(6, cell("c = 3", id="c"))
        done["cells"].insert(3, cell("b = 2", id="b2"))
        done["cells"].insert(3, cell("*b*", kind="markdown", id="b1"))
        done["cells"].insert(0, cell("a = 1", id="a"))
        expected = ["a = 1", *COMPLETE[:3], "*b*", "b = 2", *COMPLETE[3:6], "c = 3", *COMPLETE[6:]]
        assert restored(done) == (expected, ())
        done["cells"] = done["cells"][4:] + done["cells"][:4]  # the neighbour takes its followers along
        sources, _ = restored(done)
        assert sources[sources.index(RELU) + 1] == "c = 3"
        assert sources.index("*b*") + 1 == sources.index("b = 2")

    def test_a_changed_cell_type_is_not_followed(self, done):
        done["cells"][4] |= {"cell_type": "markdown"}
        done["cells"][2] |= {"cell_type": "raw"}
        book, notes = restore(FRAME, handed_in(done), STUBS)
        assert [c["cell_type"] for c in book["cells"] if not c["id"].startswith("extra")] == [
            c["cell_type"] for c in FRAME["cells"]
        ]
        assert [(c["cell_type"], c["source"]) for c in book["cells"] if c["id"].startswith("extra")] == [
            ("raw", AFFINE),
            ("markdown", "plot()"),
        ]
        assert notes == ("The cell 'affine' was missing; it was put back as it was handed out.",)

    def test_the_students_own_explore_tag_does_not_make_a_cell_skippable(self, done):
        done["cells"].insert(3, cell("helper = 1", id="x", tags=["explore"]))
        done["cells"][2]["metadata"]["tags"] = ["explore"]
        done["cells"][5]["metadata"] = {}
        book, _ = restore(FRAME, handed_in(done), STUBS)
        assert [c["id"] for c in book["cells"] if notebook.explores(c)] == ["play"]

    def test_a_student_cannot_make_a_check_or_an_answer(self, done):
        done["cells"].append(cell("5.0", name="check_bonus", grade=True, solution=False, points=100))
        done["cells"].append(cell("5.0", name="bonus", grade=True, solution=True, points=100))
        book, notes = restore(FRAME, handed_in(done), STUBS)
        assert [notebook.grade_id(c) for c in book["cells"][-2:]] == ["", ""]
        assert sum(map(notebook.points, book["cells"])) == 5
        assert notes == ()

    def test_thousands_of_cells_stay_in_order(self, done):
        many = [cell(f"x = {n}", id="same") for n in range(4900)]
        done["cells"][3:3] = many
        sources, notes = restored(done)
        assert sources == [*COMPLETE[:3], *(c["source"] for c in many), *COMPLETE[3:]]
        assert notes == ()


class TestPictures:
    def test_a_picture_pasted_into_a_written_answer_is_kept(self, done):
        at = next(i for i, c in enumerate(done["cells"]) if c["source"] == WHY)
        done["cells"][at]["attachments"] = {"page.png": {"image/png": "iVBORw0KGgo="}}
        book, _ = restore(FRAME, handed_in(done), STUBS)
        (answer,) = [c for c in book["cells"] if c["source"] == WHY]
        assert answer["attachments"] == {"page.png": {"image/png": "iVBORw0KGgo="}}

    @pytest.mark.parametrize(
        "attached",
        [
            [],
            {"page": "iVBORw0KGgo="},
            {"page": {"image/svg+xml": "PHN2Zz4="}},
            {"page": {"text/html": "PGI+"}},
            {"page": {"image/png": '" onerror="alert(1)'}},
            {"page": {"image/png": 3}},
            {"x" * 201: {"image/png": "iVBORw0KGgo="}},
        ],
    )
    def test_whatever_else_is_attached_is_dropped(self, done, attached):
        at = next(i for i, c in enumerate(done["cells"]) if c["source"] == WHY)
        done["cells"][at]["attachments"] = attached
        book, _ = restore(FRAME, handed_in(done), STUBS)
        assert not any("attachments" in c for c in book["cells"])
