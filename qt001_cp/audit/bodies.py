"""What a body names, read word by word. It resolves nothing and follows nothing, so it can be short: the evidence has to name
what a reader sees.

Not seen: a name that a string puts together at run time (there the evidence has to say unknown), and a body in a language that
is neither SQL nor PL/pgSQL (the same).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from qt001_cp.audit.dynamic import opaque
from qt001_cp.audit.functions import calls
from qt001_cp.audit.lexical import Token, tokens

Row = Mapping[str, Any]
Known = Mapping[tuple[str, str], set[str]]

ANALYSED: Final = ("function", "procedure", "view", "materialized view")
_BEFORE_A_RELATION: Final = {"from", "join", "into", "update", "table", "view", "only", "truncate", "using"}
_GUARD: Final = ["perform", "qt001_cp", ".", "require_acceptance", "("]


def words(entry: Row, routine: Row, named: set[str], known: Known) -> Iterator[str]:
    body, unknown = routine["body"], " ".join(u["detail"] for u in entry["unknown"]) + " " * len(entry["unknown"])
    if routine["language"] not in ("sql", "plpgsql"):
        if not unknown:
            yield f"language {routine['language']} cannot be read, the evidence has nothing unknown"
        return
    if body is None:  # BEGIN ATOMIC: the server has noted all of it
        return
    for identities, word in _names(list(tokens(body)), known):
        if not identities & named and routine["identity"] not in identities and word not in unknown:
            yield f"the source names {word}, the evidence does not"
    for name in sorted(set(calls(body, routine.get("unlisted", frozenset())))):
        if name not in unknown:
            yield f"the source calls {name}, which is not harmless, the evidence has nothing unknown about it"
    if routine["language"] == "plpgsql" and not unknown and opaque(body):
        yield "EXECUTE of what is not constant, the evidence has nothing unknown"


def _names(found: list[Token], known: Known) -> Iterator[tuple[set[str], str]]:
    """Names of the estate: schema and name wherever they stand, strings included; a name alone where only a relation or
    a call can stand. A string may be SQL (EXECUTE, format) or a name (regclass); that of RAISE is for people."""
    queries, at, raised = _common_table_expressions(found), 0, False
    while at < len(found):
        t = found[at]
        raised = (raised and t.text != ";") or (t.kind == "word" and t.text == "raise")
        if t.kind == "string" and not raised:
            yield from _names(list(tokens(t.text)), {k: v for k, v in known.items() if k[0]})
        key = _name_at(found, at, queries)
        if key is not None:
            yield from _known_as(key, known)
        at += 3 if key is not None and key[0] else 1


def _name_at(found: list[Token], at: int, queries: set[str]) -> tuple[str, str] | None:
    """Schema and name; no schema where a name stands alone, and only a relation or a call can stand there."""
    t, following = found[at], [f.text for f in found[at + 1 : at + 3]]
    if t.kind not in ("word", "name"):
        return None
    if following[:1] == ["."] and len(following) == 2:
        return t.text, following[1]
    stands = (at > 0 and found[at - 1].text in _BEFORE_A_RELATION) or following[:1] == ["("]
    return ("", t.text) if stands and t.text not in queries else None


def _common_table_expressions(found: list[Token]) -> set[str]:
    """The names that WITH gives to queries, and the one word that looks like a call and is none."""
    names, texts = {"execute"}, [t.text for t in found]
    for at, t in enumerate(found):
        if t.kind in ("word", "name") and at and texts[at - 1] in ("with", "recursive", ","):
            rest = texts[at + 1 :]
            if rest[:1] == ["("] and ")" in rest:  # its columns
                rest = rest[rest.index(")") + 1 :]
            if [w for w in rest[:4] if w not in ("not", "materialized")][:2] == ["as", "("]:
                names.add(t.text)
    return names


def _known_as(key: tuple[str, str], known: Known) -> Iterator[tuple[set[str], str]]:
    if key in known:
        yield known[key], ".".join(p for p in key if p)


def known_names(manifest: Row) -> Known:
    """Relations and routines of the manifest: by schema and name, and by the name alone."""
    known: dict[tuple[str, str], set[str]] = {}
    for o in manifest["objects"]:
        if o["kind"] in ("table", "foreign table", "sequence", "aggregate", *ANALYSED):
            known.setdefault((o["schema"], o["name"]), set()).add(o["identity"])
            known.setdefault(("", o["name"]), set()).add(o["identity"])
    return known


def asks_first(body: str, types: Collection[str]) -> bool:
    """What stands before BEGIN runs nothing, and the first statement is the guard. ``types``: names of types that are no domain."""
    found = list(tokens(body))
    words = [t.text for t in found]
    if "begin" not in words:
        return False
    first = words.index("begin")
    before = found[:first]
    plain = all(t.kind in ("word", "number", "mark") for t in before) and _declares_only(words[:first], types)
    return plain and words[first + 1 : first + 1 + len(_GUARD)] == _GUARD


def _declares_only(words: list[str], types: Collection[str]) -> bool:
    """Variables of known types, each a name and its type: no value, no cursor, no %TYPE, which may be a domain."""
    if not words:
        return True
    if words[0] != "declare" or words[-1] != ";":
        return False
    at = " ".join(words[1:]).removesuffix(";").split(" ; ")
    return len(words) == 2 or all(_is_plain(each.split(), types) for each in at)


def _is_plain(declaration: list[str], types: Collection[str]) -> bool:
    name, *of = declaration or [""]
    if not re.fullmatch(r"[a-z_]\w*", name):
        return False
    said = re.sub(r" ?(\( \d+( , \d+)* \)|\[( \d+)? \])", "", " ".join(of)).replace(" . ", ".")
    return said in types or re.fullmatch(r"(\w+\.)?\w+ % rowtype", said) is not None
