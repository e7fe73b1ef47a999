"""The successor of a deployed object manifest on another major version of the server: the same, in that version's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from qt001_cp.errors import ManifestError
from qt001_cp.model.change import NOTHING, Change
from qt001_cp.model.inventory import InventoryObject
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.plan.succession import Succession


def follow_server(
    settled: ObjectManifest,
    predecessor: ObjectManifest,
    live: Iterable[InventoryObject],
    change: Change,
    server_major: int,
) -> Succession:
    """``predecessor``, which is ``settled`` without the steps of the change that brought it, on ``server_major``: definitions as
    ``live``, a copy on that version, has them; owners, ACLs and ways back as they were. A routine of the apply path stays the one
    from before FIX7c. Raises :class:`ManifestError` for a change that does anything."""
    if {change.forward_statements(), change.back_statements()} != {NOTHING}:
        raise ManifestError(
            f"change {change.revision}: the copy is PostgreSQL {server_major}, what is deployed is PostgreSQL {predecessor.server_major}:"
            f" expected two texts that do nothing ({NOTHING}), found others",
            hint="an upgrade and a change are two changes: qt001-cp change new NAME --server",
        )
    found = {o.ref.key: o for o in live}
    path = {part.identity for part in predecessor.repoint}
    objects = tuple(o if o.ref.identity in path else _reworded(o, found) for o in settled.objects)
    manifest = replace(
        predecessor,
        server_major=server_major,
        objects=objects,
        succession={"predecessor": predecessor.digest(), "change": change.digest()},
    )
    pairs = zip(settled.objects, objects, strict=True)
    changed = tuple((o.ref, ("definition",)) for o, now in pairs if now.definition != o.definition)
    return Succession(manifest, (), changed, ())


def _reworded(o: ManifestObject, found: Mapping[tuple[str, str], InventoryObject]) -> ManifestObject:
    now = found.get(o.ref.key)
    if now is None:
        return o
    return replace(
        o,
        definition=now.definition_digest,
        source=None if o.source is None else now.definition,
        storage=now.storage_digest,
        storage_source=None if o.storage_source is None else now.storage,
    )
