"""libpg_query has a PL/pgSQL parser of its own: where it understands a body, ours has seen every piece of SQL too."""

from __future__ import annotations

from typing import Any

import pgparse
import pytest

from qt001_cp.analyse import header, plpgsql
from qt001_cp.analyse.lexer import tokenize

from .estate import Case
from .test_cases import ALL

_BODIES = [case for case in ALL if case.source.language == "plpgsql"]


def _plain(text: str) -> str:
    return " ".join(token.value for token in tokenize(text)[:-1])


def _queries(tree: Any) -> list[str]:
    if isinstance(tree, list):
        return [query for each in tree for query in _queries(each)]
    if not isinstance(tree, dict):
        return []
    return [
        query
        for key, child in tree.items()
        for query in ([child["query"]] if key == "PLpgSQL_expr" else _queries(child))
    ]


def _theirs(definition: str) -> list[str] | None:
    try:
        return _queries(pgparse.parse_pgsql(definition))
    except pgparse.PGQueryError:
        return None


@pytest.mark.parametrize("case", _BODIES, ids=[case.name for case in _BODIES])
def test_every_query_of_the_other_parser_is_found(case: Case) -> None:
    theirs = _theirs(case.source.definition)
    head = header.read(case.source.definition)
    if theirs is None or head.body is None:
        pytest.skip("the other parser does not understand this body")
    ours = "\n".join(_plain(each.text) for each in plpgsql.parse(head.body.text, head.parameters, head.name).fragments)
    for query in theirs:
        text = _plain(query)
        if "__Case__Variable" in text or " as k , " in text:
            continue  # rewritten by that parser: CASE operands, named arguments of cursors
        for prefix in ("select ", ""):
            if text.startswith(prefix) and text.removeprefix(prefix) in ours:
                break
        else:
            target, _, value = text.partition(" := " if " := " in text else " = ")
            parts = [value] if value in ours else [part for part in text.split(" , ") if part not in ours]
            assert target, query
            assert parts in ([value], []), query


def test_the_other_parser_understands_most_bodies() -> None:
    understood = sum(_theirs(case.source.definition) is not None for case in _BODIES)
    assert understood >= len(_BODIES) * 0.8
