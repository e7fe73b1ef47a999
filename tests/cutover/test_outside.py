"""Precondition 8: what the application may use leads out of the database, under whatever name, only where the policy says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.cutover.support import edited_policy, findings, refused, reseal, run, sealed_with

pytestmark = pytest.mark.slow

SERVER = """CREATE EXTENSION postgres_fdw SCHEMA public;
CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', dbname 'directus_case');
CREATE USER MAPPING FOR postgres SERVER loop OPTIONS (user 'postgres');
CREATE USER MAPPING FOR reporting SERVER loop OPTIONS (user 'postgres');
CREATE FOREIGN TABLE public.articles_ft (id bigint, code text) SERVER loop OPTIONS (schema_name 'public', table_name 'qt001_source');
"""
_DEFINER = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
_TRIGGER = f"RETURNS trigger LANGUAGE plpgsql {_DEFINER} AS 'BEGIN DELETE FROM public.articles_ft; RETURN NULL; END'"
WAYS = {
    "a view of a superuser": "CREATE VIEW public.articles_ft_v AS SELECT * FROM public.articles_ft;\nGRANT ALL ON public.articles_ft_v TO directus;\n",
    "a view of a third role, for PUBLIC": (
        "GRANT ALL ON public.articles_ft TO reporting;\nCREATE VIEW public.articles_ft_v AS SELECT * FROM public.articles_ft;\n"
        "ALTER VIEW public.articles_ft_v OWNER TO reporting;\nGRANT SELECT ON public.articles_ft_v TO PUBLIC;\n"
    ),
    "a view on a view": (
        "CREATE VIEW public.articles_ft_w AS SELECT * FROM public.articles_ft;\nCREATE VIEW public.articles_ft_v AS SELECT * FROM public.articles_ft_w;\n"
        "GRANT SELECT ON public.articles_ft_v TO directus;\n"
    ),
    "a column of a view": (
        "CREATE VIEW public.articles_ft_v AS SELECT * FROM public.articles_ft;\nGRANT UPDATE (code) ON public.articles_ft_v TO directus;\n"
    ),
    "a role that it is a member of": (
        "CREATE ROLE zz_club;\nGRANT zz_club TO directus;\n"
        "CREATE VIEW public.articles_ft_v AS SELECT * FROM public.articles_ft;\nGRANT SELECT ON public.articles_ft_v TO zz_club;\n"
    ),
    "a materialized view": (
        "CREATE MATERIALIZED VIEW public.articles_ft_v AS SELECT * FROM public.articles_ft WITH NO DATA;\nGRANT SELECT ON public.articles_ft_v TO directus;\n"
    ),
    "a SECURITY DEFINER routine": (
        f"CREATE FUNCTION public.articles_ft_v() RETURNS void LANGUAGE plpgsql {_DEFINER} AS 'BEGIN DELETE FROM public.articles_ft; END';\n"
    ),
    "a routine that calls another": (
        f"CREATE FUNCTION public.articles_ft_w() RETURNS void LANGUAGE plpgsql {_DEFINER} AS 'BEGIN DELETE FROM public.articles_ft; END';\n"
        f"CREATE FUNCTION public.articles_ft_v() RETURNS void LANGUAGE plpgsql {_DEFINER} AS 'BEGIN PERFORM public.articles_ft_w(); END';\n"
    ),
    "a rule of a third role's table": (
        "CREATE TABLE public.articles_ft_t (id int);\nCREATE RULE articles_ft_v AS ON INSERT TO public.articles_ft_t DO ALSO DELETE FROM public.articles_ft;\n"
        "GRANT INSERT ON public.articles_ft_t TO directus;\n"
    ),
    "a trigger of a third role's table": (
        f"CREATE FUNCTION public.articles_ft_w() {_TRIGGER};\nCREATE TABLE public.articles_ft_v (id int);\n"
        "CREATE TRIGGER articles_ft_x AFTER INSERT ON public.articles_ft_v FOR EACH ROW EXECUTE FUNCTION public.articles_ft_w();\n"
        "GRANT INSERT ON public.articles_ft_v TO directus;\n"
    ),
    "the parent of a foreign table": (
        "CREATE TABLE public.articles_ft_v (id bigint, code text);\nALTER FOREIGN TABLE public.articles_ft INHERIT public.articles_ft_v;\n"
        "GRANT SELECT ON public.articles_ft_v TO directus;\n"
    ),
    "the foreign table itself": "GRANT SELECT ON public.articles_ft TO directus;\n",
    "its own foreign table": "ALTER FOREIGN TABLE public.articles_ft OWNER TO directus;\n",
}  # fmt: skip  # one way a line
SERVERS = {
    "that leads somewhere, and the policy says so": ("rates", True),
    "with other options than the policy says": ("elsewhere", False),
}
_OUTSIDE = """
[[outside]]
server = "rates"
options = ["dbname=rates", "host=rates.example"]
reason = "exchange rates of another house; it has no account here"
"""


def _outside(found: list[tuple[str, str]], server: str = "loop") -> list[str]:
    return [words for state, words in found if state == "QT108" and words.endswith(f"server {server}")]


@pytest.mark.parametrize("way", WAYS)
def test_path_to_a_foreign_server_is_found(at_fix7a_sealed: Stage, way: str) -> None:
    (path,) = _outside(findings(at_fix7a_sealed, SERVER + WAYS[way], sealed_again=True))
    assert "foreign table public.articles_ft → its definition → server loop" in path, path


def test_foreign_table_that_is_not_the_applications(at_fix7a_sealed: Stage) -> None:
    assert _outside(findings(at_fix7a_sealed, SERVER)) == []


def test_cutover_is_refused(at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    run(at_fix7a_sealed, SERVER + WAYS["a view of a superuser"])
    reseal(at_fix7a_sealed, tmp_path)
    refused(
        at_fix7a_sealed, "QT108", "view public.articles_ft_v → its query or rule → foreign table public.articles_ft",
        "server loop of wrapper postgres_fdw", "with the login of postgres, reporting", rehearsal="first",
    )  # fmt: skip  # the words of one message


def test_wrapper_that_reads_nothing(at_fix7a_sealed: Stage) -> None:
    bare = SERVER.replace("EXTENSION postgres_fdw SCHEMA public", "FOREIGN DATA WRAPPER postgres_fdw")
    found = findings(at_fix7a_sealed, bare + WAYS["the foreign table itself"], sealed_again=True)
    assert _outside(found) == []


@pytest.mark.parametrize("case", SERVERS)
def test_policy_says_where_a_server_leads(at_base: Stage, tmp_path: Path, case: str) -> None:
    host, lets_pass = SERVERS[case]
    rates = (
        SERVER.replace("loop", "rates").replace("'directus_case'", "'rates'").replace("127.0.0.1", f"{host}.example")
    )
    run(at_base, rates + WAYS["a view of a superuser"])
    policy = edited_policy(tmp_path, "\n[apply_path]", _OUTSIDE + "\n[apply_path]")
    sealed_with(at_base, tmp_path, policy)
    with at_base.connect(OPERATOR) as operator:
        query = "SELECT sqlstate, object FROM qt001_cp.fix7b_findings(%s, false, true)"
        found = [(r[0], r[1]) for r in operator.execute(query, [at_base.digest])]
    assert (_outside(found, "rates") == []) is lets_pass, found


def test_body_that_nobody_analysed_behind_a_lent_right(at_fix7a_sealed: Stage) -> None:
    """The one that the application calls is known and harmless; the one behind it is in no manifest, and may do anything."""
    behind = (
        "CREATE FUNCTION public.articles_far() RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE ''SELECT 1''; END';\n"
        "REVOKE EXECUTE ON FUNCTION public.articles_far() FROM PUBLIC;\n"
        f"CREATE FUNCTION public.articles_near() RETURNS void LANGUAGE plpgsql {_DEFINER}"
        " AS 'BEGIN PERFORM public.articles_far(); END';\n"
    )
    path = "function public.articles_near() → calls function public.articles_far()"
    assert ("QT108", path) in findings(at_fix7a_sealed, behind, sealed_again=True)
    revoked = behind + "REVOKE EXECUTE ON FUNCTION public.articles_near() FROM PUBLIC;\n"
    assert ("QT108", path) not in findings(at_fix7a_sealed, revoked)
