"""The two networks that `benchmarks.training` times, each in NumPy and in PyTorch, with the same parameters.

They are what a student can write at the end of the course: float32 throughout, and no gradient with respect to the
images, which nobody asks for.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from autograder.assignment import Assignment, find_course
from autograder.reference import Namespaces
from cs231n_lite.fast_layers import (
    conv_backward_fast,
    conv_forward_fast,
    max_pool_backward_fast,
    max_pool_forward_fast,
)

Loss = tuple[float, dict[str, np.ndarray]]
POOL = {"pool_height": 2, "pool_width": 2, "stride": 2}


@cache
def reference_answers(*assignments: str) -> dict[str, Any]:
    """Give what the reference solutions of these notebooks define; of a name in several, the last one's."""
    course = find_course(Path(__file__).parent.parent)
    return {k: v for name in assignments for k, v in Namespaces(Assignment(course, name))("").items()}


def softmax_loss(scores: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Give the mean loss and its gradient with respect to the scores, in their dtype."""
    p = scores - scores.max(axis=1, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.log(p[rows, y]).mean()
    p[rows, y] -= 1
    p /= len(y)
    return float(loss), p


def affine_pair(X: np.ndarray, y: np.ndarray | None, params: dict[str, np.ndarray], names: tuple[str, ...]) -> Any:
    """Run affine, ReLU, affine, softmax; give scores without labels, else loss, gradients and that of the hidden layer."""
    W1, b1, W2, b2 = (params[name] for name in names)
    h = X @ W1
    h += b1
    np.maximum(h, 0, out=h)
    scores = h @ W2
    scores += b2
    if y is None:
        return scores
    loss, dscores = softmax_loss(scores, y)
    dh = dscores @ W2.T
    dh *= h > 0
    grads = (X.T @ dh, dh.sum(axis=0), h.T @ dscores, dscores.sum(axis=0))
    return loss, dict(zip(names, grads, strict=True)), dh


class TwoLayerNet:
    """Affine, ReLU, affine, softmax, with a penalty on the weights."""

    names = ("W1", "b1", "W2", "b2")

    def __init__(self, hidden: int, reg: float = 3e-3) -> None:
        rng = np.random.default_rng(0)
        shapes = ((3072, hidden), (hidden,), (hidden, 10), (10,))
        self.params = {
            n: 1e-2 * rng.standard_normal(s, dtype=np.float32) for n, s in zip(self.names, shapes, strict=True)
        }
        self.reg = reg

    def loss(self, X: np.ndarray, y: np.ndarray | None = None) -> Any:
        """Follow the protocol of `Solver`."""
        answer = affine_pair(X.reshape(len(X), -1), y, self.params, self.names)
        if y is None:
            return answer
        loss, grads, _ = answer
        for name in ("W1", "W2"):
            w = self.params[name]
            loss += 0.5 * self.reg * float(np.vdot(w, w))
            grads[name] += self.reg * w
        return loss, grads

    def torch_loss(self, torch: Any, X: Any, y: Any, params: dict[str, Any]) -> Any:
        """Compute the same loss in PyTorch."""
        functional = torch.nn.functional
        scores = torch.relu(X.flatten(1) @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]
        penalty = (params["W1"] ** 2).sum() + (params["W2"] ** 2).sum()
        return functional.cross_entropy(scores, y) + 0.5 * self.reg * penalty


class ThreeLayerConvNet:
    """Convolution, ReLU, 2 x 2 pooling, affine, ReLU, affine, softmax; a filter's padding keeps the size."""

    names = ("W2", "b2", "W3", "b3")

    def __init__(self, filters: int, size: int, hidden: int, input_dim: tuple[int, int, int] = (3, 32, 32)) -> None:
        rng, (channels, height, width) = np.random.default_rng(0), input_dim
        flat = filters * (height // 2) * (width // 2)
        shapes = {"W1": (filters, channels, size, size), "b1": (filters,), "W2": (flat, hidden), "b2": (hidden,)}
        shapes |= {"W3": (hidden, 10), "b3": (10,)}
        self.params = {n: 1e-2 * rng.standard_normal(s, dtype=np.float32) for n, s in shapes.items()}
        self.conv_param = {"stride": 1, "pad": size // 2}

    def loss(self, X: np.ndarray, y: np.ndarray | None = None) -> Any:
        """Follow the protocol of `Solver`."""
        a, conv_cache = conv_forward_fast(X, self.params["W1"], self.params["b1"], self.conv_param)
        np.maximum(a, 0, out=a)
        pooled, pool_cache = max_pool_forward_fast(a, POOL)
        answer = affine_pair(pooled.reshape(len(X), -1), y, self.params, self.names)
        if y is None:
            return answer
        loss, grads, dh = answer
        dpooled = (dh @ self.params["W2"].T).reshape(pooled.shape)
        da = max_pool_backward_fast(dpooled, pool_cache)
        da *= a > 0
        _, grads["W1"], grads["b1"] = conv_backward_fast(da, conv_cache, need_dx=False)
        return loss, grads

    def torch_loss(self, torch: Any, X: Any, y: Any, params: dict[str, Any]) -> Any:
        """Compute the same loss in PyTorch."""
        functional = torch.nn.functional
        a = torch.relu(functional.conv2d(X, params["W1"], params["b1"], padding=self.conv_param["pad"]))
        h = torch.relu(functional.max_pool2d(a, 2).flatten(1) @ params["W2"] + params["b2"])
        return functional.cross_entropy(h @ params["W3"] + params["b3"], y)
