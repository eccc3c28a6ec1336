"""The report's script in a real browser: sorts, filters and copies; without it nothing is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser import show
from tests.factories import Kind
from tests.render.test_browser import browser, pages

pytestmark = pytest.mark.browser
__all__ = ["browser", "pages"]
KIND: Kind = "many-classes"


def column(browser: webdriver.Chrome, index: int) -> list[str]:
    """The texts of one column of the table of classes."""
    cells = browser.find_elements(By.CSS_SELECTOR, f"#parts-class tbody tr > :nth-child({index})")
    return [cell.text for cell in cells]


def test_a_column_is_sorted_up_and_down(browser: webdriver.Chrome, pages: dict[Kind, str]) -> None:
    """By its numbers, and the heading says in which order."""
    show(browser, pages[KIND], width=1200)
    button = browser.find_element(By.CSS_SELECTOR, "#parts-class th:nth-child(2) button")
    assert "Sort by Teacher errors" == button.get_attribute("aria-label")
    head = button.find_element(By.XPATH, "ancestor::th")
    for order, reverse in (("ascending", False), ("descending", True)):
        button.click()
        assert order == head.get_attribute("aria-sort")
        found = [int(text.replace(",", "")) for text in column(browser, 2)]
        assert sorted(found, reverse=reverse) == found
        assert len(set(found)) > 1


def test_the_sum_stays_last(browser: webdriver.Chrome, pages: dict[Kind, str]) -> None:
    """Sorting pairs moves neither what is left out nor their sum."""
    show(browser, pages["fail"], width=1200)
    rows = "table.pairs tbody th"
    before = [row.text for row in browser.find_elements(By.CSS_SELECTOR, rows)]
    for _ in range(2):
        browser.find_element(By.CSS_SELECTOR, "table.pairs th:nth-child(3) button").click()
    browser.find_element(By.CSS_SELECTOR, "table.pairs th:nth-child(1) button").click()
    after = [row.text for row in browser.find_elements(By.CSS_SELECTOR, rows)]
    assert before != after
    assert sorted(before) == sorted(after)
    assert "All pairs" == after[-1]


def test_rows_are_filtered_and_counted(browser: webdriver.Chrome, pages: dict[Kind, str]) -> None:
    """What does not hold the text is hidden, and how many are left is said aloud."""
    show(browser, pages[KIND], width=1200)
    box = browser.find_element(By.CSS_SELECTOR, "#parts-class .filter")
    name = column(browser, 1)[3]
    box.find_element(By.TAG_NAME, "input").send_keys(name.upper())
    shown = [row for row in column(browser, 1) if row]
    assert name in shown
    assert len(shown) < 20
    assert f"{len(shown)} of 20 shown" == box.find_element(By.CSS_SELECTOR, "[role=status]").text


def test_a_command_is_copied(browser: webdriver.Chrome, pages: dict[Kind, str]) -> None:
    """And the button says so."""
    show(browser, pages["fail"], width=1200)
    browser.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    button = browser.find_element(By.CSS_SELECTOR, "#s10 pre + button")
    button.click()
    WebDriverWait(browser, 5).until(lambda _: button.text == "Copied")
    copied = browser.execute_async_script(
        "const done = arguments[0]; navigator.clipboard.readText().then(done, e => done(String(e)))"
    )
    assert browser.find_element(By.CSS_SELECTOR, "#s10 pre").text.split() == copied.split()


def test_without_script_only_the_controls_are_missing(
    browser: webdriver.Chrome, pages: dict[Kind, str]
) -> None:
    """The same words stand there."""
    words = "return document.getElementById('main').innerText.replace(/\\s+/g, ' ')"
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    show(browser, pages[KIND], width=1200)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert [] == browser.find_elements(By.TAG_NAME, "button")
    without = browser.execute_script(words)
    show(browser, pages[KIND], width=1200)
    assert browser.find_elements(By.TAG_NAME, "button")
    with_script = browser.execute_script(words)
    for added in ("Show only rows with", "Show only examples with", "Copy"):
        with_script = with_script.replace(added, "")
    assert without.split() == with_script.split()


def test_a_foreign_script_does_not_run(
    browser: webdriver.Chrome, pages: dict[Kind, str], tmp_path: Path
) -> None:
    """The policy of the page forbids whatever would be smuggled in."""
    page = Path(pages["pass"].removeprefix("file://")).read_text(encoding="utf-8")
    (tmp_path / "smuggled.html").write_text(
        page.replace("</main>", "<script>document.title = 'run'</script></main>"), encoding="utf-8"
    )
    show(browser, (tmp_path / "smuggled.html").as_uri(), width=1200)
    assert "run" != browser.title
    assert browser.get_log("browser")  # type: ignore[no-untyped-call]
