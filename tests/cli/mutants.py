"""Documents as somebody might hand them over: one that is right, and what becomes of it by a slip, a tool, or malice."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from qt001_cp.errors import ManifestError
from qt001_cp.model.canonical import canonical_bytes

DEEP = 3000
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**53 + 1, 2**70, "", "x", "a\0b", "\ud800", "\x1b[2J", "\u202egnp", "é" * 40, "x" * 70,
    [], {}, [[]], [None], ["x"], [1, 2], {"a": 1}, {"schema": "x"}, "2026-01-01", "-- \n;", "$qt001$",
)  # fmt: skip


def encoded(document: Any) -> bytes:
    """Canonical where it can be, so that the mutant gets past that; otherwise plain JSON."""
    try:
        return canonical_bytes(document)
    except (ManifestError, ValueError, AttributeError):
        return plain(document)


def plain(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def structural(body: bytes, chance: random.Random) -> bytes:
    """One or two places of a JSON document changed: another type, gone, doubled, a key more."""
    document = json.loads(body)
    for _ in range(chance.choice((1, 1, 2))):
        holder, key = _place(document, chance)
        if holder is None:
            return encoded(chance.choice(VALUES))
        act = chance.random()
        if act < 0.55:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
        elif act < 0.75:
            del holder[key]
        elif act < 0.85 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif isinstance(holder, dict):
            holder[chance.choice(("", "schema", "surprise", "objects", "NUL\0", "é"))] = copy.deepcopy(
                chance.choice(VALUES)
            )
        else:
            holder[key] = [holder[key]]
    return encoded(document)


def textual(body: bytes, chance: random.Random) -> bytes:
    """The bytes changed: cut, in another encoding, with bytes that are none of UTF-8, NULs, a key twice, too deep, too long."""
    at = chance.randrange(len(body) + 1)
    made: tuple[Callable[[], bytes], ...] = (
        lambda: b"",
        lambda: body[:at],
        lambda: body[:at] + b"\xff\xfe" + body[at:],
        lambda: body[:at] + b"\x00" + body[at:],
        lambda: body[:at] + b"\xed\xa0\x80" + body[at:],
        lambda: body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :],
        lambda: b"\xef\xbb\xbf" + body,
        lambda: body.decode().encode("utf-16"),
        lambda: body.decode().encode("latin-1", "replace"),
        lambda: body.replace(b"\n", b"\r\n") + b"\r\n",
        lambda: body + b"\n",
        lambda: body + body,
        lambda: body.replace(b'":', b'":' + b"[" * DEEP + b"]" * DEEP + b',"k":', 1),
        lambda: body.replace(b'":', b'":' + b"1" * 5000 + b',"k":', 1),
        lambda: body.replace(b'":', b'":1e999,"k":', 1),
        lambda: body.replace(b'{"', b'{"schema":"x","schema":"y","', 1),
        lambda: body.replace(b":", b":\\u0000", 1),
        lambda: body.replace(b'"', b'"\\u0000', 3),
        lambda: body.replace(b"a", b"\\ud800", 1),
    )
    return chance.choice(made)()


def toml_text(body: bytes, chance: random.Random) -> bytes:
    """A policy with lines gone, doubled, swapped, and values of other types."""
    lines = body.decode().split("\n")
    values = ("1", "true", '""', '"a\\u0000b"', "[]", "{}", "1979-05-27", "07:32:00", "nan", "1e400", "9" * 5000, "9" * 18, "[" * DEEP + "]" * DEEP,
              '"../../../../etc/passwd"', '"/dev/null"', '"."', '"x" # \x01', "'" + "x" * 70 + "'", '"\\U0010ffff"', '["x", 1]', '"*"', '"["')  # fmt: skip
    for _ in range(chance.choice((1, 1, 2, 3))):
        number = chance.randrange(len(lines))
        act = chance.random()
        if act < 0.6 and " = " in lines[number]:
            lines[number] = lines[number].partition(" = ")[0] + " = " + chance.choice(values)
        elif act < 0.75:
            del lines[number]
        elif act < 0.9:
            lines.insert(number, lines[chance.randrange(len(lines))])
        else:
            lines[number] = lines[number] + chance.choice(('"', "]", "\\", "\x00", "\t= 1", "= ="))
    return "\n".join(lines).encode()


def mutants(name: str, body: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """``count`` of them, always the same ones: a label that finds it again, and the bytes."""
    for number in range(count):
        chance = random.Random(f"{name} {number}")
        if name.endswith(".toml"):
            change = toml_text if chance.random() < 0.75 else textual
        elif name.endswith(".json"):
            change = structural if chance.random() < 0.75 else textual
        else:
            change = textual
        yield f"{name} {number}", change(body, chance)


def _place(document: Any, chance: random.Random) -> tuple[Any, Any]:
    """A container in the document and one of its keys; None where the document is no container, or empty."""
    holder, key = None, None
    here = document
    while isinstance(here, dict | list) and here:
        holder = here
        key = chance.choice(list(here)) if isinstance(here, dict) else chance.randrange(len(here))
        here = here[key]
        if chance.random() < 0.2:
            break
    return holder, key
