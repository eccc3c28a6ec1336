"""Data sets known by name, in small copies of their real layouts."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kdaudit.data import DataOptions, load_data, named
from kdaudit.errors import DataError
from kdaudit.types import Preprocess

from .factories import load, pixels, save_idx, save_picture

LAYOUTS = ["imagenet/{}", "ILSVRC2012_img_{}", "ILSVRC/Data/CLS-LOC/{}", "{}"]


@pytest.fixture
def no_debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a machine without Debian's package."""
    monkeypatch.setattr(named, "_DEBIAN_FASHION", tmp_path / "nothing")


def save_imagenet(folder: Path, *, classes: int = 1000) -> None:
    """One small JPEG for each class, in folders named like ImageNet's."""
    for c in range(classes):
        save_picture(folder / f"n{c:08d}" / f"ILSVRC2012_val_{c:08d}.JPEG", size=(20, 12), seed=c)


def save_fashion(folder: Path, *, n: int = 20, split: str = "t10k") -> None:
    """Random pictures in the files of Fashion-MNIST."""
    save_idx(folder / f"{split}-images-idx3-ubyte.gz", pixels(n, (28, 28)))
    save_idx(folder / f"{split}-labels-idx1-ubyte.gz", np.arange(n) % 10)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_imagenet_is_found_where_tools_put_it(
    tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both splits, with ImageNet's transforms; few classes here, so that four layouts are quick."""
    monkeypatch.setattr(named, "IMAGENET_CLASSES", 3)
    save_imagenet(tmp_path / layout.format("val"), classes=3)
    save_imagenet(tmp_path / layout.format("train"), classes=3)
    for split in ("val", "train"):
        examples = load(f"imagenet-{split}", tmp_path / "cache", DataOptions(data_root=tmp_path))
        assert (3, 3, 224, 224) == examples.stored["x"].shape
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        assert Preprocess(scale=1 / 255, mean=mean, std=std) == examples.preprocess
        assert ("named", f"imagenet-{split}") == (examples.ref.kind, examples.ref.location)
        assert ("n00000000", "n00000001", "n00000002") == examples.class_names
        assert ("pixels are divided by 255",) == examples.assumptions


def test_imagenet_with_all_its_classes(tmp_path: Path) -> None:
    """A thousand folders in order, at another size."""
    save_imagenet(tmp_path / "imagenet" / "val")
    examples = load("imagenet-val", tmp_path / "cache", DataOptions(data_root=tmp_path, image_size=7))
    np.testing.assert_array_equal(np.arange(1000), examples.labels)
    assert (1000, 3, 7, 7) == examples.stored["x"].shape


@pytest.mark.parametrize("root", [None, "here"])
def test_absent_imagenet_says_what_to_put_where_invalid(tmp_path: Path, root: str | None) -> None:
    """Without a data root, and with one that holds something else."""
    data_root = None if root is None else tmp_path / root
    with pytest.raises(
        DataError, match="expected imagenet-val under the data root, found nothing: "
    ) as caught:
        load("imagenet-val", tmp_path / "cache", DataOptions(data_root=data_root))
    assert ("no data root is set" in caught.value.message) == (root is None)
    hint = (
        "put the val pictures into DATA_ROOT/imagenet/val/<class>/*.JPEG "
        "and set --data-root DATA_ROOT or KDAUDIT_DATA_ROOT"
    )
    assert hint == caught.value.hint


def test_unsorted_or_partial_imagenet_invalid(tmp_path: Path) -> None:
    """Labels are the folders' order, so a part of the classes would be mislabelled."""
    save_imagenet(tmp_path / "val", classes=2)
    with pytest.raises(DataError, match=r"expected 1000 class folders .* found 2"):
        load("imagenet-val", tmp_path / "cache", DataOptions(data_root=tmp_path))


@pytest.mark.usefixtures("no_debian")
@pytest.mark.parametrize("folder", ["fashion-mnist", "FashionMNIST/raw", ""])
def test_fashion_mnist_is_found_where_tools_put_it(tmp_path: Path, folder: str) -> None:
    """Both splits, pictures with a channel axis, and the class names."""
    save_fashion(tmp_path / folder)
    save_fashion(tmp_path / folder, split="train", n=30)
    options = DataOptions(data_root=tmp_path)
    test, train = (load(f"fashion-mnist:{split}", tmp_path / "cache", options) for split in ("test", "train"))
    assert (20, 1, 28, 28) == test.stored["x"].shape
    assert 30 == len(train)
    np.testing.assert_array_equal(pixels(20, (28, 28)), test.stored["x"][:, 0])
    np.testing.assert_array_equal(np.arange(20) % 10, test.labels)
    assert "Ankle boot" == test.class_names[9]
    assert ("x is uint8: divided by 255",) == test.assumptions


@pytest.mark.usefixtures("no_debian")
def test_unpacked_idx_files_are_read(tmp_path: Path) -> None:
    """Torchvision unpacks them."""
    save_fashion(tmp_path)
    for path in list(tmp_path.glob("*.gz")):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert 20 == len(load("fashion-mnist:test", tmp_path / "cache", DataOptions(data_root=tmp_path)))


@pytest.mark.skipif(not named._DEBIAN_FASHION.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_debians_fashion_mnist_is_the_real_one(tmp_path: Path) -> None:
    """10,000 pictures, 1,000 of each class, and the first is an ankle boot."""
    examples = load("fashion-mnist:test", tmp_path)
    assert [1000] * 10 == np.bincount(examples.labels).tolist()
    assert "Ankle boot" == examples.class_names[examples.labels[0]]


@pytest.mark.usefixtures("no_debian")
def test_absent_fashion_mnist_says_what_to_install_invalid(tmp_path: Path) -> None:
    """The package, or the folder."""
    with pytest.raises(
        DataError, match=r"expected t10k-images-idx3-ubyte\.gz for fashion-mnist:test"
    ) as caught:
        load("fashion-mnist:test", tmp_path)
    assert caught.value.hint is not None
    assert "dataset-fashion-mnist" in caught.value.hint


def cut(path: Path) -> None:
    """Loses the end of a gzipped file."""
    path.write_bytes(path.read_bytes()[:-20])


def shorten(path: Path) -> None:
    """Loses the last bytes of the content."""
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-20]))


def other_header(path: Path) -> None:
    """Signed bytes instead of unsigned ones."""
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[2] = 9
    path.write_bytes(gzip.compress(bytes(data)))


def one_less(path: Path) -> None:
    """A whole file with one picture fewer."""
    save_idx(path, pixels(19, (28, 28)))


@pytest.mark.usefixtures("no_debian")
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, r"expected a whole idx file at .*images-idx3-ubyte\.gz, found: "),
        (shorten, r"expected \(20, 28, 28\) bytes at .*, found 15660"),
        (other_header, r"expected an idx file of unsigned bytes with 3 axes at .*, found another header"),
        (one_less, r"expected 20 pictures in .*, as in t10k-labels-idx1-ubyte\.gz, found 19"),
    ],
)
def test_damaged_idx_files_invalid(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    """Each kind of damage is named with the file."""
    save_fashion(tmp_path)
    damage(tmp_path / "t10k-images-idx3-ubyte.gz")
    with pytest.raises(DataError, match=message):
        load("fashion-mnist:test", tmp_path / "cache", DataOptions(data_root=tmp_path))


def test_unknown_places_invalid(tmp_path: Path) -> None:
    """The nearest known name is offered, or all of them."""
    with pytest.raises(DataError, match="found nothing at imagnet-val") as caught:
        load_data("imagnet-val", cache=tmp_path, options=DataOptions())
    assert "did you mean imagenet-val?" == caught.value.hint
    with pytest.raises(DataError, match=r"found nothing at zzz\.npz") as caught:
        load_data("zzz.npz", cache=tmp_path, options=DataOptions())
    assert caught.value.hint is not None
    assert "known names: imagenet-val, imagenet-train, fashion-mnist:test" in caught.value.hint
