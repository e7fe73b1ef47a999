"""A call of a routine of the apply path that gets as far as its first statement, whatever its arguments are."""

from __future__ import annotations

from qt001_cp.emit.quoting import qualified, type_name
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.names import Role, TypeName

_VALUES = {
    "json": "'{}'", "jsonb": "'{}'", "text": "''", "varchar": "''", "bpchar": "''", "bool": "false", "bytea": "''",
    "int2": "0", "int4": "0", "int8": "0", "numeric": "0", "float4": "0", "float8": "0", "date": "'2000-01-01'",
    "timestamp": "'2000-01-01'", "timestamptz": "'2000-01-01Z'", "uuid": "'00000000-0000-0000-0000-000000000000'",
}  # fmt: skip  # pairs, not one a line


def call_of(manifest: ObjectManifest, part: str) -> tuple[str | None, str]:
    """Who may call that part of the apply path after the cutover (None: only a superuser), and the statement.

    A strict routine is not run at all for a NULL, so arguments get a value where their type has an obvious one.
    """
    found = next(o for o in manifest.transferred if o.ref.identity == manifest.path[part])
    after = found.after or found.before
    callers = sorted(
        {
            i.grantee.name
            for i in after.acl
            if i.privilege == "EXECUTE" and isinstance(i.grantee, Role) and i.grantee != after.owner
        }
    )
    arguments = ", ".join(_value(a) for a in found.ref.args or () if a is not None)
    name = qualified(found.ref.qualified)
    word = "CALL" if found.ref.kind == "procedure" else "SELECT"
    return (callers[0] if callers else None), f"{word} {name}({arguments})"


def _value(a: TypeName) -> str:
    value = "'{}'" if a.array else _VALUES.get(a.name, "NULL") if a.schema == "pg_catalog" else "NULL"
    return f"{value}::{type_name(a)}"
