"""Measure what the worst inputs known make us hold. Run ``python -m benchmarks.memory`` (Linux).

Each input is read in a process of its own, whose peak resident memory, less what it had after its imports,
must stay under `LIMIT`: a grading worker itself has 70 to 125 MB, and 300 MB are promised.
"""

import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from autograder import handin, markdown, notebook, probe, wire
from autograder.faults import AutograderError, SubmissionFault
from autograder.questions import handed_in
from autograder.restore import restore
from autograder.session import Lost, Session
from benchmarks.strangers import FRAME, STUBS
from benchmarks.worst import MB, MODELS, NOTEBOOKS, REPLIES, archive
from cs231n_lite import data
from cs231n_lite.compare import compare

LIMIT = 130 * MB
ROOT = Path(__file__).parents[1]


def peak(kind: str, *arguments: str, descriptors: tuple[int, ...] = ()) -> tuple[int, str]:
    """Read one input in a process of its own.

    Returns
    -------
    size : int
        Bytes of resident memory at the peak, beyond those after the imports.
    outcome : str
        ``"read"``, or the words it was refused with.
    """
    script = "import sys; from benchmarks import memory; memory.child(*sys.argv[1:])"
    command = [sys.executable, "-c", script, kind, *arguments]
    ran = subprocess.run(command, cwd=ROOT, pass_fds=descriptors, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    size, _, outcome = ran.stdout.strip().partition(" ")
    return int(size), outcome


def child(kind: str, *arguments: str) -> None:
    """Read an input and print what that took."""
    act = {"notebook": _notebook, "replies": _replies, "model": _model}[kind]
    if kind == "model":
        data.mean_image("cifar10-embedded")  # is worked out once a worker, from all training images
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before, outcome = _memory("VmRSS"), "read"
    try:
        act(*arguments)
    except (AutograderError, Lost) as error:
        outcome = str(error)
    print(_memory("VmHWM") - before, outcome)


def _memory(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) * 1024


def _notebook(path: str) -> None:
    with open(path, "rb") as file:
        read = notebook.read(file.read(notebook.MAX_BYTES + 1))
    book, _ = restore(FRAME, read, STUBS)
    markdown.harmless(book, FRAME)


def _replies(descriptor: str) -> None:
    with socket.socket(fileno=int(descriptor)) as sock:
        session = Session(sock, 20)
        kept = [session.observe("", "", {}) for _ in range(6)]
    for seen in kept:
        for value in seen.values.values():
            compare("out", value, np.zeros((4, 7)))


def _model(path: str, descriptor: str) -> None:
    with socket.socket(fileno=int(descriptor)) as sock:
        outcome = handin.judge_model(best, Path(path).parent, Session(sock, 20), 7)
    if outcome.headline:
        raise SubmissionFault(outcome.headline)


@handed_in("model.npz", points={"out": 1}, bars={"out": 0.0})
def best(reference, X, params):
    """Score by the first pixels."""
    return {"scores": X[:, 0, 0, :10] + 0 * sum(map(np.sum, params.values()))}


def read_notebook(name: str, folder: Path) -> tuple[int, str]:
    """Have one of `NOTEBOOKS` read."""
    path = folder / "book.ipynb"
    path.write_bytes(NOTEBOOKS[name]())
    return peak("notebook", str(path))


def read_replies(name: str) -> tuple[int, str]:
    """Have six of `REPLIES` received, one after the other, and kept."""

    def stranger() -> None:
        try:
            while True:
                request = wire.receive(ours, 20)
                for part in REPLIES[name](request):
                    ours.sendall(part)
        except (OSError, wire.WireError):
            return

    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=stranger)
        thread.start()
        result = peak("replies", str(theirs.fileno()), descriptors=(theirs.fileno(),))
        theirs.close()
        thread.join()
    return result


def read_model(name: str, folder: Path) -> tuple[int, str]:
    """Have one of `MODELS` handed in and judged, by a reference that answers with the first pixels."""
    archive(folder / "model.npz", MODELS[name]())
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=probe.serve, args=(ours, lambda variant: {}))
        thread.start()
        result = peak("model", str(folder / "model.npz"), str(theirs.fileno()), descriptors=(theirs.fileno(),))
        theirs.close()
        thread.join()
    return result


def main() -> None:
    """Read everything, print what it took, and exit with 1 if anything took more than `LIMIT`."""
    worst = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, names, read in (
            ("notebook", NOTEBOOKS, lambda n: read_notebook(n, folder)),
            ("reply", REPLIES, read_replies),
            ("model", MODELS, lambda n: read_model(n, folder)),
        ):
            for n in names:
                size, outcome = read(n)
                worst = max(worst, size)
                print(f"{size / MB:6.1f} MB  {what}: {n} ({outcome:.70})", flush=True)
    print(f"{worst / MB:6.1f} MB at most; the limit is {LIMIT // MB} MB")
    sys.exit(worst > LIMIT)


if __name__ == "__main__":
    main()
