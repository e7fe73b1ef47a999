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
    """Statements in order. ``grantable``: (noun, address, privileges, columns) of what has an ACL of its own.

    ``types``: what a column may be of; ``keyed``: tables with a primary key "id", for foreign keys.
    """

    statements: list[str] = field(default_factory=list)
    grantable: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    number: int = 0
    types: list[str] = field(default_factory=list)
    keyed: list[str] = field(default_factory=list)

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
        for maker in draw(st.lists(st.sampled_from(MAKERS), max_size=4)):
            maker(draw, estate, schema)
        for _ in range(draw(st.integers(1, 4))):
            _table(draw, estate, schema)
        for maker in draw(st.lists(st.sampled_from((*MAKERS, _thirds)), max_size=6)):
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
        f"CREATE {unlogged}TABLE {name} ({first}, {column} text DEFAULT 'x'{_more(draw, estate)}, CONSTRAINT {estate.name('ck')} CHECK (id > 0)){by}"
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
            else f"INSERT INTO {name} (id) VALUES (1)"
        )
    if make in ("serial", "identity"):
        estate.keyed.append(name)
    if draw(st.booleans()):
        _hung_on(draw, estate, schema, name, column)
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


def _more(draw: st.DrawFn, estate: Estate) -> str:
    """Columns of the estate's own types, plain and as arrays; a generated one; a foreign key."""
    more = ""
    for text in draw(st.lists(st.sampled_from(estate.types), max_size=2)) if estate.types else ():
        more += f", {estate.name(draw(NAMES))} {text}{draw(st.sampled_from(('', '[]')))}"
        estate.kinds.add("column of an own type")
    if draw(st.booleans()):
        more += f", {estate.name(draw(NAMES))} int GENERATED ALWAYS AS (id * 2) STORED"
    if len(estate.keyed) > 0 and draw(st.booleans()):
        more += f", {estate.name(draw(NAMES))} int REFERENCES {draw(st.sampled_from(estate.keyed))} ON DELETE CASCADE"
        estate.kinds.add("foreign key")
    return more


def _hung_on(draw: st.DrawFn, estate: Estate, schema: str, table: str, column: str) -> None:
    """A trigger with its function, a rule, or statistics."""
    say, what = estate.statements.append, draw(st.sampled_from(("trigger", "rule", "statistics")))
    name = estate.name(draw(NAMES))
    if what == "trigger":
        say(f"CREATE FUNCTION {schema}.{name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
        say(
            f"CREATE TRIGGER {name} BEFORE UPDATE OF {column} ON {table} FOR EACH ROW EXECUTE FUNCTION {schema}.{name}()"
        )
        estate.made("trigger function", "FUNCTION", f"{schema}.{name}()", ("EXECUTE",))
    elif what == "rule":
        say(f"CREATE RULE {name} AS ON DELETE TO {table} WHERE OLD.id = 7 DO INSTEAD NOTHING")
    else:
        say(f"CREATE STATISTICS {schema}.{name} ON id, {column} FROM {table}")
    estate.kinds.add(what)


def _thirds(draw: st.DrawFn, estate: Estate, schema: str) -> None:
    """A table that a third role owns in the application's schema, and lets the application read or write."""
    name, privilege = f"{schema}.{estate.name(draw(NAMES))}", draw(st.sampled_from(TABLE[:4]))
    say = estate.statements.append
    say(f"GRANT CREATE ON SCHEMA {schema} TO {identifier(THIRD)}")
    say(f"SET ROLE {identifier(THIRD)}")
    say(f"CREATE TABLE {name} (id int, t text)")
    say(f"GRANT {privilege} ON {name} TO {identifier(APPLICATION)}{draw(st.sampled_from(('', ' WITH GRANT OPTION')))}")
    say(f"SET ROLE {identifier(APPLICATION)}")
    say(f"REVOKE CREATE ON SCHEMA {schema} FROM {identifier(THIRD)}")
    estate.kinds.add("a third role's table")


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
    estate.types.append(name)
    estate.made("type", "TYPE", name, ("USAGE",))


def _domain(draw: st.DrawFn, estate: Estate, schema: str) -> None:
    name = f"{schema}.{estate.name(draw(NAMES))}"
    estate.statements.append(f"CREATE DOMAIN {name} AS int CONSTRAINT {estate.name(draw(NAMES))} CHECK (VALUE > 0)")
    estate.types.append(name)
    estate.made("domain", "TYPE", name, ("USAGE",))


def _range(draw: st.DrawFn, estate: Estate, schema: str) -> None:
    """A range; its multirange comes with it."""
    name = f"{schema}.{estate.name(draw(NAMES))}"
    estate.statements.append(f"CREATE TYPE {name} AS RANGE (subtype = float8)")
    estate.types.append(name)
    estate.kinds.add("range")


def _named(draw: st.DrawFn, estate: Estate, schema: str) -> None:
    """What has an owner, no ACL, and a name in a schema."""
    name = f"{schema}.{estate.name(draw(NAMES))}"
    kind, rest = draw(
        st.sampled_from(
            (
                ("COLLATION", "(locale = 'C')"),
                ("TEXT SEARCH CONFIGURATION", "(COPY = pg_catalog.simple)"),
                ("TEXT SEARCH DICTIONARY", "(TEMPLATE = pg_catalog.simple)"),
                ("AGGREGATE", "(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')"),
                ("CONVERSION", "FOR 'LATIN1' TO 'UTF8' FROM pg_catalog.iso8859_1_to_utf8"),
            )
        )
    )
    estate.statements.append(f"CREATE {kind} {name} {rest}")
    estate.kinds.add(kind.lower())


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


MAKERS: Final = (_sequence, _function, _procedure, _type, _domain, _range, _named, _defaults)
