"""A wrong word beside a right one, a division that forgets its one, two names in each other's place."""

# %% replace hyperparameters
hyperparameters = {"learning_rate", "batch_size", "weights"}
# %% replace conv_size
conv_size = (63 + 2 * 3 - 7) / 2
# %% replace read_the_rates
read_the_rates = {"A": "diverging", "B": "too_low", "C": "too_high", "D": "good"}
