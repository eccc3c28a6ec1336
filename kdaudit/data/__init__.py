"""Examples, wherever they lie and in whichever form, all read through one cached form."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from kdaudit.data.examples import Examples
from kdaudit.data.kinds import source_kind
from kdaudit.data.named import NAMED
from kdaudit.data.options import DataOptions, Limit
from kdaudit.data.request import Follow, Request
from kdaudit.protocols import Progress

__all__ = ["NAMED", "SOURCES", "DataOptions", "Examples", "Limit", "load_data", "source_kind"]

SOURCES = {
    "arrays": "kdaudit.data.arrays:load",
    "image-folder": "kdaudit.data.image_folder:load",
    "sound-folder": "kdaudit.data.sound_folder:load",
    "named": "kdaudit.data.named:load",
    "python-object": "kdaudit.data.python_object:load",
    "saved-dataset": "kdaudit.data.saved_dataset:load",
    "shards": "kdaudit.data.shards:load",
    "table": "kdaudit.data.table:load",
}


def load_data(
    location: str,
    *,
    cache: Path,
    options: DataOptions,
    progress: Progress | None = None,
    follow: Follow | None = None,
) -> Examples:
    """The examples at `location`, from the cache if they were read before.

    Args:
        location: a known name, file, folder, pattern of shards or `module:callable`.
        cache: the folder that keeps them in one form.
        options: how they are read.
        progress: whom to tell.
        follow: who uses pictures and sounds while others are still being decoded.

    Raises:
        DataError: they cannot be read or used.
        SpecError: an option does not fit them.
    """
    module, function = SOURCES[source_kind(location)].split(":")
    load = cast("Callable[..., Examples]", getattr(import_module(module), function))
    examples = load(location, Request(options=options, cache=cache, progress=progress, follow=follow))
    return examples.limited(options.limit)
