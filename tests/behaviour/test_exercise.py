"""What everybody can do before and after: rows and DML alone show what a change of owner breaks, without any other check's help."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.errors import PolicyError
from qt001_cp.model.policy import policy_from_data
from qt001_cp.rehearsal.behaviour.exercise import Behaviour, Difference, named
from qt001_cp.rehearsal.behaviour.rows import columns_of, made_row
from qt001_cp.rehearsal.behaviour.smoke import Smoke
from qt001_cp.rehearsal.run import data_digest_of
from qt001_cp.rehearsal.transcript import Transcript
from tests.conftest import Stage

_OWNER = "OWNER TO qt001_cp_owner"
BROKEN = {
    "a curated view over a third role's table": (
        """CREATE ROLE behaves_keeper; CREATE TABLE public.stock_level (id int PRIMARY KEY, amount int);
        ALTER TABLE public.stock_level OWNER TO behaves_keeper; INSERT INTO public.stock_level VALUES (1, 10);
        GRANT SELECT ON public.stock_level TO directus; SET ROLE directus;
        CREATE VIEW public.qt001_stock WITH (security_barrier) AS SELECT id, amount FROM public.stock_level; RESET ROLE""",
        f"ALTER VIEW public.qt001_stock {_OWNER}; GRANT SELECT ON public.qt001_stock TO directus",
        "directus: SELECT view public.qt001_stock: before 1 row, after 42501 permission denied for table stock_level",
    ),
    "a materialized view over a third role's table": (
        """CREATE ROLE behaves_third; CREATE TABLE public.third_list (id int PRIMARY KEY); ALTER TABLE public.third_list OWNER TO behaves_third;
        GRANT SELECT ON public.third_list TO directus; SET ROLE directus;
        CREATE MATERIALIZED VIEW public.qt001_more_list AS SELECT id FROM public.third_list; RESET ROLE""",
        f"ALTER MATERIALIZED VIEW public.qt001_more_list {_OWNER}",
        "its owner: REFRESH materialized view public.qt001_more_list: before done, after 42501 permission denied for table third_list",
    ),
    "current_user in a check": (
        """SET ROLE directus;
        CREATE TABLE public.qt001_stamp (id int PRIMARY KEY, by name DEFAULT current_user CHECK (by = 'directus')); RESET ROLE""",
        f"ALTER TABLE public.qt001_stamp {_OWNER}",
        'its owner: INSERT table public.qt001_stamp: before 1 row, after 23514 new row for relation "qt001_stamp" violates check'
        ' constraint "qt001_stamp_by_check"',
    ),
    "row security that names the old owner, forced": (
        """SET ROLE directus; CREATE TABLE public.qt001_secret (id int PRIMARY KEY); INSERT INTO public.qt001_secret VALUES (1), (2);
        ALTER TABLE public.qt001_secret ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY mine ON public.qt001_secret TO directus USING (true);
        CREATE VIEW public.qt001_secrets AS SELECT id FROM public.qt001_secret; GRANT SELECT ON public.qt001_secrets TO reporting;
        RESET ROLE""",
        f"ALTER TABLE public.qt001_secret {_OWNER}; ALTER VIEW public.qt001_secrets {_OWNER}",
        "reporting: SELECT view public.qt001_secrets: before 2 rows, after 0 rows",
    ),
    "a retained view over what goes": (
        """SET ROLE directus; CREATE TABLE public.qt001_gone (id int); CREATE VIEW public.articles_gone AS SELECT id FROM public.qt001_gone;
        RESET ROLE""",
        f"ALTER TABLE public.qt001_gone {_OWNER}",
        "directus: SELECT view public.articles_gone: before 0 rows, after 42501 permission denied for table qt001_gone",
    ),
    "a trigger that asks who it is": (
        """SET ROLE directus; CREATE TABLE public.qt001_watched (id int);
        CREATE FUNCTION public.qt001_me() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF current_user <> 'directus' THEN RAISE EXCEPTION 'not the application'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER me BEFORE UPDATE ON public.qt001_watched FOR EACH ROW EXECUTE FUNCTION public.qt001_me(); RESET ROLE""",
        f"ALTER TABLE public.qt001_watched {_OWNER}",
        "its owner: UPDATE table public.qt001_watched: before 1 row, after P0001 not the application",
    ),
    "what an UPDATE fires, by one who may put nothing in": (
        """SET ROLE directus; CREATE TABLE public.slip (id int); CREATE TABLE public.slip_log (id int);
        CREATE FUNCTION public.slipped() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN IF TG_OP = 'UPDATE' THEN INSERT INTO public.slip_log VALUES (NEW.id); END IF; RETURN NEW; END $$;
        CREATE TRIGGER slipped AFTER INSERT OR UPDATE ON public.slip FOR EACH ROW EXECUTE FUNCTION public.slipped();
        GRANT UPDATE, DELETE ON public.slip TO reporting; RESET ROLE""",
        f"ALTER FUNCTION public.slipped() {_OWNER}",
        "reporting: UPDATE table public.slip: before 1 row, after 42501 permission denied for table slip_log",
    ),
    "rows of an empty table that a policy shows": (
        """SET ROLE directus; CREATE TABLE public.slip (id int); ALTER TABLE public.slip ENABLE ROW LEVEL SECURITY;
        CREATE POLICY shown ON public.slip TO reporting USING (true); GRANT SELECT ON public.slip TO reporting; RESET ROLE""",
        "DROP POLICY shown ON public.slip",
        "reporting: SELECT table public.slip: before 1 row, after 0 rows",
    ),
    "a deferred trigger and a schema that the new owner may not use": (
        """SET ROLE directus; CREATE SCHEMA inner_room; CREATE TABLE inner_room.paper (id int); RESET ROLE""",
        f"ALTER TABLE inner_room.paper {_OWNER}",
        "its owner: SELECT table inner_room.paper: before 0 rows, after 42501 permission denied for schema inner_room",
    ),
}


def _differences(stage: Stage, before: str, change: str) -> list[Difference]:
    with stage.connect() as admin:
        admin.execute(before.encode())
        behaviour = Behaviour(stage.scene)
        admin.execute(change.encode())
        return behaviour.differences(behaviour.answers())


@pytest.mark.parametrize("case", BROKEN)
def test_what_a_new_owner_breaks_is_found_with_who_what_before_and_after(at_base: Stage, case: str) -> None:
    before, change, expected = BROKEN[case]
    found = _differences(at_base, before, change)
    assert expected in [str(d) for d in found if not d.intended]


def test_what_the_policy_names_with_a_reason_is_intended(at_base: Stage) -> None:
    before, change, expected = BROKEN["a retained view over what goes"]
    found = _differences(at_base, before, change)
    entry = {"who": "directus", "verb": "SELECT", "object": "view public.articles_gone", "reason": "nobody reads it"}
    assert expected in [str(d) for d in named(found, [{**entry, "who": "reporting"}]) if not d.intended]
    judged = named(found, [entry])
    assert expected not in [str(d) for d in judged if not d.intended]
    assert "the policy: nobody reads it" in Transcript(differences=[("after FIX7b", d) for d in judged]).to_markdown()
    data = tomllib.loads(estate.policy_path().read_text("utf-8"))
    assert policy_from_data({**data, "intended": [entry]}, "p").intended == (entry,)
    with pytest.raises(PolicyError):
        policy_from_data({**data, "intended": [{**entry, "reason": ""}]}, "p")


TAKEN = {
    "a privilege": ("GRANT SELECT ON public.plain TO reporting", "REVOKE SELECT ON public.plain FROM reporting", "reporting"),
    "of PUBLIC": ("GRANT SELECT ON public.plain TO PUBLIC", "REVOKE SELECT ON public.plain FROM PUBLIC", "PUBLIC"),
    "a column": (
        "CREATE ROLE behaves_columnist; GRANT SELECT (id, title) ON public.plain TO behaves_columnist",
        "REVOKE SELECT (title) ON public.plain FROM behaves_columnist", "behaves_columnist"
    ),
    "ownership": ("SELECT 1", f"ALTER TABLE public.plain {_OWNER}", "directus"),
}  # fmt: skip  # one case a line


@pytest.mark.parametrize("case", TAKEN)
def test_what_is_taken_by_name_is_told_as_taken(at_base: Stage, case: str) -> None:
    before, change, who = TAKEN[case]
    made = "SET ROLE directus; CREATE TABLE public.plain (id int, title text); RESET ROLE; "
    found = [
        d for d in _differences(at_base, made + before, change) if d.object == "table public.plain" and d.who == who
    ]
    assert found
    assert all(d.intended and d.after.startswith("42501") for d in found)
    assert Transcript(differences=[("after FIX7b", d) for d in found]).to_markdown().count(
        "taken by the manifest"
    ) == len(found)


def test_nothing_is_left_behind_and_the_same_is_the_same(at_base: Stage) -> None:
    before = data_digest_of(at_base.scene), at_base.scene.dump("--create"), at_base.scene.server.dump_roles()
    behaviour = Behaviour(at_base.scene)
    assert behaviour.differences(behaviour.answers()) == []
    assert (data_digest_of(at_base.scene), at_base.scene.dump("--create"), at_base.scene.server.dump_roles()) == before
    verbs = {a.verb for a in behaviour.attempts}
    assert verbs >= {"SELECT", "INSERT", "UPDATE", "DELETE", "USAGE", "REFRESH"}
    done = {key for key, answer in behaviour.before.items() if answer.sqlstate == "00000"}
    assert len(done) > len(behaviour.before) * 0.8


def test_an_insert_that_is_taken_is_no_lost_update(at_base: Stage) -> None:
    """Whoever holds UPDATE by name and INSERT through PUBLIC goes on updating when PUBLIC's INSERT is taken."""
    made = """SET ROLE directus; CREATE TABLE public.slip (id int); GRANT INSERT ON public.slip TO PUBLIC;
        GRANT SELECT, UPDATE ON public.slip TO reporting; RESET ROLE"""
    found = _differences(at_base, made, "REVOKE INSERT ON public.slip FROM PUBLIC")
    assert {d.verb for d in found} == {"INSERT"}
    assert all(d.intended for d in found)


def test_a_row_that_cannot_be_put_in_hides_no_loss(at_base: Stage) -> None:
    """The owner's insert is refused by a check; who may change the table is refused by its ACL afterwards, and that is told."""
    made = """SET ROLE directus; CREATE TABLE public.slip (id int NOT NULL CHECK (id = 7)); GRANT SELECT, DELETE ON public.slip TO reporting;
        RESET ROLE"""
    found = _differences(at_base, made, "REVOKE DELETE ON public.slip FROM reporting")
    said = [str(d) for d in found if d.intended]
    assert said == ["reporting: DELETE table public.slip: before 0 rows, after 42501 permission denied for table slip"]


def test_what_could_not_be_exercised_is_listed(at_base: Stage) -> None:
    with at_base.connect() as admin:
        admin.execute(
            "CREATE TABLE public.empty (id int); GRANT UPDATE, SELECT ON public.empty TO reporting;"
            "CREATE TABLE public.odd (id int PRIMARY KEY, at pg_lsn NOT NULL); ALTER TABLE public.odd OWNER TO directus;"
            "CREATE TABLE public.hidden (id int); ALTER TABLE public.hidden ENABLE ROW LEVEL SECURITY;"
            "GRANT SELECT ON public.hidden TO reporting;"
            "CREATE TABLE public.picky (id int CHECK (id = 7)); ALTER TABLE public.picky OWNER TO directus;"
            "ALTER TABLE public.picky ALTER COLUMN id SET NOT NULL"
        )
    told = dict(Behaviour(at_base.scene).not_exercised())
    assert told["reporting: UPDATE table public.empty"].startswith("there is no row")
    assert told["directus: INSERT table public.odd"] == "no value for column at of type pg_lsn could be made"
    assert told["reporting: SELECT table public.hidden"].startswith("row security")
    assert told["its owner: INSERT table public.picky"].startswith("before the cutover already 23514")
    assert told["its owner: everything table public.empty"] == "its owner is a superuser"


def test_what_somebody_planted_never_runs_as_a_superuser(at_base: Stage) -> None:
    """Each role comes as itself: RESET SESSION AUTHORIZATION gives nothing back."""
    text = (Path(__file__).parents[1] / "clone" / "planted.sql").read_text("utf-8")
    functions = text[: text.index("CREATE DOMAIN")].replace("till.", "public.").replace('"Shop App"', "directus")
    with at_base.connect("directus") as application:
        application.execute(functions.encode())
        application.execute(
            "CREATE TABLE public.bait (id int CHECK (public.planted('check')), a int DEFAULT public.planted_quietly('default'));"
            "CREATE INDEX ON public.bait (public.planted_quietly('index'));"
            "CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON public.bait FOR EACH ROW EXECUTE FUNCTION public.planted_trigger('trigger');"
            "CREATE VIEW public.bait_view AS SELECT public.planted('view');"
            "CREATE MATERIALIZED VIEW public.bait_kept AS SELECT public.planted('materialized view');"
            "CREATE TABLE public.guarded (id int); INSERT INTO public.guarded VALUES (1);"
            "CREATE POLICY p ON public.guarded USING (public.planted('policy')); ALTER TABLE public.guarded ENABLE ROW LEVEL SECURITY;"
            "GRANT ALL ON public.bait, public.bait_view, public.guarded TO PUBLIC"
        )
    Behaviour(at_base.scene)
    log = Path(at_base.scene.server.host, "log").read_text("utf-8")
    found = set(re.findall(r"planted in ([^:\n]*): (\S+)", log))
    assert {kind for kind, _ in found} >= {
        "check",
        "default",
        "index",
        "trigger",
        "view",
        "materialized view",
        "policy",
    }
    assert not [kind for kind, who in found if who == "superuser"]
    with at_base.connect() as admin:
        assert admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'directus'").fetchone() == (False,)


def test_a_smoke_test_is_sql_as_the_application_or_a_command(at_base: Stage, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.sql", tmp_path / "bad.sql"
    good.write_text(
        "INSERT INTO public.smoked (name) SELECT current_user; SELECT 1/count(*) FROM public.smoked WHERE name = 'directus';"
    )
    bad.write_text("SELECT 1/0")
    with at_base.connect() as admin:
        admin.execute("CREATE TABLE public.smoked (id int, name text); GRANT ALL ON public.smoked TO directus")
    before = data_digest_of(at_base.scene)
    assert Smoke(str(good)).run(at_base.scene, "before") == ""
    assert "division by zero" in Smoke(str(bad)).run(at_base.scene, "before")
    assert data_digest_of(at_base.scene) == before
    script = tmp_path / "smoke.py"
    script.write_text(
        "import os, sys, psycopg\n"
        "with psycopg.connect(os.environ['QT001_SMOKE_DSN']) as c:\n"
        "    sys.exit(c.execute('SELECT current_user').fetchone() != ('directus',) or os.environ['QT001_SMOKE_STAGE'] != 'after FIX7b')\n"
    )
    command = Smoke(f"{sys.executable} {script}")
    assert command.run(at_base.scene, "after FIX7b") == ""
    assert command.run(at_base.scene, "elsewhere").startswith("exit 1")
    assert "No such file" in Smoke("/nowhere/at/all").run(at_base.scene, "x")


def test_the_transcript_lists_what_was_not_exercised() -> None:
    transcript = Transcript(exercised=3, not_exercised=[("a: SELECT table b", "why")])
    assert json.loads(json.dumps(transcript.to_json()))["behaviour"]["not_exercised"] == [
        {"what": "a: SELECT table b", "why": "why"}
    ]


def test_a_key_finds_its_value_whatever_the_column_is_called(at_base: Stage) -> None:
    with at_base.connect() as connection:
        connection.execute('CREATE TABLE public.kept ("the ""key" text PRIMARY KEY)')
        connection.execute("INSERT INTO public.kept VALUES ('k')")
        connection.execute("CREATE TABLE public.keeping (k text NOT NULL REFERENCES public.kept)")
        (table,) = connection.execute("SELECT 'public.keeping'::regclass::oid").fetchone() or ()
        made = made_row(connection, "public.keeping", "r", columns_of(connection, [table])[table])
    assert (made.values, made.why_not) == ({"k": "k"}, "")
