"""Words for what the ledger holds, and the commands that come next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

TITLES: Final = {
    "fix7a": "authority foundation",
    "fix7b": "cutover of owners and privileges",
    "fix7c": "evidence and repoint",
}
DONE_BY: Final = {"fix7a": "configured", "fix7b": "cutover", "fix7c": "deployed"}
"""The event that the upgrade of a stage writes."""
NEXT: Final = {"fix7a": "fix7b", "fix7b": "fix7c"}
COMMAND: Final = {
    "fix7b": "alembic -x manifest=object.json upgrade fix7a:fix7b --sql > fix7b.sql",
    "fix7c": "alembic -x manifest=object.json upgrade fix7b:fix7c --sql > fix7c.sql",
}


def named(stage: str) -> str:
    """fix7b as people write it: FIX7b."""
    return stage.replace("fix", "FIX")


SEAL: Final = (
    "qt001-cp manifest generate --policy FILE --out DIR --propose",
    "qt001-cp manifest seal DIR/object.json",
)
WAYS: Final = {
    "cutover": "FIX7b: cut over",
    "deployed": "FIX7c: deployed",
    "forward": "made",
    "back": "taken back",
    "kept": "kept: its revision went, what it had made stayed",
    "undeployed": "FIX7c taken back",
    "restored": "FIX7b taken back",
}
"""How an event dealt with a manifest, or with the change that brings it."""
_EVENTS: Final = {
    "configured": "the policy was recorded, FIX7a is in place",
    "captured": "owners, privileges and sources of the estate were captured",
    "proposed": "a manifest was proposed",
    "restore_registered": "the way back was registered",
    "content_recorded": "the rows of frozen and source tables were digested",
    "rehearsal_recorded": "a no-go rehearsal was recorded",
    "restored": "FIX7b was taken back: owners and privileges are as they were",
    "deployed": "FIX7c: the apply path asks the gates",
    "undeployed": "FIX7c was taken back: the old sources of the apply path are in force",
    "bound": "evidence was bound to a capability",
    "signed": "the auditor signed",
    "refused": "the auditor refused",
    "changing": "a change of what is protected began to be tried",
    "changed": "a change of what is protected was tried",
    "duty_given": "somebody was given a duty in this database",
    "duty_revoked": "somebody lost a duty in this database",
    "kept": "the revision of a change was taken back, and what it had made was kept",
    "withdrawn": "a manifest that was sealed and waited was withdrawn",
}


def event_words(verb: str, detail: Mapping[str, Any]) -> str:
    """What an event says, in a sentence. Events of a kind that is not known here keep their verb."""
    if verb == "sealed":
        return f"sealed: {str(detail.get('kind', 'a manifest')).removeprefix('qt001.').partition('/')[0]}"
    if verb == "cutover":
        return f"FIX7b: owners and privileges of {detail.get('objects', '?')} objects were changed"
    if verb == "evidence_imported":
        return f"{detail.get('class', 'unknown')} evidence was imported: {detail.get('schema', '?')}"
    if verb == "verified":
        return f"the scheduled verifier ran: {detail.get('findings', '?')} finding(s)"
    if verb == "succeeded":
        back = detail.get("direction") == "back"
        return (
            "a change was taken back: its predecessor is deployed"
            if back
            else "a change was made: its successor is deployed"
        )
    if verb == "released":
        words = "taken back" if detail.get("direction") == "back" else "brought"
        return f"a release of the product was {words}: {detail.get('to', '?')} is in force, build {str(detail.get('build', '?'))[:12]}"
    return _EVENTS.get(verb, verb)
