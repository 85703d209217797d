"""The proof that the kit fails where it should: mutants, null servers and the permissive twin, all tried."""
