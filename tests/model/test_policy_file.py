"""A policy file that is no policy: the error names the file, and a person can mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt001_cp import estate
from qt001_cp.errors import FileProblem, PolicyError
from qt001_cp.policy_file import load_policy, new_sources

GOOD = estate.policy_path().read_text("utf-8")
BAD = {
    "not TOML": ("[roles", "not TOML"),
    "a key twice": ("name = 'a'\nname = 'b'\n", "not TOML"),
    "empty": ("", "is a required property"),
    "an unknown kind in a list": (GOOD.replace('kind = ["table", "sequence"]', 'kind = ["table", "sequins"]', 1), "'sequins'"),
    "an unknown key in a rule": (GOOD.replace('reason = "QT001\'s own schema"', 'reason = "x"\nwhy = "y"', 1), "'why' was unexpected"),
    "an unknown table": (GOOD + '\n[gates]\nall = "open"\n', "'gates' was unexpected"),
    "a reason that is empty": (GOOD.replace('reason = "hard-coded verdict"', 'reason = ""', 1), "legacy 1.reason"),
    "a number for a name": (GOOD.replace('name = "restore_drill"', "name = 7", 1), "capability 1.name"),
    "blocked names another part": (GOOD.replace('what = "readiness"', 'what = "gateway"', 1), "blocked 2.what"),
    "a producer that is no list": (GOOD.replace('producers = ["pgbackrest", "qt001-test-authority"]', 'producers = "pgbackrest"', 1),
                                   "capability 1.producers"),
    "the application is a duty": (GOOD.replace('application = "directus"', 'application = "qt001_cp_auditor"', 1), "qt001_cp_auditor"),
    "a name too long for PostgreSQL": (GOOD.replace('application = "directus"', f'application = "{"x" * 64}"', 1), "roles.application"),
    "seconds with a fraction": (GOOD.replace("max_age_seconds = 900\n", "max_age_seconds = 900.0\n", 1), "verifier.max_age_seconds"),
    "keep for somebody else": (GOOD.replace('grantee = "public"', 'grantee = "reporting"', 1), "rule 1.keep 1.grantee"),
}  # fmt: skip  # one case a line


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_told_by_its_key(name: str, tmp_path: Path) -> None:
    text, says = BAD[name]
    assert text != GOOD
    path = tmp_path / "policy.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(PolicyError, match=says) as told:
        load_policy(path)
    assert str(path) in told.value.message
    assert told.value.hint
    assert told.value.exit_code == 2


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(PolicyError, match="not TOML"):
        load_policy(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"nothing\.toml: cannot be read"):
        load_policy(tmp_path / "nothing.toml")


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(GOOD, "utf-8")
    with pytest.raises(FileProblem, match=r"gateway\.sql: cannot be read"):
        new_sources(load_policy(path), path)
