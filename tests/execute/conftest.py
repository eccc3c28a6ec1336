"""Instances of Ray that leave nothing in the home folder of whoever runs the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _without_a_token() -> Iterator[None]:
    """Without being told Ray makes a token in the home folder, and later clusters of this process ask for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        yield
