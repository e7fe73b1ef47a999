"""Nobody is superuser: an administrator with CREATEROLE, and CREATE on the database, prepares, gives and takes away.

On a server of its own, or on a given one that does not have the roles yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from psycopg import sql

from qt001_cp import estate
from qt001_cp.model.roles import DEFAULT
from qt001_cp.rehearsal.scene import AUTHOR, TEMPLATE, Scene, build_template
from qt001_cp.servers import Server, open_server
from tests.cluster.place import pair, policy_of
from tests.operator.journey import ADMIN, Way, there_and_back
from tests.operator.support import LOGIN, public_to_application

pytestmark = pytest.mark.slow

MANAGED = "directus_managed"


@pytest.fixture(params=[DEFAULT, pair("shop")], ids=["the default pair", "a pair of its own"])
def managed(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Iterator[Way]:
    """A server without the roles of the control plane, a database of the application, and an administrator."""
    with server.connect("postgres") as connection:
        used = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'qt001_cp_owner'").fetchone() is not None
    if used and server.kind == "dsn":
        pytest.skip("the given server has the roles already")
    with open_server() if used else nullcontext(server) as own:
        build_template(own)
        with own.connect("postgres") as connection:
            create = sql.SQL("CREATE DATABASE {} OWNER directus TEMPLATE {}")
            connection.execute(create.format(sql.Identifier(MANAGED), sql.Identifier(TEMPLATE)))
            connection.execute(f"CREATE ROLE {ADMIN} LOGIN CREATEROLE CREATEDB")
            connection.execute(f"GRANT CREATE ON DATABASE {MANAGED} TO {ADMIN}")
            if own.version >= 160000:
                connection.execute(f"GRANT directus, reporting TO {ADMIN} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
        scene = Scene(own, MANAGED, pair=request.param)
        public_to_application(scene)
        yield Way(scene, tmp_path, "psql", policy_of(estate.QT001, request.param))
        with own.connect("postgres") as connection:
            connection.execute(f"DROP DATABASE {MANAGED} WITH (FORCE)")
            connection.execute(f"DROP ROLE {ADMIN}")


def test_nobody_is_superuser(managed: Way) -> None:
    """The commands of docs/operator.md, "Without superuser"."""
    before = managed.seen()
    admin = managed.scripts("bootstrap.sql", "-v", "rehearsal=yes")
    once = managed.seen()
    managed.scripts("bootstrap.sql")
    assert managed.seen() == once != before
    new = managed.scene.server.version >= 160000
    powers = (
        """
        GRANT qt001_cp_owner, directus TO {op} WITH INHERIT TRUE, SET TRUE;
        GRANT reporting TO {op} WITH INHERIT TRUE, SET TRUE;
    """
        if new
        else "GRANT qt001_cp_owner, directus, reporting TO {op};"
    )
    admin(f"""
        CREATE ROLE {LOGIN} LOGIN CREATEDB;
        CREATE ROLE {AUTHOR} LOGIN;
        GRANT qt001_cp_operator TO {LOGIN};
        GRANT qt001_cp_author TO {AUTHOR};
        {powers.format(op=LOGIN)}
        BEGIN;
        GRANT qt001_cp_ledger TO CURRENT_USER{" WITH INHERIT FALSE, SET TRUE" if new else ""};
        SET LOCAL ROLE qt001_cp_ledger;
        INSERT INTO qt001_cp.person (login, person, duty)
        VALUES ('{LOGIN}', 'dora.diaz', 'operator'), ('{AUTHOR}', 'tom.tan', 'author');
        RESET ROLE;
        REVOKE qt001_cp_ledger FROM CURRENT_USER;
        COMMIT;
    """)
    there_and_back(managed, admin)
    admin(f"DROP ROLE {LOGIN}; DROP ROLE {AUTHOR};")
    managed.scripts("teardown.sql", "-v", "roles=yes")
    assert managed.seen() == before
