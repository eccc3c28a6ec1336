"""Named data sets fetched by those whose task it is, torchvision or Hugging Face: whole, or nothing stays."""

from __future__ import annotations

import inspect
from http.client import HTTPException
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kdaudit.data.data_set import DataSet, Split
from kdaudit.data.saved_dataset import datasets_module
from kdaudit.errors import DataError, SpecError, said_by

_FAILURES = (RuntimeError, OSError, ValueError, HTTPException)


def download(record: DataSet, split: Split, data_root: Path | None) -> None:
    """Fetches a split into the data root, as torchvision lays it out, or into the cache of `datasets`.

    Torchvision compares MD5 sums. What it fetches goes to a folder of its own first and is moved when it is whole.

    Raises:
        SpecError: no data root is set.
        DataError: nobody may fetch it, or that failed.
    """
    if record.torchvision is not None:
        if data_root is None:
            raise SpecError(
                f"expected a data root to download {record.name} into, found none",
                hint="set --data-root DATA_ROOT or KDAUDIT_DATA_ROOT",
            )
        _by_torchvision(record, split, data_root)
    elif record.hub is not None:
        datasets = datasets_module(record.name)
        try:
            datasets.load_dataset(record.hub, split=record.hub_splits[split])
        except _FAILURES as failure:
            raise _failed(record, failure) from failure
    else:
        raise DataError(
            f"expected {record.name} to be put in its place by hand, found --download", hint=record.get
        )


def _by_torchvision(record: DataSet, split: Split, data_root: Path) -> None:
    kind = getattr(import_module("torchvision.datasets"), str(record.torchvision))
    try:
        data_root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(
            prefix="kdaudit-download-", dir=data_root, ignore_cleanup_errors=True
        ) as name:
            fetched = Path(name)
            kind(str(fetched), download=True, **_split_argument(kind, split))
            for path in sorted(fetched.iterdir()):
                target = data_root / path.name if path.is_dir() else data_root / record.folders[0] / path.name
                if target.exists() or path.suffix in {".gz", ".tgz"}:
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
    except _FAILURES as failure:
        raise _failed(record, failure) from failure


def _split_argument(kind: Any, split: Split) -> dict[str, object]:
    if "train" in inspect.signature(kind).parameters:
        return {"train": split == "train"}
    return {"split": "val" if kind.__name__ == "Imagenette" and split == "test" else split}


def _failed(record: DataSet, failure: Exception) -> DataError:
    return DataError(
        f"expected to fetch {record.name}, found: {said_by(failure)}; nothing of it was kept", hint=record.get
    )
