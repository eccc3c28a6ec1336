"""Examples that could not be read, or are not there: what the report and the notices say of them."""

from __future__ import annotations

from collections.abc import Iterator

from kdaudit.data import Examples
from kdaudit.data.named import incompleteness
from kdaudit.numerics import plural
from kdaudit.pipeline.plan import Setup
from kdaudit.types import Skipped

_MOST_NAMED = 100
# How sentences of the data end that those on the models' preprocessing are more exact than.
DIVIDED = "divided by 255"


def skipped_examples(setup: Setup) -> Iterator[Skipped]:
    """A record for each evaluation example that was left out, up to 100, and one for those of the training data."""
    found = setup.data.skipped
    yield from found[:_MOST_NAMED]
    if len(found) > _MOST_NAMED:
        reason = "cannot be read either; --max-skipped 0 stops at the first"
        yield Skipped(what=plural(len(found) - _MOST_NAMED, "more example"), stage="data", reason=reason)
    train = _train_of_its_own(setup)
    if train is not None and train.skipped:
        n = len(train.skipped)
        yield Skipped(what=plural(n, "training example"), stage="data", reason=train.skipped[0].reason)


def skipped_notices(setup: Setup) -> Iterator[str]:
    """A line for each data set of which something was left out, and for each known one that is not all there."""
    for examples in filter(None, (setup.data, _train_of_its_own(setup))):
        if examples.skipped:
            yield notice_of(examples)
    yield from incomplete_sets(setup)


def incomplete_sets(setup: Setup) -> Iterator[str]:
    """A sentence for each known data set that has another number of examples than are there."""
    yield from filter(None, [incompleteness(setup.data)])
    train = _train_of_its_own(setup)
    if train is not None and len(train.whole) != setup.spec.limit_train:
        yield from filter(None, [incompleteness(train)])


def _train_of_its_own(setup: Setup) -> Examples | None:
    """The training data, unless it is a part of the evaluation data."""
    train = setup.train
    return None if train is None or train.folder == setup.data.folder else train


def notice_of(examples: Examples) -> str:
    """How many examples were left out, and the first reason."""
    first = examples.skipped[0]
    said = "example cannot be read and is", "examples cannot be read and are"
    left_out = plural(len(examples.skipped), *said)
    return f"{examples.ref.location}: {left_out} left out (--max-skipped); the first: {first.reason}"
