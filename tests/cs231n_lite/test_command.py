"""The commands a student types, and what they say."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from cs231n_lite import cli, doctor, fetch, official, places
from cs231n_lite.doctor import Health

FINE = Health("Python", True, "3.12")


@pytest.fixture
def run(monkeypatch):
    """Run a command in a terminal of 80 columns; give its exit code and what it printed."""
    monkeypatch.setattr(cli.console, "width", 80)

    def command(*arguments):
        done = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.exit_code, done.output

    return command


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A machine whose only place for data is an empty folder."""
    monkeypatch.delenv("CS231N_LITE_DATA", raising=False)
    monkeypatch.setattr(places, "checkout", lambda: None)
    monkeypatch.setattr(places, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(fetch, "MIRRORS", {"cifar10": (), "mnist": ()})
    return tmp_path / "cache"


def test_the_command_is_installed():
    (script,) = (s for s in importlib.metadata.entry_points(group="console_scripts") if s.name == "cs231n-lite")
    assert script.load() is cli.main
    done = subprocess.run([sys.executable, "-c", "from cs231n_lite.cli import main; main()", "--help"], check=False)
    assert done.returncode == 0


# ---- data


def test_data_says_what_is_used_and_where_it_is_looked_for(run, place):
    code, said = run("data")
    assert code == 0
    assert said == (
        "CIFAR-10  embedded, drawn by code\n"
        "MNIST     embedded, drawn by code\n"
        "To fetch the official files: cs231n-lite data fetch\n"
        "\n"
        "Official files are looked for in this order:\n"
        f"  {place} (not there)\n"
        "Pictures drawn by code are kept in:\n"
        f"  {place}\n"
    )


def test_data_says_what_the_environment_asks_for(run, place, tmp_path, monkeypatch):
    for name in places.FOLDERS:
        for key in official.keys(name)[name == "mnist" :]:  # one digit file lacks
            (tmp_path / "mine" / key).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "mine" / key).touch()
    monkeypatch.setenv("CS231N_LITE_DATA", str(tmp_path / "mine"))
    said = run("data")[1].splitlines()
    assert said[0] == f"CIFAR-10  official files, in {tmp_path / 'mine' / 'cifar-10-batches-py'}"
    assert said[1] == f"MNIST     official files, 3 of 4, in {tmp_path / 'mine' / 'mnist'}"
    assert said[3:5] == ["Official files are looked for where CS231N_LITE_DATA says:", f"  {tmp_path / 'mine'}"]
    monkeypatch.setenv("CS231N_LITE_DATA", str(tmp_path / "not there"))
    assert run("data")[1].startswith("CIFAR-10  missing where CS231N_LITE_DATA says\n")
    monkeypatch.setenv("CS231N_LITE_DATA", "embedded")
    assert run("data")[1].startswith("CIFAR-10  embedded, as CS231N_LITE_DATA asks\n")


def test_fetch_passes_on_what_is_asked(run, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(fetch, "fetch", lambda *arguments: asked.append(arguments))
    assert run("data", "fetch")[0] == 0
    assert run("data", "fetch", "mnist", "--from", tmp_path)[0] == 0
    assert asked == [("cifar10", None), ("mnist", None), ("mnist", tmp_path)]


def test_a_fetch_that_fails_says_why_and_goes_on_with_the_next_set(run, place):
    code, said = run("data", "fetch")
    assert code == 1
    for file in ("cifar-10-python.tar.gz", "train-images-idx3-ubyte.gz"):
        assert f"{file}, " in said
    assert said.count("cs231n-lite data fetch --from FOLDER.") == 2
    assert "Traceback" not in said


def test_an_unknown_data_set_is_misuse(run):
    code, said = run("data", "fetch", "imagenet")
    assert code == 2
    assert "imagenet" in said


def test_verify_names_what_is_wrong(run, place, monkeypatch):
    assert run("data", "verify") == (
        0,
        "CIFAR-10: no official files in use, nothing to verify.\nMNIST: no official files in use, nothing to verify.\n",
    )
    monkeypatch.setattr(official, "OFFICIAL", {"mnist/a.gz": ("0" * 64, 3), "mnist/b.gz": ("1" * 64, 4)})
    monkeypatch.setattr(
        official, "fault", lambda path, key: "" if path.name == "a.gz" else f"{key} must be the official file."
    )
    (place / "mnist").mkdir(parents=True)
    assert run("data", "verify", "mnist") == (
        1,
        "ok mnist/a.gz\n-- mnist/b.gz\nmnist/b.gz must be the official file.\n",
    )
    monkeypatch.setenv("CS231N_LITE_DATA", str(place / "not there"))
    code, said = run("data", "verify", "mnist")
    assert code == 1
    assert "CS231N_LITE_DATA asks for the official files in" in said


# ---- doctor


def test_the_doctor_finds_this_machine_fit(run):
    code, said = run("doctor")
    assert code == 0, said
    assert said.endswith("\nAll that is needed is here.\n")
    for what in ("Python", "numpy", "jupyterlab", "kernel", "CIFAR-10", "MNIST", "cache", "torch"):
        assert re.search(rf"^(ok|--)  {what} ", said, re.MULTILINE)
    assert all(len(line) <= 80 for line in said.splitlines())
    assert len(said.splitlines()) <= 24


def test_the_doctor_gives_the_command_that_mends_once_and_exits_1(run, monkeypatch):
    lacks = [Health(name, False, "not installed", "pip install it") for name in ("jupyterlab", "kernel")]
    unneeded = Health("torch", False, "not installed", "not needed", optional=True)
    monkeypatch.setattr(doctor, "examine", lambda: [FINE, *lacks, unneeded])
    code, said = run("doctor")
    assert code == 1
    assert said.endswith("\nTo mend it:\n  pip install it\n")


def test_what_is_lacking_and_not_needed_is_no_failure(run, monkeypatch):
    monkeypatch.setattr(
        doctor, "examine", lambda: [FINE, Health("torch", False, "not installed", "[x]", optional=True)]
    )
    code, said = run("doctor")
    assert code == 0
    assert "--  torch   not installed  [x]" in said


@pytest.mark.parametrize(("version", "fine"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)])
def test_a_python_that_is_too_old_or_too_new_is_told(monkeypatch, version, fine):
    monkeypatch.setattr(doctor.sys, "version_info", (*version, 0))
    assert doctor.python().fine is fine
    assert doctor.python().advice == ("" if fine else "Install Python 3.11, 3.12 or 3.13.")


def test_a_package_that_is_not_there_is_told_with_the_command(monkeypatch):
    assert doctor.package("no-such-package", "get it") == Health("no-such-package", False, "not installed", "get it")


@pytest.mark.parametrize("inside", [True, False])
def test_the_command_that_installs_names_the_checkout_and_the_right_python(monkeypatch, tmp_path, inside):
    monkeypatch.setattr(places, "checkout", lambda: tmp_path)
    monkeypatch.chdir(tmp_path if inside else tmp_path.parent)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: str(Path(sys.executable).with_name("python")))
    assert doctor.install_command() == f'python -m pip install -e "{"." if inside else tmp_path}[notebook]"'
    monkeypatch.setattr(doctor.shutil, "which", lambda name: str(tmp_path / "python"))
    monkeypatch.setattr(places, "checkout", lambda: None)
    assert (
        doctor.install_command() == f"{sys.executable} -m pip install numpy matplotlib tqdm pooch jupyterlab ipykernel"
    )


def test_the_doctor_comes_even_where_numpy_and_pooch_are_not(monkeypatch):
    code = "import sys; sys.modules.update(numpy=None, pooch=None, tqdm=None); import cs231n_lite.cli"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    package = doctor.package
    monkeypatch.setattr(
        doctor,
        "package",
        lambda name, *more, **options: package(name if name != "pooch" else "no-such-package", *more, **options),
    )
    monkeypatch.setattr(doctor, "kernel", lambda install: FINE)
    monkeypatch.setattr(places, "cache_folder", None)
    assert [finding.what for finding in doctor.examine() if not finding.fine and not finding.optional] == [
        "no-such-package"
    ]


def test_a_python_in_a_folder_with_spaces_is_quoted(monkeypatch):
    monkeypatch.setattr(doctor.sys, "executable", "/home/ada l/python")
    assert doctor.install_command().startswith('"/home/ada l/python" -m pip install ')


@pytest.fixture
def spec(monkeypatch):
    """Set the program that Jupyter's kernel python3 starts."""

    def setting(program):
        def get(self, name):
            if program is None:
                raise kernelspec.NoSuchKernel(name)
            return SimpleNamespace(argv=[program, "-m", "ipykernel_launcher"])

        kernelspec = pytest.importorskip("jupyter_client.kernelspec")
        monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", get)

    return setting


def test_a_kernel_that_runs_this_python_is_fine(spec):
    for program in ("python", sys.executable):
        spec(program)
        assert doctor.kernel("install") == Health("kernel", True, "python3, run by this Python")


def test_a_kernel_that_runs_another_python_without_the_package_is_told(spec, tmp_path):
    spec(str(tmp_path / "python"))
    found = doctor.kernel("python -m pip install it")
    assert not found.fine
    assert found.found == f"python3 is run by {tmp_path / 'python'}, which cannot import cs231n_lite"
    assert found.advice == "python -m ipykernel install --user"


def test_a_kernel_that_is_not_there_or_cannot_start_is_told(spec, monkeypatch):
    spec(None)
    assert doctor.kernel("install") == Health("kernel", False, "there is no kernel named python3", "install")
    spec("python")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *a, **k: SimpleNamespace(returncode=1))
    assert doctor.kernel("install") == Health("kernel", False, "it cannot import cs231n_lite and ipykernel", "install")
    monkeypatch.setitem(sys.modules, "jupyter_client.kernelspec", None)
    assert doctor.kernel("install") == Health("kernel", False, "ipykernel is not installed", "install")


def test_data_that_is_damaged_or_missing_is_told_with_the_command(place, monkeypatch):
    assert doctor.data_set("mnist") == Health("MNIST", True, "embedded, drawn by code")
    (place / "mnist").mkdir(parents=True)
    mend = "cs231n-lite data fetch mnist"
    assert doctor.data_set("mnist") == Health("MNIST", False, "0 of 4 files are the official ones", mend)
    monkeypatch.setattr(official, "fault", lambda path, key: "")
    assert doctor.data_set("mnist") == Health("MNIST", True, "the official files, verified")
    monkeypatch.setenv("CS231N_LITE_DATA", str(place / "not there"))
    assert doctor.data_set("mnist") == Health("MNIST", False, "not in the folder that CS231N_LITE_DATA names", mend)


def test_a_cache_that_cannot_be_written_or_is_full_is_told(place, monkeypatch):
    assert doctor.cache().fine
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=499_999_999))
    found = doctor.cache()
    assert (found.fine, found.optional) == (False, True)
    assert found.advice == f"Make room on the disk of {place}; 0.5 GB are enough."
    place.rmdir()
    place.write_bytes(b"a file where the folder should be")
    found = doctor.cache()
    assert (found.fine, found.optional) == (False, True)
    assert found.found.startswith(f"{place} cannot be written: ")
