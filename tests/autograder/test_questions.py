"""What an instructor writes: probes with their source, cases, variants, and checks files good and bad."""

import numpy as np
import pytest

from autograder.faults import GraderFault
from autograder.model import Case
from autograder.questions import Question, handed_in, load_questions, question

SCALE = 3.0


def draw(rng):
    for n in (4, 1):
        yield Case(f"{n} rows", {"x": rng.normal(size=(n, 3))}, {"N": n})


@pytest.fixture
def double():
    @question(points={"out": 2, "inputs": 0.5}, draw=draw, rtol={"out": 1e-3})
    def double(student, x):
        """Never shown."""
        return {"out": student.double(x)}

    return double


class TestQuestion:
    def test_is_named_and_worth_what_was_said(self, double):
        assert isinstance(double, Question)
        assert (double.name, double.max_points, double.rtol, double.file) == ("double", 2.5, {"out": 1e-3}, "")

    def test_the_source_alone_makes_the_probe_again_without_decorators(self, double):
        assert "@" not in double.source
        assert "points" not in double.source
        namespace = {}
        exec(double.source, namespace)

        class Student:
            def double(self, x):
                return 2 * x

        assert namespace["double"](Student(), 4)["out"] == 8

    def test_the_same_seed_draws_the_same_cases_and_another_seed_others(self, double):
        def x(seed, question=double):
            return [case.inputs["x"] for case in question.cases(seed)]

        assert [a.shape for a in x(5)] == [(4, 3), (1, 3)]
        assert all(map(np.array_equal, x(5), x(5)))
        assert not np.array_equal(x(5)[0], x(6)[0])

    def test_questions_with_the_same_draw_do_not_share_their_numbers(self, double):
        @question(points={"out": 1}, draw=draw)
        def triple(student, x):
            return {"out": student.triple(x)}

        assert not np.array_equal(triple.cases(5)[0].inputs["x"], double.cases(5)[0].inputs["x"])

    def test_drawing_leaves_numpys_own_state_alone(self, double):
        np.random.seed(3)
        double.cases(5)
        after = np.random.rand()
        np.random.seed(3)
        assert after == np.random.rand()

    def test_points_are_a_copy(self):
        points = {"out": 1}

        @question(points=points, draw=draw)
        def q(student, x):
            return {"out": x}

        points["out"] = 100
        assert q.max_points == 1


class TestVariants:
    def test_are_recorded_by_name_and_stay_plain_functions(self, double):
        @double.correct_variant
        def by_addition(reference):
            return {"double": lambda x: x + x}

        @double.misconception
        def squared(reference):
            """`x` is squared:
            it is to be doubled.
            """
            return {"double": lambda x: x * x}

        assert double.correct == {"by_addition": by_addition}
        assert double.misconceptions == {"squared": squared}
        assert squared(None)["double"](3) == 9
        assert double.sentence("squared") == "`x` is squared: it is to be doubled."

    def test_belong_to_one_question_only(self, double):
        @double.correct_variant
        def mine(reference):
            return {}

        @question(points={"out": 1}, draw=draw)
        def other(student, x):
            return {"out": x}

        assert (other.correct, other.misconceptions) == ({}, {})

    def test_a_misconception_without_a_sentence_is_refused(self, double):
        said = "The misconception squared of double has no docstring. Write the sentence a student reads."
        with pytest.raises(GraderFault, match=said):

            @double.misconception
            def squared(reference):
                return {}

        assert double.misconceptions == {}


class TestFreeNames:
    def test_none_beyond_arguments_numpy_and_builtins(self, double):
        @question(points={"out": 1}, draw=draw)
        def q(student, x, *, n=2):
            import math

            def inner(z):
                return [z * math.pi for _ in range(n)]

            try:
                out, draw = student.SCALE(x), student.draw
            except ValueError as error:
                return {"out": np.array(len(str(error)))}
            return {"out": sum(inner(out)), "draw": draw}

        assert q.free_names() == double.free_names() == set()

    def test_globals_are_named_wherever_they_stand(self):
        @question(points={"out": 1}, draw=draw)
        def q(student, x, n=SCALE):
            def inner(z):
                return z * draw

            return {"out": [Case for _ in range(3)], "b": inner(x), "c": lambda: missing}  # noqa: F821 - it is missing

        assert q.free_names() == {"SCALE", "draw", "Case", "missing"}

    def test_names_of_the_function_around_are_missing_over_there_too(self):
        around = 3

        @question(points={"out": 1}, draw=draw)
        def q(student, x):
            return {"out": student.around(x) * around}

        assert q.free_names() == {"around"}


def test_a_model_handed_in_has_a_file_and_bars_and_draws_nothing():
    @handed_in("best.npz", points={"at_least_half": 3}, bars={"at_least_half": 0.5})
    def best(reference, X, params):
        return {"scores": X @ params["W"]}

    assert (best.name, best.file, best.max_points) == ("best", "best.npz", 3)
    assert best.bars == {"at_least_half": 0.5}
    assert best.draw is None


FILE = """
import numpy as np
from autograder.model import Case
from autograder.questions import handed_in, question

def draw(rng):
    yield Case("one", {"x": rng.normal(size=3)})

@question(points={"out": 1}, draw=draw)
def zeta(student, x):
    return {"out": student.zeta(x)}

@question(points={"out": 2}, draw=draw)
def alpha(student, x):
    return {"out": student.alpha(x)}

@alpha.misconception
def wrong(reference):
    '''It is wrong.'''
    return {}
"""


class TestLoadQuestions:
    def test_in_the_order_they_stand_in_the_file(self, tmp_path):
        path = tmp_path / "two_layer_net.py"
        path.write_text(FILE)
        questions = load_questions(path)
        assert [q.name for q in questions] == ["zeta", "alpha"]
        assert questions[1].source.startswith("def alpha(student, x):")
        assert questions[1].sentence("wrong") == "It is wrong."
        assert [q.free_names() for q in questions] == [set(), set()]

    def test_a_question_that_has_two_names_is_asked_once(self, tmp_path):
        """Found as a bug: the variable of a loop over questions, left at the end of a file, was one more of them."""
        path = tmp_path / "two_layer_net.py"
        path.write_text(FILE + "\nfor each in (alpha, zeta):\n    pass\n")
        assert [q.name for q in load_questions(path)] == ["zeta", "alpha"]

    def test_a_file_may_be_changed_and_read_again(self, tmp_path):
        path = tmp_path / "two_layer_net.py"
        path.write_text(FILE)
        assert load_questions(path)[0].max_points == 1
        path.write_text(FILE.replace('points={"out": 1}', 'points={"out": 1, "inputs": 4}'))
        assert load_questions(path)[0].max_points == 5

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("def q(:", r"q.py cannot be imported \(SyntaxError: .*\). Mend it first."),
            ("import no_such_module", r"q.py cannot be imported \(ModuleNotFoundError: No module named"),
            ("1 / 0", r"q.py cannot be imported \(ZeroDivisionError: division by zero\). Mend it first."),
            ("", r"q.py holds no question. Put @question\(...\) above a probe."),
            ("def q(student): return {}", "q.py holds no question."),
            (
                FILE.replace("'''It is wrong.'''", "pass"),
                r"\(GraderFault: The misconception wrong of alpha has no docs",
            ),
        ],
    )
    def test_what_is_wrong_with_a_file_is_said(self, text, reason, tmp_path):
        (tmp_path / "q.py").write_text(text)
        with pytest.raises(GraderFault, match=reason):
            load_questions(tmp_path / "q.py")

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(GraderFault, match=r"Looked for the questions in q.py, which is not there. Write assign"):
            load_questions(tmp_path / "q.py")
        (tmp_path / "q.py").mkdir()
        with pytest.raises(GraderFault, match=r"Looked for the questions in q.py, which is not there."):
            load_questions(tmp_path / "q.py")
