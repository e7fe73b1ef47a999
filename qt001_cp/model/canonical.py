"""Canonical bytes: RFC 8785 (JCS), and the sha256 that everything is bound to.

Our documents hold strings, booleans, null, arrays, objects with ASCII keys, and integers below 2^53; no floats.
The database recomputes the same bytes with code of its own (``qt001_cp.jcs``).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypeAlias

import rfc8785

from qt001_cp.errors import ManifestError

Json: TypeAlias = dict[str, Any]


def canonical_bytes(document: Json) -> bytes:
    """The RFC 8785 bytes of ``document``; :class:`ManifestError` for what has no such form."""
    _check(document, "$")
    try:
        return rfc8785.dumps(document)
    except rfc8785.CanonicalizationError as exc:
        raise ManifestError(f"the document has no canonical form: {exc}") from exc


def digest(body: bytes) -> str:
    """sha256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


def parse_canonical(body: bytes, source: str) -> Json:
    """Parse ``body`` and insist that it is canonical: its bytes are what was sealed.

    Raises :class:`ManifestError` naming ``source``.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise ManifestError(f"{source} is not JSON of ours: {exc}") from exc
    if not isinstance(document, dict):
        raise ManifestError(f"{source} is JSON, but not an object")
    if canonical_bytes(document) != body:
        raise ManifestError(
            f"{source} is not in canonical form (RFC 8785): its bytes were edited or reformatted",
            hint="take the file as 'qt001-cp manifest generate' wrote it",
        )
    return document


def _check(value: Any, path: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise ManifestError(f"{path}: key {key!r} is not ASCII text")
            _check(inner, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            _check(inner, f"{path}[{number}]")
    elif isinstance(value, float):
        raise ManifestError(f"{path}: {value!r} is a float; our documents hold none")
