"""JUnit, Markdown and GitHub annotations: nothing red is shown green, nothing foreign is markup."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from kdaudit.render import RENDERERS, render
from kdaudit.schema import AuditResult, SkippedRecord
from kdaudit.types import Outcome, RuleStatus
from tests.factories import HOSTILE_NAMES, Kind, audit_result, kinds

KINDS = kinds()
WHOLE = [name for name, format_ in RENDERERS.items() if format_.shows == "audit"]


def cases(result: AuditResult) -> dict[str, etree._Element]:
    """The JUnit cases of an audit by rule."""
    root = etree.fromstring(render(result, "junit").encode())
    return {case.get("name").split()[0]: case for case in root.iter("testcase")}


def with_rule(kind: Kind, id: str, **fields: object) -> AuditResult:
    """An audit in which one rule ended differently."""
    base = audit_result(kind)
    rules = tuple(row.model_copy(update=fields) if row.id == id else row for row in base.rules)
    return base.model_copy(update={"rules": rules})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format_", WHOLE)
def test_what_was_left_out_is_shown(format_: str, kind: Kind) -> None:
    """Every skipped thing with its reason reaches every document; unusual characters may be written otherwise."""
    result = audit_result(kind)
    document = render(result, format_)
    for row in result.skipped:
        if row.reason.isascii() and row.reason.replace(" ", "").isalpha():
            assert row.reason in document.replace(row.reason.capitalize(), row.reason)
    if kind == "hostile":
        assert "x" * 300 in document


@pytest.mark.parametrize("kind", KINDS)
def test_an_audit_that_does_not_pass_is_red_in_junit(kind: Kind) -> None:
    """And one that passes is not."""
    result = audit_result(kind)
    red = [
        case
        for case in cases(result).values()
        if case.find("failure") is not None or case.find("error") is not None
    ]
    assert (result.verdict is not Outcome.PASS) == bool(red)


@pytest.mark.parametrize("kind", KINDS)
def test_junit_is_valid(kind: Kind) -> None:
    """By the schema of what Jenkins, GitLab and others read."""
    schema = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))
    schema.assertValid(etree.fromstring(render(audit_result(kind), "junit").encode()))


def test_each_outcome_has_its_place_in_junit() -> None:
    """Failure, error, skipped, or passed with a note."""
    found = cases(audit_result("fail"))
    assert found["KD201"].find("failure") is not None
    assert found["KD403"].find("skipped") is not None
    assert found["KD405"].find("skipped") is not None
    assert found["KD202"].findtext("system-out").startswith("Warning: ")
    assert 0 == len(found["KD302"])
    assert cases(audit_result("unfit"))["KD301"].find("error") is not None
    assert cases(audit_result("inconclusive"))["KD201"].find("error") is not None


def test_a_case_keeps_its_name_whatever_its_outcome() -> None:
    """CI systems follow a case from run to run by its name; a rule's title may change with its outcome."""

    def name(kind: Kind, title: str, asks: str) -> str:
        return str(cases(with_rule(kind, "KD201", title=title, asks=asks))["KD201"].get("name"))

    assert "KD201 Does it repeat?" == name("fail", "It repeats", "Does it repeat?")
    assert "KD201 Does it repeat?" == name("pass", "It does not repeat", "Does it repeat?")
    assert "KD201 It repeats" == name("fail", "It repeats", "")


def test_a_rule_without_a_decision_that_a_pass_did_not_need_is_no_error() -> None:
    """Without training data KD307 is not judged, and the audit passes with exit code 0."""
    result = with_rule("pass", "KD301", outcome=RuleStatus.NOT_JUDGED)
    assert cases(result)["KD301"].find("skipped") is not None
    open_ = result.model_copy(update={"verdict": Outcome.INCONCLUSIVE, "exit_code": 3})
    assert cases(open_)["KD301"].find("error") is not None


def test_an_audit_without_rules_that_does_not_pass_has_a_red_case() -> None:
    """Closed by default."""
    result = audit_result("inconclusive").model_copy(update={"rules": (), "reason": ""})
    assert "no rule was judged" == cases(result)["verdict"].find("error").get("message")


def test_characters_that_xml_forbids_are_gone() -> None:
    """Null and escape would make the file unreadable to every parser."""
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", render(audit_result("hostile"), "junit"))


def test_an_annotation_is_one_line_and_cannot_start_another() -> None:
    """GitHub reads commands at the start of a line only."""
    document = render(audit_result("hostile"), "github")
    for line in document.splitlines():
        assert re.match(r"::(error|warning|notice) title=[^:,]*::", line), line
    assert "%250A@all" in document


def test_github_drops_no_annotation() -> None:
    """It shows ten of a kind: the tenth holds the rest, and failures come before what only could not be judged."""
    base = audit_result("fail")
    row = base.rules[0].model_copy(update={"level": "error"})
    rules = tuple(
        row.model_copy(update={"id": f"KD9{i:02}", "outcome": outcome, "reason": f"It is so, {i}."})
        for i, outcome in enumerate(
            [*[RuleStatus.UNDECIDED] * 8, *[RuleStatus.FAIL] * 8, *[RuleStatus.WARNING] * 12]
        )
    )
    skipped = tuple(SkippedRecord(what=f"part {i}", stage="assess", reason=f"why {i}") for i in range(30))
    lines = render(base.model_copy(update={"rules": rules, "skipped": skipped}), "github").splitlines()
    assert {"error": 10, "warning": 10, "notice": 10} == Counter(
        re.findall(r"(?m)^::(\w+)", "\n".join(lines))
    )
    told = "\n".join(lines)
    assert [] == [rule.id for rule in rules if rule.id not in told]
    assert [] == [part.reason for part in skipped if part.reason not in told]
    assert "KD908" in lines[1]
    assert lines[9].startswith("::error title=kdaudit%2C 8 more::Undecided: KD900")


def test_an_annotation_is_not_endless() -> None:
    """A title of at most 250 characters, a message of at most 4,000; what is cut is cut before it is encoded."""
    long = with_rule("fail", "KD201", title="%" * 1000, reason="%" * 9000)
    line = next(line for line in render(long, "github").splitlines() if "KD201" in line)
    title, message = line.removeprefix("::error title=").split("::")
    assert 250 == len(title.replace("%25", "%").replace("%3A", ":"))
    assert 4000 == len(message.replace("%25", "%"))


@pytest.mark.parametrize(
    ("kind", "level"), [("fail", "error"), ("unfit", "error"), ("inconclusive", "error"), ("pass", "notice")]
)
def test_the_first_annotation_is_the_verdict(kind: Kind, level: str) -> None:
    """With the sentence for a manager."""
    first = render(audit_result(kind), "github").splitlines()[0]
    assert first.startswith(f"::{level} title=kdaudit {audit_result(kind).verdict.upper()}%3A cnn-small")


def test_markdown_has_no_live_markup_mention_issue_or_link_of_a_foreign_name() -> None:
    """Backslashes before what is markup; an invisible joiner after what GitHub would link."""
    document = re.sub(r"`[^`\n]*`$", "", render(audit_result("hostile"), "markdown"), flags=re.MULTILINE)
    assert not re.search(r"(?<!\\)<(script|img)", document)
    assert not re.search(r"@[a-z]|#\d|https://", document)
    table = [line for line in document.splitlines() if line.startswith("| ")]
    assert {5} == {len(re.findall(r"(?<!\\)\|", line)) for line in table}


def test_markdown_stays_small_whatever_the_names_are() -> None:
    """A comment on GitHub holds less than a mebibyte."""
    long = "name " * 100_000
    base = with_rule("fail", "KD201", reason=long, title=long)
    skipped = tuple(SkippedRecord(what=long, stage=long, reason=long) for _ in range(200))
    result = base.model_copy(update={"skipped": skipped, "students": (long,), "signature": long})
    document = render(result, "markdown")
    assert len(document.encode()) < 2**20
    assert "and 100 more in audit.json" in document


def test_markdown_of_a_thousand_hostile_classes_stays_small() -> None:
    """Names of classes are long, and each occurs in pairs, parts and examples."""
    base = audit_result("many-classes")
    names = tuple(f"{HOSTILE_NAMES[i % len(HOSTILE_NAMES)]} {'&|`' * 200} {i}" for i in range(1000))
    result = base.model_copy(update={"data": base.data.model_copy(update={"class_names": names})})
    assert len(render(result, "markdown").encode()) < 2**20


def test_markdown_gives_the_four_numbers_with_their_intervals() -> None:
    """Decimals as in the other reports."""
    document = render(audit_result("fail"), "markdown").replace("\u00a0", " ").replace("\\", "")
    assert "| Accuracy | 89.6 % |" in document
    assert "| Wrong knowledge taken over | 31 % | [26, 36] | < .001 |" in document
    assert "| Asymmetry (ratio) | 1.39 | [1.18, 1.64] | .002 |" in document


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_json_keeps_every_name_as_it_is(name: str) -> None:
    """The document of record is not cleaned."""
    result = audit_result("hostile")
    assert name in AuditResult.model_validate_json(render(result, "json")).data.class_names
