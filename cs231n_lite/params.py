"""Trained parameters on disk: npz files of plain arrays, which cannot run code when they are read."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def save_params(path: str | os.PathLike[str], params: Mapping[str, Any], **extra: Any) -> None:
    """Save the parameters of a model, for instance to hand it in.

    An existing file is replaced only once the new one is complete.

    Parameters
    ----------
    path : str or path
        Where to; by custom the name ends in ``.npz``.
    params : dict of name -> array, any shape
        What to save.
    **extra : number, string or array
        Saved beside the parameters, such as ``dataset=data["source"]``. A string becomes an array of no
        dimensions; ``str()`` makes it a string again.

    Raises
    ------
    TypeError
        If a value is no array of numbers or strings: anything else could only be saved as a pickle.
    ValueError
        If a name in `extra` is also a parameter's.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_params(folder + "/model.npz", {"W": np.eye(2), "b": np.zeros(2)}, dataset="embedded")
    ...     saved = load_params(folder + "/model.npz")
    >>> sorted(saved), str(saved["dataset"])
    (['W', 'b', 'dataset'], 'embedded')
    """
    both = sorted(set(params) & set(extra))
    if both:
        raise ValueError(
            f"The extra parameter of save_params must be named differently from the model's parameters. "
            f"Got {', '.join(map(repr, both))} instead."
        )
    arrays = {name: np.asarray(value) for name, value in {**params, **extra}.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "biufcU":
            raise TypeError(
                f"save_params saves arrays of numbers or strings, got {name!r} of type {array.dtype}. "
                f"Convert it with np.array(..., dtype=float), or leave it out."
            )
    path = Path(path)
    unfinished = path.with_name(path.name + ".part")
    try:
        # Written member by member: np.savez takes names as keywords, and some names are taken.
        with zipfile.ZipFile(unfinished, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_params(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Load what `save_params` saved; nothing in the file is run.

    Parameters
    ----------
    path : str or path
        An npz file.

    Returns
    -------
    params : dict of name -> ndarray
        Everything in the file, extras included.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no npz file of plain arrays.

    Examples
    --------
    >>> load_params("best_model.npz")
    Traceback (most recent call last):
    ...
    FileNotFoundError: load_params needs an npz file, and there is none at 'best_model.npz'. Save one there with ...
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"load_params needs an npz file, and there is none at {path!r}. "
            f"Save one there with save_params(path, model.params)."
        )
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # what NumPy and zipfile raise depends on which byte is wrong
        raise ValueError(
            f"load_params needs an npz file of plain arrays, and {path!r} is not one ({error}). "
            f"Save it again with save_params(path, model.params)."
        ) from error
