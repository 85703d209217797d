"""The checks: one pytest module for each area of SPEC.md. Each states one fact of a server."""
