"""What arrays of a batch become before models take them, each made once however many models ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from kdaudit.types.arrays import AnyArray

_T = TypeVar("_T")


class Conversions:
    """Copies of a batch's arrays in other types and on devices; they live as long as the batch."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, str], tuple[AnyArray, object]] = {}

    def once(self, array: AnyArray, to: str, convert: Callable[[AnyArray], _T]) -> _T:
        """`convert(array)`, or what it gave for this very array and the same `to`."""
        key = (id(array), to)
        if key not in self._made:
            # The array is held too: nothing else can come to have its id meanwhile.
            self._made[key] = (array, convert(array))
        return cast("_T", self._made[key][1])
