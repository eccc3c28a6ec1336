"""Waivers are read from tables, and the JSON Schema of the tables agrees with what is accepted."""

from __future__ import annotations

from datetime import UTC, date, datetime

import jsonschema
import pytest

from kdaudit.errors import SpecError
from kdaudit.options import Waiver
from kdaudit.policy import RULES
from kdaudit.policy.limits import limit_infos
from kdaudit.policy.tables import table_schemas, waivers_of

TABLE = {"rule": "KD202", "reason": "Known.", "expires": date(2027, 3, 31)}


@pytest.mark.parametrize("expires", [date(2027, 3, 31), "2027-03-31"])
def test_a_waiver_has_a_day_as_toml_or_as_text(expires: object) -> None:
    """Both give the same waiver."""
    expected = Waiver(rule="KD202", reason="Known.", expires=date(2027, 3, 31), student="s.onnx")
    assert (expected,) == waivers_of([{**TABLE, "expires": expires, "student": "s.onnx"}], where="x.toml")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ("w.toml", r"expected tables \[\[waivers\]\] in x.toml, found 'w.toml'"),
        (["w.toml"], r"expected tables \[\[waivers\]\]"),
        (
            [{**TABLE, "reasn": "y"}],
            r"unknown key reasn in the waiver of KD202, did you mean reason\?.*x.toml",
        ),
        ([{"reason": "y", "expires": "2027-01-01"}], "expected rule in a waiver to be a text, found none"),
        ([{**TABLE, "reason": 3}], "expected reason in the waiver of KD202 to be a text, found 3"),
        ([{**TABLE, "student": 3}], "expected student in the waiver of KD202 to be a text, found 3"),
        ([{"rule": "KD202", "reason": "y"}], "expected expires .* to be a day like 2027-03-31, found none"),
        ([{**TABLE, "expires": "soon"}], "a day like 2027-03-31, found 'soon'"),
        ([{**TABLE, "expires": 20270331}], "a day like 2027-03-31, found 20270331"),
        ([{**TABLE, "expires": datetime(2027, 3, 31, tzinfo=UTC)}], "a day like 2027-03-31"),
    ],
)
def test_wrong_waivers_invalid(tables: object, message: str) -> None:
    """What is missing, unknown or of another kind, and where."""
    with pytest.raises(SpecError, match=message):
        waivers_of(tables, where="x.toml")


@pytest.mark.parametrize(
    ("table", "good", "bad"),
    [
        ("rules", {"KD202": "error", "KD201": "warn"}, {"KD301": "off"}),
        ("rules", {"KD101": "off"}, {"KD201": "off"}),
        ("rules", {}, {"KD999": "warn"}),
        ("limits", {"m_fail": 0.2, "min_controls": 4}, {"m_fail": 2}),
        ("limits", {}, {"m_fial": 0.2}),
        ("limits", {}, {"min_controls": 2}),
        ("waivers", [{**TABLE, "expires": "2027-03-31"}], [{"rule": "KD202"}]),
        ("waivers", [], [{**TABLE, "expires": "2027-03-31", "rule": "KD301"}]),
    ],
)
def test_the_schema_takes_what_is_accepted_and_nothing_else(table: str, good: object, bad: object) -> None:
    """Every rule and limit stands in it."""
    schemas = table_schemas()
    jsonschema.validate(good, schemas[table])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schemas[table])
    assert list(RULES) == list(schemas["rules"]["properties"])  # type: ignore[call-overload]
    assert [info.name for info in limit_infos()] == list(schemas["limits"]["properties"])  # type: ignore[call-overload]
