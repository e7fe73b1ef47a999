"""An extension of the application below a protected column: the way that its hint tells keeps the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.workflow.preflight import read_preflight
from tests.conftest import Stage
from tests.cutover.support import edited_policy, reseal, sealed_with

BELOW = (
    "SET ROLE directus",
    "CREATE EXTENSION citext",
    "ALTER TABLE public.qt001_setting ADD COLUMN word citext",
    "CREATE INDEX setting_word ON public.qt001_setting (word) WHERE word <> 'x'",
    "UPDATE public.qt001_setting SET word = 'Word ' || key",
    "RESET ROLE",
)
RULE = '[[rule]]\nkind = "extension"\ndisposition = "retain"\nreason = "x"\n\n[[rule]]\nkind = "database"'
ROWS = "SELECT string_agg(concat_ws(' ', key, word), ',' ORDER BY key), count(*) FROM public.qt001_setting"


def _findings(stage: Stage) -> list[str]:
    with stage.connect(OPERATOR) as operator:
        found = read_preflight(operator, stage.manifest).findings
    return [str(f["mend"]) for f in found if "extension citext" in f"{f['object']} {f['found']}"]


def test_what_is_created_anew_keeps_its_rows(at_base: Stage, tmp_path: Path) -> None:
    with at_base.connect() as admin:
        if not admin.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'").fetchone():
            pytest.skip("this server has no citext")
        for statement in BELOW:
            admin.execute(statement.encode())
        before = admin.execute(ROWS).fetchone()
    sealed_with(at_base, tmp_path / "bundle", edited_policy(tmp_path, '[[rule]]\nkind = "database"', RULE))
    assert any("columns of its types as text meanwhile" in mend for mend in _findings(at_base)), _findings(at_base)
    with at_base.connect() as admin, admin.transaction():
        (index,) = admin.execute("SELECT pg_get_indexdef('public.setting_word'::regclass)").fetchone() or ("",)
        for statement in (
            "DROP INDEX public.setting_word",
            "ALTER TABLE public.qt001_setting ALTER COLUMN word TYPE text",
            "DROP EXTENSION citext CASCADE",
            "CREATE EXTENSION citext SCHEMA public",
            "ALTER TABLE public.qt001_setting ALTER COLUMN word TYPE public.citext",
            index,
        ):
            admin.execute(statement.encode())
    with at_base.connect() as admin:
        assert admin.execute(ROWS).fetchone() == before
        assert admin.execute("SELECT pg_get_indexdef('public.setting_word'::regclass)").fetchone() == (index,)
    reseal(at_base, tmp_path / "again", policy=tmp_path / "policy.toml")
    assert _findings(at_base) == []
