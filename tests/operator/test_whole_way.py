"""The whole way and back without superuser: every dump on the way back is the one on the way there.

Online in a database that a superuser prepared, and through psql on a server where only an administrator with CREATEROLE,
and CREATE on the database, prepares and gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from psycopg import sql

from qt001_cp import estate
from qt001_cp.errors import Qt001Error
from qt001_cp.rehearsal.scene import AUTHOR, TEMPLATE, Scene, build_template, drop_scene
from qt001_cp.rehearsal.state import data_digest
from qt001_cp.servers import Server, ServerError, open_server
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import OBJECT, make_bundle
from qt001_cp.workflow.revisions import project_folder
from qt001_cp.workflow.seal import propose, seal
from tests.conftest import Library
from tests.operator.support import LOGIN, POWERS, plain_operator

How = Literal["online", "psql"]
ADMIN = "qt001_plain_admin"
MANAGED = "directus_managed"


@dataclass
class Way:
    """One database, and the stages as the operator runs them."""

    scene: Scene
    folder: Path
    how: How

    def upgrade(self, start: str, end: str, **x: str) -> None:
        self._run(revisions.upgrade, revisions.upgrade_sql, start, end, x)

    def downgrade(self, start: str, end: str, **x: str) -> None:
        self._run(revisions.downgrade, revisions.downgrade_sql, start, end, x)

    def _run(self, online: Callable[..., str], printed: Callable[..., str], start: str, end: str, x: dict[str, str]) -> None:
        if self.how == "online":
            online(self.scene.dsn(LOGIN), end, **x)
        else:
            self.scene.psql(printed(start, end, **x), user=LOGIN)

    def seen(self) -> tuple[str, str, str]:
        """Everything: database, roles and memberships, rows."""
        with self.scene.connect() as connection:
            data = data_digest(connection, without="qt001_cp")
        return self.scene.dump("--create"), self.scene.server.dump_roles(), data

    def seal(self) -> None:
        with self.scene.connect(AUTHOR) as author, self.scene.connect(LOGIN) as operator:
            bundle = make_bundle(author, estate.policy_path())
            bundle.write(self.folder)
            propose(author, bundle.manifest)
            seal(operator, bundle.manifest)

    def run(self, admin: Callable[[str], None] | None, text: str) -> None:
        if admin is not None:
            admin(text)
        else:
            self.scene.psql(text, user=self.scene.server.superuser)

    def scripts(self, name: str, *args: str) -> Callable[[str], None]:
        """Run a script as the administrator; returns what runs a text as the administrator."""
        self.scene.psql((project_folder() / "scripts" / name).read_text("utf-8"), *args, user=ADMIN)

        def admin(text: str) -> None:
            self.scene.psql(text, user=ADMIN)

        return admin


@pytest.fixture
def prepared(library: Library, tmp_path: Path) -> Iterator[Way]:
    """A superuser ran the bootstrap and gave the operator's login what it needs."""
    stage = library.copy("base")
    with plain_operator(stage, POWERS):
        yield Way(stage.scene, tmp_path, "online")
    drop_scene(stage.scene)


@pytest.fixture
def managed(server: Server, tmp_path: Path) -> Iterator[Way]:
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
        yield Way(Scene(own, MANAGED), tmp_path, "psql")
        with own.connect("postgres") as connection:
            connection.execute(f"DROP DATABASE {MANAGED} WITH (FORCE)")
            connection.execute(f"DROP ROLE {ADMIN}")


def test_operator_without_superuser(prepared: Way) -> None:
    _there_and_back(prepared, None)


def test_nobody_is_superuser(managed: Way) -> None:
    """The commands of docs/operator.md, "Without superuser"."""
    before = managed.seen()
    admin = managed.scripts("bootstrap.sql", "-v", "rehearsal=yes")
    once = managed.seen()
    managed.scripts("bootstrap.sql")
    assert managed.seen() == once != before
    new = managed.scene.server.version >= 160000
    powers = """
        GRANT qt001_cp_owner, directus TO {op} WITH INHERIT TRUE, SET TRUE;
        GRANT reporting TO {op} WITH INHERIT TRUE, SET TRUE;
    """ if new else "GRANT qt001_cp_owner, directus, reporting TO {op};"  # fmt: skip
    admin(f"""
        CREATE ROLE {LOGIN} LOGIN CREATEDB;
        CREATE ROLE {AUTHOR} LOGIN;
        GRANT qt001_cp_operator TO {LOGIN};
        GRANT qt001_cp_author TO {AUTHOR};
        {powers.format(op=LOGIN)}
        BEGIN;
        GRANT qt001_cp_owner TO CURRENT_USER{" WITH INHERIT FALSE, SET TRUE" if new else ""};
        SET LOCAL ROLE qt001_cp_owner;
        INSERT INTO qt001_cp.person (login, person) VALUES ('{LOGIN}', 'Dora Diaz'), ('{AUTHOR}', 'Tom Tan');
        RESET ROLE;
        REVOKE qt001_cp_owner FROM CURRENT_USER;
        COMMIT;
    """)
    _there_and_back(managed, admin)
    admin(f"DROP ROLE {LOGIN}; DROP ROLE {AUTHOR};")
    managed.scripts("teardown.sql", "-v", "roles=yes")
    assert managed.seen() == before


def _there_and_back(way: Way, admin: Callable[[str], None] | None) -> None:
    """``admin`` runs what an administrator does; None: a superuser."""
    base = way.seen()
    way.upgrade("base", "fix7a", policy=str(estate.policy_path()))
    way.seal()
    sealed = way.seen()
    x = {"manifest": str(way.folder / OBJECT)}
    way.upgrade("fix7a", "fix7b", rehearsal="first", **x)
    cut = way.seen()
    assert cut[2] == base[2] and cut[0] != sealed[0]
    # While the operator's login is the application role too, FIX7c refuses.
    with pytest.raises((Qt001Error, ServerError), match=f"role {LOGIN}: expected not directus"):
        way.upgrade("fix7b", "fix7c", **x)
    way.run(admin, f"REVOKE directus FROM {LOGIN};")
    without = way.seen()
    assert without[0] == cut[0]
    way.upgrade("fix7b", "fix7c", **x)
    way.downgrade("fix7c", "fix7b", **x)
    assert way.seen() == without
    # The way back asks for it again.
    with pytest.raises((Qt001Error, ServerError), match=f"role directus: expected {LOGIN}"):
        way.downgrade("fix7b", "fix7a", **x)
    options = " WITH INHERIT TRUE, SET TRUE" if way.scene.server.version >= 160000 else ""
    way.run(admin, f"GRANT directus TO {LOGIN}{options};")
    assert way.seen() == cut
    way.downgrade("fix7b", "fix7a", **x)
    assert way.seen() == sealed
    way.downgrade("fix7a", "base")
    assert way.seen() == base
