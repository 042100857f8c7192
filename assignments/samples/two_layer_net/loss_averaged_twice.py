"""softmax_loss takes the mean over the batch twice."""


# %% replace softmax_loss
def softmax_loss(x, y):
    shifted = x - x.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.log(p[rows, y]).mean() / len(y)
    dx = p.copy()
    dx[rows, y] -= 1
    return loss, dx / len(y) / len(y)
