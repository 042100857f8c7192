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
