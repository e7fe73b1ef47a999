"""The line of manifests: what each event put in force, what is deployed now and how it came there, and where that does not fit together.

Contract, section 10 "Succession". What each successor inherits is the database's own verdict (``qt001_cp.inherited_findings``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from qt001_cp.report.facts import Deployment, Event, Finding, Line, Link

Rows = Callable[..., list[dict[str, Any]]]
_DEPLOYMENTS: Final = """
SELECT event.seq,
       CASE WHEN event.verb = 'succeeded' THEN coalesce(event.detail ->> 'direction', event.verb) ELSE event.verb END AS way,
       CASE event.verb WHEN 'kept' THEN event.detail ->> 'object_manifest' ELSE event.subject END AS manifest,
       qt001_cp.document_json(CASE event.verb WHEN 'kept' THEN event.subject ELSE event.detail ->> 'change' END)
           ->> 'revision' AS change
FROM qt001_cp.v_event event
WHERE event.verb IN ('cutover', 'deployed', 'succeeded', 'kept', 'undeployed', 'restored')
ORDER BY event.seq
"""
_LINKS: Final = """
SELECT line.digest, qt001_cp.predecessor(line.digest) AS predecessor, known.state,
       qt001_cp.document_json(qt001_cp.change_of(line.digest)) ->> 'revision' AS change
FROM qt001_cp.ancestry(%s) line LEFT JOIN qt001_cp.v_manifest known ON known.digest = line.digest
ORDER BY line.number DESC
"""
_FAULTS: Final = """
WITH step AS (
    -- What was in force before each event that puts a manifest in the place of another.
    SELECT event.seq, event.verb, event.subject, event.detail,
           event.detail ->> 'direction' = 'back' AS back,
           pg_catalog.lag(event.subject) OVER (ORDER BY event.seq) AS before,
           pg_catalog.lag(event.verb) OVER (ORDER BY event.seq) AS verb_before
    FROM qt001_cp.v_event event
    WHERE event.verb IN ('cutover', 'deployed', 'succeeded', 'undeployed', 'restored')
), kept AS (
    SELECT event.seq, event.subject AS change, event.detail ->> 'object_manifest' AS manifest, (
               SELECT earlier.subject FROM qt001_cp.v_event earlier
               WHERE earlier.seq < event.seq AND earlier.verb IN ('deployed', 'succeeded')
               ORDER BY earlier.seq DESC LIMIT 1) AS deployed
    FROM qt001_cp.v_event event WHERE event.verb = 'kept'
), line AS (
    SELECT ancestry.digest FROM qt001_cp.ancestry(%s) ancestry
), fault AS (
    SELECT 'event ' || step.seq AS object,
           CASE WHEN step.back THEN 'the predecessor of the manifest that it takes the place of'
                ELSE 'the successor of the manifest that it takes the place of' END AS expected,
           'manifest ' || step.subject || ' in the place of '
               || CASE WHEN step.verb_before IN ('deployed', 'succeeded') THEN step.before ELSE 'none' END AS found
    FROM step
    WHERE step.verb = 'succeeded' AND CASE WHEN coalesce(step.verb_before, '') NOT IN ('deployed', 'succeeded') THEN true
        WHEN step.back THEN qt001_cp.predecessor(step.before) IS DISTINCT FROM step.subject
        ELSE qt001_cp.predecessor(step.subject) IS DISTINCT FROM step.before END
    UNION ALL
    SELECT 'event ' || step.seq, 'the manifest that was cut over', 'manifest ' || step.subject
    FROM step WHERE step.verb = 'deployed' AND step.subject IS DISTINCT FROM step.before
    UNION ALL
    SELECT 'event ' || step.seq, 'the change that its manifest names',
           'change ' || coalesce(step.detail ->> 'change', 'none')
    FROM step
    WHERE step.verb = 'succeeded' AND step.detail ->> 'change' IS DISTINCT FROM
        qt001_cp.change_of(CASE WHEN step.back THEN step.before ELSE step.subject END)
    UNION ALL
    SELECT 'event ' || kept.seq, 'a change of the line of what was deployed, which stays deployed',
           'change ' || kept.change || ' of manifest ' || coalesce(kept.manifest, 'none')
    FROM kept
    WHERE kept.manifest IS DISTINCT FROM kept.deployed OR NOT EXISTS (
        SELECT 1 FROM qt001_cp.ancestry(kept.manifest) ancestry
        WHERE qt001_cp.change_of(ancestry.digest) = kept.change)
    UNION ALL
    SELECT 'manifest ' || line.digest, 'its document in the ledger', 'none'
    FROM line
    WHERE line.digest IS NOT NULL AND qt001_cp.document_json(line.digest) IS NULL
    UNION ALL
    SELECT 'manifest ' || line.digest, 'the document of its change', coalesce(qt001_cp.change_of(line.digest), 'none')
    FROM line
    WHERE qt001_cp.is_successor(line.digest)
      AND qt001_cp.document_json(qt001_cp.change_of(line.digest)) ->> 'schema' IS DISTINCT FROM 'qt001.change/1'
)
SELECT 'QT205' AS sqlstate, fault.object, fault.expected, fault.found,
       'Do not rely on it: qt001-cp audit names what else does not fit.' AS mend
FROM fault
UNION ALL
SELECT finding.sqlstate, finding.object, finding.expected, finding.found, finding.mend
FROM line CROSS JOIN LATERAL qt001_cp.inherited_findings(line.digest) finding
WHERE qt001_cp.is_successor(line.digest)
  AND qt001_cp.document_json(qt001_cp.predecessor(line.digest)) IS NOT NULL
"""


def read_line(rows: Rows, events: Sequence[Event], deployed: str | None) -> Line:
    """``rows``: asks the database. ``deployed``: the object manifest in force, None before a cutover."""
    by_number = {e.seq: e for e in events}
    made = tuple(Deployment(by_number[r["seq"]], r["way"], r["manifest"], r["change"]) for r in rows(_DEPLOYMENTS))
    links = tuple(
        Link(
            r["digest"], r["predecessor"], r["change"], r["state"] or "not in this database", _since(made, r["digest"])
        )
        for r in (rows(_LINKS, deployed) if deployed is not None else [])
    )
    found = tuple(Finding(**{k: str(v) for k, v in r.items()}) for r in rows(_FAULTS, deployed))
    return Line(links, made, found)


def _since(made: Sequence[Deployment], digest: str) -> Event | None:
    """The event that put a manifest in force last."""
    puts = ("cutover", "deployed", "forward", "back")
    return next((d.event for d in reversed(made) if d.manifest == digest and d.way in puts), None)
