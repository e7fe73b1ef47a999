"""How many ordinary routines the list of what is harmless makes unknown: PostgreSQL's regression database and the reference estate.

``python -m tests.analyse.measure FOLDER`` runs the .sql files of a suite in an embedded server of 17 and prints the figures of the
routines in SQL and PL/pgSQL that they make. PostgreSQL's own are in its source, in ``src/test/regress/sql``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt001_cp.analyse import rules
from qt001_cp.analyse.analyser import analyse
from qt001_cp.analyse.result import RoutineAnalysis, RoutineSource
from qt001_cp.catalog.names import read_names
from qt001_cp.model.names import path_schemas
from qt001_cp.servers import open_server

BY_LIST: Final = frozenset({rules.UNLISTED, rules.CALLER_TYPE, rules.CAST})
_FIRST: Final = ("test_setup", "boolean", "create_type", "create_function_sql", "create_table", "create_misc", "create_aggregate",
                 "create_operator", "create_procedure", "create_index", "create_view", "inherit", "triggers", "plpgsql")  # fmt: skip
"""Files that others build on, in the order of the suite."""
_ELSEWHERE: Final = frozenset({"tablespace", "database", "vacuum", "stats", "largeobject", "misc"})
"""Files that are about the server, not about routines."""
_KEEP: Final = """
CREATE SCHEMA keep;
CREATE TABLE keep.routine (kind text, identity text, schema text, language text, definition text, settings text[]);
CREATE FUNCTION keep.note() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO keep.routine
    SELECT i.type, i.identity, n.nspname, l.lanname, pg_get_functiondef(p.oid), p.proconfig
    FROM pg_event_trigger_ddl_commands() d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
    JOIN pg_language l ON l.oid = p.prolang AND l.lanname IN ('sql', 'plpgsql') JOIN pg_namespace n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i WHERE p.prokind IN ('f', 'p');
END $$;
CREATE EVENT TRIGGER keep ON ddl_command_end WHEN TAG IN ('CREATE FUNCTION', 'CREATE PROCEDURE') EXECUTE FUNCTION keep.note();
"""


@dataclass(frozen=True)
class Figures:
    """Of one corpus. ``unknown``: routines with anything unknown; the others by the list alone."""

    routines: int
    unknown: int
    unlisted: int
    cast: int
    caller: int

    @property
    def by_list(self) -> int:
        return self.unlisted + self.cast + self.caller


def figures(found: Iterable[RoutineAnalysis]) -> Figures:
    """A routine counts once, under the first of its rules."""
    seen = [{u.rule for u in each.unknown} for each in found if each.kind in ("function", "procedure")]
    return Figures(
        len(seen),
        sum(bool(each) for each in seen),
        sum(rules.UNLISTED in each for each in seen),
        sum(rules.CAST in each and rules.UNLISTED not in each for each in seen),
        sum(rules.CALLER_TYPE in each and not each & {rules.UNLISTED, rules.CAST} for each in seen),
    )


def _source(
    kind: str, identity: str, schema: str, language: str, definition: str, settings: list[str] | None
) -> RoutineSource:
    path = [each.partition("=")[2] for each in settings or () if each.startswith("search_path=")]
    return RoutineSource(kind, identity, schema, language, definition, path_schemas(path[0]) if path else None)


def of_suite(folder: Path) -> Figures:
    """Run the suite's files; the figures of every routine that they make."""
    files = {each.stem: each for each in folder.glob("*.sql")}
    order = [*(name for name in _FIRST if name in files), *sorted(files.keys() - {*_FIRST, *_ELSEWHERE})]
    with open_server("embedded", major=17) as server, tempfile.TemporaryDirectory() as empty:
        with server.connect("postgres") as connection:
            connection.execute("CREATE DATABASE regression")
        with server.connect("regression") as connection:
            connection.execute(_KEEP)
        environment = {**os.environ, **server.env("regression")}
        for name in order:
            # Much of it is meant to fail, and some needs the suite's own library: what is made before and after counts.
            command = [str(server.bin / "psql"), "-X", "-q", "-d", "regression", "-f", str(files[name].resolve())]
            with tempfile.TemporaryFile() as sink:
                subprocess.run(
                    command,
                    env=environment,
                    cwd=empty,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    timeout=120,
                    check=False,
                )
        with server.connect("regression") as connection:
            names = read_names(connection)
            sources = connection.execute("SELECT DISTINCT * FROM keep.routine ORDER BY 2, 5").fetchall()
    return figures(analyse(_source(*row), names) for row in sources)


if __name__ == "__main__":
    print(of_suite(Path(sys.argv[1])))
