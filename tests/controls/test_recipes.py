"""Defaults by family, and what is refused."""

from __future__ import annotations

from typing import TypedDict, Unpack

import pytest

from kdaudit.controls import RECIPES
from kdaudit.controls.recipes import resolve_recipe
from kdaudit.errors import SpecError
from kdaudit.types import Recipe


class Options(TypedDict, total=False):
    """What a user may say."""

    family: str
    epochs: int
    batch_size: int | None
    optimizer: str | None
    lr: float | None
    schedule: str | None
    weight_decay: float | None
    label_smoothing: float | None
    augment: str | None
    alpha: float | None
    temperature: float | None


def resolve(**given: Unpack[Options]) -> Recipe:
    """`resolve_recipe` with everything unsaid that is not given."""
    unsaid: Options = {
        "family": "convolution",
        "epochs": 5,
        "batch_size": None,
        "optimizer": None,
        "lr": None,
        "schedule": None,
        "weight_decay": None,
        "label_smoothing": None,
        "augment": None,
        "alpha": None,
        "temperature": None,
    }
    options = {**unsaid, **given}
    return resolve_recipe(**options)  # type: ignore[arg-type]


def test_networks_with_convolutions_learn_by_sgd() -> None:
    """SGD with Nesterov momentum along a cosine, as the method states it."""
    expected = Recipe(
        epochs=5,
        batch_size=128,
        optimizer="sgd",
        lr=0.1,
        schedule="cosine",
        weight_decay=5e-4,
        momentum=0.9,
        label_smoothing=0.0,
        augment="none",
        alpha=0.9,
        temperature=4.0,
    )
    assert expected == resolve()


@pytest.mark.parametrize("family", ["attention", "recurrent", "dense"])
def test_other_networks_learn_by_adamw(family: str) -> None:
    """Their default differs in optimizer, learning rate and weight decay."""
    recipe = resolve(family=family)
    assert ("adamw", 1e-3, 0.01, "cosine") == (
        recipe.optimizer,
        recipe.lr,
        recipe.weight_decay,
        recipe.schedule,
    )


@pytest.mark.parametrize("family", list(RECIPES))
def test_every_default_resolves(family: str) -> None:
    """No registered family has a default that is refused."""
    assert family in RECIPES
    assert 7 == resolve(family=family, epochs=7).epochs


def test_a_given_optimizer_brings_its_own_rate_and_decay() -> None:
    """SGD's learning rate is not used with AdamW."""
    recipe = resolve(optimizer="adamw")
    assert (1e-3, 0.01) == (recipe.lr, recipe.weight_decay)


def test_what_the_user_says_stands() -> None:
    """A zero is something said, too."""
    recipe = resolve(
        batch_size=32,
        optimizer="sgd",
        lr=0.2,
        schedule="onecycle",
        weight_decay=0.0,
        label_smoothing=0.1,
        augment="flip",
        alpha=0.0,
        temperature=1.0,
    )
    expected = Recipe(
        epochs=5,
        batch_size=32,
        optimizer="sgd",
        lr=0.2,
        schedule="onecycle",
        weight_decay=0.0,
        label_smoothing=0.1,
        augment="flip",
        alpha=0.0,
        temperature=1.0,
    )
    assert expected == recipe


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Options(epochs=0), "--epochs must be at least 1, found 0"),
        (Options(batch_size=1), "--batch-size must be at least 2, found 1"),
        (Options(lr=0.0), "--lr must be above 0, found 0.0"),
        (Options(lr=float("nan")), "--lr must be above 0, found nan"),
        (Options(weight_decay=-0.1), "--weight-decay must be 0 or above, found -0.1"),
        (Options(label_smoothing=1.0), "--label-smoothing must be from 0 to below 1, found 1.0"),
        (Options(alpha=1.1), "--alpha must be from 0 to 1, found 1.1"),
        (Options(temperature=0.0), "--temperature must be above 0, found 0.0"),
        (Options(optimizer="adam"), "--optimizer must be one of sgd, adamw, found 'adam'"),
        (Options(schedule="step"), "--schedule must be one of cosine, onecycle, constant, found 'step'"),
        (Options(augment="mixup"), "--augment must be one of none, flip, crop-flip, found 'mixup'"),
        (Options(family="graph"), "network family must be one of convolution, attention, recurrent, dense"),
    ],
)
def test_a_recipe_out_of_range_invalid(given: Options, message: str) -> None:
    """The message names the option, the rule and the value."""
    with pytest.raises(SpecError) as caught:
        resolve(**given)
    assert message in caught.value.message
