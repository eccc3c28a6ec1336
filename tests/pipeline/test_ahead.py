"""Models predict while the examples are decoded: nothing that is answered changes, and nothing is left behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from kdaudit.data import decode
from kdaudit.errors import DataError, ModelError
from kdaudit.models.onnxrt import OnnxModel
from kdaudit.options import AuditSpec
from kdaudit.pipeline import plan
from kdaudit.pipeline.ahead import Ahead, pays
from kdaudit.pipeline.plan import Setup, prepare
from kdaudit.pipeline.predict_one import predict_one
from kdaudit.pipeline.predicting import PredictTask, predict_tasks
from kdaudit.pipeline.store import Store
from kdaudit.types import Float16, Float32, Predictions, ProgressEvent
from tests.pictures import N_CLASSES, pictures, save_linear

N, BATCH = 96, 8
PICTURES = pictures(N, seed=3)
PATIENCE_SECONDS = 60.0


def silent(_event: ProgressEvent) -> None:
    """Show nothing."""


class Told:
    """How many examples were answered when predicting was first heard of: all, where nothing was left to do."""

    def __init__(self) -> None:
        self.first = N

    def __call__(self, event: ProgressEvent) -> None:
        """Takes note."""
        if event.stage == "predict" and event.done is not None:
            self.first = min(self.first, event.done)


def save_folder(root: Path, *, n: int = N, first: int = 0) -> str:
    """Pictures in class folders, as PNG."""
    for i in range(first, first + n):
        folder = root / f"class{PICTURES.labels[i]}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.moveaxis(PICTURES.x[i], 0, -1)).save(folder / f"{i:03}.png")
    for label in range(N_CLASSES):
        (root / f"class{label}").mkdir(exist_ok=True)
    return str(root)


def models_in(folder: Path, *, shape: tuple[int | str, ...] = (BATCH, 3, 6, 6)) -> dict[str, Any]:
    """A teacher and a student in batches of eight."""
    return {
        "teacher": save_linear(folder / "teacher.onnx", PICTURES, seed=1, shape=shape),
        "students": (save_linear(folder / "student.onnx", PICTURES, seed=2, shape=shape),),
    }


class Slow:
    """Decoding that goes on only once a model has answered as many batches as the pictures before make."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, waits_for: int) -> None:
        self._answered, self._enough = 0, Event()
        run, chunk = OnnxModel.run, decode._decode_chunk

        def counted(model: OnnxModel, *args: Any) -> Any:
            found = run(model, *args)
            self._answered += 1
            if self._answered >= waits_for:
                self._enough.set()
            return found

        def waiting(blobs: Any, how: Any, start: int) -> Any:
            if start >= N // 2:
                assert self._enough.wait(PATIENCE_SECONDS), "nobody answers while pictures are decoded"
            return chunk(blobs, how, start)

        monkeypatch.setattr(OnnxModel, "run", counted)
        monkeypatch.setattr(decode, "_decode_chunk", waiting)


def prepared(spec: AuditSpec, store: Store) -> Setup:
    """With everybody ahead."""
    return prepare(spec, store, progress=silent, predicts=True)


def predicted(setup: Setup, progress: Callable[[ProgressEvent], None] = silent) -> tuple[Predictions, ...]:
    """What the teacher and the student answer."""
    return predict_tasks(
        [
            PredictTask(model=model, data=setup.seen_by(model), device="cpu", store=setup.store)
            for model in setup.given
        ],
        progress,
    )


def logits(found: tuple[Predictions, ...]) -> list[Float32 | Float16]:
    """Of each model."""
    return [each.logits for each in found]


def leftovers(store: Store) -> list[str]:
    """What lies among the predictions and is none."""
    found = store.root.glob("predictions/.*")
    return sorted(path.name for path in found if path.is_dir())


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU too."""
    monkeypatch.setattr(plan, "pays", lambda _device: True)


@pytest.mark.usefixtures("everywhere")
def test_models_answer_while_pictures_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second half of the pictures waits for answers to the first; both models see each batch, as without."""
    spec = AuditSpec(**models_in(tmp_path), data=save_folder(tmp_path / "eval"))
    plain = prepare(spec, Store(root=tmp_path / "plain"), progress=silent)
    Slow(monkeypatch, waits_for=2 * (N // 2 // BATCH))
    setup = prepared(spec, Store(root=tmp_path / "cache"))
    told = Told()
    found = predicted(setup, told)
    assert told.first > N // 2
    assert [model.name for model in setup.given] == [each.model.name for each in found]
    np.testing.assert_array_equal(logits(predicted(plain)), logits(found))
    assert [] == leftovers(setup.store)


@pytest.mark.usefixtures("everywhere")
def test_what_occurs_in_the_training_data_is_left_out_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is known only when all is decoded; the rest is taken from the answers to all."""
    spec = AuditSpec(
        **models_in(tmp_path),
        data=save_folder(tmp_path / "eval"),
        train_data=save_folder(tmp_path / "train", n=5, first=40),
    )
    plain = prepare(spec, Store(root=tmp_path / "plain"), progress=silent)
    Slow(monkeypatch, waits_for=2 * (N // 2 // BATCH))
    setup = prepared(spec, Store(root=tmp_path / "cache"))
    assert (5, N - 5) == (setup.n_duplicates, len(setup.data))
    told = Told()
    found = predicted(setup, told)
    assert told.first > N // 2
    np.testing.assert_allclose(logits(predicted(plain)), logits(found), rtol=1e-5, atol=1e-5)
    assert [setup.data.ref, setup.data.ref] == [each.data for each in found]
    assert [] == leftovers(setup.store)


def test_a_part_is_taken_from_predictions_of_the_whole(tmp_path: Path) -> None:
    """Nothing is asked again; where the whole is not begun, nobody begins it."""
    spec = AuditSpec(**models_in(tmp_path), data=save_folder(tmp_path / "eval"))
    setup = prepare(spec, Store(root=tmp_path / "cache"), progress=silent)
    index = np.array([3, 50, 51])
    task = PredictTask(model=setup.teacher, data=setup.data.subset(index), device="cpu", store=setup.store)
    (alone,) = predict_tasks([replace(task, store=Store(root=tmp_path / "b"))], silent)
    assert 1 == len([path for path in (tmp_path / "b" / "predictions").iterdir() if path.is_dir()])
    whole = predicted(setup)[0]
    told = Told()
    (found,) = predict_tasks([task], told)
    assert N == told.first
    np.testing.assert_array_equal(whole.logits[index], found.logits)
    np.testing.assert_allclose(alone.logits, found.logits, rtol=1e-5, atol=1e-5)
    assert task.data.ref == found.data


@pytest.mark.usefixtures("everywhere")
def test_fewer_pictures_than_expected_are_answered_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One cannot be read: the rows behind it are other pictures than they were to be."""
    spec = AuditSpec(**models_in(tmp_path), data=save_folder(tmp_path / "eval"), max_skipped=1)
    next((tmp_path / "eval" / "class1").iterdir()).write_bytes(b"\x89PNG, or not")
    plain = prepare(spec, Store(root=tmp_path / "plain"), progress=silent)
    Slow(monkeypatch, waits_for=4)
    setup = prepared(spec, Store(root=tmp_path / "cache"))
    assert N - 1 == len(setup.data)
    assert [] == leftovers(setup.store)
    np.testing.assert_array_equal(logits(predicted(plain)), logits(predicted(setup)))


def without_weights(models: dict[str, Any]) -> None:
    """A teacher that onnxruntime refuses."""
    network = onnx.load(models["teacher"])
    del network.graph.initializer[:]
    onnx.save(network, models["teacher"])


def of_another_size(models: dict[str, Any]) -> None:
    """A teacher for wider pictures."""
    save_linear(Path(models["teacher"]), PICTURES, shape=(BATCH, 3, 6, 7))


def without_end(models: dict[str, Any]) -> None:
    """Pixels so large that a teacher puts out infinite numbers."""
    models["teacher_preprocess"] = {"scale": 1e36}


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("spoil", [without_weights, of_another_size, without_end])
def test_what_is_wrong_with_a_model_is_said_as_ever_invalid(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None]
) -> None:
    """By the same error as without anybody ahead."""
    models = models_in(tmp_path)
    spoil(models)
    spec = AuditSpec(**models, data=save_folder(tmp_path / "eval"))
    said = []
    for name, predicts in (("plain", False), ("cache", True)):
        store = Store(root=tmp_path / name)
        setup = prepare(spec, store, progress=silent, predicts=predicts)
        assert [] == [name for name in leftovers(store) if "ahead" in name]  # the student's own may be there
        with pytest.raises((DataError, ModelError)) as caught:
            predicted(setup)
        said.append((caught.value.message, caught.value.hint))
    assert said[0] == said[1]


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("method", ["__enter__", "run"])
def test_a_device_whose_memory_runs_out_stops_no_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Ahead more models run at once than later; torch's error of a full device is a RuntimeError."""
    spec = AuditSpec(**models_in(tmp_path), data=save_folder(tmp_path / "eval"))
    store = Store(root=tmp_path / "cache")
    asked = Event()

    def full(*_: Any) -> None:
        asked.set()
        raise RuntimeError("CUDA out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(OnnxModel, method, full)
        setup = prepared(spec, store)
    assert asked.is_set()
    assert N == len(setup.data)
    assert [] == leftovers(store)
    plain = prepare(spec, Store(root=tmp_path / "plain"), progress=silent)
    np.testing.assert_array_equal(logits(predicted(plain)), logits(predicted(setup)))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists what is mapped")
@pytest.mark.usefixtures("everywhere")
def test_nothing_is_mapped_when_all_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows moves no folder of a file that is mapped."""
    spec = AuditSpec(**models_in(tmp_path), data=save_folder(tmp_path / "eval"))
    Slow(monkeypatch, waits_for=2 * (N // 2 // BATCH))
    mapped: list[bool] = []
    follow, rename = Ahead._follow, Path.rename

    def seen(folder: Path) -> None:
        mapped.append(str(folder) in Path("/proc/self/maps").read_text(encoding="utf-8"))

    @contextmanager
    def followed(self: Ahead, some: Any, folder: Path) -> Iterator[Callable[[int], None]]:
        with follow(self, some, folder) as told:
            seen(folder)
            yield told

    def renamed(path: Path, target: Path) -> Path:
        if path.suffix == ".partial":
            seen(path)
        return rename(path, target)

    monkeypatch.setattr(Ahead, "_follow", followed)
    monkeypatch.setattr(Path, "rename", renamed)
    prepared(spec, Store(root=tmp_path / "cache"))
    assert [True, False] == mapped


@pytest.mark.usefixtures("everywhere")
def test_a_decoding_that_fails_leaves_nothing_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is ahead is called back, and the error is that of the picture."""
    spec = AuditSpec(**models_in(tmp_path), data=save_folder(tmp_path / "eval"))
    max((tmp_path / "eval" / f"class{N_CLASSES - 1}").iterdir()).write_bytes(b"\x89PNG, or not")
    Slow(monkeypatch, waits_for=2)
    store = Store(root=tmp_path / "cache")
    with pytest.raises(DataError, match="png"):
        prepared(spec, store)
    assert [] == leftovers(store)


@pytest.mark.usefixtures("everywhere")
def test_what_a_killed_run_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the next one that decodes the same pictures; it begins with the first of them."""
    spec = AuditSpec(**models_in(tmp_path), data=save_folder(tmp_path / "eval"))
    store = Store(root=tmp_path / "cache")
    Slow(monkeypatch, waits_for=2)
    with monkeypatch.context() as patched:
        chunk = decode._decode_chunk

        def killed(blobs: Any, how: Any, start: int) -> Any:
            if start > N // 2:
                raise KeyboardInterrupt
            return chunk(blobs, how, start)

        patched.setattr(decode, "_decode_chunk", killed)
        patched.setattr(Ahead, "__exit__", lambda *_: None)  # a killed process tidies nothing
        with pytest.raises(KeyboardInterrupt):
            prepared(spec, store)
    assert 2 == len(leftovers(store))
    setup = prepared(spec, store)
    plain = prepare(spec, Store(root=tmp_path / "plain"), progress=silent)
    np.testing.assert_array_equal(logits(predicted(plain)), logits(predicted(setup)))
    assert [] == leftovers(store)


@pytest.mark.usefixtures("everywhere")
def test_several_sizes_and_preprocessings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each decoding is followed by those who take its pictures, each in its own way."""
    models = models_in(tmp_path) | {"control": (save_linear(tmp_path / "c.onnx", PICTURES, seed=3),)}
    models["teacher_preprocess"] = {"resize": 12, "crop": 6}
    spec = AuditSpec(**models, data=save_folder(tmp_path / "eval"), mean="0.5", std="0.5")
    plain = prepare(spec, Store(root=tmp_path / "plain"), progress=silent)
    followed: list[int] = []
    follow = Ahead._follow

    def counted(self: Ahead, some: Any, folder: Path) -> Any:
        followed.append(len(some))
        return follow(self, some, folder)

    monkeypatch.setattr(Ahead, "_follow", counted)
    setup = prepared(spec, Store(root=tmp_path / "cache"))
    assert [1, 2] == sorted(followed)
    np.testing.assert_array_equal(logits(predicted(plain)), logits(predicted(setup)))
    assert [] == leftovers(setup.store)


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("option", [{"limit": 20}, {"split_eval": 0.5}])
def test_nobody_is_ahead_of_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: dict[str, Any]
) -> None:
    """Most of what was answered would be in vain."""
    monkeypatch.setattr(Ahead, "_follow", None)
    spec = AuditSpec(**models_in(tmp_path), data=save_folder(tmp_path / "eval"), **option)
    assert len(prepared(spec, Store(root=tmp_path / "cache")).data) < N


def test_nobody_is_ahead_on_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding needs its cores."""
    monkeypatch.setattr(Ahead, "_follow", None)
    spec = AuditSpec(**models_in(tmp_path), data=save_folder(tmp_path / "eval"))
    assert N == len(prepared(spec, Store(root=tmp_path / "cache")).data)
    assert [False, True, True] == [pays(device) for device in ("cpu", "cuda:0", "cuda:1")]


@pytest.mark.usefixtures("everywhere")
def test_one_model_predicts_ahead_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`kdaudit predict`, into a cache that is thrown away."""
    models = models_in(tmp_path)
    folder = save_folder(tmp_path / "eval")
    spec = AuditSpec(teacher="", students=models["students"], data=folder, cache=False)
    told = Told()
    Slow(monkeypatch, waits_for=N // 2 // BATCH)
    found = predict_one(spec, progress=told)
    assert told.first > N // 2
    plain = prepare(AuditSpec(**models, data=folder), Store(root=tmp_path / "plain"), progress=silent)
    np.testing.assert_array_equal(predicted(plain)[1].logits, found.logits)


@pytest.mark.gpu
def test_models_on_cuda_answer_while_pictures_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being told to, and as the processor does."""
    models, folder = models_in(tmp_path), save_folder(tmp_path / "eval")
    Slow(monkeypatch, waits_for=2 * (N // 2 // BATCH))
    setup = prepared(AuditSpec(**models, data=folder, device="cuda"), Store(root=tmp_path / "cache"))
    tasks = [
        PredictTask(model=m, data=setup.seen_by(m), device=setup.device, store=setup.store)
        for m in setup.given
    ]
    told = Told()
    found = predict_tasks(tasks, told)
    assert told.first > N // 2
    np.testing.assert_allclose(logits(predicted(setup)), logits(found), rtol=1e-3, atol=1e-3)
