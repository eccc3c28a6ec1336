"""Examples: where they came from and how they reach a model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from kdaudit.types.arrays import AnyArray, Int64
from kdaudit.types.conversions import Conversions

# A position of a sequence without a label, as torch's losses mark it.
UNLABELLED = -100


def n_asked(labels: Int64) -> int:
    """How many answers labels (n,) or (n, T) ask for."""
    return len(labels) if labels.ndim == 1 else int((labels != UNLABELLED).sum())


Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
ChannelOrder = Literal["RGB", "BGR"]
Layout = Literal["NCHW", "NHWC"]
InputType = Literal["uint8", "float16", "float32"]
UnitAxis = Literal["kept", "added", "dropped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRef:
    """Which examples: where they came from and what they are, by digest."""

    name: str
    kind: str
    location: str
    sha256: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """How pictures in files come to one size: decided before they are stored.

    `resize`: pixels of the shorter side, or (height, width) whatever the proportions were; None: left as it is.
    `crop`: (height, width) cut from the centre; None: nothing is cut.
    """

    resize: int | tuple[int, int] | None = None
    crop: tuple[int, int] | None = None
    interpolation: Interpolation = "bilinear"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextForm:
    """How texts become token numbers: by which `tokenizer.json`, how many of them, under which input names."""

    tokenizer: str
    sha256: str
    max_length: int
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundForm:
    """What sounds become: samples a second and seconds (None: as the data has them), and log-mel bands, if any.

    `window` and `hop` are in samples, as torchaudio's MelSpectrogram has them by default. Waveforms are (1, samples),
    `flat` ones (samples,); `normalised` ones have mean 0 and variance 1 each. `not_computed` names the features that a
    model takes and nobody here computes.
    """

    rate: int | None = None
    seconds: float | None = None
    mels: int | None = None
    window: int = 400
    hop: int = 200
    flat: bool = False
    normalised: bool = False
    not_computed: str = ""

    def over(self, other: SoundForm | None) -> SoundForm:
        """This form, with what another says where this says nothing; bands of its own are features of its own."""
        if other is None or self.mels is not None:
            return self
        return replace(other, rate=self.rate or other.rate, seconds=self.seconds or other.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """What is done to stored inputs before a model sees them: (x * scale - mean) / std, per channel.

    Pictures are stored NCHW, arrays of a user's own perhaps otherwise: `stored`. Channels are put into the order
    `channels` first (stored pictures are RGB), the axes into `layout` last. `dtype` None: float32, or what the model's
    file declares. `axis`: whether stored inputs get an axis of length one behind the first, or lose the one they have.
    """

    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    channels: ChannelOrder = "RGB"
    layout: Layout = "NCHW"
    stored: Layout = "NCHW"
    dtype: InputType | None = None
    axis: UnitAxis = "kept"

    @property
    def channel_axis(self) -> int:
        """Of stored pictures; signals and tables always have their channels on axis 1."""
        return 3 if self.stored == "NHWC" else 1

    @property
    def is_identity(self) -> bool:
        """Whether inputs reach the model as they are stored."""
        return self == Preprocess()

    @property
    def arithmetic(self) -> dict[str, object]:
        """The numbers alone: how a source's own preprocessing enters the digest of its examples."""
        return {"scale": self.scale, "mean": self.mean, "std": self.std}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedPreprocess:
    """What somebody said of how a model takes its inputs, and who; None leaves a step to others.

    `mean` and `std` go together, () for none, in the order in which the model takes the channels. `tokenizer` is a
    file or folder, `tokens` the inputs that it makes, `max_length` how many.
    """

    source: str = ""
    geometry: Geometry | None = None
    scale: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    channels: ChannelOrder | None = None
    layout: Layout | None = None
    stored: Layout | None = None
    dtype: InputType | None = None
    tokenizer: str | None = None
    max_length: int | None = None
    tokens: tuple[str, ...] | None = None
    sound: SoundForm | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Consecutive examples: inputs {name: (n, ...)} preprocessed and as stored, labels (n,) int64, None if unknown.

    Sequences have labels (n, T), `UNLABELLED` where nothing is asked. A model that takes whole numbers (pixels, tokens)
    gets what is stored, in its channel order and layout: normalising is its own part then. Models that are given the
    same batch share its `conversions`.
    """

    inputs: dict[str, AnyArray]
    stored: dict[str, AnyArray]
    labels: Int64 | None
    conversions: Conversions = field(default_factory=Conversions)

    def __len__(self) -> int:
        """Number of examples."""
        return len(next(iter(self.stored.values())))
