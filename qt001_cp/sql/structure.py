"""Makes structure.json, what schema qt001_cp has to be at each revision: ``python -m qt001_cp.sql.structure``.

It runs the files of each stage, and of each release behind them, on a disposable server and asks
``qt001_cp.structure_digest()``: the end of each printed script compares the live schema with it, so that no statement can be
left out of one. A release has to lead to what its whole SQL makes by itself, and its way back to what was there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psycopg

from qt001_cp.errors import FileProblem
from qt001_cp.project import project_folder
from qt001_cp.sql.build import BACK, DROP, FORWARD, before, release_files, releases, stage_files, whole
from qt001_cp.sql.render import STAGES

FILE: Final = Path(__file__).with_name("structure.json")
_FIRST: Final = "00_guard.sql"


def measured(connection: psycopg.Connection) -> dict[str, str]:
    """The digests in a database in which the bootstrap has run; nothing of it stays. The session is a superuser's.

    Raises :class:`FileProblem` where a release does not lead to what its own SQL makes by itself, or not back again.
    """
    found: dict[str, str] = {}
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL check_function_bodies = off")
        connection.execute("SET LOCAL ROLE qt001_cp_ledger")
        found["base"] = _digest(connection)
        for stage in STAGES:
            _run(connection, stage_files(stage))
            found[stage] = _digest(connection)
        for release in releases():
            found[release] = _released(connection, release, found[before(release)])
    found["fix7b"] = found["fix7a"]  # it only moves what is there
    for release in releases():
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL check_function_bodies = off")
            connection.execute("SET LOCAL ROLE qt001_cp_ledger")
            _run(connection, whole(release))
            _require(release, "forward", _digest(connection), found[release])
    return found


def _released(connection: psycopg.Connection, release: str, earlier: str) -> str:
    files = release_files(release)
    connection.execute(files[FORWARD].encode())
    there = _digest(connection)
    connection.execute(files[BACK].encode())
    _require(release, "back", earlier, _digest(connection))
    connection.execute(files[FORWARD].encode())
    return there


def _require(release: str, way: str, expected: str, found: str) -> None:
    if found != expected:
        raise FileProblem(
            f"release {release}, {way}: expected schema qt001_cp with digest {expected}, found {found}",
            hint="what its statements do not bring by themselves belongs into qt001_cp/sql/by_hand/forward.sql and back.sql",
        )


def _run(connection: psycopg.Connection, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        if name.rpartition("/")[2] not in (_FIRST, DROP):
            connection.execute(text.encode())


def _digest(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT qt001_cp.structure_digest()").fetchone()
    assert row is not None
    return str(row[0])


def main() -> int:
    from qt001_cp.servers import open_server

    database = "structure"
    with open_server() as server:
        with server.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {database}".encode())
        server.psql((project_folder() / "scripts" / "bootstrap.sql").read_text("utf-8"), dbname=database)
        try:
            with server.connect(database) as connection:
                found = measured(connection)
        except (FileProblem, psycopg.Error) as exc:
            print(f"qt001_cp.sql.structure: {exc}", file=sys.stderr)
            return 1
    FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
