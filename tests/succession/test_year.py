"""A year of partitions, made and dropped by a job without superuser, while the application is connected and works; then all the way back.

On the reference estate, and on one without an apply path, whose log the application goes on writing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene, new_scene
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from tests.acceptance.support import open_all
from tests.conftest import Stage
from tests.cutover.support import reseal
from tests.succession.support import accepted, gates, lent, marked, meanwhile

SHOP = """
CREATE TABLE audit.visit (at date NOT NULL, actor text NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE audit.visit_2026_12 PARTITION OF audit.visit FOR VALUES FROM ('2026-12-01') TO ('2027-01-01');
ALTER TABLE audit.visit OWNER TO shop;
ALTER TABLE audit.visit_2026_12 OWNER TO shop;
"""
RULE = """
[[rule]]
kind = "table"
schema = "audit"
name = "visit*"
disposition = "transfer"
reason = "append-only, a partition a month"
keep = ["SELECT", "INSERT"]
"""
GROWTH = """
[[growth]]
table = "audit.visit"
schema = "audit"
name = "visit_*"
reason = "a partition a month; a job keeps three"

"""
WAITING = {"object_manifest_sealed", "scheduled_verifier_recent", "sign_off_present"}
"""Nobody has verified or signed, and this cutover was its own rehearsal."""
_HOLDS = """
SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'p') AND c.relname LIKE %s
AND (pg_has_role(%s, c.relowner, 'MEMBER') OR has_table_privilege(%s, c.oid, 'UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))
"""


def months(year: int) -> Iterator[tuple[str, str, str]]:
    """Of each month its name, its first day, and the first day after it."""
    for month in range(1, 13):
        after = date(year + month // 12, month % 12 + 1, 1)
        yield f"{year}_{month:02}", date(year, month, 1).isoformat(), after.isoformat()


def a_year(job: str, table: str, year: int = 2031) -> None:
    """What the job does each month: one more, and the one of three months ago is dropped."""
    with psycopg.connect(job, autocommit=True) as session:
        made: list[str] = []
        for name, lower, upper in months(year):
            made.append(f"{table}_{name}")
            session.execute("SELECT qt001_cp.add_partition(%s, %s, %s, %s)", [table, made[-1], [lower], [upper]])
            if len(made) > 3:
                session.execute("SELECT qt001_cp.drop_partition(%s)", [made.pop(0)])


@pytest.mark.slow
def test_on_the_reference_estate(at_fix7c_done: Stage) -> None:
    """All gates stay open, the writer's too; no signature is asked for. The way back gives what is there to the application."""
    stage = at_fix7c_done
    with lent(stage) as job, stage.connect() as poll, stage.connect("directus") as application:
        open_all(stage, test_authority=False)
        held = poll.execute(_HOLDS, ["qt001_data", "measurement%", "directus", "directus"]).fetchall()
        assert held == []

        def look() -> None:
            assert poll.execute(_HOLDS, ["qt001_data", "measurement%", "directus", "directus"]).fetchall() == held

        work = "INSERT INTO public.newsletter (email) VALUES (gen_random_uuid()::text)"
        with meanwhile(look, lambda: application.execute(work)) as wrong:
            a_year(job, "qt001_data.measurement")
        assert wrong == []
        assert accepted(stage)
    with marked(stage):
        stage.downgrade("fix7a")
    with stage.connect() as admin:
        owners = "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relname LIKE 'measurement\\_2%' AND relkind = 'r'"
        assert admin.execute(owners).fetchall() == [("directus",)]
        (count,) = admin.execute(
            "SELECT count(*) FROM pg_class WHERE relname LIKE 'measurement\\_2031%' AND relkind = 'r'"
        ).fetchone() or (0,)
        assert count == 3


@pytest.fixture
def shop(server: Server, tmp_path: Path) -> Iterator[Stage]:
    """The log's estate with a table that has a partition a month, which the policy lets grow; with FIX7c."""
    scene = new_scene(server, "shop_year", reference=estate.LOG)
    with scene.connect() as admin:
        admin.execute(SHOP.encode())
    text = estate.LOG.policy_path.read_text("utf-8")
    at, end = text.index("[[rule]]"), text.index("[verifier]")
    policy = tmp_path / "policy.toml"
    policy.write_text(text[:at] + RULE + text[at:end] + GROWTH + text[end:], "utf-8")
    stage = Stage(scene, Path(tempfile.mkdtemp(prefix="qt001-year-")))
    revisions.upgrade(scene.dsn(OPERATOR), "fix7a", policy=str(policy))
    reseal(stage, stage.folder, policy=policy)
    stage.upgrade("fix7b", rehearsal="first")
    stage.upgrade("fix7c")
    yield stage
    drop_scene(scene)


@pytest.mark.slow
def test_where_there_is_no_apply_path(shop: Stage) -> None:
    """The application goes on writing the table that grows, through it, and nothing else of it."""
    stage = shop
    with stage.connect() as poll, stage.connect("shop") as application, lent(stage) as job:
        write = "INSERT INTO audit.visit VALUES ('2026-12-24', 'ann')"
        closed = gates(stage)
        assert closed == WAITING

        def look() -> None:
            assert poll.execute(_HOLDS, ["audit", "visit%", "shop", "shop"]).fetchall() == []

        with meanwhile(look, lambda: application.execute(write)) as wrong:
            a_year(job, "audit.visit")
        assert wrong == []
        application.execute("INSERT INTO audit.visit VALUES ('2031-11-11', 'bob')")
        assert gates(stage) == closed
    with marked(stage):
        stage.downgrade("fix7a")
    with stage.connect("shop") as application:
        rows = application.execute("DELETE FROM audit.visit_2031_11 RETURNING actor").fetchall()
    assert rows == [("bob",)], "it is the application's again"
