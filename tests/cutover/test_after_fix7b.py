"""What FIX7b leaves behind: the application holds nothing of QT001, everything else works as before."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from qt001_cp.model.inventory import State
from qt001_cp.model.manifest import ManifestObject
from qt001_cp.rehearsal.nogo.acl_denials import cases
from qt001_cp.rehearsal.nogo.runner import run_batch
from tests.conftest import Stage
from tests.cutover import catalog
from tests.cutover.support import APPLICATION

OWNER = "qt001_cp_owner"
_FUNCTIONS = {
    "database": ("has_database_privilege", ("CREATE", "TEMPORARY", "CONNECT")),
    "schema": ("has_schema_privilege", ("USAGE", "CREATE")),
    "sequence": ("has_sequence_privilege", ("USAGE", "SELECT", "UPDATE")),
    "type": ("has_type_privilege", ("USAGE",)),
}
_ROUTINE = ("has_function_privilege", ("EXECUTE",))
_RELATION = (
    "has_table_privilege",
    ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
)


def _transferred(stage: Stage) -> list[ManifestObject]:
    assert stage.bundle is not None
    return [o for o in stage.bundle.manifest.transferred if o.ref.kind != "default acl"]


def test_everything_is_refused_to_the_application(at_fix7b_done: Stage) -> None:
    assert at_fix7b_done.bundle is not None
    with at_fix7b_done.connect() as connection:
        tried = [c for c in cases(connection, at_fix7b_done.bundle.manifest) if c.attack.role == "application"]
    outcomes = run_batch(at_fix7b_done.scene, tried, APPLICATION)
    failed = [(o.case.attack.statement, o.sqlstate, o.message) for o in outcomes if not o.passed]
    assert not failed
    assert len(outcomes) > 500
    assert {o.case.object for o in outcomes} == {str(o.ref) for o in _transferred(at_fix7b_done)}


def test_application_holds_what_the_manifest_leaves_it(at_fix7b_done: Stage) -> None:
    """PostgreSQL's own answers, for every privilege of every transferred object, columns included."""
    held, left = set(), set()
    with at_fix7b_done.connect() as connection:
        live = catalog.read(connection)
        for o in _transferred(at_fix7b_done):
            kind = o.ref.kind
            routine = kind in ("function", "procedure", "aggregate")
            function, privileges = _ROUTINE if routine else _FUNCTIONS.get(kind, _RELATION)
            oid = live[o.ref.key].oid
            asked = [(function, p) for p in privileges]
            if function == "has_table_privilege":
                asked += [("has_any_column_privilege", p) for p in ("SELECT", "INSERT", "UPDATE", "REFERENCES")]
            for name, privilege in asked:
                row = connection.execute(f"SELECT {name}(%s, %s::oid, %s)", [APPLICATION, oid, privilege]).fetchone()
                if row == (True,):
                    held.add((str(o.ref), privilege))
            assert o.after is not None
            left |= {
                (str(o.ref), i.privilege)
                for i in o.after.acl
                if getattr(i.grantee, "name", None) in (None, APPLICATION)
            }
    assert held == left
    curated = {
        f"view {i}" for i in ("public.qt001_status", "public.qt001_source_register", 'public."qt001 open cases"')
    }
    assert {what for what, _ in held} == {*curated, f"database {at_fix7b_done.scene.database}", "schema public"}
    assert {p for what, p in held if what in curated} == {"SELECT"}


def test_owner_of_everything_is_the_control_plane(at_fix7b_done: Stage) -> None:
    with at_fix7b_done.connect() as connection:
        live = catalog.read(connection)
        query = "SELECT count(*) FROM pg_class WHERE relowner = 'directus'::regrole AND relname LIKE 'qt001%'"
        assert connection.execute(query).fetchone() == (0,)
    assert {live[o.ref.key].owner for o in _transferred(at_fix7b_done)} == {OWNER}


def test_retained_objects_are_untouched(at_fix7b_done: Stage) -> None:
    assert at_fix7b_done.bundle is not None
    with at_fix7b_done.connect() as connection:
        live = catalog.read(connection)
    for o in at_fix7b_done.bundle.manifest.objects:
        if o.disposition == "retain" and o.ref.kind != "default acl":
            assert live[o.ref.key].owner == o.before.owner.name
            assert live[o.ref.key].acl == frozenset(_entries(o.before)), o.ref


def test_grants_of_others_survive(at_fix7b_done: Stage) -> None:
    """Every grant to reporting, intern and qt001_service is there, with its option; the old owner became the new one."""
    survived = 0
    with at_fix7b_done.connect() as connection:
        live = catalog.read(connection)
    for o in _transferred(at_fix7b_done):
        others = {
            (column, OWNER if grantor == APPLICATION else grantor, grantee, privilege, grantable)
            for column, grantor, grantee, privilege, grantable in _entries(o.before)
            if grantee not in ("", APPLICATION, o.before.owner.name)
        }
        now = {e for e in live[o.ref.key].acl if e[2] not in ("", APPLICATION, OWNER, o.before.owner.name)}
        assert now == others, o.ref
        survived += len(others)
    assert survived > 50


def _entries(state: State) -> Iterator[tuple[str, str, str, str, bool]]:
    for i in state.acl:
        yield "", i.grantor.name, getattr(i.grantee, "name", ""), i.privilege, i.grantable
    for column in state.columns:
        for i in column.acl:
            yield column.column, i.grantor.name, getattr(i.grantee, "name", ""), i.privilege, i.grantable


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("reporting", "SELECT count(*) FROM public.qt001_source"),
        ("reporting", "SELECT login, display_name FROM public.qt001_reviewer"),
        ("reporting", "GRANT SELECT ON public.qt001_write_log TO intern"),
        ("reporting", "SELECT * FROM public.qt001_ledger_balance"),
        ("intern", "SELECT count(*) FROM qt001_data.measurement"),
        ("intern", 'SELECT note FROM public."qt001 ""draft"" note"'),
        ("qt001_service", "SELECT public.qt001_refresh_statistics()"),
        ("qt001_service", "CALL public.qt001_close_stale()"),
    ],
)
def test_others_go_on_working(at_fix7b_done: Stage, role: str, statement: str) -> None:
    with at_fix7b_done.connect(role) as connection:
        connection.execute(statement)


def test_service_still_reaches_the_gateway(at_fix7b_done: Stage) -> None:
    """It is blocked by the switch as before, not by a privilege."""
    with at_fix7b_done.connect("qt001_service") as service, pytest.raises(psycopg.Error) as caught:
        service.execute("SELECT public.qt001_gateway('{}')")
    assert caught.value.sqlstate == "55000"


def test_curated_views_answer(at_fix7b_done: Stage) -> None:
    with at_fix7b_done.connect(APPLICATION) as application:
        status = application.execute("SELECT name, state FROM public.qt001_status ORDER BY name").fetchall()
        register = application.execute("SELECT code, title FROM public.qt001_source_register").fetchall()
        cases_open = application.execute('SELECT subject FROM public."qt001 open cases"').fetchall()
    assert status == [("apply", "blocked"), ("readiness", "blocked")]
    assert {code for code, _ in register} == {"QT001-0001", "QT001-0003", "QT001-0004"}
    assert ("Readings were copied",) not in cases_open
    assert cases_open


def test_every_retained_table_takes_all_dml(at_fix7b_done: Stage) -> None:
    assert at_fix7b_done.bundle is not None
    retained = [o for o in at_fix7b_done.bundle.manifest.objects if o.disposition == "retain" and o.ref.kind == "table"]
    assert len(retained) > 40
    with at_fix7b_done.connect(APPLICATION) as application:
        for o in retained:
            if o.before.owner.name != APPLICATION:
                continue
            application.execute(f"SELECT count(*) FROM {o.ref.identity}")
            application.execute(
                f"INSERT INTO {o.ref.identity} SELECT * FROM {o.ref.identity} WHERE false"
                if o.ref.name != "products"
                else "INSERT INTO public.products (sku, name, price) SELECT sku, name, price FROM public.products WHERE false"
            )
            application.execute(f"DELETE FROM {o.ref.identity} WHERE false")


def _one(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_magazine_and_shop_work(at_fix7b_done: Stage) -> None:
    """Triggers, foreign keys, sequences, partitions, functions and views of what Directus keeps."""
    with at_fix7b_done.connect(APPLICATION) as c:
        first = _one(c, "INSERT INTO public.articles (title, status) VALUES ('Up the Elbe!', 'published') RETURNING id")
        second = _one(c, "INSERT INTO public.articles (title) VALUES ('Down again') RETURNING id")
        assert isinstance(first, int)
        assert second == first + 1
        assert _one(c, f"SELECT slug FROM public.articles WHERE id = {first}") == "up-the-elbe"
        c.execute(f"INSERT INTO public.articles_translations (articles_id, languages_code) VALUES ({first}, 'de-DE')")
        c.execute(f"UPDATE public.articles SET title = 'Up' WHERE id = {first}")
        assert _one(c, f"SELECT count(*) FROM public.articles_published WHERE id = {first}") == 1
        c.execute(f"DELETE FROM public.articles WHERE id = {first}")
        assert _one(c, f"SELECT count(*) FROM public.articles_translations WHERE articles_id = {first}") == 0
        order = _one(c, "INSERT INTO public.orders (customer) SELECT id FROM public.customers LIMIT 1 RETURNING id")
        c.execute(f'INSERT INTO public."Order Items" VALUES ({order}, 1, 1, 2, 10), ({order}, 2, 3, 1, 5)')
        assert _one(c, f"SELECT total::int FROM public.orders WHERE id = {order}") == 25
        c.execute(f"DELETE FROM public.orders WHERE id = {order}")
        assert _one(c, f'SELECT count(*) FROM public."Order Items" WHERE "Order" = {order}') == 0
        c.execute("INSERT INTO public.page_views (viewed_on, path) VALUES ('2026-07-01', '/new')")
        assert (
            _one(c, "SELECT tableoid::regclass::text FROM public.page_views WHERE path = '/new'") == "page_views_2026"
        )
        invoices = [str(_one(c, "SELECT public.next_invoice()")) for _ in range(2)]
        assert int(invoices[1][2:]) == int(invoices[0][2:]) + 1
        c.execute("REFRESH MATERIALIZED VIEW public.products_sold")
        c.execute("CALL public.orders_cancel_stale(0)")
        assert _one(c, "SELECT public.articles_count('articles')")
        c.execute("INSERT INTO public.reporting_targets VALUES ('2026-07-01', 1)")
        c.execute("ALTER TABLE public.articles ADD COLUMN subtitle text")


def test_directus_works(at_fix7b_done: Stage) -> None:
    with at_fix7b_done.connect(APPLICATION) as c:
        user = "5a1e00ff-0000-4000-8000-000000000001"
        c.execute(f"INSERT INTO public.directus_users (id, first_name) VALUES ('{user}', 'New')")
        c.execute(f"UPDATE public.directus_users SET last_name = 'User' WHERE id = '{user}'")
        c.execute(f"INSERT INTO public.directus_sessions (token, \"user\", expires) VALUES ('t', '{user}', now())")
        activity = _one(
            c,
            "INSERT INTO public.directus_activity (action, collection, item) VALUES ('create', 'articles', '1') RETURNING id",
        )
        c.execute(
            f"INSERT INTO public.directus_revisions (activity, collection, item) VALUES ({activity}, 'articles', '1')"
        )
        c.execute(f"DELETE FROM public.directus_activity WHERE id = {activity}")
        assert _one(c, f"SELECT count(*) FROM public.directus_revisions WHERE activity = {activity}") == 0
        c.execute(f"DELETE FROM public.directus_users WHERE id = '{user}'")
        assert _one(c, "SELECT count(*) FROM public.directus_sessions WHERE token = 't'") == 0
