"""Documents from an audit: `render(result, "html")`. Each renderer is loaded when it is first asked for."""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from kdaudit.errors import SpecError

if TYPE_CHECKING:
    from kdaudit.protocols import Renderer
    from kdaudit.schema import AuditResult


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of document.

    `renderer` is "module:function". `shows` says what it owes its readers: "audit", every rule and everything that
    could not be done; "numbers", every number and no words; "verdict", no more than that.
    """

    renderer: str
    shows: Literal["audit", "numbers", "verdict"] = "audit"


RENDERERS: dict[str, Format] = {
    "json": Format("kdaudit.render.json_report:render_json"),
    "markdown": Format("kdaudit.render.markdown_report:render_markdown"),
    "html": Format("kdaudit.render.html_report:render_html"),
    "junit": Format("kdaudit.render.junit_report:render_junit"),
    "github": Format("kdaudit.render.github_report:render_github"),
    "sarif": Format("kdaudit.render.sarif_report:render_sarif"),
    "badge": Format("kdaudit.render.badge:render_badge", shows="verdict"),
    "model-card": Format("kdaudit.render.model_card:render_model_card"),
    "metrics": Format("kdaudit.render.metrics_report:render_metrics", shows="numbers"),
}


def load_renderer(format: str) -> Renderer:
    """The renderer of one format.

    Raises:
        SpecError: the format is not one of `RENDERERS`.
    """
    if format not in RENDERERS:
        near = difflib.get_close_matches(format, RENDERERS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else None
        known = ", ".join(RENDERERS)
        raise SpecError(f"expected a report format out of {known}; found {format!r}", hint=hint)
    module, _, function = RENDERERS[format].renderer.partition(":")
    return cast("Renderer", getattr(importlib.import_module(module), function))


def render(result: AuditResult, format: str, *, templates: Path | None = None) -> str:
    """The audit as a document of one format; the same result gives the same text.

    Args:
        result: the audit.
        format: a key of `RENDERERS`.
        templates: a folder of templates that replace those of the HTML report which have their names.

    Raises:
        SpecError: the format is not one of `RENDERERS`.
        RenderError: the templates of the HTML report are not installed, or one of `templates` cannot be used.
    """
    if format == "html" and templates is not None:
        from kdaudit.render.html_report import render_html

        return render_html(result, templates)
    return load_renderer(format)(result)
