"""Draws are uniform in the value, not in its logarithm; the folds are not shuffled; the file of the model was forgotten."""


# %% replace sample_log_uniform
def sample_log_uniform(low, high, size, rng):
    return rng.uniform(low, high, size)


# %% replace k_fold_indices
def k_fold_indices(n, k, rng):
    folds = np.array_split(np.arange(n), k)
    return [(np.concatenate(folds[:i] + folds[i + 1 :]), folds[i]) for i in range(k)]


# %% without best_tuned_net.npz
