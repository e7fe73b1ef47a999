"""What is printed is what is run: the same text, the same catalogs, and no server is needed to print it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from qt001_cp import estate
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.roundtrip.journey import ROUTE, How, Journey

_TABLE = r"(CREATE TABLE|INSERT INTO|UPDATE|DELETE FROM|DROP TABLE) qt001_cp\.alembic_version"
_BOOKKEEPING = re.compile(rf"^(BEGIN;|COMMIT;|-- Running [^\n]*|{_TABLE}[^;]*;)\n+", re.MULTILINE)
_NOT_OURS = re.compile(rf"\s*(select\b|show\b|{_TABLE})", re.IGNORECASE)
"""Online: Alembic's table, the driver's own questions, and whether this is a rehearsal."""


@pytest.mark.slow
@pytest.mark.roundtrip
@pytest.mark.parametrize("stop", ROUTE[1:])
def test_online_and_psql_give_the_same_catalogs(journeys: dict[How, Journey], stop: str) -> None:
    online, psql = journeys["online"], journeys["psql"]
    assert online.digest == psql.digest
    assert online.seen[stop].catalog == psql.seen[stop].catalog
    assert online.seen[stop].outside == psql.seen[stop].outside
    assert online.seen[stop].roles == psql.seen[stop].roles


@contextmanager
def _executed() -> Iterator[list[str]]:
    """Every statement that SQLAlchemy gives to the driver."""
    said: list[str] = []

    def listen(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", listen)


def _ours(statements: list[str]) -> str:
    return "".join(f"{statement};\n\n" for statement in statements if not _NOT_OURS.match(statement))


def runs_what_is_printed(run: Callable[[], object], text: str) -> None:
    with _executed() as statements:
        run()
    assert len(statements) > 10
    assert _ours(statements) == _BOOKKEEPING.sub("", text)


def test_online_runs_the_printed_text(at_recorded: Stage) -> None:
    x = {"manifest": at_recorded.manifest_path}
    for start, end in (("fix7a", "fix7b"), ("fix7b", "fix7c")):
        runs_what_is_printed(partial(at_recorded.upgrade, end), revisions.upgrade_sql(start, end, **x))
    for start, end in (("fix7c", "fix7b"), ("fix7b", "fix7a")):
        runs_what_is_printed(partial(at_recorded.downgrade, end), revisions.downgrade_sql(start, end, **x))


def test_online_runs_the_printed_text_of_fix7a(at_base: Stage) -> None:
    policy = str(estate.policy_path())
    runs_what_is_printed(
        lambda: at_base.upgrade("fix7a", policy=policy), revisions.upgrade_sql("base", "fix7a", policy=policy)
    )
    ledger = at_base.export()
    runs_what_is_printed(
        lambda: at_base.downgrade("base", ledger=ledger), revisions.downgrade_sql("fix7a", "base", ledger=ledger)
    )


def _texts(manifest: str, ledger: str) -> dict[str, str]:
    x = {"manifest": manifest}
    return {
        "fix7a": revisions.upgrade_sql("base", "fix7a", policy=str(estate.policy_path())),
        "fix7b": revisions.upgrade_sql("fix7a", "fix7b", **x),
        "fix7c": revisions.upgrade_sql("fix7b", "fix7c", **x),
        "back from fix7c": revisions.downgrade_sql("fix7c", "fix7b", **x),
        "back from fix7b": revisions.downgrade_sql("fix7b", "fix7a", **x),
        "back from fix7a": revisions.downgrade_sql("fix7a", "base", ledger=ledger),
    }


def test_printed_text_is_fit_for_review(at_fix7a_sealed: Stage) -> None:
    x = {"manifest": at_fix7a_sealed.manifest_path, "ledger": at_fix7a_sealed.export()}
    texts = _texts(**x)
    assert texts == _texts(**x)
    for name, text in texts.items():
        assert "\t" not in text, name
        assert not re.search(r"(REASSIGN|DROP)\s+OWNED", text, re.IGNORECASE), name
        assert text.startswith("BEGIN;\n"), name
        assert text.rstrip().endswith("COMMIT;"), name
        assert text.count("\nCOMMIT;") == 1, name
        assert "SET LOCAL lock_timeout" in text, name
        assert "SET LOCAL statement_timeout" in text, name


def test_printing_needs_no_server(at_fix7a_sealed: Stage) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("PG") and k != "QT001_DATABASE_URL"}
    env |= {"PGHOST": "/nonexistent", "PGPORT": "1"}
    folder, x = revisions.project_folder(), f"manifest={at_fix7a_sealed.manifest_path}"
    printed = []
    for verb, span in (("upgrade", "fix7a:fix7b"), ("upgrade", "fix7a:fix7b"), ("downgrade", "fix7b:fix7a")):
        command = [sys.executable, "-m", "alembic", "-c", str(folder / "alembic.ini"), "-x", x, verb, span, "--sql"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    assert printed[0] == printed[1] == revisions.upgrade_sql("fix7a", "fix7b", manifest=at_fix7a_sealed.manifest_path)
    assert printed[2] == revisions.downgrade_sql("fix7b", "fix7a", manifest=at_fix7a_sealed.manifest_path)
