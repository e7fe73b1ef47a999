"""There and back: the same database again, online and through psql; and what is printed, frozen, and emitted."""
