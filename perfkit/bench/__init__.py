"""Benchmarks: runs of a workload in turn, compared."""

from perfkit.bench.options import Options
from perfkit.bench.run import run
from perfkit.bench.subject import printed

__all__ = ["Options", "printed", "run"]
