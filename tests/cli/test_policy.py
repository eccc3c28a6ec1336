"""The policy a user states, from the file and the command line to the exit code, and `kdaudit explain`."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import jsonschema
import pytest

from kdaudit.options import AuditSpec
from kdaudit.policy import RULES
from kdaudit.spec import config_schema, resolve
from tests.cli.conftest import Cli, check_args, process
from tests.documented import blocks
from tests.planted import World

GIVEN = {"teacher": "t.onnx", "students": ["s.onnx"], "data": "d.npz"}
LATER = date.today() + timedelta(days=30)
BEFORE = date.today() - timedelta(days=30)


def waiver(rule: str, expires: date = LATER, student: str = "") -> str:
    """A waiver as TOML."""
    named = f'student = "{student}"\n' if student else ""
    return f'[[waivers]]\nrule = "{rule}"\nreason = "Agreed."\nexpires = {expires}\n{named}'


def resolved(folder: Path, text: str, **given: object) -> AuditSpec:
    """What is audited with this configuration file."""
    (folder / "kdaudit.toml").write_text(text)
    return resolve({**GIVEN, **given}, config=None, isolated=False, folder=folder).audit


def saved(folder: Path, student: str = "student") -> dict[str, object]:
    """The audit that was written."""
    read: dict[str, object] = json.loads((folder / f"kdaudit-report/{student}/audit.json").read_text("utf-8"))
    return read


def test_a_waiver_passes_a_copier_in_a_process_and_an_old_one_fails_it(copier: World, tmp_path: Path) -> None:
    """Exit 0 with the rule waived; exit 1 with the waiver expired, and a notice; both in the document."""
    (tmp_path / "kdaudit.toml").write_text(waiver("KD201"))
    ended = process(*check_args(copier), cwd=tmp_path)
    assert 0 == ended.returncode, ended.stderr
    assert "the rule against it is waived" in ended.stdout
    assert "waiver" not in ended.stderr
    (tmp_path / "old.toml").write_text(waiver("KD201", BEFORE) + waiver("KD401"))
    ended = process(*check_args(copier), "--waivers", "old.toml", cwd=tmp_path)
    assert 1 == ended.returncode, ended.stderr
    assert "KD201  No longer waived: the waiver ended on" in ended.stdout
    assert "the waiver of KD201 ended on" in ended.stderr
    assert "the waiver of KD401 is not needed: the rule is not violated" in ended.stderr
    policy = saved(tmp_path)["policy"]
    assert ["expired", "unused"] == [each["state"] for each in policy["waivers"]]  # type: ignore[index]


def test_preset_rules_and_limits_decide_together(honest: World, cli: Cli, tmp_path: Path) -> None:
    """No accuracy may be lost, one rule is off, and a given preset beats the limits of the file."""
    (tmp_path / "kdaudit.toml").write_text(
        '[rules]\nKD404 = "off"\nKD401 = "error"\n[limits]\naccuracy_margin = 0.0\nm_pass = 0.5\n'
    )
    args = check_args(honest)
    ended = cli(*args, "--preset", "margins", "-f", "json")
    audit = json.loads(ended.out)
    gap = audit["accuracy_gap"]["estimate"]
    assert (1 if gap < 0 else 0) == ended.code, ended.err
    policy = audit["policy"]
    assert ("margins", 0.1, 0.2) == (policy["preset"], policy["limits"]["m_fail"], policy["limits"]["m_pass"])
    assert "KD404" not in {rule["id"] for rule in audit["rules"]}
    assert [{"name": "accuracy_margin", "value": 0.0, "preset": 0.025}] == policy["changed_limits"]
    assert ["KD401 can fail the audit"] == policy["rates_lost"]
    assert "|P:margins*|" in audit["signature"]
    (row,) = [row for row in audit["assumptions"] if row["what"] == "Policy"]
    assert "preset margins, accuracy_margin 0, KD401 error, KD404 off" == row["value"]


def test_a_waiver_of_another_student_is_said_once(copier: World, cli: Cli, tmp_path: Path) -> None:
    """Two students, each judged alone: the waiver of one lifts its rule and is no news for the other."""
    (tmp_path / "kdaudit.toml").write_text(waiver("KD201", student="student.onnx"))
    args = check_args(copier)
    args.insert(3, copier.path("copier"))
    ended = cli(*args)
    assert 1 == ended.code, ended.err
    assert ("pass", "fail") == (saved(tmp_path)["verdict"], saved(tmp_path, "copier")["verdict"])
    assert "waiver" not in ended.err
    ended = cli(*check_args(copier)[:2], copier.path("copier"), *check_args(copier)[3:])
    assert "the waiver of KD201 for student.onnx is for a student that was not audited alone" in ended.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[rules]\nKD222 = "warn"\n', "unknown rule KD222 in [rules], did you mean KD202?"),
        ('[rules]\nKD305 = "off"\n', "expected KD305 in [rules] to be error, found off"),
        ("[limits]\nm_fail = 10\n", "expected m_fail in [limits] to be a number from 0 to 1, found 10"),
        ('preset = "loose"\n', "expected a preset of default, lenient, margins, strict, found 'loose'"),
        (waiver("KD302"), "KD302 cannot be waived"),
        ("waivers = 3\n", "expected tables [[waivers]] in"),
        ("rules = 3\n", "expected a table [rules] in"),
        ("[limit]\nm_fail = 0.1\n", "unknown table [limit] in"),
        ("[rule]\nKD202 = 'off'\n", ", did you mean rules?"),
    ],
)
def test_wrong_policies_are_usage_2(honest: World, cli: Cli, tmp_path: Path, text: str, message: str) -> None:
    """Before anything is computed."""
    (tmp_path / "kdaudit.toml").write_text(text)
    ended = cli(*check_args(honest))
    assert 2 == ended.code
    assert message in ended.err
    assert not (tmp_path / "kdaudit-report").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "expected a configuration file at w.toml"),
        ("[[waiver]]\n", "expected nothing but [[waivers]] in w.toml, found waiver"),
        ('[[waivers]]\nrule = "KD202"\n', "expected reason in the waiver of KD202 to be a text, found none"),
    ],
)
def test_wrong_files_of_waivers_are_usage_2(
    honest: World, cli: Cli, tmp_path: Path, text: str | None, message: str
) -> None:
    """Not there, other tables, incomplete ones."""
    if text is not None:
        (tmp_path / "w.toml").write_text(text)
    ended = cli(*check_args(honest), "--waivers", "w.toml")
    assert (2, True) == (ended.code, message in ended.err)


def test_the_command_line_states_waivers_and_preset_above_the_file(tmp_path: Path) -> None:
    """Files of waivers replace those of the configuration; a given preset its limits of the verdict, and no others."""
    text = '[limits]\nm_pass = 0.5\nm_fail = 0.4\nratio = 2.0\n[rules]\nKD202 = "error"\n' + waiver("KD201")
    (tmp_path / "a.toml").write_text(waiver("KD204"))
    (tmp_path / "b.toml").write_text(waiver("KD401") + waiver("KD402"))
    below = resolved(tmp_path, text)
    assert ({"m_pass": 0.5, "m_fail": 0.4, "ratio": 2.0}, "default") == (below.limits, below.preset)
    assert (["KD201"], {"KD202": "error"}) == ([each.rule for each in below.waivers], below.rules)
    files = [str(tmp_path / "a.toml"), str(tmp_path / "b.toml")]
    above = resolved(tmp_path, text, waivers=files, preset="strict")
    assert ({"ratio": 2.0}, "strict") == (above.limits, above.preset)
    assert ["KD204", "KD401", "KD402"] == [each.rule for each in above.waivers]
    both = resolved(tmp_path, f'preset = "strict"\n{text}')
    assert ("strict", 0.5) == (both.preset, both.limits["m_pass"])


def test_the_environment_states_waivers_and_preset(
    copier: World, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KDAUDIT_WAIVERS and KDAUDIT_PRESET, above the file."""
    (tmp_path / "kdaudit.toml").write_text('preset = "margins"\n')
    (tmp_path / "w.toml").write_text(waiver("KD201"))
    monkeypatch.setenv("KDAUDIT_WAIVERS", "w.toml")
    monkeypatch.setenv("KDAUDIT_PRESET", "strict")
    ended = cli(*check_args(copier), "-q")
    assert (0, "") == (ended.code, ended.err)
    assert "policy: preset strict, waiver of KD201 used\n" in ended.out


def test_pyproject_holds_the_tables_too(tmp_path: Path) -> None:
    """Under [tool.kdaudit]."""
    (tmp_path / "pyproject.toml").write_text('[tool.kdaudit.rules]\nKD202 = "error"\n')
    assert {"KD202": "error"} == resolve(GIVEN, config=None, isolated=False, folder=tmp_path).audit.rules


def test_the_schema_of_the_configuration_knows_the_policy() -> None:
    """As an editor reads it: dates are texts there."""
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    good = {
        "preset": "strict",
        "rules": {"KD202": "off"},
        "limits": {"m_fail": 0.2},
        "waivers": [{"rule": "KD201", "reason": "x", "expires": "2027-03-31", "student": "s.onnx"}],
    }
    jsonschema.validate(good, schema)
    wrong: tuple[dict[str, object], ...]
    wrong = ({"preset": "loose"}, {"rules": {"KD301": "off"}}, {"limits": {"x": 1}}, {"waivers": [{}]})
    for bad in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


def test_explain_lists_every_rule_and_explains_one(cli: Cli) -> None:
    """By its id in any case; levels and limits are those of the policy."""
    listed = cli("explain")
    assert (0, len(RULES)) == (listed.code, len(listed.out.splitlines()))
    said = cli("explain", "kd201").out
    assert said.startswith("KD201: Whether the student repeats its teacher’s errors (error)\n")
    assert "levels: warn or error only: it is what a pass means. It may be waived." in said
    assert "limits: alpha = 0.05, m_fail = 0.1, m_pass = 0.2" in said
    fitness = cli("explain", "KD306").out
    assert "(error, fitness)" in fitness
    assert "It cannot be waived." in fitness
    assert "limits:" not in fitness


def test_explain_names_the_nearest_rule_invalid(cli: Cli) -> None:
    """Exit 2."""
    ended = cli("explain", "KD206")
    assert 2 == ended.code
    assert "unknown rule KD206, did you mean KD" in ended.err


def test_the_documented_policy_is_accepted(tmp_path: Path) -> None:
    """As it stands there."""
    (file,) = [block for block in blocks("docs/how-to/policy.md") if block.title == "kdaudit.toml"]
    spec = resolved(tmp_path, file.text)
    assert ("strict", {"KD402": "error"}, {"flips_margin": 0.02}) == (spec.preset, spec.rules, spec.limits)
    assert date(2027, 3, 31) == spec.waivers[0].expires
