"""Protected state, no worse: what a stage may lower and never raise, measured before and after each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, LiteralString

from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.roles import SCHEMA
from qt001_cp.rehearsal.scene import Scene
from qt001_cp.rehearsal.state import data_digest

_HELD: Final = """
SELECT count(*) FROM qt001_cp.live_identity(%(app)s) l
JOIN qt001_cp.manifest_object(%(manifest)s) o ON o.kind = l.kind AND o.identity = l.identity AND o.disposition = 'transfer'
CROSS JOIN LATERAL qt001_cp.effective_privileges(%(role)s, l.classid, l.objid, l.kind) h
"""
_UNBLOCKED: Final = "SELECT count(*) FROM qt001_cp.blocked_findings(%(manifest)s)"


@dataclass(frozen=True)
class Protection:
    """``application``, ``public``: how many privileges on protected objects each holds by any route, ownership among them.
    ``unblocked``: how many of the policy's switches do not say that apply and readiness are blocked.
    """

    data: str
    application: int
    public: int
    unblocked: int

    def worse_than(self, before: Protection) -> str:
        """What has moved in the unsafe direction since ``before``; empty: nothing has, and no row has moved at all."""
        counted = (
            ("privileges of the application", self.application, before.application),
            ("privileges of PUBLIC", self.public, before.public),
            ("switches that do not block", self.unblocked, before.unblocked),
        )
        found = [f"{what}: {now}, {then} before" for what, now, then in counted if now > then]
        return "; ".join([*found, *(["rows or sequences have moved"] if self.data != before.data else [])])


def measure(scene: Scene, manifest: ObjectManifest) -> Protection:
    """In a database with FIX7a or more, in which ``manifest`` is recorded."""
    with scene.connect() as connection:

        def count(query: LiteralString, role: str = "") -> int:
            values = {"app": manifest.application.name, "manifest": manifest.digest(), "role": role}
            row = connection.execute(query, values).fetchone()
            assert row is not None
            return int(row[0])

        return Protection(
            data_digest(connection, without=SCHEMA),
            count(_HELD, manifest.application.name),
            count(_HELD, scene.public_only),
            count(_UNBLOCKED),
        )
