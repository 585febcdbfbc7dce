"""Routing of alerts: Alertmanager's configuration."""
