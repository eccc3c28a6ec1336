"""What every test starts from, whatever shell the tests were called from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_width_from_outside() -> Iterator[None]:
    """Some shells and runners set COLUMNS, by which piped text is wrapped too; tests that want a width set it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        yield
