"""Renders the live SQL sources: fills in what has its home in Python, checks what would break on the way.

A released revision does not use this: it carries its own frozen files (alembic/versions/sql).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from textwrap import wrap

from qt001_cp.analyse.core import UNKNOWN, bare, core, extensions
from qt001_cp.emit.quoting import literal
from qt001_cp.errors import ManifestError
from qt001_cp.model.kinds import CATALOGS, KINDS, Catalog
from qt001_cp.model.versions import SUPPORTED

STAGES = ("fix7a", "fix7b", "fix7c")
_CREATED = re.compile(r"^CREATE (TABLE|VIEW|FUNCTION) (qt001_cp\.[a-z0-9_]+)(?P<rest>.*)$", re.MULTILINE)
_WIDTH = 100
_PART = re.compile(r"PARTITION OF (qt001_cp\.[a-z0-9_]+)")


def render(stage: str) -> dict[str, str]:
    """File name → SQL text of one stage, in order; ``zz_drop.sql`` takes all of it away again.

    Raises :class:`ManifestError` where a source holds a tab (Alembic's offline output would change it).
    """
    folder = resources.files("qt001_cp.sql").joinpath(stage)
    texts = {f.name: f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".sql")}
    rendered = {name: fill(text, f"{stage}/{name}") for name, text in sorted(texts.items())}
    rendered["zz_drop.sql"] = _drop(rendered)
    return rendered


def fill(text: str, source: str) -> str:
    """Fill in what has its home in Python. Raises :class:`ManifestError` for a tab."""
    if "\t" in text:
        raise ManifestError(f"{source} holds a tab, which Alembic's offline output would replace")
    return (
        text.replace("{object_kind_rows}", _kind_rows())
        .replace("{listed}", listed(CATALOGS))
        .replace("{harmless_functions}", _harmless_functions())
        .replace("{reviewed_extensions}", _reviewed_extensions())
        .replace("{supported_bounds}", f"{SUPPORTED.start}0000 AND {SUPPORTED.stop - 1}9999")
        .replace("{supported_words}", f"{SUPPORTED.start} to {SUPPORTED.stop - 1}")
        .replace(
            "{owner_acl_parts}",
            ",\n".join(
                f"({_classid(c)}::oid, {literal(c.owner)}, {literal(c.acl) if c.acl else 'NULL'},"
                f" {literal(c.letter) if c.letter else 'NULL'})"
                for c in CATALOGS
            ),
        )
        .replace("{owner_acl}", "\nUNION ALL ".join(_owner_acl(c) for c in CATALOGS))
    )


def _harmless_functions() -> str:
    """Names where all that have them are harmless, else signatures without blanks; in lines."""
    words: list[str] = []
    for name, overloads in sorted(core().functions.items()):
        harmless = [bare(f.signature).replace(" ", "") for f in overloads if f.verdict != UNKNOWN]
        words += [name] if len(harmless) == len(overloads) else harmless
    return "\n".join(wrap(" ".join(words), _WIDTH, break_on_hyphens=False, break_long_words=False))


def _reviewed_extensions() -> str:
    rows = [f"({literal(name)}, {literal('$libdir/' + e.library)})" for name, e in sorted(extensions().items())]
    return "\n                   ".join(wrap(", ".join(rows), _WIDTH, break_on_hyphens=False))


def _classid(catalog: Catalog) -> str:
    return f"'{catalog.class_name}'::regclass"


def _rows(c: Catalog) -> tuple[str, str, str]:
    """FROM … WHERE of a catalog's rows in this database, the SQL of their schema, and of whether they are the system's."""
    if c.space is None:
        return f"FROM {c.table} o WHERE ({c.here})", "NULL::name", c.system or "false"
    if c.outside:
        rows = f"FROM {c.table} o LEFT JOIN space n ON n.oid = {c.space} WHERE ({c.here}) AND (n.oid IS NOT NULL OR {c.space} = 0)"
        return rows, "n.name", "coalesce(n.system, false)"
    return f"FROM {c.table} o JOIN space n ON n.oid = {c.space} WHERE ({c.here})", "n.name", "n.system"


def listed(catalogs: Iterable[Catalog]) -> str:
    """The rows of these catalogs that are objects, for ``live_object``."""
    return "\n    UNION ALL\n".join(_listed(c) for c in catalogs)


def _listed(c: Catalog) -> str:
    """Objects as ``live_object`` lists them; the system's own only where the ACL names the application."""
    rows, space, system = _rows(c)
    letter = f'({c.letter})::"char"' if c.letter else 'NULL::"char"'
    named = f"EXISTS (SELECT 1 FROM named x WHERE x.classid = {_classid(c)} AND x.objid = o.{c.key})"
    wanted = f" AND (NOT ({system}) OR {named})" if system != "false" else ""
    return (
        f"    SELECT {_classid(c)}::oid, o.{c.key}, {space}, ({c.name})::text, {c.owner}, {c.acl or 'NULL::aclitem[]'},"
        f" {letter}, {system}\n    {rows}\n      AND ({c.where}){wanted} AND ($4::oid[] IS NULL OR o.{c.key} = ANY ($4::oid[]))"
    )


def _owner_acl(c: Catalog) -> str:
    """Owner and ACL of every row, parts and the system's own included, as one text."""
    rows, _, _ = _rows(c)
    state = f"concat_ws(' ', {c.owner}, {c.acl})" if c.acl else f"({c.owner})::text"
    return f"SELECT {_classid(c)}::oid, o.{c.key}, 0, {state}\n{rows}"


def _kind_rows() -> str:
    def word(value: str | None) -> str:
        return "NULL" if value is None else literal(value)

    return ",\n".join(
        f"    ({literal(k.key)}, {word(k.alter)}, {word(k.grant)}, {literal(k.address)}, {str(k.relation).lower()},"
        f" {str(k.container).lower()},"
        f" ARRAY[{', '.join(literal(p) for p in k.privileges)}]::text[], {literal(k.why)}, {k.since})"
        for k in KINDS
    )


def _drop(files: dict[str, str]) -> str:
    """Views, tables, functions, each the last made first, without CASCADE: nothing of others goes with them."""
    made: dict[str, list[str]] = {"VIEW": [], "TABLE": [], "FUNCTION": []}
    for text in files.values():
        for match in _CREATED.finditer(text):
            kind, name = match.group(1), match.group(2)
            part_of = _PART.search(match.group("rest"))
            if (part_of is None or part_of.group(1) not in made["TABLE"]) and name not in made[kind]:
                made[kind].append(name)
    lines = [f"DROP {kind} {name};" for kind, names in made.items() for name in reversed(names)]
    return "-- Takes away what this stage made, the last first; without CASCADE.\n" + "\n".join(lines) + "\n"
