"""An estate and a policy of a few objects, built by hand: for what needs no server."""

from __future__ import annotations

from typing import Any

from qt001_cp.model.inventory import Inventory, InventoryObject, State
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.names import ObjectRef, Role
from qt001_cp.model.policy import Policy, policy_from_data
from qt001_cp.plan.analysis import Analyses
from qt001_cp.plan.generate import generate

APP = Role("app")
PARTS = ("gateway", "permit", "apply", "writer")


def thing(kind: str, name: str, definition: str = "", follows: str | None = None) -> InventoryObject:
    """An object of schema ``s``, owned by the application, with no ACL entries."""
    routine = kind in ("function", "procedure")
    identity = f"s.{name}()" if routine else f"s.{name}"
    detail = {"definer": True, "language": "plpgsql", "search_path": "pg_catalog, pg_temp"} if routine else None
    ref = ObjectRef(kind, identity, "s", name, () if routine else None)
    return InventoryObject(ref, State(APP, ()), True, definition or f"{kind} {name}", None, follows, detail, ("owned",))


def estate(*more: InventoryObject) -> Inventory:
    objects = [
        *(thing("function", part) for part in PARTS),
        thing("view", "ready"),
        thing("table", "source"),
        thing("table", "switch"),
        *more,
    ]
    return Inventory("db", 180000, APP, tuple(sorted(objects, key=lambda o: o.ref.key)))


def rule(**what: Any) -> dict[str, Any]:
    return {"disposition": "transfer", "reason": "because", **what}


def policy(*first: dict[str, Any], rest: bool = True) -> Policy:
    """A policy with the rules ``first``, and one that transfers everything else unless ``rest`` is False."""
    blocked = {"table": "s.switch", "key_column": "k", "key": "x", "state_column": "v", "blocked": "yes"}
    data = {
        "schema": "qt001.policy/1",
        "name": "small",
        "roles": {"application": "app"},
        "rule": [*first, *([rule(schema="s")] if rest else [])],
        "apply_path": {
            **{part: f"s.{part}()" for part in PARTS},
            "readiness": "s.ready",
            "source_tables": ["s.source"],
            "triggers": [],
        },
        "repoint": [{"identity": f"s.{part}()", "source": f"{part}.sql"} for part in PARTS],
        "legacy": [],
        "blocked": [{"what": what, **blocked} for what in ("apply", "readiness")],
        "capability": [{"name": "c", "reason": "r", "producers": ["p"], "max_age_seconds": 60}],
        "verifier": {"max_age_seconds": 60},
        "sign_off": {"max_validity_seconds": 60},
    }
    return policy_from_data(data, "small.toml")


def manifest(*more: InventoryObject, rules: Policy | None = None, analyses: Analyses | None = None) -> ObjectManifest:
    sources = {f"s.{part}()": f"-- {part}" for part in PARTS}
    return generate(estate(*more), rules or policy(), sources, analyses or {})
