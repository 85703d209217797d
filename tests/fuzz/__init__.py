"""Fuzz targets: what takes bytes of strangers must end as its documentation says, and in no other way."""

import sys
from pathlib import Path

# What pytest does for tests beside this package: the property tests are reused here, and what they share.
_TESTS = Path(__file__).parents[1]
sys.path += [str(_TESTS), str(_TESTS / "property")]
