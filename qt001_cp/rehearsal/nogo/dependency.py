"""Unknown dependencies on the apply path. Tried after FIX7c; each case ends in what the gates themselves say."""

from __future__ import annotations

import json

from qt001_cp.emit.quoting import identifier
from qt001_cp.emit.statements import address
from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.rehearsal.nogo.case import Case, Step

FAMILY = "unknown_dependency"


def cases(manifest: ObjectManifest, static_analysis: bytes) -> list[Case]:
    sealed = manifest.digest()

    def gate(function: str) -> Step:
        return Step(
            "superuser",
            f"SELECT qt001_cp.raise_first('{function}', (SELECT jsonb_agg(to_jsonb(f)) FROM qt001_cp.{function}('{sealed}') f))",
        )

    def one(name: str, contains: str, *steps: Step) -> Case:
        return Case(FAMILY, name, steps, ("QT301",), contains)

    writer = next(o for o in manifest.transferred if o.ref.identity == manifest.apply_path["writer"])
    table = next(o for o in manifest.transferred if o.ref.identity == manifest.apply_path["source_tables"][0])
    home = identifier(table.ref.schema or "")

    def new(noun: str, name: str, rest: str) -> Step:
        """A superuser makes it and gives it away: the owner role may lack CREATE on a schema that stays."""
        return Step(
            "superuser", f"CREATE {noun} {home}.{name}{rest}; ALTER {noun} {home}.{name} OWNER TO qt001_cp_owner"
        )

    helper = new("FUNCTION", "nogo_helper()", " RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    elsewhere = new("TABLE", "nogo_elsewhere", " (a int)")
    unlisted = f"{_schema_of(table)}.nogo_elsewhere"
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
        one("a body replaced under the same OID", "analysed in another version",
            Step("superuser", _with_new_body(writer.ref.identity)), gate("analysis_findings")),
        one("a trigger added to a source table", "reached by the apply path", helper,
            Step("superuser", f"CREATE TRIGGER nogo AFTER INSERT ON {address(table.ref)} FOR EACH ROW EXECUTE FUNCTION {home}.nogo_helper()"),
            gate("dependency_findings")),
        one("a default that calls something new", "reached by the apply path",
            new("FUNCTION", "nogo_value()", " RETURNS int LANGUAGE sql AS 'SELECT 1'"),
            Step("superuser", f"ALTER TABLE {address(table.ref)} ADD COLUMN nogo int DEFAULT {home}.nogo_value()"),
            gate("dependency_findings")),
        one("a foreign key to somewhere else", "reached by the apply path", elsewhere,
            Step("superuser", f"ALTER TABLE {home}.nogo_elsewhere ADD PRIMARY KEY (a)"),
            Step("superuser", f"ALTER TABLE {address(table.ref)} ADD COLUMN nogo int REFERENCES {home}.nogo_elsewhere (a)"),
            gate("dependency_findings")),
        one("a partition or child that is not known", "reached by the apply path",
            Step("superuser", f"CREATE TABLE {home}.nogo_child () INHERITS ({address(table.ref)})"), gate("dependency_findings")),
        one("dynamic SQL that the analyser cannot resolve", "dynamic-sql-opaque",
            Step("author", "SELECT qt001_cp.import_evidence(%s)", [canonical_bytes(blind)]), gate("dependency_findings")),
        one("an analysis that reaches something unlisted", unlisted, elsewhere,
            Step("author", "SELECT qt001_cp.import_evidence(%s)", [canonical_bytes(reaching)]), gate("dependency_findings")),
    ]  # fmt: skip
    if through is not None:
        other = Step("superuser", f"ALTER FUNCTION {address(through.ref)} COST 4711")
        name = "another version of what the writer calls"
        made.insert(1, one(name, "analysed in another version", other, gate("analysis_findings")))
    return made


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


def _schema_of(table: ManifestObject) -> str:
    """Its schema as PostgreSQL words it in an identity: quoted only where it has to be."""
    quoted = identifier(table.ref.schema or "")
    return quoted if table.ref.identity.startswith(quoted + ".") else str(table.ref.schema)


def _called(analysis: dict[str, list[dict[str, object]]], identity: str) -> set[str]:
    edges = next((r["edges"] for r in analysis["routines"] if r["identity"] == identity), [])
    assert isinstance(edges, list)
    return {e["identity"] for e in edges if e["verb"] == "calls"}


def _with_new_body(identity: str) -> str:
    return (
        "DO $nogo$ BEGIN EXECUTE pg_catalog.replace(pg_catalog.pg_get_functiondef("
        f"'{identity.replace(chr(39), chr(39) * 2)}'::pg_catalog.regprocedure), 'BEGIN', 'BEGIN /* x */'); END $nogo$"
    )
