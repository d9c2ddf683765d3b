"""Load tests: a scenario driven against a target, and the verdict on it."""

from perfkit.loadtest.options import Options
from perfkit.loadtest.run import run

__all__ = ["Options", "run"]
