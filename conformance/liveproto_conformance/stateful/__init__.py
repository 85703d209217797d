"""Whole sessions as checks: steps, a model beside them, and which transitions were reached."""
