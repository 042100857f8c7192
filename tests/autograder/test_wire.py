"""The wire: what goes in comes out, and no byte a stranger sends does more than raise `WireError`."""

import contextlib
import json
import socket
import struct
import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from autograder import wire
from autograder.faults import AutograderError
from autograder.wire import Disconnected, OutOfTime, TooLarge, WireError, decode, encode, receive, send, waiting

DTYPES = st.sampled_from(sorted(wire.DTYPES)).map(np.dtype)
ARRAYS = DTYPES.flatmap(lambda t: arrays_of.arrays(t, arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0)))
# Control characters and bidirectional overrides are taken out on the way.
TEXT = st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
NAMES = st.text(TEXT, max_size=8).filter(lambda name: not name.startswith("$"))
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | NAMES | ARRAYS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4))


def message(header, body=b""):
    """Write a message by hand, as a stranger would."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">I", len(raw)) + raw + body


def nested(depth):
    """Nest empty lists and mappings in turn."""
    value = []
    for n in range(depth):
        value = {"a": value} if n % 2 else [value]
    return value


def array(dtype, shape):
    return {"$array": [dtype, shape]}


def assert_same(a, b):
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        assert a == b or (a != a and b != b)


class TestRoundTrip:
    @given(VALUES)
    @settings(deadline=None, max_examples=60)
    def test_plain_data_comes_back_bit_for_bit(self, value):
        assert_same(decode(encode(value)), value)

    @pytest.mark.parametrize("dtype", sorted(wire.DTYPES))
    @pytest.mark.parametrize("shape", [(), (0,), (3,), (1, 1, 5), (2, 0, 3), (3, 2, 5)])
    def test_every_dtype_and_shape(self, dtype, shape):
        value = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
        assert_same(decode(encode(value)), value)

    def test_layout_and_byte_order_do_not_matter(self):
        x = np.arange(15.0).reshape(3, 5)
        for other in (np.asfortranarray(x), x.astype(">f8"), x.view(np.matrix), np.repeat(x, 2, axis=1)[:, ::2]):
            assert_same(decode(encode(other)), x)

    def test_a_numpy_scalar_becomes_an_array_without_axes_and_a_tuple_a_list(self):
        assert_same(decode(encode((np.float32(1.5), np.True_))), [np.array(1.5, "f4"), np.array(True)])

    def test_what_comes_out_can_be_written_to_and_is_no_view_of_the_message(self):
        data = encode(np.zeros(3))
        decode(data)[:] = 7
        assert_same(decode(data), np.zeros(3))

    def test_arrays_with_the_most_dimensions_and_in_the_greatest_number(self):
        value = [np.ones((1,) * wire.MAX_NDIM)] * wire.MAX_ARRAYS
        assert_same(decode(encode(value)), value)


class TestEncodeRefuses:
    @pytest.mark.parametrize(
        "value", [b"bytes", {1, 2}, object(), 1 + 2j, print, range(3)], ids=lambda value: type(value).__name__
    )
    def test_what_is_not_plain_data(self, value):
        with pytest.raises(WireError, match=f"Only plain data crosses the wall. Got {type(value).__name__}; send"):
            encode({"x": [value]})

    @pytest.mark.parametrize(
        "dtype", ["O", "c16", "U3", "S3", "M8[s]", "m8[s]", [("a", "f8")], "longdouble"], ids=lambda dtype: str(dtype)
    )
    def test_an_array_of_another_dtype(self, dtype):
        with pytest.raises(WireError, match=r"An array must have one of the dtypes bool, float16, .* Got "):
            encode(np.zeros(2, dtype))

    @pytest.mark.parametrize("key", [1, None, ("a",), "$array", "$"])
    def test_a_key_that_is_not_a_plain_string(self, key):
        with pytest.raises(WireError, match=r"A key must be a string that does not start with '\$'. Got \["):
            encode({"ok": {key: 1.5}})

    def test_everything_that_decode_would_refuse_for_its_size(self, monkeypatch):
        with pytest.raises(WireError, match=r"An array must have at most 8 dimensions. Got 9."):
            encode(np.zeros((1,) * 9))
        with pytest.raises(TooLarge, match=r"A message may have 256 arrays .* This one has 257 arrays and 7 KB."):
            encode([np.float16(1)] * (wire.MAX_ARRAYS + 1))
        with pytest.raises(TooLarge, match=r"and 256 KB of other data. This one has 0 arrays and 256 KB."):
            encode("x" * wire.MAX_HEADER)
        monkeypatch.setattr(wire, "MAX_MESSAGE", 2**20)
        with pytest.raises(TooLarge, match=r"A message may have 1 MB. This one has 1 MB."):
            encode(np.zeros(2**17))
        with pytest.raises(WireError, match=r"Data may be nested 32 deep. This is nested deeper."):
            encode(nested(wire.MAX_DEPTH + 1))

    def test_what_json_cannot_write(self):
        endless = []
        endless.append(endless)
        with pytest.raises(WireError, match=r"Data may be nested 32 deep. This is nested deeper."):
            encode(endless)
        with pytest.raises(WireError, match=r"The data cannot be written as JSON: ValueError."):
            encode(10**5000)


class TestDecodeRefuses:
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "A message has at least 4 bytes. Got 0."),
            (b"abc", "A message has at least 4 bytes. Got 3."),
            (struct.pack(">I", 2) + b"1", "A header of 2 bytes does not fit in a message of 5."),
            (struct.pack(">I", 2**32 - 1) + b"1", "A header of 4294967295 bytes does not fit in a message of 5."),
            (message(b" " * (2**18 + 1)), "A header of 262145 bytes does not fit"),
            (message(b""), "The header is not plain data: JSONDecodeError."),
            (message(b"\xff"), "The header is not plain data: UnicodeDecodeError."),
            (message(b"{'a': 1}"), "The header is not plain data: JSONDecodeError."),
            (message(b"9" * 5000), "The header is not plain data: ValueError."),
            (message(b"[" * 100_000), "The header is not plain data: RecursionError."),
            (message(b"[" * 900 + b"]" * 900), "Data may be nested 32 deep. This is nested deeper."),
            (message(nested(33)), "Data may be nested 32 deep. This is nested deeper."),
            (message(1, b"more"), "4 bytes are left over after the last array."),
            (message({"$pickle": 1}), "A key must not start with '\\$'."),
            (message({"a": {"$": 1}}), "A key must not start with '\\$'."),
        ],
    )
    def test_malformed_messages(self, data, reason):
        with pytest.raises(WireError, match=reason):
            decode(data)

    @pytest.mark.parametrize(
        "node",
        [
            {"$array": 1},
            {"$array": []},
            {"$array": ["float64"]},
            {"$array": ["float64", [2], "C"]},
            {"$array": ["float64", 2]},
            {"$array": ["object", [2]]},
            {"$array": ["O", [2]]},
            {"$array": ["float128", [1]]},
            {"$array": [["float64"], [2]]},
            {"$array": ["float64", [2]], "also": 1},
            {"$array": ["float64", [2]], "$also": 1},
        ],
    )
    def test_malformed_arrays(self, node):
        with pytest.raises(WireError, match=r"An array is written as \{'\$array': \[dtype, shape\]\}"):
            decode(message(node, bytes(16)))

    @pytest.mark.parametrize("shape", [[-1], [2, -1], [-1, -2], [True], [1.0, 2], ["2"], [None], [[2]], [1] * 9])
    def test_malformed_shapes(self, shape):
        with pytest.raises(WireError, match=r"A shape has at most 8 sizes, none negative."):
            decode(message(array("float64", shape), bytes(16)))

    @pytest.mark.parametrize("shape", [[3], [2, 2], [2**28] * 8, [2**28], [2**70]])
    def test_arrays_that_claim_more_bytes_than_there_are(self, shape):
        with pytest.raises(WireError, match=r"An array of [0-9]+ bytes does not fit in the 16 that are left."):
            decode(message(array("float64", shape), bytes(16)))

    @pytest.mark.parametrize("shape", [[0] + [2**28] * 7, [2**28] * 7 + [0]])
    def test_an_empty_array_of_absurd_shape(self, shape):
        with pytest.raises(WireError, match=r"The sizes of an empty array may multiply to 67108864 without its zeros."):
            decode(message(array("float64", shape)))

    def test_a_second_array_may_not_read_the_first_ones_bytes(self):
        two = [array("float64", [2]), array("float64", [2])]
        assert len(decode(message(two, bytes(32)))) == 2
        with pytest.raises(WireError, match=r"An array of 16 bytes does not fit in the 8 that are left."):
            decode(message(two, bytes(24)))

    def test_too_many_arrays(self):
        with pytest.raises(WireError, match=r"A message holds at most 256 arrays."):
            decode(message([array("int8", [0])] * 257))

    def test_a_bool_that_is_neither_true_nor_false(self):
        with pytest.raises(WireError, match=r"A bool array holds only 0 and 1."):
            decode(message(array("bool", [3]), b"\0\1\2"))

    def test_a_huge_claim_allocates_nothing(self):
        claim = message([array("float64", [2**27, 2**28]), array("uint8", [2**28])], bytes(64))
        tracemalloc.start()
        try:
            with pytest.raises(WireError, match="does not fit in the 64 that are left"):
                decode(claim)
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize("unit", [b"[[[]]],", b"[],", b"{},", b'{"":0},', b'"ab",', b"1e1,"])
    def test_the_greediest_headers_take_what_the_module_says(self, unit):
        header = b"[" + unit * ((wire.MAX_HEADER - 3) // len(unit)) + b"0]"
        data = struct.pack(">I", len(header)) + header
        tracemalloc.start()
        try:
            decode(data)
            assert tracemalloc.get_traced_memory()[1] < 75 * wire.MAX_HEADER
        finally:
            tracemalloc.stop()

    def test_text_that_could_not_be_written_to_a_file_is_mended(self):
        value = decode(message(rb'{"\ud800key": ["caf\u00e9 \udfff", "\ud83d\ude00"]}'))
        assert value == {"?key": ["café ?", "\N{GRINNING FACE}"]}

    def test_text_that_would_steer_a_terminal_or_re_order_a_line_is_mended(self):
        raw = json.dumps({"\x1b[2Jkey\u202e": "\x1b]0;title\x07\x1b[31mred\x1b[0m\r\x9b\u2066\u2069, [red]<b>\n\tend"})
        assert decode(message(raw.encode())) == {"key": "red, [red]<b>\n\tend"}


class TestHostileBytes:
    @given(st.binary(max_size=200) | st.binary(max_size=100).map(message))
    @settings(deadline=None, max_examples=60)
    def test_arbitrary_bytes_give_a_value_or_a_wire_error(self, data):
        with contextlib.suppress(WireError):
            decode(data)

    @given(
        st.recursive(
            st.none() | st.integers(-3, 2**40) | st.floats() | st.sampled_from(["float64", "bool", "object", "$array"]),
            lambda inner: (
                st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["$array", "$x", "a"]), inner, max_size=3)
            ),
        ),
        st.binary(max_size=64),
    )
    @settings(deadline=None, max_examples=60)
    def test_headers_that_nearly_are_ones_give_a_value_or_a_wire_error(self, header, body):
        with contextlib.suppress(WireError):
            decode(message(header, body))

    @given(VALUES, st.data())
    @settings(deadline=None, max_examples=60)
    def test_valid_messages_with_changed_missing_or_added_bytes(self, value, data):
        raw = bytearray(encode(value))
        for _ in range(data.draw(st.integers(1, 4))):
            where = data.draw(st.integers(0, len(raw) - 1))
            raw[where : where + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
            raw = raw or bytearray(b"\0")
        with contextlib.suppress(WireError):
            decode(bytes(raw))

    @given(VALUES, st.integers(1, 2**20))
    @settings(deadline=None, max_examples=60)
    def test_no_proper_beginning_of_a_message_is_a_message(self, value, cut):
        raw = encode(value)
        with pytest.raises(WireError, match=r"at least 4 bytes|does not fit"):
            decode(raw[: -1 - cut % len(raw)])


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@contextlib.contextmanager
def peer(act):
    """Let the other side `act` in a thread, and see it end."""
    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        assert not thread.is_alive()


def framed(data):
    return struct.pack(">Q", len(data)) + data


class TestSockets:
    def test_messages_arrive_whole_and_in_order(self, pair):
        ours, theirs = pair
        for value in ({"x": np.arange(6.0).reshape(2, 3)}, [], "text"):
            send(theirs, value, 5)
        assert_same(receive(ours, 5), {"x": np.arange(6.0).reshape(2, 3)})
        assert receive(ours, 5) == []
        assert receive(ours, 5) == "text"

    def test_a_message_larger_than_the_socket_holds(self, pair):
        ours, theirs = pair
        value = np.random.default_rng(0).normal(size=(701, 1003))
        with peer(lambda: send(theirs, value, 5)):
            assert_same(receive(ours, 5), value)

    def test_neither_end_copies_an_array(self, pair):
        ours, theirs = pair
        value = np.ones(2**21)
        taken = []
        tracemalloc.start()
        try:
            with peer(lambda: send(theirs, value, 5)):
                taken.append(receive(ours, 5))
            assert tracemalloc.get_traced_memory()[1] < 1.1 * value.nbytes
        finally:
            tracemalloc.stop()
        assert_same(taken[0], value)
        assert taken[0].flags.owndata
        assert taken[0].flags.writeable
        assert taken[0].flags.aligned

    def test_a_message_that_arrives_byte_by_byte(self, pair):
        ours, theirs = pair

        def drip():
            for byte in framed(encode({"reg": 0.1})):
                theirs.sendall(bytes([byte]))

        with peer(drip):
            assert receive(ours, 5) == {"reg": 0.1}

    def test_dripping_does_not_buy_time(self, pair):
        ours, theirs = pair
        stop = threading.Event()

        def drip():
            theirs.sendall(struct.pack(">QI", 1000, 990))
            while not stop.wait(0.02):
                theirs.sendall(b"x")

        with peer(drip):
            start = time.monotonic()
            with pytest.raises(OutOfTime, match=r"No answer before the deadline."):
                receive(ours, 0.3)
            stop.set()
        # A deadline that started anew with each byte would last until all 1,000 were there: 20 s.
        assert 0.29 < time.monotonic() - start < 5

    def test_silence(self, pair):
        with pytest.raises(OutOfTime, match=r"No answer before the deadline."):
            receive(pair[0], 0.05)

    @pytest.mark.parametrize("sent", [0, 3, 8, 11, 20])
    def test_a_peer_that_closes_half_way(self, pair, sent):
        ours, theirs = pair
        theirs.sendall(framed(encode(np.arange(3)))[:sent])
        theirs.close()
        with pytest.raises(Disconnected, match=r"The other side closed the connection."):
            receive(ours, 5)

    @pytest.mark.parametrize("length", [2**62, 2**64 - 1, wire.MAX_MESSAGE + 1])
    def test_an_absurd_length_is_refused_before_anything_is_read(self, pair, length):
        ours, theirs = pair
        theirs.sendall(struct.pack(">Q", length) + b"rest")
        with pytest.raises(TooLarge, match=f"A message may have {wire.MAX_MESSAGE} bytes. Got one of {length}."):
            receive(ours, 5)
        assert ours.recv(10) == b"rest"

    def test_a_smaller_limit_may_be_set(self, pair):
        ours, theirs = pair
        send(theirs, "x" * 100, 5)
        with pytest.raises(TooLarge, match=r"A message may have 50 bytes. Got one of 106."):
            receive(ours, 5, max_bytes=50)
        with pytest.raises(TooLarge, match=r"A message may have 4.768e-05 MB. This one has 0.0001011 MB."):
            send(theirs, "x" * 100, 5, max_bytes=50)

    def test_a_length_that_lies_gives_a_wire_error(self, pair):
        ours, theirs = pair
        data = encode([1.5])
        theirs.sendall(struct.pack(">Q", len(data) - 1) + data)
        with pytest.raises(WireError, match=r"A header of 5 bytes does not fit in a message of 8."):
            receive(ours, 5)

    def test_a_replayed_message_is_only_another_message(self, pair):
        ours, theirs = pair
        theirs.sendall(2 * framed(encode({"n": 1})))
        assert [receive(ours, 5), receive(ours, 5)] == [{"n": 1}] * 2
        with pytest.raises(OutOfTime, match=r"No answer before the deadline."):
            receive(ours, 0.01)

    def test_whether_something_waits_is_told_without_taking_it_or_waiting(self, pair):
        ours, theirs = pair
        assert not waiting(ours)
        send(theirs, "text", 5)
        assert waiting(ours)
        assert waiting(ours)
        assert receive(ours, 5) == "text"
        theirs.close()
        assert not waiting(ours)  # that it is gone is told by the next message to it

    def test_sending_to_a_peer_that_went_away(self, pair):
        ours, theirs = pair
        theirs.close()
        with pytest.raises(Disconnected, match=r"The other side closed the connection."):
            send(ours, np.zeros(2**18), 5)

    def test_sending_to_a_peer_that_does_not_read(self, pair):
        with pytest.raises(OutOfTime, match=r"No room for a message of [0-9]+ bytes within 0.05 s."):
            send(pair[0], np.zeros(2**20), 0.05)

    def test_what_cannot_be_encoded_sends_no_byte(self, pair):
        ours, theirs = pair
        with pytest.raises(WireError, match=r"Only plain data crosses the wall. Got set"):
            send(ours, [np.zeros(3), {1}], 5)
        ours.close()
        assert theirs.recv(1) == b""


def test_every_wire_error_is_one_the_autograder_raises_on_purpose():
    assert issubclass(WireError, AutograderError)
    assert issubclass(TooLarge, WireError)
    assert issubclass(Disconnected, WireError)
    assert issubclass(OutOfTime, WireError)
