"""Unknown dependencies on the apply path. Tried after FIX7c; each case ends in what the gates themselves say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg

from qt001_cp.emit.quoting import identifier
from qt001_cp.emit.statements import address
from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.rehearsal.nogo.case import Case, Step

FAMILY = "unknown_dependency"


@dataclass(frozen=True)
class Touched:
    """A table that the apply path reaches. ``child``: what makes another table a part of it; None: nothing can."""

    table: ManifestObject
    child: str | None


_SHAPE = """
SELECT n.nspname, c.relname, c.relkind, EXISTS (SELECT 1 FROM pg_catalog.pg_partitioned_table p WHERE p.partrelid = c.oid AND p.partdefid <> 0)
       -- A new partition gets the indexes of its parent, and their expressions are prepared as whoever makes it: a superuser here.
       OR EXISTS (SELECT 1 FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.reloftype = 0
"""


def touched(connection: psycopg.Connection, manifest: ObjectManifest, dependency: bytes) -> Touched | None:
    """The table whose surroundings the cases change: a source table before others, a plain one before a partitioned one.
    None where the apply path reaches no such table: then nothing can be added to it."""
    reached = {(kind, identity) for kind, identity in json.loads(dependency)["objects"]}
    shapes = {(schema, name): (kind, full) for schema, name, kind, full in connection.execute(_SHAPE)}
    sources = manifest.path["source_tables"]
    found = [
        o
        for o in manifest.transferred
        if o.ref.kind == "table" and o.ref.key in reached and (o.ref.schema, o.ref.name) in shapes
    ]
    found.sort(key=lambda o: (shapes[o.ref.schema or "", o.ref.name][0] != "r", o.ref.identity not in sources))
    if not found:
        return None
    kind, full = shapes[found[0].ref.schema or "", found[0].ref.name]
    whole = address(found[0].ref)
    return Touched(
        found[0], f"() INHERITS ({whole})" if kind == "r" else None if full else f"PARTITION OF {whole} DEFAULT"
    )


def cases(manifest: ObjectManifest, static_analysis: bytes, touch: Touched | None) -> list[Case]:
    sealed = manifest.digest()

    def gate(function: str) -> Step:
        return Step(
            "superuser",
            f"SELECT qt001_cp.raise_first('{function}', (SELECT jsonb_agg(to_jsonb(f)) FROM qt001_cp.{function}('{sealed}') f))",
        )

    def one(name: str, contains: str, *steps: Step) -> Case:
        return Case(FAMILY, name, steps, ("QT301",), contains)

    writer = next(o for o in manifest.transferred if o.ref.identity == manifest.path["writer"])
    home = identifier(writer.ref.schema or "")

    def new(noun: str, name: str, rest: str) -> Step:
        """A superuser makes it and gives it away: the owner role may lack CREATE on a schema that stays."""
        return Step(
            "superuser", f"CREATE {noun} {home}.{name}{rest}; ALTER {noun} {home}.{name} OWNER TO qt001_cp_owner"
        )

    elsewhere = new("TABLE", "nogo_elsewhere", " (a int)")
    unlisted = f"{_schema_of(writer)}.nogo_elsewhere"
    doc = json.loads(static_analysis)
    blind = json.loads(static_analysis)
    for routine in blind["routines"]:
        if routine["identity"] == writer.ref.identity:
            routine["unknown"] = [{"rule": "dynamic-sql-opaque", "line": 1, "detail": "EXECUTE command"}]
    reaching = json.loads(static_analysis)
    for routine in reaching["routines"]:
        if routine["identity"] == writer.ref.identity:
            routine["edges"] += [{"verb": "reads", "kind": "table", "identity": unlisted, "line": 1}]
    through = _helper(manifest, doc, writer.ref.identity)
    made = [
        one(
            "a body replaced under the same OID",
            "analysed in another version",
            Step("superuser", _with_new_body(writer.ref.identity)),
            gate("analysis_findings"),
        ),
        *(_around(touch, home, elsewhere, gate("dependency_findings"), one, new) if touch is not None else ()),
        one(
            "dynamic SQL that the analyser cannot resolve",
            "dynamic-sql-opaque",
            Step("author", "SELECT qt001_cp.import_evidence(%s)", [canonical_bytes(blind)]),
            gate("dependency_findings"),
        ),
        one(
            "an analysis that reaches something unlisted",
            unlisted,
            elsewhere,
            Step("author", "SELECT qt001_cp.import_evidence(%s)", [canonical_bytes(reaching)]),
            gate("dependency_findings"),
        ),
    ]
    if through is not None:
        other = Step("superuser", f"ALTER FUNCTION {address(through.ref)} COST 4711")
        name = "another version of what the writer calls"
        made.insert(1, one(name, "analysed in another version", other, gate("analysis_findings")))
    return made


def _around(
    touch: Touched,
    home: str,
    elsewhere: Step,
    asked: Step,
    one: Callable[..., Case],
    new: Callable[[str, str, str], Step],
) -> Iterator[Case]:
    """What is added to a table after the sealing: each leads the apply path to something that nobody has listed.

    By a superuser, so nothing is added whose making evaluates an expression of the table's: no default for rows that are
    there, no foreign key that is validated.
    """
    table, reached = address(touch.table.ref), "reached by the apply path"
    helper = new("FUNCTION", "nogo_helper()", " RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    trigger = f"CREATE TRIGGER nogo AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {home}.nogo_helper()"
    yield one("a trigger added to a source table", reached, helper, Step("superuser", trigger), asked)
    value = new("FUNCTION", "nogo_value()", " RETURNS int LANGUAGE sql AS 'SELECT 1'")
    default = f"ALTER TABLE {table} ADD COLUMN nogo int, ALTER COLUMN nogo SET DEFAULT {home}.nogo_value()"
    yield one("a default that calls something new", reached, value, Step("superuser", default), asked)
    key = Step("superuser", f"ALTER TABLE {home}.nogo_elsewhere ADD PRIMARY KEY (a)")
    foreign = (
        f"ALTER TABLE {table} ADD COLUMN nogo int,"
        f" ADD CONSTRAINT nogo FOREIGN KEY (nogo) REFERENCES {home}.nogo_elsewhere (a) NOT VALID"
    )
    yield one("a foreign key to somewhere else", reached, elsewhere, key, Step("superuser", foreign), asked)
    if touch.child is not None:
        child = Step("superuser", f"CREATE TABLE {home}.nogo_child {touch.child}")
        yield one("a partition or child that is not known", reached, child, asked)


def _helper(
    manifest: ObjectManifest, analysis: dict[str, list[dict[str, object]]], writer: str
) -> ManifestObject | None:
    """A function that the apply path calls, the writer before the others, and that keeps its source; None: it calls none."""
    repointed = [r.identity for r in manifest.repoint]
    for caller in sorted(repointed, key=lambda identity: identity != writer):
        called = _called(analysis, caller)
        for o in manifest.transferred:
            if o.ref.kind == "function" and o.ref.identity in called and o.ref.identity not in repointed:
                return o
    return None


def _schema_of(o: ManifestObject) -> str:
    """Its schema as PostgreSQL words it in an identity: quoted only where it has to be."""
    quoted = identifier(o.ref.schema or "")
    return quoted if o.ref.identity.startswith(quoted + ".") else str(o.ref.schema)


def _called(analysis: dict[str, list[dict[str, object]]], identity: str) -> set[str]:
    edges = next((r["edges"] for r in analysis["routines"] if r["identity"] == identity), [])
    assert isinstance(edges, list)
    return {e["identity"] for e in edges if e["verb"] == "calls"}


def _with_new_body(identity: str) -> str:
    return (
        "DO $nogo$ BEGIN EXECUTE pg_catalog.replace(pg_catalog.pg_get_functiondef("
        f"'{identity.replace(chr(39), chr(39) * 2)}'::pg_catalog.regprocedure), 'BEGIN', 'BEGIN /* x */'); END $nogo$"
    )
