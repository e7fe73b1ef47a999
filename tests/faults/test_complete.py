"""A printed script is complete or nothing: the database refuses the COMMIT of anything else, whatever psql's settings.

Each statement of each of the six scripts is left out, doubled, swapped with the next one, and the script is cut behind it;
psql runs that in each of its modes. What comes out is the database as it was, or as the whole script leaves it. By default a
sample takes turns; QT001_TEST_SWEEP=all does every edit in every mode.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from qt001_cp import estate
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene
from qt001_cp.workflow import revisions
from tests.conftest import Library, Stage

ALL: Final = os.environ.get("QT001_TEST_SWEEP") == "all"
SAMPLE: Final = 12
MODES: Final = {
    "goes on in savepoints": ("-v", "ON_ERROR_ROLLBACK=on"),
    "goes on": (),
    "stops": ("-v", "ON_ERROR_STOP=1"),
    "one transaction": ("-1", "-v", "ON_ERROR_STOP=1"),
    "one transaction, in savepoints": ("-1", "-v", "ON_ERROR_ROLLBACK=on"),
    "no autocommit": ("-v", "AUTOCOMMIT=off", "-v", "ON_ERROR_ROLLBACK=on"),
}
SCRIPTS: Final = {
    "upgrade fix7a": ("base", "base", "fix7a"),
    "upgrade fix7b": ("recorded", "fix7a", "fix7b"),
    "upgrade fix7c": ("fix7b", "fix7b", "fix7c"),
    "downgrade fix7c": ("fix7c", "fix7c", "fix7b"),
    "downgrade fix7b": ("fix7b", "fix7b", "fix7a"),
    "downgrade fix7a": ("fix7a", "fix7a", "base"),
}
_STATE: Final = """
SELECT (SELECT pg_catalog.string_agg(version_num, ',') FROM qt001_cp.alembic_version), qt001_cp.structure_digest(),
       (SELECT pg_catalog.count(*) FROM qt001_cp.run),
       pg_catalog.md5((SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', relname, relowner, relacl), ',' ORDER BY relname, oid)
            FROM pg_catalog.pg_class WHERE relnamespace NOT IN ('qt001_cp'::regnamespace, 'pg_toast'::regnamespace) AND oid >= 16384)),
       pg_catalog.md5((SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', proname, proowner, proacl, prosrc), ',' ORDER BY oid)
            FROM pg_catalog.pg_proc WHERE pronamespace <> 'qt001_cp'::regnamespace AND oid >= 16384 AND proname !~ '^rows_kept$')),
       pg_catalog.md5((SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', typname, typowner, typacl), ',' ORDER BY typname, oid)
            FROM pg_catalog.pg_type WHERE typnamespace <> 'qt001_cp'::regnamespace AND oid >= 16384)),
       (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', nspname, nspowner, nspacl), ',' ORDER BY nspname)
            FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_'),
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_event_trigger), (SELECT pg_catalog.count(*) FROM pg_catalog.pg_default_acl),
       pg_catalog.to_regclass('qt001_cp.event') IS NOT NULL
"""


@dataclass(frozen=True)
class Script:
    """The statements of one script, as psql splits them, and the stage that it starts from."""

    name: str
    start: str
    statements: tuple[str, ...]


def printed(name: str, stage: Stage) -> Script:
    start, old, new = SCRIPTS[name]
    x = {"policy": str(estate.policy_path())} if new == "fix7a" and old == "base" else {"manifest": stage.manifest_path}
    if new == "base":
        x = {"ledger": stage.export()}
    make = revisions.upgrade_sql if name.startswith("upgrade") else revisions.downgrade_sql
    return Script(name, start, tuple(_split(make(old, new, **x))))


def _split(text: str) -> Iterator[str]:
    """Statements with the comments before them. What is quoted with dollars ends where its own tag comes again."""
    made, tag = "", ""
    for line in text.splitlines(keepends=True):
        made += line
        for mark in _marks(line):
            tag = mark if not tag else "" if mark == tag else tag
        if not tag and line.rstrip().endswith(";") and not line.startswith("--"):
            yield made
            made = ""


def _marks(line: str) -> list[str]:
    parts = line.split("$")
    return [f"${p}$" for p in parts[1:-1] if p.replace("_", "").isalnum()]


def edited(script: Script, edit: str, number: int) -> str:
    """The text of the script with one edit at one statement."""
    s = list(script.statements)
    if edit == "left out":
        del s[number]
    elif edit == "doubled":
        s.insert(number, s[number])
    elif edit == "swapped":
        s[number : number + 2] = reversed(s[number : number + 2])
    else:
        del s[number + 1 :]
    return "".join(s)


def seen(stage: Stage) -> tuple[object, ...]:
    with stage.connect() as connection:
        row = connection.execute(_STATE.encode()).fetchone()
        assert row is not None
        if not row[-1]:
            return tuple(row)
        verbs = connection.execute("SELECT verb, count(*) FROM qt001_cp.event GROUP BY verb ORDER BY verb")
        return (*row, *verbs.fetchall())


def trials(script: Script) -> Iterator[tuple[str, int, str]]:
    edits = [(e, n) for e in ("left out", "doubled", "swapped", "cut") for n in range(len(script.statements))]
    if ALL:
        yield from ((e, n, mode) for mode in MODES for e, n in edits)
        return
    chosen = random.Random(script.name).sample(edits, SAMPLE)
    modes = list(MODES)
    yield from ((e, n, modes[i % len(modes)]) for i, (e, n) in enumerate(chosen))
    # What goes on after an error is where every guard has to stand by itself.
    yield ("left out", 0, "goes on")
    yield ("cut", len(script.statements) - 3, "one transaction")


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_complete_or_nothing(library: Library, name: str) -> None:
    stage = library.copy(SCRIPTS[name][0])
    try:
        script = printed(name, stage)
        before = seen(stage)
        run(stage, "".join(script.statements), "stops")
        after = seen(stage)
        assert after != before, "the whole script does its work"
        stage, dirty = library.copy(script.start), False
        for edit, number, mode in trials(script):
            if dirty:
                stage = library.copy(script.start)
            said = run(stage, edited(script, edit, number), mode)
            found = seen(stage)
            dirty = found != before
            assert found in (before, after), (
                f"{edit} at {number}, psql {mode}: {script.statements[number][:200]}\n{said}"
            )
    finally:
        drop_scene(stage.scene)


def run(stage: Stage, text: str, mode: str) -> str:
    done = stage.scene.server.run(
        "psql", "-X", "-q", *MODES[mode], "-f", "-", dbname=stage.scene.database, user=OPERATOR, stdin=text, check=False
    )
    return str(done.stderr)


@pytest.mark.parametrize("mode", ["goes on in savepoints", "one transaction, in savepoints"])
def test_a_refusal_refuses_whatever_psql_does_next(library: Library, mode: str) -> None:
    """Case 0 of the review: no record, a table that nobody has classified."""
    stage = library.copy("fix7a")
    try:
        with stage.connect() as connection:
            connection.execute("SET ROLE directus; CREATE TABLE public.qt001_late (id int)")
        before = seen(stage)
        text = revisions.upgrade_sql("fix7a", "fix7b", manifest=stage.manifest_path)
        said = run(stage, text, mode)
        assert "QT102" in said or "QT105" in said, said
        assert "COMMIT refused" in said, said
        assert seen(stage) == before
    finally:
        drop_scene(stage.scene)
