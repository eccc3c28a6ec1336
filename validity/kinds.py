"""Which networks there are: honest students of every kind, their controls, teachers, and their students."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kdaudit.types import Recipe
from validity.networks import Net
from validity.sets import DataSet

# Teachers: the flaw of their labels, and by what their training data are divided.
TEACHERS = {
    "clean": ("none", 1),
    "noisy": ("noisy", 1),
    "confused": ("confused", 1),
    "small": ("none", 5),
}
FLAWED = ("noisy", "confused", "small")
ALPHAS, TEMPERATURES = (0.1, 0.5, 0.9), (1.0, 4.0)
N_RANDOM = 20
# What makes a student differ in accuracy from controls that are trained as usual.
GAPS = (
    *(("epochs", factor) for factor in (0.25, 0.5, 0.75, 2.0)),
    *(("width", factor) for factor in (0.25, 0.5, 2.0, 4.0)),
    *(("data", factor) for factor in (0.25, 0.5, 0.75, 2.0)),
)
GAP_SETS = ("digits", "letter")
# Students that never saw a teacher, against controls of their own kind or of the plain one.
OWN_CONTROLS = ("independent", "wider", "narrower")
PLAIN_CONTROLS = ("shorter", "more data", "smoothed", "other optimiser")
SAME_LABELS = ("noisy", "confused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """Makes the networks of one data set; `n_seeds` of each kind of student."""

    data: DataSet
    n_seeds: int

    def teacher(self, name: str) -> Net:
        """A teacher: twice as wide as the student, twice its data; 'other' is a clean one with another seed."""
        labels, divisor = TEACHERS["clean" if name == "other" else name]
        data = self.data
        return self._net(
            f"teacher {name}", 0, width=2 * data.width, n_train=2 * data.n_train // divisor, labels=labels
        )

    def honest(self, kind: str) -> list[Net]:
        """Students of one kind that saw no teacher; 'same labels NAME' have the flaw of that teacher's labels."""
        data, recipe = self.data, self.data.recipe
        changes: dict[str, dict[str, object]] = {
            "independent": {},
            "wider": {"width": 2 * data.width},
            "narrower": {"width": data.width // 2},
            "shorter": {"recipe": replace(recipe, epochs=max(1, recipe.epochs // 3))},
            "more data": {"n_train": 2 * data.n_train},
            "smoothed": {"recipe": replace(recipe, label_smoothing=0.2)},
            "other optimiser": {"recipe": _other_optimiser(recipe)},
        }
        changes |= {f"same labels {name}": {"labels": TEACHERS[name][0]} for name in SAME_LABELS}
        return [self._net(kind, seed, **changes[kind]) for seed in range(self.n_seeds)]

    def gap(self, change: str, factor: float) -> list[Net]:
        """Students that saw no teacher, with `factor` times the plain students' epochs, width or data."""
        data, recipe = self.data, self.data.recipe
        changes: dict[str, dict[str, object]] = {
            "epochs": {"recipe": replace(recipe, epochs=max(1, round(recipe.epochs * factor)))},
            "width": {"width": max(2, round(data.width * factor))},
            "data": {"n_train": round(data.n_train * factor)},
        }
        return [self._net(f"{change} x {factor:g}", seed, **changes[change]) for seed in range(self.n_seeds)]

    def random(self) -> list[Net]:
        """Random controls: distilled from noise, alpha .9."""
        return [self._net("random", seed, noise=True) for seed in range(N_RANDOM)]

    def distilled(self, teacher: str, alpha: float, temperature: float) -> list[Net]:
        """Students of a teacher."""
        recipe = replace(self.data.recipe, alpha=alpha, temperature=temperature)
        kind = f"distilled {teacher} {alpha:g} {temperature:g}"
        of = self.teacher(teacher)
        return [self._net(kind, seed, recipe=recipe, teacher=of) for seed in range(self.n_seeds)]

    def everything(self) -> Iterator[Net]:
        """All networks that the proof needs."""
        yield from (self.teacher(name) for name in (*TEACHERS, "other"))
        yield from self.random()
        for kind in (*OWN_CONTROLS, *PLAIN_CONTROLS, *(f"same labels {name}" for name in SAME_LABELS)):
            yield from self.honest(kind)
        for alpha in (0.5, 0.9):
            yield from self.distilled("other", alpha, 4.0)
        for teacher in TEACHERS:
            for alpha in ALPHAS:
                for temperature in TEMPERATURES:
                    yield from self.distilled(teacher, alpha, temperature)
        if self.data.name in GAP_SETS:
            for change, factor in GAPS:
                yield from self.gap(change, factor)

    def _net(self, kind: str, seed: int, **changes: object) -> Net:
        data = self.data
        net = Net(
            data=data.name, kind=kind, seed=seed, width=data.width, n_train=data.n_train, recipe=data.recipe
        )
        return replace(net, **changes)  # type: ignore[arg-type]


def _other_optimiser(recipe: Recipe) -> Recipe:
    if recipe.optimizer == "sgd":
        return replace(recipe, optimizer="adamw", lr=3e-3, weight_decay=0.01)
    return replace(recipe, optimizer="sgd", lr=0.1, weight_decay=5e-4)
