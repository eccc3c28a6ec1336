"""The audit as one self-contained HTML page: no request, readable without script, in print, in the dark and by ear.

The one script sorts, filters and copies; the page's policy names its digest, so that no other can run.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from kdaudit import numbers
from kdaudit.numerics import listing
from kdaudit.render import text, words
from kdaudit.render.templates import blamed, environment_of
from kdaudit.render.views.asymmetry import AsymmetryView, asymmetry
from kdaudit.render.views.banner import BannerView, PlannerView, banner, planner
from kdaudit.render.views.calibration import CalibrationView, calibration
from kdaudit.render.views.controls import ControlsView, controls
from kdaudit.render.views.definitions import Definition, definitions
from kdaudit.render.views.four import FourView, four
from kdaudit.render.views.inherited import InheritedView, inherited
from kdaudit.render.views.method import MethodView, ReproduceView, method, reproduce
from kdaudit.render.views.parts import PartTable, part_tables
from kdaudit.render.views.rules import RulesView, rules
from kdaudit.render.views.sizes import SizesView, sizes
from kdaudit.render.views.transfer import TransferView, transfer
from kdaudit.schema import AuditResult

CONTENTS = {
    2: "Four numbers",
    3: "Rules",
    4: "Transfer",
    5: "Asymmetry",
    6: "Inherited errors",
    7: "Controls",
    8: "Calibration",
    9: "Method and limits",
    10: "Reproduce",
}


@dataclass(frozen=True, slots=True)
class Script:
    """The page's script and how its Content-Security-Policy names it."""

    text: Markup
    source: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything that the templates place."""

    title: str
    date: str
    script: Script
    words: dict[words.Mark, str]
    contents: tuple[tuple[int, str], ...]
    banner: BannerView
    planner: PlannerView | None
    four: FourView
    rules: RulesView
    transfer: TransferView
    asymmetry: AsymmetryView
    inherited: InheritedView
    parts: tuple[PartTable, ...]
    controls: ControlsView
    calibration: CalibrationView
    sizes: SizesView
    definitions: dict[int, tuple[Definition, ...]]
    method: MethodView
    reproduce: ReproduceView


def render_html(result: AuditResult, templates: Path | None = None) -> str:
    """The audit as one HTML page; the same audit gives the same bytes.

    Args:
        result: the audit.
        templates: a folder whose files come before ours of the same name.

    Raises:
        RenderError: the templates are not installed, or one of `templates` cannot be used.
    """
    environment = environment_of(templates)
    with blamed(templates):
        script = _script(environment.get_template("script.js").render())
    page = view(result, script)
    with blamed(templates):
        return environment.get_template("report.html.j2").render(page=page)


def view(result: AuditResult, script: Script) -> Page:
    """What the page shows, as plain records."""
    students = listing([text.name(student) for student in result.students]) or "no student"
    return Page(
        title=f"{students}, student of {text.name(result.teacher)}",
        date=numbers.day_and_time(result.started),
        script=script,
        words=words.WORDS,
        contents=tuple(CONTENTS.items()),
        banner=banner(result),
        planner=planner(result),
        four=four(result),
        rules=rules(result),
        transfer=transfer(result),
        asymmetry=asymmetry(result),
        inherited=inherited(result),
        parts=part_tables(result),
        controls=controls(result),
        calibration=calibration(result),
        sizes=sizes(result),
        definitions=definitions(result),
        method=method(result),
        reproduce=reproduce(result),
    )


def _script(text: str) -> Script:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Script(Markup(text), Markup(f"sha256-{digest}"))  # noqa: S704 - our own file, and its digest
