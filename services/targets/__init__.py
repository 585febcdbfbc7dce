"""Indicators held against plans on a timer: /metrics, breaches and recoveries as events, answers by RPC."""
