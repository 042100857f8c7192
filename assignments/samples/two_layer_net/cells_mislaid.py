"""A check cell deleted, a solution doubled and a helper cell added: nothing of it costs a mark."""


# %% delete check_relu_backward
# %% repeat affine_backward
# %% add affine_forward
def as_rows(x):
    return x.reshape(x.shape[0], -1)
