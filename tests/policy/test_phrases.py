"""Numbers as the rules say them."""

from __future__ import annotations

import pytest

from kdaudit.policy.phrases import at_most, bare, compared


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (0.018, "1.8 points more"),
        (-0.018, "1.8 points fewer"),
        (0.0004, ""),
        (-0.0004, ""),
        (-0.0006, "0.1 points fewer"),
        (0.0, ""),
    ],
)
def test_a_difference_says_its_direction_in_words(difference: float, said: str) -> None:
    """No signs, and no difference where it rounds to nothing."""
    assert said == compared(difference, more="more", less="fewer")


def test_margins_and_probabilities_read_as_words_do() -> None:
    """One point, 2.5 points; no leading zero."""
    assert ["1 point", "2.5 points"] == [at_most(0.01), at_most(0.025)]
    assert ".05" == bare(0.05)
