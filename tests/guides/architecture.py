"""The tables of docs/architecture.md, made from the heads of the files: ``python -m tests.guides.architecture`` writes them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "architecture.md"
_SENTENCE: Final = re.compile(r"(.+?\.)(?:\s|$)", re.DOTALL)


def render(text: str) -> str:
    """The page with its tables as they are now. Raises :class:`ValueError` where the page has no place for one."""
    for name, rows in (("packages", _packages()), ("sql", _files())):
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not place.search(text):
            raise ValueError(f"{PAGE}: expected the comments <!-- {name} --> and <!-- /{name} -->")
        table = "\n".join([f"| {'folder' if name == 'packages' else 'file'} | what it does |", "| --- | --- |", *rows])
        text = place.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)  # type: ignore[misc]
    return text


def _packages() -> Iterator[str]:
    for path in sorted((ROOT / "qt001_cp").rglob("__init__.py")):
        said = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        if said and path.parent.name != "qt001_cp":
            yield f"| `{path.parent.relative_to(ROOT)}` | {_first(said)} |"


def _files() -> Iterator[str]:
    for path in sorted((ROOT / "qt001_cp" / "sql").rglob("*.sql")):
        lines = path.read_text("utf-8").splitlines()
        head = [
            line.removeprefix("--").strip()
            for line in lines[: next(n for n, x in enumerate(lines) if not x.startswith("--"))]
        ]
        if not head:
            raise ValueError(f"{path}: expected a comment at its head that says what it is")
        yield f"| `{path.relative_to(ROOT / 'qt001_cp' / 'sql').with_suffix('')}` | {_first(' '.join(head))} |"


def _first(text: str) -> str:
    """The first sentence, on one line."""
    found = _SENTENCE.match(" ".join(text.replace("``", "`").split()))
    return (found[1] if found else text).rstrip(".")


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
