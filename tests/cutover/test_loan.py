"""Disposition lend: one entry changes and comes back; it is a part of what gates, drift, audit and the way back look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from qt001_cp.errors import NotRestorable, PolicyError
from qt001_cp.model.acl import AclItem, ColumnAcl
from qt001_cp.model.manifest import ManifestObject, ObjectManifest
from qt001_cp.model.names import Role
from qt001_cp.policy_file import load_policy
from qt001_cp.rehearsal.scene import OPERATOR, SCANNER
from qt001_cp.workflow.preflight import read_preflight
from tests.conftest import Stage
from tests.cutover.support import cluster, refused_downgrade, reseal, run, sealed_with
from tests.cutover.test_new_owner import STOCK, STOCK_RULES, found_at_sealing, there_and_back
from tests.kinds.conftest import audited, policy_with

pytestmark = pytest.mark.slow

RULES = STOCK_RULES.format(disposition="lend", lend='lend = ["SELECT"]\n')
LENT = '[["stock_keeper", "qt001_cp_owner", "SELECT", false]]'


@pytest.fixture
def with_keeper(at_base: Stage) -> Iterator[Stage]:
    undo = "DROP OWNED BY stock_keeper CASCADE;\nDROP ROLE stock_keeper;\n"
    with cluster(at_base, "CREATE ROLE stock_keeper LOGIN;\n", undo):
        yield at_base


@pytest.fixture
def at_lent(with_keeper: Stage, tmp_path: Path) -> Stage:
    """Sealed with one loan of another role's table."""
    run(with_keeper, STOCK)
    sealed_with(with_keeper, tmp_path / "bundle", policy_with(tmp_path, RULES))
    return with_keeper


GATES = """SELECT bool_and(open) FROM qt001_cp.v_fix7_gate WHERE gate IN
    ('inventory_exact', 'owners_and_acls_exact', 'definitions_exact', 'application_role_contained')"""


def test_gates_drift_scanner_audit_and_the_way_back_look_at_the_loan(at_lent: Stage) -> None:
    at_lent.upgrade("fix7b", rehearsal="first")
    at_lent.upgrade("fix7c", rehearsal="first")
    with at_lent.connect() as connection, at_lent.connect(SCANNER) as scanner:
        assert connection.execute(GATES).fetchone() == (True,)
        assert _about_stock(scanner.execute("SELECT qt001_cp.scan()").fetchone()) is False
        assert not [fault for fault in audited(at_lent) if "stock_level" in fault]
        run(at_lent, "REVOKE SELECT ON public.stock_level FROM qt001_cp_owner;\n")
        drift = connection.execute("SELECT object FROM qt001_cp.drift()").fetchall()
        assert drift == [("table public.stock_level",)]
        assert [fault for fault in audited(at_lent) if "stock_level" in fault]
        assert connection.execute(GATES).fetchone() == (False,)
    run(at_lent, "GRANT SELECT ON public.stock_level TO qt001_cp_owner;\n")
    at_lent.downgrade("fix7b")
    at_lent.downgrade("fix7a")


def _about_stock(found: object) -> bool:
    return "stock_level" in str(found)


def test_the_way_back_wants_the_loan_and_nothing_else_of_the_lender(at_lent: Stage) -> None:
    at_lent.upgrade("fix7b", rehearsal="first")
    run(at_lent, "SET ROLE stock_keeper;\nREVOKE SELECT ON public.stock_level FROM qt001_cp_owner;\nRESET ROLE;\n")
    refused_downgrade(at_lent, "fix7a", "QT113", "table public.stock_level", LENT)
    run(
        at_lent,
        "SET ROLE stock_keeper;\nGRANT SELECT ON public.stock_level TO qt001_cp_owner, public_only;\nRESET ROLE;\n",
    )
    at_lent.downgrade("fix7a")
    with at_lent.connect() as connection:
        row = connection.execute("SELECT relacl::text FROM pg_class WHERE relname = 'stock_level'").fetchone()
    assert row is not None
    assert "qt001_cp_owner" not in row[0]
    assert "public_only=r/stock_keeper" in row[0]


FORGED = {
    "to the application": lambda item: replace(item, grantee=Role("directus"), privilege="INSERT"),
    "with grant option": lambda item: replace(item, grantable=True),
    "another privilege": lambda item: replace(item, privilege="DELETE"),
}


@pytest.mark.parametrize("way", FORGED)
def test_a_loan_that_the_policy_does_not_make_is_refused(at_lent: Stage, tmp_path: Path, way: str) -> None:
    def edit(manifest: ObjectManifest) -> ObjectManifest:
        def forged(acl: tuple[AclItem, ...]) -> tuple[AclItem, ...]:
            return tuple(FORGED[way](i) if i.grantee == Role("qt001_cp_owner") else i for i in acl)

        objects = tuple(
            replace(o, after=replace(o.after, acl=forged(o.after.acl))) if o.disposition == "lend" and o.after else o
            for o in manifest.objects
        )
        return replace(manifest, objects=objects)

    with pytest.raises(psycopg.Error) as caught:
        reseal(at_lent, tmp_path / "forged", policy=tmp_path / "policy.toml", edit=edit, register=False)
    assert caught.value.sqlstate == "QT103"
    assert "table public.stock_level" in str(caught.value)


def test_the_application_cannot_lend(at_base: Stage, tmp_path: Path) -> None:
    rules = '[[rule]]\nidentity = "public.tags"\ndisposition = "lend"\nlend = ["SELECT"]\nreason = "x"\n'
    with pytest.raises(NotRestorable, match="directus itself would lend it"):
        sealed_with(at_base, tmp_path / "bundle", policy_with(tmp_path, rules))


@pytest.mark.parametrize(
    "rule",
    [
        'disposition = "lend"\n',
        'disposition = "retain"\nlend = ["SELECT"]\n',
        'disposition = "lend"\nlend = ["ALL"]\n',
        'disposition = "lend"\nlend = ["SELECT"]\nkeep = [{ grantee = "public", privileges = ["SELECT"] }]\n',
        'disposition = "lend"\nlend = [{ privileges = ["DELETE"], columns = ["id"] }]\n',
        'disposition = "lend"\nlend = [{ privileges = ["SELECT"] }]\n',
    ],
)
def test_a_rule_lends_by_name_and_only_where_it_says_so(tmp_path: Path, rule: str) -> None:
    path = policy_with(tmp_path, f'[[rule]]\nidentity = "public.stock_level"\n{rule}reason = "x"\n')
    with pytest.raises(PolicyError, match="rule 1"):
        load_policy(path)


def test_an_operator_without_the_lenders_rights_is_told_the_statement(at_lent: Stage) -> None:
    below = f"ALTER ROLE {OPERATOR} NOSUPERUSER;\n"
    with cluster(at_lent, below, below.replace("NOSUPER", "SUPER")), at_lent.connect(OPERATOR) as operator:
        found = read_preflight(operator, at_lent.manifest).findings
    lacking = [f for f in found if f["sqlstate"] == "QT107" and f["object"] == "role stock_keeper"]
    assert len(lacking) == 1, found
    assert lacking[0]["mend"].startswith(f"GRANT stock_keeper TO {OPERATOR}")
    assert "GRANT SELECT ON TABLE" in lacking[0]["expected"]


WIDE = """
CREATE TABLE public.stock_level (id int, amount int, "Secret one" text);
ALTER TABLE public.stock_level OWNER TO stock_keeper;
INSERT INTO public.stock_level VALUES (1, 10, 'x');
GRANT SELECT (id, amount) ON public.stock_level TO directus;
SET ROLE directus;
CREATE VIEW public.qt001_stock WITH (security_barrier) AS SELECT id, amount FROM public.stock_level;
RESET ROLE;
"""


def _wide(columns: str) -> str:
    return STOCK_RULES.format(
        disposition="lend", lend=f'lend = [{{ privileges = ["SELECT"], columns = [{columns}] }}]\n'
    )


def test_what_lacks_on_columns_is_asked_of_columns(with_keeper: Stage, tmp_path: Path) -> None:
    found = found_at_sealing(with_keeper, tmp_path, WIDE, _wide('"id"'))
    assert [(f["object"], f["expected"]) for f in found] == [
        ("table public.stock_level", "SELECT (amount) for qt001_cp_owner")
    ]
    assert found[0]["mend"].startswith("GRANT SELECT (amount) ON TABLE public.stock_level TO qt001_cp_owner;")


def test_columns_are_lent_and_come_back(with_keeper: Stage, tmp_path: Path) -> None:
    run(with_keeper, WIDE)

    def lent() -> None:
        reads = "SELECT has_column_privilege('qt001_cp_owner', 'public.stock_level', %s, 'SELECT')"
        with with_keeper.connect("directus") as application, with_keeper.connect() as admin:
            assert application.execute("SELECT id, amount FROM public.qt001_stock").fetchall() == [(1, 10)]
            may = {c: admin.execute(reads, [c]).fetchone() for c in ("id", "amount", "Secret one")}
        assert may == {"id": (True,), "amount": (True,), "Secret one": (False,)}
        assert not [fault for fault in audited(with_keeper) if "stock_level" in fault]

    there_and_back(with_keeper, tmp_path, _wide('"id", "amount"'), lent)


def test_a_lent_column_that_was_revoked_is_drift_and_keeps_from_going_back(with_keeper: Stage, tmp_path: Path) -> None:
    run(with_keeper, WIDE)
    sealed_with(with_keeper, tmp_path / "bundle", policy_with(tmp_path, _wide('"id", "amount"')))
    with_keeper.upgrade("fix7b", rehearsal="first")
    run(
        with_keeper,
        "SET ROLE stock_keeper;\nREVOKE SELECT (id) ON public.stock_level FROM qt001_cp_owner;\nRESET ROLE;\n",
    )
    with with_keeper.connect() as connection:
        assert connection.execute("SELECT object FROM qt001_cp.drift()").fetchall() == [("table public.stock_level",)]
    assert [fault for fault in audited(with_keeper) if "stock_level, column id" in fault]
    refused_downgrade(with_keeper, "fix7a", "QT113", "table public.stock_level", '"amount"')


def test_only_the_columns_of_the_rule_are_lent(with_keeper: Stage, tmp_path: Path) -> None:
    run(with_keeper, WIDE)
    sealed_with(with_keeper, tmp_path / "bundle", policy_with(tmp_path, _wide('"id", "amount"')))

    def edit(manifest: ObjectManifest) -> ObjectManifest:
        def more(o: ManifestObject) -> ManifestObject:
            assert o.after is not None
            secret = ColumnAcl("Secret one", (AclItem(Role("stock_keeper"), Role("qt001_cp_owner"), "SELECT", False),))
            return replace(o, after=replace(o.after, columns=(*o.after.columns, secret)))

        return replace(manifest, objects=tuple(more(o) if o.disposition == "lend" else o for o in manifest.objects))

    with pytest.raises(psycopg.Error) as caught:
        reseal(with_keeper, tmp_path / "forged", policy=tmp_path / "policy.toml", edit=edit, register=False)
    assert (caught.value.sqlstate, "table public.stock_level" in str(caught.value)) == ("QT103", True)


@pytest.mark.parametrize(
    ("statements", "identity", "kind", "words"),
    [
        (WIDE, "public.stock_level", "table", "no column secret"),
        ("CREATE SEQUENCE public.stock_level OWNED BY NONE;\nALTER SEQUENCE public.stock_level OWNER TO stock_keeper;\n"
         "GRANT USAGE ON SEQUENCE public.stock_level TO directus;\n", "public.stock_level", "sequence", "of a column"),
    ],
)  # fmt: skip  # a case a row
def test_a_column_that_is_not_there_cannot_be_lent(
    with_keeper: Stage, tmp_path: Path, statements: str, identity: str, kind: str, words: str
) -> None:
    run(with_keeper, statements)
    rules = (
        f'[[rule]]\nkind = "{kind}"\nschema = "public"\nname = "{identity.partition(".")[2]}"\ndisposition = "lend"\n'
    )
    more = '[[curated_view]]\nidentity = "public.qt001_stock"\nreason = "x"\n' if statements == WIDE else ""
    rules += 'lend = [{ privileges = ["SELECT"], columns = ["secret"] }]\nreason = "x"\n' + more
    with pytest.raises((PolicyError, NotRestorable), match=words):
        sealed_with(with_keeper, tmp_path / "bundle", policy_with(tmp_path, rules))
