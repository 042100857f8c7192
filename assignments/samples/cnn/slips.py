"""The size of an output lacks its one, a bias gets the gradient of the first position only, a tie in a window is split."""


# %% replace conv_output_size
def conv_output_size(size, field, stride=1, pad=0):
    return (size + 2 * pad - field) // stride


# %% replace conv_backward_naive
def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dpadded, dw = np.zeros(padded.shape), np.zeros(w.shape)
    for n, f, i, j in np.ndindex(dout.shape):
        rows = slice(i * stride, i * stride + w.shape[2])
        columns = slice(j * stride, j * stride + w.shape[3])
        dpadded[n, :, rows, columns] += dout[n, f, i, j] * w[f]
        dw[f] += dout[n, f, i, j] * padded[n, :, rows, columns]
    return dpadded[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]], dw, dout[:, :, 0, 0].sum(axis=0)


# %% replace max_pool_backward_naive
def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    height, width, stride = (pool_param[name] for name in ("pool_height", "pool_width", "stride"))
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(dout.shape):
        rows, columns = slice(i * stride, i * stride + height), slice(j * stride, j * stride + width)
        largest = x[n, c, rows, columns] == x[n, c, rows, columns].max()
        dx[n, c, rows, columns] += dout[n, c, i, j] * largest / largest.sum()
    return dx
