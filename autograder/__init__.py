"""The autograder: what instructors run. It may import cs231n_lite, never the reverse."""
