"""The reference estate with one object at least of every kind beside it, and a policy that transfers what can be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from qt001_cp import estate
from qt001_cp.audit.run import Outside, audit
from qt001_cp.model import kinds
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene
from qt001_cp.workflow import revisions
from tests.conftest import Library, Stage
from tests.kinds.random_sql import PEOPLE

RANDOM = """
[[rule]]
kind = "schema"
name = "z*"
disposition = "transfer"
reason = "random"

[[rule]]
schema = "z*"
disposition = "transfer"
reason = "random"

"""
THIRD, FOURTH = "kinds third", 'kinds "fourth"'
SQL = Path(__file__).with_name("every_kind.sql")


def rules(server_major: int) -> str:
    """Rules for schema and objects of every_kind.sql: transferred where that server can, retained where it cannot."""
    text = [
        '[[rule]]\nkind = "schema"\nname = "kinds_c"\ndisposition = "retain"\nreason = "C"\n',
        '[[rule]]\nschema = "kinds_c"\ndisposition = "retain"\nreason = "C"\n',
        '[[rule]]\nschema = "pg_catalog"\ndisposition = "transfer"\nreason = "the system"\n',
    ]
    for kind in kinds.KINDS:
        if kind.address == "default":
            text.append(rule(kind.key, 'schema = "kinds"', "transfer"))
            text.append(rule(kind.key, 'name = "*"', "transfer"))
        elif kind.key == "schema":
            text += [rule(kind.key, f"name = '{n}'", "transfer", "USAGE") for n in ("kinds", "Kinds*")]
        elif kind.address in ("name", "number") and kind.key != "database":
            verb = "retain" if kind.refusal(server_major) else "transfer"
            text.append(rule(kind.key, 'name = "*kinds*"' if kind.address == "name" else "", verb))
        elif kind.key != "database":
            text += [rule(kind.key, f"schema = '{s}'", "transfer") for s in ("kinds", "Kinds*")]
    return "\n".join(text)


def rule(kind: str, match: str, disposition: str, keep: str = "") -> str:
    kept = f'keep = [ {{ grantee = "public", privileges = ["{keep}"] }} ]\n' if keep else ""
    return f'[[rule]]\nkind = "{kind}"\n{match}\ndisposition = "{disposition}"\nreason = "every kind"\n{kept}'


def policy(folder: Path, server_major: int) -> Path:
    """The policy of the reference estate, the rules for every kind before its own."""
    return policy_with(folder, rules(server_major), THIRD, FOURTH)


def trusted(*roles: str) -> str:
    """The end of a policy that lets these roles keep their grant options and default privileges."""
    each = '\n[[trusted_grantor]]\nrole = {}\nreason = "it gives the application nothing"\n'
    return "".join(each.format(json.dumps(role)) for role in roles)


def policy_with(folder: Path, more: str, *grantors: str) -> Path:
    """The policy of the reference estate, ``more`` rules before its own; it trusts ``grantors`` too."""
    original = estate.policy_path()
    shutil.copytree(original.parent / "repoint", folder / "repoint", dirs_exist_ok=True)
    head, mark, rest = original.read_text("utf-8").partition("[[rule]]")
    path = folder / "policy.toml"
    path.write_text(f"{head}{more}\n{mark}{rest}{trusted(*grantors)}", "utf-8")
    return path


def audited(stage: Stage) -> list[str]:
    """What the independent audit finds, with the manifest at hand."""
    server, database = stage.scene.server, stage.scene.database
    outside = Outside(manifest=Path(stage.manifest_path).read_bytes())
    report = audit(server.conninfo(database), outside, server.bin / "pg_dump", server.env(database))
    return [f"{check.name}: {fault}" for check in report.checks for fault in check.faults]


@pytest.fixture
def with_every_kind(library: Library, tmp_path: Path) -> Iterator[Stage]:
    """At base, with every kind there; its policy is ``folder / policy.toml``."""
    stage = library.copy("base")
    stage.folder = tmp_path
    with stage.connect() as connection:
        for role in (THIRD, FOURTH):
            connection.execute(f'CREATE ROLE "{role.replace(chr(34), chr(34) * 2)}" LOGIN'.encode())
    try:
        names = {"database": stage.scene.database, "app": "directus", "third": THIRD, "fourth": FOURTH}
        stage.scene.server.psql(
            SQL.read_text("utf-8"), *(f"--set={k}={v}" for k, v in names.items()), dbname=stage.scene.database
        )
        policy(tmp_path, stage.scene.server.version // 10000)
        yield stage
    finally:
        with stage.connect() as connection:
            for statement in ("DISABLE", "SET (slot_name = NONE)"):
                connection.execute(f"ALTER SUBSCRIPTION kinds_subscription {statement}".encode())
            connection.execute("DROP SUBSCRIPTION kinds_subscription")
        drop_scene(stage.scene)
        with stage.scene.server.connect("postgres") as connection:
            for role in (THIRD, FOURTH):
                connection.execute(f'DROP ROLE "{role.replace(chr(34), chr(34) * 2)}"'.encode())


@pytest.fixture(scope="module")
def random_base(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """FIX7a deployed with a policy that transfers every schema called z…; nothing sealed. Each example is a copy."""
    folder = tmp_path_factory.mktemp("random")
    original = estate.policy_path()
    shutil.copytree(original.parent / "repoint", folder / "repoint")
    head, mark, rest = original.read_text("utf-8").partition("[[rule]]")
    (folder / "policy.toml").write_text(f"{head}{RANDOM}{mark}{rest}{trusted(*PEOPLE)}", "utf-8")
    stage = library.copy("base")
    stage.folder = folder
    with stage.connect() as connection:
        for role in PEOPLE:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7a", policy=str(folder / "policy.toml"))
    library.keep("random")
    yield stage
    library.forget("random")
    with library.server.connect("postgres") as connection:
        for role in PEOPLE:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
