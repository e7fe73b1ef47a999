"""The one catalog query, the body of ``qt001_cp.live_object``, as text: it also runs where FIX7a is not deployed."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final

from qt001_cp.errors import ManifestError
from qt001_cp.model.kinds import CATALOGS
from qt001_cp.sql.render import definitions as worded
from qt001_cp.sql.render import fill, listed

_FILE: Final = "20_live_object.sql"

ALL: Final = frozenset(c.table for c in CATALOGS if c.seldom)
"""Every catalog that most databases have nothing in."""


@cache
def settings() -> str:
    """What the function pins for itself, for the transaction that runs its body."""
    head, _, _ = _source().partition("AS $live_object$")
    clauses = fill(head, _FILE)
    return "; ".join(f"SET LOCAL {found}" for found in re.findall(r"^SET (.*)$", clauses, re.MULTILINE))


@cache
def seldom() -> str:
    """A query for the names of those of the seldom catalogs that hold something of this database, or whose objects somebody
    has a privilege on."""
    asked = " UNION ALL ".join(
        f"SELECT '{c.table}' WHERE EXISTS (SELECT 1 FROM pg_catalog.{c.table} o WHERE {c.seldom})"
        + ("" if c.seldom == "true" else f" OR '{c.class_name}'::regclass IN (SELECT n.classid FROM noted n)")
        for c in CATALOGS
        if c.seldom
    )
    classes = ", ".join(f"'{c.class_name}'::regclass" for c in CATALOGS if c.seldom and c.seldom != "true")
    return (
        "WITH noted AS MATERIALIZED (SELECT DISTINCT s.classid FROM pg_catalog.pg_shdepend s"
        " WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())"
        f" AND s.classid IN ({classes})) SELECT ARRAY({asked})"
    )


@cache
def query(there: frozenset[str], *, definitions: bool = True) -> str:
    """The body as a table ``live_object``. $1 to $5: application, everything, definitions, numbers, storages.

    ``there``: what :func:`seldom` found. The parts for the other seldom catalogs, where not one row is, are left out, and
    without ``definitions`` all that words one: the server would read and plan them for nothing.
    """
    source = _source()
    header = re.search(r"RETURNS TABLE \((.*?)\)\nLANGUAGE", source, re.DOTALL)
    body = re.search(r"\$live_object\$\n(.*)\n\$live_object\$", source, re.DOTALL)
    if header is None or body is None:
        raise ManifestError(f"{_FILE} has lost its body")
    catalogs = [c for c in CATALOGS if not c.seldom or c.table in there]
    words = worded(catalogs) if definitions else "NULL::text[]"
    text = body.group(1).replace("{listed}", listed(catalogs)).replace("{definitions}", words)
    columns = ", ".join(part.split()[0] for part in header.group(1).split(","))
    return f"({fill(text, _FILE)}) live_object ({columns})"


@cache
def _source() -> str:
    return resources.files("qt001_cp.sql").joinpath("fix7a", _FILE).read_text("utf-8")
