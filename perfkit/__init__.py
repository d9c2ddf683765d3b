"""perfkit: profiling, tuning and load testing for databases."""

__version__ = "0.1.0"
