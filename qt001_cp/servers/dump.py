"""What ``pg_dump`` writes, without what differs between two dumps of the same catalogs."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Final

_NAME: Final = r'(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_]*)'
_POLICY: Final = re.compile(
    rf"^(CREATE POLICY {_NAME} ON {_NAME}\.{_NAME}(?: AS RESTRICTIVE)?(?: FOR [A-Z]+)? TO )({_NAME}(?:, {_NAME})+)",
    re.MULTILINE,
)

_PRIVILEGE: Final = re.compile(r"(?:GRANT|REVOKE|(?:RE)?SET SESSION AUTHORIZATION)\b")


def settled(text: str) -> str:
    """A dump with the roles of each policy in the order of their names.

    pg_dump takes them as pg_authid happens to hold them, and an ALTER ROLE moves its row.
    Source: PostgreSQL, src/bin/pg_dump/pg_dump.c, getPolicies().
    """
    return _POLICY.sub(lambda found: found[1] + ", ".join(sorted(re.findall(_NAME, found[2]))), text)


def as_sets(text: str) -> str:
    """A dump with the privileges of each object in the order of their words: an ACL is a set, and what is revoked and granted again
    comes last in it."""
    lines: list[str] = []
    for privileges, group in groupby(text.splitlines(), key=lambda line: _PRIVILEGE.match(line) is not None):
        found = list(group)
        lines += sorted(found) if privileges else found
    return "\n".join(lines)
