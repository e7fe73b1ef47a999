"""``qt001-cp policy init``."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from qt001_cp.catalog.application import require_no_superuser
from qt001_cp.cli.database import add_database, connection
from qt001_cp.cli.output import add_format, print_json, say, warn_of_superuser
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK
from qt001_cp.model.names import Role
from qt001_cp.workflow.candidate import CandidatePolicy, biggest_owner, candidate_policy
from qt001_cp.workflow.refusal import refusals


def add_verbs(verbs: Any) -> None:
    policy = verbs.add_parser("policy", help="draft a policy from a live database")
    actions = policy.add_subparsers(title="actions", metavar="ACTION", required=True)
    init = actions.add_parser(
        "init", help="a draft with suggestions and their reasons; what is uncertain stays undecided"
    )
    init.add_argument(
        "--application", metavar="ROLE", help="the application role (default: the login that owns the most)"
    )
    init.add_argument(
        "--protect",
        metavar="PATTERN",
        action="append",
        default=[],
        help="what is to be protected, as schema.name with * and ?; may be repeated (default: the groups that"
        " hold a SECURITY DEFINER routine of the application)",
    )
    init.add_argument(
        "--out",
        type=Path,
        default=Path("policy.toml"),
        help="the file to write (default policy.toml); the new sources go into the folder repoint beside it",
    )
    add_database(init)
    add_format(init)
    init.set_defaults(run=run_init)


def run_init(arguments: argparse.Namespace) -> int:
    with connection(arguments) as opened, refusals():
        application = Role(arguments.application or biggest_owner(opened))
        require_no_superuser(opened, application, first_only=True)
        warn_of_superuser(opened, application)
        draft = candidate_policy(opened, application, arguments.protect)
    written = draft.write(arguments.out)
    counts = Counter(s.disposition or "undecided" for s in draft.suggested.suggestions.values())
    if arguments.format == "json":
        print_json("qt001.draft/1", _json(draft, counts, written))
    else:
        say(f"{arguments.out}: application role {draft.policy.application.name}")
        say(f"{counts['transfer']} to transfer, {counts['retain']} to retain, {counts['undecided']} undecided")
        for group, reason in sorted(draft.suggested.protected.items()):
            say(f"protected: {group}: {reason}")
        for reason, names in _undecided(draft).items():
            say(f"undecided: {names[0] if len(names) == 1 else f'{len(names)} objects'}: {reason}")
        if keys := draft.policy.undecided():
            say(f"for you to write: {', '.join(keys)}")
        say(f"next: read {arguments.out}, then: qt001-cp inventory --policy {arguments.out} --database …")
    return EXIT_FINDINGS if counts["undecided"] else EXIT_OK


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
        "counts": {name: counts[name] for name in ("transfer", "retain", "undecided")},
        "objects": [
            {"kind": k[0], "identity": k[1], "disposition": s.disposition, "reason": s.reason}
            for k, s in sorted(draft.suggested.suggestions.items())
        ],
    }
