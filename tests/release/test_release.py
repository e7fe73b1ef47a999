"""Contract, section 10 "The product": a new release comes to a deployed database, and goes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from qt001_cp.estate import QT001
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.sql.build import build
from tests.acceptance.support import CALL, open_all
from tests.cluster.place import pair, policy_of
from tests.conftest import Stage
from tests.cutover.support import unchanged
from tests.release.product import LINGERER, RELEASE, Product, copied
from tests.succession.support import PLAIN, accepted, answer, deployed, gates

pytestmark = pytest.mark.slow

WAITING = {"scheduled_verifier_recent", "sign_off_present", "capability_evidence_real"}
FORWARD, BACK = f"fix7c:{RELEASE}", f"{RELEASE}:fix7c"


@contextmanager
def lent(stage: Stage) -> Iterator[None]:
    """The administrator lends the ledger role for the length of a script."""
    how = " WITH INHERIT TRUE, SET TRUE" if stage.scene.server.version >= 160000 else ""
    with stage.connect() as admin:
        admin.execute(f"GRANT qt001_cp_ledger TO {PLAIN}{how}".encode())
        yield
        admin.execute(f"REVOKE qt001_cp_ledger FROM {PLAIN}".encode())


def printed(product: Product, way: str) -> str:
    return product.alembic("upgrade" if way == FORWARD else "downgrade", way, "--sql")


def psql(stage: Stage, text: str) -> str:
    """By the operator without superuser; what psql said."""
    return stage.scene.psql(text, user=PLAIN)


def refused(stage: Stage, text: str, sqlstate: str, *words: str, user: str = PLAIN) -> None:
    with unchanged(stage):
        done = stage.scene.server.psql(
            text, "-v", "VERBOSITY=verbose", dbname=stage.scene.database, user=user, check=False
        )
    assert done.returncode != 0
    assert f"ERROR:  {sqlstate}:" in done.stderr, done.stderr
    assert all(word in done.stderr for word in words), done.stderr


def control_plane(stage: Stage) -> str:
    """Schema qt001_cp as pg_dump writes it, without rows and without what the guard's watch has on it."""
    dump = stage.scene.dump("--schema-only", "--schema", "qt001_cp")
    return re.sub(r"--\n-- Name: \w+ noted(_truncate)?; .*?\n\n\n", "", re.sub(
        r"(CREATE TRIGGER noted|ALTER TABLE qt001_cp\.\w+ ENABLE ALWAYS TRIGGER noted)[^;]*;\n\n", "", dump), flags=re.DOTALL)  # fmt: skip


def outside(stage: Stage) -> str:
    """All else with its rows, but for what the guard's watch has noted; and the roles of the cluster."""
    kept = stage.scene.dump("--exclude-schema", "qt001_cp", "--exclude-table-data", "qt001_cp_watch.*")
    return kept + stage.scene.server.dump_roles()


def fresh(stage: Stage, product: Product) -> str:
    """The same of a database in which the SQL of the new release alone has run."""
    text = product.run("-c", "from qt001_cp.sql.build import whole, newest\nfor n, t in whole(newest()).items():\n"
                             "    if '/00_' not in n and '/zz_' not in n: print(t)")  # fmt: skip
    stage.scene.psql("SET search_path = pg_catalog, pg_temp; SET check_function_bodies = off;\n"
                     f"SET ROLE qt001_cp_ledger;\n{text}")  # fmt: skip
    return control_plane(stage)


@pytest.mark.usefixtures("operator")
def test_a_release_comes_and_goes_without_touching_owners_acls_or_the_application(
    at_fix7c_done: Stage, product: Product
) -> None:
    """A new release comes to a deployed database: verdict and sign-off new, deployed manifest the same; and back exactly."""
    stage = at_fix7c_done
    open_all(stage, test_authority=False)
    assert accepted(stage)
    before, around, manifest = control_plane(stage), outside(stage), deployed(stage)
    with lent(stage):
        said = psql(stage, printed(product, FORWARD))
        assert "roles_apart" in gates(stage), "closed while the ledger role is lent"
    assert "verifier, scanner and auditor act again" in said
    assert gates(stage) == WAITING
    assert (deployed(stage), outside(stage)) == (manifest, around)
    with stage.connect() as admin:
        assert admin.execute("SELECT qt001_cp.build(), qt001_cp.revision(), qt001_cp.stage()").fetchone() == (
            product.build(), RELEASE, "fix7c")  # fmt: skip
        with pytest.raises(psycopg.Error) as closed:
            admin.execute(CALL)
    assert closed.value.sqlstate == "QT301"
    answer(stage)
    assert accepted(stage)
    with stage.connect() as admin:
        admin.execute(f"CREATE ROLE {LINGERER}".encode())
    try:
        assert gates(stage) == {"roles_apart"}, "the gate that was mended"
    finally:
        with stage.connect() as admin:
            admin.execute(f"DROP ROLE {LINGERER}".encode())
    with lent(stage):
        psql(stage, printed(product, BACK))
    assert gates(stage) == WAITING
    assert (control_plane(stage), outside(stage), deployed(stage)) == (before, around, manifest)
    with stage.connect() as admin:
        assert admin.execute("SELECT qt001_cp.build(), qt001_cp.revision()").fetchone() == (build(), "fix7c")
    answer(stage)
    assert accepted(stage)


def test_an_upgraded_database_is_a_fresh_one(at_base: Stage, product: Product, request: pytest.FixtureRequest) -> None:
    """Routines, owners, ACLs, settings, triggers and their states, comments: by pg_dump of schema qt001_cp."""
    made = fresh(at_base, product)
    rows = seeded(at_base)
    stage: Stage = request.getfixturevalue("at_fix7c_done")
    request.getfixturevalue("operator")
    with lent(stage):
        psql(stage, printed(product, FORWARD))
    assert control_plane(stage) == made
    assert seeded(stage) == rows


def seeded(stage: Stage) -> list[tuple[object, ...]]:
    """The rows that the SQL itself brings."""
    with stage.connect() as admin:
        return [
            *admin.execute("SELECT identity, guard, purpose FROM qt001_cp.entry_point"
                           " WHERE guard IS DISTINCT FROM 'qt001_cp.require_acceptance' ORDER BY 1").fetchall(),
            *admin.execute("SELECT login::text, why FROM qt001_cp.lingering").fetchall(),
            *admin.execute("SELECT to_jsonb(k) FROM qt001_cp.object_kind k ORDER BY 1").fetchall(),
            *admin.execute("SELECT to_jsonb(p) FROM qt001_cp.privilege p ORDER BY 1").fetchall(),
        ]  # fmt: skip


def test_online_and_printed_are_the_same(at_fix7c_done: Stage, product: Product) -> None:
    """A rehearsal runs it online, by the copy's own alembic; the ways lead to the same revisions."""
    url = at_fix7c_done.scene.dsn(OPERATOR)
    before = control_plane(at_fix7c_done)
    product.alembic("upgrade", RELEASE, url=url)
    assert product.alembic("current", url=url).split() == [RELEASE, "(head)"]
    assert f"fix7c -> {RELEASE} (head)" in product.alembic("history")
    product.alembic("downgrade", "fix7c", url=url)
    assert control_plane(at_fix7c_done) == before


CUT: dict[str, Callable[[str], str]] = {
    "no end": lambda text: re.sub(r"DO \$call_\w+\$ BEGIN PERFORM qt001_cp\.\"finish_run.*?;\n\n", "", text, flags=re.DOTALL),
    "no check at its end": lambda text: re.sub(r"DO \$call_\w+\$ BEGIN PERFORM qt001_cp\.\"release_end.*?END \$call_\w+\$;", "", text),
    "no row of Alembic's": lambda text: re.sub(r"UPDATE qt001_cp\.alembic_version[^;]*;", "", text),
    "without the gate": lambda text: re.sub(r"CREATE OR REPLACE FUNCTION qt001_cp\.role_findings.*?\$role_findings\$;", "", text, flags=re.DOTALL),
    "its statements undone by a savepoint": lambda text: text.replace(
        f"-- {RELEASE}/forward.sql", "SAVEPOINT s;", 1).replace("RESET ROLE;", "ROLLBACK TO s;\nRESET ROLE;", 1),
    "without its beginning": lambda text: re.sub(r"DO \$call_\w+\$ BEGIN PERFORM qt001_cp\.\"release_begin.*?END \$call_\w+\$;", "", text),
    "something else beside": lambda text: text.replace(
        "RESET ROLE;", "RESET ROLE;\nCREATE FUNCTION public.beside() RETURNS int LANGUAGE sql AS 'SELECT 1';", 1),
    "rows of the application": lambda text: text.replace(
        "RESET ROLE;", "RESET ROLE;\nDELETE FROM public.qt001_setting WHERE false;", 1),
    "something dropped": lambda text: text.replace(
        "RESET ROLE;", "RESET ROLE;\nDROP FUNCTION IF EXISTS public.to_be_dropped();", 1),
    "a membership": lambda text: text.replace("RESET ROLE;", "RESET ROLE;\nGRANT reporting TO public_only;", 1),
}  # fmt: skip


@pytest.mark.parametrize("how", CUT)
def test_an_incomplete_or_widened_file_is_refused(at_fix7c_done: Stage, product: Product, how: str) -> None:
    """By the database, whoever runs it: here an operator who is a superuser."""
    text = printed(product, FORWARD)
    cut = CUT[how](text)
    assert cut != text
    stage = at_fix7c_done
    with stage.connect() as admin:
        admin.execute("CREATE FUNCTION public.to_be_dropped() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    refused(stage, cut, "QT112", user=OPERATOR)


@pytest.mark.usefixtures("operator")
def test_who_is_not_lent_the_ledger_role_is_refused(at_fix7c_done: Stage, product: Product) -> None:
    refused(at_fix7c_done, printed(product, FORWARD), "QT107", "qt001_cp_ledger", f"GRANT qt001_cp_ledger TO {PLAIN}")


def test_a_file_for_another_pair_is_refused(at_fix7c_done: Stage, product: Product) -> None:
    """Owner and ledger role of the policy that it was printed with are those of the database."""
    policy = policy_of(QT001, pair("shop"))
    text = product.alembic("-x", f"policy={policy}", "upgrade", FORWARD, "--sql")
    assert 'SET LOCAL ROLE "shop_cp_ledger"' in text
    refused(at_fix7c_done, text, "QT206", "shop_cp_owner, shop_cp_ledger", "alembic -x policy=FILE", user=OPERATOR)


def test_a_control_plane_that_somebody_changed_is_refused(at_fix7c_done: Stage, product: Product) -> None:
    with at_fix7c_done.connect() as admin:
        admin.execute("ALTER FUNCTION qt001_cp.role_findings() COST 4711")
        admin.execute("REVOKE EXECUTE ON FUNCTION qt001_cp.role_findings() FROM qt001_cp_author")
    refused(at_fix7c_done, printed(product, FORWARD), "QT108", "schema qt001_cp", user=OPERATOR)


def test_a_file_of_another_build_is_refused(at_fix7c_done: Stage, product: Product) -> None:
    """A file printed by one build is refused by a database of another, by the sum of the rendered SQL: each kind of file, both ways."""
    stage, manifest = at_fix7c_done, ["-x", f"manifest={at_fix7c_done.manifest_path}"]
    refused(stage, printed(product, BACK), "QT126", build(), product.build(), user=OPERATOR)
    back = product.alembic(*manifest, "downgrade", "fix7c:fix7b", "--sql")
    product.alembic("upgrade", RELEASE, url=stage.scene.dsn(OPERATOR))
    for text in (back, printed(product, FORWARD)):
        refused(stage, text, "QT126", build(), product.build(), user=OPERATOR)
    product.alembic(*manifest, "downgrade", "fix7b", url=stage.scene.dsn(OPERATOR))
    for script in (product.alembic(*manifest, "upgrade", "fix7b:fix7c", "--sql"),
                   product.alembic(*manifest, "downgrade", "fix7b:fix7a", "--sql")):  # fmt: skip
        refused(stage, script.replace(build(), product.build()), "QT126", build(), product.build(), user=OPERATOR)


@pytest.mark.usefixtures("operator")
def test_a_release_of_the_watch_makes_it_anew(at_fix7c_done: Stage, tmp_path: Path) -> None:
    """Where a superuser deployed FIX7c, and functions of the watch are others: a superuser's script; the guard keeps verdicts again."""
    product = copied(tmp_path)
    product.edit("qt001_cp/sql/fix7c/45_watch.sql", "-- Notes the transaction of a command that may",
                 "-- Notes, as ever, the transaction of a command that may")  # fmt: skip
    product.run("scripts/release.py", "--next", "1.1.0")
    product.run("-m", "qt001_cp.sql.structure")
    stage = at_fix7c_done
    assert _watched(stage) == ("kept", False)
    forward = printed(product, FORWARD)
    with lent(stage):
        refused(stage, forward, "QT107", "expected a superuser")
    stage.scene.psql(forward, user=OPERATOR)
    assert _watched(stage) == ("kept", True)
    assert gates(stage) == WAITING
    stage.scene.psql(printed(product, BACK), user=OPERATOR)
    assert _watched(stage) == ("kept", False)


def _watched(stage: Stage) -> tuple[str, bool]:
    with stage.connect() as admin:
        row = admin.execute(
            "SELECT mode, (SELECT prosrc ~ 'as ever' FROM pg_proc WHERE oid = 'qt001_cp_watch.note_command()'::regprocedure)"
            " FROM qt001_cp.guard_mode()"
        ).fetchone()
    assert row is not None
    return str(row[0]), bool(row[1])
