"""Pushing of boards to Grafana; only this package uses grafana-api."""
