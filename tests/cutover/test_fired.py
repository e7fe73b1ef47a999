"""Precondition 8: what runs with another's rights when the application writes, where nobody may execute it, is analysed like what
it may call."""

from __future__ import annotations

import pytest

from qt001_cp.catalog.inventory import read_inventory
from tests.conftest import Stage
from tests.cutover.support import findings, run

pytestmark = pytest.mark.slow

_ROUTINE = (
    "CREATE FUNCTION public.articles_audit() RETURNS trigger LANGUAGE plpgsql {} SET search_path = pg_catalog, pg_temp AS"
    " $$ BEGIN {} RETURN NULL; END $$;\n"
    "REVOKE EXECUTE ON FUNCTION public.articles_audit() FROM PUBLIC;\n"
)
_HELP = (
    "CREATE TABLE public.articles_log (at timestamptz);\nALTER TABLE public.articles_log OWNER TO postgres;\n"
    "CREATE FUNCTION public.articles_note() RETURNS void LANGUAGE sql AS 'SELECT';\n"
    "ALTER FUNCTION public.articles_note() OWNER TO directus;\n"
)
_FIRES = "CREATE TRIGGER zz_audit AFTER DELETE ON public.{} FOR EACH ROW EXECUTE FUNCTION public.articles_audit();\n"
_ACTED = (
    "CREATE TABLE public.articles_kept (article integer REFERENCES public.articles (id) ON DELETE CASCADE);\n"
    "ALTER TABLE public.articles_kept OWNER TO postgres;\n"
)
BODIES = {
    "writes a table of its owner": ("INSERT INTO public.articles_log VALUES (now());", None),
    "writes a protected table": ("DELETE FROM public.qt001_setting;", "function public.articles_audit()"),
    "calls the application": ("PERFORM public.articles_note();", "function public.articles_note()"),
    "is not understood": ("EXECUTE 'DELETE FROM public.qt001' || '_setting';", "function public.articles_audit()"),
}
WHERE = {
    "on its table": _ROUTINE.replace("plpgsql {}", "plpgsql SECURITY DEFINER") + _FIRES.format("articles"),
    "behind a foreign key": _ROUTINE.replace("plpgsql {}", "plpgsql") + _ACTED + _FIRES.format("articles_kept"),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("where", WHERE)
def test_under_a_manifest_that_knows_it(at_fix7a_sealed: Stage, where: str, body: str) -> None:
    made, named = BODIES[body]
    statements = _HELP + WHERE[where].replace("BEGIN {} RETURN", f"BEGIN {made} RETURN")
    unknown = [o for s, o in findings(at_fix7a_sealed, statements) if s == "QT108" and "articles_audit" in o]
    assert unknown, "a manifest that does not know it"
    known = findings(at_fix7a_sealed, statements, sealed_again=True)
    if named is None:
        assert [(s, o) for s, o in known if s == "QT108"] == []
    else:
        assert any(s == "QT108" and named in o for s, o in known), known


BESIDE = {
    "it may only read the table": (
        "GRANT SELECT ON public.articles_kept TO directus;\n",
        "ALTER TABLE public.articles_kept DROP CONSTRAINT articles_kept_article_fkey;\n",
    ),
    "the key does nothing": (
        "",
        "ALTER TABLE public.articles_kept DROP CONSTRAINT articles_kept_article_fkey,"
        " ADD FOREIGN KEY (article) REFERENCES public.articles (id);\n",
    ),
    "the owner holds nothing protected": (
        "CREATE ROLE zz_quiet;\nALTER FUNCTION public.articles_audit() OWNER TO zz_quiet;\n"
        "ALTER TABLE public.articles_kept OWNER TO zz_quiet;\n",
        "",
    ),
}


@pytest.mark.parametrize("way", BESIDE)
def test_what_it_cannot_fire_closes_nothing(at_fix7a_sealed: Stage, way: str) -> None:
    """A trigger of the team next door: nobody looks into its body."""
    before, after = BESIDE[way]
    made = WHERE["behind a foreign key"].replace("plpgsql SET", "plpgsql SECURITY DEFINER SET")
    made = made.replace("BEGIN {} RETURN", "BEGIN EXECUTE 'SELECT 1'; RETURN")
    found = findings(at_fix7a_sealed, made + before + after)
    assert not [o for s, o in found if s == "QT108" and "articles_audit" in o], found


def test_inventory_says_why(at_fix7a_sealed: Stage) -> None:
    run(at_fix7a_sealed, _HELP + WHERE["on its table"].replace("BEGIN {} RETURN", "BEGIN RETURN"))
    with at_fix7a_sealed.connect() as connection:
        inventory = read_inventory(connection, at_fix7a_sealed.manifest.application)
    (found,) = [o for o in inventory.objects if o.ref.name == "articles_audit"]
    assert (found.state.owner.name, found.why) == ("postgres", ("fires",))
