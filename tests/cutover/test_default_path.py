"""Precondition 8, sealing and gate 7: nobody who may call the apply path or has a duty looks for names where the application may
create objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from qt001_cp import estate
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.errors import Refused
from qt001_cp.policy_file import load_policy
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, drop_scene
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from qt001_cp.workflow.early import early_of_policy
from qt001_cp.workflow.seal import propose, seal
from qt001_cp.workflow.status import read_status
from tests.conftest import Stage
from tests.cutover.support import cluster, edited_policy, refused, reseal, run, sealed_with
from tests.cutover.test_without_apply_path import SHOP, prepared

pytestmark = pytest.mark.slow

SERVICE = "qt001_service"
_HEAD = '[[rule]]\nkind = "database"'
_RULE = (
    '[[rule]]\nkind = "schema"\nname = "playground"\ndisposition = "retain"\nreason = "the application\'s own"\n\n'
    '[[rule]]\nschema = "playground"\ndisposition = "retain"\nkind = "function"\nreason = "the application\'s own"\n\n'
)
_WHERE = "IN DATABASE directus_case"
_PLAYGROUND = "CREATE SCHEMA playground AUTHORIZATION directus;\nGRANT USAGE ON SCHEMA playground TO PUBLIC;\n"
_LOWER = "CREATE FUNCTION {}.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT ''ran as '' || current_user';\n"
_GATEWAY = "CREATE FUNCTION playground.qt001_gateway(text) RETURNS text LANGUAGE sql AS 'SELECT ''ran as '' || current_user';\n"
_FINDINGS = """
SELECT object, found, mend FROM qt001_cp.fix7b_findings(%s, false, true)
WHERE precondition = 8 AND object LIKE 'role %%' ORDER BY object, expected
"""


@pytest.fixture
def log(server: Server) -> Iterator[Stage]:
    """The estate ``log``, FIX7a, sealed: CREATE on public stays with the shop."""
    stage = prepared(server, "shop_case")
    yield stage
    drop_scene(stage.scene)


def _found(stage: Stage, query: str = _FINDINGS) -> list[tuple[str, str, str]]:
    with stage.connect(OPERATOR) as connection:
        return connection.execute(query.encode(), [stage.digest]).fetchall()


def _type(stage: Stage, statements: list[str]) -> None:
    """Exactly what the findings say, by the administrator."""
    with stage.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _answer(stage: Stage, login: str, query: str) -> str:
    """What a plain session of a login gets: nothing is pinned in it."""
    with stage.connect(login) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])


def _again(stage: Stage) -> None:
    """What is sealed and waits is withdrawn, proposed again, and sealed."""
    with stage.connect(AUTHOR) as author, stage.connect(OPERATOR) as operator:
        operator.execute("SELECT qt001_cp.withdraw_manifest(%s, 'once more')", [stage.digest])
        propose(author, stage.manifest)
        seal(operator, stage.manifest)


def _refused_to_seal(sealing: Callable[[], object], role: str, *words: str) -> str:
    """Sealing is refused for the default path of ``role``; returns the statement to type."""
    with pytest.raises(Refused) as caught:
        sealing()
    said = str(caught.value)
    assert caught.value.sqlstate == "QT108", said
    assert said.splitlines()[0].startswith(f"[QT108] sealing refused: role {role}: expected no schema in which"), said
    assert all(word in said for word in words), said
    found = re.search(r"hint: (ALTER ROLE .*;)$", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


@pytest.mark.parametrize("login", [OPERATOR, AUDITOR])
def test_a_duty_with_the_server_s_default(log: Stage, login: str) -> None:
    """The operator is a superuser: his sessions are worth the most."""
    run(log, f"ALTER ROLE {login} IN DATABASE shop_case RESET ALL;\n")
    ((role, found, mend),) = _found(log)
    assert (role, found) == (f"role {login}", f"search_path {login}, public, and CREATE on schema public for shop")
    typed = _refused_to_seal(partial(_again, log), login, "who has a duty", found)
    assert typed == mend == f"ALTER ROLE {login} IN DATABASE shop_case SET search_path = '';"
    _type(log, [typed])
    assert _found(log) == []
    with log.connect(OPERATOR) as operator:
        said = operator.execute("SELECT sqlstate, object FROM qt001_cp.fix7b_findings(%s, false, true)", [log.digest])
        assert said.fetchall() == [("QT101", f"manifest {log.digest}")]  # of what it names nothing is another now
        seal(operator, log.manifest)


def test_the_attack_on_an_unqualified_call(log: Stage) -> None:
    """Seen: the operator, a superuser, writes ``lower(…)`` of a varchar, and the application's overload runs as him."""
    with log.connect(OPERATOR) as operator:
        mends = [f"ALTER ROLE {OPERATOR} IN DATABASE shop_case RESET search_path"]
        operator.execute(mends[0].encode())
    run(log, _LOWER.format("public"), SHOP)
    call = "SELECT lower('ANN'::varchar)"
    assert _answer(log, OPERATOR, call) == f"ran as {OPERATOR}"
    _type(log, [mend for _, _, mend in _found(log)])
    assert _answer(log, OPERATOR, call) == "ann"


SETTINGS = {
    "of the database": "DATABASE shop_case",
    "of all roles": "ROLE ALL",
    "of the role": f"ROLE {AUDITOR}",
    "of the role in the database": f"ROLE {AUDITOR} IN DATABASE shop_case",
}


def test_a_duty_by_a_stored_setting(log: Stage) -> None:
    """Where it is stored does not matter, and the statement keeps the rest of the path."""
    for kind, target in SETTINGS.items():
        run(log, f"ALTER ROLE {AUDITOR} IN DATABASE shop_case RESET ALL;\n")
        laid = f"ALTER {target} SET search_path = audit, gone, public;\n"
        with cluster(log, laid, f"ALTER {target} RESET ALL;\n"):
            ((role, found, mend),) = _found(log)
            assert role == f"role {AUDITOR}", kind
            assert found == "search_path audit, gone, public, and CREATE on schema public for shop"
            assert mend == f"ALTER ROLE {AUDITOR} IN DATABASE shop_case SET search_path = audit;"
            _type(log, [mend])
            assert _found(log) == [], kind


def test_one_setting_is_one_finding(log: Stage) -> None:
    """Two would say two statements of which each undoes the other."""
    run(log, f"ALTER ROLE {AUDITOR} IN DATABASE shop_case SET search_path = public;\n")
    query = "SELECT object, mend FROM qt001_cp.containment_findings(%s) WHERE object ~ 'qt001_auditor'"
    with log.connect() as connection:
        ((role, mend),) = connection.execute(query, [log.digest]).fetchall()
    assert role == f"role {AUDITOR}"
    _type(log, [mend])
    assert _found(log) == []


PATHS = {
    '"$user", public': "''",
    "public": "''",
    "audit, public": "audit",
    "public, pg_catalog": "pg_catalog",
    "pg_temp, audit, public, pg_catalog": "pg_catalog, audit, pg_temp",
    '"Odd, name", public': '"Odd, name"',
}


def test_the_statement_keeps_what_may_stay(log: Stage) -> None:
    run(log, 'CREATE SCHEMA "Odd, name";\n')
    for path, kept in PATHS.items():
        run(log, f"ALTER ROLE {AUDITOR} IN DATABASE shop_case SET search_path = {path};\n")
        ((_, _, mend),) = _found(log)
        assert mend == f"ALTER ROLE {AUDITOR} IN DATABASE shop_case SET search_path = {kept};", path
        _type(log, [mend])
        assert _found(log) == [], path
        with log.connect() as connection:
            query = "SELECT object FROM qt001_cp.environment_findings(%s)"
            assert connection.execute(query, [log.digest]).fetchall() == [], path


def test_who_has_no_duty_here_is_left_alone(log: Stage) -> None:
    """A team of another database, a superuser without a duty, and the application itself, which creates there."""
    with cluster(
        log,
        "CREATE ROLE elsewhere LOGIN;\nGRANT qt001_cp_operator TO elsewhere;\nCREATE ROLE chief LOGIN SUPERUSER;\n"
        "CREATE ROLE retired NOLOGIN;\nINSERT INTO qt001_cp.person (login, person, duty) VALUES ('retired', 'rita', 'author');\n"
        "ALTER ROLE shop IN DATABASE shop_case SET search_path = public;\n",
        "DROP ROLE elsewhere;\nDROP ROLE chief;\nDROP ROLE retired;\nALTER ROLE shop IN DATABASE shop_case RESET ALL;\n",
    ):
        assert _found(log) == []


def test_where_nothing_is_left_to_the_application_the_default_may_stay(at_fix7a_sealed: Stage) -> None:
    run(at_fix7a_sealed, "".join(f"ALTER ROLE {r} {_WHERE} RESET ALL;\n" for r in (OPERATOR, AUDITOR, SERVICE)))
    assert _found(at_fix7a_sealed) == []


def test_after_the_cutover_who_joins_is_named_until_the_statement_is_typed(log: Stage) -> None:
    """By status at FIX7b, by drift, and by gate 7; typing it is no change of what was sealed."""
    join = (
        "CREATE ROLE nora LOGIN;\nGRANT qt001_cp_author TO nora;\n"
        "INSERT INTO qt001_cp.person (login, person, duty) VALUES ('nora', 'nora.nash', 'author');\n"
    )
    leave = "DELETE FROM qt001_cp.person WHERE login = 'nora';\nDROP ROLE nora;\n"
    drift = "SELECT object, aspect FROM qt001_cp.drift()"
    closed = "SELECT gate, reason FROM qt001_cp.v_fix7_gate WHERE NOT open AND gate ~ 'contained|exact|apart' ORDER BY ordinal"
    log.upgrade("fix7b", rehearsal="first")
    with cluster(log, join, leave), log.connect() as connection:
        ((named, mend),) = [(f["object"], f["mend"]) for f in read_status(connection).beyond]
        assert named == "role nora"
        assert connection.execute(drift).fetchall() == [("role nora", "reach")]
        with pytest.raises(Refused, match=r"FIX7c \(afterwards\) refused: role nora"):
            log.upgrade("fix7c")
        _type(log, [mend])
        assert read_status(connection).beyond == []
    log.upgrade("fix7c")
    with cluster(log, join, leave), log.connect() as connection:
        ((gate, reason),) = connection.execute(closed).fetchall()
        assert gate == "application_role_contained"
        assert "role nora" in str(reason)
        _type(log, [mend])
        assert connection.execute(closed).fetchall() == []
        assert connection.execute(drift).fetchall() == []


@pytest.fixture
def playground(at_base: Stage, tmp_path: Path) -> tuple[Stage, Path]:
    """The reference estate with a schema in which the application goes on creating, beside the apply path; FIX7a is there."""
    run(at_base, _PLAYGROUND)
    policy = edited_policy(tmp_path, _HEAD, _RULE + _HEAD)
    revisions.upgrade(at_base.scene.dsn(OPERATOR), "fix7a", policy=str(policy))
    return at_base, policy


def test_the_attack_on_a_caller_of_the_apply_path(playground: tuple[Stage, Path], tmp_path: Path) -> None:
    """An overload of the gateway takes the caller's unqualified call, and one of a built-in function his next one."""
    stage, policy = playground
    run(stage, _GATEWAY + _LOWER.format("playground"), "directus")
    run(stage, f"ALTER ROLE {SERVICE} {_WHERE} SET search_path = playground, public;\n")
    calls = ("SELECT qt001_gateway('{}')", "SELECT lower('ANN'::varchar)")
    assert [_answer(stage, SERVICE, call) for call in calls] == [f"ran as {SERVICE}"] * 2
    sealing = partial(reseal, stage, tmp_path, policy=policy)
    typed = _refused_to_seal(sealing, SERVICE, "who may call the apply path", "schema playground for directus")
    assert typed == f"ALTER ROLE {SERVICE} {_WHERE} SET search_path = public;"
    _type(stage, [typed])
    assert _answer(stage, SERVICE, calls[1]) == "ann"
    with pytest.raises(psycopg.Error) as caught:
        _answer(stage, SERVICE, calls[0])
    assert "ran as" not in str(caught.value)
    reseal(stage, tmp_path, policy=policy)
    assert _found(stage) == []


CALLERS = {
    "by itself": (f"ALTER ROLE {SERVICE} {_WHERE} SET search_path = playground;\n", SERVICE),
    "by membership": (
        f"GRANT {SERVICE} TO intern;\nALTER ROLE intern {_WHERE} SET search_path = playground;\n",
        "intern",
    ),
    "by membership at two removes": (
        f"CREATE ROLE between;\nGRANT {SERVICE} TO between;\nGRANT between TO intern;\n"
        f"ALTER ROLE intern {_WHERE} SET search_path = playground;\n",
        "intern",
    ),
    "by a schema of its own name": (
        f"CREATE SCHEMA {SERVICE};\nGRANT CREATE ON SCHEMA {SERVICE} TO directus;\n",
        SERVICE,
    ),
    "where everybody may create": (
        f"CREATE SCHEMA {SERVICE};\nGRANT CREATE ON SCHEMA {SERVICE} TO PUBLIC;\n",
        SERVICE,
    ),
    "by a role of the application's": (
        f"CREATE ROLE between;\nGRANT between TO directus;\nCREATE SCHEMA {SERVICE} AUTHORIZATION between;\n",
        SERVICE,
    ),
}
_UNDONE = (
    f"REVOKE {SERVICE} FROM intern;\nDROP SCHEMA IF EXISTS {SERVICE};\n"
    "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'between') THEN DROP OWNED BY between; DROP ROLE between; END IF; END $$;\n"
)


@pytest.mark.parametrize("way", CALLERS)
def test_a_caller_of_the_apply_path(at_fix7a_sealed: Stage, way: str) -> None:
    """And after the statement is typed there is no such finding."""
    laid, login = CALLERS[way]
    run(at_fix7a_sealed, _PLAYGROUND)
    assert _found(at_fix7a_sealed) == []
    with cluster(at_fix7a_sealed, laid, _UNDONE):
        found = [f for f in _found(at_fix7a_sealed) if f[0] == f"role {login}" and "search_path" in f[1]]
        ((_, words, mend),) = found
        assert "CREATE on schema" in words
        kept = "public" if laid.startswith(("CREATE SCHEMA", "CREATE ROLE between;\nGRANT between TO")) else "''"
        assert mend == f"ALTER ROLE {login} {_WHERE} SET search_path = {kept};"
        _type(at_fix7a_sealed, [mend])
        assert not any("search_path" in words for _, words, _ in _found(at_fix7a_sealed))


@pytest.mark.parametrize("kind", ["DATABASE directus_case", "ROLE ALL"])
def test_a_caller_by_a_setting_for_everybody(at_fix7a_sealed: Stage, kind: str) -> None:
    """The setting is a finding by itself; its callers have a statement of their own, which leaves the others theirs."""
    run(at_fix7a_sealed, _PLAYGROUND)
    with cluster(
        at_fix7a_sealed, f"ALTER {kind} SET search_path = playground, public;\n", f"ALTER {kind} RESET ALL;\n"
    ):
        found = {role: mend for role, _, mend in _found(at_fix7a_sealed)}
        assert found[f"role {SERVICE}"] == f"ALTER ROLE {SERVICE} {_WHERE} SET search_path = public;"
        assert f"role {OPERATOR}" in found
        assert "role reporting" not in found
        _type(at_fix7a_sealed, list(found.values()))
        assert _found(at_fix7a_sealed) == []


def test_callers_are_told_before_anything_is_deployed(at_base: Stage, tmp_path: Path) -> None:
    """Who has a duty here is not known then, and nobody is taken for one who has."""
    run(at_base, _PLAYGROUND)
    policy = load_policy(edited_policy(tmp_path, _HEAD, _RULE + _HEAD))
    run(at_base, "".join(f"ALTER ROLE {r} {_WHERE} SET search_path = playground;\n" for r in (SERVICE, AUDITOR)))
    with at_base.connect() as connection:
        early = early_of_policy(connection, read_inventory(connection, policy.application), policy)
    assert [(f["sqlstate"], f["object"], f["mend"]) for f in early.findings] == [
        ("QT108", f"role {SERVICE}", f"ALTER ROLE {SERVICE} {_WHERE} SET search_path = '';")
    ]


def test_a_role_s_path_is_no_part_of_the_database_s_definition(at_recorded: Stage) -> None:
    """Any login may set its own: it would stop what compares with the manifest."""
    with at_recorded.connect("intern") as intern:
        intern.execute(
            sql.SQL("ALTER ROLE intern IN DATABASE {} SET search_path = public").format(
                sql.Identifier(at_recorded.scene.database)
            )
        )
    with at_recorded.connect(OPERATOR) as operator:
        assert operator.execute("SELECT * FROM qt001_cp.fix7b_findings(%s)", [at_recorded.digest]).fetchall() == []


def test_create_that_may_not_stay_is_the_finding_itself(at_base: Stage, tmp_path: Path) -> None:
    """Beside what is protected nobody's path is asked for: no path would make it right."""
    kept = 'keep = [ { grantee = "public", privileges = ["USAGE"] } ]'
    policy = edited_policy(tmp_path, kept, kept.replace('["USAGE"]', '["USAGE", "CREATE"]'))
    run(at_base, "GRANT CREATE ON SCHEMA public TO PUBLIC;\n")
    sealed_with(at_base, tmp_path, policy)
    assert _found(at_base) == []
    refused(at_base, "QT108", "schema public", "CREATE for PUBLIC", rehearsal="first")


def test_a_policy_that_leaves_nothing_is_sealed_whatever_the_path(at_base: Stage, tmp_path: Path) -> None:
    """CREATE that goes with the cutover does not count: schema public is the application's until then."""
    run(at_base, f"ALTER ROLE {SERVICE} {_WHERE} SET search_path = public;\n")
    sealed_with(at_base, tmp_path, estate.policy_path())
