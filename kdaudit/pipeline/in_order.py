"""Training data as a network takes it: its inputs in its order and types."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kdaudit.data import Examples
from kdaudit.errors import DataError
from kdaudit.protocols import TrainingData
from kdaudit.types import UNLABELLED, AnyArray, Int64, LabelMap, NetworkSpec, Preprocess


def in_order(data: Examples, network: NetworkSpec, label_map: LabelMap | None) -> TrainingData:
    """Training data with its inputs in the order in which the network takes them, its labels as output numbers.

    Pixels that the network takes as uint8 reach it as they are stored; tokens stored as bytes become the integers
    that it takes.

    Raises:
        DataError: an input is missing, or some uint8 inputs are to be preprocessed and others not.
    """
    return _InOrder(data, network, label_map)


class _InOrder:
    def __init__(self, data: Examples, network: NetworkSpec, label_map: LabelMap | None) -> None:
        columns = None if label_map is None else np.asarray(label_map.columns, dtype=np.int64)
        self._labels = data.labels
        if columns is not None:  # what is not asked stays so
            self._labels = np.where(data.labels == UNLABELLED, UNLABELLED, columns[data.labels])
        names = [name for name, _ in network.example_shapes]
        found = data.stored
        if len(found) == 1 or not names:
            names = list(found)
        if missing := [name for name in names if name not in found]:
            raise DataError(
                f"expected training inputs {', '.join(names)}, found {', '.join(found)}",
                hint=f"missing: {', '.join(missing)}",
            )
        wanted = dict(zip(names, network.example_dtypes, strict=False))
        self._stored = {name: _whole(found[name], wanted.get(name, "")) for name in names}
        pixels = {name for name, array in self._stored.items() if array.dtype == np.uint8}
        as_stored = {name for name in pixels if wanted.get(name) == "uint8"}
        if as_stored and as_stored != pixels:
            raise DataError(
                f"expected the network to take all uint8 inputs as uint8 or none, found {', '.join(sorted(as_stored))} "
                f"of {', '.join(sorted(pixels))}",
                hint="save the other inputs as floats",
            )
        self._preprocess = data.preprocess
        if as_stored:
            given = data.preprocess
            self._preprocess = Preprocess(channels=given.channels, layout=given.layout, stored=given.stored)

    @property
    def labels(self) -> Int64:
        return self._labels

    @property
    def preprocess(self) -> Preprocess:
        return self._preprocess

    @property
    def stored(self) -> Mapping[str, AnyArray]:
        return self._stored


def _whole(stored: AnyArray, wanted: str) -> AnyArray:
    """Tokens that are stored as bytes, in the type that the network looks them up by."""
    return stored.astype(wanted) if stored.dtype == np.uint8 and wanted in ("int32", "int64") else stored
