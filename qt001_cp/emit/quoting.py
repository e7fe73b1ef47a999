"""The one quoting module. Every identifier is quoted, always: the text does not depend on a keyword list.

An identifier that holds a control or a bidirectional formatting character is written in the U&"…" form: a reviewer
sees it, a line stays a line, and no tool on the way (Alembic replaces tabs in offline output) can change it.

Source: PostgreSQL documentation, "Identifiers and Key Words" (4.1.1), "String Constants" (4.1.2).
"""

from __future__ import annotations

import re
from typing import Final

from qt001_cp.errors import ManifestError
from qt001_cp.model.canonical import digest
from qt001_cp.model.names import Grantee, QualifiedName, Role, TypeName

_INVISIBLE: Final = re.compile(
    "[\u0001-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Control, formatting and line-breaking characters; ``qt001_cp.quote_always`` holds the same list."""
_HIDDEN: Final = re.compile(_INVISIBLE.pattern.replace("\u0001-\u001f", "\u0001-\u0009\u000b-\u001f"))
"""The same, but for the end of a line."""
_OPERATOR: Final = re.compile(r"[-+*/<>=~!@#%^&|`?]{1,63}")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")


def identifier(name: str) -> str:
    """``name`` as a quoted identifier, safe on one line. The SQL twin is ``qt001_cp.quote_always``."""
    if _INVISIBLE.search(name):
        text = "".join(_escaped(c) for c in name)
        return f'U&"{text}"'
    return '"' + name.replace('"', '""') + '"'


def operator(name: str) -> str:
    """The name of an operator, which has no quoted form. Raises :class:`ManifestError` for anything else."""
    if not _OPERATOR.fullmatch(name) or "--" in name or "/*" in name:
        raise ManifestError(f"{name!r} is not the name of an operator")
    return name


def number(name: str) -> str:
    """The number of a large object. Raises :class:`ManifestError` for anything else."""
    if not _NUMBER.fullmatch(name):
        raise ManifestError(f"{name!r} is not the number of a large object")
    return name


def literal(value: str) -> str:
    """``value`` as a string constant under ``standard_conforming_strings``."""
    if "\0" in value:
        raise ManifestError("a string with a NUL character cannot be written in SQL")
    return "'" + value.replace("'", "''") + "'"


def readable(value: str) -> str:
    """``value`` as a string constant that shows what it holds: as U&'…' where a character would not show, or turn others
    round. New lines stay. The same value as :func:`literal`, under ``standard_conforming_strings``."""
    if not _HIDDEN.search(value):
        return literal(value)
    text = "".join(c if c == "\n" else _escaped(c, "'") for c in value)
    return f"U&'{text}'"


def qualified(name: QualifiedName) -> str:
    return f"{identifier(name.schema)}.{identifier(name.name)}"


def role(value: Role) -> str:
    return identifier(value.name)


def grantee(value: Grantee) -> str:
    return role(value) if isinstance(value, Role) else "PUBLIC"


def type_name(value: TypeName) -> str:
    return qualified(QualifiedName(value.schema, value.name)) + ("[]" if value.array else "")


def quoted_by_digest(body: str, tag: str) -> str:
    """``body`` between ``$tag_…$``, where … comes from the digest of the body: no name in it can be the tag."""
    number = 0
    while f"{tag}_{(made := digest(f'{number}{body}'.encode())[:16])}" in body:
        number += 1
    return dollar_quoted(body, f"{tag}_{made}")


def dollar_quoted(body: str, tag: str) -> str:
    """``body`` between ``$tag$``, refusing a body that holds the tag."""
    mark = f"${tag}$"
    if mark in body:
        raise ManifestError(f"the text holds its own quote {mark}")
    return f"{mark}{body}{mark}"


def _escaped(c: str, quote: str = '"') -> str:
    if _INVISIBLE.match(c):
        return f"\\{ord(c):04X}" if ord(c) < 0x10000 else f"\\+{ord(c):06X}"
    return {quote: quote * 2, "\\": "\\\\"}.get(c, c)
