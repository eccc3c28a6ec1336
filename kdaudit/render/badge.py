"""A badge for a README: the verdict in one word on a self-contained SVG, legible on light and on dark pages."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from kdaudit.render import text, words
from kdaudit.schema import AuditResult
from kdaudit.types import Outcome, RuleStatus

# White on each of them has a contrast of at least 4.5 (WCAG AA); none is told apart by its colour alone.
LABEL = "#3c444e"
COLOURS = {Outcome.PASS: "#00664e", Outcome.FAIL: "#a93400", Outcome.INCONCLUSIVE: "#5c6570"}
_NAME = "kdaudit"
_SIZE, _HEIGHT, _MARGIN = 11, 20, 6
_FONT = "Verdana,DejaVu Sans,Geneva,sans-serif"
# Advance widths of DejaVu Sans, whose metrics are Verdana's, in thousandths of the size.
_WIDTHS = {
    **{" ": 318, ",": 318, "A": 684, "C": 698, "E": 632, "F": 575, "I": 295, "L": 557, "N": 748, "O": 787},
    **{"P": 603, "S": 635, "U": 732, "V": 684, "a": 613, "d": 635, "e": 615, "i": 278, "k": 579, "t": 392},
    **{"u": 634, "v": 592, "w": 818},
}
_WIDTH_OF_DIGITS = 636


def render_badge(result: AuditResult) -> str:
    """The verdict as an SVG of 20 px height; a waiver that a pass needed is named."""
    said = words.VERDICTS[result.verdict]
    waived = sum(row.outcome is RuleStatus.WAIVED for row in result.rules)
    if waived and result.verdict is Outcome.PASS:
        said += f", {waived} waived"
    left, right = _width(_NAME), _width(said)
    total = left + right + 4 * _MARGIN
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            **{"width": str(total), "height": str(_HEIGHT), "viewBox": f"0 0 {total} {_HEIGHT}"},
            **{"role": "img", "aria-label": f"{_NAME}: {said}"},
        },
    )
    ET.SubElement(root, "title").text = f"{_NAME}: {said}. {text.sentence(words.lead(result))}"
    middle = left + 2 * _MARGIN
    shape = f"M3 0H{middle}V{_HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z"
    ET.SubElement(root, "path", {"fill": LABEL, "d": shape})
    shape = f"M{middle} 0H{total - 3}a3 3 0 0 1 3 3v{_HEIGHT - 6}a3 3 0 0 1-3 3H{middle}z"
    ET.SubElement(root, "path", {"fill": COLOURS[result.verdict], "d": shape})
    group = ET.SubElement(
        root,
        "g",
        {"fill": "#fff", "font-family": _FONT, "font-size": str(_SIZE), "aria-hidden": "true"},
    )
    # `textLength` makes any other font take the room that was kept for this one.
    for start, length, shown in ((_MARGIN, left, _NAME), (middle + _MARGIN, right, said)):
        place = {"x": str(start), "y": "14", "textLength": str(length)}
        ET.SubElement(group, "text", place).text = shown
    return ET.tostring(root, encoding="unicode") + "\n"


def _width(line: str) -> int:
    """The width of a line in whole px."""
    return round(sum(_WIDTHS.get(character, _WIDTH_OF_DIGITS) for character in line) * _SIZE / 1000)
