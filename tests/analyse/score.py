"""The score."""
EXPLAINED_MISSES: dict[str, set[str]] = {}
EXPLAINED_MORE: dict[str, set[str]] = {}
