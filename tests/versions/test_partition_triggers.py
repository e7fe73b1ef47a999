"""The trigger that a partition has from its parent's: before 15 the server calls it internal, and it runs all the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from qt001_cp.audit.queries import rows
from qt001_cp.catalog.reach import read_reach
from tests.conftest import Stage

PARTITIONED = """
CREATE FUNCTION public.zz_low(x int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION public.zz_note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TABLE public.zz_other (id int PRIMARY KEY);
CREATE TABLE public.zz_whole (id int REFERENCES public.zz_other, UNIQUE (id) DEFERRABLE) PARTITION BY RANGE (id);
CREATE TRIGGER zz_plain AFTER INSERT ON public.zz_whole FOR EACH ROW
    WHEN (public.zz_low(NEW.id)) EXECUTE FUNCTION public.zz_note();
CREATE CONSTRAINT TRIGGER zz_late AFTER UPDATE ON public.zz_whole DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION public.zz_note();
CREATE TABLE public.zz_part PARTITION OF public.zz_whole FOR VALUES FROM (1) TO (10)
"""
TRIGGERS = {"trigger zz_plain", "trigger zz_late"}


@pytest.fixture
def partitioned(at_fix7c_done: Stage) -> Iterator[psycopg.Connection]:
    with at_fix7c_done.connect() as connection:
        for statement in PARTITIONED.split(";\n"):
            connection.execute(statement.encode())
        yield connection


@pytest.mark.parametrize("table", ["zz_whole", "zz_part"])
def test_expressions_of_the_catalogs(partitioned: psycopg.Connection, table: str) -> None:
    query = f"SELECT place, tree FROM qt001_cp.v_expression WHERE objid = 'public.{table}'::regclass AND place LIKE 'trigger zz%'"
    found: dict[str, str] = dict(partitioned.execute(query.encode()).fetchall())
    assert set(found) == TRIGGERS
    low = partitioned.execute("SELECT ':funcid ' || 'public.zz_low(int)'::regprocedure::oid").fetchone()
    assert low is not None
    assert low[0] in found["trigger zz_plain"]


@pytest.mark.parametrize("table", ["zz_whole", "zz_part"])
def test_definition_of_the_table(partitioned: psycopg.Connection, table: str) -> None:
    row = partitioned.execute(
        "SELECT definition FROM qt001_cp.live_object('directus', true) WHERE identity = %s", [f"public.{table}"]
    ).fetchone()
    assert row is not None
    triggers = [line for line in row[0].splitlines() if line.startswith("trigger ")]
    assert [re.findall("TRIGGER (\\w+) ", line) for line in triggers] == [["zz_late"], ["zz_plain"]]
    assert "internal triggers not enabled" not in row[0]
    partitioned.execute(f"ALTER TABLE public.{table} DISABLE TRIGGER zz_plain".encode())
    again = partitioned.execute(
        "SELECT definition FROM qt001_cp.live_object('directus', true) WHERE identity = %s", [f"public.{table}"]
    ).fetchone()
    assert again is not None
    assert again != row


@pytest.mark.parametrize("table", ["zz_whole", "zz_part"])
def test_edges_to_the_function(partitioned: psycopg.Connection, table: str) -> None:
    reasons = {
        reason for source, target, reason in read_reach(partitioned)
        if source == ("table", f"public.{table}") and target == ("function", "public.zz_note()")
    }  # fmt: skip  # the triple in one line
    assert "trigger zz_plain" in reasons
    assert reasons & {"trigger zz_late", "constraint zz_late"}
    assert None not in reasons


def test_the_audits_own_reading(partitioned: psycopg.Connection) -> None:
    found = {(r["from_identity"], r["to_identity"]) for r in rows(partitioned, "depends.sql")}
    for table in ("public.zz_whole", "public.zz_part"):
        assert (table, "public.zz_note()") in found
