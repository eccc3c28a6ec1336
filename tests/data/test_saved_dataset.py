"""Data sets of Hugging Face's `datasets`: saved by its users, and in its own cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kdaudit.data import DataOptions, hub_cache
from kdaudit.errors import DataError

from .factories import load
from .sources import png_bytes

datasets: Any = pytest.importorskip("datasets")


def pictures(label: str = "label", column: str = "image") -> Any:
    """Four pictures of two classes."""
    rows = {column: [{"bytes": png_bytes(i), "path": None} for i in range(4)], label: [0, 1, 0, 1]}
    features = datasets.Features({column: datasets.Image(), label: datasets.ClassLabel(names=["no", "yes"])})
    return datasets.Dataset.from_dict(rows, features=features)


def test_pictures_are_decoded_here(tmp_path: Path) -> None:
    """By the reader of all pictures, so that a broken one is left out; class names are those of the feature."""
    pictures().save_to_disk(str(tmp_path / "d"))
    examples = load(tmp_path / "d", tmp_path / "cache")
    assert (4, 3, 6, 8) == examples.stored["x"].shape
    assert ("no", "yes") == examples.class_names
    rows = {"image": [{"bytes": png_bytes(0), "path": None}] * 2 + [None], "label": [0, 1, 1]}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "e"))
    with pytest.raises(
        DataError, match=r"expected a whole picture in row 2 of .*, found: nothing in this row"
    ):
        load(tmp_path / "e", tmp_path / "cache")
    assert 2 == len(load(tmp_path / "e", tmp_path / "cache", DataOptions(max_skipped=1)))


def test_several_splits_are_to_be_chosen_from_invalid(tmp_path: Path) -> None:
    """The hint names one."""
    datasets.DatasetDict({"train": pictures(), "test": pictures()}).save_to_disk(str(tmp_path / "d"))
    with pytest.raises(DataError, match=r"expected one split in .*, found test, train") as caught:
        load(tmp_path / "d", tmp_path / "cache")
    assert f"name it: {tmp_path}/d/test or {tmp_path}/d/train" == caught.value.hint
    assert 4 == len(load(tmp_path / "d" / "test", tmp_path / "cache"))


def test_damaged_and_empty_ones_invalid(hub: Path, tmp_path: Path) -> None:
    """Whatever `datasets` makes of them."""
    pictures().save_to_disk(str(tmp_path / "d"))
    (arrow,) = (tmp_path / "d").glob("*.arrow")
    arrow.write_bytes(arrow.read_bytes()[:50])
    with pytest.raises(DataError, match="expected a whole data set at"):
        load(tmp_path / "d", tmp_path / "cache")
    pictures().select([]).save_to_disk(str(tmp_path / "e"))
    with pytest.raises(DataError, match="expected a whole data set at"):
        load(tmp_path / "e", tmp_path / "cache")
    put(hub, "ylecun/mnist", "test", pictures().select([]))
    with pytest.raises(DataError, match=r"expected at least one example in mnist:test, found none"):
        load("mnist", tmp_path / "cache")


def test_without_its_package_it_says_how_to_get_it_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is named."""
    pictures().save_to_disk(str(tmp_path / "d"))

    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("kdaudit.installed.import_module", missing)
    with pytest.raises(DataError, match="expected the package datasets for") as caught:
        load(tmp_path / "d", tmp_path / "cache")
    assert "pip install 'kdaudit[hf]'" == caught.value.hint


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of `datasets`, empty."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub")
    return tmp_path / "hub"


def put(hub: Path, name: str, split: str, found: Any) -> Path:
    """What `load_dataset` leaves there."""
    from datasets.arrow_writer import ArrowWriter

    folder = hub / name.replace("/", "___") / "default" / "0.0.0" / "abc"
    folder.mkdir(parents=True, exist_ok=True)
    rows, first = found, found.column_names[0]
    if isinstance(found.features[first], datasets.Image):
        rows = found.cast_column(first, datasets.Image(decode=False))
    with ArrowWriter(path=str(folder / f"x-{split}.arrow"), features=found.features) as writer:
        for row in rows:
            writer.write(row)
        writer.finalize()
    (folder / "dataset_info.json").write_text("{}", encoding="utf-8")
    return folder


def test_a_named_set_is_found_in_the_hubs_cache(hub: Path, tmp_path: Path) -> None:
    """Read from its Arrow files, without any request; what is not complete is not there."""
    folder = put(hub, "uoft-cs/cifar100", "test", pictures("fine_label", "img"))
    examples = load("cifar100", tmp_path / "cache")
    assert 4 == len(examples)
    assert (0.5071, 0.4867, 0.4408) == examples.preprocess.mean
    (folder / "dataset_info.json").unlink()
    with pytest.raises(DataError, match="expected the data set cifar100:test, found nothing"):
        load("cifar100", tmp_path / "cache")


def test_texts_of_the_hub_must_be_tokenised_invalid(hub: Path, tmp_path: Path) -> None:
    """By their own tokenizer."""
    put(hub, "stanfordnlp/imdb", "test", datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}))
    with pytest.raises(DataError, match=r"expected token numbers, .*, found raw texts of imdb:test in"):
        load("imdb", tmp_path / "cache")


def test_damaged_arrow_files_invalid(hub: Path, tmp_path: Path) -> None:
    """Named with their folder."""
    folder = put(hub, "ylecun/mnist", "test", pictures())
    (folder / "x-test.arrow").write_bytes(b"nothing")
    with pytest.raises(DataError, match="expected whole Arrow files of mnist in"):
        load("mnist", tmp_path / "cache")


def test_without_the_package_the_hubs_cache_is_not_looked_at(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes seconds to import."""
    from kdaudit.data.catalogue import DATA_SETS

    put(hub, "ylecun/mnist", "test", pictures())
    monkeypatch.setattr(hub_cache, "version_of", lambda _: None)
    assert hub_cache.find_in_hub_cache(DATA_SETS["mnist"], "test") is None


def test_lists_become_inputs(tmp_path: Path) -> None:
    """Token numbers as the tokenizer's map leaves them."""
    rows = {"input_ids": [[1, 2], [3, 4]], "attention_mask": [[1, 1], [1, 0]], "label": [0, 1]}
    datasets.Dataset.from_dict(rows).save_to_disk(str(tmp_path / "d"))
    examples = load(tmp_path / "d", tmp_path / "cache")
    np.testing.assert_array_equal([[1, 2], [3, 4]], examples.stored["input_ids"])
