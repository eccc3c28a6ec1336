"""Controls and how they came about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kdaudit.protocols import NetworkFactory
from kdaudit.types import Predictions, Recipe, Role, TrainedControl

if TYPE_CHECKING:
    from kdaudit.controls.epochs import EpochChoice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ControlSet:
    """Controls and how they came about. `predictions` are of all that answered, fit or not.

    unfit: {name: reason} of independent controls that are left out of every test; aside: the same of models that no
    verdict depends on; unmatched: why the controls are no fair comparison, as a sentence; fidelity: what the report
    says of their network; stopped: why nothing was trained.
    """

    predictions: tuple[Predictions, ...] = ()
    trained: dict[str, TrainedControl] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)
    aside: dict[str, str] = field(default_factory=dict)
    unmatched: str = ""
    fidelity: str = "no control was trained"
    recipe: Recipe | None = None
    epochs: EpochChoice | None = None
    network: NetworkFactory | None = None
    stopped: str = ""

    def n_of(self, role: Role) -> int:
        """How many controls of one role were trained."""
        return sum(control.model.role is role for control in self.trained.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What would be trained, for `--dry-run`.

    `seconds`: of training the controls that are not kept, measured; one epoch of it where a pilot is to choose how
    many. `n_bytes`: what they and their predictions take on the disk. `place`: where, as the end of a sentence.
    """

    n_independent: int
    n_random: int
    n_positive: int
    n_alternate: int
    trains_teacher: bool
    n_kept: int
    recipe: Recipe
    n_train: int
    pilot: bool
    seconds: float
    n_bytes: int
    place: str
