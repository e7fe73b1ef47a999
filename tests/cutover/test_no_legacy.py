"""A policy without legacy authority goes the whole way there and back."""

from __future__ import annotations

import re
from pathlib import Path

from qt001_cp import estate
from tests.conftest import Stage
from tests.cutover.support import edited_policy, sealed_with


def test_a_policy_without_legacy_goes_there_and_back(at_base: Stage, tmp_path: Path) -> None:
    text = estate.policy_path().read_text("utf-8")
    blocks = re.search(r"(\[\[legacy\]\]\n.*?)(?=\[\[blocked\]\])", text, re.DOTALL)
    assert blocks is not None
    policy = edited_policy(tmp_path, blocks[1], "")
    policy.write_text(policy.read_text("utf-8").replace("\n[roles]", "\nlegacy = []\n\n[roles]", 1), "utf-8")
    before = at_base.scene.dump("--exclude-schema=qt001_cp")
    sealed_with(at_base, tmp_path / "bundle", policy)
    at_base.upgrade("fix7b", rehearsal="first")
    with at_base.connect() as connection:
        connection.execute("SELECT 1")
    at_base.upgrade("fix7c", rehearsal="first")
    at_base.downgrade("fix7a")
    assert at_base.scene.dump("--exclude-schema=qt001_cp") == before
