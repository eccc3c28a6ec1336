"""How near predictions come to a bare onnxruntime loop, and decoding to more than PIL transforms by hand.

Bare: float32 batches that lie in memory, one session, `session.run` in a loop. Here: `pipeline.predicting`, which reads
stored bytes, preprocesses them a batch ahead, checks the outputs, writes logits to the disk and says how far it is. By
hand, for decoding: `torchvision.transforms` on PIL pictures, one after the other, as in a notebook. Here: the image
folder, decoded into the cache. For two models, from files to the batches that both take: by hand a loop for each of
them, here decoded once and read back once. Memory is the peak of a process that does nothing else.

    python -m benchmarks.prediction [--examples 2048] [--pictures 400] [--batch 64] [--rounds 3] [--grain 20] [--json]

`--examples 0` measures decoding alone.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import torch
from PIL import Image
from torchvision import models as zoo
from torchvision.transforms import v2

from kdaudit.data import DataOptions, Examples, load_data
from kdaudit.data.preprocessing import PRESETS
from kdaudit.models import predict as predict_module
from kdaudit.models.identify import identify
from kdaudit.pipeline.predicting import PredictTask, predict_task
from kdaudit.pipeline.store import Store
from kdaudit.types import Float32, ModelRef, OutputKind, Preprocess, ProgressEvent, Role

SIDE, CLASSES = 224, 1000
MODELS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians over the rounds; a ratio is of two figures of one round."""

    bare_per_second: float | None
    here_per_second: float | None
    ratio: float | None
    by_hand_decoded_per_second: float
    here_decoded_per_second: float
    decoding_ratio: float
    decoding_ratio_of_processor_times: float
    by_hand_two_models_per_second: float
    here_two_models_per_second: float
    two_models_ratio: float
    two_models_ratio_of_processor_times: float
    kilobytes_a_picture: float
    peak_mb: float
    load_average: float


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("examples", 2048), ("pictures", 400), ("batch", 64), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument(
        "--grain", type=float, default=20.0, help="deviation of the pictures' noise; 0: smooth"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only-here", action="store_true", help="predict once and show the peak of memory")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if wanted.only_here:
            # Elsewhere: what makes the pictures holds them all.
            maker = multiprocessing.get_context("spawn").Process(
                target=_stored, args=(Path(folder), wanted.examples)
            )
            maker.start()
            maker.join()
            model = _network(Path(folder))
            before = _peak_mb()
            rate = _here(model, Path(folder) / "data.npz", Path(folder), wanted.examples)
            print(f"{rate:,.0f}/s, peak {_peak_mb():,.0f} MB, {before:,.0f} MB before predicting")
            return
        row = measure(Path(folder), wanted)
    if wanted.json:
        print(json.dumps({"machine": platform.processor(), **asdict(row)}))
        return
    for name, value in asdict(row).items():
        print(f"{name:35} " + ("not measured" if value is None else f"{value:10,.3f}"))


def measure(folder: Path, wanted: argparse.Namespace) -> Row:
    """Bare or by hand, and here, take turns."""
    load = os.getloadavg()[0]
    predict_module._LARGEST_BATCH = wanted.batch  # both run the same batches
    predict_module._ACTIVATION_BUDGET_BYTES = 1 << 40
    root = make_pictures(folder, wanted.pictures, wanted.grain)
    model, data = (_network(folder), _stored(folder, wanted.examples)) if wanted.examples else (None, None)
    bare, here, by_hand, decoded, two_by_hand, two_here = [], [], [], [], [], []
    for i in range(wanted.rounds):
        if model is not None and data is not None:
            bare.append(_bare(model, wanted.examples, wanted.batch))
            here.append(_here(model, data, folder / f"cache{i}", wanted.examples))
        by_hand.append(_timed(_by_hand, root))
        decoded.append(_timed(_decoded, root, folder / f"decoded{i}"))
        two_by_hand.append(_timed(_two_by_hand, root, wanted.batch))
        two_here.append(_timed(_two_here, root, folder / f"two{i}", wanted.batch))
    n = wanted.pictures
    return Row(
        bare_per_second=median(bare) if bare else None,
        here_per_second=median(here) if here else None,
        ratio=median(b / a for a, b in zip(bare, here, strict=True)) if bare else None,
        by_hand_decoded_per_second=n / median(wall for wall, _ in by_hand),
        here_decoded_per_second=n / median(wall for wall, _ in decoded),
        decoding_ratio=_ratio(by_hand, decoded, 0),
        decoding_ratio_of_processor_times=_ratio(by_hand, decoded, 1),
        by_hand_two_models_per_second=n / median(wall for wall, _ in two_by_hand),
        here_two_models_per_second=n / median(wall for wall, _ in two_here),
        two_models_ratio=_ratio(two_by_hand, two_here, 0),
        two_models_ratio_of_processor_times=_ratio(two_by_hand, two_here, 1),
        kilobytes_a_picture=sum(file.stat().st_size for file in root.rglob("*.jpg")) / n / 1e3,
        peak_mb=_peak_mb(),
        load_average=load,
    )


def _timed(function: Callable[..., object], *args: object) -> tuple[float, float]:
    """Seconds that pass, and seconds of the processors."""
    wall, processor = time.perf_counter(), time.process_time()
    function(*args)
    return time.perf_counter() - wall, time.process_time() - processor


def _ratio(by_hand: Sequence[tuple[float, float]], here: Sequence[tuple[float, float]], which: int) -> float:
    return median(a[which] / b[which] for a, b in zip(by_hand, here, strict=True))


def _network(folder: Path) -> ModelRef:
    """ResNet-18 with fresh weights, as ONNX."""
    torch.manual_seed(0)
    path = folder / "resnet18.onnx"
    network = zoo.resnet18(num_classes=CLASSES).eval()
    torch.onnx.export(
        network,
        (torch.zeros(2, 3, SIDE, SIDE),),
        str(path),
        input_names=["x"],
        dynamic_axes={"x": {0: "n"}},
        dynamo=False,
    )
    return identify(
        str(path), role=Role.TEACHER, name="resnet18", output=OutputKind.LOGITS, arch=None, arch_args=None
    )


def _stored(folder: Path, n: int) -> Path:
    """Bytes of n pictures with labels, as an .npz."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, size=(n, 3, SIDE, SIDE), dtype=np.uint8)
    np.savez(folder / "data.npz", x=x, y=np.arange(n) % CLASSES)
    return folder / "data.npz"


def _bare(model: ModelRef, n: int, batch: int) -> float:
    """Examples a second of `session.run` on one batch in memory, again and again."""
    session = onnxruntime.InferenceSession(model.path, providers=["CPUExecutionProvider"])
    x: Float32 = np.random.default_rng(0).normal(size=(batch, 3, SIDE, SIDE)).astype(np.float32)
    began = time.perf_counter()
    for start in range(0, n, batch):
        session.run(None, {"x": x[: min(batch, n - start)]})
    return n / (time.perf_counter() - began)


def _here(model: ModelRef, path: Path, cache: Path, n: int) -> float:
    """Examples a second of a prediction that is kept; reading the file into the cache is not counted."""
    data = load_data(str(path), cache=path.parent / "examples", options=DataOptions()).under(
        _imagenet_arithmetic()
    )
    task = PredictTask(model=model, data=data, device="cpu", store=Store(root=cache))
    began = time.perf_counter()
    predict_task(task, _silent)
    return n / (time.perf_counter() - began)


def _imagenet_arithmetic() -> Preprocess:
    preset = PRESETS["imagenet"]
    return Preprocess(scale=1 / 255, mean=preset.mean or (), std=preset.std or ())


def make_pictures(folder: Path, n: int, grain: float) -> Path:
    """JPEG pictures of 500 x 375 in two class folders; with a grain of 20 about 100 kB each, as those of ImageNet."""
    rng = np.random.default_rng(1)
    for i in range(n):
        small = Image.fromarray(rng.integers(0, 256, size=(12, 16, 3), dtype=np.uint8))
        target = folder / "pictures" / "ab"[i % 2] / f"{i}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        smooth = np.asarray(small.resize((500, 375), Image.Resampling.BICUBIC), dtype=np.float64)
        grainy = np.clip(smooth + rng.normal(0, grain, size=smooth.shape), 0, 255).astype(np.uint8)
        Image.fromarray(grainy).save(target, quality=90)
    return folder / "pictures"


_GEOMETRY = (v2.Resize(256), v2.CenterCrop(SIDE), v2.PILToTensor())


def _by_hand(root: Path) -> None:
    steps = v2.Compose(_GEOMETRY)
    for file in sorted(root.rglob("*.jpg")):
        with Image.open(file) as picture:
            steps(picture.convert("RGB"))


def _decoded(root: Path, cache: Path) -> Examples:
    return load_data(str(root), cache=cache, options=DataOptions(geometry=PRESETS["imagenet"].geometry))


def _two_by_hand(root: Path, batch: int) -> None:
    """For each model: files to float32 batches. In one thread: two of torch's collapse where a core is busy."""
    torch.set_num_threads(1)
    preset = PRESETS["imagenet"]
    steps = v2.Compose(
        [*_GEOMETRY, v2.ToDtype(torch.float32, scale=True), v2.Normalize(preset.mean or (), preset.std or ())]
    )
    files = sorted(root.rglob("*.jpg"))
    for _ in range(MODELS):
        for start in range(0, len(files), batch):
            pictures = []
            for file in files[start : start + batch]:
                with Image.open(file) as picture:
                    pictures.append(steps(picture.convert("RGB")))
            torch.stack(pictures)


def _two_here(root: Path, cache: Path, batch: int) -> None:
    """For all models at once: files to the cache to float32 batches."""
    for _ in _decoded(root, cache).under(_imagenet_arithmetic()).batches(batch):
        pass


def _peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _silent(_event: ProgressEvent) -> None:
    """Show nothing."""


if __name__ == "__main__":
    main()
