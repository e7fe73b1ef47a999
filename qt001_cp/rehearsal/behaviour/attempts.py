"""What is tried: every verb that somebody holds on a relation, with a statement that is the same at every stage.

Source: PostgreSQL documentation, "Privileges" (5.8), INSERT, UPDATE, DELETE, "System Columns"; information_schema is not asked,
as it shows a login its own only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from qt001_cp.emit.quoting import identifier, literal
from qt001_cp.rehearsal.behaviour.putting import call_for
from qt001_cp.rehearsal.behaviour.rows import Column, Made, made_row

OWNER: Final = "its owner"
PUBLIC: Final = "PUBLIC"
FEW: Final = 1000
"""Whole tables are updated and deleted up to so many rows; of larger ones five rows, where the role may read them."""
_ROLES: Final = """
WITH RECURSIVE named(oid) AS (
    SELECT entry.role FROM pg_catalog.pg_class c
    CROSS JOIN LATERAL (SELECT c.relowner UNION SELECT a.grantee FROM pg_catalog.aclexplode(c.relacl) a
                        UNION SELECT a.grantee FROM pg_catalog.pg_attribute t CROSS JOIN LATERAL pg_catalog.aclexplode(t.attacl) a
                        WHERE t.attrelid = c.oid) entry(role)
    WHERE c.relnamespace::pg_catalog.regnamespace::pg_catalog.text !~ '^(pg_|information_schema|qt001_cp)'
    UNION
    SELECT m.member FROM named JOIN pg_catalog.pg_auth_members m ON m.roleid = named.oid
)
SELECT r.rolname FROM named JOIN pg_catalog.pg_roles r ON r.oid = named.oid
WHERE NOT r.rolsuper AND r.rolname !~ '^pg_' AND r.rolname <> ALL (%s) ORDER BY r.rolname COLLATE "C"
"""
_RELATIONS: Final = """
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.relrowsecurity AS guarded,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner, r.rolsuper AS super,
       CASE WHEN c.relkind IN ('r', 'p', 'v') THEN pg_catalog.pg_relation_is_updatable(c.oid, true) ELSE 0 END AS takes
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^(pg_|qt001_cp)' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""
_HELD: Final = """
SELECT wanted.role, wanted.relation, verb.name, pg_catalog.has_schema_privilege(wanted.role, c.relnamespace, 'USAGE'),
       CASE
           WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(wanted.role, c.oid, verb.name)
           WHEN verb.name = 'DELETE' THEN pg_catalog.has_table_privilege(wanted.role, c.oid, verb.name)
           ELSE pg_catalog.has_any_column_privilege(wanted.role, c.oid, verb.name) END,
       c.relkind <> 'S' AND verb.name IN ('SELECT', 'INSERT', 'UPDATE') AND pg_catalog.has_table_privilege(wanted.role, c.oid, verb.name),
       CASE WHEN c.relkind <> 'S' AND verb.name IN ('SELECT', 'INSERT', 'UPDATE') THEN ARRAY(
           SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           AND pg_catalog.has_column_privilege(wanted.role, c.oid, a.attnum, verb.name) ORDER BY a.attnum) END
FROM (SELECT * FROM ROWS FROM (pg_catalog.unnest(%(roles)s::text[]), pg_catalog.unnest(%(relations)s::oid[])) w(role, relation)) wanted
JOIN pg_catalog.pg_class c ON c.oid = wanted.relation
CROSS JOIN LATERAL pg_catalog.unnest(CASE WHEN c.relkind = 'S' THEN '{USAGE,SELECT}'
    WHEN c.relkind IN ('m', 'f') THEN '{SELECT}' ELSE '{SELECT,INSERT,UPDATE,DELETE}' END::text[]) verb(name)
"""
_TAKES: Final = {"INSERT": 8, "UPDATE": 4, "DELETE": 16}
_ALIAS: Final = '"qt001 row"'


@dataclass(frozen=True)
class Relation:
    """``takes``: the verbs that a view passes on, as pg_relation_is_updatable counts them."""

    oid: int
    schema: str
    name: str
    kind: str
    guarded: bool
    owner: str
    super: bool
    takes: int

    @property
    def address(self) -> str:
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    @property
    def words(self) -> str:
        """The name as regclass reads it, which knows no U&"…"."""
        return ".".join('"' + part.replace('"', '""') + '"' for part in (self.schema, self.name))

    def __str__(self) -> str:
        noun = {"v": "view", "m": "materialized view", "S": "sequence", "f": "foreign table"}.get(self.kind, "table")
        return f"{noun} {self.schema}.{self.name}"


@dataclass(frozen=True)
class Attempt:
    """``who`` does ``verb`` to ``relation``: OWNER is whoever owns it at that stage, PUBLIC a login with nothing of its own.

    ``statement``: the same at every stage. ``needs``: the privileges that it used before. ``why_not``: why none
    could be made; then it is listed and not tried.
    """

    who: str
    verb: str
    relation: Relation
    statement: str = ""
    why_not: str = ""
    needs: Mapping[str, Held] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.who, self.verb, str(self.relation)


@dataclass(frozen=True)
class Held:
    """A privilege in force. ``whole``: on the whole relation; ``columns``: those that it covers; ``reached``: the schema too."""

    whole: bool
    columns: tuple[str, ...]
    reached: bool

    def covers(self, other: Held, *, schema: bool) -> bool:
        """Whether it is all that ``other`` was; ``schema``: with the way there."""
        return self.whole >= other.whole and set(self.columns) >= set(other.columns) and (self.reached or not schema)


def relations(connection: psycopg.Connection) -> list[Relation]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return [Relation(**row) for row in cursor.execute(_RELATIONS)]


def roles(connection: psycopg.Connection, without: Sequence[str]) -> list[str]:
    """Everybody who holds something on a relation, by name or by membership, and is no superuser."""
    return [row[0] for row in connection.execute(_ROLES, [list(without)])]


def held(
    connection: psycopg.Connection, who: Sequence[str], found: Sequence[Relation]
) -> dict[tuple[str, int, str], Held]:
    """By role, relation and verb: what the relation's ACL gives now, by whatever route, and whether its schema does."""
    pairs = [(role, relation.oid) for role in who for relation in found]
    values = {"roles": [p[0] for p in pairs], "relations": [p[1] for p in pairs]}
    return {
        (role, oid, verb): Held(bool(whole), tuple(columns or ()), bool(reached))
        for role, oid, verb, reached, holds, whole, columns in connection.execute(_HELD, values)
        if holds
    }


def made_rows(
    connection: psycopg.Connection, found: Sequence[Relation], columns: Mapping[int, Sequence[Column]]
) -> dict[int, Made]:
    """A row for each relation that takes one."""
    return {r.oid: made_row(connection, r.address, r.kind, columns[r.oid]) for r in found if r.kind in "rpv"}


def inserts(found: Sequence[Relation], rows: Mapping[int, Made]) -> dict[int, str]:
    """What the owner of an empty table puts in for others. A superuser's table stays empty: what it fires would run as one."""
    made = {
        r.oid: rows[r.oid].insert(r.address, rows[r.oid].settable)
        for r in found
        if r.kind in "rp" and not r.super and rows[r.oid].rows == 0
    }
    return {oid: statement for oid, statement in made.items() if statement}


def attempts(
    connection: psycopg.Connection,
    who: Mapping[str, str],
    found: Sequence[Relation],
    rows: Mapping[int, Made],
) -> Iterator[Attempt]:
    """``who``: by name its login; OWNER is added for each relation. ``rows``: of :func:`made_rows`."""
    rights = held(connection, list(who.values()), found)
    owners = held(connection, sorted({r.owner for r in found if not r.super}), found)
    put = {oid: f"{call_for(oid)}; " for oid in inserts(found, rows)}
    for relation in found:
        for name, login in who.items():
            own = {verb: held for verb, held in _own(rights, login, relation).items() if held.reached}
            yield from (
                replace(a, needs={**a.needs, **_used(a.verb, own)}) for a in _of(name, relation, own, rows, put)
            )
        if relation.super:
            yield Attempt(OWNER, "everything", relation, why_not="its owner is a superuser")
        else:
            own = _own(owners, relation.owner, relation)
            yield from (
                replace(a, needs={**a.needs, **_used(a.verb, own)}) for a in _of(OWNER, relation, own, rows, put)
            )
            if relation.kind == "m":
                yield Attempt(OWNER, "REFRESH", relation, f"REFRESH MATERIALIZED VIEW {relation.address}")


def _used(verb: str, rights: Mapping[str, Held]) -> dict[str, Held]:
    """UPDATE and DELETE choose their rows, where they may read."""
    verbs = (verb, "SELECT") if verb in ("UPDATE", "DELETE") else (verb,)
    return {v: rights[v] for v in verbs if v in rights}


def _own(rights: Mapping[tuple[str, int, str], Held], login: str, relation: Relation) -> dict[str, Held]:
    return {verb: held for (who, oid, verb), held in rights.items() if (who, oid) == (login, relation.oid)}


def _of(
    who: str, relation: Relation, rights: Mapping[str, Held], rows: Mapping[int, Made], put: Mapping[int, str]
) -> Iterator[Attempt]:
    if relation.kind == "f" and rights:
        yield Attempt(who, "SELECT", relation, why_not="a foreign table: nothing is reached from a clone")
        return
    if relation.kind == "S":
        if "USAGE" in rights:
            yield Attempt(who, "USAGE", relation, f"SELECT pg_catalog.nextval({literal(relation.words)})")
        if "SELECT" in rights:
            yield Attempt(who, "SELECT", relation, f"SELECT last_value FROM {relation.address}")
        return
    reads = rights.get("SELECT")
    if reads:
        first = put.get(relation.oid, "") if relation.guarded else ""
        yield Attempt(who, "SELECT", relation, first + _select(relation, reads))
    for verb in _TAKES:
        if verb in rights and (relation.kind != "v" or relation.takes & _TAKES[verb]):
            yield _write(who, verb, relation, rights, rows[relation.oid], put.get(relation.oid, ""))


def _select(relation: Relation, reads: Held) -> str:
    """Every column that the role may read is computed, and the rows are counted."""
    what = (
        f"{_ALIAS}::pg_catalog.text"
        if reads.whole
        else f"ROW({', '.join(map(identifier, reads.columns))})::pg_catalog.text"
    )
    return f"SELECT pg_catalog.count(*) FILTER (WHERE {what} IS NOT NULL) FROM {relation.address} {_ALIAS}"


def _write(who: str, verb: str, relation: Relation, rights: Mapping[str, Held], made: Made, put: str) -> Attempt:
    """``put``: what puts a row in with the owner's rights; without it whoever may insert does, and needs that too."""
    insert = ""
    if "INSERT" in rights and (relation.kind != "v" or relation.takes & _TAKES["INSERT"]):
        insert = made.insert(relation.address, rights["INSERT"].columns)
    if verb == "INSERT":
        return Attempt(who, verb, relation, insert, "" if insert else made.why_not)
    reads = rights.get("SELECT")
    some = f" WHERE ctid IN (SELECT ctid FROM {relation.address} LIMIT 5)"
    where = some if relation.kind == "r" and reads and reads.whole else ""
    if made.rows > FEW and not where:
        return Attempt(who, verb, relation, why_not=f"more than {FEW} rows, and no way to choose some")
    first, needs = put, {}
    if not put and insert and made.rows == 0 and relation.kind != "v":
        first, needs = f"{insert}; ", {"INSERT": rights["INSERT"]}
    if verb == "DELETE":
        return Attempt(who, verb, relation, f"{first}DELETE FROM {relation.address}{where}", needs=needs)
    may = [c for c in made.settable if c in rights["UPDATE"].columns]
    if not may:
        return Attempt(who, verb, relation, why_not="no column that may be set")
    readable = [c for c in may if reads and c in reads.columns]
    change = f"{identifier(readable[0])} = {identifier(readable[0])}" if readable else f"{identifier(may[0])} = DEFAULT"
    return Attempt(who, verb, relation, f"{first}UPDATE {relation.address} SET {change}{where}", needs=needs)


def owner_now(connection: psycopg.Connection, oid: int) -> str:
    row = connection.execute(
        "SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class WHERE oid = %s", [oid]
    ).fetchone()
    return str(row[0]) if row else ""


def sequences(connection: psycopg.Connection, found: Sequence[Relation]) -> dict[int, tuple[int, bool]]:
    """Where each sequence stands: nextval is not undone by a rollback."""
    state = {}
    for relation in found:
        if relation.kind == "S":
            row = connection.execute(
                sql.SQL("SELECT last_value, is_called FROM {}").format(sql.SQL(relation.address))
            ).fetchone()
            if row is not None:
                state[relation.oid] = (row[0], row[1])
    return state
