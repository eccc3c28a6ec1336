"""What is said of other packages' errors."""

from __future__ import annotations

import pytest

from kdaudit.errors import said_by


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (ValueError("no such file\nin any folder"), "no such file"),
        (ValueError("\n  late \n"), "late"),
        (ValueError(" \n"), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_an_error_says_its_first_line_or_its_kind(failure: BaseException, said: str) -> None:
    """An error without a text is an error all the same."""
    assert said == said_by(failure)
