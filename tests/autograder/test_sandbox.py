"""The wall, level by level: kernels run behind it, its limits hold, and nothing is left however a run ends."""

import ast
import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient

from autograder import samples
from autograder.faults import GraderFault
from autograder.sandbox import kernel, levels, room, zygotes
from autograder.sandbox.policy import AUTO, LEVELS, MB, Policy
from autograder.sandbox.stock import StockSandbox

LIMITS = Policy(
    cpu_seconds=2,
    memory_mb=300,
    processes=40,
    open_files=64,
    file_mb=2,
    disk_mb=8,
    cell_seconds=20,
    notebook_seconds=60,
)
OBSTACLES = levels.available()
POSSIBLE = [
    pytest.param(level, marks=pytest.mark.skipif(bool(why), reason=f"{level}: {why}"))
    for level, why in OBSTACLES.items()
]
WALLED = [p for p in POSSIBLE if p.values[0] in ("namespaces", "bwrap")]


def run(sandbox, folder, *cells):
    """Run cells in one kernel; give what each printed, or the name of what it raised."""

    async def one(client: AsyncKernelClient, code):
        asked, said = client.execute(code), []
        while True:
            message = await client.get_iopub_msg(timeout=30)
            if message["parent_header"].get("msg_id") != asked:
                continue
            match message["msg_type"], message["content"]:
                case "stream", {"text": text}:
                    said.append(text)
                case "error", {"ename": name, "evalue": value}:
                    said.append(f"{name}: {value}")
                case "status", {"execution_state": "idle"}:
                    return "".join(said).strip()

    async def all_of_them():
        async with sandbox.kernel(folder) as running:
            return [await one(running.client, code) for code in cells]

    return asyncio.run(all_of_them())


@contextlib.contextmanager
def opened(level, hidden=(), **changes):
    with kernel.opened(replace(LIMITS, isolation=level, **changes), hidden) as sandbox:
        yield sandbox


@pytest.fixture
def our_own_tmp():
    """Let kernels make their directories where nobody else does, so that what is left can be seen."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="sb") as name:
        os.chmod(name, 0o711)
        tempfile.tempdir = name
        yield Path(name)
        tempfile.tempdir = before


# ----------------------------------------------------------------------------- every level there is


@pytest.mark.parametrize("level", POSSIBLE)
def test_a_kernel_runs_with_what_was_handed_in_and_leaves_nothing(level, tmp_path, our_own_tmp):
    (tmp_path / "notes.txt").write_text("handed in")
    (tmp_path / "link.txt").symlink_to("/etc/hostname")
    (tmp_path / "huge.bin").write_bytes(bytes(3 * MB))
    (tmp_path / "a.ipynb").write_text("{}")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    mounts, sockets = Path("/proc/self/mounts").read_text(), len(os.listdir("/proc/self/fd"))
    with opened(level) as sandbox:
        for _ in range(2):
            files, text, kept = run(
                sandbox,
                tmp_path,
                "import os; print(sorted(n for n in os.listdir() if n[0] != '.'))",
                "print(open('notes.txt').read())",
                "open('mine.txt', 'w').write('mine'); print(os.listdir().count('mine.txt'))",
            )
            assert (files, text, kept) == ("['notes.txt']", "handed in", "1")
        assert list(our_own_tmp.iterdir()) == []
    assert Path("/proc/self/mounts").read_text() == mounts
    assert len(os.listdir("/proc/self/fd")) <= sockets


LIMITED = {
    "memory": ("import numpy as np; np.ones(2 * 10**8)", "MemoryError"),
    "file size": ("open('f', 'wb').write(bytes(3 * 2**20)); open('f', 'ab').flush()", "OSError: [Errno 27]"),
    "open files": ("held = [open('/dev/null') for _ in range(100)]", "OSError: [Errno 24]"),
    "processes": (
        "import subprocess\nheld = [subprocess.Popen(['sleep', '30']) for _ in range(60)]",
        ("BlockingIOError: [Errno 11]", "PermissionError: [Errno 1]"),  # the second for root, where limits do not hold
    ),
    "network": ("import socket; socket.socket()", "OSError: [Errno 97]"),
    "datagrams": ("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)", "PermissionError: [Errno 1]"),
    "namespaces": ("import ctypes; print(ctypes.CDLL(None).unshare(0x10000000))", "-1"),
}


@pytest.mark.parametrize("level", POSSIBLE)
def test_limits_hold_and_a_kernel_survives_them(level, tmp_path):
    codes = [code for code, _ in LIMITED.values()]
    with opened(level) as sandbox:
        *said, alive = run(sandbox, tmp_path, *codes, "print('alive')")
    assert alive == "alive"
    for (name, (_, expected)), got in zip(LIMITED.items(), said, strict=True):
        assert got.startswith(expected), f"{name}: {got}"


@pytest.mark.parametrize("level", WALLED)
def test_the_working_directory_as_a_whole_is_limited(level, tmp_path):
    fill = "for i in range(8):\n    open(f'f{i}', 'wb').write(bytes(3 * 2**19))"
    with opened(level) as sandbox:
        full, elsewhere, alive = run(
            sandbox,
            tmp_path,
            fill,
            "import tempfile; tempfile.NamedTemporaryFile().write(b'0' * 2**20)",
            "print('alive')",
        )
    assert full.startswith("OSError: [Errno 28]")
    assert elsewhere.startswith("OSError: [Errno 28]")
    assert alive == "alive"


@pytest.mark.parametrize("level", WALLED)
def test_the_room_shows_the_system_and_python_and_not_the_checkout(level, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("of no concern to students")
    with opened(level) as sandbox:
        seen, project, outside, write, loads = run(
            sandbox,
            tmp_path / "nothing",
            "import os; print([p for p in ('/proc', '/sys', '/etc/passwd', '/home', '/var') if os.path.exists(p)])",
            f"print(sorted(os.listdir({str(Path(room.__file__).parents[2])!r})))",
            f"open({str(secret)!r})",
            "import numpy; open(numpy.__file__, 'a')",
            "from cs231n_lite import load_cifar10; print(load_cifar10(num_training=5000)['X_train'].shape)",
        )
    assert seen == "[]"
    assert set(ast.literal_eval(project)) - {Path(sys.prefix).name} == {"autograder", "cs231n_lite"}
    assert outside.startswith("FileNotFoundError")
    assert write.startswith(("OSError: [Errno 30]", "PermissionError: [Errno 13]"))
    assert loads.endswith("(5000, 3, 32, 32)")


@pytest.mark.parametrize("level", WALLED)
def test_a_course_inside_what_is_shown_stays_hidden(level, tmp_path):
    course = Path(room.__file__).parents[1] / "report"  # as if a course lay there
    with opened(level, [course]) as sandbox:
        (said,) = run(sandbox, tmp_path, f"import os; print(os.listdir({str(course)!r}))")
    assert said == "[]" or said.startswith("PermissionError")


@pytest.mark.parametrize("level", POSSIBLE)
def test_a_kernel_that_ends_is_noticed_and_the_next_one_starts(level, tmp_path):
    async def dies(sandbox):
        async with sandbox.kernel(tmp_path) as running:
            assert await running.client.is_alive()
            running.client.execute("import os; os._exit(3)")
            deadline = time.monotonic() + 10
            while await running.client.is_alive():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)

    with opened(level) as sandbox:
        asyncio.run(dies(sandbox))
        assert run(sandbox, tmp_path, "print('next')") == ["next"]


@pytest.mark.parametrize("level", POSSIBLE)
def test_folders_closed_or_nested_without_end_are_cleared_away_too(level, tmp_path, our_own_tmp):
    nest = "import os\nfor _ in range(1200):\n    os.mkdir('deeper')\n    os.chdir('deeper')"
    with opened(level) as sandbox:
        said = run(sandbox, tmp_path, "import os; os.makedirs('a/b'); os.chmod('a', 0)", nest)
        assert said == ["", ""]
        assert list(our_own_tmp.iterdir()) == []


@pytest.mark.parametrize("level", POSSIBLE)
def test_processor_time_is_limited(level, tmp_path):
    async def burns(sandbox):
        async with sandbox.kernel(tmp_path) as running:
            running.client.execute("while True: pass")
            deadline = time.monotonic() + 30
            while await running.client.is_alive():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)

    with opened(level) as sandbox:
        asyncio.run(burns(sandbox))


@pytest.mark.parametrize("level", POSSIBLE)
def test_what_is_too_large_to_send_is_cut_by_the_kernel_itself(level, tmp_path):
    with opened(level) as sandbox:
        text, error, shown, alive = run(
            sandbox,
            tmp_path,
            "print('x' * 10**7)",
            "raise ValueError('y' * 10**7)",
            "from IPython.display import HTML, display; display(HTML('z' * 10**7)); print('after')",
            "print('alive')",
        )
    assert len(text) < zygotes.MAX_MESSAGE
    assert text.endswith("... cut here: too much at once.")
    assert len(error) < zygotes.MAX_MESSAGE
    assert error.startswith("ValueError: yyy")
    assert (shown, alive) == ("after", "alive")


def test_the_stock_kernel_still_serves_machines_that_are_not_linux(tmp_path):
    (tmp_path / "notes.txt").write_text("handed in")
    sandbox = StockSandbox("rlimits", replace(LIMITS, processes=10_000, open_files=256))
    said = run(sandbox, tmp_path, "print(open('notes.txt').read())", "import numpy as np; np.ones(2 * 10**8)")
    assert said[0] == "handed in"
    assert said[1].startswith("MemoryError")


# --------------------------------------------------------------------------------------- choosing one


def test_the_strongest_level_is_chosen():
    strongest = next(level for level, why in OBSTACLES.items() if not why)
    assert levels.choose(AUTO) == strongest
    assert levels.choose(strongest) == strongest


def test_an_unknown_level_is_refused():
    with pytest.raises(GraderFault, match=r"must be auto or one of namespaces, bwrap, landlock, rlimits. Got 'none'"):
        levels.choose("none")


def test_a_level_this_machine_cannot_have_is_refused_with_the_reason(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        GraderFault, match=r"cannot isolate at level 'bwrap'. bwrap: .*Install it: apt install bubblewrap"
    ):
        levels.choose("bwrap")


def test_auto_takes_the_next_level_where_the_first_fails(monkeypatch):
    monkeypatch.setattr(levels, "obstacle", lambda level: "" if level in LEVELS[2:] else "not here")
    assert levels.choose(AUTO) == "landlock"


def test_a_zygote_that_cannot_be_ours_is_the_graders_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(zygotes.sys, "executable", "/bin/false")
    sandbox = kernel.WalledSandbox("rlimits", LIMITS, [])
    with pytest.raises(GraderFault, match=r"No kernel could be started at level 'rlimits': .* ended at once"):
        run(sandbox, tmp_path, "1")
    monkeypatch.undo()
    with contextlib.closing(sandbox):
        if not OBSTACLES["rlimits"]:
            assert run(sandbox, tmp_path, "print('well again')") == ["well again"]


# ------------------------------------------------------------------------------ however a run ends


GRADE = """
import sys, tempfile
from pathlib import Path
from autograder import course
from autograder.assignment import Assignment
from autograder.sandbox.policy import Policy
if __name__ == "__main__":
    here = Path(sys.argv[1])
    tempfile.tempdir = sys.argv[2]
    found = course.find_submissions(here / "submitted", "two_layer_net")
    print("started", flush=True)
    course.grade_all(Assignment(here, "two_layer_net"), found, jobs=2, policy=Policy(isolation=sys.argv[3]), seed=1,
                     progress=lambda submission, graded: None)
"""


def processes_of(session, *words):
    """Give the command lines of the processes in a session, or with one of these words in them."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
            state, *fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if state != "Z" and (int(fields[2]) == session or any(word in line for word in words)):
            found[folder.name] = line
    return found


@pytest.mark.slow
@pytest.mark.parametrize("level", POSSIBLE)
def test_nothing_is_left_of_a_run_that_was_killed_at_a_random_moment(level, a_course, tmp_path):
    for student in "abcdefgh":
        samples.write(a_course, samples.UNTOUCHED, a_course.course / "submitted" / student / a_course.name)
    script = tmp_path / "run.py"
    script.write_text(GRADE)
    for latest in (1.0, 3.5):
        with tempfile.TemporaryDirectory(prefix="kill") as name:
            os.chmod(name, 0o711)
            command = [sys.executable, str(script), str(a_course.course), name, level]
            process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
            with process:
                assert process.stdout.readline() == b"started\n"
                moment = random.uniform(0.1, latest)
                time.sleep(moment)
                assert process.poll() is None, "it was done before it was killed"
                process.send_signal(signal.SIGKILL)
            deadline = time.monotonic() + 30  # a worker that is still importing sees only then that it is alone
            while (left := processes_of(process.pid, str(tmp_path), name)) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not left, f"killed after {moment:.2f} s: {left}"
            assert os.listdir(name) == [], f"killed after {moment:.2f} s"
            assert name not in Path("/proc/net/unix").read_text()
            assert name not in Path("/proc/self/mounts").read_text()


def test_an_address_without_a_name_leads_to_its_socket_only(our_own_tmp):
    with kernel._listening() as (listening, address):
        assert list(our_own_tmp.iterdir()) == []
        with socket.socket(socket.AF_UNIX) as ours, socket.socket(fileno=os.dup(listening)) as theirs:
            ours.connect(f"/proc/self/fd/{address}")
            theirs.accept()[0].close()
