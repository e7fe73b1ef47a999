"""A privilege on a member of an extension, granted to the application: in the estate, taken back by the cutover, and put back."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.model.names import Role
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene
from qt001_cp.workflow.preflight import read_preflight
from tests.conftest import Library, Stage
from tests.cutover.support import edited_policy, sealed_with

MEMBER = "foreign-data wrapper postgres_fdw"
RULE = (
    '[[rule]]\nkind = ["foreign-data wrapper", "function"]\nname = "postgres_fdw*"\ndisposition = "transfer"\n'
    'reason = "whoever uses it makes servers that lead anywhere"\n\n[[rule]]\nkind = "database"'
)
USAGE = "SELECT has_foreign_data_wrapper_privilege('directus', 'postgres_fdw', 'USAGE')"


@pytest.fixture
def extended(library: Library):  # type: ignore[no-untyped-def]
    stage = library.copy("base")
    with stage.connect() as connection:
        available = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgres_fdw'").fetchone()
        if available is None:
            pytest.skip("this server has no postgres_fdw")
        connection.execute("CREATE EXTENSION postgres_fdw")
        connection.execute("GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO directus")
        connection.execute("GRANT EXECUTE ON FUNCTION postgres_fdw_disconnect_all() TO directus")
    yield stage
    drop_scene(stage.scene)


def test_it_is_in_the_estate_and_what_nobody_granted_is_not(extended: Stage) -> None:
    with extended.connect() as connection:
        listed = {str(o.ref) for o in read_inventory(connection, Role("directus")).objects}
    assert MEMBER in listed
    assert "function public.postgres_fdw_disconnect_all()" in listed
    assert not any("postgres_fdw_handler" in o for o in listed)


def test_the_cutover_takes_it_back_and_the_restore_gives_it_again(extended: Stage, tmp_path: Path) -> None:
    policy = edited_policy(tmp_path, '[[rule]]\nkind = "database"', RULE)
    sealed_with(extended, tmp_path / "bundle", policy)
    before = extended.scene.dump_without_ledger("--create"), extended.scene.server.dump_roles()
    extended.upgrade("fix7b", rehearsal="first")
    with extended.connect() as connection:
        assert connection.execute(USAGE).fetchone() == (False,)
        assert connection.execute("SELECT fdwowner::regrole::text FROM pg_foreign_data_wrapper").fetchone() == (
            "postgres",
        )
        assert connection.execute("SELECT count(*) FROM qt001_cp.drift()").fetchone() == (0,)
    extended.downgrade("fix7a")
    assert (extended.scene.dump_without_ledger("--create"), extended.scene.server.dump_roles()) == before


OWNED = (
    "CREATE EXTENSION citext",
    "ALTER FUNCTION public.citext_eq(citext, citext) OWNER TO directus",
    "ALTER TABLE public.qt001_source ADD COLUMN word citext",
)
NAMED = '[[rule]]\nschema = "public"\nname = "citext_*"\ndisposition = "transfer"\nreason = "x"\n\n[[rule]]\nkind = "database"'


def test_a_function_of_an_extension_is_mended_where_it_is(at_base: Stage, tmp_path: Path) -> None:
    """It is written in C, a rule names it, and below a protected column it belongs to the application: nothing is transferred."""
    with at_base.connect() as connection:
        if not connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'").fetchone():
            pytest.skip("this server has no citext")
        for statement in OWNED:
            connection.execute(statement.encode())
    sealed_with(at_base, tmp_path / "bundle", edited_policy(tmp_path, '[[rule]]\nkind = "database"', NAMED))
    with at_base.connect(OPERATOR) as operator:
        about = [f for f in read_preflight(operator, at_base.manifest).findings if "citext_eq" in str(f["found"])]
        assert {f["mend"] for f in about} == {
            "It is a member of extension citext and stays with it: ALTER FUNCTION"
            " public.citext_eq(public.citext,public.citext) OWNER TO postgres; -- as a superuser"
        }
        operator.execute(about[0]["mend"].partition(": ")[2].encode())
        assert not [f for f in read_preflight(operator, at_base.manifest).findings if "citext_eq" in str(f["found"])]
