"""The plan's past days, written into Prometheus as if it had watched all along."""
