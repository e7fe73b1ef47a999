"""Successors, followed here from the documents and the events alone: what each change may say otherwise than the manifest before it,
and that each deployment took the place of the one that was there.

Contract, section 10 "Succession": unchanged objects are those of the predecessor, and the way back goes where its does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from qt001_cp.audit.check import Check

OWNER: Final = "qt001_cp_owner"
Node = tuple[str, str]
Manifest = Mapping[str, Any]
_SAME: Final = ("database", "application", "apply_path", "blocked", "legacy")
NEWEST: Final = 99
_WORDS: Final = ("definition", "source", "storage", "storage_source")
"""What another major version of the server words in its own way."""


def predecessor_of(manifest: Manifest, found: Mapping[str, Manifest]) -> Manifest | None:
    """The manifest that this one was made to follow; None for one of a cutover."""
    return found.get(manifest.get("succession", {}).get("predecessor", ""))


def changed(manifest: Manifest, before: Manifest | None) -> frozenset[Node]:
    """The objects that are not in the predecessor as they are here."""
    if before is None:
        return frozenset()
    known = _objects(before)
    return frozenset(node for node, o in _objects(manifest).items() if known.get(node) != o)


def successions(digest: str, found: Mapping[str, Manifest], events: Iterable[Mapping[str, Any]]) -> Check:
    """The line of the manifest, down to the one of the cutover, and each event that put one in the place of another."""
    check = Check("the line of successors")
    while digest in found:
        check.looked_at += 1
        if "succession" not in found[digest]:
            break
        manifest, said = found[digest], found[digest]["succession"]
        before = found.get(said["predecessor"])
        change = found.get(said["change"])
        if change is None or change.get("schema") != "qt001.change/1":
            check.faults.append(f"manifest {digest}: its change {said['change']} is not in this database")
        if before is None:
            check.faults.append(f"manifest {digest}: its predecessor {said['predecessor']} is not in this database")
            break
        check.faults += [f"manifest {digest}: {fault}" for fault in _inherited(manifest, before)]
        digest = said["predecessor"]
    check.faults += _deployments(found, events)
    return check


def _deployments(found: Mapping[str, Manifest], events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Forward the successor of what is deployed, back what the deployed one follows."""
    current = ""
    for e in events:
        verb, subject = e["verb"], str(e["subject"])
        if verb == "succeeded":
            back = e["detail"].get("direction") == "back"
            later, earlier = (current, subject) if back else (subject, current)
            wanted = found.get(later, {}).get("succession", {}).get("predecessor")
            if wanted != earlier:
                yield f"event {e['seq']} deploys manifest {subject} in the place of {current or 'none'}, which is not its neighbour"
        if verb in ("deployed", "succeeded"):
            current = subject
        elif verb in ("undeployed", "restored"):
            current = ""


def _inherited(manifest: Manifest, before: Manifest) -> Iterator[str]:
    """What a change cannot make another."""
    for part in _SAME:
        if manifest.get(part) != before.get(part):
            yield f"{part} is not its predecessor's"
    if _sources(manifest) != _sources(before):
        yield "the routines of the apply path, or their sources from before FIX7c, are not its predecessor's"
    mine, theirs = _objects(manifest), _objects(before)
    if manifest.get("server_major") != before.get("server_major"):
        yield from _moved(mine, theirs)
        return
    for node in sorted(mine.keys() | theirs.keys()):
        fault = _object(mine.get(node), theirs.get(node))
        if fault:
            yield f"{node[0]} {node[1]}: {fault}"


def _moved(mine: Mapping[Node, Mapping[str, Any]], theirs: Mapping[Node, Mapping[str, Any]]) -> Iterator[str]:
    """On another major version everything is what it was, in other words."""
    for node in sorted(mine.keys() | theirs.keys()):
        now, then = ({k: v for k, v in side.get(node, {}).items() if k not in _WORDS} for side in (mine, theirs))
        if now != then:
            yield f"{node[0]} {node[1]}: on another server it is not its predecessor's"


def first_major(manifest: Manifest, found: Mapping[str, Manifest]) -> int:
    """The oldest major version in the line: owners and ACLs are worded as that one has them."""
    oldest = int(manifest.get("server_major", NEWEST))
    before = predecessor_of(manifest, found)
    return oldest if before is None else min(oldest, first_major(before, found))


def _object(mine: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None) -> str:
    if theirs is None:
        assert mine is not None
        born = (
            mine["disposition"] == "transfer" and mine["before"]["owner"] == OWNER and mine["before"] == mine["after"]
        )
        return "" if born and not mine["ways"] and mine["retired"] is None else f"it is new, and not only {OWNER}'s"
    if theirs["disposition"] != "transfer":
        return "" if mine == theirs else "it stays where it is, and is not as its predecessor has it"
    if mine is None:
        return ""
    same = all(mine[part] == theirs[part] for part in ("disposition", "before", "retired"))
    return "" if same else "its state from before the cutover is not its predecessor's"


def _objects(manifest: Manifest) -> dict[Node, Mapping[str, Any]]:
    return {(o["kind"], o["identity"]): o for o in manifest["objects"]}


def _sources(manifest: Manifest) -> list[tuple[str, str, str]]:
    return sorted((r["identity"], r["part"], r["before"]) for r in manifest["repoint"])
