"""The names of splits of known data sets: `imagenet-val`, `cifar10`, `cifar10:train`."""

from __future__ import annotations

from collections.abc import Mapping

from kdaudit.data.catalogue import DATA_SETS
from kdaudit.data.data_set import DataSet, Split

# Names by which splits were known before names had splits.
ALIASES: Mapping[str, tuple[str, Split]] = {
    "imagenet-val": ("imagenet", "test"),
    "imagenet-train": ("imagenet", "train"),
}


def known_names() -> tuple[str, ...]:
    """Everything that names a split, in order."""
    of_splits = (f"{name}{split}" for name in DATA_SETS for split in ("", ":test", ":train"))
    return (*ALIASES, *of_splits)


def split_of(location: str) -> tuple[DataSet, Split]:
    """The data set and split that a known name means; without a split, `test`.

    Raises:
        KeyError: it is not known.
    """
    name, split = ALIASES.get(location) or (location.removesuffix(":test").removesuffix(":train"), "test")
    if location.endswith(":train"):
        split = "train"
    return DATA_SETS[name], split


def training_split_of(location: str) -> str | None:
    """The canonical name of the training split beside a known evaluation split; None where there is none."""
    if location not in known_names():
        return None
    record, split = split_of(location)
    return canonical(f"{record.name}:train") if split == "test" else None


def canonical(location: str) -> str:
    """The one name of a split: `imagenet-val`, `cifar10:test`."""
    record, split = split_of(location)
    for alias, meant in ALIASES.items():
        if meant == (record.name, split):
            return alias
    return f"{record.name}:{split}"
