"""Drafts a policy from a live database, and checks that it is valid and says what was meant."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from qt001_cp.catalog.early import Early
from qt001_cp.catalog.foreign_keys import read_foreign_keys
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.catalog.names import read_names
from qt001_cp.catalog.reach import read_reach
from qt001_cp.emit.quoting import identifier
from qt001_cp.errors import PolicyError, UsageError
from qt001_cp.model.inventory import Inventory
from qt001_cp.model.names import Role, glob
from qt001_cp.model.policy import Policy, policy_from_data
from qt001_cp.plan.analysis import Analyses, analyse_estate
from qt001_cp.plan.candidate.foreign import ForeignKey, choices, component, crossing, fewest
from qt001_cp.plan.candidate.movable import Moving, movable
from qt001_cp.plan.candidate.path import Switch, guess
from qt001_cp.plan.candidate.suggest import Suggested, Wishes, edges_of, suggest, unmatched
from qt001_cp.plan.candidate.text import candidate_text
from qt001_cp.workflow.early import early_of_policy

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

_CREATES = """
SELECT pg_catalog.quote_ident(n.nspname),
       CASE WHEN n.nspowner = 'pg_database_owner'::pg_catalog.regrole AND NOT EXISTS (
                SELECT 1 FROM pg_catalog.aclexplode(n.nspacl) a
                WHERE a.privilege_type = 'CREATE'
                  AND (a.grantee = 0 OR a.grantee <> n.nspowner AND pg_catalog.pg_has_role(%(role)s, a.grantee, 'USAGE')))
            THEN 'database' ELSE 'schema' END,
       n.nspname::text
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'qt001_cp')
  AND pg_catalog.has_schema_privilege(%(role)s, n.oid, 'CREATE')
ORDER BY 1
"""
"""The schemas that the application may create in, and whether that is so only because it owns the database."""


@dataclass(frozen=True)
class CandidatePolicy:
    """``files``: name → text, the policy among them as ``policy.toml``. ``early``: what FIX7b's checks say of it."""

    policy: Policy
    suggested: Suggested
    files: Mapping[str, str]
    early: Early
    told: tuple[str, ...] = ()
    """What a person should know of the draft, a line each: what comes along, foreign keys, migrations."""

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


@dataclass(frozen=True)
class Seen:
    """A live estate, and what is suggested for it. ``kept``: the foreign keys across the border that are kept; ``keys``: the others."""

    inventory: Inventory
    analyses: Analyses
    suggested: Suggested
    keys: list[ForeignKey]
    kept: list[ForeignKey]


def look(connection: psycopg.Connection, application: Role, wishes: Wishes) -> Seen:
    """Read the estate; nothing is written to the database.

    Raises :class:`Qt001Error`; :class:`UsageError` where a pattern names nothing, or there is nothing to protect.
    """
    inventory = read_inventory(connection, application)
    keys = read_foreign_keys(connection)
    _require_matches(inventory, wishes, keys)
    named = [key for key in keys if any(glob(pattern).fullmatch(key.full) for pattern in wishes.keys)]
    analyses = analyse_estate(inventory.objects, read_names(connection))
    edges = [e for e in edges_of(analyses, read_reach(connection)) if not any(key.is_edge(*e) for key in named)]
    suggested = suggest(inventory, edges, wishes)
    if not wishes.protect and not suggested.protected:
        raise UsageError(
            f"nothing of {application.name} says by itself that it is to be protected, so there is nothing to draft",
            hint="name it: --protect 'schema.name', --append-only 'schema.log', --read-only 'schema.name'",
        )
    kept = crossing(named, _protected_tables(suggested))
    return Seen(inventory, analyses, suggested, [key for key in keys if key not in kept], kept)


def candidate_policy(connection: psycopg.Connection, application: Role, wishes: Wishes) -> CandidatePolicy:
    """Read the estate; nothing is written to the database.

    Raises :class:`Qt001Error`; :class:`UsageError` where a pattern names nothing, or there is nothing to protect.
    """
    seen = look(connection, application, wishes)
    inventory, analyses, suggested = seen.inventory, seen.analyses, seen.suggested
    path = guess(inventory, suggested, analyses)
    if path is not None and path.switch is not None:
        path = replace(path, switch=replace(path.switch, rows=_rows_today(connection, path.switch)))
    text = candidate_text(inventory, suggested, path, seen.kept)
    policy = policy_from_data(tomllib.loads(text), "the draft")
    for o in inventory.objects:
        rule, meant = policy.rule_for(o.ref), suggested.suggestions[o.ref.key].disposition
        if (rule.disposition if rule else None) != meant:
            raise PolicyError(
                f"the draft would say {rule.disposition if rule else 'nothing'} of {o.ref}, meant {meant}"
            )
    sources = path.sources if path is not None else {}
    files = {"policy.toml": text, **{f"repoint/{part}.sql": source for part, source in sources.items()}}
    early = early_of_policy(connection, inventory, policy, analyses)
    return CandidatePolicy(policy, suggested, files, early, tuple(_told(connection, seen)))


def _require_matches(inventory: Inventory, wishes: Wishes, keys: list[ForeignKey]) -> None:
    """Raises :class:`UsageError` naming each pattern that matches nothing, and what is nearest to it."""
    wrong = unmatched(inventory, wishes, [key.full for key in keys])
    if not wrong:
        return
    nearest = [name for w in wrong for name in w.nearest]
    words = "; ".join(
        f"{w.pattern!r} matches nothing" + (f" (near: {', '.join(w.nearest)})" if w.nearest else "") for w in wrong
    )
    raise UsageError(
        f"{words}: nothing was drafted",
        hint=f"{nearest[0]!r} perhaps; qt001-cp inventory prints every name, and a pattern is schema.name with * and ?"
        if nearest
        else "qt001-cp inventory prints every name; a pattern is schema.name with * and ?",
    )


def _protected_tables(suggested: Suggested) -> frozenset[str]:
    return frozenset(key[1] for key in suggested.transferred if key[0] == "table")


def _kept_keys(kept: list[ForeignKey]) -> Iterator[str]:
    for key in kept:
        yield f"foreign key {key.name} of {key.table} to {key.referenced} is kept: {key.lets()}"


def _told(connection: psycopg.Connection, seen: Seen) -> Iterator[str]:
    """What comes along and why, what foreign keys hold together, and what the application's migrations lose."""
    inventory, suggested = seen.inventory, seen.suggested
    yield from _kept_keys(seen.kept)
    for key, s in sorted(suggested.suggestions.items()):
        if s.disposition == "transfer" and s.reason.startswith("runs inside "):
            yield f"comes along: {key[0]} {key[1]}: {s.reason}"
    yield from (f"tied: {tie}: precondition 8 refuses that" for tie in suggested.ties)
    yield from _of_foreign_keys(seen.keys, suggested)
    can_move = {m.schema: m for m in movable(inventory, suggested)}
    for schema, why, bare in connection.execute(_CREATES, {"role": inventory.application.name}):
        moved = suggested.suggestions.get(("schema", schema))
        stays = moved is not None and "CREATE" in moved.kept
        if moved is not None and moved.disposition == "transfer" and not stays and _goes_on(bare, suggested):
            yield (
                f"migrations: {inventory.application.name} can no longer create in schema {schema} after FIX7b: {moved.reason}"
                + _way_out(can_move.get(bare))
            )
        elif why == "database":
            yield (
                f"migrations: {inventory.application.name} creates in schema {schema} as the owner of the database, and no longer"
                f" after FIX7b. Before the inventory: GRANT CREATE ON SCHEMA {schema} TO {identifier(inventory.application.name)};"
            )


def _goes_on(schema: str, suggested: Suggested) -> bool:
    """Whether something of the application stays there; its migrations have no business in a schema of the protected ones."""
    return any(
        s.disposition != "transfer" and key in suggested.groups and suggested.groups[key].schema == schema
        for key, s in suggested.suggestions.items()
    )


def _way_out(moving: Moving | None) -> str:
    if moving is None:
        return ""
    names = ", ".join(str(o.ref) for o in moving.objects)
    return f"; can move before, so that CREATE stays: {names}: qt001-cp policy schema NAME, with the options of this command"


def _of_foreign_keys(keys: list[ForeignKey], suggested: Suggested) -> Iterator[str]:
    protected = _protected_tables(suggested)
    border = crossing(keys, protected)
    if not border:
        return
    held = sorted(component(keys, protected) - protected)
    yield f"foreign keys hold {len(held)} more table(s) together with what is protected: {', '.join(held)}"
    along, cut = fewest(keys, protected)
    names = ", ".join(f"{k.name} of {k.table}" for k in cut)
    also = f", if {', '.join(sorted(along))} come along too" if along else ""
    yield f"the fewest that have to go{also}: {len(cut)}: {names}"
    for key in border:
        yield from choices(key, protected)


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
