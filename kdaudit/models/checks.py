"""Self-checks of a trainable network: each failed one is an error of its own that says what is wrong.

They run on the CPU and take seconds: a converted network that trains a part of its weights, mixes the examples of a
batch or keeps what the student learned would give controls that look fine and are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log, prod

import numpy as np
import torch
from torch import Tensor, nn

from kdaudit.errors import ModelError
from kdaudit.models.batching import outputs
from kdaudit.models.graph import WAYS_OUT
from kdaudit.models.lesson import FALLEN, Lesson, learn
from kdaudit.models.trainable import ArchitectureNetwork, OnnxNetwork
from kdaudit.types import AnyArray, OutputKind

_TOLERANCE = 1e-4
_SAME_ANSWERS = 0.999
_TOGETHER = 6
_TO_LEARN = 8
# With fewer, a BatchNorm behind all pooling gives the same whatever its weights are.
_FEWEST_TO_LEARN = 3
# Numbers in a batch from which on fewer examples do: a step takes seconds, and no less is seen.
_LARGE = 8 * 3 * 64 * 64
_STEP_SIZES = (1e-3, 1e-2, 1e-1)
_SEED = 20_260_423

Inputs = Mapping[str, AnyArray]


def check_network(factory: OnnxNetwork, *, examples: Inputs, expected: AnyArray) -> None:
    """Checks a converted network on real examples.

    Args:
        factory: the network.
        examples: {input name: (n, ...)} as the model takes them, n >= 64 and distinct where there are as many.
        expected: raw outputs (m, C), m <= n, of the file itself for the first m examples.

    Raises:
        ModelError: outputs differ from the file's; an example's output depends on the others in its batch; float
            arrays are neither trained nor accounted for; a trained weight survived; the first loss is off; a batch
            cannot be learned; a parameter gets no gradient.
    """
    tensors = _tensors(examples)
    original = factory.build_original()
    _check_outputs(original, tensors, expected)
    _check_examples_apart(original, tensors)
    _check_counts(factory)
    _check_nothing_left(factory)
    output = factory.spec.model.output
    _check_gradients(_check_training(factory, tensors, shape=expected.shape[1:], output=output))


def check_architecture(factory: ArchitectureNetwork, *, examples: Inputs, output: OutputKind) -> None:
    """Checks a network that the user's own code builds.

    Args:
        factory: the network.
        examples: {input name: (n, ...)} in the order in which the network takes them.
        output: what its numbers are.

    Raises:
        ModelError: it does not run or gives no (n, C); its weights do not follow the seed; the first loss is off;
            a batch cannot be learned. Parameters without a gradient are the architecture's own affair.
    """
    tensors = _few(_tensors(examples), _TO_LEARN)
    network = factory.build(_SEED).eval()
    try:
        with torch.no_grad():
            given = network(*tensors)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
        raise ModelError(
            f"expected {factory.title} to take inputs of shape {shapes}, found: {error}",
            hint="check --arch-args and the shape of the data",
        ) from error
    if not isinstance(given, Tensor) or given.ndim not in {2, 3} or len(given) != len(tensors[0]):
        found = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
        raise ModelError(
            f"expected {factory.title} to give an output of shape ({len(tensors[0])}, classes), or "
            f"({len(tensors[0])}, positions, classes) of sequences, found {found}",
            hint="give an architecture whose forward returns the class scores alone",
        )
    _check_seeds_matter(factory)
    _check_training(factory, tensors, shape=given.shape[1:], output=output)


def _check_outputs(original: nn.Module, tensors: list[Tensor], expected: AnyArray) -> None:
    wanted = torch.from_numpy(np.array(expected, np.float32))
    found = outputs(original, [tensor[: len(wanted)] for tensor in tensors])
    scale = float(wanted.abs().max())
    worst = float((found - wanted).abs().max()) if found.shape == wanted.shape else float("inf")
    same = float((found.argmax(-1) == wanted.argmax(-1)).double().mean()) if worst < float("inf") else 0.0
    if not worst <= _TOLERANCE * scale or same < _SAME_ANSWERS:
        raise ModelError(
            f"expected the converted network to give the outputs of its file, found a difference of {worst:.2g} "
            f"at outputs up to {scale:.2g}, and {same:.2%} of {len(wanted)} answers alike",
            hint=WAYS_OUT,
        )


def _check_examples_apart(original: nn.Module, tensors: list[Tensor]) -> None:
    """Each example's output must be the same alone and among others, which must really be others."""
    rows = tensors[0].flatten(1).numpy()
    distinct = np.sort(np.unique(rows, axis=0, return_index=True)[1])[: len(_few(tensors, _TOGETHER)[0])]
    if len(distinct) < 2:
        raise ModelError(
            "expected at least 2 examples that differ, to see that a batch keeps them apart, "
            f"found {len(rows)} that are all alike"
        )
    chosen = [tensor[distinct] for tensor in tensors]
    together = outputs(original, chosen)
    alone = torch.cat([outputs(original, [t[i : i + 1] for t in chosen]) for i in range(len(distinct))])
    worst = float((together - alone).abs().max())
    if not worst <= _TOLERANCE * float(alone.abs().max()):
        raise ModelError(
            f"expected each example's output not to depend on its batch, found a difference of {worst:.2g} between "
            f"{len(distinct)} examples together and one by one",
            hint=f"export the model with a dynamic batch axis, or {WAYS_OUT}",
        )


def _check_counts(factory: OnnxNetwork) -> None:
    """Every float array that the graph reads is trained, a running statistic, or listed as frozen."""
    module = factory.original.module
    n_file = sum(a.size for a in factory.graph.weights.values() if a.dtype.kind == "f" and a.size > 1)
    n_trained = sum(p.numel() for p in module.parameters() if p.requires_grad and p.numel() > 1)
    n_running = sum(t.numel() for k, t in module.named_buffers() if ".running_" in k and t.numel() > 1)
    kept = (*factory.original.frozen, *factory.original.computed)
    n_frozen = sum(factory.graph.weights[name].size for name in kept)
    if n_trained + n_running + n_frozen != n_file:
        raise ModelError(
            f"expected all {n_file} weights of {factory.spec.model.path} to be accounted for, found {n_trained} "
            f"trained, {n_running} running statistics and {n_frozen} frozen by intent",
            hint=WAYS_OUT,
        )


def _check_nothing_left(factory: OnnxNetwork) -> None:
    """No array of the student survives in a fresh network, in whatever layout.

    An array is known by its size, smallest and largest number, which two draws never share.
    """
    trained = set(factory.original.names.values())
    kept = {*factory.original.frozen, *factory.original.computed, *factory.network.kept}
    known = {
        _mark(torch.from_numpy(array.copy())): name
        for name, array in factory.graph.weights.items()
        if name not in kept and (name in trained or (array.dtype.kind == "f" and array.size > 1))
    }
    fixed = [key for key, draw in factory.network.draws.items() if draw.kind == "constant"]
    left = [
        f"{known[_mark(tensor)]} as {key}"
        for key, tensor in factory.build(_SEED).state_dict().items()
        if key not in {*factory.taken, *fixed} and _is_drawn(tensor) and _mark(tensor) in known
    ]
    if left:
        raise ModelError(
            f"expected fresh weights that owe nothing to the student, found {len(left)} of its arrays "
            f"({', '.join(left[:3])})",
            hint=WAYS_OUT,
        )


def _check_seeds_matter(factory: ArchitectureNetwork) -> None:
    one, other = (dict(factory.build(seed).named_parameters()) for seed in (_SEED, _SEED + 1))
    equal = [
        key
        for key, parameter in one.items()
        if parameter.requires_grad
        and parameter.numel() > 1  # single numbers, such as PReLU's, are set and not drawn
        and key not in factory.taken
        and _is_drawn(parameter.detach())
        and torch.equal(parameter, other[key])
    ]
    if equal:
        raise ModelError(
            f"expected {factory.title} to draw all weights anew, found {len(equal)} that are equal for two "
            f"seeds ({', '.join(equal[:3])})",
            hint="it loads trained weights or sets a seed of its own: turn that off, e.g. with --arch-args",
        )


def _check_training(
    factory: OnnxNetwork | ArchitectureNetwork,
    tensors: list[Tensor],
    *,
    shape: tuple[int, ...],
    output: OutputKind,
) -> Lesson:
    """A few steps on one small batch with drawn labels: the first loss must be near chance, and fall.

    `shape` is that of an example's output: (C,), or (T, C) of a sequence, whose positions share a label.
    """
    batch = _few(tensors, _TO_LEARN)
    n_classes = max(shape[-1], 2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        labels = torch.randint(n_classes, (len(batch[0]),)).repeat_interleave(prod(shape[:-1]))
        for step_size in _STEP_SIZES:
            lesson = learn(factory.build(_SEED), batch, labels, output=output, step_size=step_size)
            if lesson.last <= FALLEN * lesson.first:
                break
    _check_first_loss(lesson.first, n_classes, factory)
    if not lesson.last <= FALLEN * lesson.first:
        raise ModelError(
            f"expected the network to learn one batch of {len(batch[0])} examples, found its loss to go from "
            f"{lesson.first:.3g} to {lesson.last:.3g} at best",
            hint=f"a deep network without its BatchNorm does not train: see --reinsert-bn, or {WAYS_OUT}",
        )
    return lesson


def _check_gradients(lesson: Lesson) -> None:
    if lesson.without_gradient:
        raise ModelError(
            f"expected every parameter to get a gradient, found {len(lesson.without_gradient)} that get none "
            f"({', '.join(lesson.without_gradient[:3])})",
            hint=f"the network reads them behind something that passes no gradient; {WAYS_OUT}",
        )


def _check_first_loss(loss: float, n_classes: int, factory: OnnxNetwork | ArchitectureNetwork) -> None:
    chance = log(n_classes)
    widest = 20.0 if isinstance(factory, ArchitectureNetwork) else 2.0  # own code may draw a wide head
    fine = np.isfinite(loss) and (bool(factory.taken) or 0.5 * chance <= loss <= widest * chance + 1.0)
    if not fine:
        raise ModelError(
            f"expected a first loss near that of guessing, {chance:.2f} for {n_classes} classes, found {loss:.3g}",
            hint="check what the outputs are (--student-output) and that the inputs are scaled",
        )


def _few(tensors: list[Tensor], most: int) -> list[Tensor]:
    """The first examples: as many as asked for, fewer where they are large."""
    n = min(most, max(_FEWEST_TO_LEARN, _LARGE // sum(tensor[0].numel() for tensor in tensors)))
    return [tensor[:n] for tensor in tensors]


def _tensors(examples: Inputs) -> list[Tensor]:
    tensors = [torch.from_numpy(np.array(array)) for array in examples.values()]
    if len(tensors[0]) < 2:
        raise ModelError(f"expected at least 2 examples to check a network on, found {len(tensors[0])}")
    return tensors


def _mark(tensor: Tensor) -> tuple[int, float, float]:
    return (tensor.numel(), float(tensor.min()), float(tensor.max()))


def _is_drawn(tensor: Tensor) -> bool:
    """Whether the numbers were drawn, not set: they differ, or are a single one that is neither 0 nor 1."""
    low, high = float(tensor.min()), float(tensor.max())
    return low != high or (tensor.numel() == 1 and low not in (0.0, 1.0))
