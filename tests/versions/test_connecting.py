"""Nothing of the database runs before our first statement, both sides speak UTF-8, and the session is the login's own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from qt001_cp import connecting
from qt001_cp.audit.run import Outside, audit
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.sessions import _beside
from qt001_cp.cli import main
from qt001_cp.errors import DatabaseProblem, Findings, Qt001Error
from qt001_cp.model.names import Role
from qt001_cp.rehearsal.clone.source import read_source
from qt001_cp.rehearsal.scene import AUDITOR, OPERATOR, VERIFIER
from qt001_cp.servers import Server
from qt001_cp.servers.wheel import programs
from qt001_cp.workflow import revisions
from tests.conftest import DATABASE, Stage

pytestmark = pytest.mark.slow

PLANTED = """
CREATE TABLE public.came (who text); GRANT INSERT, SELECT ON public.came TO PUBLIC;
CREATE FUNCTION public.ev() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
ALTER FUNCTION public.ev() OWNER TO directus;
CREATE EVENT TRIGGER door ON login EXECUTE FUNCTION public.ev();
SET ROLE directus;
CREATE OR REPLACE FUNCTION public.ev() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
    INSERT INTO public.came VALUES (session_user);
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN EXECUTE 'ALTER ROLE directus SUPERUSER'; END IF;
END$$;
RESET ROLE;
"""
BOOTSTRAP = Path(__file__).parents[2] / "scripts" / "bootstrap.sql"


def _needs_17(server: Server) -> None:
    if server.version < connecting.LOGIN_TRIGGERS:
        pytest.skip("login event triggers exist since 17")


@pytest.fixture
def planted(at_fix7a_sealed: Stage) -> Iterator[Stage]:
    """A login trigger of the application waits. Every look of the test itself passes it by too."""
    server = at_fix7a_sealed.scene.server
    _needs_17(server)
    with at_fix7a_sealed.connect() as connection:
        connection.execute(PLANTED)
    yield at_fix7a_sealed
    with server.connect("postgres") as connection:
        connection.execute("ALTER ROLE directus NOSUPERUSER")


def _came(stage: Stage) -> list[str]:
    with psycopg.connect(make_conninfo(stage.scene.dsn(OPERATOR), options="-c event_triggers=off")) as connection:
        return [row[0] for row in connection.execute("SELECT who FROM public.came").fetchall()]


def _superuser(stage: Stage) -> bool:
    with stage.scene.server.connect("postgres") as connection:
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'directus'").fetchone()
        return bool(row and row[0])


VERBS = ("inventory --application directus", "policy init --out {new}/policy.toml", "preflight {manifest}", "status", "analyse",
         "manifest generate --out {new}", "manifest verify {manifest}", "evidence list", "verify", "scan",
         "report --out {new}/r.html", "review {manifest} --out {new}/pack", "audit --manifest {manifest}",
         "inventory --policy {policy}")  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_a_superuser_passes_the_application_s_login_trigger_by(verb: str, planted: Stage, tmp_path: Path) -> None:
    from qt001_cp import estate

    words = verb.format(new=tmp_path, manifest=planted.manifest_path, policy=estate.policy_path()).split()
    main([*words, "--database", planted.scene.dsn(OPERATOR)])
    assert (_came(planted), _superuser(planted)) == ([], False)


def test_so_do_alembic_the_source_of_a_clone_and_a_second_session(planted: Stage) -> None:
    dsn = planted.scene.dsn(OPERATOR)
    with pytest.raises(Qt001Error, match=r"online refused|rehearsal|event trigger"):
        revisions.upgrade(dsn, "fix7b", manifest=planted.manifest_path)
    read_source(dsn, Role("directus"), [], data=False)
    with connecting.connect(dsn, name="test") as connection, _beside(connection) as second:
        assert second.execute("SHOW client_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SHOW event_triggers").fetchone() == ("on",), "what watches changes sees ours"
    audit(dsn, Outside(), programs() / "pg_dump", os.environ)
    assert (_came(planted), _superuser(planted)) == ([], False)


@pytest.mark.parametrize("login", [AUDITOR, VERIFIER])
def test_anybody_else_does_not_connect(login: str, planted: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--database", planted.scene.dsn(login)]) == 3
    said = capsys.readouterr().err
    assert f"database {DATABASE}: expected no login event trigger" in said
    assert f"login {login}" in said
    assert "PGOPTIONS='-c event_triggers=off' psql" in said
    assert _came(planted) == []


def test_what_the_refusal_tells_to_type_shows_the_trigger_and_takes_it_away(planted: Stage) -> None:
    server = planted.scene.server
    with pytest.raises(Findings) as refused:
        connecting.connect(planted.scene.dsn(AUDITOR), name="test")
    look = str(refused.value.hint).splitlines()[0].removeprefix("let a superuser look: ")
    shell = {**server.env(DATABASE), "PATH": f"{server.bin}:{os.environ['PATH']}"}
    done = subprocess.run(look, shell=True, env=shell, capture_output=True, text=True, check=True)
    assert "door" in done.stdout
    assert "directus" in done.stdout
    for more, text in (({"PGOPTIONS": "-c event_triggers=off"}, "DROP EVENT TRIGGER door"), ({}, "")):
        subprocess.run(
            ["psql", "-X", "-d", DATABASE, "-c", text], env={**shell, **more}, check=True, capture_output=True
        )
    with connecting.connect(planted.scene.dsn(AUDITOR), name="test") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert (_came(planted), _superuser(planted)) == ([], False)


def test_a_superuser_s_login_trigger_is_let_pass_by_name(planted: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = planted.scene.dsn(AUDITOR)
    monkeypatch.setenv(connecting.TRUSTED, DATABASE)
    with pytest.raises(Findings, match="expected a function of a superuser, found one of directus"):
        connecting.connect(dsn, name="test")
    with connecting.connect(planted.scene.dsn(OPERATOR), name="test") as connection:
        connection.execute(f"ALTER FUNCTION public.ev() OWNER TO {OPERATOR}")
    connecting.connect(dsn, name="test").close()
    with connecting.connect(planted.scene.dsn(OPERATOR), name="test") as connection:
        connection.execute("ALTER FUNCTION public.ev() OWNER TO directus")
        connection.execute('ALTER EVENT TRIGGER door RENAME TO "do""or"')
    with pytest.raises(Findings) as refused:
        connecting.connect(dsn, name="test")
    assert 'DROP EVENT TRIGGER "do""or"; --' in str(refused.value.hint)
    monkeypatch.setenv(connecting.TRUSTED, "another")
    with pytest.raises(Findings, match="expected no login event trigger"):
        connecting.connect(dsn, name="test")


def test_the_documented_bootstrap(at_base: Stage) -> None:
    server = at_base.scene.server
    _needs_17(server)
    with at_base.connect() as connection:
        connection.execute(PLANTED)
    env = {**server.env(DATABASE), "PGOPTIONS": "-c event_triggers=off"}
    command = [str(server.bin / "psql"), "-X", "-v", "ON_ERROR_STOP=1", "-f", str(BOOTSTRAP)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "event trigger door with a function of directus" in done.stderr
    assert (_came(at_base), _superuser(at_base)) == ([], False)


def test_who_cannot_look_from_elsewhere_is_told(
    planted: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(connecting.MAINTENANCE, "nowhere")
    with pytest.raises(DatabaseProblem, match=r'expected another database.*"nowhere" does not exist') as refused:
        connecting.connect(planted.scene.dsn(AUDITOR), name="test")
    assert f"{connecting.MAINTENANCE}=NAME" in str(refused.value.hint)
    monkeypatch.setenv(connecting.MAINTENANCE, "template1")
    assert main(["status", "--database", planted.scene.dsn(AUDITOR)]) == 3
    assert "expected no login event trigger" in capsys.readouterr().err


def test_the_first_database_of_the_server_is_looked_at_from_template1(server: Server) -> None:
    with server.connect("postgres") as connection:
        connection.execute("DROP ROLE IF EXISTS looker")
        connection.execute("CREATE ROLE looker LOGIN")
        try:
            connecting.connect(server.conninfo("postgres", "looker"), name="test").close()
        finally:
            connection.execute("DROP ROLE looker")


def test_no_database_is_told_as_ever(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--database", server.conninfo("nowhere", AUDITOR)]) == 1
    assert '"nowhere" does not exist' in capsys.readouterr().err


ENCODINGS: dict[str, Callable[[psycopg.Connection], object]] = {
    "the environment": lambda _: os.environ.update(PGCLIENTENCODING="LATIN1"),
    "the role": lambda c: c.execute(f"ALTER ROLE {OPERATOR} SET client_encoding = 'LATIN1'"),
    "the database": lambda c: c.execute(f"ALTER DATABASE {DATABASE} SET client_encoding = 'LATIN1'"),
    "the options": lambda _: os.environ.update(PGOPTIONS="-c client_encoding=LATIN1"),
}


@pytest.mark.parametrize("how", ENCODINGS)
def test_our_sessions_speak_utf_8(
    how: str,
    at_fix7a_sealed: Stage,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "UTF8")
    monkeypatch.setenv("PGOPTIONS", "")
    dsn = at_fix7a_sealed.scene.dsn(OPERATOR).replace("options=''", "")
    name = "öffentlich „Łódź“ 表"
    with at_fix7a_sealed.connect() as admin:
        admin.execute(
            f'CREATE TABLE public."{name}" (a text DEFAULT \'ł\'); ALTER TABLE public."{name}" OWNER TO directus'
        )
        ENCODINGS[how](admin)
    try:
        assert main(["inventory", "--application", "directus", "--database", dsn]) == 0
        assert name in capsys.readouterr().out
        assert main(["status", "--database", dsn]) == 3
        assert name in capsys.readouterr().out
        assert main(["audit", "--database", dsn]) == 3
        assert name in capsys.readouterr().out
        assert name in read_source(dsn, Role("directus"), [], data=False).schema
        with pytest.raises(Qt001Error, match=name):
            revisions.upgrade(dsn, "fix7b", manifest=at_fix7a_sealed.manifest_path)
    finally:
        with at_fix7a_sealed.scene.server.connect("postgres") as admin:
            admin.execute(f"ALTER ROLE {OPERATOR} RESET client_encoding")


def test_the_caller_s_own_options_stay(at_base: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare = at_base.scene.dsn(OPERATOR).replace("options=''", "")
    service = tmp_path / "service"
    service.write_text("[ours]\noptions=-c work_mem=9MB\n")
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    for dsn, env, value in ((bare, "-c work_mem=7MB", "7MB"), (make_conninfo(bare, options="-c work_mem=8MB"), "", "8MB"),
                            (f"{bare} service=ours", "", "9MB")):  # fmt: skip
        monkeypatch.setenv("PGOPTIONS", env)
        with connecting.connect(dsn, name="test") as connection:
            assert connection.execute("SHOW work_mem").fetchone() == (value,)
    assert "PGSERVICE" not in os.environ


def test_how_strings_are_printed_is_no_drift(at_base: Stage) -> None:
    dsn = at_base.scene.dsn(OPERATOR)
    with at_base.connect() as admin:
        admin.execute(r"CREATE TABLE public.bytes (a bytea DEFAULT '\x00ff', b text CHECK (b <> 'a\b'))")
        admin.execute("ALTER TABLE public.bytes OWNER TO directus")
    try:
        digests = set()
        for setting in (
            "standard_conforming_strings = on",
            "standard_conforming_strings = off",
            "quote_all_identifiers = on",
            "bytea_output = escape",
            "datestyle = 'German, DMY'",
            "intervalstyle = iso_8601",
            "extra_float_digits = -15",
        ):
            with at_base.connect() as admin:
                admin.execute(f"ALTER ROLE {OPERATOR} SET {setting}")
            with connecting.connect(dsn, name="test") as connection:
                digests |= {o.definition_digest for o in read_inventory(connection, Role("directus")).objects
                            if o.ref.identity == "public.bytes"}  # fmt: skip
        assert len(digests) == 1
    finally:
        with at_base.connect() as admin:
            admin.execute(f"ALTER ROLE {OPERATOR} RESET ALL")


def test_a_login_that_begins_as_another_role_is_told_so_first(
    at_recorded: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    with at_recorded.connect() as admin:
        admin.execute(f"ALTER ROLE {OPERATOR} SET role = 'qt001_cp_owner'")
        try:
            call = ["preflight", at_recorded.manifest_path, "--database", at_recorded.scene.dsn(OPERATOR)]
            assert main(call) == 3
            said = capsys.readouterr().err
            assert said.startswith(
                f"qt001-cp: login {OPERATOR}: expected a session of its own, found that it begins as qt001_cp_owner"
            )
            hint = said.partition("hint: ")[2].partition(";")[0]
            with pytest.raises(Findings, match="expected a session of its own"):
                revisions.upgrade(at_recorded.scene.dsn(OPERATOR), "fix7b", manifest=at_recorded.manifest_path)
            admin.execute(hint)
            assert main(call) == 0
        finally:
            admin.execute(f"ALTER ROLE {OPERATOR} RESET role")


@pytest.mark.parametrize("script", sorted(BOOTSTRAP.parent.glob("*.sql")), ids=lambda p: p.name)
def test_a_script_for_psql_is_ascii(script: Path) -> None:
    """psql sends a file as it is: a session in another encoding would refuse what is no ASCII."""
    assert script.read_bytes().isascii()


def test_run_reviewed_passes_it_by_too(planted: Stage, tmp_path: Path) -> None:
    file = tmp_path / "reviewed.sql"
    file.write_text("SELECT current_setting('event_triggers') AS off;\n")
    server = planted.scene.server
    env = {**server.env(DATABASE, OPERATOR), "PATH": f"{server.bin}:{os.environ['PATH']}"}
    done = subprocess.run(
        [str(BOOTSTRAP.with_name("run-reviewed")), str(file)], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "\n off\n" in done.stdout
    assert (_came(planted), _superuser(planted)) == ([], False)
