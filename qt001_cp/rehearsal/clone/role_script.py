"""What pg_dumpall --roles-only printed, as roles and memberships: a file from anywhere, so it is read and never run.

Source: pg_dumpall.c (dumpRoles, dumpRoleMembership, dumpUserConfig, dumpRoleGUCPrivs).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from qt001_cp.rehearsal.clone.pieces import pieces
from qt001_cp.rehearsal.clone.report import CloneReport
from qt001_cp.rehearsal.clone.roles import Row

_NAME: Final = r'("(?:[^"]|"")*"|[\w$]+)'
_CREATE: Final = re.compile(rf"^CREATE ROLE {_NAME};$")
_ALTER: Final = re.compile(rf"^ALTER ROLE {_NAME} WITH (.*);$", re.DOTALL)
_SET: Final = re.compile(rf"^ALTER ROLE {_NAME} SET ({_NAME}(?:\.{_NAME})?) (?:TO|=) (.*);$", re.DOTALL)
_GRANT: Final = re.compile(rf"^GRANT {_NAME} TO {_NAME}(?: WITH (.*?))?(?: GRANTED BY {_NAME})?;$")
_COMMENT: Final = re.compile(rf"^COMMENT ON ROLE {_NAME} IS '((?:[^']|'')*)';$")
_IGNORED: Final = re.compile(r"^(?:SET |RESET |SELECT pg_catalog\.set_config\('search_path', '', false\);$)")
_WORDS: Final = {
    "SUPERUSER": "rolsuper", "INHERIT": "rolinherit", "CREATEROLE": "rolcreaterole", "CREATEDB": "rolcreatedb",
    "LOGIN": "rolcanlogin", "REPLICATION": "rolreplication", "BYPASSRLS": "rolbypassrls",
}  # fmt: skip  # pairs, not one a line
_LIMIT: Final = re.compile(r"CONNECTION LIMIT (-?\d+)")
_UNTIL: Final = re.compile(r"VALID UNTIL '((?:[^']|'')*)'")
_ITEM: Final = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"|([^\s,]+)")
_LISTS: Final = frozenset({"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"})


@dataclass
class Roles:
    """As rows of the source would say it."""

    roles: dict[str, Row] = field(default_factory=dict)
    memberships: list[Row] = field(default_factory=list)


def read_roles(text: str, report: CloneReport) -> Roles:
    """What is neither a role, an attribute, a setting nor a membership is told and left out."""
    found = Roles()
    for piece in pieces(text):
        if piece.command or not (_IGNORED.match(piece.text) or _read(piece.text, found)):
            statement = " ".join(piece.text.split())[:200]
            report.lack(statement, "not a statement of pg_dumpall --roles-only for a role", "it was not run")
    return found


def _read(statement: str, found: Roles) -> bool:
    if made := _CREATE.match(statement):
        _role(found, made[1])
    elif changed := _ALTER.match(statement):
        _attributes(_role(found, changed[1]), changed[2])
    elif put := _SET.match(statement):
        name = put[2].replace('"', "")
        _role(found, put[1])["settings"].append(f"{name}={_value(name, put[5])}")
    elif said := _COMMENT.match(statement):
        _role(found, said[1])["comment"] = said[2].replace("''", "'")
    elif granted := _GRANT.match(statement):
        found.memberships.append(_membership(granted))
    else:
        return False
    return True


def _role(found: Roles, name: str) -> Row:
    empty: Row = {key: key == "rolinherit" for key in _WORDS.values()}
    plain = _plain(name)
    rest: Row = {"bootstrap": False, "rolconnlimit": -1, "valid_until": None, "settings": [], "comment": None}
    return found.roles.setdefault(plain, {**empty, "rolname": plain, **rest})


def _attributes(role: Row, said: str) -> None:
    words = _UNTIL.sub("", said).split()
    for word, key in _WORDS.items():
        if word in words or f"NO{word}" in words:
            role[key] = word in words
    if limit := _LIMIT.search(said):
        role["rolconnlimit"] = int(limit[1])
    if until := _UNTIL.search(said):
        role["valid_until"] = until[1].replace("''", "'")


def _membership(granted: re.Match[str]) -> Row:
    options: dict[str, Any] = {}
    for option in (granted[3] or "").split(","):
        word, _, rest = option.strip().partition(" ")
        options[word] = rest in ("TRUE", "OPTION")
    return {
        "role": _plain(granted[1]), "member": _plain(granted[2]), "grantor": _plain(granted[4]) if granted[4] else None,
        "admin_option": options.get("ADMIN", False), "inherits": options.get("INHERIT"), "sets": options.get("SET", True),
    }  # fmt: skip  # pairs, not one a line


def _value(name: str, said: str) -> str:
    """As it stands in the catalog: a list of names keeps its quotes."""
    items = [m[0] if name in _LISTS and m[0].startswith('"') else _bare(m) for m in _ITEM.finditer(said)]
    if name in _LISTS:
        return ", ".join(
            i if re.fullmatch(r"[a-z_][a-z0-9_$]*|\".*\"", i) else '"' + i.replace('"', '""') + '"' for i in items
        )
    return ", ".join(items)


def _bare(found: re.Match[str]) -> str:
    if found[1] is not None:
        return found[1].replace("''", "'")
    return found[2].replace('""', '"') if found[2] is not None else found[3]


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
