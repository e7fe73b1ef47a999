"""A database with a pair of its own, in a cluster where no role has the default names: a release comes and goes."""

from __future__ import annotations

import pytest

from qt001_cp import estate
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.servers import open_server
from tests.cluster.place import STEPS, gone, made, pair
from tests.release.product import RELEASE, Product
from tests.release.test_release import BACK, FORWARD, WAITING, control_plane
from tests.succession.support import accepted, answer, gates


@pytest.mark.slow
def test_a_release_has_the_names_of_the_pair(product: Product) -> None:
    with open_server() as own:
        place = made(own, "shop_place", estate.QT001, pair("shop"))
        for step in ("bootstrap", "FIX7a", "seal", "FIX7b", "FIX7c", "sign"):
            STEPS[step](place)
        stage, given = place.stage, ["-x", f"policy={place.policy}"]
        before = control_plane(stage)
        stage.scene.psql(product.alembic(*given, "upgrade", FORWARD, "--sql"), user=OPERATOR)
        assert gates(stage) == WAITING
        answer(stage)
        assert accepted(stage)
        with stage.connect() as admin:
            row = admin.execute("SELECT qt001_cp.revision(), relowner::regrole::text FROM pg_class"
                                " WHERE oid = 'qt001_cp.lingering'::regclass").fetchone()  # fmt: skip
            assert row == (RELEASE, "shop_cp_ledger")
        stage.scene.psql(product.alembic(*given, "downgrade", BACK, "--sql"), user=OPERATOR)
        assert control_plane(stage) == before
        gone(place)
