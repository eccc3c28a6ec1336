"""Headless Chromium, offline but for files."""

from __future__ import annotations

import shutil
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

_SWITCHES = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "disable-dev-shm-usage",
    "hide-scrollbars",
)


def chromium(profile: Path) -> webdriver.Chrome:
    """A browser with a profile of its own, as a context manager; its log is kept."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert program is not None, "install chromium"
    assert driver is not None, "install chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (*_SWITCHES, f"user-data-dir={profile}"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


def show(
    browser: webdriver.Chrome, address: str, *, width: int, scheme: str = "light", media: str = ""
) -> None:
    """Open a page at a width, in a colour scheme, as on paper if `media` is "print"."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    browser.get(address)
