"""A moment of what ``python -m benchmarks.fuzz`` does for long: nothing but documented errors, in bounded memory."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import markdown
from benchmarks import fuzz


@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_strangers_bytes(name):
    target = fuzz.TARGETS[name]
    markdown.is_harmless("```python\n<\n```")  # what is imported once is imported now

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(target.inputs)
    def tried(example):
        assert fuzz.tried(target, example)

    tried()


def test_an_undocumented_error_would_be_seen():
    broken = fuzz.Target(st.just(b"x" * 10), lambda data: str(data[10]))
    with pytest.raises(IndexError, match="out of range"):
        fuzz.tried(broken, b"x" * 10)


def test_memory_over_the_cap_would_be_seen():
    greedy = fuzz.Target(st.just(b""), lambda data: str(len(bytes(2**21))))
    with pytest.raises(AssertionError, match="bytes of memory for 0 of input"):
        fuzz.tried(greedy, b"")
