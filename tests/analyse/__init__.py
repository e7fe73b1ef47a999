"""Tests of the static analyser: pure, table-driven, exact."""
