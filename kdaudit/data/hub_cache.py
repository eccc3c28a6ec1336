"""Named data sets that Hugging Face's `datasets` has in its cache: its Arrow files, read without any request."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from kdaudit.data.blobs import file_stamp
from kdaudit.data.data_set import DataSet, Split
from kdaudit.data.description import Description
from kdaudit.data.examples import Examples
from kdaudit.data.request import Request
from kdaudit.data.saved_dataset import UNREADABLE, datasets_module, read_dataset, validated
from kdaudit.digest import record_digest
from kdaudit.errors import DataError
from kdaudit.installed import version_of


def find_in_hub_cache(record: DataSet, split: Split) -> Path | None:
    """The folder of the newest complete copy in the cache of `datasets`, if that is installed."""
    if record.hub is None or version_of("datasets") is None:
        return None
    root = Path(datasets_module(record.name).config.HF_DATASETS_CACHE)
    folders = {
        path.parent
        for path in root.glob(f"{record.hub.replace('/', '___')}/*/*/*/*-{record.hub_splits[split]}*.arrow")
    }
    complete = [folder for folder in folders if (folder / "dataset_info.json").is_file()]
    return max(complete, key=lambda folder: folder.stat().st_mtime_ns, default=None)


def read_from_hub_cache(
    record: DataSet,
    split: Split,
    folder: Path,
    description: Description,
    request: Request,
) -> Examples:
    """The examples of a split in a folder of that cache.

    Raises:
        DataError: its files are damaged, or hold texts, which a model's tokenizer must turn into numbers first.
    """
    datasets = datasets_module(record.name)
    files = sorted(folder.glob(f"*-{record.hub_splits[split]}*.arrow"))
    if record.modality in {"texts", "characters"}:
        raise DataError(
            f"expected token numbers, which a model's own tokenizer makes, found raw texts of {description.name} in "
            f"{folder}",
            hint="tokenise them with datasets.map and save_to_disk, then name that folder",
        )
    try:
        parts = [datasets.Dataset.from_file(str(file)) for file in files]
        found = validated(datasets.concatenate_datasets(parts))
    except UNREADABLE as failure:
        raise DataError(
            f"expected whole Arrow files of {record.name} in {folder}, found: {failure}", hint=record.get
        ) from failure
    stamp = record_digest([(str(file), *file_stamp(str(file))) for file in files])
    if record.hub_label is not None:
        options = dataclasses.replace(request.options, label_column=record.hub_label)
        request = dataclasses.replace(request, options=options)
    return read_dataset(found, stamp, description, request)
