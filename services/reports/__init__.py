"""The monthly report that the plan asks for: by the 5th of each month for the month before, and on demand."""
