"""The two roles of a database that nobody logs in as: who owns what was transferred, and who owns what decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from qt001_cp.audit.check import Check


class Pair(NamedTuple):
    """By name."""

    owner: str
    ledger: str


_DEFAULT: Final = Pair("qt001_cp_owner", "qt001_cp_ledger")


def pair_of(manifest: Mapping[str, Any]) -> Pair:
    """As an object manifest names them, which leaves out the default ones."""
    return _named(manifest.get("pair"))


def agreed(manifest: Mapping[str, Any], policy: Mapping[str, Any] | None, events: Iterable[Mapping[str, Any]]) -> Check:
    """Manifest, policy and the event of FIX7a name the same two."""
    check, pair = Check("owner and ledger role"), pair_of(manifest)
    configured = [e for e in events if e["verb"] == "configured"]
    told = {
        "policy": policy.get("roles") if policy is not None else None,
        **{f"event {e['seq']}": e["detail"].get("roles") for e in configured[-1:]},
    }
    for where, found in told.items():
        check.looked_at += 1
        if _named(found) != pair:
            check.faults.append(f"{where} names {_words(_named(found))}, the manifest {_words(pair)}")
    return check


def _named(found: Any) -> Pair:
    said = found if isinstance(found, Mapping) else {}
    return Pair(str(said.get("owner", _DEFAULT.owner)), str(said.get("ledger", _DEFAULT.ledger)))


def _words(pair: Pair) -> str:
    return f"owner {pair.owner} and ledger role {pair.ledger}"
