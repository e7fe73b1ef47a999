"""EXECUTE in PL/pgSQL: whether all that it runs stands in the body as constant text. What cannot be followed here is not.

Source: PostgreSQL documentation, "Executing Dynamic Commands" (43.5.4): ``quote_literal`` and ``%L`` make a value of anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from qt001_cp.audit.lexical import Token, tokens

_END: Final = {";", "into", "using", "loop"}
_PASSED: Final = {
    "format",
    "concat",
    "quote_ident",
    "pg_catalog",
    "text",
    "regclass",
    "null",
    "case",
    "when",
    "then",
    "else",
    "end",
}
_VALUE: Final = {"quote_literal", "quote_nullable"}
_STARTS: Final = {";", "begin", "declare", "then", "else", "loop"}
_NO_STATEMENT: Final = {"function", "procedure", "on"}
"""After EXECUTE of a trigger, or of GRANT."""


def opaque(body: str) -> bool:
    """A dynamic statement that more goes into than constant text, in the text that it runs too."""
    found = list(tokens(body))
    for at, t in enumerate(found):
        if t.kind == "word" and t.text == "do" and at + 1 < len(found) and found[at + 1].kind == "string":
            if opaque(found[at + 1].text):
                return True
        elif (
            t.kind == "word" and t.text == "execute" and at + 1 < len(found) and found[at + 1].text not in _NO_STATEMENT
        ):
            run = list(_until(found, at + 1, _END))
            if not _constant(run, found, set()) or any(opaque(s.text) for s in run if s.kind == "string"):
                return True
    return False


def _constant(expression: list[Token], body: list[Token], seen: set[str]) -> bool:
    at = 0
    while at < len(expression):
        t = expression[at]
        if t.kind in ("word", "name"):
            if t.text in _VALUE or (t.text == "format" and _only_values(expression[at + 1 : at + 3])):
                at = _closed(expression, at + 1)
            elif t.text == "when":
                at += len(list(_until(expression, at, {"then"})))
            elif t.text not in _PASSED and not _always_constant(t.text, body, seen):
                return False
        at += 1
    return True


def _always_constant(name: str, body: list[Token], seen: set[str]) -> bool:
    """A variable that is given a value, and constant ones only; an argument, a row of a query, a loop's are not."""
    if name in seen:  # whoever is not constant has ended the search
        return True
    seen.add(name)
    for before, t in pairwise(body):
        if t.text == name and before.text in ("into", "strict", "for", "foreach", ","):
            return False
    given = [value for target, value in _assignments(body) if target == name]
    return bool(given) and all(_constant(value, body, seen) for value in given)


def _assignments(body: list[Token]) -> Iterator[tuple[str, list[Token]]]:
    first = 0
    for at, t in enumerate(body):
        if t.kind != "string" and t.text in _STARTS:
            first = at + 1
        elif t.text == ":" and at + 1 < len(body) and body[at + 1].text == "=":
            yield body[first].text, list(_until(body, at + 2, {";"}))


def _only_values(call: list[Token]) -> bool:
    return (
        len(call) == 2
        and call[1].kind == "string"
        and "%s" not in call[1].text
        and "%I" not in call[1].text
        and "$" not in call[1].text
    )


def _until(found: list[Token], at: int, ends: set[str]) -> Iterator[Token]:
    for t in found[at:]:
        if t.kind in ("word", "mark") and t.text in ends:
            return
        yield t


def _closed(found: list[Token], at: int) -> int:
    """The index of the parenthesis that closes the one at ``at``."""
    depth = 0
    for n in range(at, len(found)):
        depth += {"(": 1, ")": -1}.get(found[n].text, 0) if found[n].kind == "mark" else 0
        if depth == 0:
            return n
    return len(found)
