"""Named data sets of sounds: WAV files as waveforms (1, samples) of one rate and length."""

from __future__ import annotations

import csv
import dataclasses
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import gcd
from pathlib import Path

import numpy as np

from kdaudit.data.cache import cached_examples, require_space
from kdaudit.data.columns import groups_from
from kdaudit.data.data_set import DataSet, Split
from kdaudit.data.description import FORMAT_VERSION
from kdaudit.data.examples import Examples, input_path, write_examples
from kdaudit.data.layouts import Layout, Wanted, first_folder, require_classes
from kdaudit.data.options import preprocess_for
from kdaudit.data.parallel import in_parallel
from kdaudit.data.pictures import file_stamp
from kdaudit.data.rows import Rows
from kdaudit.data.subset import limited
from kdaudit.data.table_files import text_lines
from kdaudit.digest import record_digest
from kdaudit.errors import DataError
from kdaudit.types import Float32, ProgressEvent


@dataclass(frozen=True, slots=True)
class _Form:
    """What all sounds of a set become."""

    rate: int
    seconds: float

    @property
    def n_samples(self) -> int:
        return round(self.rate * self.seconds)


_FORMS = {
    "speechcommands": _Form(16_000, 1.0),
    "urbansound8k": _Form(22_050, 4.0),
    "esc50": _Form(44_100, 5.0),
}
_TEST_FOLD = {"urbansound8k": "10", "esc50": "5"}
# What scipy's reader ends with on files that are none.
_UNREADABLE = (OSError, ValueError, EOFError, IndexError, UnboundLocalError, struct.error)
_BACKGROUND = "_background_noise_"


@dataclass(frozen=True, slots=True)
class _Sound:
    """One file: its id under the folder, class and group of sounds that depend on each other."""

    id: str
    name: str
    group: str


def _load(wanted: Wanted) -> Examples:
    form = _FORMS[wanted.record.layout]
    sounds = _LISTED[wanted.record.layout](wanted)
    if not sounds:
        raise DataError(f"expected sounds of {wanted.record.name} in {wanted.path}, found none")
    classes = (
        wanted.record.classes
        if isinstance(wanted.record.classes, tuple)
        else tuple(sorted({s.name for s in sounds}))
    )
    require_classes(wanted, len(classes))
    labels = np.array([classes.index(sound.name) for sound in sounds], dtype=np.int64)
    index = limited(labels, wanted.options.limit)
    sounds, labels = [sounds[i] for i in index], labels[index]
    paths = [wanted.path / sound.id for sound in sounds]
    stamps = [(str(path.absolute()), *file_stamp(str(path))) for path in paths]
    key = record_digest(
        "sounds", FORMAT_VERSION, wanted.description.name, stamps, wanted.options.mean, wanted.options.std
    )

    def build(folder: Path) -> None:
        _write(folder, paths, form, wanted)
        description = dataclasses.replace(
            wanted.description,
            class_names=classes,
            preprocess=preprocess_for({"x": (1, 1, form.n_samples)}, wanted.options, uint8=False),
            sample_rate=form.rate,
            assumptions=(
                *wanted.description.assumptions,
                f"sounds are mono at {form.rate:,} Hz, in [-1, 1], {form.seconds:g} seconds: shorter ones are padded "
                "with silence, longer ones cut, other rates resampled",
            ),
        )
        write_examples(
            folder,
            description,
            labels=labels,
            ids=np.array([sound.id for sound in sounds], dtype=np.str_),
            groups=groups_from(np.array([sound.group for sound in sounds]), where=wanted.description.name),
        )

    return cached_examples(wanted.cache, key, build)


def _write(folder: Path, paths: Sequence[Path], form: _Form, wanted: Wanted) -> None:
    require_space(folder, 4 * form.n_samples * len(paths), what=f"{len(paths)} sounds")
    with Rows(input_path(folder, 0), (1, form.n_samples), np.float32) as rows:
        for i, wave in enumerate(in_parallel(partial(waveform, form=form), paths), start=1):
            rows.extend(wave[None, None])
            if wanted.progress is not None and i % 64 == 0:
                wanted.progress(ProgressEvent(stage="decode", done=i, total=len(paths)))


def waveform(path: Path, form: _Form) -> Float32:
    """The sound (samples,) in [-1, 1]: mono, resampled by a polyphase filter, padded with zeros or cut.

    Raises:
        DataError: it is no whole WAV file.
    """
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that are no samples
            rate, samples = wavfile.read(path)
    except _UNREADABLE as failure:
        raise DataError(
            f"expected a whole WAV file at {path}, found: {failure}", hint="fetch it again"
        ) from failure
    kind = samples.dtype
    values = samples.astype(np.float64)
    if kind.kind in "iu":
        values = values / (np.iinfo(kind).max + 1.0) if kind.kind == "i" else (values - 128.0) / 128.0
    if values.ndim == 2:
        values = values.mean(axis=1)
    if rate != form.rate and len(values):
        common = gcd(int(rate), form.rate)
        values = resample_poly(values, form.rate // common, int(rate) // common)
    out = np.zeros(form.n_samples, dtype=np.float32)
    kept = values[: form.n_samples]
    out[: len(kept)] = kept
    return out


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
