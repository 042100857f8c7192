"""Whatever strangers send, what it makes us hold is bounded: the worst inputs known, each read in its own process.

These are the worst of each kind; ``python -m benchmarks.memory`` reads them all.
"""

import sys

import pytest

from benchmarks import memory

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads what Linux says of a process")


@pytest.mark.parametrize(
    "name", ["lists of one", "numbers", "a wide text", "wide sources", "plain text", "too many lists"]
)
def test_notebooks(name, tmp_path):
    size, outcome = memory.read_notebook(name, tmp_path)
    assert size < memory.LIMIT
    assert outcome == "read" or outcome.endswith("hand it in again.")


@pytest.mark.parametrize("name", ["float64", "int8", "256 arrays", "a header of lists", "a longer one than it may be"])
def test_six_answers_that_are_all_kept_and_compared(name):
    size, outcome = memory.read_replies(name)
    assert size < memory.LIMIT
    assert outcome == "read" or outcome.startswith("what came back could not be read. A message may have")


@pytest.mark.parametrize("name", ["half precision", "longer than it says", "a bomb"])
def test_models(name, tmp_path):
    size, outcome = memory.read_model(name, tmp_path)
    assert size < memory.LIMIT
    assert outcome == "read" or outcome.endswith("hand it in beside the notebook.")


def test_the_measurement_sees_what_is_held(tmp_path):
    """A notebook of 20 MB takes its bytes and its text at the very least."""
    assert memory.read_notebook("plain text", tmp_path)[0] > 40 * 2**20
