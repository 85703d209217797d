"""Influx lines to Grafana data frames, and data frames as JSON."""
