"""Benchmarks: large estates, and what the work on them costs, always as a ratio to a yardstick of the same run."""
