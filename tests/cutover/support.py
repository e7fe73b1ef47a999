"""Photographs of a database, and refusals that leave it as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.errors import Refused
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR
from qt001_cp.rehearsal.state import protected_state
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import OBJECT, make_bundle
from qt001_cp.workflow.seal import propose, record_rehearsal, seal
from tests.conftest import Stage

APPLICATION = "directus"
Edit = Callable[[ObjectManifest], ObjectManifest]


@dataclass(frozen=True)
class Photograph:
    """Everything that a refused attempt may not move."""

    state: str
    dump: str
    roles: str


def photograph(stage: Stage, *, ledger: bool = True) -> Photograph:
    """``ledger``: its rows too. A way back leaves those, and nothing else."""
    with stage.connect() as connection:
        state = protected_state(connection, APPLICATION)
    dump = stage.scene.dump if ledger else stage.scene.dump_without_ledger
    return Photograph(state, dump("--create"), stage.scene.server.dump_roles())


@contextmanager
def unchanged(stage: Stage) -> Iterator[None]:
    before = photograph(stage)
    yield
    assert photograph(stage) == before


DROP_WATCH = (
    "DO $$ DECLARE each name; BEGIN"
    " FOR each IN SELECT t.evtname FROM pg_event_trigger t JOIN pg_proc p ON p.oid = t.evtfoid"
    " WHERE p.pronamespace = 'qt001_cp_watch'::regnamespace"
    " LOOP EXECUTE format('DROP EVENT TRIGGER %I', each); END LOOP; END $$;\n"
    "DROP SCHEMA qt001_cp_watch CASCADE;\n"
)
"""The watch taken away by a superuser, around FIX7c's own way back."""


def run(stage: Stage, statements: str, user: str | None = None) -> None:
    """Each statement on its own (some refuse a transaction block); they end with a semicolon and a new line."""
    with stage.connect(user) as connection:
        for statement in statements.strip().split(";\n"):
            connection.execute(statement)


@contextmanager
def cluster(stage: Stage, do: str, undo: str) -> Iterator[None]:
    """Change what belongs to the whole server, and put it back: the next test has the same one."""
    run(stage, do)
    try:
        yield
    finally:
        run(stage, undo)


def refused(stage: Stage, sqlstate: str, *words: str, user: str = OPERATOR, options: str = "", **x: str) -> None:
    """FIX7b online is refused with ``sqlstate``; the message holds ``words``, says how to mend it; nothing has moved."""
    dsn = stage.scene.dsn(user) + (f" options='{options}'" if options else "")
    with unchanged(stage):
        with pytest.raises(Refused) as caught:
            revisions.upgrade(dsn, "fix7b", **{"manifest": stage.manifest_path, **x})
        _judge(caught.value, sqlstate, words)


@contextmanager
def _rolled_back(
    stage: Stage, statements: str, sealed_again: bool, record: bytes | None
) -> Iterator[tuple[psycopg.Connection, str]]:
    """The operator's session and the manifest, after ``statements``, in one transaction of which nothing stays."""
    assert stage.bundle is not None
    with stage.connect() as connection, connection.transaction(force_rollback=True):
        for statement in filter(None, statements.strip().split(";\n")):
            connection.execute(statement)
        connection.execute("RESET ROLE")
        manifest = stage.bundle.manifest
        if sealed_again:
            manifest = make_bundle(connection, estate.policy_path()).manifest
            connection.execute(f"SET LOCAL SESSION AUTHORIZATION {AUTHOR}")
            propose(connection, manifest)
        connection.execute(f"SET LOCAL SESSION AUTHORIZATION {OPERATOR}")
        if sealed_again:
            connection.execute(
                "SELECT qt001_cp.withdraw_manifest(digest, 'another one') FROM qt001_cp.v_manifest"
                " WHERE kind = 'qt001.manifest.object/1' AND state = 'sealed'"
            )
            seal(connection, manifest)
        if record is not None:
            record_rehearsal(connection, record)
        yield connection, manifest.digest()


def begin_script(operator: psycopg.Connection, script: str = "upgrade fix7b", revision: str = "fix7b") -> None:
    """What the first step of a printed script does, in the operator's open transaction."""
    operator.execute("SELECT qt001_cp.start_run(%s, %s, qt001_cp.build(), NULL)", [script, revision])


def stopped(stage: Stage, statements: str, sqlstate: str, *words: str, record: bytes | None = None) -> None:
    """The preconditions alone refuse with ``sqlstate`` after ``statements``; ``record``: a no-go record to record."""
    with (
        _rolled_back(stage, statements, False, record) as (operator, manifest),
        pytest.raises(psycopg.Error) as caught,
        operator.transaction(),
    ):
        operator.execute("SELECT qt001_cp.cutover_begin(%s, false)", [manifest])
    said = str(caught.value)
    assert caught.value.sqlstate == sqlstate, said
    assert all(word in str(caught.value.diag.message_primary) for word in words), said
    assert caught.value.diag.message_hint, said


def findings(stage: Stage, statements: str, *, sealed_again: bool = False) -> list[tuple[str, str]]:
    """(sqlstate, object) of every finding after ``statements``; ``sealed_again``: under a manifest that knows them."""
    with _rolled_back(stage, statements, sealed_again, None) as (operator, manifest):
        query = "SELECT sqlstate, object FROM qt001_cp.fix7b_findings(%s, false, true)"
        return [(r[0], r[1]) for r in operator.execute(query, [manifest])]


def refused_downgrade(stage: Stage, revision: str, sqlstate: str, *words: str) -> None:
    with unchanged(stage):
        with pytest.raises(Refused) as caught:
            stage.downgrade(revision)
        _judge(caught.value, sqlstate, words)


def _judge(error: Refused, sqlstate: str, words: tuple[str, ...]) -> None:
    said = str(error)
    assert error.sqlstate == sqlstate, said
    assert all(word in said.splitlines()[0] for word in words), said
    assert "hint:" in said, said


def printed(stage: Stage, **x: str) -> str:
    """The cutover as the operator reviews it."""
    return revisions.upgrade_sql("fix7a", "fix7b", **{"manifest": stage.manifest_path, **x})


def refused_in_psql(stage: Stage, text: str, sqlstate: str, *words: str) -> None:
    """psql stops with ``sqlstate``, it says ``words``, and nothing has moved."""
    with unchanged(stage):
        done = stage.scene.server.psql(
            text, "-v", "VERBOSITY=verbose", dbname=stage.scene.database, user=OPERATOR, check=False
        )
    assert done.returncode != 0, "psql ran it to the end"
    assert f"ERROR:  {sqlstate}:" in done.stderr, done.stderr
    assert all(word in done.stderr for word in words), done.stderr


def reseal(
    stage: Stage, folder: Path, *, policy: Path | None = None, register: bool = True, edit: Edit | None = None
) -> None:
    """Generate, propose and seal a manifest of the database as it is now; the stage goes on with that one. The one that
    waits is withdrawn."""
    with stage.connect(AUTHOR) as author, stage.connect(OPERATOR) as operator:
        bundle = make_bundle(author, policy or estate.policy_path())
        if edit is not None:
            bundle = replace(bundle, manifest=edit(bundle.manifest))
        bundle.write(folder)
        (folder / OBJECT).write_bytes(bundle.manifest.body())
        propose(author, bundle.manifest)
        waits = operator.execute("SELECT qt001_cp.sealed('qt001.manifest.object/1')").fetchone()
        if waits != (None,):
            operator.execute("SELECT qt001_cp.withdraw_manifest(%s, 'another one is made')", waits)
        if register:
            seal(operator, bundle.manifest)
        else:
            operator.execute("SELECT qt001_cp.seal_manifest(%s)", [bundle.manifest.digest()])
    stage.folder, stage.bundle = folder, bundle


def edited_policy(folder: Path, old: str, new: str) -> Path:
    """A copy of the estate's policy with one passage replaced, and the sources that it names beside it."""
    original = estate.policy_path()
    text = original.read_text("utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the policy"
    shutil.copytree(original.parent / "repoint", folder / "repoint", dirs_exist_ok=True)
    path = folder / "policy.toml"
    path.write_text(text.replace(old, new), "utf-8")
    return path


def sealed_with(stage: Stage, folder: Path, policy: Path) -> None:
    """From base to a sealed manifest under another policy."""
    revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7a", policy=str(policy))
    reseal(stage, folder, policy=policy)


def of_another_major(stage: Stage, major: int) -> None:
    """The manifest in the ledger was made on that version."""
    with stage.connect() as connection:
        connection.execute("ALTER TABLE qt001_cp.document DISABLE TRIGGER USER")
        connection.execute(
            "UPDATE qt001_cp.document SET head = jsonb_set(head, '{server_major}', to_jsonb(%s::int))"
            " WHERE digest = %s",
            [major, stage.digest],
        )
        for name in ("append_only", "never_truncated", "stamp"):
            connection.execute(f"ALTER TABLE qt001_cp.document ENABLE ALWAYS TRIGGER {name}".encode())
