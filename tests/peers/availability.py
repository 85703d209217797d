"""What a test does without a tool it needs."""

import os

import pytest


def unavailable(reason):
    """End the test: where CI promises every tool, as an error; elsewhere as a skip with the reason."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
