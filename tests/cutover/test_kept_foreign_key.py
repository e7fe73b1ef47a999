"""A foreign key across the border that the policy keeps: it stays, with what it lets the application do; any other one is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import OPERATOR, SCANNER, VERIFIER, drop_scene, new_scene
from qt001_cp.servers import Server
from qt001_cp.workflow import revisions
from tests.conftest import Stage
from tests.cutover.support import reseal, run

SHOP = "shop"
_ESTATE = """
SET SESSION AUTHORIZATION shop;
CREATE TABLE public.ticket (id int PRIMARY KEY);
CREATE TABLE public.ticket_log (id serial PRIMARY KEY, what text, ticket int CONSTRAINT of_ticket REFERENCES public.ticket ON DELETE SET NULL);
CREATE TABLE public.notice (log int CONSTRAINT of_log REFERENCES public.ticket_log ON DELETE CASCADE);
INSERT INTO public.ticket VALUES (1), (2);
INSERT INTO public.ticket_log (what, ticket) VALUES ('opened', 1), ('opened', 2);
RESET SESSION AUTHORIZATION;
"""
WISHES = ("--append-only", "public.ticket_log")
KEEP = (
    "--keep-foreign-key",
    "public.ticket_log.of_ticket",
    "--keep-foreign-key",
    "public.notice.of_log",
)


@pytest.fixture(scope="module")
def stage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    scene = new_scene(server, "shop_case", reference=estate.LOG)
    with scene.connect() as admin:
        admin.execute(_ESTATE)
    stage = Stage(scene, tmp_path_factory.mktemp("kept"))
    init = ["policy", "init", "--database", scene.dsn(OPERATOR), "--application", SHOP]
    assert main([*init, *WISHES, "--out", str(stage.folder / "without.toml")]) == 3
    assert main([*init, *WISHES, *KEEP, "--out", str(stage.folder / "policy.toml")]) == 0
    revisions.upgrade(scene.dsn(OPERATOR), "fix7a", policy=str(stage.folder / "policy.toml"))
    reseal(stage, stage.folder, policy=stage.folder / "policy.toml")
    yield stage
    drop_scene(scene)


def _findings(stage: Stage) -> list[tuple[str, str]]:
    with stage.connect() as connection:
        return connection.execute("SELECT object, found FROM qt001_cp.reach_findings(%s)", [stage.digest]).fetchall()


def _scanned(stage: Stage) -> list[str]:
    """What the paired scanner finds, by code of its own."""
    with stage.connect(VERIFIER) as connection:
        connection.execute("SELECT qt001_cp.verify()")
    with stage.connect(SCANNER) as connection:
        row = connection.execute("SELECT qt001_cp.scan()").fetchone()
    assert row is not None
    return [str(f) for f in row[0]]


def test_what_it_lets_the_application_do_is_told(
    stage: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    init = ["policy", "init", "--database", stage.scene.dsn(OPERATOR), "--application", SHOP, *WISHES, *KEEP]
    assert main([*init, "--out", str(tmp_path / "policy.toml")]) == 0
    said = capsys.readouterr().out
    of_ticket = "foreign key of_ticket of public.ticket_log to public.ticket is kept: DELETE of a row does SET NULL to public.ticket_log"
    assert of_ticket in said
    assert (
        "foreign key of_log of public.notice to public.ticket_log is kept: DELETE of a row does CASCADE to public.notice"
        in said
    )
    assert 'on_delete = "SET NULL"' in (tmp_path / "policy.toml").read_text()


def test_without_the_word_it_is_refused_with_the_choices(
    stage: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    init = ["policy", "init", "--database", stage.scene.dsn(OPERATOR), "--application", SHOP, *WISHES]
    assert main([*init, *KEEP[:2], "--out", str(tmp_path / "policy.toml")]) == 3
    said = capsys.readouterr().out
    assert "[QT108] table public.ticket_log → constraint of_log → table public.notice" in said
    assert "constraint of_ticket →" not in said
    assert "keep it, if that may be: --keep-foreign-key 'public.notice.of_log'" in said


def test_a_pattern_that_names_no_foreign_key_is_an_error(
    stage: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    init = ["policy", "init", "--database", stage.scene.dsn(OPERATOR), "--application", SHOP, *WISHES]
    assert (
        main([*init, "--keep-foreign-key", "public.ticket_log.of_tickt", "--out", str(tmp_path / "policy.toml")]) == 2
    )
    assert "public.ticket_log.of_ticket" in capsys.readouterr().err
    assert not (tmp_path / "policy.toml").exists()


@pytest.mark.parametrize(
    ("change", "back", "found"),
    [
        (
            "ALTER TABLE public.notice DROP CONSTRAINT of_log, ADD CONSTRAINT of_log FOREIGN KEY (log) REFERENCES public.ticket_log ON DELETE SET NULL;\n",
            "ALTER TABLE public.notice DROP CONSTRAINT of_log, ADD CONSTRAINT of_log FOREIGN KEY (log) REFERENCES public.ticket_log ON DELETE CASCADE;\n",
            "another action",
        ),
        (
            "CREATE TABLE public.notice2 (log int CONSTRAINT of_log REFERENCES public.ticket_log ON DELETE CASCADE);\n",
            "DROP TABLE public.notice2;\n",
            "another table",
        ),
        (
            "ALTER TABLE public.notice ADD CONSTRAINT of_log2 FOREIGN KEY (log) REFERENCES public.ticket_log ON DELETE CASCADE;\n",
            "ALTER TABLE public.notice DROP CONSTRAINT of_log2;\n",
            "another name",
        ),
        (
            "ALTER TABLE public.ticket_log DROP CONSTRAINT of_ticket, ADD CONSTRAINT of_ticket FOREIGN KEY (ticket) REFERENCES public.ticket;\n",
            "ALTER TABLE public.ticket_log DROP CONSTRAINT of_ticket, ADD CONSTRAINT of_ticket FOREIGN KEY (ticket) REFERENCES public.ticket ON DELETE SET NULL;\n",
            "no action",
        ),
    ],
)
def test_only_what_the_policy_says_is_kept(stage: Stage, change: str, back: str, found: str) -> None:
    assert _findings(stage) == []
    run(stage, change, SHOP)
    try:
        assert _findings(stage), found
    finally:
        run(stage, back, SHOP)
    assert _findings(stage) == []


def test_there_with_the_audit_and_back(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    before = stage.scene.dump("--exclude-schema", "qt001_cp")
    stage.upgrade("fix7b", rehearsal="first")
    stage.upgrade("fix7c")
    assert _scanned(stage) == []
    audit = ["audit", "--database", stage.scene.dsn("postgres"), "--manifest", stage.manifest_path]
    main(audit)
    assert "it depends on" not in capsys.readouterr().out
    with stage.connect(SHOP) as shop:
        shop.execute("INSERT INTO public.ticket_log (what, ticket) VALUES ('closed', 1)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shop.execute("DELETE FROM public.ticket_log")
        # As it was told.
        shop.execute("DELETE FROM public.ticket WHERE id = 2")
        assert shop.execute("SELECT ticket FROM public.ticket_log ORDER BY id").fetchall() == [(1,), (None,), (1,)]
        # The next migration.
        shop.execute("CREATE TABLE public.invoice (id serial PRIMARY KEY, ticket int REFERENCES public.ticket)")
        shop.execute("DROP TABLE public.invoice")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shop.execute("CREATE TABLE public.notice3 (log int REFERENCES public.ticket_log)")
    run(stage, "ALTER TABLE public.notice DROP CONSTRAINT of_log;\n", SHOP)
    assert _findings(stage) == [], "what is gone harms nobody"
    run(stage, "ALTER TABLE public.notice ADD CONSTRAINT of_log FOREIGN KEY (log) REFERENCES public.ticket_log;\n")
    assert _findings(stage) != []
    assert "public.notice" in str(_scanned(stage))
    main(audit)
    assert "table public.notice: it depends on table public.ticket_log, which is transferred" in capsys.readouterr().out
    run(
        stage,
        "ALTER TABLE public.notice DROP CONSTRAINT of_log, ADD CONSTRAINT of_log FOREIGN KEY (log) REFERENCES public.ticket_log ON DELETE CASCADE;\n",
    )
    assert _scanned(stage) == []
    stage.downgrade("fix7b")
    stage.downgrade("fix7a")
    run(
        stage,
        "INSERT INTO public.ticket VALUES (2);\nDELETE FROM public.ticket_log WHERE what = 'closed';\nUPDATE public.ticket_log SET ticket = 2 WHERE ticket IS NULL;\nSELECT setval('public.ticket_log_id_seq', 2);\n",
    )
    assert sorted(stage.scene.dump("--exclude-schema", "qt001_cp").splitlines()) == sorted(before.splitlines())
