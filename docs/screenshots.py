"""The pictures of docs/reading-a-report.md, from the audits of docs/audits: `make screenshots`."""

from __future__ import annotations

import base64
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from selenium import webdriver

from kdaudit.render import render
from kdaudit.schema import AuditResult
from tests.browser import chromium, show

HERE = Path(__file__).parent
AUDITS = HERE / "audits"
IMAGES = HERE / "images"
MAX_BYTES = 100 * 1024
_QUALITY = 70

# A ring with a number on the upper left corner of each element that is explained.
_MARK = """
const marks = arguments[0];
marks.forEach((selector, i) => {
  const box = document.querySelector(selector).getBoundingClientRect();
  const ring = document.createElement('b');
  ring.textContent = i + 1;
  ring.style.cssText = 'position:absolute;z-index:9;width:22px;height:22px;border-radius:11px;background:#7a1fa2;'
    + 'color:#fff;font:700 13px/22px sans-serif;text-align:center;left:' + Math.max(2, box.left + scrollX - 26)
    + 'px;top:' + Math.max(2, box.top + scrollY - 4) + 'px';
  document.body.append(ring);
});
"""
_BOX = """
const boxes = arguments[0].map(s => document.querySelector(s).getBoundingClientRect());
const top = Math.min(...boxes.map(b => b.top)) + scrollY, bottom = Math.max(...boxes.map(b => b.bottom)) + scrollY;
return [Math.max(0, top - 12), bottom - top + 24];
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A part of a report: from the first to the last of the elements `of`, at most `height` pixels."""

    name: str
    audit: str
    of: tuple[str, ...]
    marks: tuple[str, ...] = ()
    width: int = 900
    height: int = 1100
    scheme: Literal["light", "dark"] = "light"
    media: Literal["", "print"] = ""


_TOP = (".mast", "#s2")
SHOTS = (
    Shot(
        name="fail",
        audit="fail",
        of=_TOP,
        marks=(
            ".banner .word",
            ".banner .lead",
            ".banner .facts",
            ".four .num:nth-child(1)",
            ".four .num:nth-child(2)",
            ".four .num:nth-child(3)",
            ".four .num:nth-child(4)",
        ),
    ),
    Shot(name="pass", audit="pass", of=_TOP),
    Shot(name="inconclusive", audit="inconclusive", of=_TOP),
    Shot(name="rules", audit="fail", of=("#s3",), height=900),
    Shot(name="transfer", audit="fail", of=("#s4",), height=900),
    Shot(name="asymmetry", audit="fail", of=("#s5",), height=900),
    Shot(name="inherited", audit="fail", of=("#s6",), height=770),
    Shot(name="gallery", audit="fail", of=("#gallery",), height=660),
    Shot(name="controls", audit="fail", of=("#s7",), height=900),
    Shot(name="dark", audit="fail", of=_TOP, scheme="dark", height=800),
    Shot(name="narrow", audit="fail", of=_TOP, width=400, height=900),
    Shot(name="print", audit="fail", of=_TOP, width=720, media="print"),
)


def main() -> None:
    """Write all pictures anew."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder) / "profile") as browser:
        for shot in SHOTS:
            page = Path(folder) / f"{shot.audit}.html"
            result = AuditResult.model_validate_json((AUDITS / f"{shot.audit}.json").read_bytes())
            page.write_text(render(result, "html"), encoding="utf-8")
            (IMAGES / f"{shot.name}.webp").write_bytes(taken(browser, page, shot))


def taken(browser: webdriver.Chrome, page: Path, shot: Shot) -> bytes:
    """The picture, as WebP."""
    show(browser, page.as_uri(), width=shot.width, scheme=shot.scheme, media=shot.media)
    if shot.media == "print":
        browser.execute_script("document.body.style.padding = '24px'")  # the margin that paper has
    # The page forbids scripts; the debugger may run one all the same.
    top, height = browser.execute_script(_BOX, shot.of)
    if shot.marks:
        browser.execute_script(_MARK, shot.marks)
    clip = {"x": 0, "y": top, "width": shot.width, "height": min(height, shot.height), "scale": 1}
    found = browser.execute_cdp_cmd(
        "Page.captureScreenshot",
        {"format": "webp", "quality": _QUALITY, "clip": clip, "captureBeyondViewport": True},
    )
    return base64.b64decode(found["data"])


if __name__ == "__main__":
    main()
