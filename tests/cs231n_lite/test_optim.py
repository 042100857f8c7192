import numpy as np
import pytest

from cs231n_lite.optim import sgd, sgd_momentum


@pytest.fixture
def step():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 5)), rng.normal(size=(3, 5))


def test_sgd_steps_against_the_gradient(step):
    w, dw = step
    next_w, config = sgd(w, dw, {"learning_rate": 0.3})
    np.testing.assert_allclose(next_w, w - 0.3 * dw, rtol=1e-15)
    assert config == {"learning_rate": 0.3}


def test_momentum_sums_fading_gradients(step):
    w, dw = step
    config = {"learning_rate": 0.3, "momentum": 0.8}
    current = w
    for k in range(3):
        current, config = sgd_momentum(current, (k + 1) * dw, config)
    # velocities by hand, in units of -0.3 dw: 1, then 0.8 + 2, then 0.8 * 2.8 + 3
    np.testing.assert_allclose(config["velocity"], -0.3 * 5.24 * dw, rtol=1e-14)
    np.testing.assert_allclose(current, w - 0.3 * (1 + 2.8 + 5.24) * dw, rtol=1e-13)


@pytest.mark.parametrize(("rule", "rate"), [(sgd, 1e-2), (sgd_momentum, 1e-2)])
def test_defaults_are_filled_in_and_returned(rule, rate, step):
    next_w, config = rule(*step)
    np.testing.assert_allclose(next_w, step[0] - rate * step[1], rtol=1e-14)
    assert config["learning_rate"] == rate
    assert rule is sgd or config["momentum"] == 0.9


@pytest.mark.parametrize("rule", [sgd, sgd_momentum])
def test_nothing_given_is_changed(rule, step):
    w, dw = step
    velocity = np.ones_like(w)
    config = {"learning_rate": 0.1} if rule is sgd else {"learning_rate": 0.1, "velocity": velocity}
    copies = w.copy(), dw.copy(), dict(config)
    next_w, next_config = rule(w, dw, config)
    next_w += 1
    assert next_config is not config
    np.testing.assert_array_equal(w, copies[0])
    np.testing.assert_array_equal(dw, copies[1])
    np.testing.assert_array_equal(velocity, 1.0)
    assert config == copies[2]


@pytest.mark.parametrize("rule", [sgd, sgd_momentum])
def test_float32_stays_float32_even_with_a_numpy_rate(rule):
    w = np.ones(3, np.float32)
    config = {"learning_rate": np.float64(0.1)}
    for _ in range(2):
        w, config = rule(w, w, config)
    assert w.dtype == np.float32


def test_a_misspelt_setting_is_refused(step):
    message = r"The config parameter of sgd must be a dict with keys among learning_rate\. Got 'lr' instead\."
    with pytest.raises(ValueError, match=message):
        sgd(*step, {"lr": 0.1})
    with pytest.raises(ValueError, match=r"keys among learning_rate, momentum, velocity\. Got 'beta' instead"):
        sgd_momentum(*step, {"beta": 0.1})


@pytest.mark.parametrize("rule", [sgd, sgd_momentum])
@pytest.mark.parametrize("shape", [(), (3, 2)])
def test_in_place_gives_the_same_numbers_in_the_same_arrays(rule, shape):
    rng = np.random.default_rng(7)
    w = rng.normal(size=shape)
    w = np.asarray(w, dtype=np.float32)
    mine, config, my_config = w.copy(), {"learning_rate": 0.3}, {"learning_rate": 0.3}
    velocity = None
    for _ in range(3):
        dw = np.asarray(rng.normal(size=shape), dtype=np.float32)
        kept = dw.copy()
        w, config = rule(w, dw, config)
        next_w, my_config = rule(mine, dw, my_config, in_place=True)
        assert next_w is mine
        assert velocity is None or my_config["velocity"] is velocity
        velocity = my_config.get("velocity")
        np.testing.assert_array_equal(mine, w)
        np.testing.assert_array_equal(dw, kept)
