"""How near predictions come to a bare onnxruntime loop, and decoding to more than PIL transforms by hand.

Bare: float32 batches that lie in memory, one session, `session.run` in a loop. Here: `pipeline.predicting`, which reads
stored bytes, preprocesses them a batch ahead, checks the outputs, writes logits to the disk and says how far it is. By
hand, for decoding: `torchvision.transforms` on PIL pictures, one after the other, as in a notebook. Here: the image
folder, decoded into the cache. Memory is the peak of a process that does nothing else.

    python -m benchmarks.prediction [--examples 2048] [--pictures 400] [--batch 64] [--rounds 3] [--json]
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
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import torch
from PIL import Image
from torchvision import models as zoo
from torchvision.transforms import v2

from kdaudit.data import DataOptions, load_data
from kdaudit.data.preprocessing import PRESETS
from kdaudit.models import predict as predict_module
from kdaudit.models.identify import identify
from kdaudit.pipeline.predicting import PredictTask, predict_task
from kdaudit.pipeline.store import Store
from kdaudit.types import Float32, ModelRef, OutputKind, Preprocess, ProgressEvent, Role

SIDE, CLASSES = 224, 1000
GRAIN = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians over the rounds; a ratio is of two figures of one round."""

    bare_per_second: float
    here_per_second: float
    ratio: float
    by_hand_decoded_per_second: float
    here_decoded_per_second: float
    decoding_ratio: float
    peak_mb: float
    load_average: float


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("examples", 2048), ("pictures", 400), ("batch", 64), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
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
        row = measure(Path(folder), wanted.examples, wanted.pictures, wanted.batch, wanted.rounds)
    if wanted.json:
        print(json.dumps({"machine": platform.processor(), **asdict(row)}))
        return
    for name, value in asdict(row).items():
        print(f"{name:30} {value:10,.3f}")


def measure(folder: Path, n: int, n_pictures: int, batch: int, rounds: int) -> Row:
    """Bare and here take turns."""
    load = os.getloadavg()[0]
    model, data = _network(folder), _stored(folder, n)
    predict_module._LARGEST_BATCH = batch  # both run the same batches
    predict_module._ACTIVATION_BUDGET_BYTES = 1 << 40
    root = _pictures(folder, n_pictures)
    bare, here, by_hand, decoded = [], [], [], []
    for i in range(rounds):
        bare.append(_bare(model, n, batch))
        here.append(_here(model, data, folder / f"cache{i}", n))
        by_hand.append(_by_hand(root))
        decoded.append(_decoded(root, folder / f"decoded{i}"))
    return Row(
        bare_per_second=median(bare),
        here_per_second=median(here),
        ratio=median(b / a for a, b in zip(bare, here, strict=True)),
        by_hand_decoded_per_second=median(by_hand),
        here_decoded_per_second=median(decoded),
        decoding_ratio=median(b / a for a, b in zip(by_hand, decoded, strict=True)),
        peak_mb=_peak_mb(),
        load_average=load,
    )


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


def _pictures(folder: Path, n: int) -> Path:
    """JPEG pictures of 500 x 375 and about 100 kB, much like those of ImageNet, in two class folders."""
    rng = np.random.default_rng(1)
    for i in range(n):
        small = Image.fromarray(rng.integers(0, 256, size=(12, 16, 3), dtype=np.uint8))
        target = folder / "pictures" / "ab"[i % 2] / f"{i}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        smooth = np.asarray(small.resize((500, 375), Image.Resampling.BICUBIC), dtype=np.float64)
        grainy = np.clip(smooth + rng.normal(0, GRAIN, size=smooth.shape), 0, 255).astype(np.uint8)
        Image.fromarray(grainy).save(target, quality=90)
    return folder / "pictures"


def _by_hand(root: Path) -> float:
    steps = v2.Compose([v2.Resize(256), v2.CenterCrop(SIDE), v2.PILToTensor()])
    files = sorted(root.rglob("*.jpg"))
    began = time.perf_counter()
    for file in files:
        with Image.open(file) as picture:
            steps(picture.convert("RGB"))
    return len(files) / (time.perf_counter() - began)


def _decoded(root: Path, cache: Path) -> float:
    began = time.perf_counter()
    data = load_data(str(root), cache=cache, options=DataOptions(geometry=PRESETS["imagenet"].geometry))
    return len(data) / (time.perf_counter() - began)


def _peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _silent(_event: ProgressEvent) -> None:
    """Show nothing."""


if __name__ == "__main__":
    main()
