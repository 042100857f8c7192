"""Models handed in as files of arrays: read without trust, scored on hidden images by a small reference."""

import io
import socket
import struct
import threading
import tracemalloc
import zipfile

import numpy as np
import pytest

from autograder import handin, wire
from autograder.faults import GraderFault, SubmissionFault
from autograder.handin import judge_model, read_arrays
from autograder.model import Verdict
from autograder.probe import serve
from autograder.questions import handed_in
from autograder.session import Session
from cs231n_lite.params import save_params

FILE = "best.npz"
ADVICE = "Save it with save_params, as the notebook shows, and hand it in beside the notebook."


def npy(array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=True)
    return stream.getvalue()


def npy_saying(descr, shape, body=b"", header=None):
    """Write a member by hand, its header saying what we like."""
    text = (header or f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n").encode("latin1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


@pytest.fixture
def write(tmp_path):
    """Give a function that writes raw members to the file and returns its path."""

    def write(members, compression=zipfile.ZIP_STORED):
        with zipfile.ZipFile(tmp_path / FILE, "w", compression) as archive:
            for name, raw in members.items():
                archive.writestr(name, raw)
        return tmp_path / FILE

    return write


class TestReadArrays:
    def test_what_the_notebook_saves(self, tmp_path):
        params = {"W1": np.arange(15.0).reshape(3, 5), "b1": np.ones(5, np.float32), "Größe.1-a": np.float64(2)}
        save_params(tmp_path / FILE, params, dataset="cifar10-embedded", epochs=7)
        arrays = read_arrays(tmp_path / FILE)
        assert list(arrays) == ["W1", "b1", "Größe.1-a", "dataset", "epochs"]
        for name, value in params.items():
            assert arrays[name].dtype == value.dtype
            assert np.array_equal(arrays[name], value)
        assert (arrays["dataset"].dtype.kind, arrays["dataset"].item()) == ("U", "cifar10-embedded")
        assert arrays["epochs"].item() == 7

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    def test_what_numpy_saves_in_any_layout(self, save, tmp_path):
        x = np.arange(15.0).reshape(3, 5)
        save(tmp_path / FILE, C=x, F=np.asfortranarray(x), big=x.astype(">f4"), empty=x[:0], text=np.array("ä", ">U1"))
        arrays = read_arrays(tmp_path / FILE)
        assert np.array_equal(arrays["C"], x)
        assert np.array_equal(arrays["F"], x)
        assert np.array_equal(arrays["big"], x)
        assert arrays["empty"].shape == (0, 5)
        assert arrays["text"].item() == "ä"

    def test_missing_files_links_and_directories_count_as_not_handed_in(self, tmp_path, write):
        said = f"^The file best.npz was not handed in. {ADVICE}$"
        with pytest.raises(SubmissionFault, match=said):
            read_arrays(tmp_path / FILE)
        target = write({"a.npy": npy(np.ones(3))}).rename(tmp_path / "other.npz")
        (tmp_path / FILE).symlink_to(target)
        with pytest.raises(SubmissionFault, match=said):
            read_arrays(tmp_path / FILE)
        (tmp_path / FILE).unlink()
        (tmp_path / FILE).mkdir()
        with pytest.raises(SubmissionFault, match=said):
            read_arrays(tmp_path / FILE)

    @pytest.mark.parametrize("raw", [b"", b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"x" * 1000])
    def test_files_that_are_no_archive(self, raw, tmp_path):
        (tmp_path / FILE).write_bytes(raw)
        if raw.startswith(b"PK\x05"):  # an archive of nothing
            assert read_arrays(tmp_path / FILE) == {}
            return
        with pytest.raises(SubmissionFault, match=f"^best.npz cannot be read as a file of arrays: .*[^.]. {ADVICE}$"):
            read_arrays(tmp_path / FILE)

    def test_nothing_is_unpickled(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return (pytest.fail, ("unpickled",))

        np.savez(tmp_path / FILE, a=np.array([Evil()], dtype=object))
        with pytest.raises(SubmissionFault, match=r"a.npy must hold numbers or text, not object."):
            read_arrays(tmp_path / FILE)

    @pytest.mark.parametrize(
        "array",
        [np.ones(2, complex), np.array([b"bytes"]), np.array(["2026-01-01"], "M8[D]"), np.ones(2, [("a", "f8")])],
        ids=lambda array: array.dtype.kind,
    )
    def test_arrays_of_anything_but_numbers_and_text(self, array, write):
        with pytest.raises(SubmissionFault, match=r"a.npy must hold numbers or text, not "):
            read_arrays(write({"a.npy": npy(array)}))

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"", "EOF: reading magic string"),
            (b"import os", "the magic string is not correct"),
            (b"\x93NUMPY\x03\x00" + bytes(20), "a.npy has an unknown format version"),
            (npy(np.ones(5))[:20], "EOF: reading array header"),
            (npy(np.ones(5))[:-1], "a.npy is not as long as it says"),
            (npy(np.ones(5)) + b"more", "a.npy is not as long as it says"),
            (npy_saying("<f8", (2**40,), bytes(40)), "a.npy is not as long as it says"),
            (npy_saying("<f8", (-1, -5), bytes(40)), "a.npy is not as long as it says"),
            (npy_saying("<f8", (-5,), bytes(40)), "a.npy is not as long as it says"),
            (npy_saying("<f8", (0, 2**62)), "array is too big"),
            (npy_saying("<f8", (0, 10**30)), "too large to convert"),
            (npy_saying("<U100000000", (1,), b"abcd"), "a.npy is not as long as it says"),
            (npy_saying("<U100000000", (0,)), "a.npy holds more than 1000 characters of text"),
            (npy(np.array(["x" * 100] * 11)), "a.npy holds more than 1000 characters of text"),
            (npy_saying("<U1", (), struct.pack("<I", 0x110000)), "codec can't decode"),
            (npy_saying("<U1", (), struct.pack("<I", 0xD800)), "codec can't decode"),
            (npy_saying(None, ()), "descr is not a valid dtype descriptor"),
            (npy_saying("", (), header="{'descr': '''"), "EOF in multi-line string"),
            (npy_saying("", (), header="__import__('os')"), "malformed node"),
            (npy_saying("", (), header="(" * 9999), "."),
            (npy_saying("", (), header="{'descr': '<f8', 'fortran_order': False, 'shape': (0L,)}"), "Python 2"),
            (npy_saying("", (), header=" " * 20_000), "Header info length"),
        ],
    )
    def test_damaged_members(self, raw, reason, write):
        with pytest.raises(
            SubmissionFault, match=f"best.npz cannot be read as a file of arrays: (.*){reason}"
        ) as caught:
            read_arrays(write({"good.npy": npy(np.ones(3)), "a.npy": raw}))
        assert str(caught.value).endswith(f". {ADVICE}")
        assert len(str(caught.value)) < 500

    @pytest.mark.parametrize("name", ["../../W1.npy", "/etc/W1.npy", "layer/W1.npy", "W1/", ".npy", "$array", "x" * 51])
    def test_names_that_are_no_names(self, name, write):
        with pytest.raises(SubmissionFault, match="an array must be named with 1 to 50 letters and digits, not"):
            read_arrays(write({name: npy(np.ones(3))}))

    def test_every_beginning_and_every_damaged_byte_of_a_file_is_refused_or_read(self, write):
        path = write({"W.npy": npy(np.arange(6.0)), "d.npy": npy(np.array("cifar10"))}, zipfile.ZIP_DEFLATED)
        whole = path.read_bytes()
        for cut in range(0, len(whole), 5):
            path.write_bytes(whole[:cut])
            with pytest.raises(SubmissionFault, match="cannot be read as a file of arrays"):
                read_arrays(path)
        read = 0
        for where in range(len(whole)):
            path.write_bytes(whole[:where] + bytes([whole[where] ^ 0x55]) + whole[where + 1 :])
            try:
                read += len(read_arrays(path)) == 2
            except SubmissionFault as fault:
                assert str(fault).endswith(ADVICE)  # noqa: PT017 - either outcome is right
        assert 0 < read < len(whole) / 2

    def test_too_many_members(self, write):
        one = npy(np.ones(1))
        assert len(read_arrays(write({f"a{n}.npy": one for n in range(64)}))) == 64
        with pytest.raises(
            SubmissionFault, match=r"best.npz may hold 64 arrays of 4,000,000 numbers in all; it holds more. Save"
        ):
            read_arrays(write({f"a{n}.npy": one for n in range(65)}))

    @pytest.mark.parametrize("dtype", ["|u1", "<f2", "<f8"])
    def test_more_numbers_than_are_allowed_however_small(self, dtype, write):
        size = np.dtype(dtype).itemsize
        half = npy_saying(dtype, (handin.MAX_NUMBERS // 2,)) + bytes(handin.MAX_NUMBERS // 2 * size)
        path = write({"a.npy": half, "b.npy": half}, zipfile.ZIP_DEFLATED)
        assert path.stat().st_size < 100_000
        assert sum(a.size for a in read_arrays(path).values()) == handin.MAX_NUMBERS
        path = write({"a.npy": half, "b.npy": half, "c.npy": npy(np.ones(1))}, zipfile.ZIP_DEFLATED)
        with pytest.raises(SubmissionFault, match="may hold 64 arrays of 4,000,000 numbers in all; it holds more"):
            read_arrays(path)

    def test_a_member_that_unpacks_to_more_than_is_allowed(self, write):
        path = write({"a.npy": npy_saying("<f8", (5,)) + bytes(handin.MAX_BYTES)}, zipfile.ZIP_DEFLATED)
        tracemalloc.start()
        try:
            with pytest.raises(SubmissionFault, match="may hold 64 arrays of 4,000,000 numbers in all; it holds more"):
                read_arrays(path)
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize("more", [b"", b"PK\6\7" + bytes(16)])  # with it, the end record may lie elsewhere
    def test_an_archive_of_a_hundred_thousand_members_is_refused_unread(self, more, tmp_path):
        entry = b"PK\1\2" + bytes(42)
        end = struct.pack("<4s4xHHIIH", b"PK\5\6", 1000, 1000, 0 if more else 100_000 * 46, 0, 0)
        (tmp_path / FILE).write_bytes(entry * 100_000 + more + end)
        tracemalloc.start()
        try:
            with pytest.raises(SubmissionFault, match="it is no archive, or none that NumPy wrote"):
                read_arrays(tmp_path / FILE)
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize(
        ("compression", "reason"), [(zipfile.ZIP_DEFLATED, "Bad CRC-32"), (zipfile.ZIP_BZIP2, "compressed in a way")]
    )
    def test_a_member_that_unpacks_to_more_than_it_says(self, compression, reason, write):
        path = write({"a.npy": bytes(32 * 2**20)}, compression)
        raw = path.read_bytes()
        path.write_bytes(raw.replace(struct.pack("<I", 32 * 2**20), struct.pack("<I", 100)))
        tracemalloc.start()
        try:
            with pytest.raises(SubmissionFault, match=reason):
                read_arrays(path)
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()

    def test_a_file_too_large_is_not_even_opened(self, tmp_path):
        with (tmp_path / FILE).open("wb") as file:
            file.truncate(handin.MAX_BYTES + 2**21)
        with pytest.raises(SubmissionFault, match="may hold 64 arrays of 4,000,000 numbers in all; it holds more"):
            read_arrays(tmp_path / FILE)

    def test_encrypted_members(self, write):
        path = write({"a.npy": npy(np.ones(3))})
        raw = bytearray(path.read_bytes())
        raw[6] |= 1  # in the member's own header
        raw[raw.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
        path.write_bytes(raw)
        with pytest.raises(SubmissionFault, match="is encrypted, password required for extraction"):
            read_arrays(path)

    def test_whatever_may_be_handed_in_can_cross_the_wall(self):
        images = handin.HIDDEN_IMAGES * 3 * 32 * 32 * 4
        assert 8 * handin.MAX_NUMBERS + images + wire.MAX_HEADER < wire.MAX_MESSAGE
        assert handin.MAX_ARRAYS < wire.MAX_ARRAYS


# ------------------------------------------------------------------------------------- judging


class Linear:
    def scores(self, X, W, b):
        return X.reshape(len(X), -1) @ W + b


@handed_in(FILE, points={"at_least_60_percent": 4, "at_least_80_percent": 3}, bars={
    "at_least_60_percent": 0.6, "at_least_80_percent": 0.8
})  # fmt: skip
def best(reference, X, params):
    return {"scores": reference.Linear().scores(X, params["W"], params["b"])}


MEAN = np.full((1, 2, 3), 7.0)
FOR_80 = "80% are asked for, less 2.5% for the chance of which images are drawn."


@pytest.fixture
def hidden(monkeypatch):
    """Stand in for the data: a thousand images of six pixels, of which pixel `y` stands out for label `y`."""
    asked = []

    def hidden_split(source, count, seed):
        asked.append((source, count, seed))
        labels = np.tile([0, 1, 2, 3, 4, 5, 0, 1, 2, 3], 100)
        return (np.eye(6)[labels].reshape(1_000, 1, 2, 3) + 7).astype(np.float32), labels

    monkeypatch.setattr(handin.data, "hidden_split", hidden_split)
    monkeypatch.setattr(handin.data, "mean_image", lambda source: MEAN)
    return asked


@pytest.fixture
def reference():
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(theirs, lambda variant: {"Linear": Linear}))
    with ours, theirs:
        thread.start()
        yield Session(ours, 5)
        ours.close()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def judged(tmp_path, hidden, reference):
    """Give a function that hands in arrays, has them judged, and checks that the next submission still can be."""

    def judged(arrays, seed=11):
        np.savez(tmp_path / FILE, **arrays)
        outcome = judge_model(best, tmp_path, reference, seed)
        np.savez(tmp_path / FILE, **right())
        assert judge_model(best, tmp_path, reference, seed).points == 7
        return outcome

    return judged


def right(**other):
    """Give a model that is right on all images, only if the mean is subtracted; or one that differs."""
    return {"W": np.eye(6), "b": np.zeros(6), "dataset": "cifar10-embedded"} | other


def right_on(count):
    """Give a model that knows the first labels only: with n of 6 known, n + min(n, 4) of every ten images are right."""
    return right(W=np.diag([1.0] * count + [-1.0] * (6 - count)))


class TestJudgeModel:
    def test_a_right_model_passes_every_bar_and_is_told_its_accuracy(self, judged, hidden):
        outcome = judged(right())
        assert [(o.name, o.verdict, o.points, o.max_points) for o in outcome.outputs] == [
            ("at_least_60_percent", Verdict.PASSED, 4, 4),
            ("at_least_80_percent", Verdict.PASSED, 3, 3),
        ]
        assert outcome.notes == ("best reached 100.0% on 1,000 hidden images of cifar10-embedded.",)
        assert outcome.reasons == ()
        assert hidden[0] == ("cifar10-embedded", handin.HIDDEN_IMAGES, 11)

    @pytest.mark.parametrize(("known", "accuracy", "points"), [(2, "40.0%", 0), (3, "60.0%", 4), (4, "80.0%", 7)])
    def test_each_bar_counts_for_itself_and_is_reached_when_met_exactly(self, known, accuracy, points, judged):
        outcome = judged(right_on(known))
        assert outcome.points == points
        told = outcome.reasons + outcome.notes
        assert told
        assert all(f"best reached {accuracy} on 1,000 hidden images" in sentence for sentence in told)
        if points == 4:
            assert outcome.reasons == (f"best reached 60.0% on 1,000 hidden images; {FOR_80}",)

    @pytest.mark.parametrize(("right_ones", "points"), [(773, 4), (776, 7), (568, 0), (571, 4)])
    def test_a_bar_is_missed_only_by_more_than_chance_can_make(
        self, right_ones, points, tmp_path, hidden, reference, monkeypatch
    ):
        # Two standard errors of 80 % on 1,000 images are 2.53 %, those of 60 % are 3.10 %.
        images, labels = handin.data.hidden_split("cifar10-embedded", 1_000, 0)
        labels[right_ones:] = (labels[right_ones:] + 1) % 6
        monkeypatch.setattr(handin.data, "hidden_split", lambda source, count, seed: (images.copy(), labels))
        np.savez(tmp_path / FILE, **right())
        assert judge_model(best, tmp_path, reference, 11).points == points

    def test_the_mean_image_is_subtracted(self, judged, monkeypatch):
        # This bias undoes a shift of all pixels by 7 in the first column; without the shift it is wrong.
        W = np.eye(6)
        W[:, 0] += 1
        assert judged(right(W=W, b=np.array([-0.5, 0, 0, 0, 0, 0]))).points == 7

    def test_single_and_half_precision_models_and_extras_are_welcome(self, judged):
        small = {name: np.asarray(right()[name], np.float16) for name in ("W", "b")}
        assert judged(right(**small, epochs=7, note="mine")).points == 7

    @pytest.mark.parametrize(
        ("arrays", "headline"),
        [
            (
                right(W=np.full((6, 6), np.nan)),
                "best.npz holds NaN or infinity. Train again with a smaller learning rat",
            ),
            (right(b=np.full(6, np.inf)), "best.npz holds NaN or infinity."),
            (right(W=np.full((6, 6), np.finfo(np.longdouble).max)), "best.npz holds NaN or infinity."),
            ({"W": np.eye(6), "b": np.zeros(6)}, "best.npz does not say which data its model was trained on. Save it"),
            (right(dataset=5), "best.npz does not say which data its model was trained on."),
            (right(dataset=np.array(["cifar10"])), "best.npz does not say which data its model was trained on."),
            (
                right(dataset="my own"),
                "The data a model was trained on must be cifar10 or cifar10-embedded. best.npz says 'my own' instead. "
                "Save it with dataset=data['source'].",
            ),
            (
                {"W2": np.eye(6), "dataset": "cifar10"},
                "The network cannot be run with the arrays of best.npz (W2 (6, 6)): it raised KeyError: 'W'.",
            ),
            (right(W=np.eye(5)), "(W (5, 5), b (6,)): it raised ValueError: matmul: "),
            (right(b=np.zeros(5)), "(W (6, 6), b (5,)): it raised ValueError: operands could not be"),
            (right(b=np.zeros((1, 1, 6))), "(W (6, 6), b (1, 1, 6)): its scores have a wrong shape."),
            (right(W=np.zeros((6, 0)), b=np.zeros(0)), "(W (6, 0), b (0,)): its scores have a wrong shape."),
        ],
    )
    def test_what_is_wrong_with_a_model_is_said_and_costs_only_that_model(self, arrays, headline, judged):
        outcome = judged(arrays)
        assert outcome.verdict is Verdict.FAILED
        assert (outcome.points, outcome.max_points) == (0, 7)
        assert headline in outcome.headline

    def test_a_missing_file_is_the_students_to_mend(self, tmp_path, hidden, reference):
        outcome = judge_model(best, tmp_path, reference, 11)
        assert outcome.headline == f"The file best.npz was not handed in. {ADVICE}"
        assert (outcome.points, outcome.max_points) == (0, 7)

    @pytest.mark.filterwarnings("ignore:overflow")  # as in the reference's own process
    def test_weights_that_overflow_score_badly_and_break_nothing(self, judged):
        outcome = judged(right(W=np.full((6, 6), 1e308), b=np.full(6, 1e308)))
        assert outcome.reasons[0] == (
            "best reached 20.0% on 1,000 hidden images; 60% are asked for, less 3.1% for the chance of which images are drawn."
        )

    @pytest.mark.parametrize("broken", ["hidden_split", "mean_image"])
    @pytest.mark.parametrize(
        "error", [FileNotFoundError("test_batch is not here"), ValueError("test_batch is damaged")]
    )
    def test_data_we_cannot_read_is_our_fault(self, broken, error, tmp_path, hidden, reference, monkeypatch):
        def fail(*args):
            raise error

        monkeypatch.setattr(handin.data, broken, fail)
        np.savez(tmp_path / FILE, **right(dataset="cifar10"))
        with pytest.raises(
            GraderFault, match="The hidden images of cifar10 cannot be read on this machine: test_batch"
        ):
            judge_model(best, tmp_path, reference, 11)

    def test_a_reference_that_is_gone_is_our_fault(self, tmp_path, hidden):
        ours, theirs = socket.socketpair()
        theirs.close()
        np.savez(tmp_path / FILE, **right())
        said = "The reference of best could not be observed on hidden images: the Python process ended"
        with ours, pytest.raises(GraderFault, match=said):
            judge_model(best, tmp_path, Session(ours, 1), 11)


def test_the_sources_are_those_the_data_module_knows():
    for source in handin.SOURCES[1:]:  # the official files may not be here
        images, labels = handin.data.hidden_split(source, 2, 3)
        assert images.shape[1:] == handin.data.mean_image(source).shape
        assert labels.shape == (2,)
