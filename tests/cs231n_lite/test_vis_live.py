"""Curves that grow: one figure in a notebook, drawn over after each epoch, and none in a terminal."""

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from cs231n_lite.vis_live import LivePlot, in_notebook

CELL = """
from types import SimpleNamespace
from cs231n_lite.vis_live import LivePlot

live = LivePlot()
for epochs in (1, 2, 3):
    live(SimpleNamespace(loss_history=[2.0] * 10 * epochs, train_acc_history=[0.1] * epochs, val_acc_history=[0.1] * epochs))
"""


def test_a_notebook_shows_one_figure():
    book = new_notebook(cells=[new_code_cell("%matplotlib inline"), new_code_cell(CELL)])
    NotebookClient(book, timeout=120).execute()
    pictures = [output for output in book.cells[1].outputs if "image/png" in output.get("data", {})]
    assert [output.output_type for output in book.cells[1].outputs] == ["display_data"]
    assert len(pictures) == 1
    nbformat.validate(book)


def test_a_terminal_shows_nothing(capsys):
    assert not in_notebook()
    LivePlot()(object())  # is not even looked at
    assert capsys.readouterr() == ("", "")
