"""A manifest with one object of every kind that can be transferred, under the worst names that PostgreSQL allows."""

from __future__ import annotations

from dataclasses import replace

from qt001_cp.model import kinds
from qt001_cp.model.acl import AclItem
from qt001_cp.model.inventory import State
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import PUBLIC, ObjectRef, Role, TypeName
from qt001_cp.model.roles import OWNER
from qt001_cp.model.steps import AclStep, ChangeOwner, Grant, Revoke, StepPlan

APPLICATION = Role('app"lication')
SHOUTING = Role("PUBLIC")
"""A role that is called like the pseudo-role."""
GRANTOR = Role("grantor.of;\nDROP TABLE x; --")
NAMES = (
    'quo"ted',
    "dot.ted",
    "Größe 日本",
    "new\nline",
    "$qt001$",
    "tab\there",
    "back\\slash",
    "it's",
    "\u202eright to left",
    "--comment",
    "public",
    "SELECT",
)
_ARGUMENTS = (TypeName("pg_catalog", "int4"), TypeName('ty"pes', "new\nline", array=True))


def references() -> list[ObjectRef]:
    """One a kind, the names in turn as schema and as name."""
    found = []
    transferable = [k for k in kinds.KINDS if not k.why]
    for number, kind in enumerate(transferable):
        name, schema = NAMES[number % len(NAMES)], NAMES[(number + 5) % len(NAMES)]
        args = {"routine": _ARGUMENTS, "in routine": _ARGUMENTS, "operator": (None, _ARGUMENTS[1])}.get(kind.address)
        name = {"operator": "<?>`|", "number": "4294967295"}.get(kind.address, name)
        in_schema = None if kind.address in ("name", "number") else schema
        method = 'me"thod' if kind.address == "method" else None
        found.append(ObjectRef(kind.key, f"{kind.key} {number}", in_schema, name, args, method))
    return found


def steps(ref: ObjectRef) -> tuple[tuple[AclStep, ...], ChangeOwner | None, tuple[AclStep, ...]]:
    """Everything that is ever said of an object: privileges, columns, other grantors, grant options, the owner."""
    kind = kinds.BY_KEY[ref.kind]
    owner = ChangeOwner(APPLICATION, OWNER) if kind.alter else None
    if kind.grant is None and kind.address != "default":
        return (), owner, ()
    privileges = kind.privileges[:2] or ("SELECT",)
    before: list[AclStep] = [
        Revoke(GRANTOR, SHOUTING, privileges[:1], None, set_role=True),
        Revoke(APPLICATION, PUBLIC, privileges, None, set_role=False),
    ]
    if kind.relation and ref.kind != "sequence":
        before.append(Revoke(APPLICATION, PUBLIC, ("SELECT", "UPDATE"), 'col"umn\u2028', set_role=False))
    after: list[AclStep] = [
        Grant(OWNER, PUBLIC, privileges, None, set_role=False),
        Grant(GRANTOR, SHOUTING, privileges[:1], None, set_role=True, grantable=True),
    ]
    return tuple(before), owner, tuple(after)


def manifest() -> ObjectManifest:
    """Nothing of it exists; only what it implies is looked at."""
    state = State(APPLICATION, (AclItem(APPLICATION, PUBLIC, "SELECT", False),))
    objects = []
    for ref in references():
        before, owner, after = steps(ref)
        detail = {"on": "TABLES"} if ref.kind == "default acl" else None
        objects.append(
            ManifestObject(
                ref,
                "transfer",
                "golden",
                False,
                "0" * 64,
                None,
                None,
                None,
                None,
                detail,
                state,
                replace(state, owner=OWNER),
                None,
                {"forward": StepPlan(before, owner, after), "restore": StepPlan(after, None, ())},
            )
        )
    return ObjectManifest(
        "golden", 18, APPLICATION, {"name": "golden", "sha256": "0" * 64}, {}, (), (), (), tuple(objects)
    )
