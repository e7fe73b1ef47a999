"""``op.run_change(__file__, revision, down_revision, "forward")``: what the revision of a change runs, and prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from alembic.operations import MigrateOperation, Operations

from qt001_cp.emit.change import run_change
from qt001_cp.emit.script import move_steps
from qt001_cp.errors import UsageError
from qt001_cp.model.change import Way, read_change
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.ops import arguments
from qt001_cp.ops.directives import BeginScriptOp, GuardOp, ScriptSettingsOp
from qt001_cp.ops.release import in_force
from qt001_cp.ops.verbatim import emit
from qt001_cp.plan.order import Direction
from qt001_cp.sql.build import BASE, structures

_MOVE: Final[dict[Way, Direction]] = {"forward": "move", "back": "unmove"}
DEPLOYED = ("change_begin", "run_change", "deploy_documents", "change_end")
KEPT = ("keep_change",)


@Operations.register_operation("run_change")
class RunChangeOp(MigrateOperation):
    """The whole script of one way of a change. ``file``: the revision's; ``down_revision``: the change before it, if any."""

    def __init__(self, file: str, revision: str, down_revision: str | None, way: Way) -> None:
        self.change = read_change(Path(file).with_name(f"{revision}.py"))
        self.way = way
        self.leads_to = revision if way == "forward" else down_revision or BASE

    @classmethod
    def run_change(cls, operations: Operations, file: str, revision: str, down_revision: str | None, way: Way) -> None:
        operations.invoke(cls(file, revision, down_revision, way))

    def sql(self, at: str = BASE) -> Sequence[str]:
        """``at``: the product's revision that the database is at."""
        script = f"{'upgrade' if self.way == 'forward' else 'downgrade'} change {self.change.revision}"
        steps, calls = self._calls()
        return [
            *ScriptSettingsOp(**arguments.timeouts()).sql(),
            *BeginScriptOp(script, self.leads_to, at, pair=None).sql(),
            *calls,
            *GuardOp("finish_run", script, steps, structures()[at]).sql(),
        ]

    def _calls(self) -> tuple[tuple[str, ...], list[str]]:
        """The steps that the script has to show at its end, and what makes them."""
        body = self.change.body()
        if self.way == "back" and arguments.keep_changes():
            return KEPT, [*GuardOp("keep_change", body).sql()]
        manifest = self._manifest()
        before, behind = move_steps(manifest, _MOVE[self.way]) if manifest is not None else ([], [])
        moves = (manifest.digest(),) if manifest is not None and before else ()
        documents = self._documents() if self.way == "forward" else ()
        begin, run, deploy, end = DEPLOYED
        made = [
            *((begin, text) for text in GuardOp("change_begin", body, self.way, *moves).sql()),
            *before,
            (run, run_change(self.change, self.way)),
            *behind,
            *((deploy, text) for text in (GuardOp("change_documents", *documents).sql() if documents else ())),
            *((end, text) for text in GuardOp("change_end").sql()),
        ]
        return tuple(step for step, _ in made), [text for _, text in made]

    def _documents(self) -> tuple[bytes, ...]:
        """Those that belong to the successor that this change brings; none where it is only tried."""
        if self._manifest() is None or arguments.arguments().get("draft"):
            return ()
        return arguments.documents(self.change.revision)

    def _manifest(self) -> ObjectManifest | None:
        """The successor that this change brings, or the draft of it, with which one that moves something is tried. None where it is
        only tried, or another one is named on the way back.

        Raises :class:`UsageError` where forward the manifest is the successor that another change brings.
        """
        given = next((name for name in ("draft", "manifest") if arguments.arguments().get(name)), None)
        if given is None:
            return None
        manifest = arguments.manifest(self.change.revision, given)
        if manifest.succession is None:
            return None  # the manifest of the cutover, which our own revisions need
        if manifest.succession["change"] != self.change.digest():
            if self.way == "back":
                return None
            raise UsageError(
                f"change {self.change.revision}: expected its own object manifest, found one that another change brings, or another"
                " text of this one",
                hint=f"qt001-cp change prepare {self.change.revision} …, or -x manifest=FILE of this change",
            )
        return manifest


@Operations.implementation_for(RunChangeOp)
def _run(operations: Operations, op: RunChangeOp) -> None:
    for text in op.sql(in_force(operations.get_context())):
        emit(operations, text)
