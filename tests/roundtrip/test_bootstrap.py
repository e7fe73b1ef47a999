"""The operator's bootstrap is idempotent, and its teardown leaves no trace, on a server of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql

from qt001_cp.rehearsal.scene import TEMPLATE, Scene, bootstrap, build_template, teardown
from qt001_cp.servers import Server, ServerError, open_server
from tests.conftest import Stage
from tests.cutover.support import unchanged

pytestmark = pytest.mark.roundtrip


@pytest.fixture
def fresh(server: Server) -> Iterator[Scene]:
    """A server without the roles of the control plane: on the tests' own one other databases use them."""
    if server.kind == "dsn":
        pytest.skip("a given server may have the roles already")
    with open_server() as own:
        build_template(own)
        with own.connect("postgres") as connection:
            create = sql.SQL("CREATE DATABASE fresh OWNER directus TEMPLATE {}")
            connection.execute(create.format(sql.Identifier(TEMPLATE)))
        yield Scene(own, "fresh")


def test_bootstrap_and_teardown(fresh: Scene) -> None:
    def seen() -> tuple[str, str]:
        return fresh.dump("--create"), fresh.server.dump_roles()

    before = seen()
    bootstrap(fresh.server, fresh.database, rehearsal=False)
    once = seen()
    bootstrap(fresh.server, fresh.database, rehearsal=False)
    assert seen() == once != before
    assert "qt001_cp_auditor" in once[1]
    bootstrap(fresh.server, fresh.database, rehearsal=True)
    marked = seen()
    assert marked != once
    bootstrap(fresh.server, fresh.database, rehearsal=False)
    assert seen() == marked, "the mark is never taken away by running it again"
    teardown(fresh.server, fresh.database, roles=True)
    assert seen() == before
    teardown(fresh.server, fresh.database, roles=True)
    assert seen() == before


def test_teardown_refuses_while_fix7a_is_deployed(at_fix7a_sealed: Stage) -> None:
    with unchanged(at_fix7a_sealed), pytest.raises(ServerError, match="teardown refused"):
        teardown(at_fix7a_sealed.scene.server, at_fix7a_sealed.scene.database)
