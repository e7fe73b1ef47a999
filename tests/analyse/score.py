"""docs/analysis.md: what the analyser gets right, by style, counted from the hand-made truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qt001_cp.analyse.analyser import analyse
from qt001_cp.analyse.rules import RULES

from .estate import Case
from .measure import Figures

BEHIND: dict[str, set[str]] = {
    "function recorded.a_upsert()": {"type recorded.code"},
    "procedure recorded.a_procedure()": {"table recorded.item"},
    "view recorded.v_lateral": {"table recorded.item"},
}
"""What pg_depend has for a body and the analyser does not name. Each is reached by the catalogs from what it names."""
BEYOND: dict[str, set[str]] = {}
"""What the analyser names and pg_depend does not have, overloads aside."""
WHY = {
    "type recorded.code": "the domain of a column that a constant is converted to; the table that is named leads to it",
    "table recorded.item": "the row type of what a called function returns; the function that is named leads to it",
}

_HEAD = """# Static analysis: the score

`qt001-cp analyse` says of every routine and view what it reads, writes, calls and uses; what it cannot decide is *unknown*, and unknown
blocks. This page is generated from the tests (`QT001_WRITE_PAGES=1 scripts/test tests/analyse`).

## Against hand-made truth

Each routine of `tests/analyse/cases_*.py` was written with all its edges and all its unknowns beside it. *Missed* is an edge of the truth
that is not found, *invented* one that is found and not true. *Silent* counts what nobody can decide from the text, and the analyser
did not say so; *timid* what it calls unknown and the truth does not. Where an overload cannot be told apart without types, the truth is
every overload of that number of arguments.

| style | routines | edges | found | missed | invented | unknown | said | silent | timid |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


@dataclass
class Score:
    """Sums over the cases of one style."""

    routines: int = 0
    edges: int = 0
    missed: int = 0
    invented: int = 0
    unknown: int = 0
    silent: int = 0
    timid: int = 0

    def add(self, case: Case) -> None:
        found = analyse(case.source, case.names)
        edges = {f"{e.verb} {e.kind} {e.identity}" for e in found.edges}
        unknown = {f"{u.rule} {u.detail}" for u in found.unknown}
        self.routines += 1
        self.edges += len(case.edges)
        self.missed += len(case.edges - edges)
        self.invented += len(edges - case.edges)
        self.unknown += len(case.unknown)
        self.silent += len(case.unknown - unknown)
        self.timid += len(unknown - case.unknown)

    def row(self, name: str) -> str:
        cells = (
            name,
            self.routines,
            self.edges,
            self.edges - self.missed,
            self.missed,
            self.invented,
            self.unknown,
            self.unknown - self.silent,
            self.silent,
            self.timid,
        )
        return "| " + " | ".join(map(str, cells)) + " |\n"


def style(case: Case) -> str:
    """What a case is an example of, from its source."""
    source, text = case.source, case.source.definition.lower()
    if source.kind in ("view", "materialized view"):
        return source.kind
    if source.language == "sql":
        body = text.partition("language sql")[2]
        return "SQL, string body" if " as $" in f" {body.split(chr(10), 1)[-1]}"[:8] else "SQL, BEGIN ATOMIC or RETURN"
    if "execute" in text or "dblink" in text or "query_to_xml" in text:
        return "PL/pgSQL with dynamic SQL"
    return "PL/pgSQL"


def page(cases: Iterable[Case]) -> str:
    """The whole page."""
    scores: dict[str, Score] = {}
    total, rules = Score(), dict.fromkeys(RULES, 0)
    for case in cases:
        scores.setdefault(style(case), Score()).add(case)
        total.add(case)
        for each in case.unknown:
            rules[each.split(" ", 1)[0]] += 1
    parts = [_HEAD, *(scores[name].row(name) for name in sorted(scores)), total.row("**all**")]
    parts.append(
        "\nWhat stays unknown, by rule; each is a miss that is told:\n\n| rule | in the truth | meaning |\n| --- | --- | --- |\n"
    )
    parts += [f"| `{rule}` | {count} | {RULES[rule]} |\n" for rule, count in rules.items()]
    parts += [
        _ORDINARY,
        _measured("PostgreSQL 17's regression suite", SUITE),
        _measured("the reference estate", ESTATE),
        _LISTED,
    ]
    parts.append(_RECORDED)
    for name, gone in sorted(BEHIND.items()):
        parts += [f"| `{name}` | `{each}` | {WHY[each]} |\n" for each in sorted(gone)]
    parts.append(_CROSS)
    return "".join(parts)


ESTATE = Figures(routines=46, unknown=1, unlisted=0, cast=0, caller=0)
"""Of the routines of the reference estate; test_measure.py analyses them."""

SUITE = Figures(routines=812, unknown=260, unlisted=0, cast=0, caller=63)
"""Measured on 2026-11-28 with ``python -m tests.analyse.measure FOLDER``."""


def _measured(name: str, of: Figures) -> str:
    cells = (name, of.routines, of.unknown, of.by_list, of.unlisted, of.cast, of.caller)
    return "| " + " | ".join(map(str, cells)) + " |\n"


_ORDINARY = """
## What is harmless

A call of a function of pg_catalog is known only where `qt001_cp/analyse/core_functions.txt` says that it is harmless. The same goes for
the function behind an operator, for what an aggregate is made of, for functional notation, and for functions in C. The list is made from
the catalogs of every supported version (`python -m tests.analyse.core_list`): immutable functions of plain types pass by their shape, the
others stand in `core_reviewed.toml` with the reason why. What stands there under no name is `unlisted-function`.

Some functions run the code of an argument's type: a cast to JSON, the check of a domain. For a type that the statement or the catalogs
name, the catalogs lead on to its cast and its check. Where that is not enough, the call is unknown: a type with a cast of its own is
within reach of a function that prints JSON (`cast-by-type`), or the caller chooses the type, because a parameter is polymorphic or a
record (`caller-type`). What PL/pgSQL converts by itself is known where the body names no such parameter, also for a type or an alias, and
gives no such value back: `RETURN 1` is.

How many ordinary routines in SQL and PL/pgSQL become unknown by that:

| routines of | all | unknown | of these by the list | `unlisted-function` | `cast-by-type` | `caller-type` |
| --- | --- | --- | --- | --- | --- | --- |
"""
_LISTED = """
What the list makes unknown in the suite takes values of any type, which is what much of that suite is about. The other unknowns of the
suite are names that it drops, and statements that are made at run time. Its figures are measured by hand, with the `.sql` files of
PostgreSQL's source: `python -m tests.analyse.measure FOLDER`. They are from before PL/pgSQL that does not touch such a parameter was known.

An extension whose functions in C nobody has looked at makes their callers unknown. Reviewed are those in `core_reviewed.toml`.
"""
_RECORDED = """
## Against pg_depend

For views and `BEGIN ATOMIC` bodies PostgreSQL itself records what they rest on. `tests/analyse/test_recorded.py` compares every view and
every such body of the reference estate and of `tests/analyse/recorded.sql` (columns count as their relation, a row type as its table).
Everything recorded is named by the analyser, except what stands here; the gates reach that too, because it is one edge of the catalogs
behind something that is named. The analyser names nothing more than PostgreSQL, except other overloads of a routine that is called.

| body | recorded, not named | why |
| --- | --- | --- |
"""
_CROSS = """
## Against plpgsql_check

`qt001-cp analyse --cross-check` asks the extension plpgsql_check, where the database has it, for what each PL/pgSQL function rests on, and
reports a relation or function that it sees, and that nothing leads to which the analyser names, as the finding `plpgsql-check-differs`.
It resolves names by the server's own parser; it does not see what a string holds. Where the extension is missing, the command says so
and exits with 1. On the reference estate there is no difference (`tests/analyse/test_cross_check.py`, Debian's PostgreSQL 15).

The extension plans the statements of a body, and planning runs IMMUTABLE functions. So the cross-check refuses a superuser's session
outside of a database that the bootstrap marked as a rehearsal: connect as a login without power, or use a clone.
"""
