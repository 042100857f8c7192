"""Multiply hands each input its own value, Repeat averages its copies, softmax overflows on large scores."""


# %% replace Multiply
class Multiply:
    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y

    def backward(self, dout):
        return dout * self.x, dout * self.y


# %% replace Repeat
class Repeat:
    def __init__(self, N):
        self.N = N

    def forward(self, x):
        return np.repeat(x, self.N, axis=0)

    def backward(self, dout):
        return dout.mean(axis=0, keepdims=True)


# %% replace softmax
def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
