"""Runs against runs: within a benchmark, and between two reports."""
