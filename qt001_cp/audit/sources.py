"""The evidence of the analysis against the sources as they are: digests, what the server itself has noted, and what
stands in a body as a word (``bodies``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import psycopg

from qt001_cp.audit import functions
from qt001_cp.audit.bodies import ANALYSED, Known, Row, asks_first, known_names, words
from qt001_cp.audit.check import Check
from qt001_cp.audit.growth import may_go
from qt001_cp.audit.lexical import tokens
from qt001_cp.audit.queries import rows

Node = tuple[str, str]


def evidence_of(digest: str, events: Iterable[Row], found: Mapping[str, Row]) -> Row | None:
    """The static analysis that was imported last about this manifest."""
    imported = [found[e["subject"]] for e in events if e["verb"] == "evidence_imported" and e["subject"] in found]
    ours = [
        d
        for d in imported
        if str(d.get("schema")).startswith("qt001.evidence.static-analysis/") and d["subject"] == digest
    ]
    return ours[-1] if ours else None


def dependency_of(digest: str, events: Iterable[Row], found: Mapping[str, Row]) -> Row | None:
    """The dependency manifest that the last deployment names, where it was sealed and is of this object manifest."""
    events = list(events)
    sealed = {e["subject"] for e in events if e["verb"] == "sealed"}
    deployed = [e["detail"].get("documents") for e in events if e["verb"] in ("deployed", "succeeded")]
    named = deployed[-1] if deployed and isinstance(deployed[-1], dict) else {}
    for schema, part in named.items():
        if schema.startswith("qt001.manifest.dependency/") and part in sealed and part in found:
            document = found[part]
            if document.get("schema") == schema and document["object_manifest"] == digest:
                return document
    return None


def read(connection: psycopg.Connection) -> tuple[dict[Node, Row], list[Row]]:
    """The routines, and what the server has noted of them and of the relations."""
    with connection.transaction():
        # They decide how a definition is worded.
        connection.execute(
            "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL quote_all_identifiers = off;"
            " SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL timezone = 'UTC'; SET LOCAL intervalstyle = 'postgres';"
            " SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; SET LOCAL lc_monetary = 'C';"
            " SET LOCAL standard_conforming_strings = on; SET LOCAL xmlbinary = 'base64'"
        )
        bad = functions.unlisted(connection)
        types = frozenset(r["name"] for r in rows(connection, "plain_types.sql"))
        routines: dict[Node, Row] = {
            (r["kind"], r["identity"]): {**r, "unlisted": bad, "types": types} for r in rows(connection, "routines.sql")
        }
    return routines, list(rows(connection, "depends.sql"))


def analysis(manifest: Row, evidence: Row | None, routines: Mapping[Node, Row], noted: Iterable[Row]) -> Check:
    """Every transferred routine and view is in the evidence, as it is now, with everything that can be seen of it here."""
    check = Check("the analysis against the sources")
    if evidence is None:
        check.faults.append("no static analysis about this manifest was imported")
        return check
    entries = {(r["kind"], r["identity"]): r for r in evidence["routines"]}
    needs, known = _needs(noted), known_names(manifest)
    for o in manifest["objects"]:
        if o["disposition"] != "transfer" or o["kind"] not in ANALYSED:
            continue
        check.looked_at += 1
        node = (o["kind"], o["identity"])
        faults = _entry(o, entries.get(node), routines.get(node), needs.get(node, set()), known)
        check.faults += [f"{o['kind']} {o['identity']}: {fault}" for fault in faults]
    return check


def _needs(noted: Iterable[Row]) -> dict[Node, set[str]]:
    """What the server has noted that a routine needs; of a relation, what its rule needs."""
    needs: dict[Node, set[str]] = {}
    for d in noted:
        if d["by_rule"] or d["by_rule"] is None:
            needs.setdefault((d["from_kind"], d["from_identity"]), set()).add(d["to_identity"])
    return needs


def _entry(o: Row, entry: Row | None, routine: Row | None, needs: set[str], known: Known) -> Iterator[str]:
    if entry is None:
        yield "the evidence does not have it"
        return
    named = {e["identity"] for e in entry["edges"]}
    for need in sorted(needs - named):
        yield f"the server has noted that it needs {need}, the evidence does not name it"
    if routine is not None:
        yield from (*_digests(entry, routine), *words(entry, routine, named, known))
    elif entry["definition"] != o["definition"]:
        yield f"the evidence is about definition {entry['definition']}, the manifest has {o['definition']}"


def apply_path(manifest: Row, routines: Mapping[Node, Row], stage: str) -> Check:
    """The repointed routines have the sources of the manifest: the old ones, or after FIX7c the new ones, each of which
    runs with its owner's rights on a pinned path and asks first."""
    check = Check("the sources of the apply path")
    by_identity = {identity: r for (_, identity), r in routines.items()}
    for r in manifest["repoint"]:
        check.looked_at += 1
        live = by_identity.get(r["identity"])
        if live is None:
            check.faults.append(f"{r['identity']}: it is not in this database")
        elif stage != "fix7c":
            if spelled(live) != r["before"]:
                check.faults.append(f"{r['identity']}: its source is not the one that the manifest captured")
        else:
            check.faults += [f"{r['identity']}: {fault}" for fault in _replaced(r, live)]
    return check


def _replaced(wanted: Row, live: Row) -> Iterator[str]:
    if live["body"] not in [t.text for t in tokens(wanted["after"]) if t.kind == "string"]:
        yield "its body is not the manifest's new one"
    if not live["definer"] or live["path"] != "pg_catalog, pg_temp":
        yield (
            "expected SECURITY DEFINER and search_path pg_catalog, pg_temp,"
            f" found definer={live['definer']} and {live['path']}"
        )
    if not asks_first(live["body"] or "", live["types"]):
        yield "its first statement is not PERFORM qt001_cp.require_acceptance(…)"


def dependencies(manifest: Row, sealed: Row | None, evidence: Row | None, noted: Iterable[Row]) -> Check:
    """What the apply path reaches, by the evidence and by what the server has noted, stands in the dependency manifest."""
    check = Check("the dependency manifest")
    if sealed is None or evidence is None:
        check.faults.append("none is sealed for this object manifest")
        return check
    reached = {node for node in _reached(manifest, evidence, noted) if not may_go(manifest, *node)}
    check.looked_at = len(reached)
    listed = {(k, i) for k, i in sealed["objects"]}
    check.faults += [f"the apply path reaches {k} {i}, it does not name it" for k, i in sorted(reached - listed)]
    said = {(k, i, rule) for k, i, rule in sealed["unknown"]}
    unknown = {(r["kind"], r["identity"]): [u["rule"] for u in r["unknown"]] for r in evidence["routines"]}
    check.faults += [
        f"{kind} {identity}: the evidence says {rule}, it does not"
        for kind, identity in sorted(reached)
        for rule in unknown.get((kind, identity), ())
        if (kind, identity, rule) not in said
    ]
    return check


def _reached(manifest: Row, evidence: Row, noted: Iterable[Row]) -> set[Node]:
    """What there is on the ways from the routines that FIX7c replaces, but for the control plane's own."""
    graph: dict[Node, set[Node]] = {}
    for d in noted:
        graph.setdefault((d["from_kind"], d["from_identity"]), set()).add((d["to_kind"], d["to_identity"]))
    for r in evidence["routines"]:
        graph.setdefault((r["kind"], r["identity"]), set()).update((e["kind"], e["identity"]) for e in r["edges"])
    roots = {r["identity"] for r in manifest["repoint"]}
    reached: set[Node] = set()
    todo = [(o["kind"], o["identity"]) for o in manifest["objects"] if o["identity"] in roots]
    while todo:
        node = todo.pop()
        if node not in reached and not node[1].startswith("qt001_cp."):
            reached.add(node)
            todo += graph.get(node, ())
    return reached


_VARCHAR: Final = r"'(?:[^']|'')*'::character varying(?:\(\d+\))?"
_CAST_EACH: Final = re.compile(rf"\(({_VARCHAR})\)::text(?=(?:, \({_VARCHAR}\)::text)*\])")
_CAST_LIST: Final = re.compile(rf"\((ARRAY\[{_VARCHAR}(?:, {_VARCHAR})*\])\)::text\[\]")


def _element() -> str:
    """What stands between two commas of a list: quoted words whole, and parentheses four deep."""
    quoted = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""
    inside = quoted
    for _ in range(4):
        inside = rf"{quoted}|\((?:[^()'\"]|{inside})*\)"
    return rf"(?:[^][()'\",]|{inside}|\[[^][]*\])+"


_ELEMENT: Final = re.compile(_element())
_OTHER_LIST: Final = re.compile(rf"\(ARRAY\[({_element()}(?:, {_element()})*)\]\)::text\[\]")


def _digests(entry: Row, routine: Row) -> Iterator[str]:
    about, text = ("body_sha256", routine["body"]) if entry["definition"] is None else ("definition", spelled(routine))
    made = hashlib.sha256((text or "").encode()).hexdigest()
    if entry[about] != made:
        yield f"the evidence is about source {entry[about]}, today's has the sha256 {made}"


def spelled(routine: Row) -> str | None:
    """The words of CREATE OR REPLACE. What PostgreSQL has parsed compares a varchar with a list in two spellings, one of which a dump
    makes: a body in SQL-standard form, and the presets of arguments."""
    whole: str | None = routine["whole"]
    if whole is None:
        return None
    if routine["body"] is None:
        return _one_spelling(whole)
    head, arguments, rest = whole.partition(f"({routine['arguments']})")
    return head + _one_spelling(arguments) + rest


def _one_spelling(text: str) -> str:
    text = _CAST_LIST.sub(r"\1", _CAST_EACH.sub(r"\1", text))
    return _CAST_EACH.sub(r"\1", _OTHER_LIST.sub(_cast_each, text))


def _cast_each(found: re.Match[str]) -> str:
    return "ARRAY[" + _ELEMENT.sub(lambda one: f"{_blank(one[0])}({one[0].strip(' ')})::text", found[1]) + "]"


def _blank(element: str) -> str:
    return " " * element.startswith(" ")
