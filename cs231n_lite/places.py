"""Where data sets are kept on this machine."""

import os
from pathlib import Path

FOLDERS = {"cifar10": "cifar-10-batches-py", "mnist": "mnist"}  # each set has a folder of its own in any of the places
TITLES = {"cifar10": "CIFAR-10", "mnist": "MNIST"}


def asked_for() -> str:
    """Give what the environment variable ``CS231N_LITE_DATA`` says: a folder, "embedded", or nothing."""
    return os.environ.get("CS231N_LITE_DATA", "")


def cache_folder() -> Path:
    """Where this user's downloaded and drawn data sets are kept; it need not exist."""
    import pooch

    return Path(pooch.os_cache("cs231n-lite"))


def checkout() -> Path | None:
    """Give the checkout the package runs from, or None where it was installed without one."""
    root = Path(__file__).resolve().parents[1]
    # Installed, the package's neighbours are other people's packages, one of which may be called datasets.
    return root if (root / "pyproject.toml").is_file() else None


def places() -> list[Path]:
    """Give the places where official files are looked for, the first one first.

    The folder that ``CS231N_LITE_DATA`` names, and no other; without it, the checkout's ``datasets/`` and then the
    user's cache.
    """
    if asked_for() not in ("", "embedded"):
        return [Path(asked_for()).expanduser()]
    root = checkout()
    return ([root / "datasets"] if root else []) + [cache_folder()]


def find_folder(name: str) -> Path | None:
    """Find the folder with a data set's official files.

    Parameters
    ----------
    name : {"cifar10", "mnist"}

    Returns
    -------
    folder : Path or None
        In the first of `places` that has it. None stands for the embedded stand-ins.

    Raises
    ------
    FileNotFoundError
        If ``CS231N_LITE_DATA`` names a place without the folder.
    """
    if asked_for() == "embedded":
        return None
    folder = folder_to_fill(name)
    if folder.is_dir():
        return folder
    if asked_for():
        raise FileNotFoundError(
            f"CS231N_LITE_DATA asks for the official files in {asked_for()}, but that has no folder {FOLDERS[name]}. "
            f"Put it there with: cs231n-lite data fetch {name}; or set CS231N_LITE_DATA to 'embedded' for the "
            "pictures drawn by code."
        )
    return None


def folder_to_fill(name: str) -> Path:
    """Give the folder a data set is fetched into: where it is found, otherwise where it is looked for first."""
    folders = [place / FOLDERS[name] for place in places()]
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def cifar10_folder(caller: str) -> Path:
    """Find the folder with the official CIFAR-10 for `caller`, which cannot do without.

    Raises
    ------
    FileNotFoundError
        If there is none, or the environment asks for the embedded pictures.
    """
    folder = find_folder("cifar10")
    if folder is None:
        raise FileNotFoundError(
            f"{caller} was asked for pictures of the official CIFAR-10, but found none on this machine "
            f"(CS231N_LITE_DATA is {asked_for()!r}). "
            f"Run: cs231n-lite data fetch cifar10; or set it to the folder that holds {FOLDERS['cifar10']}."
        )
    return folder
