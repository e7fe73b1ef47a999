"""Random estates as SQL: tables of every make, what hangs on them, names nobody would choose, grants by several grantors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hypothesis import strategies as st

from qt001_cp.emit.quoting import identifier

APPLICATION: Final = "directus"
THIRD: Final = 'random "third".x'
FOURTH: Final = "Random fourth ü"
PEOPLE: Final = (THIRD, FOURTH)
NAMES: Final = st.text(alphabet="aZ_.\"' $%\\ü日;-\n\t0", min_size=1, max_size=8)
TABLE: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES", "TRIGGER", "TRUNCATE")


@dataclass
class Estate:
    """Statements in order. ``grantable``: (noun, address, privileges, columns) of what has an ACL of its own."""

    statements: list[str] = field(default_factory=list)
    grantable: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    number: int = 0

    def name(self, text: str) -> str:
        """``text`` as an identifier that is not there yet; policy.toml knows these schemas by their z."""
        self.number += 1
        return identifier(f"z{self.number}{text}")

    def made(self, kind: str, noun: str, address: str, privileges: tuple[str, ...], *columns: str) -> None:
        self.kinds.add(kind)
        self.grantable.append((noun, address, privileges, columns))


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    estate = Estate()
    say = estate.statements.append
    say(f"SET ROLE {identifier(APPLICATION)}")
    for _ in range(draw(st.integers(1, 2))):
        schema = estate.name(draw(NAMES))
        say(f"CREATE SCHEMA {schema}")
        estate.made("schema", "SCHEMA", schema, ("USAGE", "CREATE"))
        for role in PEOPLE:
            say(f"GRANT USAGE ON SCHEMA {schema} TO {identifier(role)}")
        for _ in range(draw(st.integers(1, 4))):
            _table(draw, estate, schema)
        for maker in draw(
            st.lists(st.sampled_from((_sequence, _function, _procedure, _type, _domain, _defaults)), max_size=6)
        ):
            maker(draw, estate, schema)
    for _ in range(draw(st.integers(0, 12))):
        _grant(draw, estate)
    say("RESET ROLE")
    return estate


def _table(draw: st.DrawFn, estate: Estate, schema: str) -> None:
    say, name, column = estate.statements.append, f"{schema}.{estate.name(draw(NAMES))}", estate.name(draw(NAMES))
    make = draw(st.sampled_from(("plain", "serial", "identity", "unlogged", "partitioned", "inherited")))
    first = {"serial": "id serial PRIMARY KEY", "identity": "id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY"}.get(
        make, "id int"
    )
    unlogged = "UNLOGGED " if make == "unlogged" else ""
    by = " PARTITION BY LIST (id)" if make == "partitioned" else ""
    say(
        f"CREATE {unlogged}TABLE {name} ({first}, {column} text DEFAULT 'x', CONSTRAINT {estate.name('ck')} CHECK (id > 0)){by}"
    )
    estate.made(f"table, {make}", "TABLE", name, TABLE, "id", column)
    if make in ("partitioned", "inherited"):
        child = f"{schema}.{estate.name(draw(NAMES))}"
        say(
            f"CREATE TABLE {child} PARTITION OF {name} DEFAULT"
            if by
            else f"CREATE TABLE {child} (more bigserial) INHERITS ({name})"
        )
        estate.made(f"child of {make}", "TABLE", child, TABLE, "id", column)
    if make in ("serial", "identity", "plain", "unlogged"):
        say(
            f"INSERT INTO {name} ({column}) VALUES ('row')"
            if make in ("serial", "identity")
            else f"INSERT INTO {name} VALUES (1)"
        )
    if draw(st.booleans()):
        say(f"CREATE INDEX ON {name} (lower({column}))")
    if draw(st.booleans()):
        view = f"{schema}.{estate.name(draw(NAMES))}"
        kind = draw(st.sampled_from(("VIEW", "MATERIALIZED VIEW")))
        say(f"CREATE {kind} {view} AS SELECT id, {column} FROM {name}")
        estate.made(kind.lower(), "TABLE", view, TABLE, "id", column)
    if draw(st.booleans()):
        say(f"COMMENT ON TABLE {name} IS 'it''s a comment'")
        say(f"COMMENT ON COLUMN {name}.{column} IS 'ü'")
    if draw(st.booleans()):
        say(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
        say(f"CREATE POLICY {estate.name(draw(NAMES))} ON {name} FOR SELECT TO {identifier(THIRD)} USING (id > 1)")


def _sequence(draw: st.DrawFn, estate: Estate, schema: str) -> None:
    name = f"{schema}.{estate.name(draw(NAMES))}"
    estate.statements.append(f"CREATE SEQUENCE {name} INCREMENT {draw(st.integers(1, 9))} CYCLE")
    estate.made("sequence", "SEQUENCE", name, ("USAGE", "SELECT", "UPDATE"))


def _function(draw: st.DrawFn, estate: Estate, schema: str) -> None:
    name, args = f"{schema}.{estate.name(draw(NAMES))}", draw(st.sampled_from(("int", "text", "numeric[]")))
    definer = draw(st.sampled_from(("", " SECURITY DEFINER SET search_path = pg_catalog, pg_temp")))
    estate.statements.append(
        f"CREATE FUNCTION {name}({args}) RETURNS {args} LANGUAGE sql IMMUTABLE{definer} AS 'SELECT $1'"
    )
    estate.made("function", "FUNCTION", f"{name}({args})", ("EXECUTE",))


def _procedure(draw: st.DrawFn, estate: Estate, schema: str) -> None:
    name = f"{schema}.{estate.name(draw(NAMES))}"
    estate.statements.append(f"CREATE PROCEDURE {name}(INOUT a int) LANGUAGE plpgsql AS $$ BEGIN a := a + 1; END $$")
    estate.made("procedure", "PROCEDURE", f"{name}(int)", ("EXECUTE",))


def _type(draw: st.DrawFn, estate: Estate, schema: str) -> None:
    name = f"{schema}.{estate.name(draw(NAMES))}"
    made = draw(st.sampled_from(("(a int, b text)", "ENUM ('one', 'it''s')")))
    estate.statements.append(f"CREATE TYPE {name} AS {made}")
    estate.made("type", "TYPE", name, ("USAGE",))


def _domain(draw: st.DrawFn, estate: Estate, schema: str) -> None:
    name = f"{schema}.{estate.name(draw(NAMES))}"
    estate.statements.append(f"CREATE DOMAIN {name} AS int CONSTRAINT {estate.name(draw(NAMES))} CHECK (VALUE > 0)")
    estate.made("domain", "TYPE", name, ("USAGE",))


def _defaults(draw: st.DrawFn, estate: Estate, schema: str) -> None:
    what = draw(st.sampled_from(("SELECT ON TABLES", "USAGE ON SEQUENCES", "EXECUTE ON ROUTINES", "USAGE ON TYPES")))
    to = draw(st.sampled_from(("PUBLIC", identifier(THIRD))))
    estate.statements.append(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {what} TO {to}")
    estate.kinds.add("default acl")


def _grant(draw: st.DrawFn, estate: Estate) -> None:
    """The owner grants, or takes from itself or PUBLIC; a third role passes it on, back to the application too."""
    say = estate.statements.append
    noun, address, privileges, columns = draw(st.sampled_from(estate.grantable))
    privilege = draw(st.sampled_from(privileges))
    if columns and privilege in ("SELECT", "UPDATE", "INSERT", "REFERENCES") and draw(st.booleans()):
        privilege += f" ({draw(st.sampled_from(columns))})"
    what = f"{privilege} ON {noun} {address}"
    move = draw(st.sampled_from(("public", "chain", "chain", "back", "revoke", "revoke public")))
    if move == "public":
        say(f"GRANT {what} TO PUBLIC")
    elif move == "revoke public":
        say(f"REVOKE {what} FROM PUBLIC")
    elif move == "revoke" and noun == "TABLE" and "(" not in privilege:
        # What a view needs of its table its owner keeps: SELECT stays.
        say(
            f"REVOKE {'TRUNCATE' if privilege == 'SELECT' else privilege} ON {noun} {address} FROM {identifier(APPLICATION)}"
        )
    else:
        say(f"GRANT {what} TO {identifier(THIRD)} WITH GRANT OPTION")
        say(f"SET ROLE {identifier(THIRD)}")
        to = identifier(APPLICATION) if move == "back" else draw(st.sampled_from((identifier(FOURTH), "PUBLIC")))
        say(f"GRANT {what} TO {to}")
        say(f"SET ROLE {identifier(APPLICATION)}")
    estate.kinds.add(f"grant: {move}")
