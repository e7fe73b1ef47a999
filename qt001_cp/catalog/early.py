"""What FIX7b's checks say of a plan before FIX7a is there: their own SQL, as temporary functions in a transaction that is rolled back.

The database decides by the same text that decides later. Nothing is asked where making a temporary function would run code of a
role that is no superuser (an event trigger), or where the session may make none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from qt001_cp.model.canonical import Json
from qt001_cp.model.policy import Policy
from qt001_cp.sql.build import newest, whole

MANIFEST: Final = "draft"
_WANTED: Final = (
    "qt001_cp.search_path_findings('draft')",
    "qt001_cp.application_power_findings((qt001_cp.document_json('draft') ->> 'application')::name)",
    "qt001_cp.reach_findings('draft')",
    "qt001_cp.new_owner_findings('draft')",
)
_NOTES: Final = "new_owner_notes"
_NOBODY: Final = 4294967295
"""The last number that an OID can be: the server gives them in turn, from 16384 on."""
_MADE: Final = re.compile(
    r"^CREATE (?P<what>FUNCTION|TYPE|VIEW|TABLE) qt001_cp\.(?P<name>\w+)\b.*?"
    r"(?:\$(?P=name)\$.*?\$(?P=name)\$;$|(?<!\$);$)",
    re.MULTILINE | re.DOTALL,
)
_NAMED: Final = re.compile(r"qt001_cp\.(\w+)")
_INSERTED: Final = re.compile(r"^INSERT INTO qt001_cp\.(object_kind|privilege)\b.*?;$", re.MULTILINE | re.DOTALL)
_OURS: Final = {"document_json", "manifest_row", "person"}
_STAND_IN: Final = """
CREATE TEMPORARY TABLE qt001_draft (digest text, head jsonb) ON COMMIT DROP;
CREATE TEMPORARY TABLE manifest_row (manifest text, number bigint, object jsonb) ON COMMIT DROP;
CREATE FUNCTION pg_temp.document_json(wanted text) RETURNS jsonb LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS 'SELECT head FROM pg_temp.qt001_draft WHERE digest = wanted';
-- Who has a duty is a row of the database; before there is one, a member of a duty's role will have it.
CREATE TEMPORARY TABLE person (login name, person text, duty text) ON COMMIT DROP;
INSERT INTO pg_temp.person
SELECT DISTINCT member.rolname, member.rolname::text, pg_catalog.substr(duty.rolname, 10)
FROM pg_catalog.pg_auth_members link
JOIN pg_catalog.pg_roles duty ON duty.oid = link.roleid
JOIN pg_catalog.pg_roles member ON member.oid = link.member
WHERE duty.rolname IN ('qt001_cp_author', 'qt001_cp_operator', 'qt001_cp_verifier', 'qt001_cp_auditor');
"""
_STRANGER: Final = """
SELECT t.evtname FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc f ON f.oid = t.evtfoid
JOIN pg_catalog.pg_roles r ON r.oid = f.proowner
WHERE t.evtenabled <> 'D' AND t.evtevent <> 'login' AND NOT r.rolsuper ORDER BY 1 LIMIT 1
"""


@dataclass(frozen=True)
class Early:
    """``findings``: as the checks of FIX7b give them. ``notes``: what somebody should know. ``unasked``: why nobody was asked."""

    findings: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unasked: str | None = None


def read_early(connection: psycopg.Connection, head: Json, objects: Iterable[Json], policy: Policy) -> Early:
    """Ask about a manifest that nobody has recorded: ``head``, its objects, its policy. Nothing of it stays in the database."""
    stranger = connection.execute(_STRANGER).fetchone()
    if stranger is not None:
        return Early(
            unasked=f"event trigger {stranger[0]} would run code of a role that is no superuser: nothing was asked of FIX7b's checks"
        )
    try:
        with connection.transaction(force_rollback=True):
            return _asked(connection, head, objects, policy)
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction, errors.FeatureNotSupported) as exc:
        said = (exc.diag.message_primary or str(exc)).strip()
        return Early(unasked=f"FIX7b's checks were not asked, they need temporary functions in this database: {said}")


def _asked(connection: psycopg.Connection, head: Json, objects: Iterable[Json], policy: Policy) -> Early:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET LOCAL check_function_bodies = off; SET LOCAL search_path = pg_catalog, pg_temp")
        cursor.execute(_STAND_IN)
        for digest, document in ((MANIFEST, head), (head["policy"]["sha256"], policy.raw)):
            cursor.execute("INSERT INTO pg_temp.qt001_draft VALUES (%s, %s::jsonb)", [digest, json.dumps(document)])
        with cursor.copy("COPY pg_temp.manifest_row (manifest, number, object) FROM STDIN") as copy:
            for number, item in enumerate(objects):
                copy.write_row((MANIFEST, number, json.dumps(item)))
        cursor.execute("ANALYZE pg_temp.manifest_row")
        for text in _texts():
            cursor.execute(policy.pair.named(text).encode())
        found: list[dict[str, Any]] = []
        for call in _WANTED:
            found += cursor.execute(f"SELECT f.* FROM {_temporary(call)} f".encode())
        notes = [r["note"] for r in cursor.execute(f"SELECT note FROM pg_temp.{_NOTES}('{MANIFEST}')".encode())]
    return Early(found, notes)


@cache
def _texts() -> Sequence[str]:
    """What the checks are made of, in the order of the files: types, tables of words, views, functions."""
    made: dict[str, str] = {}
    inserted: dict[str, str] = {}
    for text in (text for name, text in whole(newest()).items() if name.startswith("fix7a/")):
        for match in _MADE.finditer(text):
            made.setdefault(match["name"], match[0])
        for match in _INSERTED.finditer(text):
            inserted[match[1]] = match[0]
    wanted, rest = set(_OURS), [*_NAMED.findall(" ".join(_WANTED)), _NOTES]
    while rest:
        name = rest.pop()
        if name in wanted or name not in made:
            continue
        wanted.add(name)
        rest += _NAMED.findall(made[name])
    texts: list[str] = []
    for name, text in made.items():
        if name in wanted - _OURS:
            texts.append(_temporary(text))
            if name in inserted:
                texts.append(_temporary(inserted[name]))
    return tuple(texts)


def _temporary(text: str) -> str:
    """The same in the schema of temporary objects, where neither our schema nor our roles need be: then they have a number that
    nothing has. Not 0, which is what lies in no schema, and PUBLIC in an ACL."""
    text = re.sub(r"'(qt001_cp\w*)'::regnamespace", rf"coalesce(to_regnamespace('\1')::oid, {_NOBODY}::oid)", text)
    text = re.sub(r"'(qt001_cp\w*)'::regrole", rf"coalesce(to_regrole('\1')::oid, {_NOBODY}::oid)", text)
    return text.replace("qt001_cp.", "pg_temp.")
