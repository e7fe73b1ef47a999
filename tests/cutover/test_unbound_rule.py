"""The rules of the sealed policy go on deciding: one that retains whatever appears is refused when it is generated, and when sealed."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt001_cp.errors import PolicyError, Refused
from qt001_cp.model.policy import Rule
from tests.conftest import Stage
from tests.cutover.support import edited_policy, sealed_with

HEAD = '[[curated_view]]\nidentity = "public.qt001_status"'
UNBOUND = ("", 'kind = "table"\n', 'schema = "*"\nname = "**"\n', 'kind = ["large object", "function"]\nname = "?*"\n')
BOUND = (
    'kind = "large object"\n',
    'schema = "cms"\n',
    'kind = ["table", "sequence"]\nschema = "cms"\nname = "*"\n',
    'name = "cms_*"\n',
    'kind = "table"\nidentity = "cms.post"\n',
    'kind = ["extension", "event trigger"]\nname = "*"\n',
)


def _with(matches: str, tmp_path: Path) -> Path:
    rule = f'[[rule]]\n{matches}disposition = "retain"\nreason = "the rest"\n\n'
    return edited_policy(tmp_path, HEAD, rule + HEAD)


@pytest.mark.parametrize("matches", UNBOUND)
def test_it_is_refused_when_it_is_generated(at_base: Stage, tmp_path: Path, matches: str) -> None:
    with pytest.raises(PolicyError, match="retains whatever appears"):
        sealed_with(at_base, tmp_path, _with(matches, tmp_path))


@pytest.mark.parametrize("matches", UNBOUND)
def test_it_is_refused_when_it_is_sealed(
    at_base: Stage, tmp_path: Path, matches: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the database, whoever made the manifest."""
    monkeypatch.setattr(Rule, "unbound", property(lambda _: False))
    with pytest.raises(Refused) as caught:
        sealed_with(at_base, tmp_path, _with(matches, tmp_path))
    assert caught.value.sqlstate == "QT206"
    assert "bound to a schema" in str(caught.value)


def test_what_is_bound_is_sealed(at_base: Stage, tmp_path: Path) -> None:
    rules = "".join(f'[[rule]]\n{m}disposition = "retain"\nreason = "theirs"\n\n' for m in BOUND)
    sealed_with(at_base, tmp_path, edited_policy(tmp_path, HEAD, rules + HEAD))
