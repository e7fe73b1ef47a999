"""The statements that a manifest asks for, rendered here from the document alone: a third hand, after the one that prints
them and the one inside the database.

Source: PostgreSQL documentation, GRANT, REVOKE, ALTER DEFAULT PRIVILEGES, ALTER … OWNER TO of each kind; identifiers
(4.1.1). The order: privileges, owners of what locks no relation, privileges of relations, owners of relations and
composite types, privileges; containers lose privileges last, get them back first, and change hands before what is in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from qt001_cp.audit import growth

Object = Mapping[str, Any]

_HIDDEN: Final = (
    (0x01, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x61C, 0x61C),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0xE0000, 0xE007F),
)
"""Control, formatting and line-breaking characters: a reviewer would not see them."""
_RELATIONS: Final = ("table", "view", "materialized view", "foreign table", "sequence")
_CONTAINERS: Final = ("database", "schema")
_BARE: Final = ("database", "tablespace", "schema", "language", "server", "publication", "subscription")
_ALTER: Final = {"aggregate": "ROUTINE", "statistics object": "STATISTICS"}
_GRANT: Final = {
    "view": "TABLE",
    "materialized view": "TABLE",
    "foreign table": "TABLE",
    "aggregate": "ROUTINE",
    "server": "FOREIGN SERVER",
}
"""Where the statement's word is not the kind's own, in capitals."""


def statements(manifest: Mapping[str, Any], way: str) -> list[str]:
    """``way``: forward, restore, retire or revive."""
    return [_statement(o, step) for o, step in _ordered(manifest, way)]


def sha256(lines: list[str]) -> str:
    """Of the statements, one a line."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def name(text: str) -> str:
    """A quoted identifier; what a reader would not see is written out."""
    if any(_hidden(c) for c in text):
        return 'U&"' + "".join(_written(c) for c in text) + '"'
    return '"' + text.replace('"', '""') + '"'


def _ordered(manifest: Mapping[str, Any], way: str) -> Iterator[tuple[Object, Mapping[str, Any]]]:
    moved = [o for o in manifest["objects"] if o["disposition"] in ("transfer", "lend") and o["ways"].get(way)]
    if way == "restore":
        moved = [o for o in moved if not growth.may_go(manifest, o["kind"], o["identity"])]
    taking = sorted(moved, key=_is_container, reverse=way in ("restore", "revive"))
    handing = sorted(moved, key=_is_container, reverse=True)
    yield from _steps((o for o in taking if not _late(o, way)), way, "pre")
    yield from _steps((o for o in handing if not _locking(o)), way, "owner")
    yield from _steps((o for o in moved if _late(o, way)), way, "pre")
    yield from _steps((o for o in handing if _locking(o)), way, "owner")
    yield from _steps(moved, way, "post")


def _steps(objects: Iterable[Object], way: str, part: str) -> Iterator[tuple[Object, Mapping[str, Any]]]:
    """``part``: ``pre`` and ``post`` are lists of steps, ``owner`` is one or none."""
    for o in objects:
        found = o["ways"][way][part] or []
        yield from ((o, step) for step in (found if isinstance(found, list) else [found]))


def _is_container(o: Object) -> bool:
    return o["kind"] in _CONTAINERS


def _locking(o: Object) -> bool:
    """A new owner of a relation, or of a composite type, is written under ACCESS EXCLUSIVE."""
    return o["kind"] in _RELATIONS or "composite" in (o["detail"] or ())


def _late(o: Object, way: str) -> bool:
    """Privileges of relations come behind the locks, unless another grantor has to speak."""
    return o["kind"] in _RELATIONS and not any(s["set_role"] for s in o["ways"][way]["pre"])


def _statement(o: Object, step: Mapping[str, Any]) -> str:
    kind = o["kind"]
    if step["do"] == "owner":
        return f"ALTER {_ALTER.get(kind, kind.upper())} {_address(o)} OWNER TO {name(step['to'])};"
    column = "" if step["column"] is None else f" ({name(step['column'])})"
    listed = ", ".join(p + column for p in step["privileges"])
    head, target = "", f"{_GRANT.get(kind, kind.upper())} {_address(o)}"
    if kind == "default acl":
        within = "" if o["schema"] is None else f" IN SCHEMA {name(o['schema'])}"
        head, target = f"ALTER DEFAULT PRIVILEGES FOR ROLE {name(o['name'])}{within} ", o["detail"]["on"]
    who = "PUBLIC" if step["grantee"] is None else name(step["grantee"])
    if step["do"] == "revoke":
        text = f"{head}REVOKE {listed} ON {target} FROM {who};"
    else:
        text = f"{head}GRANT {listed} ON {target} TO {who}{' WITH GRANT OPTION' if step['grantable'] else ''};"
    return f"SET LOCAL ROLE {name(step['grantor'])}; {text} RESET ROLE;" if step["set_role"] else text


def _address(o: Object) -> str:
    kind = o["kind"]
    if kind == "large object":
        return str(o["name"])
    if kind == "default acl":
        return ""
    if kind in _BARE:
        return name(o["name"])
    space = f"{name(o['schema'])}."
    if kind == "operator":
        return f"{space}{o['name']} ({', '.join(_type(a) for a in o['args'])})"
    if kind in ("function", "procedure", "aggregate"):
        mode = "" if kind == "function" else "IN "
        return f"{space}{name(o['name'])}({', '.join(mode + _type(a) for a in o['args'])})"
    using = f" USING {name(o['method'])}" if kind in ("operator class", "operator family") else ""
    return f"{space}{name(o['name'])}{using}"


def _type(a: Mapping[str, Any] | None) -> str:
    return "NONE" if a is None else f"{name(a['schema'])}.{name(a['name'])}{'[]' if a['array'] else ''}"


def _hidden(c: str) -> bool:
    return any(low <= ord(c) <= high for low, high in _HIDDEN)


def _written(c: str) -> str:
    if _hidden(c):
        return f"\\{ord(c):04X}" if ord(c) < 0x10000 else f"\\+{ord(c):06X}"
    return c * 2 if c in '"\\' else c
