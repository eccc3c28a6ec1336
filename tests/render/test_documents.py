"""Every format renders every kind of audit: purely, completely, and with foreign names made harmless."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from typing import get_args

import jsonschema
import pytest
from lxml import etree, html

from kdaudit.errors import SpecError
from kdaudit.options import DocumentFormat
from kdaudit.render import RENDERERS, render
from kdaudit.schema import AuditResult
from kdaudit.types import RuleStatus
from tests.factories import Kind, audit_result, kinds

KINDS = kinds()
WHOLE = [name for name, format_ in RENDERERS.items() if format_.shows == "audit"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format_", RENDERERS)
def test_rendering_is_pure(format_: str, kind: Kind) -> None:
    """The same audit gives the same text, to the byte."""
    assert render(audit_result(kind), format_) == render(audit_result(kind), format_)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format_", WHOLE)
def test_every_rule_is_shown(format_: str, kind: Kind) -> None:
    """No rule is lost on the way to a document that owes its readers all of them."""
    result = audit_result(kind)
    text = render(result, format_)
    assert [] == [row.id for row in result.rules if row.id not in text]


@pytest.mark.parametrize("kind", KINDS)
def test_json_is_the_audit(kind: Kind) -> None:
    """It validates against the published schema and reads back as it was."""
    result = audit_result(kind)
    text = render(result, "json")
    jsonschema.validate(json.loads(text), AuditResult.model_json_schema())
    assert result == AuditResult.model_validate_json(text)
    assert "NaN" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_junit_counts_what_it_shows(kind: Kind) -> None:
    """Well-formed; the counts of failures and errors are those of its cases; a failed rule is a failure."""
    result = audit_result(kind)
    root = etree.fromstring(render(result, "junit").encode())
    suite = root.find("testsuite")
    assert len(result.rules) == int(suite.get("tests"))
    for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert len(root.findall(f".//{tag}")) == int(suite.get(count))
    failed = sum(row.outcome is RuleStatus.FAIL for row in result.rules)
    assert failed == int(suite.get("failures"))
    if result.exit_code == 3:
        assert int(suite.get("errors")) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_one_file_without_requests(kind: Kind) -> None:
    """One h1, no skipped heading level, a CSP that forbids all but our script, no address that is loaded."""
    text = render(audit_result(kind), "html")
    page = html.fromstring(text)
    levels = [int(h.tag[1]) for h in page.iter("h1", "h2", "h3", "h4")]
    assert 1 == levels.count(1)
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    (policy,) = page.xpath('//meta[@http-equiv="Content-Security-Policy"]/@content')
    assert policy.startswith("default-src 'none'")
    assert [] == page.xpath("//link | //iframe")
    (script,) = page.xpath("//script")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert len(script.text) <= 10 * 1024
    assert [] == [a for a in page.xpath("//@src | //@href") if not a.startswith(("#", "data:image/"))]
    assert [] == re.findall(r"url\(|@import", text)


def test_hostile_names_stay_text() -> None:
    """Markup in names of classes and files reaches no document as markup."""
    result = audit_result("hostile")
    assert 1 == render(result, "html").lower().count("<script")
    etree.fromstring(render(result, "junit").encode())
    assert not re.search(r"(?<!\\)<script", render(result, "markdown"))
    assert all(line.startswith("::") for line in render(result, "github").splitlines())


def test_size_budgets() -> None:
    """1,000 classes take at most 300 KiB without a gallery."""
    assert len(render(audit_result("many-classes"), "html").encode()) <= 300 * 1024


def test_the_command_line_offers_every_format() -> None:
    """In the order of the registry, after the terminal's own."""
    assert ("text", *RENDERERS) == get_args(DocumentFormat)


def test_an_unknown_format_invalid() -> None:
    """It is refused with the nearest one."""
    with pytest.raises(SpecError, match="found 'htm'") as caught:
        render(audit_result("pass"), "htm")
    assert caught.value.hint == "did you mean 'html'?"
