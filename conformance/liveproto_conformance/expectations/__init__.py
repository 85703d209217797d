"""Known failures: what is expected to fail and why, how a run is judged in their light, and how they are kept."""
