"""Flat metrics: finite numbers under keys that every experiment tracker takes, none of them a foreign name."""

from __future__ import annotations

import json
import posixpath
import re

import pytest

from kdaudit.render import render
from tests.factories import Kind, audit_result, kinds

# What mlflow takes: these characters, and a key that is a plain relative path of at most 250 characters.
MLFLOW = re.compile(r"[\w.\- /]{1,250}", re.ASCII)


def metrics(kind: Kind) -> dict[str, float]:
    """The metrics of an audit."""
    return dict(json.loads(render(audit_result(kind), "metrics")))


@pytest.mark.parametrize("kind", kinds())
def test_keys_and_values_are_what_trackers_take(kind: Kind) -> None:
    """The grammar of mlflow is the narrowest; nothing is null, text or a truth value."""
    for key, value in metrics(kind).items():
        assert MLFLOW.fullmatch(key), key
        assert key == posixpath.normpath(key)
        assert key.startswith("kdaudit/")
        assert type(value) in (int, float), key


def test_no_name_of_a_file_or_class_is_a_key() -> None:
    """A hostile audit has the keys of any other."""
    assert set(metrics("fail")) == set(metrics("hostile"))


def test_the_numbers_are_those_of_the_audit() -> None:
    """Estimate, both ends and p; accuracies by role; outcomes counted."""
    found = metrics("fail")
    result = audit_result("fail")
    assert result.kappa_W is not None
    assert (0.3106, result.kappa_W.low90) == (found["kdaudit/kappa_W"], found["kdaudit/kappa_W_low90"])
    assert (0, 1) == (found["kdaudit/passed"], found["kdaudit/exit_code"])
    assert 0.896 == found["kdaudit/accuracy/student"]
    assert result.transfer["js"].estimate == found["kdaudit/transfer/js"]
    assert len(result.rules) == sum(value for key, value in found.items() if key.startswith("kdaudit/rules/"))


def test_what_is_undefined_is_left_out() -> None:
    """Rather than 0."""
    found = metrics("empty")
    assert "kdaudit/kappa_W" not in found
    assert 0 == found["kdaudit/passed"]
    assert 0 == found["kdaudit/n_controls"]
