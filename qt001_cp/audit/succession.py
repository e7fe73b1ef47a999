"""Successors, followed here from the documents and the events alone: what each change may say otherwise than the manifest before it,
and that each deployment took the place of the one that was there.

Contract, section 10 "Succession": unchanged objects are those of the predecessor, and the way back goes where its does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from qt001_cp.audit.check import Check
from qt001_cp.audit.control import pair_of
from qt001_cp.audit.growth import decided

Node = tuple[str, str]
Manifest = Mapping[str, Any]
_MOVES: Final = frozenset({"move", "unmove"})
_SAME: Final = ("database", "application", "pair", "apply_path", "blocked", "legacy")
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
        policy = found.get(manifest["policy"]["sha256"])
        check.faults += [f"manifest {digest}: {fault}" for fault in _inherited(manifest, before, policy)]
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


def _inherited(manifest: Manifest, before: Manifest, policy: Manifest | None) -> Iterator[str]:
    """What a change cannot make another."""
    for part in _SAME:
        if manifest.get(part) != before.get(part):
            yield f"{part} is not its predecessor's"
    if _sources(manifest) != _sources(before):
        yield "the routines of the apply path, or their sources from before FIX7c, are not its predecessor's"
    mine, theirs = _objects(manifest), _objects(before)
    if manifest.get("server_major") != before.get("server_major"):
        yield from _reworded(mine, theirs)
        return
    for node in sorted(mine.keys() | theirs.keys()):
        one, other = mine.get(node), theirs.get(node)
        fault = (
            _moved(one, other, before, policy)
            if one is not None and _MOVES & one["ways"].keys()
            else _object(one, other, pair_of(before).owner, policy)
        )
        if fault:
            yield f"{node[0]} {node[1]}: {fault}"


def _reworded(mine: Mapping[Node, Mapping[str, Any]], theirs: Mapping[Node, Mapping[str, Any]]) -> Iterator[str]:
    """On another major version everything is what it was, in other words."""
    for node in sorted(mine.keys() | theirs.keys()):
        now, then = (
            {k: v for k, v in _settled(side.get(node, {})).items() if k not in _WORDS} for side in (mine, theirs)
        )
        if now != then:
            yield f"{node[0]} {node[1]}: on another server it is not its predecessor's"


def first_major(manifest: Manifest, found: Mapping[str, Manifest]) -> int:
    """The oldest major version in the line: owners and ACLs are worded as that one has them."""
    oldest = int(manifest.get("server_major", NEWEST))
    before = predecessor_of(manifest, found)
    return oldest if before is None else min(oldest, first_major(before, found))


def _settled(o: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the steps of the change that has moved it."""
    return o if "ways" not in o else {**o, "ways": {k: v for k, v in o["ways"].items() if k not in _MOVES}}


def _moved(mine: Mapping[str, Any], theirs: Mapping[str, Any] | None, before: Manifest, policy: Manifest | None) -> str:
    """What a change takes its policy transfers, and it is not the owner's yet; what it gives back its policy retains, and it goes as the
    predecessor would give it back."""
    owner = pair_of(before).owner
    ways, was = mine["ways"], theirs["disposition"] if theirs is not None else "retain"
    if not ways.keys() >= _MOVES or decided(policy, mine["kind"], mine["identity"]) != mine["disposition"]:
        return "it is moved, and its policy does not say so"
    if mine["disposition"] == "transfer":
        mended = "forward" in ways and (ways["move"], ways["unmove"]) != (ways["forward"], ways["restore"])
        taken = was == "retain" and mine["before"]["owner"] != owner == mine["after"]["owner"] and not mended
        return (
            ""
            if taken and mine["retired"] is None
            else "it is taken, and was not the application's, or not by its own way"
        )
    if was != "transfer" or theirs is None:
        return "it is given back, and was not transferred"
    led = theirs["ways"]
    same = mine["before"] == theirs["before"] and mine["after"] is None and ways["move"] == led.get("restore")
    if not same or ways["unmove"] != led.get("forward", ways["unmove"]) or mine["before"]["owner"] == owner:
        return "it is given back, and not as its predecessor would give it"
    if theirs["retired"] is not None or mine["identity"] in _closed(before):
        return "it is given back, and belongs to the apply path or the legacy authority"
    return ""


def _closed(manifest: Manifest) -> set[str]:
    """The apply path, its sources and its evidence, as the manifest names them."""
    path = manifest.get("apply_path") or {}
    found = {path["readiness"], *path["source_tables"]} if path else set()
    found |= {part["identity"] for part in manifest["repoint"]}
    return found | {item["table"] for item in manifest["blocked"]}


def _born(mine: Mapping[str, Any], owner: str, policy: Manifest | None) -> bool:
    """The owner's now; before it the owner's too, without a way, or the role's that a rule names for such as it."""
    if mine["disposition"] != "transfer" or mine["after"]["owner"] != owner or mine["retired"] is not None:
        return False
    if mine["before"]["owner"] == owner:
        return mine["before"] == mine["after"] and not mine["ways"]
    heirs = {rule.get("back_to") for rule in (policy or {}).get("rule") or ()} - {None}
    return mine["before"]["owner"] in heirs and set(mine["ways"]) <= {"restore"}


def _object(
    mine: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None, owner: str, policy: Manifest | None
) -> str:
    if theirs is None:
        assert mine is not None
        return "" if _born(mine, owner, policy) else f"it is new, and not only {owner}'s"
    if theirs["disposition"] != "transfer":
        settled = {**theirs, "ways": {way: steps for way, steps in theirs["ways"].items() if way not in _MOVES}}
        return "" if mine == settled else "it stays where it is, and is not as its predecessor has it"
    if mine is None:
        return ""
    same = all(mine[part] == theirs[part] for part in ("disposition", "before", "retired"))
    return "" if same else "its state from before the cutover is not its predecessor's"


def _objects(manifest: Manifest) -> dict[Node, Mapping[str, Any]]:
    return {(o["kind"], o["identity"]): o for o in manifest["objects"]}


def _sources(manifest: Manifest) -> list[tuple[str, str, str]]:
    return sorted((r["identity"], r["part"], r["before"]) for r in manifest["repoint"])
