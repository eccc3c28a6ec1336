"""A commented kdaudit.toml from the options themselves, and the workflows that `kdaudit init` writes."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kdaudit.controls import RECIPES
from kdaudit.options import RECIPE_PANEL, AuditSpec, OutputSpec
from kdaudit.spec import CONFIG_NAME, config_schema, option_helps

STARTERS = Path(__file__).parent / "starters"
# What belongs to a single run, and tables that have comments of their own.
_LEFT_OUT = frozenset({"waivers", "dry_run", "exit_zero", "output", "log_file", "progress", "color"})
# Where an option has no default, what one might write.
_EXAMPLES: dict[str, object] = {
    "train_data": "train.npz",
    "data_root": "/data",
    "image_size": 224,
    "mean": ".485,.456,.406",
    "std": ".229,.224,.225",
    "limit": 10_000,
    "limit_train": 50_000,
    "slice": ["camera"],
    "dropout": 0.1,
    "batch_size": 128,
    "lr": 0.1,
    "weight_decay": 5e-4,
    "label_smoothing": 0.1,
    "alpha": 0.9,
    "temperature": 4.0,
    "workers": 2,
    "report": ["junit=kdaudit.xml"],
}
_WIDTH = 100
_WAIVER_DAYS = 90
_OPENING = f"""\
# {CONFIG_NAME}: how `kdaudit check TEACHER STUDENT` audits a student in this folder and below.
#
# Lines with a "#" right before a key show the default, or an example where there is none: remove the "#" to set it.
# The command line (--train-data) and the environment (KDAUDIT_TRAIN_DATA) override what stands here.
"""


def starter_toml(stated: Mapping[str, str]) -> str:
    """Every option with its help and default, commented but for the stated ones; then the tables of the policy."""
    schema = config_schema()
    recipe = schema["properties"].pop("recipe")["properties"]
    panels: dict[str, list[str]] = {}
    for cls in (AuditSpec, OutputSpec):
        for name, help_ in option_helps(cls):
            if name not in _LEFT_OUT:
                panels.setdefault(help_.panel, []).append(name)
    lines = [_OPENING]
    for panel, names in panels.items():
        if panel != RECIPE_PANEL:
            lines += [f"# ---- {panel}", ""]
            lines += [line for name in names for line in _option(name, schema["properties"][name], stated)]
    lines += [
        "# ---- Recipe: how controls are trained, as your student was",
        "",
        *_unstated(),
        "",
        "[recipe]",
    ]
    lines += [line for name in panels[RECIPE_PANEL] for line in _option(name, recipe[name], stated)]
    return "\n".join([*lines, *_policy(schema["properties"])])


def starter_workflow(name: str, stated: Mapping[str, str]) -> str:
    """The workflow of that file name, with what was stated; files that were not are named by example."""
    values = {"teacher": "models/teacher.onnx", "student": "models/student.onnx", **stated}
    text = (STARTERS / name).read_text(encoding="utf-8")
    train = values.get("train_data", str(_EXAMPLES["train_data"]))
    # A folder is hashed by its files.
    values["train_files"] = f"{train}/**" if Path(train).is_dir() else train
    for key, value in values.items():
        text = text.replace(f'"@{key}@"', json.dumps(value, ensure_ascii=False))
    return text


def _unstated() -> Iterator[str]:
    """What is assumed of a recipe that is not stated, and what should be stated first."""
    yield from _comment(
        "What is not stated here is assumed, and the report says so. State epochs first (else a pilot network searches "
        "for them), then optimizer, lr and batch_size. As important: that train_data has the labels which the student "
        "was trained on, and init_from if it did not start from fresh weights. alpha and temperature are those of "
        "distilled and random controls; PASS or FAIL does not rest on them. Assumed by the student's family:"
    )
    for family, assumed in RECIPES.items():
        yield (
            f"#   {family}: {assumed.optimizer}, lr {assumed.lr:g}, weight_decay {assumed.weight_decay:g}, "
            f"batch_size {assumed.batch_size}"
        )


def _option(name: str, schema: Mapping[str, Any], stated: Mapping[str, str]) -> Iterator[str]:
    choices = _choices(schema)
    one_of = f" One of {', '.join(choices)}." if choices else ""
    yield from _comment(f"{schema['description']}{one_of}")
    yield f"{name} = {_toml(stated[name])}" if name in stated else f"#{name} = {_toml(_value(name, schema))}"
    yield ""


def _policy(properties: Mapping[str, Any]) -> Iterator[str]:
    from kdaudit.policy.stated import rule_info

    rules, limits = properties["rules"]["properties"], properties["limits"]["properties"]
    yield "# ---- Policy: `kdaudit explain RULE` says what a rule asks and what to do about it"
    yield ""
    yield "[rules]"
    for rule, schema in rules.items():
        if len(schema["enum"]) > 1:
            yield from _comment(f"{schema['description']}. One of {', '.join(schema['enum'])}.")
            yield f"#{rule} = {_toml(rule_info(rule).level)}"
    yield ""
    yield "[limits]"
    for limit, schema in limits.items():
        yield from _comment(f"{_opened(schema['description'])}.")
        yield f"#{limit} = {_toml(schema['default'])}"
    yield ""
    yield from _comment(
        "A violated rule that is accepted, why, and the last day on which it is; for one student, if named."
    )
    yield "#[[waivers]]"
    yield '#rule = "KD204"'
    yield '#reason = "The teacher mislabels shoes; the next release relabels them."'
    yield f"#expires = {date.today() + timedelta(days=_WAIVER_DAYS)}"
    yield '#student = "student.onnx"'
    yield ""


def _choices(schema: Mapping[str, Any]) -> list[str]:
    for part in (schema, *schema.get("anyOf", ())):
        if "enum" in part:
            return [str(choice) for choice in part["enum"]]
    return []


def _value(name: str, schema: Mapping[str, Any]) -> object:
    """The default; an example where that is nothing."""
    if name in _EXAMPLES:
        return _EXAMPLES[name]
    if schema.get("default") not in (None, []):
        return schema["default"]
    stated = [part.get("type", []) for part in (schema, *schema.get("anyOf", ()))]
    kinds = {kind for kinds in stated for kind in ([kinds] if isinstance(kinds, str) else kinds)}
    choices = _choices(schema)
    if choices:
        return choices[0]
    if "array" in kinds:
        return []
    return 1 if kinds & {"integer", "number"} else "..."


def _comment(said: str) -> list[str]:
    return textwrap.wrap(said, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _toml(value: object) -> str:
    """A value as TOML writes it: as JSON does, for what options hold."""
    return json.dumps(value, ensure_ascii=False)


def _opened(said: str) -> str:
    return said[:1].upper() + said[1:]
