"""Makes structure.json, what schema qt001_cp has to be at each revision: ``python -m qt001_cp.sql.structure``.

It runs the files of each stage on a disposable server and asks ``qt001_cp.structure_digest()``: the end of each printed
script compares the live schema with it, so that no statement can be left out of one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import psycopg

from qt001_cp.project import project_folder
from qt001_cp.sql.build import DROP, stage_files
from qt001_cp.sql.render import STAGES

FILE: Final = Path(__file__).with_name("structure.json")
_FIRST: Final = "00_guard.sql"


def measured(connection: psycopg.Connection) -> dict[str, str]:
    """The digests in a database in which the bootstrap has run; nothing of it stays. The session is a superuser's."""
    found: dict[str, str] = {}
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL check_function_bodies = off")
        connection.execute("SET LOCAL ROLE qt001_cp_ledger")
        found["base"] = _digest(connection)
        for stage in STAGES:
            for name, text in stage_files(stage).items():
                if name not in (_FIRST, DROP):
                    connection.execute(text.encode())
            found[stage] = _digest(connection)
    found["fix7b"] = found["fix7a"]  # it only moves what is there
    return found


def _digest(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT qt001_cp.structure_digest()").fetchone()
    assert row is not None
    return str(row[0])


def main() -> None:
    from qt001_cp.servers import open_server

    database = "structure"
    with open_server() as server:
        with server.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {database}".encode())
        server.psql((project_folder() / "scripts" / "bootstrap.sql").read_text("utf-8"), dbname=database)
        with server.connect(database) as connection:
            found = measured(connection)
    FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
