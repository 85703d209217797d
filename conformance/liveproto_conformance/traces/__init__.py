"""Recorded traffic: its format, and what it is read for."""
