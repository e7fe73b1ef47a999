"""``qt001-cp policy init``."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

from qt001_cp.catalog.application import require_no_superuser
from qt001_cp.cli.database import add_database, connection
from qt001_cp.cli.output import add_format, early_json, print_early, print_json, say, warn_of_superuser
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK, UsageError
from qt001_cp.model.names import Role
from qt001_cp.plan.candidate.suggest import Wishes
from qt001_cp.workflow.candidate import CandidatePolicy, biggest_owner, candidate_policy
from qt001_cp.workflow.own_schema import OwnSchema, own_schema
from qt001_cp.workflow.refusal import refusals

_KEEPING: Final = {"append-only": ("SELECT", "INSERT"), "read-only": ("SELECT",)}
"""What the application keeps on what an option of that name protects."""
_PRIVILEGE: Final = re.compile(r"(?:SELECT|INSERT|UPDATE)\([^()]+\)|SELECT|INSERT|UPDATE|DELETE|USAGE|EXECUTE")
_PRIVILEGES: Final = re.compile(rf"(?:{_PRIVILEGE.pattern})(?:,(?:{_PRIVILEGE.pattern}))*")


def add_verbs(verbs: Any) -> None:
    policy = verbs.add_parser("policy", help="draft a policy from a live database")
    actions = policy.add_subparsers(title="actions", metavar="ACTION", required=True)
    init = actions.add_parser(
        "init", help="a draft with suggestions and their reasons; what is uncertain stays undecided"
    )
    _add_wishes(init)
    init.add_argument(
        "--out",
        type=Path,
        default=Path("policy.toml"),
        help="the file to write (default policy.toml); the new sources go into the folder repoint beside it",
    )
    add_database(init)
    add_format(init)
    init.set_defaults(run=run_init)
    schema = actions.add_parser(
        "schema",
        help="before FIX7a: SQL that moves protected routines, views and types into a schema of their own, and back",
    )
    schema.add_argument("name", metavar="NAME", help="the schema that is to be made for them")
    _add_wishes(schema)
    schema.add_argument(
        "--out",
        type=Path,
        default=Path(),
        help="the folder for schema-move.sql and schema-back.sql (default: this one)",
    )
    add_database(schema)
    add_format(schema)
    schema.set_defaults(run=run_schema)


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    """What is to be protected, in the words that both actions share."""
    parser.add_argument(
        "--application", metavar="ROLE", help="the application role (default: the login that owns the most)"
    )
    parser.add_argument(
        "--protect",
        metavar="PATTERN",
        action="append",
        default=[],
        help="what is to be protected, as schema.name with * and ?, and nothing beside it; may be repeated (default: the"
        " groups that hold a SECURITY DEFINER routine of the application)",
    )
    for option, kept in _KEEPING.items():
        parser.add_argument(
            f"--{option}",
            metavar="PATTERN",
            action="append",
            default=[],
            help=f"the same, and the application keeps {' and '.join(kept)} on it",
        )
    parser.add_argument(
        "--keep",
        metavar="PATTERN=PRIVILEGES",
        action="append",
        default=[],
        help="the same, and the application keeps these: 'public.events=SELECT,INSERT,UPDATE(announced)'",
    )
    parser.add_argument(
        "--keep-foreign-key",
        metavar="PATTERN",
        action="append",
        default=[],
        help="a foreign key that crosses the border and stays, as schema.table.name with * and ?; may be repeated",
    )
    parser.add_argument(
        "--retain",
        metavar="PATTERN",
        action="append",
        default=[],
        help="what stays the application's, whatever the draft would say; of what lies in no schema kind and name, 'extension"
        " pg_trgm'; may be repeated",
    )


def run_init(arguments: argparse.Namespace) -> int:
    with connection(arguments) as opened, refusals():
        application = Role(arguments.application or biggest_owner(opened))
        require_no_superuser(opened, application, first_only=True)
        warn_of_superuser(opened, application)
        draft = candidate_policy(opened, application, _wishes(arguments))
    written = draft.write(arguments.out)
    counts = Counter(s.disposition or "undecided" for s in draft.suggested.suggestions.values())
    if arguments.format == "json":
        print_json("qt001.draft/1", {**_json(draft, counts, written), **early_json(draft.early)})
    else:
        say(f"{arguments.out}: application role {draft.policy.application.name}")
        say(f"{counts['transfer']} to transfer, {counts['retain']} to retain, {counts['undecided']} undecided")
        for group, reason in sorted(draft.suggested.protected.items()):
            say(f"protected: {group}: {reason}")
        for line in draft.told:
            say(line)
        for reason, names in _undecided(draft).items():
            say(f"undecided: {names[0] if len(names) == 1 else f'{len(names)} objects'}: {reason}")
        print_early(draft.early)
        if keys := draft.policy.undecided():
            say(f"for you to write: {', '.join(keys)}")
        say(f"next: read {arguments.out}, then: qt001-cp inventory --policy {arguments.out} --database …")
    return EXIT_FINDINGS if counts["undecided"] or draft.early.findings else EXIT_OK


def run_schema(arguments: argparse.Namespace) -> int:
    with connection(arguments) as opened, refusals():
        application = Role(arguments.application or biggest_owner(opened))
        require_no_superuser(opened, application, first_only=True)
        made = own_schema(opened, application, _wishes(arguments), arguments.name)
    written = made.write(arguments.out)
    broken = [c for c in made.callers if c.breaks]
    if arguments.format == "json":
        print_json("qt001.own-schema/1", _schema_json(arguments.name, made, written))
    else:
        _say_schema(arguments.name, made, written)
    return EXIT_FINDINGS if broken else EXIT_OK


def _say_schema(name: str, made: OwnSchema, written: list[Path]) -> None:
    if not made.moving:
        say("nothing has to move: no protected routine, view or type lies in a schema in which the application goes on")
        return
    for each in made.moving:
        for o in each.objects:
            say(f"moves from {each.schema} to {name}: {o.ref}")
        for role in each.holders:
            say(
                f"role {role} holds something on it: whoever calls it without a schema needs {name} in the search_path of his own"
            )
    for caller in made.callers:
        say(f"{'broken' if caller.breaks else 'caller'}: {caller}")
    say(
        "callers outside of the database: a name without a schema goes on, by the search_path that the script sets; a name with the"
        " old schema fails: look for it in the application's sources, and in its migrations"
    )
    say(f"written   {', '.join(map(str, written))}")
    say(f"next: read both, run them on a copy, then psql -f {written[0]}, and policy init again with the new names")


def _schema_json(name: str, made: OwnSchema, written: list[Path]) -> dict[str, Any]:
    return {
        "name": name,
        "files": [str(p) for p in written],
        "moving": [
            {
                "schema": m.schema,
                "objects": [{"kind": o.ref.kind, "identity": o.ref.identity} for o in m.objects],
                "holders": list(m.holders),
            }
            for m in made.moving
        ],
        "callers": [{"routine": c.routine, "names": c.named, "how": c.how, "breaks": c.breaks} for c in made.callers],
    }


def _wishes(arguments: argparse.Namespace) -> Wishes:
    """Raises :class:`UsageError` where one pattern is said to be two things, or what is to be kept cannot be read."""
    said = {"protect": arguments.protect, "append-only": arguments.append_only, "read-only": arguments.read_only}
    protect: dict[str, tuple[str, ...]] = {}
    for option, patterns in said.items():
        for pattern in patterns:
            if pattern in protect or pattern in arguments.retain:
                raise UsageError(f"--{option} {pattern}: it is named twice", hint="say one thing of each pattern")
            protect[pattern] = _KEEPING.get(option, ())
    for said_to_keep in arguments.keep:
        pattern, privileges = _keeping(said_to_keep)
        if pattern in protect or pattern in arguments.retain:
            raise UsageError(f"--keep {pattern}: it is named twice", hint="say one thing of each pattern")
        protect[pattern] = privileges
    return Wishes(protect, tuple(arguments.retain), tuple(arguments.keep_foreign_key))


def _keeping(said: str) -> tuple[str, tuple[str, ...]]:
    """``public.events=SELECT,UPDATE(a, b)``: the pattern, and each privilege. Raises :class:`UsageError`."""
    pattern, sign, rest = said.rpartition("=")
    if not sign or not pattern or not _PRIVILEGES.fullmatch(rest):
        raise UsageError(
            f"--keep {said}: expected PATTERN=PRIVILEGES, found {rest or 'nothing'} for privileges",
            hint="--keep 'public.events=SELECT,INSERT,UPDATE(announced)': SELECT, INSERT, UPDATE, DELETE, the first three also of columns",
        )
    return pattern, tuple(_PRIVILEGE.findall(rest))


def _undecided(draft: CandidatePolicy) -> dict[str, list[str]]:
    """Who is undecided, by the reason; what stands alone first."""
    found: dict[str, list[str]] = {}
    for key, s in sorted(draft.suggested.suggestions.items()):
        if s.disposition is None:
            found.setdefault(s.reason, []).append(f"{key[0]} {key[1]}")
    return dict(sorted(found.items(), key=lambda item: len(item[1])))


def _json(draft: CandidatePolicy, counts: Counter[str], written: list[Path]) -> dict[str, Any]:
    return {
        "application": draft.policy.application.name,
        "files": [str(p) for p in written],
        "undecided_keys": draft.policy.undecided(),
        "told": list(draft.told),
        "counts": {name: counts[name] for name in ("transfer", "retain", "undecided")},
        "objects": [
            {"kind": k[0], "identity": k[1], "disposition": s.disposition, "reason": s.reason}
            for k, s in sorted(draft.suggested.suggestions.items())
        ],
    }
