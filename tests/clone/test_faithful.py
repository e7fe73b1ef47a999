"""A clone is faithful: what a dump cannot put back is put right, and nothing inside a quote is edited."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.rehearsal.clone.lexical import Code, quoted
from qt001_cp.rehearsal.clone.make import from_dump, from_source
from qt001_cp.rehearsal.clone.report import CloneReport
from qt001_cp.rehearsal.clone.role_script import read_roles
from qt001_cp.rehearsal.clone.script import fitted, named
from qt001_cp.rehearsal.scene import OPERATOR, Scene, drop_scene, new_scene
from qt001_cp.servers import Server, open_server

_LINES = "one\n\\connect somewhere\nCREATE DATABASE other;\nSET transaction_timeout = 0;\nCREATE EXTENSION IF NOT EXISTS postgis;\n\\restrict x\nlast"
_ESTATE = """
ALTER LANGUAGE plpgsql OWNER TO shop;
CREATE EXTENSION postgres_fdw WITH SCHEMA public;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO shop;
CREATE EXTENSION pg_stat_statements WITH SCHEMA public;
ALTER EXTENSION pg_stat_statements DROP VIEW public.pg_stat_statements_info;
GRANT SELECT ON public.pg_stat_statements_info TO shop;
REVOKE SELECT ON public.pg_stat_statements_info FROM PUBLIC;
ALTER EXTENSION pg_stat_statements ADD VIEW public.pg_stat_statements_info;
GRANT SELECT ON public.pg_stat_statements_info TO pg_monitor;
COMMENT ON ROLE shop IS 'the shop''s \\connect login';
COMMENT ON DATABASE shop_source IS '{lines}';
COMMENT ON TABLESPACE spare IS 'it''s spare';
SET SESSION AUTHORIZATION shop;
CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h', dbname 'd', fetch_size '7');
CREATE FOREIGN TABLE public.away (a int OPTIONS (column_name 'z')) SERVER away OPTIONS (table_name 't', schema_name 's');
CREATE EXTENSION pg_trgm WITH SCHEMA public;
CREATE INDEX customer_name ON public.customer USING gin (name public.gin_trgm_ops);
CREATE FUNCTION public.crlf() RETURNS text LANGUAGE plpgsql AS $f$BEGIN\r\n    RETURN 'a\r\nb';\r\nEND$f$;
CREATE FUNCTION public.lines() RETURNS text LANGUAGE sql AS $f$SELECT '{lines}'::text$f$;
COMMENT ON TABLE public.customer IS '{lines}';
CREATE TABLE public."a""b" (t text DEFAULT 'x\r\ny' CHECK (t <> E'\\'\nCREATE DATABASE z;\n'));
RESET SESSION AUTHORIZATION;
"""
_SEEN = """
SELECT p.proname, p.prosrc FROM pg_proc p WHERE p.proname IN ('crlf', 'lines')
UNION ALL SELECT 'comment', obj_description('public.customer'::regclass)
UNION ALL SELECT 'extension', (SELECT pg_get_userbyid(extowner)::text FROM pg_extension WHERE extname = 'pg_trgm')
UNION ALL SELECT 'noted', (SELECT string_agg(refobjid::regrole::text, ' ') FROM pg_shdepend
    WHERE classid = 'pg_extension'::regclass AND deptype = 'o'
      AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
UNION ALL SELECT 'language', (SELECT pg_get_userbyid(lanowner)::text FROM pg_language WHERE lanname = 'plpgsql')
UNION ALL SELECT 'initial', (SELECT string_agg(coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC') || ' ' || a.privilege_type, ', ' ORDER BY 1)
    FROM pg_init_privs i, aclexplode(i.initprivs) a WHERE i.objoid = 'public.pg_stat_statements_info'::regclass AND a.grantee <> c.relowner)
    FROM pg_class c WHERE c.oid = 'public.pg_stat_statements_info'::regclass
UNION ALL SELECT 'today', (SELECT string_agg(coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC') || ' ' || a.privilege_type, ', ' ORDER BY 1)
    FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner)
    FROM pg_class c WHERE c.oid = 'public.pg_stat_statements_info'::regclass
UNION ALL SELECT 'role', shobj_description('shop'::regrole, 'pg_authid')
UNION ALL SELECT 'database', shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()
UNION ALL SELECT 'tablespace', shobj_description(oid, 'pg_tablespace') FROM pg_tablespace WHERE spcname = 'spare'
UNION ALL SELECT 'check', pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'public."a""b"'::regclass AND contype = 'c'
ORDER BY 1
"""
_RULES = (
    '[[rule]]\nkind = ["extension", "language", "server", "foreign-data wrapper"]\ndisposition = "retain"\nreason = "the shop\'s own"\n\n'
    '[[rule]]\nschema = "public"\nkind = ["function", "view", "foreign table"]\ndisposition = "retain"\nreason = "the shop\'s own"\n\n[verifier]'
)


@pytest.fixture(scope="module")
def source() -> Iterator[Scene]:
    with open_server("embedded") as server:
        scene = new_scene(server, "shop_source", rehearsal=False, reference=estate.LOG)
        with scene.connect() as connection:
            connection.execute("SET allow_in_place_tablespaces = on")
            connection.execute("CREATE TABLESPACE spare LOCATION ''")
            connection.execute(_ESTATE.format(lines=_LINES).encode())
        yield scene


@pytest.fixture
def empty() -> Iterator[Server]:
    with open_server("embedded") as server:
        yield server


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(estate.LOG.policy_path.read_text().replace("[verifier]", _RULES, 1))
    return path


def _seen(scene: Scene) -> list[tuple[str, str]]:
    with scene.connect() as connection:
        return connection.execute(_SEEN.encode()).fetchall()


def test_a_live_source_is_cloned_to_the_letter(source: Scene, empty: Server, policy: Path) -> None:
    clone = from_source(source.dsn(OPERATOR), policy, None, data=False)
    scene = clone.new_scene(clone.prepare(empty))
    assert {name: lack.why for name, lack in clone.cloned.lacks.items()} == {}
    assert dict(_seen(scene))["extension"] == dict(_seen(scene))["noted"] == "shop"
    assert _seen(scene) == _seen(source)
    with scene.connect() as connection:
        assert connection.execute("SELECT count(*) FROM public.customer").fetchone() == (0,), "no row was asked for"
    drop_scene(scene)


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_a_dump_is_loaded_to_the_letter(source: Scene, empty: Server, policy: Path, tmp_path: Path, form: str) -> None:
    file = tmp_path / "shop.dump"
    server = source.server
    server.run(
        "pg_dump",
        "--create",
        "--schema-only",
        "--exclude-schema=qt001_cp",
        f"-F{form[0]}",
        "-f",
        str(file),
        dbname=source.database,
    )
    clone = from_dump(file, None, policy, None, data=False)
    scene = clone.new_scene(clone.prepare(empty))
    # Nothing says who owned the extension: no manifest was given.
    of_others = ("extension", "noted", "language", "initial", "today", "role", "tablespace")
    assert [row for row in _seen(scene) if row[0] not in of_others] == [
        row for row in _seen(source) if row[0] not in of_others
    ]
    drop_scene(scene)


_QUOTES = {
    "a string": f"SELECT '{_LINES}';\n",
    "a string with quotes": f"SELECT 'it''s {_LINES}';\n",
    "an escaped string": f"SELECT E'\\' {_LINES}';\n",
    "a name": f'CREATE TABLE "{_LINES}" ();\n',
    "a body": f"CREATE FUNCTION f() AS $_$ ' \" -- {_LINES} $_$;\n",
    "a body in a body": f"CREATE FUNCTION f() AS $a$ $b$ {_LINES} $b$ $a$;\n",
    "a comment": f"/* a /* nested */ {_LINES} */\n",
    "rows": f"COPY public.t (a) FROM stdin;\n{_LINES.replace(chr(92), chr(92) * 2)}\n\\.\n",
}


@pytest.mark.parametrize("where", _QUOTES)
def test_nothing_inside_a_quote_is_edited(where: str) -> None:
    text = f"CREATE DATABASE d;\n{_QUOTES[where]}\\connect d\nSET transaction_timeout = 0;\nCREATE EXTENSION postgis;\n"
    made, missing = fitted(text, 15, (), CloneReport("a test"))
    assert made == f"\n{_QUOTES[where]}\\connect d\n\n\n"
    assert missing == ("postgis",)


def test_what_a_dump_says_of_itself_is_no_quote() -> None:
    text = f"-- Dumped from database version 18.1\nCOMMENT ON TABLE t IS '{_LINES}';\nCREATE DATABASE d;\n"
    assert named(text).database == "d"


def test_code_ends_where_a_quote_begins() -> None:
    text = "SELECT 'a' || \"b\" -- c\n/* d */ || $$e$$, a$1$b;"
    assert [text[start:end] for start, end in quoted(text)] == ["'a'", '"b"', "-- c", "/* d */", "$$e$$"]
    code = Code(text)
    assert code.holds(text.index("SELECT"))
    assert not code.holds(text.index("'a'"))
    assert code.holds(text.index(" || "))


def test_a_word_in_a_body_makes_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "shop.sql"
    said = "-- Dumped from database version 18.1\nCREATE DATABASE shop;\n"
    body = "CREATE FUNCTION f() AS $$\nCOPY t (a) FROM stdin;\nINSERT INTO t VALUES (1);\n$$;\n"
    for text, rows in (
        (body, False),
        (f"{body}COPY public.t (a) FROM stdin;\n1\n\\.\n", True),
        ("INSERT INTO public.t VALUES (1);\n", True),
    ):
        file.write_text(said + text)
        assert from_dump(file, None, estate.LOG.policy_path, None, data=False).cloned.data is rows, text


def test_comments_on_roles_of_a_file() -> None:
    report = CloneReport("a test")
    read = read_roles("CREATE ROLE a;\nCOMMENT ON ROLE a IS 'it''s\n\\connect';\n", report)
    assert read.roles["a"]["comment"] == "it's\n\\connect"
    assert not report.lacks
