"""Pictures as people have them: broken, deep, moving, in links that go round, in empty classes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kdaudit.data import DataOptions
from kdaudit.data.blobs import FileBlob, file_stamp
from kdaudit.data.pictures import upright
from kdaudit.errors import DataError, SpecError

from .factories import load, save_classes, save_picture

posix = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


def with_broken(tmp_path: Path, n: int = 2) -> Path:
    """Twelve pictures, `n` of them cut."""
    root = save_classes(tmp_path / "d", per_class=6, size=(32, 32))
    for i in range(n):
        path = root / "cat" / f"{i}.png"
        path.write_bytes(path.read_bytes()[:-60])
    return root


@pytest.mark.parametrize("allowed", [2, 5, 0.2])
def test_broken_pictures_are_left_out_with_a_record(tmp_path: Path, allowed: float) -> None:
    """The others keep their ids, labels and pixels; the record names file and reason."""
    root = with_broken(tmp_path)
    examples = load(root, tmp_path / "cache", DataOptions(max_skipped=allowed))
    assert 10 == len(examples) == len(examples.stored["x"])
    assert ["cat/0.png", "cat/1.png"] == [skipped.what for skipped in examples.skipped]
    assert examples.skipped[0].reason.startswith(
        f"expected a whole picture in {root / 'cat' / '0.png'}, found: "
    )
    assert {"data"} == {skipped.stage for skipped in examples.skipped}
    whole = load(save_classes(tmp_path / "whole", per_class=6, size=(32, 32)), tmp_path / "cache")
    kept = [i for i, name in enumerate(whole.ids) if name in set(examples.ids.tolist())]
    np.testing.assert_array_equal(whole.stored["x"][kept], examples.stored["x"])
    np.testing.assert_array_equal(whole.labels[kept], examples.labels)


def test_one_in_a_hundred_is_allowed_by_default_invalid(tmp_path: Path) -> None:
    """Of twelve that is none: the first one ends it, and says how to go on."""
    with pytest.raises(DataError, match=r"expected a whole picture in .*0\.png") as caught:
        load(with_broken(tmp_path, 1), tmp_path / "cache")
    assert caught.value.hint is not None
    assert "--max-skipped" in caught.value.hint


def test_more_than_allowed_invalid(tmp_path: Path) -> None:
    """Counted, and the first named."""
    with pytest.raises(
        DataError, match=r"expected at most 1 of 12 pictures that cannot be read, found 2 so far; the"
    ):
        load(with_broken(tmp_path), tmp_path / "cache", DataOptions(max_skipped=1))


def test_examples_are_the_same_whether_or_not_something_was_left_out(tmp_path: Path) -> None:
    """One digest: of what is there, and not of what was expected."""
    root = with_broken(tmp_path, 0)
    first = load(root, tmp_path / "cache")
    (root / "cat" / "zz.png").write_bytes(b"no picture")
    second = load(root, tmp_path / "cache", DataOptions(max_skipped=1))
    assert (1, first.ref.sha256) == (len(second.skipped), second.ref.sha256)


def test_nothing_that_can_be_read_invalid(tmp_path: Path) -> None:
    """All may be left out, but then there is nothing to audit."""
    root = with_broken(tmp_path, 0)
    for path in root.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="expected a whole picture in"):
        load(root, tmp_path / "cache", DataOptions(max_skipped=12))


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_max_skipped_that_is_no_number_of_pictures_invalid(value: float) -> None:
    """Before anything is read."""
    with pytest.raises(SpecError, match="expected --max-skipped of at least 0, found"):
        DataOptions(max_skipped=value)


def test_sixteen_bits_become_their_upper_byte(tmp_path: Path) -> None:
    """Greyscale of 16 bits, as Pillow reads coloured ones; said."""
    root = save_classes(tmp_path / "d", mode="L", size=(4, 2))
    values = np.array([[0, 255, 256, 511], [512, 65_535, 32_768, 1]], dtype=np.uint16)
    Image.fromarray(values).save(root / "cat" / "0.png")
    examples = load(root, tmp_path / "cache")
    np.testing.assert_array_equal(values >> 8, examples.raw(2)["x"][0])
    assert "1 picture has 16 bits per channel: their upper byte is used" in examples.assumptions


def test_32_bits_have_no_scale_invalid(tmp_path: Path) -> None:
    """Floats mean anything, and whole numbers beyond 16 bits too."""
    for array, message in (
        (np.full((2, 2), 70_000, np.int32), "values from 70000 to 70000, which are not of 16 bits"),
        (np.zeros((2, 2), np.float32), "expected 8 or 16 bits per channel"),
    ):
        path = tmp_path / "a.png"
        save_picture(path)
        picture = FileBlob(str(path))
        image = Image.fromarray(array)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Image, "open", lambda *_, image=image, **__: image)
            with pytest.raises(DataError, match=message):
                upright(picture)


@pytest.mark.parametrize(("suffix", "name"), [(".webp", "WEBP"), (".png", "PNG"), (".png", "GIF")])
def test_of_an_animation_the_first_picture_is_used(tmp_path: Path, suffix: str, name: str) -> None:
    """Said, and equal to the picture alone."""
    root = save_classes(tmp_path / "d")
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    (root / "cat" / "0.png").unlink()
    frames[0].save(root / "cat" / f"0{suffix}", format=name, save_all=True, append_images=frames[1:])
    examples = load(root, tmp_path / "cache")
    red = examples.raw(2)["x"].astype(int).reshape(3, -1).mean(axis=1)
    assert red[0] > 240
    assert max(red[1:]) < 15
    assert "1 picture is an animation: its first picture is used" in examples.assumptions


@posix
def test_links_that_go_round_end(tmp_path: Path) -> None:
    """A link to a folder above is left out and named; other links are followed."""
    root = save_classes(tmp_path / "d")
    (root / "cat" / "loop").symlink_to(root / "cat")
    (root / "cat" / "up").symlink_to(root)
    save_picture(tmp_path / "elsewhere" / "9.png")
    (root / "cat" / "other").symlink_to(tmp_path / "elsewhere")
    examples = load(root, tmp_path / "cache")
    assert "cat/other/9.png" in examples.ids.tolist()
    assert len(examples) == len(set(examples.ids.tolist()))
    said = "2 links lead back into a folder above them and are left out: cat/loop, cat/up"
    assert said in examples.assumptions


@posix
def test_a_link_to_nowhere_is_a_broken_picture(tmp_path: Path) -> None:
    """Named, and left out where that is allowed."""
    root = save_classes(tmp_path / "d")
    (root / "cat" / "9.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match=r"expected a whole picture in .*9\.png, found: No such file"):
        load(root, tmp_path / "cache")
    assert 4 == len(load(root, tmp_path / "cache", DataOptions(max_skipped=1)))


def test_an_empty_class_keeps_its_number(tmp_path: Path) -> None:
    """As the models were trained with it; said, since it may be no class at all."""
    root = save_classes(tmp_path / "d")
    (root / "bison").mkdir()
    examples = load(root, tmp_path / "cache")
    assert ("bird", "bison", "cat") == examples.class_names
    assert [0, 0, 2, 2] == examples.labels.tolist()
    said = "1 class folder has no pictures and keeps its number: bison; remove those that are no classes"
    assert said in examples.assumptions


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems know no case")
def test_classes_that_differ_by_case_are_said(tmp_path: Path) -> None:
    """Letters are such classes; cats and Cats are none."""
    root = save_classes(tmp_path / "d")
    save_picture(root / "Cat" / "0.png")
    examples = load(root, tmp_path / "cache")
    assert ("Cat", "bird", "cat") == examples.class_names
    assert "the classes Cat, cat differ only by case and are read as 2 classes" in examples.assumptions


def test_the_stamp_of_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    """A missing file is found out when it is opened."""
    assert (-1, -1) == file_stamp(str(tmp_path / "nothing")) == file_stamp("zero\0byte")


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """By its path and the system's reason."""
    root = save_classes(tmp_path / "d")
    (root / "cat" / "0.png").chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        load(root, tmp_path / "cache")
