"""The source's owner plants code in every kind of expression that a clone evaluates: it runs, and never as a superuser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from qt001_cp.errors import Qt001Error
from qt001_cp.rehearsal.clone.make import from_dump, from_source
from qt001_cp.rehearsal.clone.origin import ADMIN
from qt001_cp.rehearsal.clone.roles import OUTSIDE
from qt001_cp.rehearsal.run import rehearse
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.servers import Server, open_server
from tests.clone.conftest import APPLICATION, HERE, POLICY, load_shop

EVALUATED = {"domain", "generated", "check", "index of a constant", "condition of an index"}
"""What is evaluated while the clone is loaded, for the rows that say what is blocked."""
_FORGED = """-- Dumped from database version 18.1
CREATE DATABASE "Corner Shop" WITH TEMPLATE = template0;
-- Name: f; Type: FUNCTION; Schema: public; Owner: x
CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN ALTER ROLE mallory SUPERUSER; RETURN 1; END $$;
ALTER FUNCTION public.f() OWNER TO {admin};
ALTER FUNCTION public.f() OWNER TO postgres;
CREATE TABLE public.t (a int DEFAULT public.f() CHECK (public.f() = 1));
ALTER TABLE public.t ADD CHECK (public.f() = 1), OWNER TO postgres;
INSERT INTO public.t DEFAULT VALUES;
{statement};
"""
FORGED = (
    "COPY (SELECT 1) TO PROGRAM 'touch {proof}'",
    "DO $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch {proof}'; END $$",
    "CREATE ROLE evil SUPERUSER LOGIN",
    "GRANT pg_execute_server_program TO mallory",
    'GRANT "x ON TABLE y", {admin} TO mallory',
    "GRANT {admin} TO mallory",
    "SET SESSION AUTHORIZATION {admin}",
    "SET ROLE {admin}",
    "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO mallory",
    "CREATE FOREIGN DATA WRAPPER w VALIDATOR public.v",
    "CREATE FUNCTION public.c() RETURNS int LANGUAGE c AS 'x', 'y'",
    "CREATE FUNCTION public.c(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all'",
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.f()",
    "ALTER DATABASE \"Corner Shop\" SET session_preload_libraries = 'x'",
    "CREATE EXTENSION plpython3u",
)


@pytest.fixture(scope="module")
def planted() -> Iterator[str]:
    """A shop full of it; the connection string of a login that may read."""
    with open_server("embedded") as server:
        scene = load_shop(server)
        with scene.connect(APPLICATION) as owner:
            owner.execute((HERE / "planted.sql").read_bytes())
        with scene.connect() as admin:
            admin.execute("ALTER ROLE reader BYPASSRLS")
        yield scene.dsn("reader")


def _log(server: Server) -> str:
    return Path(server.host, "log").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("data", [False, True])
def test_what_the_owner_planted_never_runs_as_a_superuser(planted: str, tmp_path: Path, data: bool) -> None:
    """On a server that is not locked in: the roles alone have to hold."""
    clone = from_source(planted, POLICY, None, data=data)
    with open_server("embedded") as server:
        ours = clone.prepare(server)
        with suppress(Qt001Error):  # sealing or FIX7b refuses what was planted
            rehearse(ours, tmp_path / "out", lambda _: None, clone)
        found = set(re.findall(r"planted in ([^:\n]*): (\S+)", _log(server)))
        assert not [kind for kind, who in found if who == "superuser"]
        assert {kind for kind, _ in found} >= EVALUATED | ({"materialized view"} if data else set())
        _held(ours)


def _held(server: Server) -> None:
    """Nobody but us is a superuser or has a role that leads out, and no program ran."""
    assert not list(Path(server.host).rglob("marker"))
    with server.connect("postgres") as connection:
        supers = connection.execute("SELECT rolname FROM pg_roles WHERE rolsuper").fetchall()
        assert {name for (name,) in supers} <= {ADMIN, OPERATOR}
        outside = connection.execute(
            "SELECT m.member::regrole::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname = ANY (%s)",
            [[*OUTSIDE, ADMIN, OPERATOR]],
        ).fetchall()
        assert outside == []


@pytest.fixture(scope="module")
def empty() -> Iterator[Server]:
    with open_server("embedded") as server:
        yield server


@pytest.mark.parametrize("statement", FORGED)
def test_a_forged_dump_makes_no_superuser_and_starts_nothing(empty: Server, tmp_path: Path, statement: str) -> None:
    """A file from anywhere may hold any statement: it is run as a login that may do nothing beyond its database."""
    path, proof = tmp_path / "forged.sql", tmp_path / "proof"
    tmp_path.chmod(0o777)
    said = statement.replace("{proof}", str(proof)).replace("{admin}", ADMIN)
    path.write_text(_FORGED.replace("{statement}", said).replace("{admin}", ADMIN))
    clone = from_dump(path, None, POLICY, None, data=True)
    server = clone.prepare(empty)
    with suppress(Qt001Error):
        clone.new_scene(server)
    assert not proof.exists()
    _held(server)
    with server.connect("postgres") as connection:
        connection.execute('DROP DATABASE IF EXISTS "Corner Shop" WITH (FORCE)')


def test_a_file_of_roles_is_read_and_not_run(empty: Server, tmp_path: Path) -> None:
    dump, roles, proof = tmp_path / "dump.sql", tmp_path / "roles.sql", tmp_path / "proof"
    tmp_path.chmod(0o777)
    dump.write_text(_FORGED.replace("{statement}", "SELECT 1").replace("{admin}", "mallory"))
    roles.write_text(
        "CREATE ROLE mallory;\nALTER ROLE mallory WITH SUPERUSER CREATEROLE LOGIN PASSWORD 'x';\n"
        "ALTER ROLE mallory SET session_preload_libraries TO 'x';\nALTER ROLE mallory SET search_path TO '$user', 'a b';\n"
        f"GRANT pg_execute_server_program TO mallory WITH INHERIT TRUE GRANTED BY postgres;\nGRANT {OPERATOR} TO mallory;\n"
        f"COPY (SELECT 1) TO PROGRAM 'touch {proof}';\n\\! touch {proof}\nDO $$ BEGIN ALTER ROLE mallory SUPERUSER; END $$;\n"
    )
    clone = from_dump(dump, roles, POLICY, None, data=True)
    server = clone.prepare(empty)
    with suppress(Qt001Error):
        clone.new_scene(server)
    assert not proof.exists()
    _held(server)
    told = " ".join([*clone.cloned.notes, *(f"{lack.object}: {lack.why}" for lack in clone.cloned.lacks.values())])
    for words in ("mallory is a superuser of the original and none on the clone", "pg_execute_server_program", "COPY (SELECT 1)",
                  "touch", "DO $$ BEGIN ALTER ROLE", "setting session_preload_libraries of role mallory"):  # fmt: skip  # words
        assert words in told, words
    with server.connect("postgres") as connection:
        row = connection.execute(
            "SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'mallory'::regrole"
        ).fetchone()
        assert row == (['search_path="$user", "a b"'],)
        connection.execute('DROP DATABASE IF EXISTS "Corner Shop" WITH (FORCE)')
