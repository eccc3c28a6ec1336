"""Pictures before they are decoded: where they lie, their labels, and what is told of their classes."""

from __future__ import annotations

import dataclasses
import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kdaudit.data.blobs import Blob
from kdaudit.data.options import Limit
from kdaudit.data.subset import drawn, limited
from kdaudit.digest import array_digest, record_digest
from kdaudit.errors import DataError
from kdaudit.types import Int64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listing:
    """Pictures in order with all that is known of them before one is decoded; `notes` are assumptions.

    `labels` (n,) are None where they are not known.
    """

    blobs: Sequence[Blob]
    labels: Int64 | None
    ids: Sequence[str]
    class_names: tuple[str, ...] = ()
    groups: Int64 | None = None
    slices: dict[str, npt.NDArray[np.str_]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def at(self, index: Int64) -> Listing:
        """Those at the positions `index`."""
        return dataclasses.replace(
            self,
            blobs=[self.blobs[i] for i in index],
            labels=None if self.labels is None else self.labels[index],
            ids=[self.ids[i] for i in index],
            groups=None if self.groups is None else self.groups[index],
            slices={name: column[index] for name, column in self.slices.items()},
        )

    def limited(self, limit: Limit | None) -> Listing:
        """Those that a limit leaves, drawn class by class where classes are known; all without one."""
        if limit is None:
            return self
        return self.at(drawn(len(self.ids), limit) if self.labels is None else limited(self.labels, limit))

    def digest(self) -> str:
        """What changes when a picture, a label or anything else that is listed does."""
        labels = None if self.labels is None else array_digest(self.labels)
        groups = None if self.groups is None else array_digest(self.groups)
        slices = [(name, array_digest(column)) for name, column in self.slices.items()]
        pictures = hashlib.sha256()
        for name, picture in zip(self.ids, self.blobs, strict=True):
            pictures.update(record_digest(name, *picture.stamp).encode())
        return record_digest(pictures.hexdigest(), labels, groups, slices, self.class_names, self.notes)


def alike_names(names: Sequence[str], *, where: str) -> Iterator[str]:
    """A sentence on class names that differ by case alone.

    Raises:
        DataError: two names look the same: they differ by how Unicode writes them, or by blanks around them.
    """
    by_look, by_case = defaultdict(list), defaultdict(list)
    for name in names:
        look = unicodedata.normalize("NFC", name).strip()
        by_look[look].append(name)
        by_case[look.casefold()].append(name)
    for look, found in by_look.items():
        if len(found) > 1:
            raise DataError(
                f"expected different class names in {where}, found {look!r} {len(found)} times: they differ only by "
                "blanks or by how Unicode writes them",
                hint="rename them, or put their examples together",
            )
    for found in by_case.values():
        if len(found) > 1:
            yield f"the classes {', '.join(sorted(found))} differ only by case and are read as {len(found)} classes"


def few(names: Sequence[str], most: int = 5) -> str:
    """The first `most` names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
