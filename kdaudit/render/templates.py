"""The templates of the HTML report: ours, and before them a user's files of the same names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import jinja2
import jinja2.sandbox
from markupsafe import Markup, escape

from kdaudit.errors import RenderError, SpecError
from kdaudit.render import text
from kdaudit.render.views.rules import anchor

_PACKAGE = Path(__file__).resolve().parents[1]
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")


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


def check_templates(templates: Path) -> None:
    """Return if `templates` holds files of our templates' names that can be read as templates.

    Raises:
        SpecError: it is no folder, or replaces nothing.
        RenderError: a template is broken.
    """
    if not templates.is_dir():
        raise SpecError(
            f"expected a folder of templates at {templates}, found none", hint="check --template-dir"
        )
    ours = find_templates(_PACKAGE)
    names = [path.relative_to(ours).as_posix() for path in sorted(ours.rglob("*")) if path.is_file()]
    replaced = [name for name in names if (templates / name).is_file()]
    if not replaced:
        raise SpecError(
            f"expected templates in {templates} that replace some of ours, found none of their names",
            hint=f"their names are {', '.join(names)}",
        )
    environment = environment_of(templates)
    with blamed(templates):
        for name in replaced:
            environment.get_template(name)


@contextmanager
def blamed(templates: Path | None) -> Iterator[None]:
    """Failures of a user's templates, which are not ours to fix, as errors that name the file."""
    try:
        yield
    except (jinja2.TemplateError, TypeError, AttributeError, UnicodeDecodeError) as failure:
        if templates is None:
            raise
        where = ""
        if isinstance(failure, jinja2.TemplateSyntaxError):
            where = f" in {failure.name}, line {failure.lineno}"
        elif isinstance(failure, jinja2.TemplateNotFound):
            where = " no template"
        raise RenderError(
            f"expected templates of this version in {templates}, found{where}: {failure}",
            hint="compare them with ours, in reports/templates; what was trained is kept",
        ) from failure


@cache
def environment_of(templates: Path | None) -> jinja2.Environment:
    """Templates that cannot run code; those of `templates`, if any, come before ours.

    Ours are also there as `kdaudit/...`, for a user's template of the same name to include.
    """
    ours = find_templates(_PACKAGE)
    folders = [ours] if templates is None else [templates, ours]
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.FileSystemLoader(folders),
                jinja2.PrefixLoader({"kdaudit": jinja2.FileSystemLoader(ours)}),
            ]
        ),
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
