"""A change in the place of what was cut over: what its record has to try, which evidence speaks of it, and by whose words it is compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from qt001_cp.model.canonical import Json, canonical_bytes
from qt001_cp.model.nogo import DENIED
from qt001_cp.rehearsal.scene import AUTHOR
from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import Closer
from tests.acceptance.conditions_estate import SETTING, WITHOUT_MAINTAIN
from tests.acceptance.moves import Move, both, in_document, rehearsed
from tests.acceptance.stays_open import Stays

TABLE, AROUND, BESIDE = "table public.qt001_setting", "function public.qt001_touch()", "table public.qt001_queue"
"""What the change is of, what is around it, and what has nothing to do with it."""
WRITER = "public.qt001_write(pg_catalog.jsonb)"
REACHED = ("table", "public.qt001_write_log")
"""Something that the writer reaches."""
_KEPT = "SELECT qt001_cp.document_json(detail ->> 'document') FROM qt001_cp.v_event WHERE verb = 'rehearsal_recorded' ORDER BY seq LIMIT 1"
Edit = Callable[[Json], object]


def _entry(document: Json, kind: str, identity: str) -> Json:
    return next(o for o in document["objects"] if (o["kind"], o["identity"]) == (kind, identity))


def _nothing(_: Json) -> None:
    """As it is."""


def _column(document: Json) -> None:
    """The definition of the table is another one."""
    _entry(document, *SETTING)["definition"] = "0" * 64


def succeeded(document: Edit = _column, record: Edit | None = None) -> Move:
    """A successor in force, as its script leaves the ledger. ``record``: of the cases that the cutover's record has; None: none is there."""

    def move(attempt: Attempt) -> None:
        said = attempt.document("object.json")
        said["succession"] = {"predecessor": attempt.stage.digest, "change": "0" * 64}
        document(said)
        made = str(attempt.run("SELECT qt001_cp.record_document(%s)", [canonical_bytes(said)]))
        sealed = attempt.run(
            "SELECT detail FROM qt001_cp.v_event WHERE verb = 'sealed' AND subject = %s", [attempt.stage.digest]
        )
        attempt.write_event("sealed", made, json.dumps(sealed))
        detail = attempt.run("SELECT detail FROM qt001_cp.deployment()")
        attempt.write_event("succeeded", made, json.dumps(detail))
        if record is not None:
            body: Json = attempt.run(_KEPT)
            body["manifest"] = made
            record(body)
            kept = attempt.run("SELECT qt001_cp.record_document(%s)", [canonical_bytes(body)])
            attempt.write_event("rehearsal_recorded", made, json.dumps({"document": kept}))

    return move


def tried(*objects: str, roles: tuple[str, ...] = DENIED) -> Edit:
    """A record whose denials are of these objects, by these roles."""

    def edit(record: Json) -> None:
        record["cases"] = [
            c
            for c in record["cases"]
            if c["family"] != "acl_denials" or (c["object"] in objects and c["role"] in roles)
        ]

    return edit


def _without(record: Json) -> None:
    """Of everything but the writer."""
    record["cases"] = [c for c in record["cases"] if c.get("object") != f"function {WRITER}"]


def _before(change: Callable[[Json], bool | None]) -> Move:
    """Another record of what was cut over: of its denials of ``BESIDE`` those that ``change`` gives back as true."""

    def edit(record: Json) -> None:
        record["cases"] = [
            c for c in record["cases"] if c["family"] != "acl_denials" or c["object"] != BESIDE or change(c)
        ]

    return rehearsed(edit)


def _done(case: Json) -> bool:
    case["sqlstate"] = "00000"
    return True


def _changed(case: Json) -> bool:
    case["state_after"] = "0" * 64
    return True


def _other_writer(document: Json) -> None:
    next(part for part in document["repoint"] if part["identity"] == WRITER)["after"] += " "


def _reached(document: Json) -> None:
    _entry(document, *REACHED)["definition"] = "0" * 64


def _on_17(document: Json) -> None:
    """The same on another major version, in other words."""
    document["server_major"] = 17
    for each in document["objects"]:
        each["definition"] = "0" * 64


def _bound(attempt: Attempt) -> None:
    """What speaks of the one that was cut over, once more."""
    query = "SELECT DISTINCT subject, detail ->> 'requirement' FROM qt001_cp.event WHERE verb = 'bound'"
    for subject, requirement in attempt.connection.execute(query).fetchall():
        attempt.run("SELECT qt001_cp.bind_evidence(%s, %s)", [subject, requirement], user=AUTHOR)


_MANIFEST = partial(Closer, "object_manifest_sealed", resign=False)
_REAL = partial(Closer, "capability_evidence_real", resign=False)
_OPEN, _SPEAKS = partial(Stays, "object_manifest_sealed"), partial(Stays, "capability_evidence_real")
SUCCESSION = (
    _MANIFEST("a change has no record", succeeded(), "rehearsal of manifest"),
    _MANIFEST("the record of a change lacks what it changes", succeeded(record=tried(AROUND)), TABLE),
    _MANIFEST("the record of a change lacks what reaches it or what it reaches", succeeded(record=tried(TABLE)), AROUND),
    _MANIFEST("the record of a change lacks one role", succeeded(record=tried(TABLE, AROUND, roles=("application", "public_only", "author"))), f"{AROUND} as auditor"),
    _MANIFEST("the record of a change lacks the privileges that it changes", succeeded(
        lambda d: _entry(d, *SETTING)["after"]["acl"].pop(), tried(AROUND)), TABLE),
    _MANIFEST("the record of a change lacks the writer whose source it changes", succeeded(_other_writer, _without), f"function {WRITER}"),
    _MANIFEST("no record has tried a table", both(_before(lambda _: False), succeeded(record=tried(TABLE, AROUND))), BESIDE),
    _MANIFEST("no role but three has tried a table", both(_before(lambda c: c["role"] != "author"), succeeded(record=tried(TABLE, AROUND))), BESIDE),
    _MANIFEST("an earlier record has got at a table", both(_before(_done), succeeded(record=tried(TABLE, AROUND))), BESIDE),
    _MANIFEST("an earlier record has changed something", both(_before(_changed), succeeded(record=tried(TABLE, AROUND))), BESIDE),
    _MANIFEST("the record of a server that has moved is not of everything", succeeded(_on_17, tried(TABLE, AROUND)), BESIDE),
    _REAL("a change is made, and nothing is bound again", succeeded(), "was bound in epoch"),
    _REAL("a change has made another writer", both(succeeded(_other_writer), _bound), "about another subject"),
    _REAL("a change has made something else that the writer reaches", both(succeeded(_reached), _bound), "about another subject"),
)  # fmt: skip  # one a line
SUCCESSION_STAYS = (
    _OPEN("a change, with a record of what it changes and what is around that", succeeded(record=tried(TABLE, AROUND))),
    _OPEN("a change, with a record of everything", succeeded(record=_nothing)),
    _OPEN("a server that has moved, with a record of everything", succeeded(_on_17, _nothing)),
    _SPEAKS("a change beside the apply path, and what was known is bound again", both(succeeded(), _bound)),
    _SPEAKS("a server that has moved, and what was known is bound again", both(succeeded(_on_17), _bound)),
    Stays("owners_and_acls_exact", "a change behind a server that did not know MAINTAIN", both(
        in_document("manifest.object", """jsonb_set(head, '{server_major}', '16')"""), succeeded(_nothing), WITHOUT_MAINTAIN)),
)  # fmt: skip  # one a line
