"""Examples that could not be read: what the report and the notices say of them."""

from __future__ import annotations

from collections.abc import Iterator

from kdaudit.data import Examples
from kdaudit.pipeline.plan import Setup
from kdaudit.types import Skipped

_MOST_NAMED = 100


def skipped_examples(setup: Setup) -> Iterator[Skipped]:
    """A record for each evaluation example that was left out, up to 100, and one for those of the training data."""
    found = setup.data.skipped
    yield from found[:_MOST_NAMED]
    if len(found) > _MOST_NAMED:
        reason = "cannot be read either; --max-skipped 0 stops at the first"
        yield Skipped(what=f"{len(found) - _MOST_NAMED:,} more examples", stage="data", reason=reason)
    if setup.train is not None and setup.train.skipped:
        n = len(setup.train.skipped)
        yield Skipped(what=f"{n:,} training examples", stage="data", reason=setup.train.skipped[0].reason)


def skipped_notices(setup: Setup) -> Iterator[str]:
    """A line for each data set of which something was left out."""
    for examples in filter(None, (setup.data, setup.train)):
        if examples.skipped:
            yield notice_of(examples)


def notice_of(examples: Examples) -> str:
    """How many examples were left out, and the first reason."""
    first = examples.skipped[0]
    return (
        f"{examples.ref.location}: {len(examples.skipped):,} examples cannot be read and are left out (--max-skipped); "
        f"the first: {first.reason}"
    )
