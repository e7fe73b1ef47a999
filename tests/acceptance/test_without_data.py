"""A copy without its data (``pg_dump --schema-only``) has no ledger: the apply path says so, and so do the verbs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.servers import Server
from tests.acceptance.support import CALL
from tests.conftest import Stage

COPY = "directus_without_data"


@pytest.fixture
def empty(at_fix7c_done: Stage) -> Iterator[Server]:
    """The server, on which database COPY is the schema alone."""
    server = at_fix7c_done.scene.server
    name = sql.Identifier(COPY)
    dump = at_fix7c_done.scene.dump("--schema-only")
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        server.psql(dump, dbname=COPY)
        yield server
    finally:
        with server.connect("postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def test_the_writer_says_what_is_missing(empty: Server) -> None:
    with empty.connect(COPY) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(CALL)
    assert refused.value.sqlstate == "QT301"
    assert "this is a copy without its data" in str(refused.value.diag.message_detail)


def test_status_names_the_cause(empty: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--format", "json", "--database", empty.conninfo(COPY, OPERATOR)]) == 3
    gates = json.loads(capsys.readouterr().out)["gates"]
    assert {g["reason"] for g in gates} == {"ledger: expected its events, found none: this is a copy without its data"}
    assert {g["mend"] for g in gates} == {"Copy the database with its rows: pg_dump without --schema-only."}


@pytest.mark.parametrize("call", [["audit"], ["verify"], ["scan"], ["report", "--out", os.devnull]])
def test_every_verb_ends_in_words(empty: Server, call: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*call, "--database", empty.conninfo(COPY, OPERATOR)]) in (1, 3)
    said = capsys.readouterr().err
    assert said.startswith("qt001-cp: ")
    assert "hint: " in said
