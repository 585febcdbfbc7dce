"""Measure this machine, all compared figures in one run: `make bench`, or `python -m bench SECTION …`."""
