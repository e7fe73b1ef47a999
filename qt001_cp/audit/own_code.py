"""The routines of schema qt001_cp against the scripts that have made them, read here from their text: which build's SQL is to be expected.

``--code FILE`` in the order in which they ran: bootstrap.sql, the printed fix7a.sql and fix7c.sql, each release since, forward or back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from qt001_cp.audit.check import Check
from qt001_cp.audit.queries import rows

_STATEMENT: Final = re.compile(
    r"^CREATE (?:OR REPLACE )?FUNCTION qt001_cp\.(?P<name>[a-z0-9_]+)\((?P<head>.*?)\bAS \$(?P<tag>[a-z0-9_]+)\$"
    r"(?P<body>.*?)\$(?P=tag)\$;|^DROP FUNCTION qt001_cp\.(?P<gone>[a-z0-9_]+)",
    re.MULTILINE | re.DOTALL,
)
_SET: Final = re.compile(r"^SET (\w+) = (.+)$", re.MULTILINE)
_VOLATILITY: Final = {"IMMUTABLE": "i", "STABLE": "s"}


@dataclass(frozen=True)
class Routine:
    """What of a routine decides what runs, and as whom."""

    body: str
    definer: bool
    volatility: str
    settings: frozenset[str]

    def __str__(self) -> str:
        who = "SECURITY DEFINER" if self.definer else "SECURITY INVOKER"
        return f"body {self.body}, {who}, volatility {self.volatility}, {', '.join(sorted(self.settings)) or 'no settings'}"


def own_code(connection: psycopg.Connection, files: Sequence[Path]) -> Check:
    """Each routine of the schema is the one that the files have made last, and there is no other."""
    check = Check("the control plane's own routines")
    wanted: dict[str, Routine] = {}
    for path in files:
        for name, made in routines_of(path.read_text("utf-8")):
            if made is None:
                wanted.pop(name, None)
            else:
                wanted[name] = made
    live: dict[str, list[Routine]] = {}
    for r in rows(connection, "own_routines.sql"):
        check.looked_at += 1
        live.setdefault(r["name"], []).append(
            Routine(_sha256(r["body"]), r["definer"], r["volatility"], frozenset(map(_setting, r["settings"])))
        )
    for name in sorted(wanted.keys() | live.keys()):
        found = live.get(name, [])
        if found != [wanted.get(name)]:
            said = "; ".join(map(str, found)) or "none"
            check.faults.append(
                f"routine qt001_cp.{name}: expected {wanted.get(name, 'none')} by the files, found {said}"
            )
    return check


def routines_of(text: str) -> Iterator[tuple[str, Routine | None]]:
    """What a script makes of which routine, in its order; None where it drops it."""
    for match in _STATEMENT.finditer(text):
        if match["gone"]:
            yield match["gone"], None
            continue
        head = match["head"]
        settings = frozenset(f"{name}={value.strip(chr(39))}" for name, value in _SET.findall(head))
        volatility = next((v for word, v in _VOLATILITY.items() if re.search(rf"\b{word}\b", head)), "v")
        yield match["name"], Routine(_sha256(match["body"]), "SECURITY DEFINER" in head, volatility, settings)


def _setting(noted: str) -> str:
    """The server notes some names with capitals: DateStyle."""
    name, _, value = noted.partition("=")
    return f"{name.lower()}={value}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
