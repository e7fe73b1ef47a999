"""The team's own test: routines are executed by it alone, since only the team knows what a call means."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt001_cp.errors import UsageError
from qt001_cp.rehearsal.scene import Scene

_SECONDS: Final = 600
_SHOWN: Final = 300


@dataclass(frozen=True)
class Smoke:
    """``given``: a file of SQL, which is run as the application in a transaction that is rolled back; or a command."""

    given: str

    def __post_init__(self) -> None:
        if self._is_sql and not Path(self.given).is_file():
            raise UsageError(f"{self.given}: no such file", hint="--smoke FILE.sql, or a command")

    def run(self, scene: Scene, state: str) -> str:
        """What went wrong, in words; empty: nothing."""
        if self._is_sql:
            text = f"BEGIN;\n{Path(self.given).read_text('utf-8')}\n;ROLLBACK;\n"
            done = scene.server.psql(text, dbname=scene.database, user=scene.application, check=False)
        else:
            try:
                done = subprocess.run(
                    shlex.split(self.given),
                    env={**os.environ, **_told(scene, state)},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    check=False,
                    timeout=_SECONDS,
                )
            except (OSError, subprocess.TimeoutExpired) as exc:
                return str(exc)
        if done.returncode == 0:
            return ""
        said = (done.stderr.strip() or done.stdout.strip())[-_SHOWN:]
        return f"exit {done.returncode}: {said}"

    @property
    def _is_sql(self) -> bool:
        return self.given.endswith(".sql")


def _told(scene: Scene, state: str) -> dict[str, str]:
    """A DSN of the clone as the application; everybody else gets in by his name alone, and without a password."""
    return {
        "QT001_SMOKE_DSN": scene.dsn(scene.application),
        "QT001_SMOKE_STAGE": state,
        "PGHOST": scene.server.host,
        "PGPORT": str(scene.server.port),
        "PGDATABASE": scene.database,
        "PGUSER": scene.application,
    }
