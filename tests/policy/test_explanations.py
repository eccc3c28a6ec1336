"""Every rule is explained, with the limits that it really reads."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from kdaudit.policy import RULES
from kdaudit.policy.explanations import EXPLANATIONS
from kdaudit.policy.limits import PRESETS, Limits
from kdaudit.types import Assessment
from tests.policy.assessments import EMPTY, GUILTY, assessment, evidence

# What a rule reads of others: whether KD201 fails, and what the rest of the audit computes with a limit.
INDIRECT = {"KD301": {*EXPLANATIONS["KD201"].limits}, "KD304": {"m_fail"}}
CASES = (
    EMPTY,
    assessment(),
    assessment(kappa=GUILTY, ratio=(1.5, 1.3, 1.8, 0.001), gap=-0.2, listed=40, n_W=100),
    assessment(sharpness=None, n_controls=5, n_duplicates=400, n_W=19),
    dataclasses.replace(assessment(), positive=(evidence("kappa_W", *GUILTY),)),
)


def limits_read(rule: str, found: Assessment, limits: Limits) -> set[str]:
    """The limits that a rule looks at, but for which hypothesis the preset tests."""
    read = set()

    class Watched:
        def __getattr__(self, name: str) -> object:
            read.add(name)
            return getattr(limits, name)

    RULES[rule](found, Watched())  # type: ignore[arg-type]
    return read - {"gains"}


def test_exactly_the_rules_are_explained() -> None:
    """In their order."""
    assert list(RULES) == list(EXPLANATIONS)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_reads_no_limit_that_its_explanation_does_not_name(rule: str) -> None:
    """And every named limit exists."""
    said = EXPLANATIONS[rule]
    read = set[str]().union(
        *(limits_read(rule, *case) for case in itertools.product(CASES, PRESETS.values()))
    )
    assert read <= {*said.limits, *INDIRECT.get(rule, ())}
    assert {*said.limits} <= {field.name for field in dataclasses.fields(Limits)}


@pytest.mark.parametrize("rule", RULES)
def test_an_explanation_says_four_things(rule: str) -> None:
    """A question, and three sentences."""
    said = EXPLANATIONS[rule]
    assert said.asks.endswith("?")
    assert all(words.endswith(".") for words in (said.computed, said.violated, said.advice))
