"""Cases and catalogues from files: rows to events, events to the broker, what was wrong beside the file."""
