"""The estate as it is after the cutover: what the application role reaches, and what was taken from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import psycopg

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.emit.quoting import identifier
from qt001_cp.errors import DatabaseProblem
from qt001_cp.model.inventory import Inventory, InventoryObject
from qt001_cp.model.names import Role
from qt001_cp.model.roles import DUTIES, Pair
from qt001_cp.workflow.refusal import refusals

PROTECTED: Final = "protected"
"""The first word of ``why`` of what the control plane's owner owns."""
_OWNER: Final = """
SELECT owner.rolname::text FROM pg_catalog.pg_namespace n
JOIN pg_catalog.pg_auth_members half ON half.member = n.nspowner
JOIN pg_catalog.pg_roles owner ON owner.oid = half.roleid
WHERE n.nspname = 'qt001_cp' AND owner.rolname <> ALL (%s)
  AND owner.oid IN (SELECT entry.grantee FROM pg_catalog.aclexplode(n.nspacl) entry)
"""
"""As the bootstrap has made it: what the ledger role, whose schema qt001_cp is, is a member of beside the duties. Anybody may see it."""
_OWNS: Final = """
SELECT EXISTS (
    SELECT 1 FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.deptype = 'o' AND r.rolname = %s
      AND d.dbid = (SELECT b.oid FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database()))
"""
_GONE: Final = """
SELECT known.name FROM (VALUES (qt001_cp.application_role()::text), (qt001_cp.configured_pair() ->> 'owner')) known(name)
WHERE known.name IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles r WHERE r.rolname = known.name) LIMIT 1
"""
_NOW: Final = """
SELECT r.rolname::text FROM qt001_cp.v_event e CROSS JOIN LATERAL jsonb_array_elements(e.detail #> '{names,names}') named
JOIN pg_catalog.pg_roles r ON r.oid::text = named ->> 2
WHERE e.verb = 'sealed' AND named ->> 0 = 'role' AND named ->> 1 = %s ORDER BY e.seq DESC LIMIT 1
"""
_MAY_ASK: Final = """
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
               WHERE n.nspname = 'qt001_cp' AND c.relname = 'event' AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))
"""


def is_cut_over(opened: psycopg.Connection) -> bool:
    """Whether a cutover is in force. A login without a duty cannot ask for the stage: what the control plane's owner owns says it."""
    if _may_ask(opened):
        with refusals():
            return bool(_value(opened, "SELECT qt001_cp.stage() <> 'fix7a'"))
    return _owning(opened) is not None


def require_not_cut_over(opened: psycopg.Connection) -> None:
    """A manifest plans a cutover from what the application role owns. Raises :class:`DatabaseProblem` where one is in force."""
    if is_cut_over(opened):
        raise DatabaseProblem(
            f"database {opened.info.dbname}: expected no cutover in force, found one: what a manifest would transfer is the"
            f" control plane's already",
            hint="what is protected changes by a change: qt001-cp change new NAME (docs/changes.md); qt001-cp inventory shows the estate"
            " as it is now, qt001-cp status the manifest that is deployed",
        )


def require_names(opened: psycopg.Connection) -> None:
    """The application role that FIX7a recorded, and the owner role, are roles of these names. Raises :class:`DatabaseProblem` with the
    statement that gives one its name back."""
    if not _may_ask(opened):
        return
    with refusals():
        gone = _value(opened, _GONE)
        now = _value(opened, _NOW, gone) if gone else None
    if gone:
        found = f"role {now}, which is it by another name" if now else "no role of this name"
        hint = f"ALTER ROLE {identifier(now)} RENAME TO {identifier(gone)};" if now else "qt001-cp status"
        raise DatabaseProblem(f"role {gone}: expected the role of this name, found {found}", hint=hint)


def recorded_application(opened: psycopg.Connection) -> Role | None:
    """The application role of the policy that FIX7a recorded; None where there is no FIX7a, or this login may not ask it. Raises as
    :func:`require_names`."""
    if not _may_ask(opened):
        return None
    require_names(opened)
    with refusals():
        name = _value(opened, "SELECT qt001_cp.application_role()::text")
    return Role(name) if name else None


def owner_role(opened: psycopg.Connection) -> Role | None:
    """The control plane's owner in this database; None where no bootstrap has run."""
    row = opened.execute(_OWNER.encode(), [[duty.name for duty in DUTIES]]).fetchone()
    return Role(row[0]) if row else None


def recorded_pair(opened: psycopg.Connection) -> Pair:
    """Owner and ledger role for which FIX7a was configured in this database."""
    with refusals():
        return Pair.from_json(_value(opened, "SELECT qt001_cp.configured_pair()"))


def _may_ask(opened: psycopg.Connection) -> bool:
    """FIX7a is there, and this login may use its schema."""
    return bool(_value(opened, _MAY_ASK))


def _owning(opened: psycopg.Connection) -> Role | None:
    """The control plane's owner, where it owns something in this database."""
    with opened.transaction():
        opened.execute("SET LOCAL search_path = pg_catalog, pg_temp")
        owner = owner_role(opened)
        return owner if owner is not None and _value(opened, _OWNS, owner.name) else None


def _value(opened: psycopg.Connection, query: str, *given: str) -> Any:
    row = opened.execute(query.encode(), given or None).fetchone()
    return row[0] if row else None


def read_estate(opened: psycopg.Connection, application: Role) -> Inventory:
    """The inventory of ``application``, and where the control plane's owner owns something all of that too, which is why it is
    there. Two snapshots, one after the other. Raises as :func:`read_inventory`.
    """
    reached = read_inventory(opened, application)
    known = {o.ref.key: o for o in reached.objects}
    for o in owned_objects(opened):
        # A curated view is there already, since the application is granted it.
        before = known[o.ref.key].why if o.ref.key in known else ()
        known[o.ref.key] = replace(known.get(o.ref.key, o), why=(PROTECTED, *before))
    return replace(reached, objects=tuple(known[key] for key in sorted(known)))


def owned_objects(opened: psycopg.Connection) -> tuple[InventoryObject, ...]:
    """What the control plane's owner owns; no snapshot is taken where that is nothing. Raises as :func:`read_inventory`."""
    owner = _owning(opened)
    return () if owner is None else tuple(o for o in read_inventory(opened, owner).objects if o.state.owner == owner)
