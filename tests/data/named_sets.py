"""Named data sets in small, each in the layout in which its makers give it away."""

from __future__ import annotations

import csv
import pickle
import wave
from collections.abc import Callable, Mapping, Sequence
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from torchvision import datasets

from kdaudit.data import imagenet

from .factories import pixels, save_idx, save_picture

WNIDS = ("n01440764", "n01443537", "n02012849", "n03126707")
WORDS = ("tench, Tinca tinca", "goldfish, Carassius auratus", "crane", "crane")
NAMES = ("tench", "goldfish", "crane (n02012849)", "crane (n03126707)")
# The development kit's numbers are in another order than the sorted WordNet ids.
KIT_NUMBERS = (3, 1, 4, 2)
N_VAL = 8


@pytest.fixture
def four_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """ImageNet with four classes, so that its layouts are quick."""
    monkeypatch.setattr(imagenet, "CLASSES", len(WNIDS))


def save_idx_set(folder: Path, *, n: int = 20, split: str = "t10k") -> None:
    """Random pictures in the files of MNIST and its like."""
    save_idx(folder / f"{split}-images-idx3-ubyte.gz", pixels(n, (28, 28)))
    save_idx(folder / f"{split}-labels-idx1-ubyte.gz", np.arange(n) % 10)


def save_class_folders(folder: Path, classes: tuple[str, ...], *, size: tuple[int, int] = (20, 12)) -> None:
    """Two pictures a class."""
    for c, name in enumerate(classes):
        for i in range(2):
            save_picture(folder / name / f"{name}_{i}.JPEG", size=size, seed=10 * c + i)


def val_label(i: int) -> int:
    """Of validation picture `i` (from 1): no order of its own."""
    return (3 * i + 1) % len(WNIDS)


def save_flat_val(folder: Path) -> list[Path]:
    """Validation pictures as ILSVRC2012_img_val.tar holds them."""
    paths = [folder / f"ILSVRC2012_val_{i:08d}.JPEG" for i in range(1, N_VAL + 1)]
    for i, path in enumerate(paths):
        save_picture(path, size=(20, 12), seed=i)
    return paths


def save_devkit(folder: Path) -> None:
    """meta.mat with an inner node behind the leaves, and the ground truth in the kit's numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("gloss", "O"), ("num_children", "O")]
    rows = [(n, w, words, "", 0) for n, w, words in zip(KIT_NUMBERS, WNIDS, WORDS, strict=True)]
    rows.append((5, "n00001740", "entity", "", 2))
    table = np.array(sorted(rows, key=lambda row: row[0]), dtype=kind).reshape(-1, 1)
    scipy.io.savemat(folder / "meta.mat", {"synsets": table})
    numbers = [str(KIT_NUMBERS[val_label(i)]) for i in range(1, N_VAL + 1)]
    (folder / "ILSVRC2012_validation_ground_truth.txt").write_text(
        "\n".join(numbers) + "\n", encoding="ascii"
    )


def save_cifar(root: Path, name: str, monkeypatch: pytest.MonkeyPatch, *, n: int = 20, seed: int = 0) -> Path:
    """CIFAR's pickles with random pixels, and torchvision told their MD5."""
    kind = getattr(datasets, name)
    fine = name == "CIFAR100"
    folder: Path = root / kind.base_folder
    folder.mkdir(parents=True, exist_ok=True)

    def save(file: str, content: dict[str, object]) -> str:
        data = pickle.dumps(content, protocol=2)
        (folder / file).write_bytes(data)
        return md5(data, usedforsecurity=False).hexdigest()

    for split in ("train_list", "test_list"):
        listed = []
        for file, _ in getattr(kind, split):
            key = "fine_labels" if fine else "labels"
            data = pixels(n, (3072,), seed=seed)
            listed.append([file, save(file, {"data": data, key: (np.arange(n) % 10).tolist()})])
        monkeypatch.setattr(kind, split, listed)
    names = [f"class {i}" for i in range(100 if fine else 10)]
    meta = dict(kind.meta)
    meta["md5"] = save(meta["filename"], {meta["key"]: names})
    monkeypatch.setattr(kind, "meta", meta)
    return folder


def save_svhn(folder: Path, monkeypatch: pytest.MonkeyPatch, *, n: int = 20) -> None:
    """SVHN's .mat files, in which the digit 0 has label 10."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = dict(datasets.SVHN.split_list)
    for split in ("train", "test"):
        path = folder / f"{split}_32x32.mat"
        x, y = np.moveaxis(pixels(n, (32, 32, 3)), 0, -1), np.arange(n) % 10
        scipy.io.savemat(path, {"X": x, "y": np.where(y == 0, 10, y).reshape(-1, 1)})
        listed[split] = ["", path.name, md5(path.read_bytes(), usedforsecurity=False).hexdigest()]
    monkeypatch.setattr(datasets.SVHN, "split_list", listed)


def save_wav(path: Path, values: np.ndarray[tuple[int], np.dtype[np.int16]], rate: int = 16_000) -> None:
    """A mono WAV file of 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(values.astype("<i2").tobytes())


def tone(n: int = 400, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Noise."""
    return np.random.default_rng(seed).integers(-9000, 9000, n).astype(np.int16)


def save_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """A table with a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


Builder = Callable[[Path, pytest.MonkeyPatch], object]


def _imagenette(root: Path, _: pytest.MonkeyPatch) -> None:
    classes = tuple(f"n{i:08d}" for i in range(10))
    for split in ("val", "train"):
        save_class_folders(root / "imagenette2" / split, classes)


def _tiny_imagenet(root: Path, _: pytest.MonkeyPatch) -> None:
    folder, classes = root / "tiny-imagenet-200", [f"n{i:08d}" for i in range(200)]
    for c, wnid in enumerate(classes):
        save_picture(folder / "train" / wnid / "images" / f"{wnid}_0.JPEG", size=(64, 64), seed=c)
    lines = []
    for i in range(200):
        save_picture(folder / "val" / "images" / f"val_{i}.JPEG", size=(64, 64), seed=i)
        lines.append(f"val_{i}.JPEG\t{classes[-1 - i]}\t0\t0\t10\t10")
    (folder / "val" / "val_annotations.txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "words.txt").write_text(
        "\n".join(f"{w}\tthing {i}, x" for i, w in enumerate(classes)), encoding="utf-8"
    )


def _speech(root: Path, _: pytest.MonkeyPatch) -> None:
    folder = root / "speech_commands_v0.02"
    names: dict[str, list[str]] = {"testing": [], "validation": []}
    for c in range(35):
        for i, part in enumerate(("testing", "validation", "train", "train")):
            name = f"word{c:02d}/speaker{i}_nohash_0.wav"
            save_wav(folder / name, tone(seed=c))
            names.setdefault(part, []).append(name)
    save_wav(folder / "_background_noise_" / "pink.wav", tone())
    for part in ("testing", "validation"):
        (folder / f"{part}_list.txt").write_text("\n".join(names[part]) + "\n", encoding="utf-8")


def _urban(root: Path, _: pytest.MonkeyPatch) -> None:
    from kdaudit.data.catalogue import DATA_SETS

    folder, rows = root / "UrbanSound8K", []
    classes = DATA_SETS["urbansound8k"].classes
    assert isinstance(classes, tuple)
    for c, name in enumerate(classes):
        for fold in (1, 10):
            file = f"{c}-{fold}.wav"
            save_wav(folder / "audio" / f"fold{fold}" / file, tone(seed=c), rate=11_025 * (1 + c % 2))
            rows.append({"slice_file_name": file, "fsID": c, "fold": fold, "classID": c, "class": name})
    save_csv(folder / "metadata" / "UrbanSound8K.csv", rows)


def _esc(root: Path, _: pytest.MonkeyPatch) -> None:
    folder, rows = root / "ESC-50-master", []
    for c in range(50):
        for fold in (1, 5):
            file = f"{fold}-{c}.wav"
            save_wav(folder / "audio" / file, tone(60, seed=c), rate=44_100)
            rows.append(
                {"filename": file, "fold": fold, "target": c, "category": f"kind{c:02d}", "src_file": c}
            )
    save_csv(folder / "meta" / "esc50.csv", rows)


def _both(folder: str) -> Builder:
    def save(root: Path, _: pytest.MonkeyPatch) -> None:
        save_idx_set(root / folder)
        save_idx_set(root / folder, split="train")

    return save


def _imagenet(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "CLASSES", len(WNIDS))
    for split in ("val", "train"):
        save_class_folders(root / "imagenet" / split, WNIDS)


BUILDERS: dict[str, Builder] = {
    "imagenet": _imagenet,
    "imagenette": _imagenette,
    "cifar10": lambda root, patch: save_cifar(root, "CIFAR10", patch),
    "cifar100": lambda root, patch: save_cifar(root, "CIFAR100", patch),
    "svhn": lambda root, patch: save_svhn(root / "svhn", patch),
    "tiny-imagenet": _tiny_imagenet,
    "fashion-mnist": _both("FashionMNIST/raw"),
    "mnist": _both("MNIST/raw"),
    "speechcommands": _speech,
    "urbansound8k": _urban,
    "esc50": _esc,
    "digits": lambda root, patch: None,
    "letter": lambda root, patch: None,
}
