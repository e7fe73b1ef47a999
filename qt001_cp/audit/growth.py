"""What the application has made, changed or been granted since the cutover, weighed here from the documents and the server alone.

Contract, section 10: the rules of the sealed policy go on deciding. What no rule retains is told; it is a fault where it depends on
something transferred that is no curated view, where something transferred depends on it, or where it has the schema and the name of a
transferred routine or operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from qt001_cp.audit.check import Check
from qt001_cp.audit.live import Entry, Live, words

Node = tuple[str, str]
Row = Mapping[str, Any]

_WORD: Final = re.compile(r'"(?:[^"]|"")*"|[^".(]+')
_KEY: Final = ("table", "name", "references", "on_delete", "on_update")
_ACTIONS: Final = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_CALLED: Final = ("function", "procedure", "aggregate", "operator")


def retained(policy: Row | None, kind: str, identity: str) -> bool:
    """Whether the first rule that names the object retains it."""
    return decided(policy, kind, identity) == "retain"


def decided(policy: Row | None, kind: str, identity: str) -> str | None:
    """The disposition that the first rule that names the object gives it."""
    schema, name = address(identity)
    for rule in (policy or {}).get("rule") or ():
        kinds = rule.get("kind", kind)
        if kind not in ([kinds] if isinstance(kinds, str) else kinds):
            continue
        if "identity" in rule:
            if rule["identity"] != identity:
                continue
        elif not (_fits(rule.get("schema"), schema) and _fits(rule.get("name"), name)):
            continue
        return str(rule["disposition"])
    return None


def address(identity: str) -> tuple[str | None, str]:
    """Schema and name of an identity as ``pg_identify_object`` gives it; an object without a schema has only a name."""
    parts, place = [], 0
    while (word := _WORD.match(identity, place)) is not None:
        text = word.group()
        quoted = text.startswith('"')
        # The method of an operator class stands behind its name.
        parts.append(text[1:-1].replace('""', '"') if quoted else text.partition(" USING ")[0])
        place = word.end()
        if identity[place : place + 1] != ".":
            break
        place += 1
    return (parts[0], parts[1]) if len(parts) > 1 else (None, parts[0] if parts else identity)


def touching(manifest: Row, live: Mapping[Node, Live], noted: Iterable[Row], policy: Row | None) -> Iterator[str]:
    """What the server has noted between something of the application's and something transferred, but for the foreign keys that
    the policy keeps."""
    application = manifest["application"]
    kept = {tuple(k[word] for word in _KEY) for k in (policy or {}).get("kept_foreign_key") or ()}
    moved = {(o["kind"], o["identity"]): o["curated"] for o in manifest["objects"] if o["disposition"] == "transfer"}
    own = {key for key, found in live.items() if found.owner == application}
    for edge in noted:
        start, end = (edge["from_kind"], edge["from_identity"]), (edge["to_kind"], edge["to_identity"])
        if edge["foreign_key"] is not None and _key(edge) in kept:
            continue
        if start in own and end in moved and not (moved[end] and edge["by_rule"]):
            yield f"{' '.join(start)}: it depends on {' '.join(end)}, which is transferred"
        if start in moved and end in own:
            yield f"{' '.join(start)}: it depends on {' '.join(end)}, which {application} owns"


def _key(edge: Row) -> tuple[str, ...]:
    actions = (_ACTIONS[edge["on_delete"]], _ACTIONS[edge["on_update"]])
    return edge["from_identity"], edge["foreign_key"], edge["to_identity"], *actions


def taken_for(manifest: Row, live: Mapping[Node, Live], owner: str) -> Iterator[str]:
    """Routines and operators that no document names, with the schema and name of a transferred one."""
    known = {(o["kind"], o["identity"]) for o in manifest["objects"]}
    names = {
        address(o["identity"]) for o in manifest["objects"] if o["disposition"] == "transfer" and o["kind"] in _CALLED
    }
    for (kind, identity), found in sorted(live.items()):
        new = kind in _CALLED and (kind, identity) not in known and found.owner != owner
        if new and address(identity) in names:
            yield f"{kind} {identity}: {found.owner} owns it, and a call of the transferred one of that name may take it"


def may_go(manifest: Row, kind: str, identity: str) -> bool:
    """Whether a table of this name comes and goes by the manifest: a partition of one that grows."""
    schema, name = address(identity)
    return kind == "table" and any(g["schema"] == schema and _fits(g["name"], name) for g in manifest.get("growth", ()))


def partitions(manifest: Row, live: Mapping[Node, Live], owner: str) -> Check:
    """The owner's tables that the manifest does not name: partitions that it lets come, and nobody else has a privilege on one."""
    check = Check("tables that came since")
    known = {(o["kind"], o["identity"]) for o in manifest["objects"]}
    for (kind, identity), found in sorted(live.items()):
        if kind != "table" or found.owner != owner:
            continue
        check.looked_at += 1
        if (kind, identity) in known or identity.startswith("qt001_cp."):
            continue
        others = [e for acl in (found.acl, *found.columns.values()) for e in acl if e[1] != owner]
        if not may_go(manifest, kind, identity):
            check.faults.append(f"table {identity}: {owner} owns it, and no manifest names it")
        elif others:
            check.faults += [f"table {identity}: {words(e)}, which its manifest does not give" for e in others]
        else:
            check.told.append(f"table {identity}: a partition that came since")
    return check


def weighed(kind: str, acl: set[Entry], application: str) -> set[Entry]:
    """Without what opens nothing: that another role, and not everybody, may connect to the database."""
    if kind != "database":
        return acl
    return {e for e in acl if e[2] != "CONNECT" or e[3] or e[1] in (None, application)}


def _fits(pattern: str | None, text: str | None) -> bool:
    return pattern is None or (text is not None and _glob(pattern).fullmatch(text) is not None)


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    words = {"*": ".*", "?": "."}
    return re.compile("".join(words.get(c) or re.escape(c) for c in pattern), re.DOTALL)
