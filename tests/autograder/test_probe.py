"""The two ends of the wall in one process: what is observed of good, bad and hostile code."""

import json
import linecache
import socket
import struct
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from autograder import probe, wire
from autograder.model import NotAnArray, Observation, Raised
from autograder.probe import Answers, arrays_in, serve
from autograder.session import MAX_REPLY, Lost, Session

X = np.array([[1.5, -2.0, 0.5], [4.0, 0.0, -1.0]])
CALL = "def call(student, **inputs):\n    return {'out': student.f(**inputs)}"


@contextmanager
def session(namespace_of, seconds=5.0):
    """Give a session whose other end serves a namespace in a thread."""
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(theirs, namespace_of))
    with ours, theirs:
        thread.start()
        try:
            yield Session(ours, seconds)
        finally:
            ours.close()
            thread.join(10)
            assert not thread.is_alive(), "serve must end when the other side goes away"


def observe(f, inputs=None, source=CALL):
    """Observe one function, having checked that the process can be talked to afterwards."""
    with session(lambda variant: {"f": f, "g": lambda: 5.0}) as ours:
        seen = ours.observe(source, "call", {"x": X.copy()} if inputs is None else inputs)
        after = ours.observe("def call(student):\n    return {'out': student.g()}", "call", {})
        assert after.values["out"] == 5.0
        return seen


def out(value):
    return observe(lambda x: value).values["out"]


class TestValues:
    def test_arrays_come_over_bit_for_bit(self):
        seen = observe(lambda x: x * 2)
        assert np.array_equal(seen.values["out"], X * 2)
        assert (seen.changed, seen.raised) == ({}, None)

    @pytest.mark.parametrize("value", [True, 3, 0.5, np.float32(2), np.int8(-1), np.bool_(True)])
    def test_numbers_become_arrays_without_axes(self, value):
        assert out(value).shape == ()
        assert out(value) == value

    @pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "i1", ">u8", "?"])
    def test_the_dtype_is_kept_and_the_byte_order_made_ours(self, dtype):
        value = np.ones((2, 1, 3), dtype)
        assert out(value).dtype == np.dtype(dtype).newbyteorder("=")
        assert np.array_equal(out(value), value)

    def test_subclasses_are_reduced_to_plain_arrays(self):
        class Tuned(np.ndarray):
            def __eq__(self, other):
                return np.True_

            __hash__ = None

        for value in (X.view(Tuned), X.view(np.matrix), np.ma.masked_array(X, mask=X > 0)):
            assert type(out(value)) is np.ndarray
            assert np.array_equal(out(value), X)

    @pytest.mark.parametrize(
        ("value", "name"),
        [
            (None, "NoneType"),
            ([1.0, 2.0], "list"),
            ((X, X), "tuple"),
            ("text", "str"),
            ({"out": X}, "dict"),
            (lambda: 0, "function"),
            (2j, "complex"),
            (2**70, "an array of dtype object"),
            (np.array([None, 1]), "an array of dtype object"),
            (np.array(["a"]), "an array of dtype <U1"),
            (X * 1j, "an array of dtype complex128"),
            (np.zeros(2, [("a", "f8")]), "an array of dtype [('a', '<f8')]"),
        ],
    )
    def test_whatever_else_is_returned_crosses_by_the_name_of_its_type(self, value, name):
        assert out(value) == NotAnArray(name)

    def test_several_named_values_and_numbers_strings_and_mappings_as_inputs(self):
        source = "def call(student, x, reg, mode, config):\n    return student.f(x, reg, mode, config)"
        inputs = {"x": X, "reg": 0.25, "mode": "train", "config": {"beta": 0.9, "v": np.ones(3)}}
        seen = observe(lambda x, reg, mode, config: {"a": x * reg, "b": config["v"] * config["beta"]}, inputs, source)
        assert np.array_equal(seen.values["a"], X * 0.25)
        assert np.array_equal(seen.values["b"], np.full(3, 0.9))

    def test_a_huge_array_is_refused_there_and_costs_only_its_question(self):
        seen = observe(lambda x: np.zeros((5, 2**20), np.int8))
        assert seen.raised == Raised(
            "TooLarge",
            "What is given back is too large to be looked at. An array may have 4,194,304 entries. This one has shape "
            "(5, 1048576). Has an array another shape than the one asked for?",
        )

    def test_so_are_arrays_that_are_huge_together(self):
        source = "def call(student, x):\n    return {'a': student.f(x), 'b': student.f(x)}"
        seen = observe(lambda x: np.zeros(3 * 2**20), source=source)
        assert seen.raised == Raised(
            "TooLarge",
            "What is given back is too large to be looked at. A message may have 32 MB. This one has 48 MB. "
            "Has an array another shape than the one asked for?",
        )

    def test_an_array_that_only_seems_huge_does_not_end_the_process(self):
        seen = observe(lambda x: np.broadcast_to(np.float64(0), (2**31, 2**20)))
        assert "MemoryError" in seen.raised.type_name

    def test_too_many_dimensions_are_named(self):
        seen = observe(lambda x: np.zeros((1,) * 9))
        assert seen.raised == Raised("WireError", "An array must have at most 8 dimensions. Got 9.")

    def test_each_observation_starts_from_its_own_seed(self):
        with session(lambda variant: {"f": lambda: np.random.rand(3)}) as ours:
            first, again, other = (ours.observe(CALL, "call", {}, seed=seed).values["out"] for seed in (7, 7, 8))
        np.random.seed(7)
        assert np.array_equal(first, np.random.rand(3))
        assert np.array_equal(again, first)
        assert not np.array_equal(other, first)

    def test_variants_are_asked_for_by_name(self):
        with session(lambda variant: {"f": lambda: len(variant)}) as ours:
            seen = [ours.observe(CALL, "call", {}, variant=name).values["out"] for name in ("", "q/bias_left_out")]
        assert seen == [0, 15]


class TestChangedInputs:
    def test_an_array_changed_in_place_is_given_as_it_is_now(self):
        def f(x, b):
            x[x < 0] = 0
            return x + b

        seen = observe(f, {"x": X.copy(), "b": np.ones(3)})
        assert seen.changed.keys() == {"x"}
        assert np.array_equal(seen.changed["x"], np.maximum(X, 0))

    def test_also_where_values_compare_equal_or_the_shape_changed(self):
        def f(zero, nan, shape):
            zero[...] = -0.0
            nan[...] = np.nan
            shape.resize(3, 2, refcheck=False)
            return 0.0

        inputs = {"zero": np.zeros(2), "nan": np.full(2, np.nan), "shape": X.copy()}
        assert observe(f, inputs).changed.keys() == {"zero", "shape"}

    def test_inside_mappings_in_place_and_by_replacement(self):
        def f(x, param):
            param["mean"] += 1
            param["inner"]["var"] = param["inner"]["var"] * 2
            param["mode"] = "test"
            return x

        param = {"mean": np.zeros(3), "inner": {"var": np.ones(3), "same": np.ones(1)}, "mode": "train"}
        seen = observe(f, {"x": X.copy(), "param": param})
        assert seen.changed.keys() == {"param.mean", "param.inner.var"}
        assert np.array_equal(seen.changed["param.mean"], np.ones(3))
        assert np.array_equal(seen.changed["param.inner.var"], np.full(3, 2.0))

    def test_extra_entries_of_any_kind_are_no_change(self):
        def f(x, param):
            param |= {0: np.ones(2), "me": param, "cache": np.ones(2), "$": x, "deep": {1: {2: X}}}
            del param["gone"]
            return x

        seen = observe(f, {"x": X.copy(), "param": {"mean": np.zeros(3), "gone": np.zeros(1)}})
        assert np.array_equal(seen.values["out"], X)
        assert seen.changed == {}

    def test_an_array_replaced_by_something_else_is_no_reason_to_end(self):
        def f(x, param):
            param["mean"], param["inner"], param["kind"] = 5, "text", np.array([1j])
            return x

        param = {"mean": np.zeros(3), "inner": {"a": np.ones(2)}, "kind": np.zeros(1)}
        seen = observe(f, {"x": X.copy(), "param": param})
        assert seen.raised.type_name == "WireError"
        assert "Got complex128" in seen.raised.message

    def test_our_own_arrays_are_out_of_reach(self):
        x = X.copy()

        def f(x):
            x[:] = 0
            return x

        assert observe(f, {"x": x}).changed.keys() == {"x"}
        assert np.array_equal(x, X)

    def test_every_array_of_the_inputs_has_a_name(self):
        found = arrays_in({"x": X, "n": 3, "p": {"m": X, "q": {"v": X}, "s": "train"}})
        assert list(found) == ["x", "p.m", "p.q.v"]


def student_code(text, name="<cell 4>"):
    """Define functions as a notebook does: from text whose lines can be looked up."""
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace = {}
    exec(compile(text, name, "exec"), namespace)
    return namespace


class TestRaised:
    def test_the_line_of_the_students_code_is_named(self):
        code = "def f(x):\n    y = x @ x\n    return y"
        seen = observe(student_code(code)["f"])
        assert seen.values == {}
        assert seen.raised.type_name == "ValueError"
        assert "matmul" in seen.raised.message
        assert seen.raised.where == "line 2 of f: y = x @ x"

    def test_not_a_line_deep_inside_a_library(self):
        code = "import numpy as np\n\ndef helper(x):\n    return np.linalg.inv(x)\n\ndef f(x):\n    return helper(x)"
        seen = observe(student_code(code)["f"])
        assert seen.raised.where == "line 4 of helper: return np.linalg.inv(x)"

    def test_no_line_where_only_our_probe_is_to_blame(self):
        assert observe(None).raised == Raised("TypeError", "'NoneType' object is not callable")
        assert observe(lambda x: x, source="def call(student, x):\n    return {'out': 1 / 0}").raised.where == ""

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (NotImplementedError("Question 3: write affine"), "NotImplementedError: Question 3: write affine"),
            (NotImplementedError(), "NotImplementedError"),
            (SystemExit(0), "SystemExit: 0"),
            (KeyboardInterrupt(), "KeyboardInterrupt"),
            (GeneratorExit(), "GeneratorExit"),
            (KeyError("W1"), "KeyError: 'W1'"),
            (StopIteration(3), "StopIteration: 3"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
    )
    def test_any_exception_is_an_observation(self, error, said):
        def f(x):
            raise error

        raised = observe(f).raised
        assert str(Raised(raised.type_name, raised.message)) == said

    def test_endless_recursion(self):
        def f(x):
            return f(x)

        assert observe(f).raised.type_name == "RecursionError"

    def test_an_exception_that_cannot_say_what_it_is(self):
        class Spiteful(Exception):
            def __str__(self):
                raise SystemExit

        def f(x):
            raise Spiteful

        raised = observe(f).raised
        assert (raised.type_name, raised.message) == ("Spiteful", "<exception str() failed>")

    def test_long_messages_are_cut_and_broken_text_is_mended(self):
        def f(x):
            raise ValueError("\ud800" + "x" * 10_000)

        assert observe(f).raised.message == "?" + "x" * (probe.MAX_TEXT - 1)

    def test_an_undefined_name_says_what_to_look_for(self):
        seen = observe(None, source="def call(student, x):\n    return {'out': student.affine_forward(x)}")
        said = "NameError: affine_forward is not defined: is its cell there, under that name, and does it run?"
        assert str(seen.raised) == said

    def test_names_are_attributes(self):
        assert Answers({"f": 3}).f == 3
        with pytest.raises(NameError, match="g is not defined: is its cell there"):
            Answers({"f": 3}).g  # noqa: B018 - the access is what is tested


def reply(answer_to, seconds=2.0):
    """Let a hostile other side answer a request with the bytes that `answer_to(request)` gives."""
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def answer():
            theirs.sendall(answer_to(wire.receive(theirs, 5)))
            theirs.close()

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            return Session(ours, seconds).observe(CALL, "call", {"x": X})
        finally:
            thread.join(10)


def framed(value):
    data = value if isinstance(value, bytes) else wire.encode(value)
    return struct.pack(">Q", len(data)) + data


def by_hand(header, body=b""):
    raw = json.dumps(header).encode()
    return framed(struct.pack(">I", len(raw)) + raw + body)


def numbered(value):
    """Answer with a value that bears the right number, where it can bear one."""
    return lambda request: framed(value | {"number": request["number"]} if isinstance(value, dict) else value)


SOUND = {"values": {"out": X}, "changed": {}}


class TestHostileReplies:
    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"", "the Python process ended: does the code call exit"),
            (b"HTTP/1.1", "what came back could not be read. A message may have"),  # read as a length
            (struct.pack(">QI", 100, 50) + b"half", "the Python process ended"),
            (struct.pack(">Q", 2**62), "what came back could not be read. A message may have"),
            (framed(b"\0\0\0\2{}more"), "could not be read. 4 bytes are left over"),
            (framed(b"\x80\4N."), "could not be read. A header of 2147765806 bytes does not fit"),
            (by_hand({"$array": ["object", [1]]}, bytes(8)), "could not be read. An array is written as"),
        ],
    )
    def test_bytes_that_are_no_message(self, raw, reason):
        with pytest.raises(Lost, match=reason):
            reply(lambda request: raw)

    @pytest.mark.parametrize(
        "value",
        [
            {},
            {"values": {}},
            {"values": [X], "changed": {}},
            {"values": {}, "changed": [X]},
            {"values": {}, "changed": {"x": 1.5}},
            {"values": {}, "changed": {"x": {"type": "list"}}},
            {"raised": "ValueError"},
            {"raised": {"type_name": "ValueError", "message": "m"}},
            {"raised": {"type_name": "ValueError", "message": 5, "where": ""}},
            {"raised": {"type_name": X, "message": "m", "where": ""}},
        ],
    )
    def test_messages_that_are_no_observation(self, value):
        with pytest.raises(Lost, match=r"could not be read. An observation holds values and changed inputs, or what"):
            reply(numbered(value))

    @pytest.mark.parametrize(
        "value",
        [None, 5, X, [], SOUND, *(SOUND | {"number": n} for n in ("", "0" * 32, 0, None, X, [], {"number": ""}))],
    )
    def test_answers_without_the_number_of_the_question(self, value):
        with pytest.raises(Lost, match=r"what came back could not be read. It does not answer what was asked.$"):
            reply(lambda request: framed(value))

    @pytest.mark.parametrize("value", [None, 1.5, "text", [X], {}, {"type": 5}])
    def test_values_that_are_none(self, value):
        with pytest.raises(Lost, match=r"could not be read. An observed value is an array of at most 4,194,304 ent"):
            reply(numbered({"values": {"out": value}, "changed": {}}))

    def test_arrays_that_would_grow_when_they_are_compared(self):
        values = {"out": np.zeros(probe.MAX_ENTRIES + 1, np.int8)}
        with pytest.raises(
            Lost, match=r"could not be read. An observed value is an array of at most 4,194,304 entries"
        ):
            reply(numbered({"values": values, "changed": {}}))

    def test_long_texts_are_cut(self):
        seen = reply(numbered({"raised": dict.fromkeys(("type_name", "message", "where"), "x" * 9000)}))
        assert seen.raised == Raised(*["x" * probe.MAX_TEXT] * 3)
        seen = reply(numbered({"values": {"out": {"type": "x" * 9000}}, "changed": {}}))
        assert seen.values == {"out": NotAnArray("x" * 100)}

    def test_what_was_raised_counts_before_any_values(self):
        raised = {"type_name": "ValueError", "message": "m", "where": "w"}
        seen = reply(numbered(SOUND | {"raised": raised}))
        assert seen == Observation({}, {}, Raised("ValueError", "m", "w"))


class TestText:
    """What a stranger writes is printed by us: it must not steer a terminal, whoever renders it."""

    HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b31m\x00\r\u202egnp.exe\u2066 <script>[red]x[/red]\n\tend"

    def test_raised_errors_hold_no_controls_and_keep_their_lines_and_markup(self):
        seen = reply(numbered({"raised": dict.fromkeys(("type_name", "message", "where"), self.HOSTILE)}))
        assert seen.raised == Raised(*["31mgnp.exe <script>[red]x[/red]\n\tend"] * 3)

    def test_nor_do_the_names_of_types_and_values(self):
        seen = reply(numbered({"values": {"out\x1b[2J": {"type": "a\x1b[31mb\u202e"}}, "changed": {}}))
        assert seen.values == {"out": NotAnArray("ab")}

    def test_through_the_whole_of_it(self):
        def f(x):
            raise type("Spite\x1b[2J", (Exception,), {})("\x1b]0;owned\x07gone")

        assert str(observe(f).raised).startswith("Spite: gone (at line ")


class TestOutOfTurn:
    """The other end of the wire belongs to a stranger, who may write what and when they like."""

    @contextmanager
    def talking(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            yield Session(ours, 2), theirs

    def ask(self, session, theirs, answer_to):
        """Ask, letting the other side answer with `answer_to(request)`."""
        thread = threading.Thread(target=lambda: theirs.sendall(answer_to(wire.receive(theirs, 5))))
        thread.start()
        try:
            return session.observe(CALL, "call", {"x": X})
        finally:
            thread.join(10)

    EARLY = r"^what came back could not be read. It came before it was asked for.$"

    def test_an_answer_sent_before_the_question(self):
        with self.talking() as (session, theirs):
            theirs.sendall(framed(SOUND))
            with pytest.raises(Lost, match=self.EARLY):
                session.observe(CALL, "call", {})
            with pytest.raises(Lost, match=self.EARLY):
                session.done()

    def test_a_second_answer_after_the_first(self):
        with self.talking() as (session, theirs):
            seen = self.ask(session, theirs, lambda request: 2 * numbered(SOUND)(request))
            assert np.array_equal(seen.values["out"], X)  # the question is answered; nothing after it counts
            with pytest.raises(Lost, match=self.EARLY):
                session.done()
            with pytest.raises(Lost, match=self.EARLY):
                session.observe(CALL, "call", {})

    def test_an_answer_that_was_given_before(self):
        kept = []
        with self.talking() as (session, theirs):
            self.ask(session, theirs, lambda request: kept.append(numbered(SOUND)(request)) or kept[0])
            with pytest.raises(Lost, match=r"could not be read. It does not answer what was asked"):
                self.ask(session, theirs, lambda request: kept[0])

    def test_numbers_are_drawn_anew_and_nobody_can_guess_them(self):
        numbers = []
        with self.talking() as (session, theirs):
            for _ in range(3):
                self.ask(session, theirs, lambda request: numbers.append(request["number"]) or numbered(SOUND)(request))
        assert len(set(numbers)) == 3
        assert {len(number) for number in numbers} == {32}


class TestRoom:
    """What one student's code can make us hold, answer by answer and all together."""

    def answers(self, count, keep):
        """Ask for 12 MB several times and give what came, keeping it all or none of it."""
        kept, said = [], []
        with session(lambda variant: {"f": lambda: np.zeros(3 * 2**19)}) as ours:
            for _ in range(count):
                seen = ours.observe(CALL, "call", {})
                said.append(seen.raised.message if seen.raised else "")
                if keep:
                    kept.append(seen)
        return said

    def test_answers_that_nobody_keeps_take_no_room(self):
        assert self.answers(8, keep=False) == [""] * 8

    def test_all_that_are_kept_share_one_limit(self):
        said = self.answers(7, keep=True)
        assert said[:5] == [""] * 5
        assert all("A message may have 4 MB" in sentence for sentence in said[5:])

    def test_an_answer_larger_than_we_said_is_not_even_received(self):
        def answer_to(request):
            assert request["room"] == MAX_REPLY
            return struct.pack(">Q", request["room"] + 1)

        with pytest.raises(Lost, match=r"could not be read. A message may have 33554432 bytes. Got one of 33554433"):
            reply(answer_to)


class TestLost:
    def test_code_that_never_ends_is_given_up_after_the_time_limit(self):
        stop = threading.Event()
        start = time.monotonic()
        with session(lambda variant: {"f": lambda: stop.wait(10)}, seconds=0.2) as ours:
            with pytest.raises(Lost, match=r"^stopped after 0.2 s: does a loop never end\?$"):
                ours.observe(CALL, "call", {})
            stop.set()
        assert time.monotonic() - start < 5

    def test_an_answer_that_came_too_late_is_never_taken_for_the_next(self):
        stop = threading.Event()
        with session(lambda variant: {"f": lambda n: stop.wait(10) and n}, seconds=0.2) as ours:
            with pytest.raises(Lost, match=r"^stopped after 0.2 s"):
                ours.observe(CALL, "call", {"n": 1})
            stop.set()
            time.sleep(0.05)  # the late answer is there now
            with pytest.raises(Lost, match=r"^stopped after 0.2 s"):
                ours.observe(CALL, "call", {"n": 2})

    def test_a_process_that_does_not_even_read(self):
        ours, theirs = socket.socketpair()
        with ours, theirs, pytest.raises(Lost, match=r"stopped after 0.1 s: does a loop never end"):
            Session(ours, 0.1).observe(CALL, "call", {"x": np.zeros(2**20)})

    def test_a_process_that_is_gone(self):
        ours, theirs = socket.socketpair()
        theirs.close()
        with ours:
            lost = Session(ours, 1)
            with pytest.raises(Lost, match=r"the Python process ended: does the code call exit\(\)"):
                lost.observe(CALL, "call", {})
            with pytest.raises(Lost, match="the Python process ended"):
                lost.done()

    def test_done_lets_the_other_side_go_on(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            thread = threading.Thread(target=serve, args=(theirs, lambda variant: {}))
            thread.start()
            Session(ours, 1).done()
            thread.join(10)
            assert not thread.is_alive()
            theirs.sendall(b"still open")
            assert ours.recv(20) == b"still open"
