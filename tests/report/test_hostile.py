"""A name is anybody's: it is escaped, and what does not show in it is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import OPERATOR
from qt001_cp.report.page import html
from tests.conftest import Stage
from tests.report.conftest import Made
from tests.report.hostile import BIDI, LINES, SCRIPT, with_hostile_graph

_DECEIVING = ("\u202e", "\u202c", "\u2028", "\u200f")


def _harmless(page: str) -> None:
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("</style>") == 1
    assert not any(c in page for c in _DECEIVING)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\\u202e" in page


def test_objects_of_the_database_with_hostile_names(at_fix7b_done: Stage, tmp_path: Path) -> None:
    with at_fix7b_done.connect() as superuser:
        for name in (SCRIPT, BIDI, LINES):
            quoted = name.replace('"', '""')
            superuser.execute(f'CREATE TABLE public."{quoted}" (x int)')
            superuser.execute(f'ALTER TABLE public."{quoted}" OWNER TO directus')
    page = tmp_path / "report.html"
    assert main(["report", "--database", at_fix7b_done.scene.dsn(OPERATOR), "--out", str(page)]) == 3
    text = page.read_text("utf-8")
    _harmless(text)
    assert "qt001_\\u202eelbat\\u202c_ok" in text
    assert "two\\u000alines\\u000d\\u2028x" in text


def test_hostile_names_in_every_other_place(reports: Callable[[str], Made]) -> None:
    text = html(with_hostile_graph(reports("fix7b").facts)).decode()
    _harmless(text)
    assert text.split("<title>")[1].startswith("FIX7 report: &#34;&gt;&lt;script&gt;")
