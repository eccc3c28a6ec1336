"""The site in a real browser, opened as a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser import chromium, show
from tests.documented import ROOT

pytestmark = pytest.mark.browser
_FOUND = ".md-search-result__item h1, .md-search-result__item h2"


def test_search_finds_pages_without_a_server(tmp_path: Path) -> None:
    """And nothing is asked of another machine."""
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path / "site")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with chromium(tmp_path / "profile") as browser:
        show(browser, (tmp_path / "site" / "index.html").as_uri(), width=1300)
        field = browser.find_element(By.CSS_SELECTOR, ".md-search__input")
        field.click()
        field.send_keys("waiver")
        found = WebDriverWait(browser, 20).until(lambda b: b.find_elements(By.CSS_SELECTOR, _FOUND))
        assert "Your own policy" in [heading.get_attribute("textContent") for heading in found]
        asked = browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
        assert [] == [name for name in asked if not name.startswith(("file:", "data:"))]
        assert [] == browser.get_log("browser")  # type: ignore[no-untyped-call]
