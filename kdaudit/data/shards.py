"""WebDataset shards: uncompressed tars, `key.jpg` beside `key.cls` or `key.json`. Members are read, never unpacked."""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from glob import glob, has_magic
from itertools import product
from pathlib import Path

import numpy as np

from kdaudit.data.blobs import SectionBlob
from kdaudit.data.columns import groups_from, ids_from, slices_from
from kdaudit.data.examples import Description, Examples
from kdaudit.data.listing import Listing, few
from kdaudit.data.media import read_media
from kdaudit.data.options import DataOptions
from kdaudit.data.pictures import SUFFIXES
from kdaudit.data.request import Request
from kdaudit.data.roles import (
    LABELS,
    LABELS_HINT,
    NO_LABELS_HINT,
    UNLABELLED_HINT,
    NumberedLabels,
    numbered_labels,
)
from kdaudit.data.table_files import array_of
from kdaudit.data.waveforms import SOUND_SUFFIXES
from kdaudit.errors import DataError
from kdaudit.numerics import plural

_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")
# What is said of one and of several.
_Forms = tuple[str, str]
_LINKS: _Forms = ("member that is a link or device is", "members that are links or devices are")
_KEYS: _Forms = ("key without a picture or sound is", "keys without a picture or sound are")
_MOST_SHARDS = 100_000
_LARGEST_LABEL_BYTES = 1 << 20
_LABEL_HINT = (
    "a key's label is its .cls, or label, labels, y or target in its .json, or what --label-column names there; "
    f"{NO_LABELS_HINT}"
)
_HINT = (
    "a shard is a plain .tar (not .tar.gz) of key.jpg, or another picture or sound, and key.cls or key.json"
)


def load(location: str, request: Request) -> Examples:
    """The examples of the shards at `location`: a tar, a folder of them, or a pattern, `a-{000..009}.tar`, `a-*.tar`.

    Raises:
        DataError: a shard is missing, damaged or compressed, or holds no pictures with labels.
    """
    shards = shards_of(location)
    description = Description(name=Path(location).stem, kind="shards", location=location)
    listing = shard_listing(shards, request.options, where=location)
    return read_media(listing, description, request)


def is_pattern(location: str) -> bool:
    """Whether a location stands for several shards."""
    return location.endswith(".tar") and (bool(_BRACES.search(location)) or has_magic(location))


def shards_of(location: str) -> list[Path]:
    """The files of a location, in order.

    Raises:
        DataError: a pattern fits no file, or braces name one that is not there.
    """
    path = Path(location)
    if path.is_dir():
        return sorted(path.glob("*.tar"))
    if path.is_file():
        return [path]
    found = [Path(name) for name in _expanded(location)] if _BRACES.search(location) else []
    found = found or sorted(Path(name) for name in glob(location))  # noqa: PTH207 - the pattern may be absolute
    if not found:
        raise DataError(f"expected shards at {location}, found none", hint=_HINT)
    if missing := [str(shard) for shard in found if not shard.is_file()]:
        raise DataError(f"expected all shards of {location}, found no {few(missing)}", hint=_HINT)
    return found


def shard_listing(shards: Sequence[Path], options: DataOptions, *, where: str) -> Listing:
    """The pictures of shards; their ids are the keys, with the shard's name where several have the same.

    Raises:
        DataError: see `load`.
    """
    samples: list[_Sample] = []
    left_out: Counter[_Forms] = Counter()
    for shard in shards:
        samples += _samples(shard, left_out)
    held = [sample for sample in samples if sample.medium is not None]
    if not held:
        raise DataError(f"expected pictures or sounds in the shards of {where}, found none", hint=_HINT)
    if len(held) < len(samples):
        left_out[_KEYS] += len(samples) - len(held)
    numbered = _labels(held, options, where)
    keys = Counter(sample.key for sample in held)
    ids = [s.key if keys[s.key] == 1 else f"{s.shard.name}/{s.key}" for s in held]
    groups = _column(held, "group", where)
    return Listing(
        blobs=[sample.medium for sample in held if sample.medium is not None],
        labels=numbered.labels,
        ids=[str(name) for name in ids_from(np.array(ids), where=where)],
        class_names=numbered.class_names,
        groups=None if groups is None else groups_from(groups, where=where),
        slices={
            name: slices_from(column, name=name, where=where)
            for name in options.slices
            if (column := _column(held, name, where)) is not None
        },
        notes=(*numbered.notes, *(f"{plural(n, *what)} left out" for what, n in sorted(left_out.items()))),
    )


@dataclass(slots=True)
class _Sample:
    """The members of one key."""

    shard: Path
    key: str
    medium: SectionBlob | None = None
    texts: dict[str, str] = field(default_factory=dict)


def sections(
    shard: Path, left_out: Counter[_Forms] | None = None
) -> Iterator[tuple[tarfile.TarInfo, SectionBlob]]:
    """The plain files in a tar, by their place in it; names are only names; links and devices are passed over, counted.

    Raises:
        DataError: it is no whole, uncompressed tar.
    """
    size = shard.stat().st_size
    try:
        with tarfile.open(shard, mode="r:") as archive:
            for member in archive:
                if member.offset_data + member.size > size:
                    raise tarfile.ReadError(f"{member.name} ends beyond the file")
                if member.isreg() and not member.issparse():
                    yield (
                        member,
                        SectionBlob(str(shard.absolute()), member.name, member.offset_data, member.size),
                    )
                elif left_out is not None and not member.isdir():
                    left_out[_LINKS] += 1
            _require_end(shard, archive.offset)
    except (tarfile.TarError, EOFError, OSError, ValueError) as failure:
        raise DataError(
            f"expected a whole, uncompressed tar at {shard}, found: {failure}", hint=_HINT
        ) from failure


def _require_end(shard: Path, end: int) -> None:
    """What follows the last member must be the blocks of zeros that end a tar: `tarfile` stops at anything else too.

    Raises:
        tarfile.ReadError: it is something else, or nothing: members may be lost.
    """
    with shard.open("rb") as stream:
        stream.seek(end)
        mark = stream.read(tarfile.BLOCKSIZE)
    if len(mark) < tarfile.BLOCKSIZE:
        raise tarfile.ReadError(f"it ends at byte {end + len(mark):,} without an end mark: the file is cut")
    if mark.strip(tarfile.NUL):
        raise tarfile.ReadError(f"no member at byte {end:,}: the file is damaged")


def _samples(shard: Path, left_out: Counter[_Forms]) -> list[_Sample]:
    found: dict[str, _Sample] = {}
    n_files = 0
    for member, section in sections(shard, left_out):
        n_files += 1
        folder, _, name = member.name.rpartition("/")
        stem, _, suffix = name.partition(".")
        if not stem:  # hidden
            continue
        key = f"{folder}/{stem}" if folder else stem
        sample = found.setdefault(key, _Sample(shard, key))
        suffix = suffix.lower()
        if f".{suffix}" in SUFFIXES | SOUND_SUFFIXES:
            _require_one(sample, section)
            sample.medium = section
        elif suffix in {"cls", "json", "txt"} and section.size <= _LARGEST_LABEL_BYTES:
            with section.open() as stream:
                sample.texts[suffix] = stream.read().decode("utf-8", "replace")
        else:
            left_out[f"member .{suffix} is", f"members .{suffix} are"] += 1
    if n_files == 0:
        raise DataError(f"expected files in the tar {shard}, found none", hint=_HINT)
    return list(found.values())


def _require_one(sample: _Sample, found: SectionBlob) -> None:
    """One picture or sound of a key: of a photograph and its mask, nobody knows which is meant."""
    if sample.medium is not None:
        raise DataError(
            f"expected one picture or sound of each key in {sample.shard}, found {sample.medium.member} and "
            f"{found.member}",
            hint="what is no example needs a name of its own, such as key.mask.png: it is passed over then",
        )


def _labels(samples: Sequence[_Sample], options: DataOptions, where: str) -> NumberedLabels:
    names = options.class_names or ()
    if not options.unlabelled:
        labels = [_required_label(sample, options) for sample in samples]
        return numbered_labels(array_of(labels, "labels", where, 0), names, where=where)
    everywhere = (options, replace(options, label_column=None))
    labelled = next((s for s in samples for o in everywhere if _label(s, o) is not None), None)
    if labelled is not None:
        raise DataError(
            f"expected no labels in {where}, as --unlabelled says, found one of {labelled.key}",
            hint=LABELS_HINT,
        )
    return NumberedLabels(labels=None, class_names=names)


def _required_label(sample: _Sample, options: DataOptions) -> object:
    label = _label(sample, options)
    if label is None or label == "":
        raise DataError(
            f"expected {sample.key}.cls, or a label in {sample.key}.json, in {sample.shard}, found none",
            hint=_LABEL_HINT if options.label_column is None else UNLABELLED_HINT,
        )
    return label


def _label(sample: _Sample, options: DataOptions) -> object:
    """What a sample's files say of its label; None where they say nothing."""
    if "cls" in sample.texts and options.label_column is None:
        text = sample.texts["cls"].strip()
        return int(text) if text.isdecimal() else text
    values = _json(sample)
    names = LABELS if options.label_column is None else (options.label_column,)
    return next((values[name] for name in names if name in values), None)


def _column(
    samples: Sequence[_Sample], name: str, where: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None:
    values = [_json(sample).get(name) for sample in samples]
    return None if all(value is None for value in values) else array_of(values, name, where, 0)


def _json(sample: _Sample) -> dict[str, object]:
    try:
        values = json.loads(sample.texts.get("json", "{}"))
    except (ValueError, RecursionError) as failure:
        raise DataError(
            f"expected a JSON object in {sample.key}.json of {sample.shard}, found: {failure}"
        ) from failure
    return values if isinstance(values, dict) else {}


def _expanded(location: str) -> list[str]:
    """All names that braces stand for: `{08..11}` is 08, 09, 10, 11."""
    parts = _BRACES.split(location)
    ranges = [(parts[i + 1], parts[i + 2]) for i in range(0, len(parts) - 1, 3)]
    n = int(np.prod([max(0, int(last) - int(first) + 1) for first, last in ranges], dtype=np.float64))
    if n > _MOST_SHARDS:
        raise DataError(f"expected at most {_MOST_SHARDS:,} shards, found braces for {n:,} in {location}")
    numbers = [[str(i).zfill(len(first)) for i in range(int(first), int(last) + 1)] for first, last in ranges]
    names = []
    for chosen in product(*numbers):
        pieces = [parts[0]]
        for i, number in enumerate(chosen):
            pieces += [number, parts[3 * i + 3]]
        names.append("".join(pieces))
    return names
