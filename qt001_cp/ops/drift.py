"""``alembic check`` and ``--autogenerate``: drift from the sealed manifest, asked of PostgreSQL, told as operations.

What statements can mend becomes the operations that mend it: transfers of owner, GRANT, REVOKE. What they cannot (an
object gone, new or redefined) is a :class:`DriftOp`, which raises when a revision that holds it is run.
Source: Alembic documentation, "Customizing Autogenerate": comparators, renderers, ``MigrateOperation.reverse``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import UpgradeOps
from alembic.runtime.plugins import Plugin
from alembic.util import PriorityDispatchResult

from qt001_cp.errors import NotRestorable, Refused
from qt001_cp.model.inventory import State, ref_from_json
from qt001_cp.model.names import ObjectRef
from qt001_cp.model.steps import Revoke
from qt001_cp.ops.directives import GrantPrivilegesOp, RevokePrivilegesOp, TransferOwnershipOp
from qt001_cp.plan.step_plans import plan_correction

PLUGIN: Final = "qt001_cp.drift"
_IMPORTS: Final = (
    "import qt001_cp.ops",
    "from qt001_cp.model.names import ObjectRef, Public, Role, TypeName",
    "from qt001_cp.model.steps import Grant, Revoke",
)


@Operations.register_operation("drift")
class DriftOp(MigrateOperation):
    """``op.drift(object, expected, found)``: a deviation that no statement of ours mends; running it raises QT102."""

    def __init__(self, obj: str, expected: str, found: str) -> None:
        self.obj, self.expected, self.found = obj, expected, found

    @classmethod
    def drift(cls, operations: Operations, obj: str, expected: str, found: str) -> None:
        operations.invoke(cls(obj, expected, found))

    def reverse(self) -> DriftOp:
        return self

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("drift", self.obj, f"expected {self.expected}", f"found {self.found}")


@Operations.implementation_for(DriftOp)
def _refuse(_operations: Operations, op: DriftOp) -> None:
    raise Refused(
        f"{op.obj}: expected {op.expected}, found {op.found}: no statement of this project mends it",
        sqlstate="QT102",
        hint="put it back by hand, or generate, diff and seal a new manifest; then take op.drift out of the revision",
    )


@renderers.dispatch_for(DriftOp)
def _render_drift(context: AutogenContext, op: DriftOp) -> list[str]:
    return [_call(context, "drift", op.obj, op.expected, op.found)]


@renderers.dispatch_for(TransferOwnershipOp)
def _render_transfer(context: AutogenContext, op: TransferOwnershipOp) -> list[str]:
    return [_call(context, "transfer_ownership", op.ref, op.step.old, op.step.new)]


@renderers.dispatch_for(GrantPrivilegesOp)
def _render_grant(context: AutogenContext, op: GrantPrivilegesOp) -> list[str]:
    return [_call(context, "grant_privileges", op.ref, op.step, detail=op.detail)]


@renderers.dispatch_for(RevokePrivilegesOp)
def _render_revoke(context: AutogenContext, op: RevokePrivilegesOp) -> list[str]:
    return [_call(context, "revoke_privileges", op.ref, op.step, grantable=op.grantable, detail=op.detail)]


def _call(context: AutogenContext, name: str, *values: object, **named: object) -> str:
    """One line of a revision. The values are frozen data whose repr is the expression that makes them."""
    context.imports.update(_IMPORTS)
    given = [repr(v) for v in values] + [f"{k}={v!r}" for k, v in named.items() if v]
    return f"{context.opts['alembic_module_prefix']}{name}({', '.join(given)})"


def compare(context: AutogenContext, upgrade_ops: UpgradeOps) -> PriorityDispatchResult:
    """Add the operations that lead back to the sealed state. None where FIX7a is not deployed or nothing is sealed."""
    connection = context.connection
    if connection is None:
        return PriorityDispatchResult.CONTINUE
    deployed = connection.exec_driver_sql("SELECT pg_catalog.to_regprocedure('qt001_cp.drift()') IS NOT NULL").scalar()
    if deployed:
        rows = connection.exec_driver_sql("SELECT object, expected, found, aspect FROM qt001_cp.drift()").all()
        hopeless: set[str] = set()
        for row in connection.exec_driver_sql("SELECT object, live, sealed FROM qt001_cp.drifted_state()"):
            try:
                upgrade_ops.ops.extend(correction(*row))
            except NotRestorable:
                hopeless.add(str(ref_from_json(row[0])))
        upgrade_ops.ops.extend(
            DriftOp(obj, expected, found) for obj, expected, found, aspect in rows if aspect != "acl" or obj in hopeless
        )
    return PriorityDispatchResult.CONTINUE


def correction(
    obj: Mapping[str, Any], live: Mapping[str, Any], sealed: Mapping[str, Any]
) -> list[TransferOwnershipOp | RevokePrivilegesOp | GrantPrivilegesOp]:
    """The operations from ``live`` to ``sealed``, both as in the manifest. Raises :class:`NotRestorable`."""
    ref = ref_from_json(obj)
    now = State.from_json(live)
    plan = plan_correction(str(ref), now, State.from_json(sealed))
    ops: list[TransferOwnershipOp | RevokePrivilegesOp | GrantPrivilegesOp] = []
    if plan.owner is not None and obj["follows"] is None:
        ops.append(TransferOwnershipOp(ref, plan.owner.old, plan.owner.new))
    for step in plan.post:
        if isinstance(step, Revoke):
            ops.extend(_revokes(ref, step, now, obj["detail"]))
        else:
            ops.append(GrantPrivilegesOp(ref, step, detail=obj["detail"]))
    return ops


def _revokes(ref: ObjectRef, step: Revoke, now: State, detail: object) -> list[RevokePrivilegesOp]:
    """One operation for what was grantable and one for what was not, so that each can be reversed."""
    level = now.acl if step.column is None else next((c.acl for c in now.columns if c.column == step.column), ())
    option = {i.privilege: i.grantable for i in level if (i.grantor, i.grantee) == (step.grantor, step.grantee)}
    parts = [(g, tuple(p for p in step.privileges if option.get(p, False) is g)) for g in (False, True)]
    return [
        RevokePrivilegesOp(ref, replace(step, privileges=listed), grantable=grantable, detail=detail)
        for grantable, listed in parts
        if listed
    ]


_plugin = Plugin(PLUGIN)
_plugin.add_autogenerate_comparator(compare, "autogenerate")
