"""What the user says, from the command line, the environment and kdaudit.toml, into an AuditSpec and an OutputSpec.

Command line > environment > file > default. All errors of a configuration are found at once.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from kdaudit.data.preprocess_tables import table_schema
from kdaudit.errors import SpecError
from kdaudit.options import RECIPE_PANEL, AuditSpec, Help, OutputSpec, Waiver
from kdaudit.policy.limits import DEFAULT_PRESET, PRESET_LIMITS
from kdaudit.policy.stated import nearest, policy_of
from kdaudit.policy.tables import closed, table_schemas, waivers_of

CONFIG_NAME = "kdaudit.toml"
_S = TypeVar("_S", AuditSpec, OutputSpec)
# What a single run names and a project's configuration does not.
_POSITIONAL = frozenset({"teacher", "students"})
# Tables of a configuration that are no options, and options that may be tables.
_TABLES = ("rules", "limits")
_TABLE_OPTIONS = ("preprocess", "teacher_preprocess", "student_preprocess")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Specs:
    """What to audit and what to show, and the configuration file that was read, if any."""

    audit: AuditSpec
    output: OutputSpec
    config: Path | None


def resolve(given: Mapping[str, object], *, config: Path | None, isolated: bool, folder: Path) -> Specs:
    """The specs of one run.

    Args:
        given: option values by field name as the command line and the environment give them; None: not given.
        config: the configuration file, or None to look for the nearest one from `folder` upwards.
        isolated: read no file that was not named.
        folder: where to start looking.

    Raises:
        SpecError: unknown keys (with the nearest known one), wrong types or values, or nothing to audit.
    """
    path = config if config is not None or isolated else _nearest(folder)
    from_file = {} if path is None else _read(path)
    above = {key: value for key, value in given.items() if value is not None}
    values = {**from_file, **above, **_stated_policy(from_file, above, path)}
    if values.get("data") is None:
        raise SpecError(
            "expected labelled evaluation data, found none",
            hint="add --data FILE.npz, a folder of class folders, or a name such as imagenet-val",
        )
    return Specs(audit=_validated(AuditSpec, values), output=_validated(OutputSpec, values), config=path)


def config_schema() -> dict[str, Any]:
    """The JSON Schema of kdaudit.toml."""
    properties: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    for cls in (AuditSpec, OutputSpec):
        schema = TypeAdapter(cls).json_schema()
        for name, help_ in option_helps(cls):
            entry = {**schema["properties"][name], "description": help_.text}
            (recipe if help_.panel == RECIPE_PANEL else properties)[name] = entry
    properties["recipe"] = closed(recipe)
    for name in _TABLE_OPTIONS:
        properties[name] = {
            "anyOf": [{"type": ["string", "null"]}, table_schema()],
            "default": None,
            "description": properties[name]["description"],
        }
    for name, entry in table_schemas().items():
        properties[name] = {**properties.get(name, {}), **entry}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": CONFIG_NAME,
        **closed(properties),
    }


def option_helps(cls: type[AuditSpec] | type[OutputSpec]) -> Iterator[tuple[str, Help]]:
    """Name and help of every option of a spec, in order."""
    for name, hint in get_type_hints(cls, include_extras=True).items():
        for extra in getattr(hint, "__metadata__", ()):
            if isinstance(extra, Help):
                yield name, extra


def _nearest(folder: Path) -> Path | None:
    for parent in (folder, *folder.parents):
        if (parent / CONFIG_NAME).is_file():
            return parent / CONFIG_NAME
        pyproject = parent / "pyproject.toml"
        if pyproject.is_file() and "kdaudit" in _toml(pyproject).get("tool", {}):
            return pyproject
    return None


def _read(path: Path) -> dict[str, object]:
    """Option values of a configuration file, `[recipe]` flattened."""
    document = _toml(path)
    if path.name == "pyproject.toml":
        document = document.get("tool", {}).get("kdaudit", {})
    tables = ("recipe", *_TABLES)
    for name, value in document.items():
        if name in tables and not isinstance(value, dict):
            raise SpecError(f"expected a table [{name}] in {path}, found {type(value).__name__}")
        if name not in (*tables, *_TABLE_OPTIONS) and isinstance(value, dict):
            raise SpecError(f"unknown table [{name}] in {path}{nearest(name, (*tables, *_TABLE_OPTIONS))}")
    recipe = document.pop("recipe", {})
    known = {True: set[str](), False: {*_TABLES}}
    for cls in (AuditSpec, OutputSpec):
        for name, help_ in option_helps(cls):
            known[help_.panel == RECIPE_PANEL].add(name)
    full = known[False] | {f"recipe.{name}" for name in known[True]}
    unknown = [key for key in (*document, *(f"recipe.{name}" for name in recipe)) if key not in full]
    if unknown:
        raise SpecError(
            "; ".join(_unknown(key, full, path) for key in unknown),
            hint="kdaudit schema config lists every key",
        )
    return {**document, **recipe}


def _unknown(key: str, known: set[str], path: Path) -> str:
    """What is said of an unknown key: the known one that is nearest, in whichever table it stands."""
    names = {name.removeprefix("recipe."): name for name in known}
    near = get_close_matches(key.removeprefix("recipe."), names, n=1)
    return f"unknown key {key} in {path}" + (f", did you mean {names[near[0]]}?" if near else "")


def _stated_policy(
    from_file: Mapping[str, object], above: Mapping[str, object], path: Path | None
) -> dict[str, object]:
    """The tables of the policy, checked: those of the file, but for what the command line and environment state.

    A preset above the file states the limits in which presets differ.
    """
    rules, limits = (_table(from_file, name) for name in _TABLES)
    if "preset" in above:
        limits = {name: value for name, value in limits.items() if name not in PRESET_LIMITS}
    files = above.get("waivers")
    if isinstance(files, list | tuple):
        waivers = tuple(waiver for file in files for waiver in _waivers_in(Path(str(file))))
    else:
        waivers = waivers_of(from_file.get("waivers", []), where=str(path))
    preset = str(above.get("preset") or from_file.get("preset") or DEFAULT_PRESET)
    policy_of(preset=preset, rules=rules, limits=limits, waivers=waivers)
    return {"rules": rules, "limits": limits, "waivers": waivers}


def _table(values: Mapping[str, object], name: str) -> dict[str, object]:
    found = values.get(name)
    return dict(found) if isinstance(found, dict) else {}


def _waivers_in(path: Path) -> tuple[Waiver, ...]:
    """The waivers of a file of their own."""
    document = _toml(path)
    unknown = [key for key in document if key != "waivers"]
    if unknown:
        raise SpecError(f"expected nothing but [[waivers]] in {path}, found {', '.join(unknown)}")
    return waivers_of(document.get("waivers", []), where=str(path))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise SpecError(
            f"expected a configuration file at {path}, found: {failure.strerror or failure}"
        ) from failure
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise SpecError(f"expected TOML in {path}, found: {failure}") from failure


def _validated(cls: type[_S], values: Mapping[str, object]) -> _S:
    names = {field.name for field in dataclasses.fields(cls)}
    try:
        return TypeAdapter(cls).validate_python({k: v for k, v in values.items() if k in names})
    except ValidationError as failure:
        problems = [
            f"{'' if error['loc'][0] in _POSITIONAL else '--'}{str(error['loc'][0]).replace('_', '-')}: "
            f"{error['msg'].lower()}, found {error['input']!r}"
            for error in failure.errors()
        ]
        raise SpecError("; ".join(problems)) from failure
