"""Answers to earlier assignments, for this one to build on: from `two_layer_net`.

Generated from their reference solutions by `autograder release`; do not edit.
"""

import numpy as np


def affine_forward(x, w, b):
    """Compute M weighted sums of the D numbers of every example.

    Parameters
    ----------
    x : ndarray, shape (N, d_1, ..., d_k)
        N examples of any shape; each has D = d_1 * ... * d_k numbers.
    w : ndarray, shape (D, M)
        Weights, one column for each output.
    b : ndarray, shape (M,)
        Biases.

    Returns
    -------
    out : ndarray, shape (N, M)
        The weighted sums.
    cache : tuple
        (x, w, b), with `x` in the shape in which it came.
    """
    # TODO affine_forward: about 2 lines.
    out = x.reshape(len(x), -1) @ w + b
    return out, (x, w, b)

def affine_backward(dout, cache):
    """Pass the gradient back through an affine layer.

    Parameters
    ----------
    dout : ndarray, shape (N, M)
        Gradient of the loss with respect to the output.
    cache : tuple
        What affine_forward returned: (x, w, b).

    Returns
    -------
    dx, dw, db : ndarray
        Gradients with respect to `x`, `w` and `b`, each in the shape of its array.
    """
    x, w, b = cache
    # TODO affine_backward: about 4 lines, one for each gradient and the return.
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db

def relu_forward(x):
    """Replace every negative entry by zero.

    Parameters
    ----------
    x : ndarray, any shape
        Input; left unchanged.

    Returns
    -------
    out : ndarray, shape of `x`
        max(0, x), entry by entry.
    cache : ndarray
        `x`.
    """
    # TODO relu_forward: 1 or 2 lines.
    return np.maximum(0, x), x

def relu_backward(dout, cache):
    """Let the gradient through where the input was positive.

    Parameters
    ----------
    dout : ndarray, any shape
        Gradient of the loss with respect to the output; left unchanged.
    cache : ndarray, shape of `dout`
        The input `x` of relu_forward; left unchanged.

    Returns
    -------
    dx : ndarray, shape of `dout`
        Gradient with respect to `x`.
    """
    x = cache
    # TODO relu_backward: 1 or 2 lines.
    return dout * (x > 0)

def softmax_loss(x, y):
    """Compute the mean softmax (cross-entropy) loss of a batch and its gradient.

    Parameters
    ----------
    x : ndarray, shape (N, C)
        Scores, of any size: 1,000 must not overflow. Left unchanged.
    y : ndarray of int, shape (N,)
        The right class of each example, from 0 to C - 1.

    Returns
    -------
    loss : float
        -log p of the right class, averaged over the batch.
    dx : ndarray, shape (N, C)
        Gradient of `loss` with respect to `x`.
    """
    # TODO softmax_loss: about 6 lines; np.arange(N) and y together pick one entry from each row.
    shifted = x - x.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(x))
    dx = np.exp(log_p)
    dx[rows, y] -= 1
    return -log_p[rows, y].mean(), dx / len(x)

class TwoLayerNet:
    """A classifier with one hidden layer: affine, ReLU, affine, softmax.

    Parameters
    ----------
    input_dim, hidden_dim, num_classes : int
        D numbers in an example, H hidden units, C classes.
    weight_scale : float
        Standard deviation of the initial weights.
    reg : float
        Strength of the penalty 0.5 * reg * sum(W**2) on W1 and W2, not on b1 and b2.

    Attributes
    ----------
    params : dict of ndarray
        W1 (D, H), b1 (H,), W2 (H, C) and b2 (C,).
    """

    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.reg = reg
        # TODO TwoLayerNet, __init__: about 5 lines that make self.params.
        self.params = {
            "W1": np.random.normal(scale=weight_scale, size=(input_dim, hidden_dim)),
            "b1": np.zeros(hidden_dim),
            "W2": np.random.normal(scale=weight_scale, size=(hidden_dim, num_classes)),
            "b2": np.zeros(num_classes),
        }

    def loss(self, X, y=None):
        """Compute the scores or, with labels, the loss and its gradients.

        Parameters
        ----------
        X : ndarray, shape (N, d_1, ..., d_k)
            N examples of D = d_1 * ... * d_k numbers each.
        y : ndarray of int, shape (N,), or None
            Labels.

        Returns
        -------
        scores : ndarray, shape (N, C)
            If `y` is None.
        loss, grads : float and dict of ndarray
            Otherwise: the loss with its penalty, and a gradient for each entry of params.
        """
        # TODO TwoLayerNet, loss: about 11 lines, nearly all of them calls of your own functions.
        W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        a, cache1 = affine_forward(X, W1, b1)
        h, gates = relu_forward(a)
        scores, cache2 = affine_forward(h, W2, b2)
        if y is None:
            return scores

        loss, dscores = softmax_loss(scores, y)
        loss = loss + 0.5 * self.reg * ((W1**2).sum() + (W2**2).sum())
        dh, dW2, db2 = affine_backward(dscores, cache2)
        _, dW1, db1 = affine_backward(relu_backward(dh, gates), cache1)
        return loss, {"W1": dW1 + self.reg * W1, "b1": db1, "W2": dW2 + self.reg * W2, "b2": db2}
