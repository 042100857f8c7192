"""Download a file from whichever of its mirrors gives it.

pooch downloads to a temporary file, verifies its sha256 and moves it into place. To that we add what students miss on
slow networks: a download that was cut off goes on where it stopped, and a mirror that is slow is left for the next.
"""

import contextlib
import functools
import http.client
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cs231n_lite.progress import Progress

TIMEOUT = 10.0  # seconds without a byte after which a mirror is given up
WINDOW = 10.0  # seconds over which its speed is measured
# Bytes a second that a mirror must give. Where no mirror is fast, a slow one is better than none, and is asked twice.
FLOORS = (100_000, 5_000, 5_000)


def download(name: str, mirrors: Sequence[str], folder: Path, sha256: str, size: int) -> Path:
    """Download a file from the first mirror that gives it whole, unchanged and fast enough.

    What came before a cut stays in ``<name>.part`` and is added to, from this mirror or another, now or in a later
    call. Prints a line for each attempt. No two processes may do this in one folder at once; `fetch` sees to it.

    Parameters
    ----------
    name : str
        The file's name, the same on every mirror.
    mirrors : sequence of str
        The addresses that `name` is put after.
    folder : Path
        Where the file goes.
    sha256 : str
    size : int
        Of the whole file, in bytes.

    Returns
    -------
    path : Path
        The file in `folder`, verified.

    Raises
    ------
    ConnectionError
        If no mirror gives it. The message says of each mirror why.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")  # we print lines of our own
    part = folder / f"{name}.part"
    reasons: dict[str, str] = {}
    waiting = list(mirrors)
    for floor in FLOORS:
        helpful = []
        for mirror in waiting:
            before = _size(part)
            print(f"Downloading {mirror}{name}" + (f" from byte {before:,} on." if before else "."))
            try:
                downloader = _Resuming(part, size, floor)
                return Path(pooch.retrieve(mirror + name, f"sha256:{sha256}", name, folder, downloader=downloader))
            except ValueError:  # pooch found another sha256 and threw the file away
                reasons[mirror] = "wrong content: its sha256 is not that of the official file"
            except (OSError, http.client.HTTPException) as problem:
                reasons[mirror] = _in_words(problem)
            print(f"  {reasons[mirror]}")
            if _size(part) != before:  # it brought us further, or what others had begun is gone
                helpful.append(mirror)
        waiting = helpful
    listed = "\n".join(f"  {mirror}: {reason}" for mirror, reason in reasons.items())
    kept = f"The same command goes on after the {_size(part):,} bytes that are here. " if part.exists() else ""
    raise ConnectionError(
        f"{name}, {size:,} bytes, was asked of {len(mirrors)} mirrors, and none gave it:\n{listed}\n{kept}"
        "Without a network, take the files from a USB stick: cs231n-lite data fetch --from FOLDER."
    )


@dataclass(frozen=True)
class _Resuming:
    """What pooch calls to download: adds to `part`, which becomes pooch's temporary file once it is whole."""

    part: Path
    size: int
    floor: int

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        have = _size(self.part)
        if have < self.size:
            headers = {"User-Agent": "cs231n-lite", "Accept-Encoding": "identity"}
            if have:
                headers["Range"] = f"bytes={have}-"
            request = urllib.request.Request(url, headers=headers)
            with urllib.request.urlopen(request, timeout=TIMEOUT, context=_certificates()) as answer:
                resumes = str(answer.headers["Content-Range"]).startswith(f"bytes {have}-")
                self._receive(answer, have if resumes else 0)
        os.replace(self.part, output_file)

    def _receive(self, answer: http.client.HTTPResponse, have: int) -> None:
        """Write what the mirror sends after the first `have` bytes."""
        if answer.length is not None and have + answer.length != self.size:
            kind = answer.headers.get_content_type()
            raise ConnectionError(f"wrong content: it offers {answer.length:,} bytes of {kind}")
        with self.part.open("ab" if have else "wb") as file, Progress(total=100, verbose=True) as progress:
            mark, since, shown = have, time.monotonic(), 0
            while chunk := answer.read1(1 << 16):
                have += len(chunk)
                if have > self.size:
                    file.truncate(0)
                    raise ConnectionError(f"wrong content: it sends more than {self.size:,} bytes")
                file.write(chunk)
                progress.advance(f"{have / 1e6:,.1f} of {self.size / 1e6:,.1f} MB", have * 100 // self.size - shown)
                shown = have * 100 // self.size
                if (seconds := time.monotonic() - since) >= WINDOW:
                    speed = (have - mark) / seconds
                    if speed < self.floor:
                        raise ConnectionError(f"slow: {speed / 1e3:,.1f} kB/s, at {have:,} of {self.size:,} bytes")
                    mark, since = have, time.monotonic()
        if have < self.size:
            raise ConnectionError(f"cut off at {have:,} of {self.size:,} bytes")


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Trust whom the system trusts (a campus may have a certificate of its own), and whom pooch's own parts trust."""
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError):
        import certifi  # Python on macOS may come without any certificates

        context.load_verify_locations(certifi.where())
    return context


def _in_words(problem: Exception) -> str:
    if isinstance(problem, urllib.error.HTTPError):
        problem.close()
        said = f"{problem.code} {problem.reason}"
    elif isinstance(problem, urllib.error.URLError) and isinstance(problem.reason, Exception):
        return _in_words(problem.reason)
    elif isinstance(problem, TimeoutError):
        said = f"no answer for {TIMEOUT:g} s"
    else:
        said = str(problem) or type(problem).__name__
    return "".join(letter if letter.isprintable() else " " for letter in said)[:200].rstrip()  # some is the server's


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
