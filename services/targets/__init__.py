"""Compares indicators with plans on a timer: serves /metrics, publishes breaches and recoveries, answers by RPC."""
