"""The colours of the report: every text and every mark stands out from its ground, in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kdaudit
from kdaudit.render.templates import find_templates

STYLE = (find_templates(Path(kdaudit.__file__).parent) / "style.css").read_text(encoding="utf-8")
LIGHT, DARK = "light", "dark"
# WCAG 2.2: 4.5 for text, 3 for what must be seen to understand a figure.
TEXT, MARK = 4.5, 3.0


def tokens(scheme: str) -> dict[str, str]:
    """The colour of each token; dark has those of light where it does not set its own."""
    found = dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{3,6})", STYLE[: STYLE.index("@media")]))
    if scheme == DARK:
        block = STYLE[STYLE.index("prefers-color-scheme:dark") :].split("}}")[0]
        found |= dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{3,6})", block))
    return found


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of #rgb or #rrggbb."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Contrast ratio (WCAG 2.2) of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_by_hand() -> None:
    """Black on white is 21; #767676 is the lightest grey that may carry text on white."""
    assert 21 == pytest.approx(contrast("#000", "#fff"))
    assert 4.54 == pytest.approx(contrast("#767676", "#ffffff"), abs=0.005)


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
@pytest.mark.parametrize("ground", ["bg", "surface"])
@pytest.mark.parametrize("ink", ["ink", "ink2", "student", "fail", "pass"])
def test_text_can_be_read(ink: str, ground: str, scheme: str) -> None:
    """Text reaches 4.5 on the page and on the planner's ground."""
    colours = tokens(scheme)
    assert contrast(colours[ink], colours[ground]) >= TEXT


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
@pytest.mark.parametrize("fill", ["fill-fail", "fill-pass", "fill-open"])
def test_the_verdict_can_be_read(fill: str, scheme: str) -> None:
    """White text on the verdict's block reaches 4.5."""
    colours = tokens(scheme)
    assert contrast(colours["on"], colours[fill]) >= TEXT


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
@pytest.mark.parametrize("mark", ["ink", "control", "student"])
@pytest.mark.parametrize("ground", ["bg", "band"])
def test_marks_can_be_seen(mark: str, ground: str, scheme: str) -> None:
    """Marks of figures reach 3 on the page and on the band of the controls."""
    colours = tokens(scheme)
    assert contrast(colours[mark], colours[ground]) >= MARK


def test_dark_is_for_screens_only() -> None:
    """Paper stays white: the dark colours are set under `screen`."""
    assert STYLE.count("prefers-color-scheme:dark") == STYLE.count(
        "@media screen and (prefers-color-scheme:dark)"
    )


def test_no_text_is_smaller_than_twelve_pixels() -> None:
    """On a screen; paper counts in points."""
    screen = STYLE[: STYLE.index("@media print")]
    sizes = [float(size) for size in re.findall(r"font(?:-size)?:(?:\d+ )?([\d.]+)px", screen)]
    assert sizes
    assert min(sizes) >= 12


def test_the_style_loads_nothing() -> None:
    """No font, no picture, no other style sheet."""
    assert [] == re.findall(r"url\(|@import|@font-face", STYLE)
