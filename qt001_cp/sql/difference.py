"""What makes schema qt001_cp of one build that of another: the statements of a release, forward and back.

Routines and views are told apart by their texts and replaced, made or dropped; the privileges follow from the files of grants.
What else differs (a table, a type, a row, a trigger) nobody can replace without knowing what is in it: the maintainer writes
those statements by hand, and the structure of the result decides (``qt001_cp.sql.structure``). Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from qt001_cp.errors import FileProblem

Files: TypeAlias = Mapping[str, str]
"""``stage/name`` → SQL text, in the order in which they run."""

_PIECE: Final = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\$([a-z_0-9]*)\$.*?\$\1\$|\"[^\"]*\"|[^;'\"$-]+|.", re.DOTALL)
_MADE: Final = re.compile(r"CREATE (FUNCTION|VIEW) (qt001_cp\.[a-z0-9_]+)")
_LEFT_OUT: Final = ("00_guard.sql", "zz_drop.sql")
"""They run in no release: the one asks before FIX7a, the other takes all away."""
_GRANTS: Final = "90_grant.sql"


@dataclass(frozen=True)
class Difference:
    """``sql``: what a release runs; ``by_hand``: statements that are in only one of the two, and not replaced here; ``counts``:
    what is replaced, made and dropped, for a person."""

    sql: str
    by_hand: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]


def difference(old: Files, new: Files) -> Difference:
    """From the whole SQL of one build to that of another."""
    before, after = _made(old), _made(new)
    replaced = [n for n in after if n in before and before[n] != after[n]]
    born = [n for n in after if n not in before]
    gone = [n for n in reversed(before) if n not in after]
    anew = [n for n in replaced if _head(before[n]) != _head(after[n])]
    statements = [*(f"DROP {_kind(before[n])} {n};" for n in reversed(anew))]
    statements += [_replacing(after[n]) if n in replaced and n not in anew else after[n]
                   for n in sorted((*replaced, *born), key=lambda n: (_kind(after[n]) == "VIEW", list(after).index(n)))]  # fmt: skip
    statements += [f"DROP {_kind(before[n])} {n};" for n in sorted(gone, key=lambda n: _kind(before[n]) != "VIEW")]
    if born or anew or _grants(old) != _grants(new):
        statements += [text for _, text in _grants(new)]
    counts = (("replaced", len(replaced)), ("made", len(born)), ("dropped", len(gone)))
    return Difference("\n".join(f"{s}\n" for s in statements), tuple(_others(old, new)), counts)


def statements(text: str) -> Iterator[str]:
    """The statements of a file, each with its semicolon, without the comments before it."""
    found, started = "", False
    for piece in _PIECE.finditer(text):
        word = piece[0]
        if not started and (word.startswith("--") or not word.strip()):
            continue
        found, started = found + word, True
        if word == ";":
            yield found.strip()
            found, started = "", False
    if found.strip():
        raise FileProblem(f"a file of SQL ends within a statement: {found.strip()[:60]}")


def _made(files: Files) -> dict[str, str]:
    """Name → the statement that makes the routine or view; no two routines of ours have the same name."""
    found: dict[str, str] = {}
    for text in _texts(files):
        for each in statements(text):
            match = _MADE.match(each)
            if match is not None:
                if match[2] in found:
                    raise FileProblem(
                        f"{match[2]} is made twice: no two routines or views of schema qt001_cp share a name"
                    )
                found[match[2]] = each
    return found


def _others(old: Files, new: Files) -> Iterator[str]:
    """Statements beside routines, views and the files of grants that are in one of the two alone."""
    before, after = (
        Counter(each for text in _texts(files) for each in statements(text) if _MADE.match(each) is None)
        for files in (old, new)
    )
    yield from (before - after).keys()
    yield from (after - before).keys()


def _texts(files: Files) -> Sequence[str]:
    return [text for name, text in files.items() if name.partition("/")[2] not in (*_LEFT_OUT, _GRANTS)]


def _grants(files: Files) -> list[tuple[str, str]]:
    return [(name, text.rstrip("\n")) for name, text in files.items() if name.endswith(f"/{_GRANTS}")]


def _head(statement: str) -> str:
    """Name, arguments and what it returns; of a view, its columns where it names them."""
    return " ".join(re.split(r"\nLANGUAGE |\sAS\s", statement, maxsplit=1)[0].split())


def _kind(statement: str) -> str:
    match = _MADE.match(statement)
    assert match is not None
    return match[1]


def _replacing(statement: str) -> str:
    return statement.replace("CREATE ", "CREATE OR REPLACE ", 1)
