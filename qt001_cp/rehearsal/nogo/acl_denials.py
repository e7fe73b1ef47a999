"""Every verb × every transferred object × application role, PUBLIC-only role, author, auditor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import psycopg

from qt001_cp.emit.quoting import dollar_quoted, identifier
from qt001_cp.emit.statements import address
from qt001_cp.model import kinds
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.nogo import DENIED
from qt001_cp.rehearsal.nogo.calls import calls
from qt001_cp.rehearsal.nogo.case import Case, Step
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, DUTY

_HOLDS = {who: (login, DUTY[login]) for who, login in (("author", AUTHOR), ("auditor", AUDITOR))}
"""Under which names author and auditor may hold something of their own, such as CONNECT."""
_DENIED = ("42501",)
_FACTS = """
WITH RECURSIVE seen(view, relation) AS (
    SELECT r.ev_class, d.refobjid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.ev_type = '1'
    WHERE d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_rewrite'::regclass AND d.refobjid <> r.ev_class
), nothing(oid, event) AS (
    -- What a rule turns into nothing or a NOTIFY, there or in what a view is written through to, asks nobody for a privilege.
    -- Source: CmdType in nodes/nodes.h; 15 has put MERGE before these two.
    SELECT r.ev_class, r.ev_type FROM pg_catalog.pg_rewrite r
    WHERE r.is_instead AND r.ev_qual::text = '<>' AND substring(r.ev_action::text FROM ':commandType ([0-9]+)')::int
          >= CASE WHEN current_setting('server_version_num')::int >= 150000 THEN 6 ELSE 5 END
    UNION
    SELECT s.view, n.event FROM nothing n JOIN seen s ON s.relation = n.oid
), dead(oid) AS (
    -- Nobody reads or writes through a wrapper without a handler, nor what a partition or a query of it is: that is an error
    -- before the privilege, and to ask what may be written is one too.
    SELECT t.ftrelid FROM pg_catalog.pg_foreign_table t JOIN pg_catalog.pg_foreign_server s ON s.oid = t.ftserver
    JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE w.fdwhandler = 0
    UNION
    SELECT h.above FROM dead d JOIN (
        SELECT i.inhparent, i.inhrelid FROM pg_catalog.pg_inherits i UNION ALL SELECT s.view, s.relation FROM seen s) h(above, below)
    ON h.below = d.oid
)
SELECT i.type, i.identity,
       CASE WHEN c.oid NOT IN (SELECT d.oid FROM dead d)
            THEN pg_catalog.pg_relation_is_updatable(c.oid, false)
                 & ~coalesce((SELECT bit_or(1 << n.event::text::int) FROM nothing n WHERE n.oid = c.oid), 0) ELSE -1 END,
       (SELECT a.attname FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'
          AND (c.relkind <> 'v' OR pg_catalog.pg_column_is_updatable(c.oid, a.attnum, false))
          AND (c.relkind <> 'v' OR a.attname NOT IN (
            SELECT b.attname FROM pg_catalog.pg_attribute b WHERE b.attidentity <> '' OR b.attgenerated <> ''))
        ORDER BY a.attnum LIMIT 1)
FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relnamespace::regnamespace::text !~ '^pg_'
UNION ALL
SELECT i.type, i.identity, 1, NULL
FROM pg_catalog.pg_type t CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_type'::regclass, t.oid, 0) i
WHERE NOT t.typisdefined
UNION ALL
SELECT 'language', i.identity, 1, NULL
FROM pg_catalog.pg_language l CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_language'::regclass, l.oid, 0) i
WHERE NOT l.lanpltrusted
"""
_KEYS = """
SELECT i.identity, pg_catalog.cardinality(k.conkey)
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid AND c.relpersistence = 'p'
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE k.contype = 'p' AND NOT k.condeferrable AND NOT coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false)
"""
_COLUMNS = """
SELECT i.identity, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_class'::regclass, c.oid, 0) i
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND pg_catalog.pg_get_userbyid(c.relowner) = %s
GROUP BY i.identity
"""
_WRITTEN = """
SELECT i.type, i.identity, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_class'::regclass, c.oid, 0) i
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     AND a.attidentity <> 'a' AND (c.relkind <> 'v' OR pg_catalog.pg_column_is_updatable(c.oid, a.attnum, false))
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relnamespace::regnamespace::text !~ '^pg_'
GROUP BY i.type, i.identity
"""
"""The columns that a statement may name whether it reads or writes."""
_INSERT, _UPDATE, _DELETE = 8, 4, 16


@dataclass(frozen=True)
class _Fact:
    """``number``: what may be written to a relation, -1: not even read.

    1 for a type that is only a shell, and for a language that nobody is granted. ``call``: of a routine.
    """

    number: int
    column: str | None
    call: str | None = None
    others: tuple[str, ...] = ()
    """The columns that the application role may be refused one by one, where it keeps something of columns."""


def cases(connection: psycopg.Connection, manifest: ObjectManifest, among: frozenset[str] = frozenset()) -> list[Case]:
    """All cases for ``manifest``, or for these objects of it, grouped by role. The catalog only says which DML a view takes at all."""
    facts = {(r[0], r[1]): _Fact(r[2] or 0, r[3]) for r in connection.execute(_FACTS)}
    facts |= {key: _Fact(0, None, call) for key, call in calls(connection).items()}
    columns = {(r[0], r[1]): tuple(r[2]) for r in connection.execute(_WRITTEN)}
    references = _references(connection, manifest)
    made = []
    for who in DENIED:
        for o in manifest.transferred:
            if o.ref.kind == "default acl" or (among and str(o.ref) not in among):
                continue
            left = _left(o, who, manifest)
            fact = facts.get(o.ref.key, _Fact(0, None))
            tried = list(_statements(o, left, replace(fact, others=columns.get(o.ref.key, ()))))
            if who == "application" and o.ref.key in references:
                tried.append(("REFERENCES", references[o.ref.key]))
            for verb, statement in tried:
                if verb in left.verbs:
                    continue
                made.append(
                    Case("acl_denials", f"{verb} {o.ref} as {who}", (Step(who, statement),), _DENIED, object=str(o.ref))
                )
    return made


def _references(connection: psycopg.Connection, manifest: ObjectManifest) -> dict[tuple[str, str], str]:
    """For each transferred table with a primary key, a foreign key to it from a table that stays the application's.

    Nobody else has a table to try it with: for the other roles ``has_table_privilege`` is the answer.
    Source: ATAddForeignKeyConstraint, commands/tablecmds.c: the key is looked for before the privilege.
    """
    keys: dict[str, int] = {r[0]: r[1] for r in connection.execute(_KEYS)}
    owned: dict[str, list[str]] = {r[0]: r[1] for r in connection.execute(_COLUMNS, [manifest.application.name])}
    kept = [
        o for o in manifest.objects if o.disposition == "retain" and o.ref.kind == "table" and o.ref.identity in owned
    ]
    if not kept:
        return {}
    widest = max(kept, key=lambda o: len(owned[o.ref.identity]))
    columns = owned[widest.ref.identity]
    return {
        o.ref.key: f"ALTER TABLE {address(widest.ref)} ADD FOREIGN KEY ({', '.join(map(identifier, columns[: keys[o.ref.identity]]))})"
        f" REFERENCES {address(o.ref)}"
        for o in manifest.transferred
        if o.ref.kind == "table" and keys.get(o.ref.identity, len(columns) + 1) <= len(columns)
    }


def _statements(o: ManifestObject, left: _Left, fact: _Fact) -> Iterator[tuple[str, str]]:
    kind, name = o.ref.kind, address(o.ref)
    noun = kinds.BY_KEY[kind].alter or ""
    if kind == "database":
        yield "CREATE", f"CREATE SCHEMA {identifier('nogo')}"
        yield "TEMPORARY", 'CREATE TEMPORARY TABLE "nogo" (a int)'
        yield "SET", f"ALTER DATABASE {name} SET search_path = public"
    elif kind == "schema":
        yield "CREATE", f"CREATE TABLE {name}.{identifier('nogo')} (a int)"
        yield "RENAME", f"ALTER SCHEMA {name} RENAME TO {identifier('nogo')}"
        yield "DROP", f"DROP SCHEMA {name} CASCADE"
    elif kind in kinds.ROUTINES:
        if fact.call is not None:
            yield "EXECUTE", fact.call
        yield "ALTER", f"ALTER {noun} {name} RENAME TO {identifier('nogo')}"
        yield "DROP", f"DROP {noun} {name} CASCADE"
    elif kind == "type":
        if not fact.number:
            yield "ALTER", f"ALTER TYPE {name} SET SCHEMA pg_temp"
        yield "DROP", f"DROP TYPE {name} CASCADE"
    elif kind == "sequence":
        if "UPDATE" not in left.verbs:
            yield "USAGE", f"SELECT pg_catalog.nextval({_text(o)})"
        yield "SELECT", f"SELECT last_value FROM {name}"
        yield "UPDATE", f"SELECT pg_catalog.setval({_text(o)}, 1)"
        yield "ALTER", f"ALTER SEQUENCE {name} RESTART"
        yield "DROP", f"DROP SEQUENCE {name} CASCADE"
    elif kind in kinds.RELATIONS:
        yield from _relation(o, name, noun, fact, left)
    elif kind == "large object":
        yield "SELECT", f"SELECT pg_catalog.lo_get({name})"
        yield "UPDATE", f"SELECT pg_catalog.lo_put({name}, 0, 'nogo')"
        yield "DROP", f"SELECT pg_catalog.lo_unlink({name})"
    else:
        yield "DROP", f"DROP {noun} {name}{'' if kind == 'tablespace' else ' CASCADE'}"
    yield "OWNER", f"ALTER {noun} {name} OWNER TO CURRENT_USER"
    if not left.anything and kinds.BY_KEY[kind].privileges and not (kind == "language" and fact.number):
        grantable = kinds.BY_KEY[kind].privileges[0]
        yield "GRANT", f"GRANT {grantable} ON {kinds.BY_KEY[kind].grant} {name} TO PUBLIC"
    yield "COMMENT", f"COMMENT ON {noun} {name} IS 'nogo'"


def _relation(o: ManifestObject, name: str, noun: str, fact: _Fact, left: _Left) -> Iterator[tuple[str, str]]:
    table = o.ref.kind == "table"
    number = max(fact.number, 0)
    readable = fact.number >= 0
    if readable and "SELECT" not in left.verbs:
        if what := left.refused("SELECT", "1", fact.others):
            yield "SELECT", f"SELECT {what} FROM {name}"
            yield "COPY", f"COPY (SELECT * FROM {name}) TO STDOUT"
    elif readable and table and "UPDATE" not in left.verbs and not left.columns.get("UPDATE"):
        yield "FOR UPDATE", f"SELECT 1 FROM {name} FOR UPDATE"
    if number & _INSERT and (what := left.refused("INSERT", "*", fact.others)):
        yield "INSERT", f"INSERT INTO {name} " + ("DEFAULT VALUES" if what == "*" else f"({what}) VALUES (DEFAULT)")
    whole = identifier(fact.column) if fact.column else ""
    if number & _UPDATE and (column := left.refused("UPDATE", whole, fact.others)):
        yield "UPDATE", f"UPDATE {name} SET {column} = DEFAULT"
    if number & _DELETE:
        yield "DELETE", f"DELETE FROM {name}"
    if table:
        yield "TRUNCATE", f"TRUNCATE {name}"
        yield (
            "TRIGGER",
            (
                f'CREATE TRIGGER "nogo" BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION '
                "pg_catalog.suppress_redundant_updates_trigger()"
            ),
        )
        # Whoever may update or delete may lock: LockTableAclCheck, commands/lockcmds.c.
        if not left.verbs & {"UPDATE", "DELETE"}:
            yield "LOCK", "DO " + dollar_quoted(f" BEGIN LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE; END ", "nogo")
        yield "ALTER", f'ALTER TABLE {name} ADD COLUMN "nogo" int'
        yield "RLS", f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"
        yield "INDEX", f"CREATE INDEX ON {name} ((1))"
    elif o.ref.kind == "materialized view":
        yield "REFRESH", f"REFRESH MATERIALIZED VIEW {name}"
    elif o.ref.kind == "view":
        yield "REPLACE", f"ALTER VIEW {name} SET (security_barrier = false)"
    yield "RENAME", f"ALTER {noun} {name} RENAME TO {identifier('nogo')}"
    yield "DROP", f"DROP {noun} {name} CASCADE"


@dataclass(frozen=True)
class _Left:
    """What the after-state leaves to a role: of the whole object, and by privilege of which columns."""

    verbs: frozenset[str] = frozenset()
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        return bool(self.verbs or self.columns)

    def refused(self, privilege: str, whole: str, columns: Iterable[str]) -> str:
        """What to try: ``whole``; where some columns are left, another column; empty where there is none to be refused."""
        kept = self.columns.get(privilege)
        if not kept:
            return whole
        return next((identifier(c) for c in columns if c not in kept), "")


def _left(o: ManifestObject, who: str, manifest: ObjectManifest) -> _Left:
    """Those verbs are no denials."""
    if o.after is None:
        return _Left()
    names = {None, manifest.application.name} if who == "application" else {None, *_HOLDS.get(who, ())}
    columns: dict[str, frozenset[str]] = {}
    for c in o.after.columns:
        for i in c.acl:
            if getattr(i.grantee, "name", None) in names:
                columns[i.privilege] = columns.get(i.privilege, frozenset()) | {c.column}
    return _Left(frozenset(i.privilege for i in o.after.acl if getattr(i.grantee, "name", None) in names), columns)


def _text(o: ManifestObject) -> str:
    """The name as regclass reads it, which knows no U&"…": the escapes are those of the string around it."""
    whole = "".join('"' + part.replace('"', '""') + '".' for part in (o.ref.qualified.schema, o.ref.name))[:-1]
    escaped = whole.replace("\\", "\\\\").replace("'", "''")
    return "U&'" + "".join(c if c.isprintable() else f"\\+{ord(c):06X}" for c in escaped) + "'"
