"""Each cell of docs/kinds-matrix.md: kind × listed, transferred, taken, restored, verified, on this server.

The answers are the server's own: the owner column of its catalog, has_*_privilege, the lines of pg_dump. A run compares
them with tests/kinds/results/<major>.json; QT001_WRITE_RESULTS=yes writes that file anew, then run tests.kinds.matrix_page.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qt001_cp.model.kinds import BY_KEY
from qt001_cp.model.roles import OWNER
from tests.conftest import Stage
from tests.kinds.examples import EXAMPLES, Example
from tests.kinds.matrix_page import PAGE, RESULTS, page, results
from tests.kinds.test_every_kind import seal_every_kind

pytestmark = pytest.mark.slow

APPLICATION = "directus"
LETTERS = {
    "datacl": "d",
    "spcacl": "t",
    "nspacl": "n",
    "proacl": "f",
    "typacl": "T",
    "lanacl": "l",
    "lomacl": "L",
    "srvacl": "S",
    "fdwacl": "F",
}
"""What acldefault() calls the catalogs' kinds (PostgreSQL documentation, "Access Privilege Inquiry Functions")."""


def _ask(connection: psycopg.Connection, query: str, *values: Any) -> Any:
    row = connection.execute(query.encode(), values or None).fetchone()
    return None if row is None else row[0] if len(row) == 1 else row


def _row(connection: psycopg.Connection, e: Example) -> Any:
    """Owner and ACL, as the catalog has them; no ACL is its default (acldefault), the order of the entries says nothing."""
    letter = (
        "CASE o.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\""
        if e.catalog == "pg_class"
        else f"'{LETTERS.get(e.acl, '')}'"
    )
    full = e.acl if e.acl in ("NULL", "defaclacl") else f"coalesce(o.{e.acl}, acldefault({letter}, o.{e.owner}))"
    acl = f"ARRAY(SELECT x::text FROM unnest({full}) x ORDER BY 1)" if e.acl != "NULL" else "NULL"
    return _ask(
        connection, f"SELECT pg_get_userbyid(o.{e.owner})::text, {acl} FROM pg_catalog.{e.catalog} o WHERE {e.where}"
    )


def _identified(connection: psycopg.Connection, e: Example) -> tuple[int, str, str]:
    """What PostgreSQL calls it: number, kind and identity."""
    classid = "pg_largeobject" if e.catalog == "pg_largeobject_metadata" else e.catalog
    number, kind, identity = _ask(
        connection,
        f"SELECT o.oid, i.type, i.identity FROM pg_catalog.{e.catalog} o,"
        f" pg_identify_object('{classid}'::regclass, o.oid, 0) i WHERE {e.where}",
    )
    return number, kind, identity


def _holds(connection: psycopg.Connection, e: Example, oid: int) -> bool:
    return any(_ask(connection, f"SELECT {e.ask}(%s::name, %s::oid, %s)", APPLICATION, oid, p) for p in e.privileges)


def _drifts(connection: psycopg.Connection, kind: str, e: Example, identity: str) -> bool:
    """Given back to the application by hand it is told, by its name; rolled back."""
    with connection.transaction(force_rollback=True):
        if kind == "default acl":
            connection.execute('ALTER DEFAULT PRIVILEGES FOR ROLE "kinds third" GRANT INSERT ON TABLES TO directus')
        elif kind == "foreign-data wrapper":
            connection.execute("GRANT USAGE ON FOREIGN DATA WRAPPER kinds_wrapper TO directus WITH GRANT OPTION")
        elif _row(connection, e)[0] == APPLICATION:
            connection.execute(f"ALTER {e.alter} OWNER TO qt001_dba".encode())
        else:
            connection.execute(f"ALTER {e.alter} OWNER TO directus".encode())
        said = connection.execute("SELECT object FROM qt001_cp.drift() UNION ALL SELECT object FROM qt001_cp.told()")
        return any(identity in row[0] for row in said)


@pytest.fixture
def tablespace(with_every_kind: Stage) -> Any:
    """The one kind that is outside the database: a tablespace of the application."""
    with with_every_kind.connect() as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute("CREATE TABLESPACE kinds_space OWNER directus LOCATION ''")
        connection.execute('GRANT CREATE ON TABLESPACE kinds_space TO PUBLIC, "kinds third"')
        if not BY_KEY["subscription"].refusal(with_every_kind.scene.server.version // 10000):
            connection.execute("ALTER SUBSCRIPTION kinds_subscription OWNER TO directus")
    yield with_every_kind
    with with_every_kind.connect() as connection:
        connection.execute("DROP TABLESPACE kinds_space")


def measured(stage: Stage) -> dict[str, dict[str, str]]:
    """The way there and back, with a look at every example at each stop."""
    found: dict[str, dict[str, str]] = {kind: {} for kind in EXAMPLES}
    seal_every_kind(stage)
    with stage.connect() as connection:
        names = {kind: _identified(connection, e) for kind, e in EXAMPLES.items()}
        before = {kind: _row(connection, e) for kind, e in EXAMPLES.items()}
        held = {kind: _holds(connection, e, names[kind][0]) for kind, e in EXAMPLES.items()}
        listed = {
            (r[0], r[1])
            for r in connection.execute("SELECT kind, identity FROM qt001_cp.live_object('directus', true, true)")
        }
    dump = set(stage.scene.dump_without_ledger("--create").splitlines())
    stage.upgrade("fix7b", rehearsal="first")
    with stage.connect() as connection:
        for kind, e in EXAMPLES.items():
            oid, its_kind, identity = names[kind]
            owner = _row(connection, e)
            cells = found[kind]
            cells["listed"] = "yes" if (its_kind, identity) in listed else "no"
            moved = owner is None or owner != before[kind] if kind == "default acl" else owner[0] == OWNER.name
            cells["transferred"] = "yes" if moved else "stays"
            cells["taken"] = (
                "–" if not moved or not e.ask or not held[kind] else "no" if _holds(connection, e, oid) else "yes"
            )
            known = before[kind][0] == APPLICATION or kind in ("default acl", "foreign-data wrapper")
            cells["verified"] = "–" if not known else "yes" if _drifts(connection, kind, e, identity) else "no"
    stage.downgrade("fix7a")
    again = set(stage.scene.dump_without_ledger("--create").splitlines())
    with stage.connect() as connection:
        for kind, e in EXAMPLES.items():
            same = _row(connection, e) == before[kind] and again == dump
            found[kind]["restored"] = "–" if found[kind]["transferred"] == "stays" else "yes" if same else "no"
    return found


def test_every_cell_is_as_recorded(tablespace: Stage) -> None:
    major = tablespace.scene.server.version // 10000
    found = measured(tablespace)
    if os.environ.get("QT001_WRITE_RESULTS") == "yes":
        Path(RESULTS, f"{major}.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    assert found == results()[major]
    for kind, cells in found.items():
        assert "no" not in cells.values(), f"{kind}: {cells}"
        assert (cells["transferred"] == "yes") == (not BY_KEY[kind].refusal(major)), f"{kind}: {cells}"


def test_every_kind_has_an_example() -> None:
    assert set(EXAMPLES) == set(BY_KEY)


def test_the_matrix_page_is_made_of_the_results() -> None:
    assert PAGE.read_text("utf-8") == page()
