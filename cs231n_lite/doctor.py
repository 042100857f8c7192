"""What this machine has for working on the notebooks, what it lacks and the command that mends it."""

import importlib.metadata
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cs231n_lite import official, places

IMPORTED = ("numpy", "matplotlib", "tqdm", "pooch")
NEEDED = (*IMPORTED, "jupyterlab", "ipykernel")
ROOM = 500_000_000  # bytes: what is drawn takes 200 MB, CIFAR-10 while it is unpacked 360 MB


@dataclass(frozen=True)
class Health:
    """One thing looked at: what was found and, where it is not fine, what to do."""

    what: str
    fine: bool
    found: str
    advice: str = ""
    optional: bool = False


def examine() -> list[Health]:
    """Look at everything the notebooks depend on."""
    install = install_command()
    imported = [package(name, install) for name in IMPORTED]
    files = [*map(data_set, places.FOLDERS), cache()] if imported[-1].fine else []  # pooch says where they are
    return [
        python(),
        *imported,
        package("jupyterlab", install),
        kernel(install),
        *files,
        package("torch", "Needed by nothing but an optional comparison.", optional=True),
    ]


def install_command() -> str:
    """Give the command that installs what the notebooks need, for the Python that runs this.

    Examples
    --------
    >>> install_command().partition(" -m ")[2].split()[:2]
    ['pip', 'install']
    """
    first = shutil.which("python")
    ours = first is not None and Path(first).parent == Path(sys.executable).parent
    root = places.checkout()
    where = f'-e "{"." if root == Path.cwd() else root}[notebook]"' if root else " ".join(NEEDED)
    program = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    return f"{'python' if ours else program} -m pip install {where}"


def python() -> Health:
    """Look at Python's version."""
    fine = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Health("Python", fine, platform.python_version(), "" if fine else "Install Python 3.11, 3.12 or 3.13.")


def package(name: str, advice: str, optional: bool = False) -> Health:
    """Look for an installed package.

    Examples
    --------
    >>> package("no-such-package", "pip install no-such-package").found
    'not installed'
    """
    try:
        return Health(name, True, importlib.metadata.version(name), optional=optional)
    except importlib.metadata.PackageNotFoundError:
        return Health(name, False, "not installed", advice, optional)


def kernel(install: str) -> Health:
    """See whether the Python that a notebook starts has what notebooks need: it can be another one than this."""
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return Health("kernel", False, "ipykernel is not installed", install)
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Health("kernel", False, "there is no kernel named python3", install)
    if Path(command).name == command:  # Jupyter runs "python" and the like by the Python it runs in itself
        command = sys.executable
    where = "this Python" if Path(command) == Path(sys.executable) else command
    check = [command, "-c", "import cs231n_lite, ipykernel"]
    try:  # elsewhere, so that the package is not found just because it lies in this folder
        ran = subprocess.run(check, cwd=tempfile.gettempdir(), capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        ran = None
    if ran is not None and ran.returncode == 0:
        return Health("kernel", True, f"python3, run by {where}")
    if command == sys.executable:
        return Health("kernel", False, "it cannot import cs231n_lite and ipykernel", install)
    advice = f"{install.partition(' -m ')[0]} -m ipykernel install --user"
    return Health("kernel", False, f"python3 is run by {where}, which cannot import cs231n_lite", advice)


def data_set(name: str) -> Health:
    """See which files of a data set are used, and verify them."""
    title, mend = places.TITLES[name], f"cs231n-lite data fetch {name}"
    try:
        folder = places.find_folder(name)
    except FileNotFoundError:
        return Health(title, False, "not in the folder that CS231N_LITE_DATA names", mend)
    if folder is None:
        return Health(title, True, "embedded, drawn by code")
    keys = official.keys(name)
    good = sum(not official.fault(folder.parent / key, key) for key in keys)
    if good < len(keys):
        return Health(title, False, f"{good} of {len(keys)} files are the official ones", mend)
    return Health(title, True, "the official files, verified")


def cache() -> Health:
    """See whether the folder where drawn pictures are kept can be written and has room."""
    folder = places.cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as problem:
        found = f"{folder} cannot be written: {problem.strerror}"
        return Health("cache", False, found, "Nothing is kept: pictures are drawn anew each time, in seconds.", True)
    free = shutil.disk_usage(folder).free
    found = f"writable, {free / 1e9:,.1f} GB free"
    advice = "" if free >= ROOM else f"Make room on the disk of {folder}; 0.5 GB are enough."
    return Health("cache", free >= ROOM, found, advice, optional=True)
