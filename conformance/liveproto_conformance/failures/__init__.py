"""What a check found where it failed: told, saved, made smaller, run again."""
