"""An audit on disk: `audit.json`, and beside it `examples.npz` with the answers of every model. Read with suspicion."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from kdaudit.errors import DataError
from kdaudit.schema import AuditResult
from kdaudit.types import AnyArray, Int32, Int64

if TYPE_CHECKING:
    from kdaudit.pipeline.judged import Audited

AUDIT, EXAMPLES, INHERITED = "audit.json", "examples.npz", "inherited.csv"
_ARRAYS = ("ids", "labels", "answers", "models", "groups")
_LARGEST_BYTES = 1 << 31
_DAMAGED = (
    OSError,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    SyntaxError,  # this and the next: of a header that is no Python literal
    TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedAudit:
    """A saved audit: its document, and what every model answered to every example.

    ids (n,); labels (n,), None where there are none; answers (m, n): rows as in `result.models`; groups (n,) or None.
    """

    result: AuditResult
    ids: npt.NDArray[np.str_]
    labels: Int64 | None
    answers: Int32
    groups: Int64 | None


def save_examples(audited: Audited, path: Path) -> None:
    """Write the answers of every model, with ids, labels, groups and slice columns; small numbers in two bytes.

    Labels and groups that are not known are empty.
    """
    largest = int(audited.answers.max(initial=0))
    np.savez_compressed(
        path,
        answers=audited.answers.astype(np.uint16 if largest < 2**16 else np.int32),
        ids=audited.ids,
        labels=_or_empty(audited.labels),
        models=np.array(audited.models),
        groups=_or_empty(audited.groups),
        **{f"slice:{name}": values for name, values in audited.columns.items()},  # type: ignore[arg-type]
    )


def _or_empty(column: Int64 | None) -> Int64:
    return np.empty(0, dtype=np.int64) if column is None else column


def read_result(path: Path) -> AuditResult:
    """The document in an `audit.json`.

    Raises:
        DataError: there is none, or it is damaged or of another version.
    """
    try:
        return AuditResult.model_validate_json(path.read_bytes())
    except OSError as failure:
        raise DataError(f"expected an audit.json at {path}, found: {failure.strerror}") from failure
    except ValidationError as failure:
        first = failure.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise DataError(
            f"expected an audit of kdaudit in {path}, found that {where}: {first['msg'].lower()}",
            hint="render it with the version of kdaudit that wrote it, or audit again",
        ) from failure


def read_audit(place: Path) -> SavedAudit:
    """The audit that `check` wrote: `place` is its `audit.json`, its folder, or the folder of its run.

    Raises:
        DataError: one of the two files is missing, damaged, of another version, or does not belong to the other.
    """
    path = _document_in(place) if place.is_dir() else place
    result = read_result(path)
    beside = path.with_name(EXAMPLES)
    arrays = _arrays(beside)
    problem = next(_problems(result, arrays), None)
    if problem is not None:
        raise DataError(
            f"expected the answers of {path} in {beside}, found {problem}",
            hint="keep audit.json and examples.npz of one audit together in a folder, or audit again",
        )
    groups = arrays["groups"]
    return SavedAudit(
        result=result,
        ids=arrays["ids"].astype(np.str_),
        labels=arrays["labels"].astype(np.int64) if result.data.has_labels else None,
        answers=arrays["answers"].astype(np.int32),
        groups=groups.astype(np.int64) if len(groups) else None,
    )


def _document_in(folder: Path) -> Path:
    """The only document in a folder, or in the folders that stand in it."""
    below = [folder / AUDIT] if (folder / AUDIT).exists() else sorted(folder.glob(f"*/{AUDIT}"))
    if len(below) > 1:
        raise DataError(
            f"expected one audit in {folder}, found {len(below)}",
            hint=f"name the folder of one of them, such as {below[0].parent}",
        )
    return below[0] if below else folder / AUDIT


def _arrays(path: Path) -> dict[str, AnyArray]:
    try:
        with zipfile.ZipFile(path) as archive:
            for name in _ARRAYS:
                _require_size(archive.getinfo(f"{name}.npy"), path)
            return {name: _array(archive, name) for name in _ARRAYS}
    except _DAMAGED as failure:
        found = failure.strerror if isinstance(failure, OSError) else str(failure)
        raise DataError(
            f"expected the answers of every model at {path}, found: {found or type(failure).__name__}",
            hint=f"check writes {EXAMPLES} beside {AUDIT}: keep them together, or audit again",
        ) from failure


def _require_size(member: zipfile.ZipInfo, path: Path) -> None:
    if member.file_size > _LARGEST_BYTES:
        raise DataError(
            f"expected at most {_LARGEST_BYTES:,} bytes in {member.filename} of {path}, found {member.file_size:,}",
            hint="no audit has so many answers: a small file can be made to unpack into all of the memory",
        )


def _array(archive: zipfile.ZipFile, name: str) -> AnyArray:
    with archive.open(f"{name}.npy") as stream:
        array: AnyArray = np.lib.format.read_array(stream, allow_pickle=False)
        return array


def _problems(result: AuditResult, arrays: dict[str, AnyArray]) -> Iterator[str]:
    """Why the arrays are not those of the document."""
    m, n = len(result.models), result.n
    labelled = result.data.has_labels
    labels = (n,) if labelled else (0,)
    shapes = {"models": (m,), "ids": (n,), "labels": labels, "answers": (m, n), "groups": (n,)}
    for name, shape in shapes.items():
        found, kinds = arrays[name], "U" if name in ("models", "ids") else "iu"
        absent = name == "groups" and found.shape == (0,)
        if found.dtype.kind not in kinds or (found.shape != shape and not absent):
            wanted = "text" if kinds == "U" else "whole numbers"
            yield f"{name} of {found.dtype} {found.shape} instead of {wanted} {shape}"
    if arrays["models"].tolist() != [model.name for model in result.models]:
        yield "other models"
    if [model.role for model in result.models[:2]] != ["teacher", "student"]:
        yield "no teacher and student as its first models"
    if len(np.unique(arrays["ids"])) < n:
        yield "ids that occur twice"
    for name in ("labels", "answers") if labelled else ("answers",):
        if n and not 0 <= int(arrays[name].min()) <= int(arrays[name].max()) < 2**31:
            yield f"{name} that are no class"
    for model, answers in zip(result.models, arrays["answers"], strict=True) if labelled else ():
        accuracy = float(np.mean(answers == arrays["labels"])) if n else None
        if accuracy is not None and model.accuracy is not None and abs(accuracy - model.accuracy) > 1e-9:
            yield f"that {model.name} answers {accuracy:.2%} right instead of {model.accuracy:.2%}"
