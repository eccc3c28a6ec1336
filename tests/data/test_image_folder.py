"""Pictures in class folders: order, pixels, modes, and what is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from kdaudit.data import DataOptions, Limit, load_data
from kdaudit.errors import DataError, SpecError
from kdaudit.types import Geometry, Preprocess, ProgressEvent

from .factories import fed, load, save_classes, save_picture

IMAGENET = DataOptions(image_size=14, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def test_pixels_labels_and_order_are_those_of_torchvision(tmp_path: Path) -> None:
    """ImageFolder with Resize, CenterCrop, ToDtype and Normalize gives the same batch."""
    root = save_classes(tmp_path / "val", per_class=3, size=(40, 30))
    save_picture(root / "cat" / "deep" / "a.JPEG", size=(23, 50))
    save_picture(root / "bird" / "B.webp", size=(31, 17))
    steps = v2.Compose(
        [
            v2.Resize(16),
            v2.CenterCrop(14),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    reference = ImageFolder(str(root), transform=steps)
    examples = load(root, tmp_path / "cache", IMAGENET)
    assert [Path(path).relative_to(root).as_posix() for path, _ in reference.samples] == examples.ids.tolist()
    np.testing.assert_array_equal(reference.targets, examples.labels)
    assert ("bird", "cat") == examples.class_names
    expected = torch.stack([picture for picture, _ in reference]).numpy()
    np.testing.assert_allclose(expected, fed(examples), atol=1e-5)
    assert "pictures are resized to 16 on the shorter side, then cropped to 14 x 14" in examples.assumptions


def test_pictures_of_one_size_need_no_size(tmp_path: Path) -> None:
    """They are used as they are: width 8, height 6."""
    root = save_classes(tmp_path / "d")
    examples = load(root, tmp_path)
    assert (4, 3, 6, 8) == examples.stored["x"].shape
    with Image.open(root / "cat" / "1.png") as picture:
        np.testing.assert_array_equal(np.moveaxis(np.asarray(picture), -1, 0), examples.raw(3)["x"])
    assert Preprocess(scale=1 / 255) == examples.preprocess
    assert ("pixels are divided by 255",) == examples.assumptions


def test_pictures_that_have_the_size_are_not_resized(tmp_path: Path) -> None:
    """Pictures prepared at the size that the model takes keep every pixel."""
    root = save_classes(tmp_path / "d", size=(8, 8))
    as_they_are, sized = load(root, tmp_path), load(root, tmp_path, DataOptions(image_size=8))
    np.testing.assert_array_equal(as_they_are.stored["x"], sized.stored["x"])
    assert "every picture is 8 x 8 already: not resized" in sized.assumptions
    zoomed = load(root, tmp_path, DataOptions(geometry=Geometry(resize=9, crop=(8, 8))))
    assert not np.array_equal(sized.stored["x"], zoomed.stored["x"])


def test_greyscale_is_one_channel_only_if_all_pictures_are(tmp_path: Path) -> None:
    """One coloured picture makes all of them three channels."""
    root = save_classes(tmp_path / "d", mode="L")
    grey = load(root, tmp_path)
    assert (4, 1, 6, 8) == grey.stored["x"].shape
    assert "every picture is greyscale: one channel" in grey.assumptions
    save_picture(root / "cat" / "9.png")
    mixed = load(root, tmp_path)
    assert (5, 3, 6, 8) == mixed.stored["x"].shape
    np.testing.assert_array_equal(np.repeat(grey.raw(0)["x"], 3, axis=0), mixed.raw(0)["x"])


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("CMYK", ".jpg"), ("P", ".png"), ("RGBA", ".png"), ("LA", ".png"), ("1", ".png"), ("RGBA", ".webp")],
)
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str, suffix: str) -> None:
    """CMYK, palettes, alpha and bitmaps: the pixels that PIL's own conversion gives, alpha dropped."""
    root = save_classes(tmp_path / "d")
    path = root / "bird" / f"0{suffix}"
    (root / "bird" / "0.png").unlink()
    source = Image.open(root / "bird" / "1.png")
    picture = source.convert(mode)
    source.close()
    if "A" in mode:
        picture.putalpha(128)
    picture.save(path)
    with Image.open(path) as picture:
        expected = np.moveaxis(np.asarray(picture.convert("RGBA").convert("RGB")), -1, 0)
    examples = load(root, tmp_path)
    np.testing.assert_array_equal(expected, examples.raw(0)["x"])
    said = [text for text in examples.assumptions if "CMYK" in text or "transparency" in text]
    assert ["CMYK" in mode, "A" in mode] == [
        any(what in text for text in said) for what in ("1 picture is CMYK", "1 picture has transparency")
    ]


def test_transparent_palettes_in_bytes_are_silent(tmp_path: Path) -> None:
    """Pillow warns about these when they are converted straight to RGB."""
    root = save_classes(tmp_path / "d")
    with Image.open(root / "bird" / "0.png") as picture:
        palette = picture.convert("P")
    palette.save(root / "bird" / "0.png", transparency=bytes(range(100)))
    assert 4 == len(load(root, tmp_path))


def test_orientation_is_applied_and_said(tmp_path: Path) -> None:
    """A picture taken sideways stands upright: 6 x 8 pixels with orientation 6 are 8 x 6."""
    root = save_classes(tmp_path / "d")
    with Image.open(root / "cat" / "0.png") as picture:
        upright = np.moveaxis(np.asarray(picture), -1, 0)
        sideways = picture.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.save(root / "cat" / "0.png", exif=exif)
    examples = load(root, tmp_path)
    np.testing.assert_array_equal(upright, examples.raw(2)["x"])
    assert "1 picture is turned as its EXIF orientation says" in examples.assumptions


def test_a_limit_decodes_only_its_examples(tmp_path: Path) -> None:
    """What is not drawn is not read: a broken picture among the others does not matter."""
    root = save_classes(tmp_path / "d", per_class=10)
    for seed in range(3):
        examples = load(root, tmp_path / "cache", DataOptions(image_size=8, limit=Limit(n=6, seed=seed)))
        assert [3, 3] == np.bincount(examples.labels).tolist()
        assert (6, 3, 8, 8) == np.load(examples.folder / "inputs" / "0.npy", mmap_mode="r").shape


def test_a_changed_picture_is_read_again(tmp_path: Path) -> None:
    """The cache follows sizes and times of the files."""
    root = save_classes(tmp_path / "d")
    before = load(root, tmp_path)
    assert before.folder == load(root, tmp_path).folder
    save_picture(root / "cat" / "0.png", seed=99)
    assert before.ref.sha256 != load(root, tmp_path).ref.sha256


def test_hidden_files_and_others_are_left_out(tmp_path: Path) -> None:
    """Notes and what operating systems leave behind are no pictures and no classes; all but hidden ones are counted."""
    root = save_classes(tmp_path / "d")
    (root / "notes.txt").write_text("x")
    (root / "cat" / "notes.txt").write_text("x")
    (root / "cat" / "._0.png").write_text("x")
    (root / ".ipynb_checkpoints").mkdir()
    (root / "bird" / "0.gif").write_bytes(b"GIF89a")
    (root / "lost.png").write_bytes(b"")
    examples = load(root, tmp_path)
    assert 4 == len(examples)
    assert {
        "2 files in class folders have other suffixes and are left out: bird/0.gif, cat/notes.txt",
        "1 file lies in no class folder and is left out: lost.png",
    } < set(examples.assumptions)


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    """Quotes, markup, line ends, blanks, leading dashes and other scripts come back as ids and class names."""
    names = ["-rf", "<script>alert(1)", "a b", "q\"uo'te", "日本", "x" * 200, "%2e%2e", "$(id)"]
    if sys.platform != "win32":
        names += ["new\nline", "back\\slash"]
    for name in names:
        save_picture(tmp_path / "d" / name / f"{name}.png")
    examples = load(tmp_path / "d", tmp_path / "cache")
    assert tuple(sorted(names)) == examples.class_names
    assert [f"{name}/{name}.png" for name in sorted(names)] == examples.ids.tolist()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_not_utf8_are_spelled_out(tmp_path: Path) -> None:
    """Every id can be written as UTF-8."""
    root = save_classes(tmp_path / "d")
    os.rename(os.fsencode(root / "cat" / "0.png"), os.fsencode(root / "cat") + b"/\xff.png")  # noqa: PTH104
    assert "cat/\\xff.png" in load(root, tmp_path).ids.tolist()


def test_progress_counts_up_to_all(tmp_path: Path) -> None:
    """Decoding tells how far it is."""
    events: list[ProgressEvent] = []
    root = save_classes(tmp_path / "d", per_class=20)
    load_data(str(root), cache=tmp_path, options=DataOptions(), progress=events.append)
    assert [(n, 40) for n in range(8, 41, 8)] == [(event.done, event.total) for event in events]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: root.mkdir(), "expected one folder per class in {root}, found none"),
        (lambda root: save_picture(root / "0.png"), "expected one folder per class in {root}, found none"),
        (
            lambda root: save_picture(root / "cat" / "0.png"),
            "expected at least two class folders with pictures in {root}, found only cat",
        ),
        (
            lambda root: (root / "dog").mkdir(parents=True),
            "expected at least two class folders with pictures in {root}, found none",
        ),
        (
            lambda root: (save_classes(root / "train"), save_classes(root / "val")),
            "expected one folder per class in {root}, found those of splits: train, val",
        ),
        (
            lambda root: save_picture(save_classes(root) / "cat" / "1.png", size=(9, 6)),
            "expected pictures of 8 x 6 pixels as the first, found 9 x 6 in {root}/cat/1.png",
        ),
        (
            lambda root: [save_picture(root / a / "0.png") for a in ("Caf\u00e9", "Cafe\u0301")],
            "expected different class names in {root}, found 'Caf\u00e9' 2 times: they differ only by blanks or by how "
            "Unicode writes them",
        ),
    ],
)
def test_folders_that_are_no_examples_invalid(tmp_path: Path, make: object, message: str) -> None:
    """Each names the folder or file, and nothing stays in the cache."""
    root = tmp_path / "d"
    make(root)  # type: ignore[operator]
    with pytest.raises(DataError) as caught:
        load(root, tmp_path / "cache")
    assert message.format(root=root) == caught.value.message
    left = (tmp_path / "cache" / "data").glob("*") if (tmp_path / "cache").exists() else []
    assert [] == [path for path in left if path.is_dir()]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
@pytest.mark.parametrize("keep", [0, 20, 0.7])
def test_a_truncated_picture_is_named_invalid(tmp_path: Path, suffix: str, keep: float) -> None:
    """Empty, cut in the header, cut in the pixels: never a grey half."""
    root = save_classes(tmp_path / "d", size=(64, 64))
    path = root / "cat" / f"9{suffix}"
    save_picture(path, size=(64, 64))
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if keep < 1 else int(keep)])
    with pytest.raises(DataError) as caught:
        load(root, tmp_path / "cache")
    assert caught.value.message.startswith(f"expected a whole picture in {path}, found: ")
    hint = "replace or remove the file, or leave such pictures out: --max-skipped"
    assert hint == caught.value.hint


def test_a_huge_picture_is_refused_from_its_header_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file that would unfold to gigabytes is not unfolded."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(DataError, match=r"expected a whole picture in .*, found: Image size \(48 pixels\)"):
        load(save_classes(tmp_path / "d"), tmp_path / "cache")


def test_mean_of_other_channels_invalid(tmp_path: Path) -> None:
    """Three means for greyscale pictures are a mistake."""
    root = save_classes(tmp_path / "d", mode="L")
    with pytest.raises(SpecError, match="expected 1 values in --mean and --std"):
        load(root, tmp_path, DataOptions(mean=(0.5, 0.5, 0.5), std=(1.0, 1.0, 1.0)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have names on POSIX systems alone")
def test_a_pipe_is_no_picture_and_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody writes into it: opening it would never end."""
    root = save_classes(tmp_path / "d")
    os.mkfifo(root / "cat" / "pipe.png")
    with pytest.raises(DataError, match=r"pipe\.png, found: a pipe, socket or device"):
        load(root, tmp_path / "cache")
    assert 4 == len(load(root, tmp_path / "cache", DataOptions(max_skipped=1)))


def test_folders_that_systems_put_beside_classes_are_none(tmp_path: Path) -> None:
    """As classes, those of macOS and Synology would renumber the others; their thumbnails are no examples."""
    root = save_classes(tmp_path / "d")
    plain = load(root, tmp_path / "cache")
    for folder in ("__MACOSX", "@eaDir", "cat/@eaDir"):
        save_picture(root / folder / "thumb.png")
    again = load(root, tmp_path / "cache")
    assert (plain.class_names, plain.ids.tolist()) == (again.class_names, again.ids.tolist())


def test_imagenets_flat_pictures_have_a_name_invalid(tmp_path: Path) -> None:
    """Whoever names their folder is told by which name their classes are found."""
    save_picture(tmp_path / "val" / "ILSVRC2012_val_00000001.JPEG")
    with pytest.raises(DataError, match="expected one folder per class") as refused:
        load(tmp_path / "val", tmp_path / "cache")
    assert "say --data imagenet-val --data-root DIR" in str(refused.value.hint)
