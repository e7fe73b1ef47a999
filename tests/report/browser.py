"""Headless Chromium through its own driver, with nothing kept and nothing fetched."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REQUIRED = "QT001_TEST_CHROMIUM"
"""Set in CI: without Chromium the tests then fail instead of being skipped."""
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


def programs() -> tuple[str, str]:
    """Chromium and its driver; skips, or fails where they have to be there."""
    found = shutil.which("chromium"), shutil.which("chromedriver")
    if found[0] is None or found[1] is None:
        words = "no chromium and chromedriver on PATH: apt-get install chromium chromium-driver"
        if os.environ.get(REQUIRED):
            pytest.fail(words)
        pytest.skip(words)
    return found[0], found[1]


class Browser:
    """One window."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def open(self, page: Path, *, width: int, scheme: str = "light", media: str = "") -> None:
        """The page at a width, in a colour scheme, on the screen or (``media='print'``) as on paper."""
        self._cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self._cdp(
            "Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}]
        )
        self._driver.get(page.as_uri())

    def run(self, script: str) -> Any:
        return self._driver.execute_script(script)

    def pdf(self) -> bytes:
        return base64.b64decode(self._cdp("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])

    def shot(self) -> bytes:
        """The whole page as PNG."""
        made = self._cdp("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        return base64.b64decode(made["data"])

    def _cdp(self, command: str, **arguments: Any) -> Any:
        return self._driver.execute_cdp_cmd(command, arguments)


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile in ``profile``."""
    chromium, driver = programs()
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield Browser(opened)
    finally:
        opened.quit()
