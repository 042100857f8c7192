"""A model handed in as a file of arrays: read it without trusting it, and score it on hidden images."""

import math
import re
import struct
import warnings
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from autograder.diagnose import observe_reference
from autograder.faults import GraderFault, SubmissionFault
from autograder.model import Case, Outcome, OutputOutcome, Verdict, all_failed
from autograder.questions import Question
from autograder.session import Session
from cs231n_lite import data

# As float64 they must cross the wall beside the hidden images, whatever they were saved as.
MAX_NUMBERS = 4_000_000
MAX_ARRAYS = 64
MAX_TEXT = 1_000
MAX_BYTES = 8 * MAX_NUMBERS + 2**20
MAX_DIRECTORY = 2**16  # 64 entries take 18 KB at most; zipfile makes an object of 600 bytes of every 46
HIDDEN_IMAGES = 2_000
CHANCE = 2  # standard errors by which an accuracy may fall short of a bar: 97.7 % of draws are nearer
DATASET = "dataset"
SOURCES = ("cifar10", "cifar10-embedded")  # what `hidden_split` has images of


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of an ``.npz`` file that a stranger sent. Nothing in it is unpickled or run.

    Returns
    -------
    arrays : dict of str to ndarray
        Arrays of numbers, and text as arrays of dtype ``<U``.

    Raises
    ------
    SubmissionFault
        If it is not there, not such a file, too large, or holds anything else.
    """
    again = "Save it with save_params, as the notebook shows, and hand it in beside the notebook."
    if path.is_symlink() or not path.is_file():
        raise SubmissionFault(f"The file {path.name} was not handed in. {again}")
    too_large = f"{path.name} may hold {MAX_ARRAYS} arrays of {MAX_NUMBERS:,} numbers in all; it holds more. {again}"
    if path.stat().st_size > MAX_BYTES:
        raise SubmissionFault(too_large)
    arrays: dict[str, np.ndarray] = {}
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("error")  # a header that NumPy warns of was not written by save_params
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                if len(members) > MAX_ARRAYS or sum(m.file_size for m in members) > MAX_BYTES:
                    raise SubmissionFault(too_large)
                left = MAX_NUMBERS
                for member in members:
                    name = _name(member)
                    shape, dtype = _header(archive, member)
                    left -= math.prod(shape)
                    if left < 0:
                        raise SubmissionFault(too_large)
                    arrays[name] = _array(archive, member, dtype)
    except SubmissionFault:
        raise
    except Exception as error:  # what zipfile, zlib and NumPy raise depends on which byte is wrong
        why = str(error)[:200].rstrip(".")
        raise SubmissionFault(f"{path.name} cannot be read as a file of arrays: {why}. {again}") from error
    return arrays


def _check_directory(file: BinaryIO) -> None:
    """Refuse an archive whose list of members is not the short one that NumPy writes, before anything reads it."""
    file.seek(max(file.seek(0, 2) - 42, 0))
    tail = file.read()
    # The end record: signature, numbers of disks and members, size and place of the list, length of a comment.
    signature, size, comment = struct.unpack("<4s8xI4xH", tail[-22:])
    if signature != b"PK\5\6" or comment or size > MAX_DIRECTORY or tail[-42:-38] == b"PK\6\7":
        raise ValueError("it is no archive, or none that NumPy wrote.")


def _name(member: zipfile.ZipInfo) -> str:
    name = member.filename.removesuffix(".npy")
    if not re.fullmatch(r"[\w.-]{1,50}", name):
        raise ValueError(f"an array must be named with 1 to 50 letters and digits, not {name!r:.60}.")
    return name


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype]:
    """Read what one member says of itself, and check that it is exactly as long as that."""
    name = member.filename
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed in a way that NumPy does not use.")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read_header:
            raise ValueError(f"{name} has an unknown format version.")
        shape, _, dtype = read_header[version](file)
        if dtype.kind not in "biufU":
            raise ValueError(f"{name} must hold numbers or text, not {dtype}.")
        if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
            raise ValueError(f"{name} is not as long as it says.")
    if dtype.kind == "U" and max(math.prod(shape), 1) * dtype.itemsize > 4 * MAX_TEXT:
        raise ValueError(f"{name} holds more than {MAX_TEXT} characters of text.")
    return shape, dtype


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, dtype: np.dtype) -> np.ndarray:
    """Unpack one member, a little at a time and no more of it than it says it has."""
    with archive.open(member) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    if dtype.kind == "U":  # raises if it is no text
        array.tobytes().decode("utf-32-be" if dtype.byteorder == ">" else "utf-32-le")
    return array


def judge_model(question: Question, folder: Path, reference: Session, seed: int) -> Outcome:
    """Score the model handed in with a submission by the reference network, on images no student has seen.

    The images come from the data set the file says it was trained on: official test images beyond
    those the course hands out, or embedded ones freshly drawn from `seed`. Which ones they are is chance, and
    chance is not to cost a mark: a bar is missed only by more than `CHANCE` standard errors.

    Raises
    ------
    GraderFault
        If we do not have that data set, or the reference cannot be run.
    """
    try:
        source, params = _model(folder, question.file)
    except SubmissionFault as fault:
        return all_failed(question.name, question.points, str(fault))
    images, labels = _hidden(source, seed)
    case = Case("hidden images", {"X": images, "params": params})
    seen = observe_reference(reference, question, case, seed % 2**32)
    scores = seen.values.get("scores")
    if not isinstance(scores, np.ndarray) or scores.ndim != 2 or len(scores) != len(labels) or not scores.size:
        why = (
            f"it raised {seen.raised.type_name}: {seen.raised.message}"
            if seen.raised
            else "its scores have a wrong shape"
        )
        shapes = ", ".join(f"{name} {a.shape}" for name, a in sorted(params.items()))
        return all_failed(
            question.name,
            question.points,
            f"The network cannot be run with the arrays of {question.file} ({shapes}): {why}.",
        )
    accuracy = float((scores.argmax(axis=1) == labels).mean())
    said = f"{question.name} reached {accuracy:.1%} on {len(labels):,} hidden images"
    outputs = [_bar(question, name, accuracy, len(labels), said) for name in question.points]
    notes = (f"{said} of {source}.",) if all(o.verdict is Verdict.PASSED for o in outputs) else ()
    return Outcome(question.name, tuple(outputs), notes=notes)


def _bar(question: Question, name: str, accuracy: float, count: int, said: str) -> OutputOutcome:
    points, bar = question.points[name], question.bars[name]
    chance = CHANCE * math.sqrt(bar * (1 - bar) / count)
    if accuracy >= bar - chance:
        return OutputOutcome(name, Verdict.PASSED, points, points)
    asked = f"{bar:.0%} are asked for, less {chance:.1%} for the chance of which images are drawn."
    return OutputOutcome(name, Verdict.FAILED, 0.0, points, f"{said}; {asked}")


def _model(folder: Path, file: str) -> tuple[str, dict[str, np.ndarray]]:
    """Give what a model was trained on, and its parameters as float64."""
    arrays = read_arrays(folder / file)
    source = _source(arrays, file)
    with np.errstate(all="ignore"):  # what does not fit becomes infinite, and is refused below
        params = {name: a.astype(np.float64, copy=False) for name, a in arrays.items() if a.dtype.kind == "f"}
    if not all(np.isfinite(a).all() for a in params.values()):
        raise SubmissionFault(f"{file} holds NaN or infinity. Train again with a smaller learning rate.")
    return source, params


def _source(arrays: dict[str, np.ndarray], file: str) -> str:
    named = arrays.get(DATASET)
    if named is None or named.dtype.kind != "U" or named.ndim != 0:
        raise SubmissionFault(
            f"{file} does not say which data its model was trained on. Save it with dataset=data['source']."
        )
    if str(named) not in SOURCES:
        raise SubmissionFault(
            f"The data a model was trained on must be {' or '.join(SOURCES)}. {file} says {str(named)!r:.60} instead. "
            "Save it with dataset=data['source']."
        )
    return str(named)


def _hidden(source: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        mean = data.mean_image(source)  # first: all training images are read for it, once
        images, labels = data.hidden_split(source, HIDDEN_IMAGES, seed)
        images -= mean
        return images, labels
    except (OSError, ValueError) as error:
        raise GraderFault(f"The hidden images of {source} cannot be read on this machine: {error}") from error
