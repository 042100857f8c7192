import numpy as np
import pytest

from cs231n_lite.params import load_params, save_params


def test_what_is_saved_is_loaded_bit_for_bit(tmp_path):
    params = {
        "W1": np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32),
        "b1": np.arange(5.0)[None],
        "file": np.asfortranarray(np.ones((2, 3))),  # a name np.savez keeps for itself
    }
    save_params(tmp_path / "model.npz", params, dataset="embedded", epochs=3)
    loaded = load_params(tmp_path / "model.npz")
    assert set(loaded) == {"W1", "b1", "file", "dataset", "epochs"}
    for name, array in params.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)
    assert loaded["dataset"].shape == ()
    assert str(loaded["dataset"]) == "embedded"
    with np.load(tmp_path / "model.npz", allow_pickle=False) as plain:
        np.testing.assert_array_equal(plain["W1"], params["W1"])


def test_a_failed_save_keeps_the_old_file_and_leaves_nothing_else(tmp_path, monkeypatch):
    save_params(tmp_path / "model.npz", {"W": np.ones(2)})

    def full_disk(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_params(tmp_path / "model.npz", {"W": np.zeros(2)})
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]
    np.testing.assert_array_equal(load_params(tmp_path / "model.npz")["W"], [1, 1])


def test_objects_are_refused_because_they_would_be_pickled(tmp_path):
    with pytest.raises(TypeError, match=r"arrays of numbers or strings, got 'W' of type object\. Convert it"):
        save_params(tmp_path / "model.npz", {"W": [1.0, None]})
    assert not list(tmp_path.iterdir())


def test_an_extra_must_not_hide_a_parameter(tmp_path):
    with pytest.raises(ValueError, match=r"must be named differently .* Got 'W' instead\."):
        save_params(tmp_path / "model.npz", {"W": np.ones(2)}, W=3)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"needs an npz file, and there is none at '.*best\.npz'\. Save one"):
        load_params(tmp_path / "best.npz")


class _Trap:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def _write(path, kind, trap):
    if kind == "text":
        path.write_text("not an archive")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, np.ones(2))
    elif kind == "pickle":
        np.array([trap], dtype=object).dump(path)
    elif kind == "object":
        np.savez(path, W=np.array([trap], dtype=object))
    else:  # truncated
        np.savez(path, W=np.ones(1000))
        path.write_bytes(path.read_bytes()[:4000])


@pytest.mark.parametrize("kind", ["text", "empty", "npy", "pickle", "object", "truncated"])
def test_other_files_are_refused_in_words_and_never_run(tmp_path, kind):
    _write(tmp_path / "model.npz", kind, _Trap(tmp_path / "sprung"))
    with pytest.raises(ValueError, match=r"needs an npz file of plain arrays, and '.*' is not one .*save_params\("):
        load_params(tmp_path / "model.npz")
    assert not (tmp_path / "sprung").exists()
