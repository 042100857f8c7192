"""Measurements of this package, each run by ``python -m benchmarks.<name>``."""
