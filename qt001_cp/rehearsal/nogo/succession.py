"""Attacks on the denominator of a change: what is protected moves after the successor is sealed, or it is not what was sealed.

Tried where FIX7c is deployed and the successor waits.
"""

from __future__ import annotations

from dataclasses import replace

from qt001_cp.emit.quoting import literal
from qt001_cp.emit.statements import address
from qt001_cp.model.change import Change
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import Role
from qt001_cp.model.steps import ChangeOwner, StepPlan
from qt001_cp.rehearsal.nogo.case import Case, Step
from qt001_cp.rehearsal.nogo.denominator import FAMILY
from qt001_cp.sql.build import build


def cases(manifest: ObjectManifest, change: Change, public_only: str) -> list[Case]:
    """Every case ends in the operator's change, which has to refuse, or in the sealing of another manifest."""
    script = f"upgrade change {change.revision}"
    start = Step(
        "operator",
        f"SELECT qt001_cp.start_run({literal(script)}, {literal(change.revision)}, {literal(build())}, NULL)",
    )
    moves = manifest.digest() if manifest.moved else None
    begin = Step("operator", "SELECT qt001_cp.change_begin(%s, 'forward', %s)", [change.body(), moves])
    locks = [Step("operator", "SELECT qt001_cp.lock_relations(%s)", [moves])] if moves else []
    run = "SELECT qt001_cp.run_change(%s)"

    def moved(name: str, statement: str, contains: str) -> Case:
        as_owner = f"SET LOCAL ROLE {manifest.pair.owner.name}; {statement}; RESET ROLE"
        return Case(FAMILY, name, (Step("superuser", as_owner), start, begin), ("QT310",), contains)

    made = [
        Case(FAMILY, "another text than the sealed one",
             (start, begin, *locks, Step("operator", run, [f"{change.forward}\n-- and more"])), ("QT103",), "text forward"),
        Case(FAMILY, "the text without its beginning", (start, Step("operator", run, [change.forward])), ("QT112",)),
        Case(FAMILY, "the text as its author", (Step("author", run, [change.forward]),), ("42501",)),
        Case(FAMILY, "a tampered row, as the ledger role",
             (Step("superuser", "SET LOCAL ROLE qt001_cp_ledger; UPDATE qt001_cp.document SET kind = kind"),), ("QT201",)),
        Case(FAMILY, "a deleted event, as the ledger role",
             (Step("superuser", "SET LOCAL ROLE qt001_cp_ledger; DELETE FROM qt001_cp.event"),), ("QT201",)),
    ]  # fmt: skip  # one move a line
    made += _without_moves(manifest, change, (start, begin))
    made += [_forged(f"a successor that {what}", other) for what, other in _forgeries(manifest)]
    table = _first(manifest, "table")
    if table is not None:
        name = address(table.ref)
        made += [
            moved("a definition after sealing", f"ALTER TABLE {name} ADD COLUMN smuggled int", table.ref.identity),
            moved("a grant after sealing", f'GRANT TRIGGER ON {name} TO "{public_only}"', table.ref.identity),
        ]
    function = _first(manifest, "function")
    if function is not None:
        made.append(
            moved(
                "a routine's options after sealing",
                f"ALTER FUNCTION {address(function.ref)} COST 4711",
                function.ref.name,
            )
        )
    return made


def _without_moves(manifest: ObjectManifest, change: Change, begun: tuple[Step, Step]) -> list[Case]:
    """What a change takes or gives back, by half: its script without the statements, a grant on it after the sealing."""
    if not manifest.moved:
        return []
    start, begin = begun
    bare = Step("operator", "SELECT qt001_cp.change_begin(%s, 'forward')", [change.body()])
    run = Step("operator", "SELECT qt001_cp.run_change(%s)", [change.forward])
    made = [
        Case(
            FAMILY,
            "a change without the statements of what it moves",
            (start, bare),
            ("QT103",),
            "owners and privileges",
        ),
        Case(FAMILY, "its text before what it moves is locked", (start, begin, run), ("QT112",), "lock_relations"),
    ]
    taken = next((o for o in manifest.moved if o.disposition == "transfer" and o.ref.kind == "table"), None)
    if taken is not None:
        grant = Step("superuser", f"GRANT TRIGGER ON {address(taken.ref)} TO PUBLIC")
        made.append(
            Case(FAMILY, "a grant on what is taken, after sealing", (grant, start, begin), ("QT310",), "TRIGGER")
        )
    return made


def _forged(name: str, other: ObjectManifest) -> Case:
    """Proposed by the author, and sealed: refused for what it says, not for the one that waits."""
    propose = Step("author", "SELECT qt001_cp.propose_manifest(%s)", [other.body()])
    return Case(
        FAMILY,
        name,
        (propose, Step("operator", f"SELECT qt001_cp.seal_manifest('{other.digest()}')")),
        ("QT103", "QT101"),
    )


def _forgeries(manifest: ObjectManifest) -> list[tuple[str, ObjectManifest]]:
    """Manifests that are not what the change brings."""
    assert manifest.succession is not None
    made = [("is of another predecessor", _with(manifest, succession={**manifest.succession, "predecessor": "0" * 64}))]
    stays = next((o for o in manifest.objects if o.disposition == "retain"), None)
    if stays is not None:
        made.append(
            ("leaves out what stays", _with(manifest, objects=tuple(o for o in manifest.objects if o is not stays)))
        )
    taken = next((o for o in manifest.moved if o.disposition == "transfer"), None)
    if taken is not None:
        kept = replace(taken, disposition="retain", after=None, plans={})
        made.append(("leaves what its policy takes", _exchanged(manifest, taken, kept)))
    if stays is not None:
        made.append(
            ("takes what its policy leaves", _exchanged(manifest, stays, _as_taken(stays, manifest.pair.owner)))
        )
    path = next((o for o in manifest.transferred if o.ref.identity in {r.identity for r in manifest.repoint}), None)
    if path is not None:
        made.append(("gives the apply path back", _exchanged(manifest, path, _as_given(path))))
    old = next((o for o in manifest.transferred if o.retired is not None), None)
    if old is not None:
        made.append(("gives legacy authority back", _exchanged(manifest, old, _as_given(old))))
    goes = next((o for o in manifest.transferred if o.before.owner == manifest.application), None)
    if goes is not None:
        kept = replace(goes, before=replace(goes.before, owner=manifest.pair.owner))
        made.append(("gives nothing back on the way back", _exchanged(manifest, goes, kept)))
    return made


def _as_taken(o: ManifestObject, owner: Role) -> ManifestObject:
    there, back = StepPlan((), ChangeOwner(o.before.owner, owner)), StepPlan((), ChangeOwner(owner, o.before.owner))
    after = o.before.as_owned_by(owner)
    plans = {"forward": there, "restore": back, "move": there, "unmove": back}
    return replace(o, disposition="transfer", after=after, plans=plans)


def _as_given(o: ManifestObject) -> ManifestObject:
    back = o.plans["restore"]
    return replace(
        o, disposition="retain", after=None, retired=None, plans={"move": back, "unmove": o.plans.get("forward", back)}
    )


def _exchanged(manifest: ObjectManifest, one: ManifestObject, other: ManifestObject) -> ObjectManifest:
    return _with(manifest, objects=tuple(other if o is one else o for o in manifest.objects))


def _with(manifest: ObjectManifest, **changes: object) -> ObjectManifest:
    return replace(manifest, **changes)  # type: ignore[arg-type]


def _first(manifest: ObjectManifest, kind: str) -> ManifestObject | None:
    """A transferred object of that kind which the owner owns, and which the change has not made."""
    return next(
        (
            o
            for o in manifest.transferred
            if o.ref.kind == kind
            and o.after
            and o.after.owner == manifest.pair.owner != o.before.owner
            and o.retired is None
        ),
        None,
    )
