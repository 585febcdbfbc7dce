"""The monthly report that a plan requires: written by a timer for the month before, or made on demand."""
