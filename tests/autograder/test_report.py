"""The reports: right figures, three verdicts that look different, and nothing a stranger writes gets through."""

import io
import json
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from autograder.model import Outcome, OutputOutcome, Report, Verdict, all_failed, all_ungraded
from autograder.report import Status, number, shown, status, status_words, total
from autograder.report.page import bins, class_page, figures, frequent_reasons, level
from autograder.report.table import ClassTable, reasons, summary

SCRIPT = "<script>alert(1)</script>"
HOSTILE = (
    "forward raised ValueError: \x1b[2J\x1b]0;owned\x07 [bold]86 / 86[/bold] \u202egnp.exe <img src=x>" + "A" * 10_000
)
QUESTIONS = {"forward": {"out": 7, "inputs": 1}, "backward": {"dx": 3, "dw": 2.5}}


def right(question, notes=()):
    points = QUESTIONS[question].items()
    return Outcome(question, tuple(OutputOutcome(n, Verdict.PASSED, p, p) for n, p in points), notes=notes)


def partly(question, output, reason, headline=""):
    return Outcome(
        question,
        tuple(
            OutputOutcome(n, Verdict.FAILED, 0.0, p, reason) if n == output else OutputOutcome(n, Verdict.PASSED, p, p)
            for n, p in QUESTIONS[question].items()
        ),
        headline,
    )


def report(student, forward=None, backward=None, **more):
    return Report(student, "two_layers", (forward or right("forward"), backward or right("backward")), 14.0, **more)


def unusable(student, fault="The notebook is not JSON. Save it again."):
    return report(student, *(all_failed(q, p, fault) for q, p in QUESTIONS.items()), fault=fault)


def ours(question="backward"):
    return all_ungraded(question, QUESTIONS[question], "The reference was stopped after 60 s. Mend it.")


CLASS = [
    report("ada"),
    report("bob", backward=partly("backward", "dx", "dx has the wrong sign.")),
    unusable("cy"),
    report("dee", forward=partly("forward", "inputs", "x was changed."), backward=ours()),
]


def printed(renderable, width=100):
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(renderable)
    return out.getvalue()


def row(text, student):
    return " ".join(next(line.split() for line in text.splitlines() if line.startswith(student)))


class Page(HTMLParser):
    """What a browser would make of the page: its tags with attributes, its text, and the cells of its rows."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.said, self.rows = [], "", []
        self.in_cell = self.in_style = False
        self.feed(html)
        self.said = " ".join(self.said.split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.in_style = tag == "style"
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.in_cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.in_cell &= tag not in ("td", "th")
        self.in_style &= tag != "style"

    def handle_data(self, data):
        if self.in_cell:
            self.rows[-1][-1] += data
        if not self.in_style:
            self.said += data


def classes(page, tag):
    return [attrs.get("class") for name, attrs in page.tags if name == tag]


class TestWords:
    def test_status_of_each_kind(self):
        kinds = [Status.COMPLETE, Status.LOST, Status.UNUSABLE, Status.UNGRADED]
        assert [status(r) for r in CLASS] == kinds

    def test_our_fault_comes_before_the_students(self):
        assert status(report("eve", *(ours(q) for q in QUESTIONS), fault="The worker died.")) is Status.UNGRADED

    def test_status_words_count_questions(self):
        assert status_words(CLASS[1]) == "lost marks in 1 question"
        assert status_words(CLASS[3]) == "1 question ungraded, our fault"
        assert status_words(Report("eve", "a", (), fault="The worker died.")) == "all questions ungraded, our fault"
        wrong = [all_failed(q, p, "wrong") for q, p in QUESTIONS.items()]
        assert status_words(report("eve", *wrong)) == "lost marks in 2 questions"

    def test_total_is_a_lower_bound_while_something_is_ungraded(self):
        assert [total(r) for r in CLASS] == ["13.5 / 13.5", "10.5 / 13.5", "0 / 13.5", "≥ 7 / 13.5"]

    def test_points_of_a_half_graded_answer_are_not_counted(self):
        half = Outcome(
            "backward",
            (OutputOutcome("dx", Verdict.PASSED, 3, 3), OutputOutcome("dw", Verdict.UNGRADED, 0, 2.5)),
        )
        assert total(report("eve", backward=half)) == "≥ 8 / 13.5"

    def test_thirds_are_rounded(self):
        assert number(20 / 3) == "6.67"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("\x1b[31m", r"\x1b[31m"),
            ("\x9b31m", r"\x9b31m"),
            ("a\x00\x07b", r"a\x00\x07b"),
            ("a\u202eb\u200bc", r"a\u202eb\u200bc"),
            ("\ud800", r"\ud800"),
            (" two\r\n\tlines\u2028three ", "two lines three"),
            ("Zoë 李 🙂", "Zoë 李 🙂"),
        ],
    )
    def test_shown_spells_out_what_is_invisible(self, text, expected):
        assert shown(text) == expected

    def test_shown_cuts_with_a_mark_what_is_one_too_long(self):
        assert shown("a" * 500) == "a" * 500
        assert shown("a" * 501) == "a" * 500 + " … (cut; 501 characters in all)"
        assert len(shown("\x1b" * 10_000)) < 550


class TestTable:
    def test_rows_hold_points_total_by_hand_and_status(self):
        text = printed(ClassTable(CLASS))
        assert row(text, "ada") == "ada 8 5.5 13.5 / 13.5 +14 complete"
        assert row(text, "bob") == "bob 8 2.5 10.5 / 13.5 +14 with lost marks"
        assert row(text, "cy") == "cy 0 0 0 / 13.5 +14 unusable"
        assert row(text, "dee") == "dee 7 – ≥ 7 / 13.5 +14 ungraded"

    def test_caption_names_the_questions_and_explains_the_sign(self):
        assert "1=forward  2=backward" in printed(ClassTable(CLASS))
        assert "our fault" in printed(ClassTable(CLASS))
        assert "our fault" not in printed(ClassTable(CLASS[:3]))

    def test_a_question_some_reports_lack_leaves_a_gap(self):
        less = Report("eve", "two_layers", (right("backward"),))
        assert row(printed(ClassTable([*CLASS, less])), "eve") == "eve 5.5 5.5 / 5.5 complete"

    def test_seven_questions_and_a_long_name_fit_in_eighty_columns(self):
        outcomes = tuple(all_failed(f"question_{n}", {"out": 12}, "wrong") for n in range(7))
        text = printed(ClassTable([Report("loss_averaged_twice", "a", outcomes, 14.0)]), width=80)
        assert "loss_averaged_twice   0" in text
        assert "0 / 84     +14  with lost marks" in text

    @pytest.mark.parametrize(("count", "lost"), [(17, 3), (44, 44)])
    def test_where_questions_do_not_fit_those_that_lost_marks_are_named(self, count, lost):
        outcomes = [all_failed(f"question_{n}", {"out": 12}, "wrong") for n in range(lost)]
        outcomes += [
            Outcome(f"question_{n}", (OutputOutcome("out", Verdict.PASSED, 2, 2),)) for n in range(lost, count)
        ]
        text = printed(ClassTable([*CLASS, Report("loss_averaged_twice", "a", tuple(outcomes), 14.0)]), width=80)
        words = " ".join(text.split())
        assert row(text, "ada") == "ada 13.5 / 13.5 +14 complete"
        assert row(text, "loss_averaged_twice").startswith(
            "loss_averaged_twice " + ("28 / 64" if lost == 3 else "0 / 528")
        )
        assert "question_0," in words
        assert "question_2" in words
        assert ("and 40 more" in words) == (lost == 44)
        assert all(len(line) <= 80 for line in text.splitlines())
        assert "…" not in text

    def test_summary_counts_every_kind(self):
        assert summary(CLASS) == "4 submissions: 1 complete, 1 with lost marks, 1 unusable, 1 ungraded"
        assert summary(CLASS[:1]).startswith("1 submission: 1 complete")

    def test_reasons_stand_under_their_student_and_question(self):
        wrong = partly("backward", "dx", "dx has the wrong sign.", "The minus of the chain rule is missing.")
        text = printed(reasons([CLASS[0], report("bob", backward=wrong, notes=("A cell was put back.",))]))
        assert [line.strip() for line in text.splitlines()] == [
            "bob  10.5 / 13.5  lost marks in 1 question",
            "Note: A cell was put back.",
            "backward 2.5 / 5.5, lost in dx",
            "- The minus of the chain rule is missing.",
            "- dx has the wrong sign.",
        ]

    def test_a_fault_is_said_once_and_a_note_on_right_work_is_kept(self):
        text = printed(reasons([unusable("cy"), report("eve", forward=right("forward", ("out is (1, 5).",)))]))
        assert text.count("not JSON") == 1
        assert "- Note: out is (1, 5)." in text

    def test_ungraded_says_whose_fault_it_is_and_why(self):
        text = printed(reasons([CLASS[3]]))
        assert "backward ungraded, our fault" in text
        assert "- The reference was stopped after 60 s." in text

    def test_reasons_wrap_under_their_own_indent(self):
        lines = printed(reasons([report("bob", forward=partly("forward", "out", "word " * 40))]), width=60).splitlines()
        assert lines[2].startswith("    - word")
        assert all(re.match(" {6}word", line) for line in lines[3:])
        assert len(lines) > 5

    @pytest.mark.parametrize("render", [ClassTable, reasons])
    def test_hostile_text_is_shown_not_obeyed(self, render):
        name = "[red]eve[/red]\x1b[2J\u202e[/][link=file:///x]x[/link]" + SCRIPT
        text = printed(render([report(name, forward=partly("forward", "out", HOSTILE), notes=(HOSTILE,))]), width=200)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
        assert "[red]eve[/red]" in text
        assert "[link=file:///x]x" in re.sub(r"\s+", "", text)
        assert len(text) < 5_000

    @pytest.mark.parametrize("name", ["[/red]", "[link=x]", "\x1b]8;;//x\x07y", "\u2066\u2069", "\udcff", "=cmd|x"])
    def test_a_name_reaches_a_terminal_as_text(self, name):
        for render in (ClassTable, reasons):
            out = io.StringIO()
            Console(file=out, width=200, force_terminal=True, color_system="truecolor").print(render([unusable(name)]))
            text = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())  # rich's own colours
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
            assert shown(name) in text


class TestFigures:
    def test_bins_hold_their_lower_edge_and_full_marks(self):
        assert bins([0, 0.0999, 0.1, 0.29 + 0.01, 0.95, 1.0]) == [2, 1, 0, 1, 0, 0, 0, 0, 0, 2]

    def test_only_nothing_looks_like_nothing_and_only_all_like_all(self):
        def worth(points):
            return level(Outcome("q", (OutputOutcome("out", Verdict.FAILED, points, 9),)))

        assert [worth(p) for p in (0, 0.1, 3, 6, 8.9, 9)] == ["0", "1", "2", "3", "3", "4"]
        assert level(ours()) == "ungraded"

    def test_unusable_and_ungraded_answers_do_not_lower_the_mean(self):
        seen = figures("backward", CLASS)
        assert (seen.full, seen.part, seen.none, seen.ungraded) == (1, 1, 0, 1)
        assert seen.mean == pytest.approx((1 + 2.5 / 5.5) / 2)
        assert seen.reasons == (("dx has the wrong sign.", 1),)

    def test_a_question_nobody_could_be_graded_on_has_no_mean(self):
        assert figures("backward", [CLASS[3]]).mean is None
        assert '<td class="num">–</td>' in class_page([CLASS[3]], "t")

    def test_reasons_that_differ_in_numbers_are_one_and_headlines_stand_for_all(self):
        outcomes = [
            partly("forward", "out", "raised ValueError: size 3 (at line 12)."),
            partly("backward", "dx", "dx is twice the expected.", "The batch is averaged twice."),
            partly("forward", "out", "raised ValueError: size 1.5e-3 (at line 7)."),
        ]
        assert frequent_reasons(outcomes) == [
            ("raised ValueError: size 3 (at line 12).", 2),
            ("The batch is averaged twice.", 1),
        ]

    def test_the_most_frequent_come_first_and_the_rest_are_counted(self):
        said = ["rare", "common", "common", *"abcde"]
        seen = figures("forward", [report("x", forward=partly("forward", "out", s)) for s in said])
        assert seen.reasons[0] == ("common", 2)
        assert (len(seen.reasons), seen.further) == (5, 2)


class TestPage:
    def test_cells_show_points_and_colour_steps(self):
        page = Page(class_page(CLASS, "Week 3"))
        assert [" ".join(cell.split()) for cell in page.rows[0]] == [
            "student",
            "total",
            "by hand",
            "status",
            "forward/ 8",
            "backward/ 5.5",
        ]  # fmt: skip - one row of the table is one line
        assert page.rows[2] == ["bob", "10.5 / 13.5", "+14", "with lost marks", "8", "2.5"]
        assert page.rows[4] == ["dee", "≥ 7 / 13.5", "+14", "ungraded", "7", "–"]
        assert page.rows[5] == ["mean share", "", "96 %", "73 %"]
        cells = [c for c in classes(page, "td") if c and re.match(r"num l", c)]
        assert cells == ["num l4", "num l4", "num l4", "num l2", "num l0", "num l0", "num l3", "num lungraded"]

    def test_summary_figures_leave_out_what_has_no_final_total(self):
        said = Page(class_page(CLASS, "Week 3")).said
        assert "mean total 89 %" in said  # of 13.5 and 10.5 out of 13.5
        assert "left out (2 of 4)" in said
        assert "left out (" not in Page(class_page(CLASS[:2], "Week 3")).said

    def test_histogram_bars_are_as_tall_as_their_counts(self):
        page = Page(class_page([*CLASS[:2], report("eve")], "Week 3"))
        heights = [float(attrs["height"]) for tag, attrs in page.tags if tag == "rect"]
        assert heights == [0, 0, 0, 0, 0, 0, 0, 44, 0, 88]

    def test_each_verdict_is_marked_in_its_own_way(self):
        page = Page(class_page(CLASS, "Week 3"))
        verdicts = [c for c in classes(page, "span") if c and c.startswith("verdict")]
        assert sorted(set(verdicts)) == ["verdict failed", "verdict passed", "verdict ungraded"]
        for words in ("✓ passed", "✗ failed", "? ungraded, our fault", "Waiting for us."):
            assert words in page.said
        assert "Waiting for us." not in Page(class_page(CLASS[:3], "Week 3")).said

    def test_details_hold_outputs_reasons_fault_and_notes(self):
        noted = report("eve", forward=right("forward", ("out is (1, 5).",)), notes=("A cell was put back.",))
        said = Page(class_page([*CLASS, noted], "Week 3")).said
        assert "dx ✗ 0/3, dw ✓ 2.5/2.5 dx has the wrong sign." in said
        assert said.count("The notebook is not JSON.") == 1
        for words in ("Note: out is (1, 5).", "Note: A cell was put back.", "The reference was stopped after 60 s."):
            assert words in said

    def test_every_link_leads_to_its_student(self):
        page = Page(class_page([*CLASS, report("ada")], "Week 3"))
        links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert ids == ["s1", "s2", "s3", "s4", "s5"]
        assert links == ["#s4", *(f"#{name}" for name in ids)]  # the callout's first

    def test_page_is_self_contained_and_forbids_scripts(self):
        html = class_page(CLASS, "Week 3")
        page = Page(html)
        policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
        assert "default-src 'none'" in policy
        assert "style-src 'unsafe-inline'" in policy
        assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe", "object", "form", "base"})
        assert not re.search(r"https?:|//|url\(|@import", html)

    def test_hostile_text_stays_text(self):
        hostile = report(SCRIPT, forward=partly("forward", "out", HOSTILE, HOSTILE[::-1]), notes=(HOSTILE, "\ud800"))
        faulty = unusable('" onmouseover="alert(1)', HOSTILE)
        page = class_page([hostile, faulty], SCRIPT)
        parsed = Page(page)
        assert {tag for tag, _ in parsed.tags}.isdisjoint({"script", "img", "bold"})
        assert not any(name.startswith("on") for _, attrs in parsed.tags for name in attrs)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]", page)
        assert parsed.rows[1][0] == SCRIPT
        assert "A" * 501 not in page
        assert r"\x1b[2J\x1b]0;owned\x07 [bold]86 / 86[/bold] \u202egnp.exe <img src=x>AAAA" in parsed.said
        assert f"(cut; {len(HOSTILE):,} characters in all)" in parsed.said
        page.encode("utf-8")

    def test_as_json_it_holds_nothing_that_a_terminal_obeys_and_every_word(self):
        hostile = report("\x1b[2J\u202eeve\udcff", forward=partly("forward", "out", HOSTILE), notes=(HOSTILE,))
        text = json.dumps(hostile.to_json(), indent=1)
        assert all(character == "\n" or " " <= character <= "~" for character in text)
        assert json.loads(text)["student"] == "\x1b[2J\u202eeve\udcff"

    def test_three_hundred_students_with_endless_messages_stay_under_three_megabytes(self):
        def student(n):
            outcomes = (
                all_failed(f"question_{q}", {"out": 4, "dx": 3, "dw": 2, "inputs": 1}, HOSTILE) for q in range(8)
            )
            return Report(f"student_{n}", "a", tuple(outcomes), 14.0, notes=(HOSTILE,))

        page = class_page([student(n) for n in range(300)], "A large class")
        assert page.count("<details>") == 300
        assert len(page.encode()) < 3_000_000

    def test_an_empty_class_has_a_page(self):
        said = Page(class_page([], "Week 3")).said
        assert "submissions 0" in said
        assert "No submissions." in said
