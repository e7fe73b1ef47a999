"""Both journeys, once a run and worker."""

from __future__ import annotations

import pytest

from qt001_cp.rehearsal.scene import drop_scene
from tests.conftest import Library
from tests.roundtrip.journey import How, Journey


@pytest.fixture(scope="session")
def journeys(library: Library, tmp_path_factory: pytest.TempPathFactory) -> dict[How, Journey]:
    """The same way online and through psql, each in a database of its own."""
    made: dict[How, Journey] = {}
    ways: tuple[How, ...] = ("online", "psql")
    for how in ways:
        scene = library.copy("base").scene
        made[how] = Journey(scene, how, tmp_path_factory.mktemp(how), {})
        made[how].travel()
        drop_scene(scene)
    return made
