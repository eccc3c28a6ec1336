"""Sounds from anywhere, decoded once, in parallel, into one float32 array of examples."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from kdaudit.data.blobs import Blob
from kdaudit.data.cache import cached_examples, require_space
from kdaudit.data.description import FORMAT_VERSION, Description
from kdaudit.data.examples import Examples, write_examples
from kdaudit.data.growing import growing
from kdaudit.data.left_out import LeftOut
from kdaudit.data.listing import Listing
from kdaudit.data.options import preprocess_for, refuse_picture_options
from kdaudit.data.parallel import in_parallel
from kdaudit.data.request import Request
from kdaudit.data.waveforms import Sound, completed, samples_of, shape_of, sound
from kdaudit.digest import record_digest
from kdaudit.errors import DataError, UnreadableError
from kdaudit.numerics import plural
from kdaudit.types import ProgressEvent, SoundForm

_SHOWN_EVERY = 64
_COUNTED = {
    "resampled": ("sound has another rate: resampled", "sounds have another rate: resampled"),
    "padded": ("sound is shorter: padded with silence", "sounds are shorter: padded with silence"),
    "cut": ("sound is longer: cut", "sounds are longer: cut"),
}


def read_sounds(
    listing: Listing,
    description: Description,
    request: Request,
    *,
    usual: SoundForm | None = None,
) -> Examples:
    """The examples of a listing of sounds.

    Rate and length are those that are stated, else the `usual` ones, else those of the first sound that can be read.
    With `limit`, only those are decoded. What cannot be read is left out, as much as `max_skipped` allows.

    Raises:
        DataError: more sounds that cannot be read, or none that can; too little disk space.
        SpecError: mean and std do not fit, or a size of pictures is asked for.
    """
    if not listing.blobs:
        raise DataError(f"expected at least one sound in {description.location}, found none")
    options = request.options
    refuse_picture_options(options, description.location)
    if options.sound is not None and options.sound.not_computed:
        raise DataError(
            f"expected features of {options.sound.not_computed}, as a model's files say, found sounds in "
            f"{description.location}, of which kdaudit does not compute them",
            hint="save what the extractor gives as arrays, input_values with y in an .npz; or say mels in [preprocess] "
            "if the model takes log-mel bands as docs/preprocessing.md has them",
        )
    wanted = listing.limited(options.limit)
    form = _form(wanted.blobs, options.sound, usual)
    key = record_digest(
        "sounds",
        FORMAT_VERSION,
        (description.name, description.location, description.kind),
        wanted.digest(),
        form,
        (options.mean, options.std, options.max_skipped),
    )
    build = partial(_build, listing=wanted, form=form, description=description, request=request)
    return cached_examples(request.cache, key, build)


def _form(blobs: Sequence[Blob], stated: SoundForm | None, usual: SoundForm | None) -> SoundForm:
    if usual is not None:
        return completed(stated, rate=usual.rate or 0, seconds=usual.seconds or 0.0)
    for blob in blobs[:-1]:
        try:
            first = samples_of(blob)
            break
        except UnreadableError:
            continue  # counted where it is decoded
    else:
        first = samples_of(blobs[-1])
    return completed(stated, rate=first.rate, seconds=max(1, len(first.values)) / first.rate)


def _build(
    folder: Path,
    *,
    listing: Listing,
    form: SoundForm,
    description: Description,
    request: Request,
) -> None:
    n, shape = len(listing.blobs), shape_of(form)
    description = dataclasses.replace(
        description,
        preprocess=preprocess_for({"x": (n, *shape)}, request.options, uint8=False),
        sample_rate=None if form.mels else form.rate,
    )
    require_space(folder, 4 * int(np.prod(shape)) * n, what=f"{n} sounds")
    left_out = LeftOut(what="sounds", n=n, allowed=request.options.n_skippable(n))
    counts: Counter[str] = Counter()
    with growing(folder, description, shape, np.float32, n=n, follow=request.follow) as examples:
        for i, one in enumerate(in_parallel(partial(_read, form=form), listing.blobs)):
            if isinstance(one, Sound):
                examples.extend(one.values[None])
                counts.update(one.changes)
            else:
                left_out.add({i: one})
            if request.progress is not None and (i + 1) % _SHOWN_EVERY == 0:
                request.progress(ProgressEvent(stage="decode", done=i + 1, total=n))
    good = listing.at(left_out.kept())
    counted = (plural(k, *_COUNTED[what]) for what, k in sorted(counts.items()))
    write_examples(
        folder,
        dataclasses.replace(
            description,
            class_names=good.class_names,
            columns=tuple(good.slices),
            assumptions=(*description.assumptions, *good.notes, _said_of(form), *counted),
            skipped=left_out.records(listing.ids),
        ),
        labels=good.labels,
        ids=np.asarray(good.ids, dtype=np.str_),
        groups=good.groups,
        slices=list(good.slices.values()),
        input_digest=examples.digest,
    )


def _read(blob: Blob, form: SoundForm) -> Sound | UnreadableError:
    try:
        return sound(blob, form)
    except UnreadableError as error:
        return error


def _said_of(form: SoundForm) -> str:
    """One sentence for the report."""
    made = (
        f"sounds are mono at {form.rate:,} Hz, in [-1, 1], {form.seconds:g} s long: shorter ones are padded "
        "with silence, longer ones cut, other rates resampled"
    )
    if form.normalised:
        made = f"{made}; then each has mean 0 and variance 1"
    if form.mels is None:
        return made
    return f"{made}; then {form.mels} log-mel bands, windows of {form.window} samples every {form.hop}"
