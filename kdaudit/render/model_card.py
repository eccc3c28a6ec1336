"""A section for the model card of a student on Hugging Face: YAML front matter with a `model-index`, then Markdown.

The front matter is what `huggingface_hub.ModelCard` reads; to a card that has one, copy its `model-index` and tags.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kdaudit import numbers
from kdaudit.numerics import listing, plural
from kdaudit.render import facts, text, words
from kdaudit.render.markdown_report import code, escaped, not_done, numbers_table, rules_table
from kdaudit.schema import AuditResult, EffectRecord

_DECIMALS = 6
# Options whose words are no files, and may hold a slash.
_NO_FILES = frozenset({"--freeze", "--input-columns", "--label-column", "--slice"})
# What stands before a file's name: after the sign of an option, in a list, before `:callable`, of Windows too.
_FOLDERS = re.compile(r"""(?:[A-Za-z]:[\\/]|\\\\)(?:[^=,:"']*[\\/])?|[^=,:"']*/""")
_PICTURES = frozenset({"image-folder", "named"})
_METRICS = (
    ("kappa_W", "Wrong knowledge taken over (kappa_W)"),
    ("kappa_R", "Right knowledge taken over (kappa_R)"),
    ("rrr", "Asymmetry, wrong over right (RRR)"),
    ("accuracy_gap", "Accuracy, less that of independent controls"),
    ("negative_flips", "Teacher’s right answers lost, less those of independent controls"),
    ("ece", "Expected calibration error, less that of independent controls"),
)

_Yaml = Mapping[str, Any] | Sequence[Any] | str | int | float


def render_model_card(result: AuditResult) -> str:
    """The audit as a model card: front matter, verdict, numbers with intervals, rules, how to reproduce it."""
    headline = words.headline(result)
    students = listing([escaped(student) for student in result.students])
    lines = [
        "---",
        *_block(_front_matter(result)),
        "---",
        "",
        "## What this model took over from its teacher",
        "",
        f"**{headline.word}. {escaped(headline.lead)}** {escaped(' '.join(headline.body))}".rstrip(),
        "",
        *numbers_table(result),
        "",
        f"{students}, a student of {escaped(result.teacher)}, on {plural(result.n, 'example')} of "
        f"{escaped(result.data.name)}, {_errors(result)}; "
        f"{words.count_controls(result)}. Each interval is a 90 % one.",
        "",
        words.count_rules(result),
        "",
        *rules_table(result),
        *not_done(result),
        "",
        f"Reproduced by {code(_without_folders(result.command))} (kdaudit {escaped(result.environment.kdaudit)}, "
        f"seed {result.seed}, {escaped(numbers.day(result.started))}):",
        "",
        code(result.signature) if result.signature else "no signature",
    ]
    return "\n".join(lines) + "\n"


def _without_folders(command: str) -> str:
    """The command with names of files alone: a card is published, and need not say where they lie."""
    join: Callable[[list[str]], str]
    try:
        words, join = shlex.split(command), shlex.join
    except ValueError:  # of no shell
        words, join = command.split(), " ".join
    shown = [
        word if {option, word.partition("=")[0]} & _NO_FILES else _FOLDERS.sub("", word.rstrip("/\\"))
        for option, word in zip(["", *words], words, strict=False)
    ]
    return command if shown == words else join(shown)


def _errors(result: AuditResult) -> str:
    if not result.data.has_labels:
        return "which have no labels"
    return f"{numbers.count(result.n_W)} of them teacher errors"


def _front_matter(result: AuditResult) -> dict[str, _Yaml]:
    """Tags, and the results as the Hub's `model-index` has them: task, data set, metrics."""
    data = text.name(result.data.name)
    slug = re.sub(r"[^a-z0-9]+", "-", data.lower()).strip("-")
    pictures = result.data.kind in _PICTURES
    return {
        "tags": ["knowledge-distillation", "kdaudit"],
        "model-index": [
            {
                "name": listing([text.name(student) for student in result.students]),
                "results": [
                    {
                        "task": {
                            "type": "image-classification" if pictures else "other",
                            "name": "Classification",
                        },
                        "dataset": {"type": slug or "data", "name": data},
                        "metrics": list(_metrics(result)),
                    }
                ],
            }
        ],
    }


def _metrics(result: AuditResult) -> Iterator[dict[str, _Yaml]]:
    yield {"type": "kdaudit-verdict", "name": "Verdict of kdaudit", "value": result.verdict.value}
    accuracy = facts.accuracy(result, "student")
    if accuracy is not None:
        yield {"type": "accuracy", "name": "Accuracy", "value": accuracy}
    for key, name in _METRICS:
        effect: EffectRecord | None = getattr(result, key)
        if effect is None or effect.estimate is None:
            continue
        args = {
            part: value for part in ("low90", "high90", "p") if (value := getattr(effect, part)) is not None
        }
        metric: dict[str, _Yaml] = {"type": key, "name": name, "value": effect.estimate}
        yield metric | ({"args": args} if args else {})


def _block(value: _Yaml, indent: str = "") -> Iterator[str]:
    """The lines of a YAML block; keys are ours, texts are JSON strings, which YAML reads too."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            if isinstance(below, Mapping | list):
                yield f"{indent}{key}:"
                yield from _block(below, f"{indent}  ")
            else:
                yield f"{indent}{key}: {_scalar(below)}"
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping):
                first, *others = _block(item, f"{indent}  ")
                yield f"{indent}- {first.lstrip()}"
                yield from others
            else:
                yield f"{indent}- {_scalar(item)}"


def _scalar(value: Any) -> str:
    """Numbers without an exponent, which YAML 1.1 would read as text."""
    if isinstance(value, float):
        whole, _, places = f"{round(value, _DECIMALS) + 0.0:.{_DECIMALS}f}".partition(".")
        return f"{whole}.{places.rstrip('0') or '0'}"
    return json.dumps(text.one_line(value) if isinstance(value, str) else value, ensure_ascii=False)
