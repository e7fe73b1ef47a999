"""A manifest that its author has bent: nobody but the control plane's owner gains anything, and no statement is smuggled in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qt001_cp.model.canonical import canonical_bytes
from qt001_cp.rehearsal.scene import AUTHOR, OPERATOR
from tests.conftest import Stage
from tests.cutover.support import unchanged

Object = dict[str, Any]
SOURCE, STATUS = "public.qt001_source", "public.qt001_status"


def _grant(o: Object, grantee: str | None, privilege: str, grantable: bool = False) -> None:
    o["after"]["acl"].append(["qt001_cp_owner", grantee, privilege, grantable])
    o["ways"]["forward"]["post"].append(
        {
            "do": "grant",
            "grantor": "qt001_cp_owner",
            "grantee": grantee,
            "privileges": [privilege],
            "grantable": grantable,
            "column": None,
            "set_role": False,
        }
    )


def _owner(o: Object) -> None:
    before = o["before"]
    o.update(json.loads(json.dumps(o).replace('"qt001_cp_owner"', '"qt001_author"')))
    o["before"] = before


def _stays(o: Object) -> None:
    o["after"], o["ways"]["forward"]["owner"] = o["before"], None


def _curated(o: Object) -> None:
    o["curated"] = True
    _grant(o, "directus", "SELECT")


def _column(o: Object) -> None:
    o["after"]["columns"].append({"column": "title", "acl": [["qt001_cp_owner", "intern", "UPDATE", False]]})


def _retired(o: Object) -> None:
    o["retired"] = {**o["after"], "acl": [["qt001_cp_owner", "qt001_author", "SELECT", False]]}


def _smuggled(o: Object) -> None:
    o["ways"]["forward"]["post"][0]["privileges"] = [
        "SELECT ON TABLE public.qt001_status TO directus; ALTER ROLE qt001_author SUPERUSER; GRANT SELECT"
    ]


BENT: dict[str, tuple[str, Callable[[Object], None], str, str]] = {
    "another owner": (SOURCE, _owner, "QT103", "found owner qt001_author"),
    "the old owner": (SOURCE, _stays, "QT103", "found owner directus"),
    "a privilege for the author": (SOURCE, lambda o: _grant(o, "qt001_author", "DELETE"), "QT103", "DELETE for qt001_author"),
    "a privilege of the old owner": (SOURCE, lambda o: _grant(o, "directus", "DELETE"), "QT103", "DELETE for directus"),
    "a privilege for PUBLIC": (SOURCE, lambda o: _grant(o, None, "SELECT"), "QT103", "SELECT for PUBLIC"),
    "a grant option": (STATUS, lambda o: _grant(o, "directus", "SELECT", True), "QT103", "SELECT for directus WITH GRANT OPTION"),
    "more on a curated view": (STATUS, lambda o: _grant(o, "directus", "UPDATE"), "QT103", "UPDATE for directus"),
    "a curated view that the policy does not name": (SOURCE, _curated, "QT103", "SELECT for directus"),
    "a column": (SOURCE, _column, "QT103", "UPDATE (title) for intern"),
    "the legacy authority": ("public.qt001_readiness", _retired, "QT103", "SELECT for qt001_author"),
    "a statement in a privilege": (STATUS, _smuggled, "QT202", "expected a privilege"),
}  # fmt: skip


@pytest.mark.parametrize("way", BENT)
def test_a_manifest_that_gives_more_than_its_policy_is_not_sealed(at_fix7a_sealed: Stage, way: str) -> None:
    identity, bend, sqlstate, said = BENT[way]
    doc = json.loads(Path(at_fix7a_sealed.manifest_path).read_bytes())
    bend(next(o for o in doc["objects"] if o["identity"] == identity))
    body = canonical_bytes(doc)
    with at_fix7a_sealed.connect(AUTHOR) as author:
        author.execute("SELECT qt001_cp.propose_manifest(%s)", [body])
    with (
        at_fix7a_sealed.connect(OPERATOR) as operator,
        unchanged(at_fix7a_sealed),
        pytest.raises(psycopg.Error) as caught,
    ):
        operator.execute("SELECT qt001_cp.seal_manifest(%s)", [hashlib.sha256(body).hexdigest()])
    assert caught.value.sqlstate == sqlstate, str(caught.value)
    assert said in str(caught.value.diag.message_primary), str(caught.value)


def test_it_is_looked_at_again_before_the_cutover(at_fix7a_sealed: Stage) -> None:
    """A manifest that was sealed all the same, by somebody who wrote into the ledger past its routines."""
    doc = json.loads(Path(at_fix7a_sealed.manifest_path).read_bytes())
    _owner(next(o for o in doc["objects"] if o["identity"] == SOURCE))
    body = canonical_bytes(doc)
    digest = hashlib.sha256(body).hexdigest()
    with at_fix7a_sealed.connect() as superuser:
        superuser.execute("SET ROLE qt001_cp_ledger")
        superuser.execute("SELECT qt001_cp.record_document(%s)", [body])
        superuser.execute("SELECT qt001_cp.record_event('sealed', %s, '{}')", [digest])
    with at_fix7a_sealed.connect(OPERATOR) as operator:
        found = operator.execute(
            "SELECT precondition, sqlstate, object FROM qt001_cp.fix7b_findings(%s)", [digest]
        ).fetchall()
    assert (3, "QT103", f"table {SOURCE}") in found, found
