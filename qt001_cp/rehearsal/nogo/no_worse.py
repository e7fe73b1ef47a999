"""Protected state no worse: losing rows, protection or history is seen and refused. Tried after FIX7c."""

from __future__ import annotations

from collections.abc import Iterator

from qt001_cp.emit.quoting import literal
from qt001_cp.emit.statements import address
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.plan.keep import left
from qt001_cp.rehearsal.nogo.case import Case, Step

FAMILY = "protected_state_no_worse"
ROWS_VANISH = "rows vanish from a source table"


def cases(
    manifest: ObjectManifest, guarded: ManifestObject | None, filled: ManifestObject | None, rows: bool = True
) -> list[Case]:
    """``filled``: a source table, with rows where there are any (``rows``), or without an apply path another one that was
    transferred, if there is one; ``guarded``: a transferred table with row level security, if there is one. Rows can only
    vanish from a source table where there are some: a clone without data does without that case. They
    are truncated: a DELETE of a superuser's would be planned, and run what is constant in the table's indexes.
    """
    sealed = manifest.digest()

    def gate(call: str) -> Step:
        return Step(
            "superuser", f"SELECT qt001_cp.raise_first('gate', (SELECT jsonb_agg(to_jsonb(f)) FROM qt001_cp.{call} f))"
        )

    no_worse = gate(f"no_worse_findings('{sealed}')")
    contained = gate(f"excess_privilege_findings('{sealed}')")
    app = manifest.application.name.replace('"', '""')
    made = list(_of_table(manifest, filled, contained, no_worse)) if filled is not None else []
    made += [
        Case(FAMILY, "a privilege comes back through a role",
             (Step("superuser", f'GRANT qt001_cp_owner TO "{app}"'), contained), ("QT111",), "has"),
        Case(FAMILY, "the chain is edited by a superuser without triggers",
             (Step("superuser", "ALTER TABLE qt001_cp.event DISABLE TRIGGER append_only"),
              Step("superuser", "UPDATE qt001_cp.event SET subject = 'x' WHERE seq = 1"), gate("ledger_findings()")),
             ("QT205",), "event"),
        Case(FAMILY, "an event is cut out of the chain",
             (Step("superuser", "ALTER TABLE qt001_cp.event DISABLE TRIGGER append_only"),
              Step("superuser", "DELETE FROM qt001_cp.event WHERE seq = 2"), gate("ledger_findings()")), ("QT205",)),
        Case(FAMILY, "the ledger loses its protection",
             (Step("superuser", "DROP TRIGGER append_only ON qt001_cp.event"), gate("ledger_findings()")), ("QT205",), "trigger"),
        Case(FAMILY, "the ledger is truncated by its owner",
             (Step("superuser", "SET LOCAL ROLE qt001_cp_ledger; TRUNCATE qt001_cp.event"),), ("QT201",)),
        Case(FAMILY, "the guard of the gates is edited by the operator",
             (Step("operator", "SET LOCAL ROLE qt001_cp_operator; CREATE OR REPLACE VIEW qt001_cp.v_fix7_acceptance AS SELECT true AS accepted"),),
             ("42501",)),
    ]  # fmt: skip  # one move a line
    if not rows or manifest.apply_path is None:
        made = [c for c in made if c.name != ROWS_VANISH]
    if guarded is not None:
        off = Step("superuser", f"ALTER TABLE {address(guarded.ref)} DISABLE ROW LEVEL SECURITY")
        made.append(Case(FAMILY, "row level security is switched off", (off, no_worse), ("QT301",), "row security"))
    return made


def _of_table(manifest: ObjectManifest, filled: ManifestObject, contained: Step, no_worse: Step) -> Iterator[Case]:
    """What is tried on one table, with privileges that the manifest does not leave to the application."""
    table, app = address(filled.ref), manifest.application.name.replace('"', '""')
    assert filled.after is not None
    kept = left(filled.after, manifest.application)
    whole = next(p for p in ("SELECT", "DELETE", "TRUNCATE") if p not in kept.get(None, ()))
    deletes = "TRUNCATE" if "DELETE" in kept.get(None, ()) else "DELETE FROM"
    yield Case(
        FAMILY, "the application deletes protected rows", (Step("application", f"{deletes} {table}"),), ("42501",)
    )
    replica = Step("superuser", "SET LOCAL session_replication_role = replica")
    yield Case(
        FAMILY, ROWS_VANISH, (replica, Step("superuser", f"TRUNCATE {table} CASCADE"), no_worse), ("QT301",), "rows"
    )
    back = Step("superuser", f'GRANT {whole} ON {table} TO "{app}"')
    yield Case(FAMILY, "a privilege comes back to the application", (back, contained), ("QT111",), whole)
    everything = {p for privileges in kept.values() for p in privileges}
    part = next(p for p in ("SELECT", "INSERT", "UPDATE", "REFERENCES") if p not in everything)
    through = Step(
        "superuser",
        f"DO $nogo$ BEGIN EXECUTE (SELECT pg_catalog.format('GRANT {part} (%I) ON %s TO PUBLIC', a.attname, a.attrelid::regclass)"
        f" FROM pg_catalog.pg_attribute a WHERE a.attrelid = {literal(table)}::regclass AND a.attnum > 0 AND NOT a.attisdropped"
        " ORDER BY a.attnum LIMIT 1); END $nogo$",
    )
    yield Case(FAMILY, "a privilege comes back through a column", (through, contained), ("QT111",), part)
