"""A made-up no-go record: complete in form, so that the precondition that reads it costs what it costs."""

from __future__ import annotations

from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.nogo import DENIED, FAMILIES
from qt001_cp.rehearsal.nogo.case import Case, Outcome, Step
from qt001_cp.rehearsal.transcript import Transcript

_STATE = "0" * 64


def made_record(manifest: ObjectManifest) -> bytes:
    """One case for each role and transferred object (a rehearsal makes several), one for each other family.

    Only for a database that nobody needs: nothing was rehearsed.
    """
    cases = [
        Case("acl_denials", f"DROP {o.ref} as {who}", (Step(who, "-- made up"),), ("42501",), object=str(o.ref))
        for who in DENIED
        for o in manifest.transferred
        if o.ref.kind != "default acl"
    ]
    cases += [
        Case(f, "made up", (Step("superuser", "-- made up"),), ("42501",)) for f in FAMILIES if f != "acl_denials"
    ]
    transcript = Transcript(manifest=manifest.digest(), server="benchmark")
    transcript.outcomes = [Outcome(c, "42501", "made up", _STATE, _STATE) for c in cases]
    return transcript.record()
