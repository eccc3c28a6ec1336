"""Named data sets of sounds: WAV files as waveforms (1, samples) of one rate and length."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdaudit.data.blobs import FileBlob
from kdaudit.data.columns import groups_from
from kdaudit.data.data_set import DataSet, Split
from kdaudit.data.examples import Examples
from kdaudit.data.layouts import Layout, Wanted, first_folder, require_classes
from kdaudit.data.listing import Listing
from kdaudit.data.sound_files import read_sounds
from kdaudit.data.table_files import text_lines
from kdaudit.errors import DataError
from kdaudit.types import SoundForm

_FORMS = {
    "speechcommands": SoundForm(rate=16_000, seconds=1.0),
    "urbansound8k": SoundForm(rate=22_050, seconds=4.0),
    "esc50": SoundForm(rate=44_100, seconds=5.0),
}
_TEST_FOLD = {"urbansound8k": "10", "esc50": "5"}
_BACKGROUND = "_background_noise_"


@dataclass(frozen=True, slots=True)
class _Sound:
    """One file: its id under the folder, class and group of sounds that depend on each other."""

    id: str
    name: str
    group: str


def _load(wanted: Wanted) -> Examples:
    sounds = _LISTED[wanted.record.layout](wanted)
    if not sounds:
        raise DataError(f"expected sounds of {wanted.record.name} in {wanted.path}, found none")
    classes = (
        wanted.record.classes
        if isinstance(wanted.record.classes, tuple)
        else tuple(sorted({s.name for s in sounds}))
    )
    require_classes(wanted, len(classes))
    listing = Listing(
        blobs=[FileBlob(str((wanted.path / sound.id).absolute())) for sound in sounds],
        labels=np.array([classes.index(sound.name) for sound in sounds], dtype=np.int64),
        ids=[sound.id for sound in sounds],
        class_names=classes,
        groups=groups_from(np.array([sound.group for sound in sounds]), where=wanted.description.name),
    )
    return read_sounds(listing, wanted.description, wanted.request, usual=_FORMS[wanted.record.layout])


def _speech_commands(wanted: Wanted) -> list[_Sound]:
    """Official lists: testing_list.txt is the test, training is what stands in no list; a speaker is a group."""
    lists = {name: wanted.path / f"{name}_list.txt" for name in ("testing", "validation")}
    if missing := [path.name for path in lists.values() if not path.is_file()]:
        raise DataError(f"expected {missing[0]} in {wanted.path}, found none", hint=wanted.record.get)
    named = {
        name: [line.strip() for line in text_lines(path) if line.strip()] for name, path in lists.items()
    }
    if wanted.split == "test":
        ids = sorted(named["testing"])
    else:
        left_out = {*named["testing"], *named["validation"]}
        folders = sorted(p for p in wanted.path.iterdir() if p.is_dir() and p.name != _BACKGROUND)
        found = (f"{folder.name}/{path.name}" for folder in folders for path in sorted(folder.glob("*.wav")))
        ids = [name for name in found if name not in left_out]
    return [_Sound(name, name.split("/")[0], name.split("/")[-1].split("_nohash_")[0]) for name in ids]


def _urban(wanted: Wanted) -> list[_Sound]:
    rows = _rows(
        wanted.path / "metadata" / "UrbanSound8K.csv", wanted, ("fold", "slice_file_name", "class", "fsID")
    )
    return [
        _Sound(f"audio/fold{row['fold']}/{row['slice_file_name']}", row["class"], row["fsID"]) for row in rows
    ]


def _esc(wanted: Wanted) -> list[_Sound]:
    rows = _rows(wanted.path / "meta" / "esc50.csv", wanted, ("fold", "filename", "category", "src_file"))
    return [_Sound(f"audio/{row['filename']}", row["category"], row["src_file"]) for row in rows]


def _rows(path: Path, wanted: Wanted, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of this split: the last fold is the test."""
    rows = list(csv.DictReader(text_lines(path)))
    if not rows or any(not isinstance(row.get(name), str) for row in rows for name in columns):
        raise DataError(
            f"expected the columns {', '.join(columns)} in {path}, found others", hint="fetch it again"
        )
    test = _TEST_FOLD[wanted.record.layout]
    return [row for row in rows if (row["fold"] == test) == (wanted.split == "test")]


def _found_by(marker: str) -> Layout:
    def find(record: DataSet, _: Split, roots: Sequence[Path]) -> Path | None:
        return first_folder(record, roots, lambda path: (path / marker).is_file())

    return Layout(find=find, load=_load)


_LISTED = {"speechcommands": _speech_commands, "urbansound8k": _urban, "esc50": _esc}
SOUND_LAYOUTS = {
    "speechcommands": _found_by("testing_list.txt"),
    "urbansound8k": _found_by("metadata/UrbanSound8K.csv"),
    "esc50": _found_by("meta/esc50.csv"),
}
