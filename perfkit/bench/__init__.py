"""Benchmarks: runs of a workload in turn, compared."""
