"""The leak is on the wrong side, the gradient of PReLU's alpha is not summed over the batch, he and xavier are exchanged."""


# %% replace leaky_relu_forward
def leaky_relu_forward(x):
    return np.where(x < 0, x, 0.01 * x), x


# %% replace prelu_backward
def prelu_backward(dout, cache):
    x, alpha = cache
    dx = np.where(x > 0, dout, alpha * dout)
    return dx, dout * np.minimum(0, x)


# %% replace init_weights
def init_weights(fan_in, fan_out, kind):
    scale = {"zeros": 0, "small": 0.01, "large": 1, "xavier": np.sqrt(2 / fan_in), "he": np.sqrt(1 / fan_in)}[kind]
    return scale * np.random.randn(fan_in, fan_out)
