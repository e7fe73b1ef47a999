"""The reference estate at base; roles that a test makes go with it: they belong to the cluster, which the next test uses too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Stage


@pytest.fixture
def at_base(at_base: Stage) -> Iterator[Stage]:
    yield at_base
    with at_base.connect() as admin:
        for (role,) in admin.execute(
            "SELECT quote_ident(rolname) FROM pg_roles WHERE rolname ~ '^behaves_'"
        ).fetchall():
            admin.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())
