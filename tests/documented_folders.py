"""What the pages name, so that their commands can be run: models and data, prepared when first needed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

import kdaudit
from tests.data.factories import save_picture

DEMO = Path(kdaudit.__file__).parent / "demo_data"
_SYNSETS = tuple(f"n{i:08d}" for i in range(1000))
_CLASSES = tuple(f"kind{i}" for i in range(5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where commands run, and the environment that they find there."""

    folder: Path
    environment: dict[str, str]


def save_demo(folder: Path) -> dict[str, str]:
    """The bundled teacher, the student distilled from it, and their data."""
    for name in ("teacher.onnx", "eval.npz", "train.npz"):
        shutil.copyfile(DEMO / name, folder / name)
    shutil.copyfile(DEMO / "student-distilled.onnx", folder / "student.onnx")
    return {}


def save_folders(folder: Path) -> dict[str, str]:
    """Pictures of five classes in folders, and networks for them."""
    for c, name in enumerate(_CLASSES):
        for part, n in (("pictures", 12), ("train", 12)):
            for i in range(n):
                seed = 1000 * c + 2 * i + (part == "train")
                save_picture(folder / part / name / f"{i}.jpg", size=(40, 30), seed=seed)
    _save_networks(folder, ("teacher", "student"), n_classes=len(_CLASSES))
    return {}


def save_imagenet(folder: Path) -> dict[str, str]:
    """ImageNet's layout with all its classes, a picture of noise in each, and networks for them."""
    root = folder / "data"
    for s, name in enumerate(_SYNSETS):
        save_picture(root / "imagenet" / "val" / name / "1.JPEG", size=(20, 12), seed=2 * s)
        save_picture(root / "imagenet" / "train" / name / "1.JPEG", size=(20, 12), seed=2 * s + 1)
    names = ("teacher", "student", "seed1", "seed2", "seed3")
    _save_networks(folder, names, n_classes=len(_SYNSETS))
    return {"KDAUDIT_DATA_ROOT": str(root)}


def save_nothing(_: Path) -> dict[str, str]:
    """An empty folder."""
    return {}


# By what a command names, the first that is found; all else runs among the page's own files.
_KINDS: tuple[tuple[str, Callable[[Path], dict[str, str]]], ...] = (
    (r"\bimagenet-(val|train)\b", save_imagenet),
    (r"--data pictures/", save_folders),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The folders of one page, all under `root`; `own` fills the one for what names no other."""

    root: Path
    own: Callable[[Path], dict[str, str]] = save_demo
    _places: dict[str, Place] = field(default_factory=dict)

    def place(self, command: str) -> Place:
        """Where a command finds what it names."""
        for pattern, fill in _KINDS:
            if re.search(pattern, command):
                return self._filled(fill)
        return self._filled(self.own)

    def save(self, name: str, text: str) -> None:
        """A file that the page shows, beside its own."""
        path = self._filled(self.own).folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _filled(self, fill: Callable[[Path], dict[str, str]]) -> Place:
        name = fill.__name__
        if name not in self._places:
            folder = self.root / name
            folder.mkdir()
            self._places[name] = Place(folder=folder, environment=fill(folder))
        return self._places[name]


def _save_networks(folder: Path, names: Sequence[str], *, n_classes: int) -> None:
    """Small networks for pictures of 224 x 224, alike but for their weights, as ONNX files."""
    for seed, name in enumerate(names):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = nn.Sequential(
                nn.Conv2d(3, 8, 16, stride=16),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(8, n_classes),
            ).eval()
        torch.onnx.export(
            network,
            (torch.zeros(2, 3, 224, 224),),
            str(folder / f"{name}.onnx"),
            dynamo=False,
            input_names=["x"],
            output_names=["logits"],
            dynamic_axes={"x": {0: "n"}, "logits": {0: "n"}},
        )
