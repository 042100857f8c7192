"""ReLU's backward writes its mask into the cached array: right the first time, wrong the second."""


# %% replace relu_backward
def relu_backward(dout, cache):
    x = cache
    x[x > 0] = 1
    x[x <= 0] = 0
    x *= dout
    return x
