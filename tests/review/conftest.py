"""A change that was prepared once, as its folder; what it does is as hostile to a page as a team's own text can be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from qt001_cp.rehearsal.scene import drop_scene
from tests.conftest import Library
from tests.report.hostile import BIDI, SCRIPT
from tests.succession.support import Prepared, prepared
from tests.succession.test_changes import VIEW, with_view, writer_of

_QUOTED = SCRIPT.replace('"', '""')
IMAGE = "</pre><img src=x onerror=alert(1)>"
_FORWARD = (
    f"ALTER TABLE public.qt001_setting ADD COLUMN unit text DEFAULT '{IMAGE}';\n"
    "CREATE INDEX qt001_setting_unit ON public.qt001_setting (unit);\n"
    "GRANT UPDATE ON public.qt001_setting TO reporting;\n"
    f'CREATE TABLE public."{_QUOTED}" (a int);\n'
    f'CREATE TABLE public."{BIDI}" (a int);\n'
)
_BACK = (
    f'DROP TABLE public."{BIDI}";\n'
    f'DROP TABLE public."{_QUOTED}";\n'
    "REVOKE UPDATE ON public.qt001_setting FROM reporting;\n"
    "ALTER TABLE public.qt001_setting DROP COLUMN unit;\n"
)


@dataclass(frozen=True)
class Written:
    """What the team and 'change prepare' have written. ``forward``, ``back``: the texts as they were given."""

    folder: Path
    forward: str
    back: str
    change: Prepared

    @property
    def bundle(self) -> Path:
        return self.folder / "changes" / "all_of_it"


@pytest.fixture(scope="session")
def written(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A column with a default and its index, a curated view, tables, a privilege, and a new writer. The database is gone."""
    folder = tmp_path_factory.mktemp("written")
    stage = library.copy("fix7c")
    now = writer_of(stage)
    forward = f"{_FORWARD}{VIEW[0]}{now.replace('BEGIN', f'BEGIN  -- {IMAGE}', 1)};\n"
    back = f"{now};\n{VIEW[1]}{_BACK}"
    change = prepared(stage, folder, "all_of_it", forward, back, policy=with_view(folder))
    drop_scene(stage.scene)
    return Written(folder, forward, back, change)
