"""Without a database a verb brings its own: an embedded server with the reference estate."""

from __future__ import annotations

import json

import pytest

from qt001_cp.cli import main


def test_inventory_of_the_reference_estate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT001_DATABASE_URL", "QT001_TEST_SERVER", "QT001_TEST_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert main(["inventory", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert "an embedded server with the reference estate" in said.err
    document = json.loads(said.out)
    assert document["application"] == "directus"
    assert document["unclassified"] == []
    assert len(document["objects"]) >= 150


def test_the_environment_names_the_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QT001_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/from_the_environment")
    assert main(["inventory"]) == 1
    assert "could not be reached" in capsys.readouterr().err
