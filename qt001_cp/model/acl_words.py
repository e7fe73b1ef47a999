"""Two ACLs in a finding, for people: only the entries in which they differ. Programs get the finding as it is."""

from __future__ import annotations

import json
import re
from typing import Any

_BOTH = re.compile(
    r"expected (?P<what>ACL|column ACLs) (?P<expected>\[.*\]), found (?P=what) (?P<found>\[.*\])", re.DOTALL
)


def compared(expected: str, found: str) -> tuple[str, str]:
    """``expected`` and ``found`` of one finding, shortened where both are ACLs; else as they are."""
    for what in ("ACL ", "column ACLs "):
        if expected.startswith(what + "[") and found.startswith(what + "["):
            try:
                wanted, there = _entries(expected.removeprefix(what)), _entries(found.removeprefix(what))
            except (ValueError, TypeError):
                break
            less, more = [e for e in wanted if e not in there], [e for e in there if e not in wanted]
            if less and more:
                return f"{what}with {_said(less)}", f"{what}with {_said(more)} instead"
            if less or more:
                said = (f"with {_said(less)}", "without it") if less else (f"without {_said(more)}", "with it")
                return what + said[0], what + said[1]
            return what + "in the order of the manifest", what + "with the same entries in another order"
    return expected, found


def in_a_sentence(text: str | None) -> str | None:
    """``…: expected ACL […], found ACL […]``, as a gate gives its reason."""
    return _BOTH.sub(lambda m: _sentence(m["what"], m["expected"], m["found"]), text) if text else text


def _sentence(what: str, expected: str, found: str) -> str:
    return "expected {}, found {}".format(*compared(f"{what} {expected}", f"{what} {found}"))


def _entries(text: str) -> list[tuple[Any, ...]]:
    """(column or None, grantor, grantee, privilege, grantable) in the order of the ACL."""
    found: list[tuple[Any, ...]] = []
    for item in json.loads(text):
        if isinstance(item[1], list):
            found += [(item[0], *entry) for entry in item[1]]
        else:
            found.append((None, *item))
    return found


def _said(entries: list[tuple[Any, ...]]) -> str:
    """By who holds it from whom: the privileges together."""
    held: dict[tuple[Any, ...], list[str]] = {}
    for column, grantor, grantee, privilege, grantable in entries:
        held.setdefault((grantee, grantor, grantable, column), []).append(privilege)
    return "; ".join(
        f"{', '.join(privileges)}{f' ({column})' if column is not None else ''}"
        f" for {'PUBLIC' if grantee is None else grantee} by {grantor}{' WITH GRANT OPTION' if grantable else ''}"
        for (grantee, grantor, grantable, column), privileges in held.items()
    )
