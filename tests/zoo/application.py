"""The applications of the zoo: how each is installed, migrates, and does its daily work, by its own means and as its own login."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt001_cp.servers import Server
from tests.zoo.cached import node, node_home, python_home

_HERE: Final = Path(__file__).parent
Command = tuple[str, ...]


@dataclass(frozen=True)
class Application:
    """``name``: its login, its database, and its page ``docs/log-NAME.md``. ``first``: migrates as far as it is before the cutover;
    ``next``: its next migration; ``back``: that one undone. ``work``: its daily work; the last line says what its log has, and more
    each time. Each command is the program's arguments; the program is Python, or node for a script of its own.

    ``extension``: one that its migrations make. ``log``: the table that grows. ``later``: the release whose migration the next one
    is, where a release works with no schema but its own: what runs from there on is that one.
    """

    name: str
    folder: str
    home: Callable[[], Path]
    first: tuple[Command, ...]
    next: Command
    back: Command
    work: Command
    log: str
    extension: str | None = None
    later: Callable[[], Path] | None = None

    def __str__(self) -> str:
        return self.name


def _python(name: str, *packages: str) -> Callable[[], Path]:
    return lambda: python_home(name, packages)


def _mlflow(release: str) -> Callable[[], Path]:
    """Its tracking server in the small package, with what that leaves to whoever keeps it in a database."""
    database = ("sqlalchemy==2.0.58", "alembic==1.20.1", "psycopg2-binary==2.9.13")
    served = ("flask==3.1.3", "flask-cors==6.0.5", "aiohttp==3.14.5", "pandas==3.1.1")
    return _python("mlflow", f"mlflow-skinny=={release}", *database, *served)


ZOO: Final = (
    Application(
        "wagtail",
        "wagtail_site",
        _python("wagtail", "wagtail==8.0.1", "psycopg[binary]==3.3.9"),
        (("manage.py", "migrate", "--verbosity=0"), ("manage.py", "migrate", "--verbosity=0", "search", "0001")),
        ("manage.py", "migrate", "--verbosity=0"),
        ("manage.py", "migrate", "--verbosity=0", "search", "0001"),
        ("work.py",),
        "public.wagtailcore_pagelogentry",
        "pg_trgm",
    ),
    Application(
        "unleash",
        "unleash_server",
        lambda: node_home("unleash", ("unleash-server@7.5.1",)),
        (("migrate.mjs", "up"), ("migrate.mjs", "down", "3")),
        ("migrate.mjs", "up"),
        ("migrate.mjs", "down", "3"),
        ("work.mjs",),
        "public.events",
    ),
    Application(
        "dagster",
        "dagster_jobs",
        # Its storages come with psycopg2, which SQLAlchemy 2.1 no longer takes by itself.
        _python("dagster", "dagster==1.13.27", "dagster-postgres==0.29.27", "sqlalchemy<2.1"),
        (("migrate.py",), ("migrate.py", "6b7fb194ff9c")),
        ("migrate.py",),
        ("migrate.py", "6b7fb194ff9c"),
        ("work.py",),
        "public.event_logs",
    ),
    Application(
        "mlflow",
        "mlflow_server",
        _mlflow("3.14.0"),
        (("migrate.py",),),
        ("migrate.py",),
        ("migrate.py", "b7e4c1a90f23"),
        ("work.py",),
        "public.metrics",
        later=_mlflow("3.15.2"),
    ),
)


class Running:
    """One application with its database on a server of its own."""

    def __init__(self, application: Application, home: Path, server: Server, folder: Path) -> None:
        self.application, self.home, self.server = application, home, server
        self.folder = folder / application.folder
        shutil.copytree(_HERE / application.folder, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        name = application.name
        with server.connect("postgres") as admin:
            admin.execute(f"CREATE ROLE {name} LOGIN")
            admin.execute(f"CREATE DATABASE {name} OWNER {name}")

    def next(self) -> None:
        """Its next migration, by the release that it belongs to."""
        if self.application.later is not None:
            self.home = self.application.later()
        self.run(self.application.next)

    def run(self, command: Command) -> str:
        """One of its programs, as its own login; returns the last line that it printed. It has to end well."""
        name, server = self.application.name, self.server
        script = command[0].endswith(".mjs")
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "QT001", "PYTHON", "DATABASE_"))}
        done = subprocess.run(
            [node() if script else str(self.home / "bin" / "python"), *command],
            cwd=self.folder,
            env={
                **keep,
                "PGHOST": server.host,
                "PGPORT": str(server.port),
                "PGUSER": name,
                "PGDATABASE": name,
                "ZOO_HOME": str(self.home),
                "DAGSTER_HOME": str(self.folder),
                "ZOO_URL": f"postgresql+psycopg2://{name}@/{name}?host={server.host}&port={server.port}",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{self.application} {command}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        lines = done.stdout.strip().splitlines()
        return lines[-1] if lines else ""

    def entries(self) -> int:
        """How many rows its log has."""
        with self.server.connect(self.application.name) as admin:
            row = admin.execute(f"SELECT count(*) FROM {self.application.log}".encode()).fetchone()
        assert row is not None
        return int(row[0])

    def dump(self) -> str:
        """Schema, owners and ACLs, without the control plane."""
        return self.server.dump(self.application.name, "--schema-only", "--create", "--exclude-schema=qt001_cp")
