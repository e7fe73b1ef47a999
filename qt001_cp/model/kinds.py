"""One table for all kinds of object: how each is named in SQL, and whether it can be transferred.

``key`` is the type word of ``pg_identify_object``. Everything else that needs a list of kinds derives from this one:
the emitter, the policy's schema, the rows of ``qt001_cp.object_kind`` inside the database.

Source: PostgreSQL documentation, the ALTER … OWNER TO page of each kind, GRANT, and "Privileges" (5.8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    ``alter``/``grant`` are the words after ALTER and after ON, or None where PostgreSQL has no such statement or
    this release does not emit it (``why`` says which). ``relation`` marks what takes ACCESS EXCLUSIVE when its owner
    changes: those come last. ``container`` marks what others are looked up in: its privileges go last and come
    back first.
    """

    key: str
    alter: str | None = None
    grant: str | None = None
    relation: bool = False
    container: bool = False
    privileges: tuple[str, ...] = ()
    why: str = ""

    @property
    def transferable(self) -> bool:
        return not self.why


_TABLE = ("INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
_LATER = "this release has no ALTER … OWNER statement for the kind; it can only be retained"

KINDS: Final = (
    Kind("database", "DATABASE", "DATABASE", container=True, privileges=("CREATE", "TEMPORARY", "CONNECT")),
    Kind("schema", "SCHEMA", "SCHEMA", container=True, privileges=("USAGE", "CREATE")),
    Kind("table", "TABLE", "TABLE", relation=True, privileges=_TABLE),
    Kind("view", "VIEW", "TABLE", relation=True, privileges=_TABLE),
    Kind("materialized view", "MATERIALIZED VIEW", "TABLE", relation=True, privileges=_TABLE),
    Kind("foreign table", "FOREIGN TABLE", "TABLE", relation=True, privileges=_TABLE),
    Kind("sequence", "SEQUENCE", "SEQUENCE", relation=True, privileges=("SELECT", "UPDATE", "USAGE")),
    Kind("function", "FUNCTION", "FUNCTION", privileges=("EXECUTE",)),
    Kind("procedure", "PROCEDURE", "PROCEDURE", privileges=("EXECUTE",)),
    Kind("aggregate", "ROUTINE", "ROUTINE", privileges=("EXECUTE",)),
    Kind("type", "TYPE", "TYPE", privileges=("USAGE",)),
    Kind("default acl"),
    Kind("collation", why=_LATER),
    Kind("conversion", why=_LATER),
    Kind("operator", why=_LATER),
    Kind("operator class", why=_LATER),
    Kind("operator family", why=_LATER),
    Kind("text search configuration", why=_LATER),
    Kind("text search dictionary", why=_LATER),
    Kind("statistics object", why=_LATER),
    Kind("language", why=_LATER),
    Kind("large object", why=_LATER),
    Kind("foreign-data wrapper", why=_LATER),
    Kind("server", why=_LATER),
    Kind("event trigger", why=_LATER),
    Kind("publication", why=_LATER),
    Kind("extension", why="an extension has no ALTER … OWNER statement"),
)

BY_KEY: Final = {kind.key: kind for kind in KINDS}
BITS: Final = (
    "INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "EXECUTE", "USAGE", "CREATE",
    "TEMPORARY", "CONNECT", "SET", "ALTER SYSTEM", "MAINTAIN",
)  # fmt: skip
"""All privileges in the order in which ``aclexplode`` lists them within one entry (utils/acl.h)."""
COLUMN_PRIVILEGES: Final = ("SELECT", "INSERT", "UPDATE", "REFERENCES")
ROUTINES: Final = frozenset({"function", "procedure", "aggregate"})
RELATIONS: Final = frozenset(kind.key for kind in KINDS if kind.relation)
