"""Verbs that only read: ``inventory``, ``preflight``, ``status``."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from qt001_cp import estate
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.cli.database import add_database, connection
from qt001_cp.cli.output import add_format, print_findings, print_json, print_table
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.policy_file import load_policy, read_file
from qt001_cp.workflow.refusal import refusals


def add_verbs(verbs: Any) -> None:
    inventory = verbs.add_parser("inventory", help="the estate of the application role, as it is now")
    inventory.add_argument("--policy", type=Path, help="the policy; says the application role, and classifies")
    add_database(inventory)
    add_format(inventory)
    inventory.set_defaults(run=run_inventory)

    preflight = verbs.add_parser("preflight", help="every precondition of FIX7b, without changing anything")
    preflight.add_argument("manifest", type=Path, help="the sealed object manifest")
    preflight.add_argument(
        "--restore", action="store_true", help="the preconditions of the way back, from FIX7b to FIX7a"
    )
    add_database(preflight)
    add_format(preflight)
    preflight.set_defaults(run=run_preflight)

    status = verbs.add_parser("status", help="stage, manifests, gates with their reasons")
    add_database(status)
    add_format(status)
    status.set_defaults(run=run_status)


def run_inventory(arguments: argparse.Namespace) -> int:
    policy = load_policy(arguments.policy or estate.policy_path())
    with connection(arguments) as opened, refusals():
        inventory = read_inventory(opened, policy.application)
    rows = [(o, policy.rule_for(o.ref)) for o in inventory.objects]
    unclassified = [o for o, rule in rows if rule is None]
    if arguments.format == "json":
        document = {k: v for k, v in inventory.to_json().items() if k != "schema"}
        print_json("qt001.inventory/1", {**document, "unclassified": [str(o.ref) for o in unclassified]})
    else:
        print_table(
            f"estate of {inventory.application.name} in {inventory.database}",
            ("kind", "identity", "owner", "why", "disposition"),
            [
                (
                    o.ref.kind,
                    o.ref.identity,
                    o.state.owner.name,
                    ", ".join(o.why),
                    rule.disposition if rule else "UNCLASSIFIED",
                )
                for o, rule in rows
            ],
        )
        counts = Counter(o.ref.kind for o in inventory.objects)
        print(f"{len(rows)} objects: " + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())))
        print(f"{len(unclassified)} unclassified" + "".join(f"\n  {o.ref}" for o in unclassified))
    return EXIT_FINDINGS if unclassified else EXIT_OK


def run_preflight(arguments: argparse.Namespace) -> int:
    manifest = ObjectManifest.from_bytes(read_file(arguments.manifest), str(arguments.manifest))
    with connection(arguments, needs_fix7a=True) as opened, refusals():
        function = "fix7b_restore_findings" if arguments.restore else "fix7b_findings"
        findings = _rows(opened, f"SELECT * FROM qt001_cp.{function}(%s)", manifest.digest())
        notes = [r["note"] for r in _rows(opened, "SELECT note FROM qt001_cp.operator_notes(%s)", manifest.digest())]
        locks = _rows(opened, "SELECT * FROM qt001_cp.lock_estimate(%s)", manifest.digest())[0]
    if arguments.format == "json":
        print_json("qt001.preflight/1", {"manifest": manifest.digest(), "go": not findings, "findings": findings,
                                         "notes": notes, "lock_slots": locks})  # fmt: skip
    else:
        broken = {f["precondition"] for f in findings}
        way = "the way back from FIX7b" if arguments.restore else "FIX7b"
        print(f"preflight of {way} with manifest {manifest.digest()}")
        titles = _RESTORE_PRECONDITIONS if arguments.restore else _PRECONDITIONS
        for number, title in titles.items():
            print(f"  {'✗' if number in broken else '✓'} {number} {title}")
        print(f"lock slots: {locks['needed']} needed, {locks['free']} free, {locks['capacity']} on this server")
        print_findings(findings)
        for note in notes:
            print(f"note: {note}")
        print("go" if not findings else f"no go: {len(findings)} finding(s); nothing was changed")
    return EXIT_FINDINGS if findings else EXIT_OK


def run_status(arguments: argparse.Namespace) -> int:
    with connection(arguments, needs_fix7a=True) as opened, refusals():
        stage = _rows(opened, "SELECT qt001_cp.stage() AS stage, qt001_cp.is_rehearsal() AS rehearsal")[0]
        manifests = _rows(
            opened,
            "SELECT kind, digest, state, proposed_by, sealed_by, sealed_at FROM qt001_cp.v_manifest ORDER BY sealed_at",
        )
        drift = _rows(opened, "SELECT * FROM qt001_cp.drift()")
        head = _rows(opened, "SELECT seq, digest, actor, verb, at FROM qt001_cp.v_event ORDER BY seq DESC LIMIT 1")
        gates: list[dict[str, Any]] = []
        acceptance: list[dict[str, Any]] = []
        guard: list[dict[str, Any]] = []
        if stage["stage"] == "fix7c":
            guard = _rows(opened, "SELECT mode, reason FROM qt001_cp.guard_mode()")
            gates = _rows(opened, "SELECT * FROM qt001_cp.v_fix7_gate ORDER BY ordinal")
            acceptance = _rows(opened, "SELECT * FROM qt001_cp.v_fix7_acceptance")
    accepted = bool(acceptance and acceptance[0]["accepted"])
    document = {**stage, "accepted": accepted, "subject": acceptance[0]["subject_digest"] if acceptance else None,
                "manifests": manifests, "gates": gates, "drift": drift, "ledger_head": head[0] if head else None,
                "guard": guard[0] if guard else None}  # fmt: skip
    if arguments.format == "json":
        print_json("qt001.status/1", document)
    else:
        print(
            f"stage {stage['stage']}{' (rehearsal)' if stage['rehearsal'] else ''}; accepted: {'yes' if accepted else 'no'}"
        )
        if acceptance:
            print(f"subject {acceptance[0]['subject_digest']}")
        if guard:
            print(f"guard {guard[0]['mode']}: {guard[0]['reason']}")
        print_table("manifests", ("kind", "digest", "state", "sealed by"),
                    [(m["kind"], m["digest"], m["state"], m["sealed_by"]) for m in manifests])  # fmt: skip
        if gates:
            print_table("gates", ("", "gate", "open", "reason", "mend"),
                        [(g["ordinal"], g["gate"], "yes" if g["open"] else "no", g["reason"], g["mend"]) for g in gates])  # fmt: skip
        for d in drift:
            print(f"drift: {d['object']}: expected {d['expected']}, found {d['found']}")
    return EXIT_FINDINGS if drift or any(not g["open"] for g in gates) else EXIT_OK


_PRECONDITIONS = {
    0: "the right server, database and stage",
    1: "the manifest is sealed and not superseded",
    2: "the live estate is exactly the manifest",
    3: "the restore script of this manifest is registered",
    4: "search paths of SECURITY DEFINER routines are pinned",
    5: "the no-go rehearsal of this manifest is recorded and complete",
    6: "apply and readiness are blocked",
    7: "the session is the operator's and may run every statement, the roles are kept apart",
    8: "nothing that stays with the application reaches a protected object",
    9: "the locks fit",
}
_RESTORE_PRECONDITIONS = {
    0: "the right server, database and stage",
    1: "the manifest is the one that was cut over",
    2: "nothing that is to be put back has drifted",
    3: "the restore script of this manifest is registered",
    7: _PRECONDITIONS[7],
    9: _PRECONDITIONS[9],
}


def _rows(opened: psycopg.Connection, query: str, *args: object) -> list[dict[str, Any]]:
    with opened.cursor(row_factory=dict_row) as cursor:
        return list(cursor.execute(query, args or None).fetchall())
