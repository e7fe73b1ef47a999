"""The page where it is read: phone and desk, dark and light, and paper. Measured in headless Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from qt001_cp.report.page import html
from tests.report.browser import REQUIRED, Browser, browser, programs
from tests.report.conftest import Made
from tests.report.hostile import with_hostile_graph

_CHECKS = (Path(__file__).parent / "page_checks.js").read_text("utf-8")
_SCREENS = [(width, scheme) for width in (360, 390, 1280) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def pages(all_reports: dict[str, Made], tmp_path: Path) -> dict[str, Path]:
    hostile = tmp_path / "hostile.html"
    hostile.write_bytes(html(with_hostile_graph(all_reports["fix7c"].facts)))
    return {**{name: made.page for name, made in all_reports.items()}, "hostile": hostile}


def test_on_a_screen_nothing_runs_over_everything_is_legible_and_no_labels_meet(
    chromium: Browser, pages: dict[str, Path]
) -> None:
    for name, page in pages.items():
        for width, scheme in _SCREENS:
            chromium.open(page, width=width, scheme=scheme)
            chromium.run("document.querySelectorAll('details').forEach(d => d.open = true)")
            where = f"{name} at {width} px, {scheme}"
            found = chromium.run(
                f"{_CHECKS}; const d = document.documentElement;"
                "return [d.scrollWidth - d.clientWidth, texts().length, faint(), meeting(), outside(), unnamed(),"
                " document.querySelectorAll('.figure svg text').length, getComputedStyle(document.body).backgroundColor]"
            )
            over, texts, faint, meeting, outside, unnamed, labels, ground = found
            assert over <= 0, where
            assert texts > 200, where
            assert labels > 40, where
            assert (faint, meeting, outside, unnamed) == ([], [], [], []), where
            assert (ground == "rgb(255, 255, 255)") == (scheme == "light"), where


def test_the_checks_see_what_is_wrong(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["fix7c"], width=390)
    wrong = (
        "const style = document.createElement('style');"
        "style.textContent = 'caption { color: #bbb } .figure { overflow: visible } svg text { font-size: 20px !important }';"
        "document.head.append(style);"
    )
    found = chromium.run(
        f"{wrong}{_CHECKS}; document.querySelector('caption').remove(); const d = document.documentElement;"
        "return [d.scrollWidth > d.clientWidth, faint().length, meeting().length, outside().length, unnamed().length, folded().length]"
    )
    assert all(found), found


def test_on_paper_everything_is_unfolded(chromium: Browser, pages: dict[str, Path]) -> None:
    for name in ("fix7b", "fix7c"):
        chromium.open(pages[name], width=700, scheme="dark", media="print")
        found = chromium.run(f"{_CHECKS}; return [folded(), faint(), getComputedStyle(document.body).backgroundColor]")
        assert found == [[], [], "rgb(255, 255, 255)"]
        sheets = re.findall(rb"/MediaBox \[0 0 (\d+)[.\d]* (\d+)", chromium.pdf())
        assert 5 <= len(sheets) <= 25
        assert sum(int(wide) > int(high) for wide, high in sheets) == 1, "the graph has one sheet, lying"


def test_without_a_pointer_and_for_a_screen_reader(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["fix7c"], width=1280)
    headings, language, scrollers, drawing, rows, lines = chromium.run(
        "const all = s => [...document.querySelectorAll(s)];"
        "return [all('h1,h2,h3').map(h => +h.tagName[1]), document.documentElement.lang,"
        " all('.wide,.figure').map(e => [e.tabIndex, e.getAttribute('role'), !!e.getAttribute('aria-label')]),"
        " all('.figure svg').map(s => [s.getAttribute('role'), s.getAttribute('aria-labelledby').split(' ').every(i => document.getElementById(i).textContent)]),"
        " all('details:last-of-type table:last-of-type tbody tr').length, all('.figure svg > path:not(.cross)').length]"
    )
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(headings))
    assert language == "en"
    assert all(s == [0, "region", True] for s in scrollers)
    assert drawing == [["img", True]]
    assert rows >= lines > 30


def test_without_chromium_it_is_skipped_here_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        programs()
    monkeypatch.setenv(REQUIRED, "required")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        programs()
