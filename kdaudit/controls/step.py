"""One training step: forward, backward, update; in smaller pieces when the GPU's memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

import torch

from kdaudit.controls.feed import Feed, split_batches
from kdaudit.controls.outputs import asked, class_logits
from kdaudit.controls.targets import Targets
from kdaudit.errors import DataError, TrainingError
from kdaudit.types import Int64, OutputKind, Recipe

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
# Only the GPU's allocator has an error class of its own.
_ALLOCATOR = "DefaultCPUAllocator: "
_OUT_OF_MEMORY = (_ALLOCATOR, "out of memory", "bad_alloc")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepSums:
    """Sums over the answers of a step, on the device: reading them makes the CPU wait for a GPU."""

    loss: torch.Tensor
    n_right: torch.Tensor
    n_asked: int

    @classmethod
    def zero(cls, device: str) -> StepSums:
        """Sums over nothing."""
        return cls(
            loss=torch.zeros((), device=device),
            n_right=torch.zeros((), device=device, dtype=torch.int64),
            n_asked=0,
        )

    def __add__(self, other: StepSums) -> StepSums:
        return StepSums(
            loss=self.loss + other.loss,
            n_right=self.n_right + other.n_right,
            n_asked=self.n_asked + other.n_asked,
        )


class Stepper:
    """Trains `network` by one batch at a time, `n_steps` in all."""

    def __init__(
        self,
        network: torch.nn.Module,
        feed: Feed,
        recipe: Recipe,
        targets: Targets,
        *,
        output: OutputKind,
        n_steps: int,
        noise: torch.Generator,
        device: str,
        precision: str,
    ) -> None:
        self._network = network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self._feed = feed
        self._recipe = recipe
        self._targets = targets
        self._output = output
        self._noise = noise
        self._device = device
        self._precision = precision
        self._micro_batch_size = recipe.batch_size + 1  # split_batches may add one
        self._largest_label = feed.largest_label
        self._optimizer = _optimizer(self._network, recipe)
        self._schedule = _schedule(self._optimizer, recipe, n_steps)
        self._scaler = torch.amp.GradScaler(torch.device(device).type, enabled=precision == "fp16")

    def step(self, index: Int64) -> StepSums:
        """Learn from the examples at positions `index` (b,).

        When the GPU's memory runs out, the batch is cut into halves, quarters, ... whose gradients are added
        up: the batch stays what the recipe says (BatchNorm sees the pieces).

        Raises:
            DataError: a label for which the network has no output.
            TrainingError: out of memory with two examples.
        """
        sums = None
        while sums is None:
            self._optimizer.zero_grad()
            with suppress(torch.cuda.OutOfMemoryError):
                sums = self._accumulate(index)
            if sums is None:
                self._halve_micro_batch(len(index))
        self._update()
        return sums

    def _accumulate(self, index: Int64) -> StepSums:
        sums = StepSums.zero(self._device)
        n_asked = self._feed.n_asked(index)
        for part in split_batches(index, self._micro_batch_size):
            inputs, labels = self._feed.inputs(part), self._feed.labels(part)
            with autocast(self._device, self._precision):
                raw = self._network(*inputs)
            logits, labels = asked(class_logits(raw, self._output), labels)
            if len(labels) == 0:
                continue
            self._require_class_outputs(logits.shape[1])
            loss = self._targets.loss(logits, labels, part, recipe=self._recipe, generator=self._noise)
            self._scaler.scale(loss * (len(labels) / n_asked)).backward()  # type: ignore[no-untyped-call]
            right = logits.detach().argmax(dim=1) == labels
            sums += StepSums(loss=loss.detach() * len(labels), n_right=right.sum(), n_asked=len(labels))
        return sums

    def _update(self) -> None:
        scale = self._scaler.get_scale()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._scaler.get_scale() >= scale:  # else the gradients overflowed and nothing was learned
            self._schedule.step()

    def _halve_micro_batch(self, n_examples: int) -> None:
        smaller = (min(self._micro_batch_size, n_examples) + 1) // 2
        if smaller < 2:
            raise TrainingError(
                f"the memory of {self._device} does not suffice to train on two examples at once",
                hint="train on the CPU (--device cpu), or free the GPU",
            )
        self._micro_batch_size = smaller

    def _require_class_outputs(self, n_classes: int) -> None:
        if self._largest_label >= n_classes:
            raise DataError(
                f"expected training labels below {n_classes}, as the network has {n_classes} classes, "
                f"found {self._largest_label}"
            )


@contextmanager
def enough_memory() -> Iterator[None]:
    """Where memory that runs out is an error of the user's, on every device.

    Raises:
        TrainingError: it ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as failure:
        text = str(failure)
        if isinstance(failure, RuntimeError) and not any(words in text for words in _OUT_OF_MEMORY):
            raise
        found = text.rpartition(_ALLOCATOR)[2].partition("\n")[0] or "none left"
        raise TrainingError(
            f"expected enough memory to train a network, found: {found}",
            hint="use a smaller --batch-size or fewer workers (--workers 1)",
        ) from failure


def autocast(device: str, precision: str) -> AbstractContextManager[object]:
    """Where the network computes in `precision`: 'fp32', 'bf16' or 'fp16'."""
    kind = torch.device(device).type
    return torch.autocast(kind, dtype=_AUTOCAST.get(precision), enabled=precision in _AUTOCAST)


def default_precision(device: str) -> str:
    """'fp32' on the CPU; on CUDA mixed precision: 'bf16' where the GPU computes it, else 'fp16'."""
    if torch.device(device).type != "cuda":
        return "fp32"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"


def _optimizer(network: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    parameters = [p for p in network.parameters() if p.requires_grad]
    if not parameters:
        raise TrainingError("expected a network with parameters to train, found none")
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, lr=recipe.lr, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        parameters,
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
    )


def _schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, n_steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The learning rate step by step: from `lr` along half a cosine to 0; up and down to 0; or as it is."""
    if recipe.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=n_steps)
    if recipe.schedule == "onecycle":
        # Without `cycle_momentum=False` the momentum would not be the recipe's.
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=recipe.lr, total_steps=n_steps, cycle_momentum=False
        )
    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)
