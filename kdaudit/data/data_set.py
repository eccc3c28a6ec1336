"""What is declared of a known data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kdaudit.types import StatedPreprocess

Split = Literal["train", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """One known data set. `test` is the split to evaluate on, whatever its makers call it.

    `n` is the number of examples of each split, `classes` the classes' names in the order of their numbers, or how many
    there are where the files name them, `features` the names of its numbers. `folders` are where it lies under a data
    root, the usual place first. `usual` is how models of it mostly take it. `hub` and `torchvision` name who may fetch
    it.
    """

    name: str
    title: str
    modality: Literal["pictures", "sounds", "texts", "characters", "numbers"]
    layout: str
    n: Mapping[Split, int]
    classes: tuple[str, ...] | int
    features: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    usual: StatedPreprocess = field(default_factory=StatedPreprocess)
    licence: str
    homepage: str
    get: str
    hub: str | None = None
    hub_splits: Mapping[Split, str] = field(default_factory=lambda: {"train": "train", "test": "test"})
    hub_label: str | None = None
    torchvision: str | None = None

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return self.classes if isinstance(self.classes, int) else len(self.classes)
