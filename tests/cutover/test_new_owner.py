"""Precondition 9: what is transferred goes on working under its new owner, by loans where it needs something of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path

import psycopg
import pytest

from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import make_bundle
from qt001_cp.workflow.rows import dict_rows
from qt001_cp.workflow.seal import propose
from tests.conftest import Stage
from tests.cutover.support import cluster, photograph, run, sealed_with
from tests.kinds.conftest import policy_with

pytestmark = pytest.mark.slow

STOCK = """
CREATE TABLE public.stock_level (id int PRIMARY KEY, amount int);
ALTER TABLE public.stock_level OWNER TO stock_keeper;
INSERT INTO public.stock_level VALUES (1, 10);
GRANT SELECT ON public.stock_level TO directus;
SET ROLE directus;
CREATE VIEW public.qt001_stock WITH (security_barrier) AS SELECT id, amount FROM public.stock_level;
RESET ROLE;
"""
STOCK_RULES = """
[[rule]]
identity = "public.stock_level"
disposition = "{disposition}"
{lend}reason = "of the stock keeper"

[[curated_view]]
identity = "public.qt001_stock"
reason = "the application reads it"

"""
CODE = """
CREATE FUNCTION public.third_code() RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT 'x'::text $$;
ALTER FUNCTION public.third_code() OWNER TO more_third;
REVOKE EXECUTE ON FUNCTION public.third_code() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.third_code() TO directus;
CREATE SEQUENCE public.third_number;
ALTER SEQUENCE public.third_number OWNER TO more_third;
GRANT USAGE ON SEQUENCE public.third_number TO directus;
CREATE TABLE public.third_list (id int PRIMARY KEY);
ALTER TABLE public.third_list OWNER TO more_third;
GRANT SELECT ON public.third_list TO directus;
SET ROLE directus;
CREATE FUNCTION public.qt001_more_code() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT public.third_code()';
CREATE FUNCTION public.qt001_more_number() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT nextval('public.third_number') $$;
CREATE MATERIALIZED VIEW public.qt001_more_list AS SELECT id FROM public.third_list;
REVOKE EXECUTE ON FUNCTION public.qt001_more_code(), public.qt001_more_number() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.qt001_more_code(), public.qt001_more_number() TO more_clerk;
RESET ROLE;
"""
CODE_RULES = """
[[rule]]
schema = "public"
name = "third_*"
kind = "{kind}"
disposition = "lend"
lend = ["{privilege}"]
reason = "of the third"
"""
STAMP = """
SET ROLE directus;
CREATE TABLE public.qt001_stamp (id int PRIMARY KEY, by name DEFAULT current_user CHECK (by = 'directus'));
CREATE FUNCTION public.qt001_stamp_add(i int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN IF current_user <> 'directus' THEN RAISE EXCEPTION 'not the application'; END IF; INSERT INTO public.qt001_stamp (id) VALUES (i); RETURN i; END $$;
REVOKE EXECUTE ON FUNCTION public.qt001_stamp_add(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.qt001_stamp_add(int) TO names_clerk;
RESET ROLE;
"""


@contextmanager
def _roles(stage: Stage, *names: str) -> Iterator[None]:
    """Logins of others, for one test."""
    make = "".join(f"CREATE ROLE {name} LOGIN;\n" for name in names)
    with cluster(stage, make, "".join(f"DROP OWNED BY {name} CASCADE;\nDROP ROLE {name};\n" for name in names)):
        yield


def found_at_sealing(stage: Stage, folder: Path, statements: str, rules: str = "") -> list[dict[str, str]]:
    """The findings of precondition 9 after ``statements``, for a manifest that the operator cannot seal where there are any."""
    run(stage, statements)
    policy = policy_with(folder, rules)
    revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7a", policy=str(policy))
    with stage.connect(AUTHOR) as author:
        bundle = make_bundle(author, policy)
        propose(author, bundle.manifest)
    digest = bundle.manifest.digest()
    with stage.connect(OPERATOR) as operator:
        found = dict_rows(operator, "SELECT * FROM qt001_cp.new_owner_findings(%s)", digest)
        if found:
            with pytest.raises(psycopg.Error) as caught:
                operator.execute("SELECT qt001_cp.seal_manifest(%s)", [digest])
            assert caught.value.sqlstate == "QT114", caught.value
        else:
            operator.execute("SELECT qt001_cp.seal_manifest(%s)", [digest])
    assert all(f["sqlstate"] == "QT114" and f["mend"] for f in found)
    return found


def there_and_back(stage: Stage, folder: Path, rules: str, between: Callable[[], object]) -> None:
    """FIX7a, FIX7b, ``between``, and back to a database that is byte for byte what it was, but for rows of the ledger."""
    sealed_with(stage, folder / "bundle", policy_with(folder, rules))
    before = photograph(stage, ledger=False)
    stage.upgrade("fix7b", rehearsal="first")
    with stage.connect() as connection:
        assert connection.execute("SELECT * FROM qt001_cp.drift()").fetchall() == []
    between()
    stage.downgrade("fix7a")
    after = photograph(stage, ledger=False)
    assert "\n".join(unified_diff(before.dump.splitlines(), after.dump.splitlines(), n=0)) == ""
    assert after.roles == before.roles


def _answer(stage: Stage, user: str | None, query: str) -> object:
    with stage.connect(user) as connection:
        row = connection.execute(query).fetchone()
    return row and row[0]


def test_a_curated_view_over_a_third_roles_table(at_base: Stage, tmp_path: Path) -> None:
    with _roles(at_base, "stock_keeper"):
        found = found_at_sealing(at_base, tmp_path, STOCK, STOCK_RULES.format(disposition="retain", lend=""))
        assert [f["object"] for f in found] == ["table public.stock_level"], found
        assert found[0]["mend"].startswith("GRANT SELECT ON TABLE public.stock_level TO qt001_cp_owner;")


def test_lent_the_view_answers_and_the_grant_goes_back(at_base: Stage, tmp_path: Path) -> None:
    rules = STOCK_RULES.format(disposition="lend", lend='lend = ["SELECT"]\n')
    with _roles(at_base, "stock_keeper"):
        run(at_base, STOCK)
        there_and_back(
            at_base,
            tmp_path,
            rules,
            lambda: _same(_answer(at_base, "directus", "SELECT count(*) FROM public.qt001_stock"), 1),
        )


def test_a_third_roles_function_sequence_and_source_of_a_materialized_view(at_base: Stage, tmp_path: Path) -> None:
    rules = '[[rule]]\nname = "third_*"\nschema = "public"\ndisposition = "retain"\nreason = "of the third"\n'
    with _roles(at_base, "more_third", "more_clerk"):
        found = found_at_sealing(at_base, tmp_path, CODE, rules)
        assert sorted(f["mend"].partition(";")[0] for f in found) == [
            "GRANT EXECUTE ON FUNCTION public.third_code() TO qt001_cp_owner",
            "GRANT SELECT ON TABLE public.third_list TO qt001_cp_owner",
            "GRANT USAGE ON SEQUENCE public.third_number TO qt001_cp_owner",
        ]


def test_the_three_lent(at_base: Stage, tmp_path: Path) -> None:
    kinds = (("function", "EXECUTE"), ("sequence", "USAGE"), ("table", "SELECT"))

    def works() -> None:
        assert _answer(at_base, "more_clerk", "SELECT public.qt001_more_code()") == "x"
        assert _answer(at_base, "more_clerk", "SELECT public.qt001_more_number()") == 1
        run(
            at_base,
            "REFRESH MATERIALIZED VIEW public.qt001_more_list;\nSELECT setval('public.third_number', 1, false);\n",
        )

    with _roles(at_base, "more_third", "more_clerk"):
        run(at_base, CODE)
        rules = "".join(CODE_RULES.format(kind=kind, privilege=privilege) for kind, privilege in kinds)
        there_and_back(at_base, tmp_path, rules, works)


def test_current_user_compared_with_the_application(at_base: Stage, tmp_path: Path) -> None:
    with _roles(at_base, "names_clerk"):
        found = {f["object"]: f for f in found_at_sealing(at_base, tmp_path, STAMP)}
        assert set(found) == {"function public.qt001_stamp_add(integer)", "table public.qt001_stamp"}
        body = found["function public.qt001_stamp_add(integer)"]["found"]
        assert "its body asks who runs it" in body
        assert "check qt001_stamp_by_check of table public.qt001_stamp" in body
        assert "the default of column by" in found["table public.qt001_stamp"]["found"]


LOOKS = {
    "a domain": (
        "CREATE DOMAIN public.qt001_by AS name CHECK (VALUE = 'directus');\n"
        "CREATE TABLE public.qt001_stamp (id int, by public.qt001_by DEFAULT current_user);\n",
        "check qt001_by_check of domain public.qt001_by",
    ),
    "pg_has_role": (
        "CREATE FUNCTION public.qt001_may() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " AS $$ SELECT pg_catalog.pg_has_role('directus', 'MEMBER') $$;\n",
        "its body",
    ),
    "between comments": (
        "CREATE FUNCTION public.qt001_may() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " AS $$ /* one */ SELECT current_role = 'directus' /* two */ $$;\n",
        "its body",
    ),
    "what a definer calls": (
        "CREATE FUNCTION public.qt001_who() RETURNS boolean LANGUAGE sql SET search_path = pg_catalog, pg_temp"
        " AS $$ SELECT user = 'directus' $$;\n"
        "CREATE FUNCTION public.qt001_may() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " AS $$ SELECT public.qt001_who() $$;\n",
        "its body",
    ),
    "a trigger": (
        "CREATE FUNCTION public.qt001_who() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"
        " AS $$ BEGIN IF current_user <> 'directus' THEN RETURN NULL; END IF; RETURN NEW; END $$;\n"
        "CREATE TRIGGER who BEFORE INSERT ON public.qt001_setting FOR EACH ROW EXECUTE FUNCTION public.qt001_who();\n",
        "its body",
    ),
}


@pytest.mark.parametrize("way", LOOKS)
def test_who_runs_it_is_compared(at_base: Stage, tmp_path: Path, way: str) -> None:
    made, words = LOOKS[way]
    found = found_at_sealing(at_base, tmp_path, f"SET ROLE directus;\n{made}RESET ROLE;\n")
    assert len(found) == 1, found
    assert words in found[0]["found"]


HARMLESS = {
    "a view answers as its reader": "CREATE VIEW public.qt001_mine AS SELECT current_user = 'directus' AS mine;\n",
    "only a comment": "CREATE FUNCTION public.qt001_may() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
    " AS $$ SELECT 'directus' -- no current_user\n $$;\n",
    "a column named so": 'CREATE TABLE public.qt001_stamp (id int, "user" text CHECK ("user" <> \'directus\'));\n',
}


@pytest.mark.parametrize("way", HARMLESS)
def test_who_runs_it_makes_no_difference(at_base: Stage, tmp_path: Path, way: str) -> None:
    assert found_at_sealing(at_base, tmp_path, f"SET ROLE directus;\n{HARMLESS[way]}RESET ROLE;\n") == []


DEPOT = """
CREATE TABLE public.qt001_x (id {number}, t text);
ALTER TABLE public.qt001_x OWNER TO depot;
GRANT SELECT ON public.qt001_x TO directus;
"""


@pytest.mark.parametrize("number", ["serial", "int GENERATED ALWAYS AS IDENTITY"])
def test_the_sequence_of_a_third_roles_table_goes_with_it(at_base: Stage, tmp_path: Path, number: str) -> None:
    with _roles(at_base, "depot"):
        run(at_base, DEPOT.format(number=number))

        def moved() -> None:
            query = "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relname LIKE 'qt001_x%'"
            assert _answer(at_base, None, query) == "qt001_cp_owner"

        there_and_back(at_base, tmp_path, "", moved)


def test_the_table_of_a_third_roles_sequence_goes_with_it(at_base: Stage, tmp_path: Path) -> None:
    with _roles(at_base, "depot"):
        run(at_base, DEPOT.format(number="serial"))
        run(
            at_base,
            "REVOKE SELECT ON public.qt001_x FROM directus;\nGRANT USAGE ON SEQUENCE public.qt001_x_id_seq TO directus;\n",
        )
        there_and_back(at_base, tmp_path, "", lambda: None)


ROWS = """
CREATE TABLE public.qt001_secret (id int, t text);
ALTER TABLE public.qt001_secret OWNER TO directus;
INSERT INTO public.qt001_secret VALUES (1, 'x');
ALTER TABLE public.qt001_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.qt001_secret FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON public.qt001_secret TO {roles} USING (true);
SET ROLE directus;
CREATE VIEW public.qt001_open WITH (security_barrier) AS SELECT id FROM public.qt001_secret;
RESET ROLE;
"""
OPEN = '[[curated_view]]\nidentity = "public.qt001_open"\nreason = "the application reads it"\n'


def test_rows_that_a_policy_shows_to_the_old_owner_only(at_base: Stage, tmp_path: Path) -> None:
    found = found_at_sealing(at_base, tmp_path, ROWS.format(roles="directus"), OPEN)
    assert [f["object"] for f in found] == ["row security of table public.qt001_secret"], found
    assert found[0]["mend"].startswith("ALTER POLICY mine ON public.qt001_secret TO directus, qt001_cp_owner;")


def test_rows_that_a_policy_shows_to_both(at_base: Stage, tmp_path: Path) -> None:
    run(at_base, ROWS.format(roles="directus, qt001_cp_owner"))
    there_and_back(
        at_base,
        tmp_path,
        OPEN,
        lambda: _same(_answer(at_base, "directus", "SELECT count(*) FROM public.qt001_open"), 1),
    )


def test_rows_of_a_third_role_that_names_the_old_owner(at_base: Stage, tmp_path: Path) -> None:
    more = (
        STOCK + "ALTER TABLE public.stock_level ENABLE ROW LEVEL SECURITY;\n"
        "CREATE POLICY mine ON public.stock_level TO directus USING (true);\n"
    )
    with _roles(at_base, "stock_keeper"):
        found = found_at_sealing(
            at_base, tmp_path, more, STOCK_RULES.format(disposition="lend", lend='lend = ["SELECT"]\n')
        )
        assert [f["object"] for f in found] == ["row security of table public.stock_level"], found


def _same(one: object, other: object) -> None:
    assert one == other


KINDS = """
CREATE SCHEMA elsewhere AUTHORIZATION others;
GRANT USAGE ON SCHEMA elsewhere TO directus;
SET ROLE others;
CREATE TABLE elsewhere.deep (id int);
CREATE TABLE elsewhere.wide (id int, secret text);
CREATE TABLE elsewhere.journal (id int);
CREATE TABLE elsewhere.ruled (id int);
CREATE TABLE elsewhere.unread (id int);
CREATE VIEW elsewhere.seen AS SELECT id FROM elsewhere.unread;
CREATE SEQUENCE elsewhere.numbers;
CREATE FUNCTION elsewhere.inner_read() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM elsewhere.deep';
CREATE FUNCTION elsewhere.of_default() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION elsewhere.of_check(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION elsewhere.of_index(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION elsewhere.of_operator(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION elsewhere.of_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION elsewhere.of_reader() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE PROCEDURE elsewhere.call_me() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE elsewhere.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE DOMAIN elsewhere.checked AS int CHECK (elsewhere.of_check(VALUE));
CREATE TYPE elsewhere.colour AS ENUM ('red');
REVOKE ALL ON ALL ROUTINES IN SCHEMA elsewhere FROM PUBLIC;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA elsewhere TO directus;
REVOKE USAGE ON TYPE elsewhere.colour FROM PUBLIC;
GRANT USAGE ON TYPE elsewhere.colour TO directus;
GRANT SELECT ON elsewhere.deep, elsewhere.seen, elsewhere.unread TO directus;
GRANT SELECT (id) ON elsewhere.wide TO directus;
GRANT INSERT ON elsewhere.journal, elsewhere.ruled TO directus;
GRANT USAGE ON SEQUENCE elsewhere.numbers TO directus;
RESET ROLE;
CREATE OPERATOR elsewhere.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = elsewhere.of_operator);
ALTER OPERATOR elsewhere.=== (int, int) OWNER TO others;
SET ROLE directus;
CREATE FUNCTION public.qt001_k_reads() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT elsewhere.inner_read()';
CREATE FUNCTION public.qt001_k_writes() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'INSERT INTO elsewhere.journal VALUES (1)';
CREATE PROCEDURE public.qt001_k_calls() LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN CALL elsewhere.call_me(); END';
CREATE TABLE public.qt001_k (id int DEFAULT elsewhere.of_default(), number bigint DEFAULT nextval('elsewhere.numbers'), c elsewhere.colour, d elsewhere.checked);
CREATE INDEX ON public.qt001_k (elsewhere.of_index(id));
CREATE TRIGGER k BEFORE INSERT ON public.qt001_k FOR EACH ROW EXECUTE FUNCTION elsewhere.of_trigger();
CREATE RULE k AS ON INSERT TO public.qt001_k DO ALSO INSERT INTO elsewhere.ruled VALUES (1);
CREATE VIEW public.qt001_k_view AS SELECT id, elsewhere.of_reader() AS r FROM elsewhere.seen;
CREATE VIEW public.qt001_k_wide AS SELECT id FROM elsewhere.wide;
CREATE MATERIALIZED VIEW public.qt001_k_kept AS SELECT elsewhere.total(id) AS t FROM public.qt001_k WHERE id OPERATOR(elsewhere.===) id;
RESET ROLE;
"""
NEEDS = {
    "schema elsewhere": "USAGE",
    "function elsewhere.inner_read()": "EXECUTE",
    "table elsewhere.deep": "SELECT",
    "table elsewhere.journal": "INSERT",
    "procedure elsewhere.call_me()": "EXECUTE",
    "function elsewhere.of_default()": "EXECUTE",
    "sequence elsewhere.numbers": "USAGE",
    "type elsewhere.colour": "USAGE",
    "function elsewhere.of_check(integer)": "EXECUTE",
    "function elsewhere.of_index(integer)": "EXECUTE",
    "table elsewhere.ruled": "INSERT",
    "view elsewhere.seen": "SELECT",
    "table elsewhere.wide": "SELECT",
    "aggregate elsewhere.total(integer)": "EXECUTE",
    "function elsewhere.of_operator(integer,integer)": "EXECUTE",
}
"""Not: the trigger function and what the view's reader runs, and what the other's view reads with its own owner's rights."""


EXERCISE = (
    ("qt001_cp_owner", "SELECT public.qt001_k_reads()"),
    ("qt001_cp_owner", "SELECT public.qt001_k_writes()"),
    ("qt001_cp_owner", "CALL public.qt001_k_calls()"),
    ("qt001_cp_owner", "INSERT INTO public.qt001_k (c, d) VALUES ('red', 1)"),
    ("postgres", "SELECT * FROM public.qt001_k_view"),
    ("postgres", "SELECT * FROM public.qt001_k_wide"),
    ("postgres", "REFRESH MATERIALIZED VIEW public.qt001_k_kept"),
)
MOVE = """DO $$ DECLARE each record; BEGIN
    FOR each IN SELECT oid, relname FROM pg_class WHERE relname LIKE 'qt001\\_k%' AND relkind IN ('r', 'v', 'm') LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO qt001_cp_owner', each.oid::regclass);
    END LOOP;
    FOR each IN SELECT oid FROM pg_proc WHERE proname LIKE 'qt001\\_k%' LOOP
        EXECUTE format('ALTER ROUTINE %s OWNER TO qt001_cp_owner', each.oid::regprocedure);
    END LOOP;
END $$"""


def _broken(stage: Stage, grants: Iterable[str]) -> list[str]:
    """What PostgreSQL refuses when the owner has changed and these have been granted; nothing of it stays."""
    refused = []
    with stage.connect() as connection, connection.transaction(force_rollback=True):
        for statement in (MOVE, "GRANT USAGE ON SCHEMA public TO qt001_cp_owner", *grants):
            connection.execute(statement.encode())
        for role, statement in EXERCISE:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(f"SET LOCAL ROLE {role}".encode())
                    connection.execute(statement.encode())
            except psycopg.Error as exc:
                refused.append(f"{statement}: {exc.sqlstate}")
    return refused


def test_every_kind_of_need(at_base: Stage, tmp_path: Path) -> None:
    rules = (
        '[[rule]]\nschema = "elsewhere"\ndisposition = "retain"\nreason = "of others"\n'
        '[[rule]]\nkind = "schema"\nname = "elsewhere"\ndisposition = "retain"\nreason = "of others"\n'
    )
    with _roles(at_base, "others"):
        found = found_at_sealing(at_base, tmp_path, KINDS, rules)
        assert {f["object"]: f["expected"].partition(" ")[0] for f in found} == NEEDS
        grants = {f["object"]: f["mend"].partition(";")[0] for f in found}
        assert _broken(at_base, grants.values()) == []
        # USAGE of a type is asked for when a column is made, not when it is read.
        idle = {need for need in NEEDS if not _broken(at_base, [g for n, g in grants.items() if n != need])}
        assert idle == {"type elsewhere.colour"}


ASKING = """
CREATE TABLE public.stock_level (keeper name, amount int);
ALTER TABLE public.stock_level OWNER TO stock_keeper;
GRANT SELECT ON public.stock_level TO directus, qt001_cp_owner;
ALTER TABLE public.stock_level ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON public.stock_level USING ({using});
SET ROLE directus;
CREATE FUNCTION public.qt001_stock() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT count(*) FROM public.stock_level';
CREATE VIEW public.qt001_stock_view AS SELECT amount FROM public.stock_level;
RESET ROLE;
"""


@pytest.mark.parametrize(
    ("using", "told"),
    [
        ("keeper = current_user", ["policy mine on table public.stock_level"]),
        ("keeper = current_user OR current_user = 'qt001_cp_owner'", []),
        ("amount > 0", []),
    ],
)
def test_a_policy_that_asks_who_reads(at_base: Stage, tmp_path: Path, using: str, told: list[str]) -> None:
    rules = '[[rule]]\nidentity = "public.stock_level"\ndisposition = "retain"\nreason = "of others"\n'
    with _roles(at_base, "stock_keeper"):
        found = found_at_sealing(at_base, tmp_path, ASKING.format(using=using), rules)
        assert [f["object"] for f in found] == told, found


PRICES = """
SET ROLE directus;
CREATE TABLE public.qt001_price (id int, amount int);
GRANT {granted} ON public.qt001_price TO PUBLIC;
RESET ROLE;
INSERT INTO public.qt001_price VALUES (1, 10);
CREATE SCHEMA watched AUTHORIZATION price_watcher;
GRANT USAGE ON SCHEMA watched TO price_reader;
SET ROLE price_watcher;
{made}
RESET ROLE;
"""
THROUGH_PUBLIC = {
    "a view": ("SELECT", "CREATE VIEW watched.v AS SELECT id FROM public.qt001_price;", "SELECT"),
    "a view on a view": (
        "SELECT",
        "CREATE VIEW watched.w AS SELECT id FROM public.qt001_price; CREATE VIEW watched.v AS SELECT id FROM watched.w;",
        "SELECT",
    ),
    "a column": ("SELECT (id)", "CREATE VIEW watched.v AS SELECT id FROM public.qt001_price;", "SELECT (id)"),
    "a materialized view": (
        "SELECT",
        "CREATE MATERIALIZED VIEW watched.v AS SELECT id FROM public.qt001_price;",
        "SELECT",
    ),
    "a view that others write through": (
        "SELECT, INSERT, UPDATE (amount)",
        "CREATE VIEW watched.v AS SELECT id, amount FROM public.qt001_price; GRANT INSERT, UPDATE ON watched.v TO price_reader;",
        "INSERT, SELECT, UPDATE (amount)",
    ),
}


@pytest.mark.parametrize("what", THROUGH_PUBLIC)
def test_what_a_third_role_owns_uses_what_goes_through_public(at_base: Stage, tmp_path: Path, what: str) -> None:
    """The statement of the finding is enough: sealed, its readers read on after FIX7b, and the way back is to the byte."""
    granted, made, privileges = THROUGH_PUBLIC[what]
    with _roles(at_base, "price_watcher", "price_reader"):
        found = found_at_sealing(at_base, tmp_path, PRICES.format(granted=granted, made=made))
        assert [f["object"] for f in found] == ["table public.qt001_price"], found
        assert found[0]["mend"].startswith(
            f"GRANT {privileges} ON TABLE public.qt001_price TO price_watcher; -- as its owner"
        )
        run(
            at_base,
            f"SET ROLE directus;\n{found[0]['mend'].partition(';')[0]};\nRESET ROLE;\nGRANT SELECT ON watched.v TO price_reader;\n",
        )

        def reads_on() -> None:
            if what == "a materialized view":
                run(at_base, "SET ROLE price_watcher;\nREFRESH MATERIALIZED VIEW watched.v;\n")
            assert _answer(at_base, "price_reader", "SELECT count(id) FROM watched.v") == 1

        there_and_back(at_base, tmp_path, "", reads_on)


NOT_THROUGH_PUBLIC = {
    "as its reader": ("SELECT", "CREATE VIEW watched.v WITH (security_invoker) AS SELECT id FROM public.qt001_price;"),
    "by name": (
        "SELECT",
        "RESET ROLE; GRANT SELECT ON public.qt001_price TO price_watcher; SET ROLE price_watcher;"
        " CREATE VIEW watched.v AS SELECT id FROM public.qt001_price;",
    ),
    "nothing": ("INSERT", "CREATE VIEW watched.v AS SELECT 1 AS id;"),
}


@pytest.mark.parametrize("what", NOT_THROUGH_PUBLIC)
def test_what_a_third_role_owns_and_goes_on(at_base: Stage, tmp_path: Path, what: str) -> None:
    granted, made = NOT_THROUGH_PUBLIC[what]
    if "security_invoker" in made and at_base.scene.server.version < 150000:
        pytest.skip("before PostgreSQL 15 every view reads as its owner")
    with _roles(at_base, "price_watcher", "price_reader"):
        assert found_at_sealing(at_base, tmp_path, PRICES.format(granted=granted, made=made)) == []


CODES = """
SET ROLE directus;
CREATE TABLE public.qt001_seen (id int);
CREATE FUNCTION public.qt001_dear(int) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS 'SELECT $1 > 100';
GRANT SELECT ON public.qt001_seen TO PUBLIC;
RESET ROLE;
CREATE SCHEMA watched AUTHORIZATION price_watcher;
GRANT USAGE ON SCHEMA watched TO price_reader;
SET ROLE price_watcher;
{made}
RESET ROLE;
"""
TOLD = {
    "a view's function runs as the reader": (
        "CREATE VIEW watched.v AS SELECT public.qt001_dear(1) AS dear; GRANT SELECT ON watched.v TO price_reader;",
        "EXECUTE ON FUNCTION public.qt001_dear(integer)",
        "SELECT count(dear) FROM watched.v",
    ),
    "a default, through a function": (
        "CREATE FUNCTION watched.dear() RETURNS boolean LANGUAGE sql STABLE BEGIN ATOMIC SELECT public.qt001_dear(2); END;"
        " REVOKE EXECUTE ON FUNCTION watched.dear() FROM PUBLIC; GRANT EXECUTE ON FUNCTION watched.dear() TO price_reader;"
        " CREATE TABLE watched.t (id int, dear boolean DEFAULT watched.dear()); GRANT INSERT ON watched.t TO price_reader;",
        "EXECUTE ON FUNCTION public.qt001_dear(integer)",
        "INSERT INTO watched.t VALUES (1)",
    ),
    "a routine that runs as its owner": (
        "CREATE FUNCTION watched.count() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER"
        " BEGIN ATOMIC SELECT count(*) FROM public.qt001_seen; END;"
        " REVOKE EXECUTE ON FUNCTION watched.count() FROM PUBLIC; GRANT EXECUTE ON FUNCTION watched.count() TO price_reader;",
        "SELECT ON TABLE public.qt001_seen",
        "SELECT watched.count()",
    ),
}


@pytest.mark.parametrize("what", TOLD)
def test_who_uses_what_a_third_role_owns_goes_on(at_base: Stage, tmp_path: Path, what: str) -> None:
    made, privilege, use = TOLD[what]
    with _roles(at_base, "price_watcher", "price_reader"):
        found = found_at_sealing(at_base, tmp_path, CODES.format(made=made))
        mends = sorted({f["mend"].partition(";")[0] for f in found})
        asked = ["price_watcher"] if "as its owner" in what else ["price_reader", "price_watcher"]
        assert mends == [f"GRANT {privilege} TO {role}" for role in asked], found
        run(at_base, "SET ROLE directus;\n" + "".join(f"{mend};\n" for mend in mends) + "RESET ROLE;\n")

        def goes_on() -> None:
            with at_base.connect("price_reader") as reader, reader.transaction(force_rollback=True):
                reader.execute(use)

        there_and_back(at_base, tmp_path, "", goes_on)
