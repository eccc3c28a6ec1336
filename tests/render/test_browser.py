"""The report in a real browser: no sideways scrolling at any width, accessible in light and dark, no errors."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from kdaudit.render import render
from tests.browser import chromium, show
from tests.factories import Kind, audit_result, kinds

pytestmark = pytest.mark.browser
WIDTHS = (320, 400, 700, 1200)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Headless Chromium, offline but for files."""
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, str]:
    """An address for each kind of report."""
    folder = tmp_path_factory.mktemp("pages")
    addresses: dict[Kind, str] = {}
    for kind in kinds():
        page = folder / f"{kind}.html"
        page.write_text(render(audit_result(kind), "html"), encoding="utf-8")
        addresses[kind] = page.as_uri()
    return addresses


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from npm."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    assert npm is not None, "install node and npm"
    subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), "axe-core@4"],
        check=True,
        capture_output=True,
    )
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", kinds())
def test_nothing_scrolls_sideways(browser: webdriver.Chrome, pages: dict[Kind, str], kind: Kind) -> None:
    """The page is never wider than its window, and the console stays empty."""
    for width in WIDTHS:
        show(browser, pages[kind], width=width)
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width, f"{wide} px at {width} px"
    assert [] == browser.get_log("browser")  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("kind", kinds())
def test_axe_finds_nothing(
    browser: webdriver.Chrome, pages: dict[Kind, str], axe: str, kind: Kind, width: int, scheme: str
) -> None:
    """axe-core: WCAG 2.2 AA and best practices, contrast included."""
    show(browser, pages[kind], width=width, scheme=scheme)
    # The page forbids scripts; the debugger may run one all the same.
    found = browser.execute_cdp_cmd(
        "Runtime.evaluate",
        {
            "expression": axe
            + ";axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})"
            ".then(r => JSON.stringify(r.violations.map(v => [v.id, v.nodes[0].html])))",
            "awaitPromise": True,
        },
    )
    assert [] == json.loads(found["result"]["value"])


def test_it_prints(browser: webdriver.Chrome, pages: dict[Kind, str], tmp_path: Path) -> None:
    """A PDF of several pages comes out of the print style."""
    import base64

    show(browser, pages["fail"], width=1200)
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert pdf.startswith(b"%PDF")
    assert 3 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 14
