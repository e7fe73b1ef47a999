"""Attacks on the denominator: the estate moves after sealing, or the manifest is not what was sealed. Tried at FIX7a."""

from __future__ import annotations

from dataclasses import replace

from qt001_cp.emit.quoting import identifier, literal
from qt001_cp.emit.statements import address
from qt001_cp.errors import ManifestError
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.rehearsal.nogo.case import Case, Step

FAMILY = "denominator"


def cases(manifest: ObjectManifest, open_to: frozenset[str | None], public_only: str) -> list[Case]:
    """Every case ends in the operator's cutover, which has to refuse with its precondition's SQLSTATE.

    ``open_to``: the schemas in which the application role may create, None among them where it may create schemas. What
    it may not make itself a superuser makes and gives to it: the estate has moved all the same.
    """
    begin = Step("operator", f"SELECT qt001_cp.cutover_begin({literal(manifest.digest())}, true)")
    table = _owned(manifest, "table")
    function = _owned(manifest, "function")
    writer = next(o for o in manifest.transferred if o.ref.identity == manifest.apply_path["writer"])

    def after(name: str, *steps: Step, contains: str = "") -> Case:
        return Case(FAMILY, name, (*steps, begin), ("QT102",), contains)

    app, admin = "application", "superuser"
    schema = identifier(table.ref.schema or "")
    yours = identifier(manifest.application.name)
    stranger = identifier(public_only)

    def made(where: str | None, noun: str, name: str, rest: str) -> Step:
        if where in open_to:
            return Step(app, f"CREATE {noun} {name}{rest}")
        return Step(admin, f"CREATE {noun} {name}{rest}; ALTER {noun} {name} OWNER TO {yours}")

    home = table.ref.schema
    overload = (
        f"{address(replace(writer.ref, args=()))[:-2]}({', '.join(['text'] * max(1, len(writer.ref.args or ())))})"
    )
    if overload == address(writer.ref):
        overload = overload[:-1] + ", text)"
    shrunk = replace(manifest, objects=tuple(o for o in manifest.objects if o is not table))
    return [
        Case(FAMILY, "shrink the manifest",
             (Step("author", "SELECT qt001_cp.propose_manifest(%s)", [shrunk.body()]),
              Step("operator", "SELECT qt001_cp.seal_manifest(%s)", [shrunk.digest()])), ("QT102",), table.ref.identity),
        after("add an object after sealing", made(home, "TABLE", f"{schema}.late_table", " (a int)"), contains="late_table"),
        after("drop and recreate", Step(app, f"DROP FUNCTION {address(function.ref)} CASCADE"),
              made(function.ref.schema, "FUNCTION", address(function.ref), " RETURNS int LANGUAGE sql AS 'SELECT 1'"),
              contains=function.ref.name),
        after("rename", Step(app if home in open_to else admin, f"ALTER TABLE {address(table.ref)} RENAME TO renamed_away"), contains="renamed_away"),
        after("rename and replace", Step(app if home in open_to else admin, f"ALTER TABLE {address(table.ref)} RENAME TO renamed_away"),
              made(home, "TABLE", address(table.ref), " (a int)")),
        after("hide in another schema", made(None, "SCHEMA", "hiding_place", ""),
              Step(app if None in open_to else admin, f"ALTER TABLE {address(table.ref)} SET SCHEMA hiding_place"), contains="hiding_place"),
        after("another owner, reached by membership", Step(admin, "CREATE ROLE nogo_friend"),
              Step(admin, f"GRANT nogo_friend TO {yours}"), Step(admin, f"CREATE TABLE {schema}.friends_table (a int)"),
              Step(admin, f"ALTER TABLE {schema}.friends_table OWNER TO nogo_friend"), contains="friends_table"),
        after("an overload of the writer", made(writer.ref.schema, "FUNCTION", overload, " RETURNS int LANGUAGE sql AS 'SELECT 1'")),
        after("an unclassified object", made(home, "VIEW", f"{schema}.unclassified", " AS SELECT 1 AS a"), contains="unclassified"),
        after("a grant after sealing", Step(app, f"GRANT TRIGGER ON {address(table.ref)} TO {stranger}"),
              contains=table.ref.identity),
        after("a column grant after sealing", Step(admin, _column_grant(table.ref.identity, stranger)), contains=table.ref.identity),
        after("a definition after sealing", Step(app, f"ALTER TABLE {address(table.ref)} ADD COLUMN smuggled int"),
              contains=table.ref.identity),
        Case(FAMILY, "a tampered file", (Step("operator", f"SELECT qt001_cp.cutover_begin({literal(shrunk.digest())}, true)"),),
             ("QT101",)),
        Case(FAMILY, "a tampered row, as the owner role",
             (Step(admin, "SET LOCAL ROLE qt001_cp_owner; UPDATE qt001_cp.document SET kind = kind"),), ("QT201",)),
        Case(FAMILY, "a deleted event, as the owner role",
             (Step(admin, "SET LOCAL ROLE qt001_cp_owner; DELETE FROM qt001_cp.event"),), ("QT201",)),
        Case(FAMILY, "a truncated ledger, as the owner role",
             (Step(admin, "SET LOCAL ROLE qt001_cp_owner; TRUNCATE qt001_cp.event"),), ("QT201",)),
    ]  # fmt: skip  # one move a line


def _owned(manifest: ObjectManifest, kind: str) -> ManifestObject:
    """A transferred object of that kind: the application's own where there is one. Raises :class:`ManifestError`."""
    found = [o for o in manifest.transferred if o.ref.kind == kind]
    if not found:
        raise ManifestError(
            f"the manifest transfers no {kind}, so the no-go families have nothing to attack",
            hint="transfer the source tables and the routines of the apply path",
        )
    return next((o for o in found if o.before.owner == manifest.application and o.follows is None), found[0])


def _column_grant(identity: str, grantee: str) -> str:
    """Grant on the first column, whatever its name is."""
    return (
        f"DO $nogo$ BEGIN EXECUTE (SELECT pg_catalog.format('GRANT UPDATE (%I) ON %s TO %s', a.attname, a.attrelid::regclass, {literal(grantee)})"
        f" FROM pg_catalog.pg_attribute a WHERE a.attrelid = {literal(identity)}::regclass AND a.attnum = 1); END $nogo$"
    )
