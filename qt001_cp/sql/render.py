"""Renders the SQL of a stage: fills in what has its home in Python, checks what would break on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib import resources
from textwrap import wrap

from qt001_cp.analyse.core import UNKNOWN, bare, core, extensions
from qt001_cp.emit.quoting import literal
from qt001_cp.errors import ManifestError
from qt001_cp.model import catalogs
from qt001_cp.model.kinds import CATALOGS, KINDS, PRIVILEGES, Catalog
from qt001_cp.model.nogo import FAMILIES
from qt001_cp.model.versions import SUPPORTED

STAGES = ("fix7a", "fix7b", "fix7c")
_CREATED = re.compile(r"^CREATE (TABLE|VIEW|FUNCTION|TYPE) (qt001_cp\.[a-z0-9_]+)(?P<rest>.*)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{([a-z][a-z_]+)\}")
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
    """Fill in what has its home in Python. Raises :class:`ManifestError` for a tab, or a placeholder that nobody fills."""
    if "\t" in text:
        raise ManifestError(f"{source} holds a tab, which Alembic's offline output would replace")
    for name in _PLACEHOLDER.findall(text):
        if name not in _FILLED:
            raise ManifestError(f"{source}: nothing fills {{{name}}}")
        text = text.replace(f"{{{name}}}", _FILLED[name]())
    return text


def _owner_acl_parts() -> str:
    return ",\n".join(
        f"({_classid(c)}::oid, {literal(c.owner)}, {literal(c.acl) if c.acl else 'NULL'},"
        f" {literal(c.letter) if c.letter else 'NULL'})"
        for c in CATALOGS
    )


def _privilege_rows() -> str:
    return ",\n".join(
        f"    ({literal(p.key)}, {p.since}, {str(p.of_columns).lower()}, {str(p.writes).lower()})" for p in PRIVILEGES
    )


def _defining_catalogs() -> str:
    rows = [("pg_class", True), *((c.table, c.named) for c in catalogs.DEFINING)]
    return ",\n    ".join(f"({literal(table)}::name, {str(named).lower()})" for table, named in rows)


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


def listed(those: Iterable[Catalog]) -> str:
    """The rows of these catalogs that are objects, for ``live_object``."""
    return "\n    UNION ALL\n".join(_listed(c) for c in those)


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


def _owned_object(c: Catalog) -> str:
    """The nodes of the graph of what reaches what, with owner and schema."""
    return f"SELECT {_classid(c)}::oid, o.{c.key}, {c.owner}, {c.space or '0::oid'}\nFROM {c.table} o WHERE {c.node}"


def _preset_acl(c: Catalog) -> str:
    return f"SELECT {_classid(c)}::oid, o.{c.key}, 0, {c.acl} FROM {c.table} o"


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
    """Views, tables, functions, types, each the last made first, without CASCADE: nothing of others goes with them."""
    made: dict[str, list[str]] = {"VIEW": [], "TABLE": [], "FUNCTION": [], "TYPE": []}
    for text in files.values():
        for match in _CREATED.finditer(text):
            kind, name = match.group(1), match.group(2)
            part_of = _PART.search(match.group("rest"))
            if (part_of is None or part_of.group(1) not in made["TABLE"]) and name not in made[kind]:
                made[kind].append(name)
    lines = [f"DROP {kind} {name};" for kind, names in made.items() for name in reversed(names)]
    return "-- Takes away what this stage made, the last first; without CASCADE.\n" + "\n".join(lines) + "\n"


BOOTSTRAP_FUNCTIONS = (
    "begin_run", "require_run", "note_run_step", "structure_digest", "end_run", "refuse_incomplete_run",
    "refuse_version_without_run",
)  # fmt: skip
"""The functions of schema qt001_cp that scripts/bootstrap.sql makes."""

_VIEWS_READ = (
    "pg_roles", "pg_stat_activity", "pg_locks", "pg_prepared_xacts", "pg_user_mappings", "pg_publication_tables",
)  # fmt: skip
"""The views that the guards of FIX7b read: each is a lock, as are the catalogs below it."""

_FILLED: dict[str, Callable[[], str]] = {
    "object_kind_rows": _kind_rows,
    "privilege_rows": _privilege_rows,
    "listed": lambda: listed(CATALOGS),
    "harmless_functions": _harmless_functions,
    "reviewed_extensions": _reviewed_extensions,
    "supported_bounds": lambda: f"{SUPPORTED.start}0000 AND {SUPPORTED.stop - 1}9999",
    "supported_words": lambda: f"{SUPPORTED.start} to {SUPPORTED.stop - 1}",
    "owner_acl_parts": _owner_acl_parts,
    "owner_acl": lambda: "\nUNION ALL ".join(_owner_acl(c) for c in CATALOGS),
    "owned_objects": lambda: "\nUNION ALL\n".join(_owned_object(c) for c in CATALOGS if c.node),
    "preset_acls": lambda: "\nUNION ALL\n".join(_preset_acl(c) for c in CATALOGS if c.preset),
    "defining_catalogs": _defining_catalogs,
    "catalog_rows": lambda: "\n".join(catalogs.source(c) for c in catalogs.DEFINING),
    "bootstrap_functions": lambda: "{" + ",".join(BOOTSTRAP_FUNCTIONS) + "}",
    "nogo_families": lambda: "{" + ",".join(FAMILIES) + "}",
    "views_read": lambda: ", ".join(map(literal, _VIEWS_READ)),
}
