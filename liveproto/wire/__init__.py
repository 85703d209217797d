"""Bytes to records and back: messages, codes, and one codec per dialect."""
