"""What a model answers: one answer an example, or one at each labelled position of a sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kdaudit.types import UNLABELLED, Int64, read_only


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """N answers that statistics are made of, those of one sequence beside each other.

    `labels` (N,) are None where they are not known. `rows` (N,) is the example of each, `places` (N,) its position in
    it (None where an example is one answer), `groups` the codes of dependent answers: those of one sequence always are.
    """

    labels: Int64 | None
    ids: npt.NDArray[np.str_]
    groups: Int64 | None
    columns: dict[str, npt.NDArray[np.str_]]
    rows: Int64
    places: Int64 | None = None

    def __len__(self) -> int:
        return len(self.ids)


def units_of(
    labels: Int64 | None,
    ids: npt.NDArray[np.str_],
    groups: Int64 | None,
    columns: dict[str, npt.NDArray[np.str_]],
) -> Units:
    """The units of examples: one each, or with labels (n, T) one for each labelled position of a sequence."""
    if labels is None or labels.ndim == 1:
        every = read_only(np.arange(len(ids), dtype=np.int64))
        return Units(labels=labels, ids=ids, groups=groups, columns=columns, rows=every)
    rows, places = (axis.astype(np.int64) for axis in np.nonzero(labels != UNLABELLED))
    return Units(
        labels=read_only(labels[rows, places]),
        ids=read_only(np.char.add(np.char.add(ids[rows], ":"), places.astype(np.str_))),
        groups=read_only(rows if groups is None else groups[rows]),
        columns={name: read_only(values[rows]) for name, values in columns.items()},
        rows=read_only(rows),
        places=read_only(places),
    )
