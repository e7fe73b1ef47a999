"""The inventory: one catalog query, the body of ``qt001_cp.live_object``, on a database that need not have it."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import psycopg

from qt001_cp.errors import DatabaseProblem, ManifestError
from qt001_cp.model import kinds
from qt001_cp.model.acl import ColumnAcl, acl_from_json
from qt001_cp.model.inventory import Inventory, InventoryObject, State, types_from_json
from qt001_cp.model.names import ObjectRef, Role
from qt001_cp.model.versions import require_supported
from qt001_cp.sql.render import fill


def read_inventory(connection: psycopg.Connection, application: Role) -> Inventory:
    """The estate of ``application`` as it is now, in one snapshot, with the search path pinned to pg_catalog.

    Raises :class:`Refused` for an unsupported server, :class:`DatabaseProblem` where the role does not exist.
    """
    require_supported(connection.info.server_version, connection.info.parameter_status("server_version"))
    with connection.transaction(), psycopg.RawCursor(connection) as cursor:
        for setting in _settings():
            cursor.execute(setting)
        cursor.execute(
            "SELECT pg_catalog.current_database(), count(*) FROM pg_catalog.pg_roles WHERE rolname = $1",
            [application.name],
        )
        row = cursor.fetchone()
        if row is None or row[1] == 0:
            raise DatabaseProblem(
                f"role {application.name}: expected the application role of the policy, found no such role",
                hint="name it in the policy: [roles] application = …",
            )
        cursor.execute(_query(), [application.name, False, True])
        names = [c.name for c in cursor.description or ()]
        objects = [_object(dict(zip(names, values, strict=True))) for values in cursor]
    return Inventory(
        row[0],
        connection.info.server_version,
        application,
        tuple(sorted(objects, key=lambda o: o.ref.key)),
    )


@cache
def _source() -> str:
    name = "20_live_object.sql"
    return fill(resources.files("qt001_cp.sql").joinpath("fix7a", name).read_text("utf-8"), name)


@cache
def _settings() -> list[str]:
    """What the function pins for itself, for the transaction that runs its body."""
    head, _, _ = _source().partition("AS $live_object$")
    return [f"SET LOCAL {found}" for found in re.findall(r"^SET (.*)$", head, re.MULTILINE)]


@cache
def _query() -> str:
    source = _source()
    header = re.search(r"RETURNS TABLE \((.*?)\)\nLANGUAGE", source, re.DOTALL)
    body = re.search(r"\$live_object\$\n(.*)\n\$live_object\$", source, re.DOTALL)
    if header is None or body is None:
        raise ManifestError("20_live_object.sql has lost its body")
    columns = ", ".join(part.split()[0] for part in header.group(1).split(","))
    return f"SELECT * FROM ({body.group(1)}) live_object ({columns})"


def _object(row: dict[str, object]) -> InventoryObject:
    args = row["args"]
    acl, columns = row["acl"], row["columns"]
    assert isinstance(acl, list) and isinstance(columns, list)
    if row["kind"] not in kinds.BY_KEY:
        raise DatabaseProblem(
            f"{row['kind']} {row['identity']}: expected a kind of object that this release knows, found {row['kind']}",
            hint="drop the object or take it from the application role, and tell the authors of this release",
        )
    ref = ObjectRef(
        str(row["kind"]),
        str(row["identity"]),
        None if row["schema"] is None else str(row["schema"]),
        str(row["name"]),
        types_from_json(args if isinstance(args, list) else None),
        None if row["method"] is None else str(row["method"]),
    )
    detail, why = row["detail"], row["why"]
    assert isinstance(why, list)
    return InventoryObject(
        ref,
        State(
            Role(str(row["owner"])),
            acl_from_json(acl),
            tuple(ColumnAcl(c["column"], acl_from_json(c["acl"])) for c in columns),
        ),
        bool(row["acl_default"]),
        str(row["definition"]),
        None if row["follows"] is None else str(row["follows"]),
        detail if isinstance(detail, dict) else None,
        tuple(str(w) for w in why),
    )
