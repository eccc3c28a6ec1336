"""The loop: it learns, it repeats itself, and it says when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch

from kdaudit.controls.targets import LabelTargets, NoiseTargets, TeacherTargets
from kdaudit.controls.train import measure_step_seconds
from kdaudit.errors import DataError, ModelError, TrainingError
from kdaudit.types import OutputKind, ProgressEvent, Recipe
from tests.controls.fakes import SGD, Stored, Watched, blobs, convolutional, dense, ignore, stripes, train

ADAMW = replace(SGD, optimizer="adamw", lr=0.01, weight_decay=0.01)


def digest(network: torch.nn.Module) -> str:
    """SHA-256 over all weights and buffers."""
    total = sha256()
    for value in network.state_dict().values():
        total.update(value.contiguous().numpy().tobytes())
    return total.hexdigest()


@pytest.mark.parametrize("schedule", ["cosine", "onecycle", "constant"])
@pytest.mark.parametrize("recipe", [SGD, ADAMW], ids=["sgd", "adamw"])
def test_a_toy_task_is_learned(recipe: Recipe, schedule: str) -> None:
    """By every optimizer with every schedule, nearly without an error."""
    recipe = replace(recipe, schedule=schedule)  # type: ignore[arg-type]
    training = train(dense(), blobs(), recipe)
    assert list(range(1, 9)) == [point.epoch for point in training.curve]
    assert training.curve[-1].accuracy > 0.9
    assert training.curve[-1].loss < training.curve[0].loss
    assert not training.diverged
    assert training.seconds > 0
    assert training.examples_per_second == pytest.approx(300 * 8 / training.seconds, rel=0.05)


@pytest.mark.parametrize("augment", ["none", "flip", "crop-flip"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_pictures_are_learned(augment: str, precision: str) -> None:
    """With every augmentation, in both precisions of the CPU (guessing: .5); the weights stay float32."""
    recipe = replace(SGD, augment=augment, epochs=12)  # type: ignore[arg-type]
    training = train(convolutional(), stripes(), recipe, precision=precision)
    assert training.curve[-1].accuracy > 0.7  # processors round bf16 differently
    assert {torch.float32} == {parameter.dtype for parameter in training.network.parameters()}


@pytest.mark.parametrize(
    ("network", "output", "n_classes"),
    [
        (dense(3), OutputKind.LOGITS, 3),
        (dense(1), OutputKind.LOGITS, 2),
        (dense(3, last=torch.nn.Softmax(dim=1)), OutputKind.PROBS, 3),
        (dense(1, last=torch.nn.Sigmoid()), OutputKind.SIGMOID, 2),
    ],
    ids=["logits", "one-logit", "probs", "sigmoid"],
)
def test_every_kind_of_output_is_trained(
    network: torch.nn.Module, output: OutputKind, n_classes: int
) -> None:
    """Two classes from one column included."""
    training = train(network, blobs(n_classes=n_classes), output=output)
    assert training.curve[-1].accuracy > 0.9


def test_equal_seeds_give_equal_weights() -> None:
    """To the last bit on the CPU, with dropout, noise and augmentation drawn."""
    recipe = replace(SGD, epochs=2, augment="crop-flip")

    def trained(seed: int) -> str:
        network = torch.nn.Sequential(torch.nn.Dropout(0.2), convolutional())
        return digest(train(network, stripes(), recipe, NoiseTargets(), seed=seed).network)

    assert trained(0) == trained(0)
    assert trained(0) != trained(1)


def test_the_global_stream_of_torch_is_left_as_it_was() -> None:
    """Dropout draws from it: the training has one of its own."""
    network = dense()
    before = torch.random.get_rng_state()
    train(network, blobs(), replace(SGD, epochs=1))
    assert torch.equal(before, torch.random.get_rng_state())


def test_targets_do_not_change_the_order_of_the_data() -> None:
    """Streams are independent: a control with noise sees the batches of the one without."""
    seen: list[list[float]] = []
    for targets in (LabelTargets(), NoiseTargets()):
        firsts: list[float] = []
        network = Watched(dense(), lambda inputs, firsts=firsts: firsts.append(float(inputs[0][0, 0])))  # type: ignore[misc]
        train(network, blobs(), replace(SGD, epochs=2), targets)
        seen.append(firsts)
    assert seen[0] == seen[1]
    assert 2 * 10 == len(seen[0])


def test_a_distilled_control_repeats_its_teacher() -> None:
    """Where the teacher calls class 0 class 1, so does the student, against its labels."""
    data = blobs()
    answers = np.where(data.labels == 0, 1, data.labels)
    training = train(
        dense(), data, replace(SGD, alpha=0.9), TeacherTargets(8 * np.eye(3, dtype=np.float16)[answers])
    )
    network = training.network.eval()
    students = network(torch.from_numpy(data.stored["x"].astype(np.float32))).argmax(dim=1).numpy()
    assert np.mean(students == answers) > 0.95


def test_noise_without_labels_teaches_nothing() -> None:
    """At alpha 1 the loss comes down to that of the noise, and the accuracy stays near chance."""
    training = train(dense(), blobs(), replace(SGD, alpha=1.0), NoiseTargets())
    assert training.curve[-1].accuracy < 0.6
    assert training.curve[-1].loss < training.curve[0].loss


def test_an_odd_last_batch_of_one_is_trained_with_the_one_before() -> None:
    """33 examples in batches of 32: BatchNorm would refuse a single one."""
    sizes: list[int] = []
    network = Watched(dense(), lambda inputs: sizes.append(len(inputs[0])))
    training = train(network, blobs(33), replace(SGD, epochs=2))
    assert [33, 33] == sizes
    assert 2 == len(training.curve)


def test_only_the_chosen_examples_are_trained_on() -> None:
    """The pilot leaves out what it is judged on."""
    data = blobs()
    chosen = np.arange(0, 300, 3)
    seen: set[float] = set()
    network = Watched(dense(), lambda inputs: seen.update(inputs[0][:, 0].tolist()))
    train(network, data, replace(SGD, epochs=1), examples=chosen)
    assert {float(value) for value in data.stored["x"][chosen, 0]} == seen


def test_several_inputs_come_in_the_order_of_the_data() -> None:
    """As the network was built for."""
    data = Stored(stored={"b": np.zeros((8, 8)), "a": np.ones((8, 5), np.int64)}, labels=np.array([0, 1] * 4))
    shapes: list[tuple[int, ...]] = []
    network = Watched(dense(2), lambda inputs: shapes.extend(tuple(x.shape) for x in inputs))
    train(network, data, replace(SGD, epochs=1))
    assert [(8, 8), (8, 5)] == shapes


def test_a_diverged_training_is_reported_and_stopped() -> None:
    """A loss that is not finite ends it: no error, no curve point that is no number."""
    calls: list[int] = []
    network = Watched(dense(), lambda inputs: calls.append(len(inputs)))
    data = blobs()
    data.stored["x"][5] = np.nan
    training = train(network, data, replace(SGD, epochs=50))
    assert training.diverged
    assert () == training.curve
    assert len(calls) <= 10


def test_weights_that_are_not_finite_at_the_end_are_reported() -> None:
    """The last update is seen by no loss."""
    network = torch.nn.Linear(8, 3)
    data = blobs(32)
    data.stored["x"] = 1000 * data.stored["x"].astype(np.float32)
    training = train(network, data, replace(SGD, epochs=1, lr=1e38, schedule="constant"))
    assert 1 == len(training.curve)
    assert training.diverged


class SmallMemory:
    """Answers up to `limit` examples at once; above, the GPU's memory is said to be full."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.sizes: list[int] = []

    def __call__(self, inputs: tuple[torch.Tensor, ...]) -> None:
        """Look at one forward pass."""
        if len(inputs[0]) > self.limit:
            raise torch.cuda.OutOfMemoryError
        self.sizes.append(len(inputs[0]))


def without_batch_norm() -> torch.nn.Module:
    """Its gradient is a sum over examples."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3))


def test_accumulated_gradients_are_those_of_the_whole_batch() -> None:
    """When memory runs out the batch is cut, and the training is the same up to rounding."""
    memory = SmallMemory(limit=9)
    recipe = replace(SGD, epochs=2)
    cut = train(Watched(without_batch_norm(), memory), blobs(70), recipe)
    whole = train(without_batch_norm(), blobs(70), recipe)
    assert max(memory.sizes) <= 9
    assert 2 * 70 == sum(memory.sizes)
    for expected, actual in zip(whole.network.parameters(), cut.network.parameters(), strict=True):
        torch.testing.assert_close(expected, actual, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(cut.curve[-1].loss, whole.curve[-1].loss, rtol=1e-5)


def test_no_memory_for_two_examples_invalid() -> None:
    """There is an end to cutting."""
    with pytest.raises(TrainingError) as caught:
        train(Watched(dense(), SmallMemory(limit=1)), blobs())
    assert "the memory of cpu does not suffice to train on two examples at once" in caught.value.message


def frozen() -> torch.nn.Module:
    """A network without anything to learn."""
    return dense().requires_grad_(requires_grad=False)


@pytest.mark.parametrize(
    ("network", "data", "kind", "message"),
    [
        (frozen, blobs(), TrainingError, "expected a network with parameters to train, found none"),
        (dense, blobs(1), DataError, "expected at least two examples to train on, found 1"),
        (
            lambda: dense(2),
            blobs(),
            DataError,
            "expected training labels below 2, as the network has 2 classes, found 2",
        ),
        (
            lambda: torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.Unflatten(1, (2, 2))),
            blobs(),
            ModelError,
            "expected an answer for each of 32 labels (32,) from the network in training, found 64",
        ),
    ],
)
def test_what_cannot_be_trained_invalid(
    network: Callable[[], torch.nn.Module], data: Stored, kind: type[Exception], message: str
) -> None:
    """Said in one line."""
    with pytest.raises(kind) as caught:
        train(network(), data)
    assert message in str(caught.value)


def test_progress_is_told_at_most_a_few_times_a_second_and_at_the_end() -> None:
    """With all that the one who shows it needs."""
    events: list[ProgressEvent] = []
    training = train(dense(), blobs(), progress=events.append)
    assert 2 <= len(events) <= 2 + training.seconds / 0.3
    last = events[-1]
    assert ("train", "control", 8, 8) == (last.stage, last.name, last.epoch, last.epochs)
    assert (80, 80) == (last.done, last.total)
    assert last.loss is not None
    assert last.examples_per_second is not None
    assert last.examples_per_second > 0


@pytest.mark.parametrize("schedule", ["cosine", "onecycle"])
def test_steps_can_be_measured_beyond_the_end_of_the_recipe(schedule: str) -> None:
    """One warm-up step and fifty counted ones, though the recipe has ten."""
    calls: list[int] = []
    seconds = measure_step_seconds(
        Watched(dense(), lambda inputs: calls.append(len(inputs))),
        blobs(),
        replace(SGD, epochs=1, schedule=schedule),  # type: ignore[arg-type]
        LabelTargets(),
        output=OutputKind.LOGITS,
        rng=np.random.default_rng(0),
        device="cpu",
        precision="fp32",
    )
    assert 51 == len(calls)
    assert 0 < seconds < 1


def test_measuring_ends_with_its_time() -> None:
    """At least one step is counted, no more are made than there is time for."""
    calls: list[int] = []
    measure_step_seconds(
        Watched(dense(), lambda inputs: calls.append(len(inputs))),
        blobs(),
        SGD,
        LabelTargets(),
        output=OutputKind.LOGITS,
        rng=np.random.default_rng(0),
        device="cpu",
        precision="fp32",
        limit_seconds=0.0,
    )
    assert 2 == len(calls)


@pytest.mark.gpu
def test_a_gpu_learns_in_mixed_precision() -> None:
    """The twin of `test_pictures_are_learned` on CUDA."""
    from kdaudit.controls.step import default_precision
    from kdaudit.controls.train import train_control

    training = train_control(
        convolutional(),
        stripes(),
        replace(SGD, epochs=12, augment="flip"),
        NoiseTargets(),
        output=OutputKind.LOGITS,
        rng=np.random.default_rng(0),
        device="cuda",
        precision=default_precision("cuda"),
        progress=ignore,
        name="control",
    )
    assert not training.diverged
    assert training.curve[-1].loss < training.curve[0].loss
