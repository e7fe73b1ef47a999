"""Which names can be a pair, who compares policy and bootstrap, and what the teardown leaves; on a server of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.errors import PolicyError, Qt001Error, Refused
from qt001_cp.model.names import Role
from qt001_cp.model.policy import policy_from_data
from qt001_cp.model.roles import DEFAULT, LEDGER, OWNER, Pair
from qt001_cp.policy_file import load_policy
from qt001_cp.rehearsal.scene import OPERATOR, bootstrap, teardown
from qt001_cp.servers import Server, ServerError, open_server
from qt001_cp.sql.build import stage_files
from qt001_cp.sql.render import STAGES
from qt001_cp.workflow import revisions
from qt001_cp.workflow.revisions import project_folder
from tests.cluster.place import STEPS, Place, gone, made, pair, policy_of
from tests.conftest import exported

pytestmark = pytest.mark.slow

SHOP = pair("shop")
WRONG: dict[str, tuple[dict[str, str], str]] = {
    "the owner alone": ({"owner": "shop_cp_owner"}, "expected owner and ledger, or neither, found owner alone"),
    "the ledger role alone": ({"ledger": "shop_cp_ledger"}, "found ledger alone"),
    "one for both": ({"owner": "shop_cp", "ledger": "shop_cp"}, "expected two roles, found shop_cp twice"),
    "quotes": ({"owner": "Shop Owner", "ledger": "shop_cp_ledger"}, "owner: expected a role whose name needs no quotes"),
    "a reserved word": ({"owner": "user", "ledger": "shop_cp_ledger"}, "owner: expected a role whose name needs no quotes"),
    "the server's": ({"owner": "pg_owner", "ledger": "shop_cp_ledger"}, "owner: expected a role whose name needs no quotes"),
    "too long": ({"owner": "o" * 64, "ledger": "shop_cp_ledger"}, "longer than 63 bytes"),
    "a duty": ({"owner": "qt001_cp_author", "ledger": "shop_cp_ledger"}, "another role of the control plane"),
    "the default, swapped": ({"owner": "qt001_cp_ledger", "ledger": "qt001_cp_owner"}, "another role of the control plane"),
    "the application": ({"owner": "directus", "ledger": "shop_cp_ledger"}, "roles.application: directus is a role of the control plane"),
}  # fmt: skip  # one case a line


def _policy(**named: str) -> dict[str, Any]:
    raw = dict(load_policy(estate.policy_path()).raw)
    return {**raw, "roles": {**raw["roles"], **named}}


@pytest.mark.parametrize(("named", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_can_be_no_pair_is_refused_with_its_key(named: dict[str, str], said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policy_from_data(_policy(**named), "policy.toml")
    assert said in caught.value.message
    assert caught.value.message.startswith("policy.toml: roles")
    assert caught.value.hint


def test_the_default_pair_named_is_the_default_pair() -> None:
    assert policy_from_data(_policy(owner=OWNER.name, ledger=LEDGER.name), "policy.toml").pair == DEFAULT


@pytest.mark.parametrize("stage", STAGES)
def test_our_sql_has_the_names_of_the_pair_and_no_other(stage: str) -> None:
    """For the default pair not a byte is another; one text leads to the other and back."""
    default, named = stage_files(stage), stage_files(stage, SHOP)
    assert stage_files(stage, Pair()) == default
    assert default.keys() == named.keys()
    back = re.compile(r"\bshop_cp_(owner|ledger)\b")
    for name, text in named.items():
        assert not re.search(r"\bqt001_cp_(owner|ledger)\b", text), name
        assert back.sub(r"qt001_cp_\1", text) == default[name], name


@pytest.mark.parametrize("word", ["ledger", "owner", "event", "qt001_cp"])
def test_a_word_of_our_sql_is_no_name(word: str) -> None:
    with pytest.raises(PolicyError, match=f"found {word}, which is a word of it"):
        stage_files("fix7a", Pair(Role(word), Role("shop_cp_ledger")))


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    with open_server() as opened:
        yield opened


@pytest.fixture
def place(own: Server) -> Iterator[Place]:
    made_ = made(own, "shop_place", estate.QT001, SHOP)
    yield made_
    gone(made_)


def _seen(place: Place) -> tuple[str, str]:
    return place.scene.dump("--create"), place.scene.server.dump_roles()


def _refused(place: Place, said: str, named: Pair | None = None, **raw: str) -> str:
    """The bootstrap says no, and nothing is another; what it said."""
    before = _seen(place)
    text = (project_folder() / "scripts" / "bootstrap.sql").read_text("utf-8")
    arguments = (named or SHOP).psql.split() if not raw else [w for k, v in raw.items() for w in ("-v", f"{k}={v}")]
    with pytest.raises(ServerError) as caught:
        place.scene.server.psql(text, "-v", "VERBOSITY=verbose", *arguments, dbname=place.scene.database)
    assert said in str(caught.value)
    assert "QT122" in str(caught.value)
    assert _seen(place) == before
    return str(caught.value)


@pytest.mark.parametrize(
    ("owner", "ledger"),
    [("Shop", "shop_cp_ledger"), ("shop_cp_owner", "user"), ("pg_x", "y_ledger"), ("a_b", "a_b"), ("qt001_cp_auditor", "shop_cp_ledger"),
     ("qt001_cp_ledger", "qt001_cp_owner"), ("", "shop_cp_ledger"), ("o'x", "shop_cp_ledger")],
)  # fmt: skip  # one pair a place
def test_the_bootstrap_takes_the_same_names(place: Place, owner: str, ledger: str) -> None:
    _refused(place, "a role of its own, whose name needs no quotes", owner=owner, ledger=ledger)


def test_a_role_is_in_one_pair(place: Place, own: Server) -> None:
    """Neither half of another pair, nor a role that is something else already, becomes a half of this one."""
    other = made(own, "press_place", estate.LOG, pair("press"))
    try:
        other.bootstrap()
        for named in (Pair(Role("press_cp_owner"), SHOP.ledger), Pair(SHOP.owner, Role("press_cp_ledger"))):
            _refused(place, "to be of this pair alone", named)
        place.admin("CREATE ROLE shop_cp_owner", "GRANT SELECT ON public.articles TO shop_cp_owner")
        _refused(place, "shop_cp_owner to be of this pair alone")
        place.admin("REVOKE SELECT ON public.articles FROM shop_cp_owner", "GRANT shop_cp_owner TO directus")
        _refused(place, "shop_cp_owner to be of this pair alone")
        place.admin("REVOKE shop_cp_owner FROM directus")
        bootstrap(own, place.scene.database, rehearsal=True, pair=SHOP)
    finally:
        gone(other)


def test_what_a_database_was_given_it_keeps(place: Place, own: Server) -> None:
    place.bootstrap()
    once = _seen(place)
    assert "also those of" not in bootstrap(own, place.scene.database, rehearsal=True, pair=SHOP)
    assert _seen(place) == once
    said = _refused(place, f"owner and ledger role shop_cp_owner, shop_cp_ledger, for which it was run in database {place.scene.database}",
                    pair("press"))  # fmt: skip
    assert "Run it with these: -v owner=shop_cp_owner -v ledger=shop_cp_ledger" in said
    with pytest.raises(ServerError) as caught:
        teardown(own, place.scene.database)
    assert _seen(place) == once
    said = str(caught.value)
    assert f"psql -X -v ON_ERROR_STOP=1 -d {place.scene.database} {SHOP.psql}-f scripts/teardown.sql" in said
    teardown(own, place.scene.database, pair=SHOP)
    assert "SCHEMA qt001_cp" not in place.scene.dump()


def test_fix7a_compares_the_policy_with_the_bootstrap(place: Place, own: Server) -> None:
    """Either way round; what it says to type is typed."""
    place.bootstrap()
    before = _seen(place)
    for how in ("online", "printed"):
        with pytest.raises((Refused, ServerError)) as caught:
            _run(place, how, estate.policy_path())
        said = str(caught.value)
        assert "expected qt001_cp_owner, qt001_cp_ledger, as the policy names them" in said
        assert "found shop_cp_owner, shop_cp_ledger, for which the bootstrap was run in this database" in said
        assert _seen(place) == before
    commands = re.findall(r"psql -v ON_ERROR_STOP=1 ((?:-v \w+=\w+ )+)-f (scripts/\w+\.sql)", said)
    assert [script for _, script in commands] == ["scripts/teardown.sql", "scripts/bootstrap.sql"]
    for variables, script in commands:
        text = (project_folder() / script).read_text("utf-8")
        more = ["-v", "rehearsal=yes"] if "bootstrap" in script else []
        own.psql(text, *variables.split(), *more, dbname=place.scene.database)
    place.admin(f"INSERT INTO qt001_cp.person (login, person, duty) VALUES ('{OPERATOR}', 'dora.dba', 'operator')")
    with pytest.raises(Refused, match=r"expected shop_cp_owner, shop_cp_ledger, as the policy names them"):
        _run(place, "online", place.policy)
    _run(place, "online", estate.policy_path())
    revisions.downgrade(place.scene.dsn(OPERATOR), "base", ledger=exported(place.scene))
    teardown(own, place.scene.database, roles=True)


def test_a_database_without_bootstrap_is_told_the_whole_command(place: Place) -> None:
    with pytest.raises(ServerError) as caught:
        _run(place, "printed", place.policy)
    assert f"psql -v ON_ERROR_STOP=1 {SHOP.psql}-f scripts/bootstrap.sql" in str(caught.value)


def test_the_manifest_of_another_pair_is_not_sealed(place: Place) -> None:
    place.bootstrap()
    place.fix7a()
    place.policy = policy_of(estate.QT001, DEFAULT)
    with pytest.raises(Qt001Error, match="policy"):
        place.seal()
    with place.scene.connect() as admin, pytest.raises(psycopg.Error) as caught:
        admin.execute("SELECT qt001_cp.require_pair('x', NULL, 'y')")
    assert caught.value.sqlstate == "QT206"
    assert "shop_cp_owner, shop_cp_ledger, for which this database is configured, found qt001_cp_owner" in str(
        caught.value
    )


def test_teardown_keeps_what_another_database_needs(own: Server) -> None:
    """The first takes its pair, the last one takes the rest, in both orders; a shared pair stays with the other database."""
    for last in (0, 1):
        places = [made(own, "shop_place", estate.QT001, SHOP), made(own, "log_place", estate.LOG)]
        for one in places:
            bootstrap(own, one.scene.database, rehearsal=False, pair=one.pair)
        first, second = places[1 - last], places[last]
        said = teardown(own, first.scene.database, roles=True, pair=first.pair)
        assert said.count("stays: ") == 4
        assert f"role qt001_cp_auditor stays: {second.scene.database} needs it" in said
        left = own.dump_roles()
        for role in (second.pair.owner, second.pair.ledger):
            assert f"CREATE ROLE {role.name};" in left
        for role in (first.pair.owner, first.pair.ledger):
            assert f"CREATE ROLE {role.name};" not in left
        assert "stays" not in teardown(own, second.scene.database, roles=True, pair=second.pair)
        for one in places:
            gone(one)
    shared = [made(own, "shop_place", estate.QT001), made(own, "log_place", estate.LOG)]
    told = [bootstrap(own, one.scene.database, rehearsal=False) for one in shared]
    assert "also those of" not in told[0]
    assert "qt001_cp_owner, qt001_cp_ledger are also those of database shop_place" in told[1]
    assert teardown(own, "shop_place", roles=True).count("stays: log_place needs it") == 6
    assert "stays" not in teardown(own, "log_place", roles=True)
    for one in shared:
        gone(one)
    assert "qt001_cp_" not in own.dump_roles()


def test_status_and_inventory_know_the_pair(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    for step in ("bootstrap", "FIX7a", "seal", "FIX7b"):
        STEPS[step](place)
    assert main(["status", "--database", place.scene.dsn(OPERATOR)]) in (0, 3)
    assert "owner role shop_cp_owner, ledger role shop_cp_ledger\n" in capsys.readouterr().out
    # Somebody who may ask nothing of ours sees by the catalogs who owns what.
    place.admin("CREATE ROLE qt001_nobody LOGIN")
    try:
        dsn = place.scene.dsn("qt001_nobody")
        assert main(["inventory", "--application", "directus", "--database", dsn]) == 0
        assert "protected" in capsys.readouterr().out
    finally:
        place.admin("DROP ROLE qt001_nobody")
    place.restore()
    place.base()
    place.teardown()


def _run(place: Place, how: str, policy: Path) -> None:
    if how == "online":
        revisions.upgrade(place.scene.dsn(OPERATOR), "fix7a", policy=str(policy))
    else:
        place.scene.psql(revisions.upgrade_sql("base", "fix7a", policy=str(policy)))


def test_a_script_of_another_pair_is_refused_at_every_stage(place: Place) -> None:
    """Printed for the same database elsewhere, whose roles are not here: a sentence, before any statement of it, and nothing changed."""
    with open_server() as elsewhere:
        other = made(elsewhere, "shop_place", estate.QT001, pair("press"))
        for step in ("bootstrap", "FIX7a", "seal"):
            STEPS[step](other)
        x, ledger = other.x, exported(other.scene)
        gone(other)
    texts = {
        "seal": [
            revisions.upgrade_sql("fix7a", "fix7b", rehearsal="first", **x),
            revisions.downgrade_sql("fix7a", "base", ledger=ledger),
        ],
        "FIX7b": [revisions.upgrade_sql("fix7b", "fix7c", **x), revisions.downgrade_sql("fix7b", "fix7a", **x)],
        "FIX7c": [revisions.downgrade_sql("fix7c", "fix7b", **x)],
    }
    for step in ("bootstrap", "FIX7a", "seal", "FIX7b", "FIX7c"):
        STEPS[step](place)
        for text in texts.get(step, []):
            _no_script(place, text)


def _no_script(place: Place, text: str) -> None:
    before = _seen(place)
    done = place.scene.server.psql(
        text, "-v", "VERBOSITY=verbose", dbname=place.scene.database, user=OPERATOR, check=False
    )
    assert done.returncode != 0
    assert "ERROR:  QT206:" in done.stderr, done.stderr
    assert "shop_cp_owner, shop_cp_ledger, for which this database is configured" in done.stderr
    assert "found press_cp_owner, press_cp_ledger" in done.stderr
    assert "-x manifest=FILE" in done.stderr
    assert _seen(place) == before
