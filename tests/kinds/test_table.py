"""The table of kinds against the server's own catalogs, and the page made from it."""

from __future__ import annotations

from pathlib import Path

from qt001_cp.model.kinds import CATALOGS
from tests.conftest import Stage
from tests.kinds.page import page

ROOT = Path(__file__).parents[2]
NO_OBJECT = {
    "pg_auth_members": "memberships: preconditions 7 and 8",
    "pg_db_role_setting": "settings: a part of the database, and precondition 8",
    "pg_policy": "the roles of a policy: a part of its table",
    "pg_user_mapping": "listed through the view that shows no passwords",
    "pg_init_privs": "what initdb and extensions granted: precondition 8",
    "pg_parameter_acl": "privileges on parameters of the server: precondition 8",
    "pg_attribute": "ACLs of columns: a part of the relation",
}


def test_every_catalog_with_an_owner_or_an_acl_is_known(at_base: Stage) -> None:
    """pg_get_catalog_foreign_keys() is the server's word of what refers to a role; aclitem[] of what has an ACL."""
    with at_base.connect() as connection:
        found = {
            row[0]
            for row in connection.execute(
                "SELECT k.fktable::regclass::text FROM pg_get_catalog_foreign_keys() k WHERE k.pktable = 'pg_authid'::regclass"
                " UNION SELECT a.attrelid::regclass::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
                " WHERE a.atttypid = 'aclitem[]'::regtype AND c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r'"
            )
        }
    known = {c.table for c in CATALOGS}
    assert found - known <= set(NO_OBJECT), found - known - set(NO_OBJECT)
    assert found >= {t for t in known if t != "pg_user_mappings"}


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "kinds.md").read_text("utf-8") == page()
