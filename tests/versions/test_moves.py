"""Every move to a later major version, for real: what docs/versions.md says of it is what happened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qt001_cp.cli import main
from qt001_cp.errors import EXIT_FINDINGS, EXIT_OK
from qt001_cp.rehearsal.scene import OPERATOR, SCANNER, VERIFIER, Scene
from qt001_cp.servers import ServerError
from qt001_cp.servers.pinned import MAJORS
from tests.versions.moves import DUMP, PAGE, PAIRS, UPGRADE, UPGRADES, Home, Move, by_upgrade, measured, moves, old_home

CALLS = (
    ("status", OPERATOR, EXIT_FINDINGS),
    ("verify", VERIFIER, EXIT_FINDINGS),
    ("scan", SCANNER, EXIT_OK),
    ("drift", OPERATOR, EXIT_FINDINGS),
)
AGAIN = "python -m tests.versions.moves, and read what has changed"


def _as_told(move: Move) -> None:
    assert move.row() in PAGE.read_text("utf-8").splitlines(), f"{move.row()}\n{AGAIN}"
    assert move.back == "all of it"
    assert [fault for fault in move.faults if fault.startswith("owners and ACLs")] == []


@pytest.mark.slow
@pytest.mark.parametrize("old", MAJORS[:-1])
def test_by_a_dump(old: int) -> None:
    try:
        for move in moves(DUMP, old, [new for o, new in PAIRS if o == old]):
            _as_told(move)
    except ServerError as exc:
        pytest.skip(exc.message)


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Scene]]:
    ((old, new),) = UPGRADES
    try:
        with old_home(old, tmp_path_factory.mktemp("home")) as (made, there), by_upgrade(made, there, new) as scene:
            yield made, scene
    except ServerError as exc:
        pytest.skip(exc.message)


@pytest.mark.slow
def test_by_pg_upgrade(upgraded: tuple[Home, Scene], capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever looks is told the one cause, in words; and everything goes back from there."""
    made, scene = upgraded

    def everybody_looks() -> None:
        for verb, login, code in CALLS:
            assert main([verb, "--database", scene.dsn(login)]) == code, verb
            said = " ".join(capsys.readouterr().out.split())
            assert ("PostgreSQL 15" in said and "PostgreSQL 18" in said) == (code == EXIT_FINDINGS), said
        assert main(["inventory", "--database", scene.dsn(OPERATOR), "--format", "json"]) == EXIT_OK
        capsys.readouterr()

    _as_told(measured(UPGRADE, made, scene, everybody_looks))
