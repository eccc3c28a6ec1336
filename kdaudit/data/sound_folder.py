"""Sounds in class folders, `root/<class>/*.wav|flac|ogg|mp3`, in the order of a picture folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from kdaudit.data.blobs import printable
from kdaudit.data.cache import cached_examples, require_space
from kdaudit.data.description import FORMAT_VERSION, Description
from kdaudit.data.examples import Examples, input_path, write_examples
from kdaudit.data.image_folder import folder_listing
from kdaudit.data.options import DataOptions, preprocess_for
from kdaudit.data.parallel import in_parallel
from kdaudit.data.rows import Rows
from kdaudit.data.subset import limited
from kdaudit.data.waveforms import SOUND_SUFFIXES, completed, samples_of, shape_of, sound
from kdaudit.digest import record_digest
from kdaudit.protocols import Progress
from kdaudit.types import ProgressEvent, SoundForm

_SHOWN_EVERY = 64


def is_sound_folder(root: Path) -> bool:
    """Whether the class folders of `root` hold sounds; the first file with a known suffix decides."""
    files = (path for path in sorted(root.glob("*/*")) if not path.name.startswith("."))
    return next((path.suffix.lower() in SOUND_SUFFIXES for path in files if path.is_file()), False)


def load(location: str, *, cache: Path, options: DataOptions, progress: Progress | None) -> Examples:
    """The examples of the sound folder at `location`.

    Rate and length are those of the first file unless they are stated.

    Raises:
        DataError: no class folders, or a file that cannot be read.
        SpecError: mean and std do not fit.
    """
    root = Path(location)
    listing = folder_listing(root, SOUND_SUFFIXES)
    listing = listing.at(limited(listing.labels, options.limit))
    paths = [root / name for name in listing.ids]
    first = samples_of(paths[0])
    form = completed(options.sound, rate=first.rate, seconds=max(1, len(first.values)) / first.rate)
    key = record_digest(
        "sound-folder",
        FORMAT_VERSION,
        [location, *(list(picture.stamp) for picture in listing.blobs)],
        form,
        (options.mean, options.std),
    )

    def build(folder: Path) -> None:
        write_sounds(folder, paths, form, progress)
        description = Description(
            name=printable(root.resolve().name),
            kind="sound-folder",
            location=location,
            class_names=listing.class_names,
            preprocess=preprocess_for({"x": (1, *shape_of(form))}, options, uint8=False),
            sample_rate=None if form.mels else form.rate,
            assumptions=(*listing.notes, said_of(form)),
        )
        write_examples(folder, description, labels=listing.labels, ids=np.asarray(listing.ids, dtype=np.str_))

    return cached_examples(cache, key, build)


def write_sounds(folder: Path, paths: Sequence[Path], form: SoundForm, progress: Progress | None) -> None:
    """The only input of an example folder: sounds as `form` says, decoded in parallel.

    Raises:
        DataError: a file cannot be read; too little disk space.
    """
    shape = shape_of(form)
    require_space(folder, 4 * int(np.prod(shape)) * len(paths), what=f"{len(paths)} sounds")
    with Rows(input_path(folder, 0), shape, np.float32) as rows:
        for i, one in enumerate(in_parallel(partial(sound, form=form), paths), start=1):
            rows.extend(one[None])
            if progress is not None and i % _SHOWN_EVERY == 0:
                progress(ProgressEvent(stage="decode", done=i, total=len(paths)))


def said_of(form: SoundForm) -> str:
    """One sentence for the report."""
    made = (
        f"sounds are mono at {form.rate:,} Hz, in [-1, 1], {form.seconds:g} seconds: shorter ones are padded "
        "with silence, longer ones cut, other rates resampled"
    )
    if form.mels is None:
        return made
    return f"{made}; then {form.mels} log-mel bands, windows of {form.window} samples every {form.hop}"
