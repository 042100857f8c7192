import io
import sys
from types import SimpleNamespace

import pytest

from cs231n_lite import progress
from cs231n_lite.progress import Progress


def work(verbose=True):
    with Progress(total=3, verbose=verbose) as bar:
        for step in range(3):
            bar.advance(f"step {step + 1} / 3")
        bar.say("epoch 1 done")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_pipe_gets_the_lines_alone(capfd):
    work()
    assert capfd.readouterr() == ("epoch 1 done\n", "")


def test_a_terminal_gets_a_bar_on_stdout_that_goes_away(monkeypatch, capfd):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    work()
    assert "0/3" in terminal.getvalue()
    assert "epoch 1 done\n" in terminal.getvalue()
    assert terminal.getvalue().rsplit("\r", 1)[1].strip() == ""
    assert capfd.readouterr().err == ""


def test_silence_is_complete(monkeypatch, capfd):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    work(verbose=False)
    assert terminal.getvalue() == ""
    assert capfd.readouterr().err == ""


@pytest.fixture
def live(monkeypatch):
    shown = [""]
    handle = SimpleNamespace(update=lambda data, raw: shown.append(data["text/plain"]))
    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    monkeypatch.setattr(progress, "_empty_output", lambda: handle)
    return shown


def test_a_notebook_stores_an_empty_output_whatever_happened(live, capfd):
    work()
    assert live[:2] == ["", "step 1 / 3"]
    assert live[-1] == ""
    assert capfd.readouterr() == ("epoch 1 done\n", "")


def test_an_error_clears_the_live_output(live):
    def interrupted():
        with Progress(total=3, verbose=True) as bar:
            bar.advance("step 1")
            raise KeyboardInterrupt("by hand")

    with pytest.raises(KeyboardInterrupt, match="by hand"):
        interrupted()
    assert live == ["", "step 1", ""]


def test_many_quick_steps_are_few_updates(live):
    with Progress(total=2000, verbose=True) as bar:
        for step in range(2000):
            bar.advance(str(step))
    assert len(live) < 100


def test_a_kernel_is_told_from_plain_python_and_from_an_ipython_terminal(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not progress._in_notebook()
    for shell, answer in ((None, False), (SimpleNamespace(), False), (SimpleNamespace(kernel=object()), True)):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        assert progress._in_notebook() is answer


def test_in_a_real_notebook_two_runs_store_the_same():
    import nbclient  # here, because the other tests need no Jupyter
    import nbformat

    source = (
        "import time\n"
        "from cs231n_lite.progress import Progress\n"
        "with Progress(total=3, verbose=True) as bar:\n"
        "    for step in range(3):\n"
        "        bar.advance(f'step {step}')\n"
        "        time.sleep(0.25)\n"
        "    bar.say('done')"
    )
    stored = []
    for _ in range(2):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id="only")])
        nbclient.NotebookClient(notebook, timeout=60).execute()
        stored.append(notebook.cells[0].outputs)
    assert stored[0] == stored[1]
    display, stream = stored[0]
    assert (display.output_type, display.data) == ("display_data", {"text/plain": ""})
    assert (stream.name, stream.text) == ("stdout", "done\n")
