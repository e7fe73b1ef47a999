"""JSON Schemas of our documents (draft 2020-12), and what is wrong with a document in words."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Any

from jsonschema_rs import Draft202012Validator

from qt001_cp.model import kinds
from qt001_cp.model.change import LOCK_MODES

_FROM_KINDS = {"object_kind": list(kinds.BY_KEY), "privilege": list(kinds.BITS), "lock_mode": list(LOCK_MODES)}


def problem(schema: str, data: Any, part: str = "") -> str | None:
    """What is wrong with ``data`` by ``<schema>.schema.json``: ``path: message`` of the first place, or None.

    ``part``: the definition in the schema that ``data`` has to follow, where it is only a part of a document.
    """
    try:
        return _problem(schema, data, part)
    except ValueError as exc:  # nested too deep for the validator, or a type that JSON does not have (a date of TOML)
        return f"top level: it cannot be a document of ours: {exc}"


def _problem(schema: str, data: Any, part: str) -> str | None:
    validator = _validator(schema, part)
    if validator.is_valid(data):
        return None
    # A key that nobody reads comes first: it is the likeliest slip.
    found = sorted(
        validator.iter_errors(data),
        key=lambda e: ([str(p) for p in e.instance_path], "unexpected" not in e.message),
    )
    where = ".".join(str(p) for p in found[0].instance_path) or "top level"
    if schema == "policy":  # written by hand, and a person counts [[rule]] from one
        where = re.sub(r"\.(\d+)", lambda n: f" {int(n[1]) + 1}", where)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{where}: {found[0].message}{more}"


@cache
def _validator(schema: str, part: str) -> Draft202012Validator:
    text = resources.files("qt001_cp.model").joinpath(f"{schema}.schema.json").read_text("utf-8")
    data = json.loads(text)
    for name, values in _FROM_KINDS.items():
        if name in data.get("$defs", {}):
            data["$defs"][name] = {"enum": values}
    return Draft202012Validator(
        {"$defs": data["$defs"], "$ref": f"#/$defs/{part.replace('/', '~1')}"} if part else data
    )
