"""Lists of names as readable blocks of text."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())
