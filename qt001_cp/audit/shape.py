"""The form of a document, before the audit walks it: a document is somebody's, and one that is broken is a finding, not the end."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Shape: TypeAlias = Any
"""A type, or a tuple of types; a dict: keys that have to be there; a list: all of one shape; :class:`Either`; :class:`Row`."""
_OPTIONAL: Final = (str, type(None))


class Either:
    """One of these shapes."""

    def __init__(self, *shapes: Shape) -> None:
        self.shapes = shapes


class Row:
    """A list of so many, each of its own shape."""

    def __init__(self, *shapes: Shape) -> None:
        self.shapes = shapes


_ACL: Final = [Row(str, _OPTIONAL, str, bool)]
_STATE: Final = {"owner": str, "acl": _ACL, "columns": [{"column": str, "acl": _ACL}]}
_OWNER: Final = {"do": str, "from": str, "to": str}
_STEP: Final = {
    "do": str,
    "grantor": str,
    "grantee": _OPTIONAL,
    "privileges": [str],
    "column": _OPTIONAL,
    "set_role": bool,
}
_WAY: Final = {"pre": [_STEP], "owner": Either(type(None), _OWNER), "post": [_STEP]}
_TYPE: Final = {"schema": str, "name": str, "array": bool}
_WITH_TYPES: Final = ("operator", "function", "procedure", "aggregate")
_WITH_METHOD: Final = ("operator class", "operator family")
_IN_NO_SCHEMA: Final = ("database", "tablespace", "schema", "language", "server", "publication", "subscription", "large object",
                        "default acl")  # fmt: skip
_PAIR: Final = Either(type(None), {"owner": str, "ledger": str})
_MAYBE: Final = Either(type(None), _STATE)
SHAPES: Final[dict[str, Shape]] = {
    "qt001.manifest.object/": {
        "application": str,
        "server_major": int,
        "repoint": [{"identity": str, "part": str, "before": str, "after": str}],
        "apply_path": Either(type(None), {"readiness": str, "source_tables": [str]}),
        "legacy": [{"identity": str}],
        "blocked": [{"table": str}],
        "objects": [{"kind": str, "identity": str, "schema": _OPTIONAL, "name": str, "disposition": str, "definition": str,
                     "source": _OPTIONAL, "storage": _OPTIONAL, "storage_source": _OPTIONAL,
                     "follows": _OPTIONAL, "curated": bool, "method": _OPTIONAL,
                     "detail": Either(type(None), dict), "args": Either(type(None), [Either(type(None), _TYPE)]),
                     "before": _STATE, "after": _MAYBE, "retired": _MAYBE, "ways": dict}],
    },
    "qt001.evidence.static-analysis/": {
        "subject": str,
        "routines": [{"kind": str, "identity": str, "definition": _OPTIONAL, "body_sha256": _OPTIONAL,
                      "edges": [{"verb": str, "kind": str, "identity": str, "line": int}],
                      "unknown": [{"rule": str, "line": int, "detail": str}]}],
    },
    "qt001.manifest.dependency/": {"object_manifest": str, "objects": [Row(str, str)], "unknown": [Row(str, str, str)]},
}  # fmt: skip


def problem(document: Any) -> str | None:
    """What is wrong with the form of a document that the audit walks, or None."""
    if not isinstance(document, dict):
        return f"it is {_kind(document)}, expected an object"
    schema = str(document.get("schema"))
    shape = next((s for begin, s in SHAPES.items() if schema.startswith(begin)), None)
    wrong = _problem(document, shape, "") if shape is not None else None
    if wrong is None and shape is SHAPES["qt001.manifest.object/"]:
        wrong = _problem(document.get("pair"), _PAIR, "pair")
    if wrong is None and shape is SHAPES["qt001.manifest.object/"]:
        wrong = next((w for n, o in enumerate(document["objects"]) if (w := _asked(o, f"objects.{n}"))), None)
    return wrong


def _asked(o: dict[str, Any], at: str) -> str | None:
    """What its kind and its disposition ask of an object, beside the form of each part."""
    kind, moves = o["kind"], o["disposition"] == "transfer"
    for name, way in o["ways"].items():
        wrong = _problem(way, _WAY, f"{at}.ways.{name}") or _steps(way, f"{at}.ways.{name}")
        if wrong is not None:
            return wrong
    lacks = (
        ("args", kind in _WITH_TYPES and o["args"] is None),
        ("method", kind in _WITH_METHOD and o["method"] is None),
        ("schema", moves and kind not in _IN_NO_SCHEMA and o["schema"] is None),
        ("detail.on", kind == "default acl" and not isinstance((o["detail"] or {}).get("on"), str)),
        ("after", o["disposition"] != "retain" and o["after"] is None),
    )
    return next((f"{at}.{key} is null, and its kind and disposition ask for it" for key, wrong in lacks if wrong), None)


def _steps(way: dict[str, Any], at: str) -> str | None:
    if way["owner"] is not None and way["owner"]["do"] != "owner":
        return f"{at}.owner is no change of owner"
    known = all(
        s["do"] == "revoke" or (s["do"] == "grant" and isinstance(s.get("grantable"), bool))
        for s in (*way["pre"], *way["post"])
    )
    return None if known else f"{at} has a step that is neither GRANT nor REVOKE"


def _problem(value: Any, shape: Shape, at: str) -> str | None:
    if isinstance(shape, Either):
        found = [_problem(value, s, at) for s in shape.shapes]
        return None if None in found else found[-1]
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{at or 'it'} is {_kind(value)}, expected an object"
        lacking = next((k for k in shape if k not in value), None)
        if lacking is not None:
            return f"{at or 'it'} lacks {lacking!r}"
        return next((w for k, s in shape.items() if (w := _problem(value[k], s, f"{at}.{k}".lstrip(".")))), None)
    if isinstance(shape, list | Row):
        return _listed(value, shape, at)
    if isinstance(value, shape) and not (shape is int and isinstance(value, bool)):
        return None
    return f"{at} is {_kind(value)}"


def _listed(value: Any, shape: list[Shape] | Row, at: str) -> str | None:
    if not isinstance(value, list) or (isinstance(shape, Row) and len(value) != len(shape.shapes)):
        return f"{at} is {_kind(value)}, expected a list"
    shapes = shape.shapes if isinstance(shape, Row) else [shape[0]] * len(value)
    return next(
        (w for n, (v, s) in enumerate(zip(value, shapes, strict=True)) if (w := _problem(v, s, f"{at}.{n}"))), None
    )


def _kind(value: Any) -> str:
    return {"dict": "an object", "list": "a list", "str": "a text", "NoneType": "null", "bool": "a truth value"}.get(
        type(value).__name__, "a number"
    )
