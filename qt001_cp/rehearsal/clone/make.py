"""From the command line's words to a clone: of a live source, or of a dump."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from qt001_cp.errors import UsageError
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.plan.generate import generate
from qt001_cp.policy_file import load_policy, new_sources, read_file
from qt001_cp.rehearsal.clone.compare import estate_of, estate_of_manifest
from qt001_cp.rehearsal.clone.dumpfile import read_dump
from qt001_cp.rehearsal.clone.lexical import Code
from qt001_cp.rehearsal.clone.origin import Clone
from qt001_cp.rehearsal.clone.report import CloneReport
from qt001_cp.rehearsal.clone.role_script import Roles, read_roles
from qt001_cp.rehearsal.clone.script import named
from qt001_cp.rehearsal.clone.source import read_source

_ROWS: Final = re.compile(r"^(?:COPY .* FROM stdin;|INSERT INTO )", re.MULTILINE)


def from_source(dsn: str, policy_path: Path, manifest_path: Path | None, *, data: bool) -> Clone:
    """Read a live database. Raises :class:`Qt001Error`."""
    policy, manifest = load_policy(policy_path), _manifest(manifest_path)
    read = read_source(dsn, policy.application, [b["table"] for b in policy.blocked], data=data)
    report = CloneReport(read.origin, data)
    if read.properties["large_objects"] and not data:
        report.lack("large objects", "a dump of the schema has none", "where one is in the estate, clone with --data")
    if read.refused_rows:
        report.lack("rows of the tables that say what is blocked", read.refused_rows, "rows were made up in the clone")
    clone = Clone(
        read.inventory.database,
        read.version // 10000,
        policy,
        policy_path,
        read.schema,
        report,
        read.rows,
        read.properties,
        read.roles,
        read.memberships,
        estate_of(read.inventory),
        manifest,
        "the dump of the source",
        read.members,
    )
    _fitting(clone)
    generate(
        read.inventory, policy, new_sources(policy, policy_path), {}
    )  # what the policy lacks, before a server starts
    return clone


def from_dump(path: Path, roles: Path | None, policy_path: Path, manifest_path: Path | None, *, data: bool) -> Clone:
    """Read a dump and, where given, the roles that pg_dumpall printed. Raises :class:`Qt001Error`."""
    policy, manifest = load_policy(policy_path), _manifest(manifest_path)
    text, database = read_dump(path, data=data)
    says = named(text)
    database = says.database or database or (manifest.database if manifest else None)
    if database is None:
        raise UsageError(
            f"{path} does not say which database it is of",
            hint="make it with pg_dump --create, or name the manifest: --manifest FILE",
        )
    major = says.major or (manifest.server_major if manifest else None)
    if major is None:
        raise UsageError(
            f"{path} does not say which version of PostgreSQL it is of",
            hint="keep the head that pg_dump writes, or name the manifest: --manifest FILE",
        )
    plain_data = any(Code(text).find(_ROWS))
    report = CloneReport(f"dump {path.name}, database {database}, PostgreSQL {major}", plain_data)
    if says.database is None:
        report.lack(
            f"owner, ACL and settings of database {database}",
            "the dump was made without --create",
            "the database belongs to a role of the clone's own: what its owner may do was not rehearsed",
        )
    if manifest is None:
        report.note("no manifest was given: nothing says whether the clone is exactly the original's estate")
    given = read_roles(read_file(roles).decode(), report) if roles else Roles()
    wanted = estate_of_manifest(manifest) if manifest else None
    clone = Clone(
        database,
        major,
        policy,
        policy_path,
        text,
        report,
        roles=list(given.roles.values()),
        memberships=given.memberships,
        wanted=wanted,
        manifest=manifest,
        what=str(path),
    )
    return _fitting(clone)


def _manifest(path: Path | None) -> ObjectManifest | None:
    return ObjectManifest.from_bytes(read_file(path), str(path)) if path else None


def _fitting(clone: Clone) -> Clone:
    m = clone.manifest
    if m is not None:
        for what, wanted, found in (
            ("database", m.database, clone.database),
            ("PostgreSQL", str(m.server_major), str(clone.major)),
            ("application role", m.application.name, clone.policy.application.name),
            ("policy", m.policy["sha256"], clone.policy.digest()),
        ):
            if wanted != found:
                raise UsageError(
                    f"the manifest is about another estate: {what}: expected {wanted}, found {found}",
                    hint="name the manifest and the policy that belong to this database",
                )
    return clone
