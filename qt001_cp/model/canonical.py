"""Canonical bytes: RFC 8785 (JCS), and the sha256 that everything is bound to.

Our documents hold strings, booleans, null, arrays, objects with ASCII keys, and integers below 2^53; no floats. For
those orjson with sorted keys writes what RFC 8785 asks for: code-point and UTF-16 order are one for ASCII keys, and
both escape the same characters alike. It is some fifty times as fast as a JCS writer in Python; the tests hold it
against one. The database recomputes the same bytes with code of its own (``qt001_cp.jcs``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import orjson

from qt001_cp.errors import ManifestError

Json: TypeAlias = dict[str, Any]
_FIRST: Final = re.compile(rb'\{"[^"\\]+":')
_OPTIONS: Final = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)


def canonical_bytes(document: Json) -> bytes:
    """The RFC 8785 bytes of ``document``; :class:`ManifestError` for what has no such form."""
    try:
        _require_canonical(document, "$")
        return orjson.dumps(document, option=_OPTIONS)
    except (TypeError, RecursionError) as exc:
        raise ManifestError(f"the document has no canonical form: {exc}") from exc


def canonical_pieces(document: Json, key: str, items: Iterable[Json]) -> Iterator[bytes]:
    """The RFC 8785 bytes of ``document`` with the array ``items`` under ``key``, a piece at a time; it has no such key yet."""
    before = canonical_bytes({k: v for k, v in document.items() if k < key})
    after = canonical_bytes({k: v for k, v in document.items() if k > key})
    yield before[:-1] + (b"," if len(before) > 2 else b"") + orjson.dumps(key) + b":["
    for number, item in enumerate(items):
        yield (b"," if number else b"") + canonical_bytes(item)
    yield b"]" + (b"," if len(after) > 2 else b"") + after[1:]


def digest(body: bytes) -> str:
    """sha256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


def digest_of(pieces: Iterable[bytes]) -> str:
    """:func:`digest` of what comes in pieces."""
    made = hashlib.sha256()
    for piece in pieces:
        made.update(piece)
    return made.hexdigest()


def parse_canonical(body: bytes, source: str) -> Json:
    """Parse ``body`` and insist that it is canonical: its bytes are what was sealed.

    Raises :class:`ManifestError` naming ``source``.
    """
    try:
        document = orjson.loads(body)
    except (ValueError, RecursionError) as exc:
        raise ManifestError(f"{source} is not JSON of ours: {exc}") from exc
    if not isinstance(document, dict):
        raise ManifestError(f"{source} is JSON, but not an object")
    if canonical_bytes(document) != body:
        raise ManifestError(f"{source} is not in canonical form (RFC 8785): its bytes were edited or reformatted")
    return document


def parse_pieces(body: bytes, key: str, until: str, source: str) -> tuple[Json, Iterator[Json]]:
    """Parse a canonical document, an item of its array ``key`` at a time: the document with that array empty, and its items.

    ``until``: the key that follows; neither it nor the items' first key may stand in an item where it could be taken for
    the end of one. The memory never holds the whole as objects. Every part has to be canonical, so the whole is; where the text cannot
    be cut, it is parsed whole and given whole. Raises :class:`ManifestError`, for the items when they are asked for.
    """
    cut = _cut(body, key, until)
    if cut is None:
        document = parse_canonical(body, source)
        items = document.get(key)
        return document, iter(items if isinstance(items, list) else ())
    start, between, end = cut
    return parse_canonical(body[:start] + body[end:], source), _items(body, start, between, end, f"{source}: {key}")


def _items(body: bytes, start: int, between: bytes, end: int, source: str) -> Iterator[Json]:
    number = 0
    while start < end:
        found = body.find(between, start, end)
        stop = end if found < 0 else found + 1
        yield parse_canonical(body[start:stop], f"{source}.{number}")
        start, number = stop + 1, number + 1


def _cut(body: bytes, key: str, until: str) -> tuple[int, bytes, int] | None:
    """Where the items of the array begin, what stands between two of them, where they end; None where there are none.

    A quote within a string is escaped: none of the marks looked for can stand in one.
    """
    mark = orjson.dumps(key) + b":["
    start = body.find(mark) + len(mark)
    first = _FIRST.match(body, start)
    end = body.find(b"}]," + orjson.dumps(until) + b":", start) + 1
    if start < len(mark) or first is None or not end:
        return None
    return start, b"}," + first.group(), end


def _require_canonical(value: Any, path: str) -> None:
    """Refuse what orjson would write otherwise than RFC 8785, or not at all."""
    kind = type(value)
    if kind is dict:
        for key, inner in value.items():
            if type(key) is not str or not key.isascii():
                raise ManifestError(f"{path}: key {key!r} is not ASCII text")
            if type(inner) not in _PLAIN:
                _require_canonical(inner, f"{path}.{key}")
    elif kind is list or kind is tuple:
        for number, inner in enumerate(value):
            if type(inner) not in _PLAIN:
                _require_canonical(inner, f"{path}[{number}]")
    elif kind is float:
        raise ManifestError(f"{path}: {value!r} is a float; our documents hold none")
    elif kind not in _PLAIN and kind is not int:
        raise ManifestError(f"{path}: {kind.__name__} has no canonical form")


_PLAIN: Final = frozenset({str, bool, type(None)})
