"""docs/people.md: who joins and leaves, as the page writes it; a database next door; a database that was restored."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, SCANNER, VERIFIER, drop_scene
from qt001_cp.workflow.revisions import project_folder
from tests.acceptance.attempt import Attempt
from tests.acceptance.support import CALL, open_all
from tests.conftest import DATABASE, Library, Stage
from tests.guides.guide import fenced

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(library: Library) -> Iterator[Stage]:
    stage = library.copy("fix7c")
    open_all(stage)
    yield stage
    drop_scene(stage.scene)


def test_the_page_runs_as_written(opened: Stage) -> None:
    """Somebody joins, somebody leaves: the auditor signs again, and what they did stays theirs."""
    page = [b.body for b in fenced(project_folder() / "docs" / "people.md") if b.language == "sql"]
    assert len(page) == 2
    with opened.connect() as connection, connection.transaction(force_rollback=True):
        attempt = Attempt(connection, opened)
        attempt.run("CREATE ROLE tom LOGIN")
        attempt.run("GRANT qt001_cp_author TO tom")
        attempt.run("INSERT INTO qt001_cp.person (login, person, duty) VALUES ('tom', 'tom.tan', 'author')")
        attempt.sign()
        for change in page:
            connection.execute(change.encode())
            assert attempt.verdict().closed == "sign_off_present"
            attempt.sign()
            assert attempt.verdict().accepted


def test_another_database_of_the_cluster(opened: Stage) -> None:
    """Joiners, leavers and temporary grants of its team leave the verdict and the sign-off here as they are."""
    with opened.connect() as connection, connection.transaction(force_rollback=True):
        attempt = Attempt(connection, opened)
        subject = attempt.run("SELECT qt001_cp.subject_digest()")
        for statement in (
            "CREATE ROLE tom2 LOGIN",
            "GRANT qt001_cp_author TO tom2",
            "CREATE ROLE dora2 LOGIN CREATEDB",
            "GRANT qt001_cp_operator, qt001_cp_owner, directus TO dora2",
            f"GRANT qt001_cp_author TO {AUDITOR}",
            f"GRANT qt001_cp_auditor TO {AUTHOR}",
            f"REVOKE qt001_cp_verifier FROM {SCANNER}",
            "DROP ROLE tom2",
        ):
            attempt.run(statement)
            assert attempt.run("SELECT qt001_cp.subject_digest()") == subject, statement
            assert attempt.verdict() == (True, "", ""), statement
        refusal = attempt.refused("SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'x', 600)", user=AUTHOR)
        assert refusal.sqlstate == "QT107"
        assert "expected duty auditor in this database, found author" in str(refusal)
        refusal = attempt.refused("SELECT qt001_cp.propose_manifest('x')", user="dora2")
        assert refusal.sqlstate == "42501"


def _closed(connection: psycopg.Connection) -> tuple[str, str]:
    row = connection.execute("SELECT closed, reasons FROM qt001_cp.v_fix7_acceptance").fetchone()
    assert row is not None
    return row[0] or "", row[1] or ""


def test_a_restored_ledger_forgets_a_refusal_and_says_so(opened: Stage) -> None:
    dump = opened.scene.dump("--create")
    with opened.connect(AUDITOR) as auditor:
        auditor.execute("SELECT qt001_cp.refuse_sign_off(qt001_cp.subject_digest(), 'not like this')")
    with opened.scene.server.connect("postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(DATABASE)))
    opened.scene.server.psql(dump, dbname="postgres")
    with opened.connect() as connection, opened.connect(OPERATOR) as operator:
        closed, reasons = _closed(connection)
        assert {"ledger_intact", "sign_off_present", "scheduled_verifier_recent"} <= set(closed.split(", "))
        assert "a restored or copied one (database " in reasons
        assert "in another instance of this ledger" in reasons
        with pytest.raises(psycopg.Error) as refused, opened.connect("qt001_service") as service:
            service.execute(CALL)
        assert refused.value.sqlstate == "QT301"
        with pytest.raises(psycopg.Error) as refused, opened.connect(AUDITOR) as auditor:
            auditor.execute("SELECT qt001_cp.adopt_ledger('mine')")
        assert refused.value.sqlstate == "42501"
        operator.execute("SELECT qt001_cp.adopt_ledger('restored for a test')")
        with pytest.raises(psycopg.Error) as refused:
            operator.execute("SELECT qt001_cp.adopt_ledger('twice')")
        assert refused.value.sqlstate == "QT204"
        closed, reasons = _closed(connection)
        assert "ledger_intact" not in closed
        assert "not signed; the last sign-off is of subject " in reasons
        for login, verb in ((VERIFIER, "verify"), (SCANNER, "scan"), (VERIFIER, "verify")):
            with opened.connect(login) as session:
                session.execute(f"SELECT qt001_cp.{verb}()".encode())
        closed, _ = _closed(connection)
        assert "scheduled_verifier_recent" not in closed.split(", ")
        with opened.connect(AUDITOR) as auditor:
            auditor.execute("SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'after the restore', 600)")
        closed, reasons = _closed(connection)
        assert "sign_off_present" not in closed.split(", "), reasons
