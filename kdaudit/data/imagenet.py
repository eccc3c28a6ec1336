"""ImageNet as it is met: class folders, flat pictures with a label file, the original tars, Kaggle's folder, shards."""

from __future__ import annotations

import dataclasses
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from kdaudit.data.blobs import Blob, FileBlob, SectionBlob, printable
from kdaudit.data.data_set import DataSet, Split
from kdaudit.data.image_folder import folder_listing
from kdaudit.data.listing import Listing
from kdaudit.data.options import DataOptions
from kdaudit.data.pictures import SUFFIXES
from kdaudit.data.shards import sections, shard_listing
from kdaudit.data.synsets import LABEL_FILES, WNID, class_names, half_a_kit, validation_labels
from kdaudit.errors import DataError

CLASSES = 1000
_FOLDERS = ("{}", "ILSVRC2012_img_{}", "ILSVRC/Data/CLS-LOC/{}", "Data/CLS-LOC/{}")
_SHARDS = {
    "val": ("imagenet-val-*.tar", "imagenet1k-validation-*.tar"),
    "train": ("imagenet-train-*.tar", "imagenet1k-train-*.tar"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNetPlace:
    """Where one split lies, in which layout, and the folders in which files of labels and names may lie beside it."""

    path: Path
    layout: Literal["folders", "flat", "tar", "shards"]
    beside: tuple[Path, ...]


def find_imagenet(record: DataSet, split: Split, roots: Sequence[Path]) -> ImageNetPlace | None:
    """The first place under the roots that looks like this split."""
    name = "val" if split == "test" else "train"
    for base in (root / folder for root in roots for folder in record.folders):
        if not base.is_dir():
            continue
        for pattern in _FOLDERS:
            path = base / pattern.format(name)
            if (layout := _layout(path)) is not None:
                return ImageNetPlace(path=path, layout=layout, beside=(path, *_up(path, base), *_kits(base)))
        tar = base / f"ILSVRC2012_img_{name}.tar"
        if tar.is_file():
            return ImageNetPlace(path=tar, layout="tar", beside=(base, *_kits(base)))
        if any(shard for pattern in _SHARDS[name] for shard in base.glob(pattern)):
            return ImageNetPlace(path=base, layout="shards", beside=(base, *_kits(base)))
    return None


def _layout(path: Path) -> Literal["folders", "flat"] | None:
    if not path.is_dir():
        return None
    for entry in path.iterdir():
        if entry.is_dir() and WNID.fullmatch(entry.name):
            return "folders"
        if entry.name.startswith("ILSVRC2012_val_"):
            return "flat"
    return None


def _up(path: Path, base: Path) -> tuple[Path, ...]:
    """The folders from a split's up to its base, and the one above Kaggle's `ILSVRC`."""
    between = [parent for parent in path.parents if parent.is_relative_to(base)]
    return (*between, base.parent) if base.name == "ILSVRC" else tuple(between)


def _kits(base: Path) -> tuple[Path, ...]:
    return tuple(path for path in (base / "devkit", base / "ILSVRC2012_devkit_t12") if path.is_dir())


def imagenet_listing(place: ImageNetPlace, split: Split, options: DataOptions) -> Listing:
    """The pictures of a place; classes are numbered by their WordNet ids in order, as every published model does.

    Raises:
        DataError: labels are missing or are not of 1,000 classes, or a file is damaged.
    """
    if place.layout == "folders":
        listing = folder_listing(place.path)
        _require_classes(listing.class_names, place.path)
        return _named(listing, listing.class_names, place)
    if place.layout == "shards":
        name = "val" if split == "test" else "train"
        shards = sorted(shard for pattern in _SHARDS[name] for shard in place.path.glob(pattern))
        listing = shard_listing(shards, options, where=str(place.path))
        if listing.labels is not None and int(listing.labels.max()) >= CLASSES:
            raise DataError(
                f"expected labels below {CLASSES} in {place.path}, found {int(listing.labels.max())}",
                hint="shards number the classes from 0, by their WordNet ids in order",
            )
        return listing
    if place.layout == "tar" and split == "train":
        return _of_classes(place)
    return _of_labels(place)


def _of_labels(place: ImageNetPlace) -> Listing:
    labels = validation_labels(place.beside)
    if labels is None:
        found = half_a_kit(place.beside) or f"none of {LABEL_FILES}"
        raise DataError(
            f"expected a file that says the classes of the pictures in {place.path}, found {found} in "
            f"{', '.join(map(str, place.beside))}",
            hint="put one of them beside the pictures, or sort the pictures into one folder per class",
        )
    wnids = tuple(sorted(set(labels.wnids.values())))
    _require_classes(wnids, labels.source)
    numbers = {wnid: i for i, wnid in enumerate(wnids)}
    pictures = list(_pictures(place))
    if unknown := [name for name, _ in pictures if Path(name).stem not in labels.wnids]:
        raise DataError(f"expected the class of {unknown[0]} in {labels.source}, found none")
    if not pictures:
        raise DataError(f"expected pictures in {place.path}, found none")
    listing = Listing(
        blobs=[picture for _, picture in pictures],
        labels=np.array([numbers[labels.wnids[Path(name).stem]] for name, _ in pictures], dtype=np.int64),
        ids=[name for name, _ in pictures],
        notes=(f"labels are those of {labels.source}",),
    )
    return _named(listing, wnids, place)


def _pictures(place: ImageNetPlace) -> Iterator[tuple[str, Blob]]:
    if place.layout == "flat":
        for path in sorted(place.path.iterdir()):
            if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
                yield printable(path.name), FileBlob(str(path.absolute()))
        return
    found = [
        (Path(m.name).name, s) for m, s in sections(place.path) if Path(m.name).suffix.lower() in SUFFIXES
    ]
    yield from sorted(found, key=lambda item: item[0])


def _of_classes(place: ImageNetPlace) -> Listing:
    """The training tar: a tar of pictures for each class, inside it."""
    classes = sorted((Path(member.name).stem, section) for member, section in sections(place.path))
    wnids = tuple(name for name, _ in classes)
    _require_classes(wnids, place.path)
    pictures: list[Blob] = []
    ids, labels = [], []
    for label, (wnid, section) in enumerate(classes):
        for name, picture in _inner(section):
            pictures.append(picture)
            ids.append(f"{wnid}/{name}")
            labels.append(label)
    listing = Listing(blobs=pictures, labels=np.array(labels, dtype=np.int64), ids=ids)
    return _named(listing, wnids, place)


def _inner(section: SectionBlob) -> Iterator[tuple[str, Blob]]:
    """The pictures of a tar inside a tar, by their place in the outer one."""
    end = section.offset + section.size
    try:
        with Path(section.path).open("rb") as stream:
            stream.seek(section.offset)
            with tarfile.open(fileobj=stream, mode="r:") as archive:
                members = [m for m in archive if m.isreg() and m.offset_data + m.size <= end]
            if not members:  # tarfile takes what is no header for the end
                raise tarfile.ReadError("no file in it")
            for member in members:
                place = (member.name, member.offset_data, member.size)
                yield Path(member.name).name, SectionBlob(section.path, *place)
    except (tarfile.TarError, EOFError, ValueError) as failure:
        raise DataError(
            f"expected a whole tar in {section.where}, found: {failure}", hint="fetch it again"
        ) from failure


def _require_classes(names: Sequence[str], where: object) -> None:
    if len(names) != CLASSES:
        raise DataError(
            f"expected {CLASSES} classes (n01440764 ...) in {where}, found {len(names)}",
            hint="labels follow the order of all 1,000 WordNet ids: a part of them would be mislabelled",
        )


def _named(listing: Listing, wnids: Sequence[str], place: ImageNetPlace) -> Listing:
    return dataclasses.replace(listing, class_names=class_names(wnids, place.beside))
