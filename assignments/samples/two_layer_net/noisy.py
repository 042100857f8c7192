"""Correct work that prints, warns and shows a progress bar on stderr keeps full marks."""

# %% replace affine_forward
import sys
import warnings


def affine_forward(x, w, b):
    print("affine_forward was called")
    warnings.warn("a warning that costs nothing", stacklevel=1)
    sys.stderr.write("\r 100%|##########| 1/1")
    out = x.reshape(x.shape[0], -1) @ w + b
    return out, (x, w, b)


# %% add affine_forward
sys.stderr.write("more on stderr\n")
np.log(np.zeros(3))
