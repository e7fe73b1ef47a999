"""The cause before its consequences: what would only show minutes later, or as a bare SQLSTATE, is said first, with what to type."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.errors import Qt001Error
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, VERIFIER
from qt001_cp.workflow import revisions
from tests.conftest import DATABASE, Stage

BOOTSTRAP = Path(__file__).parents[2] / "scripts" / "bootstrap.sql"


def _policy_for(application: str, folder: Path) -> str:
    text = estate.policy_path().read_text("utf-8")
    assert 'application = "directus"' in text
    (folder / "policy.toml").write_text(
        text.replace('application = "directus"', f'application = "{application}"'), "utf-8"
    )
    shutil.copytree(estate.policy_path().parent / "repoint", folder / "repoint", dirs_exist_ok=True)
    return str(folder / "policy.toml")


@pytest.fixture
def as_superuser(at_base: Stage) -> Iterator[Stage]:
    with at_base.connect() as connection:
        connection.execute("ALTER ROLE directus SUPERUSER")
        yield at_base
        connection.execute("ALTER ROLE directus NOSUPERUSER")


def test_an_application_that_is_superuser_is_told_first(
    as_superuser: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn = as_superuser.scene.dsn(AUTHOR)
    for words in (["inventory", "--application", "directus"], ["inventory", "--application", "directus", "--format", "json"],
                  ["policy", "init", "--application", "directus", "--out", str(tmp_path / "drafted.toml")]):  # fmt: skip
        assert main([*words, "--database", dsn]) in (0, 3)
        assert capsys.readouterr().err.startswith(
            "warning: role directus: expected the login of an application without superuser"
        )
    out = tmp_path / "r"
    assert (
        main(
            [
                "rehearse",
                "--source",
                as_superuser.scene.dsn(OPERATOR),
                "--policy",
                _policy_for("directus", tmp_path),
                "--out",
                str(out),
            ]
        )
        == 3
    )
    said = capsys.readouterr().err
    assert said.startswith("qt001-cp: role directus: ")
    assert not out.exists()
    with as_superuser.connect() as connection:
        connection.execute(said.partition("hint: ")[2].partition(";")[0])
    assert main(["inventory", "--application", "directus", "--database", dsn]) == 0
    assert capsys.readouterr().err == ""


def test_the_first_superuser_is_told_first(
    at_fix7a_sealed: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = at_fix7a_sealed.scene.server.superuser
    dsn, policy = at_fix7a_sealed.scene.dsn(OPERATOR), _policy_for(first, tmp_path)
    out = tmp_path / "out"
    assert main(["inventory", "--application", first, "--database", dsn]) == 0
    assert capsys.readouterr().err.startswith(
        f"warning: role {first}: expected the login of an application, found the first superuser"
    )
    for words in (
        ["policy", "init", "--application", first, "--out", str(out)],
        ["manifest", "generate", "--policy", policy, "--out", str(out)],
    ):
        assert main([*words, "--database", dsn]) == 3
        said = capsys.readouterr().err
        assert "found the first superuser, which initdb made" in said
        assert f'ALTER ROLE "{first}" RENAME TO' in said
        assert not out.exists()
    assert main(["rehearse", "--source", dsn, "--policy", policy, "--out", str(out)]) == 3
    assert "found the first superuser" in capsys.readouterr().err
    assert not out.exists()


SETTINGS: dict[str, str] = {
    "the database": f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on",
    "the login": "ALTER ROLE {0} SET default_transaction_read_only = on",
    "the login in this database": "ALTER ROLE {0} IN DATABASE " + DATABASE + " SET default_transaction_read_only = on",
}


def _typed(said: str, stage: Stage) -> None:
    """The superuser types the hint."""
    assert f"database {DATABASE}: expected one that may be written to, found it read-only" in said, said
    with stage.scene.server.connect("postgres") as admin:
        admin.execute(said.partition("hint: ")[2].partition(";")[0].encode())


@pytest.mark.parametrize("where", SETTINGS)
def test_a_read_only_database_is_told_with_what_to_type(
    where: str, at_fix7c_done: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    with at_fix7c_done.scene.server.connect("postgres") as admin:
        admin.execute(SETTINGS[where].format(VERIFIER).encode())
    verify = ["verify", "--database", at_fix7c_done.scene.dsn(VERIFIER)]
    assert main(verify) == 1
    _typed(capsys.readouterr().err, at_fix7c_done)
    assert main(verify) in (0, 3)


@pytest.mark.parametrize("where", SETTINGS)
def test_alembic_tells_it_too(where: str, at_base: Stage) -> None:
    with at_base.scene.server.connect("postgres") as admin:
        admin.execute(SETTINGS[where].format(OPERATOR).encode())
    with pytest.raises(Qt001Error) as refused:
        at_base.upgrade("fix7a", policy=str(estate.policy_path()))
    _typed(str(refused.value), at_base)
    at_base.upgrade("fix7a", policy=str(estate.policy_path()))


def test_the_bootstrap_tells_a_read_only_database(at_base: Stage) -> None:
    server = at_base.scene.server
    with server.connect("postgres") as admin:
        admin.execute(f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on")
    command = [str(server.bin / "psql"), "-X", "-v", "ON_ERROR_STOP=1", "-f", str(BOOTSTRAP)]
    done = subprocess.run(command, env=server.env(DATABASE), capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert f"ALTER DATABASE {DATABASE} RESET default_transaction_read_only" in done.stderr


def test_reading_goes_on_in_a_read_only_database(at_fix7c_done: Stage) -> None:
    with at_fix7c_done.scene.server.connect("postgres") as admin:
        admin.execute(f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on")
    for words in (["status"], ["inventory", "--application", "directus"], ["evidence", "list"]):
        assert main([*words, "--database", at_fix7c_done.scene.dsn(OPERATOR)]) in (0, 3)
    assert psycopg.errors.ReadOnlySqlTransaction.sqlstate == "25006"
    assert revisions.upgrade_sql("base", "fix7a", policy=str(estate.policy_path()))
