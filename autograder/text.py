"""Text that a stranger wrote, without what steers a terminal or re-orders a line."""

import re

# Whole terminal sequences first (colours, titles), so that no half of one is left to read.
_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    r"""Take out control characters but line ends and tabs, bidirectional overrides and lone surrogates.

    What is left can be printed, logged and written to a file as it is. Markup is the renderer's to escape.

    Examples
    --------
    >>> plain("\x1b]0;owned\x07\x1b[31mred\x1b[0m \u202egnp.exe\n\ud800")
    'red gnp.exe\n?'
    """
    text = text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates are legal JSON but no text
    return _CONTROLS.sub("", _SEQUENCES.sub("", text))
