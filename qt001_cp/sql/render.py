"""Renders the SQL of a stage: fills in what has its home in Python, checks what would break on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib import resources
from textwrap import wrap

from qt001_cp.analyse.core import UNKNOWN, bare, core, extensions
from qt001_cp.emit.quoting import literal
from qt001_cp.errors import ManifestError
from qt001_cp.model import catalogs
from qt001_cp.model.kinds import CATALOGS, GROWS, KINDS, OUTSIDE, PRIVILEGES, Catalog
from qt001_cp.model.nogo import DENIED, FAMILIES, OF_APPLY_PATH
from qt001_cp.model.settings import ASKED, HARMLESS
from qt001_cp.model.versions import SUPPORTED
from qt001_cp.wording import wording

STAGES = ("fix7a", "fix7c")
"""The revisions that bring SQL files of their own: FIX7b only moves what is there."""
_CREATED = re.compile(r"^CREATE (TABLE|VIEW|FUNCTION|TYPE) (qt001_cp\.[a-z0-9_]+)", re.MULTILINE)
_TRIGGER = re.compile(r"^CREATE TRIGGER ([a-z_]+) [A-Z ]+ ON (qt001_cp\.[a-z_]+)", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{([a-z][a-z_]+)\}")
_WIDTH = 100


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


def _harmless_settings() -> str:
    """An array literal of names in small letters, in lines; of a database the time zone is one of them."""
    names = sorted(name.lower() for name in (*HARMLESS, "TimeZone"))
    return "{" + "\n        ".join(wrap(", ".join(names), _WIDTH - 8, break_on_hyphens=False)) + "}"


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
    among = f" AND ($4::oid[] IS NULL OR o.{c.key} = ANY ($4::oid[]))"
    if c.table in _BIG:
        # Either all of it, or a few rows by their index.
        rows = rows.replace(f"FROM {c.table} o", f"FROM ({_all_or_few(c)}) o", 1)
        among = ""
    return (
        f"    SELECT {_classid(c)}::oid, o.{c.key}, {space}, ({c.name})::text, {c.owner}, {c.acl or 'NULL::aclitem[]'},"
        f" {letter}, {system}\n    {rows}\n      AND ({c.where}){wanted}{among}"
    )


_BIG = ("pg_class", "pg_proc", "pg_type")
"""Catalogs that grow with what everybody makes."""


def _all_or_few(c: Catalog) -> str:
    return (
        f"SELECT one.* FROM {c.table} one WHERE $4::oid[] IS NULL"
        f" UNION ALL SELECT one.* FROM {c.table} one WHERE one.{c.key} = ANY ($4::oid[])"
    )


def definitions(those: Iterable[Catalog]) -> str:
    """An array of the definition and the storage of an object, for ``live_object``: by its catalog, each by its own file.
    What has no file means what its kind says."""
    worded = "".join(_worded(c.class_name, name) for c in those if (name := f"{c.table}.sql") in _definition_files())
    return f"CASE WHEN $3 OR $5 THEN CASE judged.classid\n{worded}ELSE ARRAY[CASE WHEN $3 THEN named.type END] END END"


def _worded(class_name: str, name: str) -> str:
    text = _part(name.removesuffix(".sql"))
    both = "ARRAY[CASE WHEN $3 THEN worded.meaning END, worded.storage]"
    return f"WHEN '{class_name}'::regclass THEN (SELECT {both} FROM (\n{text}) worded)\n"


def _part(name: str) -> str:
    """What several definitions have in common."""
    name = f"{name}.sql"
    return fill(resources.files("qt001_cp.sql").joinpath("definition", name).read_text("utf-8"), f"definition/{name}")


@cache
def _definition_files() -> frozenset[str]:
    return frozenset(file.name for file in resources.files("qt001_cp.sql").joinpath("definition").iterdir())


def _owner_acl(c: Catalog) -> str:
    """Owner and ACL of every row, parts and the system's own included, as one text."""
    rows, _, _ = _rows(c)
    state = f"concat_ws(' ', {c.owner}, {c.acl})" if c.acl else f"({c.owner})::text"
    return f"SELECT {_classid(c)}::oid, o.{c.key}, 0, {state}\n{rows}"


def _owned_object(c: Catalog) -> str:
    """The nodes of the graph of what reaches what, with owner and schema."""
    rows = f"FROM {c.table} o WHERE {c.node} AND o.{c.key} = ANY (numbers)"
    return f"SELECT {_classid(c)}::oid, o.{c.key}, {c.owner}, {c.space or '0::oid'}\n{rows}"


def _named_object(c: Catalog) -> str:
    """What of a catalog stands under a schema and a name that are wanted."""
    start = f"SELECT {_classid(c)}::oid, o.{c.key}\nFROM wanted JOIN"
    if c.space is None or c.outside:
        return f"{start} {c.table} o ON ({c.name})::text = wanted.name\nWHERE {c.here}"
    return (
        f"{start} pg_namespace space ON space.nspname = wanted.schema\nJOIN {c.table} o"
        f" ON {c.name} = wanted.name::name AND {c.space} = space.oid\nWHERE {c.here}"
    )


def _near_edges() -> str:
    """The body of ``catalog_edge``, of the rows near: $1 their catalogs, $2 their numbers."""
    text = resources.files("qt001_cp.sql").joinpath("fix7a", "40_dependency.sql").read_text("utf-8")
    body = text.partition("AS $catalog_edge$\n")[2].partition("\n$catalog_edge$;")[0]
    entry = (
        "FROM unnest($1, $2) near(class, id)\n    CROSS JOIN LATERAL (\n        SELECT looked_up.* FROM pg_depend looked_up"
        "\n        WHERE looked_up.classid = near.class AND looked_up.objid = near.id OFFSET 0) entry"
    )
    parts = "WITH part AS MATERIALIZED (\n    SELECT found.* FROM qt001_cp.near_part($1, $2) found\n), lifted AS ("
    for old, new in (("WITH lifted AS (", parts), ("FROM pg_depend entry", entry), ("qt001_cp.v_part", "part")):
        if old not in body:
            raise ManifestError(f"40_dependency.sql: the body of catalog_edge has lost {old}")
        body = body.replace(old, new)
    return body


def _unasked_routines() -> str:
    """The body of ``unasked_routine``, with that of ``written_for`` in it, of the roles ``app.oids``."""
    text = resources.files("qt001_cp.sql").joinpath("fix7a", "41_writable.sql").read_text("utf-8")
    whole, inner = (
        text.partition(f"AS ${name}$\n")[2].partition(f"\n${name}$;")[0] for name in ("unasked_routine", "written_for")
    )
    called = "FROM qt001_cp.written_for(members) target"
    if called not in whole:
        raise ManifestError(f"41_writable.sql: the body of unasked_routine has lost {called}")
    return whole.replace(called, f"FROM (\n{inner}) target(relation, acted)").replace("(members)", "(app.oids)")


def _preset_acl(c: Catalog) -> str:
    return (
        f"SELECT {_classid(c)}::oid, o.{c.key}, 0, {c.acl}\nFROM {c.table} o"
        f" WHERE o.{c.key} IN (SELECT objoid FROM pg_init_privs)"
    )


def _closing_objects() -> str:
    """All rows of the catalogs of which a new one closes a gate by its kind; foreign tables stand beside pg_class."""
    kinds = [k for k in KINDS if k.key not in GROWS and k.catalog not in ("pg_class", "pg_database")]
    catalogs_of = [c for c in CATALOGS if c.table in {k.catalog for k in kinds}]
    arms = [f"SELECT o.{c.key} FROM {c.table} o" for c in catalogs_of]
    return "\nUNION\n".join([*arms, "SELECT ftrelid FROM pg_foreign_table"])


def _kind_rows() -> str:
    def word(value: str | None) -> str:
        return "NULL" if value is None else literal(value)

    return ",\n".join(
        f"    ({literal(k.key)}, {word(k.alter)}, {word(k.grant)}, {literal(k.address)}, {str(k.relation).lower()},"
        f" {str(k.container).lower()},"
        f" ARRAY[{', '.join(literal(p) for p in k.privileges)}]::text[], {literal(k.why)}, {k.since},"
        f" {str(k.key in GROWS).lower()})"
        for k in KINDS
    )


def _drop(files: dict[str, str]) -> str:
    """Triggers on what was there before, then views, tables, functions, types, each the last made first, without CASCADE: nothing
    of others goes with them."""
    made: dict[str, list[str]] = {"VIEW": [], "TABLE": [], "FUNCTION": [], "TYPE": []}
    for text in files.values():
        for match in _CREATED.finditer(text):
            kind, name = match.group(1), match.group(2)
            if name not in made[kind]:
                made[kind].append(name)
    triggers = [t for text in files.values() for t in _TRIGGER.findall(text) if t[1] not in made["TABLE"]]
    lines = [f"DROP TRIGGER {name} ON {table};" for name, table in triggers]
    lines += [f"DROP {kind} {name};" for kind, names in made.items() for name in reversed(names)]
    return "-- Takes away what this stage made, the last first; without CASCADE.\n" + "\n".join(lines) + "\n"


BOOTSTRAP_FUNCTIONS = (
    "begin_run", "refuse_outside_run", "require_run", "note_run_step", "pair", "default_names", "structure_digest",
    "end_run", "refuse_incomplete_run", "refuse_version_without_run",
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
    "definitions": lambda: definitions(CATALOGS),
    "one_spelling": lambda: _part("one_spelling"),
    "routine_words": lambda: _part("routine_words"),
    "wording": wording,
    "harmless_functions": _harmless_functions,
    "named_objects": lambda: "\nUNION\n".join(_named_object(c) for c in CATALOGS),
    "near_edges": _near_edges,
    "unasked_routines": _unasked_routines,
    "closing_objects": _closing_objects,
    "known_classes": lambda: ", ".join(sorted({_classid(c) for c in CATALOGS})),
    "kinds_outside": lambda: "{" + ",".join(f'"{kind}"' for kind in sorted(OUTSIDE)) + "}",
    "harmless_settings": _harmless_settings,
    "asked_settings": lambda: ",\n       ".join(f"({literal(n)}, {literal(v)})" for n, v in ASKED.items()),
    "reviewed_extensions": _reviewed_extensions,
    "supported_bounds": lambda: f"{SUPPORTED.start}0000 AND {SUPPORTED.stop - 1}9999",
    "newest_major": lambda: str(SUPPORTED.stop - 1),
    "supported_words": lambda: f"{SUPPORTED.start} to {SUPPORTED.stop - 1}",
    "owner_acl_parts": _owner_acl_parts,
    "owner_acl": lambda: "\nUNION ALL ".join(_owner_acl(c) for c in CATALOGS),
    "owned_objects": lambda: "\nUNION ALL\n".join(_owned_object(c) for c in CATALOGS if c.node),
    "preset_acls": lambda: "\nUNION ALL\n".join(_preset_acl(c) for c in CATALOGS if c.preset),
    "defining_catalogs": _defining_catalogs,
    "catalog_rows": lambda: "\n".join(catalogs.source(c) for c in catalogs.DEFINING),
    "bootstrap_functions": lambda: "{" + ",".join(BOOTSTRAP_FUNCTIONS) + "}",
    "denied_roles": lambda: ", ".join(f"('{role}')" for role in DENIED),
    "nogo_families": lambda: "{" + ",".join(FAMILIES) + "}",
    "apply_path_families": lambda: "{" + ",".join(OF_APPLY_PATH) + "}",
    "views_read": lambda: ", ".join(map(literal, _VIEWS_READ)),
}
