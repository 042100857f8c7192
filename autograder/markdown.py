"""Texts that a stranger wrote in Markdown, made safe for the pages that nbgrader shows.

nbgrader's feedback and formgrader turn Markdown into HTML and let raw HTML through. So each text is
rendered here first, as it would be there; if the result holds anything but the tags, attributes and
addresses listed below, in exactly the form that rendering gives them, the text is shown as source
instead. Nothing is repaired, so there is nothing to get around.
"""

import re
from collections.abc import Set

from autograder.notebook import Cell, Notebook, grade_id, source_of
from autograder.text import plain

# Rendering a text of brackets takes time that grows with the square of its length: seconds for this much.
MAX_RENDERED = 10_000
MAX_RENDERED_IN_ALL = 50_000
NOTE = "*Shown as source, for it holds HTML, an address or an amount of text that a page might not show safely:*"

_VOID = {"br", "hr", "img", "input"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_TABLE = {"table", "tbody", "td", "tfoot", "th", "thead", "tr"}
_BLOCKS = {"blockquote", "center", "dd", "details", "div", "dl", "dt", "li", "ol", "p", "pre", "summary", "ul"}
_INLINE = {"a", "abbr", "b", "code", "del", "em", "i", "kbd", "mark", "s", "small", "span", "strong", "sub", "sup", "u"}
_TAGS = _VOID | _HEADINGS | _TABLE | _BLOCKS | _INLINE
_CHECKBOX = re.compile(r'<input class="task-list-item-checkbox" type="checkbox" disabled(?: checked)?/>')
_CLASSES = {
    "a": re.compile("anchor-link"),
    "code": re.compile(r"language-[\w+#.-]+"),
    "div": re.compile("highlight"),
    "li": re.compile("task-list-item"),
    "span": re.compile("[a-z]{1,2}[a-z0-9]?"),  # the colours of code
}
# No relative ones: a page that was handed in beside the notebook would open with the rights of the grader's server.
_ADDRESS = re.compile(r"(?:https?://|mailto:|#)[!-~\xa1-\U0010ffff]*", re.IGNORECASE)
_PICTURE = re.compile(
    r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+|(?!\.\.)[\w%~-][\w%~.-]*(?:/[\w%~-][\w%~.-]*)*"
)
_SIZE = re.compile(r"\d{1,4}(?:px|%)?")
_PIECE = re.compile(
    r"<!--(?:[^<>-]|-(?!-))*+-->"
    r'|<(?P<end>/?)(?P<tag>[A-Za-z][A-Za-z0-9]*)(?P<attributes>(?:\s+[A-Za-z]+(?:="[^"<>]*")?)*+)\s*/?>'
)
_ATTRIBUTE = re.compile(r'([A-Za-z]+)(?:="([^"<>]*)")?')


def harmless(book: Notebook, frame: Notebook) -> Notebook:
    """Give a restored notebook in which no text of the student's acts in a browser.

    Parameters
    ----------
    book : dict
        What `restore.restore` gave. Code cells, and texts that stand in `frame`, are left as they are.
    frame : dict
        The instructor's notebook.
    """
    ours = {source_of(cell) for cell in frame["cells"] if cell["cell_type"] != "code"}
    names = {grade_id(cell) + part for cell in frame["cells"] for part in ("", "-comment", "_extra_credit")}
    left = MAX_RENDERED_IN_ALL
    cells = []
    for cell in book["cells"]:
        if cell["cell_type"] != "code" and (cell["source"] not in ours or "attachments" in cell):
            fits = len(cell["source"]) <= left and cell["cell_type"] == "markdown"
            if not fits or not is_harmless(cell["source"], names, cell.get("attachments")):
                cell = as_source(cell, left)
            left -= min(len(cell["source"]), left)
        cells.append(cell)
    return book | {"cells": cells}


def is_harmless(
    source: str, names: Set[str] = frozenset(), attachments: dict[str, dict[str, str]] | None = None
) -> bool:
    """Whether a text is short enough to be rendered, and gives nothing but what is listed.

    Parameters
    ----------
    names : set of str
        What no heading may be called, for the page finds its own parts by these.
    attachments : dict or None
        The pictures pasted into the text, as `notebook.read` gives them.

    Examples
    --------
    >>> is_harmless("The gate *saturates*, so $0<x$ is lost; see <https://cs231n.github.io>.")
    True
    >>> is_harmless("[details](javascript:alert(1))"), is_harmless("<b onclick=alert(1)>x</b>")
    (False, False)
    """
    text = source.replace("\r\n", "\n")
    if len(source) > MAX_RENDERED or plain(text) != text:
        return False
    try:
        html = _rendered(source, attachments or {})
    except Exception:  # such as a picture that is missing; the page would fail as well
        return False
    open_tags: list[str] = []
    end = 0
    for piece in _PIECE.finditer(html):
        if "<" in html[end : piece.start()]:
            return False
        end = piece.end()
        tag = (piece["tag"] or "").lower()
        if not tag:
            continue  # a comment
        if tag not in _TAGS or (tag == "input" and not _CHECKBOX.fullmatch(piece[0])):
            return False
        if piece["end"]:
            if not open_tags or open_tags.pop() != tag:
                return False
        elif tag not in _VOID:
            open_tags.append(tag)
        if not all(_allowed(tag, a[1].lower(), a[2] or "", names) for a in _ATTRIBUTE.finditer(piece["attributes"])):
            return False
    return not open_tags and "<" not in html[end:]


def as_source(cell: Cell, limit: int = MAX_RENDERED) -> Cell:
    """Give a cell that shows the text of another as it was written, up to `limit` and `MAX_RENDERED` characters."""
    text = plain(cell["source"])
    most = min(limit, MAX_RENDERED)
    if len(text) > most:
        text = f"{text[:most]} … (cut; {len(text):,} characters in all)"
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    kept = {key: value for key, value in cell.items() if key != "attachments"}
    return kept | {"cell_type": "markdown", "source": f"{NOTE}\n\n{fence}text\n{text}\n{fence}"}


def _rendered(source: str, attachments: dict[str, dict[str, str]]) -> str:
    from nbconvert.filters import strip_files_prefix
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(escape=False, attachments=attachments)
    # The last step can make another address of one: of /files/javascript:alert(1), for example.
    return str(strip_files_prefix(MarkdownWithMath(renderer=renderer).render(source)))


def _allowed(tag: str, name: str, value: str, names: Set[str]) -> bool:
    if tag in _HEADINGS:
        return name == "id" and value not in names
    match tag, name:
        case "input", _:
            return True  # all of it was looked at
        case "a", "href":
            address = value.replace("&amp;", "")
            return "&" not in address and bool(_ADDRESS.fullmatch(address))
        case "img", "src":
            return bool(_PICTURE.fullmatch(value))
        case "img", "width" | "height":
            return bool(_SIZE.fullmatch(value))
        case ("img", "alt") | ("a" | "abbr" | "img", "title") | ("details", "open"):
            return True
        case "th" | "td", "style":
            return value in ("text-align:left", "text-align:right", "text-align:center")
        case "ol", "start":
            return value.isdecimal()
        case _, "class":
            return tag in _CLASSES and bool(_CLASSES[tag].fullmatch(value))
    return False
