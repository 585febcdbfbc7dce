"""Who is told of what: Alertmanager's configuration."""
