"""One step, one line of SQL. ``qt001_cp.implied_statement`` renders the same text inside PostgreSQL, independently.

Source: PostgreSQL documentation, GRANT, REVOKE, ALTER DEFAULT PRIVILEGES, and ALTER … OWNER TO of each kind.
"""

from __future__ import annotations

from qt001_cp.emit.quoting import grantee, identifier, number, operator, qualified, role, type_name
from qt001_cp.errors import ManifestError
from qt001_cp.model import kinds
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.names import ObjectRef, Role
from qt001_cp.model.steps import AclStep, ChangeOwner, Grant, Step
from qt001_cp.plan.order import Direction, ordered


def statements(manifest: ObjectManifest, direction: Direction) -> tuple[str, ...]:
    """All statements of one direction, in order, each on one line and ended by a semicolon."""
    return tuple(statement(p.object.ref, p.step, p.object.detail) for p in ordered(manifest, direction))


def statement(ref: ObjectRef, step: Step, detail: object = None) -> str:
    """One step as SQL. A step whose grantor is not the owner is done as that grantor."""
    if isinstance(step, ChangeOwner):
        noun = kinds.BY_KEY[ref.kind].alter
        if noun is None:
            raise ManifestError(f"{ref} has no ALTER … OWNER statement")
        return f"ALTER {noun} {address(ref)} OWNER TO {role(step.new)};"
    text = _default_privileges(ref, step, detail) if ref.kind == "default acl" else _privileges(ref, step)
    if step.set_role:
        return f"SET LOCAL ROLE {role(step.grantor)}; {text} RESET ROLE;"
    return text


def address(ref: ObjectRef) -> str:
    """The object as a statement names it; how stands in the table of kinds. The SQL twin is ``qt001_cp.address``."""
    form = kinds.BY_KEY[ref.kind].address
    if form == "name":
        return identifier(ref.name)
    if form == "number":
        return number(ref.name)
    if form == "operator":
        left, right = (type_name(a) if a is not None else "NONE" for a in ref.args or (None, None))
        return f"{identifier(ref.qualified.schema)}.{operator(ref.name)} ({left}, {right})"
    if form in ("routine", "in routine"):
        mode = "IN " if form == "in routine" else ""
        return f"{qualified(ref.qualified)}({', '.join(mode + type_name(a) for a in ref.args or () if a is not None)})"
    if form == "method":
        return f"{qualified(ref.qualified)} USING {identifier(ref.method or '')}"
    return qualified(ref.qualified)


def _privileges(ref: ObjectRef, step: AclStep) -> str:
    noun = kinds.BY_KEY[ref.kind].grant
    if noun is None:
        raise ManifestError(f"{ref} has no GRANT statement")
    column = f" ({identifier(step.column)})" if step.column is not None else ""
    listed = ", ".join(p + column for p in step.privileges)
    return _verb(step, listed, f"{noun} {address(ref)}")


def _default_privileges(ref: ObjectRef, step: AclStep, detail: object) -> str:
    if not isinstance(detail, dict) or "on" not in detail:
        raise ManifestError(f"{ref}: the manifest does not say what the default privileges are on")
    space = f" IN SCHEMA {identifier(ref.schema)}" if ref.schema is not None else ""
    head = f"ALTER DEFAULT PRIVILEGES FOR ROLE {role(Role(ref.name))}{space} "
    return head + _verb(step, ", ".join(step.privileges), detail["on"])


def _verb(step: AclStep, listed: str, target: str) -> str:
    if isinstance(step, Grant):
        option = " WITH GRANT OPTION" if step.grantable else ""
        return f"GRANT {listed} ON {target} TO {grantee(step.grantee)}{option};"
    return f"REVOKE {listed} ON {target} FROM {grantee(step.grantee)};"
