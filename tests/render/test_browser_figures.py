"""The report's figures in a real browser: what axe-core cannot judge."""

from __future__ import annotations

import pytest
from selenium import webdriver

from tests.browser import show
from tests.factories import Kind, kinds
from tests.render.test_browser import browser, pages

pytestmark = pytest.mark.browser
__all__ = ["browser", "pages"]

# Texts of one figure whose boxes share more than a hair.
_COLLISIONS = """
const found = [];
for (const figure of document.querySelectorAll('svg[role=img]')) {
  const boxes = [...figure.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const [a, b] = [boxes[i][1], boxes[j][1]];
    const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (x > 0 && y > 3) found.push([figure.querySelector('title').id, boxes[i][0], boxes[j][0]]);
  }
}
return found;
"""
# Texts of figures that leave the window, smaller than 12 px, or hidden.
_LOST = """
return [...document.querySelectorAll('svg text')].filter(t => {
  const box = t.getBoundingClientRect();
  return box.left < 0 || box.right > innerWidth || parseFloat(getComputedStyle(t).fontSize) < 12;
}).map(t => t.textContent);
"""


@pytest.mark.parametrize("kind", kinds())
def test_no_text_of_a_figure_collides_or_leaves_the_window(
    browser: webdriver.Chrome,
    pages: dict[Kind, str],
    kind: Kind,
) -> None:
    """At every width at which the layout changes."""
    for width in (320, 360, 400, 700, 701, 900, 1200):
        show(browser, pages[kind], width=width)
        assert [] == browser.execute_script(_COLLISIONS), f"at {width} px"
        assert [] == browser.execute_script(_LOST), f"at {width} px"


@pytest.mark.parametrize("kind", ["fail", "hostile"])
def test_the_page_asks_for_nothing_but_itself(
    browser: webdriver.Chrome,
    pages: dict[Kind, str],
    kind: Kind,
) -> None:
    """No resource is fetched, and ours is the only script."""
    show(browser, pages[kind], width=1200)
    fetched = browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert [] == [name for name in fetched if not name.startswith("data:")]
    assert 1 == browser.execute_script("return document.scripts.length")
    assert [] == browser.get_log("browser")  # type: ignore[no-untyped-call]


def test_folded_passes_are_printed(
    browser: webdriver.Chrome,
    pages: dict[Kind, str],
) -> None:
    """What is folded on the screen stands on paper."""
    show(browser, pages["fail"], width=1200)
    browser.execute_script(
        "document.body.insertAdjacentHTML('beforeend', '<details id=fold><summary>s</summary><p>p</p></details>')"
    )
    height = "return document.getElementById('fold').getBoundingClientRect().height"
    folded = browser.execute_script(height)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    printed = browser.execute_script(height)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert folded < printed
