"""``alembic check``: drift from the sealed manifest, asked of PostgreSQL, told as operations."""

from __future__ import annotations

from typing import Any, Final

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import MigrateOperation, UpgradeOps
from alembic.runtime.plugins import Plugin
from alembic.util import PriorityDispatchResult

PLUGIN: Final = "qt001_cp.drift"


class DriftOp(MigrateOperation):
    """One deviation of the live database from the sealed object manifest. It is a finding, not something to run."""

    def __init__(self, obj: str, expected: str, found: str) -> None:
        self.obj, self.expected, self.found = obj, expected, found

    def reverse(self) -> DriftOp:
        return self

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("drift", self.obj, f"expected {self.expected}", f"found {self.found}")


@renderers.dispatch_for(DriftOp)
def render(_context: AutogenContext, op: DriftOp) -> list[str]:
    """``alembic revision --autogenerate``: drift is told, not undone; nobody's database is repaired by a guess."""
    return [f"# drift: {op.obj}: expected {op.expected}, found {op.found}".replace("\n", " "), "pass"]


def compare(context: AutogenContext, upgrade_ops: UpgradeOps) -> PriorityDispatchResult:
    """Add a :class:`DriftOp` for each deviation. Nothing where FIX7a is not deployed or nothing is sealed."""
    connection = context.connection
    if connection is None:
        return PriorityDispatchResult.CONTINUE
    deployed = connection.exec_driver_sql("SELECT pg_catalog.to_regprocedure('qt001_cp.drift()') IS NOT NULL").scalar()
    if deployed:
        rows = connection.exec_driver_sql("SELECT object, expected, found FROM qt001_cp.drift()")
        upgrade_ops.ops.extend(DriftOp(*row) for row in rows)
    return PriorityDispatchResult.CONTINUE


_plugin = Plugin(PLUGIN)
_plugin.add_autogenerate_comparator(compare, "autogenerate")
