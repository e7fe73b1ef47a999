"""The list of what is harmless is that of the server; and what it says of values of any type is so."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from qt001_cp.analyse import core
from qt001_cp.analyse.core import Function
from qt001_cp.catalog.names import read_names
from qt001_cp.servers import Server
from tests.conftest import Stage

from . import core_list

_ANY = ('"any"', "anyelement", "anynonarray", "anyenum", "anycompatible", "anycompatiblenonarray")
_ARRAYS = ("anyarray", "anycompatiblearray")
_VALUES = {"integer": "1", "bigint": "1", "text": "'a'", "boolean": "false", "double precision": "0.5", "integer[]": "ARRAY[1]",
           "double precision[]": "ARRAY[0.5]", "record": "ROW('a'::canary.kind)", "json": "'[{\"label\": \"a\"}]'::json"}  # fmt: skip
_CANARY = """
CREATE SCHEMA canary;
CREATE TYPE canary.kind AS ENUM ('a');
CREATE FUNCTION canary.text(canary.kind) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''canary''; END';
CREATE FUNCTION canary.as_json(canary.kind) RETURNS json LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''canary''; END';
CREATE FUNCTION canary.checked(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''canary''; END';
CREATE CAST (canary.kind AS text) WITH FUNCTION canary.text(canary.kind) AS ASSIGNMENT;
CREATE CAST (canary.kind AS json) WITH FUNCTION canary.as_json(canary.kind);
CREATE DOMAIN canary.label AS text CHECK (canary.checked(VALUE));
CREATE TYPE canary.row AS (label canary.label);
"""


@pytest.fixture(scope="module")
def live(server: Server) -> Iterator[psycopg.Connection]:
    with server.connect("postgres") as connection:
        yield connection


def test_the_list_is_what_this_server_has(live: psycopg.Connection) -> None:
    """A function that is new, gone or otherwise than before: python -m tests.analyse.core_list, and look at the difference."""
    major = live.info.server_version // 10000
    rows, operators = core_list.read(live)
    found = core_list.functions({major: rows}, core_list.reviewed())
    listed = {s: f for s, f in core.core().signatures.items() if f.since <= major <= f.until}
    assert {s: core.bare(f.signature) for s, f in found.items()} == {
        s: core.bare(f.signature) for s, f in listed.items()
    }
    order = core_list._ORDER.index
    assert [s for s, f in found.items() if order(f.verdict) > order(listed[s].verdict)] == []
    assert set(operators) <= {(name, of) for name, many in core.core().operators.items() for of in many}


def test_every_review_decides_about_something() -> None:
    assert core_list.unused(core.core().signatures.values(), core_list.reviewed()) == []
    assert all(each.reason for each in core.extensions().values())


def test_what_a_name_is_not_said_of_is_unknown() -> None:
    """A new overload with a pseudo-type does not come in by its name."""
    judged = core_list.reviewed()
    row = core_list.Row("format", False, "text", 0, False, ("cstring",))
    assert core_list.verdict(row, judged) == core.UNKNOWN
    assert core_list.verdict(core_list.Row("brand_new", False, "text", 0, False, ("text",)), judged) == core.UNKNOWN
    assert core_list.verdict(core_list.Row("brand_new", True, "text", 0, False, ("text",)), judged) == core.PLAIN
    for other in ("oid", "regclass", "anyelement", "record", "refcursor", "aclitem[]"):
        assert (
            core_list.verdict(core_list.Row("brand_new", True, "text", 0, False, ("text", other)), judged)
            == core.UNKNOWN
        )
    worst = core_list.functions(
        {17: [core_list.Row("f", True, "text", 0, False, ())], 18: [core_list.Row("f", False, "text", 0, False, ())]},
        {},
    )
    assert (worst["f()"].verdict, worst["f()"].since, worst["f()"].until) == (core.UNKNOWN, 17, 18)


def _argument(declared: str) -> str:
    declared = declared.removeprefix("VARIADIC ")
    if declared.startswith("["):
        declared = declared[1:-1]
    if declared in _ANY:
        return "'a'::canary.kind"
    return "ARRAY['a'::canary.kind]" if declared in _ARRAYS else _VALUES.get(declared, f"NULL::{declared}")


def _calls(function: Function) -> Iterator[str]:
    """As a function, as a window function, and with WITHIN GROUP; with a text in the first place of two too."""
    given = [_argument(each) for each in function.arguments]
    if function.arguments[-1].startswith("VARIADIC "):
        given.append(given[-1])
    name = f'pg_catalog."{function.name}"'
    for first in dict.fromkeys((given[0], "'a'::text" if len(given) == 2 else given[0])):
        arguments = [first, *given[1:]]
        yield f"SELECT {name}({', '.join(arguments)})"
        yield f"SELECT {name}({', '.join(arguments)}) OVER ()"
        yield f"SELECT {name}({', '.join(arguments[:-1])}) WITHIN GROUP (ORDER BY {arguments[-1]})"
        yield f"SELECT {name}({', '.join(arguments)}) WITHIN GROUP (ORDER BY {', '.join(arguments)})"


def _said(connection: psycopg.Connection, function: Function) -> str:
    """canary, if a call ran it; ran, if one came to its end; or why none could be made."""
    said: list[str] = []
    for call in _calls(function):
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(call)
            said.append("ran")
        except psycopg.Error as error:
            said.append(str(error.diag.message_primary))
    return next((each for each in ("canary", "ran") if each in said), said[0])


def test_what_is_harmless_for_any_type_runs_no_code_of_a_type(at_base: Stage) -> None:
    taking = [
        f
        for f in core.core().signatures.values()
        if any(core.is_pseudo(a.strip("[]").removeprefix("VARIADIC ")) for a in f.arguments)
    ]
    with at_base.connect() as connection:
        connection.execute(_CANARY)
        major = connection.info.server_version // 10000
        here = [f for f in taking if f.since <= major <= f.until and not any("range" in a for a in f.arguments)]
        said = {f.signature: (f.verdict, _said(connection, f)) for f in here}
    assert [
        s for s, (verdict, what) in said.items() if verdict in (core.HARMLESS, core.ORDER) and what == "canary"
    ] == []
    ran = [s for s, (verdict, what) in said.items() if verdict in (core.HARMLESS, core.ORDER) and what == "ran"]
    assert len(ran) > 90, {s: what for s, (verdict, what) in said.items() if what not in ("ran", "canary")}
    casting = {s: what for s, (verdict, what) in said.items() if verdict == core.CAST}
    assert len(casting) > 15
    assert {s: what for s, what in casting.items() if what != "canary"} == {}, "the list says that these run a cast"


def test_the_input_of_a_row_checks_its_domains(at_base: Stage) -> None:
    with at_base.connect() as connection:
        connection.execute(_CANARY)
        listed = [f for f in core.core().signatures.values() if f.verdict == core.TYPE]
        major = connection.info.server_version // 10000
        for function in (f for f in listed if f.since <= major <= f.until):
            value = '[{"label": "x"}]' if function.name.endswith("set") else '{"label": "x"}'
            with pytest.raises(psycopg.Error, match="canary"):
                connection.execute(f"SELECT {function.name}(NULL::canary.row, '{value}')")
    assert len(listed) == 5


def test_what_has_no_body_is_found_with_where_it_comes_from(at_base: Stage) -> None:
    with at_base.connect() as connection:
        connection.execute(_CANARY)
        connection.execute(
            "CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION tablefunc; CREATE EXTENSION pg_trgm"
        )
        connection.execute("CREATE TYPE canary.span AS RANGE (subtype = integer)")
        connection.execute("CREATE FUNCTION canary.own(text) RETURNS integer LANGUAGE internal AS 'textlen'")
        connection.execute("CREATE AGGREGATE canary.joined(text) (SFUNC = pg_catalog.textcat, STYPE = text)")
        connection.execute(
            "CREATE OPERATOR canary.~~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_catalog.starts_with)"
        )
        connection.execute("CREATE TABLE canary.kept (at canary.kind[]); CREATE VIEW canary.shown AS SELECT at FROM canary.kept;"
                           "CREATE FUNCTION canary.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
                           "CREATE TRIGGER t AFTER INSERT ON canary.kept FOR EACH ROW EXECUTE FUNCTION canary.fires()")  # fmt: skip
        names = read_names(connection)
    extensions = {extension for extension, _ in names.modules.values()}
    assert extensions >= {"citext", "hstore", "tablefunc", "pg_trgm", ""}
    for identity, (extension, library) in names.modules.items():
        if extension in core.extensions():
            assert library in (core.extensions()[extension].library, ""), identity
    assert {of for i, of in names.modules.items() if i.startswith("public.crosstab(")} == {("tablefunc", "tablefunc")}
    assert {of for i, of in names.modules.items() if i.startswith("canary.own(")} == {("", "")}
    assert not [i for i in names.modules if i.startswith("canary.span(")]
    assert names.other_operators["canary", "~~~"] == (("core", "starts_with(text, text)"),)
    assert [of for i, of in names.parts.items() if i.startswith("canary.joined(")] == [("textcat(text, text)",)]
    held = {("type", "canary.kind"), ("table", "canary.kept"), ("view", "canary.shown"), ("function", "canary.fires()"),
            ("function", "canary.as_json(canary.kind)")}  # fmt: skip
    assert held <= names.own_casts
    assert not {i for _, i in names.own_casts} & {"canary.label", "canary.row", "canary.checked(pg_catalog.text)"}
