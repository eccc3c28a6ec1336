"""Templates: ours are found, a user's come before them, and what is wrong with those is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdaudit.errors import EXIT_USAGE, RenderError, SpecError
from kdaudit.render import render
from kdaudit.render.templates import check_templates, find_templates
from tests.factories import audit_result


def test_templates_are_found_in_the_package_before_the_checkout(tmp_path: Path) -> None:
    """Installed from a wheel they lie inside the package, in a checkout beside it."""
    package = tmp_path / "kdaudit"
    inside, beside = package / "_templates", tmp_path / "reports" / "templates"
    for folder in (beside, inside):
        folder.mkdir(parents=True)
        (folder / "report.html.j2").write_text("")
        assert folder == find_templates(package)


def test_missing_templates_invalid(tmp_path: Path) -> None:
    """Both places are named, and what to do."""
    with pytest.raises(
        RenderError, match=r"expected the report's templates in .*_templates.*found neither"
    ) as caught:
        find_templates(tmp_path / "kdaudit")
    assert caught.value.hint == "install kdaudit from its wheel or run it from a full checkout"


def test_a_users_template_replaces_ours_and_may_include_it(tmp_path: Path) -> None:
    """A part with a logo above: all else is the page without it."""
    part = tmp_path / "parts" / "banner.j2"
    part.parent.mkdir()
    part.write_text('<p id="logo">{{ page.title }}</p>{% include "kdaudit/parts/banner.j2" %}')
    check_templates(tmp_path)
    result = audit_result("pass")
    with_logo = render(result, "html", templates=tmp_path)
    logo = with_logo[
        with_logo.index('<p id="logo">') : with_logo.index("</p>", with_logo.index('id="logo"')) + 4
    ]
    assert "student of" in logo
    assert render(result, "html") == with_logo.replace(logo, "")


def test_templates_change_no_other_document(tmp_path: Path) -> None:
    """Only the HTML report has templates."""
    (tmp_path / "style.css").write_text("")
    result = audit_result("pass")
    assert render(result, "markdown") == render(result, "markdown", templates=tmp_path)


def test_a_script_of_a_user_is_allowed_by_its_digest(tmp_path: Path) -> None:
    """The policy names what the page holds."""
    (tmp_path / "script.js").write_text("let mine = 1;\n")
    page = render(audit_result("pass"), "html", templates=tmp_path)
    assert "<script>let mine = 1;\n</script>" in page
    assert "script-src 'sha256-DAlltSoraFLcjx0e+joN6Je0EDatUHGVYFrYjoF7I9o='" in page


def test_templates_without_a_folder_invalid(tmp_path: Path) -> None:
    """A path that is no folder is named."""
    with pytest.raises(SpecError, match=r"expected a folder of templates at .*nowhere, found none") as caught:
        check_templates(tmp_path / "nowhere")
    assert (EXIT_USAGE, "check --template-dir") == (caught.value.exit_code, caught.value.hint)


def test_templates_that_replace_nothing_invalid(tmp_path: Path) -> None:
    """A misspelt name would change nothing: the known names are listed."""
    (tmp_path / "banner.j2").write_text("")
    with pytest.raises(SpecError, match="found none of their names") as caught:
        check_templates(tmp_path)
    assert EXIT_USAGE == caught.value.exit_code
    assert "parts/banner.j2" in str(caught.value.hint)


def test_a_broken_template_invalid(tmp_path: Path) -> None:
    """Found before anything is trained, with file and line."""
    (tmp_path / "report.html.j2").write_text("<html>\n{% if %}")
    with pytest.raises(RenderError, match=r"found in report\.html\.j2, line 2: Expected an expression"):
        check_templates(tmp_path)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ page.verdikt }}", "has no attribute 'verdikt'"),
        ("{{ page.title.__class__.__mro__ }}", "access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ page.title + 1 }}", "can only concatenate str"),
        ('{% include "parts/none.j2" %}', "found no template: parts/none.j2"),
    ],
)
def test_a_template_that_cannot_be_filled_invalid(tmp_path: Path, template: str, reason: str) -> None:
    """Unknown fields, code and missing parts are the template's, and said so; code does not run."""
    (tmp_path / "report.html.j2").write_text(template)
    with pytest.raises(RenderError, match=r"expected templates of this version in .*") as caught:
        render(audit_result("pass"), "html", templates=tmp_path)
    assert reason in caught.value.message
    assert caught.value.hint == "compare them with ours, in reports/templates; what was trained is kept"
