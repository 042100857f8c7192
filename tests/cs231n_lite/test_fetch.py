"""Fetching whole data sets, from mirrors and from folders, into places where they are found."""

import errno
import functools
import gzip
import hashlib
import http.server
import io
import json
import re
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from cs231n_lite import data, fetch, places
from cs231n_lite import official as official_files
from cs231n_lite.fetch import unpack

BATCHES = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
DIGITS = [
    f"{prefix}-ubyte.gz"
    for prefix in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
]
FILES = {f"cifar-10-batches-py/{name}": name.encode() * 50 for name in BATCHES}
FILES |= {f"mnist/{name}": gzip.compress(name.encode() * 50) for name in DIGITS}


def packed(*extra, files=FILES):
    """An archive like CIFAR-10's: a folder, its batches, and what a test puts besides them."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        folder = tarfile.TarInfo("cifar-10-batches-py")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for key, content in files.items():
            if key.startswith("cifar"):
                member = tarfile.TarInfo(key)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return gzip.compress(made.getvalue(), mtime=0)


def member(name, kind=tarfile.REGTYPE, size=0, link=""):
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size, link
    return made


def facts(content):
    return hashlib.sha256(content).hexdigest(), len(content)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A place for data with nothing in it, small files that count as the official ones, and no mirror."""
    monkeypatch.setenv("CS231N_LITE_DATA", str(tmp_path / "place"))
    monkeypatch.setattr(official_files, "_verified", set())
    for module in (official_files, fetch):
        monkeypatch.setattr(module, "OFFICIAL", {key: facts(content) for key, content in FILES.items()})
        monkeypatch.setattr(module, "ARCHIVE_FACTS", facts(packed()))
    inside = {key: facts(gzip.decompress(content)) for key, content in FILES.items() if key.startswith("mnist")}
    monkeypatch.setattr(official_files, "CONTENT", inside)
    monkeypatch.setattr(fetch, "MIRRORS", {"cifar10": (), "mnist": ()})
    return tmp_path / "place"


@pytest.fixture
def stick(tmp_path):
    """A USB stick, to put files on."""
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server that has everything; give the folder it serves."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "cifar-10-python.tar.gz").write_bytes(packed())
    for name in DIGITS:
        (folder / name).write_bytes(FILES[f"mnist/{name}"])
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(fetch, "MIRRORS", {"cifar10": (address,), "mnist": (address,)})
        yield folder
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *ignored):
        pass


def write(folder, name, flat=False):
    """Put a data set into a folder, in the set's own folder or flat."""
    for key in official_files.keys(name):
        path = folder / (Path(key).name if flat else key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES[key])


def whole(folder, name):
    return all((folder / key).read_bytes() == FILES[key] for key in official_files.keys(name))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ---- From mirrors


@pytest.mark.parametrize("name", ["cifar10", "mnist"])
def test_a_set_is_fetched_and_nothing_else_is_left(place, mirror, capsys, name):
    folder = place / places.FOLDERS[name]
    assert fetch.fetch(name) == folder
    assert whole(place, name)
    assert names(place) == sorted([folder.name, "incoming"])
    assert names(place / "incoming") == ["lock"]
    assert f"the official files are in {folder} now, verified." in capsys.readouterr().out
    fetch.fetch(name)
    assert capsys.readouterr().out == f"{places.TITLES[name]}: the official files are in {folder} already, verified.\n"


def test_only_the_files_that_are_not_right_are_fetched(place, mirror, capsys):
    write(place, "mnist")
    (place / "mnist" / DIGITS[1]).write_bytes(b"damaged")
    fetch.fetch("mnist")
    assert whole(place, "mnist")
    assert re.findall(r"Downloading \S+/(\S+)\.\n", capsys.readouterr().out) == [DIGITS[1]]


def test_where_a_fetch_fails_what_was_there_stays(place, mirror):
    write(place, "cifar10")
    (place / "cifar-10-batches-py" / "test_batch").write_bytes(b"damaged")
    (mirror / "cifar-10-python.tar.gz").unlink()
    message = r"cifar-10-python\.tar\.gz, [\d,]+ bytes, was asked of 1 mirrors, and none gave it:\n  http\S+: 404 .*\n"
    with pytest.raises(ConnectionError, match=message):
        fetch.fetch("cifar10")
    assert names(place / "cifar-10-batches-py") == BATCHES
    assert (place / "cifar-10-batches-py" / "test_batch").read_bytes() == b"damaged"


def test_a_set_of_which_one_file_cannot_be_had_is_not_there_at_all(place, mirror):
    (mirror / DIGITS[3]).unlink()
    with pytest.raises(ConnectionError, match=rf"{DIGITS[3]}, [\d,]+ bytes, was asked of 1 mirrors"):
        fetch.fetch("mnist")
    assert not (place / "mnist").exists()
    (mirror / DIGITS[3]).write_bytes(FILES[f"mnist/{DIGITS[3]}"])
    fetch.fetch("mnist")
    assert whole(place, "mnist")


def test_what_a_crash_left_does_no_harm(place, mirror):
    (place / "incoming" / "mnist").mkdir(parents=True)
    (place / "incoming" / "mnist" / "stranger").write_bytes(b"left")
    (place / "incoming" / "tmp12345678").write_bytes(b"left by pooch")
    fetch.fetch("mnist")
    assert names(place / "incoming") == ["lock"]
    assert names(place / "mnist") == sorted(DIGITS)


def test_loading_fetches_only_when_asked(place, monkeypatch):
    asked = []
    monkeypatch.setattr(fetch, "fetch", lambda name: asked.append(name))
    monkeypatch.delenv("CS231N_LITE_DATA")
    monkeypatch.setattr(places, "find_folder", lambda name: None)
    for load in (data.load_cifar10, data.load_mnist):
        load(5, 1, 1)
        assert asked == []
        load(5, 1, 1, download=True)
        assert asked.pop() in places.FOLDERS
        monkeypatch.setenv("CS231N_LITE_DATA", "embedded")
        load(5, 1, 1, download=True)
        assert asked == []
        monkeypatch.delenv("CS231N_LITE_DATA")


def test_fetching_says_when_the_environment_asks_for_other_pictures(place, stick, monkeypatch, capsys):
    monkeypatch.setenv("CS231N_LITE_DATA", "embedded")
    monkeypatch.setattr(places, "cache_folder", lambda: place)
    monkeypatch.setattr(places, "checkout", lambda: None)
    write(stick, "mnist")
    assert fetch.fetch("mnist", stick) == place / "mnist"
    assert "CS231N_LITE_DATA is 'embedded', so the pictures drawn by code are used until" in capsys.readouterr().out


CHILD = """
import json, sys
from cs231n_lite import fetch, official
official.OFFICIAL = fetch.OFFICIAL = json.loads(sys.argv[1])
fetch.MIRRORS = {"mnist": [sys.argv[2]]}
fetch.fetch("mnist")
"""


def test_two_processes_that_fetch_at_once_do_it_once(place, mirror, monkeypatch):
    monkeypatch.setattr(Quiet, "do_GET", slowly)
    command = [sys.executable, "-c", CHILD, json.dumps(official_files.OFFICIAL), fetch.MIRRORS["mnist"][0]]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert whole(place, "mnist")
    assert sum(text.count("Downloading") for text in said) == len(DIGITS)
    assert all("verified" in text for text in said)


def slowly(handler):
    threading.Event().wait(0.2)
    http.server.SimpleHTTPRequestHandler.do_GET(handler)


def test_a_second_fetch_waits_for_the_first(place, stick, capsys, monkeypatch):
    write(stick, "mnist")
    answers = iter([False, False, True])
    monkeypatch.setattr(fetch, "_hold", lambda file: next(answers))
    fetch.fetch("mnist", stick)
    assert capsys.readouterr().out.startswith("Another process is fetching; waiting for it.\nCopying")


def test_a_lock_is_held_by_one_and_given_back_on_closing(tmp_path):
    with (tmp_path / "lock").open("ab") as one, (tmp_path / "lock").open("ab") as other:
        assert fetch._hold(one.fileno())
        assert not fetch._hold(other.fileno())
        one.close()
        assert fetch._hold(other.fileno())


# ---- From a folder


@pytest.mark.parametrize("name", ["cifar10", "mnist"])
@pytest.mark.parametrize("flat", [False, True])
def test_files_are_taken_from_a_folder_without_any_network(place, stick, name, flat):
    write(stick, name, flat)
    fetch.fetch(name, stick)
    assert whole(place, name)


def test_the_archive_is_taken_from_a_folder(place, stick):
    (stick / "cifar-10-python.tar.gz").write_bytes(packed())
    fetch.fetch("cifar10", stick)
    assert whole(place, "cifar10")
    assert names(stick) == ["cifar-10-python.tar.gz"]


def test_digits_compressed_anew_are_taken(place, stick):
    write(stick, "mnist")
    anew = gzip.compress(gzip.decompress(FILES[f"mnist/{DIGITS[0]}"]), mtime=5)
    (stick / "mnist" / DIGITS[0]).write_bytes(anew)
    fetch.fetch("mnist", stick)
    assert (place / "mnist" / DIGITS[0]).read_bytes() == anew


def test_a_folder_that_is_not_there_is_named(place, stick):
    with pytest.raises(FileNotFoundError, match=r"Asked for files from .*absent, which is no folder here\. Correct"):
        fetch.fetch("mnist", stick / "absent")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "cifar10",
            r"py/data_batch_1 is needed, but .* nor data_batch_1, nor cifar-10-python\.tar\.gz\. Put it there, or",
        ),
        (
            "mnist",
            r"mnist/train-images-idx3-ubyte\.gz is needed, but .* nor train-images-idx3-ubyte\.gz\. Put it there, or",
        ),
    ],
)
def test_a_file_the_folder_lacks_is_named(place, stick, name, message):
    with pytest.raises(FileNotFoundError, match=message):
        fetch.fetch(name, stick)
    assert not (place / places.FOLDERS[name]).exists()


def test_a_wrong_file_in_the_folder_is_named_and_not_taken(place, stick):
    write(stick, "mnist")
    (stick / "mnist" / DIGITS[0]).write_bytes(FILES[f"mnist/{DIGITS[1]}"])
    message = rf"mnist/{DIGITS[0]} must be the official file, .* Got the content of mnist/{DIGITS[1]}\. Replace .*stick"
    with pytest.raises(ValueError, match=message):
        fetch.fetch("mnist", stick)
    assert not (place / "mnist").exists()


def test_an_archive_that_is_not_the_official_one_is_not_unpacked(place, stick, monkeypatch):
    (stick / "cifar-10-python.tar.gz").write_bytes(packed()[:-9])
    monkeypatch.setattr(fetch, "unpack", None)
    message = (
        r"tar\.gz must be the official file, .* with sha256 \w+\. Got [\d,]+ bytes with sha256 \w+\. Replace .*stick"
    )
    with pytest.raises(ValueError, match=message):
        fetch.fetch("cifar10", stick)


# ---- Archives that trick


@pytest.mark.parametrize(
    ("extra", "got"),
    [
        (member("../climbs"), r"'\.\./climbs', which is no plain file of cifar-10-batches-py"),
        (member("cifar-10-batches-py/../../climbs"), "'cifar-10-batches-py/../../climbs', which is no plain file"),
        (member("/absolute"), "'/absolute', which is no plain file"),
        (member("elsewhere/file"), "'elsewhere/file', which is no plain file"),
        (member("cifar-10-batches-py/l", tarfile.SYMTYPE, link="/etc/passwd"), "'cifar-10-batches-py/l', which is no"),
        (member("cifar-10-batches-py/l", tarfile.LNKTYPE, link="/etc/passwd"), "'cifar-10-batches-py/l', which is no"),
        (member("cifar-10-batches-py/l", tarfile.FIFOTYPE), "'cifar-10-batches-py/l', which is no plain file"),
        (member("cifar-10-batches-py/l", tarfile.CHRTYPE), "'cifar-10-batches-py/l', which is no plain file"),
    ],
)
def test_an_archive_that_leads_out_of_itself_is_refused(place, tmp_path, extra, got):
    archive = tmp_path / "cifar-10-python.tar.gz"
    archive.write_bytes(packed(extra))
    (tmp_path / "out" / "cifar-10-batches-py").mkdir(parents=True)
    message = rf"tar\.gz must be a gzipped tar file with the six batches of CIFAR-10\. Got {got}.*\. Do not use .*; get"
    with pytest.raises(ValueError, match=message):
        unpack(archive, official_files.keys("cifar10"), tmp_path / "out")
    assert names(tmp_path / "out") == ["cifar-10-batches-py"]
    assert set(names(tmp_path / "out" / "cifar-10-batches-py")) <= set(BATCHES)
    assert not (tmp_path / "climbs").exists()


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (packed(*(member(f"cifar-10-batches-py/{i}") for i in range(20))), "more than 20 members"),
        (packed(member("cifar-10-batches-py/bomb", size=2_000)), "more than 20 members or 5,000 bytes"),
        (packed(files=dict(list(FILES.items())[1:])), "no cifar-10-batches-py/data_batch_1"),
        (packed(files=FILES | {"cifar-10-batches-py/test_batch": b"long" * 200}), ".*/test_batch of 800 bytes"),
        (packed()[:150], "Compressed file ended before"),
        (b"no archive", "not a gzip file"),
        (gzip.compress(b"no archive"), ".*"),
    ],
    ids=["members", "bytes", "lacking", "size", "cut", "text", "gzip"],
)
def test_an_archive_that_is_not_like_the_official_one_is_refused(place, tmp_path, monkeypatch, content, got):
    monkeypatch.setattr(fetch, "MOST_BYTES", 5_000)
    archive = tmp_path / "cifar-10-python.tar.gz"
    archive.write_bytes(content)
    (tmp_path / "out" / "cifar-10-batches-py").mkdir(parents=True)
    with pytest.raises(ValueError, match=rf"six batches of CIFAR-10\. Got {got}.*\. Do not use .*; get a fresh copy"):
        unpack(archive, official_files.keys("cifar10"), tmp_path / "out")


# ---- Disks


def test_a_disk_without_room_is_named_before_anything_comes(place, stick, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda folder: SimpleNamespace(free=9))
    with pytest.raises(
        OSError, match=r"MNIST needs 0 MB of disk in .*place, which has 0 MB\. Make room, or set CS231N"
    ):
        fetch.fetch("mnist", stick)


def test_a_place_that_cannot_be_written_is_named(place):
    place.write_bytes(b"a file where the folder should be")
    with pytest.raises(
        OSError, match=r"put into .*place, which cannot be written: .*\. Set CS231N_LITE_DATA to a folder"
    ):
        fetch.fetch("mnist")


def test_a_disk_without_locks_is_used_without(monkeypatch):
    module = "msvcrt" if sys.platform == "win32" else "fcntl"
    call = "locking" if sys.platform == "win32" else "flock"

    def refuse(*ignored):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(f"{module}.{call}", refuse)
    assert fetch._hold(0)


def test_nothing_more_is_admitted_than_the_official_archive_needs():
    batches = sum(size for key, (_, size) in official_files.OFFICIAL.items() if key.startswith("cifar"))
    assert batches < fetch.MOST_BYTES < 1.1 * batches
