"""Chains of changes: what a link may be, and the walk forward and back in the order that is allowed, against ``pg_dump``."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from qt001_cp.emit.quoting import qualified
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.servers.dump import as_sets
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.succession.support import deployed, gates, marked, prepared

WAITING = {"scheduled_verifier_recent", "sign_off_present", "capability_evidence_real"}
KINDS = {
    "column": ("ALTER TABLE {table} ADD COLUMN chain_{n} text DEFAULT 'x';", "ALTER TABLE {table} DROP COLUMN chain_{n};"),
    "check": ("ALTER TABLE {table} ADD CONSTRAINT chain_{n} CHECK (1 > 0);", "ALTER TABLE {table} DROP CONSTRAINT chain_{n};"),
    "view": ("CREATE VIEW public.chain_{n} AS SELECT count(*) AS rows FROM {table};", "DROP VIEW public.chain_{n};"),
    "table": ("CREATE TABLE public.chain_{n} (id int PRIMARY KEY, t text);", "DROP TABLE public.chain_{n};"),
    "function": ("CREATE FUNCTION public.chain_{n}() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM {table}; END;"
                 " REVOKE EXECUTE ON FUNCTION public.chain_{n}() FROM PUBLIC;", "DROP FUNCTION public.chain_{n}();"),
    "privilege": ("GRANT INSERT ON {table} TO reporting;", "REVOKE INSERT ON {table} FROM reporting;"),
    "comment": ("ALTER TABLE {table} ADD COLUMN chain_{n} int; COMMENT ON COLUMN {table}.chain_{n} IS 'a chain';", "ALTER TABLE {table} DROP COLUMN chain_{n};"),
}  # fmt: skip
LINKS = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 10_000)), min_size=2, max_size=3)


def tables(stage: Stage) -> list[str]:
    """The protected tables that may be changed alone, as SQL writes them."""
    with stage.connect() as admin:
        plain = {
            str(row[0])
            for row in admin.execute(
                "SELECT i.identity FROM pg_class c CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) i"
                " WHERE c.relkind = 'r' AND NOT c.relispartition AND NOT c.relhassubclass"
                " AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)"
            ).fetchall()
        }
    moved = [o.ref for o in stage.manifest.transferred if o.ref.kind == "table"]
    return [qualified(ref.qualified) for ref in moved if ref.identity in plain]


def dumped(stage: Stage) -> str:
    return as_sets(stage.scene.dump("--schema-only"))


def owned(stage: Stage, role: str) -> set[str]:
    with stage.connect() as admin:
        rows = admin.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'chain%%' AND relowner = %s::regrole", [role]
        )
        return {str(row[0]) for row in rows.fetchall()}


def walk(
    stage: Stage, folder: Path, links: list[tuple[str, int]], keep: bool, recorded: frozenset[str] = frozenset()
) -> None:
    """``recorded``: the gate that is closed at first, where the cutover was its own rehearsal."""
    known, operator, made = tables(stage), stage.scene.dsn(OPERATOR), []
    for n, (kind, where) in enumerate(links):
        forward, back = (text.format(table=known[where % len(known)], n=n) + "\n" for text in KINDS[kind])
        before = (dumped(stage), deployed(stage))
        change = prepared(stage, folder, f"link_{n}", forward, back)
        assert before == (dumped(stage), deployed(stage)), links
        change.sealed(operator)
        change.forward(operator)
        assert gates(stage) <= WAITING, links
        made.append((change, before))
    if keep:
        change, _ = made.pop()
        change.back(operator, changes="keep")
        for earlier, _ in reversed(made):
            earlier.back(operator, changes="keep")
        with marked(stage):
            revisions.downgrade(operator, "fix7a", manifest=str(change.where.out / "object.json"))
        assert owned(stage, "directus") == set(), links
        return
    for change, before in reversed(made):
        with marked(stage):
            change.back(operator)
        assert before == (dumped(stage), deployed(stage)), links
        assert gates(stage) <= WAITING | recorded, links
