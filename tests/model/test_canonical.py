"""Canonical bytes: Python and PostgreSQL make the same ones of every document, by code of their own."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from qt001_cp.errors import ManifestError
from qt001_cp.model.canonical import canonical_bytes, canonical_pieces, digest, digest_of, parse_canonical
from tests.conftest import Stage

LARGEST = 2**53 - 1
KEYS = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=6)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
LEAVES = st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | TEXTS
DOCUMENTS = st.dictionaries(
    KEYS, st.recursive(LEAVES, lambda v: st.lists(v, max_size=4) | st.dictionaries(KEYS, v, max_size=4)), max_size=6
)
JCS = "SELECT qt001_cp.jcs(%s::jsonb), qt001_cp.sha256_hex(convert_to(qt001_cp.jcs(%s::jsonb), 'UTF8'))"


@pytest.mark.slow
@settings(max_examples=400, deadline=None, derandomize=True)
@given(document=DOCUMENTS, items=st.lists(DOCUMENTS, max_size=4), key=KEYS)
def test_rfc8785_makes_the_same_bytes(document: dict[str, Any], items: list[dict[str, Any]], key: str) -> None:
    document.pop(key, None)
    assert canonical_bytes(document) == rfc8785.dumps(document)
    whole = rfc8785.dumps({**document, key: items})
    assert b"".join(canonical_pieces(document, key, items)) == whole
    assert digest_of(canonical_pieces(document, key, items)) == digest(whole)


def test_every_character_is_written_as_rfc8785_writes_it() -> None:
    text = "".join(map(chr, [*range(1, 0xD800), *range(0xE000, 0x10FFFF, 7)]))
    assert canonical_bytes({"text": text}) == rfc8785.dumps({"text": text})


class _Text(str):
    __slots__ = ()


@pytest.mark.parametrize("value", ["\ud800", _Text("x"), {_Text("x"): 1}, b"x", {1}, float("nan"), {1: 2}], ids=repr)
def test_what_is_no_json_of_ours_is_refused(value: object) -> None:
    with pytest.raises(ManifestError):
        canonical_bytes({"value": value})


def test_server_makes_the_same_bytes(at_fix7a_sealed: Stage) -> None:
    with at_fix7a_sealed.connect() as connection:

        @settings(max_examples=200, deadline=None, derandomize=True)
        @given(document=DOCUMENTS, escaped=st.booleans())
        def check(document: dict[str, Any], escaped: bool) -> None:
            spelled = json.dumps(document, indent=1, ensure_ascii=escaped)
            body = canonical_bytes(document)
            row = connection.execute(JCS, [spelled, spelled]).fetchone()
            assert row == (body.decode(), digest(body))
            assert parse_canonical(body, "it") == document

        check()


@pytest.mark.parametrize("value", [0.5, 1e300, LARGEST + 1, -LARGEST - 1, {"ü": 1}, [[{"a": {"é": None}}]]], ids=repr)
def test_what_has_no_exact_form_is_refused_by_both(at_fix7a_sealed: Stage, value: object) -> None:
    with pytest.raises(ManifestError):
        canonical_bytes({"value": value})
    with at_fix7a_sealed.connect() as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute("SELECT qt001_cp.jcs(%s::jsonb)", [json.dumps({"value": value})])
    assert refused.value.sqlstate == "QT202"


@pytest.mark.parametrize(
    "body", [b'{"a":1.0}', b'{"a":1e2}', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a":"\\u00e9"}', b'{"a":1}\n']
)
def test_another_spelling_is_not_canonical(body: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_canonical(body, "it")
