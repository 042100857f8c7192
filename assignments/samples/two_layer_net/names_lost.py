"""A notebook that lost all its cell metadata: its answers are recognised by the functions they define."""
# %% forget
