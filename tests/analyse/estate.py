"""A small estate, and a short way to write routines of it. The names are those of the catalogs."""

from __future__ import annotations

from dataclasses import dataclass

from qt001_cp.analyse.core import core
from qt001_cp.analyse.result import Names, RoutineSource

_TABLES = ("app.orders", "app.customers", "app.person", "audit.log", "audit.orders", "public.settings", "app.queue")
_ROUTINES = (
    "function app.audit(pg_catalog.text)",
    "function app.audit(pg_catalog.text,pg_catalog.jsonb)",
    "function audit.audit(integer)",
    "function app.compute(integer)",
    "function public.compute(pg_catalog.text)",
    "function app.fullname(app.person)",
    "function app.lower(app.status)",
    "function app.vsum(pg_catalog.int4[])",
    "function app.probe()",
    "function app.rows(integer)",
    "function app.tg()",
    "function audit.writer(pg_catalog.text)",
    "function public.dblink(pg_catalog.text,pg_catalog.text)",
    "procedure app.close_day(date)",
    "procedure app.compute_all()",
    "aggregate app.median(double precision)",
)


def _relations() -> dict[tuple[str, str], tuple[str, str]]:
    found = {}
    for identity in _TABLES:
        schema, name = identity.split(".")
        found[schema, name] = ("table", identity)
    found["app", "active"] = ("view", "app.active")
    found["app", "totals"] = ("materialized view", "app.totals")
    found["app", "order_seq"] = ("sequence", "app.order_seq")
    found["app", "Odd Näme"] = ("table", 'app."Odd Näme"')
    found["Höfe", "Straße"] = ("table", '"Höfe"."Straße"')
    found["app", "execute"] = ("table", "app.execute")
    return found


def _routines() -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    found: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
    for text in _ROUTINES:
        kind, identity = text.split(" ", 1)
        schema, name = identity[: identity.index("(")].split(".")
        found[schema, name] = (*found.get((schema, name), ()), (kind, identity))
    return found


NAMES = Names(
    relations=_relations(),
    routines=_routines(),
    types={
        ("app", "status"): ("type", "app.status"),
        ("app", "amount"): ("type", "app.amount"),
        ("app", "address"): ("type", "app.address"),
    },
    system_routines=frozenset(core().functions) | {"newest"},
    system_relations=frozenset({"pg_class", "pg_proc", "pg_roles", "information_schema.tables"}),
)
"""Two tables ``orders``, two functions ``compute``; ``audit`` is a schema and a function; one has a row for argument. The server has a function that no list has."""


@dataclass(frozen=True)
class Case:
    """``edges`` as "verb kind identity", ``unknown`` as "rule detail": all of them, and no other."""

    name: str
    source: RoutineSource
    edges: frozenset[str]
    unknown: frozenset[str]
    names: Names = NAMES


def lines(text: str) -> frozenset[str]:
    return frozenset(line.strip() for line in text.strip().splitlines() if line.strip())


def plpgsql(
    name: str,
    body: str,
    edges: str = "",
    unknown: str = "",
    *,
    path: tuple[str, ...] | None = None,
    args: str = "",
    returns: str = "void",
) -> Case:
    """A PL/pgSQL function; the first line of ``body`` is line 5 of the definition."""
    head = f"CREATE OR REPLACE FUNCTION app.probe({args})\n RETURNS {returns}\n LANGUAGE plpgsql\n"
    text = f"{head}AS $function${body}$function$\n"
    source = RoutineSource("function", "app.probe()", "app", "plpgsql", text, path)
    return Case(name, source, lines(edges), lines(unknown))


def sql(
    name: str,
    body: str,
    edges: str = "",
    unknown: str = "",
    *,
    path: tuple[str, ...] | None = None,
    args: str = "",
    returns: str = "void",
    quoted: bool = True,
) -> Case:
    """An SQL function: a string body, or with ``quoted=False`` what stands there itself."""
    head = f"CREATE OR REPLACE FUNCTION app.probe({args})\n RETURNS {returns}\n LANGUAGE sql\n"
    text = f"{head}AS $function${body}$function$\n" if quoted else f"{head}{body}\n"
    source = RoutineSource("function", "app.probe()", "app", "sql", text, path)
    return Case(name, source, lines(edges), lines(unknown))


def view(name: str, body: str, edges: str = "", unknown: str = "", *, kind: str = "view") -> Case:
    source = RoutineSource(kind, "app.probe", "app", "view", body, ("pg_catalog",))
    return Case(name, source, lines(edges), lines(unknown))
