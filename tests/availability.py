"""What a test does without a tool it needs, and how it gets what npm has."""

import os
import shutil
import subprocess

import pytest

INSTALL_TIMEOUT_S = 400


def unavailable(reason):
    """End the test: where CI promises every tool, as an error; elsewhere as a skip with the reason."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def npm_installed(source, target):
    """A copy of a folder, with what its lock names installed beside it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        unavailable(f"{source.name} needs node and npm")
    copy = shutil.copytree(source, target / source.name, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    installed = subprocess.run(
        command, cwd=copy, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
    )
    if installed.returncode:
        unavailable(f"npm ci failed: {installed.stderr[-2000:]}")
    return copy
