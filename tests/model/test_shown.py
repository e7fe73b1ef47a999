"""What others wrote, for people: on a terminal, in Markdown, in JSON."""

from __future__ import annotations

import json

import pytest

from qt001_cp.model.shown import in_json, lines, markdown, markdown_code, visible

HIDDEN = ("\x1b]0;title\x07", "\x9b31m", "\u202egnp.exe", "\u2066\u2069", "zero\u200bwidth", "\ufeff", "\u2028", "a\rb", "a\tb", "\u00ad",
          "\u3164", "\u034f", "\ufe0f", "\U000e0041", "\U000e0100", "\u180e", "\x7f", "\x85", "\ud800", "a\nb")  # fmt: skip


@pytest.mark.parametrize("text", HIDDEN, ids=ascii)
def test_what_does_not_show_is_a_number(text: str) -> None:
    shown = visible(f"<{text}>")
    assert shown.isprintable()
    assert "\\" in shown
    assert len(shown) > len(text) + 2
    assert lines(text).replace("\n", "").isprintable()
    said = in_json(json.dumps([text], ensure_ascii=False))
    assert json.loads(said) == [text]
    assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize("text", ["Größe 日本", "naïve", "É", "–…✓", "👍", "\u0915\u094d\u0937"])
def test_what_shows_is_as_it_is(text: str) -> None:
    assert visible(text) == lines(text) == in_json(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("![x](http://evil)", r"!\[x\](http\://evil)"),
        ("https://evil.example", r"https\://evil.example"),
        ("www.evil.example", r"www\.evil.example"),
        ("mailto:x", r"mailto\:x"),
        ("a|b\n| c", r"a\|b\u000a\| c".replace(r"\u000a", "\\\\u000a")),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("a `b` *c* _d_ #e", r"a \`b\` \*c\* \_d\_ \#e"),
    ],
)
def test_markdown_makes_nothing_of_it(text: str, shown: str) -> None:
    assert markdown(text) == shown


def test_code_in_a_cell_ends_where_it_ends() -> None:
    assert markdown_code("a`b|c\n\u202e") == "a'b\\|c\\u000a\\u202e"
