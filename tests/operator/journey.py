"""One database on its way there and back, each stage run by an operator who is no superuser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg
import pytest

from qt001_cp import estate
from qt001_cp.errors import Qt001Error
from qt001_cp.rehearsal.scene import AUTHOR, Scene
from qt001_cp.rehearsal.state import data_digest
from qt001_cp.servers import ServerError
from qt001_cp.workflow import revisions
from qt001_cp.workflow.bundle import OBJECT, make_bundle
from qt001_cp.workflow.revisions import project_folder
from qt001_cp.workflow.seal import propose, seal
from tests.conftest import exported
from tests.operator.support import LOGIN

How = Literal["online", "psql"]
ADMIN = "qt001_plain_admin"


@dataclass
class Way:
    """One database, and the stages as the operator runs them. What is typed has the default names, which the scene's pair replaces."""

    scene: Scene
    folder: Path
    how: How
    policy: Path = field(default_factory=estate.policy_path)

    def upgrade(self, start: str, end: str, **x: str) -> None:
        self._run(revisions.upgrade, revisions.upgrade_sql, start, end, x)

    def downgrade(self, start: str, end: str, **x: str) -> None:
        self._run(revisions.downgrade, revisions.downgrade_sql, start, end, x)

    def _run(
        self, online: Callable[..., str], printed: Callable[..., str], start: str, end: str, x: dict[str, str]
    ) -> None:
        if self.how == "online":
            online(self.scene.dsn(LOGIN), end, **x)
        else:
            self.scene.psql(printed(start, end, **x), user=LOGIN)

    def seen(self) -> tuple[str, str, str]:
        """Everything: database, roles and memberships, rows."""
        with self.scene.connect() as connection:
            data = data_digest(connection, without="qt001_cp")
        return self.scene.dump_without_ledger("--create"), self.scene.server.dump_roles(), data

    def seal(self) -> None:
        with self.scene.connect(AUTHOR) as author, self.scene.connect(LOGIN) as operator:
            bundle = make_bundle(author, self.policy)
            bundle.write(self.folder)
            propose(author, bundle.manifest)
            seal(operator, bundle.manifest)

    def run(self, admin: Callable[[str], None] | None, text: str) -> None:
        text = self.scene.pair.named(text)
        if admin is not None:
            admin(text)
        else:
            self.scene.psql(text, user=self.scene.server.superuser)

    @contextmanager
    def lent(self, admin: Callable[[str], None] | None) -> Iterator[None]:
        """The ledger role is lent to the operator's login, by the administrator's hand, and taken back."""
        options = " WITH INHERIT TRUE, SET TRUE" if self.scene.server.version >= 160000 else ""
        self.run(admin, f"GRANT qt001_cp_ledger TO {LOGIN}{options};")
        yield
        self.run(admin, f"REVOKE qt001_cp_ledger FROM {LOGIN};")

    def scripts(self, name: str, *args: str) -> Callable[[str], None]:
        """Run a script as the administrator; returns what runs a text as the administrator."""
        text = (project_folder() / "scripts" / name).read_text("utf-8")
        self.scene.psql(text, *args, *self.scene.pair.psql.split(), user=ADMIN)

        def admin(text: str) -> None:
            self.scene.psql(self.scene.pair.named(text), user=ADMIN)

        return admin


def there_and_back(way: Way, admin: Callable[[str], None] | None) -> None:
    """``admin`` runs what an administrator does; None: a superuser."""
    base, ledger = way.seen(), way.scene.pair.ledger.name
    with pytest.raises((Qt001Error, ServerError), match=f"GRANT {ledger} TO {LOGIN}"):
        way.upgrade("base", "fix7a", policy=str(way.policy))
    with way.lent(admin):
        way.upgrade("base", "fix7a", policy=str(way.policy))
    way.seal()
    sealed = way.seen()
    x = {"manifest": str(way.folder / OBJECT)}
    # While it is lent, FIX7b refuses.
    with (
        way.lent(admin),
        pytest.raises((Qt001Error, ServerError), match=f"role {LOGIN}: expected no membership in {ledger}"),
    ):
        way.upgrade("fix7a", "fix7b", rehearsal="first", **x)
    way.upgrade("fix7a", "fix7b", rehearsal="first", **x)
    cut = way.seen()
    assert cut[2] == base[2]
    assert cut[0] != sealed[0]
    # While the operator's login is the application role too, FIX7c refuses.
    with (
        way.lent(admin),
        pytest.raises((Qt001Error, ServerError), match=f"role {LOGIN}: expected no membership in directus"),
    ):
        way.upgrade("fix7b", "fix7c", **x)
    way.run(admin, f"REVOKE directus FROM {LOGIN};")
    without = way.seen()
    assert without[0] == cut[0]
    with pytest.raises((Qt001Error, ServerError), match=f"GRANT {ledger} TO {LOGIN}"):
        way.upgrade("fix7b", "fix7c", **x)
    with way.lent(admin):
        way.upgrade("fix7b", "fix7c", **x)
        with way.scene.connect(LOGIN) as operator:
            assert _apart(operator) == [(False, f"role {LOGIN}")]
    with way.scene.connect(LOGIN) as operator:
        assert _apart(operator) == [(True, None)]
        closed = {row[0] for row in operator.execute("SELECT gate FROM qt001_cp.v_fix7_gate WHERE NOT open")}
        guard = operator.execute("SELECT mode, reason FROM qt001_cp.guard_mode()").fetchone()
    # Who is no superuser makes no event triggers.
    assert guard is not None
    assert guard[0] == "exact"
    assert "without superuser" in guard[1]
    # No no-go record was made of this way, and nobody verified, signed or proved anything.
    assert closed == {
        "object_manifest_sealed",
        "scheduled_verifier_recent",
        "sign_off_present",
        "capability_evidence_real",
    }
    with way.lent(admin):
        way.downgrade("fix7c", "fix7b", **x)
    assert way.seen() == without
    # The way back asks for it again.
    with pytest.raises((Qt001Error, ServerError), match=f"role directus: expected a membership by which {LOGIN}"):
        way.downgrade("fix7b", "fix7a", **x)
    options = " WITH INHERIT TRUE, SET TRUE" if way.scene.server.version >= 160000 else ""
    way.run(admin, f"GRANT directus TO {LOGIN}{options};")
    assert way.seen() == cut
    way.downgrade("fix7b", "fix7a", **x)
    assert way.seen() == sealed
    with way.lent(admin):
        way.downgrade("fix7a", "base", ledger=exported(way.scene, LOGIN))
    assert way.seen() == base


def _apart(connection: psycopg.Connection) -> list[tuple[bool, str | None]]:
    query = "SELECT open, split_part(reason, ':', 1) FROM qt001_cp.v_fix7_gate WHERE gate = 'roles_apart'"
    return connection.execute(query).fetchall()
