"""What the user may say about how examples are read; everything else is decided by the source and reported."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kdaudit.errors import SpecError
from kdaudit.options import DEFAULT_MAX_SKIPPED
from kdaudit.types import Geometry, Preprocess, SoundForm, StatedPreprocess, TextForm

# Of the shorter side, what torchvision's crop of 224 from 256 leaves.
_USUAL_SHARE = 0.875


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A stratified random subset of `n` examples, drawn with `seed`."""

    n: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions:
    """How to read examples; None leaves the decision to the source.

    `image_size` (pixels a side) and `geometry` are for pictures in files: both change how they are decoded. `mean` and
    `std` are per channel, on the scale of 0 to 1 for uint8 pictures, as torchvision states them. `slices` names columns
    that are no inputs: what the examples are to be told apart by. `max_skipped` is how many pictures may be left out
    because they cannot be decoded: below 1 a share, else a number. `input_columns` and `label_column` are for tables
    and the like; `class_names`, in the order of the models' outputs, for labels that are names; `unlabelled`: there are
    no labels. `download`: a named data set that is not there may be fetched. `text`: how texts become tokens; `sound`:
    what sounds become.

    Raises:
        SpecError: a negative `max_skipped`, `mean` without `std` or of another length, a `std` that is not positive,
            sizes below 1.
    """

    image_size: int | None = None
    geometry: Geometry | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    data_root: Path | None = None
    limit: Limit | None = None
    slices: tuple[str, ...] = ()
    max_skipped: float = DEFAULT_MAX_SKIPPED
    input_columns: tuple[str, ...] = ()
    label_column: str | None = None
    unlabelled: bool = False
    class_names: tuple[str, ...] | None = None
    download: bool = False
    text: TextForm | None = None
    sound: SoundForm | None = None

    def n_skippable(self, n: int) -> int:
        """How many of `n` pictures may be left out."""
        return int(self.max_skipped * n) if self.max_skipped < 1 else int(self.max_skipped)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.max_skipped) and self.max_skipped >= 0):
            raise SpecError(f"expected --max-skipped of at least 0, found {self.max_skipped:g}")
        if len(self.mean or ()) != len(self.std or ()):
            found = f"{len(self.mean or ())} and {len(self.std or ())} values"
            raise SpecError(
                f"expected --mean and --std of equal length, found {found}", hint="give one value per channel"
            )
        if not all(math.isfinite(value) for value in self.mean or ()):
            raise SpecError(f"expected finite values in --mean, found {self.mean}")
        if not all(math.isfinite(value) and value > 0 for value in self.std or ()):
            raise SpecError(f"expected positive values in --std, found {self.std}")
        if self.image_size is not None and self.image_size < 1:
            raise SpecError(f"expected --image-size of at least 1, found {self.image_size}")

    @property
    def wanted_geometry(self) -> Geometry | None:
        """`geometry`, at `image_size` if that is given too: with its share that the crop leaves, else 7/8."""
        size, base = self.image_size, self.geometry or Geometry()
        if size is None:
            return self.geometry
        share = base.crop[0] / base.resize if base.crop and isinstance(base.resize, int) else _USUAL_SHARE
        resize = (size, size) if isinstance(base.resize, tuple) else round(size / share)
        return Geometry(resize=resize, crop=(size, size), interpolation=base.interpolation)

    def with_usual(self, usual: StatedPreprocess) -> DataOptions:
        """These options, with what is usual for a data set where nothing is said."""
        complete = replace(self, geometry=self.geometry or usual.geometry)
        return replace(
            complete,
            geometry=complete.wanted_geometry,
            image_size=None,
            mean=self.mean or usual.mean,
            std=self.std or usual.std,
        )


def refuse_picture_options(options: DataOptions, location: str) -> None:
    """Return if nothing is asked for that only pictures in files can have.

    Raises:
        SpecError: something is.
    """
    if options.image_size is not None:
        raise SpecError(
            f"expected no --image-size with {location}, found {options.image_size}",
            hint="it is for pictures in files; arrays are used in the size in which they were saved",
        )


def numbers_of(text: str | None, option: str) -> tuple[float, ...] | None:
    """The numbers of an option such as `--mean`, with commas between them; None where it is not given.

    Raises:
        SpecError: no numbers.
    """
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as failure:
        raise SpecError(f"expected numbers for {option}, like .485,.456,.406, found {text!r}") from failure


def preprocess_for(inputs: Mapping[str, tuple[int, ...]], options: DataOptions, *, uint8: bool) -> Preprocess:
    """uint8 is divided by 255, then mean and std are applied if given.

    Args:
        inputs: shapes (n, ...) of the inputs that are not tokens, by name.
        options: for `mean` and `std`.
        uint8: whether these inputs are stored as uint8.

    Raises:
        SpecError: mean and std are given, but there is not exactly one such input, or it has other channels.
    """
    scale = 1.0 / 255.0 if uint8 else 1.0
    if not options.mean or not options.std:
        return Preprocess(scale=scale)
    if len(inputs) != 1:
        raise SpecError(
            f"expected one input that --mean and --std apply to, found {len(inputs)}: {', '.join(inputs) or 'none'}",
            hint="normalise the arrays before they are saved",
        )
    ((name, shape),) = inputs.items()
    channels = shape[1] if len(shape) > 1 else 1
    if len(options.mean) not in {1, channels}:
        raise SpecError(
            f"expected {channels} values in --mean and --std, one for each channel of {name} {shape}, "
            f"found {len(options.mean)}",
            hint='pictures (n, height, width, channels): say stored = "NHWC", mean and std in a table [preprocess]'
            if len(shape) == 4 and shape[3] == len(options.mean)
            else None,
        )
    return Preprocess(scale=scale, mean=options.mean, std=options.std)
