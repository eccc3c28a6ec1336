"""Fetching a named set: only when asked, by others, and whole or not at all."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torchvision.datasets

from kdaudit.data import DataOptions, download, layouts
from kdaudit.errors import DataError, SpecError

from .factories import load
from .named_sets import save_class_folders, save_idx_set


@pytest.fixture(autouse=True)
def nothing_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither Debian's package nor the package `datasets`."""
    monkeypatch.setattr(layouts, "DEBIAN_FASHION", tmp_path / "nothing")
    monkeypatch.setattr("kdaudit.data.hub_cache.version_of", lambda _: None)


def fetches(
    monkeypatch: pytest.MonkeyPatch, name: str = "MNIST", failure: Exception | None = None
) -> list[str]:
    """Torchvision's class replaced by one that makes small files, or fails with half of them; calls are noted."""
    calls: list[str] = []

    def mnist(root: str, *, train: bool, download: bool) -> None:
        calls.append(f"train={train} download={download}")
        (Path(root) / "MNIST" / "raw").mkdir(parents=True)
        (Path(root) / "MNIST" / "raw" / "half.gz").write_bytes(b"x")
        if failure is not None:
            raise failure
        save_idx_set(Path(root) / "MNIST" / "raw")
        save_idx_set(Path(root) / "MNIST" / "raw", split="train")

    def imagenette(root: str, *, split: str, download: bool) -> None:
        calls.append(f"split={split} download={download}")
        (Path(root) / "imagenette2.tgz").write_bytes(b"x")
        for part in ("val", "train"):
            save_class_folders(Path(root) / "imagenette2" / part, tuple(f"n{i:08d}" for i in range(10)))

    made = mnist if name == "MNIST" else imagenette
    made.__name__ = name
    monkeypatch.setattr(torchvision.datasets, name, made)
    return calls


def test_nothing_is_fetched_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to do instead."""
    calls = fetches(monkeypatch)
    with pytest.raises(DataError, match="expected the data set mnist:test, found nothing"):
        load("mnist", tmp_path / "cache", DataOptions(data_root=tmp_path / "root"))
    assert [] == calls


def test_what_is_fetched_is_read_and_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torchvision's layout under the data root, and nothing beside it."""
    calls = fetches(monkeypatch)
    options = DataOptions(data_root=tmp_path / "root", download=True)
    assert 20 == len(load("mnist", tmp_path / "cache", options))
    assert 20 == len(load("mnist:train", tmp_path / "cache", options))
    assert ["train=False download=True"] == calls
    assert ["MNIST"] == [path.name for path in (tmp_path / "root").iterdir()]


def test_archives_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a split has the name that its makers gave it."""
    calls = fetches(monkeypatch, "Imagenette")
    options = DataOptions(data_root=tmp_path / "root", download=True, image_size=8)
    assert 20 == len(load("imagenette", tmp_path / "cache", options))
    assert ["split=val download=True"] == calls
    assert ["imagenette2"] == [path.name for path in (tmp_path / "root").iterdir()]


@pytest.mark.parametrize(
    "failure", [RuntimeError("File not found or corrupted."), OSError("no route"), ValueError("?")]
)
def test_a_failed_download_leaves_nothing_invalid(
    failure: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a data set must not be found by the next run."""
    fetches(monkeypatch, failure=failure)
    options = DataOptions(data_root=tmp_path / "root", download=True)
    with pytest.raises(DataError, match=r"expected to fetch mnist, found: .*; nothing of it was kept"):
        load("mnist", tmp_path / "cache", options)
    assert [] == list((tmp_path / "root").iterdir())


def test_a_download_needs_a_place_invalid(tmp_path: Path) -> None:
    """It is not put anywhere by itself."""
    with pytest.raises(SpecError, match="expected a data root to download mnist into, found none"):
        load("mnist", tmp_path / "cache", DataOptions(download=True))


def test_what_nobody_may_fetch_invalid(tmp_path: Path) -> None:
    """ImageNet has terms to agree to."""
    with pytest.raises(DataError, match="expected imagenet to be put in its place by hand, found --download"):
        load("imagenet-val", tmp_path / "cache", DataOptions(data_root=tmp_path, download=True))


def test_texts_are_fetched_by_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into its own cache, and its failures are told."""
    asked: list[tuple[str, str]] = []

    def load_dataset(name: str, *, split: str) -> None:
        asked.append((name, split))
        raise ConnectionError("Couldn't reach the Hub\nwith details")

    monkeypatch.setattr(download, "datasets_module", lambda _: SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(DataError, match="expected to fetch sst2, found: Couldn't reach the Hub; nothing"):
        load("sst2", tmp_path / "cache", DataOptions(download=True))
    assert [("stanfordnlp/sst2", "validation")] == asked
