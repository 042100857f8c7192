"""Biases of shape (1, H): they broadcast, so this is a legitimate model and keeps its marks, with a note."""


# %% replace TwoLayerNet
class TwoLayerNet:
    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.reg = reg
        self.params = {
            "W1": weight_scale * np.random.randn(input_dim, hidden_dim),
            "b1": np.zeros((1, hidden_dim)),
            "W2": weight_scale * np.random.randn(hidden_dim, num_classes),
            "b2": np.zeros((1, num_classes)),
        }

    def loss(self, X, y=None):
        W1, b1, W2, b2 = (self.params[k] for k in ("W1", "b1", "W2", "b2"))
        hidden, cache1 = affine_forward(X, W1, b1)
        active, cache2 = relu_forward(hidden)
        scores, cache3 = affine_forward(active, W2, b2)
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        loss += 0.5 * self.reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        dactive, dW2, db2 = affine_backward(dscores, cache3)
        dhidden = relu_backward(dactive, cache2)
        _, dW1, db1 = affine_backward(dhidden, cache1)
        return loss, {
            "W1": dW1 + self.reg * W1,
            "b1": db1.reshape(1, -1),
            "W2": dW2 + self.reg * W2,
            "b2": db2.reshape(1, -1),
        }
