"""The questions of `hyperparameter_search`: how each is observed, what it is worth, how it goes wrong.

Functions passed in (`step`, `train_fn`) are made inside the probes and record what they are called with. What is
random is observed through facts that hold whatever is drawn: counts, bounds, and shares within six standard errors.
"""

import itertools
import math

import numpy as np

from autograder.model import Case
from autograder.questions import handed_in, question

GIVEN = {
    "two_layer_net": (
        "affine_forward",
        "affine_backward",
        "relu_forward",
        "relu_backward",
        "softmax_loss",
        "TwoLayerNet",
    )
}

# -------------------------------------------------------------------------- check_initial_loss


def initial_losses(rng):
    """Losses on both sides of log C, just inside and just outside the tolerance; nan and infinite ones."""
    for label, classes, tolerance in [
        ("ten classes", 10, 0.1),
        ("two classes", 2, 0.05),
        ("a thousand classes", 1000, 0.3),
        ("a wide tolerance", 7, 0.5),
    ]:
        right = math.log(classes)
        inside = tolerance * rng.uniform(0.82, 0.98, 2) * [1, -1]
        outside = tolerance * rng.uniform(1.02, 1.15, 2) * [1, -1]
        offsets = np.concatenate([inside, outside, [0.0, 3.5, -0.9 * right]])
        yield Case(label, {"losses": right + offsets, "num_classes": classes, "tolerance": tolerance})


@question(points={"verdicts": 4, "not_finite": 2}, draw=initial_losses)
def check_initial_loss(student, losses, num_classes, tolerance):
    def verdict(loss):
        return bool(student.check_initial_loss(float(loss), num_classes, tolerance))

    return {
        "verdicts": np.array([verdict(loss) for loss in losses]),
        "not_finite": np.array([verdict(loss) for loss in (np.nan, np.inf)]),
    }


def _initial(near):
    return {"check_initial_loss": lambda loss, num_classes, tolerance=0.1: near(loss, num_classes, tolerance)}


@check_initial_loss.correct_variant
def from_the_probability(reference):
    return _initial(lambda loss, c, tol: abs(loss + np.log(1 / c)) <= tol)


@check_initial_loss.correct_variant
def two_comparisons(reference):
    return _initial(lambda loss, c, tol: math.log(c) - tol < loss < math.log(c) + tol)


@check_initial_loss.correct_variant
def is_close(reference):
    return _initial(lambda loss, c, tol: np.isclose(loss, np.log(c), rtol=0, atol=tol))


@check_initial_loss.correct_variant
def one_or_zero(reference):
    return _initial(lambda loss, c, tol: 1 if abs(np.float32(loss) - np.float32(np.log(c))) < tol else 0)


@check_initial_loss.misconception
def decimal_logarithm(reference):
    """This compares with the decimal logarithm: a guess among C classes costs the *natural* logarithm,
    `np.log(num_classes)`."""
    return _initial(lambda loss, c, tol: abs(loss - np.log10(c)) <= tol)


@check_initial_loss.misconception
def binary_logarithm(reference):
    """This compares with the logarithm to base 2: the loss uses the natural one, so compare with `np.log(num_classes)`."""
    return _initial(lambda loss, c, tol: abs(loss - np.log2(c)) <= tol)


@check_initial_loss.misconception
def small_losses_pass(reference):
    """A loss far *below* log C passes: before training that is as suspicious as one far above. Take the absolute difference."""
    return _initial(lambda loss, c, tol: loss <= np.log(c) + tol)


@check_initial_loss.misconception
def large_losses_pass(reference):
    """A loss far *above* log C passes: the difference must be small on both sides. Take its absolute value."""
    return _initial(lambda loss, c, tol: loss >= np.log(c) - tol)


@check_initial_loss.misconception
def relative_tolerance(reference):
    """The tolerance is multiplied by log C: it is an absolute difference, `abs(loss - np.log(num_classes)) <= tolerance`."""
    return _initial(lambda loss, c, tol: abs(loss - np.log(c)) <= tol * np.log(c))


@check_initial_loss.misconception
def tolerance_fixed(reference):
    """The argument `tolerance` is not used: the same difference must pass or fail depending on it."""
    return _initial(lambda loss, c, tol: abs(loss - np.log(c)) <= 0.1)


@check_initial_loss.misconception
def nan_passes(reference):
    """A loss of nan passes: every comparison with nan is False, so ask whether the difference is small, not
    whether it is large."""
    return _initial(lambda loss, c, tol: not abs(loss - np.log(c)) > tol)


@check_initial_loss.misconception
def verdict_reversed(reference):
    """True and False are exchanged: the answer is True where the loss is what a guess would cost."""
    return _initial(lambda loss, c, tol: not abs(loss - np.log(c)) <= tol)


# --------------------------------------------------------------------------------- stop_on_nan


def step_losses(rng):
    """Losses of a run, with where it breaks and how; `bad` replaces the loss from step `at` on."""
    for label, n, at, bad in [
        ("a healthy run", 9, 9, "nan"),
        ("nan in the middle", 12, 5, "nan"),
        ("infinite in the middle", 11, 4, "inf"),
        ("minus infinity", 10, 7, "-inf"),
        ("nan at the first step", 6, 0, "nan"),
        ("nan at the last step", 8, 7, "nan"),
        ("nan once, finite again afterwards", 13, 6, "nan once"),
        ("large but finite", 7, 7, "inf"),
    ]:
        losses = np.exp(rng.normal(60 if "large" in label else 0, 1.0, n))
        yield Case(label, {"losses": losses, "at": at, "bad": bad})


@question(points={"losses": 3, "calls": 2, "stopped": 1}, draw=step_losses)
def stop_on_nan(student, losses, at, bad):
    calls = []

    def step():
        i = len(calls)
        calls.append(i)
        broken = i == at if bad.endswith("once") else i >= at
        return float(bad.split()[0]) if broken and at < len(losses) else float(losses[i % len(losses)])

    kept, stopped = student.stop_on_nan(step, len(losses))
    kept = np.array([float(loss) for loss in kept])
    return {
        "losses": np.nan_to_num(kept, nan=-1.0, posinf=-2.0, neginf=-3.0),
        "calls": len(calls),
        "stopped": bool(stopped),
    }


def _run(bad, keep=False, stop=True):
    """Make a variant that calls a loss bad by `bad(loss)`, may keep it and may go on."""

    def stop_on_nan(step, num_steps):
        losses, stopped = [], False
        for _ in range(num_steps):
            loss = step()
            if bad(loss):
                stopped = True
                if keep:
                    losses.append(loss)
                if stop:
                    break
            else:
                losses.append(loss)
        return losses, stopped

    return {"stop_on_nan": stop_on_nan}


@stop_on_nan.correct_variant
def finite_by_math(reference):
    return _run(lambda loss: not math.isfinite(loss))


@stop_on_nan.correct_variant
def nan_differs_from_itself(reference):
    return _run(lambda loss: loss != loss or abs(loss) == np.inf)


@stop_on_nan.correct_variant
def difference_with_itself(reference):
    return _run(lambda loss: loss - loss != 0)


@stop_on_nan.correct_variant
def while_loop_and_array(reference):
    def stop_on_nan(step, num_steps):
        losses = []
        while len(losses) < num_steps:
            loss = step()
            if np.isnan(loss) or np.isinf(loss):
                break
            losses.append(loss)
        return np.array(losses), len(losses) < num_steps

    return {"stop_on_nan": stop_on_nan}


@stop_on_nan.misconception
def compared_with_nan(reference):
    """`loss == np.nan` is never true: nan equals nothing, itself included. Ask `np.isfinite(loss)`."""
    return _run(lambda loss: loss == np.nan or abs(loss) == np.inf)


@stop_on_nan.misconception
def infinite_goes_on(reference):
    """An infinite loss does not stop the run: `np.isnan` does not see it. Ask `np.isfinite(loss)`, which sees both."""
    return _run(np.isnan)


@stop_on_nan.misconception
def minus_infinity_goes_on(reference):
    """A loss of minus infinity does not stop the run: it is not finite either. Ask `np.isfinite(loss)`."""
    return _run(lambda loss: np.isnan(loss) or loss == np.inf)


@stop_on_nan.misconception
def bad_loss_kept(reference):
    """The loss that stopped the run is in the list: look at it before you append it."""
    return _run(lambda loss: not np.isfinite(loss), keep=True)


@stop_on_nan.misconception
def skipped_not_stopped(reference):
    """The run skips a loss that is not finite and goes on: the weights are ruined by then, so return at once."""
    return _run(lambda loss: not np.isfinite(loss), stop=False)


@stop_on_nan.misconception
def looked_at_afterwards(reference):
    """The whole run is done before anything is looked at: the losses are right, but the steps after the first bad loss
    cost time for nothing. Test each loss inside the loop."""

    def stop_on_nan(step, num_steps):
        losses = [step() for _ in range(num_steps)]
        good = list(itertools.takewhile(np.isfinite, losses))
        return good, len(good) < num_steps

    return {"stop_on_nan": stop_on_nan}


@stop_on_nan.misconception
def stopped_reversed(reference):
    """`stopped` is the wrong way round: it is True if the run had to be stopped and False if it went to its end."""

    def stop_on_nan(step, num_steps):
        losses, stopped = reference.stop_on_nan(step, num_steps)
        return losses, not stopped

    return {"stop_on_nan": stop_on_nan}


@stop_on_nan.misconception
def large_losses_stop(reference):
    """A large loss stops the run although it is finite: only nan and infinity do."""
    return _run(lambda loss: not loss < 1e6 or loss == -np.inf)


# -------------------------------------------------------------------------------- overfit_tiny


def tiny_runs(rng):
    """Runs that reach the target early, late or never, or break; `bad_at` is the step from which the loss is `bad`."""
    for label, n, tiny, most, reached, bad_at, bad in [
        ("reached half way", 50, 20, 40, 19, 1000, "nan"),
        ("reached at the last step", 31, 7, 15, 14, 1000, "nan"),
        ("never reached", 40, 5, 12, 1000, 1000, "nan"),
        ("a single example, reached at once", 9, 1, 10, 0, 1000, "nan"),
        ("nan on the way", 25, 6, 14, 1000, 4, "nan"),
        ("infinite on the way", 22, 3, 13, 1000, 6, "inf"),
        ("minus infinity on the way", 27, 8, 16, 1000, 5, "-inf"),
        ("would be reached one step too late", 30, 4, 11, 11, 1000, "nan"),
    ]:
        steps = np.arange(most + 5)
        losses = (2.5 - 0.05 * steps) * rng.uniform(0.97, 1.0, len(steps))
        target = float(rng.uniform(0.02, 0.2))
        losses[steps == reached] = 0.5 * target
        inputs = {"X": rng.normal(size=(n, 2, 3)), "y": rng.integers(0, 10, n) + 10 * np.arange(n), "losses": losses}
        inputs |= {"num_examples": tiny, "max_steps": most, "target": target, "bad_at": bad_at, "bad": bad}
        yield Case(label, inputs, {"N": n})


@question(
    points={"X_tiny": 1, "y_tiny": 1, "same_every_step": 1, "steps": 2, "losses": 2, "passed": 2},
    draw=tiny_runs,
)
def overfit_tiny(student, X, y, losses, num_examples, max_steps, target, bad_at, bad):
    seen = []

    def step(X_tiny, y_tiny):
        i = len(seen)
        seen.append((np.array(X_tiny), np.array(y_tiny)))
        return float(bad) if i >= bad_at else float(losses[i % len(losses)])

    passed, kept = student.overfit_tiny(step, X, y, num_examples=num_examples, max_steps=max_steps, target=target)
    kept = np.array([float(loss) for loss in kept])
    first_X, first_y = seen[0] if seen else (np.zeros(0), np.zeros(0))
    same = all(np.array_equal(a, first_X) and np.array_equal(b, first_y) for a, b in seen)
    return {
        "X_tiny": first_X,
        "y_tiny": first_y,
        "same_every_step": same,
        "steps": len(seen),
        "losses": kept[np.isfinite(kept)],
        "passed": bool(passed),
    }


def _tiny(
    cut=lambda X, y, n: (X[:n], y[:n]),
    done=lambda loss, target: loss <= target,
    broken=lambda loss: not np.isfinite(loss),
    passed=lambda losses, last, target: np.isfinite(last) and last <= target,
    more=0,
):
    """Make a variant of overfit_tiny with one part replaced."""

    def overfit_tiny(step, X, y, num_examples=20, max_steps=500, target=0.01):
        losses, last = [], np.inf
        for _ in range(max_steps + more):
            last = step(*cut(X, y, num_examples))
            if broken(last):
                break
            losses.append(last)
            if done(last, target):
                break
        return passed(losses, last, target), losses

    return {"overfit_tiny": overfit_tiny}


@overfit_tiny.correct_variant
def slices_each_step(reference):
    return _tiny()


@overfit_tiny.correct_variant
def copies_by_index(reference):
    return _tiny(cut=lambda X, y, n: (X[np.arange(n)].copy(), y[np.arange(n)].copy()))


@overfit_tiny.correct_variant
def with_stop_on_nan(reference):
    def overfit_tiny(step, X, y, num_examples=20, max_steps=500, target=0.01):
        losses = []
        while len(losses) < max_steps:
            new, stopped = reference.stop_on_nan(lambda: step(X[:num_examples], y[:num_examples]), 1)
            losses += new
            if stopped or losses[-1] < target:
                break
        return bool(losses) and not stopped and losses[-1] < target, np.array(losses)

    return {"overfit_tiny": overfit_tiny}


@overfit_tiny.correct_variant
def keeps_the_nan_as_well(reference):
    def overfit_tiny(step, X, y, num_examples=20, max_steps=500, target=0.01):
        losses = []
        for _ in range(max_steps):
            losses.append(step(X[:num_examples], y[:num_examples]))
            if not np.isfinite(losses[-1]):
                break
            if losses[-1] <= target:
                return True, losses
        return False, losses

    return {"overfit_tiny": overfit_tiny}


@overfit_tiny.misconception
def never_stops_early(reference):
    """The run goes on after the target is reached: return as soon as a loss is at or below `target`."""
    return _tiny(done=lambda loss, target: False, passed=lambda losses, last, target: min(losses) <= target)


@overfit_tiny.misconception
def new_examples_every_step(reference):
    """Each step gets other examples: learning by heart needs the *same* few every time, so cut them once, before the loop."""

    def cut(X, y, n):
        chosen = np.random.permutation(len(X))[:n]
        return X[chosen], y[chosen]

    return _tiny(cut=cut)


@overfit_tiny.misconception
def all_examples(reference):
    """All examples are handed to `step`: only the first `num_examples` are to be learnt by heart."""
    return _tiny(cut=lambda X, y, n: (X, y))


@overfit_tiny.misconception
def inputs_and_labels_exchanged(reference):
    """`step` gets the inputs and the labels in each other's place: call `step(X_tiny, y_tiny)`."""
    return _tiny(cut=lambda X, y, n: (y[:n], X[:n]))


@overfit_tiny.misconception
def last_examples(reference):
    """These are the last `num_examples` examples; the first ones are asked for, `X[:num_examples]`."""
    return _tiny(cut=lambda X, y, n: (X[-n:], y[-n:]))


@overfit_tiny.misconception
def labels_of_others(reference):
    """The labels belong to other examples than the inputs: cut `X` and `y` in the same way."""
    return _tiny(cut=lambda X, y, n: (X[:n], y[-n:]))


@overfit_tiny.misconception
def passed_if_it_fell(reference):
    """`passed` is True as soon as the loss has fallen a little: it must have reached `target`."""
    return _tiny(passed=lambda losses, last, target: last < losses[0] or last <= target)


@overfit_tiny.misconception
def one_step_too_many(reference):
    """`step` is called once more than `max_steps` allows: `range(max_steps)` has exactly that many."""
    return _tiny(more=1)


@overfit_tiny.misconception
def one_step_too_few(reference):
    """The last of the `max_steps` steps is missing: `range(max_steps)` already ends one before `max_steps`."""
    return _tiny(more=-1)


@overfit_tiny.misconception
def nan_passes_the_test(reference):
    """A run that ends in nan passes: `not loss > target` is true for nan. Ask `loss <= target`."""
    return _tiny(passed=lambda losses, last, target: not last > target)


@overfit_tiny.misconception
def goes_on_after_nan(reference):
    """The run goes on after a loss of nan: nothing can come of it any more, so return at once."""
    return _tiny(broken=lambda loss: False)


@overfit_tiny.misconception
def goes_on_after_infinity(reference):
    """An infinite loss does not stop the run: `np.isnan` does not see it. Ask `np.isfinite(loss)`, which sees both."""
    return _tiny(broken=lambda loss: np.isnan(loss))


@overfit_tiny.misconception
def minus_infinity_reaches_the_target(reference):
    """A loss of minus infinity passes, for it is below `target`: ask `np.isfinite(loss)` first."""

    def overfit_tiny(step, X, y, num_examples=20, max_steps=500, target=0.01):
        losses = []
        for _ in range(max_steps):
            loss = step(X[:num_examples], y[:num_examples])
            if loss <= target:
                return True, [*losses, loss]
            if not np.isfinite(loss):
                return False, losses
            losses.append(loss)
        return False, losses

    return {"overfit_tiny": overfit_tiny}


@overfit_tiny.misconception
def last_loss_lost(reference):
    """The loss that reached the target is missing from `losses`: append it before you return."""

    def overfit_tiny(step, X, y, **settings):
        passed, losses = reference.overfit_tiny(step, X, y, **settings)
        return passed, losses[:-1] if passed else losses

    return {"overfit_tiny": overfit_tiny}


@overfit_tiny.misconception
def judged_by_the_mean(reference):
    """`passed` is judged by the mean of all losses: what counts is whether the last one reached `target`."""
    return _tiny(passed=lambda losses, last, target: np.mean(losses) <= target)


# ---------------------------------------------------------------------- diagnose_learning_rate


def histories(rng):
    """Three clear histories of each kind, from starts between 0.7 and 60; some end on a misleading last value."""
    for label, steps, start in [
        ("ten classes", 400, math.log(10)),
        ("two classes", 360, math.log(2)),
        ("a thousand classes", 633, math.log(1000)),
        ("a loss that starts near 60", 501, 60.0),
    ]:
        t = np.arange(steps) / steps
        noise = rng.normal(0, 1, (4, 3, steps))
        jumps = rng.uniform(-1.0, 1.0, (3, steps))
        low = 1 - np.array([[0.15], [0.2], [0.28]]) * rng.uniform(0.9, 1.1) * t + 0.004 * noise[0]
        floor = rng.uniform(0.08, 0.25, (3, 1))
        good = floor + (1 - floor) * np.exp(-t / rng.uniform(0.04, 0.09, (3, 1))) + 0.02 * noise[1]
        level = rng.uniform(0.66, 0.82, (3, 1))
        high = level + (1 - level) * np.exp(-t / 0.03) + 0.05 * jumps + 0.01 * noise[2]
        climb = rng.uniform(0.4, 0.7) * (t / 0.2) * np.exp(1 - t / 0.2)  # above its start, and back again
        high[2] = 1 - rng.uniform(0.2, 0.3) * t + climb + 0.01 * noise[2, 2]
        rising = (
            1
            - 0.3 * np.minimum(t, 0.3) / 0.3
            + np.maximum(t - 0.3, 0) * rng.uniform([[3.0], [3.4], [3.4]], [[3.4], [7.0], [7.0]])
        )
        rising += 0.03 * noise[3]
        broken = good[rng.permutation(3)].copy()
        broken[0, -1] = np.nan
        broken[1, steps // 2 :] = np.inf
        broken[2, steps // 3 :] = np.nan
        good[0, -1], good[2, -1], high[0, -1], high[2, -1] = 0.85, 1.05, 0.4, 0.42
        high[1, steps // 4 : steps // 4 + 2] = 0.97  # two bad batches are no slow fall
        rising[0, -1] = 0.4
        for curves in (low, good, high, rising):
            curves[:, 0] = 1 + 0.01 * curves[:, 0] - 0.01
        kinds = {"low": low, "good": good, "high": high, "rising": rising, "broken": broken}
        yield Case(label, {kind: start * np.maximum(curves, 0.01) for kind, curves in kinds.items()})


@question(points={"low": 3, "good": 3, "high": 3, "rising": 1.5, "broken": 1.5}, draw=histories)
def diagnose_learning_rate(student, low, good, high, rising, broken):
    numbers = {"too low": 1, "good": 2, "too high": 3, "diverged": 4}

    def said(curves):
        words = [str(student.diagnose_learning_rate([float(v) for v in curve])) for curve in curves]
        return np.array([numbers.get(word.strip().lower().replace("_", " "), 0) for word in words], dtype=np.uint8)

    return {"low": said(low), "good": said(good), "high": said(high), "rising": said(rising), "broken": said(broken)}


def _diagnosis(say):
    """Make a variant from `say(losses)`, where the losses are an array."""
    return {"diagnose_learning_rate": lambda losses: say(np.asarray(losses, dtype=float))}


def _quarters(losses):
    """Give the first loss and the means of the second and the last quarter."""
    quarter = len(losses) // 4
    return losses[0], losses[quarter : 2 * quarter].mean(), losses[-quarter:].mean()


def _word(start, middle, end):
    if not end <= 1.2 * start:
        return "diverged"
    if end < 0.5 * start:
        return "good"
    return "too low" if start > middle > end + 0.25 * (start - end) else "too high"


@diagnose_learning_rate.correct_variant
def by_fifths_and_medians(reference):
    def say(losses):
        fifth = len(losses) // 5
        if not np.isfinite(losses).all():
            return "diverged"
        start, end = losses[0], np.median(losses[-fifth:])
        middle = np.median(losses[fifth : 2 * fifth])
        if end > 1.5 * start:
            return "diverged"
        if end < 0.4 * start:
            return "good"
        return "too low" if end < middle - 0.04 * start and middle < start else "too high"

    return _diagnosis(say)


@diagnose_learning_rate.correct_variant
def by_a_fitted_line(reference):
    def say(losses):
        if np.isnan(losses).any() or np.isinf(losses).any():
            return "diverged"
        half = losses[len(losses) // 2 :]
        slope, height = np.polyfit(np.linspace(0, 0.5, len(half)), half, 1)
        if slope > 0.5 * losses[0]:
            return "diverged"
        if height + 0.5 * slope < 0.55 * losses[0]:
            return "good"
        climbed = losses[len(losses) // 5 : len(losses) // 2].mean() > losses[0]
        return "too low" if slope < -0.09 * losses[0] and not climbed else "too high"

    return _diagnosis(say)


@diagnose_learning_rate.correct_variant
def by_where_the_fall_happened(reference):
    def say(losses):
        if not np.all(np.isfinite(losses)):
            return "diverged"
        start, middle, end = _quarters(losses)
        if end > start:
            return "diverged"
        if end <= start / 2:
            return "good"
        first_fifth = losses[len(losses) // 6 : len(losses) // 4].mean()
        return "too high" if first_fifth > start or start - first_fifth > 0.7 * (start - end) else "too low"

    return _diagnosis(say)


@diagnose_learning_rate.correct_variant
def smoothed_first(reference):
    def say(losses):
        if not np.isfinite(losses.sum()):
            return "diverged"
        window = len(losses) // 8
        smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
        return _word(losses[0], smooth[len(smooth) // 3], smooth[-1])

    return _diagnosis(say)


@diagnose_learning_rate.misconception
def last_value_only(reference):
    """The verdict follows the last value alone, and a single loss is noise: average over the last part of the history."""

    def say(losses):
        return _word(losses[0], _quarters(losses)[1], losses[-1]) if np.isfinite(losses).all() else "diverged"

    return _diagnosis(say)


@diagnose_learning_rate.misconception
def low_and_high_exchanged(reference):
    """`too low` and `too high` are exchanged: a rate that is too low falls slowly all the way; one that is too high falls at
    once and then stays on a high level."""
    swap = {"too low": "too high", "too high": "too low"}

    def say(losses):
        word = reference.diagnose_learning_rate(losses)
        return swap.get(word, word)

    return _diagnosis(say)


@diagnose_learning_rate.misconception
def little_fall_means_too_low(reference):
    """Every history that falls little is called `too low`: look *when* it fell. One that fell at once and then stays flat is
    `too high`."""

    def say(losses):
        word = reference.diagnose_learning_rate(losses)
        return "too low" if word == "too high" else word

    return _diagnosis(say)


@diagnose_learning_rate.misconception
def little_fall_means_too_high(reference):
    """Every history that ends on a high level is called `too high`: one that is still falling steadily is `too low`."""

    def say(losses):
        word = reference.diagnose_learning_rate(losses)
        return "too high" if word == "too low" else word

    return _diagnosis(say)


@diagnose_learning_rate.misconception
def nan_not_looked_for(reference):
    """A history with nan is not called `diverged`: comparisons with nan are False, so ask `np.isfinite(losses).all()` first."""

    def say(losses):
        start, middle, end = _quarters(losses)
        if end > 1.2 * start:
            return "diverged"
        if end < 0.5 * start:
            return "good"
        return "too low" if start > middle > end + 0.25 * (start - end) else "too high"

    return _diagnosis(say)


@diagnose_learning_rate.misconception
def climb_taken_for_a_slow_fall(reference):
    """A history that first climbs above its start and then comes back is called `too low`: so late a fall, a share above 1, is
    the work of steps that are too long, `too high`."""

    def say(losses):
        word = reference.diagnose_learning_rate(losses)
        return "too low" if word == "too high" and _quarters(losses)[1] > losses[0] else word

    return _diagnosis(say)


@diagnose_learning_rate.misconception
def bad_values_dropped(reference):
    """nan and infinite losses are left out before the verdict: they *are* the verdict, `diverged`."""

    def say(losses):
        return reference.diagnose_learning_rate(losses[np.isfinite(losses)])

    return _diagnosis(say)


@diagnose_learning_rate.misconception
def rising_is_not_diverged(reference):
    """A loss that rises far above its start is not called `diverged`: that is divergence too, long before the first nan."""

    def say(losses):
        word = reference.diagnose_learning_rate(losses)
        return "too high" if word == "diverged" and np.isfinite(losses).all() else word

    return _diagnosis(say)


@diagnose_learning_rate.misconception
def levels_of_ten_classes(reference):
    """The levels are fixed numbers that suit ten classes only: measure every fall as a share of the first loss."""

    def say(losses):
        _, middle, end = _quarters(losses)
        return _word(2.3, middle, end) if np.isfinite(losses).all() else "diverged"

    return _diagnosis(say)


@diagnose_learning_rate.misconception
def best_value_instead_of_the_mean(reference):
    """The end is judged by the smallest loss of the history: one lucky batch is noise. Average over the last part."""

    def say(losses):
        if not np.isfinite(losses).all():
            return "diverged"
        start, middle, end = _quarters(losses)
        return _word(start, middle, end if end > 1.2 * start else losses.min())

    return _diagnosis(say)


# ------------------------------------------------------------------------------ k_fold_indices


def fold_inputs(rng):
    """Sizes that divide and sizes that do not; two folds; as many folds as examples."""
    for label, n, k in [
        ("23 examples in 5 folds", 23, 5),
        ("40 examples in 8 folds", 40, 8),
        ("101 examples in 2 folds", 101, 2),
        ("as many folds as examples", 12, 12),
        ("one left over", 31, 3),
        ("nearly one more each", 29, 10),
    ]:
        yield Case(label, {"n": n, "k": k, "seed": int(rng.integers(2**31))}, {"n": n, "k": k})


@question(
    points={"times_validated": 3, "sizes": 2, "overlap": 1, "training": 2, "shuffled": 1, "repeatable": 1},
    draw=fold_inputs,
)
def k_fold_indices(student, n, k, seed):
    def folds_of(number):
        folds = student.k_fold_indices(n, k, np.random.default_rng(number))
        return [(np.array(train, dtype=int).ravel(), np.array(val, dtype=int).ravel()) for train, val in folds]

    folds, again, other = folds_of(seed), folds_of(seed), folds_of(seed + 1)
    order, order_again, order_other = (np.concatenate([val for _, val in f]) for f in (folds, again, other))
    in_a_row = all(len(val) and np.ptp(val) == len(val) - 1 for _, val in folds)  # every val a run of neighbours
    return {
        "times_validated": np.array([int(np.sum(order == i)) for i in range(n)]),
        "sizes": np.sort([len(val) for _, val in folds]),
        "overlap": np.array([len(np.intersect1d(train, val)) for train, val in folds]),
        "training": np.array([np.sort([len(np.unique(t)) for t, _ in folds]), np.sort([len(t) for t, _ in folds])]),
        "shuffled": not np.array_equal(order, np.arange(len(order))) and not (k < n and in_a_row),
        "repeatable": np.array([np.array_equal(order, order_again), not np.array_equal(order, order_other)]),
    }


def _folds(cut):
    """Make a variant from `cut(order, k)`, which cuts shuffled indices into validation sets."""

    def k_fold_indices(n, k, rng):
        order = rng.permutation(n)
        return [(np.setdiff1d(order, val), val) for val in cut(order, k)]

    return {"k_fold_indices": k_fold_indices}


@k_fold_indices.correct_variant
def every_kth(reference):
    return _folds(lambda order, k: [order[i::k] for i in range(k)])


@k_fold_indices.correct_variant
def by_rounded_edges(reference):
    def cut(order, k):
        edges = [i * len(order) // k for i in range(k + 1)]
        return [order[a:b] for a, b in itertools.pairwise(edges)]

    return _folds(cut)


@k_fold_indices.correct_variant
def lists_of_numbers(reference):
    def k_fold_indices(n, k, rng):
        order = list(rng.permutation(n))
        folds = [[int(j) for j in order[i::k]] for i in range(k)]
        return [[sorted(set(range(n)) - set(fold)), fold] for fold in folds]

    return {"k_fold_indices": k_fold_indices}


@k_fold_indices.correct_variant
def generator_with_masks(reference):
    def k_fold_indices(n, k, rng):
        fold_of = np.arange(n) % k
        rng.shuffle(fold_of)
        for i in range(k):
            yield np.flatnonzero(fold_of != i), np.flatnonzero(fold_of == i)

    return {"k_fold_indices": k_fold_indices}


@k_fold_indices.misconception
def remainder_dropped(reference):
    """Some examples are never validated: with `n // k` in each fold the remainder `n % k` is lost. `np.array_split` hands
    it out."""
    return _folds(lambda order, k: [order[i * (len(order) // k) :][: len(order) // k] for i in range(k)])


@k_fold_indices.misconception
def remainder_in_the_last_fold(reference):
    """The last fold takes the whole remainder: sizes may differ by one at most, so give one extra to each of the first
    folds."""

    def cut(order, k):
        size = len(order) // k
        return [order[i * size : None if i == k - 1 else (i + 1) * size] for i in range(k)]

    return _folds(cut)


@k_fold_indices.misconception
def remainder_as_a_short_fold(reference):
    """The folds are rounded up and the last one gets what is left: sizes may differ by one at most. Use `np.array_split`."""

    def cut(order, k):
        size = -(-len(order) // k)
        return [order[i * size : (i + 1) * size] for i in range(k)]

    return _folds(cut)


@k_fold_indices.misconception
def folds_that_overlap(reference):
    """The folds overlap: each was drawn anew, so some examples are validated twice and others never. Shuffle once, then cut."""

    def k_fold_indices(n, k, rng):
        sizes = [len(part) for part in np.array_split(np.arange(n), k)]
        vals = [rng.permutation(n)[:size] for size in sizes]
        return [(np.setdiff1d(np.arange(n), val), val) for val in vals]

    return {"k_fold_indices": k_fold_indices}


@k_fold_indices.misconception
def training_on_everything(reference):
    """The training indices contain the validation ones: what is trained on cannot be validated on. Leave the fold out."""

    def k_fold_indices(n, k, rng):
        order = rng.permutation(n)
        return [(order, val) for val in np.array_split(order, k)]

    return {"k_fold_indices": k_fold_indices}


@k_fold_indices.misconception
def training_and_validation_exchanged(reference):
    """Training and validation are exchanged: the pair is (train, val), and the single fold is the validation part."""
    return {"k_fold_indices": lambda n, k, rng: [(v, t) for t, v in reference.k_fold_indices(n, k, rng)]}


@k_fold_indices.misconception
def training_on_one_fold(reference):
    """The training part is a single fold: it is *all* other folds together, `np.concatenate`."""

    def k_fold_indices(n, k, rng):
        folds = np.array_split(rng.permutation(n), k)
        return [(folds[i - 1], folds[i]) for i in range(k)]

    return {"k_fold_indices": k_fold_indices}


@k_fold_indices.misconception
def training_repeats_itself(reference):
    """Some training indices stand there twice: put each of the other folds in once, `folds[:i] + folds[i + 1 :]`."""

    def k_fold_indices(n, k, rng):
        folds = np.array_split(rng.permutation(n), k)
        return [(np.concatenate([*folds[:i], *folds[i + 1 :], folds[i - 1]]), folds[i]) for i in range(k)]

    return {"k_fold_indices": k_fold_indices}


@k_fold_indices.misconception
def not_shuffled(reference):
    """The indices are cut in their own order: data are often sorted, by class or by date, so shuffle with
    `rng.permutation(n)`."""

    def k_fold_indices(n, k, rng):
        order = np.arange(n)
        return [(np.setdiff1d(order, val), val) for val in np.array_split(order, k)]

    return {"k_fold_indices": k_fold_indices}


@k_fold_indices.misconception
def folds_shuffled_not_examples(reference):
    """Each fold holds neighbours, and only the order of the folds is drawn: data are often sorted, by class or by date, so
    shuffle the examples, with `rng.permutation(n)`, before you cut."""

    def k_fold_indices(n, k, rng):
        folds = np.array_split(np.arange(n), k)
        vals = [folds[i] for i in rng.permutation(k)]
        return [(np.setdiff1d(np.arange(n), val), val) for val in vals]

    return {"k_fold_indices": k_fold_indices}


@k_fold_indices.misconception
def shuffled_after_cutting(reference):
    """Each fold is shuffled by itself, so it still holds neighbours: data are often sorted, by class or by date, so shuffle
    all `n` indices before you cut."""

    def k_fold_indices(n, k, rng):
        vals = [rng.permutation(val) for val in np.array_split(np.arange(n), k)]
        return [(np.setdiff1d(np.arange(n), val), val) for val in vals]

    return {"k_fold_indices": k_fold_indices}


@k_fold_indices.misconception
def global_generator(reference):
    """The folds do not follow from `rng`: the global generator is used, so nobody can repeat the split. Call
    `rng.permutation`."""

    def k_fold_indices(n, k, rng):
        order = np.random.permutation(n)
        return [(np.setdiff1d(order, val), val) for val in np.array_split(order, k)]

    return {"k_fold_indices": k_fold_indices}


@k_fold_indices.misconception
def seed_of_its_own(reference):
    """Every `rng` gives the same folds: do not make a generator inside, use the one you are handed."""

    def k_fold_indices(n, k, rng):
        return reference.k_fold_indices(n, k, np.random.default_rng(0))

    return {"k_fold_indices": k_fold_indices}


# --------------------------------------------------------------------------------- grid_search


def grids(rng):
    """Grids of one, two and three parameters; negative scores; scores of nan at the first and the last combination."""
    for label, sizes, shift, broken in [
        ("two parameters", (3, 4), 0.0, False),
        ("one parameter", (5,), 0.0, False),
        ("three parameters, one of them fixed", (3, 1, 4), 0.0, False),
        ("negative scores", (2, 5), -3.0, False),
        ("some runs end in nan", (4, 3), 0.0, True),
    ]:
        count = math.prod(sizes)
        scores = shift + rng.permutation(np.linspace(0.1, 0.9, count))
        best, inside = int(scores.argmax()), int(rng.integers(1, count - 1))
        scores[[best, inside]] = scores[[inside, best]]  # neither first nor last
        for place, other in ((0, 1), (count - 1, count - 2)):  # nor is the worst
            if scores[place] == scores.min():
                other = other if other != inside else (count - 2 if place == 0 else 1)
                scores[[place, other]] = scores[[other, place]]
        if broken:
            scores[[0, count - 1]] = np.nan
        names = ("learning_rate", "reg", "hidden_dim")[: len(sizes)]
        grid = {name: np.sort(np.exp(rng.normal(-3, 2, s))) for name, s in zip(names, sizes, strict=True)}
        yield Case(label, {"grid": grid, "scores": scores})


@question(points={"combinations": 3, "best": 3, "results": 2}, draw=grids)
def grid_search(student, grid, scores):
    lists = {name: [float(v) for v in values] for name, values in grid.items()}
    shape = [len(values) for values in lists.values()]
    calls = []

    def place_of(params):
        if not isinstance(params, dict) or set(params) != set(lists):
            return -1
        if any(params[name] not in values for name, values in lists.items()):
            return -1
        return int(np.ravel_multi_index([values.index(params[name]) for name, values in lists.items()], shape))

    def train_fn(params):
        calls.append(place_of(params))
        return float(scores[calls[-1]])

    best, results = student.grid_search(train_fn, {name: list(values) for name, values in lists.items()})
    found = [(place_of(params), float(score)) for params, score in results]
    true = [np.array_equal(score, scores[place], equal_nan=True) and place >= 0 for place, score in found]
    return {
        "combinations": np.array([calls.count(i) for i in range(len(scores))]),
        "best": place_of(best),
        "results": np.array(
            [sum(p == i and t for (p, _), t in zip(found, true, strict=False)) for i in range(len(scores))]
        ),
    }


def _best_of(results):
    """Give the parameters with the highest score that is a number."""
    return max((r for r in results if r[1] == r[1]), key=lambda r: r[1])[0]


def _grid(choose=_best_of, combinations=lambda lists: itertools.product(*lists), same_dict=False):
    """Make a variant of grid_search with one part replaced."""

    def grid_search(train_fn, grid):
        results, params = [], {}
        for values in combinations(list(grid.values())):
            params = params if same_dict else {}
            params.update(zip(grid, values, strict=False))
            results.append((params, train_fn(params)))
        return choose(results), results

    return {"grid_search": grid_search}


@grid_search.correct_variant
def any_order(reference):
    return _grid(combinations=lambda lists: list(itertools.product(*lists))[::-1])


@grid_search.correct_variant
def by_recursion(reference):
    def grid_search(train_fn, grid):
        def extend(params, names):
            if not names:
                return [(params, train_fn(params))]
            return [r for v in grid[names[0]] for r in extend({**params, names[0]: v}, names[1:])]

        results = extend({}, list(grid))
        return dict(_best_of(results)), results

    return {"grid_search": grid_search}


@grid_search.correct_variant
def keeps_the_best_so_far(reference):
    def grid_search(train_fn, grid):
        best, best_score, results = None, -np.inf, []
        for values in itertools.product(*grid.values()):
            params = dict(zip(grid, values, strict=True))
            score = train_fn(params)
            results.append([params, np.float64(score)])
            if score > best_score:
                best, best_score = params, score
        return best, results

    return {"grid_search": grid_search}


@grid_search.correct_variant
def sorted_best_first(reference):
    def grid_search(train_fn, grid):
        best, results = reference.grid_search(train_fn, grid)
        return best, sorted(results, key=lambda r: -r[1] if r[1] == r[1] else np.inf)

    return {"grid_search": grid_search}


@grid_search.misconception
def last_instead_of_best(reference):
    """The last combination is returned, not the best: remember the parameters of the highest score."""
    return _grid(lambda results: results[-1][0])


@grid_search.misconception
def lowest_score(reference):
    """The combination with the *lowest* score is returned: scores are accuracies, so take the maximum."""
    return _grid(lambda results: min((r for r in results if r[1] == r[1]), key=lambda r: r[1])[0])


@grid_search.misconception
def nan_wins(reference):
    """A run that ended in nan is called the best: nan confuses `max` and `argmax`. Use `np.nanargmax`, or skip such runs."""
    return _grid(lambda results: results[int(np.argmax([s for _, s in results]))][0])


@grid_search.misconception
def side_by_side(reference):
    """The lists are walked through side by side with `zip`: a grid is every value with every other, `itertools.product`."""
    return _grid(combinations=lambda lists: list(zip(*lists, strict=False)))


@grid_search.misconception
def one_at_a_time(reference):
    """Only one parameter changes at a time, the others keep their first value: a grid is every value with every other."""

    def combinations(lists):
        first = tuple(values[0] for values in lists)
        others = [(*first[:i], v, *first[i + 1 :]) for i, values in enumerate(lists) for v in values[1:]]
        return [first, *others]

    return _grid(combinations=combinations)


@grid_search.misconception
def last_values_left_out(reference):
    """The last value of each list is never tried: a loop over `range(len(values) - 1)` stops one short."""
    return _grid(combinations=lambda lists: itertools.product(*(values[:-1] or values for values in lists)))


@grid_search.misconception
def one_dictionary_for_all(reference):
    """All results hold one and the same dictionary, so all show the last combination: make a new one for each run."""
    return _grid(same_dict=True)


@grid_search.misconception
def best_starts_at_zero(reference):
    """With negative scores nothing is found: the best score so far must start at `-np.inf`, not at 0."""

    def choose(results):
        best, best_score = {}, 0
        for params, score in results:
            if score > best_score:
                best, best_score = params, score
        return best

    return _grid(choose)


@grid_search.misconception
def results_first(reference):
    """`results` is returned first: the order asked for is `best, results`."""
    return {"grid_search": lambda *arguments: tuple(reference.grid_search(*arguments)[::-1])}


@grid_search.misconception
def score_instead_of_parameters(reference):
    """The best *score* is returned; what is asked first are the parameters that reached it."""
    return _grid(lambda results: max(s for _, s in results if s == s))


# -------------------------------------------------------------------------- sample_log_uniform


def ranges(rng):
    """Wide and narrow ranges, one across 1, one above it, and a single draw."""
    for label, low, high, size in [
        ("a learning rate", 1e-5, 1e-1, 2_000),
        ("a range across 1", 0.1, 1000.0, 2_000),
        ("less than a power of ten", 3.0, 7.0, 2_000),
        ("above 1", 20.0, 50_000.0, 2_000),
        ("a single draw", 1e-4, 1e-2, 1),
    ]:
        inputs = {"low": low * rng.uniform(0.9, 1.1), "high": high * rng.uniform(0.9, 1.1)}
        yield Case(label, inputs | {"size": size, "seed": int(rng.integers(2**31))})


@question(points={"shape": 1, "outside": 2, "quarters": 3, "distinct": 1, "repeatable": 1}, draw=ranges)
def sample_log_uniform(student, low, high, size, seed):
    def draw(number):
        return np.array(student.sample_log_uniform(low, high, size, np.random.default_rng(number)), dtype=float)

    values, again, other = draw(seed), draw(seed), draw(seed + 1)
    flat = values.ravel()
    edges = low * (high / low) ** (np.arange(5) / 4)
    edges[0], edges[4] = -np.inf, np.inf
    shares = np.array([np.mean((flat >= edges[i]) & (flat < edges[i + 1])) for i in range(4)])
    margin = 6 * np.sqrt(0.25 * 0.75 / size)
    return {
        "shape": np.array([values.ndim, values.size]),
        "outside": np.array([(flat < low * (1 - 1e-6)).any(), (flat > high * (1 + 1e-6)).any()]),
        "quarters": (np.sign(shares - 0.25) * (np.abs(shares - 0.25) > margin)).astype(int),
        "distinct": bool(len(np.unique(flat)) > 0.9 * len(flat)),
        "repeatable": np.array([np.array_equal(values, again), not np.array_equal(values, other)]),
    }


def _sample(draw):
    return {"sample_log_uniform": lambda low, high, size, rng: draw(low, high, size, rng)}


@sample_log_uniform.correct_variant
def powers_of_ten(reference):
    return _sample(lambda low, high, size, rng: 10 ** rng.uniform(np.log10(low), np.log10(high), size))


@sample_log_uniform.correct_variant
def a_random_power_of_the_ratio(reference):
    return _sample(lambda low, high, size, rng: low * (high / low) ** rng.random(size))


@sample_log_uniform.correct_variant
def one_after_the_other(reference):
    def draw(low, high, size, rng):
        first, last = np.log2([low, high])
        return np.array([2 ** rng.uniform(first, last) for _ in range(size)])

    return _sample(draw)


@sample_log_uniform.correct_variant
def single_precision_draws(reference):
    return _sample(lambda low, high, size, rng: reference.sample_log_uniform(low, high, size, rng).astype(np.float32))


@sample_log_uniform.misconception
def drawn_uniformly(reference):
    """The values are drawn uniformly, so nearly all have the size of `high`: draw the *logarithm* uniformly, then take `exp`."""
    return _sample(lambda low, high, size, rng: rng.uniform(low, high, size))


@sample_log_uniform.misconception
def logarithm_not_undone(reference):
    """These are the logarithms of the values: take `np.exp` at the end."""
    return _sample(lambda low, high, size, rng: rng.uniform(np.log(low), np.log(high), size))


@sample_log_uniform.misconception
def logarithm_of_a_uniform_draw(reference):
    """The order is wrong: this takes the logarithm of a uniform draw. Take the logarithms of the *bounds* first and draw
    between them."""
    return _sample(lambda low, high, size, rng: np.log(rng.uniform(low, high, size)))


@sample_log_uniform.misconception
def decimal_log_natural_exp(reference):
    """Two bases are mixed: `np.log10` is undone by `10 ** u`, not by `np.exp`."""
    return _sample(lambda low, high, size, rng: np.exp(rng.uniform(np.log10(low), np.log10(high), size)))


@sample_log_uniform.misconception
def natural_log_decimal_power(reference):
    """Two bases are mixed: `np.log` is undone by `np.exp`, not by `10 ** u`."""
    return _sample(lambda low, high, size, rng: 10 ** rng.uniform(np.log(low), np.log(high), size))


@sample_log_uniform.misconception
def whole_powers_only(reference):
    """Only whole steps of the exponent occur: draw it with `rng.uniform`, not from whole numbers."""
    return _sample(lambda low, high, size, rng: low * (high / low) ** (rng.integers(0, 9, size) / 8))


@sample_log_uniform.misconception
def one_number_only(reference):
    """A single number came where `size` of them are asked: hand `size` to `rng.uniform` as its third argument."""
    return _sample(lambda low, high, size, rng: np.exp(rng.uniform(np.log(low), np.log(high))))


@sample_log_uniform.misconception
def a_number_for_a_single_draw(reference):
    """For `size=1` a number came: an array of shape (1,) is asked, as for any other `size`."""

    def sample_log_uniform(low, high, size, rng):
        values = reference.sample_log_uniform(low, high, size, rng)
        return values if size > 1 else values[0]

    return {"sample_log_uniform": sample_log_uniform}


@sample_log_uniform.misconception
def one_number_for_all(reference):
    """A single number is drawn and used for all: draw `size` of them, `rng.uniform(..., size)`."""
    return _sample(lambda a, b, size, rng: np.full(size, np.exp(rng.uniform(np.log(a), np.log(b)))))


@sample_log_uniform.misconception
def from_the_global_generator(reference):
    """The draws do not follow from `rng`: `np.random` is used, so nobody can repeat the search. Call `rng.uniform`."""
    return _sample(lambda low, high, size, rng: np.exp(np.random.uniform(np.log(low), np.log(high), size)))


@sample_log_uniform.misconception
def always_the_same_draws(reference):
    """Every `rng` gives the same draws: do not make a generator inside, use the one you are handed."""
    return _sample(lambda a, b, size, rng: reference.sample_log_uniform(a, b, size, np.random.default_rng(0)))


@sample_log_uniform.misconception
def normal_in_the_logarithm(reference):
    """The logarithm is drawn from a bell curve: it must be uniform between the logarithms of the bounds, `rng.uniform`."""

    def draw(low, high, size, rng):
        middle, width = np.log(low * high) / 2, np.log(high / low)
        return np.clip(np.exp(rng.normal(middle, width / 6, size)), low, high)

    return _sample(draw)


# ------------------------------------------------------------------------------- random_search


def _scores(rng, count, shift=0.0, broken=False):
    """Give distinct scores whose best and worst stand neither first nor last; or nan at both ends."""
    scores = shift + rng.permutation(np.linspace(0.1, 0.9, count))
    inner = scores[(scores > scores.min()) & (scores < scores.max())]
    if count > 4:
        ends, middle = inner[:2], [*inner[2:], scores.min(), scores.max()]
        scores = np.concatenate([ends[:1], rng.permutation(middle), ends[1:]])
    if broken:
        scores[[0, -1]] = np.nan
    return scores


def searches(rng):
    """Spaces of one to three parameters; a single trial; negative scores; scores of nan."""
    for label, names, count, shift, broken in [
        ("three parameters", 3, 300, 0.0, False),
        ("two parameters", 2, 200, 0.0, False),
        ("a single trial", 2, 1, 0.0, False),
        ("negative scores", 2, 9, -3.0, False),
        ("some runs end in nan", 1, 12, 0.0, True),
    ]:
        low = 10.0 ** rng.uniform(-6, -3, names)
        inputs = {"low": low, "high": low * 10.0 ** rng.uniform(2, 5, names), "seed": int(rng.integers(2**31))}
        yield Case(label, inputs | {"scores": _scores(rng, count, shift, broken)})


@question(
    points={"trials": 1, "within": 1, "quarters": 1.5, "separate": 2, "best": 2, "results": 1.5, "repeatable": 1},
    draw=searches,
)
def random_search(student, scores, low, high, seed):
    names = ["learning_rate", "reg", "weight_scale"][: len(low)]
    space = {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=False)}
    calls = []

    def numbers(params):
        right = isinstance(params, dict) and set(params) == set(names)
        return [float(params[name]) for name in names] if right else [-1.0] * len(names)

    def train_fn(params):
        calls.append(numbers(params))
        return float(scores[(len(calls) - 1) % len(scores)])

    n = len(scores)
    best, results = student.random_search(train_fn, space, n, np.random.default_rng(seed))
    tried = np.array(calls).reshape(-1, len(names))
    places = np.log(np.maximum(tried, 1e-300) / low) / np.log(high / low)
    below = np.array([np.mean(places < q, axis=0) - q for q in (0.25, 0.5, 0.75)])
    margin = 6 * np.sqrt(0.25 / n)
    distinct = all(len(np.unique(column)) == len(column) for column in tried.T)
    centred = places - places.mean(axis=0)
    alike = np.abs(centred.T @ centred) / np.maximum(len(places) * centred.std(axis=0).max() ** 2, 1e-300)
    matched = [repr([numbers(p), float(s)]) for p, s in results]
    pairs = [repr([c, float(scores[i % n])]) for i, c in enumerate(calls)]
    once, others = list(calls), []
    for number in (seed, seed + 1):
        calls.clear()
        student.random_search(train_fn, space, n, np.random.default_rng(number))
        others.append(list(calls))
    calls = once
    return {
        "trials": len(calls),
        "within": ((places > -1e-6) & (places < 1 + 1e-6)).all(axis=0),
        "quarters": (np.sign(below) * (np.abs(below) > margin)).astype(int),
        "separate": bool(distinct and (np.triu(alike, 1) < 9 / np.sqrt(n)).all()),
        "best": calls.index(numbers(best)) if numbers(best) in calls else -1,
        "results": np.array([len(matched), len(set(matched) & set(pairs))]),
        "repeatable": np.array([others[0] == once, others[1] != once]),
    }


def _random(choose=_best_of, draw=None, same_dict=False, once=False, more=0):
    """Make a variant of random_search with one part replaced."""

    def drawn(space, rng):
        return {name: float(np.exp(rng.uniform(np.log(a), np.log(b)))) for name, (a, b) in space.items()}

    def random_search(train_fn, space, n, rng):
        results, params = [], {}
        for i in range(n + more):
            if not (once and i):
                params = params if same_dict else {}
                params.update((draw or drawn)(space, rng))
            results.append((params, train_fn(params)))
        return choose(results), results

    return {"random_search": random_search}


@random_search.correct_variant
def drawn_one_by_one(reference):
    return _random()


@random_search.correct_variant
def drawn_all_at_once(reference):
    def random_search(train_fn, space, n, rng):
        columns = {name: reference.sample_log_uniform(*bounds, n, rng) for name, bounds in space.items()}
        trials = [{name: column[i] for name, column in columns.items()} for i in range(n)]
        results = [(params, train_fn(params)) for params in trials]
        return _best_of(results), results

    return {"random_search": random_search}


@random_search.correct_variant
def best_kept_on_the_way(reference):
    def random_search(train_fn, space, n, rng):
        best, best_score, results = {}, -np.inf, []
        while len(results) < n:
            params = {name: low * (high / low) ** rng.random() for name, (low, high) in space.items()}
            results.append((params, train_fn(dict(params))))
            if results[-1][1] > best_score:
                best, best_score = dict(params), results[-1][1]
        return best, results

    return {"random_search": random_search}


@random_search.correct_variant
def sorted_results(reference):
    def random_search(train_fn, space, n, rng):
        best, results = reference.random_search(train_fn, space, n, rng)
        return best, sorted(results, key=lambda r: -r[1] if r[1] == r[1] else np.inf)

    return {"random_search": random_search}


@random_search.misconception
def last_trial_returned(reference):
    """The last trial is returned, not the best: look for the highest score."""
    return _random(lambda results: results[-1][0])


@random_search.misconception
def worst_trial_returned(reference):
    """The trial with the *lowest* score is returned: scores are accuracies, so take the maximum."""
    return _random(lambda results: min((r for r in results if r[1] == r[1]), key=lambda r: r[1])[0])


@random_search.misconception
def nan_is_the_best(reference):
    """A run that ended in nan is returned as the best: nan confuses `max` and `argmax`. Use `np.nanargmax`, or skip such runs."""
    return _random(lambda results: results[int(np.argmax([s for _, s in results]))][0])


@random_search.misconception
def uniform_in_the_value(reference):
    """The values are drawn uniformly between the bounds, nearly all near the upper one: draw with `sample_log_uniform`."""
    return _random(draw=lambda space, rng: {name: rng.uniform(a, b) for name, (a, b) in space.items()})


@random_search.misconception
def one_draw_for_all_parameters(reference):
    """All parameters of a trial come from the same random number, so they rise and fall together: draw each one separately."""

    def draw(space, rng):
        u = rng.random()
        return {name: a * (b / a) ** u for name, (a, b) in space.items()}

    return _random(draw=draw)


@random_search.misconception
def the_same_trial_every_time(reference):
    """The parameters are drawn once and the same trial is repeated: draw inside the loop."""
    return _random(once=True)


@random_search.misconception
def one_dictionary_for_all_trials(reference):
    """All results hold one and the same dictionary, so all show the last trial: make a new one for each trial."""
    return _random(same_dict=True)


@random_search.misconception
def best_score_starts_at_zero(reference):
    """With negative scores nothing is found: the best score so far must start at `-np.inf`, not at 0."""

    def choose(results):
        best, best_score = {}, 0
        for params, score in results:
            if score > best_score:
                best, best_score = dict(params), score
        return best

    return _random(choose)


@random_search.misconception
def results_before_the_best(reference):
    """`results` is returned first: the order asked for is `best, results`."""
    return {"random_search": lambda *arguments: tuple(reference.random_search(*arguments)[::-1])}


@random_search.misconception
def best_score_returned(reference):
    """The best *score* is returned; what is asked first are the parameters that reached it."""
    return _random(lambda results: max(s for _, s in results if s == s))


@random_search.misconception
def from_another_source_of_chance(reference):
    """The trials do not follow from `rng`: something else draws them, so nobody can repeat the search. Hand `rng` on to
    `sample_log_uniform`."""

    def random_search(train_fn, space, n, rng):
        return reference.random_search(train_fn, space, n, np.random.default_rng(np.random.randint(2**31)))

    return {"random_search": random_search}


@random_search.misconception
def always_the_same_trials(reference):
    """Every `rng` gives the same trials: do not make a generator inside, use the one you are handed."""

    def random_search(train_fn, space, n, rng):
        return reference.random_search(train_fn, space, n, np.random.default_rng(0))

    return {"random_search": random_search}


@random_search.misconception
def a_trial_too_many(reference):
    """One trial too many is run: `n` is the number of calls of `train_fn`."""
    return _random(more=1)


# ------------------------------------------------------------------------------ coarse_to_fine


def zooms(rng):
    """The best is found in the first round or in the last; at an edge of the space; negative scores; nan."""
    for label, names, rounds, shrink, kind in [
        ("the best in the first round", 2, 3, 4.0, "first"),
        ("better in every round", 2, 3, 3.0, "rising"),
        ("the best at the lower edge", 1, 3, 4.0, "edge"),
        ("negative scores, two rounds", 1, 2, 6.0, "negative"),
        ("some runs end in nan", 2, 2, 5.0, "nan"),
    ]:
        n = 60
        scores = rng.permutation(np.linspace(0.1, 0.5, n * rounds)).reshape(rounds, n)
        if kind == "first":
            scores[0, 1 + rng.integers(n - 2)] = 0.9
        if kind == "rising":
            scores += 0.5 * np.arange(rounds)[:, None]
        if kind == "edge":
            scores *= 0.001
        if kind == "negative":
            scores -= 2.0
        if kind == "nan":
            scores[:, [0, -1]] = np.nan
        low = 10.0 ** rng.uniform(-6, -3, names)
        inputs = {"low": low, "high": low * 10.0 ** rng.uniform(3, 5, names), "scores": scores.ravel()}
        inputs |= {"rounds": rounds, "shrink": shrink, "pull": int(kind == "edge"), "seed": int(rng.integers(2**31))}
        yield Case(label, inputs, {"n": n})


@question(
    points={"trials": 1, "within": 1.5, "zoom": 3, "spread": 1, "best": 2, "results": 1, "repeatable": 0.5}, draw=zooms
)
def coarse_to_fine(student, scores, low, high, rounds, shrink, pull, seed):
    names = ["learning_rate", "reg"][: len(low)]
    space = {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=False)}
    calls, told = [], []

    def numbers(params):
        right = isinstance(params, dict) and set(params) == set(names)
        return [float(params[name]) for name in names] if right else [-1.0] * len(names)

    def place_of(values):
        return np.log(np.maximum(values, 1e-300) / low) / np.log(high / low)

    def train_fn(params):
        calls.append(numbers(params))
        told.append(float(scores[(len(calls) - 1) % len(scores)] - pull * place_of(calls[-1]).sum()))
        return told[-1]

    n = len(scores) // rounds
    best, results = student.coarse_to_fine(train_fn, space, n, rounds, np.random.default_rng(seed), shrink)
    places = np.array([place_of(values) for values in calls]).reshape(-1, len(names))
    zoom, spread = [], []
    for r in range(1, rounds):
        part, half = places[r * n : (r + 1) * n], 0.5 / shrink**r
        if not len(part) or np.isnan(told[: r * n]).all():
            zoom.append(0)
            spread.append(False)
            continue
        centre = places[np.nanargmax(told[: r * n])]
        room = np.minimum(1.0, centre + half) - np.maximum(0.0, centre - half)
        linear = np.abs(np.array(calls[r * n : (r + 1) * n]) - np.array(calls[np.nanargmax(told[: r * n])]))
        around = [
            np.abs(part - centre) <= half * 1.001,
            np.abs(part - places[r * n - 1]) <= half * 1.001,
            np.abs(part - places[np.nanargmin(told[: r * n])]) <= half * 1.001,
            np.abs(part - 0.5) <= half * 1.001,
            np.abs(part - centre) <= 2 * half * 1.001,
            linear <= (high - low) * half * 1.001,
        ]
        zoom.append(([bool(fits.all()) for fits in around] + [True]).index(True) + 1)
        # From the third round on it may be narrower: whoever narrows what was cut off at an edge gets less than is asked.
        spread.append(bool((np.ptp(part, axis=0) > (0.6 if r == 1 else 0.3) * room).all()))
    pairs = [[c, t] for c, t in zip(calls, told, strict=False)]
    once, told_once, others = list(calls), list(told), []
    for number in (seed, seed + 1):
        calls.clear()
        told.clear()
        student.coarse_to_fine(train_fn, space, n, rounds, np.random.default_rng(number), shrink)
        others.append(list(calls))
    calls, told = once, told_once
    matched = [[numbers(p), float(s)] for p, s in results]
    return {
        "trials": len(calls),
        "within": ((places > -1e-6) & (places < 1 + 1e-6)).all(axis=0),
        "zoom": np.array(zoom, dtype=np.uint8),
        "spread": np.array(spread),
        "best": bool(numbers(best) in calls and calls.index(numbers(best)) == np.nanargmax(told)),
        "results": sorted(map(repr, matched)) == sorted(map(repr, pairs)),
        "repeatable": np.array([others[0] == once, others[1] != once]),
    }


def _fine(
    centre=lambda best, space, last, worst: best,
    window=None,
    clip=True,
    power=lambda r: r,
    returned=lambda everything, last: (_best_of(everything), everything),
    centre_from=lambda everything, last: everything,
):
    """Make a variant of coarse_to_fine with one part replaced."""

    def around(value, low, high, factor):
        return value / factor**0.5, value * factor**0.5

    def coarse_to_fine(train_fn, space, n, rounds, rng, shrink=4.0):
        everything, current, last = [], space, []
        for r in range(rounds):
            last = []
            for _ in range(n):
                params = {name: float(a * (b / a) ** rng.random()) for name, (a, b) in current.items()}
                last.append((params, train_fn(params)))
            everything = everything + last
            seen = centre_from(everything, last)
            worst = min((s for s in seen if s[1] == s[1]), key=lambda s: s[1])[0]
            middle = centre(_best_of(seen), space, last[-1][0], worst)
            current = {}
            for name, (low, high) in space.items():
                factor = (high / low) ** (1 / shrink ** power(r + 1))
                a, b = (window or around)(middle[name], low, high, factor)
                current[name] = (max(a, low), min(b, high)) if clip else (a, b)
        return returned(everything, last)

    return {"coarse_to_fine": coarse_to_fine}


@coarse_to_fine.correct_variant
def by_ratios(reference):
    return _fine()


@coarse_to_fine.correct_variant
def in_logarithms(reference):
    def window(value, low, high, factor):
        half = np.log(factor) / 2
        return float(np.exp(np.log(value) - half)), float(np.exp(np.log(value) + half))

    return _fine(window=window)


@coarse_to_fine.correct_variant
def with_random_search(reference):
    def coarse_to_fine(train_fn, space, n, rounds, rng, shrink=4.0):
        logs = {name: np.log10(bounds) for name, bounds in space.items()}
        results, width = [], 1.0
        for _ in range(rounds):
            now = {name: tuple(10.0**edges) for name, edges in logs.items()}
            results.extend(reference.random_search(train_fn, now, n, rng)[1])
            best, width = _best_of(results), width / shrink
            for name, (low, high) in space.items():
                half = width * np.log10(high / low) / 2
                logs[name] = np.clip(np.log10(best[name]) + np.array([-half, half]), np.log10(low), np.log10(high))
        return best, results

    return {"coarse_to_fine": coarse_to_fine}


@coarse_to_fine.correct_variant
def narrows_what_is_left(reference):
    def coarse_to_fine(train_fn, space, n, rounds, rng, shrink=4.0):
        results, current = [], dict(space)
        for _ in range(rounds):
            results += reference.random_search(train_fn, current, n, rng)[1]
            best = _best_of(results)
            for name, (low, high) in current.items():
                f = (high / low) ** (0.5 / shrink)
                current[name] = (max(space[name][0], best[name] / f), min(space[name][1], best[name] * f))
        return dict(best), results

    return {"coarse_to_fine": coarse_to_fine}


@coarse_to_fine.misconception
def around_the_middle(reference):
    """The finer search is around the middle of the range: it belongs around the best parameters found so far."""
    return _fine(centre=lambda best, space, last, worst: {name: (a * b) ** 0.5 for name, (a, b) in space.items()})


@coarse_to_fine.misconception
def leaves_the_bounds(reference):
    """Some trials lie outside the given space: cut each new interval off at the original bounds with `max` and `min`."""
    return _fine(clip=False)


@coarse_to_fine.misconception
def never_narrows(reference):
    """Every round searches the whole space again: after each round make the interval narrower, around the best so far."""
    return _fine(window=lambda value, low, high, factor: (low, high))


@coarse_to_fine.misconception
def narrows_once(reference):
    """After the second round the interval stays as wide as it was: it shrinks by `shrink` again in every round."""
    return _fine(power=lambda r: 1)


@coarse_to_fine.misconception
def around_the_last(reference):
    """The finer search is around the last trial: it belongs around the best one."""
    return _fine(centre=lambda best, space, last, worst: last)


@coarse_to_fine.misconception
def around_the_worst(reference):
    """The finer search is around the trial with the lowest score: take the maximum."""
    return _fine(centre=lambda best, space, last, worst: worst)


@coarse_to_fine.misconception
def narrow_in_the_value(reference):
    """The interval is shortened in the values, not in their logarithms: divide and multiply the best by the same factor."""

    def window(value, low, high, factor):
        half = (high - low) * np.log(factor) / np.log(high / low) / 2
        return value - half, value + half

    return _fine(window=window)


@coarse_to_fine.misconception
def twice_as_wide(reference):
    """The interval is twice as wide as asked: its whole length in the logarithm is divided by `shrink`, half of it on each
    side."""
    return _fine(window=lambda value, low, high, factor: (value / factor, value * factor))


@coarse_to_fine.misconception
def earlier_rounds_forgotten(reference):
    """Only the last round counts: if an earlier round found something better, that is still the best, to return and to
    search around."""
    return _fine(
        returned=lambda everything, last: (_best_of(last), everything), centre_from=lambda everything, last: last
    )


@coarse_to_fine.misconception
def results_in_front(reference):
    """`results` is returned first: the order asked for is `best, results`."""
    return {"coarse_to_fine": lambda *arguments: tuple(reference.coarse_to_fine(*arguments)[::-1])}


@coarse_to_fine.misconception
def always_the_same_search(reference):
    """Every `rng` gives the same search: do not make a generator inside, hand `rng` on to `random_search`."""

    def coarse_to_fine(train_fn, space, n, rounds, rng, shrink=4.0):
        return reference.coarse_to_fine(train_fn, space, n, rounds, np.random.default_rng(0), shrink)

    return {"coarse_to_fine": coarse_to_fine}


@coarse_to_fine.misconception
def one_round_too_few(reference):
    """One round is missing: there are `rounds` searches, the first one over the whole space among them."""

    def coarse_to_fine(train_fn, space, n, rounds, rng, shrink=4.0):
        return reference.coarse_to_fine(train_fn, space, n, rounds - 1, rng, shrink)

    return {"coarse_to_fine": coarse_to_fine}


@coarse_to_fine.misconception
def one_round_too_many(reference):
    """There is one round too many: the first search over the whole space is the first of the `rounds`."""

    def coarse_to_fine(train_fn, space, n, rounds, rng, shrink=4.0):
        return reference.coarse_to_fine(train_fn, space, n, rounds + 1, rng, shrink)

    return {"coarse_to_fine": coarse_to_fine}


@coarse_to_fine.misconception
def results_of_the_last_round_only(reference):
    """`results` holds the last round only: it lists the trials of all rounds."""
    return _fine(returned=lambda everything, last: (_best_of(everything), last))


# ------------------------------------------------------------------------------ best_tuned_net


@handed_in(
    "best_tuned_net.npz",
    points={"at_least_40_percent": 3, "at_least_45_percent": 3, "at_least_48_percent": 3},
    bars={"at_least_40_percent": 0.40, "at_least_45_percent": 0.45, "at_least_48_percent": 0.48},
)
def best_tuned_net(reference, X, params):
    W1, b1, W2, b2 = (params[name] for name in ("W1", "b1", "W2", "b2"))
    net = reference.TwoLayerNet(input_dim=W1.shape[0], hidden_dim=W1.shape[1], num_classes=W2.shape[1])
    net.params = {"W1": W1, "b1": b1.reshape(-1), "W2": W2, "b2": b2.reshape(-1)}
    return {"scores": net.loss(X)}


# ------------------------------------------------------------------------------------- equivalent mutants

_TRUE = "Whatever counts as true or false is accepted for True and False."
_EDGE = "A number that is exactly the limit is not drawn; either verdict could be defended."
_LIMIT = "Where exactly the limits lie is left to the student, and only clear histories are drawn."
_STRETCH = (
    "Which stretch is averaged is left to the student: of hundreds of losses it may be longer, shorter or elsewhere."
)
_NUMPY = "A whole number of NumPy's is as good an index, and a number of NumPy's as good a number."

check_initial_loss.equivalent(
    "check_initial_loss:1 abs(loss - np.log(num_classes)) <= tolerance -> abs(loss - np.log(num_classes)) < tolerance",
    _EDGE,
)
_within = "bool(abs(loss - np.log(num_classes)) <= tolerance)"
for other in (f"-{_within}", f"np.asarray({_within}).astype(int)", f"np.asarray({_within})[..., None]"):
    check_initial_loss.equivalent(f"check_initial_loss:1 return {_within} -> return {other}", _TRUE)
check_initial_loss.equivalent(f"check_initial_loss:1 {_within} -> {_within[5:-1]}", _TRUE)
for line, word in ((5, "True"), (7, "False")):
    for other in (f"-{word}", f"np.asarray({word}).astype(int)", f"np.asarray({word})[..., None]"):
        stop_on_nan.equivalent(f"stop_on_nan:{line} return (losses, {word}) -> return (losses, {other})", _TRUE)
overfit_tiny.equivalent("overfit_tiny:8 loss <= target -> loss < target", _EDGE)
for line, word in ((6, "False"), (9, "True"), (10, "False")):
    for other in (f"-{word}", f"np.asarray({word}).astype(int)", f"np.asarray({word})[..., None]"):
        overfit_tiny.equivalent(f"overfit_tiny:{line} return ({word}, losses) -> return ({other}, losses)", _TRUE)
for change in (
    "5 end > 1.2 * start -> end >= 1.2 * start",
    "7 end < 0.5 * start -> end <= 0.5 * start",
    "9 start > middle > end + 0.25 * (start - end) -> start >= middle > end + 0.25 * (start - end)",
    "9 start > middle > end + 0.25 * (start - end) -> start > middle >= end + 0.25 * (start - end)",
):
    diagnose_learning_rate.equivalent(f"diagnose_learning_rate:{change}", _EDGE)
for change in (
    "5 1.2 * start -> start",
    "5 1.2 * start -> 2.2 * start",
    "5 1.2 * start -> 2.4 * start",
    "7 0.5 * start -> 0.25 * start",
    "9 0.25 * (start - end) -> 0.5 * (start - end)",
    "9 end + 0.25 * (start - end) -> end + 0.25 * (start - end) + 0.25 * (start - end)",
    "9 0.25 * (start - end) -> 0.125 * (start - end)",
):
    diagnose_learning_rate.equivalent(f"diagnose_learning_rate:{change}", _LIMIT)
for change in (
    "3 len(losses) -> len(losses) - 1",
    "3 len(losses) -> len(losses) + 1",
    "3 len(losses) // 4 -> len(losses) // 5",
    "3 len(losses) // 4 -> len(losses) // 3",
    "3 len(losses) // 4 -> len(losses) // 8",
    "4 losses[0] -> losses[1]",
    "4 quarter:2 * quarter -> quarter + 1:2 * quarter",
    "4 quarter:2 * quarter -> quarter - 1:2 * quarter",
    "4 quarter:2 * quarter -> quarter:2 * quarter + 1",
    "4 quarter:2 * quarter -> quarter:2 * quarter - 1",
    "4 2 * quarter -> 2 - quarter",
    "4 2 * quarter -> 2 ** quarter",
    "4 2 * quarter -> 3 * quarter",
    "4 2 * quarter -> 4 * quarter",
    "4 -quarter: -> -quarter + 1:",
    "4 -quarter: -> -quarter - 1:",
    "4 -quarter: -> -quarter:0 - 1",
    "4 -quarter -> quarter",
):
    diagnose_learning_rate.equivalent(f"diagnose_learning_rate:{change}", _STRETCH)
diagnose_learning_rate.equivalent(
    "diagnose_learning_rate:3 len(losses) -> losses.shape[-1]", "The losses have one axis, so both are their number."
)
diagnose_learning_rate.equivalent(
    "diagnose_learning_rate:9 start - end -> start % end",
    "Here the end lies between half of the start and the start, where the remainder is the difference.",
)
for ending in ("", ", strict=False"):
    grid_search.equivalent(
        f"grid_search:3 zip(grid, values, strict=True) -> zip(grid, values{ending})",
        "Each combination has as many values as the grid has names.",
    )
for search, line in ((grid_search, 5), (random_search, 5), (coarse_to_fine, 4)):
    place = "np.nanargmax([score for _, score in results])"
    search.equivalent(f"{search.name}:{line} int({place}) -> {place}", _NUMPY)
_one = "sample_log_uniform(low, high, 1, rng)"
random_search.equivalent(f"random_search:3 float({_one}[0]) -> {_one}[0]", _NUMPY)
random_search.equivalent(
    f"random_search:3 {_one} -> sample_log_uniform(low, high, 2, rng)",
    "The first of two draws is as random as the only one.",
)
random_search.equivalent(f"random_search:3 {_one}[0] -> {_one}[-1]", "Of one draw the first is the last.")
for was, now in (
    ("max(low, best[name] / factor)", "max(best[name] / factor, low)"),
    ("min(high, best[name] * factor)", "min(best[name] * factor, high)"),
):
    coarse_to_fine.equivalent(
        f"coarse_to_fine:7 {was} -> {now}", "The larger, or smaller, of two numbers is the same either way."
    )
coarse_to_fine.equivalent(
    "coarse_to_fine:6 high / low -> high // low",
    "The bounds are thousands apart, so rounding their ratio down moves an interval's ends by less than a thousandth.",
)
