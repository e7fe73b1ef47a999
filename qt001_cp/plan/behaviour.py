"""What stays with its owner and works with what goes: it stops working, and nobody has to find that out afterwards."""

from __future__ import annotations

from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import PUBLIC, Role

CHOICE = "curate a view for it, transfer it too, or rewrite it"


def touching(manifest: ObjectManifest) -> list[ManifestObject]:
    """Every object that is not transferred and that reads, writes or calls what is."""
    return [o for o in manifest.objects if o.disposition != "transfer" and (o.detail or {}).get("touches")]


def touched(o: ManifestObject) -> str:
    """What it does to which, in words."""
    return ", ".join(f"{t['verb']} {t['kind']} {t['identity']}" for t in (o.detail or {}).get("touches", ()))


def behaviour(manifest: ObjectManifest) -> list[str]:
    """One sentence each."""
    return [f"{o.ref} stays with {o.before.owner.name} and {touched(o)}: {CHOICE}" for o in touching(manifest)]


def loses(role: Role, goes: ManifestObject) -> bool:
    """Whether a role has something on a transferred object now, as its owner, by name or as anybody, and nothing afterwards."""
    before, after = goes.before, goes.after or goes.before
    had = before.owner == role or any(i.grantee in (role, PUBLIC) for i in before.acl)
    return had and not any(i.grantee in (role, PUBLIC) for i in after.acl)
