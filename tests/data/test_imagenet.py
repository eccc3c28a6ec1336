"""ImageNet in the layouts in which people have it, with four classes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kdaudit.data import DataOptions, Examples
from kdaudit.data.catalogue import DATA_SETS
from kdaudit.data.description import Description
from kdaudit.data.layouts import LAYOUTS, Wanted
from kdaudit.data.request import Request
from kdaudit.errors import DataError

from .factories import load, save_picture
from .named_sets import (
    N_VAL,
    NAMES,
    WNIDS,
    WORDS,
    four_classes,
    save_class_folders,
    save_devkit,
    save_flat_val,
    val_label,
)
from .sources import tar_of

__all__ = ["four_classes"]
pytestmark = pytest.mark.usefixtures("four_classes")
LABELS = [val_label(i) for i in range(1, N_VAL + 1)]


def val(root: Path, cache: Path) -> Examples:
    """The validation pictures, decoded small."""
    return load("imagenet-val", cache, DataOptions(data_root=root, image_size=8))


@pytest.mark.parametrize("layout", ["imagenet/{}", "ILSVRC2012_img_{}", "ILSVRC/Data/CLS-LOC/{}", "{}"])
def test_class_folders_are_found_where_tools_put_them(tmp_path: Path, layout: str) -> None:
    """Both splits, with ImageNet's transforms: 256, then 224."""
    for split in ("val", "train"):
        save_class_folders(tmp_path / layout.format(split), WNIDS)
        examples = load(f"imagenet-{split}", tmp_path / "cache", DataOptions(data_root=tmp_path))
        assert (8, 3, 224, 224) == examples.stored["x"].shape
        assert (0.485, 0.456, 0.406) == examples.preprocess.mean
        assert WNIDS == examples.class_names
        assert [0, 0, 1, 1, 2, 2, 3, 3] == examples.labels.tolist()


def devkit(root: Path) -> None:
    """The development kit's files, unpacked beside the pictures."""
    save_devkit(root / "ILSVRC2012_devkit_t12" / "data")


def devkit_archive(root: Path) -> None:
    """The development kit as it comes."""
    save_devkit(root / "kit")
    with tarfile.open(root / "ILSVRC2012_devkit_t12.tar.gz", "w:gz") as archive:
        for name in ("meta.mat", "ILSVRC2012_validation_ground_truth.txt"):
            archive.add(root / "kit" / name, arcname=f"ILSVRC2012_devkit_t12/data/{name}")
    for path in (root / "kit").iterdir():
        path.unlink()


def kaggle(root: Path) -> None:
    """Kaggle's solution, in another order than the pictures', and its mapping of names."""
    rows = [f"ILSVRC2012_val_{i:08d},{WNIDS[val_label(i)]} 1 2 3 4 " for i in range(N_VAL, 0, -1)]
    (root / "LOC_val_solution.csv").write_text(
        "\n".join(["ImageId,PredictionString", *rows]), encoding="utf-8"
    )
    mapping = [f"{wnid} {words}" for wnid, words in zip(WNIDS, WORDS, strict=True)]
    (root / "LOC_synset_mapping.txt").write_text("\n".join(mapping), encoding="utf-8")


def synset_file(root: Path) -> None:
    """A WordNet id a line."""
    lines = [WNIDS[label] for label in LABELS]
    (root / "imagenet_2012_validation_synset_labels.txt").write_text("\n".join(lines), encoding="utf-8")


def named_synset_file(root: Path) -> None:
    """The picture's name and its WordNet id a line."""
    lines = [f"ILSVRC2012_val_{i:08d}.JPEG {WNIDS[val_label(i)]}" for i in range(1, N_VAL + 1)]
    (root / "val.txt").write_text("\n".join(lines), encoding="utf-8")


def in_tar(root: Path) -> None:
    """The pictures in the tar of image-net.org."""
    (root / "imagenet").mkdir()
    members = {path.name: path.read_bytes() for path in save_flat_val(root / "flat")}
    tar_of(root / "imagenet" / "ILSVRC2012_img_val.tar", dict(reversed(members.items())))


def in_folder(root: Path) -> None:
    """The pictures unpacked, all in one folder."""
    save_flat_val(root / "imagenet" / "val")


@pytest.mark.parametrize("pictures", [in_folder, in_tar])
@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (devkit, NAMES),
        (devkit_archive, NAMES),
        (kaggle, NAMES),
        (synset_file, WNIDS),
        (named_synset_file, WNIDS),
    ],
)
def test_flat_pictures_get_their_labels_from_the_file_beside_them(
    pictures: Callable[[Path], None], labels: Callable[[Path], None], names: tuple[str, ...], tmp_path: Path
) -> None:
    """All files say the same: the development kit's own numbers are looked up, never taken as they are."""
    pictures(tmp_path)
    labels(tmp_path / "imagenet")
    examples = val(tmp_path, tmp_path / "cache")
    assert LABELS == examples.labels.tolist()
    assert [f"ILSVRC2012_val_{i:08d}.JPEG" for i in range(1, N_VAL + 1)] == examples.ids.tolist()
    assert names == examples.class_names
    assert any(text.startswith("labels are those of ") for text in examples.assumptions)


def test_kaggles_folder_is_read_as_it_is_unpacked(tmp_path: Path) -> None:
    """Flat validation pictures deep in ILSVRC, labels and names at the top; training folders named by the same."""
    save_flat_val(tmp_path / "ILSVRC" / "Data" / "CLS-LOC" / "val")
    save_class_folders(tmp_path / "ILSVRC" / "Data" / "CLS-LOC" / "train", WNIDS)
    kaggle(tmp_path)
    examples = val(tmp_path, tmp_path / "cache")
    assert LABELS == examples.labels.tolist()
    train = load("imagenet-train", tmp_path / "cache", DataOptions(data_root=tmp_path, image_size=8))
    assert NAMES == train.class_names == examples.class_names


def test_the_training_tar_is_read_without_unpacking(tmp_path: Path) -> None:
    """A tar of tars: every picture by its place in the outer file, with the pixels of the folder's."""
    save_class_folders(tmp_path / "folders" / "train", WNIDS)
    inner = {}
    for wnid in WNIDS:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for path in sorted((tmp_path / "folders" / "train" / wnid).iterdir()):
                archive.add(path, arcname=path.name)
        inner[f"{wnid}.tar"] = out.getvalue()
    (tmp_path / "tars").mkdir()
    tar_of(tmp_path / "tars" / "ILSVRC2012_img_train.tar", inner)
    folders, tars = (
        load("imagenet-train", tmp_path / "cache", DataOptions(data_root=tmp_path / where, image_size=8))
        for where in ("folders", "tars")
    )
    np.testing.assert_array_equal(folders.stored["x"], tars.stored["x"])
    np.testing.assert_array_equal(folders.labels, tars.labels)
    assert folders.ids.tolist() == tars.ids.tolist()


def test_shards_are_read(tmp_path: Path) -> None:
    """WebDataset shards with numbers of classes."""
    pictures = save_flat_val(tmp_path / "flat")
    (tmp_path / "imagenet").mkdir()
    for shard in range(2):
        members: dict[str, bytes] = {}
        for i in range(4 * shard, 4 * shard + 4):
            members[f"{i:06d}.jpg"] = pictures[i].read_bytes()
            members[f"{i:06d}.cls"] = str(LABELS[i]).encode()
        tar_of(tmp_path / "imagenet" / f"imagenet-val-{shard:04d}.tar", members)
    assert LABELS == val(tmp_path, tmp_path / "cache").labels.tolist()


def one_class_less(root: Path) -> None:
    """Labels of three classes."""
    (root / "val.txt").write_text("\n".join([WNIDS[0], WNIDS[1], WNIDS[2]] * 3), encoding="utf-8")


def numbers_only(root: Path) -> None:
    """Caffe's numbers, of an order that the file does not say."""
    (root / "val.txt").write_text(
        "\n".join(f"ILSVRC2012_val_{i:08d}.JPEG {i % 4}" for i in range(1, 9)), encoding="utf-8"
    )


def too_few(root: Path) -> None:
    """Seven labels for eight pictures."""
    (root / "val.txt").write_text("\n".join(WNIDS[label] for label in LABELS[:7]), encoding="utf-8")


def other_truth(root: Path) -> None:
    """A number that the kit does not have."""
    save_devkit(root / "data")
    (root / "data" / "ILSVRC2012_validation_ground_truth.txt").write_text("1\n9\n", encoding="ascii")


def broken_meta(root: Path) -> None:
    """A meta.mat of something else."""
    save_devkit(root)
    (root / "meta.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))


def broken_kit(root: Path) -> None:
    """An archive that was not fetched to its end."""
    (root / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(b"\x1f\x8b\x08")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (lambda root: None, r"expected a file that says the classes of the pictures in .*, found none of "),
        (one_class_less, r"expected 4 classes .* in val\.txt, found 3"),
        (numbers_only, r"expected a WordNet id such as n01440764 in line 1 of .*val\.txt, found '1'"),
        (too_few, r"expected the class of ILSVRC2012_val_00000008\.JPEG in val\.txt, found none"),
        (other_truth, r"expected a class number of meta\.mat in line 2 of .*, found '9'"),
        (broken_meta, r"expected ImageNet's synsets in meta\.mat of .*, found: "),
        (broken_kit, r"expected (meta\.mat|ILSVRC2012_validation_ground_truth\.txt) in .*, found: "),
    ],
)
def test_flat_pictures_without_sure_labels_invalid(
    labels: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    """Nothing is guessed: a wrong order would make every model look broken."""
    in_folder(tmp_path)
    labels(tmp_path / "imagenet")
    with pytest.raises(DataError, match=message):
        val(tmp_path, tmp_path / "cache")


@pytest.mark.parametrize(("there", "absent"), [("ILSVRC2012_validation_ground_truth.txt", "meta.mat")])
def test_half_of_the_development_kit_is_named_invalid(tmp_path: Path, there: str, absent: str) -> None:
    """Its numbers mean nothing without the other file, and whoever has one looks for what is wrong with it."""
    save_picture(tmp_path / "imagenet" / "val" / "ILSVRC2012_val_00000001.JPEG")
    (tmp_path / "imagenet" / there).write_text("1\n", encoding="utf-8")
    with pytest.raises(DataError, match=f"found {there} without {absent} in"):
        load("imagenet-val", tmp_path / "cache", DataOptions(data_root=tmp_path))


def test_partial_class_folders_invalid(tmp_path: Path) -> None:
    """Labels are the folders' order, so a part of the classes would be mislabelled."""
    save_class_folders(tmp_path / "val", WNIDS[:2])
    with pytest.raises(DataError, match=r"expected 4 classes \(n01440764 \.\.\.\) in .*, found 2"):
        val(tmp_path, tmp_path / "cache")


def test_shards_with_labels_beyond_the_classes_invalid(tmp_path: Path) -> None:
    """They count from 1, or are of ImageNet-21k."""
    (tmp_path / "imagenet").mkdir()
    picture = tmp_path / "a.jpg"
    save_picture(picture, size=(20, 12))
    members = {
        f"{i}.{end}": content
        for i in range(5)
        for end, content in (("jpg", picture.read_bytes()), ("cls", str(i).encode()))
    }
    tar_of(tmp_path / "imagenet" / "imagenet-val-0000.tar", members)
    with pytest.raises(DataError, match=r"expected labels below 4 in .*, found 4"):
        val(tmp_path, tmp_path / "cache")


def test_damaged_tars_invalid(tmp_path: Path) -> None:
    """A training tar whose inner tars are none, and a validation tar without pictures."""
    tar_of(tmp_path / "ILSVRC2012_img_train.tar", {f"{wnid}.tar": b"x" * 600 for wnid in WNIDS})
    with pytest.raises(DataError, match=r"expected a whole tar in n01440764\.tar of .*, found: "):
        load("imagenet-train", tmp_path / "cache", DataOptions(data_root=tmp_path, image_size=8))
    tar_of(tmp_path / "ILSVRC2012_img_val.tar", {"readme.txt": b"x"})
    named_synset_file(tmp_path)
    with pytest.raises(DataError, match=r"expected pictures in .*ILSVRC2012_img_val\.tar, found none"):
        val(tmp_path, tmp_path / "cache")


def test_what_is_gone_before_it_is_read_invalid(tmp_path: Path) -> None:
    """Between finding and reading."""
    record = DATA_SETS["imagenet"]
    wanted = Wanted(
        record=record,
        split="test",
        path=tmp_path,
        description=Description(name="imagenet-val", kind="named", location="imagenet-val"),
        request=Request(options=DataOptions(), cache=tmp_path / "cache"),
    )
    with pytest.raises(DataError, match=r"expected imagenet at .*, found nothing there any more"):
        LAYOUTS[record.layout].load(wanted)
