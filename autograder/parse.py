"""JSON from a stranger, parsed in bounded memory.

Twenty megabytes of JSON can ask for a gigabyte: three bytes make a list, and one emoji makes every other
character of its string four bytes wide. So wide characters are kept as escapes until their own string
is built, and what the objects will take is reckoned up before any is made.
"""

import codecs
import json
import re
from typing import Any

# Bytes that CPython 3.11 to 3.13 take at most for what begins with each: measured, a dictionary's keys included.
_BYTES = {"{": 128, "[": 72, ",": 44, '"': 120}
_WIDE = 5  # times its length: what a string with an escape in it may take while it is built
# Nothing is given back that was matched (the + after a + or *), so a match takes no memory and linear time.
_TOKEN = re.compile(r'[\[{,]|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BEYOND_LATIN = re.compile("[^\x00-\xff]+")
_CHUNK = 2**16


class TooMuch(Exception):
    """The text would take more memory than it may."""


def parse(data: bytes, max_text: int, max_objects: int) -> Any:
    """Parse UTF-8 text as JSON.

    Parameters
    ----------
    data : bytes
        A byte order mark at its beginning is skipped.
    max_text : int
        Bytes the text may take, each character beyond Latin-1 counted as the 6 of its escape, emoji as 12.
    max_objects : int
        Bytes the objects made of it may take.

    Raises
    ------
    TooMuch
        If one of the two is exceeded.
    ValueError
        If it is not UTF-8 or not JSON, or holds a whole number of thousands of digits.
    RecursionError
        If it is nested hundreds deep.

    Examples
    --------
    >>> parse('{"é": ["中"]}'.encode(), 100, 1000)
    {'é': ['中']}
    >>> parse(b"[" + 1000 * b"[]," + b"[]]", 10_000, 100_000)
    Traceback (most recent call last):
    autograder.parse.TooMuch: The objects of this text take more than 100000 bytes.
    """
    text = _narrow(data, max_text)
    left = max_objects
    for token in _TOKEN.finditer(text):
        start, end = token.span()
        left -= _BYTES[text[start]]
        if end - start > 1:
            left -= (end - start) * (_WIDE if text.find("\\u", start, end) >= 0 else 1)
        if left < 0:
            raise TooMuch(f"The objects of this text take more than {max_objects} bytes.")
    return json.loads(text)


def _narrow(data: bytes, max_text: int) -> str:
    """Decode to text that takes a byte a character: what needs more becomes an escape, which JSON reads as the same."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    parts: list[str] = []
    size = 0
    for start in range(0, max(len(data), 1), _CHUNK):
        text = decoder.decode(data[start : start + _CHUNK], final=start + _CHUNK >= len(data))
        parts.append(_BEYOND_LATIN.sub(lambda wide: json.dumps(wide.group())[1:-1], text))
        size += len(parts[-1])
        if size > max_text:
            raise TooMuch(f"This text takes more than {max_text} bytes.")
    return "".join(parts)
