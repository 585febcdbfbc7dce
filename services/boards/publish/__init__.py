"""Push boards to a Grafana: the only user of grafana-api."""
