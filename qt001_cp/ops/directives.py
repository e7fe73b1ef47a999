"""The operations, as Alembic's plugin interface wants them: a class each, and an implementation each.

Source: Alembic documentation, "Operation Plugins".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from alembic.operations import MigrateOperation, Operations

from qt001_cp.emit.quoting import identifier, literal
from qt001_cp.emit.script import document_literal, file_block, perform, statement_blocks
from qt001_cp.emit.statements import statement
from qt001_cp.errors import FileProblem, Refused
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.names import ObjectRef, Role
from qt001_cp.model.roles import DEFAULT, Pair
from qt001_cp.model.steps import ChangeOwner, Grant, Revoke
from qt001_cp.ops.verbatim import emit
from qt001_cp.plan.order import Direction
from qt001_cp.sql.build import BASE, build, stage_files, structures

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"
Argument: TypeAlias = str | bool | bytes | tuple[str, ...] | None
"""What a function of ours is called with."""


class _Simple(MigrateOperation):
    """An operation that is nothing but its SQL."""

    def sql(self) -> Sequence[str]:
        raise NotImplementedError


@Operations.register_operation("transfer_ownership")
class TransferOwnershipOp(_Simple):
    """``op.transfer_ownership(ref, old, new)``: ALTER … OWNER TO; its reverse goes back to ``old``."""

    def __init__(self, ref: ObjectRef, old: Role, new: Role) -> None:
        self.ref, self.step = ref, ChangeOwner(old, new)

    @classmethod
    def transfer_ownership(cls, operations: Operations, ref: ObjectRef, old: Role, new: Role) -> None:
        operations.invoke(cls(ref, old, new))

    def reverse(self) -> TransferOwnershipOp:
        return TransferOwnershipOp(self.ref, self.step.new, self.step.old)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("transfer_ownership", str(self.ref), self.step.old.name, self.step.new.name)

    def sql(self) -> Sequence[str]:
        return [statement(self.ref, self.step)]


@Operations.register_operation("revoke_privileges")
class RevokePrivilegesOp(_Simple):
    """``op.revoke_privileges(ref, step)``: REVOKE exactly the privileges of ``step``; its reverse grants them."""

    def __init__(self, ref: ObjectRef, step: Revoke, *, grantable: bool = False, detail: object = None) -> None:
        self.ref, self.step, self.grantable, self.detail = ref, step, grantable, detail

    @classmethod
    def revoke_privileges(cls, operations: Operations, ref: ObjectRef, step: Revoke, **kw: Any) -> None:
        operations.invoke(cls(ref, step, **kw))

    def reverse(self) -> GrantPrivilegesOp:
        s = self.step
        grant = Grant(s.grantor, s.grantee, s.privileges, s.column, s.set_role, self.grantable)
        return GrantPrivilegesOp(self.ref, grant, detail=self.detail)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("revoke_privileges", str(self.ref), self.step)

    def sql(self) -> Sequence[str]:
        return [statement(self.ref, self.step, self.detail)]


@Operations.register_operation("grant_privileges")
class GrantPrivilegesOp(_Simple):
    """``op.grant_privileges(ref, step)``: GRANT exactly the privileges of ``step``; its reverse revokes them."""

    def __init__(self, ref: ObjectRef, step: Grant, *, detail: object = None) -> None:
        self.ref, self.step, self.detail = ref, step, detail

    @classmethod
    def grant_privileges(cls, operations: Operations, ref: ObjectRef, step: Grant, **kw: Any) -> None:
        operations.invoke(cls(ref, step, **kw))

    def reverse(self) -> RevokePrivilegesOp:
        s = self.step
        revoke = Revoke(s.grantor, s.grantee, s.privileges, s.column, s.set_role)
        return RevokePrivilegesOp(self.ref, revoke, grantable=s.grantable, detail=self.detail)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("grant_privileges", str(self.ref), self.step)

    def sql(self) -> Sequence[str]:
        return [statement(self.ref, self.step, self.detail)]


@Operations.register_operation("apply_manifest")
class ApplyManifestOp(_Simple):
    """``op.apply_manifest(manifest, "forward"|"restore")``: all its transfers and privileges, in DO blocks."""

    def __init__(self, manifest: ObjectManifest, direction: Direction) -> None:
        self.manifest, self.direction = manifest, direction

    @classmethod
    def apply_manifest(cls, operations: Operations, manifest: ObjectManifest, direction: Direction) -> None:
        operations.invoke(cls(manifest, direction))

    def reverse(self) -> ApplyManifestOp:
        return ApplyManifestOp(self.manifest, "restore" if self.direction == "forward" else "forward")

    def sql(self) -> Sequence[str]:
        return list(statement_blocks(self.manifest, self.direction))


@Operations.register_operation("guard")
class GuardOp(_Simple):
    """``op.guard("function", arg, ...)``: call a function of schema qt001_cp that raises when it must not go on."""

    def __init__(self, function: str, *args: Argument) -> None:
        self.function, self.args = function, args

    @classmethod
    def guard(cls, operations: Operations, function: str, *args: Argument) -> None:
        operations.invoke(cls(function, *args))

    def sql(self) -> Sequence[str]:
        return [perform(f"qt001_cp.{identifier(self.function)}({', '.join(_argument(a) for a in self.args)})")]


@Operations.register_operation("run_as_ledger")
class RunAsLedgerOp(_Simple):
    """``op.run_as_ledger("function", arg, ..., pair=pair)``: the same, as the ledger role; for what has no entry point."""

    def __init__(self, function: str, *args: Argument, pair: Pair = DEFAULT) -> None:
        self.function, self.args, self.pair = function, args, pair

    @classmethod
    def run_as_ledger(cls, operations: Operations, function: str, *args: Argument, **kw: Any) -> None:
        operations.invoke(cls(function, *args, **kw))

    def sql(self) -> Sequence[str]:
        return _as_ledger(self.pair, GuardOp(self.function, *self.args).sql())


@Operations.register_operation("run_stage_sql")
class RunStageSqlOp(_Simple):
    """``op.run_stage_sql("upgrade fix7a", "fix7a", "[1-9]*.sql")``: the files of a stage whose names match, in their order.

    Each is one statement, which runs only where its script has begun, as the ledger role. ``first``: the file that begins the
    script, as it is, in the operator's own name. Raises what :func:`qt001_cp.sql.build.stage_files` raises.
    """

    def __init__(self, script: str, stage: str, pattern: str, *, first: bool = False, pair: Pair = DEFAULT) -> None:
        self.script, self.stage, self.pattern, self.first, self.pair = script, stage, pattern, first, pair

    @classmethod
    def run_stage_sql(cls, operations: Operations, script: str, stage: str, pattern: str, **kw: Any) -> None:
        operations.invoke(cls(script, stage, pattern, **kw))

    def sql(self) -> Sequence[str]:
        texts = {n: text for n, text in stage_files(self.stage, self.pair).items() if Path(n).match(self.pattern)}
        if not texts:
            raise FileProblem(f"stage {self.stage} has no file {self.pattern}")
        if self.first:
            return list(texts.values())
        return _as_ledger(
            self.pair, [file_block(self.script, f"{self.stage}/{name}", text) for name, text in texts.items()]
        )


@Operations.register_operation("begin_script")
class BeginScriptOp(_Simple):
    """``op.begin_script("upgrade fix7b", "fix7b", pair=pair)``: what COMMIT asks for. ``revision``: None for base. ``pair``: the
    roles that the script names; None where it names neither. ``at``: the product's revision that the database is at; no stage goes
    but where no release stands behind it."""

    def __init__(self, script: str, revision: str | None, at: str = BASE, *, pair: Pair | None) -> None:
        self.script, self.revision, self.at, self.pair = script, revision, at, pair

    @classmethod
    def begin_script(cls, operations: Operations, script: str, revision: str | None, *, pair: Pair) -> None:
        operations.invoke(cls(script, revision, pair=pair))

    def sql(self) -> Sequence[str]:
        pair = None if self.pair is None else f"{self.pair.owner.name}, {self.pair.ledger.name}"
        return GuardOp("start_run", self.script, self.revision, build(self.at), pair).sql()


@Operations.register_operation("end_script")
class EndScriptOp(_Simple):
    """``op.end_script("upgrade fix7b", "fix7b", steps, pair=pair)``: all steps have run, and schema qt001_cp is as it has to be."""

    def __init__(self, script: str, revision: str | None, steps: Sequence[str], pair: Pair = DEFAULT) -> None:
        self.script, self.revision, self.steps, self.pair = script, revision, tuple(steps), pair

    @classmethod
    def end_script(
        cls, operations: Operations, script: str, revision: str | None, steps: Sequence[str], **kw: Any
    ) -> None:
        operations.invoke(cls(script, revision, steps, **kw))

    def sql(self) -> Sequence[str]:
        structure = structures().get(self.revision or "base", "")
        if self.script.endswith("fix7a"):  # before and after it there is no entry point
            return RunAsLedgerOp("end_run", self.script, self.steps, structure, pair=self.pair).sql()
        return GuardOp("finish_run", self.script, self.steps, structure).sql()


@Operations.register_operation("replace_sources")
class ReplaceSourcesOp(_Simple):
    """``op.replace_sources("upgrade fix7c", manifest, "before"|"after")``: CREATE OR REPLACE each routine of the apply path, as its
    owner, and only where the script has begun."""

    def __init__(self, script: str, manifest: ObjectManifest, which: Literal["before", "after"]) -> None:
        self.script, self.manifest, self.which = script, manifest, which

    @classmethod
    def replace_sources(
        cls, operations: Operations, script: str, manifest: ObjectManifest, which: Literal["before", "after"]
    ) -> None:
        operations.invoke(cls(script, manifest, which))

    def sql(self) -> Sequence[str]:
        texts = [r.after if self.which == "after" else r.before for r in self.manifest.repoint]
        blocks = [file_block(self.script, f"source {n} of {len(texts)}", f"{t}\n") for n, t in enumerate(texts, 1)]
        return [f"SET LOCAL ROLE {identifier(self.manifest.pair.owner.name)}", *blocks, "RESET ROLE"]


@Operations.register_operation("script_settings")
class ScriptSettingsOp(_Simple):
    """``op.script_settings()``: the settings every script of ours needs, valid until its transaction ends.

    ``head``: comments for the reviewer; they are a part of the first statement, printed and run alike.
    """

    def __init__(
        self, lock_timeout: str = LOCK_TIMEOUT, statement_timeout: str = STATEMENT_TIMEOUT, head: str = ""
    ) -> None:
        self.head = head
        self.values = {
            "client_encoding": "UTF8",
            "standard_conforming_strings": "on",
            "search_path": None,
            "lock_timeout": lock_timeout,
            "statement_timeout": statement_timeout,
            "row_security": "off",
            "jit": "off",
            "check_function_bodies": "off",
            "client_min_messages": "notice",
        }

    @classmethod
    def script_settings(cls, operations: Operations, **kw: str) -> None:
        operations.invoke(cls(**kw))

    def sql(self) -> Sequence[str]:
        first, *rest = [
            f"SET LOCAL {name} = {literal(value) if value is not None else 'pg_catalog, pg_temp'}"
            for name, value in self.values.items()
        ]
        return [self.head + first, *rest]


@Operations.register_operation("require_rehearsal")
class RequireRehearsalOp(MigrateOperation):
    """``op.require_rehearsal("FIX7b")``: online only, refuse a database that the bootstrap did not mark.

    Raises :class:`Refused` (QT124) with the command that prints the SQL to review instead.
    """

    def __init__(self, stage: str) -> None:
        self.stage = stage

    @classmethod
    def require_rehearsal(cls, operations: Operations, stage: str) -> None:
        operations.invoke(cls(stage))


@Operations.implementation_for(RequireRehearsalOp)
def _require_rehearsal(operations: Operations, op: RequireRehearsalOp) -> None:
    if operations.get_context().as_sql:
        return
    connection = operations.get_bind()
    if not connection.exec_driver_sql("SELECT qt001_cp.is_rehearsal()").scalar():
        name = connection.exec_driver_sql("SELECT pg_catalog.current_database()").scalar()
        raise Refused(
            f"{op.stage} online refused: expected a database that the operator's bootstrap marked as a rehearsal,"
            f" found {name}, which is not marked",
            sqlstate="QT124",
            hint="print the SQL, let it be reviewed, and let the operator run it: alembic upgrade --sql …",
        )


def _run(operations: Operations, op: _Simple) -> None:
    for text in op.sql():
        emit(operations, text)


for _op in (TransferOwnershipOp, RevokePrivilegesOp, GrantPrivilegesOp, ApplyManifestOp, GuardOp, RunAsLedgerOp,
            RunStageSqlOp, BeginScriptOp, EndScriptOp, ReplaceSourcesOp, ScriptSettingsOp):  # fmt: skip
    Operations.implementation_for(_op)(_run)


def _as_ledger(pair: Pair, statements: Sequence[str]) -> Sequence[str]:
    """The same by the role that owns what decides, which is lent for it."""
    return [f"SET LOCAL ROLE {identifier(pair.ledger.name)}", *statements, "RESET ROLE"]


def _argument(value: Argument) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"ARRAY[{', '.join(map(literal, value))}]::text[]"
    return document_literal(value) if isinstance(value, bytes) else literal(value)
