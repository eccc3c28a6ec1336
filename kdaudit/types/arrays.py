"""Array types, and arrays that may not be written to."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Float16 = npt.NDArray[np.float16]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[np.generic]
_T = TypeVar("_T", bound=np.generic)


def read_only(array: npt.NDArray[_T]) -> npt.NDArray[_T]:
    """The same array, no longer writable through this name."""
    view = array.view()
    view.flags.writeable = False
    return view
