"""Slices of the data, from a column of the file to a rule and the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kdaudit.errors import DataError, SpecError
from tests.pipeline.conftest import Auditor
from tests.planted import flawed_world


def test_a_column_parts_the_data_and_is_no_input(audited: Auditor, tmp_path: Path) -> None:
    """Both values are judged, their inherited errors named; the numbers of the whole stay what they are without."""
    world = flawed_world(tmp_path / "w", n=2000, copied=0.5)
    whole = audited(world)
    loaded = np.load(world.data)
    light = np.where(np.arange(len(loaded["y"])) % 2, "night", "day")
    np.savez(world.folder / "eval.npz", x=loaded["x"], y=loaded["y"], light=light)
    result = audited(world, slice=("light",))
    slices = {part.value: part for part in result.parts if part.family == "slice"}
    assert {"day", "night"} == slices.keys()
    assert result.n == sum(part.n for part in slices.values())
    assert all(part.inherited for part in slices.values())
    assert whole.kappa_W == result.kappa_W
    (rule,) = [rule for rule in result.rules if rule.id == "KD405"]
    assert "none of 2 slices" in rule.reason


def test_without_a_column_slices_are_not_judged(audited: Auditor, tmp_path: Path) -> None:
    """The rule says how to ask for them."""
    result = audited(flawed_world(tmp_path / "w"))
    (rule,) = [rule for rule in result.rules if rule.id == "KD405"]
    assert ("not_judged", True) == (rule.outcome.value, "--slice" in rule.reason)


def test_a_column_that_is_not_there_is_refused_invalid(audited: Auditor, tmp_path: Path) -> None:
    """With where it belongs."""
    with pytest.raises(SpecError, match=r"expected a column 'light' in .*eval.npz for --slice"):
        audited(flawed_world(tmp_path / "w"), slice=("light",))


def test_a_column_of_fractions_is_refused_invalid(audited: Auditor, tmp_path: Path) -> None:
    """Continuous values have no slices."""
    world = flawed_world(tmp_path / "w")
    loaded = np.load(world.data)
    np.savez(
        world.folder / "eval.npz", x=loaded["x"], y=loaded["y"], light=np.linspace(0, 1, len(loaded["y"]))
    )
    with pytest.raises(DataError, match="slice column light"):
        audited(world, slice=("light",))
