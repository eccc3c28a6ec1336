"""Data sets known by name, in small copies of their real layouts."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kdaudit.data import DataOptions, Examples, Limit, layouts, load_data
from kdaudit.data.catalogue import DATA_SETS
from kdaudit.data.names import canonical
from kdaudit.data.preprocessing import PRESETS
from kdaudit.errors import DataError

from .factories import fed, load, pixels, save_idx
from .named_sets import BUILDERS, save_cifar, save_idx_set, save_svhn

DEBIAN = layouts.DEBIAN_FASHION


@pytest.fixture(autouse=True)
def no_debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a machine without Debian's package, and without the package `datasets`."""
    monkeypatch.setattr(layouts, "DEBIAN_FASHION", tmp_path / "nothing")
    monkeypatch.setattr("kdaudit.data.hub_cache.version_of", lambda _: None)


def both_splits(name: str, tmp_path: Path) -> tuple[Examples, Examples]:
    """Test and training examples."""
    options = DataOptions(data_root=tmp_path / "root")
    return tuple(load(f"{name}:{split}", tmp_path / "cache", options) for split in ("test", "train"))  # type: ignore[return-value]


@pytest.mark.parametrize("name", BUILDERS)
def test_both_splits_are_found_and_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels, ids and names of the record's classes; the same twice, and the name alone is the test split."""
    BUILDERS[name](tmp_path / "root", monkeypatch)
    test, train = both_splits(name, tmp_path)
    record = DATA_SETS[name]
    for split, examples in (("test", test), ("train", train)):
        assert ("named", canonical(f"{name}:{split}")) == (examples.ref.kind, examples.ref.location)
        assert len(examples) == len(set(examples.ids.tolist())) == len(examples.labels)
        if isinstance(record.classes, tuple) and name not in {"cifar10", "imagenet"}:
            assert record.classes == examples.class_names
        assert np.isfinite(fed(examples)).all()
    again = load(name, tmp_path / "cache", DataOptions(data_root=tmp_path / "root"))
    assert test.ref == again.ref
    assert test.folder == again.folder


def test_every_data_set_has_a_small_copy_or_is_text() -> None:
    """None is forgotten here."""
    texts = {name for name, record in DATA_SETS.items() if record.modality in {"texts", "characters"}}
    assert set(DATA_SETS) - texts == set(BUILDERS)


@pytest.mark.parametrize("record", DATA_SETS.values(), ids=lambda record: record.name)
def test_records_are_complete(record: object) -> None:
    """Each says how many, whose, where from, and what to do where it is missing."""
    from kdaudit.data.data_set import DataSet

    assert isinstance(record, DataSet)
    assert {"train", "test"} == set(record.n)
    assert record.title
    assert record.licence
    assert record.homepage.startswith("http")
    assert record.n_classes >= 2
    assert "DATA_ROOT" in record.get or "bundled" in record.get


def test_the_reference_names_every_set() -> None:
    """docs/data.md has each with its name."""
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    assert [] == [name for name in DATA_SETS if f"`{name}" not in page]


@pytest.mark.parametrize("folder", ["fashion-mnist", "FashionMNIST/raw", ""])
def test_fashion_mnist_is_found_where_tools_put_it(tmp_path: Path, folder: str) -> None:
    """Pictures with a channel axis."""
    save_idx_set(tmp_path / folder)
    test = load("fashion-mnist:test", tmp_path / "cache", DataOptions(data_root=tmp_path))
    np.testing.assert_array_equal(pixels(20, (28, 28)), test.stored["x"][:, 0])
    np.testing.assert_array_equal(np.arange(20) % 10, test.labels)
    assert "Ankle boot" == test.class_names[9]
    assert ("x is uint8: divided by 255",) == test.assumptions


def test_unpacked_idx_files_are_read(tmp_path: Path) -> None:
    """Torchvision unpacks them."""
    save_idx_set(tmp_path / "mnist")
    for path in list((tmp_path / "mnist").glob("*.gz")):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert 20 == len(load("mnist", tmp_path / "cache", DataOptions(data_root=tmp_path)))


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_debians_fashion_mnist_is_the_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """10,000 pictures, 1,000 of each class, and the first is an ankle boot."""
    monkeypatch.setattr(layouts, "DEBIAN_FASHION", DEBIAN)
    examples = load("fashion-mnist:test", tmp_path)
    assert [1000] * 10 == np.bincount(examples.labels).tolist()
    assert "Ankle boot" == examples.class_names[examples.labels[0]]


def test_bundled_sets_are_whole(tmp_path: Path) -> None:
    """As many as their records say, on the scale of 0 to 1, and training examples apart from the others."""
    for name in ("digits", "letter"):
        test, train = both_splits(name, tmp_path)
        assert DATA_SETS[name].n == {"test": len(test), "train": len(train)}
        assert (0.0, 1.0) == (fed(train).min(), fed(train).max())
        assert DATA_SETS[name].n_classes == len(np.unique(test.labels))
    for letters in both_splits("letter", tmp_path):
        assert ("x-box", "yegvx") == (letters.feature_names[0], letters.feature_names[-1])
        assert letters.stored["x"].shape[1] == len(set(letters.feature_names))


def test_cifar_has_its_channels_first_and_its_usual_normalisation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pixels are those of the pickle; names come from its meta file; --mean says otherwise."""
    save_cifar(tmp_path, "CIFAR10", monkeypatch)
    test = load("cifar10", tmp_path / "cache", DataOptions(data_root=tmp_path))
    np.testing.assert_array_equal(pixels(20, (3072,)).reshape(-1, 3, 32, 32), test.stored["x"])
    assert PRESETS["cifar10"].mean == test.preprocess.mean
    assert "class 3" == test.class_names[3]
    stated = DataOptions(data_root=tmp_path, mean=(0.5,), std=(0.5,), limit=Limit(n=10, seed=0))
    other = load("cifar10", tmp_path / "cache", stated)
    assert ((0.5,), 10) == (other.preprocess.mean, len(other))


def test_a_pickle_that_is_not_the_published_one_is_not_loaded_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its MD5 is compared before anything of it is read: code in it does not run."""
    folder = save_cifar(tmp_path, "CIFAR10", monkeypatch)
    ran = tmp_path / "ran"
    (folder / "test_batch").write_bytes(f"cos\nsystem\n(S'touch {ran}'\ntR.".encode())
    with pytest.raises(
        DataError, match=r"expected the published files of cifar10 in .*, found others"
    ) as caught:
        load("cifar10", tmp_path / "cache", DataOptions(data_root=tmp_path))
    assert caught.value.hint is not None
    assert "nothing of them was loaded" in caught.value.hint
    assert not ran.exists()


def test_the_digit_0_of_svhn_has_label_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file it has 10."""
    save_svhn(tmp_path / "svhn", monkeypatch)
    test = load("svhn", tmp_path / "cache", DataOptions(data_root=tmp_path))
    np.testing.assert_array_equal(np.arange(20) % 10, test.labels)
    np.testing.assert_array_equal(np.moveaxis(pixels(20, (32, 32, 3)), -1, 1), test.stored["x"])


def test_tiny_imagenet_numbers_both_splits_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the sorted ids, whatever order the annotations have; the first validation picture is of the last class."""
    BUILDERS["tiny-imagenet"](tmp_path / "root", monkeypatch)
    test, train = both_splits("tiny-imagenet", tmp_path)
    assert test.class_names == train.class_names
    assert ("thing 0", 199) == (test.class_names[0], test.labels[0])


def test_a_part_of_the_classes_is_refused_invalid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels would be those of other classes."""
    import shutil

    BUILDERS["imagenette"](tmp_path, monkeypatch)
    shutil.rmtree(tmp_path / "imagenette2" / "val" / "n00000003")
    with pytest.raises(DataError, match=r"expected 10 classes of imagenette in .*, found 9"):
        load("imagenette", tmp_path / "cache", DataOptions(data_root=tmp_path))


@pytest.mark.parametrize("name", [name for name, record in DATA_SETS.items() if record.layout != "bundled"])
@pytest.mark.parametrize("root", [None, "here", "nowhere"])
def test_absent_sets_say_what_to_put_where_invalid(name: str, root: str | None, tmp_path: Path) -> None:
    """Without a data root, with one that holds something else, and with one that is not there."""
    (tmp_path / "here").mkdir()
    data_root = None if root is None else tmp_path / root
    with pytest.raises(
        DataError, match=f"expected the data set {canonical(name)}, found nothing: "
    ) as caught:
        load(name, tmp_path / "cache", DataOptions(data_root=data_root))
    assert ("no data root is set" in caught.value.message) == (root is None)
    assert ("there is no folder" in caught.value.message) == (root == "nowhere")
    assert DATA_SETS[name].get == caught.value.hint


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_files_that_are_to_be_put_somewhere_are_enough(name: str, tmp_path: Path) -> None:
    """Pictures and labels of both splits, by their full names, in the folder that is named."""
    words = DATA_SETS[name].get.replace("(", " ").replace(")", " ").split()
    (folder,) = (word for word in words if word.startswith("DATA_ROOT/"))
    root = tmp_path / "root"
    for word in words:
        if word.endswith(".gz"):
            rows = pixels(20, (28, 28)) if "images" in word else np.arange(20) % 10
            save_idx(root / folder.removeprefix("DATA_ROOT/") / word, rows)
    assert [20, 20] == [len(examples) for examples in both_splits(name, tmp_path)]


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
    save_idx_set(tmp_path)
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
    assert "known names: imagenet, imagenette, cifar10" in caught.value.hint
