"""Load tests: a scenario driven against a target, and the verdict on it."""

from perfkit.loadtest.run import Observer, Options, run

__all__ = ["Observer", "Options", "run"]
