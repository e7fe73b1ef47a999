"""The changes of day two on a deployed database, one on top of the other and back in reverse, by an operator without superuser: the
application works on throughout, and a second session sees it never own or hold more of what is protected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from qt001_cp.estate import LOG
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.rehearsal.scene import drop_scene, hire
from qt001_cp.servers import Server
from tests.acceptance.support import attest, open_all
from tests.conftest import Library, Stage
from tests.succession.day_two import WITH_APPLY_PATH, WITHOUT_APPLY_PATH, Change, Holding, Life, Sight, lived
from tests.succession.support import Prepared, accepted, answer, deployed, gates, lent


@dataclass(frozen=True)
class Made:
    """A change that was made: what was deployed before it, what is to be seen, and what was seen before."""

    change: Change
    prepared: Prepared
    before: str
    sight: Sight
    held: frozenset[Holding]


@pytest.fixture(scope="session")
def log_library(server: Server) -> Library:
    return Library(server, LOG)


@contextmanager
def deployed_estate(library: Library, life: Life) -> Iterator[Stage]:
    """Cut over with a no-go record, its large table large, all gates open, nothing of it a rehearsal."""
    stage = library.copy("fix7c")
    hire(stage.scene)  # as each rehearsal of a change does
    with stage.connect() as admin:
        admin.execute("UPDATE qt001_cp.bootstrap SET rehearsal = false")
        admin.execute(life.filled.encode())
    open_all(stage, test_authority=False)
    try:
        yield stage
    finally:
        drop_scene(stage.scene)


@pytest.mark.slow
def test_each_change_of_day_two_is_a_succession_with_an_apply_path(library: Library, tmp_path: Path) -> None:
    with deployed_estate(library, WITH_APPLY_PATH) as stage:
        all_there_and_all_back(stage, WITH_APPLY_PATH, tmp_path)


@pytest.mark.slow
def test_each_change_of_day_two_is_a_succession_without_an_apply_path(log_library: Library, tmp_path: Path) -> None:
    with deployed_estate(log_library, WITHOUT_APPLY_PATH) as stage:
        all_there_and_all_back(stage, WITHOUT_APPLY_PATH, tmp_path)


def all_there_and_all_back(stage: Stage, life: Life, folder: Path) -> None:
    """pg_dump says the same as before each change once it is taken back."""
    assert accepted(stage), gates(stage)
    written, made = filenode(stage, life), list[Made]()
    for change in life.changes:
        made.append(there(stage, life, change, folder, made[-1].prepared.manifest if made else stage.manifest))
    assert filenode(stage, life) == written, "no change has written the large table anew"
    for each in reversed(made):
        back(stage, life, each)
    assert deployed(stage) == stage.digest
    assert filenode(stage, life) == written


def there(stage: Stage, life: Life, change: Change, folder: Path, was: ObjectManifest) -> Made:
    """Prepared, sealed and made; gates open before, and again after what people do then."""
    before, found = dumped(stage), deployed(stage)
    prepared = change.prepared(stage, folder, life.reference)
    assert (dumped(stage), deployed(stage)) == (before, found)
    answer(stage)
    assert accepted(stage), (change.name, gates(stage))
    sight = Sight(stage, was, prepared.manifest)
    held = sight.now()
    with lent(stage, *change.borrows) as operator:
        prepared.sealed(operator)
        with lived(life, sight, held | change.gains):
            prepared.forward(operator)
    assert deployed(stage) == prepared.digest
    after = sight.now()
    assert after - held == change.gains
    assert not {identity for identity, what in after if what == "OWNER"}
    noticed(stage, life, change)
    if change.evidence:
        attest(stage, prepared.manifest, (prepared.where.out / "capability.json").read_bytes())
    answer(stage)
    assert accepted(stage), (change.name, gates(stage))
    return Made(change, prepared, before, sight, held)


def noticed(stage: Stage, life: Life, change: Change) -> None:
    """What the application can do now, and what not."""
    with stage.connect(life.reference.application) as application:
        application.execute(change.may.encode())
        if change.may_not is not None:
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)):
                application.execute(change.may_not.encode())


def back(stage: Stage, life: Life, made: Made) -> None:
    """Taken back: everything as it was before it was made, and gates open again."""
    with (
        lent(stage, *made.change.borrows) as operator,
        lived(life, made.sight, made.held | made.change.gains | made.sight.now()),
    ):
        made.prepared.back(operator)
    assert made.sight.now() == made.held
    assert dumped(stage) == made.before, made.change.name
    answer(stage)
    assert accepted(stage), (made.change.name, gates(stage))


def dumped(stage: Stage) -> str:
    """Schema, owners and ACLs, the database's too, without the control plane."""
    return stage.scene.dump("--schema-only", "--create", "--exclude-schema=qt001_cp")


def filenode(stage: Stage, life: Life) -> object:
    with stage.connect() as admin:
        return admin.execute("SELECT pg_relation_filenode(%s::regclass)", [life.large]).fetchone()
