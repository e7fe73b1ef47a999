"""The call that hands the text of a change, whole and readable, to the function that runs it."""

from __future__ import annotations

from typing import Final

from qt001_cp.analyse import lexer
from qt001_cp.emit.quoting import dollar_quoted, literal, readable
from qt001_cp.emit.script import perform
from qt001_cp.errors import FileProblem
from qt001_cp.model.canonical import digest
from qt001_cp.model.change import Change, Way

_EXISTS: Final = ("if", "not", "exists")


def run_change(change: Change, way: Way) -> str:
    """One statement. Raises :class:`FileProblem` for what would pass over an object that is there already."""
    text = change.forward if way == "forward" else change.back
    name = f"{change.revision}.{way}.sql"
    require_plain(text, name)
    shown = readable(text)
    quoted = dollar_quoted(text, f"change_{digest(text.encode())[:16]}") if shown == literal(text) else shown
    return f"-- {name}\n" + perform(f"qt001_cp.run_change({quoted})")


def require_plain(text: str, name: str) -> None:
    """Raises :class:`FileProblem` for IF NOT EXISTS: what stands there already under that name would be taken for what is new."""
    words = [(t.value, t.line) for t in lexer.tokenize(text) if t.kind == lexer.WORD]
    for at, (_, line) in enumerate(words):
        if tuple(value for value, _ in words[at : at + 3]) == _EXISTS:
            raise FileProblem(
                f"{name}, line {line}: expected a statement that fails where its object is there already, found IF NOT EXISTS",
                hint="leave it out: a change is tried on exactly what is deployed",
            )
