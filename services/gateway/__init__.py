"""The HTTP door: takes events in and hands them to the broker, answers queries, serves the board page."""
