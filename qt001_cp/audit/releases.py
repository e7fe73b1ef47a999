"""The builds of the product that were in force here, one after the other, from the events alone.

Contract, section 10 "The product": a release takes the place of the build before it, goes back to it, and leaves the deployed manifest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qt001_cp.audit.check import Check

_STAGE = "fix7c"


def builds(events: Sequence[Mapping[str, Any]]) -> Check:
    """Each release begins where the one before it has led, and its way back leads exactly there again. The build that the
    database says it is at is told: the auditor compares it with that of the release that was reviewed."""
    check = Check("the builds of the product")
    check.faults += _walked(events, check)
    return check


def _walked(events: Sequence[Mapping[str, Any]], check: Check) -> Iterator[str]:
    build, revision, manifest = "", _STAGE, ""
    behind: list[tuple[str, str]] = []
    for e in events:
        verb, detail = e["verb"], e["detail"]
        if verb == "configured":
            check.looked_at += 1
            build, revision, behind = str(detail.get("build")), _STAGE, []
        elif verb in ("deployed", "succeeded"):
            manifest = str(e["subject"])
        elif verb == "undeployed" and behind:
            yield f"event {e['seq']} takes FIX7c back, and release {revision} stands behind it"
        elif verb == "released":
            check.looked_at += 1
            back = detail.get("direction") == "back"
            wanted = (build, revision)
            if (detail.get("was"), detail.get("from")) != wanted:
                yield f"event {e['seq']} leaves {_words(detail.get('was'), detail.get('from'))}, and {_words(*wanted)} was in force"
            build, revision = str(detail.get("build")), str(detail.get("to"))
            if back and (not behind or behind.pop() != (build, revision)):
                yield f"event {e['seq']} leads back to {_words(build, revision)}, which is not what was there before"
            if not back:
                behind.append(wanted)
            if e["subject"] != manifest:
                yield f"event {e['seq']} names manifest {e['subject']}, and {manifest or 'none'} was deployed"
    if any(e["verb"] == "released" for e in events):
        check.notes.append(
            f"this database is at {_words(build, revision)}: compare it with the release that you reviewed"
        )


def _words(build: object, revision: object) -> str:
    return f"build {build} of {revision}"
