"""Thousands of bad files: each is refused with a KDAuditError or read; nothing crashes, hangs or fails otherwise.

KDAUDIT_FUZZ_CASES says how many files are tried in all; their numbers are the seeds, so every case can be had again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.models.fuzz_child import SECONDS
from tests.models.zoo import DYNAMO, Export, examples, export
from tests.trainable import N_FEATURES, dense

pytestmark = pytest.mark.slow

KINDS = {"onnx": 0.55, "npz": 0.15, "state_dict": 0.2, "safetensors": 0.1}
EXPORTS = (
    Export(network="mlp"),
    Export(network="plain_cnn"),
    Export(network="lstm"),
    Export(network="vit", exporter=DYNAMO),
    Export(network="char_gpt", batch=2),
)
PER_CHILD = 200
REDUCED = 480
_MOST_DEATHS = 5
N_CASES = int(os.environ.get("KDAUDIT_FUZZ_CASES", REDUCED))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good files of each kind, and the data that each model takes."""
    root = tmp_path_factory.mktemp("fuzz")
    for kind in (*KINDS, "data"):
        (root / kind).mkdir()
    for way in EXPORTS:
        export(way, root / "onnx" / str(way))
        x = examples(way.network, 8)
        np.savez(root / "data" / f"{way}.npz", x=x, y=np.arange(8) % 3)
    state = dense(6).state_dict()
    torch.save(state, root / "state_dict" / "zip")
    torch.save(
        {"state_dict": state, "epoch": 3}, root / "state_dict" / "old", _use_new_zipfile_serialization=False
    )
    save_file(state, root / "safetensors" / "st")
    for name in ("zip", "old", "st"):
        x = np.random.default_rng(0).normal(size=(8, N_FEATURES)).astype(np.float32)
        np.savez(root / "data" / f"{name}.npz", x=x, y=np.arange(8) % 3)
    columns = {"ids": np.array(["a", "b", "c", "d"]), "groups": np.array([1, 1, 2, 2])}
    pixels = np.arange(96, dtype=np.uint8).reshape(4, 3, 2, 4)
    np.savez(root / "npz" / "pixels", x=pixels, y=np.array([0, 1, 0, 1]), **columns)  # type: ignore[arg-type]
    names = {"y": np.array(["cat", "dog", "cat", "dog"]), "class_names": np.array(["cat", "dog"])}
    np.savez_compressed(root / "npz" / "table", x=np.ones((4, 3), ">f8"), **names)  # type: ignore[arg-type]
    return root


@pytest.mark.timeout(24 * 3600)
@pytest.mark.parametrize("kind", KINDS)
def test_bad_files_are_refused_or_read(kind: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The count of cases by outcome is printed; a death is that of the case whose file was written last."""
    n = round(N_CASES * KINDS[kind])
    bugs: list[str] = []
    while len(done := _outcomes(folder, kind)) < n:
        first = len(done)
        died = _run_child(folder, kind, first, min(PER_CHILD, n - first))
        if died is not None and len(bugs) == _MOST_DEATHS:
            break
        if died is not None:
            case = len(_outcomes(folder, kind))
            bugs.append(f"{kind}-{case} ended the process: {died}")
            with (folder / f"{kind}.outcomes").open("a") as outcomes:
                outcomes.write(f"{case} DEATH\n")
    counts = Counter(outcome.split()[0] for outcome in done)
    with capsys.disabled():
        sys.stdout.write(f"\n{kind}, {n} bad files: {dict(counts.most_common())}\n")
    bugs += [outcome.replace("\\n", "\n") for outcome in done if outcome.startswith("BUG")]
    assert [] == bugs, "\n".join(bugs)
    assert counts["fine"] < n


def _outcomes(folder: Path, kind: str) -> list[str]:
    path = folder / f"{kind}.outcomes"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.partition(" ")[2] for line in lines]


def _run_child(folder: Path, kind: str, first: int, count: int) -> str | None:
    """What ended a process before it had tried all of its files; None if nothing did."""
    command = [sys.executable, "-m", "tests.models.fuzz_child", str(folder), kind, str(first), str(count)]
    child = subprocess.run(
        command, capture_output=True, text=True, timeout=count * SECONDS + 120, check=False, cwd=Path.cwd()
    )
    return None if child.returncode == 0 else f"{child.returncode}: {child.stderr[-4000:]}"
