"""Softmax without subtracting the maximum: right on small scores, NaN on scores of 1,000."""


# %% replace softmax_loss
def softmax_loss(x, y):
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.log(p[rows, y]).mean()
    dx = p.copy()
    dx[rows, y] -= 1
    return loss, dx / len(y)
