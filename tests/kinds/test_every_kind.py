"""Every kind of object: listed, transferred, revoked, restored, verified."""

from __future__ import annotations

import pytest

from benchmarks.record import made_record
from qt001_cp.errors import NotRestorable
from qt001_cp.model import kinds
from qt001_cp.rehearsal.nogo.acl_denials import cases
from qt001_cp.rehearsal.nogo.runner import run_batch
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow.seal import record_rehearsal
from tests.conftest import Stage
from tests.cutover.support import sealed_with
from tests.kinds.conftest import audited


def seal_every_kind(stage: Stage) -> None:
    sealed_with(stage, stage.folder, stage.folder / "policy.toml")


def test_every_kind_goes_and_comes_back_exactly(with_every_kind: Stage) -> None:
    stage = with_every_kind
    seal_every_kind(stage)
    assert stage.bundle is not None
    transferred = {o.ref.kind for o in stage.bundle.manifest.transferred}
    major = stage.scene.server.version // 10000
    shared = {"tablespace", "subscription"}
    assert transferred >= {k.key for k in kinds.KINDS if not k.refusal(major)} - shared
    before, roles = stage.scene.dump_without_ledger("--create"), stage.scene.server.dump_roles()
    stage.upgrade("fix7b", rehearsal="first")
    after = stage.scene.dump("--create", "--schema-only")
    assert after != before
    stage.downgrade("fix7a")
    assert stage.scene.dump_without_ledger("--create") == before
    assert stage.scene.server.dump_roles() == roles


def test_every_kind_goes_with_a_record(with_every_kind: Stage) -> None:
    """With a record there is no waiver."""
    stage = with_every_kind
    seal_every_kind(stage)
    assert stage.bundle is not None
    with stage.connect(OPERATOR) as operator:
        record_rehearsal(operator, made_record(stage.bundle.manifest))
    before = stage.scene.dump_without_ledger("--create")
    stage.upgrade("fix7b")
    with stage.connect() as connection:
        answer = connection.execute(
            "SELECT has_table_privilege('public_only', 'pg_catalog.pg_proc', 'SELECT'),"
            " has_any_column_privilege('directus', 'pg_catalog.pg_authid', 'SELECT'),"
            " has_function_privilege('directus', 'pg_catalog.pg_stat_reset()', 'EXECUTE')"
        ).fetchone()
    assert answer == (True, False, False)
    assert audited(stage) == []
    stage.downgrade("fix7a")
    assert stage.scene.dump_without_ledger("--create") == before


def test_every_kind_is_refused_for_the_privilege_it_lacks(with_every_kind: Stage) -> None:
    """No case of the rehearsal ends before PostgreSQL asks for the privilege: a call resolves, a statement parses."""
    stage = with_every_kind
    with stage.connect() as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute("CREATE TABLESPACE kinds_refused OWNER directus LOCATION ''")
        try:
            seal_every_kind(stage)
            assert stage.bundle is not None
            stage.upgrade("fix7b", rehearsal="first")
            stage.upgrade("fix7c")
            scanned = connection.execute("SELECT * FROM qt001_cp.scan_owners(%s)", [stage.digest]).fetchall()
            tried = [
                c for c in cases(connection, stage.bundle.manifest) if c.attack.role in ("application", "public_only")
            ]
            outcomes = run_batch(stage.scene, tried, "directus")
        finally:
            connection.execute("DROP TABLESPACE kinds_refused")
    assert scanned == []
    assert [
        f"{o.case.name}: {o.sqlstate} {o.message}: {o.case.attack.statement}" for o in outcomes if not o.passed
    ] == []
    assert len(outcomes) > 2000


def test_a_shell_type_is_refused_where_it_cannot_be_granted(with_every_kind: Stage) -> None:
    stage = with_every_kind
    if stage.scene.server.version >= 180000:
        pytest.skip("since 18 its privileges can be changed: it goes with every kind")
    with stage.connect() as connection:
        connection.execute(b"CREATE TYPE kinds.shell; ALTER TYPE kinds.shell OWNER TO directus")
    with pytest.raises(NotRestorable, match=r"type kinds\.shell: it is only a shell"):
        seal_every_kind(stage)


def test_what_cannot_be_transferred_is_not_told_to_be(with_every_kind: Stage) -> None:
    """The way out names what can be done: a wrapper stays its owner's, and nobody reads what is written in C."""
    stage = with_every_kind
    with stage.connect() as connection:
        for statement in (
            "ALTER ROLE directus SUPERUSER",
            "ALTER FOREIGN DATA WRAPPER kinds_wrapper OWNER TO directus",
            "ALTER ROLE directus NOSUPERUSER",
            "CREATE FUNCTION kinds.absolute(int) RETURNS int LANGUAGE internal AS 'int4abs'",
            "ALTER FUNCTION kinds.absolute(int) OWNER TO directus",
        ):
            connection.execute(statement.encode())
    seal_every_kind(stage)
    with stage.connect() as connection:
        query = "SELECT object, mend FROM qt001_cp.reach_findings(%s)"
        found = {row[0].partition(" owned by ")[0]: row[1] for row in connection.execute(query, [stage.digest])}
    wrapper = next(mend for path, mend in found.items() if path.endswith("foreign-data wrapper kinds_wrapper"))
    said = "Remove a dependency on the path, or: PostgreSQL lets only a superuser own one: give it to the administrator"
    assert wrapper == said
    assert found["function kinds.absolute(integer)"].startswith("Give it to the administrator (ALTER … OWNER TO)")
