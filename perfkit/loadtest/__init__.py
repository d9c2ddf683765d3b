"""Load tests: a scenario driven against a target, and the verdict on it."""

from perfkit.loadtest.options import Observer, Options
from perfkit.loadtest.run import run

__all__ = ["Observer", "Options", "run"]
