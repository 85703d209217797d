"""For all tests: one profile of Hypothesis, with the same examples on every run and no clock; and SIGINT as usual."""

import signal

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

# A shell has what it runs in the background ignore it, and so would every command that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
