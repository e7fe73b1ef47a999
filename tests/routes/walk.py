"""Lays all routes of one moment in one database and walks them: after a plain cutover, and against ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.errors import Refused
from qt001_cp.rehearsal.scene import OPERATOR, drop_scene
from qt001_cp.workflow import revisions
from tests.conftest import Library, Stage
from tests.cutover.support import APPLICATION, edited_policy, photograph, reseal, run, sealed_with
from tests.routes.groups import ALL
from tests.routes.plain import plain_cutover
from tests.routes.route import Route

CURATED = ("public.qt001_leaky", "public.qt001_resting")
_RULES = """
[[rule]]
kind = ["operator", "operator class", "operator family", "collation", "text search configuration", "statistics object"]
schema = "public"
disposition = "retain"
reason = "the application keeps what these tests leave to it"

[[rule]]
kind = "operator"
schema = "playground*"
disposition = "retain"
reason = "the application keeps what these tests leave to it"

[[rule]]
kind = ["foreign-data wrapper", "server", "publication", "subscription", "user mapping", "extension", "event trigger"]
disposition = "retain"
reason = "the application keeps what these tests leave to it"

[[rule]]
kind = "schema"
name = "playground*"
disposition = "retain"
reason = "the application's own"

[[rule]]
kind = ["foreign table", "statistics object"]
name = "qt001*"
disposition = "transfer"
reason = "data of QT001"

[[rule]]
schema = "public"
name = "dblink*"
disposition = "retain"
reason = "of the extension, but with grants of its own"

[[rule]]
kind = ["function", "table"]
schema = "pg_catalog"
disposition = "retain"
reason = "of the server, but with grants of its own"

[[rule]]
identity = "directus on server articles_loop"
disposition = "retain"
reason = "the application logs in elsewhere"

[[rule]]
kind = "schema"
name = "articles*"
disposition = "retain"
reason = "the application's own"

"""


@dataclass
class Answer:
    """What came of one route: ``reached`` after a plain cutover, or the error that stopped it."""

    reached: bool = False
    sqlstate: str | None = None
    said: str = ""


@dataclass
class Found:
    """What FIX7b finds with all routes of a moment laid: (sqlstate, object), its refusal, and whether anything moved."""

    findings: list[tuple[str, str]] = field(default_factory=list)
    refusal: str | None = None
    unchanged: bool = False


def routes(server_version: int, moment: str | None = None) -> list[Route]:
    return [r for r in ALL if r.since <= server_version < r.until and moment in (None, r.ours.moment)]


def after_plain(library: Library) -> dict[str, Answer]:
    """Every route laid, one plain cutover, then every route walked."""
    with _laid(library, "base", routes(library.server.version)) as (stage, laid):
        _cut_plainly(stage, *CURATED)
        for route in laid:
            _run(stage, route.later)
        return {route.name: walked(stage, route) for route in laid}


def after_ours(library: Library, folder: Path) -> dict[str, Answer]:
    """The routes that our cutover itself closes: laid, sealed, cut over, then walked."""
    with _laid(library, "base", routes(library.server.version, "denied")) as (stage, laid):
        sealed_with(stage, folder, estate.policy_path())
        stage.upgrade("fix7b", rehearsal="first")
        return {route.name: walked(stage, route) for route in laid}


def at_sealing(library: Library, folder: Path) -> Found:
    """The routes that are part of the estate, under one manifest that knows them."""
    with ExitStack() as stack:
        stage = stack.enter_context(copied(library, "base"))
        policy = _policy(folder)
        revisions.upgrade(stage.scene.dsn(OPERATOR), "fix7a", policy=str(policy))
        stack.enter_context(_lay(stage, routes(library.server.version, "sealed")))
        reseal(stage, folder, policy=policy)
        return _judged(stage)


def after_sealing(library: Library) -> Found:
    """The routes that are laid between sealing and cutover."""
    with _laid(library, "fix7a", routes(library.server.version, "late")) as (stage, _):
        return _judged(stage)


@contextmanager
def plainly(library: Library) -> Iterator[Stage]:
    """The estate after a plain cutover, with no route laid."""
    with copied(library, "base") as stage:
        _cut_plainly(stage)
        yield stage


def _cut_plainly(stage: Stage, *curated: str) -> None:
    with stage.connect() as connection:
        views = ("public.qt001_status", "public.qt001_source_register", *curated)
        plain_cutover(connection, APPLICATION, "qt001_cp_owner", views)


def _judged(stage: Stage) -> Found:
    found, before = Found(), photograph(stage)
    with stage.connect(OPERATOR) as operator:
        query = "SELECT sqlstate, object FROM qt001_cp.fix7b_findings(%s, false, true)"
        found.findings = [(r[0], r[1]) for r in operator.execute(query, [stage.digest])]
    with pytest.raises(Refused) as caught:
        stage.upgrade("fix7b", rehearsal="first")
    found.refusal = caught.value.sqlstate
    found.unchanged = photograph(stage) == before
    return found


def walked(stage: Stage, route: Route) -> Answer:
    answer = Answer()
    try:
        with stage.connect(APPLICATION) as application:
            if route.inside:
                with application.transaction(force_rollback=True):
                    _each(application, stage, route.attack)
                    answer.reached = _true(application, route.proof)
                return answer
            _each(application, stage, route.attack)
        _run(stage, route.victim)
        with stage.connect() as connection:
            answer.reached = route.fails is None and _true(connection, route.proof)
    except psycopg.Error as exc:
        answer.sqlstate, answer.said = exc.sqlstate, str(exc)
        answer.reached = route.fails is not None and exc.sqlstate == route.fails
    return answer


def _true(connection: psycopg.Connection, proof: str) -> bool:
    row = connection.execute(proof.encode()).fetchone()
    return row is not None and bool(row[0])


def _each(connection: psycopg.Connection, stage: Stage, statements: str) -> None:
    server = stage.scene.server
    places = {
        "{host}": server.host,
        "{port}": str(server.port),
        "{database}": stage.scene.database,
        "{superuser}": server.superuser,
    }
    for name, value in places.items():
        statements = statements.replace(name, value)
    for statement in filter(None, statements.strip().split(";\n")):
        connection.execute(statement.encode())


def _run(stage: Stage, statements: str) -> None:
    with stage.connect() as connection:
        _each(connection, stage, statements)


def _policy(folder: Path) -> Path:
    policy = edited_policy(folder, '[[rule]]\nkind = "database"', _RULES.lstrip() + '[[rule]]\nkind = "database"')
    text = policy.read_text("utf-8")
    views = "".join(f'[[curated_view]]\nidentity = "{view}"\nreason = "a route"\n\n' for view in CURATED)
    policy.write_text(text.replace("[[curated_view]]", views + "[[curated_view]]", 1), "utf-8")
    return policy


@contextmanager
def copied(library: Library, name: Literal["base", "fix7a"]) -> Iterator[Stage]:
    stage = library.copy(name)
    try:
        yield stage
    finally:
        drop_scene(stage.scene)


@contextmanager
def _laid(library: Library, name: Literal["base", "fix7a"], laid: list[Route]) -> Iterator[tuple[Stage, list[Route]]]:
    with copied(library, name) as stage, _lay(stage, laid):
        yield stage, laid


@contextmanager
def _lay(stage: Stage, laid: list[Route]) -> Iterator[None]:
    try:
        problems = []
        for route in laid:
            try:
                _run(stage, route.setup)
            except psycopg.Error as exc:
                problems.append(f"{route.name}: {exc}")
        assert not problems, problems
        yield
    finally:
        for route in laid:
            run(stage, route.undo) if route.undo else None
