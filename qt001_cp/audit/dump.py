"""Owners and grants as ``pg_dump`` words them: a second reading by a program that is not ours.

Source: PostgreSQL documentation, pg_dump; lexical structure of quoted identifiers (4.1.1).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from qt001_cp.audit.check import Check
from qt001_cp.audit.estate import expected, of_the_system
from qt001_cp.audit.growth import may_go

_NAME = r'(?:"(?:[^"]|"")*"|[^\s.,;()"]+)'
_OWNER = re.compile(
    rf"^ALTER (TABLE|VIEW|MATERIALIZED VIEW|FOREIGN TABLE|SEQUENCE|SCHEMA) ((?:{_NAME}\.)?{_NAME}) OWNER TO ({_NAME});$",
    re.MULTILINE,
)
_GRANT = re.compile(
    rf"^GRANT (.+?) ON (?:TABLE|SEQUENCE|SCHEMA) ((?:{_NAME}\.)?{_NAME}) TO ({_NAME})( WITH GRANT OPTION)?;$",
    re.MULTILINE,
)
_Grant = tuple[str | None, str, str | None]
"""Who, None for PUBLIC, the privilege, and the column, None for the whole."""
_ALL = {"schema": {"USAGE", "CREATE"}, "sequence": {"SELECT", "UPDATE", "USAGE"}}
"""What ``GRANT ALL`` says of kinds of which everything may be kept; of a table it is too much in any case."""
_PRIVILEGE = re.compile(rf"([A-Z]+)(?:\(({_NAME})\))?")
_KINDS = ("table", "view", "materialized view", "foreign table", "sequence", "schema")


def read_dump(program: Path, dsn: str, options: str, snapshot: str, env: Mapping[str, str]) -> tuple[str | None, str]:
    """``pg_dump -s`` in the audit's snapshot: its text, or why there is none. ``options``: those of the session. ``env``: where
    the session found what its DSN does not say (PGPASSFILE, PGSERVICEFILE, …); a password of the DSN goes there too, unseen by
    other users."""
    given = conninfo_to_dict(dsn) | {"options": options}
    secret = {"PGPASSWORD": str(given.pop("password"))} if "password" in given else {}
    command = [
        str(program),
        "--schema-only",
        "--no-password",
        f"--snapshot={snapshot}",
        "--no-comments",
        "-d",
        make_conninfo("", **given),
    ]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
            env={**env, **secret, "PGCLIENTENCODING": "UTF8"},
            timeout=900,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return None, f"pg_dump did not run: {exc}"
    if done.returncode != 0:
        return (
            None,
            f"pg_dump refused: {done.stderr.strip().splitlines()[0] if done.stderr.strip() else done.returncode}",
        )
    return done.stdout, ""


def dumped(manifest: Mapping[str, Any], text: str, stage: str) -> Check:
    """Owners of relations and schemas, and grants to the application role and PUBLIC on what is transferred."""
    check = Check("pg_dump: owners and grants")
    owners = {_parts(name): _plain(role) for _, name, role in _OWNER.findall(text)}
    grants = _grants(text, manifest["application"])
    for o in manifest["objects"]:
        key = (o["name"],) if o["kind"] == "schema" else (o["schema"], o["name"])
        if key not in owners and stage != "fix7a" and may_go(manifest, o["kind"], o["identity"]):
            continue
        if o["kind"] in _KINDS and o["disposition"] == "transfer":
            check.looked_at += 1
            faults = (
                *_owner(o, owners.get(key), stage),
                *_granted(o["kind"], grants.get(key, set()), expected(o, stage)),
            )
            check.faults += [f"{o['kind']} {o['identity']}: {fault}" for fault in faults]
    return check


def _grants(text: str, application: str) -> dict[tuple[str, ...], set[_Grant]]:
    """What the application role and PUBLIC are granted, by the name of the object."""
    found: dict[tuple[str, ...], set[_Grant]] = {}
    for privileges, name, role, _ in _GRANT.findall(text):
        # A role may be called "PUBLIC", in quotes.
        who = None if role == "PUBLIC" else _plain(role)
        if who in (application, None):
            found.setdefault(_parts(name), set()).update((who, *p) for p in _listed(privileges))
    return found


def _owner(o: Mapping[str, Any], owner: str | None, stage: str) -> Iterator[str]:
    wanted = expected(o, stage)["owner"]
    if owner is None:
        is_public = o["kind"] == "schema" and o["name"] == "public"
        if not is_public and o["follows"] is None and not of_the_system(o):
            yield "pg_dump names no owner"
    elif owner != wanted:
        yield f"pg_dump says OWNER TO {owner}, the manifest says {wanted}"


def _granted(kind: str, found: set[_Grant], state: Mapping[str, Any]) -> Iterator[str]:
    """What is granted, and not in the state. A grant to the owner says how much of everything it holds."""
    every = [(None, state["acl"]), *((c["column"], c["acl"]) for c in state["columns"])]
    allowed = {(a[1], a[2], column) for column, acl in every for a in acl}
    owner_listed = any(who == state["owner"] for who, _, _ in allowed)
    for who, privilege, column in sorted(found, key=str):
        said = _ALL.get(kind, {privilege}) if privilege == "ALL" else {privilege}
        if {(who, p, column) for p in said} <= allowed or (owner_listed and who == state["owner"]):
            continue
        yield f"pg_dump says GRANT {privilege}{f' ({column})' if column else ''} TO {who or 'PUBLIC'}"


def _listed(privileges: str) -> list[tuple[str, str | None]]:
    """``SELECT(a),UPDATE(a)`` and ``SELECT,INSERT``: each privilege, and its column where it has one."""
    return [(privilege, _plain(column) if column else None) for privilege, column in _PRIVILEGE.findall(privileges)]


def _parts(name: str) -> tuple[str, ...]:
    return tuple(_plain(p) for p in re.findall(_NAME, name))


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
