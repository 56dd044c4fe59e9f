"""Figures, each with both sides measured in one run. `python -m benchmarks.NAME --json` prints one object a line."""
