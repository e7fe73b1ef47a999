"""No finding means that the statements succeed; each power is needed, and its finding's mend is the statement to type."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.plan.order import Direction
from qt001_cp.rehearsal.scene import AUTHOR, drop_scene
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import make_bundle
from qt001_cp.workflow.seal import propose
from tests.conftest import Library, Stage
from tests.cutover.support import reseal
from tests.operator.support import (
    LOGIN,
    POWERS,
    act,
    give,
    needs_15,
    options,
    plain_operator,
    power_findings,
    rolled_back,
    statements,
    take,
    whole,
)

pytestmark = pytest.mark.slow

Way = tuple[Stage, Direction]
DIRECTIONS: tuple[Direction, ...] = ("forward", "restore")
LEGACY: tuple[Direction, ...] = ("retire", "revive")


@pytest.fixture(params=DIRECTIONS)
def way(request: pytest.FixtureRequest, library: Library) -> Iterator[Way]:
    """A database where the cutover, or its restore, is the next step; the direction."""
    stage = library.copy("fix7a")
    needs_15(stage)
    if request.param == "restore":
        stage.upgrade("fix7b", rehearsal="first")
    with plain_operator(stage):
        yield stage, request.param
    drop_scene(stage.scene)


def test_each_power_is_needed_and_its_mend_is_enough(way: Way) -> None:
    stage, direction = way
    manifest = stage.manifest
    tried = set()
    for power in POWERS:
        with rolled_back(stage) as connection:
            for other in POWERS:
                give(connection, other, options(stage))
            assert power_findings(connection, manifest, direction) == []
            take(connection, power, options(stage))
            found = power_findings(connection, manifest, direction)
            assert [f.sqlstate for f in found] == ["QT107"], (power, found)
            with pytest.raises(psycopg.Error) as refused, connection.transaction(), act(connection):
                statements(connection, manifest, direction)
            assert refused.value.sqlstate == "42501", (power, str(refused.value))
            connection.execute(found[0].mend)
            assert power_findings(connection, manifest, direction) == []
            with act(connection):
                whole(connection, manifest, direction)
            tried.add(found[0].mend)
    assert len(tried) == (len(POWERS) if options(stage) else 4), tried


def test_from_nothing_the_mends_are_enough(way: Way) -> None:
    stage, direction = way
    manifest = stage.manifest
    with rolled_back(stage) as connection:
        found = power_findings(connection, manifest, direction)
        assert len(found) == len({f.object for f in found}) == 4, found
        for finding in found:
            assert LOGIN in finding.mend
            connection.execute(finding.mend)
        assert power_findings(connection, manifest, direction) == []
        with act(connection):
            whole(connection, manifest, direction)


def test_fix7c_needs_less_and_not_the_application_role(library: Library) -> None:
    stage = library.copy("fix7a")
    needs_15(stage)
    stage.upgrade("fix7b", rehearsal="first")
    manifest = stage.manifest
    with plain_operator(stage):
        for direction in LEGACY:
            with rolled_back(stage) as connection:
                found = power_findings(connection, manifest, direction)
            with stage.connect() as admin:
                for finding in found:
                    assert finding.object in ("role qt001_cp_ledger", "role qt001_cp_owner", "role reporting"), finding
                    admin.execute(finding.mend)
        x = {"manifest": stage.manifest_path}
        revisions.upgrade(stage.scene.dsn(LOGIN), "fix7c", **x)
        revisions.downgrade(stage.scene.dsn(LOGIN), "fix7b", **x)
    drop_scene(stage.scene)


def test_schema_public_of_a_superuser_is_told(at_fix7a_sealed: Stage) -> None:
    """PostgreSQL 14: the one finding that no membership mends, and nothing but it."""
    if at_fix7a_sealed.scene.server.version >= 150000:
        pytest.skip("schema public belongs to the owner of the database since PostgreSQL 15")
    with plain_operator(at_fix7a_sealed, POWERS), rolled_back(at_fix7a_sealed) as connection:
        manifest = at_fix7a_sealed.manifest
        (finding,) = power_findings(connection, manifest, "forward")
        assert finding.object == "role postgres"
        assert finding.mend.startswith("Let a superuser run this script")


def test_what_a_superuser_owns_asks_for_a_superuser(at_fix7a_sealed: Stage) -> None:
    needs_15(at_fix7a_sealed)
    with plain_operator(at_fix7a_sealed), rolled_back(at_fix7a_sealed) as connection:
        connection.execute("CREATE TABLE public.qt001_of_a_superuser (id int)")
        connection.execute("GRANT SELECT ON public.qt001_of_a_superuser TO directus")
        manifest = make_bundle(connection, estate.policy_path()).manifest
        connection.execute(f"SET LOCAL SESSION AUTHORIZATION {AUTHOR}")
        propose(connection, manifest)
        connection.execute("RESET SESSION AUTHORIZATION")
        for power in POWERS:
            give(connection, power, options(at_fix7a_sealed))
        (finding,) = power_findings(connection, manifest, "forward")
        assert 'ON TABLE "public"."qt001_of_a_superuser"' in finding.expected
        assert finding.mend.startswith("Let a superuser run this script")
        superuser = connection.execute(
            "SELECT * FROM qt001_cp.operator_power_findings(%s, 'forward')", [manifest.digest()]
        )
        assert superuser.fetchall() == []


def test_a_third_roles_table_asks_before_the_cutover_for_what_the_way_back_needs(at_fix7a_sealed: Stage) -> None:
    """Its owner may not CREATE in the schema: the way back could not give it back, and a grant then would be drift."""
    needs_15(at_fix7a_sealed)
    with plain_operator(at_fix7a_sealed, POWERS), rolled_back(at_fix7a_sealed) as connection:
        connection.execute("CREATE TABLE public.qt001_of_reporting (id int)")
        connection.execute("ALTER TABLE public.qt001_of_reporting OWNER TO reporting")
        connection.execute("GRANT SELECT ON public.qt001_of_reporting TO directus")

        def found() -> list[str]:
            manifest = make_bundle(connection, estate.policy_path()).manifest
            connection.execute(f"SET LOCAL SESSION AUTHORIZATION {AUTHOR}")
            propose(connection, manifest)
            connection.execute("RESET SESSION AUTHORIZATION")
            assert power_findings(connection, manifest, "forward") == []
            return [f.mend for f in power_findings(connection, manifest, "restore")]

        (mend,) = found()
        assert mend == (
            "GRANT CREATE ON SCHEMA public TO reporting;"
            " -- before FIX7b, then generate and seal again; after FIX7b let a superuser run the restore"
        )
        connection.execute(mend.encode())
        assert found() == []


def test_a_table_whose_owner_holds_nothing_is_locked_all_the_same(at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    """LOCK TABLE asks for a privilege; the owner may have taken all of its own away."""
    needs_15(at_fix7a_sealed)
    with at_fix7a_sealed.connect() as connection:
        connection.execute("CREATE TABLE public.qt001_bare (id int)")
        connection.execute("ALTER TABLE public.qt001_bare OWNER TO directus")
        connection.execute("REVOKE ALL ON public.qt001_bare FROM directus")
    reseal(at_fix7a_sealed, tmp_path)
    assert at_fix7a_sealed.bundle is not None
    manifest = at_fix7a_sealed.bundle.manifest
    with plain_operator(at_fix7a_sealed, POWERS), rolled_back(at_fix7a_sealed) as connection, act(connection):
        whole(connection, manifest, "forward")
