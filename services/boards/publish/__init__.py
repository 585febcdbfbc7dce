"""Boards into a Grafana: the only user of grafana-api."""
