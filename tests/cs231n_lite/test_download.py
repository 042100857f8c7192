"""Downloads, from a server on this machine whose mirrors misbehave in every way we know of."""

import contextlib
import hashlib
import http.server
import re
import threading
import time

import numpy as np
import pytest

from cs231n_lite import download as downloading
from cs231n_lite.download import download

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = len(CONTENT) // 2
PAGE = b"<html>Log in to the campus network</html>"


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT at /<behaviour>/<name>; the behaviour says what goes wrong."""

    protocol_version = "HTTP/1.0"

    def do_GET(self):
        behaviour = self.path.split("/")[1]
        self.server.asked.append((behaviour, self.headers["Range"]))
        start = int(self.headers["Range"].split("=")[1].rstrip("-")) if self.headers["Range"] else 0
        with contextlib.suppress(ConnectionError):  # the client has left, as it should
            getattr(self, behaviour)(start)

    def begin(self, status, length, start=0, kind="application/gzip"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()

    def rest(self, start):
        self.begin(206 if start else 200, len(CONTENT) - start, start)

    def good(self, start):
        self.rest(start)
        self.wfile.write(CONTENT[start:])

    def forgetful(self, start):
        """Knows no ranges: sends everything, whatever is asked."""
        self.good(0)

    def misplaced(self, start):
        """Answers a range with another one."""
        self.begin(206 if start else 200, len(CONTENT), 0)
        self.wfile.write(CONTENT)

    def gone(self, start):
        self.send_error(404)

    def broken(self, start):
        self.send_error(503)

    def changed(self, start):
        self.rest(start)
        self.wfile.write(bytes(len(CONTENT) - start))

    def page(self, start):
        self.begin(200, len(PAGE), kind="text/html; charset=utf-8")
        self.wfile.write(PAGE)

    def endless(self, start):
        self.begin(200, None)
        while True:
            self.wfile.write(bytes(100_000))

    def cut(self, start):
        """Gives half of what is left."""
        self.rest(start)
        self.wfile.write(CONTENT[start : (start + len(CONTENT)) // 2])

    def stuck(self, start):
        """Gives a little, then nothing, and does not hang up."""
        self.rest(start)
        self.wfile.write(CONTENT[start : start + 1_000])
        self.server.over.wait(5)

    def slow(self, start):
        """Gives 100 bytes every 10 ms at most, 10 kB/s."""
        self.rest(start)
        for position in range(start, len(CONTENT), 100):
            self.wfile.write(CONTENT[position : position + 100])
            time.sleep(0.01)

    def babbling(self, start):
        self.wfile.write(b"this is no \x1b[31mHTTP\r\n\r\n")

    def log_message(self, *ignored):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *ignored):
        pass  # a client that leaves early is what we test


@pytest.fixture
def mirrors(monkeypatch):
    """Give a function that turns behaviours into addresses."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloading, "TIMEOUT", 1.0)
    monkeypatch.setattr(downloading, "WINDOW", 0.2)
    monkeypatch.setattr(downloading, "FLOORS", (20_000, 5_000, 5_000))
    with Server(("127.0.0.1", 0), Mirror) as server:
        server.asked, server.over = [], threading.Event()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

        def addresses(*behaviours):
            return [f"http://127.0.0.1:{server.server_port}/{behaviour}/" for behaviour in behaviours]

        addresses.asked = server.asked
        yield addresses
        server.over.set()
        server.shutdown()


def get(addresses, folder):
    return download("file.gz", addresses, folder, SHA256, len(CONTENT))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_good_mirror_gives_the_file_and_nothing_else_is_left(mirrors, tmp_path, capfd):
    addresses = mirrors("good", "gone")
    assert get(addresses, tmp_path).read_bytes() == CONTENT
    assert names(tmp_path) == ["file.gz"]
    assert mirrors.asked == [("good", None)]
    assert capfd.readouterr() == (f"Downloading {addresses[0]}file.gz.\n", "")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("gone", "404 Not Found"),
        ("broken", "503 Service Unavailable"),
        ("changed", "wrong content: its sha256 is not that of the official file"),
        ("page", "wrong content: it offers 41 bytes of text/html"),
        ("endless", "wrong content: it sends more than 300,000 bytes"),
        ("cut", "cut off at 150,000 of 300,000 bytes"),
        ("stuck", "no answer for 1 s"),
        ("slow", r"slow: [\d.]+ kB/s, at [\d,]+ of 300,000 bytes"),
        ("babbling", r"this is no  \[31mHTTP"),
    ],
)
def test_a_mirror_that_fails_is_named_with_the_reason_and_the_next_one_asked(
    mirrors, tmp_path, capsys, behaviour, reason
):
    bad, good = addresses = mirrors(behaviour, "good")
    assert get(addresses, tmp_path).read_bytes() == CONTENT
    assert names(tmp_path) == ["file.gz"]
    assert [asked for asked, _ in mirrors.asked] == [behaviour, "good"]
    lines = rf"Downloading {re.escape(bad)}file\.gz\.\n  {reason}\nDownloading {re.escape(good)}file\.gz( from .*|\.)\n"
    assert re.fullmatch(lines, capsys.readouterr().out)


def test_slow_cut_off_wrong_and_gone_then_good(mirrors, tmp_path):
    assert get(mirrors("slow", "cut", "changed", "gone", "good"), tmp_path).read_bytes() == CONTENT
    # What "changed" added to pieces of others was thrown away whole, so "good" began anew.
    assert [behaviour for behaviour, _ in mirrors.asked] == ["slow", "cut", "changed", "gone", "good"]
    assert mirrors.asked[-1] == ("good", None)


def test_a_download_goes_on_where_it_was_cut_off_from_another_mirror(mirrors, tmp_path):
    get(mirrors("cut", "good"), tmp_path)
    assert mirrors.asked == [("cut", None), ("good", "bytes=150000-")]


def test_a_later_call_goes_on_where_an_earlier_one_stopped(mirrors, tmp_path):
    with pytest.raises(ConnectionError, match=r"The same command goes on after the 262,500 bytes that are here"):
        get(mirrors("cut"), tmp_path)
    assert names(tmp_path) == ["file.gz.part"]
    assert (tmp_path / "file.gz.part").read_bytes() == CONTENT[:262_500]
    assert get(mirrors("good"), tmp_path).read_bytes() == CONTENT
    assert mirrors.asked[-1] == ("good", "bytes=262500-")


@pytest.mark.parametrize("behaviour", ["forgetful", "misplaced"])
def test_a_mirror_that_knows_no_ranges_sends_all(mirrors, tmp_path, behaviour):
    (tmp_path / "file.gz.part").write_bytes(CONTENT[:1_000])
    assert get(mirrors(behaviour), tmp_path).read_bytes() == CONTENT


def test_a_whole_part_left_by_a_crash_is_used(mirrors, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(CONTENT)
    assert get(mirrors("gone"), tmp_path).read_bytes() == CONTENT
    assert mirrors.asked == []


def test_a_part_that_is_wrong_is_thrown_away_and_the_same_mirror_asked_again(mirrors, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(bytes(1_000))
    assert get(mirrors("good"), tmp_path).read_bytes() == CONTENT
    assert mirrors.asked == [("good", "bytes=1000-"), ("good", None)]


def test_a_slow_mirror_is_used_where_no_other_is_left(mirrors, tmp_path, monkeypatch):
    monkeypatch.setattr(downloading, "FLOORS", (10_000_000, 1, 1))
    monkeypatch.setattr(Mirror, "slow", lambda self, start: (self.rest(start), send_slowly(self, start)))
    assert get(mirrors("slow", "gone"), tmp_path).read_bytes() == CONTENT
    assert [behaviour for behaviour, _ in mirrors.asked] == ["slow", "gone", "slow"]


def send_slowly(mirror, start):
    for position in range(start, len(CONTENT), 10_000):
        mirror.wfile.write(CONTENT[position : position + 10_000])
        time.sleep(0.02)


def test_where_everything_is_wrong_each_mirror_is_listed_with_its_reason(mirrors, tmp_path):
    addresses = [*mirrors("gone", "changed", "page"), "http://127.0.0.1:9/"]
    with pytest.raises(ConnectionError, match="was asked of 4 mirrors, and none gave it") as caught:
        get(addresses, tmp_path)
    first, *listed, last = str(caught.value).splitlines()
    assert first == "file.gz, 300,000 bytes, was asked of 4 mirrors, and none gave it:"
    reasons = [
        "404 Not Found",
        "wrong content: its sha256 is not that of the official file",
        "wrong content: it offers 41 bytes of text/html",
    ]
    assert listed[:3] == [f"  {mirror}: {reason}" for mirror, reason in zip(addresses[:3], reasons, strict=True)]
    assert re.fullmatch(r"  http://127\.0\.0\.1:9/: .*refused.*", listed[3])
    assert last == "Without a network, take the files from a USB stick: cs231n-lite data fetch --from FOLDER."
    assert names(tmp_path) == []


def test_a_good_file_is_never_replaced_by_part_of_one(mirrors, tmp_path):
    (tmp_path / "file.gz").write_bytes(CONTENT)
    get(mirrors("gone"), tmp_path)
    (tmp_path / "file.gz").write_bytes(b"an old one")
    with pytest.raises(ConnectionError, match="was asked of 1 mirrors, and none gave it"):
        get(mirrors("cut"), tmp_path)
    assert (tmp_path / "file.gz").read_bytes() == b"an old one"
