"""`meta.json`: what a folder of examples holds, and what its source decided."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kdaudit.errors import DataError
from kdaudit.types import DataRef, Geometry, Preprocess, Skipped

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT_VERSION = 1
META = "meta.json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a source decided: names, preprocessing, and one sentence for everything it took for granted."""

    name: str
    kind: str
    location: str
    inputs: tuple[str, ...] = ("x",)
    columns: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    preprocess: Preprocess = dataclasses.field(default_factory=Preprocess)
    assumptions: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    sample_rate: int | None = None
    skipped: tuple[Skipped, ...] = ()
    geometry: Geometry | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """`meta.json`: the description, the examples' digest, and each file's size to find a damaged folder."""

    version: int
    ref: DataRef
    description: Description
    sizes: dict[str, int]


def read_meta(folder: Path) -> Meta:
    """What `folder` holds.

    Raises:
        DataError: it is no example folder, or of another version.
    """
    path = folder / META
    try:
        meta = meta_adapter().validate_json(path.read_bytes())
    except (OSError, ValueError) as failure:
        raise DataError(
            f"expected an example folder with a {META} at {folder}, found: {type(failure).__name__}",
            hint="empty the cache, then run again",
        ) from failure
    if meta.version != FORMAT_VERSION:
        raise DataError(
            f"expected examples of format {FORMAT_VERSION} at {folder}, found format {meta.version}",
            hint="empty the cache, then run again",
        )
    return meta


@cache
def meta_adapter() -> TypeAdapter[Meta]:
    """Reads and writes `meta.json`."""
    from pydantic import TypeAdapter

    return TypeAdapter(Meta)
