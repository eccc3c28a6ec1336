"""The report's figures and colours in a real browser: what axe-core cannot judge."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from selenium import webdriver

from kdaudit.render.html_report import find_templates
from tests.factories import Kind, kinds
from tests.render.test_browser import browser, pages, show

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
# Text colours on their ground; marks on page and on band.
_TEXT_PAIRS = (
    *((front, "bg") for front in ("ink", "ink2", "student", "fail", "pass")),
    *((front, "surface") for front in ("ink", "ink2", "student")),
    *(("on", ground) for ground in ("fill-fail", "fill-pass", "fill-open")),
)
_MARK_PAIRS = (("control", "bg"), ("control", "band"), ("student", "band"), ("ink", "band"))


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
    """No resource is fetched, no script of a foreign name has run."""
    show(browser, pages[kind], width=1200)
    fetched = browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert [] == [name for name in fetched if not name.startswith("data:")]
    assert 0 == browser.execute_script("return document.scripts.length")
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_enough_contrast(scheme: str) -> None:
    """WCAG: 4.5 for text, 3 for marks; axe-core does not judge text in figures."""
    colours = tokens(scheme)
    for front, ground in _TEXT_PAIRS:
        assert contrast(colours[front], colours[ground]) >= 4.5, (front, ground)
    for front, ground in _MARK_PAIRS:
        assert contrast(colours[front], colours[ground]) >= 3.0, (front, ground)


def test_contrast_is_that_of_wcag_by_hand() -> None:
    """Black on white is 21, equal colours 1."""
    assert pytest.approx(21.0) == contrast("#000", "#fff")
    assert pytest.approx(1.0) == contrast("#0b5cab", "#0b5cab")


def tokens(scheme: str) -> dict[str, str]:
    """The colours of the style sheet in one scheme."""
    style = (find_templates(Path(__file__).parents[2] / "kdaudit") / "style.css").read_text(encoding="utf-8")
    light, dark = style.split("prefers-color-scheme:dark", 1)
    found = dict(re.findall(r"--([\w-]+):(#\w+)", light))
    if scheme == "dark":
        found |= dict(re.findall(r"--([\w-]+):(#\w+)", dark.split("@media", 1)[0]))
    return found


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21. Source: WCAG 2.2, relative luminance."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of #rgb or #rrggbb."""
    digits = colour.lstrip("#")
    pairs = [d * 2 for d in digits] if len(digits) == 3 else [digits[i : i + 2] for i in (0, 2, 4)]
    values = [int(pair, 16) / 255 for pair in pairs]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
