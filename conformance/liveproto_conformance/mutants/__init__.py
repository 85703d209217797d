"""Servers that are wrong on purpose, each in one way, and one that is right in every unusual way."""
