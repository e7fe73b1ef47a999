"""Constructor functions of a range type that were given to the application: objects of the estate, by name and schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from qt001_cp.errors import Refused
from qt001_cp.model.names import Role
from qt001_cp.plan.candidate.suggest import Wishes
from qt001_cp.workflow.candidate import candidate_policy
from tests.conftest import Stage
from tests.cutover.support import sealed_with
from tests.kinds.conftest import policy_with, rule

MADE = """
CREATE SCHEMA spans AUTHORIZATION directus;
SET ROLE directus;
CREATE TYPE spans.span AS RANGE (subtype = int8);
RESET ROLE;
ALTER FUNCTION spans.span(int8, int8) OWNER TO directus;
ALTER FUNCTION spans.span(int8, int8, text) OWNER TO directus;
"""
MENDED = """
ALTER FUNCTION spans.span(int8, int8) OWNER TO postgres;
ALTER FUNCTION spans.span(int8, int8, text) OWNER TO postgres;
"""


def _seal(stage: Stage, folder: Path) -> None:
    """Under a policy that transfers schema spans with all that is in it."""
    rules = (
        rule("schema", 'name = "spans"', "transfer", "USAGE")
        + '[[rule]]\nschema = "spans"\ndisposition = "transfer"\nreason = "spans"\n'
    )
    sealed_with(stage, folder, policy_with(folder, rules))
    stage.folder = folder


def test_they_are_objects_of_the_estate(at_base: Stage, tmp_path: Path) -> None:
    at_base.scene.server.psql(MADE, dbname=at_base.scene.database)
    with at_base.connect() as connection:
        drafted = candidate_policy(connection, Role("directus"), Wishes({"*.*": ()}))
    listed = {key[1] for key in drafted.suggested.suggestions if key[0] == "function" and key[1].startswith("spans.")}
    assert listed == {"spans.span(bigint,bigint)", "spans.span(bigint,bigint,pg_catalog.text)"}
    _seal(at_base, tmp_path)
    with pytest.raises(Refused) as caught:
        at_base.upgrade("fix7b", rehearsal="first")
    assert caught.value.sqlstate == "QT108"
    assert "function spans.span(bigint,bigint)" in str(caught.value)
    assert "Give it to the administrator (ALTER … OWNER TO)" in str(caught.value)


def test_given_back_to_the_administrator_they_follow_their_type(at_base: Stage, tmp_path: Path) -> None:
    """What the hint says: then CREATE TYPE's own functions are a part of the type again."""
    at_base.scene.server.psql(MADE + MENDED, dbname=at_base.scene.database)
    _seal(at_base, tmp_path)
    before = at_base.scene.dump_without_ledger()
    at_base.upgrade("fix7b", rehearsal="first")
    at_base.downgrade("fix7a")
    assert at_base.scene.dump_without_ledger() == before
