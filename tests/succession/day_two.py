"""The five changes of day two as data, for an estate with an apply path and for one without; and who watches while one is made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import psycopg

from qt001_cp.estate import LOG, QT001, Reference
from qt001_cp.model.manifest import ObjectManifest
from tests.conftest import Stage
from tests.succession.support import PLAIN, Prepared, meanwhile, policy, prepared
from tests.succession.test_changes import NAMES, TABLE, VIEW
from tests.succession.test_moves import GIVE, TAKE, UNTIE

Holding = tuple[str, str]
"""An object by its identity, and OWNER or a privilege."""
BUSY, WAITING = "5s", "15s"
"""How long a statement of the application may take: on what is its own, and on what a change locks."""


@dataclass(frozen=True)
class Change:
    """``texts``: forward and back; with ``routine``, a new version of that one instead. ``rules``: the whole of what its policy has more
    than the estate's, or None for the deployed one. ``may``, ``may_not``: what the application can do once it is made, and what not.
    ``gains``: what it holds then and did not before. ``borrows``: the roles that the operator has to be a member of. ``evidence``:
    what was known of the apply path does not speak of the new one.
    """

    name: str
    texts: tuple[str, str] = ("", "")
    routine: str | None = None
    rules: tuple[str, ...] | None = None
    may: str = "SELECT 1"
    may_not: str | None = None
    gains: frozenset[Holding] = frozenset()
    borrows: tuple[str, ...] = ()
    evidence: bool = False

    def __str__(self) -> str:
        return self.name

    def texts_of(self, stage: Stage) -> tuple[str, str]:
        if self.routine is None:
            return self.texts
        with stage.connect() as admin:
            row = admin.execute("SELECT pg_get_functiondef(%s::regprocedure)", [self.routine]).fetchone()
        assert row is not None
        return f"{row[0].replace('BEGIN', 'BEGIN  -- as of today', 1)};\n", f"{row[0]};\n"

    def prepared(self, stage: Stage, folder: Path, reference: Reference) -> Prepared:
        other = None if self.rules is None else policy(folder, *self.rules, reference=reference)
        return prepared(stage, folder, self.name, *self.texts_of(stage), other)


@dataclass(frozen=True)
class Life:
    """An estate and its changes. ``large``: the table that gets a column; ``filled``: how it became large. ``busy``: the application's
    work on what is its own; ``waiting``: its work on what a change locks."""

    reference: Reference
    large: str
    filled: str
    busy: tuple[str, ...]
    waiting: tuple[str, ...]
    changes: tuple[Change, ...]

    def __str__(self) -> str:
        return self.reference.name


WITH_APPLY_PATH = Life(
    QT001,
    large="public.qt001_case",
    filled="INSERT INTO public.qt001_case (subject, confidential) SELECT 'case ' || n, true FROM generate_series(1, 50000) n",
    busy=("INSERT INTO public.newsletter (email) VALUES (gen_random_uuid()::text)", "UPDATE public.orders SET status = status",
          "SELECT count(*) FROM public.articles_published"),
    waiting=('SELECT count(*) FROM public."qt001 open cases"', "SELECT count(*) FROM public.qt001_source_register"),
    changes=(
        Change("a_column", (
            "ALTER TABLE public.qt001_case ADD COLUMN lead text NOT NULL DEFAULT 'nobody';\n",
            "ALTER TABLE public.qt001_case DROP COLUMN lead;\n",
        ), evidence=True),  # it refers to what the writer writes
        Change("view_added", VIEW, rules=(NAMES,), may="SELECT key FROM public.qt001_setting_names",
               may_not="DELETE FROM public.qt001_setting_names",
               gains=frozenset({("public.qt001_setting_names", "SELECT")})),
        Change("view_revoked", (VIEW[1], VIEW[0]), rules=(), may_not="SELECT key FROM public.qt001_setting_names"),
        Change("table_added", TABLE, may_not="SELECT name FROM public.qt001_unit"),
        Change("new_writer", routine="public.qt001_write(jsonb)", evidence=True, may_not="SELECT public.qt001_write('{}')"),
        Change("moved", UNTIE, rules=(TAKE, GIVE), borrows=("directus", "qt001_cp_owner"),
               may="INSERT INTO public.qt001_import_batch (id, file_name) VALUES (4711, 'own.csv')",
               may_not="SELECT * FROM public.redirects"),
    ),
)  # fmt: skip  # a change a line
_ACTORS = """
[[curated_view]]
identity = "audit.actors"
reason = "the shop's page of who was here"
"""
_TALLY = """
[[rule]]
kind = ["table", "function"]
schema = "audit"
name = "tally*"
disposition = "transfer"
reason = "how many entries of each kind: whoever takes one away is seen"
"""
_MIGRATIONS = """
[[rule]]
kind = "table"
schema = "public"
name = "schema_migration"
disposition = "transfer"
reason = "append-only: which migration was made when"
keep = ["SELECT", "INSERT"]
"""
_PERMISSION = """
[[rule]]
kind = "table"
schema = "audit"
name = "permission"
disposition = "retain"
reason = "who may do what is the shop's own again"
"""
WITHOUT_APPLY_PATH = Life(
    LOG,
    large="audit.log",
    filled="INSERT INTO audit.log (actor, action) SELECT 'ann', 'order' FROM generate_series(1, 50000)",
    busy=("INSERT INTO public.purchase (customer, total) VALUES (1, 9.99)", "SELECT count(*) FROM public.purchases_by_customer",
          "CREATE TABLE public.basket (id int); DROP TABLE public.basket"),
    waiting=("INSERT INTO audit.log (actor, action) VALUES ('ann', 'login')", "SELECT count(*) FROM audit.last_day"),
    changes=(
        Change("a_column", (
            "ALTER TABLE audit.log ADD COLUMN origin text NOT NULL DEFAULT 'web';\n",
            "ALTER TABLE audit.log DROP COLUMN origin;\n",
        ), may="INSERT INTO audit.log (actor, action, origin) VALUES ('ann', 'order', 'app')", may_not="UPDATE audit.log SET origin = 'app'"),
        Change("view_added", (
            "CREATE VIEW audit.actors WITH (security_barrier = true) AS SELECT DISTINCT actor FROM audit.log;\n"
            "GRANT SELECT ON audit.actors TO shop;\n",
            "DROP VIEW audit.actors;\n",
        ), rules=(_ACTORS,), may="SELECT actor FROM audit.actors", gains=frozenset({("audit.actors", "SELECT")})),
        Change("view_revoked", (
            "REVOKE SELECT ON audit.actors FROM shop;\n", "GRANT SELECT ON audit.actors TO shop;\n",
        ), rules=(), may_not="SELECT actor FROM audit.actors"),
        Change("table_added", (
            "CREATE TABLE audit.tally (action audit.action PRIMARY KEY, entries bigint NOT NULL);\n"
            "CREATE FUNCTION audit.tally_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER\n"
            "SET search_path = pg_catalog, pg_temp AS $$\nBEGIN\n"
            "    INSERT INTO audit.tally AS known VALUES (NEW.action, 1)\n"
            "    ON CONFLICT (action) DO UPDATE SET entries = known.entries + 1;\n    RETURN NULL;\nEND $$;\n"
            "REVOKE EXECUTE ON FUNCTION audit.tally_entry() FROM PUBLIC;\n"
            "CREATE TRIGGER log_tally AFTER INSERT ON audit.log FOR EACH ROW EXECUTE FUNCTION audit.tally_entry();\n",
            "DROP TRIGGER log_tally ON audit.log;\nDROP FUNCTION audit.tally_entry();\nDROP TABLE audit.tally;\n",
        ), rules=(_TALLY,), may="INSERT INTO audit.log (actor, action) VALUES ('ann', 'refund')", may_not="DELETE FROM audit.tally"),
        # What writes where the application cannot, as the writer of an apply path does.
        Change("new_writer", routine="audit.tally_entry()", may="INSERT INTO audit.log (actor, action) VALUES ('ann', 'refund')"),
        Change("taken", ("-- the rule of the policy says it\n", "-- and so does the way back\n"), rules=(_TALLY, _MIGRATIONS),
               borrows=("shop", "qt001_cp_owner"), may="INSERT INTO public.schema_migration VALUES ('0003')",
               may_not="DELETE FROM public.schema_migration"),
        # It stays in its schema, beside what is protected; the type of its column is protected, so the text unties it.
        Change("given_back", (
            "ALTER TABLE audit.permission ALTER action TYPE text;\n",
            "ALTER TABLE audit.permission ALTER action TYPE audit.action USING action::audit.action;\n",
        ), rules=(_TALLY, _MIGRATIONS, _PERMISSION), borrows=("shop", "qt001_cp_owner"), may="UPDATE audit.permission SET action = 'refund'",
            may_not="DELETE FROM public.schema_migration"),
    ),
)  # fmt: skip  # a change a line
_HELD = """
WITH named AS (
    SELECT identity,
           CASE WHEN kind IN ('table', 'view', 'materialized view', 'sequence') THEN to_regclass(identity) END AS relation,
           CASE WHEN kind IN ('function', 'procedure', 'aggregate') THEN to_regprocedure(identity) END AS routine,
           CASE WHEN kind = 'type' THEN to_regtype(identity) END AS type,
           CASE WHEN kind = 'schema' THEN to_regnamespace(identity) END AS schema
    FROM unnest(%(kinds)s::text[], %(names)s::text[]) known(kind, identity)
), role AS (
    SELECT oid FROM pg_roles WHERE pg_has_role(oid, %(application)s::regrole, 'MEMBER') AND NOT rolsuper AND rolname <> %(operator)s
), owned AS (
    SELECT identity, relowner AS owner FROM named JOIN pg_class c ON c.oid = relation
    UNION ALL SELECT identity, proowner FROM named JOIN pg_proc p ON p.oid = routine
    UNION ALL SELECT identity, typowner FROM named JOIN pg_type t ON t.oid = type
    UNION ALL SELECT identity, nspowner FROM named JOIN pg_namespace n ON n.oid = schema
)
SELECT identity, 'OWNER' FROM owned CROSS JOIN role WHERE pg_has_role(role.oid, owner, 'MEMBER')
UNION SELECT identity, privilege FROM named JOIN pg_class c ON c.oid = relation AND relkind <> 'S' CROSS JOIN role
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) privilege
    WHERE has_table_privilege(role.oid, c.oid, privilege)
UNION SELECT identity, 'column ' || privilege FROM named JOIN pg_class c ON c.oid = relation AND relkind <> 'S' CROSS JOIN role
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) privilege
    WHERE has_any_column_privilege(role.oid, c.oid, privilege) AND NOT has_table_privilege(role.oid, c.oid, privilege)
UNION SELECT identity, privilege FROM named JOIN pg_class c ON c.oid = relation AND relkind = 'S' CROSS JOIN role
    CROSS JOIN unnest(ARRAY['SELECT', 'USAGE', 'UPDATE']) privilege WHERE has_sequence_privilege(role.oid, c.oid, privilege)
UNION SELECT identity, 'EXECUTE' FROM named CROSS JOIN role WHERE routine IS NOT NULL AND has_function_privilege(role.oid, routine, 'EXECUTE')
UNION SELECT identity, privilege FROM named CROSS JOIN role CROSS JOIN unnest(ARRAY['CREATE', 'USAGE']) privilege
    WHERE schema IS NOT NULL AND has_schema_privilege(role.oid, schema, privilege)
"""


class Sight:
    """What a second session sees the application own and hold, of what is protected before a change or after it, and not given back."""

    def __init__(self, stage: Stage, was: ObjectManifest, becomes: ObjectManifest) -> None:
        self.stage = stage
        given = {o.ref.key for o in becomes.moved if o.disposition == "retain"}
        seen = {o.ref.key: o.ref for m in (was, becomes) for o in m.transferred if o.ref.key not in given}
        self.arguments = {
            "kinds": [ref.kind for ref in seen.values()],
            "names": [ref.identity for ref in seen.values()],
            "application": stage.scene.application,
            "operator": PLAIN,
        }

    def held(self, session: psycopg.Connection) -> frozenset[Holding]:
        return frozenset((row[0], row[1]) for row in session.execute(_HELD.encode(), self.arguments).fetchall())

    def now(self) -> frozenset[Holding]:
        with self.stage.connect() as session:
            return self.held(session)


def _streamed(session: psycopg.Connection, statements: Iterable[str], longest: str) -> Callable[[], object]:
    """One after the other, again and again; each within that time."""
    session.execute(f"SET statement_timeout = '{longest}'".encode())
    each = cycle(statements)
    return lambda: session.execute(next(each).encode())


@contextmanager
def lived(life: Life, sight: Sight, allowed: frozenset[Holding]) -> Iterator[None]:
    """The application works on, on its own and on what is locked; and nobody sees it own or hold more than is allowed."""
    stage, application, looks = sight.stage, life.reference.application, 0
    with stage.connect() as poll, stage.connect(application) as own, stage.connect(application) as shared:

        def look() -> None:
            nonlocal looks
            more = sight.held(poll) - allowed
            assert not more, more
            looks += 1

        streams = (_streamed(own, life.busy, BUSY), _streamed(shared, life.waiting, WAITING))
        with meanwhile(look, *streams) as wrong:
            yield
            time.sleep(0.1)
    assert wrong == []
    assert looks > 5, "the second session has looked on"
