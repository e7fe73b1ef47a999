"""``op.run_release(revision, "forward")``: what the revision of a release of ours runs, and prints (docs/adr/0037)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from alembic.operations import MigrateOperation, Operations
from alembic.runtime.migration import MigrationContext

from qt001_cp.emit.quoting import identifier
from qt001_cp.emit.script import file_block
from qt001_cp.model.change import Way
from qt001_cp.model.roles import Pair
from qt001_cp.ops import arguments
from qt001_cp.ops.directives import BeginScriptOp, GuardOp, ScriptSettingsOp
from qt001_cp.ops.verbatim import emit
from qt001_cp.sql.build import BACK, BASE, FORWARD, before, build, release_files, structures

_PASSED: Final = "qt001_release"
_WATCH: Final = ("FUNCTION qt001_cp.watch_begin(", "FUNCTION qt001_cp.watch_end(")


def in_force(context: MigrationContext) -> str:
    """The product's revision that the database is at when the next script runs: a release of ours among those that Alembic
    starts from, or the one that this run of Alembic has passed since; else ``fix7c``."""
    passed: str | None = context.opts.get(_PASSED)
    heads = [head for head in context.get_current_heads() if head.startswith(f"{BASE}_")]
    return passed or next(iter(heads), BASE)


@Operations.register_operation("run_release")
class RunReleaseOp(MigrateOperation):
    """The whole script of one way of a release."""

    def __init__(self, revision: str, way: Way) -> None:
        self.revision, self.way = revision, way
        earlier = before(revision)
        self.at, self.leads_to = (earlier, revision) if way == "forward" else (revision, earlier)

    @classmethod
    def run_release(cls, operations: Operations, revision: str, way: Way) -> None:
        operations.invoke(cls(revision, way))

    def sql(self) -> Sequence[str]:
        name = FORWARD if self.way == "forward" else BACK
        pair = arguments.pair()
        text = pair.named(release_files(self.revision)[name])
        script = f"{'upgrade' if self.way == 'forward' else 'downgrade'} {self.revision}"
        # The watch is what its functions have made: where these are others, it goes before and comes again behind.
        watched = any(words in text for words in _WATCH)
        around = ("watch_end", "watch_begin") if watched else ()
        return [
            *ScriptSettingsOp(head=self._head(pair), **arguments.timeouts()).sql(),
            *BeginScriptOp(script, self.leads_to, self.at, pair=pair).sql(),
            *GuardOp("release_begin", structures()[self.at]).sql(),
            *(GuardOp("watch_end").sql() if watched else ()),
            f"SET LOCAL ROLE {identifier(pair.ledger.name)}",
            file_block(script, f"{self.revision}/{name}", text),
            "RESET ROLE",
            *(GuardOp("watch_begin").sql() if watched else ()),
            *GuardOp("release_end", build(self.leads_to)).sql(),
            *GuardOp(
                "finish_run", script, ("release_begin", *around, "release_end"), structures()[self.leads_to]
            ).sql(),
        ]

    def _head(self, pair: Pair) -> str:
        """For a reviewer."""
        lines = (
            f"The product's own {self.revision}, {self.way}: from {self.at} to {self.leads_to}",
            f"from build {build(self.at)}",
            f"to build   {build(self.leads_to)}",
            "Only schema qt001_cp becomes another; the deployed manifest stays, verdict and sign-off have to be made anew.",
            "One transaction. It ends with that SQLSTATE and changes nothing where",
            "  QT126  the database is at another build",
            "  QT206  it has another owner and ledger role",
            f"  QT107  the session has no duty operator, or {pair.ledger.name} is not lent to its login",
            "  QT108  schema qt001_cp is not what the build before has made",
            "  QT112  a statement was left out, or something outside of schema qt001_cp was touched",
        )
        return "".join(f"-- {line}\n" for line in lines)


@Operations.implementation_for(RunReleaseOp)
def _run(operations: Operations, op: RunReleaseOp) -> None:
    for text in op.sql():
        emit(operations, text)
    operations.get_context().opts[_PASSED] = op.leads_to
