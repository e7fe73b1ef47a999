"""``op.run_change(__file__, revision, down_revision, "forward")``: what the revision of a change runs, and prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alembic.operations import MigrateOperation, Operations

from qt001_cp.emit.change import run_change
from qt001_cp.model.change import Way, read_change
from qt001_cp.ops import arguments
from qt001_cp.ops.directives import BeginScriptOp, GuardOp, ScriptSettingsOp
from qt001_cp.ops.verbatim import emit
from qt001_cp.sql.build import structures

_STAGE = "fix7c"
STEPS = ("change_begin", "run_change", "change_end")


@Operations.register_operation("run_change")
class RunChangeOp(MigrateOperation):
    """The whole script of one way of a change. ``file``: the revision's; ``down_revision``: the change before it, if any."""

    def __init__(self, file: str, revision: str, down_revision: str | None, way: Way) -> None:
        self.change = read_change(Path(file).with_name(f"{revision}.py"))
        self.way = way
        self.leads_to = revision if way == "forward" else down_revision or _STAGE

    @classmethod
    def run_change(cls, operations: Operations, file: str, revision: str, down_revision: str | None, way: Way) -> None:
        operations.invoke(cls(file, revision, down_revision, way))

    def sql(self) -> Sequence[str]:
        script = f"{'upgrade' if self.way == 'forward' else 'downgrade'} change {self.change.revision}"
        return [
            *ScriptSettingsOp(**arguments.timeouts()).sql(),
            *BeginScriptOp(script, self.leads_to).sql(),
            *GuardOp("change_begin", self.change.body(), self.way).sql(),
            run_change(self.change, self.way),
            *GuardOp("change_end").sql(),
            *GuardOp("finish_run", script, STEPS, structures()[_STAGE]).sql(),
        ]


@Operations.implementation_for(RunChangeOp)
def _run(operations: Operations, op: RunChangeOp) -> None:
    for text in op.sql():
        emit(operations, text)
