"""Owners and grants as ``pg_dump`` words them: a second reading by a program that is not ours.

Source: PostgreSQL documentation, pg_dump; lexical structure of quoted identifiers (4.1.1).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from qt001_cp.audit.check import Check
from qt001_cp.audit.estate import expected, of_the_system

_NAME = r'(?:"(?:[^"]|"")*"|[^\s.,;()"]+)'
_OWNER = re.compile(
    rf"^ALTER (TABLE|VIEW|MATERIALIZED VIEW|FOREIGN TABLE|SEQUENCE|SCHEMA) ((?:{_NAME}\.)?{_NAME}) OWNER TO ({_NAME});$",
    re.MULTILINE,
)
_GRANT = re.compile(
    rf"^GRANT (.+?) ON (?:TABLE|SEQUENCE|SCHEMA) ((?:{_NAME}\.)?{_NAME}) TO ({_NAME})( WITH GRANT OPTION)?;$",
    re.MULTILINE,
)
_KINDS = ("table", "view", "materialized view", "foreign table", "sequence", "schema")


def read_dump(program: Path, dsn: str, options: str, snapshot: str, env: Mapping[str, str]) -> tuple[str | None, str]:
    """``pg_dump -s`` in the audit's snapshot: its text, or why there is none. ``options``: those of the session. ``env``: where
    the session found what its DSN does not say (PGPASSFILE, PGSERVICEFILE, …); a password of the DSN goes there too, unseen by
    other users."""
    given = conninfo_to_dict(dsn) | {"options": options}
    secret = {"PGPASSWORD": str(given.pop("password"))} if "password" in given else {}
    command = [str(program), "--schema-only", "--no-password", f"--snapshot={snapshot}", "--no-comments",
               "-d", make_conninfo("", **given)]  # fmt: skip
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False,
                              env={**env, **secret, "PGCLIENTENCODING": "UTF8"}, timeout=900)  # fmt: skip
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
    check, application = Check("pg_dump: owners and grants"), manifest["application"]
    owners = {_parts(name): _plain(role) for _, name, role in _OWNER.findall(text)}
    grants: dict[tuple[str, ...], set[tuple[str | None, str]]] = {}
    for privileges, name, role, _ in _GRANT.findall(text):
        # A role may be called "PUBLIC", in quotes.
        who = None if role == "PUBLIC" else _plain(role)
        if who in (application, None):
            grants.setdefault(_parts(name), set()).update((who, p.split("(")[0].strip()) for p in _listed(privileges))
    for o in manifest["objects"]:
        if o["kind"] not in _KINDS or o["disposition"] != "transfer":
            continue
        check.looked_at += 1
        name, state = f"{o['kind']} {o['identity']}", expected(o, stage)
        key = (o["name"],) if o["kind"] == "schema" else (o["schema"], o["name"])
        owner = owners.get(key)
        if owner is not None and owner != state["owner"]:
            check.faults.append(f"{name}: pg_dump says OWNER TO {owner}, the manifest says {state['owner']}")
        if owner is None and key != ("public",) and o["follows"] is None and not of_the_system(o):
            check.faults.append(f"{name}: pg_dump names no owner")
        allowed = {(a[1], a[2]) for a in state["acl"]}
        allowed |= {(a[1], a[2]) for c in state["columns"] for a in c["acl"]}
        full = {who for who, _ in allowed if state["owner"] == who}
        check.faults += [
            f"{name}: pg_dump says GRANT {privilege} TO {who or 'PUBLIC'}"
            for who, privilege in sorted(grants.get(key, set()), key=str)
            if (who, privilege) not in allowed and who not in full
        ]
    return check


def _listed(privileges: str) -> list[str]:
    """``SELECT(a),UPDATE`` and ``SELECT, INSERT``: a list whose parentheses hold columns."""
    return [p.strip() for p in re.findall(r"[A-Z]+(?:\([^)]*\))?", privileges)]


def _parts(name: str) -> tuple[str, ...]:
    return tuple(_plain(p) for p in re.findall(_NAME, name))


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
