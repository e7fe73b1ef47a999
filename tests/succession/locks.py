"""Which lock the day-two changes hold: ``python -m tests.succession.locks [--write]`` puts the table into docs/changes.md.

The lock is what another session reads in ``pg_locks`` while the text of the change has run and not ended; how long the first of these
changes holds its lock, from the text to COMMIT, it sees by looking again and again.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from qt001_cp.project import project_folder
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene
from qt001_cp.servers import open_server
from tests.conftest import Library, Stage
from tests.succession.support import COLUMN, prepared
from tests.succession.test_changes import VIEW, writer_of

PAGE = project_folder() / "docs" / "changes.md"
TABLE = re.compile(r"<!-- locks -->\n(.*?)<!-- /locks -->\n", re.DOTALL)
HELD = re.compile(r"<!-- held -->.*?<!-- /held -->", re.DOTALL)
_SETTING = "public.qt001_setting"
_TAKEN = """
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'relation' AND relation = 'public.qt001_setting'::regclass AND granted
               AND mode = 'AccessExclusiveLock')
"""
_HELD = """
SELECT named.type, named.identity, lock.mode
FROM pg_locks lock JOIN pg_class known ON known.oid = lock.relation AND known.oid = ANY (%s)
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, known.oid, 0) named
WHERE lock.pid = %s AND lock.locktype = 'relation' AND lock.granted
"""
_KNOWN = """
SELECT array_agg(c.oid) FROM pg_class c
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relnamespace IN ('public'::regnamespace, 'qt001_data'::regnamespace)
"""
_ORDER = ("AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
          "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")  # fmt: skip


@dataclass(frozen=True)
class Case:
    """``forward``: the text; {writer} is the source of the writer, as it is. ``before``: what has to be there first."""

    what: str
    forward: str
    before: str = ""


CASES = (
    Case("column with a constant default", f"ALTER TABLE {_SETTING} ADD COLUMN unit text DEFAULT 'm';\n"),
    Case("column with a default of each row", f"ALTER TABLE {_SETTING} ADD COLUMN seed float8 DEFAULT pg_catalog.random();\n"),
    Case("index", f"CREATE INDEX qt001_setting_time ON {_SETTING} (updated_at);\n"),
    Case("CHECK constraint", f"ALTER TABLE {_SETTING} ADD CONSTRAINT short CHECK (pg_catalog.length(key) < 99);\n"),
    Case("curated view", VIEW[0]),
    Case("curated view taken away", VIEW[1], before=VIEW[0]),
    Case("new body of a routine", "{writer};\n"),
    Case("partition made", "CREATE TABLE qt001_data.measurement_2031 PARTITION OF qt001_data.measurement FOR VALUES FROM ('2031-01-01') TO ('2032-01-01');\n"),
    Case("partition dropped", "DROP TABLE qt001_data.measurement_2025;\n"),
    Case("privilege of another role", f"GRANT UPDATE ON {_SETTING} TO reporting;\n"),
)  # fmt: skip  # one case a line


def held(stage: Stage, case: Case) -> list[tuple[str, str, str]]:
    """Kind, name and mode of the strongest lock on each relation that was there, as another session sees it."""
    text = case.forward.replace("{writer}", writer_of(stage))
    with stage.connect() as owner, stage.connect() as other:
        owner.execute("SET ROLE qt001_cp_owner")
        owner.execute("SET search_path = pg_catalog, pg_temp")
        if case.before:
            owner.execute(case.before.encode())
        row = other.execute(_KNOWN.encode()).fetchone()
        assert row is not None
        owner.autocommit = False
        owner.execute(text.encode())
        locks: dict[tuple[str, str], str] = {}
        for kind, name, mode in other.execute(_HELD, [row[0], owner.info.backend_pid]).fetchall():
            strongest = max(locks.get((kind, name), mode), mode, key=_ORDER.index)
            locks[kind, name] = strongest
        owner.rollback()
        owner.autocommit = True
        if case.before:
            owner.execute(text.encode())  # which takes it away again
    return sorted((kind, name, mode) for (kind, name), mode in locks.items())


def words(locks: list[tuple[str, str, str]]) -> tuple[str, str]:
    """Two cells of the table: what is locked and how, and who waits for it."""
    strong = [(kind, mode) for kind, _, mode in locks if mode not in _ORDER[:4]]
    if not strong:
        return "none that anybody waits for", "nobody"
    told = ", ".join(dict.fromkeys(f"{mode} of the {kind}" for kind, mode in strong))
    return told, "readers and writers" if any(mode == "AccessExclusiveLock" for _, mode in strong) else "writers"


def rows(stage: Stage) -> Iterator[tuple[str, str, str]]:
    """Of each case the first three cells."""
    for case in CASES:
        yield (case.what, *words(held(stage, case)))


def held_for(stage: Stage, folder: Path) -> float:
    """Seconds for which another session sees the column's change hold its lock; both ways of the change are run, the longer one counts."""
    change = prepared(stage, folder, "add_unit", *COLUMN)
    change.sealed(stage.scene.dsn(OPERATOR))
    longest = 0.0
    for way in (change.forward, change.back):
        stop, seen = Event(), [0.0, 0.0]
        watcher = Thread(target=_watch, args=[stage, stop, seen])
        watcher.start()
        way(stage.scene.dsn(OPERATOR))
        stop.set()
        watcher.join()
        longest = max(longest, seen[1] - seen[0])
    return longest


def _watch(stage: Stage, stop: Event, seen: list[float]) -> None:
    """The first and the last time that the lock was there."""
    with stage.connect() as poll:
        while not stop.is_set():
            row = poll.execute(_TAKEN).fetchone()
            if row is not None and row[0]:
                now = time.monotonic()
                seen[:] = [seen[0] or now, now]
            time.sleep(0.002)


def held_words(library: Library) -> str:
    """The sentence of the page."""
    stage = library.copy("fix7c")
    try:
        with tempfile.TemporaryDirectory() as folder:
            seconds = held_for(stage, Path(folder))
    finally:
        drop_scene(stage.scene)
    return f"<!-- held -->{seconds:.1f} s<!-- /held -->"


def table(library: Library) -> str:
    """The table of the page."""
    stage = library.copy("fix7c")
    try:
        lines = [f"| {' | '.join(cells)} |" for cells in rows(stage)]
    finally:
        drop_scene(stage.scene)
    return "\n".join(("| change | lock | who waits |", "| --- | --- | --- |", *lines)) + "\n"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.succession.locks")
    parser.add_argument("--write", action="store_true", help="into docs/changes.md")
    arguments = parser.parse_args(argv)
    with open_server() as server:
        library = Library(server)
        made, held_time = table(library), held_words(library)
    print(made, held_time)
    if arguments.write:
        page = TABLE.sub(lambda _: f"<!-- locks -->\n{made}<!-- /locks -->\n", PAGE.read_text("utf-8"))
        PAGE.write_text(HELD.sub(held_time, page), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
