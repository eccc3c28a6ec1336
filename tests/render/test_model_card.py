"""The model card: front matter that huggingface_hub reads, Markdown of our own, no markup of foreign names."""

from __future__ import annotations

import re
from typing import Any

import pytest
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from kdaudit.render import render
from kdaudit.schema import AuditResult
from tests.factories import Kind, audit_result, kinds


def card(result: AuditResult) -> ModelCard:
    """The card, read by huggingface_hub."""
    return ModelCard(render(result, "model-card"))


def data(read: ModelCard) -> ModelCardData:
    """The front matter."""
    assert isinstance(read.data, ModelCardData)
    return read.data


def fields(read: ModelCard) -> dict[str, Any]:
    """The front matter as plain data."""
    return dict(read.data.to_dict())  # type: ignore[no-untyped-call]


def results_of(result: AuditResult) -> dict[str, EvalResult]:
    """The evaluation results of the card by metric."""
    return {found.metric_type: found for found in data(card(result)).eval_results or ()}


@pytest.mark.parametrize("kind", kinds())
def test_the_hub_reads_its_results(kind: Kind) -> None:
    """Each has a task, a data set, a metric and a value; tags say what it is about."""
    result = audit_result(kind)
    assert ["knowledge-distillation", "kdaudit"] == data(card(result)).tags
    found = results_of(result)
    assert result.verdict.value == found["kdaudit-verdict"].metric_value
    for row in found.values():
        assert row.dataset_name
        assert re.fullmatch("[a-z0-9-]+", row.dataset_type)
        assert row.task_type in ("image-classification", "other")


def test_numbers_are_numbers_with_their_intervals() -> None:
    """The interval stands in the metric's arguments."""
    found = results_of(audit_result("fail"))
    assert 0.896 == found["accuracy"].metric_value
    assert 0.3106 == found["kappa_W"].metric_value
    assert {"low90": 0.26, "high90": 0.36, "p": 0.0002} == found["kappa_W"].metric_args
    assert {"kdaudit-verdict"} == set(results_of(audit_result("empty")))


def test_pictures_are_named_as_a_task() -> None:
    """Where the data is a folder of pictures; arrays may be anything."""
    base = audit_result("fail")
    pictures = base.model_copy(update={"data": base.data.model_copy(update={"kind": "image-folder"})})
    assert "image-classification" == results_of(pictures)["accuracy"].task_type
    assert "other" == results_of(base)["accuracy"].task_type


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (
            "kdaudit check /home/me/t.onnx runs/s.onnx --data e.npz",
            "kdaudit check t.onnx s.onnx --data e.npz",
        ),
        ("kdaudit check --data='/my data/eval/' --alpha .9", "kdaudit check --data=eval --alpha .9"),
        ("kdaudit check --student-arch ~/x/net.py:build", "kdaudit check --student-arch net.py:build"),
        ("kdaudit check --report html=/www/r.html", "kdaudit check --report html=r.html"),
        (r"kdaudit check 'C:\me\t.onnx' '\\host\share\s.onnx'", "kdaudit check t.onnx s.onnx"),
        (r"kdaudit check t.onnx --freeze '^/stem/\d'", r"kdaudit check t.onnx --freeze '^/stem/\d'"),
        ("kdaudit check --slice a/b --label-column=c/d", "kdaudit check --slice a/b --label-column=c/d"),
        ("kdaudit check it's /home/me/t.onnx", "kdaudit check it's t.onnx"),
    ],
)
def test_a_published_command_names_no_folders(given: str, shown: str) -> None:
    """Files by their names alone, wherever they stand in a word; what is no path is left as it is."""
    result = audit_result("fail").model_copy(update={"command": given})
    assert f"Reproduced by `{shown}` (kdaudit" in render(result, "model-card")


@pytest.mark.parametrize("kind", kinds())
def test_saving_it_again_changes_no_value(kind: Kind) -> None:
    """What huggingface_hub writes of it reads back the same: names are one line of plain text to YAML."""
    read = card(audit_result(kind))
    assert fields(read) == fields(ModelCard(str(read)))


@pytest.mark.parametrize("value", [1e-5, -1e-6, 0.0, 1e16])
def test_numbers_are_written_without_an_exponent(value: float) -> None:
    """YAML 1.1 reads 1e-05 as text."""
    base = audit_result("fail")
    assert base.rrr is not None
    changed = base.model_copy(update={"rrr": base.rrr.model_copy(update={"estimate": value})})
    assert value == results_of(changed)["rrr"].metric_value


def test_hostile_names_are_text_in_yaml_and_markdown() -> None:
    """No front matter that ends early, no tag, link, mention or code of theirs."""
    read = card(audit_result("hostile"))
    assert {"tags", "model-index"} == set(fields(read))
    body = re.sub(r"`[^`\n]*`", "", read.text)
    assert not re.search(r"(?<!\\)<(script|img)", body)
    assert not re.search(r"@[a-z]|#\d|https://", body)
    assert 0 == read.text.count("`") % 2


def test_it_says_how_it_was_reproduced() -> None:
    """Command, version, seed and signature."""
    text = card(audit_result("fail")).text
    for said in ("`kdaudit check cnn-large.onnx", "seed 7", "`kdaudit:0.1.0|T:"):
        assert said in text
