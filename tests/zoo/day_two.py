"""Changes of a real application's log while it is protected, by an operator without superuser: a column with a default, protected tables
and a function that writes one of them; a view, and a new version of the function; the view revoked and a table given back. Each there
and back, and a year of partitions, while the application goes on working.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg

from tests.succession.support import meanwhile
from tests.succession.test_year import a_year
from tests.zoo.page import Page

CHANGED: Final = "mlflow"
"""The application whose log is changed while it is protected."""
_STAFF = """
psql -X -q -v ON_ERROR_STOP=1 -d "$ADMIN" <<'SQL'
CREATE ROLE olga LOGIN;
GRANT qt001_cp_operator TO olga;
INSERT INTO qt001_cp.person (login, person, duty) VALUES ('olga', 'olga.ochs', 'operator');
ALTER ROLE olga IN DATABASE mlflow SET search_path = '';
SQL
"""
_LEND = 'psql -X -q -v ON_ERROR_STOP=1 -d "$ADMIN" -c "GRANT qt001_cp_owner, mlflow TO olga"'
_TAKE_BACK = 'psql -X -q -v ON_ERROR_STOP=1 -d "$ADMIN" -c "REVOKE qt001_cp_owner, mlflow FROM olga"'
_LEAVE = """
psql -X -q -v ON_ERROR_STOP=1 -d "$ADMIN" <<'SQL'
DELETE FROM qt001_cp.person WHERE login = 'olga';
DROP OWNED BY olga;
DROP ROLE olga;
SQL
"""
_PREPARE = """
OPERATOR="${{OPERATOR/dora/olga}}"
qt001-cp change new {name}
cat > changes/{name}.forward.sql <<'SQL'
{forward}
SQL
cat > changes/{name}.back.sql <<'SQL'
{back}
SQL
cat > {name}.rules <<'TOML'
{rules}
TOML
awk '/^\\[\\[rule\\]\\]/ && !n++ {{ while ((getline line < "{name}.rules") > 0) print line }} 1' policy.toml > {name}.toml
qt001-cp change prepare {name} --source "$ADMIN" --policy {name}.toml
qt001-cp change propose changes/{name} --database "$AUTHOR"
qt001-cp manifest seal changes/{name}/object.json --database "$OPERATOR"
qt001-cp evidence import changes/{name}/nogo.json --rehearsal --database "$OPERATOR"
alembic -c changes/alembic.ini -x manifest=changes/{name}/object.json upgrade {before}:{name} --sql > {name}.sql
alembic -c changes/alembic.ini -x manifest=changes/{name}/object.json downgrade {name}:{name}@-1 --sql > {name}-back.sql
"""
_MAKE = """
OPERATOR="${{OPERATOR/dora/olga}}"
psql -X -q -v ON_ERROR_STOP=1 -d "$OPERATOR" -f {script}.sql > {script}.log 2>&1; echo "psql: $?"
"""
_HELD = """
SELECT DISTINCT c.oid::regclass::text FROM pg_class c
WHERE (c.oid IN (to_regclass('public.metrics'), to_regclass('public.params')) OR c.relnamespace = to_regnamespace('guard') AND c.relkind IN ('r', 'p', 'v'))
  AND (pg_has_role('mlflow', c.relowner, 'MEMBER') OR has_table_privilege('mlflow', c.oid, 'UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))
"""
_GROWTH = """
[[growth]]
table = "guard.visits"
schema = "guard"
name = "visits_*"
reason = "a partition a month"
"""
_SCHEMA = """
[[rule]]
kind = "schema"
name = "guard"
disposition = "transfer"
reason = "beside public, where MLflow's migrations create"
keep = ["USAGE"]
"""
_VIEW = """
[[curated_view]]
identity = "guard.keys"
reason = "what is measured at all"
"""
_GIVEN = """
[[rule]]
kind = "table"
identity = "public.params"
disposition = "retain"
reason = "what a run was started with is MLflow's again"
"""


_WRITER = """CREATE OR REPLACE FUNCTION guard.seen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO guard.limits VALUES (NEW.key, {most}) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
"""


@dataclass(frozen=True)
class Change:
    """``rules``: what its policy has before that of the page. ``given``: what is the application's again; the same change takes a
    privilege from it, so that it rests meanwhile, and the operator is a member of both owners."""

    name: str
    forward: str
    back: str
    rules: str
    given: str = ""


CHANGES: Final = (
    Change(
        "noted",
        "ALTER TABLE public.metrics ADD COLUMN qt001_note text NOT NULL DEFAULT '-';\n"
        "CREATE SCHEMA guard;\nGRANT USAGE ON SCHEMA guard TO mlflow;\n"
        "CREATE TABLE guard.limits (key text PRIMARY KEY, most double precision NOT NULL);\n"
        "CREATE TABLE guard.visits (at date NOT NULL, key text NOT NULL) PARTITION BY RANGE (at);\n"
        + _WRITER.format(most=0).replace(" OR REPLACE", "", 1)
        + "REVOKE EXECUTE ON FUNCTION guard.seen() FROM PUBLIC;\n"
        "CREATE TRIGGER qt001_seen AFTER INSERT ON public.metrics FOR EACH ROW EXECUTE FUNCTION guard.seen();",
        "DROP TRIGGER qt001_seen ON public.metrics;\nDROP FUNCTION guard.seen();\nDROP TABLE guard.visits;\nDROP TABLE guard.limits;\n"
        "DROP SCHEMA guard;\nALTER TABLE public.metrics DROP COLUMN qt001_note;",
        _SCHEMA,
    ),
    Change(
        "shown",
        "CREATE VIEW guard.keys WITH (security_barrier = true) AS SELECT DISTINCT key FROM public.metrics;\n"
        "GRANT SELECT ON guard.keys TO mlflow;\n" + _WRITER.format(most=1),
        "DROP VIEW guard.keys;\n" + _WRITER.format(most=0),
        _GROWTH + _SCHEMA + _VIEW,
    ),
    Change(
        "given",
        "REVOKE SELECT ON guard.keys FROM mlflow;",
        "GRANT SELECT ON guard.keys TO mlflow;",
        _GROWTH + _SCHEMA + _GIVEN,
        given="params",
    ),
)
GROWS: Final = CHANGES[1]
"""From here on a table of the first one grows: what may grow has to be there when it is sealed."""


def day_two(page: Page) -> None:
    """One on top of the other and back in reverse; what pg_dump says is the same again after each way back."""
    first = page.running.dump()
    page.commands(_STAFF)
    dumps, before = [], "fix7c"
    for change in CHANGES:
        dumps.append(page.running.dump())
        made = page.commands(_PREPARE.format(before=before, **_texts(change)))
        assert "PASSED" in made, made
        _make(page, change, change.name)
        assert _held(page) == ({change.given} - {""})
        _grows(page)
        if change is GROWS:
            _a_year(page)
        before = change.name
    for change in reversed(CHANGES):
        if change is GROWS:
            _drop_partitions(page)
        _make(page, change, f"{change.name}-back")
        _grows(page)
        assert page.running.dump() == dumps.pop(), change.name
    page.commands(_LEAVE)
    assert page.running.dump() == first


def _a_year(page: Page) -> None:
    """Partitions come and go by a job; three stay."""
    with _working(page, GROWS):
        a_year(_job(page), "guard.visits")
    assert len(_partitions(page)) == 3


def _drop_partitions(page: Page) -> None:
    """What the manifest before does not let grow it does not know."""
    with psycopg.connect(_job(page), autocommit=True) as job:
        for name in _partitions(page):
            job.execute("SELECT qt001_cp.drop_partition(%s)", [name])


def _job(page: Page) -> str:
    return page.running.server.conninfo(page.running.application.name, "olga")


def _partitions(page: Page) -> list[str]:
    with page.running.server.connect(page.running.application.name) as session:
        query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'guard.visits'::regclass"
        return [str(row[0]) for row in session.execute(query).fetchall()]


def _texts(change: Change) -> dict[str, str]:
    return {"name": change.name, "forward": change.forward, "back": change.back, "rules": change.rules}


def _make(page: Page, change: Change, script: str) -> None:
    if change.given:
        page.commands(_LEND)
    with _working(page, change):
        assert page.commands(_MAKE.format(script=script)).count("psql: 0") == 1
    if change.given:
        page.commands(_TAKE_BACK)


def _held(page: Page) -> set[str]:
    """What the application owns, or may change, of what is or was protected, as another session sees it."""
    with page.running.server.connect(page.running.application.name) as session:
        return {str(row[0]) for row in session.execute(_HELD.encode()).fetchall()}


@contextmanager
def _working(page: Page, change: Change) -> Iterator[None]:
    """It works on, where nothing is taken from it, and is never seen to have more than what the change gives back."""

    def look() -> None:
        more = _held(page) - {change.given}
        assert not more, more

    works = [look] if change.given else [look, lambda: page.running.run(page.running.application.work)]
    with meanwhile(*works) as wrong:
        yield
    assert wrong == []


def _grows(page: Page) -> None:
    """Its daily work goes into the log."""
    grown = page.running.entries()
    page.running.run(page.running.application.work)
    assert page.running.entries() > grown
