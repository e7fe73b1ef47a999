"""Which statement of a change locks which relation, and how: each statement run on the copy in one transaction, which is taken back, and
``pg_locks`` read after it.

Source: PostgreSQL documentation, "pg_locks".
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

import psycopg

from qt001_cp.model.canonical import Json
from qt001_cp.model.change import LOCK_MODES
from qt001_cp.model.roles import Pair
from qt001_cp.rehearsal.clone.pieces import pieces
from qt001_cp.rehearsal.scene import OPERATOR, Scene

_RELATIONS: Final = """
SELECT c.oid::bigint, named.type, named.identity
FROM pg_catalog.pg_class c
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0) named
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'qt001_cp')
  AND n.nspname !~ '^pg_(toast|temp)'
"""
"""What others can wait for: an index is locked with its table; what is born in the transaction nobody else sees."""
_HELD: Final = """
SELECT l.relation::bigint, l.mode FROM pg_catalog.pg_locks l
WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted
"""
_FILES: Final = """
SELECT c.oid::bigint, pg_catalog.pg_relation_filenode(c.oid)::bigint
FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'm')
"""
# As qt001_cp.run_change() runs it: by the owner role, in a SECURITY DEFINER function, where PostgreSQL refuses SET ROLE.
_RUNNER: Final = (
    "CREATE FUNCTION pg_temp.run_statement(body text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER"
    " SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS 'BEGIN EXECUTE body; END'",
    "ALTER FUNCTION pg_temp.run_statement(text) OWNER TO {owner}",
)


def read_locks(scene: Scene, text: str, moves: Iterable[str] = ()) -> list[Json]:
    """One entry a statement: first those of ``moves``, which the operator runs before the text (line 0), then those of ``text``, with
    their lines; how long each took, what it locks more than those before it, which tables it writes anew. Nothing of it stays.
    Raises :class:`psycopg.Error` where a statement fails.
    """
    with scene.connect(OPERATOR) as operator:
        operator.autocommit = False
        try:
            return _read(operator, scene.pair, text, moves)
        finally:
            operator.rollback()


def _read(operator: psycopg.Connection, pair: Pair, text: str, moves: Iterable[str]) -> list[Json]:
    known = {oid: (kind, identity) for oid, kind, identity in operator.execute(_RELATIONS.encode())}
    for statement in _RUNNER:
        operator.execute(statement.format(owner=pair.owner.name).encode())
    made: list[Json] = []
    before, files = _held(operator), _files(operator)
    runs: list[tuple[int, str, str]] = [(0, move, move) for move in moves]
    runs += [(piece.line, piece.text, "SELECT pg_temp.run_statement(%s)") for piece in pieces(text)]
    for line, statement, call in runs:
        begun = time.monotonic()
        operator.execute(call.encode(), [statement] if line else None)
        took = round((time.monotonic() - begun) * 1000)
        after, files_after = _held(operator), _files(operator)
        stronger = {oid: mode for oid, mode in after.items() if oid in known and mode > before.get(oid, -1)}
        rewritten = [
            known[oid][1] for oid in files.keys() & files_after if oid in known and files[oid] != files_after[oid]
        ]
        made.append({
            "line": line,
            "statement": statement,
            "milliseconds": took,
            "locks": sorted(({"kind": known[oid][0], "identity": known[oid][1], "mode": LOCK_MODES[mode]} for oid, mode in stronger.items()),
                            key=lambda held: (held["identity"], held["kind"])),
            "rewritten": sorted(rewritten),
        })  # fmt: skip  # pairs, not one a line
        before, files = {**before, **after}, files_after
    return made


def _held(operator: psycopg.Connection) -> dict[int, int]:
    """The strongest lock on each relation, as a place in :data:`LOCK_MODES`."""
    held: dict[int, int] = {}
    for oid, mode in operator.execute(_HELD.encode()):
        held[oid] = max(held.get(oid, -1), LOCK_MODES.index(mode))
    return held


def _files(operator: psycopg.Connection) -> dict[int, int]:
    """Where the rows of each table lie: another number is a table that was written anew."""
    return dict(operator.execute(_FILES.encode()).fetchall())
