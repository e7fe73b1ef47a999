"""The source's tablespaces in the clone: in place, with the owner, the options, the comment and the ACL of the original."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg import sql

from qt001_cp.emit.statements import statement
from qt001_cp.model.acl import acl_from_json
from qt001_cp.model.inventory import State
from qt001_cp.model.names import ObjectRef, Role
from qt001_cp.plan.step_plans import plan_correction
from qt001_cp.rehearsal.clone.report import CloneReport


def make_tablespaces(connection: psycopg.Connection, wanted: Iterable[Mapping[str, Any]], report: CloneReport) -> None:
    """``wanted``: as properties.sql has read them. What the server refuses is told."""
    for space in wanted:
        name, owner = space["name"], Role(space["owner"])
        try:
            connection.execute("SET allow_in_place_tablespaces = on")
            create = sql.SQL("CREATE TABLESPACE {} OWNER {} LOCATION ''")
            connection.execute(create.format(sql.Identifier(name), sql.Identifier(owner.name)))
            for key, value in space["options"].items():
                option = sql.SQL("ALTER TABLESPACE {} SET ({} = {})")
                connection.execute(option.format(sql.Identifier(name), sql.Identifier(key), sql.Literal(value)))
            if space["comment"] is not None:
                comment = sql.SQL("COMMENT ON TABLESPACE {} IS {}")
                connection.execute(comment.format(sql.Identifier(name), sql.Literal(space["comment"])))
            live = State(owner, acl_from_json([[owner.name, owner.name, "CREATE", False]]))
            way = plan_correction(f"tablespace {name}", live, State(owner, acl_from_json(space["acl"])))
            for step in way.post:
                with connection.transaction():
                    connection.execute(statement(ObjectRef("tablespace", name, None, name, None, None), step).encode())
        except psycopg.Error as exc:
            report.lack(
                f"tablespace {name}",
                exc.diag.message_primary or str(exc),
                "what lies in it lies elsewhere in the clone",
            )
