"""Labelled examples: `.npz` files, image folders and named data sets, all read through one cached form."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import cast

from kdaudit.data.examples import Examples
from kdaudit.data.named import NAMED
from kdaudit.data.options import DataOptions, Limit
from kdaudit.data.subset import limited
from kdaudit.errors import DataError
from kdaudit.protocols import Progress

__all__ = ["NAMED", "SOURCES", "DataOptions", "Examples", "Limit", "load_data", "source_kind"]

SOURCES = {
    "arrays": "kdaudit.data.arrays:load",
    "image-folder": "kdaudit.data.image_folder:load",
    "named": "kdaudit.data.named:load",
}


def source_kind(location: str) -> str:
    """The key of `SOURCES` that reads `location`: a known name, a folder or a file, in this order.

    Raises:
        DataError: it is none of them.
    """
    if location in NAMED:
        return "named"
    path = Path(location)
    if path.is_dir():
        return "image-folder"
    if path.is_file():
        return "arrays"
    nearest = get_close_matches(location, NAMED, n=1)
    raise DataError(
        f"expected an .npz file, a folder of class folders or a known name, found nothing at {location}",
        hint=f"did you mean {nearest[0]}?" if nearest else f"known names: {', '.join(NAMED)}",
    )


def load_data(
    location: str, *, cache: Path, options: DataOptions, progress: Progress | None = None
) -> Examples:
    """The examples at `location`, from the cache if they were read before.

    Raises:
        DataError: they cannot be read or used.
        SpecError: an option does not fit them.
    """
    module, function = SOURCES[source_kind(location)].split(":")
    load = cast("Callable[..., Examples]", getattr(import_module(module), function))
    examples = load(location, cache=cache, options=options, progress=progress)
    if options.limit is None or len(examples) <= options.limit.n:
        return examples
    return examples.subset(limited(examples.labels, options.limit))
