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
    table, function = _owned(manifest, "table"), _owned(manifest, "function")
    moved = table or function
    if moved is None:
        raise ManifestError(
            "the manifest transfers no table and no function, so the no-go families have nothing to attack",
            hint="transfer what is to be protected",
        )
    shrunk = replace(manifest, objects=tuple(o for o in manifest.objects if o is not moved))

    def after(name: str, *steps: Step, contains: str = "") -> Case:
        return Case(FAMILY, name, (*steps, begin), ("QT102",), contains)

    app, admin = "application", "superuser"
    home = moved.ref.schema
    schema = identifier(home or "")
    yours = identifier(manifest.application.name)
    stranger = identifier(public_only)

    def made(where: str | None, noun: str, name: str, rest: str) -> Step:
        if where in open_to:
            return Step(app, f"CREATE {noun} {name}{rest}")
        return Step(admin, f"CREATE {noun} {name}{rest}; ALTER {noun} {name} OWNER TO {yours}")

    found = [
        Case(FAMILY, "shrink the manifest",
             (Step("author", "SELECT qt001_cp.propose_manifest(%s)", [shrunk.body()]),
              Step("operator", "SELECT qt001_cp.seal_manifest(%s)", [shrunk.digest()])), ("QT102",), moved.ref.identity),
        after("add an object after sealing", made(home, "TABLE", f"{schema}.late_table", " (a int)"), contains="late_table"),
        after("another owner, reached by membership", Step(admin, "CREATE ROLE nogo_friend"),
              Step(admin, f"GRANT nogo_friend TO {yours}"), Step(admin, f"CREATE TABLE {schema}.friends_table (a int)"),
              Step(admin, f"ALTER TABLE {schema}.friends_table OWNER TO nogo_friend"), contains="friends_table"),
        after("an unclassified object", made(home, "VIEW", f"{schema}.unclassified", " AS SELECT 1 AS a"), contains="unclassified"),
        Case(FAMILY, "a tampered file", (Step("operator", f"SELECT qt001_cp.cutover_begin({literal(shrunk.digest())}, true)"),),
             ("QT101",)),
        Case(FAMILY, "a tampered row, as the ledger role",
             (Step(admin, "SET LOCAL ROLE qt001_cp_ledger; UPDATE qt001_cp.document SET kind = kind"),), ("QT201",)),
        Case(FAMILY, "a deleted event, as the ledger role",
             (Step(admin, "SET LOCAL ROLE qt001_cp_ledger; DELETE FROM qt001_cp.event"),), ("QT201",)),
        Case(FAMILY, "a truncated ledger, as the ledger role",
             (Step(admin, "SET LOCAL ROLE qt001_cp_ledger; TRUNCATE qt001_cp.event"),), ("QT201",)),
    ]  # fmt: skip  # one move a line
    if table is not None:
        name, mover = address(table.ref), app if home in open_to else admin
        found += [
            after("rename", Step(mover, f"ALTER TABLE {name} RENAME TO renamed_away"), contains="renamed_away"),
            after("rename and replace", Step(mover, f"ALTER TABLE {name} RENAME TO renamed_away"), made(home, "TABLE", name, " (a int)")),
            after("hide in another schema", made(None, "SCHEMA", "hiding_place", ""),
                  Step(app if None in open_to else admin, f"ALTER TABLE {name} SET SCHEMA hiding_place"), contains="hiding_place"),
            after("a grant after sealing", Step(app, f"GRANT TRIGGER ON {name} TO {stranger}"), contains=table.ref.identity),
            after("a column grant after sealing", Step(admin, _column_grant(table.ref.identity, stranger)), contains=table.ref.identity),
            after("a definition after sealing", Step(app, f"ALTER TABLE {name} ADD COLUMN smuggled int"), contains=table.ref.identity),
        ]  # fmt: skip  # one move a line
    if function is not None:
        found.append(
            after("drop and recreate", Step(app, f"DROP FUNCTION {address(function.ref)} CASCADE"),
                  made(function.ref.schema, "FUNCTION", address(function.ref), " RETURNS int LANGUAGE sql AS 'SELECT 1'"),
                  contains=function.ref.name)
        )  # fmt: skip
    if manifest.apply_path is not None:
        writer = next(o for o in manifest.transferred if o.ref.identity == manifest.path["writer"])
        overload = made(writer.ref.schema, "FUNCTION", _overload(writer), " RETURNS int LANGUAGE sql AS 'SELECT 1'")
        found.append(after("an overload of the writer", overload))
    return found


def _overload(writer: ManifestObject) -> str:
    """A routine of the same name that takes texts."""
    arguments = ", ".join(["text"] * max(1, len(writer.ref.args or ())))
    overload = f"{address(replace(writer.ref, args=()))[:-2]}({arguments})"
    return overload[:-1] + ", text)" if overload == address(writer.ref) else overload


def _owned(manifest: ObjectManifest, kind: str) -> ManifestObject | None:
    """A transferred object of that kind: the application's own where there is one, and no other owner's otherwise."""
    found = [o for o in manifest.transferred if o.ref.kind == kind and not (o.detail or {}).get("system")]
    return next(
        (o for o in found if o.before.owner == manifest.application and o.follows is None), found[0] if found else None
    )


def _column_grant(identity: str, grantee: str) -> str:
    """Grant on the first column, whatever its name is."""
    return (
        f"DO $nogo$ BEGIN EXECUTE (SELECT pg_catalog.format('GRANT UPDATE (%I) ON %s TO %s', a.attname, a.attrelid::regclass, {literal(grantee)})"
        f" FROM pg_catalog.pg_attribute a WHERE a.attrelid = {literal(identity)}::regclass AND a.attnum = 1); END $nogo$"
    )
