"""A live database that is not the reference estate, with FIX7a deployed, on a server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR, Scene, staff
from qt001_cp.servers import Server, open_server
from qt001_cp.workflow import revisions

HERE = Path(__file__).parent
POLICY = HERE / "shop" / "policy.toml"
APPLICATION = "Shop App"
DATABASE = "Corner Shop"


@dataclass(frozen=True)
class Shop:
    """The original; ``reader`` is a login that may read and nothing else."""

    scene: Scene
    bundle: Path

    @property
    def manifest(self) -> Path:
        return self.bundle / "object.json"

    def dsn(self, user: str) -> str:
        return self.scene.dsn(user)


def load_shop(server: Server) -> Scene:
    """The shop as its owner left it, not marked as a rehearsal."""
    with server.connect("postgres") as connection:
        connection.execute(f"CREATE ROLE \"{APPLICATION}\" LOGIN PASSWORD 'never cloned'")
        connection.execute("CREATE ROLE cashier LOGIN; CREATE ROLE bookkeeper; CREATE ROLE apprentice LOGIN")
        connection.execute("GRANT bookkeeper TO apprentice WITH ADMIN OPTION")
        connection.execute("ALTER ROLE apprentice SET search_path = \"$user\", 'a b'")
        connection.execute("CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader")
        connection.execute("CREATE ROLE blind LOGIN")
        connection.execute("CREATE ROLE locked LOGIN PASSWORD 'open sesame'; GRANT pg_read_all_data TO locked")
        connection.execute(f'CREATE DATABASE "{DATABASE}" OWNER "{APPLICATION}" TEMPLATE template0')
        connection.execute(f"ALTER DATABASE \"{DATABASE}\" SET work_mem = '5MB'")
    server.psql((HERE / "shop.sql").read_text("utf-8"), dbname=DATABASE)
    scene = Scene(server, DATABASE, APPLICATION, "blind")
    staff(scene, rehearsal=False)
    with server.connect("postgres") as connection:
        # Nobody gets in by PUBLIC: whoever needs the door is named.
        connection.execute(f'REVOKE CONNECT ON DATABASE "{DATABASE}" FROM PUBLIC')
        connection.execute(
            f'GRANT CONNECT ON DATABASE "{DATABASE}" TO "{APPLICATION}", cashier, apprentice, reader, locked, qt001_cp_author,'
            " qt001_cp_verifier, qt001_cp_auditor"
        )
    return scene


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """At FIX7a, with the author's manifest proposed."""
    with open_server("embedded") as server:
        scene = load_shop(server)
        revisions.upgrade(scene.dsn(OPERATOR), "fix7a", policy=str(POLICY))
        bundle = tmp_path_factory.mktemp("shop") / "bundle"
        made = main(
            [
                "manifest",
                "generate",
                "--policy",
                str(POLICY),
                "--database",
                scene.dsn(AUTHOR),
                "--out",
                str(bundle),
                "--propose",
            ]
        )
        assert made == 0
        yield Shop(scene, bundle)
