"""A routine of the apply path whose argument is preset by a list: another spelling after a dump, and the same definition."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.cutover.support import sealed_with

GATEWAY = "public.qt001_gateway(jsonb)"
PRESET = "payload jsonb DEFAULT to_jsonb('x'::varchar IN ('a', lower('B')::varchar))"
ELSEWHERE = "preset_elsewhere"
_GATES = """
SELECT DISTINCT gate FROM qt001_cp.gate_findings() WHERE gate <> ALL
 ('{object_manifest_sealed,ledger_intact,scheduled_verifier_recent,sign_off_present,capability_evidence_real}')
"""


@pytest.fixture
def preset(at_base: Stage, tmp_path: Path) -> Iterator[Stage]:
    """At FIX7c, with such a gateway."""
    if at_base.scene.server.version < 150000:
        pytest.skip(
            "pg_dump is the wheel's 18: what it writes for a database and for schema public, 14 does not take as its own"
        )
    policy = shutil.copytree(estate.policy_path().parent, tmp_path / "policy") / "policy.toml"
    gateway = policy.parent / "repoint" / "gateway.sql"
    gateway.write_text(gateway.read_text("utf-8").replace("payload jsonb", PRESET, 1), "utf-8")
    with at_base.connect() as admin:
        (whole,) = admin.execute("SELECT pg_get_functiondef(%s::regprocedure)", [GATEWAY]).fetchone() or ("",)
        admin.execute(whole.replace("payload jsonb", PRESET, 1).encode())
    sealed_with(at_base, tmp_path / "bundle", policy)
    at_base.upgrade("fix7b", rehearsal="first")
    at_base.upgrade("fix7c")
    yield at_base
    with at_base.scene.server.connect("postgres") as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {ELSEWHERE} WITH (FORCE)")


def _arguments(stage: Stage) -> str:
    with stage.connect() as admin:
        row = admin.execute("SELECT pg_get_function_arguments(%s::regprocedure)", [GATEWAY]).fetchone()
    assert row is not None
    return str(row[0])


def _closed(stage: Stage) -> list[tuple[str, ...]]:
    with stage.connect() as admin:
        return admin.execute(_GATES.encode()).fetchall()


def _restore(stage: Stage) -> None:
    """A dump of it in its place."""
    server, database = stage.scene.server, stage.scene.database
    text = server.dump(database, "--create")
    if server.version < 170000:  # pg_dump is the wheel's 18, and sets what older servers do not know
        text = text.replace("SET transaction_timeout = 0;\n", "")
    with server.connect("postgres") as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {ELSEWHERE} WITH (FORCE)")
        admin.execute(f"ALTER DATABASE {database} RENAME TO {ELSEWHERE}".encode())
    server.psql(text, dbname="postgres")
    with stage.connect(OPERATOR) as operator:
        operator.execute("SELECT qt001_cp.adopt_ledger('restored')")


def test_it_is_the_same_after_a_dump_and_the_way_back_is_open(preset: Stage) -> None:
    before, closed = _arguments(preset), _closed(preset)
    assert closed == []
    _restore(preset)
    assert _arguments(preset) != before, "PostgreSQL spells it in another way now"
    assert _closed(preset) == closed
    _restore(preset)
    assert _closed(preset) == closed
    for revision in ("fix7b", "fix7a"):
        preset.downgrade(revision)
    preset.upgrade("fix7b", rehearsal="first")
    preset.upgrade("fix7c")
    assert _closed(preset) == closed
