"""Every command of the guides runs as it is written: the operator's, the author's and the auditor's, hand in hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qt001_cp.servers import Server, open_server
from tests.guides.guide import Failed, blocks, checkout, run, unlike

pytestmark = pytest.mark.slow

DATABASE = "directus_rehearsal"
# Guide and section, in the order in which three persons take turns. "" is a guide's head, with its variables.
HANDS = [
    ("operator", ""), ("operator", "0"), ("operator", "1"), ("operator", "2"),
    ("author", ""), ("author", "1"), ("author", "2"), ("operator", "3"), ("author", "3"),
    ("operator", "4"), ("operator", "5"), ("operator", "6"), ("operator", "7"), ("operator", "8"), ("operator", "9"),
    ("author", "4"), ("operator", "10"),
    ("auditor", ""), ("auditor", "1"), ("auditor", "2"), ("auditor", "3"), ("auditor", "4"), ("auditor", "5"), ("auditor", "6"), ("auditor", "7"),
    ("operator", "11"),
]  # fmt: skip  # one turn a line
# What ends with 3 (findings) and why. Nothing else may end with anything but 0.
FINDINGS = {
    r"qt001-cp analyse .*": "the writer of the estate holds dynamic SQL",
    r"qt001-cp manifest verify bundle/object\.json --database \"\$OPERATOR\"": "a candidate is not sealed",
    r"qt001-cp status .*": "no evidence, no signature yet",
    r"qt001-cp verify .*": "the same",
    r"qt001-cp scan .*": "the same",
    r"qt001-cp report .*": "the same",
}


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    with open_server() as opened:
        if not opened.trusts:
            pytest.skip("the guides' logins have no password: a server of our own is needed")
        yield opened


def _section(guide: str, number: str) -> list[str]:
    found = blocks(guide)
    names = [h for h in found if h == number or (number and h.startswith(f"{number}. "))]
    assert len(names) == 1, (guide, number, list(found))
    return found[names[0]]


def test_no_section_with_commands_is_left_out() -> None:
    taken = {(g, n) for g, n in HANDS}
    for guide in ("operator", "author", "auditor"):
        for heading, code in blocks(guide).items():
            if code and heading != "Without superuser":  # tests/operator walks that way
                assert (guide, heading.partition(".")[0]) in taken, (guide, heading)


def test_the_guides_run_as_written(own_server: Server, tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    (folder / "restore_drill.log").write_text("restored 42 GB in 310 s; checksums equal\n")
    script: list[str] = []
    for guide, number in HANDS:
        script += [f"echo '@@ {guide} {number}'", *_section(guide, number)]
        if (guide, number) == ("operator", "0"):
            script.append(f'pg_dump --create --restrict-key=x -d "$ADMIN" -f {tmp_path}/before.sql')
    script.append(f'pg_dump --create --restrict-key=x -d "$ADMIN" -f {tmp_path}/after.sql')
    said, failed = run(script, own_server, folder)
    unexpected = [f for f in failed if not any(f.code == 3 and re.fullmatch(p, f.command) for p in FINDINGS)]
    assert unexpected == [], said
    assert said.count("psql: 0") == 5, said
    assert (tmp_path / "before.sql").read_text() == (tmp_path / "after.sql").read_text()
    # What the pages show is what was printed, but for digests and numbers.
    assert unlike("operator", "8. FIX7b", "", (folder / "fix7b.log").read_text()) == []
    assert unlike("README", "What it prints", "", said) == []
    assert unlike("architecture", "The way of one object", "sql", (folder / "fix7b.sql").read_text()) == []
    assert Failed(3, 'qt001-cp status --database "$OPERATOR"') in failed
