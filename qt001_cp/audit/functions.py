"""Functions of the server's own that are harmless, by name: the audit's own list.

It is coarser than what it checks: a name of which one overload is harmless stands in it. Source: PostgreSQL documentation, chapters
"Functions and Operators" (9) and "System Catalogs" for what has no page of its own; what is not in it has to be unknown in the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import psycopg

from qt001_cp.audit.lexical import Token, tokens
from qt001_cp.audit.queries import rows


@cache
def harmless() -> frozenset[str]:
    return frozenset((Path(__file__).parent / "harmless.txt").read_text("utf-8").split())


def unlisted(connection: psycopg.Connection) -> frozenset[str]:
    """Names of this server's functions that are not harmless."""
    return frozenset(r["name"] for r in rows(connection, "core_names.sql")) - harmless()


def calls(body: str, names: frozenset[str]) -> Iterator[str]:
    """Those of ``names`` that are called in a body, also in the text that a constant EXECUTE runs: alone, by pg_catalog, or behind a dot."""
    found = list(tokens(body))
    for at, (t, after) in enumerate(pairwise(found)):
        if t.kind == "string" and at and found[at - 1].text == "execute":
            yield from calls(t.text, names)
        if t.kind in ("word", "name") and t.text in names and after.text == "(" and _of_the_server(found, at):
            yield t.text
        elif t.text == ")" and after.text == "." and at + 2 < len(found) and found[at + 2].text in names:
            yield found[at + 2].text


def _of_the_server(found: list[Token], at: int) -> bool:
    if at and found[at - 1].text == "tablesample":
        return False
    return at < 2 or found[at - 1].text != "." or found[at - 2].text == "pg_catalog"
