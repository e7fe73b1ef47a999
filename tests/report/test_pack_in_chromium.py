"""The index of the review pack on a phone: no column is squeezed to a letter a line, and nothing runs over."""

from __future__ import annotations

from pathlib import Path

from qt001_cp.cli import main
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.report.browser import browser

_NARROW = (
    "return [document.documentElement.scrollWidth - document.documentElement.clientWidth,"
    " [...document.querySelectorAll('td')].filter(t => t.textContent.length > 20 && t.getBoundingClientRect().width < 90).length]"
)


def test_on_a_phone(at_recorded: Stage, tmp_path: Path) -> None:
    out = tmp_path / "pack"
    main(["review", at_recorded.manifest_path, "--database", at_recorded.scene.dsn(OPERATOR), "--out", str(out)])
    with browser(tmp_path / "profile") as chromium:
        for width in (360, 390, 1280):
            chromium.open(out / "index.html", width=width)
            assert chromium.run(_NARROW) == [0, 0], width
