"""The operations, as Alembic's plugin interface wants them: a class each, and an implementation each.

Source: Alembic documentation, "Operation Plugins".
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from alembic.operations import MigrateOperation, Operations

from qt001_cp.emit.quoting import identifier, literal
from qt001_cp.emit.script import document_literal, perform, source, statement_blocks
from qt001_cp.emit.statements import statement
from qt001_cp.errors import FileProblem, Refused
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.names import ObjectRef, Role
from qt001_cp.model.steps import ChangeOwner, Grant, Revoke
from qt001_cp.ops.verbatim import emit
from qt001_cp.plan.order import Direction

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"


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

    def __init__(self, function: str, *args: str | bool | bytes) -> None:
        self.function, self.args = function, args

    @classmethod
    def guard(cls, operations: Operations, function: str, *args: str | bool | bytes) -> None:
        operations.invoke(cls(function, *args))

    def sql(self) -> Sequence[str]:
        return [perform(f"qt001_cp.{identifier(self.function)}({', '.join(_argument(a) for a in self.args)})")]


@Operations.register_operation("run_as_owner")
class RunAsOwnerOp(_Simple):
    """``op.run_as_owner("function", arg, ...)``: the same, as qt001_cp_owner; for what has no entry point."""

    def __init__(self, function: str, *args: str | bool | bytes) -> None:
        self.function, self.args = function, args

    @classmethod
    def run_as_owner(cls, operations: Operations, function: str, *args: str | bool | bytes) -> None:
        operations.invoke(cls(function, *args))

    def sql(self) -> Sequence[str]:
        call = GuardOp(self.function, *self.args).sql()
        return ['SET LOCAL ROLE "qt001_cp_owner"', *call, "RESET ROLE"]


@Operations.register_operation("run_pinned_sql")
class RunPinnedSqlOp(_Simple):
    """``op.run_pinned_sql(folder, sums_sha256, *names)``: run frozen files of a revision, each checked by sha256.

    ``folder`` holds SHA256SUMS, whose own digest is ``sums_sha256``. ``names`` may be glob patterns.
    Raises :class:`FileProblem` for a missing or edited file.
    """

    def __init__(self, folder: Path, sums_sha256: str, *names: str, as_owner: bool = True) -> None:
        self.folder, self.sums_sha256, self.names, self.as_owner = folder, sums_sha256, names, as_owner

    @classmethod
    def run_pinned_sql(cls, operations: Operations, folder: Path, sums_sha256: str, *names: str, **kw: Any) -> None:
        operations.invoke(cls(folder, sums_sha256, *names, **kw))

    def sql(self) -> Sequence[str]:
        texts = [text for name, text in self.files() if any(Path(name).match(n) for n in self.names)]
        if not texts:
            raise FileProblem(f"{self.folder}: no frozen file matches {', '.join(self.names)}")
        return ['SET LOCAL ROLE "qt001_cp_owner"', *texts, "RESET ROLE"] if self.as_owner else texts

    def files(self) -> list[tuple[str, str]]:
        sums = _read(self.folder / "SHA256SUMS", self.sums_sha256)
        listed = [line.split("  ", 1) for line in sums.splitlines()]
        return [(name, _read(self.folder / name, sha256)) for sha256, name in listed]


@Operations.register_operation("replace_sources")
class ReplaceSourcesOp(_Simple):
    """``op.replace_sources(manifest, "before"|"after")``: CREATE OR REPLACE each routine of the apply path, as its owner."""

    def __init__(self, manifest: ObjectManifest, which: Literal["before", "after"]) -> None:
        self.manifest, self.which = manifest, which

    @classmethod
    def replace_sources(
        cls, operations: Operations, manifest: ObjectManifest, which: Literal["before", "after"]
    ) -> None:
        operations.invoke(cls(manifest, which))

    def reverse(self) -> ReplaceSourcesOp:
        return ReplaceSourcesOp(self.manifest, "before" if self.which == "after" else "after")

    def sql(self) -> Sequence[str]:
        texts = [source(r.after if self.which == "after" else r.before) for r in self.manifest.repoint]
        return ['SET LOCAL ROLE "qt001_cp_owner"', *texts, "RESET ROLE"]


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


for _op in (TransferOwnershipOp, RevokePrivilegesOp, GrantPrivilegesOp, ApplyManifestOp, GuardOp, RunAsOwnerOp,
            RunPinnedSqlOp, ReplaceSourcesOp, ScriptSettingsOp):  # fmt: skip
    Operations.implementation_for(_op)(_run)


def _argument(value: str | bool | bytes) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return document_literal(value) if isinstance(value, bytes) else literal(value)


def _read(path: Path, sha256: str) -> str:
    try:
        body = path.read_bytes()
    except OSError as exc:
        raise FileProblem(f"{path}: cannot be read: {exc.strerror}", hint="restore the checkout: git status") from exc
    if hashlib.sha256(body.replace(b"\r\n", b"\n")).hexdigest() == sha256 != hashlib.sha256(body).hexdigest():
        raise FileProblem(
            f"{path}: expected lines that end in LF, found CR LF: the text is the frozen one, the file is not",
            hint="git config core.autocrlf false, and git checkout the file again",
        )
    if hashlib.sha256(body).hexdigest() != sha256:
        raise FileProblem(
            f"{path}: expected sha256 {sha256}, found {hashlib.sha256(body).hexdigest()}: a frozen file was edited",
            hint="restore it (git checkout), and put the change into a new revision",
        )
    return body.decode()
