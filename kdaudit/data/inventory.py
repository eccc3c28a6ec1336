"""Which known data sets are there, and what to do for those that are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from kdaudit.data.catalogue import DATA_SETS
from kdaudit.data.data_set import DataSet, Split
from kdaudit.data.named import find
from kdaudit.data.names import canonical, known_names, split_of
from kdaudit.errors import SpecError

_SPLITS: tuple[Split, ...] = ("test", "train")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One split: its name for --data or --train-data, its data set, and where it was found; None: nowhere."""

    name: str
    split: Split
    record: DataSet
    path: Path | None


def inventory(data_root: Path | None, name: str | None = None) -> Iterator[Listed]:
    """All splits of all known data sets, or those of one, in order.

    Raises:
        SpecError: the name is not known.
    """
    if name is not None and name not in known_names():
        nearest = get_close_matches(name, DATA_SETS, n=1)
        raise SpecError(
            f"expected the name of a known data set, found {name!r}",
            hint=f"did you mean {nearest[0]}?" if nearest else f"known names: {', '.join(DATA_SETS)}",
        )
    for record in DATA_SETS.values() if name is None else (split_of(name)[0],):
        for split in _SPLITS:
            place = find(record, split, data_root)
            yield Listed(
                name=canonical(f"{record.name}:{split}"),
                split=split,
                record=record,
                path=None if place is None else place.path,
            )
