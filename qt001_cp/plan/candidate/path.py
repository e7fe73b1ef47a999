"""A guess at the apply path: by the names of the protected routines, and only where exactly one fits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qt001_cp.model.inventory import Inventory, InventoryObject
from qt001_cp.model.names import ObjectRef
from qt001_cp.model.policy import PARTS, UNDECIDED
from qt001_cp.model.settings import PINNED
from qt001_cp.plan.analysis import Analyses
from qt001_cp.plan.candidate.suggest import Suggested

_WORDS = {"gateway": "gateway", "permit": "permit", "apply": "apply", "writer": "writ"}
_BEGIN = re.compile(r"^(\s*)BEGIN[ \t]*$", re.MULTILINE | re.IGNORECASE)
_SHUT = re.compile(r"^(off|no|f|false|0|down|.*(block|clos|lock|shut|stop|disab|inactiv|deni|forbid|not).*)$")
_COLUMN = re.compile(r"^column (\S+) (?:text|character varying|pg_catalog\.text)", re.MULTILINE)


@dataclass(frozen=True)
class Switch:
    """A table of keys and states. ``rows``: what it says today; None: not looked at, or not to be read."""

    table: ObjectRef
    key: str
    state: str
    rows: tuple[tuple[str, str], ...] | None = None

    def row_for(self, what: str) -> tuple[str, str]:
        """Key and blocked value for ``apply`` or ``readiness``; what today's rows do not show is undecided."""
        if self.rows is None:
            return what, "blocked"
        words = "appl|writ" if what == "apply" else "read"
        fitting = [row for row in self.rows if re.search(words, row[0].lower())]
        if len(fitting) != 1:
            return f"{UNDECIDED}: which row", f"{UNDECIDED}: its value when blocked"
        key, state = fitting[0]
        return key, state if _SHUT.search(
            state.lower()
        ) else f"{UNDECIDED}: its value when blocked, today it is {state}"


@dataclass(frozen=True)
class Path:
    """``parts``: part → identity, or ``undecided: …``. ``switch``: where the database says that writes are blocked, or None."""

    parts: Mapping[str, str]
    readiness: InventoryObject | None
    source_tables: tuple[str, ...]
    switch: Switch | None
    sources: Mapping[str, str]


def guess(inventory: Inventory, suggested: Suggested, analyses: Analyses) -> Path | None:
    """The apply path of an estate, each part of it where exactly one protected routine has the word for it in its name.

    None where no part has one: most applications have none.
    """
    protected = [o for o in inventory.objects if o.ref.key in suggested.transferred]
    routines = [o for o in protected if o.ref.kind == "function" and (o.detail or {}).get("definer")]
    found = {part: _only(o for o in routines if _WORDS[part] in o.ref.name.lower()) for part in PARTS}
    if not any(found.values()):
        return None
    return Path(
        {part: o.ref.identity if o else f"{UNDECIDED}: {part}" for part, o in found.items()},
        _readiness(protected),
        _written(found["writer"], protected, analyses),
        _switch(protected),
        {part: _new_source(part, o) for part, o in found.items()},
    )


def _readiness(protected: list[InventoryObject]) -> InventoryObject | None:
    return _only(o for o in protected if o.ref.kind == "view" and "readi" in o.ref.name.lower())


def _only(fitting: Iterable[InventoryObject]) -> InventoryObject | None:
    """The one that fits; None where none does, or several."""
    found = list(fitting)
    return found[0] if len(found) == 1 else None


def _written(writer: InventoryObject | None, protected: list[InventoryObject], analyses: Analyses) -> tuple[str, ...]:
    """The protected tables that the writer writes."""
    analysis = analyses.get(writer.ref.key) if writer else None
    tables = {o.ref.key for o in protected if o.ref.kind == "table"}
    edges = analysis.edges if analysis else ()
    return tuple(dict.fromkeys(e.identity for e in edges if e.verb == "writes" and (e.kind, e.identity) in tables))


def _new_source(part: str, o: InventoryObject | None) -> str:
    """The routine as it is, with the question for acceptance as its first statement; a person has to read it."""
    call = f"PERFORM qt001_cp.require_acceptance('{part}');"
    if o is None:
        return f"-- The new source of the {part}: its first statement is {call}\n"
    text = _pinned(o.definition.replace("\t", "    ").rstrip())
    made, count = _BEGIN.subn(lambda m: f"{m[0]}\n{m[1]}    {call}", text, count=1)
    return (made if count else f"-- {call} has to be its first statement\n{text}") + ";\n"


def _pinned(definition: str) -> str:
    """The routine with SET for each setting by which a caller's session could make its text do something else."""
    head, mark, body = definition.partition("\nAS $")
    wanted = [f" SET {name} TO '{value}'" for name, value in PINNED.items() if f" SET {name} TO" not in head]
    return "\n".join([head, *wanted]) + mark + body if mark else definition


def _switch(protected: list[InventoryObject]) -> Switch | None:
    table = _only(
        o for o in protected if o.ref.kind == "table" and re.search("switch|lock|block|gate", o.ref.name.lower())
    )
    if table is None:
        return None
    columns = _COLUMN.findall(table.definition)
    return Switch(table.ref, _bare(columns[0]), _bare(columns[1])) if len(columns) > 1 else None


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
