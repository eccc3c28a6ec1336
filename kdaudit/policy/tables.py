"""The tables [rules], [limits] and [[waivers]] of a configuration: their JSON Schemas, and waivers read from theirs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import date, datetime

from kdaudit.errors import SpecError
from kdaudit.options import Waiver
from kdaudit.policy import RULES
from kdaudit.policy.limits import limit_infos
from kdaudit.policy.stated import nearest, rule_info
from kdaudit.policy.waivers import may_be_waived

Schema = dict[str, object]
_KEYS = tuple(field.name for field in dataclasses.fields(Waiver))


def waivers_of(tables: object, *, where: str) -> tuple[Waiver, ...]:
    """The waivers that stand in tables.

    Raises:
        SpecError: no tables, unknown or missing keys, values of another kind; all at once.
    """
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SpecError(f"expected tables [[waivers]] in {where}, found {tables!r}")
    problems = [problem for table in tables for problem in _problems(table)]
    if problems:
        raise SpecError(f"{'; '.join(problems)}, in {where}")
    return tuple(Waiver(**{**table, "expires": _day(table["expires"])}) for table in tables)


def table_schemas() -> dict[str, Schema]:
    """JSON Schemas of the three tables by name."""
    rules: Schema = {
        rule: {"enum": [*rule_info(rule).levels], "description": rule_info(rule).title} for rule in RULES
    }
    limits: Schema = {
        info.name: {
            "type": "integer" if info.whole else "number",
            "minimum": info.low,
            "maximum": info.high,
            "default": info.default,
            "description": info.meaning,
        }
        for info in limit_infos()
    }
    text = {"type": "string", "minLength": 1}
    waiver: Schema = {
        "rule": {"enum": [rule for rule in RULES if may_be_waived(rule)]},
        "reason": text,
        "expires": {"type": "string", "format": "date"},
        "student": text,
    }
    return {
        "rules": closed(rules),
        "limits": closed(limits),
        "waivers": {"type": "array", "items": {**closed(waiver), "required": ["rule", "reason", "expires"]}},
    }


def closed(properties: Mapping[str, object]) -> Schema:
    """The schema of a table that has these keys and no others."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _problems(table: Mapping[str, object]) -> Iterator[str]:
    of = f"the waiver of {table.get('rule')}" if isinstance(table.get("rule"), str) else "a waiver"
    for key in table:
        if key not in _KEYS:
            yield f"unknown key {key} in {of}{nearest(key, _KEYS)}"
    for key in ("rule", "reason", "student"):
        value = table.get(key)
        if not isinstance(value, str) and (key in table or key != "student"):
            yield f"expected {key} in {of} to be a text, found {_found(value)}"
    if _day(table.get("expires")) is None:
        yield f"expected expires in {of} to be a day like 2027-03-31, found {_found(table.get('expires'))}"


def _found(value: object) -> str:
    return "none" if value is None else repr(value)


def _day(stated: object) -> date | None:
    """TOML has days of its own; quotes make text of them."""
    if isinstance(stated, date) and not isinstance(stated, datetime):
        return stated
    try:
        return date.fromisoformat(stated) if isinstance(stated, str) else None
    except ValueError:
        return None
