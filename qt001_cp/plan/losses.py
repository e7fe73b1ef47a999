"""Who loses what by FIX7b: role, object, verb, whether that is meant, and what goes with it without being named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from qt001_cp.model import kinds
from qt001_cp.model.inventory import State
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import PUBLIC, Grantee, Role, grantee_name
from qt001_cp.model.shown import markdown
from qt001_cp.plan.behaviour import CHOICE, touched, touching

OWNER: Final = "owner"
_OF_THE_OWNER: Final[Mapping[str, str]] = {
    "table": "CREATE INDEX, triggers, policies, ANALYZE and VACUUM of it, ALTER, DROP, GRANT",
    "materialized view": "REFRESH, ALTER, DROP, GRANT",
    "schema": "ALTER, and dropping what others own in it",
    "database": "CREATE SCHEMA and EXTENSION in it, ALTER DATABASE … SET",
    "sequence": "setval(), ALTER, DROP, GRANT",
}
"""What only the owner may do, beside ALTER, DROP and GRANT."""
_GOES_WITH_IT: Final[Mapping[tuple[str, str], str]] = {
    (
        "schema",
        "CREATE",
    ): "no new table, view, index or routine in it: migrations stop, and so does CREATE INDEX on tables there",
    ("schema", "USAGE"): "nothing in it is found any more",
    ("database", "CREATE"): "no new schema, no extension, no publication",
    ("database", "TEMPORARY"): "no temporary tables",
    ("database", "CONNECT"): "no new session",
}
_STILL: Final = ("NO ACTION", "RESTRICT")
"""Actions of a foreign key that change no row."""


@dataclass(frozen=True)
class Loss:
    """``role``: PUBLIC is everybody. ``kind``: the object's. ``intended``: it is the application's, or the policy says so of
    PUBLIC. ``note``: what follows.
    """

    role: str
    kind: str
    object: str
    verbs: tuple[str, ...]
    intended: bool
    note: str


def losses(manifest: ObjectManifest) -> list[Loss]:
    """By role, the application first, then others, then PUBLIC; each in the order of the manifest."""
    made = [loss for o in manifest.transferred for loss in _of(o, manifest.application)]
    rank = {manifest.application.name: 0, "PUBLIC": 2}
    return sorted(made, key=lambda loss: (rank.get(loss.role, 1), loss.role))


def unmeant(found: Sequence[Loss]) -> list[Loss]:
    """What roles lose of which the policy says nothing."""
    return [loss for loss in found if not loss.intended]


def reaching_in(manifest: ObjectManifest, kept: Iterable[Mapping[str, str]]) -> list[str]:
    """What the application still changes in protected tables through foreign keys that the policy keeps (``kept``), whatever it
    holds on them: their actions run with the rights of the owner of the table that refers."""
    protected = {o.ref.identity for o in manifest.transferred}
    return [
        f"{verb} of a row of {key['references']}, which stays {manifest.application.name}'s, does {key[action]} to"
        f" {key['table']} by foreign key {key['name']}, with its owner's rights"
        for key in kept
        for verb, action in (("DELETE", "on_delete"), ("UPDATE", "on_update"))
        if key["table"] in protected and key["references"] not in protected and key[action] not in _STILL
    ]


def losses_page(manifest: ObjectManifest, kept: Iterable[Mapping[str, str]] = ()) -> str:
    """The same as a page of Markdown, with what stays and works with what goes, and what ``kept`` foreign keys still do."""
    rows = losses(manifest)
    others = unmeant(rows)
    text = [
        f"# Who loses what in {markdown(manifest.database)}",
        "",
        f"{len(rows)} losses; {len(others)} of roles that the policy does not speak of. The application role is"
        f" {markdown(manifest.application.name)}. What PUBLIC loses, every role loses that has it in no other way.",
        "",
    ]
    head = ("| role | object | loses | meant | what goes with it |", "| --- | --- | --- | --- | --- |")
    for title, chosen in (("Not meant by the policy", others), ("Meant", [r for r in rows if r.intended])):
        if chosen:
            text += [f"## {title}", "", *head, *(_row(r) for r in chosen), ""]
    if inside := reaching_in(manifest, kept):
        text += [
            "## What the application still changes in what is protected",
            "",
            *(f"- {markdown(x)}" for x in inside),
            "",
        ]
    if staying := touching(manifest):
        text += ["## What stays and works with what goes", "", f"Decide for each: {CHOICE}.", ""]
        text += [f"- {markdown(o.ref)} of {markdown(o.before.owner.name)} {markdown(touched(o))}" for o in staying]
        text.append("")
    if manifest.lent:
        text += ["## What others lend to the new owner", ""]
        text += [
            f"- {markdown(o.ref)}: {', '.join(_lent(o))} by {markdown(o.before.owner.name)}" for o in manifest.lent
        ]
        text.append("")
    return "\n".join(text)


def _row(loss: Loss) -> str:
    meant = "yes" if loss.intended else "**no**"
    return f"| {markdown(loss.role)} | {markdown(loss.object)} | {', '.join(loss.verbs)} | {meant} | {markdown(loss.note)} |"


def _lent(o: ManifestObject) -> list[str]:
    after = o.after or o.before
    before, of_column = set(o.before.acl), {c.column: set(c.acl) for c in o.before.columns}
    whole = [i.privilege for i in after.acl if i not in before]
    return whole + [
        f"{i.privilege} ({c.column})" for c in after.columns for i in c.acl if i not in of_column.get(c.column, ())
    ]


def _of(o: ManifestObject, application: Role) -> Iterator[Loss]:
    after = o.after or o.before
    had, has = _held(o.before), _held(after)
    if o.before.owner != after.owner:
        had.setdefault((o.before.owner, None), [])
    for (who, column), privileges in had.items():
        lost = [p for p in privileges if p not in has.get((who, column), ()) and p not in has.get((who, None), ())]
        owned = who == o.before.owner and o.before.owner != after.owner and column is None
        if lost or owned:
            notes = [_OF_THE_OWNER.get(o.ref.kind, "ALTER, DROP, GRANT")] if owned else []
            notes += [_GOES_WITH_IT[o.ref.kind, p] for p in lost if (o.ref.kind, p) in _GOES_WITH_IT]
            where = f"{o.ref}" if column is None else f"{o.ref}, column {column}"
            verbs = ((OWNER,) if owned else ()) + tuple(p for p in kinds.BITS if p in lost)
            yield Loss(grantee_name(who), o.ref.kind, where, verbs, who in (application, PUBLIC), "; ".join(notes))


def _held(state: State) -> dict[tuple[Grantee, str | None], list[str]]:
    """Who holds what, on the whole object or on a column."""
    made: dict[tuple[Grantee, str | None], list[str]] = {}
    for item in state.acl:
        made.setdefault((item.grantee, None), []).append(item.privilege)
    for column in state.columns:
        for item in column.acl:
            made.setdefault((item.grantee, column.column), []).append(item.privilege)
    return made
