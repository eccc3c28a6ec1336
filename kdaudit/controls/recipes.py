"""From the options of a recipe to a `Recipe` in which nothing is left open."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeVar, cast, get_args

from kdaudit.errors import SpecError
from kdaudit.types import Recipe

T = TypeVar("T")
Optimizer = Literal["sgd", "adamw"]
Schedule = Literal["cosine", "onecycle", "constant"]
Augment = Literal["none", "flip", "crop-flip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeDefaults:
    """What an optimizer is used with where the user does not say."""

    optimizer: Optimizer
    lr: float
    weight_decay: float
    batch_size: int = 128
    schedule: Schedule = "cosine"
    label_smoothing: float = 0.0
    augment: Augment = "none"
    alpha: float = 0.9
    temperature: float = 4.0


_SGD = RecipeDefaults(optimizer="sgd", lr=0.1, weight_decay=5e-4)
_ADAMW = RecipeDefaults(optimizer="adamw", lr=1e-3, weight_decay=0.01)
_BY_OPTIMIZER = MappingProxyType({"sgd": _SGD, "adamw": _ADAMW})

# By the family of the network, see `protocols.NetworkFactory.family`.
DEFAULTS = MappingProxyType(
    {"convolution": _SGD, "attention": _ADAMW, "recurrent": _ADAMW, "dense": _ADAMW},
)


def resolve_recipe(
    *,
    family: str,
    epochs: int,
    batch_size: int | None,
    optimizer: str | None,
    lr: float | None,
    schedule: str | None,
    weight_decay: float | None,
    label_smoothing: float | None,
    augment: str | None,
    alpha: float | None,
    temperature: float | None,
) -> Recipe:
    """The recipe with every None replaced by the default of the network's family.

    A given optimizer brings its own learning rate and weight decay: SGD's .1 would ruin AdamW.

    Raises:
        SpecError: a value out of its range, or an unknown family, optimizer, schedule or augmentation.
    """
    usual = DEFAULTS[_known("network family", family, tuple(DEFAULTS))]
    if optimizer is not None:
        usual = _BY_OPTIMIZER[_known("--optimizer", optimizer, tuple(_BY_OPTIMIZER))]
    recipe = Recipe(
        epochs=epochs,
        batch_size=_or(batch_size, usual.batch_size),
        optimizer=usual.optimizer,
        lr=_or(lr, usual.lr),
        schedule=cast("Schedule", _known("--schedule", _or(schedule, usual.schedule), get_args(Schedule))),
        weight_decay=_or(weight_decay, usual.weight_decay),
        label_smoothing=_or(label_smoothing, usual.label_smoothing),
        augment=cast("Augment", _known("--augment", _or(augment, usual.augment), get_args(Augment))),
        alpha=_or(alpha, usual.alpha),
        temperature=_or(temperature, usual.temperature),
    )
    _check_ranges(recipe)
    return recipe


def _or(given: T | None, usual: T) -> T:
    return usual if given is None else given


def _known(what: str, name: str, names: tuple[str, ...]) -> str:
    if name not in names:
        raise SpecError(f"{what} must be one of {', '.join(names)}, found {name!r}")
    return name


def _check_ranges(recipe: Recipe) -> None:
    """Comparisons are written so that NaN fails them."""
    ranges = (
        ("--epochs", recipe.epochs, recipe.epochs >= 1, "at least 1"),
        ("--batch-size", recipe.batch_size, recipe.batch_size >= 2, "at least 2"),
        ("--lr", recipe.lr, 0 < recipe.lr < float("inf"), "above 0"),
        ("--weight-decay", recipe.weight_decay, 0 <= recipe.weight_decay < float("inf"), "0 or above"),
        ("--label-smoothing", recipe.label_smoothing, 0 <= recipe.label_smoothing < 1, "from 0 to below 1"),
        ("--alpha", recipe.alpha, 0 <= recipe.alpha <= 1, "from 0 to 1"),
        ("--temperature", recipe.temperature, 0 < recipe.temperature < float("inf"), "above 0"),
    )
    for option, value, holds, required in ranges:
        if not holds:
            raise SpecError(f"{option} must be {required}, found {value}")
