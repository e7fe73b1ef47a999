"""Canonical hash sensitivity: other bytes are another document. Tried at FIX7a."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from qt001_cp.model.canonical import Json, canonical_bytes, digest
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.rehearsal.nogo.case import Case, Step

FAMILY = "canonical_hash_sensitivity"


def cases(manifest: ObjectManifest, ask: str = "SELECT qt001_cp.cutover_begin('{}', true)") -> list[Case]:
    """``ask``: the operator's call that names a sealed manifest by its digest."""
    body = manifest.body()
    document: Json = json.loads(body)
    propose = "SELECT qt001_cp.propose_manifest(%s)"
    made = [
        Case(FAMILY, f"not canonical: {name}", (Step("author", propose, [other]),), ("QT202",))
        for name, other in _spellings(document, body)
    ]
    made.append(
        Case(
            FAMILY,
            "a digest that is not the body's",
            (
                Step(
                    "superuser",
                    "SET LOCAL ROLE qt001_cp_ledger; INSERT INTO qt001_cp.document (digest, body)"
                    f" VALUES ('{'0' * 64}', convert_to('{{}}', 'UTF8'))",
                ),
            ),
            ("QT203",),
        )
    )
    for path, changed in _mutations(document):
        wanted = digest(canonical_bytes(changed))
        step = Step("operator", ask.format(wanted))
        # Were the digest the same, the sealed manifest would be found and nothing refused with QT101.
        made.append(Case(FAMILY, f"one field changed: {path}", (step,), ("QT101",), wanted))
    return made


def _spellings(document: Json, body: bytes) -> Iterator[tuple[str, bytes]]:
    yield "spaces", json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
    yield (
        "keys in another order",
        json.dumps(dict(reversed(document.items())), separators=(",", ":"), ensure_ascii=False).encode(),
    )
    yield "a newline at the end", body + b"\n"
    escaped = json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=True).encode()
    if escaped == body:
        yield "an escaped letter", body.replace(b'"schema"', b'"\\u0073chema"', 1)
    else:
        yield "escaped non-ASCII", escaped
    yield "a key twice", b'{"schema":"qt001.manifest.object/1",' + body[1:]
    yield "not UTF-8", body[:-1] + b"\xff}"


def _mutations(document: Json) -> Iterator[tuple[str, Json]]:
    """Change one leaf of each kind of field: top level, and every field of one transferred object."""
    index = next(i for i, o in enumerate(document["objects"]) if o["disposition"] == "transfer" and o["before"]["acl"])
    for key in document:
        if key != "objects":
            changed = deepcopy(document)
            changed[key] = _changed(document[key])
            yield key, changed
    for key, value in document["objects"][index].items():
        changed = deepcopy(document)
        changed["objects"][index][key] = _changed(value)
        yield f"objects[{index}].{key}", changed
    for number in range(4):
        changed = deepcopy(document)
        item = changed["objects"][index]["before"]["acl"][0]
        item[number] = _changed(item[number])
        yield f"objects[{index}].before.acl[0][{number}]", changed


def _changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, list):
        return [*value, "x"]
    if isinstance(value, dict):
        return {**value, "x": "x"}
    return "x"
