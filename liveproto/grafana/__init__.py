"""Grafana's server rules as pure functions."""
