"""The questions of `computational_graph`: how each is observed, what it is worth, how it goes wrong."""

import numpy as np

from autograder.model import Case
from autograder.questions import question


def _node(name, forward=None, backward=None):
    """Make a variant of a node, from what its reference gives, its upstream gradients and its arguments.

    ``forward(out, *arguments)`` and ``backward(grads, *upstream, *arguments)`` give what comes out instead.
    """

    def variant(reference):
        class Changed(getattr(reference, name)):
            def forward(self, *arguments):
                self.given = arguments
                out = super().forward(*arguments)
                return forward(out, *arguments) if forward else out

            def backward(self, *upstream):
                grads = super().backward(*upstream)
                return backward(grads, *upstream, *self.given) if backward else grads

        return {name: Changed}

    return variant


def _single(*arrays):
    return tuple(np.asarray(array).astype(np.float32) for array in arrays)


# ----------------------------------------------------------------------------------------- Add


def pair_inputs(rng):
    """Two arrays of one shape: a table, a batch of one, a single entry, three axes, large numbers."""
    for label, shape, scale in [
        ("a table", (3, 4), 1.0),
        ("a batch of one", (1, 5), 1.0),
        ("arrays with a single entry", (1,), 2.0),
        ("three axes", (2, 3, 2), 1.0),
        ("large numbers", (4, 2), 1e3),
    ]:
        inputs = {name: scale * rng.normal(0.3, 1.0, shape) for name in ("x", "y")}
        inputs |= {"dout": rng.normal(0.2, 1.5, shape), "numbers": rng.normal(0.3, 1.0, 3)}
        yield Case(label, inputs, {"N": shape[0]})


@question(points={"out": 0.5, "dx": 1, "dy": 1, "of_numbers": 0.5, "inputs": 1}, draw=pair_inputs)
def Add(student, x, y, dout, numbers):
    node = student.Add()
    out = node.forward(x, y)
    grads = node.backward(dout)
    pair = isinstance(grads, (tuple, list)) or np.ndim(grads) == np.ndim(dout) + 1  # whatever `dx, dy = grads` takes
    dx, dy = grads if pair and len(grads) == 2 else (grads, None)
    first, second, upstream = (float(number) for number in numbers)
    try:
        of_numbers = np.hstack([node.forward(first, second), *node.backward(upstream)])
    except Exception as error:
        of_numbers = error
    return {"out": out, "dx": dx, "dy": dy, "of_numbers": of_numbers}


@Add.correct_variant
def ones_times_upstream(reference):
    return _node("Add", None, lambda grads, dout, x, y: (dout * np.ones_like(x), dout * np.ones_like(y)))(reference)


@Add.correct_variant
def copies_of_the_upstream(reference):
    return _node("Add", lambda out, x, y: np.add(x, y), lambda grads, dout, x, y: [np.copy(dout), np.copy(dout)])(
        reference
    )


@Add.correct_variant
def both_in_one_array(reference):
    return _node("Add", None, lambda grads, dout, x, y: np.array([dout, dout]))(reference)


@Add.correct_variant
def single_precision(reference):
    return _node("Add", lambda out, x, y: _single(out)[0], lambda grads, dout, x, y: _single(*grads))(reference)


@Add.correct_variant
def loops(reference):
    def add(out, x, y):
        x, y = np.asarray(x), np.asarray(y)
        total = np.zeros_like(x)
        for index in np.ndindex(x.shape):
            total[index] = x[index] + y[index]
        return total

    return _node("Add", add)(reference)


@Add.misconception
def arrays_only(reference):
    """Right for arrays, but a plain number raises an error: it has no method `copy`. Write `x + y`, which serves both and makes
    a new array anyway."""

    class Add(reference.Add):
        def forward(self, x, y):
            out = x.copy()
            out += y
            return out

    return {"Add": Add}


@Add.misconception
def upstream_forgotten(reference):
    """This is the local gradient alone, 1 for each input; multiply it by `dout`, the gradient that comes from above."""
    return _node("Add", None, lambda grads, dout, x, y: (np.ones_like(x), np.ones_like(y)))(reference)


@Add.misconception
def gradient_split(reference):
    """The gradient is divided between the two inputs. It is not a cake: each input moves the output one for one, so each
    gets all of `dout`."""
    return _node("Add", None, lambda grads, dout, x, y: (dout / 2, dout / 2))(reference)


@Add.misconception
def swapped_like_a_product(reference):
    """This is the backward step of a product. The local gradient of a sum is 1, whatever the other input is: both inputs
    get `dout` as it came."""
    return _node("Add", None, lambda grads, dout, x, y: (dout * y, dout * x))(reference)


@Add.misconception
def only_the_first_input(reference):
    """The second input gets a gradient of 0, but it moves the output as much as the first one: both get `dout`."""
    return _node("Add", None, lambda grads, dout, x, y: (dout, np.zeros_like(dout)))(reference)


@Add.misconception
def one_gradient_for_two_inputs(reference):
    """`backward` gives one array; the node has two inputs, so return two gradients, `dx` and `dy`, even if they are
    equal."""
    return _node("Add", None, lambda grads, dout, x, y: dout)(reference)


@Add.misconception
def difference(reference):
    """This node subtracts: `forward` is `x + y`, and the gradient of `y` has the same sign as that of `x`."""
    return _node("Add", lambda out, x, y: x - y, lambda grads, dout, x, y: (dout, -dout))(reference)


@Add.misconception
def added_in_place(reference):
    """The values are right, but `x` itself was changed: `x += y` writes into the caller's array, `x + y` makes a new
    one."""

    class Add(reference.Add):
        def forward(self, x, y):
            x += y
            return x

    return {"Add": Add}


@Add.misconception
def inputs_times_upstream(reference):
    """Each gradient is `dout` times the input itself; the local gradient of a sum is 1, so nothing but `dout` is left."""
    return _node("Add", None, lambda grads, dout, x, y: (dout * x, dout * y))(reference)


# ------------------------------------------------------------------------------------ Multiply


def product_inputs(rng):
    for case in pair_inputs(rng):
        shape = case.inputs["x"].shape
        others = {"x_other": rng.normal(size=shape), "y_other": rng.normal(size=shape)}
        yield Case(case.label, {**case.inputs, **others}, case.sizes)


@question(
    points={"out": 1, "dx": 2, "dy": 2, "dx_beside_another_node": 1, "of_numbers": 0.5, "inputs": 0.5},
    draw=product_inputs,
)
def Multiply(student, x, y, dout, x_other, y_other, numbers):
    again = dout.copy()  # what happens to dout is marked once, under "inputs"
    node = student.Multiply()
    out = node.forward(x, y)
    grads = node.backward(dout)
    pair = isinstance(grads, (tuple, list)) or np.ndim(grads) == np.ndim(dout) + 1  # whatever `dx, dy = grads` takes
    dx, dy = grads if pair and len(grads) == 2 else (grads, None)
    first, other = student.Multiply(), student.Multiply()
    first.forward(x, y)
    other.forward(x_other, y_other)
    beside = first.backward(again)
    beside = beside[0] if pair else beside
    left, right, upstream = (float(number) for number in numbers)
    try:
        node = student.Multiply()
        of_numbers = np.hstack([node.forward(left, right), *node.backward(upstream)])
    except Exception as error:
        of_numbers = error
    return {"out": out, "dx": dx, "dy": dy, "dx_beside_another_node": beside, "of_numbers": of_numbers}


@Multiply.correct_variant
def kept_in_a_tuple(reference):
    class Multiply:
        def forward(self, x, y):
            self.cache = (np.array(x), np.array(y))
            return np.multiply(x, y)

        def backward(self, dout):
            x, y = self.cache
            return [np.multiply(y, dout), np.multiply(x, dout)]

    return {"Multiply": Multiply}


@Multiply.correct_variant
def both_gradients_in_one_array(reference):
    return _node("Multiply", None, lambda grads, dout, x, y: np.array([y, x]) * dout)(reference)


@Multiply.correct_variant
def local_gradients_first(reference):
    class Multiply:
        def forward(self, x, y):
            self.local = {"x": 1.0 * y, "y": 1.0 * x}
            return x * y

        def backward(self, dout):
            return self.local["x"] * dout, self.local["y"] * dout

    return {"Multiply": Multiply}


@Multiply.correct_variant
def single_precision_product(reference):
    return _node("Multiply", lambda out, x, y: _single(out)[0], lambda g, dout, x, y: _single(*g))(reference)


@Multiply.correct_variant
def product_with_loops(reference):
    def multiply(x, y):
        x, y = np.asarray(x), np.asarray(y)
        product = np.zeros_like(x)
        for index in np.ndindex(x.shape):
            product[index] = x[index] * y[index]
        return product

    return _node(
        "Multiply",
        lambda out, x, y: multiply(x, y),
        lambda grads, dout, x, y: (multiply(dout, y), multiply(dout, x)),
    )(reference)


@Multiply.misconception
def inputs_kept_as_copies(reference):
    """Right for arrays, but a plain number raises an error: it has no method `copy`. Keep the inputs as they are, `self.x = x`,
    for no node may change them."""

    class Multiply(reference.Multiply):
        def forward(self, x, y):
            return super().forward(x.copy(), y.copy())

    return {"Multiply": Multiply}


@Multiply.misconception
def upstream_scaled_in_place_at_last(reference):
    """The gradients are right, but `dout` itself was changed on the way, and whoever sent it may still need it: write
    `dout * y`, which makes a new array, not `dout *= y`."""

    class Multiply(reference.Multiply):
        def forward(self, x, y):
            self.both = x, y
            return x * y

        def backward(self, dout):
            x, y = self.both
            dy = dout * x
            dout *= y
            return dout, dy

    return {"Multiply": Multiply}


@Multiply.misconception
def not_swapped(reference):
    """The two gradients are in each other's place: how much the product moves with `x` depends on `y`, so `dx` is
    `dout * y` and `dy` is `dout * x`."""
    return _node("Multiply", None, lambda grads, dout, x, y: (dout * x, dout * y))(reference)


@Multiply.misconception
def upstream_forgotten_in_a_product(reference):
    """These are the local gradients alone, `y` and `x`; multiply each by `dout`, the gradient that comes from above."""
    return _node("Multiply", None, lambda grads, dout, x, y: (1.0 * y, 1.0 * x))(reference)


@Multiply.misconception
def passed_on_like_a_sum(reference):
    """This is the backward step of a sum. In a product each input's influence is scaled by the other one: `dout * y` and
    `dout * x`."""
    return _node("Multiply", None, lambda grads, dout, x, y: (1.0 * dout, 1.0 * dout))(reference)


@Multiply.misconception
def output_times_upstream(reference):
    """Both gradients are `dout` times the whole product; the local gradient for `x` is `y` alone, and for `y` it is `x`
    alone."""
    return _node("Multiply", None, lambda grads, dout, x, y: (dout * x * y, dout * x * y))(reference)


@Multiply.misconception
def memory_shared_by_all_nodes(reference):
    """Right for one node alone, but two `Multiply` nodes overwrite each other's memory: keep the inputs on the node itself,
    `self.x = x`, not on the class or in a global name."""

    class Multiply:
        kept = []

        def forward(self, x, y):
            self.kept[:] = [x, y]
            return x * y

        def backward(self, dout):
            x, y = self.kept
            return dout * y, dout * x

    return {"Multiply": Multiply}


@Multiply.misconception
def upstream_scaled_in_place(reference):
    """`dout *= ...` changes the array that came from above, so `dy` is computed from a `dout` that is no longer the one
    given: write `dout * y`, which makes a new array."""

    class Multiply(reference.Multiply):
        def forward(self, x, y):
            self.both = x, y
            return x * y

        def backward(self, dout):
            x, y = self.both
            dout *= y
            return dout, dout * x

    return {"Multiply": Multiply}


@Multiply.misconception
def multiplied_in_place(reference):
    """`x *= y` changes the caller's `x`, and `dy`, which needs the old `x`, gets the product instead: write `x * y`, which
    makes a new array."""

    class Multiply(reference.Multiply):
        def forward(self, x, y):
            self.both = x, y
            x *= y
            return x

        def backward(self, dout):
            x, y = self.both
            return dout * y, dout * x

    return {"Multiply": Multiply}


@Multiply.misconception
def one_gradient_for_a_product(reference):
    """`backward` gives one array; the node has two inputs, so return two gradients, `dx` and `dy`."""
    return _node("Multiply", None, lambda grads, dout, x, y: dout * y)(reference)


# -------------------------------------------------------------------------------------- Branch


def branch_inputs(rng):
    """One array and two gradients that come back, of different size and sign."""
    for label, shape in [
        ("a table", (3, 4)),
        ("a batch of one", (1, 6)),
        ("an array with a single entry", (1,)),
        ("three axes", (2, 2, 3)),
    ]:
        inputs = {
            "x": rng.normal(size=shape),
            "dout1": rng.normal(1.0, 1.0, shape),
            "dout2": rng.normal(-0.5, 2.0, shape),
            "numbers": rng.normal(0.5, 1.0, 3),
        }
        yield Case(label, inputs, {"N": shape[0]})


@question(points={"first": 1, "second": 1, "dx": 2, "of_numbers": 0.5, "inputs": 0.5}, draw=branch_inputs)
def Branch(student, x, dout1, dout2, numbers):
    node = student.Branch()
    copies = node.forward(x)
    pair = (
        isinstance(copies, (tuple, list)) or np.ndim(copies) == np.ndim(x) + 1
    )  # whatever `first, second = copies` takes
    first, second = copies if pair and len(copies) == 2 else (copies, None)
    first, second = (value.copy() if isinstance(value, np.ndarray) else value for value in (first, second))
    dx = node.backward(dout1, dout2)
    number, upstream1, upstream2 = (float(number) for number in numbers)
    try:
        of_numbers = np.hstack([*node.forward(number), node.backward(upstream1, upstream2)])
    except Exception as error:
        of_numbers = error
    return {"first": first, "second": second, "dx": dx, "of_numbers": of_numbers}


@Branch.correct_variant
def two_copies(reference):
    return _node("Branch", lambda out, x: (np.copy(x), np.copy(x)))(reference)


@Branch.correct_variant
def both_copies_in_one_array(reference):
    return _node("Branch", lambda out, x: np.array([x, x]))(reference)


@Branch.misconception
def copies_of_arrays_only(reference):
    """Right for arrays, but a plain number raises an error: it has no method `copy`. Return `x, x`, for no node may change what
    it is given."""
    return _node("Branch", lambda out, x: (x.copy(), x.copy()))(reference)


@Branch.correct_variant
def a_list_of_two(reference):
    return _node("Branch", lambda out, x: [x, x], lambda dx, a, b, x: np.add(b, a))(reference)


@Branch.correct_variant
def summed_over_a_stack(reference):
    return _node("Branch", None, lambda dx, a, b, x: np.stack([a, b]).sum(axis=0))(reference)


@Branch.correct_variant
def single_precision_branch(reference):
    return _node("Branch", lambda out, x: _single(x, x), lambda dx, a, b, x: _single(dx)[0])(reference)


@Branch.misconception
def averaged(reference):
    """The gradient is the mean of the two that come back; both copies moved when `x` moved, so their effects add up: the
    sum."""
    return _node("Branch", None, lambda dx, a, b, x: (a + b) / 2)(reference)


@Branch.misconception
def only_the_first_branch(reference):
    """Only the first branch is counted; the loss also depends on `x` through the second one: add both gradients."""
    return _node("Branch", None, lambda dx, a, b, x: 1.0 * a)(reference)


@Branch.misconception
def multiplied(reference):
    """The two gradients are multiplied. Along one path the chain rule multiplies; different paths add up."""
    return _node("Branch", None, lambda dx, a, b, x: a * b)(reference)


@Branch.misconception
def larger_one_wins(reference):
    """The larger of the two gradients is passed on; both paths count, so add them."""
    return _node("Branch", None, lambda dx, a, b, x: np.maximum(a, b))(reference)


@Branch.misconception
def both_handed_on(reference):
    """Both gradients are handed on side by side; `x` is one array and has one gradient in its own shape, their sum."""
    return _node("Branch", None, lambda dx, a, b, x: np.stack([a, b]))(reference)


@Branch.misconception
def summed_in_place(reference):
    """The sum is right, but `dout1 += dout2` writes it into an array that belongs to somebody else: write
    `dout1 + dout2`."""

    class Branch(reference.Branch):
        def backward(self, dout1, dout2):
            dout1 += dout2
            return dout1

    return {"Branch": Branch}


@Branch.misconception
def value_divided(reference):
    """Each branch gets half of `x`; a branch is a fork in a wire, not in a river: both branches carry the same value,
    `x`."""
    return _node("Branch", lambda out, x: (x / 2, x / 2))(reference)


@Branch.misconception
def one_copy_only(reference):
    """`forward` gives `x` once; a branch has two outputs, so return two: `x, x`."""
    return _node("Branch", lambda out, x: x)(reference)


# -------------------------------------------------------------------------------------- Repeat


def repeat_inputs(rng):
    """More copies than columns and fewer; one copy; one column."""
    for label, n, d in [
        ("more copies than columns", 5, 3),
        ("more columns", 2, 6),
        ("one copy", 1, 4),
        ("one column", 4, 1),
    ]:
        yield Case(
            label, {"N": n, "x": rng.normal(0.5, 1, (1, d)), "dout": rng.normal(0.4, 1, (n, d))}, {"N": n, "D": d}
        )


@question(points={"out": 2, "dx": 4, "inputs": 1}, draw=repeat_inputs)
def Repeat(student, N, x, dout):
    node = student.Repeat(N)
    out = node.forward(x)
    out = out.copy() if isinstance(out, np.ndarray) else out
    return {"out": out, "dx": node.backward(dout)}


@Repeat.correct_variant
def tiled(reference):
    return _node("Repeat", lambda out, x: np.tile(x, (len(out), 1)))(reference)


@Repeat.correct_variant
def ones_as_a_matrix(reference):
    return _node(
        "Repeat",
        lambda out, x: np.ones((len(out), 1)) @ x,
        lambda dx, dout, x: np.ones((1, len(dout))) @ dout,
    )(reference)


@Repeat.correct_variant
def broadcast_and_axis_put_back(reference):
    return _node(
        "Repeat",
        lambda out, x: np.broadcast_to(x, out.shape),
        lambda dx, dout, x: dout.sum(axis=0)[None, :],
    )(reference)


@Repeat.correct_variant
def row_by_row(reference):
    def total(dx, dout, x):
        dx = np.zeros_like(x)
        for row in dout:
            dx += row
        return dx

    return _node("Repeat", lambda out, x: np.vstack([x] * len(out)), total)(reference)


@Repeat.correct_variant
def single_precision_repeat(reference):
    return _node("Repeat", lambda out, x: _single(out)[0], lambda dx, dout, x: _single(dx)[0])(reference)


@Repeat.misconception
def mean_instead_of_sum(reference):
    """The gradient is the mean over the copies; each copy adds its own influence, so it is their sum."""
    return _node("Repeat", None, lambda dx, dout, x: dout.mean(axis=0, keepdims=True))(reference)


@Repeat.misconception
def keepdims_forgotten(reference):
    """The numbers are right, but `dx` has shape (D,) where `x` has (1, D): a gradient has the shape of its array. Sum with
    `keepdims=True`."""
    return _node("Repeat", None, lambda dx, dout, x: dout.sum(axis=0))(reference)


@Repeat.misconception
def summed_over_the_columns(reference):
    """The sum runs over the columns (axis 1); the copies lie one below the other, so sum over axis 0."""
    return _node("Repeat", None, lambda dx, dout, x: dout.sum(axis=1, keepdims=True))(reference)


@Repeat.misconception
def not_summed(reference):
    """`dout` is handed on as it came, with a row for each copy; `x` has one row, so its gradient has one: the sum of all
    rows."""
    return _node("Repeat", None, lambda dx, dout, x: 1.0 * dout)(reference)


@Repeat.misconception
def first_copy_only(reference):
    """Only the first copy's gradient is passed on; all copies are `x`, and all their gradients count: add them."""
    return _node("Repeat", None, lambda dx, dout, x: dout[:1].copy())(reference)


@Repeat.misconception
def everything_summed(reference):
    """The sum runs over everything, columns too; each entry of `x` was copied down its own column only: sum over axis 0."""
    return _node("Repeat", None, lambda dx, dout, x: dout.sum())(reference)


@Repeat.misconception
def entries_repeated(reference):
    """The copies stand side by side; they belong one below the other: repeat along axis 0."""
    return _node("Repeat", lambda out, x: np.repeat(x, len(out), axis=1))(reference)


@Repeat.misconception
def counted_once_more(reference):
    """The sum of the copies' gradients is multiplied by N once more; the sum has counted each copy already."""
    return _node("Repeat", None, lambda dx, dout, x: len(dout) * dx)(reference)


# ----------------------------------------------------------------------------------------- Sum


def sum_inputs(rng):
    for case in repeat_inputs(rng):
        n, d = case.sizes["N"], case.sizes["D"]
        label = {"one copy": "a batch of one", "more copies than columns": "more rows than columns"}.get(
            case.label, case.label
        )
        yield Case(label, {"x": rng.normal(0.5, 1, (n, d)), "dout": rng.normal(0.4, 1, (1, d))}, case.sizes)


@question(points={"out": 2, "dx": 3, "inputs": 1}, draw=sum_inputs)
def Sum(student, x, dout):
    node = student.Sum()
    out = node.forward(x)
    return {"out": out, "dx": node.backward(dout)}


@Sum.correct_variant
def product_with_ones(reference):
    return _node(
        "Sum",
        lambda out, x: np.ones((1, len(x))) @ x,
        lambda dx, dout, x: np.ones((len(x), 1)) @ dout,
    )(reference)


@Sum.correct_variant
def view_of_the_upstream(reference):
    return _node("Sum", None, lambda dx, dout, x: np.broadcast_to(dout, x.shape))(reference)


@Sum.correct_variant
def added_row_by_row(reference):
    def total(out, x):
        out = np.zeros((1, x.shape[1]))
        for row in x:
            out = out + row
        return out

    return _node("Sum", total, lambda dx, dout, x: np.zeros_like(x) + dout)(reference)


@Sum.correct_variant
def single_precision_sum(reference):
    return _node("Sum", lambda out, x: _single(out)[0], lambda dx, dout, x: _single(dx)[0])(reference)


@Sum.misconception
def gradient_of_the_mean(reference):
    """The gradient is divided by N, which is right for a mean; in a sum each row moves the result one for one."""
    return _node("Sum", None, lambda dx, dout, x: dx / len(x))(reference)


@Sum.misconception
def ones_only(reference):
    """This is the local gradient alone, 1 for each entry; multiply it by `dout`, the gradient that comes from above."""
    return _node("Sum", None, lambda dx, dout, x: np.ones_like(x))(reference)


@Sum.misconception
def not_repeated(reference):
    """`dout` is handed on as it came, with one row; `x` has N rows, and a gradient has the shape of its array: repeat `dout`
    for each row."""
    return _node("Sum", None, lambda dx, dout, x: 1.0 * dout)(reference)


@Sum.misconception
def first_row_only(reference):
    """Only the first row gets a gradient; all rows were added, so all of them get `dout`."""

    def first(dx, dout, x):
        dx = np.zeros_like(x)
        dx[:1] = dout
        return dx

    return _node("Sum", None, first)(reference)


@Sum.misconception
def mean_forward(reference):
    """`forward` gives the mean of the rows; the sum is asked."""
    return _node("Sum", lambda out, x: x.mean(axis=0, keepdims=True))(reference)


@Sum.misconception
def sum_without_keepdims(reference):
    """The sum has shape (D,) where (1, D) is asked: with `keepdims=True` it stays a row, which `Repeat` can take up again."""
    return _node("Sum", lambda out, x: x.sum(axis=0))(reference)


@Sum.misconception
def sum_over_the_columns(reference):
    """`forward` adds up the columns (axis 1); the rows are to be added: axis 0."""
    return _node("Sum", lambda out, x: x.sum(axis=1, keepdims=True))(reference)


@Sum.misconception
def entries_times_upstream(reference):
    """The gradient is `dout` times `x`; the local gradient of a sum is 1, whatever the entry is."""
    return _node("Sum", None, lambda dx, dout, x: dout * x)(reference)


# -------------------------------------------------------------------------------------- MatMul


def matmul_inputs(rng):
    """More rows than columns and fewer; a batch of one; one input number; one output; nothing square."""
    for label, n, d, m in [
        ("a batch of rows", 5, 3, 4),
        ("a batch of one", 1, 4, 2),
        ("a single input number", 3, 1, 5),
        ("a single output", 2, 6, 1),
    ]:
        inputs = {"x": rng.normal(0.3, 1, (n, d)), "W": rng.normal(size=(d, m)), "step": rng.normal(size=(d, m))}
        inputs |= {"dout": rng.normal(0.3, 1, (n, m)), "dout_again": rng.normal(size=(n, m))}
        yield Case(label, inputs, {"N": n, "D": d, "M": m})


@question(
    points={"out": 2, "dx": 3, "dW": 3, "grads_in_place": 2, "next_dW": 1, "out_after_update": 1, "inputs": 1},
    draw=matmul_inputs,
)
def MatMul(student, x, W, step, dout, dout_again):
    node = student.MatMul(W.copy())
    held = node.grads[0]
    out = node.forward(x)
    dx = node.backward(dout)
    dW = np.array(node.grads[0])
    held = np.array(held) if isinstance(held, np.ndarray) else np.zeros_like(W)
    node.backward(dout_again)
    next_dW = np.array(node.grads[0])
    node.params[0] -= step
    return {
        "out": out,
        "dx": dx,
        "dW": dW,
        "grads_in_place": held,
        "next_dW": next_dW,
        "out_after_update": node.forward(x),
    }


def _matmul(dx_of, dW_of=None):
    """Make a variant of MatMul from dx and dW, each a function of x, W and dout."""

    def variant(reference):
        class Changed(reference.MatMul):
            def forward(self, x):
                self.given = x
                return super().forward(x)

            def backward(self, dout):
                dx = super().backward(dout)
                W = self.params[0]
                if dW_of:
                    self.grads[0][...] = dW_of(self.given, W, dout)
                return dx_of(self.given, W, dout) if dx_of else dx

        return {"MatMul": Changed}

    return variant


@MatMul.correct_variant
def loops_over_entries(reference):
    class MatMul:
        def __init__(self, W):
            self.params, self.grads = [W], [np.zeros(W.shape)]

        def forward(self, x):
            (W,), self.x = self.params, x
            return np.array([[sum(x[n] * W[:, m]) for m in range(W.shape[1])] for n in range(len(x))])

        def backward(self, dout):
            (W,) = self.params
            dx = np.zeros_like(self.x)
            self.grads[0][:] = 0
            for n in range(dout.shape[0]):
                for m in range(dout.shape[1]):
                    dx[n] += dout[n, m] * W[:, m]
                    self.grads[0][:, m] += dout[n, m] * self.x[n]
            return dx

    return {"MatMul": MatMul}


@MatMul.correct_variant
def einsum(reference):
    return _matmul(
        lambda x, W, dout: np.einsum("nm,dm->nd", dout, W), lambda x, W, dout: np.einsum("nd,nm->dm", x, dout)
    )(reference)


@MatMul.correct_variant
def written_with_copyto(reference):
    class MatMul:
        def __init__(self, W):
            self.W, self.dW = W, np.empty_like(W)
            self.params, self.grads = [self.W], [self.dW]

        def forward(self, x):
            self.cache = {"x": x.copy(), "rows": len(x)}
            return np.dot(x, self.W)

        def backward(self, dout):
            np.copyto(self.dW, np.dot(self.cache["x"].T, dout))
            return np.dot(dout, self.W.T)

    return {"MatMul": MatMul}


@MatMul.correct_variant
def transposed_twice(reference):
    return _matmul(lambda x, W, dout: (W @ dout.T).T, lambda x, W, dout: (dout.T @ x).T)(reference)


@MatMul.correct_variant
def gradient_in_single_precision(reference):
    class MatMul(reference.MatMul):
        def __init__(self, W):
            super().__init__(W)
            self.grads = [np.zeros_like(W, dtype=np.float32)]

        def backward(self, dout):
            return super().backward(dout).astype(np.float32)

    return {"MatMul": MatMul}


@MatMul.misconception
def gradient_replaced(reference):
    """`dW` is right, but it lies in a new array: whoever took `grads` once, as an optimiser does, still holds the old one.
    Write into the array that is there: `self.grads[0][...] = dW`."""

    class MatMul(reference.MatMul):
        def backward(self, dout):
            self.grads = [np.zeros_like(self.params[0])]
            return super().backward(dout)

    return {"MatMul": MatMul}


@MatMul.misconception
def gradient_accumulated(reference):
    """The first `dW` is right, but the next one is added on top of it: write `self.grads[0][...] = dW`, not `+=`."""

    class MatMul(reference.MatMul):
        def backward(self, dout):
            before = self.grads[0].copy()
            dx = super().backward(dout)
            self.grads[0] += before
            return dx

    return {"MatMul": MatMul}


@MatMul.misconception
def gradient_never_written(reference):
    """`dx` is right, but `grads[0]` is still zero after `backward`: the node has a second gradient, `dW`; write it there."""
    return _matmul(None, lambda x, W, dout: 0.0)(reference)


@MatMul.misconception
def averaged_over_the_batch(reference):
    """`dW` is divided by N; every row of the batch used the same `W`, so their shares add up. The mean is taken once, in the
    loss."""
    return _matmul(None, lambda x, W, dout: x.T @ dout / len(x))(reference)


@MatMul.misconception
def upstream_left_out_of_dW(reference):
    """`dW` leaves `dout` out: the chain rule is upstream times local, `x.T @ dout`."""
    return _matmul(None, lambda x, W, dout: x.T @ np.ones_like(dout))(reference)


@MatMul.misconception
def upstream_left_out_of_dx(reference):
    """`dx` leaves `dout` out: the chain rule is upstream times local, `dout @ W.T`."""
    return _matmul(lambda x, W, dout: np.ones_like(dout) @ W.T)(reference)


@MatMul.misconception
def both_gradients_returned(reference):
    """`backward` returns two things; it hands on `dx` alone, for the node below, and writes `dW` into `grads[0]`."""
    return _matmul(lambda x, W, dout: (dout @ W.T, x.T @ dout))(reference)


@MatMul.misconception
def step_taken_in_backward(reference):
    """`backward` changes the weights; it only reports the gradient in `grads[0]`. Taking a step is the optimiser's work."""

    class MatMul(reference.MatMul):
        def backward(self, dout):
            dx = super().backward(dout)
            self.params[0] -= self.grads[0]
            return dx

    return {"MatMul": MatMul}


@MatMul.misconception
def weights_copied(reference):
    """After the weights in `params[0]` were changed, `forward` still uses the old ones: keep one array `W`, in `params`, and
    read it from there."""

    class MatMul(reference.MatMul):
        def __init__(self, W):
            super().__init__(W)
            self.hidden = self.params
            self.params = [W.copy()]

        def forward(self, x):
            shown, self.params = self.params, self.hidden
            out = super().forward(x)
            self.params = shown
            return out

    return {"MatMul": MatMul}


@MatMul.misconception
def batch_summed_first(reference):
    """`dW` sums `x` and `dout` over the batch before multiplying them; multiply row by row and sum the products:
    `x.T @ dout`."""
    return _matmul(None, lambda x, W, dout: np.outer(x.sum(axis=0), dout.sum(axis=0)))(reference)


# ------------------------------------------------------------------------------------- Sigmoid


def sigmoid_inputs(rng):
    """Numbers of both signs; a batch of one; three axes; beside them large numbers, where exp of their size overflows."""
    for label, shape, scale in [
        ("a table", (4, 3), 1.0),
        ("a batch of one", (1, 5), 2.0),
        ("three axes", (2, 2, 3), 1.0),
        ("a wide table", (2, 7), 3.0),
    ]:
        x = scale * rng.uniform(0.2, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
        x.flat[:2] = np.abs(x.flat[0]), -np.abs(x.flat[1])
        large = rng.uniform(800.0, 1200.0, (3, 2)) * np.array([1.0, -1.0])
        large[0] /= 1000.0  # beside a slope near 0.2, whoever clips at 30 is right
        inputs = {"x": x, "large": large, "dout": rng.normal(0.3, 1.5, shape)}
        inputs |= {"dout_of_large": rng.normal(0.3, 1.5, (3, 2))}
        inputs |= {"numbers": np.array([-rng.uniform(1.3, 2.0), rng.uniform(0.5, 1.5)])}
        yield Case(label, inputs, {"N": shape[0]})


@question(
    points={
        "out": 2,
        "dx": 3,
        "second_dx": 1,
        "out_of_large_numbers": 1,
        "dx_of_large_numbers": 0.5,
        "of_numbers": 0.5,
        "inputs": 1,
    },
    draw=sigmoid_inputs,
)
def Sigmoid(student, x, large, dout, dout_of_large, numbers):
    node = student.Sigmoid()
    out = node.forward(x)
    out = out.copy() if isinstance(out, np.ndarray) else out
    dx = node.backward(dout)
    dx = dx.copy() if isinstance(dx, np.ndarray) else dx
    second_dx = node.backward(dout)
    node = student.Sigmoid()
    out_of_large = node.forward(large)
    out_of_large = out_of_large.copy() if isinstance(out_of_large, np.ndarray) else out_of_large
    dx_of_large = node.backward(dout_of_large)
    number, upstream = (float(number) for number in numbers)
    try:
        node = student.Sigmoid()
        of_numbers = np.hstack([node.forward(number), node.backward(upstream)])
    except Exception as error:
        of_numbers = error
    return {
        "out": out,
        "dx": dx,
        "second_dx": second_dx,
        "out_of_large_numbers": out_of_large,
        "dx_of_large_numbers": dx_of_large,
        "of_numbers": of_numbers,
    }


def _stable(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


@Sigmoid.correct_variant
def never_overflows(reference):
    return _node("Sigmoid", lambda out, x: _stable(x))(reference)


@Sigmoid.correct_variant
def half_a_tangent(reference):
    return _node("Sigmoid", lambda out, x: 0.5 * (1 + np.tanh(0.5 * x)))(reference)


@Sigmoid.correct_variant
def from_the_input_again(reference):
    return _node("Sigmoid", None, lambda dx, dout, x: dout * _stable(x) * _stable(-x))(reference)


@Sigmoid.correct_variant
def out_minus_its_square(reference):
    return _node("Sigmoid", None, lambda dx, dout, x: (_stable(x) - _stable(x) ** 2) * dout)(reference)


@Sigmoid.correct_variant
def single_precision_sigmoid(reference):
    return _node("Sigmoid", lambda out, x: _single(out)[0], lambda dx, dout, x: _single(dx)[0])(reference)


@Sigmoid.misconception
def slope_from_the_exponential(reference):
    """Right for ordinary numbers, but for a very negative `x` the exponential is infinite, and the slope made with it is nan:
    use `out * (1 - out)`, which needs no exponential."""

    def slope(x):
        with np.errstate(all="ignore"):
            return np.exp(-x) / (1 + np.exp(-x)) ** 2

    return _node("Sigmoid", None, lambda dx, dout, x: dout * slope(x))(reference)


@Sigmoid.misconception
def entries_chosen_by_masks(reference):
    """Right for arrays, but a plain number raises an error, for it has no entries to choose: use a formula that serves both, or
    begin with `x = np.asarray(x)`."""

    class Sigmoid(reference.Sigmoid):
        def forward(self, x):
            x[x >= 0]
            return super().forward(x)

    return {"Sigmoid": Sigmoid}


@Sigmoid.misconception
def input_in_place_of_output(reference):
    """The formula is right, but it is fed with `x`: the slope is `out * (1 - out)`, where `out` is what `forward` gave."""
    return _node("Sigmoid", None, lambda dx, dout, x: dout * x * (1 - x))(reference)


@Sigmoid.misconception
def upstream_left_out(reference):
    """This is the slope of the curve alone; multiply it by `dout`, the gradient that comes from above."""
    return _node("Sigmoid", None, lambda dx, dout, x: _stable(x) * (1 - _stable(x)))(reference)


@Sigmoid.misconception
def one_factor_missing(reference):
    """One of two factors is missing: the slope is `out * (1 - out)`, and this is `1 - out`."""
    return _node("Sigmoid", None, lambda dx, dout, x: dout * (1 - _stable(x)))(reference)


@Sigmoid.misconception
def sigmoid_of_the_output(reference):
    """The sigmoid is applied a second time, to its own output; `out` is already the value that the slope
    `out * (1 - out)` needs."""
    return _node("Sigmoid", None, lambda dx, dout, x: dout * _stable(_stable(x)) * (1 - _stable(_stable(x))))(reference)


@Sigmoid.misconception
def slope_of_tanh(reference):
    """`1 - out**2` is the slope of tanh; the sigmoid's is `out * (1 - out)`."""
    return _node("Sigmoid", None, lambda dx, dout, x: dout * (1 - _stable(x) ** 2))(reference)


@Sigmoid.misconception
def sign_of_the_exponent(reference):
    """The curve falls where it should rise: the exponent is `-x`, as in `1 / (1 + exp(-x))`."""
    return _node("Sigmoid", lambda out, x: _stable(-x))(reference)


@Sigmoid.misconception
def overflows(reference):
    """Right for small numbers, but `exp(x)` of a large `x` is infinite, and inf / inf is nan: use `1 / (1 + exp(-x))`, where
    an infinite exponential does no harm."""

    def value(x):
        with np.errstate(all="ignore"):
            return np.exp(x) / (1 + np.exp(x))

    return _node("Sigmoid", lambda out, x: value(x), lambda dx, dout, x: dout * value(x) * (1 - value(x)))(reference)


@Sigmoid.misconception
def memory_overwritten(reference):
    """`dx` is right the first time and wrong the second: the output that the node keeps was changed in place. Write
    `out * (1 - out)`, which makes a new array."""

    class Sigmoid(reference.Sigmoid):
        def forward(self, x):
            self.kept = _stable(x)
            return self.kept.copy()

        def backward(self, dout):
            self.kept *= 1 - self.kept
            return dout * self.kept

    return {"Sigmoid": Sigmoid}


# ------------------------------------------------------------------------------------- softmax


def softmax_inputs(rng):
    """Ordinary scores, a batch of one, two classes, and beside them the same sort of scores near plus or minus 1,000.

    Scores are eighths, which float32 holds exactly even near 1,000.
    """
    for label, n, c, shift in [
        ("ordinary scores", 6, 4, 1000.0),
        ("a batch of one", 1, 5, -1000.0),
        ("more rows than classes", 9, 2, 1000.0),
        ("more classes than rows", 3, 7, -1000.0),
    ]:
        x, large = rng.integers(-12, 13, (2, n, c)) / 8
        for scores in (x, large):
            scores[:, 0] += 0.125 * (scores[:, 0] == scores[:, 1])  # no row is all alike
        yield Case(label, {"x": x, "row": x[0].copy(), "large": shift + large}, {"N": n, "C": c})


@question(points={"p": 3, "p_of_a_row": 2, "p_of_scores_near_1000": 2, "inputs": 1}, draw=softmax_inputs)
def softmax(student, x, row, large):
    p = student.softmax(x)
    try:
        p_of_a_row = student.softmax(row)
    except Exception as error:
        p_of_a_row = error
    return {"p": p, "p_of_a_row": p_of_a_row, "p_of_scores_near_1000": student.softmax(large)}


def _softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _probabilities(function):
    return lambda reference: {"softmax": function}


@softmax.correct_variant
def through_the_logarithm(reference):
    def softmax(x):
        top = x.max(axis=-1, keepdims=True)
        return np.exp(x - top - np.log(np.exp(x - top).sum(axis=-1, keepdims=True)))

    return {"softmax": softmax}


@softmax.correct_variant
def rows_in_a_loop(reference):
    def softmax(x):
        if x.ndim == 1:
            e = [np.exp(score - max(x)) for score in x]
            return np.array(e) / sum(e)
        return np.array([softmax(row) for row in x])

    return {"softmax": softmax}


@softmax.correct_variant
def transposed_for_a_batch(reference):
    def softmax(x):
        if x.ndim == 2:
            e = np.exp(x.T - np.max(x.T, axis=0))
            return (e / np.sum(e, axis=0)).T
        e = np.exp(x - np.max(x))
        return e / np.sum(e)

    return {"softmax": softmax}


@softmax.correct_variant
def one_maximum_for_all(reference):
    def softmax(x):
        e = np.exp(x - x.max())
        return e / e.sum(axis=-1, keepdims=True)

    return {"softmax": softmax}


@softmax.correct_variant
def in_single_precision(reference):
    return {"softmax": lambda x: _softmax(x.astype(np.float32))}


@softmax.correct_variant
def a_row_kept_two_dimensional(reference):
    return {"softmax": lambda x: _softmax(np.atleast_2d(x), axis=1)}


@softmax.misconception
def maximum_not_subtracted(reference):
    """Right on small scores, but `np.exp` overflows near 1,000 and gives 0 / 0 near -1,000: subtract each row's maximum
    first, which changes no probability."""

    def softmax(x):
        with np.errstate(all="ignore"):
            return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)

    return {"softmax": softmax}


@softmax.misconception
def over_the_batch(reference):
    """Right for a single row, but in a batch each *column* adds up to 1: a row holds the scores of one example, so sum over
    axis 1, or -1."""
    return {"softmax": lambda x: _softmax(x, axis=0)}


@softmax.misconception
def over_everything(reference):
    """The whole batch adds up to 1; each row must do so by itself: sum over the last axis, with `keepdims=True`."""
    return {"softmax": lambda x: _softmax(x.ravel()).reshape(x.shape)}


@softmax.misconception
def batches_only(reference):
    """Right for a batch, but a single row raises an error, for it has no axis 1: use `axis=-1`, the last one, which both
    have."""
    return {"softmax": lambda x: _softmax(x, axis=1)}


@softmax.misconception
def changed_in_place(reference):
    """The values are right, but the maximum was subtracted from `x` itself: write `x = x - ...`, which makes a new array,
    not `x -= ...`."""

    def softmax(x):
        x -= x.max(axis=-1, keepdims=True)
        return _softmax(x)

    return {"softmax": softmax}


@softmax.misconception
def not_divided(reference):
    """The exponentials are there, but they do not add up to 1: divide each row by its sum."""
    return {"softmax": lambda x: np.exp(x - x.max(axis=-1, keepdims=True))}


@softmax.misconception
def logarithm_of_it(reference):
    """These are the logarithms of the probabilities; the probabilities themselves are asked: between 0 and 1, each row
    adding up to 1."""
    return {"softmax": lambda x: np.log(_softmax(x))}


@softmax.misconception
def exponential_left_out(reference):
    """The scores are divided by their sum without taking exponentials first, so a negative score gives no probability."""

    def softmax(x):
        with np.errstate(all="ignore"):
            return x / x.sum(axis=-1, keepdims=True)

    return {"softmax": softmax}


@softmax.misconception
def sign_exchanged(reference):
    """The largest score gets the smallest probability: a minus sign in the exponent is one too many."""
    return {"softmax": lambda x: _softmax(-x)}


@softmax.misconception
def squashed_one_by_one(reference):
    """Each score is squashed by itself, with the sigmoid, so the rows do not add up to 1; in a softmax the classes share one
    whole."""
    return {"softmax": _stable}


@softmax.misconception
def maximum_of_the_column(reference):
    """The maximum is taken over the wrong axis, so different entries of a row are shifted by different amounts and the
    probabilities change: take it along the row."""

    def softmax(x):
        e = np.exp(x - x.max(axis=0))
        return e / e.sum(axis=-1, keepdims=True)

    return {"softmax": softmax}


# ------------------------------------------------------------------------- cross_entropy_error


def loss_inputs(rng):
    """Probabilities that are not tiny; as many classes as rows, fewer, more; a batch of one; the label of the row both ways."""
    for label, n, c, one_hot in [
        ("more rows than classes", 7, 3, True),
        ("more classes than rows", 3, 6, False),
        ("a batch of one", 1, 4, False),
        ("as many rows as classes", 4, 4, True),
    ]:
        y = rng.dirichlet(np.full(c, 5.0), n) * 0.9 + 0.1 / c
        t = rng.integers(int(n == 1), c, n)  # label 0 alone would hide which axis is which
        row_t = np.eye(c)[t[-1]] if one_hot else np.array(t[-1])
        inputs = {"y": y, "t": t, "t_one_hot": np.eye(c)[t], "row": y[-1].copy(), "row_t": row_t}
        yield Case(label, inputs, {"N": n, "C": c})


# The loss in float32: adding 1e-7 inside the logarithm or not is the same to that precision.
@question(
    points={"loss": 3, "loss_of_one_hot": 2, "loss_of_a_row": 1, "finite_for_probability_0": 2, "inputs": 1},
    draw=loss_inputs,
)
def cross_entropy_error(student, y, t, t_one_hot, row, row_t):
    def loss(*arguments):
        try:
            value = student.cross_entropy_error(*arguments)
        except NotImplementedError:
            raise
        except Exception as error:
            return error
        return np.float32(value) if isinstance(value, (np.ndarray, np.generic, float)) else value

    never = loss(np.array([[1.0, 0.0, 0.0], [0.2, 0.5, 0.3]]), np.array([1, 2]))
    if isinstance(never, (np.ndarray, np.generic)):
        never = np.array([np.isfinite(never).all(), (never > 5.0).all()])
    return {
        "loss": loss(y, t),
        "loss_of_one_hot": loss(y, t_one_hot),
        "loss_of_a_row": loss(row, row_t),
        "finite_for_probability_0": never,
    }


def _rows(y, t):
    """Give probabilities (N, C) and one-hot labels (N, C), whatever came."""
    y, t = np.atleast_2d(y), np.asarray(t)
    return y, (t.reshape(y.shape) if t.size == y.size else np.eye(y.shape[1])[t.reshape(-1)])


def _error(function):
    """Make a variant from the loss of probabilities y and one-hot labels t, both (N, C)."""
    return lambda reference: {"cross_entropy_error": lambda y, t: function(*_rows(y, t))}


def _right(y, t):
    """Give the logarithm of the probability of the right class, for each row."""
    return np.log((y * t).sum(axis=1) + 1e-7)


@cross_entropy_error.correct_variant
def as_in_the_book(reference):
    def cross_entropy_error(y, t):
        if y.ndim == 1:
            t = t.reshape(1, t.size)
            y = y.reshape(1, y.size)
        if t.size == y.size:
            t = t.argmax(axis=1)
        batch_size = y.shape[0]
        return -np.sum(np.log(y[np.arange(batch_size), t] + 1e-7)) / batch_size

    return {"cross_entropy_error": cross_entropy_error}


@cross_entropy_error.correct_variant
def clipped(reference):
    return _error(lambda y, t: -np.mean(np.log(np.maximum((y * t).sum(axis=1), 1e-12))))(reference)


@cross_entropy_error.correct_variant
def every_logarithm(reference):
    return _error(lambda y, t: -np.sum(t * np.log(y + 1e-7)) / len(y))(reference)


@cross_entropy_error.correct_variant
def row_after_row(reference):
    def loss(y, t):
        total = 0.0
        for probabilities, label in zip(y, t, strict=True):
            total -= np.log(max(probabilities[label.argmax()], 1e-30))
        return np.array([total / len(y)])

    return _error(loss)(reference)


@cross_entropy_error.correct_variant
def loss_in_single_precision(reference):
    return _error(lambda y, t: -_right(y.astype(np.float32), t.astype(np.float32)).mean())(reference)


@cross_entropy_error.misconception
def summed_over_the_batch(reference):
    """The loss is summed over the batch; the mean is asked: divide by N, the number of rows."""
    return _error(lambda y, t: -_right(y, t).sum())(reference)


@cross_entropy_error.misconception
def averaged_twice(reference):
    """The loss is divided by N twice; `mean` has divided already."""
    return _error(lambda y, t: -_right(y, t).mean() / len(y))(reference)


@cross_entropy_error.misconception
def minus_missing(reference):
    """The loss is negative: logarithms of probabilities are, so put a minus in front."""
    return _error(lambda y, t: _right(y, t).mean())(reference)


@cross_entropy_error.misconception
def logarithm_missing(reference):
    """This is minus the mean probability of the right class; take the logarithm of that probability first."""
    return _error(lambda y, t: -(y * t).sum(axis=1).mean())(reference)


@cross_entropy_error.misconception
def logarithm_of_zero(reference):
    """Right, until a probability is exactly 0: then its logarithm is minus infinity. Add 1e-7 inside the logarithm."""

    def loss(y, t):
        with np.errstate(all="ignore"):
            return -np.log((y * t).sum(axis=1)).mean()

    return _error(loss)(reference)


@cross_entropy_error.misconception
def divided_by_all_entries(reference):
    """The mean runs over all N × C entries; there are N examples, so divide the sum by N."""
    return _error(lambda y, t: -_right(y, t).mean() / y.shape[1])(reference)


@cross_entropy_error.misconception
def likeliest_class(reference):
    """This is the logarithm of the largest probability in each row; the label, `t`, says which one counts."""
    return _error(lambda y, t: -np.log(y.max(axis=1) + 1e-7).mean())(reference)


@cross_entropy_error.misconception
def logarithm_to_base_two(reference):
    """The loss is in bits, with logarithms to base 2; the natural logarithm, `np.log`, is asked."""
    return _error(lambda y, t: -_right(y, t).mean() / np.log(2))(reference)


@cross_entropy_error.misconception
def wrong_classes_too(reference):
    """The wrong classes are in the loss as well, as `log(1 - y)`; softmax ties them to the right one, so its logarithm alone
    is asked."""
    return _error(lambda y, t: -_right(y, t).mean() - ((1 - t) * np.log(1 - y + 1e-7)).sum(axis=1).mean())(reference)


@cross_entropy_error.misconception
def integers_only(reference):
    """Right for whole-number labels, but not for one-hot ones: turn those into whole numbers first, with
    `argmax(axis=-1)`."""

    def cross_entropy_error(y, t):
        y = np.atleast_2d(y)
        return -np.log(y[np.arange(len(y)), t] + 1e-7).mean()

    return {"cross_entropy_error": cross_entropy_error}


@cross_entropy_error.misconception
def one_hot_row_forgotten(reference):
    """Right for batches, and for a single row whose label is a whole number, but not for a row with a one-hot label: that one
    has as many entries as the row, and `argmax` makes it a whole number."""

    def cross_entropy_error(y, t):
        if y.ndim == 1:
            return -np.log(y[t] + 1e-7)
        t = t.argmax(axis=1) if t.ndim == 2 else t
        return -np.log(y[np.arange(len(y)), t] + 1e-7).mean()

    return {"cross_entropy_error": cross_entropy_error}


@cross_entropy_error.misconception
def whole_number_batches_only(reference):
    """Right for a batch with whole-number labels. Still missing: single rows (`y.reshape(1, -1)` makes one a batch) and one-hot
    labels (`argmax(axis=-1)` makes them whole numbers)."""
    return {"cross_entropy_error": lambda y, t: -np.sum(np.log(y[np.arange(len(y)), t] + 1e-7)) / len(y)}


@cross_entropy_error.misconception
def one_hot_batches_only(reference):
    """Right for a batch with one-hot labels. Still missing: whole-number labels, which pick one entry from each row,
    `y[np.arange(N), t]`, and single rows."""
    return {"cross_entropy_error": lambda y, t: -np.sum(t * np.log(y + 1e-7)) / len(y)}


@cross_entropy_error.misconception
def a_row_counted_as_a_batch(reference):
    """Right for a batch; but a single row is one example, and `len(y)` of it is C, the number of classes. Make it a batch of
    one first: `y.reshape(1, -1)`."""

    def cross_entropy_error(y, t):
        rows, labels = _rows(y, t)
        return -_right(rows, labels).sum() / len(y)

    return {"cross_entropy_error": cross_entropy_error}


# ----------------------------------------------------------------------------- SoftmaxWithLoss


def with_loss_inputs(rng):
    for number, case in enumerate(softmax_inputs(rng)):
        n, c = case.sizes["N"], case.sizes["C"]
        inputs = {
            "x": case.inputs["large" if number == 3 else "x"],
            "t": rng.integers(int(n == 1), c, n),  # label 0 alone would hide which axis is which
            "dout": float(rng.uniform(1.5, 3.0)),
        }
        yield Case(case.label, inputs, case.sizes)


# The loss in float32, as in cross_entropy_error.
@question(
    points={"loss": 3, "dx": 3, "dx_of_one_hot": 1, "second_dx": 1, "dx_times_dout": 1, "inputs": 1},
    draw=with_loss_inputs,
)
def SoftmaxWithLoss(student, x, t, dout):
    node = student.SoftmaxWithLoss()
    loss = node.forward(x, t)
    loss = np.float32(loss) if isinstance(loss, (np.ndarray, np.generic, float)) else loss
    dx = node.backward()
    dx = dx.copy() if isinstance(dx, np.ndarray) else dx
    second_dx = node.backward()
    second_dx = second_dx.copy() if isinstance(second_dx, np.ndarray) else second_dx
    fresh = student.SoftmaxWithLoss()
    fresh.forward(x, t)
    dx_times_dout = fresh.backward(dout)
    one_hot = np.zeros_like(x)
    one_hot[np.arange(len(x)), t] = 1.0
    try:
        node = student.SoftmaxWithLoss()
        node.forward(x, one_hot)
        dx_of_one_hot = node.backward()
    except Exception as error:
        dx_of_one_hot = error
    return {
        "loss": loss,
        "dx": dx,
        "dx_of_one_hot": dx_of_one_hot,
        "second_dx": second_dx,
        "dx_times_dout": dx_times_dout,
    }


def _with_loss(dx_of=None, loss_of=None):
    """Make a variant from the gradient and the loss, each of probabilities p and one-hot labels t; dx of `dout` too."""

    def variant(reference):
        class Changed(reference.SoftmaxWithLoss):
            def forward(self, x, t):
                self.p, self.labels = _rows(_softmax(x), t)
                loss = super().forward(x, t)
                return loss_of(self.p, self.labels) if loss_of else loss

            def backward(self, dout=1):
                dx = super().backward(dout)
                return dx_of(self.p, self.labels, dout) if dx_of else dx

        return {"SoftmaxWithLoss": Changed}

    return variant


@SoftmaxWithLoss.correct_variant
def subtracted_at_the_labels(reference):
    class SoftmaxWithLoss:
        def __init__(self):
            self.params, self.grads = [], []

        def forward(self, x, t):
            self.t = t.argmax(axis=1) if t.size == x.size else t
            self.y = _softmax(x)
            return -np.sum(np.log(self.y[np.arange(len(x)), self.t] + 1e-7)) / len(x)

        def backward(self, dout=1):
            dx = self.y.copy()
            dx[np.arange(len(dx)), self.t] -= 1
            dx *= dout
            return dx / len(dx)

    return {"SoftmaxWithLoss": SoftmaxWithLoss}


@SoftmaxWithLoss.correct_variant
def from_the_jacobian(reference):
    def dx(p, t, dout):
        rows = [(np.diag(row) - np.outer(row, row)) @ (-label / row) for row, label in zip(p, t, strict=True)]
        return dout * np.array(rows) / len(p)

    return _with_loss(dx)(reference)


@SoftmaxWithLoss.correct_variant
def log_sum_exp(reference):
    return _with_loss(None, lambda p, t: np.array([-(np.log(p) * t).sum() / len(p)]))(reference)


@SoftmaxWithLoss.correct_variant
def in_single_precision_with_loss(reference):
    return _with_loss(
        lambda p, t, dout: np.float32(dout) * (p - t).astype(np.float32) / np.float32(len(p)),
        lambda p, t: np.float32(-_right(p, t).mean()),
    )(reference)


@SoftmaxWithLoss.correct_variant
def gradient_prepared_in_forward(reference):
    class SoftmaxWithLoss:
        def forward(self, x, t):
            p, labels = _rows(_softmax(x), t)
            self.dx = (p - labels) / len(p)
            return reference.cross_entropy_error(p, t)

        def backward(self, dout=1):
            return self.dx * dout

    return {"SoftmaxWithLoss": SoftmaxWithLoss}


@SoftmaxWithLoss.misconception
def gradient_not_averaged(reference):
    """The loss is a mean over the batch, so its gradient is too: divide by N."""
    return _with_loss(lambda p, t, dout: dout * (p - t))(reference)


@SoftmaxWithLoss.misconception
def gradient_averaged_twice(reference):
    """The loss is right, but `dx` is divided by N twice: the mean over the batch is taken once."""
    return _with_loss(lambda p, t, dout: dout * (p - t) / len(p) ** 2)(reference)


@SoftmaxWithLoss.misconception
def divided_by_the_classes(reference):
    """`dx` is divided by the number of classes; the mean is over the batch, so divide by N, the number of rows."""
    return _with_loss(lambda p, t, dout: dout * (p - t) / p.shape[1])(reference)


@SoftmaxWithLoss.misconception
def upstream_ignored(reference):
    """`dx` is right for `dout=1` only: multiply it by `dout`, for the loss may not be the end of the graph."""
    return _with_loss(lambda p, t, dout: (p - t) / len(p))(reference)


@SoftmaxWithLoss.misconception
def label_not_subtracted(reference):
    """`dx` is `y / N`; the label is missing: subtract 1 from the probability of the right class before dividing."""
    return _with_loss(lambda p, t, dout: dout * p / len(p))(reference)


@SoftmaxWithLoss.misconception
def sign_flipped(reference):
    """`dx` has the wrong sign: it is what was said minus what should have been said; raising the right score must lower the
    loss."""
    return _with_loss(lambda p, t, dout: dout * (t - p) / len(p))(reference)


@SoftmaxWithLoss.misconception
def kept_probabilities_changed(reference):
    """`dx` is right the first time and wrong the second: 1 was subtracted from the probabilities the node keeps. Work on a
    copy, `dx = self.y.copy()`."""

    class SoftmaxWithLoss(reference.SoftmaxWithLoss):
        def forward(self, x, t):
            self.p, self.labels = _rows(_softmax(x), t)
            return super().forward(x, t)

        def backward(self, dout=1):
            self.p -= self.labels
            return dout * self.p / len(self.p)

    return {"SoftmaxWithLoss": SoftmaxWithLoss}


@SoftmaxWithLoss.misconception
def slope_of_the_sigmoid_besides(reference):
    """`y - t` is multiplied by `y * (1 - y)` besides; softmax and logarithm together leave nothing but `y - t`."""
    return _with_loss(lambda p, t, dout: dout * (p - t) * p * (1 - p) / len(p))(reference)


@SoftmaxWithLoss.misconception
def gradient_of_the_logarithm_alone(reference):
    """This is the gradient with respect to the probabilities, `-t / y`; `x` is on the other side of the softmax, where it
    becomes `y - t`."""
    return _with_loss(lambda p, t, dout: dout * -t / p / len(p))(reference)


@SoftmaxWithLoss.misconception
def whole_numbers_subtracted(reference):
    """The label's number is subtracted from every entry of its row; a label 3 means "class 3", not "three less": subtract 1,
    in column 3 only."""
    return _with_loss(lambda p, t, dout: dout * (p - t.argmax(axis=1)[:, None]) / len(p))(reference)


@SoftmaxWithLoss.misconception
def one_hot_labels_refused(reference):
    """Right for whole-number labels, but one-hot ones raise an error in `backward`: turn them into whole numbers in `forward`,
    with `t.argmax(axis=1)`."""

    class SoftmaxWithLoss(reference.SoftmaxWithLoss):
        def forward(self, x, t):
            self.refused = np.ndim(t) == 2
            return super().forward(x, t)

        def backward(self, dout=1):
            if self.refused:
                raise IndexError("arrays used as indices must be of integer (or boolean) type")
            return super().backward(dout)

    return {"SoftmaxWithLoss": SoftmaxWithLoss}


@SoftmaxWithLoss.misconception
def both_summed(reference):
    """Loss and gradient are summed over the batch; the mean is asked: divide both by N."""
    return _with_loss(lambda p, t, dout: dout * (p - t), lambda p, t: -_right(p, t).sum())(reference)


# ------------------------------------------------------------------------------- TwoLayerNodes


def network_inputs(rng):
    """Small networks with weights and biases that are not small; a batch of one; one hidden unit less than classes."""
    for label, n, d, h, c in [
        ("a batch of rows", 6, 3, 5, 4),
        ("a batch of one", 1, 4, 6, 3),
        ("fewer hidden units than classes", 5, 2, 3, 7),
        ("two classes", 3, 5, 4, 2),
    ]:
        inputs = {
            "x": rng.normal(size=(n, d)),
            "t": rng.integers(0, c, n),
            "W1": rng.normal(size=(d, h)),
            "b1": rng.normal(0.4, 0.7, h),
            "W2": rng.normal(size=(h, c)),
            "b2": rng.normal(-0.5, 0.7, c),
            "dout": float(rng.uniform(1.5, 3.0)),
            "weight_scale": float(rng.choice([0.1, 0.25, 0.5])),
        }
        hidden = _stable(inputs["x"] @ inputs["W1"] + inputs["b1"])
        thought = _softmax(hidden @ inputs["W2"] + inputs["b2"]).sum(axis=0)
        while np.abs(thought - np.bincount(inputs["t"], minlength=c)).max() < 0.1:
            inputs["t"] = rng.integers(0, c, n)  # a gradient that cancels leaves nothing to see but rounding
        yield Case(label, inputs, {"N": n, "D": d, "H": h, "C": c})


@question(
    points={
        "shapes": 1,
        "start": 1,
        "scores": 1,
        "scores_of_another_size": 1,
        "loss": 1,
        "dW1": 1,
        "db1": 1,
        "dW2": 1,
        "db2": 1,
        "dx": 1,
        "grads_in_place": 1,
        "inputs": 1,
    },
    draw=network_inputs,
    rtol={"loss": 1e-4},
)
def TwoLayerNodes(student, x, t, W1, b1, W2, b2, dout, weight_scale):
    large = student.TwoLayerNodes(200, 150, 120, weight_scale=weight_scale)
    # To one digit: chance changes no more than those behind it.
    spread = [float(f"{np.std(large.params[i]) / weight_scale:.1g}") for i in (0, 2)]
    middle = [abs(float(np.round(np.mean(large.params[i]) / weight_scale, 1))) for i in (0, 2)]
    biases = [float(np.any(large.params[i])) for i in (1, 3)]
    # Weights that start at zero: what a network with a mistake gives must not depend on chance.
    net = student.TwoLayerNodes(len(W1), len(W2), len(b2), weight_scale=0.0)
    shapes = [size for i in (0, 2) for size in np.shape(net.params[i])] + [np.size(net.params[i]) for i in (1, 3)]
    for name, array, value in zip(("W1", "b1", "W2", "b2"), net.params, (W1, b1, W2, b2), strict=True):
        if np.size(array) != value.size or np.shape(array)[-1] != value.shape[-1]:
            raise ValueError(f"params must be W1, b1, W2, b2, in this order; {name} has shape {np.shape(array)}")
        array[...] = value
    held = list(net.grads)
    x = x.astype(np.result_type(net.params[0], np.float32))  # weights in float32 are answered in float32
    net.forward(x[::-1].copy(), (t + 1) % len(b2))  # a batch before this one, as in training
    net.backward()
    scores = net.predict(x)
    loss = net.forward(x, t)
    loss = np.float32(loss) if np.size(loss) == 1 and isinstance(loss, (np.ndarray, np.generic, float)) else loss
    dx = net.backward(dout)
    grads = [np.array(gradient) for gradient in net.grads]
    try:
        scores_of_another_size = net.predict(np.concatenate([x, x]))
    except Exception as error:
        scores_of_another_size = error
    return {
        "shapes": np.array(shapes),
        "start": np.array([*spread, *middle, *biases]),
        "scores": scores,
        "scores_of_another_size": scores_of_another_size,
        "loss": loss,
        "dW1": grads[0],
        "db1": grads[1],
        "dW2": grads[2],
        "db2": grads[3],
        "dx": dx,
        "grads_in_place": np.concatenate([np.ravel(gradient) for gradient in held]),
    }


def _network(change=None, build=None):
    """Make a variant of the network; `change(net, dout, dx)` after a backward pass, `build(net)` when it is made."""

    def variant(reference):
        class Changed(reference.TwoLayerNodes):
            def __init__(self, *sizes, **settings):
                super().__init__(*sizes, **settings)
                if build:
                    build(self)

            def forward(self, x, t):
                self.given = x, t
                return super().forward(x, t)

            def backward(self, dout=1):
                dx = super().backward(dout)
                return change(self, dout, dx) if change else dx

        return {"TwoLayerNodes": Changed}

    return variant


def _by_hand(x, t, params, dout):
    """Give scores, loss, gradients and dx of the network, from the mathematics."""
    W1, b1, W2, b2 = params
    h = _stable(x @ W1 + np.ravel(b1))
    scores = h @ W2 + np.ravel(b2)
    p, labels = _rows(_softmax(scores), t)
    ds = dout * (p - labels) / len(p)
    da = ds @ W2.T * h * (1 - h)
    return scores, -_right(p, labels).mean(), (x.T @ da, da.sum(axis=0), h.T @ ds, ds.sum(axis=0)), da @ W1.T


@TwoLayerNodes.correct_variant
def written_in_one_piece(reference):
    class TwoLayerNodes:
        def __init__(self, input_size, hidden_size, output_size, weight_scale=0.1):
            rng = np.random.default_rng()
            self.params = [
                rng.normal(0, weight_scale, (input_size, hidden_size)),
                np.zeros(hidden_size),
                rng.normal(0, weight_scale, (hidden_size, output_size)),
                np.zeros(output_size),
            ]
            self.grads = [np.zeros_like(array) for array in self.params]

        def predict(self, x):
            return _by_hand(x, np.zeros(len(x), int), self.params, 1)[0]

        def forward(self, x, t):
            self.seen = x, t
            return _by_hand(x, t, self.params, 1)[1]

        def backward(self, dout=1):
            *_, grads, dx = _by_hand(*self.seen, self.params, dout)
            for kept, new in zip(self.grads, grads, strict=True):
                kept[...] = new
            return dx

    return {"TwoLayerNodes": TwoLayerNodes}


@TwoLayerNodes.correct_variant
def biases_as_rows(reference):
    class TwoLayerNodes:
        def __init__(self, input_size, hidden_size, output_size, weight_scale=0.1):
            self.first = reference.MatMul(weight_scale * np.random.randn(input_size, hidden_size))
            self.second = reference.MatMul(weight_scale * np.random.randn(hidden_size, output_size))
            self.b1, self.b2 = np.zeros((1, hidden_size)), np.zeros((1, output_size))
            self.params = [self.first.params[0], self.b1, self.second.params[0], self.b2]
            self.grads = [self.first.grads[0], np.zeros_like(self.b1), self.second.grads[0], np.zeros_like(self.b2)]
            self.gate, self.last = reference.Sigmoid(), reference.SoftmaxWithLoss()

        def predict(self, x):
            return self.second.forward(self.gate.forward(self.first.forward(x) + self.b1)) + self.b2

        def forward(self, x, t):
            return self.last.forward(self.predict(x), t)

        def backward(self, dout=1):
            ds = self.last.backward(dout)
            da = self.gate.backward(self.second.backward(ds))
            self.grads[1][...] = da.sum(axis=0, keepdims=True)
            self.grads[3][...] = ds.sum(axis=0, keepdims=True)
            return self.first.backward(da)

    return {"TwoLayerNodes": TwoLayerNodes}


@TwoLayerNodes.correct_variant
def results_in_single_precision(reference):
    class TwoLayerNodes(reference.TwoLayerNodes):
        def __init__(self, *sizes, **settings):
            super().__init__(*sizes, **settings)
            self.double, self.grads = self.grads, [array.astype(np.float32) for array in self.grads]

        def predict(self, x):
            return super().predict(x).astype(np.float32)

        def backward(self, dout=1):
            shown, self.grads = self.grads, self.double
            dx = super().backward(dout)
            self.grads = shown
            for kept, new in zip(shown, self.double, strict=True):
                kept[...] = new
            return dx.astype(np.float32)

    return {"TwoLayerNodes": TwoLayerNodes}


@TwoLayerNodes.correct_variant
def weights_in_single_precision(reference):
    class TwoLayerNodes(reference.TwoLayerNodes):
        def __init__(self, *sizes, **settings):
            super().__init__(*sizes, **settings)
            self.params = [array.astype(np.float32) for array in self.params]
            self.grads = [array.astype(np.float32) for array in self.grads]
            self.matmul1.params, self.matmul2.params = [self.params[0]], [self.params[2]]
            self.matmul1.grads, self.matmul2.grads = [self.grads[0]], [self.grads[2]]

    return {"TwoLayerNodes": TwoLayerNodes}


@TwoLayerNodes.correct_variant
def with_attributes_of_its_own(reference):
    def build(net):
        net.history, net.sizes = [], {"hidden": 3}

    return _network(build=build)(reference)


@TwoLayerNodes.misconception
def sigmoid_left_out(reference):
    """The sigmoid between the two products is missing: two products in a row are just one product with another matrix."""

    class Sigmoid:
        def forward(self, x):
            return x

        def backward(self, dout):
            return dout

    return {"Sigmoid": Sigmoid}


@TwoLayerNodes.misconception
def sigmoid_on_the_scores(reference):
    """There is a second sigmoid, on the scores: scores may be any numbers, and the softmax turns them into
    probabilities."""

    class TwoLayerNodes(reference.TwoLayerNodes):
        def predict(self, x):
            return _stable(super().predict(x))

        def forward(self, x, t):
            self.seen = x, t
            self.p, self.labels = _rows(_softmax(self.predict(x)), t)
            return -_right(self.p, self.labels).mean()

        def backward(self, dout=1):
            x, t = self.seen
            W1, b1, W2, b2 = self.params
            h = _stable(x @ W1 + np.ravel(b1))
            s = _stable(h @ W2 + np.ravel(b2))
            ds = dout * (self.p - self.labels) / len(x) * s * (1 - s)
            da = ds @ W2.T * h * (1 - h)
            for kept, new in zip(self.grads, (x.T @ da, da.sum(axis=0), h.T @ ds, ds.sum(axis=0)), strict=True):
                kept[...] = new
            return da @ W1.T

    return {"TwoLayerNodes": TwoLayerNodes}


@TwoLayerNodes.misconception
def probabilities_for_scores(reference):
    """`predict` gives probabilities; it should give the scores, before the softmax, which belongs to the loss."""

    class TwoLayerNodes(reference.TwoLayerNodes):
        predicting = True

        def predict(self, x):
            scores = super().predict(x)
            return _softmax(scores) if self.predicting else scores

        def forward(self, x, t):
            self.predicting = False
            loss = super().forward(x, t)
            self.predicting = True
            return loss

    return {"TwoLayerNodes": TwoLayerNodes}


@TwoLayerNodes.misconception
def softmax_applied_twice(reference):
    """The scores go through a softmax before they reach `SoftmaxWithLoss`, which takes one itself: hand it the scores as they
    are."""

    class SoftmaxWithLoss(reference.SoftmaxWithLoss):
        def forward(self, x, t):
            self.first = _softmax(x)
            return super().forward(self.first, t)

        def backward(self, dout=1):
            dp, p = super().backward(dout), self.first
            return p * (dp - (dp * p).sum(axis=1, keepdims=True))

    class TwoLayerNodes(reference.TwoLayerNodes):
        def forward(self, x, t):
            self.squashed = _softmax(self.predict(x))
            self.seen = x, t
            return reference.SoftmaxWithLoss().forward(self.squashed, t)

        def backward(self, dout=1):
            x, t = self.seen
            W1, b1, W2, b2 = self.params
            h = _stable(x @ W1 + np.ravel(b1))
            last = SoftmaxWithLoss()
            last.forward(h @ W2 + np.ravel(b2), t)
            ds = last.backward(dout)
            da = ds @ W2.T * h * (1 - h)
            for kept, new in zip(self.grads, (x.T @ da, da.sum(axis=0), h.T @ ds, ds.sum(axis=0)), strict=True):
                kept[...] = new
            return da @ W1.T

    return {"TwoLayerNodes": TwoLayerNodes}


@TwoLayerNodes.misconception
def biases_left_out(reference):
    """The biases are in `params` but nowhere in the computation: add `b1` before the sigmoid and `b2` to the scores."""

    class TwoLayerNodes(reference.TwoLayerNodes):
        def predict(self, x):
            before = [self.params[i].copy() for i in (1, 3)]
            for i in (1, 3):
                self.params[i][...] = 0.0
            scores = super().predict(x)
            for i, bias in zip((1, 3), before, strict=True):
                self.params[i][...] = bias
            return scores

        def backward(self, dout=1):
            dx = super().backward(dout)
            self.grads[1][...], self.grads[3][...] = 0.0, 0.0
            return dx

    return {"TwoLayerNodes": TwoLayerNodes}


@TwoLayerNodes.misconception
def bias_gradients_never_written(reference):
    """The gradients of the biases are still zero after `backward`: each bias was repeated for every row, so its gradient comes
    back through `Repeat`; write it into `grads`."""

    def change(net, dout, dx):
        net.grads[1][...], net.grads[3][...] = 0.0, 0.0
        return dx

    return _network(change)(reference)


@TwoLayerNodes.misconception
def bias_gradients_averaged(reference):
    """The gradients of the biases are means over the batch; every row used the same bias, so they are sums. The mean is taken
    once, in the loss."""

    def change(net, dout, dx):
        for i in (1, 3):
            net.grads[i][...] = net.grads[i] / len(dx)
        return dx

    return _network(change)(reference)


@TwoLayerNodes.misconception
def sigmoid_skipped_on_the_way_back(reference):
    """On the way back the sigmoid is left out: `dW1`, `db1` and `dx` must pass through its `backward`."""

    class Sigmoid(reference.Sigmoid):
        def backward(self, dout):
            return dout

    return {"Sigmoid": Sigmoid}


@TwoLayerNodes.misconception
def new_gradient_arrays(reference):
    """The gradients are right, but `grads` is a new list of new arrays after each `backward`: whoever took it once holds old
    numbers. Write into the arrays that are there: `[...] =`."""

    def change(net, dout, dx):
        net.newest = [array.copy() for array in net.grads]
        for array in net.grads:
            array[...] = 0.0
        return dx

    def variant(reference):
        made = _network(change)(reference)["TwoLayerNodes"]

        class TwoLayerNodes(made):
            @property
            def grads(self):
                return self.__dict__.get("newest") or self.__dict__["kept"]

            @grads.setter
            def grads(self, value):
                self.kept = value

            def backward(self, dout=1):
                self.newest = None
                return super().backward(dout)

        return {"TwoLayerNodes": TwoLayerNodes}

    return variant(reference)


@TwoLayerNodes.misconception
def new_arrays_for_the_biases(reference):
    """The gradients are right, but those of the biases lie in new arrays: whoever took `grads` once holds the old ones. Write
    `self.grads[1][...] = ...`, with the three dots, and `self.grads[3][...] = ...`."""

    def change(net, dout, dx):
        for i in (1, 3):
            net.grads[i] = net.grads[i].copy()
            net.first[i][...] = 0.0
        return dx

    def build(net):
        net.first = list(net.grads)

    return _network(change, build)(reference)


@TwoLayerNodes.misconception
def size_of_the_first_batch_kept(reference):
    """Right for the first batch, but a batch of another size raises an error: each `Repeat` keeps the number of rows it was made
    for. Make new ones in `predict`, `Repeat(len(x))`."""

    class TwoLayerNodes(reference.TwoLayerNodes):
        rows = None

        def predict(self, x):
            self.rows = self.rows or len(x)
            if self.rows not in (1, len(x)):  # one row is stretched to fit any batch
                raise ValueError("operands could not be broadcast together")
            return super().predict(x)

    return {"TwoLayerNodes": TwoLayerNodes}


@TwoLayerNodes.misconception
def gradients_accumulated(reference):
    """The gradients of one batch are added to those of the batch before: write `[...] =`, not `+=`."""

    def change(net, dout, dx):
        net.total = [old + new for old, new in zip(net.total, net.grads, strict=True)]
        for array, total in zip(net.grads, net.total, strict=True):
            array[...] = total
        return dx

    def build(net):
        net.total = [0.0] * 4

    return _network(change, build)(reference)


@TwoLayerNodes.misconception
def dout_ignored(reference):
    """The gradients are right for `dout=1` only: hand `dout` on to `SoftmaxWithLoss`, the last node."""

    class TwoLayerNodes(reference.TwoLayerNodes):
        def backward(self, dout=1):
            return super().backward()

    return {"TwoLayerNodes": TwoLayerNodes}


@TwoLayerNodes.misconception
def params_copied(reference):
    """The arrays in `params` are copies: what is written into them never reaches the nodes, so training would change nothing.
    Put the nodes' own arrays into the list."""
    return _network(build=lambda net: setattr(net, "params", [array.copy() for array in net.params]))(reference)


@TwoLayerNodes.misconception
def scale_ignored(reference):
    """The weights are standard normal, whatever `weight_scale` says: multiply them by it."""

    class TwoLayerNodes(reference.TwoLayerNodes):
        def __init__(self, input_size, hidden_size, output_size, weight_scale=0.1):
            super().__init__(input_size, hidden_size, output_size, weight_scale=1.0)

    return {"TwoLayerNodes": TwoLayerNodes}


@TwoLayerNodes.misconception
def biases_drawn_at_random(reference):
    """The biases start at random values; they start at zero."""

    def build(net):
        for i in (1, 3):
            net.params[i][...] = 0.1 * np.random.randn(*net.params[i].shape)

    return _network(build=build)(reference)


@TwoLayerNodes.misconception
def weights_start_at_zero(reference):
    """The weights start at zero, so every hidden unit computes the same and none ever learns anything of its own: draw them at
    random."""

    def build(net):
        for i in (0, 2):
            net.params[i][...] = 0.0

    return _network(build=build)(reference)


@TwoLayerNodes.misconception
def forward_gives_the_scores(reference):
    """`forward` gives the scores; it should go one node further and give the loss. The scores are what `predict` is for."""

    class TwoLayerNodes(reference.TwoLayerNodes):
        def forward(self, x, t):
            super().forward(x, t)
            return self.predict(x)

    return {"TwoLayerNodes": TwoLayerNodes}


# ------------------------------------------------------------------------------------- equivalent mutants

_ONE_ENTRY = "The list has a single entry, which is its first and its last."
_ANY_SHIFT = (
    "Any one number taken from a whole row changes no probability. Scores are large as a whole, not far from each "
    "other: no gap is drawn that a float could not hold."
)
_WHATEVER_IS_LEFT = "NumPy takes any negative length in reshape for 'whatever is left', not only -1."
_LOSS_IN_AN_ARRAY = "A loss handed back as an array of one number is accepted and noted."
_ANY_SMALL_NUMBER = (
    "Any small number keeps the logarithm finite, and books differ in it: the loss is compared in float32, which does "
    "not see it."
)
_EITHER_ORDER = "A sum is the same in either order."
_SAME_GRADIENT = "Add hands the same gradient to both of its inputs."

MatMul.equivalent(
    "MatMul:2 self.params[0] -> self.params[-1]",
    _ONE_ENTRY,
)
MatMul.equivalent(
    "MatMul:3 self.grads[0] -> self.grads[-1]",
    _ONE_ENTRY,
)
MatMul.equivalent(
    "MatMul:4 self.params[0] -> self.params[-1]",
    _ONE_ENTRY,
)
softmax.equivalent(
    "softmax:1 x.max(axis=-1, keepdims=True) -> x.max(keepdims=True)",
    "One maximum for all rows changes no probability either; it is as safe as long as no whole row lies 700 below "
    "another, and none does.",
)
softmax.equivalent(
    "softmax:1 x.max(axis=-1, keepdims=True) -> x.min(axis=-1, keepdims=True)",
    _ANY_SHIFT,
)
softmax.equivalent(
    "softmax:1 x.max(axis=-1, keepdims=True) -> x.mean(axis=-1, keepdims=True)",
    _ANY_SHIFT,
)
cross_entropy_error.equivalent(
    "cross_entropy_error:1 np.asarray(t) -> t",
    "Labels are arrays, as the docstring says, a single one too; asarray only helps who hands in a plain int.",
)
cross_entropy_error.equivalent(
    "cross_entropy_error:2 t.size == y.size -> t.size >= y.size",
    "There are never more labels than probabilities.",
)
cross_entropy_error.equivalent(
    "cross_entropy_error:3 t.reshape(y.shape) -> t",
    "One-hot labels have the shape of y already.",
)
cross_entropy_error.equivalent(
    "cross_entropy_error:4 y.reshape(-1, y.shape[-1]) -> y.reshape(-2, y.shape[-1])",
    _WHATEVER_IS_LEFT,
)
cross_entropy_error.equivalent(
    "cross_entropy_error:4 t.reshape(-1) -> t",
    "Labels of shape (N,) are flat already, and the label of a single row is broadcast to it.",
)
cross_entropy_error.equivalent(
    "cross_entropy_error:4 t.reshape(-1) -> t.reshape(-2)",
    _WHATEVER_IS_LEFT,
)
cross_entropy_error.equivalent(
    "cross_entropy_error:5 return -np.log(y[np.arange(len(y)), t] + 1e-07).mean() -> return "
    "np.asarray(-np.log(y[np.arange(len(y)), t] + 1e-07).mean())[..., None]",
    _LOSS_IN_AN_ARRAY,
)
cross_entropy_error.equivalent(
    "cross_entropy_error:5 y[np.arange(len(y)), t] + 1e-07 -> y[np.arange(len(y)), t] + 1e-07 + 1e-07",
    _ANY_SMALL_NUMBER,
)
cross_entropy_error.equivalent(
    "cross_entropy_error:5 y[np.arange(len(y)), t] + 1e-07 -> y[np.arange(len(y)), t] + 2e-07",
    _ANY_SMALL_NUMBER,
)
cross_entropy_error.equivalent(
    "cross_entropy_error:5 y[np.arange(len(y)), t] + 1e-07 -> y[np.arange(len(y)), t] + 5e-08",
    _ANY_SMALL_NUMBER,
)
SoftmaxWithLoss.equivalent(
    "SoftmaxWithLoss:2 t.ndim == 2 -> t.ndim >= 2",
    "Labels have one axis or two.",
)
SoftmaxWithLoss.equivalent(
    "SoftmaxWithLoss:3 return cross_entropy_error(self.y, self.t) -> return np.asarray(cross_entropy_error(self.y, "
    "self.t))[..., None]",
    _LOSS_IN_AN_ARRAY,
)
TwoLayerNodes.equivalent(
    "TwoLayerNodes:7 self.matmul1.grads[0] -> self.matmul1.grads[-1]",
    _ONE_ENTRY,
)
TwoLayerNodes.equivalent(
    "TwoLayerNodes:7 self.matmul2.grads[0] -> self.matmul2.grads[-1]",
    _ONE_ENTRY,
)
TwoLayerNodes.equivalent(
    "TwoLayerNodes:9 (self.repeat1, self.repeat2) -> (self.repeat2, self.repeat1)",
    "Both are Repeat(len(x)), and a Repeat remembers nothing else.",
)
TwoLayerNodes.equivalent(
    "TwoLayerNodes:10 self.add1.forward(self.matmul1.forward(x), self.repeat1.forward(b1[None, :])) -> "
    "self.add1.forward(self.repeat1.forward(b1[None, :]), self.matmul1.forward(x))",
    _EITHER_ORDER,
)
TwoLayerNodes.equivalent(
    "TwoLayerNodes:12 self.add2.forward(self.matmul2.forward(h), self.repeat2.forward(b2[None, :])) -> "
    "self.add2.forward(self.repeat2.forward(b2[None, :]), self.matmul2.forward(h))",
    _EITHER_ORDER,
)
TwoLayerNodes.equivalent(
    "TwoLayerNodes:13 return self.loss.forward(self.predict(x), t) -> return "
    "np.asarray(self.loss.forward(self.predict(x), t))[..., None]",
    _LOSS_IN_AN_ARRAY,
)
TwoLayerNodes.equivalent(
    "TwoLayerNodes:14 (dproduct2, dcopies2) -> (dcopies2, dproduct2)",
    _SAME_GRADIENT,
)
TwoLayerNodes.equivalent(
    "TwoLayerNodes:17 (dproduct1, dcopies1) -> (dcopies1, dproduct1)",
    _SAME_GRADIENT,
)
