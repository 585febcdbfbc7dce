"""The gateway: takes events over HTTP and passes them to the broker, answers queries, and serves the board page."""
