"""How each given model takes the examples: what the user says, then what its own files say, then what is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kdaudit.data import Examples
from kdaudit.data.options import numbers_of
from kdaudit.data.preprocess_tables import from_table, stated_preprocess
from kdaudit.data.preprocessing import applied, contradictions, described, merged
from kdaudit.data.tokens import text_form
from kdaudit.models.declared import declared_preprocess, without_arithmetic
from kdaudit.options import AuditSpec
from kdaudit.types import Geometry, ModelRef, Role, SoundForm, StatedPreprocess, TextForm, UnitAxis

_TEACHERS = (Role.TEACHER, Role.ALTERNATE_TEACHER)
_PICTURES = 4
_CHANNELS = (1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What the user said of how a model takes its inputs, and what its files say.

    `shape` is that of an example of its only input, 0 for a size that may be any; None where its file does not say.
    """

    said: StatedPreprocess
    file: StatedPreprocess
    shape: tuple[int, ...] | None = None

    @property
    def geometry(self) -> Geometry | None:
        """How pictures in files are to be resized and cropped for it; None leaves it to the data."""
        return self.said.geometry or self.file.geometry

    @property
    def text(self) -> TextForm | None:
        """How texts are to become tokens for it; None leaves them as they are."""
        return text_form(merged([self.said, self.file]))

    @property
    def sound(self) -> SoundForm | None:
        """What sounds are to become for it; None leaves it to the data."""
        return self.file.sound if self.said.sound is None else self.said.sound.over(self.file.sound)

    def is_read_as(self, other: Taken) -> bool:
        """Whether files become the same examples for both models, whatever is done to their numbers then."""
        return (self.geometry, self.text, self.sound) == (other.geometry, other.text, other.sound)

    def view(self, examples: Examples) -> Examples:
        """The examples as the model takes them.

        Raises:
            SpecError: what is said does not fit them.
        """
        examples = examples.under(replace(examples.preprocess, axis=self._axis(examples)))
        own, shapes = examples.preprocess, examples.shapes
        stated = merged([self.said, self._usable(examples)])
        return examples.under(applied(stated, own, shapes))

    def sentence(self, view: Examples) -> str:
        """What is done to the inputs of this model, who said so, and where its file says otherwise."""
        used = self._usable(view)
        parts = [described(view.preprocess, view.geometry)]
        sources = [s.source for s in (self.said, used) if s != StatedPreprocess(source=s.source)]
        if sources:
            parts.append(f"by {' and '.join(sources)}")
        if said_otherwise := list(contradictions(self.said, self.file)):
            parts.append(f"but: {'; '.join(said_otherwise)}")
        if self._states_numbers and used.mean is None and self.said.mean is None:
            parts.append(f"{self.file.source} is not applied: the inputs are saved as numbers of their own")
        return "; ".join(parts)

    @property
    def is_stated(self) -> bool:
        """Whether anybody said anything."""
        return any(s != StatedPreprocess(source=s.source) for s in (self.said, self.file))

    @property
    def _states_numbers(self) -> bool:
        return self.file.mean is not None or self.file.scale is not None

    def _axis(self, examples: Examples) -> UnitAxis:
        """Whether arrays differ from what the model takes by nothing but an axis of length one, which says nothing."""
        if not self.shape or len(examples.shapes) != 1:
            return "kept"
        ((_, *found),) = examples.shapes.values()
        first, *others = self.shape
        if first == 1 and _fits(found, others):
            return "added"
        if len(self.shape) == _PICTURES - 1 and self.shape[-1] == 1 and _fits(found, self.shape[:-1]):
            return "added"  # and put last, as pictures are for a model whose channels come last
        return "dropped" if found[:1] == [1] and _fits(found[1:], self.shape) else "kept"

    def _usable(self, examples: Examples) -> StatedPreprocess:
        """What the model's file says, as far as it is about inputs like these: about pictures as they are in files."""
        shapes = [shape for shape in examples.shapes.values() if len(shape) == _PICTURES]
        if len(shapes) != 1 or len(examples.shapes) != 1:
            return StatedPreprocess()
        ((_, channels, _, last),) = shapes
        if self.said.stored == "NHWC":
            channels, last = last, channels
        file = self.file
        if not examples.is_uint8 or (file.mean and len(file.mean) not in {1, channels}):
            file = without_arithmetic(file)
        if channels not in _CHANNELS or last in _CHANNELS:
            file = replace(
                file, layout=None, channels=None
            )  # saved in another layout than pictures are kept in
        return file if channels == _CHANNELS[1] else replace(file, channels=None)


def taken_by(spec: AuditSpec, model: ModelRef) -> Taken:
    """How a given model takes its inputs: controls as the student, an alternate teacher as the teacher.

    Raises:
        SpecError: an option or a table says nothing that can be understood.
        ModelError: the model's own files do not.
    """
    name = "teacher_preprocess" if model.role in _TEACHERS else "student_preprocess"
    said = []
    for field in (name, "preprocess"):
        value: str | Mapping[str, object] | None = getattr(spec, field)
        if value is not None:
            said.append(stated_preprocess(value, source=f"--{field.replace('_', '-')}"))
        if field == name:
            said += _by_numbers(spec)
    file, table, shape = declared_preprocess(model)
    if table is not None:
        own = from_table(table, source=f"kdaudit.preprocess of {model.name}")
        file = merged([own, file])
    return Taken(said=replace(merged(said), source=_sources(said)), file=file, shape=shape)


def _fits(found: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether an example has the sizes that a model takes, 0 being any."""
    return len(found) == len(wanted) and all(size in (0, n) for size, n in zip(wanted, found, strict=True))


def _by_numbers(spec: AuditSpec) -> list[StatedPreprocess]:
    """What --mean and --std say; --image-size changes whatever geometry there is, where data is read."""
    mean, std = numbers_of(spec.mean, "--mean"), numbers_of(spec.std, "--std")
    return (
        []
        if mean is None or std is None
        else [StatedPreprocess(source="--mean and --std", mean=mean, std=std)]
    )


def _sources(said: list[StatedPreprocess]) -> str:
    return ", ".join(dict.fromkeys(layer.source for layer in said))
