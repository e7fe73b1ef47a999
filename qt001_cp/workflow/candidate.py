"""Drafts a policy from a live database, and checks that it is valid and says what was meant."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.names import read_names
from qt001_cp.catalog.reach import read_reach
from qt001_cp.errors import PolicyError, UsageError
from qt001_cp.model.names import Role
from qt001_cp.model.policy import Policy, policy_from_data
from qt001_cp.plan.analysis import analyse_estate
from qt001_cp.plan.candidate.path import Switch, guess
from qt001_cp.plan.candidate.suggest import Suggested, edges_of, suggest
from qt001_cp.plan.candidate.text import candidate_text

_FEW: Final = 20
_OWNERS = """
SELECT r.rolname, count(*) FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid
WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.deptype = 'o' AND r.rolcanlogin AND NOT r.rolsuper
  AND d.dbid = (SELECT b.oid FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database())
GROUP BY r.rolname ORDER BY 2 DESC, 1 LIMIT 2
"""

_MEMBERS = """
WITH RECURSIVE owner AS (
    SELECT DISTINCT d.refobjid AS role FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.deptype = 'o' AND NOT r.rolsuper
      AND d.dbid = (SELECT b.oid FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database())
), member AS (
    SELECT m.member AS role FROM pg_catalog.pg_auth_members m JOIN owner o ON o.role = m.roleid
    UNION SELECT m.member FROM pg_catalog.pg_auth_members m JOIN member b ON b.role = m.roleid)
SELECT r.rolname FROM member m JOIN pg_catalog.pg_roles r ON r.oid = m.role WHERE r.rolcanlogin AND NOT r.rolsuper ORDER BY 1 LIMIT 5
"""


@dataclass(frozen=True)
class CandidatePolicy:
    """``files``: name → text, the policy among them as ``policy.toml``."""

    policy: Policy
    suggested: Suggested
    files: Mapping[str, str]

    def write(self, path: Path) -> list[Path]:
        """Write the policy to ``path`` and the new sources beside it. All or none. Raises :class:`UsageError`
        where a file is there."""
        places = {path if name == "policy.toml" else path.parent / name: text for name, text in self.files.items()}
        for place in places:
            if place.exists():
                raise UsageError(f"{place} is there already, and a draft overwrites nothing", hint="--out another file")
        try:
            for place, text in places.items():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, "utf-8")
        except OSError:
            for place in places:
                with suppress(OSError):
                    place.unlink()
            raise
        return list(places)


def candidate_policy(connection: psycopg.Connection, application: Role, protect: Sequence[str]) -> CandidatePolicy:
    """Read the estate; nothing is written to the database. Raises :class:`Qt001Error`."""
    inventory = read_inventory(connection, application)
    analyses = analyse_estate(inventory.objects, read_names(connection))
    suggested = suggest(inventory, edges_of(analyses, read_reach(connection)), protect)
    path = guess(inventory, suggested, analyses)
    if path.switch is not None:
        path = replace(path, switch=replace(path.switch, rows=_rows_today(connection, path.switch)))
    text = candidate_text(inventory, suggested, path)
    policy = policy_from_data(tomllib.loads(text), "the draft")
    for o in inventory.objects:
        rule, meant = policy.rule_for(o.ref), suggested.suggestions[o.ref.key].disposition
        if (rule.disposition if rule else None) != meant:
            raise PolicyError(
                f"the draft would say {rule.disposition if rule else 'nothing'} of {o.ref}, meant {meant}"
            )
    files = {"policy.toml": text, **{f"repoint/{part}.sql": source for part, source in path.sources.items()}}
    return CandidatePolicy(policy, suggested, files)


def _rows_today(connection: psycopg.Connection, switch: Switch) -> tuple[tuple[str, str], ...] | None:
    """What the table of the blocked writes says today, where it has few rows and this login may read them."""
    query = sql.SQL("SELECT {}::text, {}::text FROM {} LIMIT {}").format(
        sql.Identifier(switch.key),
        sql.Identifier(switch.state),
        sql.Identifier(switch.table.schema or "", switch.table.name),
        _FEW + 1,
    )
    try:
        with connection.transaction():
            rows = connection.execute(query).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return tuple(sorted((str(key), str(state)) for key, state in rows)) if len(rows) <= _FEW else None


def biggest_owner(connection: psycopg.Connection, option: str = "--application ROLE") -> str:
    """The login, no superuser, that owns the most in this database. Raises :class:`UsageError` where there is none."""
    rows = connection.execute(_OWNERS).fetchall()
    if not rows:
        members = [str(row[0]) for row in connection.execute(_MEMBERS).fetchall()]
        through = f"; members of the roles that do: {', '.join(members)}" if members else ""
        raise UsageError(
            f"no login but superusers owns anything in this database{through}",
            hint=f"name the application role: {option}",
        )
    return str(rows[0][0])
