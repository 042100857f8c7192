"""Mutants: each operator makes the mistakes it is for, in solutions only, and says what is true of them."""

import ast

import pytest

from autograder.mutants import mutants, mutants_of, solution_lines

CELL = '''
def f(x, w, b, dout, cache):
    """Do not touch 1 + 1 here.

    One line more.
    """
    x = x + 0  # given
    ### BEGIN SOLUTION
    {}
    ### END SOLUTION
    return x - 1
'''


def made(solution, kind=None):
    """Give what stands in the place of a part of `solution`, by "was -> now", and what is true of it."""
    found = mutants_of("f", CELL.format(solution.replace("\n", "\n    ")))
    return {m.name.partition(" ")[2]: m.causes for m in found if kind in (None, m.kind)}


@pytest.mark.parametrize(
    ("solution", "change", "true"),
    [
        ("out = x @ w + b", "x @ w + b -> x @ w - b", {"term b times -1"}),
        ("out = x @ w + b", "x @ w + b -> x @ w", {"term b times 0"}),
        ("out = x @ w + b", "x @ w + b -> x @ w + b + b", {"term b times 2"}),
        ("out = x @ w + b", "x @ w + b -> x * w + b", set()),
        ("dx = dout / len(x)", "dout / len(x) -> dout", {"factor N", "input dout"}),
        ("dx = dout / len(x)", "dout / len(x) -> dout * len(x)", {"factor N^2"}),
        ("dx = dout / len(x)", "dout / len(x) -> dout / len(x) / len(x)", {"factor 1/N"}),
        ("dx = dout / len(x)", "dout / len(x) -> dout / (len(x) - 1)", {"factor N/(N-1)"}),
        ("dx = dout / len(x)", "dout / len(x) -> dout / x.shape[-1]", {"axis", "factor N/C", "factor N/M"}),
        ("dx = dout / x.shape[0]", "dout / x.shape[0] -> dout", {"factor N", "input dout"}),
        (
            "l = b.mean() + 0.5 * reg * (w**2).sum()",
            "0.5 * reg -> reg",
            {"term reg,w times 2", "input reg"},
        ),
        ("l = b.mean() + 0.5 * reg * (w**2).sum()", "0.5 * reg -> 0.25 * reg", {"term reg,w times 0.5"}),
        ("l = b.mean() + 0.5 * reg * (w**2).sum()", "0.5 * reg -> 0.5", {"term reg,w times 1/reg"}),
        ("l = np.log(2 * x)", "np.log(2 * x) -> np.log(4 * x)", set()),
        ("l = (2 * x) ** 2", "(2 * x) ** 2 -> (4 * x) ** 2", set()),
        ("l = b / (2 * x)", "b / (2 * x) -> b / (4 * x)", {"factor 0.5"}),
        ("l = b[2 * x]", "b[2 * x] -> b[4 * x]", set()),
        ("l = (2 * x).reshape(3).sum()", "(2 * x).reshape(3) -> (4 * x).reshape(3)", {"factor 2"}),
        ("l = np.sum(2 * x)", "np.sum(2 * x) -> np.sum(4 * x)", {"factor 2"}),
        ("l = x.reshape(3, -1)", "x.reshape(3, -1) -> x.reshape(3, 1)", set()),
        ("db = dout.sum(axis=0)", "dout.sum(axis=0) -> dout.sum(axis=1)", {"axis"}),
        ("db = dout.sum(axis=0)", "dout.sum(axis=0) -> dout.sum()", {"axis"}),
        ("db = dout.sum(axis=0)", "dout.sum(axis=0) -> dout.mean(axis=0)", {"factor 1/N", "reduction"}),
        ("db = dout.sum(axis=0)", "dout.sum(axis=0) -> dout", {"sum missing", "input dout"}),
        ("m = x.max(axis=1, keepdims=True)", "x.max(axis=1, keepdims=True) -> x.max(axis=1)", set()),
        ("m = x.max(axis=1, keepdims=True)", "x.max(axis=1, keepdims=True) -> x.max(axis=1, keepdims=False)", set()),
        ("p = x / b.sum(axis=1)", "b.sum(axis=1) -> b.mean(axis=1)", {"factor C", "reduction"}),
        ("n = len(x)", "n = len(x) -> n = len(x) + 1", {"factor N/(N+1)"}),
        ("m = np.mean(x == b)", "np.mean(x == b) -> x == b", {"mean missing"}),
        ("m = x / len(x)", "x / len(x) -> x // len(x)", {"integers"}),
        ("y = np.where(x > 0, w, dout * w)", "dout * w -> dout + w", {"entries x"}),
        (
            "y = np.where(x > 0, 1.0, w)",
            "np.where(x > 0, 1.0, w) -> np.where(x > 0, 2.0, w)",
            {"entries x", "factor 2"},
        ),
        ("out = x + w['b2']", "x + w['b2'] -> x", {"term b2 times 0", "input x"}),
        ("b += x.sum()", "b += x.sum() -> b -= x.sum()", {"entries b", "factor -1", "term x times 0"}),
        ("s = x - x.max()", "x - x.max() -> x", {"overflow", "term x times 0", "input x"}),
        ("dw = x.T @ dout", "x.T @ dout -> x @ dout", {"transpose", "input x"}),
        ("return dout, cache", "return (dout, cache) -> return (-dout, cache)", {"factor -1"}),
        ("return dout, cache", "(dout, cache) -> (cache, dout)", {"another output"}),
        ("return dout, cache", "return (dout, cache) -> return", {"no return"}),
        ("return dout * (x > 0)", "dout * (x > 0) -> dout * (x >= 0)", {"entries x"}),
        ("return dout * (x > 0)", "dout * (x > 0) -> dout * (x == 0)", {"entries x", "zeros"}),
        ("return dout * (0 < x < w)", "0 < x < w -> 0 <= x < w", {"entries w,x"}),
        ("return dout * (0 < x < w)", "0 < x < w -> 0 < x == w", {"entries w,x", "zeros"}),
        ("return dout * (x > 0)", "dout * (x > 0) -> np.multiply(dout, x > 0, out=dout)", {"in place"}),
        ("return dout * (x > 0)", "dout * (x > 0) -> dout * np.greater(x, 0, out=x)", {"in place"}),
        ("dx[b] -= 1", "dx[b] -= 1 -> pass", {"entries b,dx", "term  times 0"}),
        ("dx[b] -= 1", "dx[b] -= 1 -> dx[b] += 1", {"entries b,dx", "term  times 0"}),
        ("dx[b] += x", "dx[b] += x -> pass", {"entries b,dx", "term x times 0", "zeros"}),
        ("dx[b] += x", "dx[b] += x -> dx[b] -= x", {"entries b,dx", "term x times 0", "factor -1"}),
        ("dx[b] += x", "dx[b] += x -> dx[b] *= x", {"entries b,dx", "term x times 0", "zeros"}),
        ("out = x.transpose(1, 0)", "x.transpose(1, 0) -> x.transpose(0, 1)", {"transpose"}),
        ("out = x.transpose(1, 0)", "x.transpose(1, 0) -> x", {"transpose", "input x"}),
        ("out = x.reshape(4, 6)", "x.reshape(4, 6) -> x.reshape(6, 4)", {"reshape"}),
        ("first = x[1:]", "first = x[1:] -> first = x[1 + 1:]", set()),
        ("for i in range(3): pass", "range(3) -> range(1, 3)", set()),
        ("out = f(x, W1)", "f(x, W1) -> f(W1, x)", set()),
        ("out = f(x, W1)", "f(x, W1) -> f(x, W2)", {"another output", "input W2"}),
        ("if b is None: pass", "b is None -> b is not None", {"number of values"}),
        ("out = np.zeros(3)", "np.zeros(3) -> np.ones(3)", {"added 1"}),
    ],
)
def test_a_mistake_is_made_and_what_is_true_of_it_is_known(solution, change, true):
    found = made(solution)
    assert change in found, sorted(found)
    assert found[change] == true


def test_only_solutions_are_mutated_and_lines_are_counted_from_their_beginning():
    found = mutants_of("f", CELL.format("y = x + b\n    return y"))
    assert {m.line for m in found} == {1, 2}
    assert all("x = x + 0" in m.source and "return x - 1" in m.source and "1 + 1 here" in m.source for m in found)
    longer = CELL.replace("One line more.", "One line more.\n\n    And another.").format("y = x + b\n    return y")
    assert [m.name for m in mutants_of("f", longer)] == [m.name for m in found]


def test_lines_of_two_regions_are_counted_through():
    source = "a\n# BEGIN SOLUTION\nb\n# END SOLUTION\nc\n# BEGIN SOLUTION\nd\n# END SOLUTION"
    assert solution_lines(source) == {3: 1, 7: 2}


def test_mutants_that_read_alike_are_numbered():
    names = [m.name for m in mutants_of("f", CELL.format("y = g(x + b, x + b)"))]
    assert "f:1 g(x + b, x + b) -> g(x - b, x + b)" in names
    assert len(set(names)) == len(names)
    twice = [name for name in names if name.endswith("#2")]
    assert not twice  # for they stand in an expression that tells them apart
    long = "y = len(x) * x.ravel().dot(b) + len(x) * x.ravel().dot(b)"
    names = [m.name for m in mutants_of("f", CELL.format(long))]
    assert "f:1 x.ravel().dot(b) -> b.dot(b) #2" in names or any(name.endswith("#2") for name in names)


@pytest.fixture(scope="module")
def all_of_them(assignment):
    return mutants(assignment)


def test_every_question_has_mutants_and_no_two_are_the_same_program(assignment, all_of_them):
    cells = dict(assignment.reference_code())
    assert {m.cell for m in all_of_them} == {q.name for q in assignment.questions if not q.file}
    assert len(all_of_them) > 300
    assert len({m.source for m in all_of_them}) == len({m.name for m in all_of_them}) == len(all_of_them)
    for mutant in all_of_them:
        assert ast.dump(ast.parse(mutant.source)) != ast.dump(ast.parse(cells[mutant.cell]))
        compile(mutant.source, "<mutant>", "exec")


def test_mutants_are_the_same_every_time(assignment, all_of_them):
    assert mutants(assignment) == all_of_them


@pytest.mark.parametrize(
    "kind",
    [
        "operator",
        "constant",
        "axis",
        "missing term",
        "doubled term",
        "swapped arguments",
        "no keepdims",
        "off by one",
        "in place",
        "missing statement",
        "comparison",
    ],
)
def test_every_kind_of_mistake_that_was_asked_for_is_among_them(all_of_them, kind):
    assert any(kind == m.kind or kind in m.causes for m in all_of_them)
