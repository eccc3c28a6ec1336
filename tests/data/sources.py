"""The same ten examples in every form that kdaudit.data reads, and how to change one byte of each."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile
from PIL import Image

from kdaudit.data import DataOptions

from .factories import labels, pixels, save_npz, save_picture

N = 10
CODE = """
import numpy as np

def make():
    x = np.load({path!r})
    return [(x[i], i % 2) for i in range(len(x))]
"""


@dataclass(frozen=True)
class Made:
    """Where ten examples are, how to read them, and what changes one of them."""

    location: str
    change: Callable[[], object]
    options: DataOptions = field(default_factory=DataOptions)


def numbers(seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Ten rows of three numbers."""
    return np.random.default_rng(seed).normal(size=(N, 3)).astype(np.float32)


def arrays(folder: Path) -> Made:
    """An .npz."""
    path = save_npz(folder / "a.npz", x=numbers(), y=labels(N))
    return Made(str(path), lambda: save_npz(path, x=numbers(1), y=labels(N)))


def npy_folder(folder: Path) -> Made:
    """x.npy and y.npy."""
    np.save(folder / "x.npy", numbers())
    np.save(folder / "y.npy", labels(N))
    return Made(str(folder), lambda: np.save(folder / "x.npy", numbers(1)))


def npy_pair(folder: Path) -> Made:
    """X_test.npy with y_test.npy beside it."""
    np.save(folder / "X_test.npy", numbers())
    np.save(folder / "y_test.npy", labels(N))
    return Made(str(folder / "X_test.npy"), lambda: np.save(folder / "X_test.npy", numbers(1)))


def image_folder(folder: Path) -> Made:
    """Class folders."""
    for i in range(N):
        save_picture(folder / "ab"[i % 2] / f"{i}.png", seed=i)
    return Made(str(folder), lambda: save_picture(folder / "a" / "0.png", seed=99))


def sound_folder(folder: Path) -> Made:
    """Class folders of sounds."""

    def save(i: int, seed: int) -> None:
        path = folder / "ab"[i % 2] / f"{i}.wav"
        path.parent.mkdir(exist_ok=True)
        samples = np.random.default_rng(seed).integers(-(2**15), 2**15, size=200).astype(np.int16)
        scipy.io.wavfile.write(path, 8000, samples)

    for i in range(N):
        save(i, i)
    return Made(str(folder), lambda: save(0, 99))


def csv_of(path: Path, seed: int = 0) -> Path:
    """Numbers with names of classes."""
    rows = [",".join(map(str, row)) + f",{'ab'[i % 2]},row{i}" for i, row in enumerate(numbers(seed))]
    path.write_text("\n".join(["f0,f1,f2,label,id", *rows]) + "\n", encoding="utf-8")
    return path


def csv_table(folder: Path) -> Made:
    """A table of numbers."""
    path = csv_of(folder / "t.csv")
    return Made(str(path), lambda: csv_of(path, 1))


def picture_table(folder: Path) -> Made:
    """A table of paths."""
    lines = ["path,label,group,site"]
    for i in range(N):
        save_picture(folder / "pictures" / f"{i}.png", seed=i)
        lines.append(f"pictures/{i}.png,{i % 2},g{i // 2},{'xy'[i % 2]}")
    (folder / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    return Made(
        str(folder / "t.csv"),
        lambda: save_picture(folder / "pictures" / "0.png", seed=99),
        DataOptions(slices=("site",)),
    )


def wav_bytes(seed: int, n: int = 200, rate: int = 8000) -> bytes:
    """A short sound as a file."""
    out = io.BytesIO()
    samples = np.random.default_rng(seed).integers(-(2**15), 2**15, size=n).astype(np.int16)
    scipy.io.wavfile.write(out, rate, samples)
    return out.getvalue()


def sound_table(folder: Path) -> Made:
    """A table of paths to sounds, under names that do not say so."""
    lines = ["path,label,group,site"]
    for i in range(N):
        (folder / f"{i}.bin").write_bytes(wav_bytes(i))
        lines.append(f"{i}.bin,{i % 2},g{i // 2},{'xy'[i % 2]}")
    (folder / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    return Made(
        str(folder / "t.csv"),
        lambda: (folder / "0.bin").write_bytes(wav_bytes(99)),
        DataOptions(slices=("site",)),
    )


def jsonl_table(folder: Path) -> Made:
    """Lists of numbers, one object a line."""

    def save(seed: int) -> None:
        rows = [{"x": [float(v) for v in row], "y": i % 2} for i, row in enumerate(numbers(seed))]
        (folder / "t.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")

    save(0)
    return Made(str(folder / "t.jsonl"), lambda: save(1))


def parquet_table(folder: Path) -> Made:
    """Columns of a parquet file."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def save(seed: int) -> None:
        x = numbers(seed)
        columns = {"a": x[:, 0], "b": x[:, 1], "target": labels(N), "group": [f"g{i // 2}" for i in range(N)]}
        pq.write_table(pa.table(columns), folder / "t.parquet")

    save(0)
    return Made(str(folder / "t.parquet"), lambda: save(1))


def png_bytes(seed: int) -> bytes:
    """A small picture as a file."""
    out = io.BytesIO()
    Image.fromarray(np.moveaxis(pixels(1, (3, 6, 8), seed=seed)[0], 0, -1)).save(out, format="PNG")
    return out.getvalue()


def parquet_pictures(folder: Path) -> Made:
    """Pictures in a parquet file, as Hugging Face keeps them, two rows a group."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def save(first: int) -> None:
        seeds = [first, *range(1, N)]
        rows = [{"bytes": png_bytes(seed), "path": None} for seed in seeds]
        pq.write_table(pa.table({"image": rows, "label": labels(N)}), folder / "p.parquet", row_group_size=2)

    save(0)
    return Made(str(folder / "p.parquet"), lambda: save(99))


def parquet_sounds(folder: Path) -> Made:
    """Sounds in a parquet file, as Hugging Face keeps them."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def save(first: int) -> None:
        rows = [{"bytes": wav_bytes(seed), "path": None} for seed in (first, *range(1, N))]
        pq.write_table(pa.table({"audio": rows, "label": labels(N)}), folder / "s.parquet", row_group_size=2)

    save(0)
    return Made(str(folder / "s.parquet"), lambda: save(99))


def tar_of(path: Path, members: dict[str, bytes]) -> Path:
    """A tar of these members, in their order."""
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def shards(folder: Path) -> Made:
    """Two WebDataset shards with the same keys."""

    def save(first: int) -> None:
        for shard in range(2):
            members: dict[str, bytes] = {}
            for i in range(N // 2):
                seed = first if (shard, i) == (0, 0) else 5 * shard + i
                members[f"{i:04d}.png"] = png_bytes(seed)
                members[f"{i:04d}.cls"] = str(i % 2).encode()
            tar_of(folder / f"s-{shard:03d}.tar", members)

    save(0)
    return Made(f"{folder}/s-{{000..001}}.tar", lambda: save(99))


def sound_shards(folder: Path) -> Made:
    """A shard of sounds."""

    def save(first: int) -> None:
        members: dict[str, bytes] = {}
        for i in range(N):
            members[f"{i}.wav"] = wav_bytes(first if i == 0 else i)
            members[f"{i}.cls"] = str(i % 2).encode()
        tar_of(folder / "s.tar", members)

    save(0)
    return Made(str(folder / "s.tar"), lambda: save(99))


def python_object(folder: Path) -> Made:
    """A function that gives pairs."""
    np.save(folder / "data.npy", numbers())
    (folder / "mine.py").write_text(CODE.format(path=str(folder / "data.npy")), encoding="utf-8")
    return Made(f"{folder}/mine.py:make", lambda: np.save(folder / "data.npy", numbers(1)))


def saved_dataset(folder: Path) -> Made:
    """What `datasets` saves."""
    datasets = pytest.importorskip("datasets")

    def save(seed: int) -> None:
        x = numbers(seed)
        columns = {"x": [row.tolist() for row in x], "label": labels(N).tolist()}
        found = datasets.Dataset.from_dict(columns).cast_column(
            "label", datasets.ClassLabel(names=["no", "yes"])
        )
        found.save_to_disk(str(folder / "d"))

    save(0)
    return Made(str(folder / "d"), lambda: save(1))


def saved_sounds(folder: Path) -> Made:
    """What `datasets` saves of sounds: bytes, decoded by kdaudit's own reader."""
    datasets = pytest.importorskip("datasets")

    def save(first: int) -> None:
        rows = [{"bytes": wav_bytes(seed), "path": None} for seed in (first, *range(1, N))]
        found = datasets.Dataset.from_dict({"audio": rows, "label": labels(N).tolist()})
        found.cast_column("audio", datasets.Audio()).save_to_disk(str(folder / "d"))

    save(0)
    return Made(str(folder / "d"), lambda: save(99))


BUILDERS = {
    builder.__name__: builder
    for builder in (
        arrays,
        npy_folder,
        npy_pair,
        image_folder,
        sound_folder,
        csv_table,
        picture_table,
        sound_table,
        jsonl_table,
        parquet_table,
        parquet_pictures,
        parquet_sounds,
        shards,
        sound_shards,
        python_object,
        saved_dataset,
        saved_sounds,
    )
}
