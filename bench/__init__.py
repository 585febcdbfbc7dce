"""`make bench`, or `python -m bench SECTION …`: what this machine does, everything side by side in one run."""
