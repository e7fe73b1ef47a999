"""Tokens by PostgreSQL's rules: every form of string, identifier, comment and number."""

from __future__ import annotations

import pytest

from qt001_cp.analyse.lexer import tokenize

_CASES = [
    ("SELECT a", [("word", "select"), ("word", "a")]),
    ('"A""b" U&"\\0041" u&"\\+00004a"', [("quoted", 'A"b'), ("quoted", "A"), ("quoted", "J")]),
    ("'it''s' E'a\\'b\\n\\x41' B'01' N'x'", [("string", "it's"), ("string", "a'b\nA"), ("string", "01"), ("string", "x")]),
    ("$$a$b$ $$ $t$ $$ $T$ $t$", [("string", "a$b$ "), ("string", " $$ $T$ ")]),
    ("a$b$c $1 $12", [("word", "a$b$c"), ("param", "$1"), ("param", "$12")]),
    ("a -- b 'c\nd /* e /* f */ ' */ g", [("word", "a"), ("word", "d"), ("word", "g")]),
    ("1..10 1.5 .5 1e-3 0xFF 1_000", [("number", "1"), ("op", ".."), ("number", "10"), ("number", "1.5"),
                                     ("number", ".5"), ("number", "1e-3"), ("number", "0xFF"), ("number", "1_000")]),
    ("a:=-1 b=>c d::e f<>-g @-h", [
        ("word", "a"), ("op", ":="), ("op", "-"), ("number", "1"), ("word", "b"), ("op", "=>"), ("word", "c"),
        ("word", "d"), ("op", "::"), ("word", "e"), ("word", "f"), ("op", "<>"), ("op", "-"), ("word", "g"),
        ("op", "@-"), ("word", "h")]),
    ("<<l>>x", [("op", "<<"), ("word", "l"), ("op", ">>"), ("word", "x")]),
    ("a-- x\n+/* y */b", [("word", "a"), ("op", "+"), ("word", "b")]),
    ("GRÖßE Ünï", [("word", "grÖße"), ("word", "Ünï")]),
    ("x" * 70, [("word", "x" * 63)]),
    ("é" * 40, [("word", "é" * 31)]),
    ("'open", [("bad", "string")]),
    ('"open', [("bad", "identifier")]),
    ("$x$ open $y$", [("bad", "dollar-quoted string")]),
    ("/* /* */", [("bad", "comment")]),
]  # fmt: skip  # one case a line


@pytest.mark.parametrize(("text", "expected"), _CASES)
def test_tokens(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(token.kind, token.value) for token in tokenize(text)[:-1]] == expected


def test_places_and_lines() -> None:
    text = "a\n/* \n */ 'b\nc' d"
    tokens = tokenize(text)
    assert [token.line for token in tokens] == [1, 3, 4, 4]
    assert [text[token.start : token.end] for token in tokens] == ["a", "'b\nc'", "d", ""]
