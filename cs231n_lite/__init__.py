"""What students import: data, gradient checking, a training loop and plots.

This front door loads each room only when something in it is asked for, so
``import cs231n_lite`` costs no more than NumPy itself.
"""

import importlib
from typing import Any

_ROOM_OF = {
    "load_cifar10": "data",
    "load_mnist": "data",
    "check_gradient": "gradient_check",
    "check_gradients": "model_gradient",
    "numerical_gradient": "gradient_check",
    "relative_error": "gradient_check",
    "expect": "compare",
    "expect_choice": "answers",
    "expect_choices": "answers",
    "expect_match": "answers",
    "expect_number": "answers",
    "Solver": "solver",
    "LivePlot": "vis_live",
    "conv_forward_fast": "fast_layers",
    "conv_backward_fast": "fast_layers",
    "max_pool_forward_fast": "fast_layers",
    "max_pool_backward_fast": "fast_layers",
    "load_params": "solver",
    "save_params": "solver",
    "image_grid": "vis",
    "plot_curves": "vis",
    "plot_graph": "vis_graph",
    "plot_history": "vis",
    "weight_templates": "vis",
    "activation_histograms": "vis_activations",
    "confusion_matrix": "vis_confusion",
    "feature_maps": "vis_filters",
    "filters": "vis_filters",
    "gradient_flow": "vis_gradients",
    "parallel_coordinates": "vis_search",
    "search_heatmap": "vis_search",
    "search_marginals": "vis_search",
    "search_scatter": "vis_search",
}

__all__ = sorted(_ROOM_OF)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"cs231n_lite has no {name!r}. It has: {', '.join(__all__)}.")
    return getattr(importlib.import_module(f"cs231n_lite.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
