"""docs/log.md runs as it is written: two tables of an application are protected from a DSN, without a line of SQL of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp.servers import Server, open_server
from tests.guides.guide import blocks, checkout, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    with open_server() as opened:
        if not opened.trusts:
            pytest.skip("the guide's logins have no password: a server of our own is needed")
        yield opened


def test_the_page_runs_as_written(own_server: Server, tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    script: list[str] = []
    for heading, commands in blocks("log").items():
        script += [f"echo '@@ {heading}'", *commands]
        if heading.startswith("3. "):
            script.append(f'pg_dump --restrict-key=x --exclude-schema qt001_cp -d "$ADMIN" -f {tmp_path}/before.sql')
        if heading.startswith("6. "):
            script.append("psql -X -At -d \"$ADMIN\" -c 'SELECT accepted, gates FROM qt001_cp.v_fix7_acceptance'")
            script.append(
                "psql -X -q -d \"$ADMIN\" -c \"DELETE FROM audit.log WHERE action = 'refund'; SELECT setval('audit.log_id_seq', 3)\""
            )
    script.append(f'pg_dump --restrict-key=x --exclude-schema qt001_cp -d "$ADMIN" -f {tmp_path}/after.sql')
    said, failed = run(script, own_server, folder)
    assert failed == [], said
    assert said.count("psql: 0") == 4, said
    assert said.count("ERROR:  permission denied") + said.count("ERROR:  must be owner of table log") == 5, said
    assert "rehearsal PASSED" in said
    assert "undecided" not in said.replace("0 undecided", "")
    assert "· 6 apply and readiness are blocked" in said
    assert "t|14" in said
    assert (tmp_path / "before.sql").read_text() == (tmp_path / "after.sql").read_text()
