"""Grafana boards, built with Grafana's own typed builders."""
