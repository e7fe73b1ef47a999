"""Random estates that several roles share: who reads, writes and refers to whose, under row security, as SQL.

What a cutover refuses for another reason is left out, or most examples would prove nothing: the application writes to no other
role's table, no other role's routine or foreign key leads to the application's, and it has no privilege on another role's view.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hypothesis import strategies as st

APPLICATION: Final = "directus"
THIRDS: Final = ("behaves_clerk", "behaves_depot")
ROLES: Final = (APPLICATION, *THIRDS)
PLACES: Final = {APPLICATION: "zone", THIRDS[0]: "zone_clerk", THIRDS[1]: "zone_depot"}
VERBS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
CONDITIONS: Final = (
    "true",
    "amount > 0",
    "who = current_user",
    "EXISTS (SELECT 1 FROM {other} o WHERE o.id = {table}.id)",
)


@dataclass
class Shared:
    """Statements in order. ``tables``: address → owner; ``kinds``: what is in it."""

    statements: list[str] = field(default_factory=list)
    tables: dict[str, str] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    number: int = 0

    def name(self, owner: str, kind: str) -> str:
        self.number += 1
        self.kinds.add(kind if owner == APPLICATION else f"a third role's {kind}")
        return f"{PLACES[owner]}.{kind.replace(' ', '_')}_{self.number}"

    def by(self, owner: str, *statements: str) -> None:
        """As that role, whose rights then have to be enough."""
        self.statements += [f"SET ROLE {owner}", *statements, "RESET ROLE"]


@st.composite
def shared_estates(draw: st.DrawFn) -> Shared:
    """One table of the application and one of a third role at least; what else, and who gets what, is drawn."""
    made = Shared()
    for role, place in PLACES.items():
        made.statements += [f"CREATE SCHEMA {place} AUTHORIZATION {role}", f"GRANT USAGE ON SCHEMA {place} TO PUBLIC"]
    owners = [draw(st.sampled_from(THIRDS)), APPLICATION, *draw(st.lists(st.sampled_from(ROLES), max_size=3))]
    for owner in owners:
        _table(draw, made, owner)
    for _ in range(draw(st.integers(2, 8))):
        _grant(draw, made)
    for _ in range(draw(st.integers(1, 4))):
        draw(st.sampled_from((_view, _view, _kept_view, _count, _trigger, _number)))(draw, made)
    for _ in range(draw(st.integers(0, 3))):
        _policy(draw, made)
    return made


def _table(draw: st.DrawFn, made: Shared, owner: str) -> None:
    address = made.name(owner, "table")
    referred = ""
    near = sorted(t for t, o in made.tables.items() if owner in (o, APPLICATION))
    if near and draw(st.integers(0, 2)) > 0:
        other = draw(st.sampled_from(near))
        if made.tables[other] != owner:
            made.by(made.tables[other], f"GRANT REFERENCES, SELECT ON {other} TO {owner}")
            made.kinds.add("foreign key across owners")
        action = draw(st.sampled_from(("", " ON DELETE CASCADE", " ON UPDATE CASCADE")))
        referred = f" REFERENCES {other}{action}"
    made.by(
        owner,
        f"CREATE TABLE {address} (id int PRIMARY KEY{referred}, amount int DEFAULT 1, who name DEFAULT current_user)",
    )
    made.tables[address] = owner
    if draw(st.integers(0, 2)):
        who = draw(st.sampled_from(ROLES))
        rows = f"SELECT id, 1, '{who}' FROM {referred.split()[1]}" if referred else f"VALUES (1, 1, '{who}')"
        made.statements.append(f"INSERT INTO {address} {rows}")


def _grant(draw: st.DrawFn, made: Shared) -> None:
    address, owner = draw(st.sampled_from(sorted({**made.tables, **made.views}.items())))
    to = _other(draw, made, address, owner)
    by_application = owner != APPLICATION and to in (APPLICATION, "PUBLIC")
    verbs = draw(st.lists(st.sampled_from(VERBS[:1] if by_application else VERBS), min_size=1, max_size=3, unique=True))
    columns = address in made.tables and "DELETE" not in verbs and draw(st.booleans())
    what = ", ".join(f"{v} (id, amount)" if columns else v for v in verbs)
    made.by(owner, f"GRANT {what} ON {address} TO {to}")


def _other(draw: st.DrawFn, made: Shared, address: str, owner: str) -> str:
    """Another role than the owner, or PUBLIC; of another role's view never the application: it may rest on what goes."""
    thirds = address in made.views and owner != APPLICATION
    return draw(st.sampled_from([r for r in (THIRDS if thirds else (*ROLES, "PUBLIC")) if r != owner]))


def _readable(draw: st.DrawFn, made: Shared, *, routine: bool = False) -> tuple[str, str]:
    """A table, and a role that may read it now: its owner, or another who is granted that; ``routine``: in a body."""
    address, owner = draw(st.sampled_from(sorted(made.tables.items())))
    reader = APPLICATION if routine and owner == APPLICATION else draw(st.sampled_from(ROLES))
    if reader != owner:
        what = draw(st.sampled_from(("SELECT", "SELECT (id, amount)")))
        made.by(owner, f"GRANT {what} ON {address} TO {reader}")
    return address, reader


def _view(draw: st.DrawFn, made: Shared) -> None:
    source, reader = _readable(draw, made)
    view = made.name(reader, "view")
    made.by(reader, f"CREATE VIEW {view} AS SELECT id, amount FROM {source}")
    made.views[view] = reader
    _grant(draw, made)
    made.by(reader, f"GRANT SELECT, UPDATE ON {view} TO {_other(draw, made, view, reader)}")


def _kept_view(draw: st.DrawFn, made: Shared) -> None:
    source, reader = _readable(draw, made)
    made.by(
        reader, f"CREATE MATERIALIZED VIEW {made.name(reader, 'materialized view')} AS SELECT id, amount FROM {source}"
    )


def _count(draw: st.DrawFn, made: Shared) -> None:
    """A view for others through a routine that reads with its owner's rights."""
    source, reader = _readable(draw, made, routine=True)
    routine, view = made.name(reader, "function"), made.name(reader, "view")
    to = draw(st.sampled_from([r for r in THIRDS if r != reader]))
    made.by(
        reader,
        f"CREATE FUNCTION {routine}() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        f" AS 'SELECT count(id) FROM {source}'",
        f"CREATE VIEW {view} AS SELECT {routine}() AS rows",
        f"GRANT EXECUTE ON FUNCTION {routine}() TO {to}",
        f"GRANT SELECT ON {view} TO {to}",
    )


def _trigger(draw: st.DrawFn, made: Shared) -> None:
    """What a table's rows leave in another table, which is its owner's or granted to him."""
    address, owner = draw(st.sampled_from(sorted(made.tables.items())))
    near = [(t, o) for t, o in sorted(made.tables.items()) if owner == APPLICATION or o != APPLICATION]
    other, others = draw(st.sampled_from(near))
    if owner != others:
        made.by(others, f"GRANT SELECT ON {other} TO {owner}")
    routine = made.name(owner, "trigger function")
    definer = draw(st.sampled_from(("", "SECURITY DEFINER ")))
    event = draw(st.sampled_from(("INSERT", "UPDATE", "DELETE")))
    made.by(
        owner,
        f"CREATE FUNCTION {routine}() RETURNS trigger LANGUAGE plpgsql {definer}SET search_path = pg_catalog, pg_temp"
        f" AS 'BEGIN PERFORM id FROM {other}; RETURN NULL; END'",
        f"CREATE TRIGGER {routine.partition('.')[2]} AFTER {event} ON {address} FOR EACH ROW EXECUTE FUNCTION {routine}()",
    )


def _number(draw: st.DrawFn, made: Shared) -> None:
    """A default that draws from a sequence, of the table's owner or of another."""
    address, owner = draw(st.sampled_from(sorted(made.tables.items())))
    keeper = draw(st.sampled_from(ROLES))
    sequence = made.name(keeper, "sequence")
    made.by(keeper, f"CREATE SEQUENCE {sequence}", f"GRANT USAGE ON SEQUENCE {sequence} TO {owner}")
    made.by(owner, f"ALTER TABLE {address} ALTER amount SET DEFAULT nextval('{sequence}')")


def _policy(draw: st.DrawFn, made: Shared) -> None:
    address, owner = draw(st.sampled_from(sorted(made.tables.items())))
    other = draw(st.sampled_from(sorted(t for t, o in made.tables.items() if o == owner)))
    condition = draw(st.sampled_from(CONDITIONS[: 3 if other == address else 4])).format(other=other, table=address)
    forced = ", FORCE ROW LEVEL SECURITY" if draw(st.booleans()) else ""
    to = ", ".join(draw(st.lists(st.sampled_from((*ROLES, "PUBLIC")), min_size=1, max_size=2, unique=True)))
    verb = draw(st.sampled_from(("ALL", "SELECT")))
    made.number += 1
    made.kinds.add(f"row security{' forced' if forced else ''}")
    made.by(
        owner,
        f"ALTER TABLE {address} ENABLE ROW LEVEL SECURITY{forced}",
        f"CREATE POLICY policy_{made.number} ON {address} FOR {verb} TO {to} USING ({condition})",
    )
