"""Checks how our SQL is written: ``python scripts/check_sql.py [FILE…]``; without files, all that is listed in ``CHECKED``.

Three rules: a line has at most 100 columns; an alias has more than one letter; a function has at most 80 lines, or says
why in its first comment (``-- long: …``). Bodies of functions are read like any other SQL, by the project's own parsers
(``qt001_cp.analyse``). Prints one line a finding, ``file:line: what``; exits with 1 where there are any.

Not read: SQL that stands in a string (EXECUTE, ``\\gexec``), and what is filled into a placeholder. The reasons are in
docs/adr/0019-sql-style.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from qt001_cp.analyse import engine, lexer, plpgsql
from qt001_cp.analyse.found import STATEMENT
from qt001_cp.analyse.lexer import Token

ROOT: Final = Path(__file__).resolve().parents[1]
CHECKED: Final = (
    "qt001_cp/sql/*/*.sql",
    "qt001_cp/audit/sql/*.sql",
    "qt001_cp/rehearsal/clone/sql/*.sql",
    "scripts/*.sql",
)
NOT_YET: Final[dict[str, str]] = {}
"""Files that are left out, each with the reason. One that has no findings any more is a finding: take it off this list."""

COLUMNS: Final = 100
LINES: Final = 80

_META: Final = re.compile(r"^[ \t]*\\.*|\\(?:g|gset|gexec)\b[^\n]*$", re.MULTILINE)
_VARIABLE: Final = re.compile(r":(?='[a-z_]+')")
_PLACEHOLDER: Final = re.compile(r"\{[a-z_]+\}|%s\b")
_STAND_INS: Final = ("it", "0 AND 0", "SELECT 0", "(0)", "'it'")
"""What a placeholder may stand for, as far as grammar goes: a name or value, bounds, a query, rows, a constant."""
_LONG: Final = re.compile(r"\s*(?:--[^\n]*\n\s*)*?--[ \t]*long:[ \t]*\S")


@dataclass(frozen=True, order=True)
class Finding:
    line: int
    what: str


def check(text: str) -> list[Finding]:
    """What is wrong with the text of one file, in the order of its lines."""
    return sorted({*_columns(text), *_lengths(text), *_aliases(text)})


def _columns(text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > COLUMNS:
            yield Finding(number, f"{len(line)} columns, at most {COLUMNS}")


def _lengths(text: str) -> Iterator[Finding]:
    for statement in _statements(text):
        for body in statement.bodies:
            lines = body.line + body.value.count("\n") - statement.line + 1
            if lines > LINES and not _LONG.match(body.value):
                yield Finding(
                    statement.line,
                    f"{statement.title} has {lines} lines, at most {LINES}: split it, or begin its body with -- long: why",
                )


def _aliases(text: str) -> Iterator[Finding]:
    for statement in _statements(text):
        yield from _of_sql(statement.text, statement.line)
        for body in statement.bodies:
            if statement.language == "sql":
                yield from _of_sql(body.value, body.line)
            elif statement.language == "plpgsql":
                yield from _of_plpgsql(body.value, body.line)


@dataclass(frozen=True)
class _Statement:
    text: str
    tokens: tuple[Token, ...]
    line: int

    @property
    def bodies(self) -> list[Token]:
        """What stands between dollar quotes, where the statement makes or runs code."""
        code = any(token.is_word("function", "procedure", "do") for token in self.tokens[:4])
        return [t for t in self.tokens if code and t.kind == lexer.STRING and self.source(t).startswith("$")]

    @property
    def language(self) -> str:
        for word, name in zip(self.tokens, self.tokens[1:], strict=False):
            if word.is_word("language"):
                return name.value
        return "plpgsql"

    @property
    def title(self) -> str:
        """CREATE FUNCTION with the name, or DO."""
        words = [self.source(token) for token in self.tokens]
        return " ".join(words[:1]) if words[0].lower() == "do" else "".join(words[: words.index("(")][-3:])

    def source(self, token: Token) -> str:
        start = self.tokens[0].start
        return self.text[token.start - start : token.end - start]


def _statements(text: str) -> Iterator[_Statement]:
    """The statements of a file for psql: its own commands are taken out, and end a statement where they run one."""
    text = _META.sub(lambda found: "" if found.group().lstrip()[1:3] in ("se", "if", "el", "en") else ";", text)
    text = _VARIABLE.sub(" ", text)
    tokens: list[Token] = []
    for token in lexer.tokenize(text):
        if token.kind != lexer.END and not token.is_op(";"):
            tokens.append(token)
        elif tokens:
            yield _Statement(text[tokens[0].start : tokens[-1].end], tuple(tokens), tokens[0].line)
            tokens = []


def _of_plpgsql(body: str, line: int) -> Iterator[Finding]:
    found = plpgsql.parse(body)
    for fragment in found.fragments:
        before = "" if fragment.kind == STATEMENT else "SELECT "
        yield from _of_sql(before + fragment.text, line + fragment.line - 1)
    if found.errors:
        yield from _of_tokens(body, line)


def _of_sql(text: str, line: int) -> Iterator[Finding]:
    for candidate in dict.fromkeys([text, *(_PLACEHOLDER.sub(it, text) for it in _STAND_INS)]):
        try:
            names = {name for node in engine.parse(candidate) for name in _short(node)}
        except engine.EngineError:
            continue
        tokens = lexer.tokenize(text)
        for name in names:
            where = next((token.line for token in tokens if token.is_name and token.value == name), 1)
            yield _alias(name, line + where - 1)
        return
    yield from _of_tokens(text, line)


def _short(node: Any) -> Iterator[str]:
    """The aliases and the names of CTEs and of results, of one letter, below this node of libpg_query's JSON."""
    if isinstance(node, list):
        for each in node:
            yield from _short(each)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "alias" or key == "join_using_alias":
                yield from _letters(value.get("aliasname"), *engine.strings(value.get("colnames")))
            elif key == "CommonTableExpr":
                yield from _letters(value.get("ctename"), *engine.strings(value.get("aliascolnames")))
            elif key == "ResTarget" and "val" in value:
                yield from _letters(value.get("name"))
            yield from _short(value)


def _letters(*names: str | None) -> Iterator[str]:
    return (name for name in names if name is not None and len(name) == 1)


def _of_tokens(text: str, line: int) -> Iterator[Finding]:
    """Where the parser gives up: a letter that is qualified with, or stands behind AS, is an alias."""
    tokens = lexer.tokenize(text)
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.is_name and len(token.value) == 1 and (after.is_op(".") or before.is_word("as")):
            yield _alias(token.value, line + token.line - 1)


def _alias(name: str, line: int) -> Finding:
    return Finding(line, f"alias {name}: one letter; name what its rows are")


def main(arguments: list[str]) -> int:
    listed = sorted(path for pattern in CHECKED for path in ROOT.glob(pattern))
    wrong = 0
    for path in map(Path, arguments) if arguments else listed:
        absolute = path.resolve()
        name = str(absolute.relative_to(ROOT)) if absolute.is_relative_to(ROOT) else str(path)
        findings = check(path.read_text("utf-8"))
        if not arguments and name in NOT_YET:
            findings = [] if findings else [Finding(1, "clean: take it off the list NOT_YET in scripts/check_sql.py")]
        for finding in findings:
            print(f"{name}:{finding.line}: {finding.what}")
        wrong += len(findings)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
