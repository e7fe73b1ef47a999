"""From a change in the estate to a sealed manifest and a go, by the command line alone, each step by its duty."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from qt001_cp.cli import main
from qt001_cp.model.canonical import digest
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR
from tests.conftest import Stage


def test_generate_diff_show_seal_verify(
    at_fix7a_sealed: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = at_fix7a_sealed
    old, new = stage.manifest_path, str(tmp_path / "object.json")
    author, operator = ["--database", stage.scene.dsn(AUTHOR)], ["--database", stage.scene.dsn(OPERATOR)]
    with stage.connect("directus") as application:
        application.execute("GRANT SELECT ON public.newsletter TO intern")

    assert main(["manifest", "generate", "--out", str(tmp_path), *author]) == 0
    made = digest(Path(new).read_bytes())
    assert f"{made}  object.json" in capsys.readouterr().out
    assert main(["manifest", "diff", old, new]) == 3
    assert capsys.readouterr().out == "+ table public.newsletter before: SELECT for intern from directus\n"
    assert main(["manifest", "show", new]) == 0
    shown = capsys.readouterr().out
    assert made in shown
    assert "directus → qt001_cp_owner" in shown

    assert main(["manifest", "verify", new, *author]) == 3
    assert "unknown in the database" in capsys.readouterr().out
    assert main(["manifest", "seal", new, *operator]) == 3
    assert "[QT101]" in capsys.readouterr().err
    assert main(["manifest", "generate", "--out", str(tmp_path), "--propose", *author]) == 0
    assert main(["manifest", "verify", new, *author]) == 3
    assert "candidate in the database" in capsys.readouterr().out
    assert main(["manifest", "seal", new, *operator]) == 3
    said = capsys.readouterr().err
    assert "[QT210]" in said
    (typed,) = re.findall(r"qt001-cp (manifest withdraw .*) -- ", said)
    assert stage.digest in typed
    assert main([*shlex.split(typed), *author]) == 3
    assert "[42501]" in capsys.readouterr().err
    assert main([*shlex.split(typed), *operator]) == 0
    assert main(["manifest", "seal", new, *operator]) == 0
    assert made in capsys.readouterr().out
    assert main(["manifest", "verify", new, *author]) == 0
    assert main(["manifest", "verify", old, *author]) == 3
    assert "withdrawn in the database" in capsys.readouterr().out
    assert main(["manifest", "seal", new, *operator]) == 3
    assert "[QT204]" in capsys.readouterr().err


def test_verify_works_without_a_database(at_fix7a_sealed: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manifest", "verify", at_fix7a_sealed.manifest_path]) == 0
    assert capsys.readouterr().out.startswith(f"{at_fix7a_sealed.digest}  ")


def test_the_record_of_a_rehearsal_lets_the_cutover_go(
    at_fix7a_sealed: Stage, nogo_record: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = at_fix7a_sealed
    preflight = ["preflight", stage.manifest_path, "--database", stage.scene.dsn(OPERATOR)]
    assert main(preflight) == 3
    said = capsys.readouterr().out
    assert "✗ 5" in said
    assert "no go: 1 finding(s)" in said
    record = tmp_path / "nogo.json"
    record.write_bytes(nogo_record)
    assert main(["evidence", "import", "--rehearsal", str(record), "--database", stage.scene.dsn(AUTHOR)]) == 3
    assert "[42501]" in capsys.readouterr().err
    assert main(["evidence", "import", "--rehearsal", str(record), "--database", stage.scene.dsn(OPERATOR)]) == 0
    assert main(preflight) == 0
    assert capsys.readouterr().out.endswith("go\n")


def test_a_record_that_was_edited_does_not(
    at_fix7a_sealed: Stage, nogo_record: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "nogo.json"
    record.write_text(json.dumps(json.loads(nogo_record), indent=1))
    assert (
        main(["evidence", "import", "--rehearsal", str(record), "--database", at_fix7a_sealed.scene.dsn(OPERATOR)]) == 1
    )
    assert "canonical" in capsys.readouterr().err
