import re

import numpy as np
import pytest

from cs231n_lite.divergence import stop_if_diverged
from cs231n_lite.params import load_params, save_params
from cs231n_lite.schedules import cosine_decay
from cs231n_lite.solver import DivergenceError, Solver


class Softmax:
    """A linear classifier; `bias_shape` may be (C,) or (1, C)."""

    def __init__(self, dtype=np.float64, bias_shape=(3,), scale=0.1):
        W = np.random.default_rng(5).normal(scale=scale, size=(4, 3))
        self.params = {"W": W.astype(dtype), "b": np.full(bias_shape, 0.2, dtype)}
        self.seen = []

    def loss(self, X, y=None):
        scores = X @ self.params["W"] + self.params["b"]
        if y is None:
            return scores
        self.seen.append(X.copy())  # the memory is used again for the next batch
        shifted = scores - scores.max(axis=1, keepdims=True)
        p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        d = (p - np.eye(3, dtype=X.dtype)[y]) / len(y)
        return -np.log(p[np.arange(len(y)), y]).mean(), {"W": X.T @ d, "b": d.sum(axis=0)}


def adam(w, dw, config):
    """A student's rule: keeps a count and two arrays, and changes them in place."""
    t = config["t"] = config.get("t", 0) + 1
    m = config.setdefault("m", np.zeros_like(w))
    v = config.setdefault("v", np.zeros_like(w))
    m += 0.1 * (dw - m)
    v += 0.001 * (dw**2 - v)
    return w - config["learning_rate"] * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), config


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(61, 4))
    y = (X @ rng.normal(size=(4, 3))).argmax(axis=1)
    return {"X_train": X[:47], "y_train": y[:47], "X_val": X[47:], "y_val": y[47:]}


def solver_on(data, model=None, **settings):
    quiet = {"verbose": False, "batch_size": 10, "num_epochs": 4, "optim_config": {"learning_rate": 0.5}}
    return Solver(model or Softmax(), data, **(quiet | settings))


# --- the loop


def test_training_learns_and_keeps_its_histories(data):
    solver = solver_on(data, num_epochs=30)
    solver.train()
    assert solver.epoch == 30
    assert len(solver.loss_history) == 30 * 5
    assert len(solver.train_acc_history) == len(solver.val_acc_history) == 31
    assert np.mean(solver.loss_history[-5:]) < 0.5 * solver.loss_history[0]
    assert solver.val_acc_history[-1] > 0.8
    assert solver.best_val_acc == max(solver.val_acc_history)


def test_each_epoch_uses_every_image_once_in_batches_of_nearly_equal_size(data):
    model = Softmax()
    solver_on(data, model, num_epochs=2).train()
    assert [len(X) for X in model.seen] == [10, 10, 9, 9, 9] * 2
    epochs = np.concatenate(model.seen[:5]), np.concatenate(model.seen[5:])
    for seen in epochs:
        np.testing.assert_array_equal(np.sort(seen, axis=0), np.sort(data["X_train"], axis=0))
    assert not np.array_equal(*epochs)


def test_the_steps_are_those_of_a_loop_written_out(data):
    solver, model = solver_on(data, update_rule="sgd_momentum", lr_decay=0.5, num_epochs=2), Softmax()
    solver.train()
    rate, velocity, losses = 0.5, {name: 0.0 for name in model.params}, []
    for epoch in range(2):
        order = np.random.default_rng([0, epoch]).permutation(47)
        for chosen in np.array_split(order, 5):
            loss, grads = model.loss(data["X_train"][chosen], data["y_train"][chosen])
            losses.append(loss)
            for name in grads:
                velocity[name] = 0.9 * velocity[name] - rate * grads[name]
                model.params[name] = model.params[name] + velocity[name]
        rate *= 0.5
    np.testing.assert_allclose(solver.loss_history, losses, rtol=1e-12)


def test_the_seed_decides_and_numpys_own_generator_is_left_alone(data):
    state = np.random.get_state()[1].copy()
    histories = []
    for seed in (3, 3, 4):
        solver = solver_on(data, seed=seed)
        solver.train()
        histories.append(solver.loss_history)
    assert histories[0] == histories[1] != histories[2]
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_the_model_ends_with_the_best_parameters_not_the_last(data):
    def descend_then_climb(w, dw, config):
        config["calls"] = config.get("calls", 0) + 1
        return w - (0.5 if config["calls"] <= 15 else -5.0) * dw, config

    solver = solver_on(data, update_rule=descend_then_climb, num_epochs=6)
    solver.train()
    assert solver.val_acc_history[-1] < solver.best_val_acc
    assert solver.check_accuracy(data["X_val"], data["y_val"]) == solver.best_val_acc
    for name, array in solver.best_params.items():
        np.testing.assert_array_equal(solver.model.params[name], array)
        assert solver.model.params[name] is not array


def test_an_interrupt_leaves_the_best_parameters_too(data):
    def interrupted(w, dw, config):
        config["calls"] = config.get("calls", 0) + 1
        if config["calls"] == 13:
            raise KeyboardInterrupt("by hand")
        return w - 0.5 * dw, config

    solver = solver_on(data, update_rule=interrupted)
    with pytest.raises(KeyboardInterrupt, match="by hand"):
        solver.train()
    assert solver.epoch == 2
    np.testing.assert_array_equal(solver.model.params["W"], solver.best_params["W"])


def test_a_second_train_does_nothing_unless_asked_for_more(data, capsys):
    solver = solver_on(data, verbose=True)
    solver.train()
    capsys.readouterr()
    solver.train()
    assert capsys.readouterr().out == "4 epochs are done; raise solver.num_epochs to train on.\n"
    solver.num_epochs = 5
    solver.train()
    assert capsys.readouterr().out.startswith("epoch 5 / 5: loss ")
    assert len(solver.val_acc_history) == 6


def test_neither_the_data_nor_its_dtype_changes(data):
    data = {name: array.astype(np.float32) if name[0] == "X" else array for name, array in data.items()}
    copies = {name: array.copy() for name, array in data.items()}
    model = Softmax(np.float32)
    solver = solver_on(data, model, update_rule=adam, optim_config={"learning_rate": np.float64(0.1)}, lr_decay=0.9)
    solver.train()
    assert solver.X_train is data["X_train"]
    assert {X.dtype for X in model.seen} == {np.dtype(np.float32)}
    assert {array.dtype for array in model.params.values()} == {np.dtype(np.float32)}
    for name in data:
        np.testing.assert_array_equal(data[name], copies[name])


def test_a_rule_that_works_in_place_trains_the_same(data):
    def in_place(w, dw, config):
        w -= config["learning_rate"] * dw
        return w, config

    plain, other = solver_on(data), solver_on(data, update_rule=in_place)
    plain.train()
    other.train()
    np.testing.assert_allclose(other.loss_history, plain.loss_history, rtol=1e-12)
    assert other.best_val_acc == plain.best_val_acc
    np.testing.assert_allclose(other.best_params["W"], plain.best_params["W"], rtol=1e-12)


class OtherBias(Softmax):
    """Gives a gradient of shape (1, 3) for biases (3,), and of shape (3,) for biases (1, 3)."""

    def loss(self, X, y=None):
        answer = super().loss(X, y)
        if y is not None and self.params["b"].ndim == 1:
            answer[1]["b"] = answer[1]["b"][None]
        return answer


@pytest.mark.parametrize("bias_shape", [(3,), (1, 3)])
def test_row_biases_train_like_flat_ones(data, bias_shape):
    plain, other = solver_on(data), solver_on(data, OtherBias(bias_shape=bias_shape))
    plain.train()
    other.train()
    assert other.model.params["b"].shape == bias_shape
    np.testing.assert_allclose(other.loss_history, plain.loss_history, rtol=1e-12)


# --- accuracy


def test_accuracy_is_the_share_of_right_answers_whatever_the_batch(data):
    solver = solver_on(data)
    X, y = data["X_val"], data["y_val"]
    expected = float((solver.model.loss(X).argmax(axis=1) == y).mean())
    assert solver.check_accuracy(X, y) == solver.check_accuracy(X, y, batch_size=4) == pytest.approx(expected)
    assert solver.check_accuracy(X[:1], y[:1]) in (0.0, 1.0)


def test_accuracy_of_a_sample_is_of_that_many_different_images(data):
    class Counter(Softmax):
        asked = ()

        def loss(self, X, y=None):
            self.asked = [*self.asked, *map(tuple, X)]
            return super().loss(X, y)

    model = Counter()
    solver_on(data, model).check_accuracy(data["X_train"], data["y_train"], num_samples=11, batch_size=4)
    assert len(model.asked) == len(set(model.asked)) == 11


def test_looking_at_the_accuracy_does_not_change_the_training(data):
    plain, watched = solver_on(data, num_train_samples=20), solver_on(data, num_train_samples=20)
    plain.train()
    watched.check_accuracy(data["X_train"], data["y_train"], num_samples=5)
    watched.train()
    assert watched.loss_history == plain.loss_history
    assert watched.train_acc_history == plain.train_acc_history


# --- what is said


def test_one_line_an_epoch_on_stdout_and_nothing_on_stderr(data, capfd):
    solver_on(data, verbose=True, num_epochs=2).train()
    out, err = capfd.readouterr()
    line = r"epoch {} / 2: loss \d\.\d\d, training accuracy \d\.\d\d, validation accuracy \d\.\d\d\n"
    assert re.fullmatch(line.format(1) + line.format(2), out)
    assert err == ""


def test_print_every_adds_lines(data, capsys):
    solver = solver_on(data, verbose=True, num_epochs=1, print_every=2)
    solver.train()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"step {k}: loss {solver.loss_history[k - 1]:.2f}" for k in (2, 4)]
    assert len(lines) == 3


def test_verbose_false_says_nothing(data, capfd):
    solver_on(data, print_every=1).train()
    assert capfd.readouterr() == ("", "")


# --- divergence


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_divergence_stops_with_advice_and_without_warnings(data, dtype, capfd):
    class Squared(Softmax):
        def loss(self, X, y=None):
            scores = X @ self.params["W"] + self.params["b"]
            if y is None:
                return scores
            error = scores - np.eye(3, dtype=dtype)[y]
            return (error**2).sum(), {"W": 2 * X.T @ error, "b": 2 * error.sum(axis=0)}

    data = {name: array.astype(dtype) if name[0] == "X" else array for name, array in data.items()}
    solver = solver_on(data, Squared(dtype), optim_config={"learning_rate": 20.0}, num_epochs=100)
    message = (
        r"Training needs finite numbers, and at step \d+ (the loss is (inf|nan)|the gradient of 'W' has NaN or infinite "
        r"entries though the loss is .*)\. The learning rate is 20; try one 10 times smaller, 2\."
    )
    with pytest.raises(DivergenceError, match=message) as caught:
        solver.train()
    assert f"step {len(solver.loss_history)} " in str(caught.value)
    assert isinstance(caught.value, FloatingPointError)
    assert np.isfinite(solver.model.params["W"]).all()
    np.testing.assert_array_equal(solver.model.params["W"], solver.best_params["W"])
    assert capfd.readouterr().err == ""


def test_a_loss_that_is_nan_from_the_start_is_not_blamed_on_the_learning_rate(data):
    data["X_train"] = data["X_train"].copy()
    data["X_train"][:, 2] = np.nan
    with pytest.raises(
        DivergenceError, match=r"at step 1 the loss is nan\. No step has been taken yet, so the learning"
    ):
        solver_on(data).train()


def test_a_nan_in_one_gradient_is_named(data):
    class Broken(Softmax):
        def loss(self, X, y=None):
            answer = super().loss(X, y)
            if y is not None and len(self.seen) == 3:
                answer[1]["b"][1] = np.nan
            return answer

    with pytest.raises(DivergenceError, match=r"at step 3 the gradient of 'b' has NaN .* though the loss is \d"):
        solver_on(data, Broken()).train()


def test_a_rule_without_a_learning_rate_gets_advice_without_one(data):
    def leap(w, dw, config):
        return w - 1e200 * dw, config

    class Quadratic(Softmax):
        def loss(self, X, y=None):
            W = self.params["W"]
            return X @ W if y is None else ((W**2).sum(), {"W": 2 * W, "b": np.zeros(3)})

    with pytest.raises(DivergenceError, match=r"at step 2 .*\. Try a learning rate 10 times smaller in optim_config\."):
        solver_on(data, Quadratic(), update_rule=leap, optim_config=None).train()


def test_a_large_gradient_is_not_taken_for_an_infinite_one():
    configs = {"W": {"learning_rate": 0.1}}
    stop_if_diverged(1.0, {"W": np.full((3, 2), 1e30, np.float32)}, 2, configs)  # its square is infinite, it is not
    with pytest.raises(DivergenceError, match=r"at step 2 the gradient of 'W' has NaN or infinite entries"):
        stop_if_diverged(1.0, {"W": np.array([1.0, -np.inf], np.float32)}, 2, configs)


# --- checkpoints


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", adam])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(data, tmp_path, rule, dtype):
    data = {name: array.astype(dtype) if name[0] == "X" else array for name, array in data.items()}
    settings = {"update_rule": rule, "lr_decay": 0.8, "num_train_samples": 20, "seed": 7, "verbose": False}
    settings |= {"optim_config": {"learning_rate": 0.3}, "batch_size": 10}
    unbroken = Solver(Softmax(dtype), data, num_epochs=5, **settings)
    unbroken.train()
    first = Solver(Softmax(dtype), data, num_epochs=2, checkpoint_name=tmp_path / "run", **settings)
    first.train()
    second = Solver.resume(tmp_path / "run.npz", Softmax(dtype, scale=3.0), data, num_epochs=5, **settings)
    assert second.epoch == 2
    second.train()
    assert second.loss_history == unbroken.loss_history
    assert second.train_acc_history == unbroken.train_acc_history
    assert second.val_acc_history == unbroken.val_acc_history
    assert second.best_val_acc == unbroken.best_val_acc
    for name, array in unbroken.model.params.items():
        assert second.model.params[name].dtype == dtype
        np.testing.assert_array_equal(second.model.params[name], array)
        for setting, value in unbroken.optim_configs[name].items():
            np.testing.assert_array_equal(second.optim_configs[name][setting], value)


def test_a_run_that_broke_off_goes_on_from_its_last_whole_epoch(data, tmp_path):
    class Fragile(Softmax):
        def loss(self, X, y=None):
            if len(self.seen) == 13:
                raise RuntimeError("power cut")
            return super().loss(X, y)

    unbroken = solver_on(data)
    unbroken.train()
    with pytest.raises(RuntimeError, match="power cut"):
        solver_on(data, Fragile(), checkpoint_name=str(tmp_path / "run")).train()
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
    rest = {"verbose": False, "batch_size": 10, "num_epochs": 4, "optim_config": {"learning_rate": 0.5}}
    resumed = Solver.resume(tmp_path / "run.npz", Softmax(), data, **rest)
    assert resumed.epoch == 2
    resumed.train()
    assert resumed.loss_history == unbroken.loss_history


@pytest.fixture
def checkpoint(data, tmp_path):
    solver_on(data, num_epochs=1, checkpoint_name=tmp_path / "run").train()
    return tmp_path / "run.npz"


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("batch_size", 9, r"The batch_size parameter of Solver must be 10 as in the checkpoint\. Got 9 instead\."),
        ("seed", 1, r"The seed .* must be 0 as in the checkpoint\. Got 1 instead\."),
        ("update_rule", "sgd_momentum", r"The update_rule .* must be 'sgd' as .* Got 'sgd_momentum' instead\."),
        ("optim_config", {"learning_rate": 0.4}, r"must be .*0\.5.* as in the checkpoint\. Got .*0\.4.* instead\."),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(data, checkpoint, setting, value, message):
    settings = {"batch_size": 10, "optim_config": {"learning_rate": 0.5}} | {setting: value}
    with pytest.raises(ValueError, match=message):
        Solver.resume(checkpoint, Softmax(), data, **settings)


def test_a_checkpoint_of_another_model_is_refused_and_the_model_left_alone(data, checkpoint):
    model = Softmax(bias_shape=(1, 3))
    with pytest.raises(ValueError, match=r"must have the checkpoint's parameters, .*'b': \(3,\).*Got .*'b': \(1, 3\)"):
        Solver.resume(checkpoint, model, data, batch_size=10, optim_config={"learning_rate": 0.5})
    assert model.params["b"].shape == (1, 3)


def test_parameters_alone_are_no_checkpoint(data, tmp_path):
    save_params(tmp_path / "model.npz", Softmax().params)
    with pytest.raises(ValueError, match=r"needs a checkpoint, and '.*' holds parameters alone\. Write one with"):
        Solver.resume(tmp_path / "model.npz", Softmax(), data)


def test_a_checkpoint_holds_plain_arrays(checkpoint):
    assert {array.dtype.kind for array in load_params(checkpoint).values()} <= set("fU")


# --- schedules, and stopping early


def test_a_schedule_gives_each_epoch_its_rate(data):
    rates = []

    def watching(w, dw, config):
        rates.append(config["learning_rate"])
        return w - config["learning_rate"] * dw, config

    solver_on(data, update_rule=watching, lr_schedule=lambda epoch: [1.0, 0.5, 0.1, 2.0][epoch]).train()
    assert rates == [0.5] * 10 + [0.25] * 10 + [0.05] * 10 + [1.0] * 10  # five steps, two parameters


def test_a_constant_schedule_changes_nothing_and_one_with_decay_is_as_decay(data):
    for schedule, decay in ((lambda epoch: 1.0, 1.0), (lambda epoch: 0.5**epoch, 0.5)):
        scheduled, decayed = solver_on(data, lr_schedule=schedule), solver_on(data, lr_decay=decay)
        scheduled.train()
        decayed.train()
        assert scheduled.loss_history == decayed.loss_history


def test_a_resumed_run_finds_its_place_in_the_schedule(data, tmp_path):
    rest = {"verbose": False, "batch_size": 10, "optim_config": {"learning_rate": 0.5}, "lr_schedule": cosine_decay(4)}
    unbroken = Solver(Softmax(), data, num_epochs=4, **rest)
    unbroken.train()
    Solver(Softmax(), data, num_epochs=2, checkpoint_name=tmp_path / "run", **rest).train()
    resumed = Solver.resume(tmp_path / "run.npz", Softmax(), data, num_epochs=4, **rest)
    resumed.train()
    assert resumed.loss_history == unbroken.loss_history
    with pytest.raises(ValueError, match=r"lr_schedule .* must be '.*cosine_decay.*' as in the checkpoint\. Got None"):
        Solver.resume(tmp_path / "run.npz", Softmax(), data, num_epochs=4, **(rest | {"lr_schedule": None}))


def test_a_schedule_needs_a_rate_to_start_from(data):
    with pytest.raises(ValueError, match=r"must have a learning_rate for lr_decay or lr_schedule to change\. Got none"):
        solver_on(data, optim_config=None, lr_schedule=cosine_decay(4)).train()


def test_patience_ends_the_training_when_the_best_accuracy_is_old(data, capsys):
    def worse(w, dw, config):
        return w + 0.5 * dw, config  # uphill: the accuracy before the first step stays the best

    solver = solver_on(data, update_rule=worse, num_epochs=20, patience=3, verbose=True)
    solver.train()
    assert solver.epoch == 3 + int(np.argmax(solver.val_acc_history)) < 20
    assert capsys.readouterr().out.splitlines()[-1] == "stopped early: validation accuracy was best 3 epochs ago."
    patient = solver_on(data, num_epochs=4, patience=4)
    patient.train()
    assert patient.epoch == 4


def test_callbacks_are_called_after_each_epoch_and_true_ends_the_training(data):
    seen = []
    enough = lambda solver: solver.epoch == 2  # noqa: E731 - as a student writes it
    solver = solver_on(data, callbacks=[enough, lambda solver: seen.append(len(solver.val_acc_history))])
    solver.train()
    assert solver.epoch == 2
    assert seen == [2, 3]


# --- memory


def test_batches_share_memory_and_leave_the_data_alone(data):
    class Keeper(Softmax):
        kept = ()

        def loss(self, X, y=None):
            if y is not None:
                self.kept = [*self.kept, X]
            return super().loss(X, y)

    model = Keeper()
    solver_on(data, model, num_epochs=1).train()
    assert all(np.shares_memory(model.kept[0], X) for X in model.kept)
    assert not np.shares_memory(model.kept[0], data["X_train"])


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum"])
def test_named_rules_write_into_the_parameters_but_not_into_arrays_of_others(data, rule):
    model, held = Softmax(), []
    mine = model.params["W"]
    before = mine.copy()

    class Watching(Softmax):
        def loss(self, X, y=None):
            held.append(self.params["W"])
            return super().loss(X, y)

    model = Watching()
    model.params["W"] = mine
    solver = solver_on(data, model, update_rule=rule, num_epochs=1)
    solver.train()
    np.testing.assert_array_equal(mine, before)
    assert all(array is held[0] for array in held)  # no new array for each step
    assert model.params["W"] is not held[0]  # the best ones, copied when they were
    assert model.params["W"] is not solver.best_params["W"]


# --- misuse, in words


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("batch_size", 0, r"The batch_size parameter of Solver must be a whole number above 0\. Got 0 instead\."),
        ("num_epochs", 2.5, r"The num_epochs .* must be a whole number above 0\. Got 2\.5 instead\."),
        ("print_every", 0, r"The print_every .* must be a whole number above 0, or None\. Got 0 instead\."),
        ("patience", 0, r"The patience .* must be a whole number above 0, or None\. Got 0 instead\."),
        ("num_train_samples", -1, r"The num_train_samples .* Got -1 instead\."),
        ("num_val_samples", True, r"The num_val_samples .* Got True instead\."),
        ("seed", -1, r"The seed .* must be a whole number, 0 or above\. Got -1 instead\."),
        ("lr_decay", 0.0, r"The lr_decay .* must be a number above 0\. Got 0\.0 instead\."),
        (
            "update_rule",
            "adam",
            r"The update_rule .* must be one of sgd, sgd_momentum, or a callable\. Got 'adam' instead",
        ),
    ],
)
def test_bad_settings_are_refused(data, setting, value, message):
    with pytest.raises(ValueError, match=message):
        solver_on(data, **{setting: value})


def test_an_unknown_setting_is_refused_with_the_list_of_known_ones(data):
    message = (
        r"Solver has no parameter 'learning_rate'\. It has: update_rule, .*, seed\. Settings of the update rule go"
    )
    with pytest.raises(TypeError, match=message):
        Solver(Softmax(), data, learning_rate=1e-3)


def test_decay_needs_a_rate_to_multiply(data):
    rule = lambda w, dw, config: (w - 0.1 * dw, config)  # noqa: E731 - a student may well pass a lambda
    with pytest.raises(
        ValueError, match=r"must have a learning_rate for lr_decay or lr_schedule to change\. Got none instead; put"
    ):
        solver_on(data, update_rule=rule, optim_config=None, lr_decay=0.5).train()


def test_a_misspelt_setting_of_a_rule_is_refused(data):
    with pytest.raises(ValueError, match=r"The config parameter of sgd must be .* Got 'lr' instead"):
        solver_on(data, optim_config={"lr": 0.1}).train()


class Changed(Softmax):
    """A model whose loss goes through `change` before it is returned."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def loss(self, X, y=None):
        answer = super().loss(X, y)
        return self.change(*answer) if y is not None else answer


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda loss, grads: loss, TypeError, r"must return \(loss, grads\), .* Got float64 instead; end it with"),
        (
            lambda loss, grads: (loss, [grads]),
            TypeError,
            r"must return \(loss, grads\), .* Got \(float64, list\) instead",
        ),
        (
            lambda loss, grads: ([loss] * 9, grads),
            ValueError,
            r"must be one number\. Got shape \(9,\) instead; take the mean",
        ),
        (
            lambda loss, grads: (loss, {"W": grads["W"]}),
            ValueError,
            r"Got W and none for 'b'; store it as grads\['b'\]",
        ),
        (
            lambda loss, grads: (loss, grads | {"W": grads["W"].T}),
            ValueError,
            r"The gradient of 'W' must have the shape of the parameter, \(4, 3\)\. Got \(3, 4\) instead; look for",
        ),
    ],
)
def test_a_model_that_breaks_the_protocol_hears_how(data, change, error, message):
    with pytest.raises(error, match=message):
        solver_on(data, Changed(change)).train()


def test_a_loss_of_one_element_counts_as_a_number(data):
    solver = solver_on(data, Changed(lambda loss, grads: (np.array([loss]), grads)))
    solver.train()
    assert all(type(loss) is float for loss in solver.loss_history)


def test_scores_of_a_wrong_shape_are_refused(data):
    class Labels(Softmax):
        def loss(self, X, y=None):
            return super().loss(X, y) if y is not None else super().loss(X).argmax(axis=1)

    message = r"model\.loss\(X\) must return scores of shape .*, here \(47, number of classes\)\. Got \(47,\) instead"
    with pytest.raises(ValueError, match=message):
        solver_on(data, Labels()).train()


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (lambda w, dw, config: w - dw, TypeError, r"must return \(next_w, config\), .* Got ndarray for 'W' instead"),
        (lambda w, dw, config: (w, None), TypeError, r"Got \(ndarray, NoneType\) for 'W' instead"),
        (
            lambda w, dw, config: (w[:2], config),
            ValueError,
            r"of the shape of w, \(4, 3\) for 'W'\. Got \(2, 3\) instead",
        ),
    ],
)
def test_a_rule_that_breaks_the_protocol_hears_how(data, rule, error, message):
    with pytest.raises(error, match=message):
        solver_on(data, update_rule=rule).train()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, r"needs model\.params, a dict of name -> float array\. Got \{\} instead; set self\.params"),
        ({"W": [1.0]}, r"needs float arrays in model\.params\. Got list for 'W' instead; make it with"),
        ({"W": np.zeros(2, int)}, r"needs float arrays in model\.params\. Got dtype int64 for 'W' instead"),
    ],
)
def test_a_model_without_float_parameters_is_refused(data, params, message):
    model = Softmax()
    model.params = params
    with pytest.raises(TypeError, match=message):
        Solver(model, data)


def test_a_model_without_loss_is_refused(data):
    class Mute:
        params = {"W": np.zeros(2)}

    with pytest.raises(
        TypeError, match=r"needs a method loss\(X, y=None\) of the model\. Got a Mute without one; define"
    ):
        Solver(Mute(), data)


def test_incomplete_data_is_refused(data):
    del data["y_val"]
    message = r"needs data with X_train, y_train, X_val and y_val\. Got X_train, y_train, X_val instead; add y_val\."
    with pytest.raises(ValueError, match=message):
        Solver(Softmax(), data)


@pytest.mark.parametrize("labels", [np.zeros(46, int), np.zeros(47), np.zeros((47, 3), int)])
def test_labels_that_do_not_fit_are_refused(data, labels):
    message = rf"one integer label in y_train for each .* y_train of shape {re.escape(str(labels.shape))}, dtype {labels.dtype}"
    with pytest.raises(ValueError, match=message):
        Solver(Softmax(), data | {"y_train": labels})
