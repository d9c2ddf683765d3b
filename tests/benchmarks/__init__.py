"""Measurements against the field's own tools; run by hand, never by the test suite.

python -m tests.benchmarks                all of them, as a Markdown table
python -m tests.benchmarks redis sqlite   some, by name
"""
