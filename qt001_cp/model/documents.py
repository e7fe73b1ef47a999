"""The documents beside an object manifest, as files: canonical, and of their schema before anybody walks them."""

from __future__ import annotations

from qt001_cp.errors import ManifestError
from qt001_cp.model.canonical import Json, parse_canonical
from qt001_cp.model.schemas import problem


def parse_document(body: bytes, schema: str, source: str) -> Json:
    """Parse canonical bytes that have to follow ``schema`` (documents.schema.json). Raises :class:`ManifestError` naming
    ``source`` and the field."""
    document = parse_canonical(body, source)
    if document.get("schema") != schema:
        raise ManifestError(f"{source} is a {document.get('schema')!r}, expected {schema!r}",
                            hint="take the file as qt001-cp wrote it")  # fmt: skip
    wrong = problem("documents", document, schema)
    if wrong is not None:
        raise ManifestError(f"{source}: {wrong}", hint="take the file as qt001-cp wrote it")
    return document
