"""Renders the live SQL sources: fills in what has its home in Python, checks what would break on the way.

A released revision does not use this: it carries its own frozen files (alembic/versions/sql).
"""

from __future__ import annotations

import re
from importlib import resources

from qt001_cp.emit.quoting import literal
from qt001_cp.errors import ManifestError
from qt001_cp.model.kinds import KINDS
from qt001_cp.model.versions import SUPPORTED

STAGES = ("fix7a", "fix7b", "fix7c")
_CREATED = re.compile(r"^CREATE (TABLE|VIEW|FUNCTION) (qt001_cp\.[a-z0-9_]+)(?P<rest>.*)$", re.MULTILINE)
_PART = re.compile(r"PARTITION OF (qt001_cp\.[a-z0-9_]+)")


def render(stage: str) -> dict[str, str]:
    """File name → SQL text of one stage, in order; ``zz_drop.sql`` takes all of it away again.

    Raises :class:`ManifestError` where a source holds a tab (Alembic's offline output would change it).
    """
    folder = resources.files("qt001_cp.sql").joinpath(stage)
    texts = {f.name: f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".sql")}
    rendered = {name: _fill(text, f"{stage}/{name}") for name, text in sorted(texts.items())}
    rendered["zz_drop.sql"] = _drop(rendered)
    return rendered


def _fill(text: str, source: str) -> str:
    if "\t" in text:
        raise ManifestError(f"{source} holds a tab, which Alembic's offline output would replace")
    bounds = f"{SUPPORTED.start}0000 AND {SUPPORTED.stop - 1}9999"
    return (
        text.replace("{object_kind_rows}", _kind_rows())
        .replace("{supported_bounds}", bounds)
        .replace("{supported_words}", f"{SUPPORTED.start} to {SUPPORTED.stop - 1}")
    )


def _kind_rows() -> str:
    def word(value: str | None) -> str:
        return "NULL" if value is None else literal(value)

    return ",\n".join(
        f"    ({literal(k.key)}, {word(k.alter)}, {word(k.grant)}, {str(k.relation).lower()}, {str(k.container).lower()},"
        f" ARRAY[{', '.join(literal(p) for p in k.privileges)}]::text[])"
        for k in KINDS
    )


def _drop(files: dict[str, str]) -> str:
    """Views, tables, functions, each the last made first, without CASCADE: nothing of others goes with them."""
    made: dict[str, list[str]] = {"VIEW": [], "TABLE": [], "FUNCTION": []}
    for text in files.values():
        for match in _CREATED.finditer(text):
            kind, name = match.group(1), match.group(2)
            part_of = _PART.search(match.group("rest"))
            if (part_of is None or part_of.group(1) not in made["TABLE"]) and name not in made[kind]:
                made[kind].append(name)
    lines = [f"DROP {kind} {name};" for kind, names in made.items() for name in reversed(names)]
    return "-- Takes away what this stage made, the last first; without CASCADE.\n" + "\n".join(lines) + "\n"
