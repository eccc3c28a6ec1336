"""A batch is put on a device once for all models that take it, as onnxruntime and torch keep it there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from kdaudit.errors import ModelError
from kdaudit.models import predict as predicting
from kdaudit.models.onnxrt import OnnxModel
from kdaudit.models.predict import Answers, answer
from kdaudit.models.pytorch import TorchModel
from kdaudit.protocols import Model
from kdaudit.types import AnyArray, Batch, Conversions, Float32, ModelRef, ProgressEvent, Role
from tests.pictures import RIGHT, SHAPE, pictures, save_linear

TRAIN = pictures(60, seed=1)


class Data:
    """Ten examples as one model takes them, in batches of four: the last has two."""

    ref = None
    n_answers = 10
    preprocess = RIGHT

    def __init__(self) -> None:
        self.x = np.random.default_rng(0).normal(size=(10, *SHAPE)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.x)

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Copies, as examples give them."""
        for start in range(0, len(self.x), batch_size):
            part = self.x[start : start + batch_size].copy()
            yield Batch(inputs={"x": part}, stored={"x": part}, labels=np.zeros(len(part), dtype=np.int64))


def silent(_event: ProgressEvent) -> None:
    """Show nothing."""


def reference(path: Path | str, kind: str = "onnx") -> ModelRef:
    """A student."""
    return ModelRef(name=Path(path).name, role=Role.STUDENT, path=str(path), kind=kind, sha256="")


def linear(folder: Path, name: str, batch: int | str = "n", *, device: str = "cpu") -> OnnxModel:
    """An ONNX file."""
    return OnnxModel(
        reference(save_linear(folder / name, TRAIN, seed=len(name), shape=(batch, *SHAPE))), device=device
    )


class Normalising(nn.Module):
    """Changes what it is given, as networks do that normalise in place."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.last = nn.Linear(int(np.prod(SHAPE)), 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        scores: torch.Tensor = self.last(x.sub_(1.0).mul_(3.0).flatten(1))
        return scores


def normalising(seed: int, *, device: str = "cpu") -> TorchModel:
    """A network in torch."""
    return TorchModel(lambda: Normalising(seed), reference(f"{seed}.pt", "state_dict"), device=device)


def answers_of(*models: OnnxModel | TorchModel) -> list[Float32]:
    """What entered models say of the data, together."""
    running = [Answers(reference(f"{i}"), model) for i, model in enumerate(models)]
    parts = list(answer(running, Data(), batch_size=4, progress=silent))  # type: ignore[arg-type]
    assert [4, 8, 10] == [part.n_examples for part in parts]
    return [np.concatenate([part.rows[i] for part in parts]) for i in range(len(models))]


def counted(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> list[AnyArray]:
    """The arrays that a method is called with from now on."""
    seen: list[AnyArray] = []
    original: Callable[..., object] = getattr(owner, name)

    def spy(self: object, array: AnyArray) -> object:
        seen.append(array)
        return original(self, array)

    monkeypatch.setattr(owner, name, spy)
    return seen


def test_an_array_is_converted_once_for_each_purpose() -> None:
    """Not equal arrays are meant but the very same one."""
    conversions, asked = Conversions(), []

    def convert(array: AnyArray) -> AnyArray:
        asked.append(array)
        return array + 1

    first, equal = np.zeros(2), np.zeros(2)
    made = conversions.once(first, "more", convert)
    assert made is conversions.once(first, "more", convert)
    conversions.once(equal, "more", convert)
    conversions.once(first, "other", convert)
    assert [True, False, True] == [array is first for array in asked]


def test_sessions_share_what_lies_on_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three batches are placed three times for two models; the answers are those of each model alone."""
    with linear(tmp_path, "a.onnx") as one, linear(tmp_path, "bb.onnx") as other:
        alone = [answers_of(one)[0], answers_of(other)[0]]
        placed = counted(monkeypatch, OnnxModel, "_placed")
        together = answers_of(one, other)
    assert [4, 4, 2] == [len(array) for array in placed]
    np.testing.assert_array_equal(alone, together)
    session = onnxruntime.InferenceSession(str(tmp_path / "bb.onnx"), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"x": Data().x})[0], together[1], rtol=1e-5, atol=1e-5)


def test_what_is_filled_up_is_shared_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that accept batches of four alone: the last two examples are filled up once."""
    with linear(tmp_path, "a.onnx", 4) as one, linear(tmp_path, "bb.onnx", 4) as other:
        placed = counted(monkeypatch, OnnxModel, "_placed")
        together = answers_of(one, other)
    assert [4, 4, 4] == [len(array) for array in placed]
    with linear(tmp_path, "bb.onnx") as free:
        np.testing.assert_allclose(answers_of(free)[0], together[1], rtol=1e-5, atol=1e-5)


def test_on_the_processor_nothing_is_copied(tmp_path: Path) -> None:
    """The session reads numpy's own memory; an array that is not contiguous is made so."""
    x = Data().x
    with linear(tmp_path, "a.onnx") as model:
        assert x.ctypes.data == model._placed(x).data_ptr()
        expected = model.run({"x": np.ascontiguousarray(x[:, ::-1])})
        np.testing.assert_array_equal(expected, model.run({"x": x[:, ::-1]}))


def test_networks_share_a_batch_that_each_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that normalises in place changes nothing for the next one, nor for whoever has the array."""
    with normalising(1) as one, normalising(2) as other:
        alone = [answers_of(one)[0], answers_of(other)[0]]
        placed = counted(monkeypatch, TorchModel, "_placed")
        together = answers_of(one, other)
        assert [4, 4, 2] == [len(array) for array in placed]
        np.testing.assert_array_equal(alone, together)
        x = Data().x
        one.run({"x": x})
    np.testing.assert_array_equal(Data().x, x)


def test_inputs_that_a_graph_does_not_take_invalid(tmp_path: Path) -> None:
    """By onnxruntime's own words, with the file."""
    wide = np.zeros((2, 3, 6, 7), np.float32)
    with (
        linear(tmp_path, "a.onnx") as model,
        pytest.raises(
            ModelError, match=r"expected .*a\.onnx to run on the data, found: .* dimensions for input: x"
        ),
    ):
        model.run({"x": wide})


def test_the_rate_is_that_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier run answered counts as done and not as fast."""
    told: list[ProgressEvent] = []
    clock = iter([100.0, 102.0, 104.0, 105.0])
    monkeypatch.setattr(predicting, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with normalising(1) as model:
        parts = answer(
            [Answers(reference("m"), model)],
            Data(),  # type: ignore[arg-type]
            batch_size=4,
            progress=told.append,
            n_examples=90,
            n_rows=90,
        )
        assert [94, 98, 100] == [part.n_examples for part in parts]
    assert [(94, 100, 2.0), (98, 100, 2.0), (100, 100, 2.0)] == [
        (event.done, event.total, event.examples_per_second) for event in told
    ]


def on_cuda(folder: Path) -> list[tuple[Model, Model]]:
    """Each model on CUDA with its twin on the processor."""
    return [
        (linear(folder, "a.onnx", device="cuda:0"), linear(folder, "a.onnx")),
        (linear(folder, "bb.onnx", device="cuda:0"), linear(folder, "bb.onnx")),
        (normalising(1, device="cuda:0"), normalising(1)),
        (normalising(2, device="cuda:0"), normalising(2)),
    ]


@pytest.mark.gpu
@pytest.mark.parametrize("first", [0, 2])
def test_models_on_cuda_share_one_transfer(
    first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the tests above: a batch goes over once, and the answers are the processor's."""
    (one, its), (other, others) = on_cuda(tmp_path)[first : first + 2]
    with its as a, others as b:
        expected = answers_of(a, b)  # type: ignore[arg-type]
    placed = counted(monkeypatch, type(one), "_placed")
    with one as a, other as b:
        found = answers_of(a, b)  # type: ignore[arg-type]
    assert [4, 4, 2] == [len(array) for array in placed]
    np.testing.assert_allclose(expected, found, rtol=1e-3, atol=1e-3)


@pytest.mark.gpu
def test_a_batch_lies_on_cuda(tmp_path: Path) -> None:
    """Not on the processor, in either runtime."""
    x = Data().x
    with linear(tmp_path, "a.onnx", device="cuda:0") as session, normalising(1, device="cuda:0") as network:
        assert "cuda" == session._placed(x).device_name().lower()
        assert "cuda" == network._placed(x).device.type
