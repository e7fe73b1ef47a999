"""``alembic … --sql > FILE``: the file holds the whole script, in UTF-8, or nothing; what went wrong goes to standard error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.workflow.revisions import project_folder, upgrade_sql
from tests.conftest import Stage

WRONG = {
    "an argument nobody reads": ["-x", "manifst=object.json", "upgrade", "fix7a:fix7b"],
    "no argument": ["upgrade", "fix7a:fix7b"],
    "a file that is not there": ["-x", "manifest=nowhere.json", "upgrade", "fix7a:fix7b"],
    "a file that is none of ours": ["-x", "manifest=wrong.json", "upgrade", "fix7a:fix7b"],
    "a policy that is none": ["-x", "policy=wrong.json", "upgrade", "base:fix7a"],
    "a limit that is none": ["-x", "manifest=object.json", "-x", "lock_timeout=soon", "upgrade", "fix7a:fix7b"],
    "the second of two stages": ["-x", "manifest=object.json", "-x", "documents=empty", "upgrade", "fix7a:fix7c"],
    "the way back": ["-x", "manifest=wrong.json", "downgrade", "fix7b:fix7a"],
}


def _alembic(folder: Path, *words: str, **env: str) -> tuple[int, bytes, str]:
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "QT001", "LC_", "LANG"))}
    with (folder / "out.sql").open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "alembic", "-c", str(project_folder() / "alembic.ini"), *words, "--sql"], cwd=folder, check=False,
            env={**keep, "PYTHONPATH": str(project_folder()), **env}, stdout=out, stderr=subprocess.PIPE,
        )  # fmt: skip
    return done.returncode, (folder / "out.sql").read_bytes(), done.stderr.decode("utf-8", "replace")


@pytest.mark.parametrize("how", WRONG)
def test_an_error_is_no_part_of_the_script(how: str, at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    shutil.copy(at_fix7a_sealed.manifest_path, tmp_path / "object.json")
    (tmp_path / "wrong.json").write_text('{"schema":"x"}')
    (tmp_path / "empty").mkdir()
    code, printed, said = _alembic(tmp_path, *WRONG[how])
    assert (code, printed) == (255, b"")
    assert "FAILED: " in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "latin-1"}], ids=str
)
def test_the_script_is_utf_8_in_every_locale(locale: dict[str, str], tmp_path: Path) -> None:
    policy = str(estate.policy_path())
    code, printed, said = _alembic(tmp_path, "-x", f"policy={policy}", "upgrade", "base:fix7a", **locale)
    assert code == 0, said
    assert printed.decode() == upgrade_sql("base", "fix7a", policy=policy)
    assert not printed.isascii()
