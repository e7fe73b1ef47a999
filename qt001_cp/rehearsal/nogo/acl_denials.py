"""Every verb × every transferred object × application role, PUBLIC-only role, author, auditor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from qt001_cp.emit.quoting import dollar_quoted, identifier, type_name
from qt001_cp.emit.statements import address
from qt001_cp.model import kinds
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.rehearsal.nogo.case import Case, Step
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, DUTY

_HOLDS = {who: (login, DUTY[login]) for who, login in (("author", AUTHOR), ("auditor", AUDITOR))}
"""Under which names author and auditor may hold something of their own, such as CONNECT."""
WHO = ("application", "public_only", "author", "auditor")
_DENIED = ("42501",)
_FACTS = """
SELECT i.type, i.identity, pg_catalog.pg_relation_is_updatable(c.oid, false),
       (SELECT a.attname FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'
          AND (c.relkind <> 'v' OR pg_catalog.pg_column_is_updatable(c.oid, a.attnum, false))
          AND (c.relkind <> 'v' OR a.attname NOT IN (
            SELECT b.attname FROM pg_catalog.pg_attribute b WHERE b.attidentity <> '' OR b.attgenerated <> ''))
        ORDER BY a.attnum LIMIT 1)
FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relnamespace::regnamespace::text !~ '^pg_'
UNION ALL
SELECT i.type, i.identity, (p.provariadic <> 0)::int, NULL
FROM pg_catalog.pg_proc p CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_proc'::regclass, p.oid, 0) i
WHERE p.pronamespace::regnamespace::text !~ '^pg_'
"""
_INSERT, _UPDATE, _DELETE = 8, 4, 16


@dataclass(frozen=True)
class _Fact:
    number: int
    column: str | None


def cases(connection: psycopg.Connection, manifest: ObjectManifest) -> list[Case]:
    """All cases for ``manifest``, grouped by role. The catalog only says which DML a view takes at all."""
    facts = {(r[0], r[1]): _Fact(r[2] or 0, r[3]) for r in connection.execute(_FACTS)}
    made = []
    for who in WHO:
        for o in manifest.transferred:
            if o.ref.kind == "default acl":
                continue
            left = _left(o, who, manifest)
            for verb, statement in _statements(o, left, facts.get(o.ref.key, _Fact(0, None))):
                if verb in left:
                    continue
                made.append(
                    Case("acl_denials", f"{verb} {o.ref} as {who}", (Step(who, statement),), _DENIED, object=str(o.ref))
                )
    return made


def _statements(o: ManifestObject, left: frozenset[str], fact: _Fact) -> Iterator[tuple[str, str]]:
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
        yield "EXECUTE", _call(o, fact)
        yield "ALTER", f"ALTER {noun} {name} RENAME TO {identifier('nogo')}"
        yield "DROP", f"DROP {noun} {name} CASCADE"
    elif kind == "type":
        yield "ALTER", f"ALTER TYPE {name} SET SCHEMA pg_temp"
        yield "DROP", f"DROP TYPE {name} CASCADE"
    elif kind == "sequence":
        yield "USAGE", f"SELECT pg_catalog.nextval('{name.replace(chr(39), chr(39) * 2)}')"
        yield "SELECT", f"SELECT last_value FROM {name}"
        yield "UPDATE", f"SELECT pg_catalog.setval('{name.replace(chr(39), chr(39) * 2)}', 1)"
        yield "ALTER", f"ALTER SEQUENCE {name} RESTART"
        yield "DROP", f"DROP SEQUENCE {name} CASCADE"
    elif kind in kinds.RELATIONS:
        yield from _relation(o, name, noun, fact, left)
    elif kind == "large object":
        yield "SELECT", f"SELECT pg_catalog.lo_get({name})"
        yield "UPDATE", f"SELECT pg_catalog.lo_put({name}, 0, 'nogo')"
        yield "DROP", f"SELECT pg_catalog.lo_unlink({name})"
    else:
        yield "DROP", f"DROP {noun} {name} CASCADE"
    yield "OWNER", f"ALTER {noun} {name} OWNER TO CURRENT_USER"
    if not left and kinds.BY_KEY[kind].privileges:
        grantable = kinds.BY_KEY[kind].privileges[0]
        yield "GRANT", f"GRANT {grantable} ON {kinds.BY_KEY[kind].grant} {name} TO PUBLIC"
    yield "COMMENT", f"COMMENT ON {_comment_noun(kind)} {name} IS 'nogo'"


def _relation(o: ManifestObject, name: str, noun: str, fact: _Fact, left: frozenset[str]) -> Iterator[tuple[str, str]]:
    table = o.ref.kind == "table"
    column = identifier(fact.column) if fact.column else None
    if "SELECT" not in left:
        yield "SELECT", f"SELECT 1 FROM {name}"
        yield "COPY", f"COPY (SELECT * FROM {name}) TO STDOUT"
    if fact.number & _INSERT or table:
        yield "INSERT", f"INSERT INTO {name} DEFAULT VALUES"
    if (fact.number & _UPDATE or table) and column:
        yield "UPDATE", f"UPDATE {name} SET {column} = DEFAULT"
    if fact.number & _DELETE or table:
        yield "DELETE", f"DELETE FROM {name}"
    if table:
        yield "TRUNCATE", f"TRUNCATE {name}"
        yield "TRIGGER", (f'CREATE TRIGGER "nogo" BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION '
                          "pg_catalog.suppress_redundant_updates_trigger()")  # fmt: skip
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


def _left(o: ManifestObject, who: str, manifest: ObjectManifest) -> frozenset[str]:
    """What the after-state leaves to this role: those verbs are no denials."""
    if o.after is None:
        return frozenset()
    names = {None, manifest.application.name} if who == "application" else {None, *_HOLDS.get(who, ())}
    return frozenset(i.privilege for i in o.after.acl if getattr(i.grantee, "name", None) in names)


def _call(o: ManifestObject, fact: _Fact) -> str:
    """A call that nothing folds away: a strict function with constant NULLs would never be asked for permission."""
    args = [a for a in o.ref.args or () if a is not None]
    if o.ref.kind == "procedure":
        return f"CALL {_function(o)}({', '.join(f'NULL::{type_name(a)}' for a in args)})"
    values = [f"(SELECT NULL::{type_name(a)})" for a in args]
    if fact.number and values:
        values[-1] = "VARIADIC " + values[-1]
    return f"SELECT {_function(o)}({', '.join(values)})"


def _function(o: ManifestObject) -> str:
    return address(o.ref).partition("(")[0] if "(" not in o.ref.name else address(o.ref).rpartition("(")[0]


def _comment_noun(kind: str) -> str:
    return {"aggregate": "AGGREGATE"}.get(kind, kinds.BY_KEY[kind].alter or "")
