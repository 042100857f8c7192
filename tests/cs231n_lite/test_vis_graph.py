import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from cs231n_lite import vis_graph

NODES = {"x": (0, 1), "y": (0, 0), "+": (1, 0.5), "f": (2, 0.5)}
WIRES = [("x", "+", 2.0, 10.0), ("y", "+", 3.0, 10.0), ("+", "f", 5.0, 1.0)]


def written(ax):
    """Give what is written on the wires, by its words."""
    return {text.get_text(): text for text in ax.texts if isinstance(text, matplotlib.text.Annotation)}


def test_importing_it_does_not_import_matplotlib():
    code = "import sys, cs231n_lite.vis_graph; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_drawing_leaves_the_global_look_alone():
    before = dict(plt.rcParams)
    vis_graph.plot_graph(NODES, WIRES)
    assert dict(plt.rcParams) == before


def test_values_stand_above_their_wires_and_gradients_below():
    ax = vis_graph.plot_graph(NODES, [("x", "+", 2.0, 10.0), ("y", "+", 3.0, 20.0), ("+", "f", 5.0, 1.0)])
    texts = written(ax)
    for value, gradient in [("2", "10"), ("3", "20"), ("5", "1")]:
        above, below = texts[value], texts[gradient]
        assert above.xy == below.xy  # the middle of the wire
        assert above.xyann[1] > 0 > below.xyann[1]
        assert above.get_color() == vis_graph.VALUE_COLOUR
        assert below.get_color() == vis_graph.GRADIENT_COLOUR
    assert (texts["2"].get_rotation(), texts["5"].get_rotation()) == (pytest.approx(360 - 26.565, abs=0.01), 0)


@pytest.mark.parametrize(("end", "rotation"), [((-1, 0), 0), ((-1, -1), 45), ((0, -1), 90), ((0, 1), 90)])
def test_writing_stays_upright_whichever_way_the_wire_goes(end, rotation):
    ax = vis_graph.plot_graph({"a": (0, 0), "b": end}, [("a", "b", 1.0)])
    assert written(ax)["1"].get_rotation() == pytest.approx(rotation)


def test_only_operations_get_a_circle():
    ax = vis_graph.plot_graph(NODES, WIRES)
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines] == [(1, 0.5)]


def test_labels_replace_names_so_that_two_nodes_may_do_the_same():
    nodes = {"x": (0, 0), "first": (1, 0), "second": (2, 0), "f": (3, 0)}
    wires = [("x", "first"), ("first", "second"), ("second", "f")]
    ax = vis_graph.plot_graph(nodes, wires, labels={"first": "×", "second": "×"}, title="T")
    assert [text.get_text() for text in ax.texts][:4] == ["x", "×", "×", "f"]
    assert ax.get_title() == "T"


def test_a_legend_only_where_there_are_gradients():
    assert vis_graph.plot_graph(NODES, WIRES).get_legend() is not None
    assert vis_graph.plot_graph(NODES, [wire[:3] for wire in WIRES]).get_legend() is None


def test_arrays_are_written_as_their_shape_and_nothing_as_nothing():
    ax = vis_graph.plot_graph(NODES, [("x", "+", np.zeros((4, 2)), None), ("y", "+"), ("+", "f", "?", -0.5)])
    assert {"(4, 2)", "?", "−0.5", ""} == set(written(ax))


def test_a_graph_is_drawn_on_given_axes():
    _, own = plt.subplots()
    assert vis_graph.plot_graph(NODES, WIRES, ax=own) is own


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ({}, [], r"The nodes parameter of plot_graph must be at least one node\. Got none instead"),
        ({"x": 1.0}, [], r"names with a \(column, row\) each\. Got 'x': 1\.0 instead"),
        ({"x": (0, np.nan)}, [], r"names with a \(column, row\) each"),
        ({"x": (0, 0)}, [("x", "y")], r"with two of the nodes x\. Got \('x', 'y'\) instead"),
        ({"x": (0, 0), "y": (1, 0)}, [("x",)], r"The edges parameter of plot_graph must be \(start, end"),
        ({"x": (0, 0), "y": (1, 0)}, [("x", "x")], r"with two of the nodes x, y"),
        ({"x": (0, 0), "y": (1, 0)}, [("x", "y", 1, 2, 3)], r"with two of the nodes x, y"),
    ],
)
def test_unfit_graphs_are_refused(nodes, edges, message):
    with pytest.raises(ValueError, match=message):
        vis_graph.plot_graph(nodes, edges)
