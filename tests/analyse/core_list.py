"""Writes qt001_cp/analyse/core_functions.txt from the catalogs of all versions.

With a MAJOR only what that version has is made anew. Ends with 1 where core_reviewed.toml names what no version has.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psycopg

from qt001_cp.analyse import core
from qt001_cp.model.versions import SUPPORTED
from qt001_cp.servers import open_server

FOLDER: Final = Path(__file__).parents[2] / "qt001_cp" / "analyse"
LIST: Final = FOLDER / "core_functions.txt"
_FUNCTIONS: Final = """
SELECT p.proname::text, p.provolatile = 'i', format_type(p.prorettype, NULL), p.pronargdefaults, p.provariadic <> 0,
       ARRAY(SELECT format_type(a.type, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a(type, n) ORDER BY a.n)
FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 16384
"""
_OPERATORS: Final = """
SELECT o.oprname::text, p.proname::text, ARRAY(SELECT format_type(a.type, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a(type, n) ORDER BY a.n)
FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oid < 16384
"""
_PLAIN: Final = frozenset(
    """
    bigint|bit|bit varying|boolean|box|bytea|"char"|character|character varying|cid|cidr|circle|date|datemultirange
    daterange|double precision|inet|int4multirange|int4range|int8multirange|int8range|integer|interval|json|jsonb
    jsonpath|line|lseg|macaddr|macaddr8|money|name|numeric|nummultirange|numrange|path|pg_lsn|pg_snapshot|point|polygon
    real|smallint|text|tid|time with time zone|time without time zone|timestamp with time zone
    timestamp without time zone|tsmultirange|tsquery|tsrange|tstzmultirange|tstzrange|tsvector|txid_snapshot|uuid|void
    xid|xid8|xml
    """.replace("\n", "|").replace("    ", "").split("|")
)  # fmt: skip
"""Types whose values are nothing but values: no name or number of an object, no type of the caller's choice."""
_INSIDE: Final = re.compile(r"cstring(\[\])?|internal|trigger|event_trigger|[a-z_]+_handler")


@dataclass(frozen=True)
class Row:
    """One function of one version."""

    name: str
    immutable: bool
    result: str
    defaults: int
    variadic: bool
    arguments: tuple[str, ...]

    @property
    def signature(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})"

    @property
    def types(self) -> tuple[str, ...]:
        return (self.result, *self.arguments)

    def passes(self) -> bool:
        """By its shape alone."""
        return self.immutable and all(each.removesuffix("[]") in _PLAIN for each in self.types)

    def shown(self) -> tuple[str, ...]:
        first = len(self.arguments) - self.defaults
        shown = [f"[{each}]" if at >= first else each for at, each in enumerate(self.arguments)]
        if self.variadic:
            shown[-1] = f"VARIADIC {self.arguments[-1]}"
        return tuple(shown)


def read(connection: psycopg.Connection) -> tuple[list[Row], list[tuple[str, str]]]:
    """The functions of pg_catalog, and its operators with the signatures behind them."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = pg_catalog, pg_temp")
        rows = [Row(r[0], r[1], r[2], r[3], r[4], tuple(r[5])) for r in cursor.execute(_FUNCTIONS)]
        operators = [(r[0], f"{r[1]}({', '.join(r[2])})") for r in cursor.execute(_OPERATORS)]
    return rows, operators


def reviewed() -> dict[str, str]:
    """Name, or name with the types of its arguments → verdict. Raises :class:`ValueError` where one stands twice."""
    found: dict[str, str] = {}
    for group in tomllib.loads((FOLDER / "core_reviewed.toml").read_text("utf-8"))["group"]:
        if not group["reason"].strip() or group["verdict"] not in (core.HARMLESS, core.ORDER, core.TYPE, core.CAST):
            raise ValueError(f"a group of core_reviewed.toml has no reason or no verdict: {group}")
        for name in re.findall(r"[^\s(]+(?:\([^)]*\))?", group["functions"]):
            if name in found:
                raise ValueError(f"{name} stands twice in core_reviewed.toml")
            found[name] = group["verdict"]
    return found


def verdict(row: Row, judged: Mapping[str, str]) -> str:
    if row.signature in judged:
        return judged[row.signature]
    if any(_INSIDE.fullmatch(each) for each in row.types):
        return core.UNKNOWN
    return core.PLAIN if row.passes() else judged.get(row.name, core.UNKNOWN)


_ORDER: Final = (core.PLAIN, core.HARMLESS, core.ORDER, core.TYPE, core.CAST, core.UNKNOWN)


def functions(versions: Mapping[int, Iterable[Row]], judged: Mapping[str, str]) -> dict[str, core.Function]:
    """By signature. Where versions differ, the worst verdict."""
    found: dict[str, core.Function] = {}
    for major, rows in sorted(versions.items()):
        for row in rows:
            now = core.Function(verdict(row, judged), row.name, row.shown(), row.result, major, major)
            before = found.get(row.signature, now)
            worst = max(now.verdict, before.verdict, key=_ORDER.index)
            found[row.signature] = replace(now, verdict=worst, since=before.since)
    return found


def page(found: Mapping[str, core.Function], operators: Mapping[tuple[str, str], tuple[int, int]]) -> str:
    lines = [f"{f.verdict} {f.signature} returns {f.result} in {f.since}-{f.until}" for f in found.values()]
    lines.sort(key=lambda line: line.split(" ", 1)[1])
    lines += [f"operator {name} is {of} in {since}-{until}" for (name, of), (since, until) in sorted(operators.items())]
    return "\n".join(lines) + "\n"


def unused(found: Iterable[core.Function], judged: Mapping[str, str]) -> list[str]:
    """What was reviewed and decides about nothing."""
    by_hand = [f for f in found if f.verdict not in (core.PLAIN, core.UNKNOWN)]
    used = {f.name for f in by_hand} | {core.bare(f.signature) for f in by_hand}
    return sorted(set(judged) - used)


def main() -> int:
    versions: dict[int, list[Row]] = {}
    spans: dict[tuple[str, str], tuple[int, int]] = {}
    for major in SUPPORTED:
        with open_server("embedded", major=major) as server, server.connect("postgres") as connection:
            versions[major], operators = read(connection)
        for key in operators:
            spans[key] = (spans.get(key, (major, major))[0], major)
    judged = reviewed()
    found = functions(versions, judged)
    LIST.write_text(page(found, spans), "utf-8")
    left = unused(found.values(), judged)
    for name in left:
        print(f"core_reviewed.toml: no version has {name}, or it needs no review", file=sys.stderr)
    counts = {each: sum(f.verdict == each for f in found.values()) for each in _ORDER}
    print(", ".join(f"{count} {each}" for each, count in counts.items()))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
