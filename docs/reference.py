"""The reference pages of the site, written from the code: mkdocs calls `on_files` when it builds.

Nothing that they say is written here: options come from the command line's own parser, keys from the JSON Schemas,
rules and limits from the policy, the Python API from docstrings.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import kdaudit
from kdaudit.cli.main import app
from kdaudit.options import Waiver
from kdaudit.policy import RULES
from kdaudit.policy.explanations import EXPLANATIONS
from kdaudit.policy.limits import LIMITS, PRESET_LIMITS, PRESETS, limit_infos
from kdaudit.policy.stated import rule_info
from kdaudit.policy.waivers import may_be_waived
from kdaudit.render import render
from kdaudit.schema import AuditResult
from kdaudit.spec import config_schema

# Records whose fields have a page of their own.
_ELSEWHERE = {"AuditSpec": "config.md", "AuditResult": "audit-json.md"}
_NAME = re.compile(r"--?[a-z][a-z-]*")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and the reports that the site shows whole, to those of the folder."""
    for name, text in pages().items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    for audit in sorted((Path(__file__).parent / "audits").glob("*.json")):
        result = AuditResult.model_validate_json(audit.read_bytes())
        files.append(File.generated(config, f"reports/{audit.stem}.html", content=render(result, "html")))
    return files


def pages() -> dict[str, str]:
    """The text of each page of the reference, by name."""
    written = {
        "cli": _cli(),
        "config": _config(),
        "rules": _rules(),
        "audit-json": _audit_json(),
        "python": _python(),
    }
    return {name: "\n".join(lines) + "\n" for name, lines in written.items()}


def _cli() -> Iterator[str]:
    group: Any = typer.main.get_command(app)
    yield "# Command line"
    yield ""
    yield from (f"{paragraph}\n" for paragraph in _paragraphs(group.help))
    yield (
        "An option of an audit is also the environment variable `KDAUDIT_...` and a key of "
        "[kdaudit.toml](config.md): command line, then environment, then file, then default."
    )
    for name, command in sorted(group.commands.items()):
        yield from _command((name,), command)


def _command(names: tuple[str, ...], command: Any) -> Iterator[str]:
    """One command and, below it, its sub-commands."""
    yield ""
    yield f"## kdaudit {' '.join(names)}"
    yield ""
    yield from (f"{paragraph}\n" for paragraph in _paragraphs(command.help))
    context = command.context_class(command, info_name=names[-1])
    panels: dict[str, list[str]] = {}
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and not getattr(parameter, "hidden", False):
            own = "Arguments" if parameter.param_type_name == "argument" else "Options"
            heading = parameter.rich_help_panel or own
            panels.setdefault(heading, []).append(_row(record[0], record[1], parameter.envvar))
    for heading, rows in panels.items():
        yield from (f"**{heading}**", "", "| name | what it does | environment |", "|---|---|---|", *rows, "")
    for name, below in sorted(getattr(command, "commands", {}).items()):
        yield from _command((*names, name), below)


def _row(names: str, said: str, variable: str | None) -> str:
    shown = f"`{variable}`" if variable else ""
    return f"| `{names}` | {_cell(said)} | {shown} |"


def _config() -> Iterator[str]:
    schema = config_schema()
    yield "# kdaudit.toml"
    yield ""
    yield (
        "The nearest `kdaudit.toml`, or `[tool.kdaudit]` of the nearest `pyproject.toml`, from the working folder "
        "upwards. An unknown key is refused, with the nearest known one. `kdaudit schema config` prints the JSON "
        "Schema that this page is written from."
    )
    yield from _keys("Top level", schema["properties"], leave_out=("recipe", "rules", "limits", "waivers"))
    yield from _keys("[recipe]", schema["properties"]["recipe"]["properties"])
    yield from (
        "",
        "## [rules]",
        "",
        "A level by rule: `off`, `warn` or `error`. See [the rules](rules.md).",
        "",
    )
    yield from ("", "## [limits]", "", "A number by name. See [the limits](rules.md#limits).")
    yield from ("", "## [[waivers]]", "", *(f"{said}\n" for said in _paragraphs(Waiver.__doc__)))
    yield from _keys("", schema["properties"]["waivers"]["items"]["properties"])


def _keys(heading: str, properties: Mapping[str, Any], *, leave_out: tuple[str, ...] = ()) -> Iterator[str]:
    yield from ("", f"## {heading}", "") if heading else ()
    yield from ("| key | type | default | what it does |", "|---|---|---|---|")
    for name, entry in properties.items():
        if name not in leave_out:
            default = f"`{json.dumps(entry['default'])}`" if entry.get("default") not in (None, []) else ""
            yield f"| `{name}` | {_type(entry)} | {default} | {_cell(entry.get('description', ''))} |"


def _rules() -> Iterator[str]:
    yield "# Rules and limits"
    yield ""
    yield "`kdaudit explain RULE` says the same on a terminal."
    yield ""
    yield from ("| rule | level | asks |", "|---|---|---|")
    for name in RULES:
        yield f"| [{name}](#{name.lower()}) | {_level(name)} | {_cell(EXPLANATIONS[name].asks)} |"
    for name in RULES:
        yield from _rule(name)
    yield from (
        "",
        "## Presets",
        "",
        f"| preset | {' | '.join(PRESET_LIMITS)} | gains excuse |",
        "|---|---|---|---|",
    )
    for name, limits in PRESETS.items():
        numbers = " | ".join(f"{getattr(limits, limit):g}" for limit in PRESET_LIMITS)
        yield f"| `{name}` | {numbers} | {limits.gains} |"
    yield from ("", "## Limits", "", "| limit | default | from | to | what it is |", "|---|---|---|---|---|")
    for info in limit_infos():
        yield f"| `{info.name}` | {info.default:g} | {info.low:g} | {info.high:g} | {_cell(info.meaning)} |"


def _rule(name: str) -> Iterator[str]:
    info, said = rule_info(name), EXPLANATIONS[name]
    fixed = f" only: {info.fixed_because}" if info.fixed_because else ""
    waived = "may" if may_be_waived(name) else "cannot"
    limits = ", ".join(f"`{limit}` = {getattr(LIMITS, limit):g}" for limit in said.limits)
    yield from ("", f"## {name}", "", f"**{info.title}** ({_level(name)}). {_prose(said.asks)}", "")
    yield from (f"Computed:\n: {_prose(said.computed)}", "", f"Violated:\n: {_prose(said.violated)}", "")
    yield from (f"What to do:\n: {_prose(said.advice)}", "")
    yield f"Levels:\n: {' or '.join(info.levels)}{fixed}. It {waived} be waived."
    if limits:
        yield from ("", f"Limits:\n: {limits}")


def _level(name: str) -> str:
    info = rule_info(name)
    return f"{info.level}, fitness" if info.fitness else info.level


def _audit_json() -> Iterator[str]:
    schema = AuditResult.model_json_schema()
    yield "# audit.json"
    yield ""
    yield (
        "Everything that a report shows. `kdaudit schema report` prints the JSON Schema that this page is written "
        "from. Fields are added, never renamed within a major version; what is undefined is null."
    )
    records = {"AuditResult": schema, **dict(sorted(schema["$defs"].items()))}
    for name, entry in records.items():
        yield from (
            "",
            f"## {name}",
            "",
            *(f"{paragraph}\n" for paragraph in _paragraphs(entry.get("description"))),
        )
        if "enum" in entry:
            yield ", ".join(f"`{value}`" for value in entry["enum"])
            continue
        yield from ("| field | type | always there |", "|---|---|---|")
        required = entry.get("required", ())
        for field, about in entry["properties"].items():
            yield f"| `{field}` | {_type(about)} | {'yes' if field in required else ''} |"


def _python() -> Iterator[str]:
    yield "# Python"
    yield ""
    yield "What `import kdaudit` offers. What is not on this page may change in any release."
    for name in kdaudit.__all__:
        if not name.startswith("__"):
            yield from ("", f"::: kdaudit.{name}")
            if name in _ELSEWHERE:
                yield from ("    options:", "      show_signature: false", "      members: false", "")
                yield f"[All fields of {name}]({_ELSEWHERE[name]})"


def _type(entry: Mapping[str, Any]) -> str:
    """A JSON Schema's type in words, with links to records of the same page."""
    if "$ref" in entry:
        name = entry["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in entry:
            return " or ".join(_type(each) for each in entry[several])
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    return _container(entry)


def _container(entry: Mapping[str, Any]) -> str:
    kind = entry.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {_type(entry.get('items', {}))}"
    if kind == "object" and isinstance(entry.get("additionalProperties"), dict):
        return f"table of {_type(entry['additionalProperties'])}"
    return str(kind)


def _paragraphs(text: str | None) -> list[str]:
    return [_prose(each) for each in inspect.cleandoc(text or "").split("\n\n") if each]


def _cell(text: str) -> str:
    """Text in a cell of a table: on one line."""
    return _prose(text).replace("|", "\\|")


def _prose(text: str) -> str:
    """Text as it was written: no character of it is markup, and options are code."""
    safe = re.sub(r"([*_<\[\]])", r"\\\1", " ".join(text.split()))
    return _NAME.sub(_code, safe)


def _code(found: re.Match[str]) -> str:
    return f"`{found[0]}`" if found[0].startswith("--") else found[0]
