"""The console script: exit codes, JSON with a schema, and never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, SCANNER, VERIFIER
from qt001_cp.servers import Server
from tests.conftest import Stage

VERBS = [
    verb.split()
    for verb in """
    rehearse, inventory, preflight, status, policy init, manifest generate, manifest diff,
    manifest show, manifest seal, manifest withdraw, manifest verify, analyse, evidence import, evidence list, bind, sign,
    verify, report
    """.split(",")
]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb, "--help"]) == 0
    assert "usage: qt001-cp" in capsys.readouterr().out


def test_usage_errors_are_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited = tmp_path / "object.json"
    edited.write_text('{"schema": "qt001.manifest.object/1"}')
    wrong = tmp_path / "policy.toml"
    wrong.write_text('schema = "qt001.policy/1"\nsurprise = 1\n')
    assert main(["manifest", "show", str(tmp_path / "nothing.json")]) == 2
    assert main(["manifest", "seal", "x"]) == 2
    assert main(["no-such-verb"]) == 2
    assert main([]) == 2
    assert main(["inventory", "--policy", str(wrong)]) == 2
    assert main(["manifest", "show", str(edited)]) == 1
    said = capsys.readouterr().err
    assert "cannot be read" in said
    assert "canonical" in said
    assert "surprise" in said
    assert "hint" in said


def test_a_dead_server_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--database", "postgresql://nobody@127.0.0.1:1/none"]) == 1
    said = capsys.readouterr().err
    assert "could not be reached" in said
    assert "hint" in said


def test_a_database_without_fix7a_is_told(at_base: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--database", at_base.scene.dsn(OPERATOR)]) == 1
    assert "FIX7a is not deployed" in capsys.readouterr().err


def test_preflight_goes_and_does_not_go(at_recorded: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["preflight", at_recorded.manifest_path, "--format", "json", "--database", at_recorded.scene.dsn(OPERATOR)]
    assert main(call) == 0
    assert json.loads(capsys.readouterr().out)["go"] is True
    with at_recorded.connect() as admin:
        admin.execute("CREATE TABLE public.late (a int); ALTER TABLE public.late OWNER TO directus")
    assert main(call) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "qt001.preflight/1"
    assert [f["sqlstate"] for f in document["findings"]] == ["QT102"]


def test_the_wrong_role_is_refused(at_fix7a_sealed: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["manifest", "seal", at_fix7a_sealed.manifest_path, "--database", at_fix7a_sealed.scene.dsn(AUTHOR)])
    assert code == 3
    assert "[42501]" in capsys.readouterr().err


def test_from_fix7c_to_accepted_by_the_command_line(
    at_fix7c_done: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from qt001_cp.model.canonical import digest
    from qt001_cp.rehearsal.nogo.capability import evidence

    stage = at_fix7c_done
    assert stage.bundle is not None
    author, auditor = stage.scene.dsn(AUTHOR), stage.scene.dsn(AUDITOR)
    for name, producer in (("restore_drill", "pgbackrest"), ("sheet_comparison", "qt001-sheet-compare")):
        body = evidence(stage.bundle.manifest, name, producer)
        file = tmp_path / f"{name}.json"
        file.write_bytes(body)
        assert main(["evidence", "import", str(file), "--database", author]) == 0
        assert main(["bind", digest(body), name, "--database", author]) == 0
    assert main(["verify", "--database", stage.scene.dsn(VERIFIER)]) == 0
    assert main(["scan", "--database", stage.scene.dsn(SCANNER)]) == 0
    capsys.readouterr()
    assert main(["status", "--format", "json", "--database", auditor]) == 3
    before = json.loads(capsys.readouterr().out)
    assert before["schema"] == "qt001.status/1"
    assert before["accepted"] is False
    assert main(["sign", before["subject"], "--scope", "test", "--valid", "600", "--database", auditor]) == 0
    capsys.readouterr()
    assert main(["status", "--format", "json", "--database", auditor]) == 0
    assert json.loads(capsys.readouterr().out)["accepted"] is True
    assert main(["sign", before["subject"], "--refuse", "--reason", "seen enough", "--database", auditor]) == 0
    assert main(["status", "--format", "json", "--database", auditor]) == 3


def test_analyse_asks_the_database_who_the_application_is(at_base: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with at_base.connect() as admin:
        admin.execute(
            "CREATE ROLE analyse_other LOGIN; CREATE SCHEMA an_other AUTHORIZATION analyse_other; SET ROLE analyse_other"
        )
        admin.execute(
            "DO $$ BEGIN FOR i IN 1..400 LOOP EXECUTE format('CREATE TYPE an_other.t%s AS (a int)', i); END LOOP; END $$"
        )
        admin.execute("CREATE FUNCTION an_other.one() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE")
    main(["analyse", "--database", at_base.scene.dsn(OPERATOR)])
    assert "an_other.one()" in capsys.readouterr().out
    with at_base.connect() as admin:
        admin.execute("DROP OWNED BY analyse_other CASCADE; DROP ROLE analyse_other")


def test_an_owner_that_cannot_log_in_is_known_by_its_members(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    with server.connect("postgres") as admin:
        admin.execute("CREATE ROLE grouped NOLOGIN; CREATE ROLE between NOLOGIN; CREATE ROLE in_a_group LOGIN")
        admin.execute("GRANT grouped TO between; GRANT between TO in_a_group")
        admin.execute("CREATE DATABASE of_a_group OWNER grouped")
    with server.connect("of_a_group") as owner:
        owner.execute("SET ROLE grouped; CREATE SCHEMA theirs")
    dsn = f"host={server.host} port={server.port} user={server.superuser} dbname=of_a_group"
    try:
        assert main(["inventory", "--database", dsn]) == 2
        assert "members of the roles that do: in_a_group" in capsys.readouterr().err
        assert main(["analyse", "--database", dsn]) == 2
        assert "--policy FILE" in capsys.readouterr().err
    finally:
        with server.connect("postgres") as admin:
            admin.execute("DROP DATABASE of_a_group")
            admin.execute("DROP ROLE grouped, between, in_a_group")
