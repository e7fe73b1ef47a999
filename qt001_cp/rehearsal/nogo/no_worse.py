"""Protected state no worse: losing rows, protection or history is seen and refused. Tried after FIX7c."""

from __future__ import annotations

from qt001_cp.emit.statements import address
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.rehearsal.nogo.case import Case, Step

FAMILY = "protected_state_no_worse"
ROWS_VANISH = "rows vanish from a source table"


def cases(
    manifest: ObjectManifest, guarded: ManifestObject | None, filled: ManifestObject, rows: bool = True
) -> list[Case]:
    """``filled``: a source table, with rows where there are any (``rows``); ``guarded``: a transferred table with row level
    security, if there is one. Rows can only vanish where there are some: a clone without data does without that case.
    """
    sealed = manifest.digest()

    def gate(call: str) -> Step:
        return Step(
            "superuser", f"SELECT qt001_cp.raise_first('gate', (SELECT jsonb_agg(to_jsonb(f)) FROM qt001_cp.{call} f))"
        )

    no_worse = gate(f"no_worse_findings('{sealed}')")
    contained = gate(f"excess_privilege_findings('{sealed}')")
    app = manifest.application.name.replace('"', '""')
    table = address(filled.ref)
    made = [
        Case(FAMILY, "the application deletes protected rows", (Step("application", f"DELETE FROM {table}"),), ("42501",)),
        Case(FAMILY, ROWS_VANISH,
             (Step("superuser", "SET LOCAL session_replication_role = replica"), Step("superuser", f"DELETE FROM {table}"), no_worse),
             ("QT301",), "rows"),
        Case(FAMILY, "a privilege comes back to the application",
             (Step("superuser", f'GRANT SELECT ON {table} TO "{app}"'), contained), ("QT111",), "SELECT"),
        Case(FAMILY, "a privilege comes back through a column",
             (Step("superuser", f'DO $nogo$ BEGIN EXECUTE (SELECT pg_catalog.format(\'GRANT SELECT (%I) ON %s TO PUBLIC\', a.attname,'
                   f" a.attrelid::regclass) FROM pg_catalog.pg_attribute a WHERE a.attrelid = '{table.replace(chr(39), chr(39) * 2)}'::regclass"
                   " AND a.attnum = 1); END $nogo$"), contained), ("QT111",), "SELECT"),
        Case(FAMILY, "a privilege comes back through a role",
             (Step("superuser", f'GRANT qt001_cp_owner TO "{app}"'), contained), ("QT111",), "has"),
        Case(FAMILY, "the chain is edited by a superuser without triggers",
             (Step("superuser", "ALTER TABLE qt001_cp.event_fix7a DISABLE TRIGGER append_only"),
              Step("superuser", "UPDATE qt001_cp.event_fix7a SET subject = 'x' WHERE seq = 1"), gate("ledger_findings()")),
             ("QT205",), "event"),
        Case(FAMILY, "an event is cut out of the chain",
             (Step("superuser", "ALTER TABLE qt001_cp.event_fix7a DISABLE TRIGGER append_only"),
              Step("superuser", "DELETE FROM qt001_cp.event_fix7a WHERE seq = 2"), gate("ledger_findings()")), ("QT205",)),
        Case(FAMILY, "the ledger loses its protection",
             (Step("superuser", "DROP TRIGGER append_only ON qt001_cp.event_fix7a"), gate("ledger_findings()")), ("QT205",), "trigger"),
        Case(FAMILY, "the ledger is truncated by its owner",
             (Step("superuser", "SET LOCAL ROLE qt001_cp_owner; TRUNCATE qt001_cp.event_fix7a"),), ("QT201",)),
        Case(FAMILY, "the guard of the gates is edited by the operator",
             (Step("operator", "SET LOCAL ROLE qt001_cp_operator; CREATE OR REPLACE VIEW qt001_cp.v_fix7_acceptance AS SELECT true AS accepted"),),
             ("42501",)),
    ]  # fmt: skip  # one move a line
    if not rows:
        made = [c for c in made if c.name != ROWS_VANISH]
    if guarded is not None:
        off = Step("superuser", f"ALTER TABLE {address(guarded.ref)} DISABLE ROW LEVEL SECURITY")
        made.append(Case(FAMILY, "row level security is switched off", (off, no_worse), ("QT301",), "row security"))
    return made
