"""A policy without an apply path is a whole policy: an application that owns its own audit log, there and back."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.errors import PolicyError, Refused
from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.nogo import OF_APPLY_PATH
from qt001_cp.model.policy import OF_APPLY_PATH as PARTS
from qt001_cp.policy_file import load_policy
from qt001_cp.rehearsal.nogo.families import at_fix7a, at_fix7c
from qt001_cp.rehearsal.scene import AUDITOR, OPERATOR, SCANNER, VERIFIER, drop_scene, new_scene
from qt001_cp.rehearsal.transcript import Transcript
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from qt001_cp.workflow.seal import record_rehearsal
from tests.conftest import Stage
from tests.cutover.support import reseal, run, stopped
from tests.roundtrip.alembic_cli import alembic

pytestmark = pytest.mark.slow

SHOP = "shop"
GONE = {"legacy_authority_removed", "dependency_manifest_closed", "capability_evidence_real"}


def prepared(server: Server, database: str) -> Stage:
    """FIX7a, the object manifest sealed."""
    scene = new_scene(server, database, reference=estate.LOG)
    stage = Stage(scene, Path(tempfile.mkdtemp(prefix="qt001-log-")))
    revisions.upgrade(scene.dsn(OPERATOR), "fix7a", policy=str(estate.LOG.policy_path))
    reseal(stage, stage.folder, policy=estate.LOG.policy_path)
    return stage


@pytest.fixture(scope="module")
def record(server: Server) -> bytes:
    """A real no-go rehearsal of this manifest, on another copy of the database."""
    stage = prepared(server, "shop_case")
    transcript = Transcript(manifest=stage.digest, server="test", apply_path=False)
    assert stage.bundle is not None
    transcript.outcomes += at_fix7a(stage.scene, stage.manifest)
    stage.upgrade("fix7b", rehearsal="first")
    stage.upgrade("fix7c")
    transcript.outcomes += at_fix7c(stage.scene, stage.manifest, stage.bundle.files, None)
    drop_scene(stage.scene)
    assert [(o.case.name, o.sqlstate, o.message) for o in transcript.outcomes if not o.passed] == []
    assert transcript.passed
    return transcript.record()


@pytest.fixture
def recorded(server: Server, record: bytes) -> Iterator[Stage]:
    stage = prepared(server, "shop_case")
    with stage.connect(OPERATOR) as operator:
        record_rehearsal(operator, record)
    yield stage
    drop_scene(stage.scene)


def _gates(stage: Stage) -> dict[str, bool]:
    with stage.connect() as connection:
        return dict(connection.execute("SELECT gate, open FROM qt001_cp.v_fix7_gate ORDER BY ordinal").fetchall())


def _accepted(stage: Stage) -> tuple[bool, int, int]:
    with stage.connect() as connection:
        row = connection.execute("SELECT accepted, open_gates, gates FROM qt001_cp.v_fix7_acceptance").fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def test_from_the_estate_to_an_open_acceptance_and_back(recorded: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    base = recorded.scene.dump("--exclude-schema", "qt001_cp")
    dsn = ["--database", recorded.scene.dsn(OPERATOR)]
    assert main(["preflight", recorded.manifest_path, *dsn]) == 0
    said = capsys.readouterr().out
    assert "· 6 apply and readiness are blocked" in said
    assert "not asked: no apply path" in said
    x = ("-x", f"manifest={recorded.manifest_path}")
    done = alembic(recorded, *x, "upgrade", "head")
    assert done.returncode == 0, done.stdout + done.stderr
    assert alembic(recorded, *x, "check").returncode == 0

    gates = _gates(recorded)
    assert len(gates) == 14
    assert not GONE & gates.keys()
    assert [gate for gate, is_open in gates.items() if not is_open] == ["scheduled_verifier_recent", "sign_off_present"]
    for login, call in ((VERIFIER, "verify"), (SCANNER, "scan")):
        with recorded.connect(login) as connection:
            assert connection.execute(f"SELECT qt001_cp.{call}()".encode()).fetchone() == ([],)
    assert _accepted(recorded) == (False, 13, 14)
    with recorded.connect(AUDITOR) as auditor:
        auditor.execute("SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'the log', 600)")
    assert _accepted(recorded) == (True, 14, 14)
    assert main(["status", *dsn, "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["gates"]) == 14
    _audited(recorded, capsys)
    assert main(["report", *dsn, "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {f["name"] for f in report["rehearsal"]["families"]}.isdisjoint(OF_APPLY_PATH)

    for revision in ("fix7b", "fix7a"):
        done = alembic(recorded, *x, "downgrade", revision)
        assert done.returncode == 0, done.stdout + done.stderr
    assert recorded.scene.dump("--exclude-schema", "qt001_cp") == base


def _audited(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["audit", "--database", stage.scene.dsn("postgres"), "--manifest", stage.manifest_path]
    code = main([*arguments, "--format", "json"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [(c["name"], f) for c in checks for f in c["faults"]] == []
    assert code == 0


def test_the_application_does_its_daily_work_and_its_next_migration(recorded: Stage) -> None:
    recorded.upgrade("fix7b")
    with recorded.connect(SHOP) as shop:
        row = shop.execute("INSERT INTO audit.log (actor, action) VALUES ('ann', 'refund') RETURNING id").fetchone()
        assert row == (4,)
        assert shop.execute("SELECT count(*) FROM audit.log").fetchone() == (4,)
        assert shop.execute("SELECT count(*) FROM audit.permission").fetchone() == (2,)
        shop.execute("SELECT actor FROM audit.last_day")
        shop.execute(
            "CREATE TABLE public.invoice (id serial PRIMARY KEY, purchase bigint REFERENCES public.purchase (id))"
        )
        shop.execute("ALTER TABLE public.customer ADD COLUMN phone text")
        for statement in (
            "UPDATE audit.log SET actor = 'bob'",
            "DELETE FROM audit.log",
            "TRUNCATE audit.log",
            "DROP TABLE audit.log",
            "ALTER TABLE audit.log DISABLE TRIGGER ALL",
            "CREATE TRIGGER t BEFORE INSERT ON audit.log FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "INSERT INTO audit.permission VALUES ('ann', 'permission', 'ann')",
            "INSERT INTO audit.log (actor, action) VALUES ('x', 'login') ON CONFLICT (id) DO UPDATE SET actor = 'y'",
            "SELECT setval('audit.log_id_seq', 1)",
            "ALTER TABLE audit.log RENAME TO gone",
            "ALTER SCHEMA audit RENAME TO gone",
            "CREATE TABLE audit.log2 (id int)",
            "ALTER TYPE audit.action RENAME VALUE 'login' TO 'nothing'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                shop.execute(statement.encode())


def test_a_grant_too_many_closes_a_gate_and_is_found(recorded: Stage) -> None:
    recorded.upgrade("fix7b")
    recorded.upgrade("fix7c")
    run(recorded, "GRANT UPDATE ON audit.log TO shop;\n")
    assert {"owners_and_acls_exact", "application_role_contained"} <= {g for g, o in _gates(recorded).items() if not o}
    with recorded.connect(SCANNER) as scanner:
        (found,) = scanner.execute("SELECT qt001_cp.scan()").fetchone() or ([],)
    assert [(f["expected"], f["found"]) for f in found] == [("only INSERT, SELECT for shop", "shop may UPDATE")]


def test_a_manifest_cannot_leave_out_the_apply_path_of_its_policy(at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    def without(manifest: ObjectManifest) -> ObjectManifest:
        return replace(manifest, apply_path=None, blocked=(), legacy=(), repoint=())

    with pytest.raises((Refused, psycopg.Error), match="apply_path as the policy has it"):
        reseal(at_fix7a_sealed, tmp_path, edit=without)


@pytest.mark.parametrize("family", OF_APPLY_PATH)
def test_the_families_of_the_apply_path_are_asked_for_where_there_is_one(
    at_fix7a_sealed: Stage, nogo_record: bytes, family: str
) -> None:
    record = json.loads(nogo_record)
    record["cases"] = [case for case in record["cases"] if case["family"] != family]
    stopped(at_fix7a_sealed, "", "QT105", f"no-go family {family}", record=canonical_bytes(record))


@pytest.mark.parametrize("part", PARTS)
def test_half_an_apply_path_is_refused(tmp_path: Path, part: str) -> None:
    """Each part alone, beside a policy that has none of the others."""
    values = {
        "apply_path": '[apply_path]\ngateway="a"\npermit="b"\napply="c"\nwriter="d"\nreadiness="e"\nsource_tables=["f"]\ntriggers=[]\n',
        "repoint": '[[repoint]]\nidentity="a"\nsource="b"\n',
        "legacy": '[[legacy]]\nkind="view"\nidentity="a"\nreason="b"\n',
        "blocked": "".join(
            f'[[blocked]]\nwhat="{w}"\ntable="t"\nkey_column="k"\nkey="x"\nstate_column="s"\nblocked="b"\n'
            for w in ("apply", "readiness")
        ),
        "capability": '[[capability]]\nname="a"\nreason="b"\nproducers=["c"]\nmax_age_seconds=100\n',
    }
    path = tmp_path / "policy.toml"
    path.write_text(estate.LOG.policy_path.read_text() + "\n" + values[part])
    with pytest.raises(PolicyError, match="they are one part"):
        load_policy(path)


def test_without_a_function_its_attacks_are_left_out(server: Server) -> None:
    stage = prepared(server, "shop_case")
    outcomes = at_fix7a(stage.scene, stage.manifest)
    drop_scene(stage.scene)
    assert [(o.case.name, o.sqlstate, o.message) for o in outcomes if not o.passed] == []
    names = {o.case.name for o in outcomes}
    assert names.isdisjoint({"an overload of the writer", "drop and recreate"})
    assert {"shrink the manifest", "rename and replace", "hide in another schema"} <= names


def _hidden(stage: Stage) -> list[tuple[str, str]]:
    with stage.connect() as connection:
        return connection.execute("SELECT object, found FROM qt001_cp.hidden_findings(%s)", [stage.digest]).fetchall()


def test_what_hides_the_log_from_its_own_application_is_found(recorded: Stage) -> None:
    """Seen: with ``public, audit`` the application wrote into a table of its own, and its audit log stayed empty."""
    recorded.upgrade("fix7b")
    path = "ALTER ROLE shop IN DATABASE shop_case SET search_path = {};\n"
    run(recorded, path.format("public, audit"))
    assert _hidden(recorded) == []
    run(recorded, "CREATE TABLE public.log (id int);\nCREATE VIEW public.permission AS SELECT 1 AS one;\n", SHOP)
    first = "it is found first: search_path public, audit"
    assert sorted(_hidden(recorded)) == [("table public.log", first), ("view public.permission", first)]
    with recorded.connect() as connection:
        found = connection.execute("SELECT object FROM qt001_cp.containment_findings(%s)", [recorded.digest]).fetchall()
    assert ("table public.log",) in found
    run(recorded, path.format("audit, public"))
    assert _hidden(recorded) == []
    run(recorded, path.format('"$user", public'))
    assert _hidden(recorded) == []
