"""A later release of the product, made as a maintainer makes one: a copy of the project, one gate mended, by scripts/release."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from qt001_cp.project import project_folder

RELEASE = "fix7c_1_1_0"
LINGERER = "qt001_lingerer"
"""A login that the mended gate finds, and the one before it did not."""

_OLD = """SELECT finding.* FROM qt001_cp.roles_apart_findings() finding
UNION
SELECT finding.* FROM qt001_cp.application_member_findings(false) finding
"""
_TABLE = """CREATE TABLE qt001_cp.lingering (
    login name PRIMARY KEY,
    why text NOT NULL
);
COMMENT ON TABLE qt001_cp.lingering IS 'Logins that have to be gone.';
INSERT INTO qt001_cp.lingering (login, why) VALUES ('qt001_lingerer', 'it was for the move');
"""
_FUNCTION = """CREATE FUNCTION qt001_cp.lingering_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $lingering_findings$
SELECT 'QT107', 'role ' || lingering.login, 'no such role', 'a role that lingers', 'DROP ROLE it.'
FROM qt001_cp.lingering JOIN pg_roles ON pg_roles.rolname = lingering.login
$lingering_findings$;
"""
_GRANT = """GRANT SELECT ON qt001_cp.lingering
    TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
"""


@dataclass(frozen=True)
class Product:
    """A copy of the project in ``folder``, whose own programs run from there."""

    folder: Path

    def run(self, *args: str, check: bool = True, url: str = "") -> str:
        """``python ARGS`` with this copy's package; what it printed."""
        done = self.tried(*args, url=url)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tried(self, *args: str, url: str = "") -> subprocess.CompletedProcess[str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG") and k != "QT001_DATABASE_URL"}
        env |= {"PYTHONPATH": str(self.folder)} | ({"QT001_DATABASE_URL": url} if url else {})
        done = subprocess.run(
            [sys.executable, *args], cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done

    def cli(self, *args: str) -> str:
        return self.run("-m", "qt001_cp", *args)

    def alembic(self, *args: str, ini: Path | None = None, url: str = "") -> str:
        return self.run("-m", "alembic", "-c", str(ini or self.folder / "alembic.ini"), *args, url=url)

    def build(self, revision: str = "") -> str:
        return self.run("-c", f"from qt001_cp.sql.build import build; print(build({revision!r}))").strip()

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text("utf-8")
        assert text.count(old) == 1, (name, old)
        path.write_text(text.replace(old, new), "utf-8")


def copied(folder: Path, release: str = "1.0.0") -> Product:
    """The project as it is now, released under this version; not released at all where that is empty."""
    source = project_folder()
    for name in ("qt001_cp", "alembic", "scripts"):
        shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("alembic.ini", "CHANGELOG.md", "pyproject.toml"):
        shutil.copy(source / name, folder)
    product = Product(folder)
    if release:
        product.run("scripts/release.py", release)
    return product


def mended(product: Product) -> None:
    """A table, a routine that reads it, and a gate that asks this routine."""
    product.edit(
        "qt001_cp/sql/fix7c/50_gate.sql",
        "CREATE FUNCTION qt001_cp.role_findings()",
        f"{_TABLE}\n{_FUNCTION}\nCREATE FUNCTION qt001_cp.role_findings()",
    )
    product.edit(
        "qt001_cp/sql/fix7c/50_gate.sql",
        _OLD,
        f"SELECT finding.* FROM qt001_cp.lingering_findings() finding\nUNION\n{_OLD}",
    )
    grants = product.folder / "qt001_cp/sql/fix7c/90_grant.sql"
    grants.write_text(grants.read_text("utf-8") + _GRANT, "utf-8")


def written_by_hand(product: Product) -> None:
    folder = product.folder / "qt001_cp" / "sql" / "by_hand"
    folder.mkdir()
    (folder / "forward.sql").write_text(_TABLE, "utf-8")
    (folder / "back.sql").write_text("DROP TABLE qt001_cp.lingering;\n", "utf-8")
