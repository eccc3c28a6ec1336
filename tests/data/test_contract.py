"""What holds for every source of examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kdaudit.data import SOURCES, DataOptions, Limit, source_kind

from .factories import load
from .sources import BUILDERS, Made, N


@pytest.fixture(params=list(BUILDERS))
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    """Ten examples in one form."""
    (tmp_path / "source").mkdir()
    return BUILDERS[request.param](tmp_path / "source")


def test_ids_labels_and_inputs_have_their_form(made: Made, tmp_path: Path) -> None:
    """Ten of each; ids differ, labels are numbers of two classes, inputs are of a type that is kept."""
    examples = load(made.location, tmp_path / "cache", made.options)
    assert N == len(examples) == len(examples.ids) == len(examples.labels) == examples.ref.n
    assert N == len(set(examples.ids))
    assert np.int64 == examples.labels.dtype
    assert {0, 1} == set(examples.labels.tolist())
    for array in examples.stored.values():
        assert N == len(array)
        assert array.dtype in (np.uint8, np.float16, np.float32, np.int32, np.int64)
    assert N == sum(len(batch) for batch in examples.batches(4))


def test_a_second_read_is_the_first_one(made: Made, tmp_path: Path) -> None:
    """The same ids in the same order, the same digest, the same folder of the cache."""
    first, second = (load(made.location, tmp_path / "cache", made.options) for _ in range(2))
    assert first.ids.tolist() == second.ids.tolist()
    assert (first.folder, first.ref) == (second.folder, second.ref)
    other = load(made.location, tmp_path / "other cache", made.options)
    assert first.ref == other.ref


def test_a_change_of_the_source_is_seen(made: Made, tmp_path: Path) -> None:
    """Another number or pixel is another digest; nothing stale comes out of the cache."""
    before = load(made.location, tmp_path / "cache", made.options).ref.sha256
    made.change()
    assert before != load(made.location, tmp_path / "cache", made.options).ref.sha256


def test_a_limit_keeps_the_classes_shares(made: Made, tmp_path: Path) -> None:
    """Two of each class, and their columns with them."""
    options = DataOptions(slices=made.options.slices, limit=Limit(n=4, seed=0))
    examples = load(made.location, tmp_path / "cache", options)
    assert [2, 2] == np.bincount(examples.labels).tolist()
    assert 4 == len(examples.ids)
    if examples.groups is not None:
        assert 4 == len(examples.groups)
    assert {4} == {len(column) for column in (examples.labels, *examples.columns.values())}


def test_nothing_is_written_outside_the_cache(made: Made, tmp_path: Path) -> None:
    """Neither beside the data nor above it."""
    before = {path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts}
    load(made.location, tmp_path / "cache", made.options)
    after = {
        path
        for path in tmp_path.rglob("*")
        if "cache" not in path.relative_to(tmp_path).parts and "__pycache__" not in path.parts
    }
    assert before == after


def test_every_source_is_here(tmp_path: Path) -> None:
    """The contract covers all of `SOURCES`; named data sets are these forms under a name."""
    found = set()
    for name, build in BUILDERS.items():
        (tmp_path / name).mkdir()
        found.add(source_kind(build(tmp_path / name).location))
    assert set(SOURCES) - {"named"} == found
