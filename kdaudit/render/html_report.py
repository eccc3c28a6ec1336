"""The audit as one self-contained HTML page: no script, no request, readable in print, in the dark and by ear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from kdaudit.errors import RenderError
from kdaudit.render import numbers, text, words
from kdaudit.render.views.asymmetry import AsymmetryView, asymmetry
from kdaudit.render.views.banner import BannerView, PlannerView, banner, planner
from kdaudit.render.views.calibration import CalibrationView, calibration
from kdaudit.render.views.controls import ControlsView, controls
from kdaudit.render.views.four import FourView, four
from kdaudit.render.views.inherited import InheritedView, inherited
from kdaudit.render.views.method import MethodView, ReproduceView, method, reproduce
from kdaudit.render.views.parts import PartTable, part_tables
from kdaudit.render.views.rules import RulesView, anchor, rules
from kdaudit.render.views.sizes import SizesView, sizes
from kdaudit.render.views.transfer import TransferView, transfer
from kdaudit.schema import AuditResult

_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything that the templates place."""

    title: str
    date: str
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
    method: MethodView
    reproduce: ReproduceView


def render_html(result: AuditResult) -> str:
    """The audit as one HTML page; the same audit gives the same bytes.

    Raises:
        RenderError: the templates are not installed.
    """
    return _environment().get_template("report.html.j2").render(page=view(result))


def view(result: AuditResult) -> Page:
    """What the page shows, as plain records."""
    students = text.listing([text.name(student) for student in result.students]) or "no student"
    return Page(
        title=f"{students}, student of {text.name(result.teacher)}",
        date=numbers.day_and_time(result.started),
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
        method=method(result),
        reproduce=reproduce(result),
    )


def find_templates(package: Path) -> Path:
    """The folder of templates: inside the package when installed, beside it in a checkout.

    Raises:
        RenderError: there is neither.
    """
    for folder in (package / "_templates", package.parent / "reports" / "templates"):
        if (folder / "report.html.j2").is_file():
            return folder
    raise RenderError(
        f"expected the report's templates in {package / '_templates'} or beside the package; found neither",
        hint="install kdaudit from its wheel or run it from a full checkout",
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(find_templates(Path(__file__).resolve().parents[1])),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_clean,
    )
    environment.filters["px"] = _px
    environment.filters["options"] = _options
    environment.filters["anchor"] = anchor
    return environment


def _clean(value: object) -> object:
    """No text reaches the page with characters that HTML forbids; markup of our own macros passes as it is."""
    return text.clean(value) if type(value) is str else value


def _options(value: str) -> Markup:
    """The escaped text with command line options as code, so that none breaks at its hyphens."""
    return Markup(_OPTION.sub(r'<code class="nw">\g<0></code>', str(escape(text.clean(value)))))  # noqa: S704


def _px(value: float) -> str:
    """A length in px without needless digits."""
    return f"{value:.1f}".removesuffix(".0")
